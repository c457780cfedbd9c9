"""The report's figures: small charts drawn by matplotlib, as SVG that takes its colours from the page around it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multidigit.labels import CLASSES
from multidigit.metrics import TARGET
from multidigit.report.coverage import ACROSS, curve
from multidigit.report.groups import Condition, Contender
from multidigit.report.verdict import Pair
from multidigit.statistics import wilson_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#7f7f7f")
"""Of the strategies by light: Okabe and Ito's colours, which colour-blind people tell apart as well."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")
"""Of the strategies; colour alone would not do in print."""
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.6)), (0, (6, 1.5, 1.2, 1.5)))
"""Of contenders with the same strategy."""
INK, SOFT, FAINT = "#101010", "#505050", "#d8d8d8"
_INKS = {INK: "var(--ink)", SOFT: "var(--soft)", FAINT: "var(--line)"}
_COLOURS = _INKS | {colour: f"var(--s{index})" for index, colour in enumerate(PALETTE)}
"""What stands in a drawing for a colour of the page."""
SHARES = (
    *(0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995),
    *(0.2, 0.7, 0.6, 0.85, 0.97, 0.985, 0.3, 0.4, 0.1, 0.75, 0.65, 0.92, 0.94, 0.96, 0.975, 0.993, 0.997),
)
"""Marks on an axis of accuracy; those that are to be there first come first."""
APART = 0.12
"""Least distance of two of them, as a share of the axis."""
BINS = 10
"""Of the reliability diagram; of equal width."""
POINTS = 150
"""Of a coverage curve: more cannot be seen."""
_FEWEST = 0.02
"""Share of the strips from which on a coverage curve is drawn: one of two right is no 50 %."""
_LOOK: dict[Any, Any] = {
    "font.size": 9,
    "font.family": "DejaVu Sans",
    "svg.fonttype": "none",
    "svg.hashsalt": "multidigit",
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": SOFT,
    "axes.linewidth": 0.7,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


@dataclass(frozen=True)
class Chart:
    """One figure of the report.

    Attributes:
        svg: the drawing, to stand in a page: colours are the page's, identifiers its own.
        title: what it shows, above it.
        alt: the same in full, for those who do not see it.
        layout: whose strips; the page filters by it.
        strategy: the only one shown; empty where there are several.
    """

    svg: str
    title: str
    alt: str
    layout: str
    strategy: str = ""


class Looks:
    """Colour, marker and dashes of everybody in a report, the same in every figure.

    Args:
        conditions: all that the report shows.
        known: strategies by name; these keep their colours whoever takes part.
    """

    def __init__(self, conditions: Sequence[Condition], known: Sequence[str]) -> None:
        contenders = [contender for condition in conditions for contender in condition.contenders]
        there = dict.fromkeys(contender.strategy for contender in contenders)
        order = [*known, *(strategy for strategy in there if strategy not in known)]
        self.index = {strategy: order.index(strategy) % len(PALETTE) for strategy in there}
        """Number of the colour of each strategy."""
        self.dash: dict[str, int] = {}
        labels: dict[str, list[str]] = {}
        for contender in contenders:
            of_strategy = labels.setdefault(contender.strategy, [])
            if contender.label not in of_strategy:
                of_strategy.append(contender.label)
            self.dash[contender.label] = of_strategy.index(contender.label) % len(DASHES)
        self.labels = [label for of_strategy in labels.values() for label in of_strategy]
        self.strategy = {contender.label: contender.strategy for contender in contenders}

    def colour(self, strategy: str) -> str:
        return PALETTE[self.index[strategy]]

    def of(self, contender: Contender, **more: Any) -> dict[str, Any]:
        """Keywords for a line."""
        index = self.index[contender.strategy]
        look: dict[str, Any] = {
            "color": PALETTE[index],
            "marker": MARKERS[index],
            "linestyle": DASHES[self.dash[contender.label]],
            "linewidth": 1.6,
            "markersize": 4.5,
            "gid": f"strategy-{index}",
            "clip_on": False,
        }
        return look | more


class Plots:
    """Draws the figures of one report.

    Args:
        looks: colours, markers and dashes.
    """

    def __init__(self, looks: Looks) -> None:
        self.looks = looks
        self._drawn = 0

    def differences(self, found: Sequence[Pair]) -> list[Chart]:
        """Every two strategies: the difference in accuracy with its interval, a chart a layout."""
        charts = []
        for layout in dict.fromkeys(pair.layout for pair in found):
            pairs = [pair for pair in found if pair.layout == layout]
            with self._look():
                figure, axes = _figure(left=1.25, height=0.65 + 0.3 * len(pairs), bottom=0.45)
                for place, pair in enumerate(pairs):
                    ahead = pair.a if pair.difference > 0 else pair.b
                    colour = self.looks.colour(ahead) if pair.resolved else SOFT
                    axes.plot([100 * pair.low, 100 * pair.high], [place, place], color=colour, linewidth=2.2)
                    face = colour if pair.resolved else "none"
                    axes.plot([100 * pair.difference], [place], "o", color=colour, markersize=6, markerfacecolor=face)
                axes.axvline(0, color=SOFT, linewidth=0.9)
                axes.set_yticks(range(len(pairs)), [f"{pair.a} − {pair.b}" for pair in pairs])
                axes.set_ylim(len(pairs) - 0.5, -0.5)
                axes.margins(x=0.08)
                axes.grid(axis="x", color=FAINT, linewidth=0.6)
                axes.set_xlabel("numbers right, difference in points")
                told = "; ".join(
                    f"{pair.a} less {pair.b} {100 * pair.difference:+.2f} points, "
                    f"95 % interval {100 * pair.low:+.2f} to {100 * pair.high:+.2f}"
                    for pair in pairs
                )
                title = f"{layout}: who is ahead, and by how much"
                charts.append(self._chart(figure, title, f"Differences on {layout} strips: {told}.", layout))
        return charts

    def time(self, condition: Condition) -> list[Chart]:
        """Test accuracy of every run against the time that it took to train, with intervals."""
        points = []
        with self._look():
            figure, axes = _figure()
            for contender in condition.contenders:
                runs = [(run.metrics["training"]["seconds"], run.metrics["test"]) for run in contender.runs]
                several = len(runs) > 1
                floor = _floor([test["strips"] for _, test in runs])
                for seconds, test in runs:
                    low, high = test["sequence_interval"]
                    look = self.looks.of(
                        contender, marker="", linestyle="-", linewidth=1.2, alpha=0.45 if several else 1
                    )
                    axes.plot([seconds, seconds], _errors([low, high], floor), **look)
                    if several:
                        shown = self.looks.of(contender, linestyle="", alpha=0.45, markersize=3.5)
                        axes.plot([seconds], _errors([test["sequence_accuracy"]], floor), **shown)
                seconds = float(np.mean([seconds for seconds, _ in runs]))
                mean = float(np.mean([test["sequence_accuracy"] for _, test in runs]))
                axes.plot([seconds], _errors([mean], floor), **self.looks.of(contender, linestyle="", markersize=7))
                points.append((contender.label, seconds, mean))
            _accuracy_axis(axes, "test numbers right")
            took = [run.metrics["training"]["seconds"] for one in condition.contenders for run in one.runs]
            axes.set_xlim(0, max(took) * 1.15)
            axes.set_xlabel("training seconds")
            told = "; ".join(f"{label} {mean:.2%} after {seconds:,.0f} s" for label, seconds, mean in points)
            alt = f"Test numbers right against training seconds on {condition.label} strips: {told}."
            return [self._chart(figure, f"{condition.label} strips", alt, condition.layout)]

    def learning(self, condition: Condition) -> list[Chart]:
        """Validation accuracy of every run while it was trained."""
        told = []
        with self._look():
            figure, axes = _figure()
            last = []
            for contender in condition.contenders:
                runs = [run for run in contender.runs if run.history]
                for run in runs:
                    seconds = [line["seconds"] for line in run.history]
                    right = [line["sequence_accuracy"] for line in run.history]
                    floor = _floor([run.settings.evaluation.validation_strips])
                    faint = {"alpha": 0.6, "linewidth": 1.1} if len(runs) > 1 else {}
                    axes.plot(seconds, _errors(right, floor), **self.looks.of(contender, markersize=3, **faint))
                    last.append(seconds[-1])
                if runs:
                    best = [max(line["sequence_accuracy"] for line in run.history) for run in runs]
                    told.append(f"{contender.label} up to {np.mean(best):.2%}")
            if not told:
                return []
            _accuracy_axis(axes, "validation numbers right")
            axes.set_xlim(0, max(last) * 1.02)
            axes.set_xlabel("training seconds")
            alt = f"Validation numbers right while training on {condition.label} strips: {'; '.join(told)}."
            return [self._chart(figure, f"{condition.label} strips", alt, condition.layout)]

    def slots_and_lengths(self, condition: Condition) -> list[Chart]:
        """Digits right in each slot, numbers right of each length; means over seeds."""
        by_slot: list[tuple[Contender, dict[int, float], dict[int, int]]] = []
        by_length = []
        for contender in condition.contenders:
            tests = [run.metrics["test"] for run in contender.runs]
            columns = list(zip(*(test["accuracy_by_slot"] for test in tests), strict=True))
            slots = {
                slot + 1: float(np.mean([share for share in column if share is not None]))
                for slot, column in enumerate(columns)
                if any(share is not None for share in column)
            }
            by_slot.append((contender, slots, {}))
            counts: dict[int, int] = {}
            hits: dict[int, float] = {}
            for test in tests:
                for length, part in test["accuracy_by_length"].items():
                    counts[int(length)] = counts.get(int(length), 0) + part["strips"]
                    hits[int(length)] = hits.get(int(length), 0.0) + part["accuracy"] * part["strips"]
            by_length.append((contender, {key: hits[key] / counts[key] for key in sorted(counts)}, counts))
        return [
            self._by(condition, by_slot, "digits right by slot", "slot", "digits right"),
            self._by(condition, by_length, "numbers right by length", "digits in the number", "numbers right"),
        ]

    def _by(self, condition: Condition, lines: Any, what: str, across: str, up: str) -> Chart:
        told = []
        with self._look():
            figure, axes = _figure(height=2.7)
            places: set[int] = set()
            for offset, (contender, shares, counts) in zip(_offsets(len(lines)), lines, strict=True):
                xs = [place + offset for place in shares]
                places |= set(shares)
                floor = _floor([run.metrics["test"]["strips"] for run in contender.runs])
                axes.plot(xs, _errors(list(shares.values()), floor), **self.looks.of(contender))
                for x, place in zip(xs, shares, strict=True):
                    if place in counts:
                        ends = wilson_interval(round(shares[place] * counts[place]), counts[place])
                        bar = self.looks.of(contender, marker="", linestyle="-", linewidth=1)
                        axes.plot([x, x], _errors(ends, floor), **bar)
                told.append(
                    f"{contender.label} " + ", ".join(f"{place}: {share:.1%}" for place, share in shares.items())
                )
            _accuracy_axis(axes, up)
            axes.set_xticks(sorted(places))
            axes.set_xlim(min(places) - 0.4, max(places) + 0.4)
            axes.set_xlabel(across)
            alt = f"{what.capitalize()} on {condition.label} strips: {'; '.join(told)}."
            return self._chart(figure, f"{condition.label}: {what}", alt, condition.layout)

    def confusion(self, condition: Condition) -> list[Chart]:
        """Which class was taken for which, of every contender."""
        charts = []
        names = [*map(str, range(CLASSES - 1)), "–"]
        for contender in condition.contenders:
            counts = np.sum([run.metrics["test"]["confusion"] for run in contender.runs], 0)
            shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
            wrong = shares * (1 - np.eye(CLASSES))
            with self._look():
                figure, axes = _figure(width=3.3, height=3.25, left=0.42, bottom=0.42, top=0.05, right=0.05)
                colour = self.looks.colour(contender.strategy)
                _cells(axes, wrong, colour)
                for row, column in np.argwhere(wrong >= 0.01):
                    share = wrong[row, column]
                    axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=6.5)
                axes.set_xticks(range(CLASSES), names)
                axes.set_yticks(range(CLASSES), names)
                axes.set_xlabel("answered")
                axes.set_ylabel("true", labelpad=3)
                axes.tick_params(length=0)
                axes.spines[:].set_visible(False)
            spoken = [*names[:-1], "no digit"]
            worst = np.argsort(-wrong, axis=None)[:3]
            told = "; ".join(
                f"{spoken[index // CLASSES]} taken for {spoken[index % CLASSES]} {wrong.flat[index]:.1%}"
                for index in worst
                if wrong.flat[index] > 0
            )
            title = f"{condition.label}: {contender.label}"
            alt = f"Confusion of classes, {contender.label} on {condition.label} strips. Most often {told or 'none'}."
            charts.append(self._chart(figure, title, alt, condition.layout, contender.strategy))
        return charts

    def reliability(self, condition: Condition) -> list[Chart]:
        """How often answers of a certain confidence are right, against that confidence."""
        told = []
        with self._look():
            figure, axes = _figure(height=3.2)
            axes.plot([0, 1], [0, 1], color=SOFT, linewidth=0.9, linestyle=(0, (4, 2)))
            for contender in condition.contenders:
                confidence, right = _pooled(contender)
                bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
                counts = np.bincount(bins, minlength=BINS)
                there = np.flatnonzero(counts)
                sure = np.bincount(bins, confidence, BINS)[there] / counts[there]
                hits = np.bincount(bins, right, BINS)[there]
                for x, hit, count in zip(sure, hits, counts[there], strict=True):
                    bar = self.looks.of(contender, marker="", linestyle="-", linewidth=1, alpha=0.5)
                    axes.plot([x, x], wilson_interval(int(hit), int(count)), **bar)
                axes.plot(sure, hits / counts[there], **self.looks.of(contender))
                told.append(f"{contender.label} {_mean(contender, 'expected_calibration_error'):.2%}")
            axes.set_xlim(0, 1)
            axes.set_ylim(0, 1)
            _percents(axes.xaxis)
            _percents(axes.yaxis)
            axes.grid(color=FAINT, linewidth=0.6)
            axes.set_xlabel("confidence")
            axes.set_ylabel("numbers right")
            alt = f"Reliability on {condition.label} strips; expected calibration error: {'; '.join(told)}."
            return [self._chart(figure, f"{condition.label}: reliability", alt, condition.layout)]

    def coverage(self, condition: Condition) -> list[Chart]:
        """How many of the numbers told are right when only the surest are told."""
        told = []
        with self._look():
            figure, axes = _figure(height=3.2)
            for contender in condition.contenders:
                confidence, right = _pooled(contender)
                answered, accuracy = curve(confidence, right)
                wanted = np.linspace(_FEWEST, 1, POINTS)
                points = np.unique(np.searchsorted(answered, wanted).clip(0, len(answered) - 1))
                look = self.looks.of(contender, marker="", clip_on=True)
                axes.plot(answered[points], _errors(accuracy[points], _floor([len(right)])), **look)
                axes.plot([1], _errors(accuracy[-1:], _floor([len(right)])), **self.looks.of(contender))
                told.append(f"{contender.label} answers {_mean(contender, 'coverage_98'):.1%}")
            axes.axhline(1 - TARGET, color=SOFT, linewidth=0.9, linestyle=(0, (4, 2)))
            _accuracy_axis(axes, "right of those")
            axes.set_xlim(0, 1)
            _percents(axes.xaxis)
            axes.set_xlabel(ACROSS)
            alt = f"Coverage on {condition.label} strips; at {TARGET:.0%} accuracy {'; '.join(told)}."
            return [self._chart(figure, f"{condition.label}: coverage", alt, condition.layout)]

    def crossover(self, data: Any) -> list[Chart]:
        """The place of the crossover map: called with what results hold under ``crossover``."""
        return []

    def budget(self, data: Any) -> list[Chart]:
        """The place of the error budget: called with what results hold under ``budget``."""
        return []

    def _look(self) -> Any:
        import matplotlib as mpl

        return mpl.rc_context(_LOOK)

    def _chart(self, figure: Figure, title: str, alt: str, layout: str, strategy: str = "") -> Chart:
        data = BytesIO()
        with self._look():
            figure.savefig(data, format="svg", metadata={"Date": None})
        self._drawn += 1
        return Chart(inline(data.getvalue().decode(), f"f{self._drawn}-", alt), title, alt, layout, strategy)


def inline(svg: str, prefix: str, alt: str) -> str:
    """A drawing by matplotlib made fit to stand in a page beside others.

    Args:
        svg: a whole SVG file.
        prefix: begins every identifier that is left in it.
        alt: what it shows.
    """
    from html import escape

    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<defs>\s*</defs>", "", svg)
    box = re.search(r'viewBox="[^"]*"', svg)
    opening = f'<svg {box[0] if box else ""} role="img" aria-label="{escape(alt)}">'
    svg = re.sub(r"<svg.*?>", lambda _: opening, svg, count=1, flags=re.DOTALL)
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r'id="strategy-(\d+)"', r'data-strategy="\1"', svg)
    used = set(re.findall(r"(?:href=\"#|url\(#)([^\")]+)", svg))
    svg = re.sub(r' id="([^"]+)"', lambda found: f' id="{prefix}{found[1]}"' if found[1] in used else "", svg)
    svg = re.sub(r"(href=\"#|url\(#)", rf"\g<1>{prefix}", svg)
    svg = re.sub(r"#[0-9a-f]{6}\b", lambda found: _COLOURS.get(found[0], found[0]), svg)
    # A hundredth of a point is less than anyone sees; only in attributes, for labels hold numbers too.
    svg = re.sub(r'="[^"]*"', lambda found: re.sub(r"(\.\d\d)\d+", r"\1", found[0]), svg)
    return re.sub(r"\s*\n\s*", " ", svg)


def _figure(
    width: float = 4.4,
    height: float = 3.0,
    left: float = 0.62,
    right: float = 0.22,
    bottom: float = 0.42,
    top: float = 0.12,
) -> tuple[Figure, Axes]:
    """An empty chart; sizes and margins in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((left / width, bottom / height, 1 - (left + right) / width, 1 - (bottom + top) / height))
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=2, width=0.7)
    axes.set_axisbelow(True)
    return figure, axes


def _floor(strips: Sequence[int]) -> float:
    """What no error at all counts as, where errors are drawn as logarithms: half a strip."""
    return 0.5 / max(strips)


def _errors(shares: Any, floor: float) -> NDArray[np.float64]:
    return np.maximum(1 - np.asarray(shares, np.float64), floor)


def _accuracy_axis(axes: Axes, label: str) -> None:
    """Errors as logarithms, with accuracy written at the marks, better upwards: 98 to 99 % is as far as 50 to 75."""
    from matplotlib.ticker import FixedLocator, NullLocator

    lines = [np.asarray(line.get_ydata(), np.float64) for line in axes.lines]
    drawn = np.concatenate(lines)
    low, high = float(drawn.max()), float(drawn.min())
    # Never so near that a difference of nothing fills the chart.
    high = min(high, low / 2)
    axes.set_yscale("log")
    low, high = min(low * 1.12, 1.08), high / 1.12
    axes.set_ylim(low, high)
    shares = marks(low, high)
    axes.yaxis.set_major_locator(FixedLocator([1 - share for share in shares]))
    axes.set_yticklabels([f"{100 * share:g}%" for share in shares])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylabel(label, labelpad=2)
    axes.grid(color=FAINT, linewidth=0.6)


def marks(low: float, high: float) -> list[float]:
    """Accuracies to be written at an axis that goes from the error ``low`` up to the smaller error ``high``."""
    length = np.log(low / high)
    found: list[float] = []
    for share in SHARES:
        error = 1 - share
        if high <= error <= low and all(abs(np.log(error / (1 - other))) >= APART * length for other in found):
            found.append(share)
    return sorted(found)


def _percents(axis: Any) -> None:
    from matplotlib.ticker import MultipleLocator, PercentFormatter

    axis.set_major_locator(MultipleLocator(0.2))
    axis.set_major_formatter(PercentFormatter(1, 0))


def _offsets(count: int) -> list[float]:
    """Beside each other, so that intervals do not hide one another."""
    return list(np.linspace(-0.12, 0.12, count)) if count > 1 else [0.0]


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


def _mean(contender: Contender, measure: str) -> float:
    """A test measure's mean over seeds."""
    return float(np.mean([run.metrics["test"][measure] for run in contender.runs]))


def _pooled(contender: Contender) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Confidence and truth of all answers of all seeds."""
    answers = [run.answers for run in contender.runs]
    confidence = np.concatenate([one["confidence"] for one in answers]).astype(np.float64)
    right = np.concatenate([(one["slots"] == one["answers"]).all(1) for one in answers])
    return confidence, right
