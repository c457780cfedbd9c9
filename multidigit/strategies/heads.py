"""A softmax head for each slot over shared features: of 11 classes, or of ten digits and beside them a length."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multidigit.labels import BLANK, CLASSES, lengths, slots_to_vector
from multidigit.settings import Section
from multidigit.strategies.base import Strategy, picture_input, slot_logits

if TYPE_CHECKING:
    import keras
    from keras import KerasTensor

DIGITS = BLANK
"""Classes of a slot that is known to hold a digit."""


class Heads(Strategy):
    """Categorical cross-entropy, one term per head; reads the arg max of each head.

    With ``heads.length: true`` it is the model of Goodfellow et al. 2013 (arXiv 1312.6082, section 4): a softmax over
    the length L of the number and one over the ten digits for each slot, P(S) = P(L) · ∏ P(d_s) over the slots s < L.
    Training maximises log P(S), so slots after the last digit teach the digits nothing; reading takes the likeliest S.
    """

    class Options(Section):
        """The section ``heads`` of the settings."""

        length: bool = False
        """Ten classes a slot and a softmax over the lengths 0 to slots, instead of a class for "no digit here"."""

    options: Options

    def training_model(self) -> keras.Model:
        import keras

        strips, pixels = picture_input(self.slots)
        features = self.backbone.features(pixels, self.slots)
        if self.options.length:
            logits = self._sequence_logits(features)
        else:
            logits = slot_logits(features, self.slots, self.backbone.per_slot)
        return keras.Model(strips, logits, name="heads")

    def loss(self, label_smoothing: float) -> keras.losses.Loss:
        import keras

        if self.options.length:
            return _sequence_loss(label_smoothing)
        return keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=label_smoothing)

    def examples(self, images: NDArray[np.uint8], slots: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
        targets = slots_to_vector(slots).reshape(-1, self.slots, CLASSES)
        if not self.options.length:
            return images, targets
        # Without its blank, a slot that holds no digit is a row of zeros.
        digits = targets[..., :DIGITS].reshape(-1, self.slots * DIGITS)
        return images, np.concatenate([digits, np.eye(self.slots + 1, dtype=np.float32)[lengths(slots)]], axis=1)

    def reading_model(self, training_model: keras.Model) -> keras.Model:
        import keras

        logits = training_model.output
        if self.options.length:
            probabilities = _sequence_probabilities(logits)
        else:
            probabilities = keras.layers.Softmax(name="probabilities")(logits)
        return keras.Model(training_model.input, probabilities, name="heads_reading")

    def _sequence_logits(self, features: KerasTensor) -> KerasTensor:
        """Logits (N, 11·slots + 1): ten of a digit for each slot, then those of the lengths 0 to slots."""
        from keras import layers

        # The paper has one more length, for longer numbers, which strips cannot hold.
        # Features by slot share the ten units of a slot; features of the whole strip feed the units of all slots.
        units = DIGITS if self.backbone.per_slot else self.slots * DIGITS
        digits = layers.Flatten(name="slots")(layers.Dense(units, name="digits")(features))
        length = layers.Dense(self.slots + 1, name="length")(layers.Flatten(name="whole")(features))
        return layers.Concatenate(name="sequence")([digits, length])


def _sequence_loss(label_smoothing: float) -> keras.losses.Loss:
    """-log P(S) between targets and logits of shape (N, 11·slots + 1), its mean over the strips."""
    import keras
    from keras import ops

    def cross_entropy(targets: Any, logits: Any) -> Any:
        # Smoothing spreads the sum of a row of targets, which is 0 in a slot without a digit.
        spread = ops.sum(targets, -1, keepdims=True) / targets.shape[-1]
        targets = (1 - label_smoothing) * targets + label_smoothing * spread
        return -ops.sum(targets * ops.log_softmax(logits, -1), -1)

    class SequenceLoss(keras.losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            # Keras may hide the targets' static shape: the logits' is always known.
            slots = (y_pred.shape[1] - 1) // CLASSES
            (digits, length), (digit_logits, length_logits) = _parts(y_true, slots), _parts(y_pred, slots)
            return cross_entropy(length, length_logits) + ops.sum(cross_entropy(digits, digit_logits), -1)

    return SequenceLoss(name="sequence")


def _sequence_probabilities(logits: KerasTensor) -> KerasTensor:
    """Probabilities (N, slots, 11) from logits, such that the likeliest class of each slot spells the likeliest S.

    They are the slots' marginals: P(slot s holds digit k) = P(L > s) · P(d_s = k), P(slot s is blank) = P(L ≤ s). Where
    their arg max spells another number, because several lengths together outweigh the likeliest one or because a slot
    holds a digit but no single one is likely, they are the marginals given the length of the likeliest number.
    """
    from keras import ops

    slots = (logits.shape[1] - 1) // CLASSES
    holds = np.triu(np.ones((slots, slots + 1), np.float32), 1)  # 1 where a number of length l has slot s: s < l
    digit_logits, length_logits = _parts(logits, slots)
    # Section 4 of the paper: given its length, the likeliest number has the likeliest digit in each slot, so that one
    # running sum compares all lengths. Every slot's likeliest digit has at least 1/10 and some length 1/(slots + 1), so
    # a length below their product never wins. Bounded there, scores keep their order in 8 bits.
    unlikely = -float(math.ceil(slots * math.log(DIGITS) + math.log(slots + 1)))
    best = ops.matmul(ops.max(ops.log_softmax(digit_logits, -1), -1), holds)
    scores = best + ops.maximum(ops.log_softmax(length_logits, -1), unlikely)  # (N, slots + 1)
    # LiteRT lacks parts of Keras' arg max. The number has a digit in slot s where no length up to s is among the best;
    # of equals the shortest is read.
    top = ops.cast(scores >= ops.max(scores, -1, keepdims=True), "float32")
    decoded = ops.cast(ops.matmul(top, 1 - holds.T) < 0.5, "float32")  # (N, slots): 1 where the number has a digit

    digits = ops.softmax(digit_logits, -1)
    # A sum of probabilities may round to just above 1.
    held = ops.minimum(ops.matmul(ops.softmax(length_logits, -1), holds.T), 1.0)  # (N, slots): P(L > s)
    # Of equals arg max takes the first, and digits come before the blank.
    spelled = ops.cast(held * ops.max(digits, -1) >= 1 - held, "float32")
    agreed = ops.max(ops.abs(spelled - decoded), -1, keepdims=True) < 0.5
    held = ops.expand_dims(ops.where(agreed, held, decoded), -1)
    return ops.concatenate([held * digits, 1 - held], -1)


def _parts(sequence: Any, slots: int) -> tuple[Any, Any]:
    """The digits' (N, slots, 10) and the length's (N, slots + 1) part of logits or targets (N, 11·slots + 1)."""
    from keras import ops

    digits, length = sequence[:, : slots * DIGITS], sequence[:, slots * DIGITS :]
    return ops.reshape(digits, (-1, slots, DIGITS)), length
