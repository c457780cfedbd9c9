"""What was measured of the runs: accuracy against time, learning, slots and lengths, confusion, confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from multidigit import metrics
from multidigit.comparison.groups import Condition, Contender
from multidigit.labels import CLASSES
from multidigit.metrics import TARGET
from multidigit.report import means
from multidigit.report.plots.drawing import (
    FAINT,
    SOFT,
    Chart,
    Drawing,
    accuracy_axis,
    errors,
    floor_of,
    new_figure,
    offsets,
    percents,
)
from multidigit.show.coverage import ACROSS, curve
from multidigit.statistics import wilson_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 10
"""Of the reliability diagram; of equal width."""
POINTS = 150
"""Of a coverage curve: more cannot be seen."""
Lines = list[tuple[Contender, dict[int, float], dict[int, int]]]
"""Of each contender shares by place, and the strips behind each where intervals are to be drawn."""
FEWEST = 0.02
"""Share of the strips from which on a coverage curve is drawn: one of two right is no 50 %."""


def time(drawing: Drawing, condition: Condition) -> list[Chart]:
    """Test accuracy of every run against the time that it took to train, with intervals."""
    points = []
    with drawing.look():
        figure, axes = new_figure()
        for contender in condition.contenders:
            runs = [(run.metrics["training"]["seconds"], run.metrics["test"]) for run in contender.runs]
            several = len(runs) > 1
            floor = floor_of([test["strips"] for _, test in runs])
            for seconds, test in runs:
                low, high = test["sequence_interval"]
                look = drawing.looks.of(
                    contender, marker="", linestyle="-", linewidth=1.2, alpha=0.45 if several else 1
                )
                axes.plot([seconds, seconds], errors([low, high], floor), **look)
                if several:
                    shown = drawing.looks.of(contender, linestyle="", alpha=0.45, markersize=3.5)
                    axes.plot([seconds], errors([test["sequence_accuracy"]], floor), **shown)
            seconds = float(np.mean([seconds for seconds, _ in runs]))
            mean = float(np.mean([test["sequence_accuracy"] for _, test in runs]))
            axes.plot([seconds], errors([mean], floor), **drawing.looks.of(contender, linestyle="", markersize=7))
            points.append((contender.label, seconds, mean))
        accuracy_axis(axes, "test numbers right")
        took = [run.metrics["training"]["seconds"] for one in condition.contenders for run in one.runs]
        axes.set_xlim(0, max(took) * 1.15)
        axes.set_xlabel("training seconds")
        told = "; ".join(f"{label} {mean:.2%} after {seconds:,.0f} s" for label, seconds, mean in points)
        alt = f"Test numbers right against training seconds on {condition.label} strips: {told}."
        return [drawing.chart(figure, f"{condition.label} strips", alt, condition.layout)]


def learning(drawing: Drawing, condition: Condition) -> list[Chart]:
    """Validation accuracy of every run while it was trained."""
    told = []
    with drawing.look():
        figure, axes = new_figure()
        last = []
        for contender in condition.contenders:
            runs = [run for run in contender.runs if run.history]
            for run in runs:
                seconds = [line["seconds"] for line in run.history]
                right = [line["sequence_accuracy"] for line in run.history]
                floor = floor_of([run.settings.evaluation.validation_strips])
                faint = {"alpha": 0.6, "linewidth": 1.1} if len(runs) > 1 else {}
                axes.plot(seconds, errors(right, floor), **drawing.looks.of(contender, markersize=3, **faint))
                last.append(seconds[-1])
            if runs:
                best = [max(line["sequence_accuracy"] for line in run.history) for run in runs]
                told.append(f"{contender.label} up to {np.mean(best):.2%}")
        if not told:
            return []
        accuracy_axis(axes, "validation numbers right")
        axes.set_xlim(0, max(last) * 1.02)
        axes.set_xlabel("training seconds")
        alt = f"Validation numbers right while training on {condition.label} strips: {'; '.join(told)}."
        return [drawing.chart(figure, f"{condition.label} strips", alt, condition.layout)]


def slots_and_lengths(drawing: Drawing, condition: Condition) -> list[Chart]:
    """Digits right in each slot, numbers right of each length; means over seeds."""
    by_slot: Lines = [(contender, means.by_slot(contender), {}) for contender in condition.contenders]
    by_length: Lines = [(contender, *means.by_length(contender)) for contender in condition.contenders]
    return [
        _by(drawing, condition, by_slot, "digits right by slot", "slot", "digits right"),
        _by(drawing, condition, by_length, "numbers right by length", "digits in the number", "numbers right"),
    ]


def _by(drawing: Drawing, condition: Condition, lines: Lines, what: str, across: str, up: str) -> Chart:
    told = []
    with drawing.look():
        figure, axes = new_figure(height=2.7)
        places: set[int] = set()
        for offset, (contender, shares, counts) in zip(offsets(len(lines)), lines, strict=True):
            xs = [place + offset for place in shares]
            places |= set(shares)
            floor = floor_of([run.metrics["test"]["strips"] for run in contender.runs])
            axes.plot(xs, errors(list(shares.values()), floor), **drawing.looks.of(contender))
            for x, place in zip(xs, shares, strict=True):
                if place in counts:
                    ends = wilson_interval(round(shares[place] * counts[place]), counts[place])
                    bar = drawing.looks.of(contender, marker="", linestyle="-", linewidth=1)
                    axes.plot([x, x], errors(ends, floor), **bar)
            told.append(f"{contender.label} " + ", ".join(f"{place}: {share:.1%}" for place, share in shares.items()))
        accuracy_axis(axes, up)
        axes.set_xticks(sorted(places))
        axes.set_xlim(min(places) - 0.4, max(places) + 0.4)
        axes.set_xlabel(across)
        alt = f"{what.capitalize()} on {condition.label} strips: {'; '.join(told)}."
        return drawing.chart(figure, f"{condition.label}: {what}", alt, condition.layout)


def confusion(drawing: Drawing, condition: Condition) -> list[Chart]:
    """Which class was taken for which, of every contender."""
    charts = []
    for contender in condition.contenders:
        wrong = means.taken(contender)
        with drawing.look():
            figure, axes = new_figure(width=3.3, height=3.25, left=0.42, bottom=0.42, top=0.05, right=0.05)
            colour = drawing.looks.colour(contender.strategy)
            _cells(axes, wrong, colour)
            for row, column in np.argwhere(wrong >= 0.01):
                share = wrong[row, column]
                axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=6.5)
            axes.set_xticks(range(CLASSES), means.CLASS_NAMES)
            axes.set_yticks(range(CLASSES), means.CLASS_NAMES)
            axes.set_xlabel("answered")
            axes.set_ylabel("true", labelpad=3)
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
        spoken = [*means.CLASS_NAMES[:-1], "no digit"]
        told = "; ".join(
            f"{spoken[true]} taken for {spoken[answered]} {wrong[true, answered]:.1%}"
            for true, answered in means.most_taken(wrong, 3)
        )
        title = f"{condition.label}: {contender.label}"
        alt = f"Confusion of classes, {contender.label} on {condition.label} strips. Most often {told or 'none'}."
        charts.append(drawing.chart(figure, title, alt, condition.layout, contender.strategy))
    return charts


def reliability(drawing: Drawing, condition: Condition) -> list[Chart]:
    """How often answers of a certain confidence are right, against that confidence."""
    told = []
    with drawing.look():
        figure, axes = new_figure(height=3.2)
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=0.9, linestyle=(0, (4, 2)))
        for contender in condition.contenders:
            confidence, right = _pooled(contender)
            bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
            counts = np.bincount(bins, minlength=BINS)
            there = np.flatnonzero(counts)
            sure = np.bincount(bins, confidence, BINS)[there] / counts[there]
            hits = np.bincount(bins, right, BINS)[there]
            for x, hit, count in zip(sure, hits, counts[there], strict=True):
                bar = drawing.looks.of(contender, marker="", linestyle="-", linewidth=1, alpha=0.5)
                axes.plot([x, x], wilson_interval(int(hit), int(count)), **bar)
            axes.plot(sure, hits / counts[there], **drawing.looks.of(contender))
            told.append(f"{contender.label} {means.mean(contender, 'expected_calibration_error'):.2%}")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        percents(axes.xaxis)
        percents(axes.yaxis)
        axes.grid(color=FAINT, linewidth=0.6)
        axes.set_xlabel("confidence")
        axes.set_ylabel("numbers right")
        alt = f"Reliability on {condition.label} strips; expected calibration error: {'; '.join(told)}."
        return [drawing.chart(figure, f"{condition.label}: reliability", alt, condition.layout)]


def coverage(drawing: Drawing, condition: Condition) -> list[Chart]:
    """How many of the numbers told are right when only the surest are told."""
    told = []
    with drawing.look():
        figure, axes = new_figure(height=3.2)
        for contender in condition.contenders:
            confidence, right = _pooled(contender)
            answered, accuracy = curve(confidence, right)
            wanted = np.linspace(FEWEST, 1, POINTS)
            points = np.unique(np.searchsorted(answered, wanted).clip(0, len(answered) - 1))
            look = drawing.looks.of(contender, marker="", clip_on=True)
            axes.plot(answered[points], errors(accuracy[points], floor_of([len(right)])), **look)
            axes.plot([1], errors(accuracy[-1:], floor_of([len(right)])), **drawing.looks.of(contender))
            told.append(f"{contender.label} answers {means.mean(contender, 'coverage_98'):.1%}")
        axes.axhline(1 - TARGET, color=SOFT, linewidth=0.9, linestyle=(0, (4, 2)))
        accuracy_axis(axes, "answered numbers right")
        axes.set_xlim(0, 1)
        percents(axes.xaxis)
        axes.set_xlabel(ACROSS)
        alt = f"Coverage on {condition.label} strips; at {TARGET:.0%} accuracy {'; '.join(told)}."
        return [drawing.chart(figure, f"{condition.label}: coverage", alt, condition.layout)]


def _cells(axes: Axes, wrong: NDArray[np.float64], colour: str) -> None:
    """A square for every pair of classes, the stronger the more often one was taken for the other; grey for right."""
    from matplotlib.collections import PatchCollection
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Rectangle

    squares, faces = [], []
    for row in range(CLASSES):
        for column in range(CLASSES):
            share = float(wrong[row, column])
            if row == column or share > 0:
                squares.append(Rectangle((column - 0.47, row - 0.47), 0.94, 0.94))
                # The cube root lets what is seldom show beside what is frequent.
                faces.append(to_rgba(SOFT, 0.22) if row == column else to_rgba(colour, 0.05 + 0.85 * share ** (1 / 3)))
    axes.add_collection(PatchCollection(squares, facecolors=faces, edgecolors="none"))
    axes.set_xlim(-0.5, CLASSES - 0.5)
    axes.set_ylim(CLASSES - 0.5, -0.5)
    axes.set_aspect("equal")


def _pooled(contender: Contender) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Confidence and truth of all answers of all seeds."""
    answers = [run.answers for run in contender.runs]
    confidence = np.concatenate([one["confidence"] for one in answers]).astype(np.float64)
    return confidence, np.concatenate([metrics.right(one["slots"], one["answers"]) for one in answers])
