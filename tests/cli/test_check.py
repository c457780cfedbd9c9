"""``multidigit check`` as it is typed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import Called, drawing, encoded

Call = Callable[..., Called]
TEXTS = ("47205", "90714", "318", "5724", "64", "20391", "8", "77", "1066", "35", "4711", "902")


def write(folder: Path, wrong: str = "") -> None:
    lines = ["image_path,text,split"]
    for place, text in enumerate(TEXTS):
        (folder / f"{place}.png").write_bytes(encoded(drawing(text, 50, (110, 330), ink=30, paper=200)))
        part = ("train", "validation", "test")[place % 3]
        lines.append(f"{place}.png,{wrong if wrong and place == 3 else text},{part}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")


def test_the_command(tmp_path: Path, call: Call, home: Path) -> None:
    write(tmp_path, wrong="5124")
    result = call("check", tmp_path, "--page", "page.html")
    assert result.code == 0, result.err
    assert "5124" in result.out
    page = Path("page.html").read_text()
    assert "read <b>5724</b>" in page
    assert "data:image/png;base64," in page
    measured = call("check", tmp_path, "--json").json
    assert measured["pictures"] == 12
    assert [doubt["text"] for doubt in measured["doubts"]][:1] == ["5124"]
    (tmp_path / "2.png").write_text("no picture")
    broken = call("check", tmp_path)
    assert broken.code == 1
    assert "2.png" in broken.out
    assert broken.err.endswith("multidigit: 1 things must be fixed before training\n")


@pytest.mark.parametrize("name", ["missing.csv", "empty"])
def test_nothing_to_check(name: str, call: Call, home: Path) -> None:
    Path("empty").mkdir()
    result = call("check", name)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"multidigit: {name}: ")
    assert result.err.count("\n") == 1
