"""``multidigit predict``."""

from __future__ import annotations

import math
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain, groupby
from itertools import count as count_from
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import click

from multidigit.cli.flags import json_option, precision_option, run_option
from multidigit.cli.output import print_json
from multidigit.cli.progress import counting, note
from multidigit.errors import MultidigitError, PictureError, picture_error, printable
from multidigit.files import png_bytes, write_bytes, writing
from multidigit.picture_files import count, walk

if TYPE_CHECKING:
    from multidigit.pictures import RowBox
    from multidigit.reading.reader import Reader, Reading

EXPLAINED = Path("explained")
"""Folder of the pictures that explain a reading."""
STDIN = "-"
"""Stands for standard input."""
WITHHELD = "?"
"""Printed in place of an answer that is withheld."""
Row: TypeAlias = dict[str, Any]
"""What is printed or written of one picture; of one that cannot be read its path and the error."""


@click.command(epilog="Example: multidigit predict photos/ --csv numbers.csv")
@click.argument("pictures", nargs=-1, required=True, metavar="PICTURE...")
@run_option
@precision_option
@click.option(
    "--top", type=click.IntRange(min=1), default=1, show_default=True, help="Print this many of the likeliest numbers."
)
@click.option(
    "--at-least",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="Answer only where the confidence is so high that at least this share of the answers is right, as 0.98; "
    "print ? elsewhere.",
)
@click.option("--length", metavar="N|N-M", help="How many digits numbers have, as 4 or 3-5.")
@click.option("--pattern", metavar="REGEX", help="A regular expression that every number matches as a whole.")
@click.option("--checksum", metavar="SCHEME", help="The scheme of the last digit: luhn or mod11.")
@click.option("--all", "every_row", is_flag=True, help="Tell every row of digits of a picture, from the top down.")
@click.option("--explain", is_flag=True, help=f"Draw what the network saw, here and as pictures in {EXPLAINED}/.")
@click.option(
    "--csv",
    "table",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write image_path,text,confidence,error into a file in a folder that exists.",
)
@click.option("--jsonl", "as_lines", is_flag=True, help="Print one line of JSON for each picture as it is read.")
@json_option
def predict(
    pictures: tuple[str, ...],
    run: str | None,
    top: int,
    every_row: bool,
    explain: bool,
    table: Path | None,
    as_lines: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Read numbers in pictures.

    PICTURE is a picture file, a folder of them, or - for a picture on standard input. Each number is printed with its
    confidence; a picture that cannot be read is reported, in --json, --jsonl and --csv as its error, the others are
    still read, and the exit code is 1. With --at-least it is 3 where any answer was withheld.
    """
    from multidigit.reading.reader import Reader

    if as_json and as_lines:
        raise click.UsageError("--json and --jsonl exclude each other")
    if explain and every_row:
        raise click.UsageError("--explain and --all exclude each other: one row is explained")
    if table:
        _check_table(table)
    reader = Reader(run, top=top, **options)
    note(f"reading with {reader.run.described}, {reader.precision}")
    tally, at_least = _Tally(), options["at_least"]
    with ExitStack() as stack:
        sinks: list[Callable[[Row], None]] = []
        collected: list[Row] = []
        if table:
            columns = ["image_path", "text", "confidence"]
            columns += ["guess"] if at_least is not None else []
            columns += ["alternatives"] if top > 1 else []
            columns += ["error"]
            sinks.append(stack.enter_context(_csv_rows(table, columns)))
        if as_json:
            sinks.append(collected.append)
        elif as_lines:
            sinks.append(lambda row: print_json(row, indent=None))
        elif not table:
            sinks.append(_print_words)
        rows = _explained(reader, pictures, tally) if explain else _rows(reader, pictures, tally, every_row)
        for row in rows:
            for sink in sinks:
                sink(row)
    if as_json:
        print_json({"run": str(reader.run.path), "precision": reader.precision, "readings": collected})
    tally.report(table, at_least)
    return 1 if tally.failed else 3 if tally.withheld else 0


class _Tally:
    """How many pictures were read, and how."""

    def __init__(self) -> None:
        self.read = self.rows = self.withheld = self.failed = 0
        self.began = time.perf_counter()

    def row(self, name: str, reading: Reading | PictureError, first: bool = True) -> Row:
        """Counts a reading, the first of a picture or another, or reports why there is none; the row to print."""
        if isinstance(reading, PictureError):
            self.failed += 1
            note(f"multidigit: {reading}")
            return {"image_path": name, "error": str(reading)}
        self.read += first
        self.rows += 1
        self.withheld += reading.withheld
        return {
            "image_path": name,
            "text": reading.text,
            "confidence": round(reading.confidence, 4),
            "digits": [round(digit, 4) for digit in reading.digits],
            "alternatives": [{"text": a.text, "confidence": round(a.confidence, 4)} for a in reading.alternatives],
            "withheld": reading.withheld,
            "too_long": reading.too_long,
            "box": _box(reading.box),
            "others": reading.others,
        }

    def report(self, table: Path | None, at_least: float | None) -> None:
        """Print the totals on standard error."""
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


def _box(box: RowBox | None) -> dict[str, float] | None:
    """Middle, size and angle in degrees of a row, in pixels of the picture."""
    if box is None:
        return None
    sides = {"x": box.x, "y": box.y, "width": box.width, "height": box.height}
    return {**{name: round(value, 1) for name, value in sides.items()}, "angle": round(math.degrees(box.angle), 1)}


def _check_table(path: Path) -> None:
    """Refuses a table that could not be put in its place, before any picture is read."""
    if not path.parent.is_dir():
        raise MultidigitError(
            f"{path}: expected a file in a folder that exists; received {path.parent}, which is no folder; make it or "
            "name another file with --csv"
        )
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "a device or a pipe"
        raise MultidigitError(f"{path}: expected a file to write; received {kind}; name another file with --csv")


def _rows(reader: Reader, pictures: tuple[str, ...], tally: _Tally, every_row: bool) -> Iterator[Row]:
    """A row for every picture, as it is read, and for what cannot be; in the order of the arguments."""
    from multidigit.pictures.workers import useful_workers

    total = count(name for name in pictures if name != STDIN)
    with counting("reading", total) as step:
        for piped, names in groupby(pictures, key=lambda name: name == STDIN):
            found: Iterator[tuple[str, Reading | PictureError]]
            if piped:
                found = ((STDIN, reading) for _ in list(names) for reading in _read_stdin(reader, every_row))
            else:
                found = _read_files(reader, names, useful_workers(total), every_row)
            before = None
            for name, reading in found:
                first = name != before or not every_row  # a picture may have several rows
                if first:
                    step()
                before = name
                yield tally.row(name, reading, first)


def _read_files(
    reader: Reader, arguments: Iterable[str], workers: int, every_row: bool
) -> Iterator[tuple[str, Reading | PictureError]]:
    """The picture files that arguments name, with their readings, and in their places errors of what holds none."""
    # Files are found long before they are read: with each fault, how many files come before it.
    faults: deque[tuple[int, PictureError]] = deque()

    def files() -> Iterator[str]:
        found = 0
        for file in walk(arguments):
            if isinstance(file, PictureError):
                faults.append((found, file))
            else:
                found += 1
                yield file

    read, before = -1, None
    for name, answer in reader.read_all(files(), workers, every_row):
        read += name != before
        before = name
        while faults and faults[0][0] <= read:
            fault = faults.popleft()[1]
            yield fault.picture, fault
        yield name, answer
    yield from ((fault.picture, fault) for _, fault in faults)


def _read_stdin(reader: Reader, every_row: bool) -> list[Reading | PictureError]:
    try:
        return [*reader.read_rows(_stdin())] if every_row else [reader.read(_stdin())]
    except PictureError as error:
        return [error]


def _stdin() -> BinaryIO:
    if sys.stdin is None:
        raise picture_error(STDIN, "a picture on standard input", "none: it is closed", "pipe a picture in")
    return sys.stdin.buffer


def _explained(reader: Reader, pictures: tuple[str, ...], tally: _Tally) -> Iterator[Row]:
    """The same, each picture drawn in the terminal and as a file, with all that led to its reading."""
    from rich.console import Console

    from multidigit.show.explained import explained_lines, explained_picture

    console = Console(stderr=True)
    taken: set[str] = set()
    for argument in pictures:
        for name in [STDIN] if argument == STDIN else walk([argument]):
            try:
                if isinstance(name, PictureError):
                    raise name
                look = reader.look(_stdin() if name == STDIN else name)
            except PictureError as error:
                yield tally.row(name if isinstance(name, str) else name.picture, error)
                continue
            image = explained_picture(look, name)
            stem = "stdin" if name == STDIN else Path(name).stem
            numbered = (f"{stem}-{number}.png" for number in count_from(2))
            file = next(file for file in chain([f"{stem}.png"], numbered) if file not in taken)
            taken.add(file)
            write_bytes(EXPLAINED / file, png_bytes(image))
            click.echo(explained_lines(look, console), err=True)
            note(f"drawn in {EXPLAINED / file}")
            note("")
            yield tally.row(name, look.reading)


def _guess(row: Row) -> str:
    return row["alternatives"][0]["text"] if row["alternatives"] else ""


@contextmanager
def _csv_rows(path: Path, columns: list[str]) -> Iterator[Callable[[Row], None]]:
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
                row = {**row, "text": shown, "guess": _guess(row), "alternatives": others}
            put(row.get(column) for column in columns)

        put(columns)
        yield write


def _print_words(row: Row) -> None:
    if "error" in row:
        return  # it was reported
    sure = f"confidence {row['confidence']:.3f}"
    guess = f"(best guess {_guess(row) or 'none'}, {sure})"
    if row["too_long"]:
        answer = f"{WITHHELD} a number with more digits than the reader holds {guess}"
    elif row["text"] and not row["withheld"]:
        answer = f"{row['text']} ({sure})"
    else:
        answer = f"{WITHHELD if row['withheld'] else 'no digits found'} {guess}"
    others = "".join(f", or {other['text']} ({other['confidence']:.3f})" for other in row["alternatives"][1:])
    more = f"; {row['others']} more in the picture, see --all" if row["others"] else ""
    click.echo(f"{printable(row['image_path'])}: {answer}{others}{more}")
