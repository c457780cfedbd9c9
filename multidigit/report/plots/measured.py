"""What was measured of the runs: accuracy against time, learning, slots and lengths, confusion, confidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from multidigit import metrics
from multidigit.comparison.groups import Condition, Contender
from multidigit.labels import CLASSES
from multidigit.metrics import TARGET
from multidigit.report import means
from multidigit.report.plots.drawing import (
    REFERENCE,
    SOFT,
    Chart,
    Drawing,
    accuracy_axis,
    errors,
    intervals,
    new_figure,
    percents,
)
from multidigit.show.coverage import ACROSS, curve
from multidigit.statistics import wilson_interval

BINS = 10
"""Of the reliability diagram; of equal width."""
POINTS = 150
"""Of a coverage curve: more cannot be seen."""
FEWEST = 0.02
"""Share of the strips from which on a coverage curve is drawn: one of two right is no 50 %."""


def time(drawing: Drawing, condition: Condition) -> list[Chart]:
    """Test accuracy of every run against the time that it took to train, with intervals."""
    figure, axes = new_figure()
    found, longest = [], 0.0
    for contender in condition.contenders:
        seconds = [run.metrics["training"]["seconds"] for run in contender.runs]
        tests = [run.metrics["test"] for run in contender.runs]
        right, strips = [test["sequence_accuracy"] for test in tests], tests[0]["strips"]
        several = len(tests) > 1
        ends = errors([test["sequence_interval"] for test in tests], strips)
        intervals(axes, seconds, ends, drawing.looks.of(contender), 0.45 if several else 1)
        if several:
            faint = drawing.looks.of(contender, linestyle="", alpha=0.45, markersize=3.5)
            axes.plot(seconds, errors(right, strips), **faint)
        mean_seconds, mean = float(np.mean(seconds)), float(np.mean(right))
        large = drawing.looks.of(contender, linestyle="", markersize=7)
        axes.plot([mean_seconds], errors([mean], strips), **large)
        found.append(f"{contender.label} {mean:.2%} after {mean_seconds:,.0f} s")
        longest = max(longest, *seconds)
    accuracy_axis(axes, "test numbers right")
    axes.set(xlim=(0, longest * 1.15), xlabel="training seconds")
    alt = f"Test numbers right against training seconds on {condition.label} strips: {'; '.join(found)}."
    return [drawing.chart(figure, f"{condition.label} strips", alt, condition.layout)]


def learning(drawing: Drawing, condition: Condition) -> list[Chart]:
    """Validation accuracy of every run during training."""
    figure, axes = new_figure()
    found, longest = [], 0.0
    for contender in condition.contenders:
        runs = [run for run in contender.runs if run.history]
        faint = {"alpha": 0.6, "linewidth": 1.1} if len(runs) > 1 else {}
        best = []
        for run in runs:
            seconds, right = zip(*((line["seconds"], line["sequence_accuracy"]) for line in run.history), strict=True)
            look = drawing.looks.of(contender, markersize=3, **faint)
            axes.plot(seconds, errors(right, run.settings.evaluation.validation_strips), **look)
            longest = max(longest, *seconds)
            best.append(max(right))
        if best:
            found.append(f"{contender.label} up to {np.mean(best):.2%}")
    if not found:
        return []
    accuracy_axis(axes, "validation numbers right")
    axes.set(xlim=(0, longest * 1.02), xlabel="training seconds")
    alt = f"Validation numbers right while training on {condition.label} strips: {'; '.join(found)}."
    return [drawing.chart(figure, f"{condition.label} strips", alt, condition.layout)]


def slots_and_lengths(drawing: Drawing, condition: Condition) -> list[Chart]:
    """Digits right in each slot, numbers right of each length; means over seeds."""
    by_slot = [means.by_slot(contender) for contender in condition.contenders]
    by_length, counts = zip(*(means.by_length(contender) for contender in condition.contenders), strict=True)
    return [
        _by(drawing, condition, by_slot, (), "digits right by slot", "slot", "digits right"),
        _by(drawing, condition, by_length, counts, "numbers right by length", "digits in the number", "numbers right"),
    ]


def _by(
    drawing: Drawing,
    condition: Condition,
    shares: Sequence[Mapping[int, float]],
    counts: Sequence[Mapping[int, int]],
    what: str,
    across: str,
    up: str,
) -> Chart:
    """Of each contender the shares by place, with intervals where the strips behind them are counted."""
    figure, axes = new_figure(height=2.7)
    # Beside each other, so that intervals do not hide one another.
    offsets = np.linspace(-0.12, 0.12, len(shares)) if len(shares) > 1 else [0.0]
    found = []
    for index, (contender, right) in enumerate(zip(condition.contenders, shares, strict=True)):
        strips, look = contender.runs[0].metrics["test"]["strips"], drawing.looks.of(contender)
        xs = np.array(list(right)) + offsets[index]
        axes.plot(xs, errors(list(right.values()), strips), **look)
        if counts:
            ends = [
                wilson_interval(round(right[place] * counts[index][place]), counts[index][place]) for place in right
            ]
            intervals(axes, xs, errors(ends, strips), look)
        found.append(f"{contender.label} " + ", ".join(f"{place}: {share:.1%}" for place, share in right.items()))
    accuracy_axis(axes, up)
    places = sorted({place for right in shares for place in right})
    axes.set(xticks=places, xlim=(places[0] - 0.4, places[-1] + 0.4), xlabel=across)
    alt = f"{what.capitalize()} on {condition.label} strips: {'; '.join(found)}."
    return drawing.chart(figure, f"{condition.label}: {what}", alt, condition.layout)


def confusion(drawing: Drawing, condition: Condition) -> list[Chart]:
    """Which class was taken for which, of every contender."""
    return [_confusion(drawing, condition, contender) for contender in condition.contenders]


def _confusion(drawing: Drawing, condition: Condition, contender: Contender) -> Chart:
    """A square for every pair of classes, the stronger the more often one was taken for the other; grey for right."""
    from matplotlib.collections import PatchCollection
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Rectangle

    wrong, colour = means.taken(contender), drawing.looks.colour(contender.strategy)
    figure, axes = new_figure(width=3.3, height=3.25)
    # All these figures have the same labels: a fixed place spares the time to find one.
    figure.set_layout_engine("none")
    axes.set_position((0.13, 0.13, 0.86, 0.86))
    # The cube root lets what is seldom show beside what is frequent.
    strength = 0.05 + 0.85 * np.cbrt(wrong)
    squares = [
        Rectangle(
            (column - 0.47, row - 0.47),
            0.94,
            0.94,
            facecolor=to_rgba(SOFT, 0.22) if row == column else to_rgba(colour, strength[row, column]),
        )
        for row, column in np.argwhere((wrong > 0) | np.eye(CLASSES, dtype=bool))
    ]
    axes.add_collection(PatchCollection(squares, match_original=True, linewidths=0))
    for row, column in np.argwhere(wrong >= 0.01):
        axes.text(column, row, f"{100 * wrong[row, column]:.0f}", ha="center", va="center", fontsize=6.5)
    axes.set(xlim=(-0.5, CLASSES - 0.5), ylim=(CLASSES - 0.5, -0.5), aspect="equal")
    axes.set_xticks(range(CLASSES), means.CLASS_NAMES)
    axes.set_yticks(range(CLASSES), means.CLASS_NAMES)
    axes.set(xlabel="answered", ylabel="true")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    spoken = [*means.CLASS_NAMES[:-1], "no digit"]
    found = [
        f"{spoken[true]} taken for {spoken[answered]} {wrong[true, answered]:.1%}"
        for true, answered in means.most_taken(wrong, 3)
    ]
    alt = f"Confusion of classes, {contender.label} on {condition.label} strips. "
    alt += f"Most often {'; '.join(found) or 'none'}."
    title = f"{condition.label}: {contender.label}"
    return drawing.chart(figure, title, alt, condition.layout, contender.strategy)


def reliability(drawing: Drawing, condition: Condition) -> list[Chart]:
    """How often answers of a certain confidence are right, against that confidence."""
    figure, axes = new_figure(height=3.2)
    axes.plot([0, 1], [0, 1], **REFERENCE)
    found = []
    for contender in condition.contenders:
        confidence, right = _pooled(contender)
        bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
        counts = np.bincount(bins, minlength=BINS)
        filled = np.flatnonzero(counts)
        sure = np.bincount(bins, confidence, BINS)[filled] / counts[filled]
        hits = np.bincount(bins, right, BINS)[filled]
        ends = [wilson_interval(int(hit), int(count)) for hit, count in zip(hits, counts[filled], strict=True)]
        look = drawing.looks.of(contender)
        intervals(axes, sure, np.array(ends), look, 0.5)
        axes.plot(sure, hits / counts[filled], **look)
        found.append(f"{contender.label} {means.mean(contender, 'expected_calibration_error'):.2%}")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="numbers right")
    percents(axes.xaxis)
    percents(axes.yaxis)
    axes.grid(True)
    alt = f"Reliability on {condition.label} strips; expected calibration error: {'; '.join(found)}."
    return [drawing.chart(figure, f"{condition.label}: reliability", alt, condition.layout)]


def coverage(drawing: Drawing, condition: Condition) -> list[Chart]:
    """The share of answers that are right when only the most confident ones are given."""
    figure, axes = new_figure(height=3.2)
    found = []
    for contender in condition.contenders:
        confidence, right = _pooled(contender)
        answered, accuracy = curve(confidence, right)
        wanted = np.linspace(FEWEST, 1, POINTS)
        points = np.unique(np.searchsorted(answered, wanted).clip(0, len(answered) - 1))
        line = drawing.looks.of(contender, marker="", clip_on=True)
        axes.plot(answered[points], errors(accuracy[points], len(right)), **line)
        axes.plot([1], errors(accuracy[-1:], len(right)), **drawing.looks.of(contender))
        found.append(f"{contender.label} answers {means.mean(contender, 'coverage_98'):.1%}")
    axes.axhline(1 - TARGET, **REFERENCE)
    accuracy_axis(axes, "answered numbers right")
    axes.set(xlim=(0, 1), xlabel=ACROSS)
    percents(axes.xaxis)
    alt = f"Coverage on {condition.label} strips; at {TARGET:.0%} accuracy {'; '.join(found)}."
    return [drawing.chart(figure, f"{condition.label}: coverage", alt, condition.layout)]


def _pooled(contender: Contender) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Confidence and truth of all answers of all seeds."""
    answers = [run.answers for run in contender.runs]
    confidence = np.concatenate([one["confidence"] for one in answers]).astype(np.float64)
    return confidence, np.concatenate([metrics.right(one["slots"], one["answers"]) for one in answers])
