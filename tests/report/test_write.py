"""The report of made-up runs: what it shows, what it leaves out, and that it needs no other file."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import make_up_comparison, make_up_run

from multidigit.experiments import Experiment, make_plan
from multidigit.experiments.results import summarise
from multidigit.report.anchors import ANCHORS
from multidigit.report.write import write_report
from multidigit.runs import open_run

VOID = {"meta", "img", "input", "br", "link"}
Written = tuple[Path, dict[str, Any]]


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
        self.text = " ".join(" ".join(self.words).split())
        self.sections = [element["id"] for element in self.all("section")]
        self.alts = [drawing["aria-label"] for drawing in self.all("svg", role="img")]

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

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        return [
            attributes
            for name, attributes in self.elements
            if name == tag and all(attributes.get(key.rstrip("_")) == value for key, value in wanted.items())
        ]


def written(out: Path, npz: Path, grid: dict[str, list[Any]], **base: Any) -> Written:
    """The report of made-up runs that are alike but for a grid, and its results."""
    settings = {"digits": str(npz), "evaluation": {"validation_strips": 50, "test_strips": 200}, **base}
    return out, write_report(out, make_up_comparison(out, settings, grid))


def page_in(out: Path) -> Page:
    return Page((out / "report.html").read_text("utf-8"))


def lines(markdown: str, caption: str) -> list[list[str]]:
    """The cells of the table under that caption, heads first."""
    under = markdown[markdown.index(f"{caption}:\n\n") :].split("\n\n")[1]
    head, _, *rest = under.splitlines()
    return [line.strip("| ").split(" | ") for line in (head, *rest)]


@pytest.fixture(scope="module")
def three(toy_npz: Path, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Three strategies on two layouts with two seeds."""
    grid = {"layout": ["structured", "free"], "strategy": ["heads", "sigmoid", "cut"], "seed": [0, 1]}
    return written(tmp_path_factory.mktemp("report"), toy_npz, grid)


@pytest.fixture(scope="module")
def page(three: Written) -> Page:
    return page_in(three[0])


@pytest.fixture(scope="module")
def markdown(three: Written) -> str:
    return (three[0] / "report.md").read_text("utf-8")


class TestPage:
    def test_the_verdict_comes_first_then_results_then_figures(self, page: Page, three: Written) -> None:
        figures = ["time", "learning", "slots", "confusion", "breakdown", "confidence"]
        assert page.sections == ["verdict", "results", *figures, "gallery", "settings"]
        for sentence in three[1]["verdict"]:
            assert sentence in page.text
        assert f"The one to read pictures with: {three[1]['winner']}" in page.text
        links = [attributes["href"] for attributes in page.all("a")]
        assert {link[1:] for link in links if link.startswith("#")} == set(page.sections)

    def test_it_needs_no_other_file(self, three: Written, page: Page) -> None:
        out = three[0]
        assert (out / "report.html").stat().st_size < 3_000_000
        assert {path.name for path in out.iterdir() if path.is_file()} == {"report.html", "report.md", "results.json"}
        for tag, attributes in page.elements:
            for key in ("src", "href", "xlink:href", "action", "data"):
                address = attributes.get(key, "#")
                assert address.startswith(("#", "data:image/png;base64,")) or (tag == "a" and "arxiv.org" in address)
        assert not re.search(r"url\((?!#)|@import", (out / "report.html").read_text("utf-8"))
        assert "default-src 'none'" in page.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]

    def test_every_figure_has_words_and_no_identifier_stands_twice(self, page: Page) -> None:
        # Of two layouts differences, time, learning and breakdown, two of slots, three of confusion, two of confidence.
        assert len(page.all("figure", class_="chart")) == len(page.alts) == 2 + 2 + 2 + 4 + 6 + 2 + 4
        assert len(set(page.alts)) == len(page.alts)
        assert all(len(alt) > 40 for alt in page.alts)
        assert all(image["alt"] for image in page.all("img"))
        names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(set(names)) == len(names)
        used = [attributes["href"][1:] for tag, attributes in page.elements if tag == "use"]
        used += re.findall(r"url\(#([^)]+)\)", str(page.elements))
        assert used
        assert set(used) <= set(names)

    def test_drawings_take_their_colours_from_the_page(self, page: Page) -> None:
        styles = " ".join(
            attributes.get("style", "") for tag, attributes in page.elements if tag in ("path", "use", "text", "g")
        )
        assert not re.search(r"(?<!url\()#[0-9a-f]{3,6}", styles), "but for names of patterns"
        names = {"ink", "soft", "line", "s0", "s1", "s2"}
        assert {f"var(--{name})" for name in names} <= set(re.findall(r"var\(--\w+\)", styles))

    def test_published_figures_are_marked_as_of_other_data(self, page: Page, markdown: str) -> None:
        addresses = [attributes["href"] for attributes in page.all("a")]
        for anchor in ANCHORS:
            assert anchor.address in addresses
            assert f"not the same data: {anchor.note}" in page.text
            line = next(line for line in markdown.splitlines() if anchor.address in line and anchor.data in line)
            assert f"{anchor.numbers:.2%}" in line
            assert "not the same data" in line
        shown = {f"{anchor.numbers:.2%}" for anchor in ANCHORS}
        assert shown == {"96.03%", "97.00%", "96.00%", "84.00%", "99.15%"}

    def test_each_breakdown_is_in_page_and_table(self, page: Page, three: Written, markdown: str) -> None:
        runs = [open_run(three[0] / f"cut-free-seed{seed}").metrics["error_breakdown"] for seed in (0, 1)]
        wrong = f"{100 * np.mean([1 - run['guessed'] for run in runs]):.2f}"
        of_place = f"{100 * np.mean([run['shares']['place'] for run in runs]):.2f}"
        table = lines(markdown, "Numbers wrong by cause, in points")
        cells = dict(zip(table[0], next(line for line in table if line[:2] == ["free", "cut"]), strict=True))
        assert (cells["wrong in all"], cells["place"]) == (wrong, of_place)
        alt = next(alt for alt in page.alts if alt.startswith("Error breakdown on free"))
        assert f"cut {wrong}: polarity" in alt
        assert f"place {of_place}" in alt

    def test_the_same_again(self, three: Written) -> None:
        out, results = three
        without = {key: value for key, value in results.items() if key != "verdict"}
        assert json.loads((out / "results.json").read_text("utf-8")) == json.loads(json.dumps(without))
        before = (out / "report.html").read_bytes()
        write_report(out, results)
        assert (out / "report.html").read_bytes() == before

    @pytest.mark.slow
    def test_tensorflow_is_not_imported(self, three: Written) -> None:
        code = (
            "import json, sys; from pathlib import Path; from multidigit.report.write import write_report; "
            f"out = Path({str(three[0])!r}); write_report(out, json.loads((out / 'results.json').read_text('utf-8'))); "
            "sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
        )
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class TestMarkdown:
    def test_verdict_tables_and_the_link_to_the_figures(self, three: Written, markdown: str) -> None:
        verdict = three[1]["verdict"]
        assert markdown.startswith("# made up\n")
        assert all(f"- {sentence}\n" in markdown for sentence in verdict)
        assert "[report.html](report.html)" in markdown
        # Results, pairs, learning, slots, lengths, confusion, breakdown and confidence.
        tables = [line for line in markdown.splitlines() if line.startswith(("| structured", "| free"))]
        assert len(tables) == 8 * 6
        order = [verdict[0], "## Results", "## Pair by pair", "## How far confidence can be trusted", "## Settings and"]
        places = [markdown.index(words) for words in order]
        assert places == sorted(places)

    def test_figures_are_tables(self, three: Written, markdown: str, page: Page) -> None:
        runs = [open_run(three[0] / f"cut-free-seed{seed}") for seed in (0, 1)]
        tests = [run.metrics["test"] for run in runs]

        def of_cut(caption: str) -> list[str]:
            # The page has the same table, folded.
            assert all(" ".join(line) in page.text for line in lines(markdown, caption))
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
        # Of eight epochs six are listed, the last among them.
        heads = lines(markdown, "Validation numbers right")[0]
        assert heads == ["strips", "strategy", *(f"epoch {epoch}" for epoch in (1, 3, 4, 5, 7, 8))]
        assert of_cut("Validation numbers right")[-1] == mean(run.history[-1]["sequence_accuracy"] for run in runs)

    def test_settings_and_environment(self, three: Written, markdown: str) -> None:
        differ = lines(markdown, "Settings in which the runs differ")
        assert differ[0] == ["run", "seed", "strategy", "layout.name"]
        assert ["cut-free-seed1", "1", "cut", "free"] in differ
        alike = lines(markdown, "Settings alike in all runs")
        assert ["evaluation.test_strips", "200"] in alike
        assert any(line[0] == "recipe" for line in alike)
        known = open_run(three[0] / "cut-free-seed1").environment
        environment = lines(markdown, "Environment alike in all runs")
        assert ["python", known["python"]] in environment
        assert ["numpy", known["packages"]["numpy"]] in environment
        assert "- **strip**: " in markdown


@pytest.mark.parametrize("slots", [1, pytest.param(12, marks=pytest.mark.slow)])
def test_a_single_run_is_compared_with_none(toy_npz: Path, tmp_path: Path, slots: int) -> None:
    given = {"layout": "structured", "slots": slots, "train": {"label_smoothing": 0.1}}
    out, results = written(tmp_path, toy_npz, {"strategy": ["heads"]}, **given)
    assert results["pairs"] == []
    write_report(out, {**results, "name": "<b>bold</b> & $x$", "about": "<script>alert(1)</script>"})
    page, markdown = page_in(out), (out / "report.md").read_text("utf-8")
    assert "| not by the recipe | train.label_smoothing |" in markdown
    assert "crossover" not in page.sections
    # There are no differences, and nothing to choose from.
    assert "McNemar" not in page.text
    assert "read by" not in page.text
    assert page.all("fieldset") == []
    assert "Strips that were misread" in page.text
    assert {image["width"] for image in page.all("img")} == {str(28 * slots)}
    assert lines(markdown, "Digits right by slot")[0][-1] == f"slot {slots}"
    for text in (page.text, markdown):
        assert "1 run, tested on 200 strips" in text
    assert "## Pair by pair" not in markdown
    assert "differ" not in markdown.partition("## What the words mean")[0]
    # Names are text and never markup.
    assert "<b>bold</b> & $x$" in page.text
    assert "<script>alert(1)</script>" in page.text
    assert len(page.all("script")) == 1


ERRORS = {"cut": (0.002, 0.008, 0.04, 0.1, 0.2), "heads": (0.02, 0.03, 0.03, 0.04, 0.05)}
"""Share of the digits answered wrongly at gaps of 0, 3, 6, 9 and 12: cutting wins where digits stand close."""
GAPS = (0, 3, 6, 9, 12)


@pytest.mark.slow
class TestSweep:
    @pytest.fixture(scope="class")
    @staticmethod
    def swept(toy_npz: Path, tmp_path_factory: pytest.TempPathFactory) -> Written:
        """Two strategies along a sweep with two seeds."""
        out = tmp_path_factory.mktemp("swept")
        base = {"digits": str(toy_npz), "layout": "free", "evaluation": {"validation_strips": 50, "test_strips": 300}}
        plan = make_plan(base, {"strategy": ["heads", "cut"], "layout.gap": [*GAPS], "seed": [0, 1]})
        errors = [ERRORS[each.settings.strategy][GAPS.index(each.settings.layout.gap[0])] for each in plan]
        runs = [make_up_run(out / each.name, each, error) for each, error in zip(plan, errors, strict=True)]
        return out, write_report(out, summarise(Experiment("swept", "Nothing was trained for this.", plan), runs))

    @pytest.fixture(scope="class")
    @staticmethod
    def page(swept: Written) -> Page:
        return page_in(swept[0])

    @staticmethod
    def accuracies(results: dict[str, Any], strategy: str, gap: int) -> list[float]:
        return [line["sequence_accuracy"] for line in results["rows"] if f"{strategy}-free-gap{gap}-" in line["run"]]

    def test_the_verdict_stands_clause_by_clause(self, swept: Written, page: Page) -> None:
        title, _, rest = swept[1]["verdict"][0].partition(": ")
        assert [attributes["data-layout"] for attributes in page.all("article", class_="board")] == ["free"]
        assert f"{title} Cut is ahead of heads up to" in page.text
        assert rest[1:] in page.text
        # Means over all values would show nothing.
        assert page.all("ul", class_="bars") == []

    def test_the_crossover_stands_first_among_the_figures(self, swept: Written, page: Page) -> None:
        results = swept[1]
        assert page.sections[:3] == ["verdict", "results", "crossover"]
        (alt,) = [each for each in page.alts if "against layout.gap" in each]
        assert alt.startswith("Numbers right on free strips against layout.gap: ")
        assert alt.endswith(results["verdict"][0])
        for strategy in ("cut", "heads"):
            means = [np.mean(self.accuracies(results, strategy, gap)) for gap in GAPS]
            words = ", ".join(f"{gap}: {mean:.1%}" for gap, mean in zip(GAPS, means, strict=True))
            assert f"{strategy} {words}" in alt
        # In the drawing itself as well.
        assert f"cut = heads: {results['crossovers'][0]['at']:.3g}" in page.text
        assert "free strips: gap" in page.text

    def test_the_crossover_is_a_file_of_its_own(self, swept: Written) -> None:
        svg = (swept[0] / "crossover-1.svg").read_text("utf-8")
        assert svg.startswith("<?xml")
        assert "var(--" not in svg
        for words in ("free strips: gap", ">heads<", ">cut<", "layout.gap"):
            assert words in svg
        assert "![free strips: gap](crossover-1.svg)" in (swept[0] / "report.md").read_text("utf-8")

    def test_pairs_at_each_value_are_folded(self, page: Page) -> None:
        assert "Pair by pair at each value" in page.text
        assert "free, gap 12" in page.text
        assert "difference" not in " ".join(page.alts).lower()

    def test_its_tables_stand_in_the_page_and_in_markdown(self, swept: Written, page: Page) -> None:
        out, results = swept
        markdown = (out / "report.md").read_text("utf-8")
        crossing = results["crossovers"][0]
        (leads,) = lines(markdown, "layout.gap on free strips: who leads")[1:]
        ends = f"{crossing['low'][0]} to {crossing['high'][0]}"
        assert leads == ["cut, heads", "cut, then heads", f"{crossing['at']:.3g}", ends]
        table = lines(markdown, "layout.gap on free strips: numbers right, means over seeds and their range")
        assert [line[0] for line in table[1:]] == [str(gap) for gap in GAPS]
        for gap, line in zip(GAPS, table[1:], strict=True):
            for cell, strategy in zip(line[1:], ("heads", "cut"), strict=True):
                right = self.accuracies(results, strategy, gap)
                spread = f" ({min(right):.2%} – {max(right):.2%})" if len(set(right)) > 1 else ""
                assert cell == f"{np.mean(right):.2%}{spread}"
                assert cell in page.text

    def test_of_many_conditions_some_are_drawn_and_all_are_in_the_tables(self, page: Page) -> None:
        # Four of the five, spread evenly, from the first to the last.
        for gap, is_shown in zip(GAPS, (True, True, False, True, True), strict=True):
            assert any(f"layout.gap {gap})" in alt for alt in page.alts) is is_shown
        assert "heads-free-gap6" in page.text


@pytest.mark.slow
def test_a_sweep_of_ranges_with_one_contender_has_no_crossing(toy_npz: Path, tmp_path: Path) -> None:
    grid: dict[str, list[Any]] = {"strategy": ["heads"], "layout.shift": [0, 2, 4]}
    out, results = written(tmp_path, toy_npz, grid, layout="structured")
    (sentence,) = results["verdict"]
    assert sentence.startswith("From layout.shift 0 to ±4 on structured strips: ")
    assert results["crossovers"] == results["pairs"] == []
    page = page_in(out)
    assert any("against layout.shift: heads 0: " in alt for alt in page.alts)
    assert "±2" in page.text
    assert "who leads" not in (out / "report.md").read_text("utf-8")


@pytest.mark.slow
def test_several_sweeps_are_drawn_each_by_itself(toy_npz: Path, tmp_path: Path) -> None:
    grid = {"strategy": ["heads", "cut"], "layout": ["structured", "free"], "layout.length": [1, 3, 5]}
    out, results = written(tmp_path, toy_npz, grid)
    assert [sentence.partition(":")[0] for sentence in results["verdict"]] == [
        "From layout.length 1 to 5 on structured strips",
        "From layout.length 1 to 5 on free strips",
    ]
    page = page_in(out)
    figures = [figure for figure in page.all("figure", class_="chart") if "data-layout" in figure]
    assert {figure["data-layout"] for figure in figures[:2]} == {"structured", "free"}
    assert len(page.all("article", class_="board")) == 2
    assert {path.name for path in out.glob("*.svg")} == {"crossover-1.svg", "crossover-2.svg"}
