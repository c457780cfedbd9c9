"""One training on several devices and in several processes, against one on one device with the same batches.

Tolerances are relative: after twelve steps losses were seen to differ by less than one part in a million.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from helpers import Toys, free_addresses

from multidigit.errors import MultidigitError, SettingsError
from multidigit.runs import KERAS_MODEL, Run, open_run
from multidigit.settings import Settings, validate
from multidigit.strategies.base import make
from multidigit.strips.compose import Strips
from multidigit.strips.stream import StripStream
from multidigit.training import train
from multidigit.training.state import TrainingState

LONGEST = 1200
"""Seconds for processes that load TensorFlow while the machine has much else to do."""
PROGRAM = Path(__file__).with_name("joint.py")


def averaged(**train: Any) -> dict[str, Any]:
    """A training whose validation reads averaged weights, without anything that differs between parts of a batch."""
    return {"train": {"ema": 0.5, "optimizer": "muon", "learning_rate": 0.002, "weight_decay": 0.01, **train}}


def check_same(one: Run, other: Run) -> None:
    import keras

    for name in ("strips", "learning_rate", "loss", "digit_accuracy", "sequence_accuracy"):
        assert [row[name] for row in one.history] == pytest.approx([row[name] for row in other.history], rel=1e-4), name
    weights = [keras.models.load_model(run.part(KERAS_MODEL), compile=False).get_weights() for run in (one, other)]
    assert one.metrics["training"]["best_epoch"] == other.metrics["training"]["best_epoch"]
    for mine, theirs in zip(*weights, strict=True):
        assert np.allclose(mine, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_two_devices_come_to_the_same_as_one(toys: Toys, tmp_path: Path) -> None:
    given = toys.settings(**averaged()).model_dump_json()
    command = [sys.executable, str(PROGRAM), given, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
    assert done.returncode == 0, done.stderr
    check_same(open_run(tmp_path / "1"), open_run(tmp_path / "all"))


@pytest.mark.slow
def test_all_of_one_device_is_that_one(toys: Toys, tmp_path: Path) -> None:
    assert train(toys.settings(train={"devices": "all"}), tmp_path / "run").metrics["training"]["finished"]


def test_a_batch_that_devices_cannot_share_is_refused(
    toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorflow as tf

    from multidigit.training import devices

    three = [SimpleNamespace(name=f"CPU:{number}") for number in range(3)]
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: three)
    monkeypatch.setattr(devices, "_mirrored", lambda names: SimpleNamespace(num_replicas_in_sync=len(names)))
    with pytest.raises(
        MultidigitError, match=r"train\.batch_size must be a multiple of 3, .* received 16; set it to 18$"
    ):
        train(toys.settings(train={"devices": "all"}), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_deterministic_training_is_on_one_device() -> None:
    with pytest.raises(SettingsError, match="train must have devices 1 where it is deterministic"):
        validate({"train": {"deterministic": True, "devices": "all"}})


def test_workers_make_strips_of_their_own(toys: Toys) -> None:
    from multidigit.training.loop import make_batches

    settings = toys.settings()
    made = []
    for worker in (0, 1):
        devices: Any = SimpleNamespace(workers=2, worker=worker)
        state = TrainingState(settings.train)
        batches = make_batches(make(settings), StripStream(settings), state, devices)
        made.append([next(batches)[0] for _ in range(3)])
        batches.close()
    seen = np.concatenate([images for of_worker in made for images in of_worker])
    assert len(seen) == 3 * 16
    assert len(np.unique(seen.reshape(len(seen), -1), axis=0)) == len(seen)


@contextmanager
def started(settings: Settings, folder: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Two workers that train together, by the command line; ended with the block, whatever happens."""
    folder.mkdir(exist_ok=True)
    (folder / "settings.yaml").write_text(settings.model_dump_json(exclude_none=True))
    addresses = list(free_addresses(2))
    workers = []
    try:
        for index in range(2):
            config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            workers.append(
                subprocess.Popen(
                    [sys.executable, "-m", "multidigit", "train", "--config", "settings.yaml", "--out", "run"],
                    cwd=folder,
                    env={**os.environ, "TF_CONFIG": json.dumps(config)},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


def ended(worker: subprocess.Popen[str]) -> tuple[int, str]:
    _, errors = worker.communicate(timeout=LONGEST)
    return worker.returncode, errors


@pytest.mark.slow
def test_two_workers_come_to_the_same_as_one_process(
    toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = toys.settings(**averaged())
    with started(settings, tmp_path / "two") as workers:
        (code, errors), (other_code, other_errors) = map(ended, workers)
    assert (code, other_code) == (0, 0), errors + other_errors
    assert "trained together with worker 0 (127.0.0.1:" in other_errors
    assert "epoch" not in other_errors
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["run", "settings.yaml"]

    # One process, on batches that consist of the parts of both workers.
    part = StripStream.batch

    def joint(self: StripStream, index: int, size: int) -> Strips:
        first, second = (part(self, 2 * index + worker, size // 2) for worker in (0, 1))
        return Strips(np.concatenate([first.images, second.images]), np.concatenate([first.slots, second.slots]))

    monkeypatch.setattr(StripStream, "batch", joint)
    check_same(open_run(tmp_path / "two" / "run"), train(settings, tmp_path / "one"))


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_the_end_of_a_worker_ends_the_other_and_training_goes_on(toys: Toys, tmp_path: Path, victim: int) -> None:
    settings = toys.settings(train={"epochs": 10, "strips": 640, "batch_size": 16})
    kept, first_epoch = ".run.training/[0-9]*.npz", f"{640 // 16:012}"
    with started(settings, tmp_path) as workers:
        deadline = time.monotonic() + LONGEST
        # On a busy machine the first checkpoint is one within the first epoch, after half a minute.
        while not any(path.stem >= first_epoch for path in tmp_path.glob(kept)) and time.monotonic() < deadline:
            time.sleep(0.05)
        workers[victim].send_signal(signal.SIGKILL)
        code, errors = ended(workers[1 - victim])
    assert code == 1
    line = errors.splitlines()[-1]
    assert line.startswith(f"multidigit: worker {victim} (127.0.0.1:")
    assert line.endswith("give every worker the same command again, and it goes on from the last checkpoint")
    assert "Traceback" not in errors
    assert list(tmp_path.glob(kept))

    with started(settings, tmp_path) as workers:
        found = [ended(worker) for worker in workers]
    assert [code for code, _ in found] == [0, 0], found
    assert "epoch 1:" not in found[0][1]
    run = open_run(tmp_path / "run")
    assert [row["epoch"] for row in run.history] == list(range(1, 11))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "settings.yaml"]
