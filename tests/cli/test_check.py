"""``multidigit check`` as it is typed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import Called, write_pictures

Call = Callable[..., Called]
TEXTS = ("47205", "90714", "318", "5724", "64", "20391")


def test_the_command(tmp_path: Path, call: Call, home: Path) -> None:
    write_pictures(tmp_path, TEXTS, ("train", "validation", "test") * 2)
    table = tmp_path / "labels.csv"
    table.write_text(table.read_text().replace("5724", "5124"))
    result = call("check", tmp_path, "--page", "page.html")
    assert result.code == 0, result.err
    assert "5124" in result.out
    page = Path("page.html").read_text()
    assert "read <b>5724</b>" in page
    assert "data:image/png;base64," in page
    measured = call("check", tmp_path, "--json").json
    assert measured["pictures"] == 6
    assert [doubt["text"] for doubt in measured["doubts"]][:1] == ["5124"]
    (tmp_path / "2.png").write_text("no picture")
    broken = call("check", tmp_path)
    assert broken.code == 1
    assert "2.png" in broken.out
    assert broken.err.endswith("multidigit: 1 thing must be fixed before training\n")


@pytest.mark.parametrize("name", ["missing.csv", "empty"])
def test_nothing_to_check(name: str, call: Call, home: Path) -> None:
    Path("empty").mkdir()
    result = call("check", name)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"multidigit: {name}: ")
    assert result.err.count("\n") == 1
