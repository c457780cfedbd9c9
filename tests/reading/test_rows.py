"""Rows of pictures from the readings of their strips."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from multidigit.labels import BLANK, CLASSES, text_to_slots
from multidigit.pictures import RowBox, Seen, View
from multidigit.reading.calibration import Calibration
from multidigit.reading.knowledge import Knowledge
from multidigit.reading.rows import Reading, RowReader, combined

STRIP = np.zeros((28, 84), np.uint8)
ROW = RowBox(50.0, 20.0, 60.0, 20.0, 0.0, 0.9)


class Scripted:
    """A model of three slots that gives what is set, strip after strip."""

    slots = 3

    def __init__(self, *strips: dict[str, float]) -> None:
        self.strips = strips

    def probabilities(self, strips: Any) -> Any:
        assert len(strips) == len(self.strips)
        return np.stack([self.mixed(texts) for texts in self.strips])

    def mixed(self, texts: dict[str, float]) -> Any:
        """Slots in which each number has about its share."""
        found = np.full((3, CLASSES), 1e-4, np.float32)
        for text, share in texts.items():
            slots = text_to_slots(text, 3) if text else np.full(3, BLANK)
            found[np.arange(3), slots] += share
        return found / found.sum(-1, keepdims=True)


def read(counts: dict[Any, int], *strips: dict[str, float], top: int = 1) -> Reading:
    """The first row of a picture with a view for each row, or the whole picture, of so many strips."""
    reader = RowReader(cast(Any, Scripted(*strips)), Calibration(), Knowledge(3), top=top)
    views = tuple(View(np.stack([STRIP] * count), row) for row, count in counts.items())
    return reader.read([Seen((40, 100), views)])[0][0]


def test_most_strips_outvote_the_surest_one() -> None:
    agreed = {"127": 0.9, "121": 0.1}
    reading = read({None: 3, ROW: 3}, agreed, agreed, agreed, {"121": 1}, agreed, agreed)
    assert reading.text == "127"
    assert reading.confidence < 0.9
    assert len(reading.digits) == 3


def test_where_views_disagree_confidence_falls() -> None:
    alone = read({None: 1}, {"127": 0.95, "121": 0.05})
    assert alone.confidence == pytest.approx(0.95, abs=0.01)
    doubted = read({None: 1, ROW: 1}, {"127": 0.95, "121": 0.05}, {"12": 0.8, "127": 0.2})
    assert doubted.text == "127"
    assert doubted.confidence < 0.5


def test_the_number_stands_first_among_the_alternatives() -> None:
    strips = [{"127": 0.45, "121": 0.55}, {"127": 0.9, "121": 0.1}, {"127": 0.6, "121": 0.4}]
    reading = read({None: 3}, *strips, top=3)
    assert (reading.text, reading.alternatives[0].text) == ("127", "127")
    assert len(reading.alternatives) == 3


def test_nothing_is_read_where_most_strips_are_empty() -> None:
    assert read({None: 3}, {"": 1}, {"": 0.9, "4": 0.1}, {"4": 0.8, "": 0.2}).text == ""


def test_strips_of_a_view_are_combined_by_their_geometric_mean() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(CLASSES), (5, 3)).astype(np.float32)
    found = combined(probabilities, [2, 3])
    assert found.shape == (2, 3, CLASSES)
    assert np.allclose(found.sum(-1), 1, atol=1e-5)
    expected = np.sqrt(probabilities[0] * probabilities[1])
    assert np.allclose(found[0], expected / expected.sum(-1, keepdims=True), atol=1e-5)
    assert combined(probabilities, [1] * 5) is probabilities
