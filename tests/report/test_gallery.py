"""The gallery: which strips are shown, that they are those that were answered, and what happens without digits."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from helpers import make_up_comparison
from PIL import Image

from multidigit.comparison.groups import Condition, group_conditions
from multidigit.errors import DataError
from multidigit.labels import slots_to_text
from multidigit.report.gallery import APART, NOBODY, gallery, picked
from multidigit.runs import open_run
from multidigit.strips.stream import StripStream


@pytest.fixture(scope="module", params=[3, 8])
def condition(request: pytest.FixtureRequest, toy_npz: Path, tmp_path_factory: pytest.TempPathFactory) -> Condition:
    """Two strategies on strips of three or eight slots."""
    out = tmp_path_factory.mktemp("gallery")
    base = {"digits": str(toy_npz), "slots": request.param, "evaluation": {"validation_strips": 50, "test_strips": 100}}
    results = make_up_comparison(out, base, {"strategy": ["heads", "cut"]})
    (found,) = group_conditions([open_run(out / row["run"]) for row in results["rows"]])
    return found


def test_strips_are_those_that_were_answered(condition: Condition) -> None:
    ((shown, cards),), faults = gallery([condition])
    assert (shown, faults) == (condition, [])
    assert 1 <= len(cards) <= APART + NOBODY
    run = condition.runs[0]
    strips = StripStream(run.settings).fixed("test", 100)
    known = {strip.tobytes(): index for index, strip in enumerate(strips.images)}
    for card in cards:
        image = Image.open(BytesIO(base64.b64decode(card.image.partition(",")[2])))
        index = known[np.asarray(image).tobytes()]
        assert image.width == card.width == 28 * run.settings.slots
        assert card.number == slots_to_text(strips.slots[index])
        assert [answer.text for answer in card.answers] == [
            slots_to_text(one.answers["answers"][index]) for one in condition.runs
        ]
        assert [answer.right for answer in card.answers] == [
            bool((one.answers["answers"][index] == strips.slots[index]).all()) for one in condition.runs
        ]
        assert not all(answer.right for answer in card.answers)


def test_strips_that_cannot_be_drawn_again_are_named(condition: Condition, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: object) -> None:
        raise DataError("some/digits.npz: no such file")

    monkeypatch.setattr("multidigit.report.gallery.make_stream", missing)
    assert gallery([condition]) == ([], ["some/digits.npz: no such file"])
    monkeypatch.setattr(
        "multidigit.report.gallery.make_stream",
        lambda settings: StripStream(settings.model_copy(update={"seed": settings.seed + 1})),
    )
    found, (fault,) = gallery([condition])
    assert found == []
    assert "cannot be drawn again" in fault


def test_strips_are_picked_in_turn_and_the_most_confident_first() -> None:
    right = np.array([[1, 1, 0, 0, 1, 0], [0, 0, 1, 0, 1, 0]], bool)
    confidence = np.array([[0.9, 0.8, 0.7, 0.1, 1.0, 0.9], [0.6, 0.7, 0.9, 0.2, 1.0, 0.1]])
    # Read by the first only: 1, then 0, of which both are less confident; by the second only: 2; by nobody: 5, 3.
    assert picked(right, confidence) == [1, 2, 0, 5, 3]
    assert picked(np.ones((2, 3), bool), np.ones((2, 3))) == []
    assert picked(np.array([[True, False, False]]), np.array([[1.0, 0.2, 0.3]])) == [2, 1]
    many = np.zeros((2, 50), bool)
    assert len(picked(many, np.ones((2, 50)))) == NOBODY
