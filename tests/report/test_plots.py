"""Figures: looks of contenders, axes of accuracy, error breakdowns, and drawings fit for a page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from helpers import fake_run

from multidigit.comparison.groups import Condition, Contender, group_conditions
from multidigit.error_breakdown import CAUSES
from multidigit.report.figure_tables import breakdown_table, robustness_table
from multidigit.report.plots.breakdown import breakdown
from multidigit.report.plots.drawing import PALETTE, Chart, Drawing, Looks, accuracy_axis, inline, new_figure
from multidigit.report.plots.robustness import robustness
from multidigit.strips.corruptions import CORRUPTIONS


def test_contenders_of_one_strategy_share_its_colour_and_differ_in_dashes() -> None:
    runs = [fake_run(name, 0, backbone=backbone) for name in ("heads", "cut") for backbone in ("compact", "baseline")]
    (condition,) = group_conditions(runs)
    looks = Looks([condition], ["heads", "sigmoid", "cut"])
    assert looks.labels == ["heads (compact)", "heads (baseline)", "cut (compact)", "cut (baseline)"]
    of = {one.label: looks.of(one) for one in condition.contenders}
    assert of["heads (compact)"]["color"] == of["heads (baseline)"]["color"] == PALETTE[0]
    assert of["cut (compact)"]["color"] == PALETTE[2]
    assert of["heads (compact)"]["linestyle"] != of["heads (baseline)"]["linestyle"]
    # Where there are no lines, markers tell them apart.
    assert of["heads (compact)"]["markerfacecolor"] == PALETTE[0]
    assert of["heads (baseline)"]["markerfacecolor"] == "none"


@pytest.mark.parametrize(
    "drawn", [(1.0, 0.01), (0.34, 0.17), (1.0, 0.4), (0.5, 0.5), (0.0005, 0.0005), (1.0, 1.0), (0.05, 0.0005)]
)
def test_an_axis_of_accuracy_holds_what_is_drawn_and_has_marks_enough(drawn: tuple[float, float]) -> None:
    figure, axes = new_figure()
    axes.plot([0, 1], drawn)
    accuracy_axis(axes, "numbers right")
    figure.draw_without_rendering()
    low, high = axes.get_ylim()
    assert low > high, "few errors stand above many"
    assert low >= max(drawn)
    assert high <= min(drawn)
    assert low / high > 2
    marks = [text.get_text() for text in axes.get_yticklabels()]
    shown = [mark for mark in marks if high <= 1 - float(mark.rstrip("%")) / 100 <= low]
    assert 2 <= len(shown) <= 12
    assert all(0 <= float(mark.rstrip("%")) < 100 for mark in shown)


def test_a_drawing_is_made_fit_to_stand_in_a_page() -> None:
    svg = (
        '<?xml version="1.0"?><!DOCTYPE svg>\n<svg width="9pt" viewBox="0 0 9 9"><metadata>x</metadata>'
        '<g id="axes_1"><g id="strategy-2"><path id="m1" d="M 1.23456 0" style="fill: #009e73"/>'
        '<use xlink:href="#m1"/></g><text>0.98765</text></g></svg>'
    )
    assert inline(svg, 'less "<" more') == (
        '<svg viewBox="0 0 9 9" role="img" aria-label="less &quot;&lt;&quot; more">'
        '<g><g data-strategy="2"><path id="m1" d="M 1.23 0" style="fill: var(--s2)"/>'
        '<use href="#m1"/></g><text>0.98765</text></g></svg>'
    )


class TestBreakdown:
    def condition(self, *shares: Sequence[float] | None) -> Condition:
        """Contenders of one run each, with these shares by cause, or none as in runs of old versions."""
        runs = [
            SimpleNamespace(
                metrics={"error_breakdown": {"shares": dict(zip(CAUSES, each, strict=True))}} if each else {}
            )
            for each in shares
        ]
        contenders = [Contender(f"one{n}", "heads", (cast(Any, run),)) for n, run in enumerate(runs)]
        return Condition("free (layout.gap 2)", "free", tuple(contenders))

    def charts(self, condition: Condition) -> list[Chart]:
        drawing = Drawing(Looks([condition], ["heads"]))
        with drawing.style():
            return breakdown(drawing, condition)

    def test_shares_below_zero(self) -> None:
        (chart,) = self.charts(self.condition((0.01, 0.02, -0.1, 0, 0.3), (0, 0, 0, 0, 0)))
        assert "one0 23.00: polarity 1.00, length 2.00, place -10.00, picture quality 0.00, class 30.00;" in chart.alt
        assert "one1 0.00: polarity 0.00" in chart.alt
        assert {"−10", "30.0", "-10.0", "23.0", "one1"} <= set(re.findall(r">([^<>]+)</text>", chart.svg))
        # Told apart by hatching as well as by colour, all of them the page's.
        assert len(re.findall(r"<pattern", chart.svg)) >= 4
        assert not re.search(r"#[0-9a-f]{6}\b(?!\))", chart.svg)

    def test_runs_without_one_are_left_out(self) -> None:
        some, none = self.condition(None, (0, 0, 0, 0, 0.5)), self.condition(None)
        looks = Looks([some, none], ["heads"])
        (chart,) = self.charts(some)
        assert "one1 50.00" in chart.alt
        assert "one0" not in chart.alt + chart.svg
        assert [line.cells[1] for line in breakdown_table([some], looks).lines] == ["one1"]
        assert self.charts(none) == []
        assert breakdown_table([none], looks).lines == []


def test_a_heat_map_of_what_each_bears() -> None:
    runs = [fake_run(name, 0, seed=seed) for name in ("heads", "cut") for seed in (0, 1)]
    for place, run in enumerate(runs):
        accuracy = {name: [0.9, 0.8, 0.7, 0.6, 0.1 * place] for name in CORRUPTIONS}
        run.metrics["corruptions"] = {
            "clean": 0.95,
            "accuracy": accuracy,
            "mean": 0.6,
            "relative": 0.63,
            "calibration_error": [0.1] * 5,
        }
    (condition,) = group_conditions(runs)
    looks = Looks([condition], ["heads", "sigmoid", "cut"])
    (chart,) = robustness(Drawing(looks), condition)
    assert chart.title == "free: numbers right under corruptions"
    assert "heads: clean 95.0%, least under shot noise 61.0%" in chart.alt
    assert "65.0" in chart.svg
    table = robustness_table([condition], looks)
    assert [line.cells[1:5] for line in table.lines] == [
        [name, "95.00%", "60.00%", "63.00%"] for name in ("heads", "cut")
    ]
    for run in runs:
        run.metrics["corruptions"] |= {"clean": 0.0, "mean": 0.0, "relative": None}
    assert {tuple(line.cells[2:5]) for line in robustness_table([condition], looks).lines} == {("0.00%", "0.00%", "–")}
    # Where nothing was measured there is nothing to show.
    (plain,) = group_conditions([fake_run("heads", 0)])
    assert robustness(Drawing(looks), plain) == []
    assert not robustness_table([plain], looks).lines
