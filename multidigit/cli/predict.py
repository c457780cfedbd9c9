"""``multidigit predict``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import chain, groupby, islice
from itertools import count as count_from
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from multidigit.cli.flags import json_option, on_option, precision_option, run_option
from multidigit.cli.output import print_json
from multidigit.cli.progress import counting, note
from multidigit.cli.readings import Tally, csv_rows, hardly_reads, print_words
from multidigit.errors import MultidigitError, PictureError, picture_error
from multidigit.files import png_bytes, write_bytes
from multidigit.picture_files import count, listed, walk
from multidigit.reading.answers import Row, read_found

if TYPE_CHECKING:
    from multidigit.reading.reader import Reader, Reading
    from multidigit.runs import Run

EXPLAINED = Path("explained")
"""Folder of the pictures that explain a reading."""
STDIN = "-"
"""Stands for standard input."""
LOOKED_AT = 1_000
"""Lines of a list that are looked at before anything is done."""
PART_SIZE = 2_000
"""Pictures in a part, where no other number is given."""


def _warn(run: Run) -> None:
    """Says so where the run that was taken because it is the newest hardly reads."""
    accuracy = run.metrics["test"]["sequence_accuracy"]
    if hardly_reads(run.layout, accuracy):
        note(f"it reads {accuracy:.1%} of its test numbers; to read with the shipped reader: --run shipped")


@click.command(epilog="Example: multidigit predict photos/ --csv numbers.csv")
@click.argument("pictures", nargs=-1, metavar="[PICTURE...]")
@click.option(
    "--list",
    "list_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Read the pictures that a file names, too: paths and addresses, one a line.",
)
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
@click.option(
    "--parquet",
    metavar="DIR",
    help="For very many pictures: write Parquet files of --part-size pictures each into a folder or to an address such "
    "as s3://BUCKET/PREFIX, and index.json when all are there. The same command again goes on after the last one.",
)
@click.option(
    "--part-size",
    type=click.IntRange(1, 100_000),
    metavar="N",
    help=f"Pictures in each Parquet file.  [default: {PART_SIZE}]",
)
@on_option
def predict(
    pictures: tuple[str, ...],
    list_file: Path | None,
    run: str | None,
    top: int,
    every_row: bool,
    explain: bool,
    table: Path | None,
    as_lines: bool,
    as_json: bool,
    parquet: str | None,
    part_size: int | None,
    on: str | None,
    **options: Any,
) -> int:
    """Read numbers in pictures.

    PICTURE is a picture file, a folder of them, the address of either, such as s3://BUCKET/PREFIX, or - for a
    picture on standard input. Each number is printed with its confidence; a picture that cannot be read is reported, in
    --json, --jsonl, --csv and --parquet as its error, the others are still read, and the exit code is 1. With
    --at-least it is 3 where any answer was withheld.
    """
    from multidigit.reading.reader import Reader

    if as_json and as_lines:
        raise click.UsageError("--json and --jsonl exclude each other")
    if explain and every_row:
        raise click.UsageError("--explain and --all exclude each other: one row is explained")
    if not (pictures or list_file):
        raise click.UsageError("name pictures or folders, or a list of them with --list")
    if (on or part_size) and not parquet:
        raise click.UsageError(f"{'--on' if on else '--part-size'} goes with --parquet DIR, which is written in parts")
    if parquet and (table or as_lines or as_json or explain or STDIN in pictures):
        raise click.UsageError("--parquet excludes --csv, --json, --jsonl, --explain and - for standard input")
    if table:
        _check_table(table)
    reader = Reader(run, top=top, **options)
    note(f"reading with {reader.run.described}, {reader.precision}")
    if run is None and reader.run.name != "shipped":  # whose measures would be read for nothing
        _warn(reader.run)
    tally, at_least = Tally(), options["at_least"]
    named = _Named(pictures, list_file)
    if parquet:
        _write_parts(reader, named, {**options, "top": top}, every_row, parquet, part_size or PART_SIZE, on, tally)
        return tally.ended(parquet, at_least)
    with ExitStack() as stack:
        sinks: list[Callable[[Row], None]] = []
        collected: list[Row] = []
        if table:
            columns = ["image_path", "text", "confidence"]
            columns += ["guess"] if at_least is not None else []
            columns += ["alternatives"] if top > 1 else []
            columns += ["error"]
            sinks.append(stack.enter_context(csv_rows(table, columns)))
        if as_json:
            sinks.append(collected.append)
        elif as_lines:
            sinks.append(lambda row: print_json(row, indent=None))
        elif not table:
            sinks.append(print_words)
        rows = _explained(reader, named, tally) if explain else _rows(reader, named, tally, every_row)
        for row in rows:
            for sink in sinks:
                sink(row)
    if as_json:
        print_json({"run": str(reader.run.path), "precision": reader.precision, "readings": collected})
    return tally.ended(table, at_least)


class _Named:
    """The arguments, and after them the lines of a list, which is read anew each time."""

    def __init__(self, pictures: tuple[str, ...], list_file: Path | None) -> None:
        self._pictures, self._list = pictures, list_file
        for _ in islice(self.listed, LOOKED_AT):
            pass  # what is no list is refused before anything is done

    @property
    def listed(self) -> Iterator[str]:
        return listed(self._list) if self._list else iter(())

    def __iter__(self) -> Iterator[str]:
        return chain(self._pictures, self.listed)


def _write_parts(
    reader: Reader,
    named: _Named,
    options: dict[str, Any],
    every_row: bool,
    parquet: str,
    size: int,
    on: str | None,
    tally: Tally,
) -> None:
    """Reads pictures into Parquet files, with progress; reports those that cannot be read."""
    from multidigit.bulk.parts import check_installed, errors_in
    from multidigit.bulk.reading import about, elsewhere, here, read_in_parts
    from multidigit.bulk.store import Store
    from multidigit.bulk.work import Order

    check_installed()
    made_with = about(reader, options, every_row, size)
    if on:
        working = elsewhere(on, Order.made(reader.run, options, every_row, made_with))
    else:
        working = here(reader, every_row, made_with)
    stood = 0
    with counting("reading", count(named)) as step:
        for summary, data in read_in_parts(walk(named), size, Store(parquet), made_with, working):
            for error in errors_in(data) if data else ():
                note(f"multidigit: {error}")
            tally.part(summary)
            stood += data is None
            for _ in range(summary.pictures):
                step()
    if stood:
        note(f"{stood:,} parts stood there already and were kept")


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


def _rows(reader: Reader, named: _Named, tally: Tally, every_row: bool) -> Iterator[Row]:
    """A row for every picture, as it is read, and for what cannot be; in the order of the arguments."""
    from multidigit.pictures.workers import useful_workers

    total = count(name for name in named if name != STDIN)
    with counting("reading", total) as step:
        for piped, names in groupby(named, key=lambda name: name == STDIN):
            found: Iterator[tuple[str, Reading | PictureError]]
            if piped:
                found = ((STDIN, reading) for _ in list(names) for reading in _read_stdin(reader, every_row))
            else:
                found = read_found(reader, walk(names), useful_workers(total), every_row)
            before = None
            for name, reading in found:
                first = name != before or not every_row  # a picture may have several rows
                if first:
                    step()
                before = name
                yield tally.row(name, reading, first)


def _read_stdin(reader: Reader, every_row: bool) -> list[Reading | PictureError]:
    try:
        return [*reader.read_rows(_stdin())] if every_row else [reader.read(_stdin())]
    except PictureError as error:
        return [error]


def _stdin() -> BinaryIO:
    if sys.stdin is None:
        raise picture_error(STDIN, "a picture on standard input", "none: it is closed", "pipe a picture in")
    return sys.stdin.buffer


def _explained(reader: Reader, named: _Named, tally: Tally) -> Iterator[Row]:
    """The same, each picture drawn in the terminal and as a file, with all that led to its reading."""
    from rich.console import Console

    from multidigit.show.explained import explained_lines, explained_picture

    console = Console(stderr=True)
    taken: set[str] = set()
    for argument in named:
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
