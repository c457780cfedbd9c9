"""CSV in which names are no formulas, numbers stay numbers, and every text can be had back."""

from __future__ import annotations

import csv
import io

import pytest

from multidigit.spreadsheets import csv_line, csv_text, harmless, original

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "'=1", "''@x"]
HARMLESS = ["", "a=1", "0017.png", "it's", "'quoted'", " =1", "\u00fc.png"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_text(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text


@pytest.mark.parametrize("text", FORMULAS + HARMLESS)
def test_every_text_comes_back(text: str) -> None:
    (row,) = csv.reader(io.StringIO(csv_line([text, 1]), newline=""))
    assert [original(row[0]), row[1]] == [text, "1"]


def test_numbers_stay_numbers() -> None:
    assert csv_line([-1.5, -3, 1e-09, True, None, "x"]) == "-1.5,-3,1e-09,True,,x\n"


def test_no_cell_begins_within_a_cell_where_semicolons_divide_cells() -> None:
    assert csv_line(["a;=1+1", "b\t=1"]) == '"a;=1+1","b\t=1"\n'


def test_a_table_has_a_column_for_every_key() -> None:
    assert csv_text([{"a": 1}, {"b": '"=x"', "a": "=y"}]) == 'a,b\n1,\n\'=y,"""=x"""\n'
