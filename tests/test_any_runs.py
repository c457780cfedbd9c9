"""Run folders with any damage: opened, and as they were, or refused in one line; and histories are read as written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attempts import attempt
from hypothesis import given, settings
from hypothesis import strategies as st

from multidigit.errors import RunError
from multidigit.runs import (
    ENVIRONMENT,
    HISTORY,
    LITERT_MODEL,
    METRICS,
    REQUIRED,
    RESULTS,
    SETTINGS,
    RunWriter,
    open_run,
    pick_run,
)
from multidigit.settings import Settings, to_yaml, validate

PARTS = [ENVIRONMENT, LITERT_MODEL, SETTINGS, METRICS, HISTORY]
HELD = validate({"seed": 7})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("any") / "run", HELD)


def made(path: Path, settings: Settings, history: list[dict[str, float]] | None = None) -> Path:
    with RunWriter(path) as writer:
        writer.text(LITERT_MODEL, "network")
        writer.text(SETTINGS, to_yaml(settings))
        writer.table(HISTORY, [{"epoch": 1, "loss": 0.5}] if history is None else history)
        writer.json(METRICS, {"training": {"seconds": 1}, "test": {"sequence_accuracy": 0.5}})
        return writer.finish(settings).path


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Callable[[], Path]:
    """A fresh copy of the whole run, in place of the last one."""

    def copied() -> Path:
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        return Path(shutil.copytree(whole, tmp_path / "run"))

    return copied


def opened(path: Path) -> bool:
    """Whether the folder is opened; then it is what it was."""
    run = attempt(lambda: open_run(path), RunError)
    if run is None:
        return False
    assert run.settings == HELD
    assert run.history == [{"epoch": 1, "loss": 0.5}]
    return True


@given(st.sampled_from(PARTS), st.integers(0, 5_000), st.integers(1, 255))
def test_a_changed_byte(copy: Callable[[], Path], part: str, place: int, change: int) -> None:
    path = copy()
    data = bytearray((path / part).read_bytes())
    data[place % len(data)] ^= change
    (path / part).write_bytes(data)
    assert not opened(path) or part == ENVIRONMENT


@given(st.sampled_from(PARTS), st.integers(0, 5_000))
def test_a_part_that_is_cut_short(copy: Callable[[], Path], part: str, size: int) -> None:
    path = copy()
    data = (path / part).read_bytes()
    kept = data[: size % len(data)]
    (path / part).write_bytes(kept)
    # Of the environment a line break at the end may go.
    assert not opened(path) or kept == data[:-1]


@given(st.lists(st.sampled_from(PARTS), min_size=1, unique=True), st.booleans())
def test_parts_that_are_gone_or_folders(copy: Callable[[], Path], parts: list[str], folders: bool) -> None:
    path = copy()
    for part in parts:
        (path / part).unlink()
        if folders:
            (path / part).mkdir()
    assert not opened(path)


@given(st.permutations(PARTS))
def test_parts_in_each_others_places(copy: Callable[[], Path], order: list[str]) -> None:
    path = copy()
    held = {part: (path / part).read_bytes() for part in PARTS}
    for part, other in zip(PARTS, order, strict=True):
        (path / part).write_bytes(held[other])
    assert opened(path) == (order == PARTS)


def test_parts_of_another_run(copy: Callable[[], Path], tmp_path: Path) -> None:
    other = made(tmp_path / "other", validate({"seed": 8}))
    for part in (ENVIRONMENT, SETTINGS):
        path = copy()
        shutil.copy(other / part, path / part)
        assert not opened(path)


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from([*PARTS, "..", "a\nb", "\0"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(["format", "created", "about", *REQUIRED]), VALUES)
def test_other_values_in_the_environment(copy: Callable[[], Path], key: str, value: Any) -> None:
    path = copy()
    data = json.loads((path / ENVIRONMENT).read_text())
    (data["parts"] if key in REQUIRED else data)[key] = value
    (path / ENVIRONMENT).write_text(json.dumps(data))
    opened(path)


@given(VALUES | st.dictionaries(st.sampled_from(["winner", "reader"]), VALUES, min_size=1))
def test_any_results_beside_runs(copy: Callable[[], Path], value: Any) -> None:
    path = copy()
    (path.parent / RESULTS).write_text(json.dumps(value))
    run = attempt(lambda: pick_run(str(path.parent), path.parent.parent), RunError)
    assert run is not None
    assert run.path == path


FLOATS = st.floats(allow_nan=False) | st.integers(-(10**9), 10**9)


ROW = st.fixed_dictionaries({"epoch": st.integers(1, 99), "loss": FLOATS, "sequence_accuracy": FLOATS})


@settings(max_examples=20)  # each of which waits for the disk
@given(st.lists(ROW, min_size=1, max_size=4))
def test_histories_are_read_as_written(tmp_path: Path, rows: list[dict[str, float]]) -> None:
    shutil.rmtree(tmp_path / "one", ignore_errors=True)
    assert open_run(made(tmp_path / "one", HELD, rows)).history == rows
