"""A run is exchanged whole: whatever fails, or wherever the process is killed, a run stands or can be put back."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import OLD_RUNS

from multidigit import disk
from multidigit.errors import RunError
from multidigit.locks import locked
from multidigit.runs import open_run
from multidigit.upgrade import upgrade_run

OLD = OLD_RUNS / "budget" / "heads-structured-seed0"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OLD, tmp_path / "home" / "one"))


def everything(folder: Path) -> dict[str, bytes | None]:
    return {str(each.relative_to(folder)): each.read_bytes() if each.is_file() else None for each in folder.rglob("*")}


STEPS = ("make_folder", "create", "write", "sync", "rename")
"""Calls of the module ``disk`` that a conversion makes."""


def test_an_error_at_any_step_leaves_the_run_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The N-th of the calls that change the disk fails, for every N."""
    calls = 0

    def failing(function: Callable[..., Any], number: int) -> Callable[..., Any]:
        def called(*arguments: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == number:
                raise OSError(28, "No space left on device")
            return function(*arguments)

        return called

    for number in range(1, 200):
        path = Path(shutil.copytree(OLD, tmp_path / str(number) / "one"))
        before, calls = everything(path.parent), 0
        with monkeypatch.context() as patch:
            for name in STEPS:
                patch.setattr(disk, name, failing(getattr(disk, name), number))
            outcome = ""
            try:
                assert upgrade_run(path)
            except RunError as error:
                outcome = str(error)
        if calls < number:
            break
        assert "No space left on device" in outcome
        if everything(path.parent) != before:
            # The folders are exchanged already, and only that was not synced.
            assert (open_run(path).environment["about"]["slots"], upgrade_run(path)) == (5, [])
    assert 20 < number < 200


@pytest.mark.parametrize(
    ("place", "again"),
    [("disk.sync, 3", True), ("disk.rename, 1", True), ("disk.rename, 2", False), ("writer.remove, 2", False)],
    ids=["before it is complete", "before the old one is put aside", "in between", "before the old one is removed"],
)
def test_after_a_kill_the_next_call_comes_to_the_end(run: Path, place: str, again: bool) -> None:
    """Where the new folder was complete it takes the old one's place."""
    before = open_run(run)
    name, number = place.split(", ")
    module, function = name.split(".")
    program = f"""
import os
from pathlib import Path
from multidigit import disk, upgrade
from multidigit.runs import writer
calls, function = [], {name}
def counted(*arguments):
    calls.append(arguments)
    if len(calls) == {number}:
        os._exit(9)
    return function(*arguments)
{module}.{function} = counted
upgrade.upgrade_run(Path({str(run)!r}))
"""
    assert before.settings  # read before it is replaced
    assert before.metrics
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 9
    assert list(run.parent.glob(".one.*-*")), "it was killed too late"
    assert bool(upgrade_run(run)) == again
    assert [each.name for each in run.parent.iterdir()] == ["one"]
    after = open_run(run)
    assert (after.settings, after.metrics, after.created) == (before.settings, before.metrics, before.created)


def test_a_link_to_a_run_stays_one(run: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(run)
    assert upgrade_run(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert upgrade_run(run) == []


def test_a_run_that_is_being_trained_is_left_alone(run: Path) -> None:
    before = everything(run)
    with locked(run.parent / ".one.training", "taken"), pytest.raises(RunError, match="process is training this run"):
        upgrade_run(run)
    assert everything(run) == before


def test_a_folder_within_a_run_is_not_lost(run: Path) -> None:
    (run / "mine").mkdir()
    before = everything(run.parent)
    with pytest.raises(RunError, match="one/mine: expected files alone in a run folder"):
        upgrade_run(run)
    assert everything(run.parent) == before
