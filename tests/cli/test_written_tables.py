"""Tables that commands write hold names and numbers as they are, also for the program itself."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from helpers import Called, drawing, encoded

from multidigit.data.labels import read_labels

NAMES = ["a,b.png", 'a"b".png', "a;b\tc.png", " a.png", "é漢.png", "'a'.png", "a\nb.png", "=1+1.png"]


def test_names_in_the_table_of_predict(call: Callable[..., Called], home: Path) -> None:
    (home / "pictures").mkdir()
    for name in NAMES:
        (home / "pictures" / name).write_bytes(encoded(drawing("90714")))
    assert call("predict", "--run", "shipped", "pictures", "--csv", "out.csv").code == 0
    with Path("out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    expected = {f"pictures/{name}" for name in NAMES}
    assert {row["image_path"] for row in rows} == expected
    assert {row["text"] for row in rows} == {"90714"}
    labels = read_labels(Path("out.csv"))
    assert {str(each.path) for each in labels.pictures} == expected
    assert {each.text for each in labels.pictures} == {"90714"}
