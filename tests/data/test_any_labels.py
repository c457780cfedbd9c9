"""Any table, file name and folder as labels: labels, or one line; and what the program writes it reads back."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from attempts import attempt
from hypothesis import given, settings
from hypothesis import strategies as st

from multidigit.data.labels import PATHS, TEXTS, Labels, read_labels
from multidigit.labels import texts_to_slots
from multidigit.strips.compose import Strips
from multidigit.strips.labelled import write_labelled

# What a file can hold and a name be: no surrogates, which are no characters.
SIGNS = st.characters(exclude_categories=["Cs"])
NUMBERS = st.text("0123456789", max_size=12)
CELLS = st.text(SIGNS, max_size=8) | NUMBERS | st.sampled_from(["a.png", "b.png", "train", "../a.png", '"', "x" * 300])
HEADS = st.sampled_from([*PATHS, *TEXTS, "split", " Text "]) | CELLS
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/'"), min_size=1, max_size=6)


def checked(labels: Labels | None) -> None:
    if labels is not None:
        assert all(re.fullmatch("[0-9]{0,12}", each.text) for each in labels.pictures)
        assert len({each.path for each in labels.pictures}) == len(labels.pictures)


def table(rows: Sequence[Sequence[str]], delimiter: str = ",") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()


@given(st.binary(max_size=60) | st.text(SIGNS, max_size=60).map(str.encode), st.sampled_from(["csv", "jsonl", "json"]))
def test_any_bytes_as_a_table(tmp_path: Path, data: bytes, suffix: str) -> None:
    path = tmp_path / f"labels.{suffix}"
    path.write_bytes(data)
    checked(attempt(lambda: read_labels(path)))


@given(st.lists(st.lists(CELLS, max_size=4), max_size=4), st.lists(HEADS, max_size=4), st.sampled_from(",;\t"))
def test_any_cells(tmp_path: Path, rows: list[list[str]], heads: list[str], delimiter: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(table([heads, *rows], delimiter), "utf-8", newline="")
    faults: list[str] = []
    checked(attempt(lambda: read_labels(path, faults=faults)))
    assert all(map(str.isprintable, faults))


@given(
    st.dictionaries(NAMES.filter(lambda name: name.strip(".")), NUMBERS, min_size=1, max_size=5),
    st.sampled_from(",;\t"),
)
def test_tables_say_what_was_written_into_them(tmp_path: Path, labels: dict[str, str], delimiter: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(table([["image_path", "text"], *labels.items()], delimiter), "utf-8", newline="")
    found = {each.path.name: each.text for each in read_labels(path).pictures}
    assert found == labels
    path = tmp_path / "labels.jsonl"
    lines = [json.dumps({"image_path": name, "text": text}) for name, text in labels.items()]
    path.write_text("\n".join(lines), "utf-8")
    assert {each.path.name: each.text for each in read_labels(path).pictures} == labels


@settings(max_examples=15)
@given(st.lists(st.text("0123456789", min_size=1, max_size=3), min_size=1, max_size=12))
def test_written_strips_are_read_back(tmp_path: Path, texts: list[str]) -> None:
    folder = tmp_path / "strips"
    shutil.rmtree(folder, ignore_errors=True)
    write_labelled(folder, Strips(np.zeros((len(texts), 28, 84), np.uint8), texts_to_slots(texts, 3)))
    assert [each.text for each in read_labels(folder, 3).pictures] == texts


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | CELLS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(HEADS | st.sampled_from(["id", "bbox"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(HEADS, VALUES, max_size=3) | VALUES, max_size=4))
def test_any_lines_of_json(tmp_path: Path, rows: list[Any]) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    checked(attempt(lambda: read_labels(path)))


COCO = {
    "images": st.lists(st.fixed_dictionaries({"id": st.integers(0, 2), "file_name": CELLS}), max_size=3),
    "categories": st.lists(st.fixed_dictionaries({"id": st.integers(0, 2), "name": CELLS}), max_size=3),
    "annotations": st.lists(
        st.fixed_dictionaries(
            {
                "image_id": st.integers(0, 2) | VALUES,
                "category_id": st.integers(0, 2) | VALUES,
                "bbox": st.lists(st.floats() | VALUES, min_size=4, max_size=4) | VALUES,
            }
        ),
        max_size=3,
    ),
}


@given(st.fixed_dictionaries({key: part | VALUES for key, part in COCO.items()}))
def test_any_boxes_as_coco_has_them(tmp_path: Path, data: dict[str, Any]) -> None:
    path = tmp_path / "coco.json"
    path.write_text(json.dumps(data), "utf-8")
    checked(attempt(lambda: read_labels(path)))


@given(
    st.text(SIGNS, max_size=40) | st.text("0123456789. \n-", max_size=40),
    st.none() | st.text(SIGNS, max_size=20) | st.sampled_from(["names: [a]", "names: {1: 2}", "[names]", "1"]),
    st.booleans(),
)
def test_any_boxes_as_yolo_has_them(tmp_path: Path, boxes: str, names: str | None, as_yaml: bool) -> None:
    shutil.rmtree(tmp_path / "yolo", ignore_errors=True)
    for name, text in (("images/1.png", ""), ("labels/1.txt", boxes)):
        (tmp_path / "yolo" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "yolo" / name).write_text(text, "utf-8")
    if names is not None:
        (tmp_path / "yolo" / ("data.yaml" if as_yaml else "classes.txt")).write_text(names, "utf-8")
    checked(attempt(lambda: read_labels(tmp_path / "yolo")))


@given(st.lists(st.tuples(NAMES | NUMBERS, NAMES | NUMBERS, st.sampled_from(["", "7", "007_", "_12"])), max_size=4))
def test_any_names_and_folders(tmp_path: Path, names: list[tuple[str, str, str]]) -> None:
    home = tmp_path / "named"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    for folder, stem, number in names:
        where = home / folder if folder.strip(".") else home
        where.mkdir(exist_ok=True)
        (where / f"{number}{stem}.png").write_bytes(b"")
    checked(attempt(lambda: read_labels(home)))
