"""``multidigit predict``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain, groupby
from itertools import count as count_from
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from multidigit.cli.flags import json_option, precision_option, run_option
from multidigit.cli.output import print_json
from multidigit.cli.progress import counting, note
from multidigit.errors import PictureError
from multidigit.files import png_bytes, write_bytes, writing
from multidigit.pictures.files import count, printable, walk

if TYPE_CHECKING:
    from multidigit.reading.reader import Reader, Reading

EXPLAINED = Path("explained")
"""Folder of the pictures that explain a reading."""
STDIN = "-"
"""Stands for standard input."""
WITHHELD = "?"
"""Printed in place of an answer that is withheld."""
Row: TypeAlias = dict[str, Any]
"""What is printed or written of one picture."""


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
@click.option("--explain", is_flag=True, help=f"Draw what the network saw, here and as pictures in {EXPLAINED}/.")
@click.option(
    "--csv", "table", type=click.Path(path_type=Path), metavar="FILE", help="Write image_path,text,confidence."
)
@click.option("--jsonl", "as_lines", is_flag=True, help="Print one line of JSON for each picture as it is read.")
@json_option
def predict(
    pictures: tuple[str, ...],
    run: str | None,
    top: int,
    explain: bool,
    table: Path | None,
    as_lines: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Read numbers in pictures.

    PICTURE is a picture file, a folder of them, or - for a picture on standard input. Each number is printed with its
    confidence; a picture that cannot be read is reported, the others are still read, and the exit code is 1. With
    --at-least it is 3 where any answer was withheld.
    """
    from multidigit.reading.reader import Reader

    if as_json and as_lines:
        raise click.UsageError("--json and --jsonl exclude each other")
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
            sinks.append(stack.enter_context(_csv_rows(table, columns)))
        if as_json:
            sinks.append(collected.append)
        elif as_lines:
            sinks.append(lambda row: print_json(row, indent=None))
        elif not table:
            sinks.append(_print_words)
        for row in _explained(reader, pictures, tally) if explain else _rows(reader, pictures, tally):
            for sink in sinks:
                sink(row)
    if as_json:
        print_json({"run": str(reader.run.path), "precision": reader.precision, "readings": collected})
    tally.report(table, at_least)
    return 1 if tally.failed else 3 if tally.withheld else 0


class _Tally:
    """How many pictures were read, and how."""

    def __init__(self) -> None:
        self.read = self.withheld = self.failed = 0
        self.began = time.perf_counter()

    def add(self, reading: Reading) -> None:
        self.read += 1
        self.withheld += reading.withheld

    def fail(self, error: Exception) -> None:
        self.failed += 1
        note(f"multidigit: {error}")

    def report(self, table: Path | None, at_least: float | None) -> None:
        """Print the totals on standard error."""
        seconds = time.perf_counter() - self.began
        if table or self.read >= 1000:
            where = f" into {table}" if table else ""
            note(f"read {self.read:,} pictures{where} in {seconds:.1f} s, {self.read / seconds:,.0f} a second")
        if at_least is not None and self.read:
            answered = self.read - self.withheld
            note(
                f"answered {answered:,} of {self.read:,} ({answered / self.read:.1%}), of which at least "
                f"{100 * at_least:g} % are expected to be right"
            )
        if self.failed:
            note(f"multidigit: {self.failed:,} of {self.failed + self.read:,} could not be read")


def _row(name: str, reading: Reading) -> Row:
    return {
        "image_path": name,
        "text": reading.text,
        "confidence": round(reading.confidence, 4),
        "digits": [round(digit, 4) for digit in reading.digits],
        "alternatives": [{"text": a.text, "confidence": round(a.confidence, 4)} for a in reading.alternatives],
        "withheld": reading.withheld,
    }


def _rows(reader: Reader, pictures: tuple[str, ...], tally: _Tally) -> Iterator[Row]:
    """A row for every picture, as it is read; errors are reported."""
    from multidigit.pictures.workers import useful_workers

    total = count(name for name in pictures if name != STDIN)
    with counting("reading", total) as step:
        for piped, names in groupby(pictures, key=lambda name: name == STDIN):
            files = reader.read_all(_files(names, tally), useful_workers(total))
            for name, reading in ((STDIN, _read_stdin(reader)) for _ in names) if piped else files:
                step()
                if isinstance(reading, PictureError):
                    tally.fail(reading)
                else:
                    tally.add(reading)
                    yield _row(name, reading)


def _files(pictures: Iterable[str], tally: _Tally) -> Iterator[str]:
    """The picture files that arguments name; folders that cannot be listed are reported."""
    for found in walk(pictures):
        if isinstance(found, PictureError):
            tally.fail(found)
        else:
            yield found


def _read_stdin(reader: Reader) -> Reading | PictureError:
    try:
        return reader.read(sys.stdin.buffer)
    except PictureError as error:
        return error


def _explained(reader: Reader, pictures: tuple[str, ...], tally: _Tally) -> Iterator[Row]:
    """The same, each picture drawn in the terminal and as a file, with all that led to its reading."""
    from rich.console import Console

    from multidigit.show.explained import explained_lines, explained_picture

    console = Console(stderr=True)
    taken: set[str] = set()
    for argument in pictures:
        for name in [STDIN] if argument == STDIN else _files([argument], tally):
            try:
                look = reader.look(sys.stdin.buffer if name == STDIN else name)
            except PictureError as error:
                tally.fail(error)
                continue
            strip, reading = look.seen.strips[look.chosen], look.reading
            others = [(other.text, other.confidence) for other in reading.alternatives if other.text != reading.text]
            image = explained_picture(
                look.seen, strip, look.probabilities, reading.text, reading.confidence, others, name
            )
            stem = "stdin" if name == STDIN else Path(name).stem
            numbered = (f"{stem}-{number}.png" for number in count_from(2))
            file = next(file for file in chain([f"{stem}.png"], numbered) if file not in taken)
            taken.add(file)
            write_bytes(EXPLAINED / file, png_bytes(image))
            click.echo(explained_lines(look.seen, strip, look.probabilities, reading.text, console), err=True)
            note(f"drawn in {EXPLAINED / file}\n")
            tally.add(reading)
            yield _row(name, reading)


def _guess(row: Row) -> str:
    return row["alternatives"][0]["text"] if row["alternatives"] else ""


@contextmanager
def _csv_rows(path: Path, columns: list[str]) -> Iterator[Callable[[Row], None]]:
    """Writes rows into a CSV file, which is put in its place at the end of the block."""
    import csv
    import io

    with writing(path) as file:
        # File names that are not UTF-8 are written as they are.
        text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="", write_through=True)
        writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()

        def write(row: Row) -> None:
            others = " ".join(f"{other['text']}:{other['confidence']}" for other in row["alternatives"])
            shown = WITHHELD if row["withheld"] else row["text"]
            writer.writerow({**row, "text": shown, "guess": _guess(row), "alternatives": others})

        yield write
        text.flush()
        text.detach()


def _print_words(row: Row) -> None:
    sure = f"confidence {row['confidence']:.3f}"
    if row["text"] and not row["withheld"]:
        answer = f"{row['text']} ({sure})"
    else:
        answer = f"{WITHHELD if row['withheld'] else 'no digits found'} (best guess {_guess(row) or 'none'}, {sure})"
    others = "".join(f", or {other['text']} ({other['confidence']:.3f})" for other in row["alternatives"][1:])
    click.echo(f"{printable(row['image_path'])}: {answer}{others}")
