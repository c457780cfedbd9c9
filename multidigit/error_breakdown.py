"""The error breakdown: how much of a model's error is polarity, length, place, picture quality or class.

The same model reads the same test strips several times, each time with more help:

| stage | what is given |
|---|---|
| ``guessed`` | nothing: the strip is a picture, which may be dark ink on light, and is read as pictures are |
| ``read`` | the true polarity: strips as they are, as a test reads them |
| ``length`` | and the true length: the answer is the likeliest number of that length |
| ``cuts`` | and the true cuts: each digit is read alone, in the first cell, with the effects that its strip has |
| ``clean`` | and a flawless picture: the same without effects |

What a stage gains over the one before it is the share of the error that its help removes. What is still wrong in the
end is class: a digit alone and clean, taken for another. So the shares add up to the whole error. They depend on the
order in which help is given. A share may be below 0 where the help makes a network worse: one that never saw a single
digit in training reads worse from true cuts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multidigit import metrics
from multidigit.labels import BLANK, lengths
from multidigit.pictures.fitting import in_ink
from multidigit.reading.calibration import Calibration
from multidigit.reading.decoding import decode
from multidigit.reading.knowledge import Knowledge
from multidigit.strips.compose import Strips
from multidigit.strips.stream import StripStream

if TYPE_CHECKING:
    from multidigit.reading.inference import Model

STRIPS = 2_048
"""Test strips that are read again, at most: whole chunks of the composer, so that they are the first test strips."""
STAGES = ("guessed", "read", "length", "cuts", "clean")
"""In the order in which help is given."""
CAUSES = ("polarity", "length", "place", "quality", "class")
"""Of errors: what each stage from the second on removes, and what is left."""
_POLARITY_SEED = 0x901A2
"""Decides which strips are inverted: the same ones in every run."""


def break_down_errors(
    model: Model, stream: StripStream, test: Strips, calibration: Calibration | None = None
) -> dict[str, Any]:
    """The causes of a model's errors.

    Args:
        model: what reads.
        stream: where the test strips are from.
        test: its fixed strips of the split ``test``; the first ``STRIPS`` are read again.
        calibration: of the model's probabilities; it decides between the two polarities of a picture.

    Returns:
        See ``attribute_errors``.
    """
    strips = Strips(test.images[:STRIPS], test.slots[:STRIPS])
    probabilities = model.probabilities(strips.images)
    answers = {
        "guessed": _guess_polarity(model, strips.images, probabilities, calibration or Calibration()),
        "read": metrics.answers(probabilities),
        "length": _answers_of_length(probabilities, lengths(strips.slots)),
    }
    right = {stage: metrics.right(strips.slots, found) for stage, found in answers.items()}
    right["cuts"] = _right_alone(model, strips.slots, stream.alone("test", strips))
    # Without effects the digits would be the same.
    right["clean"] = (
        _right_alone(model, strips.slots, stream.alone("test", strips, affected=False))
        if stream.affected
        else right["cuts"]
    )
    return attribute_errors(len(strips), {stage: int(right[stage].sum()) for stage in STAGES})


def attribute_errors(strips: int, right: dict[str, int]) -> dict[str, Any]:
    """An error breakdown in plain Python values that JSON keeps as they are.

    Args:
        strips: how many were read.
        right: how many were right at each stage.

    Returns:
        ``strips``; the sequence accuracy of each of ``STAGES``, 0 to 1; and ``shares``, for each of ``CAUSES`` the
        share of all strips that is wrong because of it, -1 to 1. These add up to 1 less the accuracy ``guessed``.
    """
    counts = [*(right[stage] for stage in STAGES), strips]
    gains = zip(CAUSES, counts[1:], counts[:-1], strict=True)
    return {
        "strips": strips,
        **{stage: right[stage] / strips for stage in STAGES},
        "shares": {cause: (after - before) / strips for cause, after, before in gains},
    }


def _guess_polarity(
    model: Model, images: NDArray[np.uint8], probabilities: NDArray[np.float32], calibration: Calibration
) -> NDArray[np.uint8]:
    """Answers (N, slots) for strips of which half are inverted; ``probabilities`` are of the strips as they are."""
    inverted = np.random.default_rng(_POLARITY_SEED).random(len(images)) < 0.5
    found = [
        in_ink(255 - image if dark else image, stretched=False) for image, dark in zip(images, inverted, strict=True)
    ]
    counts = np.array([len(each) for each in found])
    strip = np.repeat(np.arange(len(images)), counts)
    seen = np.stack([strip for strips in found for strip in strips])
    # Most pictures stand for one strip, the very one that has been read.
    other = (seen != images[strip]).any((1, 2))
    of_seen = probabilities[strip]
    of_seen[other] = model.probabilities(seen[other])
    of_seen = calibration.apply(of_seen)
    # The most confident candidate, as a reader takes it; of equally confident ones the first, which is the likelier.
    order = np.lexsort((-decode(of_seen).confidence[:, 0], strip))
    return metrics.answers(of_seen[order[np.cumsum(counts) - counts]])


def _answers_of_length(probabilities: NDArray[np.float32], length: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The likeliest number of the given length for each strip, (N, slots); blank where the length is 0."""
    answers = np.full(probabilities.shape[:2], BLANK, np.uint8)
    for digits in np.unique(length[length > 0]).tolist():
        rows = length == digits
        answers[rows] = decode(probabilities[rows], Knowledge(probabilities.shape[1], (digits, digits))).slots[:, 0]
    return answers


def _right_alone(model: Model, slots: NDArray[np.uint8], alone: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Strips (N,) whose digits are all right when read alone; ``alone`` (N, slots, …) has each in the first cell."""
    right = np.ones(len(slots), np.bool_)
    for slot in range(slots.shape[1]):
        # One wrong digit is enough.
        rows = np.flatnonzero(right & (slots[:, slot] != BLANK))
        digits = model.probabilities(alone[rows, slot])[:, 0, :BLANK].argmax(-1)
        right[rows] = digits == slots[rows, slot]
    return right
