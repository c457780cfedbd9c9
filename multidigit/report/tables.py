"""Results and measures as tables: the same cells for the terminal, the page and Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from multidigit.errors import escaped, one_line
from multidigit.statistics import mean_and_spread

if TYPE_CHECKING:
    from rich import table as rich_tables

_MARKUP = re.compile(r"<(?=[A-Za-z/!?])|\]\(")
Rows = Sequence[Mapping[str, Any]]
Cells = tuple[Sequence[str], Sequence[Sequence[str]]]
"""Heads and lines of a table."""


@dataclass(frozen=True)
class Line:
    """A line of a table; the page filters by its layout and by the number of its strategy's colour."""

    cells: Sequence[str]
    layout: str = ""
    strategy: int | None = None


@dataclass(frozen=True)
class Table:
    """A table; in the page it can be sorted.

    Attributes:
        caption: what it shows, in one line.
        numbers: for each column whether it holds numbers.
        cells: heads and lines without what these are filtered by.
    """

    caption: str
    heads: Sequence[str]
    lines: Sequence[Line]

    @property
    def numbers(self) -> list[bool]:
        columns = zip(*(line.cells for line in self.lines), strict=True)
        return [all(cell[:1] in "+-−<–" or cell[:1].isdigit() for cell in column) for column in columns]

    @property
    def cells(self) -> Cells:
        return self.heads, [line.cells for line in self.lines]


def results_table(rows: Rows) -> tuple[list[str], list[list[str]]]:
    """Heads and cells of the results: one line a combination, means and spread over seeds."""
    extra = [key for key in ("slots", "backbone", "digits") if len({row.get(key) for row in rows}) > 1]
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        name = row["run"].removesuffix(f"-seed{row['seed']}")
        groups.setdefault((row["layout"], row["strategy"], name), []).append(row)
    if len({(*key[:2], *(group[0][column] for column in extra)) for key, group in groups.items()}) < len(groups):
        # The names of runs hold all that was varied.
        extra = ["run"]
    heads = ["layout", "strategy", *extra, "digits right", "numbers right", "95 % interval", "parameters"]
    heads += ["training", "trains at", "reads at", "model"]
    cells = []
    for (layout, strategy, name), group in groups.items():
        others = [name if column == "run" else str(group[0].get(column)) for column in extra]
        cells.append([layout, strategy, *others, *_measures(group)])
    return heads, cells


def _measures(group: Rows) -> list[str]:
    def mean(key: str) -> float:
        return mean_and_spread([row[key] for row in group]).mean

    sequence = mean_and_spread([row["sequence_accuracy"] for row in group])
    spread = f" ± {sequence.standard_deviation:.2%}" if sequence.standard_deviation is not None else ""
    interval = f"{mean('sequence_low'):.2%} – {mean('sequence_high'):.2%}" if len(group) == 1 else f"{len(group)} seeds"
    return [
        f"{mean('digit_accuracy'):.2%}",
        f"{sequence.mean:.2%}{spread}",
        interval,
        f"{round(mean('parameters')):,}",
        f"{mean('training_seconds'):.0f} s",
        f"{mean('training_strips_per_second'):,.0f}/s",
        f"{mean('reading_strips_per_second'):,.0f}/s",
        f"{mean('reader_bytes') / 1000:,.0f} kB",
    ]


def measure_lines(measures: Mapping[str, Any]) -> list[list[str]]:
    """Names and values of one run's measures, as ``evaluate`` gives them."""
    low, high = measures["sequence_interval"]
    error = f"{measures['expected_calibration_error']:.2%}"
    if "expected_calibration_error_before" in measures:
        error += f" ({measures['expected_calibration_error_before']:.2%} before calibration)"
    things = "pictures" if "pictures_per_second" in measures else "strips"
    by_length = [f"{length}: {part['accuracy']:.2%}" for length, part in measures["accuracy_by_length"].items()]
    return [
        ["digits right", f"{measures['digit_accuracy']:.2%}"],
        ["numbers right", f"{measures['sequence_accuracy']:.2%} (95 % interval {low:.2%} to {high:.2%})"],
        ["digits right by slot", "  ".join(map(format_share, measures["accuracy_by_slot"]))],
        ["numbers right by length", "  ".join(by_length)],
        ["character error rate", f"{measures['character_error_rate']:.2%}"],
        ["coverage at 98 % accuracy", f"{measures['coverage_98']:.2%}"],
        ["expected calibration error", error],
        [f"{things} read in a second", f"{measures[f'{things}_per_second']:,.0f}"],
    ]


def corruption_table(measures: Mapping[str, Any]) -> Cells:
    """Heads and cells of what ``evaluation.evaluate_corrupted`` gives."""
    lines = [
        [name, *map(format_share, shares), format_share(sum(shares) / len(shares))]
        for name, shares in measures["accuracy"].items()
    ]
    errors = measures["calibration_error"]
    lines.append(["calibration error", *map(format_share, errors), format_share(sum(errors) / len(errors))])
    lines.append(["all, relative to clean", *[""] * len(errors), format_share(measures["relative"])])
    return ["corruption", *(str(degree + 1) for degree in range(len(errors))), "mean"], lines


def format_share(share: float | None, digits: int = 2) -> str:
    """A share in percent, or a dash where there is none."""
    return "–" if share is None else f"{share:.{digits}%}"


def rich_table(heads: Sequence[str], cells: Sequence[Sequence[str]], words: int = 2) -> rich_tables.Table:
    """The table for the terminal; the first ``words`` columns are words, the others numbers."""
    from rich import box
    from rich import table as rich_tables
    from rich.text import Text

    table = rich_tables.Table(box=box.SIMPLE_HEAD)
    # As ``Text``, for rich takes brackets in strings for its own markup.
    for index, head in enumerate(heads):
        table.add_column(Text(one_line(head)), justify="left" if index < words else "right")
    for line in cells:
        table.add_row(*(Text(one_line(cell)) for cell in line))
    return table


def seen(value: Any) -> Any:
    """What a page shows of a value: of names and other text no character that is not seen."""
    plain = isinstance(value, str | Path) and not hasattr(value, "__html__")
    return "\n".join(map(escaped, str(value).split("\n"))) if plain else value


def markdown_text(text: str) -> str:
    """Text on one line of Markdown, in which names are neither HTML nor links nor pictures; ``Markup`` is as it is."""
    if isinstance(text, Markup):
        return text
    return _MARKUP.sub(lambda found: "&lt;" if found[0] == "<" else "]\\(", escaped(" ".join(text.split())))


def markdown_table(heads: Sequence[str], cells: Sequence[Sequence[str]], words: int = 2) -> str:
    """The same table in Markdown; what would end a cell or a line early is escaped."""
    rule = ["---" if index < words else "---:" for index in range(len(heads))]
    head, *lines = ([markdown_text(cell).replace("|", "\\|") for cell in line] for line in (heads, *cells))
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, rule, *lines)) + "\n"
