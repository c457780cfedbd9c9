"""Readings on the terminal and as CSV, and how many there were."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from multidigit.cli.progress import note
from multidigit.errors import PictureError, printable
from multidigit.files import writing
from multidigit.reading.answers import Row, as_row, best_guess

if TYPE_CHECKING:
    from multidigit.bulk.parts import Summary
    from multidigit.reading.reader import Reading

WITHHELD = "?"
"""Printed in place of an answer that is withheld."""
READS_WELL = 0.9
"""Share of the test numbers below which a run is hardly of use: short trainings decide comparisons, too."""


def hardly_reads(layout: str, accuracy: float) -> bool:
    """Whether a run of a layout reads too few of its test numbers to be of use. Those of scenes may be hard."""
    return layout != "scene" and accuracy < READS_WELL


class Tally:
    """How many pictures were read, and how."""

    def __init__(self) -> None:
        self.read = self.rows = self.withheld = self.failed = 0
        self.began = time.perf_counter()

    def row(self, name: str, reading: Reading | PictureError, first: bool = True) -> Row:
        """Counts a reading, the first of a picture or another, or reports why there is none; the row to print."""
        if isinstance(reading, PictureError):
            self.failed += 1
            note(f"multidigit: {reading}")
        else:
            self.read += first
            self.rows += 1
            self.withheld += reading.withheld
        return as_row(name, reading)

    def part(self, summary: Summary) -> None:
        """Counts the pictures of a part."""
        self.read += summary.pictures - summary.failed
        self.rows += summary.rows
        self.withheld += summary.withheld
        self.failed += summary.failed

    def ended(self, table: object, at_least: float | None) -> int:
        """Print the totals on standard error; the exit code."""
        seconds = time.perf_counter() - self.began
        if table or self.read >= 1000:
            where = f" into {table}" if table else ""
            note(f"read {self.read:,} pictures{where} in {seconds:.1f} s, {self.read / seconds:,.0f} a second")
        if at_least is not None and self.rows:
            answered = self.rows - self.withheld
            note(
                f"answered {answered:,} of {self.rows:,} ({answered / self.rows:.1%}), of which at least "
                f"{100 * at_least:g} % are expected to be right"
            )
        if self.failed:
            note(f"multidigit: {self.failed:,} of {self.failed + self.read:,} could not be read")
        return 1 if self.failed else 3 if self.withheld else 0


@contextmanager
def csv_rows(path: Path, columns: list[str]) -> Iterator[Callable[[Row], None]]:
    """Writes rows into a CSV file, which is put in its place at the end of the block."""
    from multidigit.spreadsheets import csv_line

    with writing(path) as file:

        def put(cells: Iterable[Any]) -> None:
            # File names that are not UTF-8 are written as they are.
            file.write(csv_line(cells).encode("utf-8", "surrogateescape"))

        def write(row: Row) -> None:
            if "error" not in row:
                others = " ".join(f"{other['text']}:{other['confidence']}" for other in row["alternatives"])
                shown = WITHHELD if row["withheld"] else row["text"]
                row = {**row, "text": shown, "guess": best_guess(row), "alternatives": others}
            put(row.get(column) for column in columns)

        put(columns)
        yield write


def print_words(row: Row) -> None:
    if "error" in row:
        return  # it was reported
    sure = f"confidence {row['confidence']:.3f}"
    guess = f"(best guess {best_guess(row) or 'none'}, {sure})"
    if row["too_long"]:
        answer = f"{WITHHELD} a number with more digits than the reader holds {guess}"
    elif row["text"] and not row["withheld"]:
        answer = f"{row['text']} ({sure})"
    else:
        answer = f"{WITHHELD if row['withheld'] else 'no digits found'} {guess}"
    others = "".join(f", or {other['text']} ({other['confidence']:.3f})" for other in row["alternatives"][1:])
    more = f"; {row['others']} more in the picture, see --all" if row["others"] else ""
    click.echo(f"{printable(row['image_path'])}: {answer}{others}{more}")
