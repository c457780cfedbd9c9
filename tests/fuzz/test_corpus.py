"""What fuzzing begins with, and what it has found: all of it is read, or refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from attempts import attempt
from fuzz.targets import TARGETS

from multidigit.errors import MultidigitError

CORPUS = Path(__file__).parent / "corpus"
FILES = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_each_input(path: Path) -> None:
    TARGETS[path.parent.name].fuzz(path.read_bytes())


def test_the_corpus_is_small() -> None:
    assert {path.parent.name for path in FILES} == set(TARGETS)
    assert all(path.stat().st_size <= 4_096 for path in FILES)


def test_what_is_no_refusal_is_a_fault() -> None:
    def refuse(error: Exception) -> None:
        raise error

    assert attempt(lambda: refuse(MultidigitError("a: expected b"))) is None
    with pytest.raises(ZeroDivisionError):
        attempt(lambda: refuse(ZeroDivisionError()))
    with pytest.raises(AssertionError, match="says nothing"):
        attempt(lambda: refuse(MultidigitError("")))
