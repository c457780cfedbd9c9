"""Temperatures and thresholds on simulated readers of known accuracy, and the binomial tail beside scipy's."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats  # type: ignore[import-untyped, unused-ignore]

from multidigit.errors import DataError, RunError, SettingsError
from multidigit.labels import BLANK, CLASSES
from multidigit.metrics import expected_calibration_error, right
from multidigit.reading.calibration import Calibration, Point, binomial_tail, fit, points, read_calibration
from multidigit.reading.decoding import decode
from multidigit.runs import CALIBRATION, LITERT_MODEL

Floats = NDArray[np.float64]
Slots = NDArray[np.uint8]
Probabilities = NDArray[np.float32]


def softmax(scores: Floats) -> Probabilities:
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return (powers / powers.sum(-1, keepdims=True)).astype(np.float32)


def simulated(count: int, seed: int, temperature: float, slots: int = 5) -> tuple[Slots, Probabilities]:
    """True slots, and the probabilities of a model that needs this temperature."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(count, slots, CLASSES))
    scores[..., BLANK] -= 20
    np.put_along_axis(scores, rng.integers(0, 10, (count, slots, 1)), rng.uniform(1, 11, (count, 1, 1)), -1)
    # Each slot is drawn by itself from its true probabilities.
    bounds = softmax(scores).astype(np.float64).cumsum(-1)
    dice = rng.random((count, slots, 1)) * bounds[..., -1:]
    return (dice > bounds).sum(-1).astype(np.uint8), softmax(scores * temperature)


def together(count: int, seed: int) -> tuple[Slots, Probabilities]:
    """Honest in each slot, but half of the strips that look doubtful are wrong everywhere and the others nowhere."""
    rng = np.random.default_rng(seed)
    slots = rng.integers(0, 10, (count, 5)).astype(np.uint8)
    sure = np.where(rng.random(count) < 0.5, 0.98, rng.uniform(0.5, 0.9, count))
    wrong = rng.random(count) >= sure
    probabilities = np.repeat(((1 - sure) / 10)[:, None], 5 * CLASSES, 1).reshape(count, 5, CLASSES)
    answers = np.where(wrong[:, None], (slots + rng.integers(1, 10, slots.shape)) % 10, slots)
    np.put_along_axis(probabilities, answers[..., None], sure[:, None, None], -1)
    return slots, probabilities.astype(np.float32)


def slotwise(slots: Slots, probabilities: Probabilities) -> float:
    """The usual temperature: least log loss of every slot by itself."""
    logs = np.log(probabilities.astype(np.float64))

    def loss(temperature: float) -> float:
        tempered = logs / temperature
        tempered -= np.log(np.exp(tempered).sum(-1, keepdims=True))
        return -float(np.take_along_axis(tempered, slots[..., None].astype(np.intp), -1).mean())

    return float(min(np.geomspace(0.25, 4, 33), key=loss))


def error(temperature: float, slots: Slots, probabilities: Probabilities) -> float:
    answers = decode(Calibration(temperature).apply(probabilities))
    return expected_calibration_error(answers.confidence[:, 0], right(slots, answers.slots[:, 0]))


def of(confidence: Floats, correct: NDArray[np.bool_]) -> Calibration:
    """A calibration with temperature 1 from confidences alone."""
    return Calibration(1.0, len(correct), None, None, tuple(points(confidence, correct)))


class TestTemperature:
    @pytest.mark.parametrize(("slots", "temperature"), [(1, 1.5), (3, 0.8), (5, 0.5), (5, 3.0), (12, 1.5)])
    def test_is_recovered(self, slots: int, temperature: float) -> None:
        assert fit(*simulated(4_000, 1, temperature, slots)).temperature == pytest.approx(temperature, rel=0.1)

    def test_is_the_best_of_four_decimals(self) -> None:
        # Worked out with a golden-section search of its own.
        assert fit(*simulated(500, 1, 1.7)).temperature == 1.7598

    @pytest.mark.parametrize("certain", [0, 3])
    def test_is_the_best_where_numbers_are_not_the_likeliest_classes(self, certain: int) -> None:
        # Blanks as likely as digits: the likeliest classes are often no number, as a blank before a digit is none.
        rng = np.random.default_rng(14)
        probabilities = softmax(
            rng.normal(size=(300, 3, CLASSES)) + 4 * np.eye(CLASSES)[rng.choice([4, 7, 10], (300, 3))]
        )
        answers = decode(probabilities).slots[:, 0]
        assert (answers != probabilities.argmax(-1)).any(1).sum() > 50
        wrong = rng.random(300) < 0.1
        # Some are certain and wrong all the same; of these the loss is bounded.
        probabilities[:certain], wrong[:certain] = np.eye(CLASSES)[[1, 2, 3]], True
        answers[:certain] = [1, 2, 3]
        slots = np.where(wrong[:, None], (answers + 1) % 10, answers).astype(np.uint8)

        def loss(temperature: float) -> float:
            sure = decode(Calibration(temperature).apply(probabilities)).confidence[:, 0].clip(1e-9, 1 - 1e-9)
            return float(-np.log(np.where(wrong, 1 - sure, sure)).sum() + np.log(temperature) ** 2 / 2)

        best = min(np.geomspace(0.25, 4, 101), key=loss)
        assert 0.3 < best < 0.95
        assert fit(slots, probabilities).temperature == pytest.approx(best, rel=0.02)

    @pytest.mark.parametrize("temperature", [0.5, 2.5])
    def test_error_falls_on_other_strips(self, temperature: float) -> None:
        found = fit(*simulated(3_000, 2, temperature))
        slots, probabilities = simulated(4_000, 20, temperature)
        before = error(1.0, slots, probabilities)
        assert found.error_before is not None
        assert found.error_after is not None
        assert found.error_before == pytest.approx(before, abs=0.03)
        assert found.error_after < 0.03 < 0.08 < found.error_before
        assert error(found.temperature, slots, probabilities) < 0.03 < 0.08 < before

    def test_honest_about_numbers_where_slots_go_wrong_together(self) -> None:
        fitted, (slots, probabilities) = together(2_000, 3), together(4_000, 30)
        by_slots = slotwise(*fitted)
        assert by_slots == pytest.approx(1, abs=0.1)
        by_numbers = fit(*fitted).temperature
        assert by_numbers < 0.8
        assert error(by_numbers, slots, probabilities) < error(by_slots, slots, probabilities) / 2

    def test_few_strips_stay_near_1(self) -> None:
        slots, probabilities = simulated(200, 4, 1.0)
        correct = right(slots, decode(probabilities).slots[:, 0])
        for wanted in (True, False):
            one = np.flatnonzero(correct == wanted)[:1]
            found = fit(slots[one], probabilities[one])
            assert 0.25 < found.temperature < 4
            assert found.points[-1][1:] == (1, int(wanted))
            assert (found.threshold(0.9), found.threshold(0.04) is None) == (None, not wanted)

    def test_all_right_and_all_wrong(self) -> None:
        _, probabilities = simulated(500, 5, 1.0)
        answers = decode(probabilities).slots[:, 0]
        surer, less = fit(answers, probabilities), fit((answers + 1) % 10, probabilities)
        assert surer.temperature < 0.5
        assert less.temperature > 2
        lowest = Calibration(surer.temperature).apply(probabilities)
        everything = surer.threshold(0.98)
        assert everything is not None
        assert (decode(lowest).confidence[:, 0] >= everything).all()
        assert less.threshold(0.5) is None

    @pytest.mark.parametrize(("right_ones", "limit"), [(True, 0.25), (False, 4.0)])
    def test_never_leaves_its_range(self, right_ones: bool, limit: float) -> None:
        # Doubtful and always right, or sure and always wrong: the best temperature lies beyond the range.
        answers = np.tile(np.array([1, 2, 3, 4, 5], np.uint8), (400, 1))
        share = 0.4 if right_ones else 0.999
        probabilities = np.full((400, 5, CLASSES), (1 - share) / 10, np.float32)
        np.put_along_axis(probabilities, answers[..., None].astype(np.intp), np.float32(share), -1)
        found = fit(answers if right_ones else answers + 1, probabilities)
        assert found.temperature == pytest.approx(limit, abs=2e-4)
        assert Calibration.from_json(found.as_json()) == found

    def test_strips_without_a_number_are_never_right(self) -> None:
        slots = np.full((200, 5), BLANK, np.uint8)
        certain = np.eye(CLASSES, dtype=np.float32)[slots]
        found = fit(slots, certain)
        assert found.points == (Point(found.points[0].threshold, 200, 0),)
        assert (found.temperature, found.error_after) == (1, 0)

    def test_unusable_arrays(self) -> None:
        slots, probabilities = simulated(10, 6, 1.0)
        with pytest.raises(DataError):
            fit(slots[:0], probabilities[:0])
        with pytest.raises(DataError):
            fit(slots[:5], probabilities)


class TestApply:
    @pytest.mark.parametrize("temperature", [0.25, 0.7, 1.3, 4.0])
    def test_powers_that_sum_to_1_and_keep_the_answers(self, temperature: float) -> None:
        _, probabilities = simulated(300, 7, 1.0)
        assert Calibration(1.0).apply(probabilities) is probabilities
        found = Calibration(temperature).apply(probabilities)
        assert found.dtype == np.float32
        assert found.shape == probabilities.shape
        powers = probabilities.astype(np.float64) ** (1 / temperature)
        np.testing.assert_allclose(found, powers / powers.sum(-1, keepdims=True), rtol=1e-5, atol=1e-9)
        assert (found.argmax(-1) == probabilities.argmax(-1)).all()
        assert (decode(found).slots == decode(probabilities).slots).all()

    @pytest.mark.parametrize("temperature", [0.25, 4.0])
    def test_zeros_and_ones(self, temperature: float) -> None:
        certain = np.eye(CLASSES, dtype=np.float32)[np.arange(5)][None]
        with np.errstate(divide="raise", invalid="raise", over="raise"):
            np.testing.assert_allclose(Calibration(temperature).apply(certain), certain, atol=1e-8)

    def test_neighbouring_floats_keep_their_order(self) -> None:
        low = np.float32(0.45)
        slot = np.full((CLASSES,), 0.1 / 9, np.float32)
        slot[2], slot[7] = low, np.nextafter(low, np.float32(1))
        assert (Calibration(4.0).apply(np.tile(slot, (1, 5, 1))).argmax(-1) == 7).all()


@pytest.mark.parametrize("answered", [1, 50, 850, 5_000])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.98, 1.0])
@pytest.mark.parametrize("accuracy", [0.02, 0.98, 0.9999])
def test_binomial_tail_as_in_scipy(answered: int, share: float, accuracy: float) -> None:
    correct = round(share * answered)
    expected = stats.binom.sf(correct - 1, answered, accuracy)
    assert binomial_tail(answered, correct, accuracy) == pytest.approx(expected, rel=1e-7, abs=1e-290)


def top_heavy(rng: np.random.Generator, count: int) -> Floats:
    return 1 - rng.random(count) ** 4


def equals_at_the_top(rng: np.random.Generator, count: int) -> Floats:
    return np.where(rng.random(count) < 0.6, 1.0, rng.random(count))


def in_8_bits(rng: np.random.Generator, count: int) -> Floats:
    return np.round(top_heavy(rng, count) * 32) / 32


class TestThreshold:
    @pytest.mark.parametrize(
        ("draw", "truth", "grants"),
        [
            pytest.param(top_heavy, lambda sure: sure, 0.95, id="honest"),
            pytest.param(top_heavy, lambda sure: sure**2, 0.8, id="too sure"),
            pytest.param(in_8_bits, lambda sure: np.minimum(sure + 0.01, 1), 0.8, id="in 8 bits"),
            pytest.param(equals_at_the_top, lambda sure: np.where(sure == 1, 0.979, 0.9), 0.0, id="equals, too few"),
            pytest.param(equals_at_the_top, lambda sure: np.where(sure == 1, 0.99, 0.9), 0.8, id="equals, enough"),
            # The hardest: wherever it is set, the threshold breaks its promise.
            pytest.param(np.random.Generator.random, lambda sure: np.full_like(sure, 0.9795), 0.0, id="never"),
        ],
    )
    def test_keeps_its_promise(
        self, draw: Callable[[np.random.Generator, int], Floats], truth: Callable[[Floats], Floats], grants: float
    ) -> None:
        accuracy, sets, rng = 0.98, 400, np.random.default_rng(9)
        everyone = np.sort(draw(rng, 100_000))[::-1]
        true = truth(everyone).cumsum() / np.arange(1, len(everyone) + 1)
        broken = granted = 0
        for _ in range(sets):
            confidence = draw(rng, 2_000)
            threshold = of(confidence, rng.random(2_000) < truth(confidence)).threshold(accuracy)
            if threshold is not None:
                granted += 1
                broken += true[np.searchsorted(-everyone, -threshold, side="right") - 1] < accuracy
        # Were one in twenty broken, more than 8 % of 400 would be in about one of 250 such tests.
        assert broken <= 0.08 * sets
        assert granted >= grants * sets

    def test_a_wrong_one_at_the_top_does_not_end_it(self) -> None:
        confidence = np.linspace(1, 0.5, 2_000)
        correct = np.ones(2_000, np.bool_)
        correct[:3] = False
        assert of(confidence, correct).threshold(0.98) == pytest.approx(0.5, abs=1e-6)

    def test_as_low_as_the_exact_bound_allows(self) -> None:
        # Right down to 0.75 and wrong below.
        confidence = np.linspace(1, 0.5, 10_001)
        calibration = of(confidence, confidence >= 0.75)
        threshold = calibration.threshold(0.98)
        assert threshold is not None
        counts = [point for point in calibration.points if point.threshold >= threshold]
        # All starts have been passed by then, or all but one.
        assert binomial_tail(counts[-1].answered, counts[-1].right, 0.98) <= 0.05
        following = calibration.points[len(counts)]
        assert binomial_tail(following.answered, following.right, 0.98) > 0.03

    def test_higher_accuracy_higher_threshold(self) -> None:
        rng = np.random.default_rng(10)
        confidence = top_heavy(rng, 10_000)
        calibration = of(confidence, rng.random(10_000) < confidence)
        found = [calibration.threshold(accuracy) for accuracy in (0.8, 0.9, 0.95, 0.98)]
        assert None not in found
        assert found == sorted(found, key=lambda value: value or 0)
        assert len(set(found)) == 4

    @pytest.mark.parametrize(("strips", "enough"), [(148, False), (149, True)])
    def test_needs_log_risk_by_log_accuracy_strips(self, strips: int, enough: bool) -> None:
        # 0.98 ** 149 is the first power below 0.05.
        calibration = of(np.linspace(1, 0.9, strips), np.ones(strips, np.bool_))
        assert (calibration.threshold(0.98) is not None) == enough
        assert Calibration().threshold(0.5) is None

    @pytest.mark.parametrize("accuracy", [0.0, 1.0, -0.1, 98.0, float("nan")])
    def test_out_of_range(self, accuracy: float) -> None:
        with pytest.raises(SettingsError, match="between 0 and 1"):
            of(np.ones(200), np.ones(200, np.bool_)).threshold(accuracy)


class TestPoints:
    def test_count_what_they_answer(self) -> None:
        rng = np.random.default_rng(11)
        confidence = np.where(rng.random(3_000) < 0.2, 1.0, rng.random(3_000))
        correct = rng.random(3_000) < 0.9
        points = of(confidence, correct).points
        for point in points:
            chosen = confidence >= point.threshold
            assert (point.answered, point.right) == (chosen.sum(), correct[chosen].sum())
        assert points[0].answered == (confidence == 1).sum()
        assert points[-1].answered == 3_000
        # A grid of one in twenty more leaves no wider gaps.
        assert all(after.answered <= 1.06 * before.answered + 1 for before, after in pairwise(points))

    def test_equals_are_equals_whatever_order_they_were_multiplied_in(self) -> None:
        rng = np.random.default_rng(12)
        factors = np.array([0.987, 0.93, 0.999, 0.71, 0.95], np.float32).astype(np.float64)
        confidence = np.array([rng.permutation(factors).prod() for _ in range(400)])
        assert len(set(confidence)) > 1
        (point,) = of(confidence, np.ones(400, np.bool_)).points
        assert (confidence >= point.threshold).all()

    @pytest.mark.parametrize("strips", [1, 2, 49, 50, 51, 1_000])
    def test_last_answers_all(self, strips: int) -> None:
        points = of(np.linspace(0.9, 0.1, strips), np.ones(strips, np.bool_)).points
        assert points[0].answered == min(strips, 50)
        assert points[-1].answered == strips


class TestJson:
    def test_round_trip(self) -> None:
        slots, probabilities = simulated(3_000, 13, 1.7)
        found = fit(slots, probabilities)
        back = Calibration.from_json(json.loads(json.dumps(found.as_json())))
        assert back == found
        confidence = decode(back.apply(probabilities)).confidence[:, 0]
        assert [int((confidence >= point.threshold).sum()) for point in back.points] == [
            point.answered for point in found.points
        ]
        assert Calibration.from_json(json.loads(json.dumps(Calibration().as_json()))) == Calibration()

    @pytest.mark.parametrize(
        "damage",
        [
            {"temperature": 0},
            {"temperature": "1.2"},
            {"temperature": float("nan")},
            {"temperature": None},
            {"strips": 399},
            {"error_after": 1.5},
            {"error_before": "0"},
            {"points": None},
            {"points": []},
            {"points": [[0.9, 100]]},
            {"points": [[0.9, 400, 401]]},
            {"points": [[0.9, 100, 90], [0.95, 400, 300]]},
            {"points": [[0.9, 100, 90], [0.8, 400, 80]]},
            {"points": [[0.9, 100, 90], [0.9, 400, 300]]},
            {"points": [[0.9, 380, 90], [0.8, 400, 111]]},
            {"points": [[0.9, 100, 90], [0.85, 100, 90], [0.8, 400, 300]]},
            {"points": [[0.9, 100.5, 90], [0.8, 400, 300]]},
            {"points": [[float("nan"), 400, 300]]},
            {"points": [1, 2]},
            {"another": 1},
        ],
        ids=str,
    )
    def test_damage(self, damage: dict[str, Any]) -> None:
        sound = Calibration(1.2, 400, 0.1, 0.0, (Point(0.9, 100, 90), Point(0.8, 400, 300)))
        assert Calibration.from_json(sound.as_json()) == sound
        with pytest.raises(RunError, match=r"^here/calibration\.json: must hold .*; received .*; restore"):
            Calibration.from_json({**sound.as_json(), **damage}, "here/calibration.json")

    @pytest.mark.parametrize("temperature", [0.25, 4.0])
    def test_the_outermost_values_are_sound(self, temperature: float) -> None:
        # One strip more at the last point than at the one before, and that one right.
        edge = Calibration(temperature, 400, 0.0, 1.0, (Point(0.9, 399, 300), Point(0.8, 400, 301)))
        assert Calibration.from_json(edge.as_json()) == edge

    def test_what_is_no_calibration(self) -> None:
        for data in (None, [], 3, "x", {}, {"temperature": 1.2}):
            with pytest.raises(RunError):
                Calibration.from_json(data)


def test_each_model_of_a_run_has_its_own(tmp_path: Path) -> None:
    run: Any = SimpleNamespace(path=tmp_path, has=lambda part: (tmp_path / part).is_file())
    # Runs of old versions have none.
    assert read_calibration(run) == Calibration()
    one = Calibration(1.2, 400, 0.1, 0.0, (Point(0.9, 100, 90), Point(0.8, 400, 300)))
    (tmp_path / CALIBRATION).write_text(json.dumps({LITERT_MODEL: one.as_json(), "broken.tflite": {}}))
    assert read_calibration(run) == one
    assert read_calibration(run, "other.tflite") == Calibration()
    with pytest.raises(RunError, match=rf"{CALIBRATION}: broken\.tflite: must hold the temperature"):
        read_calibration(run, "broken.tflite")


def test_reading_needs_no_scipy() -> None:
    code = "import sys, multidigit.reading.reader; assert not {'scipy', 'matplotlib', 'tensorflow'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
