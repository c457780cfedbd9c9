"""heads: what each head is taught, and with a length the loss and the reading against plain numpy."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Toys
from numpy.typing import NDArray

from multidigit import metrics
from multidigit.labels import BLANK, CELL, CLASSES, lengths, texts_to_slots
from multidigit.reading.inference import Model
from multidigit.runs import KERAS_MODEL, LITERT_MODEL
from multidigit.settings import validate
from multidigit.strategies.base import Strategy, make
from multidigit.strips.stream import StripStream
from multidigit.training import train
from multidigit.training.conversion import to_tflite

SLOTS = [1, 3, 5, 12]


def strategy_of(slots: int = 5, length: bool = True, backbone: str = "compact") -> Strategy:
    return make(validate({"heads": {"length": length}, "slots": slots, "backbone": backbone, "layout": "structured"}))


def test_heads_are_taught_a_class_for_each_slot() -> None:
    images = np.zeros((1, CELL, 5 * CELL), np.uint8)
    inputs, targets = strategy_of(length=False).examples(images, texts_to_slots(["9754"], 5))
    assert inputs is images
    assert (targets.shape, targets.dtype) == ((1, 5, CLASSES), np.float32)
    assert np.flatnonzero(targets.reshape(-1)).tolist() == [9, 18, 27, 37, 54]


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    powers = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


def test_the_loss_is_the_mean_over_heads() -> None:
    logits = np.random.default_rng(2).normal(0, 2, (2, 3, CLASSES)).astype(np.float32)
    slots = texts_to_slots(["907", "1"], 3)
    targets = np.eye(CLASSES)[slots]
    for smoothing in (0.0, 0.1):
        wanted = -((targets * (1 - smoothing) + smoothing / CLASSES) * np.log(softmax(logits))).sum(-1).mean()
        found = strategy_of(3, length=False).loss(smoothing)(targets.astype(np.float32), logits)
        assert float(found) == pytest.approx(wanted, rel=1e-5)


def distributions(logits: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """P(d_s = k), shape (slots, 10), and P(L = l), shape (slots + 1,), of one strip's 11·slots + 1 logits."""
    slots = len(logits) // CLASSES
    return softmax(logits[: 10 * slots].reshape(slots, 10)), softmax(logits[10 * slots :])


def likeliest(logits: NDArray[np.floating]) -> tuple[NDArray[np.uint8], float]:
    """The slots of the likeliest number, every length tried, and how far its log probability lies above the next's."""
    digits, length = distributions(logits)
    scores = np.log(length) + np.append(0, np.log(digits.max(-1)).cumsum())
    count = int(np.argmax(scores))
    slots = np.full(len(digits), BLANK, np.uint8)
    slots[:count] = digits[:count].argmax(-1)
    return slots, float(np.diff(np.sort(scores))[-1])


def marginals(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities (slots, 11) of what each slot holds, summed over every length."""
    _, length = distributions(logits)
    return np.asarray(sum(p * given_length(logits, count) for count, p in enumerate(length)))


def given_length(logits: NDArray[np.floating], count: int) -> NDArray[np.float64]:
    digits, _ = distributions(logits)
    found = np.zeros((len(digits), CLASSES))
    found[:count, :BLANK] = digits[:count]
    found[count:, BLANK] = 1
    return found


def logits_of(digits: list[list[float]], length: list[float]) -> NDArray[np.float32]:
    """Logits with the given probabilities; what a row leaves of 1 is shared out among its other classes."""
    filled = []
    for row, classes in [*((row, 10) for row in digits), (length, len(digits) + 1)]:
        rest = (1 - sum(row)) / max(1, classes - len(row))
        filled.append(np.log(np.maximum([*row, *[rest] * (classes - len(row))], 1e-30)))
    return np.concatenate(filled).astype(np.float32)


@cache
def reading_model(slots: int) -> Any:
    """The reading model on a network that yields the logits that it is given."""
    import keras

    logits = keras.Input((CLASSES * slots + 1,))
    return strategy_of(slots).reading_model(keras.Model(logits, keras.layers.Identity()(logits)))


def read(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities (N, slots, 11) of logits (N, 11·slots + 1)."""
    return np.asarray(reading_model(logits.shape[1] // CLASSES)(logits))


class TestReadingWithLength:
    @pytest.mark.parametrize("slots", SLOTS)
    @pytest.mark.parametrize("spread", [0.3, 1.0, 3.0, 12.0])
    def test_it_spells_the_likeliest_of_all_numbers(self, slots: int, spread: float) -> None:
        logits = np.random.default_rng(5).normal(0, spread, (400, CLASSES * slots + 1)).astype(np.float32)
        found = read(logits)
        assert (found.shape, found.dtype) == ((400, slots, CLASSES), np.float32)
        assert found.min() >= 0
        assert np.allclose(found.sum(-1), 1, atol=1e-5)
        agreed = 0
        for row, answer, shown in zip(logits, metrics.answers(found), found, strict=True):
            number, margin = likeliest(row)
            if margin < 1e-5:  # too close to call in single precision
                continue
            assert np.array_equal(answer, number)
            if np.array_equal(marginals(row).argmax(-1), number):
                agreed += 1
                assert np.allclose(shown, marginals(row), atol=1e-5)
            else:
                assert np.allclose(shown, given_length(row, int((number != BLANK).sum())), atol=1e-5)
        # Marginals may spell another number, as a rule where digits are unsure.
        assert agreed > 0
        if slots > 1:
            assert agreed < 400

    @pytest.mark.parametrize(
        ("second", "length", "spelled", "number"),
        [
            # A second digit is there with 0.6, yet 1 alone has 0.4 and 12 and 123 have 0.3 each.
            ([0, 0, 1], [0, 0.4, 0.3, 0.3], [1, 2, BLANK], "1"),
            # A third digit is there with 0.4 only, yet 123 has 0.4, and 1 and 12 have 0.3 each.
            ([0, 0, 1], [0, 0.3, 0.3, 0.4], [1, 2, BLANK], "123"),
            # Three digits with 0.7, but the second could be any of five: 1 has 0.3, and 123 no more than 0.7 · 0.24.
            ([0, 0, 0.24, 0.19, 0.19, 0.19, 0.19], [0, 0.3, 0, 0.7], [1, BLANK, 3], "1"),
        ],
    )
    def test_the_likeliest_number_is_read_where_marginals_spell_another(
        self, second: list[float], length: list[float], spelled: list[int], number: str
    ) -> None:
        row = logits_of([[0, 1], second, [0, 0, 0, 1], [1], [1]], length)
        assert marginals(row).argmax(-1).tolist() == [*spelled, BLANK, BLANK]
        found = read(row[None])
        assert np.array_equal(metrics.answers(found), texts_to_slots([number], 5))
        assert np.allclose(found[0], given_length(row, len(number)), atol=1e-6)

    @pytest.mark.parametrize("slots", SLOTS)
    def test_a_strip_may_hold_nothing(self, slots: int) -> None:
        row = logits_of([[1]] * slots, [0.98])
        assert (metrics.answers(read(row[None])) == BLANK).all()

    @pytest.mark.parametrize("slots", SLOTS)
    def test_the_longest_number_is_read_however_unsure_its_digits_are(self, slots: int) -> None:
        # Every digit has 1/10, every other length less than 10^-slots.
        row = np.zeros(CLASSES * slots + 1, np.float32)
        row[-1] = 4 * slots
        assert (metrics.answers(read(row[None])) != BLANK).all()

    @pytest.mark.parametrize("slots", SLOTS)
    def test_equally_likely_lengths_are_read_as_the_shortest(self, slots: int) -> None:
        assert (metrics.answers(read(np.zeros((1, CLASSES * slots + 1), np.float32))) == BLANK).all()

    @pytest.mark.parametrize("slots", SLOTS)
    def test_logits_of_any_size_are_read(self, slots: int) -> None:
        logits = np.random.default_rng(6).normal(0, 1000, (200, CLASSES * slots + 1)).astype(np.float32)
        found = read(logits)
        assert np.isfinite(found).all()
        digits, length = logits[:, : 10 * slots].reshape(-1, slots, 10), logits[:, 10 * slots :].argmax(-1)
        wanted = np.where(np.arange(slots) < length[:, None], digits.argmax(-1), BLANK)
        assert np.array_equal(metrics.answers(found), wanted)


def numpy_loss(slots: NDArray[np.uint8], logits: NDArray[np.float32], smoothing: float) -> float:
    """-log P(L) - Σ log P(d_s) over the slots that hold a digit, its mean over the strips."""

    def term(probabilities: NDArray[np.float64], true: int) -> float:
        logs = -np.log(probabilities)
        return float((1 - smoothing) * logs[true] + smoothing * logs.mean())

    losses = []
    for row, truth, count in zip(logits, slots, lengths(slots), strict=True):
        digits, length = distributions(row)
        losses.append(term(length, count) + sum(term(digits[slot], truth[slot]) for slot in range(count)))
    return float(np.mean(losses))


class TestLossWithLength:
    NUMBERS = texts_to_slots(["7", "31", "905", "1234", "88888"], 5)

    def targets(self) -> NDArray[np.float32]:
        images = np.zeros((len(self.NUMBERS), CELL, CELL * 5), np.uint8)
        inputs, targets = strategy_of().examples(images, self.NUMBERS)
        assert inputs is images
        return targets

    def test_targets_are_a_digit_for_each_slot_that_holds_one_and_a_length(self) -> None:
        targets = self.targets()
        assert (targets.shape, targets.dtype) == ((5, 56), np.float32)
        assert np.flatnonzero(targets[2]).tolist() == [9, 10, 25, 53]
        assert np.flatnonzero(targets[4]).tolist() == [8, 18, 28, 38, 48, 55]

    @pytest.mark.parametrize("smoothing", [0.0, 0.1])
    def test_it_is_minus_the_log_probability_of_the_number(self, smoothing: float) -> None:
        logits = np.random.default_rng(7).normal(0, 3, (5, 56)).astype(np.float32)
        found = float(strategy_of().loss(smoothing)(self.targets(), logits))
        assert found == pytest.approx(numpy_loss(self.NUMBERS, logits, smoothing), rel=1e-5)

    @pytest.mark.parametrize("smoothing", [0.0, 0.1])
    def test_slots_beyond_the_length_teach_the_digits_nothing(self, smoothing: float) -> None:
        import tensorflow as tf

        logits = tf.Variable(np.random.default_rng(8).normal(0, 3, (5, 56)).astype(np.float32))
        with tf.GradientTape() as tape:
            loss = strategy_of().loss(smoothing)(self.targets(), logits)
        gradient = np.asarray(tape.gradient(loss, logits))
        digits = gradient[:, :50].reshape(-1, 5, 10)
        assert not digits[self.NUMBERS == BLANK].any()
        assert (np.abs(digits[self.NUMBERS != BLANK]).max(-1) > 0).all()
        assert (np.abs(gradient[:, 50:]).max(-1) > 0).all()


@pytest.mark.parametrize("slots", SLOTS)
def test_with_a_length_there_is_one_unit_more_than_without(slots: int) -> None:
    # Two convolutions; a slot has ten units for eleven, and there are the lengths 0 to slots.
    convolutions, flat = 32 * 9 + 32 + 64 * 9 * 32 + 64, 768 * (14 * slots - 2)
    for length, units in ((False, 11 * slots), (True, 11 * slots + 1)):
        model = strategy_of(slots, length, "baseline").training_model()
        assert model.count_params() == convolutions + units * (flat + 1)


@pytest.mark.slow
def test_a_run_with_a_length_is_read_from_its_folder_and_in_8_bits(toys: Toys, tmp_path: Path) -> None:
    settings = toys.settings(
        slots=3,
        heads={"length": True},
        train={"epochs": 2, "strips": 2000, "batch_size": 16},
        evaluation={"validation_strips": 200, "test_strips": 300},
    )
    run = train(settings, tmp_path / "run")
    assert run.settings.options("heads") == {"length": True}
    assert run.metrics["test"]["sequence_accuracy"] > 0.9

    strategy, strips = make(run.settings), StripStream(run.settings).fixed("test", 300).images
    model = strategy.training_model()
    model.load_weights(run.part(KERAS_MODEL))
    wanted = metrics.answers(Model(run.part(LITERT_MODEL)).probabilities(strips))
    (tmp_path / "int8.tflite").write_bytes(to_tflite(strategy.reading_model(model), strips[:128]))
    found = metrics.answers(Model(tmp_path / "int8.tflite").probabilities(strips))
    assert (found == wanted).all(-1).mean() > 0.95
