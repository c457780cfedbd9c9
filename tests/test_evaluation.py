"""Evaluation: a model with given answers, and the measures that follow."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from helpers import Toys
from numpy.typing import NDArray

from multidigit import evaluation, metrics
from multidigit.evaluation import evaluate, evaluate_corrupted
from multidigit.labels import CELL, CLASSES, texts_to_slots
from multidigit.reading.calibration import read_calibration
from multidigit.reading.inference import BATCH, Model
from multidigit.runs import LITERT_MODEL
from multidigit.strips.compose import Strips
from multidigit.strips.corruptions import CORRUPTIONS
from multidigit.strips.stream import StripStream


class Parrot:
    """Answers what it was given, and takes a second a batch on its own clock."""

    def __init__(self, slots: NDArray[np.uint8], clock: SimpleNamespace) -> None:
        self.slots, self.clock, self.calls = slots, clock, list[int]()

    def probabilities(self, strips: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.calls.append(len(strips))
        self.clock.now += len(strips) / BATCH + (100 if len(self.calls) == 1 else 0)
        return (np.eye(CLASSES, dtype=np.float32)[self.slots[: len(strips)]] * 0.89 + 0.01).astype(np.float32)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    now = SimpleNamespace(now=0.0)
    monkeypatch.setattr(evaluation, "time", SimpleNamespace(perf_counter=lambda: now.now))
    return now


@pytest.mark.parametrize("slots", [5, 12])
def test_measures_and_answers_of_a_case_worked_by_hand(clock: SimpleNamespace, slots: int) -> None:
    truth = texts_to_slots(["12", "345", "9", "00000"], slots)
    answered = texts_to_slots(["12", "346", "9", "0000"], slots)
    strips = Strips(np.zeros((4, CELL, slots * CELL), np.uint8), truth)
    measures, answers = evaluate(cast(Any, Parrot(answered, clock)), strips)
    assert measures["sequence_accuracy"] == 0.5
    # 2 + 3 + 1 + 5 slots hold a digit, two of them are wrong.
    assert measures["digit_accuracy"] == pytest.approx(9 / 11)
    assert measures["strips"] == 4
    speed, before = measures.pop("strips_per_second"), measures.pop("expected_calibration_error_before")
    assert before == pytest.approx(measures["expected_calibration_error"], abs=1e-6)
    assert measures == metrics.measure(
        truth, np.eye(CLASSES, dtype=np.float32)[answered] * np.float32(0.89) + np.float32(0.01)
    )
    assert speed == pytest.approx(BATCH)
    assert set(answers) == {"slots", "answers", "confidence"}
    assert np.array_equal(answers["slots"], truth)
    assert np.array_equal(answers["answers"], answered)
    assert (answers["answers"].dtype, answers["confidence"].dtype) == (np.uint8, np.float32)
    assert answers["confidence"] == pytest.approx([0.9**slots] * 4, rel=1e-5)


def test_only_work_is_timed(clock: SimpleNamespace) -> None:
    count = 3 * BATCH
    slots = texts_to_slots(["1"] * count, 5)
    parrot = Parrot(slots, clock)
    measures, _ = evaluate(cast(Any, parrot), Strips(np.zeros((count, CELL, 5 * CELL), np.uint8), slots))
    # The first batch, which sets a model up, is read once more beforehand and not counted.
    assert parrot.calls == [BATCH, count]
    assert measures["strips_per_second"] == pytest.approx(count / 3)


def test_a_run_is_measured_again_as_training_measured_it(toys: Toys) -> None:
    run = toys.run("heads")
    strips = StripStream(run.settings).fixed("test", run.settings.evaluation.test_strips)
    measures, answers = evaluate(Model(run.part(LITERT_MODEL)), strips, read_calibration(run))
    kept = dict(run.metrics["test"])
    assert measures.pop("strips_per_second") > 0
    assert kept.pop("strips_per_second") > 0
    assert measures.keys() == kept.keys()
    assert measures["sequence_accuracy"] == kept["sequence_accuracy"]
    assert measures["confusion"] == kept["confusion"]
    assert measures["expected_calibration_error"] == pytest.approx(kept["expected_calibration_error"])
    assert measures["expected_calibration_error_before"] != measures["expected_calibration_error"]
    assert np.array_equal(answers["answers"], run.answers["answers"])


def test_what_a_run_bears(toys: Toys) -> None:
    run = toys.run("heads")
    strips = StripStream(run.settings).fixed("test", 30)
    steps: list[None] = []
    model = Model(run.part(LITERT_MODEL))
    found = evaluate_corrupted(model, strips, read_calibration(run), lambda: steps.append(None))
    assert found == evaluate_corrupted(model, strips, read_calibration(run))
    assert (found["strips"], len(steps)) == (30, len(CORRUPTIONS))
    assert found["clean"] == metrics.sequence_accuracy(
        strips.slots, metrics.answers(model.probabilities(strips.images))
    )
    assert [*found["accuracy"]] == [*CORRUPTIONS]
    assert {len(shares) for shares in found["accuracy"].values()} == {5} == {len(found["calibration_error"])}
    assert found["mean"] == pytest.approx(np.mean([*found["accuracy"].values()]))
    assert found["relative"] == pytest.approx(found["mean"] / found["clean"])
    assert found["mean"] < found["clean"]
