"""Results on standard output."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from typing import Any

import click

from multidigit.errors import one_line

_NOT_ASCII = re.compile(r"[^\n -~]")


def say(text: str) -> None:
    """One line on standard output, whatever names it holds."""
    click.echo(one_line(text))


def print_json(data: Any, indent: int | None = 2) -> None:
    """A value as JSON; of what is not ASCII only characters that can be seen stand there as they are."""
    text = json.dumps(data, indent=indent, ensure_ascii=False)
    text = _NOT_ASCII.sub(lambda found: found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1], text)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        # A terminal that is not UTF-8, or a file's name that is not.
        text = json.dumps(data, indent=indent)
    click.echo(text)


def prints_unicode() -> bool:
    """Whether standard output takes more than ASCII."""
    return (sys.stdout.encoding or "ascii").lower().startswith("utf")


def print_table(heads: Sequence[str], cells: Sequence[Sequence[str]], words: int = 2) -> None:
    """A table that is never folded: lines longer than the terminal run on."""
    from rich.console import Console

    from multidigit.report.tables import rich_table

    table = rich_table(heads, cells, words)
    needed = Console(width=10_000).measure(table).maximum
    Console(highlight=False, width=needed).print(table)
