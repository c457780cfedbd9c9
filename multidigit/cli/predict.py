"""``multidigit predict``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count as count_from
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import click

from multidigit.cli.flags import json_option, precision_option, run_option
from multidigit.cli.output import print_json
from multidigit.cli.progress import counting, note
from multidigit.files import png_bytes, write_bytes, writing
from multidigit.pictures.files import printable

if TYPE_CHECKING:
    from multidigit.errors import PictureError
    from multidigit.reading.reader import Reader, Reading

EXPLAINED = Path("explained")
"""Where pictures that explain a reading go."""
STDIN = "-"
"""Stands for standard input."""
WITHHELD = "?"
"""Is told where an answer is withheld."""
Sink: TypeAlias = Callable[[dict[str, Any]], None]


@click.command(epilog="Example: multidigit predict photos/ --csv numbers.csv")
@click.argument("pictures", nargs=-1, required=True, metavar="PICTURE...")
@run_option
@precision_option
@click.option("--top", type=click.IntRange(min=1), default=1, show_default=True, help="Tell so many likeliest numbers.")
@click.option(
    "--at-least",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="Answer only where so large a share of answers can be counted on to be right, as 0.98; print ? elsewhere.",
)
@click.option("--length", metavar="N|N-M", help="How many digits numbers have, as 4 or 3-5.")
@click.option("--pattern", metavar="REGEX", help="A regular expression that every number matches as a whole.")
@click.option("--checksum", metavar="SCHEME", help="What the last digit checks: luhn, mod11, verhoeff or damm.")
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
        raise click.UsageError("--json and --jsonl are two forms of the same; choose one")
    reader = Reader(run, top=top, **options)
    note(f"reading with {reader.run.described}, {reader.precision}")
    tally = _Tally()
    with ExitStack() as stack:
        sinks: list[Sink] = []
        collected: list[dict[str, Any]] = []
        if table:
            sinks.append(stack.enter_context(_csv_rows(table, _columns(reader, options["at_least"] is not None))))
        if as_json:
            sinks.append(collected.append)
        elif as_lines:
            sinks.append(_print_line)
        elif not table:
            sinks.append(_print_words)
        for row in _explained(reader, pictures, tally) if explain else _rows(reader, pictures, tally):
            for sink in sinks:
                sink(row)
    if as_json:
        print_json({"run": str(reader.run.path), "precision": reader.precision, "readings": collected})
    tally.tell(table, options["at_least"])
    return 1 if tally.failed else 3 if tally.withheld else 0


class _Tally:
    """How many pictures were read, and how."""

    def __init__(self) -> None:
        self.read = self.withheld = self.failed = 0
        self.began = time.perf_counter()

    def add(self, reading: Reading) -> None:
        self.read += 1
        self.withheld += reading.withheld

    def fail(self, fault: Exception) -> None:
        self.failed += 1
        note(f"multidigit: {fault}")

    def tell(self, table: Path | None, at_least: float | None) -> None:
        """What a person wants to know at the end, on standard error."""
        seconds = time.perf_counter() - self.began
        if table or self.read >= 1000:
            where = f" into {table}" if table else ""
            note(f"read {self.read:,} pictures{where} in {seconds:.1f} s, {self.read / seconds:,.0f} a second")
        if at_least is not None and self.read:
            answered = self.read - self.withheld
            note(
                f"answered {answered:,} of {self.read:,} ({answered / self.read:.1%}), so that {100 * at_least:g} % of "
                "the answers can be counted on to be right"
            )
        if self.failed:
            note(f"multidigit: {self.failed:,} of {self.failed + self.read:,} could not be read")


def _row(name: str, reading: Reading) -> dict[str, Any]:
    row: dict[str, Any] = {
        "image_path": name,
        "text": reading.text,
        "confidence": round(reading.confidence, 4),
        "digits": [round(digit, 4) for digit in reading.digits],
    }
    row["alternatives"] = [{"text": a.text, "confidence": round(a.confidence, 4)} for a in reading.alternatives]
    row["withheld"] = reading.withheld
    return row


def _rows(reader: Reader, pictures: tuple[str, ...], tally: _Tally) -> Iterator[dict[str, Any]]:
    """What was read in every picture, as it is read; faults are reported."""
    from multidigit.errors import PictureError
    from multidigit.pictures.files import count
    from multidigit.pictures.workers import useful_workers

    total = count(name for name in pictures if name != STDIN)
    with counting("reading", total) as step:
        for from_pipe, names in groupby(pictures, key=lambda name: name == STDIN):
            files = reader.read_all(_named(names, tally), useful_workers(total))
            for name, reading in ((STDIN, _from_pipe(reader)) for _ in names) if from_pipe else files:
                step()
                if isinstance(reading, PictureError):
                    tally.fail(reading)
                else:
                    tally.add(reading)
                    yield _row(name, reading)


def _named(pictures: Iterable[str], tally: _Tally) -> Iterator[str]:
    """Picture files that arguments name; what cannot be looked into is reported."""
    from multidigit.errors import PictureError
    from multidigit.pictures.files import walk

    for found in walk(pictures):
        if isinstance(found, PictureError):
            tally.fail(found)
        else:
            yield found


def _piped() -> BinaryIO:
    return sys.stdin.buffer


def _from_pipe(reader: Reader) -> Reading | PictureError:
    from multidigit.errors import PictureError

    try:
        return reader.read(_piped())
    except PictureError as error:
        return error


def _explained(reader: Reader, pictures: tuple[str, ...], tally: _Tally) -> Iterator[dict[str, Any]]:
    """The same, one by one and with all that led to it drawn on the terminal and in a picture."""
    from rich.console import Console

    from multidigit.errors import PictureError
    from multidigit.show.explained import explained_lines, explained_picture

    console = Console(stderr=True)
    taken: set[str] = set()
    for argument in pictures:
        for name in [argument] if argument == STDIN else _named([argument], tally):
            try:
                look = reader.look(_piped() if name == STDIN else name)
            except PictureError as error:
                tally.fail(error)
                continue
            strip, reading = look.seen.strips[look.chosen], look.reading
            others = [(other.text, other.confidence) for other in reading.alternatives if other.text != reading.text]
            image = explained_picture(
                look.seen, strip, look.probabilities, reading.text, reading.confidence, others, name
            )
            stem = "stdin" if name == STDIN else Path(name).stem
            file = next(f for f in _names(stem) if f not in taken)
            taken.add(file)
            write_bytes(EXPLAINED / file, png_bytes(image))
            click.echo(explained_lines(look.seen, strip, look.probabilities, reading.text, console), err=True)
            note(f"drawn in {EXPLAINED / file}\n")
            tally.add(reading)
            yield _row(name, reading)


def _names(stem: str) -> Iterator[str]:
    """Names for the picture that explains another one, the first that is free to be taken."""
    yield f"{stem}.png"
    for number in count_from(2):
        yield f"{stem}-{number}.png"


def _columns(reader: Reader, at_least: bool) -> list[str]:
    """What the table tells of each picture."""
    columns = ["image_path", "text", "confidence"]
    columns += ["guess"] if at_least else []
    columns += ["alternatives"] if reader.top > 1 else []
    return columns


@contextmanager
def _csv_rows(path: Path, columns: list[str]) -> Iterator[Sink]:
    """Writes rows into a CSV file, which is put in its place when all are in."""
    import csv
    import io

    with writing(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="", write_through=True)
        writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()

        def write(row: dict[str, Any]) -> None:
            others = " ".join(f"{other['text']}:{other['confidence']}" for other in row["alternatives"])
            guess = row["alternatives"][0]["text"] if row["alternatives"] else ""
            shown = WITHHELD if row["withheld"] else row["text"]
            writer.writerow({**row, "text": shown, "guess": guess, "alternatives": others})

        yield write
        text.flush()
        text.detach()


def _print_line(row: dict[str, Any]) -> None:
    print_json(row, indent=None)


def _print_words(row: dict[str, Any]) -> None:
    guess = row["alternatives"][0]["text"] if row["alternatives"] else ""
    sure = f"confidence {row['confidence']:.3f}"
    if row["withheld"]:
        said = f"{WITHHELD} (best guess {guess or 'none'}, {sure})"
    elif row["text"]:
        said = f"{row['text']} ({sure})"
    else:
        said = f"no digits found (best guess {guess or 'none'}, {sure})"
    others = [f"{other['text']} ({other['confidence']:.3f})" for other in row["alternatives"][1:]]
    click.echo(f"{printable(row['image_path'])}: {said}{', or ' if others else ''}{', '.join(others)}")
