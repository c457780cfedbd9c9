"""heads with a length: the loss and the reading against plain numpy, and the way from settings to an 8-bit file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Toys
from numpy.typing import NDArray

from multidigit import metrics
from multidigit.digits.base import Digits
from multidigit.errors import SettingsError
from multidigit.export import export_run
from multidigit.labels import BLANK, CELL, CLASSES, SLOTS, WIDTH, text_to_slots, texts_to_slots
from multidigit.reading.inference import Model
from multidigit.runs import LITERT_MODEL, Run
from multidigit.settings import validate
from multidigit.strategies.base import Strategy, make
from multidigit.strips.compose import Composer, Strips
from multidigit.training import train
from multidigit.training.conversion import to_tflite

UNITS = 56
"""Ten digits for each of five slots, then six lengths."""
BACKBONES = {"compact": 0.25, "streetview": 0.0625, "thread": 1.0}
"""Backbones and the widths to try them at."""


def strategy_of(backbone: str = "compact", layout: str = "structured", length: bool = True) -> Strategy:
    return make(
        validate(
            {
                "strategy": "heads",
                "heads": {"length": length},
                "backbone": {"name": backbone, "width": BACKBONES[backbone]},
                "layout": layout,
            }
        )
    )


def strips(digits: Digits, layout: str = "structured", count: int = 8) -> Strips:
    return Composer(digits, validate({"layout": layout}).layout, 5).compose(count, np.random.default_rng(1))


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    powers = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


def distributions(logits: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """P(d_s = k), shape (5, 10), and P(L = l), shape (6,), of one strip's 56 logits."""
    return softmax(logits[:50].reshape(SLOTS, 10)), softmax(logits[50:])


def likeliest(logits: NDArray[np.floating]) -> tuple[NDArray[np.uint8], float]:
    """The slots of the likeliest number, every length tried, and how far its log probability lies above the next's."""
    digits, length = distributions(logits)
    scores = [np.log(length[count]) + sum(np.log(digits[slot].max()) for slot in range(count)) for count in range(6)]
    count = int(np.argmax(scores))
    slots = np.full(SLOTS, BLANK, np.uint8)
    slots[:count] = digits[:count].argmax(-1)
    return slots, float(np.diff(np.sort(scores))[-1])


def marginals(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities (5, 11) of what each slot holds, summed over every length."""
    digits, length = distributions(logits)
    summed = np.zeros((SLOTS, CLASSES))
    for count, probability in enumerate(length):
        for slot in range(SLOTS):
            if slot < count:
                summed[slot, :BLANK] += probability * digits[slot]
            else:
                summed[slot, BLANK] += probability
    return summed


def given_length(logits: NDArray[np.floating], count: int) -> NDArray[np.float64]:
    digits, _ = distributions(logits)
    found = np.zeros((SLOTS, CLASSES))
    found[:count, :BLANK] = digits[:count]
    found[count:, BLANK] = 1
    return found


def logits_of(digits: list[list[float]], length: list[float]) -> NDArray[np.float32]:
    """Logits with the given probabilities; what a row leaves of 1 is shared out among its other classes."""
    filled = []
    for row, classes in [*((row, 10) for row in digits), (length, 6)]:
        rest = (1 - sum(row)) / max(1, classes - len(row))
        filled.append(np.log(np.maximum([*row, *[rest] * (classes - len(row))], 1e-30)))
    return np.concatenate(filled).astype(np.float32)


@pytest.fixture(scope="module")
def reading() -> Any:
    """The reading model upon a network that yields the logits it is given."""
    import keras

    logits = keras.Input((UNITS,))
    return strategy_of().reading_model(keras.Model(logits, keras.layers.Identity()(logits)))


class TestReading:
    @pytest.mark.parametrize("spread", [0.3, 1.0, 3.0, 12.0])
    def test_it_spells_the_likeliest_of_all_numbers(self, reading: Any, spread: float) -> None:
        logits = np.random.default_rng(5).normal(0, spread, (400, UNITS)).astype(np.float32)
        found = np.asarray(reading(logits))
        assert (found.shape, found.dtype) == ((400, SLOTS, CLASSES), np.float32)
        assert found.min() >= 0
        assert np.allclose(found.sum(-1), 1, atol=1e-5)
        disagreed = 0
        for row, answer, shown in zip(logits, metrics.answers(found), found, strict=True):
            slots, margin = likeliest(row)
            assert margin > 1e-5, "too close to call in single precision; take another seed"
            assert np.array_equal(answer, slots)
            if np.array_equal(marginals(row).argmax(-1), slots):
                assert np.allclose(shown, marginals(row), atol=1e-5)
            else:
                disagreed += 1
                assert np.allclose(shown, given_length(row, int((slots != BLANK).sum())), atol=1e-5)
        # Both ways were gone.
        assert 0 < disagreed < 400

    def test_longer_numbers_together_do_not_outweigh_the_likeliest(self, reading: Any) -> None:
        # A second digit is there with 0.6, yet 1 alone has 0.4 and 12 and 123 have 0.3 each.
        row = logits_of([[0, 1], [0, 0, 1], [0, 0, 0, 1], [1], [1]], [0, 0.4, 0.3, 0.3])
        assert marginals(row).argmax(-1).tolist() == [1, 2, BLANK, BLANK, BLANK]
        found = np.asarray(reading(row[None]))
        assert np.array_equal(metrics.answers(found)[0], text_to_slots("1"))
        assert np.allclose(found[0], given_length(row, 1), atol=1e-6)

    def test_shorter_numbers_together_do_not_outweigh_the_likeliest(self, reading: Any) -> None:
        # A third digit is there with 0.4 only, yet 123 has 0.4, and 1 and 12 have 0.3 each.
        row = logits_of([[0, 1], [0, 0, 1], [0, 0, 0, 1], [1], [1]], [0, 0.3, 0.3, 0.4])
        assert marginals(row).argmax(-1).tolist() == [1, 2, BLANK, BLANK, BLANK]
        found = np.asarray(reading(row[None]))
        assert np.array_equal(metrics.answers(found)[0], text_to_slots("123"))
        assert np.allclose(found[0], given_length(row, 3), atol=1e-6)

    def test_a_digit_that_nobody_can_tell_leaves_no_hole(self, reading: Any) -> None:
        # Three digits with 0.7, but the second could be any of five: 1 has 0.3, and 123 no more than 0.7 · 0.24.
        row = logits_of([[0, 1], [0, 0, 0.24, 0.19, 0.19, 0.19, 0.19], [0, 0, 0, 1], [1], [1]], [0, 0.3, 0, 0.7])
        assert marginals(row).argmax(-1).tolist() == [1, BLANK, 3, BLANK, BLANK]
        found = np.asarray(reading(row[None]))
        assert np.array_equal(metrics.answers(found)[0], text_to_slots("1"))
        assert np.allclose(found[0], given_length(row, 1), atol=1e-6)

    def test_a_strip_may_hold_nothing(self, reading: Any) -> None:
        row = logits_of([[1]] * 5, [0.98])
        assert (metrics.answers(np.asarray(reading(row[None]))) == BLANK).all()

    def test_equally_likely_lengths_are_read_as_the_shorter(self, reading: Any) -> None:
        row = np.zeros(UNITS, np.float32)
        assert (metrics.answers(np.asarray(reading(row[None]))) == BLANK).all()

    def test_logits_of_any_size_are_read(self, reading: Any) -> None:
        logits = np.random.default_rng(6).normal(0, 1000, (200, UNITS)).astype(np.float32)
        found = np.asarray(reading(logits))
        assert np.isfinite(found).all()
        digits, length = logits[:, :50].reshape(-1, SLOTS, 10), logits[:, 50:].argmax(-1)
        wanted = np.where(np.arange(SLOTS) < length[:, None], digits.argmax(-1), BLANK)
        assert np.array_equal(metrics.answers(found), wanted)


def numpy_loss(slots: NDArray[np.uint8], logits: NDArray[np.float32], smoothing: float) -> float:
    """-log P(L) - Σ log P(d_s) over the slots that hold a digit, its mean over the strips."""

    def term(probabilities: NDArray[np.float64], true: int) -> float:
        logs = -np.log(probabilities)
        return float((1 - smoothing) * logs[true] + smoothing * logs.mean())

    losses = []
    for row, truth in zip(logits, slots, strict=True):
        digits, length = distributions(row)
        held = [slot for slot in range(SLOTS) if truth[slot] != BLANK]
        losses.append(term(length, len(held)) + sum(term(digits[slot], int(truth[slot])) for slot in held))
    return float(np.mean(losses))


class TestLoss:
    SLOTS_ = texts_to_slots(["7", "31", "905", "1234", "88888"])

    def targets(self) -> NDArray[np.float32]:
        images = np.zeros((len(self.SLOTS_), CELL, WIDTH), np.uint8)
        inputs, targets = strategy_of().examples(images, self.SLOTS_)
        assert inputs is images
        return targets

    def test_targets_are_a_digit_for_each_slot_that_holds_one_and_a_length(self) -> None:
        targets = self.targets()
        assert (targets.shape, targets.dtype) == ((5, UNITS), np.float32)
        assert np.flatnonzero(targets[2]).tolist() == [9, 10, 25, 53]
        assert np.flatnonzero(targets[4]).tolist() == [8, 18, 28, 38, 48, 55]

    @pytest.mark.parametrize("smoothing", [0.0, 0.1])
    def test_it_is_what_numpy_makes_of_it(self, smoothing: float) -> None:
        logits = np.random.default_rng(7).normal(0, 3, (5, UNITS)).astype(np.float32)
        found = float(strategy_of().loss(smoothing)(self.targets(), logits))
        assert found == pytest.approx(numpy_loss(self.SLOTS_, logits, smoothing), rel=1e-5)

    @pytest.mark.parametrize("smoothing", [0.0, 0.1])
    def test_slots_beyond_the_length_teach_the_digits_nothing(self, smoothing: float) -> None:
        import tensorflow as tf

        logits = tf.Variable(np.random.default_rng(8).normal(0, 3, (5, UNITS)).astype(np.float32))
        with tf.GradientTape() as tape:
            loss = strategy_of().loss(smoothing)(self.targets(), logits)
        gradient = np.asarray(tape.gradient(loss, logits))
        digits = gradient[:, :50].reshape(-1, SLOTS, 10)
        assert not digits[self.SLOTS_ == BLANK].any()
        assert (np.abs(digits[self.SLOTS_ != BLANK]).max(-1) > 0).all()
        assert (np.abs(gradient[:, 50:]).max(-1) > 0).all()


@pytest.mark.parametrize(
    ("backbone", "layout"),
    [("compact", "structured"), ("compact", "free"), ("streetview", "structured"), ("thread", "structured")],
)
def test_it_learns_and_exports_on_every_backbone(
    backbone: str, layout: str, toy_digits: Digits, tmp_path: Path
) -> None:
    import keras

    keras.utils.set_random_seed(0)
    strategy, batch = strategy_of(backbone, layout), strips(toy_digits, layout)
    model = strategy.training_model()
    assert model.output_shape == (None, UNITS)
    reading_model = strategy.reading_model(model)
    assert {id(weight) for weight in reading_model.weights} == {id(weight) for weight in model.weights}
    model.compile(keras.optimizers.Adam(0.002), strategy.loss(0.0), run_eagerly=True)
    inputs, targets = strategy.examples(batch.images, batch.slots)
    losses = [float(model.train_on_batch(inputs, targets)) for _ in range(4)]
    assert losses[-1] < 0.95 * losses[0]
    path = tmp_path / "reader.tflite"
    path.write_bytes(to_tflite(reading_model))
    assert np.allclose(Model(path).probabilities(batch.images), np.asarray(reading_model(batch.images)), atol=1e-5)


@pytest.fixture(scope="module")
def run(toys: Toys, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that reads structured strips of toy digits, the length beside them."""
    settings = toys.settings(
        heads={"length": True},
        train={"epochs": 2, "strips": 2000, "batch_size": 16},
        evaluation={"validation_strips": 200, "test_strips": 300},
    )
    return train(settings, tmp_path_factory.mktemp("length") / "run")


class TestRun:
    def test_it_learns_and_says_in_its_settings_how(self, run: Run) -> None:
        assert run.settings.options("heads") == {"length": True}
        assert run.metrics["test"]["sequence_accuracy"] > 0.9

    def test_it_is_built_anew_from_its_folder_and_reads_the_same_in_8_bits(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # What a network of a few seconds may lose in 8 bits is looked at here, not refused.
        monkeypatch.setattr("multidigit.export.BUDGET", 0.05)
        told = export_run(run, "float", tmp_path / "float.tflite")
        assert (told["changed"], told["strips"]) == (0, 300)
        told = export_run(run, "int8", tmp_path / "int8.tflite")
        assert told["bytes"] < 0.7 * run.part(LITERT_MODEL).stat().st_size
        assert abs(told["sequence_accuracy"] - told["before"]) <= 0.05
        assert told["changed"] <= 0.05 * told["strips"]


def test_without_the_option_nothing_changes() -> None:
    plain = make(validate({"strategy": "heads", "backbone": "thread", "layout": "structured"}))
    off = strategy_of("thread", length=False)
    for strategy in (plain, off):
        model = strategy.training_model()
        assert model.count_params() == 2_891_191
        assert model.output_shape == (None, SLOTS, CLASSES)
    # Two convolutions, and 56 units where there were 55: one fewer for each slot, six for the length.
    features = 32 * 9 + 32 + 64 * 9 * 32 + 64
    flat = 768 * (14 * SLOTS - 2)
    assert strategy_of("thread").training_model().count_params() == features + UNITS * (flat + 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": "perhaps"}, r"^settings: heads\.length: .*boolean.*received 'perhaps'$"),
        ({"length": 2}, r"^settings: heads\.length: .*received 2$"),
        ({"lenght": True}, r"^settings: unknown key 'heads\.lenght'; did you mean 'length'\?$"),
    ],
)
def test_a_bad_option_is_told_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        validate({"heads": options})
