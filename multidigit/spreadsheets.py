"""Tables that a spreadsheet may open: what names hold must not be run there as a formula.

A cell of text that a spreadsheet would take for a formula gets an apostrophe in front, as OWASP advises on "CSV
injection"; ``original`` takes it away again. Numbers stay numbers, also those below 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# Where there are apostrophes before it already, there is one more, so that every text can be had back.
_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_QUOTED = re.compile(r'[",;\t\r\n]')
"""Semicolons and tabs, too: they divide cells in other countries' spreadsheets."""


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def original(text: str) -> str:
    """The text that ``harmless`` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def csv_line(cells: Iterable[Any]) -> str:
    """A line of CSV, with its end; ``None`` is an empty cell."""
    return ",".join(map(_cell, cells)) + "\n"


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """A table of CSV: a column for each key of any row, cells empty where a row lacks it."""
    columns = dict.fromkeys(key for row in rows for key in row)
    return csv_line(columns) + "".join(csv_line(row.get(key) for key in columns) for row in rows)


def _cell(value: Any) -> str:
    if not isinstance(value, str):
        return "" if value is None else str(value)
    text = harmless(value)
    return '"{}"'.format(text.replace('"', '""')) if _QUOTED.search(text) else text
