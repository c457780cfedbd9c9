"""The error budget: how much of a model's error is polarity, length, place, picture quality or class.

The same model reads the same test strips again and again, each time with more help:

| stage | what is given |
|---|---|
| ``guessed`` | nothing: the strip is a picture, which may be dark ink on light, and is read as pictures are |
| ``read`` | the true polarity: strips as they are, as a test reads them |
| ``length`` | and the true length: the answer is the likeliest of the numbers that are as long |
| ``cuts`` | and the true cuts: each digit is read alone, in the first cell, with the effects that its strip has |
| ``clean`` | and a flawless picture: the same without effects |

What a stage gains over the one before it is the share of the error that its help takes away, and what is still wrong in
the end is a matter of class: a digit alone and clean, taken for another. So the shares add up to the whole error. They
depend on the order in which help is given, and one may be below 0, where a network gets worse by what should help it:
one that was never shown a whole digit alone reads worse from true cuts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multidigit import metrics
from multidigit.labels import BLANK, SLOTS, lengths
from multidigit.pictures import candidates
from multidigit.reading.calibration import Calibration
from multidigit.reading.decoding import Knowledge, decode
from multidigit.strips.compose import Strips
from multidigit.strips.stream import StripStream

if TYPE_CHECKING:
    from multidigit.reading.inference import Model

STRIPS = 2_048
"""Strips that are read again at most: whole chunks of the composer, so that they are the first of the test strips."""
STAGES = ("guessed", "read", "length", "cuts", "clean")
"""In the order in which help is given."""
CAUSES = ("polarity", "length", "place", "quality", "class")
"""Of errors: what the second stage and each one after it takes away, and what is left."""
_COIN = 0x901A2
"""Seed of the coin that says which strips are inverted: for every run the same ones."""


def error_budget(
    model: Model, stream: StripStream, test: Strips, calibration: Calibration | None = None
) -> dict[str, Any]:
    """The budget of a model's error.

    Args:
        model: what reads.
        stream: where the test strips are from.
        test: its fixed strips of the split ``test``; the first ``STRIPS`` are read again.
        calibration: of what the model says; it decides between the two polarities of a picture.

    Returns:
        See ``shared_out``.
    """
    strips = Strips(test.images[:STRIPS], test.slots[:STRIPS])
    said = model.probabilities(strips.images)
    right = {
        "guessed": metrics.right(strips.slots, _guessed(model, strips.images, said, calibration or Calibration())),
        "read": metrics.right(strips.slots, metrics.answers(said)),
        "length": metrics.right(strips.slots, _of_length(said, lengths(strips.slots))),
        "cuts": _right_alone(model, strips.slots, stream.alone("test", strips)),
    }
    # Without effects the digits would be the same.
    right["clean"] = (
        _right_alone(model, strips.slots, stream.alone("test", strips, affected=False))
        if stream.affected
        else right["cuts"]
    )
    return shared_out(len(strips), {stage: int(right[stage].sum()) for stage in STAGES})


def shared_out(strips: int, right: dict[str, int]) -> dict[str, Any]:
    """A budget in plain Python values that JSON keeps as they are.

    Args:
        strips: how many were read.
        right: how many were right at each stage.

    Returns:
        ``strips``; the sequence accuracy of each of ``STAGES``, 0 to 1; and ``shares``, of each of ``CAUSES`` the share
        of all strips that is wrong because of it, -1 to 1. These add up to 1 less the accuracy ``guessed``.
    """
    counts = [*(right[stage] for stage in STAGES), strips]
    gains = zip(CAUSES, counts[1:], counts[:-1], strict=True)
    return {
        "strips": strips,
        **{stage: right[stage] / strips for stage in STAGES},
        "shares": {cause: (after - before) / strips for cause, after, before in gains},
    }


def _guessed(
    model: Model, images: NDArray[np.uint8], said: NDArray[np.float32], calibration: Calibration
) -> NDArray[np.uint8]:
    """Answers, (N, 5), where half of the strips are inverted, and it is not known which.

    Args:
        model: what reads.
        images: the strips as they are.
        said: what the model says of these.
        calibration: of what it says.
    """
    inverted = np.random.default_rng(_COIN).random(len(images)) < 0.5
    found = [candidates(255 - image if dark else image, SLOTS) for image, dark in zip(images, inverted, strict=True)]
    counts = np.array([len(each) for each in found])
    strip = np.repeat(np.arange(len(images)), counts)
    seen = np.concatenate(found)
    # Most pictures stand for one strip, the very one that has been read.
    other = (seen != images[strip]).any((1, 2))
    of_seen = said[strip]
    of_seen[other] = model.probabilities(seen[other])
    of_seen = calibration.apply(of_seen)
    # Of several the surest, as a reader takes it; of equally sure ones the likelier strip, which comes first.
    order = np.lexsort((-decode(of_seen).confidence[:, 0], strip))
    return metrics.answers(of_seen[order[np.cumsum(counts) - counts]])


def _of_length(said: NDArray[np.float32], length: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Answers, (N, 5), of which each is a number of the length given, or none where that is 0."""
    answers = np.full((len(said), SLOTS), BLANK, np.uint8)
    for digits in range(1, SLOTS + 1):
        rows = length == digits
        answers[rows] = decode(said[rows], Knowledge((digits, digits))).slots[:, 0]
    return answers


def _right_alone(model: Model, slots: NDArray[np.uint8], alone: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which strips have every digit right where each is read alone, (N,); those without a number have.

    Args:
        model: what reads.
        slots: the truth.
        alone: strips with one digit, in the first cell, (N, 5, 28, 140).
    """
    right = np.ones(len(slots), np.bool_)
    for slot in range(SLOTS):
        # One wrong digit is enough.
        rows = np.flatnonzero(right & (slots[:, slot] != BLANK))
        digits = model.probabilities(alone[rows, slot])[:, 0, :BLANK].argmax(-1)
        right[rows] = digits == slots[rows, slot]
    return right
