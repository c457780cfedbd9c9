"""Test strips that tell contenders apart: what the number was, what each answered, and how sure it was."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import permutations, zip_longest

import numpy as np
from numpy.typing import NDArray

from multidigit import metrics
from multidigit.comparison.groups import Condition, Contender, group_by_strips
from multidigit.errors import DataError, MultidigitError
from multidigit.labels import slots_to_text
from multidigit.strips.stream import StripStream

APART, NOBODY = 18, 6
"""Strips shown of a condition: those that one read and another did not, and those that nobody read."""
CONDITIONS = 4
"""Of a sweep as many conditions are shown, spread evenly: strips of each have to be drawn anew."""


@dataclass(frozen=True)
class Answer:
    """What one contender made of a strip; an empty text where it saw no digit."""

    contender: Contender
    text: str
    confidence: float
    right: bool


@dataclass(frozen=True)
class Card:
    """One strip: its number, a PNG as a data address, and every contender's answer."""

    number: str
    image: str
    answers: tuple[Answer, ...]


def cards(condition: Condition) -> list[Card]:
    """The strips of one condition that are worth a look, of one seed; none where nobody read any wrongly.

    Raises:
        MultidigitError: the strips cannot be drawn again, for the digits have gone or changed.
    """
    # Those of the seed that most have runs of.
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
    strips = StripStream(run.settings).fixed("test", len(slots))
    if not np.array_equal(strips.slots, slots):
        raise DataError(f"{run.path}: its test strips cannot be drawn again: the digits or what draws them changed")
    return [
        Card(
            slots_to_text(slots[index]),
            _address(strips.images[index]),
            tuple(
                Answer(
                    contender,
                    slots_to_text(run.answers["answers"][index]),
                    float(run.answers["confidence"][index]),
                    bool(was_right),
                )
                for (contender, run), was_right in zip(read, right[:, index], strict=True)
            ),
        )
        for index in chosen
    ]


def picked(right: NDArray[np.bool_], confidence: NDArray[np.floating]) -> list[int]:
    """Which strips to show: in turn for every two contenders those that the first read and the second did not, then
    those that nobody read; of each the ones about which they were surest.

    Args:
        right: shape (contenders, N).
        confidence: shape (contenders, N).
    """
    queues = []
    for a, b in permutations(range(len(right)), 2):
        found = np.flatnonzero(right[a] & ~right[b])
        queues.append(found[np.argsort(-confidence[[a, b]][:, found].min(0), kind="stable")])
    chosen = _first(APART, (int(i) for turn in zip_longest(*queues) for i in turn if i is not None))
    wrong = np.flatnonzero(~right.any(0))
    surest = wrong[np.argsort(-confidence[:, wrong].max(0), kind="stable")]
    # Alone there is nobody to differ from.
    return chosen + [int(i) for i in surest[: NOBODY if len(right) > 1 else APART]]


def shown(conditions: Sequence[Condition]) -> list[Condition]:
    """The conditions of which strips are shown."""
    if len(conditions) <= CONDITIONS:
        return list(conditions)
    return [conditions[index] for index in np.linspace(0, len(conditions) - 1, CONDITIONS).round().astype(int)]


def gallery(conditions: Sequence[Condition]) -> tuple[list[tuple[Condition, list[Card]]], list[str]]:
    """The cards of every condition shown that has any, and for those that cannot be drawn again why not."""
    found, faults = [], []
    for condition in shown(conditions):
        try:
            if drawn := cards(condition):
                found.append((condition, drawn))
        except MultidigitError as fault:
            faults.append(str(fault))
    return found, faults


def _first(count: int, values: Iterator[int]) -> list[int]:
    """So many different values."""
    found: dict[int, None] = {}
    for value in values:
        if len(found) == count:
            break
        found[value] = None
    return list(found)


def _address(strip: NDArray[np.uint8]) -> str:
    from PIL import Image

    data = BytesIO()
    Image.fromarray(strip).save(data, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"
