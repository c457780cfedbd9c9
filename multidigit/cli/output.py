"""Results on standard output."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click


def print_json(data: Any) -> None:
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))


def print_table(heads: Sequence[str], cells: Sequence[Sequence[str]], words: int = 2) -> None:
    """A table that is never folded: lines longer than the terminal run on."""
    from rich.console import Console

    from multidigit.report.tables import rich_table

    table = rich_table(heads, cells, words)
    needed = Console(width=10_000).measure(table).maximum
    Console(highlight=False, width=needed).print(table)
