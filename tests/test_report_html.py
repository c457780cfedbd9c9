"""The report of made-up runs: what stands in it, what is left out, and that it needs nothing beside it."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from multidigit.comparison.groups import Condition, Contender, conditions
from multidigit.error_breakdown import CAUSES
from multidigit.errors import DataError
from multidigit.experiments import make_plan, row
from multidigit.report.anchors import ANCHORS
from multidigit.report.gallery import NOBODY, picked
from multidigit.report.plots.budget import budget
from multidigit.report.plots.drawing import PALETTE, Drawing, Looks, inline, marks
from multidigit.report.write import write_report
from multidigit.runs import RunWriter, open_run

VOID = {"meta", "img", "input", "br", "link"}
THREE = {"layout": ["structured", "free"], "strategy": ["heads", "sigmoid", "cut"]}


class Page(HTMLParser):
    """Elements of a page in order, with attributes and text; fails where tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        return [
            attributes
            for name, attributes in self.elements
            if name == tag and all(attributes.get(key.rstrip("_")) == value for key, value in wanted.items())
        ]


Alike = Callable[..., dict[str, Any]]
Written = tuple[Path, dict[str, Any]]


@pytest.fixture(scope="module")
def alike(made: Any, toy_npz: Path) -> Alike:
    """Makes runs up in a folder, alike but for a grid, and gives their results."""

    def alike(out: Path, grid: dict[str, list[Any]], **base: Any) -> dict[str, Any]:
        settings = {"digits": str(toy_npz), "evaluation": {"validation_strips": 50, "test_strips": 200}, **base}
        return made.comparison(out, settings, grid)

    return alike


@pytest.fixture(scope="module")
def three(alike: Alike, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The report of three strategies on two layouts with two seeds, and its results."""
    out = tmp_path_factory.mktemp("report")
    return out, write_report(out, alike(out, {**THREE, "seed": [0, 1]}))


@pytest.fixture(scope="module")
def page(three: Written) -> Page:
    return Page((three[0] / "report.html").read_text("utf-8"))


def test_the_verdict_comes_first_then_results_then_figures(page: Page, three: Written) -> None:
    order = [element["id"] for element in page.all("section")]
    assert order == [
        *("verdict", "results", "time", "learning", "slots", "confusion", "budget", "confidence", "panel", "gallery"),
        "settings",
    ]
    for said in three[1]["verdict"]:
        assert said in page.text
    assert f"The one to read pictures with: {three[1]['winner']}" in page.text
    for attributes in page.all("a"):
        if attributes["href"].startswith("#"):
            assert attributes["href"][1:] in order


def test_it_needs_nothing_beside_it(three: Written, page: Page) -> None:
    out = three[0]
    assert (out / "report.html").stat().st_size < 3_000_000
    assert {path.name for path in out.iterdir() if path.is_file()} == {"report.html", "report.md", "results.json"}
    for tag, attributes in page.elements:
        for key in ("src", "href", "xlink:href", "action", "data"):
            address = attributes.get(key, "#")
            assert address.startswith(("#", "data:image/png;base64,")) or (tag == "a" and "arxiv.org" in address)
    style = (out / "report.html").read_text("utf-8")
    assert not re.search(r"url\((?!#)|@import", style)
    assert "default-src 'none'" in page.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]


def test_every_figure_says_what_it_shows_and_no_identifier_stands_twice(page: Page) -> None:
    figures, drawings = page.all("figure", class_="chart"), page.all("svg", role="img")
    # Of two layouts differences, time, learning, budget and panel, two of slots, three of confusion, two of confidence.
    assert len(figures) == len(drawings) == 2 + 2 + 2 + 4 + 6 + 2 + 4 + 2
    alts = [drawing["aria-label"] for drawing in drawings]
    assert len(set(alts)) == len(alts)
    assert all(len(alt) > 40 for alt in alts)
    assert all(image["alt"] for image in page.all("img"))
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(names)) == len(names)
    used = [attributes["href"][1:] for tag, attributes in page.elements if tag == "use"]
    used += re.findall(r"url\(#([^)]+)\)", str(page.elements))
    assert used
    assert set(used) <= set(names)


def test_drawings_take_their_colours_from_the_page(page: Page) -> None:
    styles = " ".join(
        attributes.get("style", "") for tag, attributes in page.elements if tag in ("path", "use", "text", "g")
    )
    assert not re.search(r"(?<!url\()#[0-9a-f]{3,6}", styles), "but for names of patterns"
    assert {"var(--ink)", "var(--soft)", "var(--line)", "var(--s0)", "var(--s1)", "var(--s2)"} <= set(
        re.findall(r"var\(--\w+\)", styles)
    )


def test_published_figures_are_said_to_be_of_other_data(page: Page, three: Written) -> None:
    markdown = (three[0] / "report.md").read_text("utf-8")
    addresses = [attributes["href"] for attributes in page.all("a")]
    for anchor in ANCHORS:
        assert anchor.address in addresses
        assert f"not the same data: {anchor.note}" in page.text
        line = next(line for line in markdown.splitlines() if anchor.address in line and anchor.data in line)
        assert f"{anchor.numbers:.2%}" in line
        assert "not the same data" in line
    shown = {f"{anchor.numbers:.2%}" for anchor in ANCHORS}
    assert shown == {"96.03%", "97.00%", "96.00%", "84.00%", "99.15%"}


def test_the_twin_in_markdown_has_verdict_tables_and_the_way_to_the_figures(
    three: Written,
) -> None:
    out, results = three
    markdown = (out / "report.md").read_text("utf-8")
    assert markdown.startswith("# made up\n")
    assert all(f"- {said}\n" in markdown for said in results["verdict"])
    assert "[report.html](report.html)" in markdown
    # Results, pairs, learning, slots, lengths, confusion and confidence.
    tables = [line for line in markdown.splitlines() if line.startswith(("| structured", "| free"))]
    # And budgets; of the panels four degrees of agreement, three contenders and one vote on each layout.
    assert len(tables) == 7 * 6 + 6 + 2 * (4 + 3 + 1)
    assert markdown.index(results["verdict"][0]) < markdown.index("## Results") < markdown.index("## Pair by pair")
    assert markdown.index("## How far confidence can be trusted") < markdown.index("## Settings and environment")


def lines(markdown: str, caption: str) -> list[list[str]]:
    """The cells of the table under that caption, heads first."""
    under = markdown[markdown.index(f"{caption}:\n\n") :].split("\n\n")[1]
    head, _, *rest = under.splitlines()
    return [line.strip("| ").split(" | ") for line in (head, *rest)]


def test_figures_are_tables_in_markdown(three: Written) -> None:
    out, _ = three
    markdown = (out / "report.md").read_text("utf-8")
    tests = [open_run(out / f"cut-free-seed{seed}").metrics["test"] for seed in (0, 1)]

    def of_cut(caption: str) -> list[str]:
        return next(line for line in lines(markdown, caption) if line[:2] == ["free", "cut"])[2:]

    def mean(values: Any) -> str:
        return f"{np.mean(list(values)):.2%}"

    assert lines(markdown, "Digits right by slot")[0] == ["strips", "strategy", *(f"slot {n}" for n in range(1, 6))]
    assert of_cut("Digits right by slot")[1] == mean(test["accuracy_by_slot"][1] for test in tests)
    assert lines(markdown, "Numbers right by length")[0][2:4] == ["1 digit", "2 digits"]
    parts = [test["accuracy_by_length"]["2"] for test in tests]
    pooled = sum(part["accuracy"] * part["strips"] for part in parts) / sum(part["strips"] for part in parts)
    assert of_cut("Numbers right by length")[1] == f"{pooled:.2%}"
    keys = ("expected_calibration_error", "expected_calibration_error_before", "coverage_98")
    assert of_cut("Calibration error, and share of the strips that can be answered") == [
        mean(test[key] for test in tests) for key in keys
    ]
    counts = np.sum([test["confusion"] for test in tests], 0)
    shares = counts / counts.sum(1, keepdims=True) * (1 - np.eye(11))
    true, answered = np.unravel_index(shares.argmax(), shares.shape)
    names = [*map(str, range(10)), "–"]
    mistakes = of_cut("Most frequent mistakes, as shares of the true class; a dash is a slot without a digit")
    assert mistakes[0] == f"{shares.max():.1%} ({names[true]} as {names[answered]})"
    assert len(mistakes) == 5
    # Of eight epochs six are told, the last among them.
    heads = lines(markdown, "Validation numbers right")[0]
    assert heads == ["strips", "strategy", *(f"epoch {epoch}" for epoch in (1, 3, 4, 5, 7, 8))]
    history = [open_run(out / f"cut-free-seed{seed}").history for seed in (0, 1)]
    assert of_cut("Validation numbers right")[-1] == mean(rows[-1]["sequence_accuracy"] for rows in history)


def test_the_page_has_the_same_tables_folded(page: Page, three: Written) -> None:
    markdown = (three[0] / "report.md").read_text("utf-8")
    for caption in ("Digits right by slot", "Numbers right by length", "Validation numbers right"):
        for line in lines(markdown, caption):
            assert " ".join(line) in page.text


def test_markdown_tells_settings_and_environment(three: Written) -> None:
    out, _ = three
    markdown = (out / "report.md").read_text("utf-8")
    differ = lines(markdown, "Settings in which the runs differ")
    assert differ[0] == ["run", "seed", "strategy", "layout.name"]
    assert ["cut-free-seed1", "1", "cut", "free"] in differ
    assert ["evaluation.test_strips", "200"] in lines(markdown, "Settings alike in all runs")
    known = open_run(out / "cut-free-seed1").environment
    assert ["python", known["python"]] in lines(markdown, "Environment alike in all runs")
    assert ["numpy", known["packages"]["numpy"]] in lines(markdown, "Environment alike in all runs")
    assert "- **strip**: " in markdown


def test_the_results_are_complete_and_read_again_the_same(three: Written) -> None:
    out, results = three
    assert json.loads((out / "results.json").read_text("utf-8")) == {k: v for k, v in results.items() if k != "verdict"}
    before = (out / "report.html").read_bytes()
    write_report(out, results)
    assert (out / "report.html").read_bytes() == before


def test_what_agreement_is_worth_is_told_for_every_kind_of_strips(three: Written, page: Page) -> None:
    out, results = three
    assert [(found["condition"], found["members"], found["seeds"]) for found in results["panel"]] == [
        (layout, ["heads", "sigmoid", "cut"], 2) for layout in ("structured", "free")
    ]
    drawn = [svg["aria-label"] for svg in page.all("svg", role="img") if "Agreement against" in svg["aria-label"]]
    markdown = (out / "report.md").read_text("utf-8")
    for found, alt in zip(results["panel"], drawn, strict=True):
        # Counted anew, number by number, over both seeds.
        agreed = right = 0
        for seed in (0, 1):
            runs = [open_run(out / f"{strategy}-{found['layout']}-seed{seed}") for strategy in found["members"]]
            for slots, *answers in zip(
                runs[0].answers["slots"], *(run.answers["answers"] for run in runs), strict=True
            ):
                same = len({answer.tobytes() for answer in answers}) == 1
                agreed, right = agreed + same, right + (same and bool((answers[0] == slots).all()))
        level = found["levels"][0]
        assert (level["what"], level["strips"], level["right"]) == ("all 3 agree", agreed, right)
        assert found["strips"] == 400
        assert [each["what"] for each in found["levels"][1:]] == ["2 or more agree", "not all agree", "no two agree"]
        assert f"all 3 agree on {agreed / 400:.1%} of the strips, {right / agreed:.2%} of these right" in alt
        row = f"| {found['layout']} | heads, sigmoid, cut | all 3 agree | {agreed:,} | {agreed / 400:.1%} |"
        assert row in markdown
        assert found["best"] in found["members"]
        rivals = {each["member"]: each["surest"] for each in found["rivals"]}
        assert f"sigmoid {rivals['sigmoid'] / agreed:.2%}" in alt


def test_seeds_that_not_all_contenders_have_are_no_part_of_the_panel(alike: Alike, tmp_path: Path) -> None:
    results = alike(tmp_path, {"strategy": ["heads", "cut"], "seed": [0, 1]}, layout="structured")
    rows = [row for row in results["rows"] if row["run"] != "cut-structured-seed1"]
    (found,) = write_report(tmp_path, {**results, "rows": rows})["panel"]
    assert (found["seeds"], found["strips"], found["members"]) == (1, 200, ["heads", "cut"])
    assert [each["what"] for each in found["levels"]] == ["both agree", "they differ"]


def test_of_a_sweep_as_many_panels_are_shown_as_galleries(alike: Alike, tmp_path: Path) -> None:
    grid = {"layout.gap": [0, 1, 2, 3, 4, 5], "strategy": ["heads", "cut"]}
    complete = write_report(tmp_path, alike(tmp_path, grid, layout="free"))
    assert len(complete["panel"]) == 6
    page = Page((tmp_path / "report.html").read_text("utf-8"))
    assert sum("Agreement against" in svg["aria-label"] for svg in page.all("svg", role="img")) == 4


def test_the_gallery_shows_the_strips_that_were_answered(three: Written, page: Page) -> None:
    cards = page.all("li", class_="card")
    images = [image["src"] for image in page.all("img")]
    assert len(cards) == len(images) >= 10
    apart = [card for card in cards if card["data-read"].strip() and card["data-missed"].strip()]
    nobody = [card for card in cards if not card["data-read"].strip()]
    assert len(apart) + len(nobody) == len(cards)
    assert apart
    run = open_run(three[0] / "heads-structured-seed0")
    from multidigit.labels import slots_to_text
    from multidigit.strips.stream import StripStream

    strips = StripStream(run.settings).fixed("test", 200)
    known = {strip.tobytes(): slots_to_text(slots) for strip, slots in zip(strips.images, strips.slots, strict=True)}
    for image in page.all("img")[:5]:
        data = base64.b64decode(image["src"].partition(",")[2])
        number = known[np.asarray(Image.open(BytesIO(data))).tobytes()]
        assert image["alt"] == f"A strip that shows {number}"


def test_strips_are_picked_in_turn_and_the_surest_first() -> None:
    right = np.array([[1, 1, 0, 0, 1, 0], [0, 0, 1, 0, 1, 0]], bool)
    sure = np.array([[0.9, 0.8, 0.7, 0.1, 1.0, 0.9], [0.6, 0.7, 0.9, 0.2, 1.0, 0.1]])
    # Read by the first only: 1, then 0, for of them both are surer; by the second only: 2; by nobody: 5, 3.
    assert picked(right, sure) == [1, 2, 0, 5, 3]
    assert picked(np.ones((2, 3), bool), np.ones((2, 3))) == []
    assert picked(np.array([[True, False, False]]), np.array([[1.0, 0.2, 0.3]])) == [2, 1]
    many = np.zeros((2, 50), bool)
    assert len(picked(many, np.ones((2, 50)))) == NOBODY


def test_what_has_nothing_to_show_is_left_out(alike: Alike, tmp_path: Path) -> None:
    out, results = tmp_path, write_report(tmp_path, alike(tmp_path, {"strategy": ["heads"]}, layout="structured"))
    assert results["pairs"] == []
    page = Page((out / "report.html").read_text("utf-8"))
    order = [element["id"] for element in page.all("section")]
    assert "crossover" not in order
    assert "panel" not in order
    assert results["panel"] == []
    # One alone differs from nobody, and there is nothing to choose from.
    assert "McNemar" not in page.text
    assert "read by" not in page.text
    assert page.all("fieldset") == []
    assert page.all("li", class_="card")
    assert "Strips that were misread" in page.text
    assert "1 run, tested on 200 strips" in page.text
    markdown = (out / "report.md").read_text("utf-8")
    assert "1 run, tested on 200 strips" in markdown
    assert "## Pair by pair" not in markdown
    assert "differ" not in markdown.partition("## What the words mean")[0]


class TestBudget:
    def condition(self, *shares: Sequence[float] | None) -> Condition:
        """Contenders of one run each, with these shares by cause, or none from before there were budgets."""
        runs = [
            SimpleNamespace(metrics={"error_breakdown": {"shares": dict(zip(CAUSES, each, strict=True))}} if each else {})
            for each in shares
        ]
        contenders = [Contender(f"one{n}", "heads", (cast(Any, run),)) for n, run in enumerate(runs)]
        return Condition("free (layout.gap 2)", "free", tuple(contenders))

    def test_page_and_twin_tell_every_contender(self, page: Page, three: Written) -> None:
        runs = [open_run(three[0] / f"cut-free-seed{seed}") for seed in (0, 1)]
        wrong = np.mean([1 - run.metrics["error_breakdown"]["guessed"] for run in runs])
        of_place = np.mean([run.metrics["error_breakdown"]["shares"]["place"] for run in runs])
        markdown = (three[0] / "report.md").read_text("utf-8")
        table = markdown.partition("## The error budget")[2].partition("\n## ")[0]
        line = next(line for line in table.splitlines() if line.startswith("| free | cut |"))
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[2] == f"{100 * wrong:.2f}"
        assert cells[5] == f"{100 * of_place:.2f}"
        alt = next(one["aria-label"] for one in page.all("svg", role="img") if "budget on free" in one["aria-label"])
        assert f"cut {100 * wrong:.2f}: polarity" in alt
        assert f"place {100 * of_place:.2f}" in alt
        assert "depend on the order in which help is given" in " ".join(page.text.split())

    def test_means_and_shares_below_nought(self) -> None:
        both = self.condition((0.01, 0.02, -0.1, 0, 0.3), (0, 0, 0, 0, 0))
        chart, *none = budget(Drawing(Looks([both], ["heads"])), both)
        assert none == []
        assert "one0 23.00: polarity 1.00, length 2.00, place -10.00, picture quality 0.00, class 30.00;" in chart.alt
        assert "one1 0.00: polarity 0.00" in chart.alt
        assert {"−10", "30.0", "-10.0", "23.0", "one1"} <= set(re.findall(r">([^<>]+)</text>", chart.svg))
        # Told apart by hatching as well as by colour, all of them the page's.
        assert len(re.findall(r"<pattern", chart.svg)) >= 4
        assert not re.search(r"#[0-9a-f]{6}", chart.svg)

    def test_runs_from_before_there_was_one_are_left_out(self) -> None:
        some = self.condition(None, (0, 0, 0, 0, 0.5))
        (chart,) = budget(Drawing(Looks([some], ["heads"])), some)
        assert "one1 50.00" in chart.alt
        assert "one0" not in chart.alt + chart.svg
        assert budget(Drawing(Looks([some], ["heads"])), self.condition(None)) == []

    def test_a_report_of_old_runs_has_none(self, alike: Alike, made: Any, tmp_path: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            write = RunWriter.json
            patch.setattr(
                RunWriter,
                "json",
                lambda self, name, data: write(self, name, {key: data[key] for key in data if key != "error_breakdown"}),
            )
            results = alike(tmp_path, {"strategy": ["heads", "cut"]}, layout="structured")
        assert "error_breakdown" not in open_run(tmp_path / results["rows"][0]["run"]).metrics
        write_report(tmp_path, results)
        page = Page((tmp_path / "report.html").read_text("utf-8"))
        assert "budget" not in [element["id"] for element in page.all("section")]
        assert "error budget" not in (tmp_path / "report.md").read_text("utf-8")


def test_a_sweep_is_told_apart_by_what_was_swept(alike: Alike, tmp_path: Path) -> None:
    results = alike(tmp_path, {"layout.gap": [2, 4], "strategy": ["heads", "cut"], "seed": [0, 1]}, layout="free")
    kinds = conditions([open_run(tmp_path / row["run"]) for row in results["rows"]])
    assert [kind.label for kind in kinds] == ["free (layout.gap 2)", "free (layout.gap 4)"]
    assert [[one.label for one in kind.contenders] for kind in kinds] == [["heads", "cut"]] * 2
    assert [len(one.runs) for kind in kinds for one in kind.contenders] == [2] * 4


def test_contenders_of_one_strategy_share_its_colour_and_differ_in_dashes(alike: Alike, tmp_path: Path) -> None:
    results = alike(tmp_path, {"strategy": ["heads", "cut"], "backbone": ["compact", "baseline"]}, layout="structured")
    kinds = conditions([open_run(tmp_path / row["run"]) for row in results["rows"]])
    looks = Looks(kinds, ["heads", "sigmoid", "cut"])
    assert looks.labels == ["heads (compact)", "heads (baseline)", "cut (compact)", "cut (baseline)"]
    of = {one.label: looks.of(one) for one in kinds[0].contenders}
    assert of["heads (compact)"]["color"] == of["heads (baseline)"]["color"] == PALETTE[0]
    assert of["cut (compact)"]["color"] == PALETTE[2]
    assert of["heads (compact)"]["linestyle"] != of["heads (baseline)"]["linestyle"]
    # Where there are no lines, markers tell them apart.
    assert of["heads (compact)"]["markerfacecolor"] == PALETTE[0]
    assert of["heads (baseline)"]["markerfacecolor"] == "none"


def test_digits_that_have_gone_cost_the_gallery_and_no_more(
    alike: Alike, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: object) -> None:
        raise DataError("some/digits.npz: no such file")

    results = alike(tmp_path, {"strategy": ["heads", "cut"]}, layout="structured")
    monkeypatch.setattr("multidigit.report.gallery.StripStream", gone)
    write_report(tmp_path, results)
    page = Page((tmp_path / "report.html").read_text("utf-8"))
    assert page.all("img") == []
    assert "some/digits.npz: no such file" in page.text
    assert len(page.all("svg", role="img")) == 1 + 1 + 1 + 2 + 2 + 1 + 2 + 1


def test_strips_that_come_out_otherwise_are_not_shown(
    alike: Alike, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from multidigit.strips.stream import StripStream

    results = alike(tmp_path, {"strategy": ["heads", "cut"]}, layout="structured")
    monkeypatch.setattr(
        "multidigit.report.gallery.StripStream",
        lambda settings: StripStream(settings.model_copy(update={"seed": settings.seed + 1})),
    )
    write_report(tmp_path, results)
    page = Page((tmp_path / "report.html").read_text("utf-8"))
    assert page.all("img") == []
    assert "cannot be drawn again" in page.text


def test_names_are_text_and_never_markup(alike: Alike, tmp_path: Path) -> None:
    results = alike(tmp_path, {"strategy": ["heads", "cut"]}, layout="structured")
    write_report(tmp_path, {**results, "name": "<b>bold</b> & $x$", "about": "<script>alert(1)</script>"})
    page = Page((tmp_path / "report.html").read_text("utf-8"))
    assert "<b>bold</b> & $x$" in page.text
    assert "<script>alert(1)</script>" in page.text
    assert len(page.all("script")) == 1


@pytest.mark.parametrize(
    ("low", "high", "shares"),
    [
        (1.0, 0.01, [0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99]),
        (0.34, 0.17, [0.7, 0.75, 0.8]),
        (1.08, 0.4, [0.0, 0.2, 0.3, 0.4, 0.5, 0.6]),
    ],
)
def test_an_axis_has_marks_enough_and_none_too_close(low: float, high: float, shares: list[float]) -> None:
    assert marks(low, high) == shares


def test_a_drawing_is_made_fit_to_stand_beside_others() -> None:
    svg = (
        '<?xml version="1.0"?><!DOCTYPE svg>\n<svg width="9pt" viewBox="0 0 9 9"><metadata>x</metadata>'
        '<g id="axes_1"><g id="strategy-2"><path id="m1" d="M 1.23456 0" style="fill: #009e73"/>'
        '<use xlink:href="#m1"/></g><text>0.98765</text></g></svg>'
    )
    assert inline(svg, "f1-", 'less "<" more') == (
        '<svg viewBox="0 0 9 9" role="img" aria-label="less &quot;&lt;&quot; more">'
        '<g><g data-strategy="2"><path id="f1-m1" d="M 1.23 0" style="fill: var(--s2)"/>'
        '<use href="#f1-m1"/></g><text>0.98765</text></g></svg>'
    )


def test_a_report_is_written_without_tensorflow(three: Written) -> None:
    code = (
        "import json, sys; from pathlib import Path; from multidigit.report.write import write_report; "
        f"out = Path({str(three[0])!r}); write_report(out, json.loads((out / 'results.json').read_text('utf-8'))); "
        "sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


ERRORS = {"cut": (0.002, 0.008, 0.04, 0.1, 0.2), "heads": (0.02, 0.03, 0.03, 0.04, 0.05)}
"""Share of the digits answered wrongly at gaps of 0, 3, 6, 9 and 12: cutting wins where digits stand close."""
GAPS = (0, 3, 6, 9, 12)


@pytest.fixture(scope="module")
def swept(made: Any, toy_npz: Path, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The report of two strategies along a sweep with three seeds, and its results."""
    out = tmp_path_factory.mktemp("swept")
    base = {"digits": str(toy_npz), "layout": "free", "evaluation": {"validation_strips": 50, "test_strips": 300}}
    rows = []
    with pytest.MonkeyPatch.context() as patch:
        for planned in make_plan(base, {"strategy": ["heads", "cut"], "layout.gap": [*GAPS], "seed": [0, 1, 2]}):
            settings = planned.settings
            error = ERRORS[settings.strategy][GAPS.index(settings.layout.gap[0])]
            patch.setitem(made.ERRORS, settings.strategy, error)
            rows.append(row(made.made(out / planned.name, planned)))
    results = {"name": "swept", "about": "Nothing was trained for this.", "planned": len(rows), "rows": rows}
    return out, write_report(out, results)


@pytest.fixture(scope="module")
def swept_page(swept: Written) -> Page:
    return Page((swept[0] / "report.html").read_text("utf-8"))


def sequence_accuracies(results: dict[str, Any], strategy: str, gap: int) -> list[float]:
    return [line["sequence_accuracy"] for line in results["rows"] if f"{strategy}-free-gap{gap}-" in line["run"]]


def alts(page: Page) -> list[str]:
    return [drawing["aria-label"] for drawing in page.all("svg", role="img")]


def test_a_sweep_ends_in_a_sentence_and_its_crossing_in_the_results(swept: Written) -> None:
    out, results = swept
    (said,) = results["verdict"]
    place = r"\d[\d.]*"
    assert re.fullmatch(
        rf"From layout.gap 0 to 12 on free strips: cut is ahead of heads up to {place} and behind from there on "
        rf"\(95 % interval {place} to {place}\).",
        said,
    )
    (crossing,) = results["crossovers"]
    assert {key: crossing[key] for key in ("key", "layout", "strips", "one", "two", "state")} == {
        "key": "layout.gap",
        "layout": "free",
        "strips": "free",
        "one": "cut",
        "two": "heads",
        "state": "crossing",
    }
    # With the values themselves, a difference and the ends of its interval at each.
    assert crossing["values"] == [[gap, gap] for gap in GAPS]
    assert [len(each) for each in crossing["differences"]] == [3] * 5
    assert crossing["low"][0] <= crossing["at"] <= crossing["high"][0]
    assert crossing["low"] in ([0, 0], [3, 3])
    assert crossing["high"] in ([9, 9], [12, 12])
    assert f"up to {crossing['at']:.3g} and behind" in said
    assert f"interval {crossing['low'][0]} to {crossing['high'][0]})" in said
    # A pair at every value, none over all of them.
    assert [pair["condition"] for pair in results["pairs"]] == [f"gap {gap}" for gap in GAPS]
    assert json.loads((out / "results.json").read_text("utf-8")) == {k: v for k, v in results.items() if k != "verdict"}


def test_pictures_are_read_with_who_reads_the_hardest_strips_best(swept: Written) -> None:
    results = swept[1]
    best = max(results["rows"], key=lambda line: line["sequence_accuracy"])
    assert best["run"].startswith("cut-free-gap0-")
    hard = [line for line in results["rows"] if "-gap12-" in line["run"]]
    assert results["winner"] == max(hard, key=lambda line: line["sequence_accuracy"])["run"]
    assert results["winner"].startswith("heads-free-gap12-")


def test_the_crossover_stands_first_among_the_figures_and_tells_its_figures(swept: Written, swept_page: Page) -> None:
    results = swept[1]
    order = [element["id"] for element in swept_page.all("section")]
    assert order[:3] == ["verdict", "results", "crossover"]
    assert {"href": "#crossover"} in swept_page.all("a")
    (alt,) = [each for each in alts(swept_page) if "against layout.gap" in each]
    assert alt.startswith("Numbers right on free strips against layout.gap: ")
    assert alt.endswith(results["verdict"][0])
    for strategy in ("cut", "heads"):
        means = [np.mean(sequence_accuracies(results, strategy, gap)) for gap in GAPS]
        told = ", ".join(f"{gap}: {mean:.1%}" for gap, mean in zip(GAPS, means, strict=True))
        assert f"{strategy} {told}" in alt
    # In the drawing itself as well: every gap, the setting's name, and where the lines cross.
    crossing = results["crossovers"][0]
    assert f"cut = heads: {crossing['at']:.3g}" in swept_page.text
    assert "free strips: gap" in swept_page.text


def test_a_verdict_on_a_sweep_is_told_clause_by_clause(swept: Written, swept_page: Page) -> None:
    title, _, rest = swept[1]["verdict"][0].partition(": ")
    boards = [attributes["data-layout"] for attributes in swept_page.all("article", class_="board")]
    assert boards == ["free"]
    assert f"{title} Cut is ahead of heads up to" in swept_page.text
    assert rest[1:] in swept_page.text
    # Means over all values would say nothing.
    assert swept_page.all("ul", class_="bars") == []


def test_pairs_of_a_sweep_are_folded(swept_page: Page, page: Page) -> None:
    assert "Pair by pair at each value" in swept_page.text
    assert "Pair by pair at each value" not in page.text
    assert "free, gap 12" in swept_page.text
    # A figure of differences is drawn where there is one pair of a layout, not one at each value.
    assert "difference" in " ".join(alts(page)).lower()
    assert "difference" not in " ".join(alts(swept_page)).lower()
    assert len(swept_page.all("details")) == len(page.all("details")) + 1


def test_tables_of_a_sweep_stand_in_the_page_and_in_its_twin(swept: Written, swept_page: Page) -> None:
    out, results = swept
    markdown = (out / "report.md").read_text("utf-8")
    section = markdown[markdown.index("## Where the lead changes") :]
    crossing = results["crossovers"][0]
    low, high = crossing["low"][0], crossing["high"][0]
    assert f"| cut, heads | cut, then heads | {crossing['at']:.3g} | {low} to {high} |" in section
    for gap in GAPS:
        (line,) = [text for text in section.splitlines() if text.startswith(f"| {gap} |")]
        for cell, strategy in zip(line.split("|")[2:4], ("heads", "cut"), strict=True):
            right = sequence_accuracies(results, strategy, gap)
            assert cell.strip() == f"{np.mean(right):.2%} ({min(right):.2%} – {max(right):.2%})"
            assert cell.strip() in swept_page.text
    for caption in ("who leads", "numbers right, means over seeds and their range"):
        assert f"layout.gap on free strips: {caption}:" in section
        assert f"layout.gap on free strips: {caption}" in swept_page.text


def test_of_many_conditions_some_are_shown_and_all_are_in_the_tables(swept: Written, swept_page: Page) -> None:
    # Four of the five, spread evenly, from the first to the last.
    for gap, is_shown in zip(GAPS, (True, True, False, True, True), strict=True):
        assert any(f"layout.gap {gap})" in alt for alt in alts(swept_page)) is is_shown
    assert "heads-free-gap6" in swept_page.text


def test_a_sweep_with_one_contender_is_drawn_without_a_crossing(alike: Alike, tmp_path: Path) -> None:
    results = alike(tmp_path, {"strategy": ["heads"], "layout.gap": [0, 3, 6]}, layout="free")
    complete = write_report(tmp_path, results)
    assert complete["verdict"] == ["From layout.gap 0 to 6 on free strips: nobody to compare."]
    assert complete["crossovers"] == complete["pairs"] == []
    swept_page = Page((tmp_path / "report.html").read_text("utf-8"))
    assert any("against layout.gap: heads 0: " in alt for alt in alts(swept_page))
    assert "who leads" not in (tmp_path / "report.md").read_text("utf-8")
    assert "Nobody to compare." in swept_page.text


def test_several_sweeps_are_drawn_each_by_itself(alike: Alike, tmp_path: Path) -> None:
    grid: dict[str, list[Any]] = {
        "strategy": ["heads", "cut"],
        "layout": ["structured", "free"],
        "layout.length": [1, 3, 5],
    }
    complete = write_report(tmp_path, alike(tmp_path, grid))
    assert [said.partition(":")[0] for said in complete["verdict"]] == [
        "From layout.length 1 to 5 on structured strips",
        "From layout.length 1 to 5 on free strips",
    ]
    swept_page = Page((tmp_path / "report.html").read_text("utf-8"))
    figures = [figure for figure in swept_page.all("figure", class_="chart") if "data-layout" in figure]
    assert {figure["data-layout"] for figure in figures[:2]} == {"structured", "free"}
    assert len(swept_page.all("article", class_="board")) == 2


def test_ranges_are_written_as_such_below_the_figure(alike: Alike, tmp_path: Path) -> None:
    grid: dict[str, list[Any]] = {"strategy": ["heads", "cut"], "layout.shift": [0, 2, 4]}
    complete = write_report(tmp_path, alike(tmp_path, grid, layout="structured"))
    assert complete["verdict"][0].startswith("From layout.shift 0 to ±4 on structured strips: ")
    swept_page = Page((tmp_path / "report.html").read_text("utf-8"))
    assert "±2" in swept_page.text
