"""Test strips that tell contenders apart: the number, and what each answered with what confidence."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations, zip_longest

import numpy as np
from numpy.typing import NDArray

from multidigit import metrics
from multidigit.comparison.groups import Condition, Contender, group_by_strips
from multidigit.data.stream import make_stream
from multidigit.errors import DataError, MultidigitError
from multidigit.files import png_bytes
from multidigit.labels import slots_to_text

APART, NOBODY = 18, 6
"""Strips shown of a condition, at most: those that one read and another did not, and those that nobody read."""
CONDITIONS = 4
"""Of a sweep as many conditions are shown, spread evenly: strips of each have to be drawn anew."""


@dataclass(frozen=True)
class Answer:
    """What one contender answered for a strip; the text is empty where it saw no digit."""

    contender: Contender
    text: str
    confidence: float
    right: bool


@dataclass(frozen=True)
class Card:
    """One strip: its number, a PNG as a data address, its width in pixels, and every contender's answer."""

    number: str
    image: str
    width: int
    answers: tuple[Answer, ...]


def cards(condition: Condition) -> list[Card]:
    """The strips of one condition that are worth a look, of one seed; none where nobody read any wrongly.

    Raises:
        MultidigitError: the strips cannot be drawn again, for the digits are missing or changed.
    """
    # Of the seed that most contenders have a run of.
    read = max(group_by_strips(condition), key=len, default=[])
    if not read:
        return []
    slots = read[0][1].answers["slots"]
    confidence = np.stack([run.answers["confidence"] for _, run in read])
    right = np.stack([metrics.right(slots, run.answers["answers"]) for _, run in read])
    chosen = picked(right, confidence)
    if not chosen:
        return []
    run = read[0][1]
    strips = make_stream(run.settings).fixed("test", len(slots))
    if not np.array_equal(strips.slots, slots):
        raise DataError(f"{run.path}: its test strips cannot be drawn again: the digits or what draws them changed")
    return [
        Card(
            slots_to_text(slots[index]),
            _address(strips.images[index]),
            strips.images.shape[2],
            tuple(
                Answer(
                    contender,
                    slots_to_text(run.answers["answers"][index]),
                    float(run.answers["confidence"][index]),
                    bool(is_right),
                )
                for (contender, run), is_right in zip(read, right[:, index], strict=True)
            ),
        )
        for index in chosen
    ]


def picked(right: NDArray[np.bool_], confidence: NDArray[np.floating]) -> list[int]:
    """Which strips to show: in turn for every two contenders those that the first read and the second did not, then
    those that nobody read; of each kind those of the highest confidence first.

    Args:
        right: shape (contenders, N).
        confidence: shape (contenders, N).
    """
    queues = []
    for a, b in permutations(range(len(right)), 2):
        found = np.flatnonzero(right[a] & ~right[b])
        queues.append(found[np.argsort(-confidence[[a, b]][:, found].min(0), kind="stable")])
    apart = dict.fromkeys(int(i) for turn in zip_longest(*queues) for i in turn if i is not None)
    wrong = np.flatnonzero(~right.any(0))
    surest = wrong[np.argsort(-confidence[:, wrong].max(0), kind="stable")]
    # A single contender differs from no other.
    return [*list(apart)[:APART], *map(int, surest[: NOBODY if len(right) > 1 else APART])]


def spread(conditions: Sequence[Condition]) -> list[Condition]:
    """At most ``CONDITIONS`` of the conditions, spread evenly."""
    if len(conditions) <= CONDITIONS:
        return list(conditions)
    return [conditions[index] for index in np.linspace(0, len(conditions) - 1, CONDITIONS).round().astype(int)]


def gallery(conditions: Sequence[Condition]) -> tuple[list[tuple[Condition, list[Card]]], list[str]]:
    """The cards of every condition shown that has any, and why others cannot be drawn again."""
    found, faults = [], []
    for condition in spread(conditions):
        try:
            if drawn := cards(condition):
                found.append((condition, drawn))
        except MultidigitError as fault:
            faults.append(str(fault))
    return found, faults


def _address(strip: NDArray[np.uint8]) -> str:
    from PIL import Image

    return f"data:image/png;base64,{base64.b64encode(png_bytes(Image.fromarray(strip))).decode()}"
