"""Labelled pictures in the forms that people have them in: tables, file names, folders, boxes of single digits."""

from __future__ import annotations

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multidigit.digits import SPLITS, Split
from multidigit.errors import DataError, PictureError, reason
from multidigit.files import holds
from multidigit.labels import MOST_SLOTS
from multidigit.outside import MOST_TABLE_BYTES, parse_json, read_text
from multidigit.picture_files import walk
from multidigit.settings import read_yaml
from multidigit.spreadsheets import original

LABELS = ("labels.csv", "labels.jsonl")
"""Tables that are looked for in a folder."""
PATHS = ("image_path", "filename", "file_name", "file", "image", "path")
"""Names of the column that holds a picture's path, the first that there is."""
TEXTS = ("text", "plate_text", "label", "number")
"""Names of the column that holds its number."""
PART = "split"
"""Name of the column, which may be missing, that says which part a picture belongs to."""
PARTS: Mapping[str, Split] = {**{split: split for split in SPLITS}, "val": "validation", "valid": "validation"}
DELIMITERS = ",;\t"
MOST_ROWS = 1_000_000
"""Of a table, or boxes of digits."""
LONGEST_NAME, SHOWN = 4_096, 60
"""Characters of a picture's path, and of a label; and of such in an error about its length."""
FEW_LEFT_OUT = 2
"""A count goes up to this many times as many as there are pictures."""
_DIGITS = re.compile(r"[0-9]+")
_AT_THE_START, _AT_THE_END = re.compile(r"([0-9]{1,12})(?:_|$)"), re.compile(r"(?:^|_)([0-9]{1,12})$")


@dataclass(frozen=True)
class Labelled:
    """A picture with its label.

    Attributes:
        path: of the picture.
        text: the digits of its label; empty where it shows none.
        where: for errors: the table's line, or the file.
        part: what the table says it is for; ``None`` where it does not say.
    """

    path: Path
    text: str
    where: str
    part: Split | None = None


@dataclass(frozen=True)
class Labels:
    """Labelled pictures, each once, and how often each character besides digits was left out of their labels."""

    pictures: tuple[Labelled, ...]
    left_out: Mapping[str, int]


def read_labels(path: Path, slots: int = MOST_SLOTS, strict: bool = False, faults: list[str] | None = None) -> Labels:
    """Labelled pictures from a path.

    | path | label |
    |---|---|
    | a ``.csv`` or ``.jsonl`` file, or a folder with a ``labels.csv`` or ``labels.jsonl`` | its column ``text`` |
    | a COCO ``.json`` file, or a folder with one | digits as boxes, from left to right |
    | a folder with ``images`` and ``labels`` (YOLO) | the same |
    | a folder whose folders are called as numbers | the folder's name |
    | any other folder | the number at the start or the end of the file's name: ``12345_a.png``, ``a_12345.png`` |

    Where names have both, as ``0017_12345.png``, a side on which pictures are merely counted is no label.

    Args:
        path: see above.
        slots: the most digits of a number, 1 to 12.
        strict: refuse labels that hold anything but digits, instead of leaving it out.
        faults: takes what is wrong with single labels, which are left out then, instead of ending with the first.

    Raises:
        DataError: there is no such table or folder, or a label does not fit; names its line or file.
    """
    given = _given(path)
    found: dict[Path, Labelled] = {}
    left_out: Counter[str] = Counter()
    for picture, label, where, part in given:
        try:
            labelled = _labelled(picture, label, where, part, slots, strict, found.get(picture))
        except DataError as error:
            if faults is None:
                raise
            faults.append(str(error))
            continue
        found[picture] = labelled
        left_out.update(_no_digits(label))
    return Labels(tuple(found.values()), dict(left_out))


def _labelled(
    picture: Path, label: str, where: str, part: Split | None, slots: int, strict: bool, before: Labelled | None
) -> Labelled:
    """A picture with its label, which must fit, and be the same as ``before``."""
    if strict and _no_digits(label):
        raise DataError(f"{where}: expected digits alone; received {label!r}; correct it, or do not be strict")
    text = "".join(_DIGITS.findall(label))
    if len(text) > slots:
        raise DataError(f"{where}: expected a number of at most {slots} digits, the slots; received {label!r}")
    if before and before.text != text:
        raise DataError(f"{where}: {picture.name} is {text!r} here and {before.text!r} in {before.where}")
    return before or Labelled(picture, text, where, part)


def _no_digits(label: str) -> list[str]:
    """Characters of a label that are not read."""
    return [sign for sign in label if not sign.isspace() and not (sign.isascii() and sign.isdigit())]


Given = Iterator[tuple[Path, str, str, Split | None]]
"""Picture, label as it stands, where that is, and part."""


def _given(path: Path) -> Given:
    """The form that a path has, read."""
    if path.is_dir():
        tables = [path / name for name in LABELS if (path / name).is_file()]
        if len(tables) > 1:
            raise DataError(f"{path}: holds {' and '.join(LABELS)}; name the one that counts")
        if tables:
            return _table(tables[0])
        if (path / "images").is_dir() and (path / "labels").is_dir():
            return _yolo(path)
        coco = [each for each in sorted(path.glob("*.json")) if each.is_file()]
        return _coco(coco[0]) if coco else _named(path)
    if path.suffix == ".json":
        return _coco(path)
    return _table(path)


def _table(path: Path) -> Given:
    lines = _jsonl(path) if path.suffix == ".jsonl" else _csv(path)
    empty = True
    for count, (number, row) in enumerate(lines, 1):
        empty, where = False, f"{path}, line {number}"
        if count > MOST_ROWS:
            raise DataError(f"{where}: a table has at most {MOST_ROWS:,} rows; divide it")
        name, label = (next((row[key] for key in keys if key in row), None) for keys in (PATHS, TEXTS))
        # The text of a line that ends before its column is missing, and unlike an empty one a mistake.
        if (
            not isinstance(name, str)
            or not name
            or not isinstance(label, str | int)
            or (isinstance(label, int) and abs(label) > 10**MOST_SLOTS)
        ):
            shown = "nothing" if label is None else repr(label)
            raise DataError(
                f"{where}: expected a picture's path and its number, empty where it shows none; received "
                f"{name or ''!r} and {shown}"
            )
        if len(name) > LONGEST_NAME or "\0" in name:
            raise DataError(f"{where}: expected a picture's path; received {name[:SHOWN]!r}, which cannot be one")
        if isinstance(label, str) and len(label) > LONGEST_NAME:
            raise DataError(f"{where}: expected a number; received {len(label):,} characters, {label[:SHOWN]!r} …")
        part = str(row.get(PART) or "").strip().lower()
        if part and part not in PARTS:
            raise DataError(f"{where}: {PART} must be {', '.join(PARTS)} or empty; received {part!r}")
        yield _inside(path.parent, name, where), str(label), where, PARTS.get(part)
    if empty:
        raise DataError(f"{path}: expected the columns {PATHS[0]}, {TEXTS[0]} and at least one row; received no rows")


def _csv(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    text = _read(path)
    try:
        tables = [csv.reader(io.StringIO(text, newline=""), delimiter=mark) for mark in DELIMITERS]
        heads = [[name.strip().lower() for name in next(table, [])] for table in tables]
        names, table = max(zip(heads, tables, strict=True), key=lambda pair: _known(pair[0]))
        if names and _known(names) < 2:
            expected = f"expected the columns {PATHS[0]}, {TEXTS[0]} and at least one row"
            raise DataError(f"{path}: {expected}; received {', '.join(names)}")
        columns = {name: names.index(name) for name in (*PATHS, *TEXTS, PART) if name in names}
        for row in table:
            if row:
                cells = {name: row[place] if place < len(row) else None for name, place in columns.items()}
                # Blank lines are skipped and a quoted field may span lines, so lines are counted by the reader.
                yield table.line_num, {name: cell and original(cell) for name, cell in cells.items()}
    except csv.Error as error:
        raise DataError(f"{path}: cannot be read as CSV ({error})") from None


def _jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Lines of JSON, as ``multidigit label`` appends them: a later line about a picture replaces an earlier one."""
    last: dict[str, tuple[int, dict[str, Any]]] = {}
    for number, line in enumerate(_read(path).splitlines(), 1):
        if number > MOST_ROWS:
            raise DataError(f"{path}, line {number}: a table has at most {MOST_ROWS:,} rows; divide it")
        if not line.strip():
            continue
        try:
            row = parse_json(line)
        except ValueError as error:
            raise DataError(f"{path}, line {number}: cannot be read as JSON ({error})") from None
        if not isinstance(row, dict):
            raise DataError(f'{path}, line {number}: expected {{"image_path": …, "text": …}}; received {line[:60]}')
        name = next((row[key] for key in PATHS if key in row), "")
        last[str(name)] = number, row
    yield from ((number, row) for number, row in last.values() if not row.get("unreadable"))


def _known(names: Sequence[str]) -> int:
    """How many of the two columns there are once: two of one name would leave open which one counts."""
    return sum(next((names.count(key) == 1 for key in keys if key in names), False) for keys in (PATHS, TEXTS))


def _inside(folder: Path, name: str, where: str) -> Path:
    """The picture that a table names: beside it or in folders below."""
    path = Path(os.path.normpath(folder / name))
    given = Path(name)
    if not given.anchor and os.pardir not in given.parts:
        return path  # as nearly all do
    # Of the current folder, which is called ".", even what lies above it would be below.
    if not Path(os.path.normpath(Path.cwd() / path)).is_relative_to(os.path.normpath(Path.cwd() / folder)):
        raise DataError(f"{where}: {name} leads out of {folder}; put the table beside its pictures or above them")
    return path


def _read(path: Path) -> str:
    try:
        return read_text(path, MOST_TABLE_BYTES, "utf-8-sig")
    except FileNotFoundError:
        columns = f"{PATHS[0]}, {TEXTS[0]}"
        raise DataError(f"{path}: no such file; expected a CSV file with the columns {columns}, or a folder") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text ({reason(error)})") from None


def _named(folder: Path) -> Given:
    """Pictures labelled by the folder that they lie in, or by their own names."""
    files = [Path(name) for name in walk(folder) if not isinstance(name, PictureError)]
    if not files:
        raise DataError(f"{folder}: expected labelled pictures; received no picture; see multidigit check --help")
    folders = [file.parent.name if file.parent != folder else "" for file in files]
    by_folder = all(_DIGITS.fullmatch(name) for name in folders)
    ends = [(_number(_AT_THE_START.match(file.stem)), _number(_AT_THE_END.search(file.stem))) for file in files]
    counted = _counted(folders, ends)
    for file, name, (start, end) in zip(files, folders, ends, strict=True):
        found = list(dict.fromkeys(each for each in (start, end) if each))
        if len(found) == 2 and name in counted:
            # ``0017_12345.png``, between 0016 and 0018.
            found = [found[1 - counted[name]]]
        # Else ``2024_12345.png`` does not say which of the two it is.
        if not by_folder and len(found) != 1:
            raise DataError(
                f"{file}: expected a number at the start or the end of the name, as in 12345_anything.png; received "
                f"{'none' if not found else ' and '.join(found)}; write a labels.csv of {PATHS[0]},{TEXTS[0]}"
            )
        yield file, name if by_folder else found[0], str(file), None


def _number(match: re.Match[str] | None) -> str:
    return match[1] if match else ""


def _counted(folders: Sequence[str], ends: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Where names of a folder begin and end with a number, the side, 0 or 1, on which they are merely counted.

    A count gives each picture another number, and leaves at most every other one out; labels do not.
    """
    both: dict[str, list[tuple[str, str]]] = {}
    for name, (start, end) in zip(folders, ends, strict=True):
        if start and end and start != end:
            both.setdefault(name, []).append((start, end))
    found = {}
    for name, pairs in both.items():
        sides = [[int(pair[side]) for pair in pairs] for side in (0, 1)]
        counts = [
            len(set(side)) == len(side) > 1 and max(side) - min(side) < FEW_LEFT_OUT * len(side) for side in sides
        ]
        if counts[0] != counts[1]:
            found[name] = counts.index(True)
    return found


def _coco(path: Path) -> Given:
    """Digits as boxes in COCO's format, from left to right."""
    try:
        data = parse_json(_read(path))
        names = {each["id"]: str(each["name"]) for each in data["categories"]}
        digits: dict[Any, list[tuple[float, str]]] = {each["id"]: [] for each in data["images"]}
        for each in data["annotations"]:
            x, _, width, _ = each["bbox"]
            digits[each["image_id"]].append((x + width / 2, names[each["category_id"]]))
        for each in data["images"]:
            label = "".join(name for _, name in sorted(digits[each["id"]]))
            file = _inside(path.parent, each["file_name"], str(path))
            beside = _inside(path.parent / "images", each["file_name"], str(path))
            yield file if holds(file.exists) else beside, label, str(path), None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise DataError(f"{path}: expected COCO's images, annotations and categories; {error!r} is wrong") from None


def _yolo(folder: Path) -> Given:
    """Digits as boxes in YOLO's format, one text file a picture, from left to right."""
    names = _yolo_names(folder)
    images = folder / "images"
    for name in walk(images):
        if isinstance(name, PictureError):
            raise DataError(str(name))
        file = Path(name)
        table = (folder / "labels" / file.relative_to(images)).with_suffix(".txt")
        boxes = []
        for number, line in enumerate(_read(table).splitlines() if table.exists() else [], 1):
            try:
                kind, x, *_ = line.split()
                boxes.append((float(x), names(int(kind))))
            except (ValueError, LookupError):
                raise DataError(
                    f"{table}, line {number}: expected a class and four numbers; received {line!r}"
                ) from None
        parts = {PARTS[part] for part in file.parts if part in PARTS}
        yield file, "".join(digit for _, digit in sorted(boxes)), str(table), next(iter(parts), None)


def _yolo_names(folder: Path) -> Callable[[int], str]:
    """Names of the classes by number: of ``data.yaml`` or ``classes.txt``; 0 to 9 where there is neither."""
    if (folder / "classes.txt").is_file():
        return _read(folder / "classes.txt").split().__getitem__
    if (folder / "data.yaml").is_file() and _read(folder / "data.yaml").strip():
        found = read_yaml(folder / "data.yaml")[0].get("names")
        if isinstance(found, list | dict):
            return lambda kind: str(found[kind])
    return lambda kind: str(kind)
