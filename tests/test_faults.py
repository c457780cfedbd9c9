"""Every write fails once: nothing that was finished is lost, and the next call of the same command gets through.

All that the package writes goes through the module ``disk``. Here each command is called again and again with the N-th
of those calls failing, for N = 1, 2, … until it gets through.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fake_training
import pytest
from helpers import Called, Toys, write_pictures

from multidigit import disk, training
from multidigit.runs import ENVIRONMENT, KERAS_MODEL, REQUIRED, RunWriter, open_run

TRAIN = training.train
CALLS = ("make_folder", "create", "append", "open_or_create", "write", "truncate", "sync", "rename")


@dataclass(frozen=True)
class Fault:
    """What goes wrong.

    Attributes:
        calls: which calls of ``disk`` it befalls.
        error: what they raise; a short write where there is none.
        lasting: whether all later ones fail, too, as on a disk that stays full.
    """

    calls: tuple[str, ...] = CALLS
    error: BaseException | None = None
    lasting: bool = False


def refused(number: int) -> OSError:
    return OSError(number, os.strerror(number))


FAULTS = {
    "disk full": Fault(("make_folder", "create", "append", "open_or_create", "write"), refused(errno.ENOSPC)),
    "disk full for good": Fault(("make_folder", "create", "write"), refused(errno.ENOSPC), lasting=True),
    "quota": Fault(("create", "write"), refused(errno.EDQUOT)),
    "read-only from now on": Fault(CALLS, refused(errno.EROFS), lasting=True),
    "permission": Fault(("make_folder", "create", "append", "open_or_create", "rename"), refused(errno.EACCES)),
    "rename refused": Fault(("rename",), refused(errno.EPERM)),
    "renames refused for good": Fault(("rename",), refused(errno.EPERM), lasting=True),
    "fsync failing": Fault(("sync",), refused(errno.EIO)),
    "short write": Fault(("write",)),
    "short write on a full disk": Fault(("write",), refused(errno.ENOSPC)),
    "interrupted call": Fault(CALLS, InterruptedError(errno.EINTR, "Interrupted system call")),
    "Ctrl-C": Fault(CALLS, KeyboardInterrupt()),
}


class Breaking:
    """Makes the N-th of the calls fail that a fault befalls."""

    def __init__(self, fault: Fault, number: int, patch: pytest.MonkeyPatch) -> None:
        self._fault, self._number, self.count = fault, number, 0
        for name in fault.calls:
            patch.setattr(disk, name, self._breaking(name, getattr(disk, name)))

    @property
    def happened(self) -> bool:
        return self.count >= self._number

    def _breaking(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def broken(*arguments: Any) -> Any:
            self.count += 1
            now = self.count == self._number or (self._fault.lasting and self.happened)
            if not now:
                return call(*arguments)
            if name == "write" and self._fault.calls == ("write",):
                file, data = arguments
                written = call(file, memoryview(data)[: len(data) // 2 or 1])
                if self._fault.error is None:
                    return written
            assert self._fault.error
            raise self._fault.error

        return broken


def contents(folder: Path) -> dict[str, str]:
    """The digest of every file below the folder, hidden ones included, by its path; folders have none."""
    return {
        str(path.relative_to(folder)): "" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
    }


def whole(folder: Path, replaced: str | None) -> bool:
    """Whether what others read is complete, and there is a whole run where one is replaced.

    Where even bringing the former one back was refused, it stands aside until the next call.
    """
    if replaced:
        place = folder / replaced
        aside = list(place.parent.glob(f".{place.name}.old-*"))
        open_run(place if place.exists() else aside[0])
    pages = [path for path in folder.rglob("*.html") if not path.name.startswith(".")]
    tables = [path for path in folder.rglob("*.json") if not path.name.startswith(".")]
    return all(json.loads(path.read_text()) for path in tables) and all("</html>" in path.read_text() for path in pages)


Arguments = tuple[object, ...]
Prepare = Callable[[Path, Toys, Callable[..., Called]], Arguments]
"""Fills a folder with what is there before, and gives the command line."""


def export_over(folder: Path, toys: Toys, call: Callable[..., Called]) -> Arguments:
    shutil.copytree(bare(toys), folder / "run")
    with RunWriter(folder / "out") as writer:
        for name in REQUIRED:
            writer.bytes(name, toys.run().part(name).read_bytes())
        writer.finish(toys.run().settings)
    return "export", "--run", folder / "run", "--format", "run", "--out", folder / "out", "--force"


def bare(toys: Toys) -> Path:
    """A run without its Keras model, so that exporting it copies."""
    path = toys.home.parent / "bare"
    if not path.exists():
        run = toys.run()
        with RunWriter(path) as writer:
            for name in sorted(run.environment["parts"]):
                if name != KERAS_MODEL:
                    writer.bytes(name, run.part(name).read_bytes())
            writer.finish(run.settings)
    return path


def predict_table(folder: Path, toys: Toys, call: Callable[..., Called]) -> Arguments:
    write_pictures(folder / "pictures", ["123", "45"])
    (folder / "table.csv").write_text("the last one\n")
    return "predict", folder / "pictures", "--run", bare(toys), "--csv", folder / "table.csv"


def generate(folder: Path, toys: Toys, call: Callable[..., Called]) -> Arguments:
    options = ("--digits", toys.npz, "--layout", "structured", "--count", 3)
    return "generate", *options, "--out", folder / "new" / "strips", "--sheet", folder / "sheet.png"


def check_page(folder: Path, toys: Toys, call: Callable[..., Called]) -> Arguments:
    write_pictures(folder / "pictures", ["123", "45", "6"], ["train", "validation", "test"])
    return "check", folder / "pictures", "--run", bare(toys), "--page", folder / "page.html"


def experiment(folder: Path, toys: Toys, call: Callable[..., Called]) -> Arguments:
    (folder / "grid.yaml").write_text("settings: {seed: 1}\n")
    first = call("experiment", folder / "grid.yaml", "--out", folder / "out")
    assert first.code == 0, first.err
    (folder / "grid.yaml").write_text("seeds: [1, 2]\n")
    return "experiment", folder / "grid.yaml", "--out", folder / "out"


def resumed_experiment(folder: Path, toys: Toys, call: Callable[..., Called]) -> Arguments:
    """One of whose two runs was interrupted: it is replaced."""
    arguments = experiment(folder, toys, call)
    assert call(*arguments).code == 0
    fake_training.interrupt(open_run(next(folder.glob(f"out/*seed2/{ENVIRONMENT}")).parent))
    return arguments


def train_tiny(folder: Path, toys: Toys, call: Callable[..., Called]) -> Arguments:
    return "train", "--layout", "structured", *toys.options(), "--set", "train.epochs=2", "--out", folder / "run"


WORKS: dict[str, Prepare] = {
    "predict --csv": predict_table,
    "generate": generate,
    "check --page": check_page,
    "export --force": export_over,
    "experiment": experiment,
    "resumed experiment": resumed_experiment,
    "train": train_tiny,
}
"""Commands that write; trainings are fake but for the last."""
REPLACED = {"export --force": "out", "resumed experiment": "out/heads-free-seed2"}
"""The run that a command replaces: the former one or the new one stands there."""
REWRITTEN = ("report.html", "report.md", "results.csv", "results.json", "results.jsonl", ".log", "table.csv")
"""Ends of the names of files that a command writes anew or adds to: either the former or the new one stands there."""


@pytest.fixture(autouse=True)
def _fakes(toys: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    toys.run()  # a real one
    monkeypatch.setattr("multidigit.training.train", fake_training.train)
    monkeypatch.setattr(fake_training, "STEP", 0.0)
    # What a page shows takes long to draw; here it counts that it is written.
    monkeypatch.setattr("multidigit.report.write.sections", lambda *_: [])
    monkeypatch.setattr("multidigit.report.write.page", lambda *_: "<html></html>")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "work"
    path.mkdir()
    monkeypatch.chdir(path)
    return path


def inject(fault: Fault, work: str, folder: Path, toys: Toys, call: Callable[..., Called], step: int = 1) -> int:
    """Let every call fail in turn, or every so many; look at what is left each time. Returns how many failed."""
    prepare, replaced = WORKS[work], REPLACED.get(work)
    arguments = prepare(folder, toys, call)
    shutil.copytree(folder, folder.parent / "before")
    before = contents(folder)
    assert call(*arguments).code == 0
    undisturbed = set(contents(folder))

    for number in itertools.count(1, step):
        shutil.rmtree(folder)
        shutil.copytree(folder.parent / "before", folder)
        os.chdir(folder)
        with pytest.MonkeyPatch.context() as patch:
            breaking = Breaking(fault, number, patch)
            called = call(*arguments)
        where = f"call {number}: {called.err}"
        if not breaking.happened:
            assert called.code == 0, where
            break
        if called.code != 0:
            assert called.code == (130 if isinstance(fault.error, KeyboardInterrupt) else 1), where
            assert called.err.strip(), where
        assert "Traceback" not in called.err, where
        kept = {name: digest for name, digest in before.items() if not name.startswith(replaced or "-")}
        left = contents(folder)
        assert {name for name in kept if not name.endswith(REWRITTEN) and kept[name] != left.get(name)} == set(), where
        assert whole(folder, replaced), where
        if called.code != 0:
            again = call(*arguments)
            assert again.code == 0, f"{where}\nthen: {again.err}"
        assert set(contents(folder)) == undisturbed, where
    return (number - 1) // step


@pytest.mark.parametrize("work", ["predict --csv", "generate", "export --force"])
@pytest.mark.parametrize("fault", ["disk full", "Ctrl-C"])
def test_a_write_that_fails_loses_nothing(
    work: str, fault: str, folder: Path, toys: Toys, call: Callable[..., Called]
) -> None:
    assert inject(FAULTS[fault], work, folder, toys, call) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("work", [work for work in WORKS if work != "train"])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_write_that_fails_loses_anything(
    work: str, fault: str, folder: Path, toys: Toys, call: Callable[..., Called]
) -> None:
    """With all commands and faults: more than a thousand."""
    print("faults:", inject(FAULTS[fault], work, folder, toys, call))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "step"),
    [("disk full", 7), ("renames refused for good", 1), ("fsync failing", 1), ("interrupted call", 7)],
)
def test_a_training_whose_write_fails_goes_on(
    fault: str, step: int, folder: Path, toys: Toys, call: Callable[..., Called], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training takes seconds, and most of its writes are pieces of checkpoints: every seventh fails."""
    monkeypatch.setattr("multidigit.training.train", TRAIN)
    print("faults:", inject(FAULTS[fault], "train", folder, toys, call, step))
