"""Trainings that are killed and go on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Toys, stop_at

from multidigit import locks
from multidigit.errors import RunError
from multidigit.runs import KERAS_MODEL, Run, open_run
from multidigit.settings import Settings, to_yaml
from multidigit.strategies.base import resolve
from multidigit.training import Progress, checkpoints, train
from multidigit.training.checkpoints import Checkpoints, unfinished

slow = pytest.mark.slow


class Killed(BaseException):
    """Ends a training as a kill does, except that files are closed."""


@pytest.fixture(scope="module")
def settings(toys: Toys) -> Settings:
    return toys.settings(
        train={"epochs": 3, "strips": 64, "batch_size": 16, "ema": 0.5},
        evaluation={"validation_strips": 30, "test_strips": 30},
        # With dropout, whose random state counts.
        backbone={"name": "baseline", "width": 1},
        slots=1,
        layout={"length": [1, 1]},
    )


@pytest.fixture(scope="module")
def undisturbed(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(settings, tmp_path_factory.mktemp("undisturbed") / "run")


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after every batch."""
    monkeypatch.setattr(checkpoints, "EVERY", 0.0)


def same(one: Run, other: Run) -> bool:
    """Whether two runs are the same but for their times."""
    import keras

    weights = [keras.models.load_model(run.part(KERAS_MODEL), compile=False).get_weights() for run in (one, other)]
    history = [[{**row, "seconds": 0} for row in run.history] for run in (one, other)]
    return (
        all(np.array_equal(*pair) for pair in zip(*weights, strict=True))
        and history[0] == history[1]
        and all(np.array_equal(one.answers[key], other.answers[key]) for key in one.answers)
        and one.metrics["error_breakdown"] == other.metrics["error_breakdown"]
    )


# In the first epoch, between batches of the second, before the last.
@pytest.mark.parametrize("strips", [pytest.param(32, marks=slow), 112, pytest.param(176, marks=slow)])
def test_a_killed_training_ends_as_if_it_had_not_been(
    strips: int, settings: Settings, undisturbed: Run, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with pytest.raises(Killed):
        train(settings, out, listen=stop_at(strips, Killed()))
    assert {path.name for path in tmp_path.iterdir()} == {".run.training"}
    # A real kill leaves more.
    (tmp_path / ".run.partial-999999").mkdir()
    (tmp_path / ".run.training" / ".000000000005.npz.partial-999999").write_text("cut o")
    seen: list[int] = []
    run = train(settings, out, listen=lambda progress: seen.append(progress.strips))
    assert seen[0] == strips
    assert same(run, undisturbed)
    assert {path.name for path in tmp_path.iterdir()} == {"run"}


@pytest.mark.slow
def test_one_that_ended_after_its_last_batch_is_not_trained_again(
    settings: Settings, undisturbed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from multidigit.training import finish

    with monkeypatch.context() as patch:
        patch.setattr(finish, "export", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            train(settings, tmp_path / "run")
    seen: list[str] = []
    assert same(train(settings, tmp_path / "run", listen=lambda progress: seen.append(progress.doing)), undisturbed)
    assert seen == ["exporting", "calibrating", "testing"]


def killed(settings: Settings, out: Path, strips: int = 112) -> list[Path]:
    """The checkpoints of a training that was killed there, oldest first."""
    with pytest.raises(Killed):
        train(settings, out, listen=stop_at(strips, Killed()))
    return sorted(out.with_name(f".{out.name}.training").glob("*.npz"))


@pytest.mark.slow
def test_of_a_damaged_checkpoint_the_one_before_stands(settings: Settings, undisturbed: Run, tmp_path: Path) -> None:
    before, newest = killed(settings, tmp_path / "run")
    newest.write_bytes(newest.read_bytes()[:-5000])
    seen: list[int] = []
    assert same(train(settings, tmp_path / "run", listen=lambda progress: seen.append(progress.strips)), undisturbed)
    assert seen[0] == int(before.stem) * 16 + 16


@slow
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", None])
def test_without_a_whole_one_it_begins_anew(content: bytes | None, settings: Settings, tmp_path: Path) -> None:
    for path in killed(settings, tmp_path / "run", 32):
        if content is None:
            np.savez(path, about=np.array("{}"))
        else:
            path.write_bytes(content)
    seen: list[int] = []
    train(settings, tmp_path / "run", listen=lambda progress: seen.append(progress.strips))
    assert seen[0] == 16


def test_other_settings_do_not_go_on(toys: Toys, settings: Settings, tmp_path: Path) -> None:
    kept = killed(settings, tmp_path / "run", 32)
    with pytest.raises(
        RunError, match=r"run: a training of other settings was killed here; .*\.run\.training to begin"
    ):
        train(settings.model_copy(update={"seed": 5}), tmp_path / "run")
    assert all(path.exists() for path in kept)


def test_one_process_trains_a_run(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "PATIENCE", 0.0)
    with Checkpoints(tmp_path / "run", settings):
        with pytest.raises(
            RunError, match=r"run: another process is training this run \(process \d+ since .*\); wait for it,"
        ):
            train(settings, tmp_path / "run")
        assert {path.name for path in tmp_path.iterdir()} == {".run.training"}
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_that_cannot_be_written_is_a_plain_error(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(RunError, match=r"000000000001\.npz: cannot be written \(No space left on device\)$"):
        train(settings, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_newest_unfinished_training_of_these_settings_is_found(settings: Settings, tmp_path: Path) -> None:
    complete = resolve(settings)
    assert unfinished(complete, tmp_path) is None
    killed(settings, tmp_path / "one", 32)
    killed(settings, tmp_path / "two", 32)
    os.utime(tmp_path / ".one.training", (0, 0))
    assert unfinished(complete, tmp_path) == tmp_path / "two"
    assert unfinished(complete.model_copy(update={"seed": 5}), tmp_path) is None
    with Checkpoints(tmp_path / "two", complete):
        assert unfinished(complete, tmp_path) == tmp_path / "one"


@pytest.mark.slow
def test_a_clock_that_jumps_back_a_day_changes_nothing(
    settings: Settings, undisturbed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a laptop wakes, or a machine asks the network for the time."""
    day, now = 86_400, time.time

    def jump(progress: Progress) -> None:
        if progress.strips == 80:
            monkeypatch.setattr(time, "time", lambda: now() - day)
            for path in tmp_path.rglob("*"):
                os.utime(path, (now() + day,) * 2)

    run = train(settings, tmp_path / "run", listen=jump)
    assert same(run, undisturbed)
    assert 0 <= run.metrics["training"]["seconds"] < day / 2
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@slow
@pytest.mark.parametrize("doing", ["", "exporting", "testing"])
def test_folders_that_are_deleted_under_way_leave_no_run_that_is_not_whole(
    doing: str, settings: Settings, undisturbed: Run, tmp_path: Path
) -> None:
    home = tmp_path / "runs"

    def delete(progress: Progress) -> None:
        if (progress.strips, progress.doing) == (96 if not doing else 192, doing):
            shutil.rmtree(home)

    if doing == "testing":
        with pytest.raises(RunError, match=r"is missing from what was written; give the same command again$"):
            train(settings, home / "run", listen=delete)
        assert not home.exists()
        run = train(settings, home / "run")
    else:
        run = train(settings, home / "run", listen=delete)
    assert same(run, undisturbed)
    assert [path.name for path in home.iterdir()] == ["run"]


@pytest.mark.slow
def test_kill_at_any_moment_of_the_command(settings: Settings, undisturbed: Run, tmp_path: Path) -> None:
    """The same command again and again, each time ended by ``kill -9`` a little later, until it gets through."""
    (tmp_path / "settings.yaml").write_text(to_yaml(settings))
    command = [sys.executable, "-c", "from multidigit.training import checkpoints; checkpoints.EVERY = 0.0\n"]
    command[-1] += "from multidigit.cli import main; main()"
    rng = np.random.default_rng(1)
    for attempt in range(20):
        process = subprocess.Popen(
            [*command, "train", "--config", "settings.yaml"],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        limit = 5 * 1.25**attempt * (1 + 0.2 * rng.random())
        began = time.monotonic()
        while process.poll() is None and time.monotonic() - began < limit:
            time.sleep(0.02)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == 0
    assert attempt > 0
    (run,) = [path for path in (tmp_path / "runs").iterdir() if not path.name.startswith(".")]
    assert same(open_run(run), undisturbed)
