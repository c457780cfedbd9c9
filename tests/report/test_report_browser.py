"""The report in a real browser: Chromium, driven by Playwright; `make test-browser` installs what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import make_up_comparison

from multidigit.report.write import write_report

pytestmark = pytest.mark.slow
every_screen = pytest.mark.parametrize(
    "page", [(1280, "light"), (1280, "dark"), (360, "light")], ids=["light", "dark", "phone"], indirect=True
)


@pytest.fixture(scope="module")
def report(toy_npz: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    base = {"digits": str(toy_npz), "evaluation": {"validation_strips": 50, "test_strips": 200}}
    grid = {"layout": ["structured", "free"], "strategy": ["heads", "sigmoid", "cut"]}
    write_report(out, make_up_comparison(out, base, grid))
    return out / "report.html"


@pytest.fixture(scope="module")
def sweep(toy_npz: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sweep")
    base = {"digits": str(toy_npz), "layout": "free", "evaluation": {"validation_strips": 50, "test_strips": 200}}
    grid = {"strategy": ["heads", "cut"], "layout.gap": [0, 3, 6], "seed": [0, 1]}
    write_report(out, make_up_comparison(out, base, grid))
    return out / "report.html"


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Any, report: Path) -> Iterator[Any]:
    """The report, opened from disk; fails where anything went to the console or the network."""
    width, scheme = getattr(request, "param", (1280, "light"))
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    opened = context.new_page()
    faults: list[str] = []
    opened.on("console", lambda message: faults.append(message.text))
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("request", lambda asked: faults.append(asked.url) if not asked.url.startswith(("file:", "data:")) else 0)
    opened.goto(report.as_uri())
    yield opened
    context.close()
    assert faults == []


def column(page: Any, name: str, section: str = "#results") -> list[str]:
    """The visible cells of a column."""
    heads = page.locator(f"{section} thead th").all_inner_texts()
    index = next(number for number, head in enumerate(heads) if head.strip() == name)
    rows = page.locator(f"{section} tbody tr:visible")
    return [row.locator("td").nth(index).inner_text().strip() for row in rows.all()]


@every_screen
def test_every_figure_is_seen_and_nothing_scrolls_sideways(page: Any) -> None:
    figures = page.locator("figure.chart > svg")
    assert figures.count() == 2 + 2 + 2 + 4 + 6 + 2 + 4
    width = page.viewport_size["width"]
    for figure in figures.all():
        box = figure.bounding_box()
        assert box["width"] > 200
        assert box["height"] > 60
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].every((image) => image.complete && image.naturalWidth === 140)")


@every_screen
def test_letters_and_lines_stand_out_from_the_page(page: Any) -> None:
    contrast = """() => {
        const parsed = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
        const light = (colour) => {
            const linear = (c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
            const [r, g, b] = parsed(colour).map((c) => linear(c / 255));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        const of = (selector, key) => light(getComputedStyle(document.querySelector(selector))[key]);
        const paper = of(".chart", "backgroundColor");
        return {
            letters: ratio(of(".chart text", "fill"), paper),
            body: ratio(of("body", "color"), of("body", "backgroundColor")),
            lines: [0, 1, 2].map((s) => ratio(of(`#time svg [data-strategy="${s}"] path`, "stroke"), paper)),
        };
    }"""
    found = page.evaluate(contrast)
    assert found["letters"] >= 4.5
    assert found["body"] >= 7
    assert all(ratio >= 3 for ratio in found["lines"])


def test_a_click_on_a_head_sorts(page: Any) -> None:
    def numbers() -> list[float]:
        return [float(cell.partition("%")[0]) for cell in column(page, "numbers right")]

    before = numbers()
    head = page.locator("#results thead th", has_text="numbers right")
    head.get_by_role("button").click()
    assert numbers() == sorted(before, reverse=True)
    assert head.get_attribute("aria-sort") == "descending"
    head.get_by_role("button").click()
    assert numbers() == sorted(before)
    page.locator("#results thead th", has_text="strategy").get_by_role("button").click()
    assert column(page, "strategy") == ["cut", "cut", "heads", "heads", "sigmoid", "sigmoid"]
    assert page.locator("#results [aria-sort]").count() == 1
    # Published figures stay below.
    assert page.locator("#results tfoot tr").count() == 6


def test_ticks_choose_what_is_shown(page: Any) -> None:
    filters = page.locator("#filters")
    filters.get_by_label("structured").uncheck()
    assert set(column(page, "layout")) == {"free"}
    assert page.locator("figure.chart:visible").count() == 11
    filters.get_by_label("cut").uncheck()
    assert column(page, "strategy") == ["heads", "sigmoid"]
    assert page.locator("#confusion figure.chart:visible").count() == 2
    assert page.locator("#time svg [data-strategy='2']:visible").count() == 0
    assert page.locator("#time svg [data-strategy='0']:visible").count() > 0
    filters.get_by_label("structured").check()
    filters.get_by_label("cut").check()
    assert page.locator("figure.chart:visible").count() == 22


def test_tables_beside_figures_unfold_sort_and_are_filtered(page: Any) -> None:
    table = "#slots .scroll[aria-label='Digits right by slot']"
    assert not page.locator(table).is_visible()
    page.locator("#slots summary").click()
    assert page.locator(table).is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    page.locator(f"{table} thead th", has_text="slot 1").get_by_role("button").click()
    shares = [float(cell.removesuffix("%")) for cell in column(page, "slot 1", table)]
    assert len(shares) == 6
    assert shares == sorted(shares, reverse=True)
    page.locator("#filters").get_by_label("free").uncheck()
    assert column(page, "strips", table) == ["structured"] * 3


def test_strips_are_chosen_by_who_read_and_who_missed_them(page: Any) -> None:
    cards = page.locator(".card:visible")
    every = cards.count()
    page.locator("select[name=read]").select_option(label="heads")
    page.locator("select[name=missed]").select_option(label="cut")
    assert 0 < cards.count() < every
    for card in cards.all():
        assert card.locator("li.right", has_text="heads").count() == 1
        assert card.locator("li.wrong", has_text="cut").count() == 1
    assert page.locator("#count").inner_text() == f"{cards.count()} of {every} strips"


def test_it_can_be_printed(browser: Any, report: Path) -> None:
    page = browser.new_page(color_scheme="dark")
    page.goto(report.as_uri())
    page.emulate_media(media="print")
    # Paper is white whatever the screen is.
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("#filters").is_visible()
    folded = page.locator("#settings details:not([open])").count()
    assert folded > 0
    # What is folded on the screen is not on paper.
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    # A browser leaves buttons out of a head that stands again on the next page.
    assert page.locator("th button").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("#settings details:not([open])").count() == folded
    assert page.locator("#results thead").get_by_role("button", name="strategy").count() == 1
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.close()


@pytest.mark.parametrize("width", [1280, 360])
def test_a_sweep_shows_where_the_lead_changes(browser: Any, sweep: Path, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(sweep.as_uri())
    figure = page.locator("#crossover figure.chart > svg")
    assert figure.count() == 1
    assert figure.bounding_box()["x"] + figure.bounding_box()["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Pairs at each value are folded until somebody asks for them.
    pairs = page.locator("#verdict details", has_text="Pair by pair")
    assert not pairs.locator("table").is_visible()
    pairs.locator("summary").click()
    assert pairs.locator("tbody tr:visible").count() == 3
    page.locator("#filters").get_by_label("cut").uncheck()
    assert page.locator("#crossover svg [data-strategy='2']:visible").count() == 0
    page.close()
    assert faults == []
