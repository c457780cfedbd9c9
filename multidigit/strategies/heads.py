"""Five softmax heads over one shared feature map: of 11 classes each, or of the ten digits and beside them a length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multidigit.labels import BLANK, CLASSES, SLOTS, lengths, slots_to_vector
from multidigit.settings import Section
from multidigit.strategies.base import Backbone, Strategy, picture_input, slot_logits

if TYPE_CHECKING:
    import keras
    from keras import KerasTensor

DIGITS = BLANK
"""Classes of a slot that is known to hold a digit."""
LENGTHS = SLOTS + 1
"""Lengths 0 to 5. The paper has a seventh for longer numbers, which strips cannot hold; none of ours has length 0."""
_HOLDS = np.triu(np.ones((SLOTS, LENGTHS), np.float32), 1)
"""1 where a number of length l has a digit in slot s, s < l; shape (5, 6)."""
_UNLIKELY = -14.0
"""The least that the logarithm of a length's probability counts as."""


class Heads(Strategy):
    """Categorical cross-entropy, one term per head; reads the arg max of each head.

    With ``heads.length: true`` it is the model of Goodfellow et al. 2013 (arXiv 1312.6082, section 4): a softmax over
    the length L of the number and one over the ten digits for each slot, P(S) = P(L) · ∏ P(d_s) over the slots s < L.
    Training maximises log P(S), so slots after the last digit teach the digits nothing; reading takes the likeliest S.
    """

    class Options(Section):
        """What stands under ``heads`` in the settings."""

        length: bool = False
        """Ten classes a slot and a softmax over the lengths 0 to 5, instead of a class for "no digit here"."""

    def __init__(self, name: str, options: Section, backbone: Backbone) -> None:
        super().__init__(name, options, backbone)
        # A strategy derived from this one may have options of its own, and these not among them.
        self._length = isinstance(options, Heads.Options) and options.length

    def training_model(self) -> keras.Model:
        import keras

        strips, pixels = picture_input(SLOTS)
        features = self.backbone.features(pixels, SLOTS)
        logits = _sequence_logits(features) if self._length else slot_logits(features, SLOTS)
        return keras.Model(strips, logits, name="heads")

    def loss(self, label_smoothing: float) -> keras.losses.Loss:
        import keras

        if self._length:
            return _sequence_loss(label_smoothing)
        return keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=label_smoothing)

    def examples(self, images: NDArray[np.uint8], slots: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
        targets = slots_to_vector(slots).reshape(-1, SLOTS, CLASSES)
        if not self._length:
            return images, targets
        # Without its blank, a slot that holds no digit is a row of zeros.
        digits = targets[..., :DIGITS].reshape(-1, SLOTS * DIGITS)
        return images, np.concatenate([digits, np.eye(LENGTHS, dtype=np.float32)[lengths(slots)]], axis=1)

    def reading_model(self, training_model: keras.Model) -> keras.Model:
        import keras

        logits = training_model.output
        if self._length:
            probabilities = _sequence_probabilities(logits)
        else:
            probabilities = keras.layers.Softmax(name="probabilities")(logits)
        return keras.Model(training_model.input, probabilities, name="heads_reading")


def _sequence_logits(features: KerasTensor) -> KerasTensor:
    """Logits (N, 56): ten of a digit for each slot, then six of the length."""
    from keras import layers

    # Features by slot share the ten units of a slot; features of the whole strip feed fifty.
    units = DIGITS if len(features.shape) == 3 else SLOTS * DIGITS
    digits = layers.Flatten(name="slots")(layers.Dense(units, name="digits")(features))
    length = layers.Dense(LENGTHS, name="length")(layers.Flatten(name="whole")(features))
    return layers.Concatenate(name="sequence")([digits, length])


def _sequence_loss(label_smoothing: float) -> keras.losses.Loss:
    """-log P(S) between targets and logits of shape (N, 56), its mean over the strips."""
    import keras
    from keras import ops

    def cross_entropy(targets: Any, logits: Any) -> Any:
        # Smoothing spreads what a row of targets holds: in a slot without a digit, nothing.
        spread = ops.sum(targets, -1, keepdims=True) / targets.shape[-1]
        targets = (1 - label_smoothing) * targets + label_smoothing * spread
        return -ops.sum(targets * ops.log_softmax(logits, -1), -1)

    class SequenceLoss(keras.losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            (digits, length), (digit_logits, length_logits) = _parts(y_true), _parts(y_pred)
            return cross_entropy(length, length_logits) + ops.sum(cross_entropy(digits, digit_logits), -1)

    return SequenceLoss(name="sequence")


def _sequence_probabilities(logits: KerasTensor) -> KerasTensor:
    """Probabilities (N, 5, 11) from logits (N, 56), such that the likeliest class of each slot spells the likeliest S.

    They are the slots' marginals: P(slot s holds digit k) = P(L > s) · P(d_s = k), P(slot s is blank) = P(L ≤ s). Now
    and then their arg max spells another number: several lengths together outweigh the likeliest one, or a slot surely
    holds a digit of which nobody knows which. There they are the marginals given the length of the likeliest number:
    surely a digit in every slot before that length, surely none after it.
    """
    from keras import ops

    digit_logits, length_logits = _parts(logits)
    # Section 4 of the paper: given its length, the likeliest number has the likeliest digit in each slot, so that one
    # running sum finds the likeliest of all lengths. Every slot's likeliest digit has at least 1/10 and some length at
    # least 1/6, so a length below exp(-13.4) never wins; cut off there, what is compared keeps its order in 8 bits.
    best = ops.matmul(ops.max(ops.log_softmax(digit_logits, -1), -1), _HOLDS)
    scores = best + ops.maximum(ops.log_softmax(length_logits, -1), _UNLIKELY)  # (N, 6)
    # Keras' arg max is partly made of what LiteRT lacks. The first of the best lengths lies beyond slot s where none of
    # those up to s is among the best.
    top = ops.cast(scores >= ops.max(scores, -1, keepdims=True), "float32")
    decoded = ops.cast(ops.matmul(top, 1 - _HOLDS.T) < 0.5, "float32")  # (N, 5): 1 where the number has a digit

    digits = ops.softmax(digit_logits, -1)
    # A sum of probabilities may round to just above 1.
    held = ops.minimum(ops.matmul(ops.softmax(length_logits, -1), _HOLDS.T), 1.0)  # (N, 5): P(L > s)
    # Of two that are equally likely the digit is read, for it stands before the blank.
    spelled = ops.cast(held * ops.max(digits, -1) >= 1 - held, "float32")
    agreed = ops.max(ops.abs(spelled - decoded), -1, keepdims=True) < 0.5
    held = ops.expand_dims(ops.where(agreed, held, decoded), -1)
    return ops.concatenate([held * digits, 1 - held], -1)


def _parts(sequence: Any) -> tuple[Any, Any]:
    """The digits' (N, 5, 10) and the length's (N, 6) part of logits or targets (N, 56)."""
    from keras import ops

    digits, length = sequence[:, : SLOTS * DIGITS], sequence[:, SLOTS * DIGITS :]
    return ops.reshape(digits, (-1, SLOTS, DIGITS)), length
