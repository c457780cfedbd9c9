"""The card of an exported run says what its network reads and how it was made."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from multidigit.report.card import ModelFacts, card
from multidigit.settings import validate

MEASURES = {
    "strips": 500,
    "sequence_accuracy": 0.9,
    "digit_accuracy": 0.95,
    "expected_calibration_error": 0.01,
    "accuracy_by_length": {"0": {"accuracy": 0.5}, "1": {"accuracy": 0.75}},
}


def write(training: dict[str, Any] | None = None, parts: tuple[str, ...] = (), **settings: Any) -> str:
    facts: Any = ModelFacts("reader.tflite", 1234, "ab" * 32, MEASURES, SimpleNamespace(temperature=1.5))  # type: ignore[arg-type]
    packages = {"tensorflow": "2", "keras": "3"}
    environment = {"multidigit": "1", "packages": packages, "processors": 2, "parts": dict.fromkeys(parts, "")}
    known = {"parameters": 400, "strips": 9000, "seconds": 120.0, **(training or {})}
    return " ".join(card(validate(settings), known, [facts], environment).split())


@pytest.mark.parametrize("layout", ["structured", "free"])
def test_a_reader_of_plain_strips(layout: str) -> None:
    text = write(layout={"name": layout, "empty": 0.1}, slots=5)
    assert "up to 5 digits in a strip, `uint8` (N, 28, 140), ink bright on dark, and" in text
    assert f"drawn digits, {layout} layout, of which 10% hold letters" in text
    assert "on 2 processors" in text
    assert "not made for numbers of more than 5 digits, several rows" in text
    assert "scenes" not in text
    assert "finder" not in text


def test_a_reader_of_scenes() -> None:
    layout = {"name": "scene", "plain": 0.2}
    text = write({"device": "a GPU (jax)"}, ("reader.tflite", "finder.tflite"), layout=layout, slots=8)
    assert "grey, digits brighter or darker than the ground" in text
    assert "80% are cut out of scenes" in text
    assert "20% are composed: drawn digits, free layout" in text
    assert "on a GPU (jax)" in text
    assert "The finder beside it" in text
    assert "too long" in text
    assert "bright on dark" not in text
