"""The figures of measures as tables: for readers who want the numbers, and for the report in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from multidigit.comparison.groups import Condition, Contender
from multidigit.metrics import TARGET
from multidigit.report import means
from multidigit.report.plots.drawing import Looks
from multidigit.report.tables import Line, Table, format_share
from multidigit.strips.corruptions import SEVERITIES

_EPOCHS = 6
"""Epochs in the table of learning, at most."""
_MISTAKES = 5
"""Most frequent mistakes of a contender in the table of confusion."""
Conditions = Sequence[Condition]


def learning_table(conditions: Conditions, looks: Looks) -> Table:
    last = max(means.epochs(one) for one in _contenders(conditions))
    after = sorted({round(step * last / _EPOCHS) or 1 for step in range(1, _EPOCHS + 1)}) if last else []
    return _table(
        conditions,
        looks,
        "Validation numbers right",
        [f"epoch {epoch}" for epoch in after],
        lambda one: [format_share(share) for share in means.learnt(one, after)] if means.epochs(one) else [],
    )


def slots_table(conditions: Conditions, looks: Looks) -> Table:
    slots = sorted({slot for one in _contenders(conditions) for slot in means.by_slot(one)})
    return _table(
        conditions,
        looks,
        "Digits right by slot",
        [f"slot {slot}" for slot in slots],
        lambda one: [format_share(means.by_slot(one).get(slot)) for slot in slots],
    )


def lengths_table(conditions: Conditions, looks: Looks) -> Table:
    lengths = sorted({length for one in _contenders(conditions) for length in means.by_length(one)[0]})
    return _table(
        conditions,
        looks,
        "Numbers right by length",
        [f"{length} digit{'s' if length != 1 else ''}" for length in lengths],
        lambda one: [format_share(means.by_length(one)[0].get(length)) for length in lengths],
    )


def confusion_table(conditions: Conditions, looks: Looks) -> Table:
    def mistakes(contender: Contender) -> list[str]:
        wrong = means.taken(contender)
        found = [
            f"{wrong[true, answered]:.1%} ({means.CLASS_NAMES[true]} as {means.CLASS_NAMES[answered]})"
            for true, answered in means.most_taken(wrong, _MISTAKES)
        ]
        return [*found, *["–"] * (_MISTAKES - len(found))]

    caption = "Most frequent mistakes, as shares of the true class; a dash is a slot without a digit"
    return _table(conditions, looks, caption, ["most often", "second", "third", "fourth", "fifth"], mistakes)


def breakdown_table(conditions: Conditions, looks: Looks) -> Table:
    def shares(contender: Contender) -> list[str]:
        found = means.shares_by_cause(contender)
        return [means.format_points(share) for share in (sum(found.values()), *found.values())] if found else []

    heads = ["wrong in all", *means.CAUSE_NAMES.values()]
    return _table(conditions, looks, "Numbers wrong by cause, in points", heads, shares)


def robustness_table(conditions: Conditions, looks: Looks) -> Table:
    def shares(contender: Contender) -> list[str]:
        found = [run.metrics["corruptions"] for run in contender.runs if "corruptions" in run.metrics]
        if not found:
            return []
        # A network that reads nothing has no share of that to keep.
        kept = [[one[key] for one in found if one[key] is not None] for key in ("clean", "mean", "relative")]
        measured = [format_share(float(np.mean(shares)) if shares else None) for shares in kept]
        errors = np.mean([one["calibration_error"] for one in found], 0)
        return [*measured, *map(format_share, errors.tolist())]

    degrees = [f"calibration error, degree {degree}" for degree in SEVERITIES]
    heads = ["clean", "mean of all corruptions", "relative to clean", *degrees]
    return _table(
        conditions, looks, "Numbers right under corruptions, and how far confidence can be trusted", heads, shares
    )


def confidence_table(conditions: Conditions, looks: Looks) -> Table:
    measures = ("expected_calibration_error", "expected_calibration_error_before", "coverage_98")
    return _table(
        conditions,
        looks,
        "Calibration error, and share of the strips that can be answered",
        ["calibration error", "before calibration", f"coverage at {TARGET:.0%} accuracy"],
        lambda one: [format_share(means.mean(one, measure)) for measure in measures],
    )


def _contenders(conditions: Conditions) -> list[Contender]:
    return [contender for condition in conditions for contender in condition.contenders]


def _table(
    conditions: Conditions,
    looks: Looks,
    caption: str,
    heads: Sequence[str],
    cells: Callable[[Contender], Sequence[str]],
) -> Table:
    """A line for each contender under each condition, but for those without cells."""
    lines = [
        Line([condition.label, one.label, *found], condition.layout, looks.index[one.strategy])
        for condition in conditions
        for one in condition.contenders
        if (found := cells(one))
    ]
    return Table(caption, ["strips", "strategy", *heads], lines)
