"""The figures of measures once more, as tables: for those who want the numbers, and for the report in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from multidigit.comparison.groups import Contender
from multidigit.metrics import TARGET
from multidigit.report import means

_LOOKS = 6
"""Epochs after which learning is told, at most."""
_MISTAKES = 5
"""Most frequent ones that are told of a contender."""


@dataclass(frozen=True)
class Twin:
    """What a table tells of each contender.

    Attributes:
        caption: what it shows, in one line.
        heads: of its columns.
        cells: a contender's, one a column; none at all where there is nothing to tell of it.
    """

    caption: str
    heads: Sequence[str]
    cells: Callable[[Contender], Sequence[str]]


def learning(everybody: Sequence[Contender]) -> Twin:
    last = max(map(means.epochs, everybody))
    after = sorted({round(step * last / _LOOKS) or 1 for step in range(1, _LOOKS + 1)}) if last else []
    return Twin(
        "Validation numbers right",
        [f"epoch {epoch}" for epoch in after],
        lambda one: [_share(share) for share in means.learnt(one, after)] if means.epochs(one) else [],
    )


def slots(everybody: Sequence[Contender]) -> Twin:
    places = sorted({slot for one in everybody for slot in means.by_slot(one)})
    return Twin(
        "Digits right by slot",
        [f"slot {place}" for place in places],
        lambda one: [_share(means.by_slot(one).get(place)) for place in places],
    )


def lengths(everybody: Sequence[Contender]) -> Twin:
    places = sorted({length for one in everybody for length in means.by_length(one)[0]})
    return Twin(
        "Numbers right by length",
        [f"{place} digit{'s' if place != 1 else ''}" for place in places],
        lambda one: [_share(means.by_length(one)[0].get(place)) for place in places],
    )


def confusion(_: Sequence[Contender]) -> Twin:
    def mistakes(contender: Contender) -> list[str]:
        wrong = means.taken(contender)
        found = [
            f"{wrong[true, answered]:.1%} ({means.CLASS_NAMES[true]} as {means.CLASS_NAMES[answered]})"
            for true, answered in means.most_taken(wrong, _MISTAKES)
        ]
        return [*found, *[_share(None)] * (_MISTAKES - len(found))]

    return Twin(
        "Most frequent mistakes, as shares of the true class; a dash is a slot without a digit",
        ["most often", "second", "third", "fourth", "fifth"],
        mistakes,
    )


def confidence(_: Sequence[Contender]) -> Twin:
    measures = ("expected_calibration_error", "expected_calibration_error_before", "coverage_98")
    return Twin(
        "Calibration error, and share of the strips that can be answered",
        ["calibration error", "before calibration", f"coverage at {TARGET:.0%} accuracy"],
        lambda one: [_share(means.mean(one, measure)) for measure in measures],
    )


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.2%}"
