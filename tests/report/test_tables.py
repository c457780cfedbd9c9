"""Tables: the same cells for the terminal and for Markdown."""

from __future__ import annotations

import io
from typing import Any

from markupsafe import Markup
from rich.console import Console

from multidigit.report.tables import markdown_table, markdown_text, measure_lines, results_table, rich_table

HEADS = ["digits right", "numbers right", "95 % interval", "parameters", "training", "trains at", "reads at", "model"]


def row(**changes: Any) -> dict[str, Any]:
    whole = {
        "strategy": "heads",
        "layout": "free",
        "digits": "drawn",
        "backbone": "compact",
        "seed": 0,
        "parameters": 104_835,
        "training_seconds": 61.4,
        "training_strips_per_second": 1234.5,
        "digit_accuracy": 0.9912,
        "sequence_accuracy": 0.96,
        "sequence_low": 0.95,
        "sequence_high": 0.97,
        "reading_strips_per_second": 20_000.4,
        "reader_bytes": 427_468,
        **changes,
    }
    return {"run": f"{whole['strategy']}-{whole['layout']}-seed{whole['seed']}", **whole, **changes}


def test_one_run_is_one_line() -> None:
    heads, cells = results_table([row()])
    assert heads == ["layout", "strategy", *HEADS]
    assert cells == [
        [
            *("free", "heads", "99.12%", "96.00%", "95.00% – 97.00%"),
            *("104,835", "61 s", "1,234/s", "20,000/s", "427 kB"),
        ]
    ]


def test_seeds_become_a_mean_and_a_spread() -> None:
    _, cells = results_table([row(), row(seed=1, sequence_accuracy=0.98, digit_accuracy=0.9932), row(strategy="cut")])
    assert [line[:2] for line in cells] == [["free", "heads"], ["free", "cut"]]
    # Of 96 % and 98 % the sample standard deviation is the root of 2 points squared.
    assert cells[0][2:5] == ["99.22%", "97.00% ± 1.41%", "2 seeds"]
    assert cells[1][4] == "95.00% – 97.00%"


def test_there_are_columns_for_what_differs() -> None:
    rows = [row(slots=3), row(backbone="baseline", run="heads-free-baseline-seed0", slots=8)]
    heads, cells = results_table(rows)
    assert heads == ["layout", "strategy", "slots", "backbone", *HEADS]
    assert [line[2:4] for line in cells] == [["3", "compact"], ["8", "baseline"]]


def test_runs_are_named_where_nothing_else_tells_them_apart() -> None:
    names = [f"heads-free-gap{gap}-{backbone}" for gap in (0, 3) for backbone in ("compact", "baseline")]
    rows = [row(run=f"{name}-seed{seed}", backbone=name.split("-")[-1], seed=seed) for name in names for seed in (0, 1)]
    heads, cells = results_table(rows)
    assert heads == ["layout", "strategy", "run", *HEADS]
    assert [line[2] for line in cells] == names


def test_nothing_in_a_cell_ends_it() -> None:
    table = markdown_table(["a|b", "c"], [["no\nend", "1 | 2"]])
    assert table == "| a\\|b | c |\n| --- | --- |\n| no end | 1 \\| 2 |\n"


def test_markdown() -> None:
    table = markdown_table(["name", "what", "how many"], [["a", "b", "1"], ["c", "d", "22"]])
    assert table == "| name | what | how many |\n| --- | --- | ---: |\n| a | b | 1 |\n| c | d | 22 |\n"


def test_the_terminal_shows_the_same_cells() -> None:
    text = io.StringIO()
    Console(file=text, width=200).print(rich_table(*results_table([row()])))
    shown = text.getvalue()
    for cell in (*HEADS, "99.12%", "95.00% – 97.00%", "427 kB"):
        assert cell in shown


def test_measures_stand_line_by_line() -> None:
    measures = {
        "sequence_interval": [0.5, 0.75],
        "accuracy_by_slot": [1.0, 0.5, None, None, None],
        "accuracy_by_length": {"1": {"accuracy": 0.25, "strips": 4}},
        "digit_accuracy": 0.9,
        "sequence_accuracy": 0.625,
        "character_error_rate": 0.1,
        "coverage_98": 0.2,
        "expected_calibration_error": 0.03,
        "expected_calibration_error_before": 0.05,
        "strips_per_second": 1234.4,
    }
    found = dict(measure_lines(measures))
    assert found["numbers right"] == "62.50% (95 % interval 50.00% to 75.00%)"
    assert found["digits right by slot"] == "100.00%  50.00%  –  –  –"
    assert found["numbers right by length"] == "1: 25.00%"
    assert found["strips read in a second"] == "1,234"
    assert found["coverage at 98 % accuracy"] == "20.00%"


def test_names_are_neither_html_nor_links_in_markdown() -> None:
    assert (
        markdown_text("<img src=x>\n![x](http://x) a < 3 \x1b[0m") == "&lt;img src=x> ![x]\\(http://x) a < 3 \\x1b[0m"
    )
    assert markdown_text(Markup("[x](http://x)")) == "[x](http://x)"


def test_brackets_in_names_are_no_markup_in_the_terminal() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    console.print(rich_table(["[b]", "c"], [["[red]a[/x]", "\x1b[31m\nb"]]))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "[red]a[/x]" in shown
    assert "\\x1b[31m\\nb" in shown
