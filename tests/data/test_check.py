"""Labelled pictures are looked through: what is wrong is found, and what is right is counted."""

from __future__ import annotations

import re
from pathlib import Path

from helpers import drawing, encoded, write_pictures

from multidigit.data.check import check

TEXTS = ("47205", "90714", "318", "5724", "64", "20391", "8", "77", "1066", "35", "4711", "902")


def write(folder: Path, wrong: str = "") -> None:
    """Twelve pictures; the label of the fourth may be wrong."""
    write_pictures(folder, TEXTS, ("train", "validation", "test") * 4)
    if wrong:
        table = folder / "labels.csv"
        table.write_text(table.read_text().replace(f"3.png,{TEXTS[3]}", f"3.png,{wrong}"))


def test_all_is_well(tmp_path: Path) -> None:
    write(tmp_path)
    found = check(tmp_path)
    assert found.must_fix == []
    assert found.pictures == 12
    assert found.agreed >= 10
    assert found.parts == {"train": 4, "validation": 4, "test": 4}
    assert found.lengths == {1: 1, 2: 3, 3: 2, 4: 3, 5: 3}
    assert [sum(counts) for counts in found.classes] == [
        sum(len(text) > slot for text in TEXTS) for slot in range(max(map(len, TEXTS)))
    ]
    assert found.classes[0][int(TEXTS[0][0])] == sum(text[0] == TEXTS[0][0] for text in TEXTS)
    assert (found.widths, found.heights) == ((330, 330, 330), (110, 110, 110))
    assert found.doubts == []
    assert found.unlike == []


def test_a_wrong_label_is_doubted_first(tmp_path: Path) -> None:
    write(tmp_path, wrong="5124")
    first = check(tmp_path).doubts[0]
    assert (first.labelled.path.name, first.labelled.text, first.read) == ("3.png", "5124", "5724")
    assert first.doubt > 0.5


def test_what_must_be_fixed(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "broken.png").write_text("no picture")
    (tmp_path / "again.png").write_bytes((tmp_path / "0.png").read_bytes())
    with (tmp_path / "labels.csv").open("a") as table:
        table.write(f"broken.png,1,train\n1.png,7,\nmissing.png,2,\n2.png,1234567,\nagain.png,{TEXTS[0]},test\n")
    found = check(tmp_path, slots=6)
    assert len(found.must_fix) == 5
    for part in ("broken.png", "1.png is '7' here", "missing.png", "'1234567'", "0.png and .*again.png"):
        assert any(re.search(part, line) for line in found.must_fix), part
    assert found.pictures == 13


def test_a_picture_unlike_the_others(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "5.png").write_bytes(encoded(drawing(TEXTS[5], 90, (200, 1400), ink=220, paper=10)))
    assert {(path.name, name) for path, name in check(tmp_path).unlike} >= {("5.png", "shape"), ("5.png", "brightness")}
