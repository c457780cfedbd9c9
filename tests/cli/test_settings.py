"""``multidigit settings``."""

from __future__ import annotations

import re
from collections.abc import Callable

from helpers import Called

from multidigit.settings import list_settings

Call = Callable[..., Called]


def test_every_setting_is_listed_with_its_default(call: Call) -> None:
    result = call("settings")
    assert result.code == 0
    for each in list_settings():
        assert re.search(rf"^{re.escape(each.key)}(:| = .+)$", result.out, re.MULTILINE), each.key
    assert "layout.gap = [-3, 6]\n" in result.out
    assert "train.minutes = null\n" in result.out
    assert "cut.cutter = equal\n" in result.out
    assert max(map(len, result.out.splitlines())) <= 100


def test_one_setting_has_meaning_rule_and_default(call: Call) -> None:
    words = " ".join(call("settings", "layout.gap").out.split())
    (listed,) = list_settings("layout.gap")
    assert words == f"layout.gap = [-3, 6] {listed.meaning} Accepts {listed.rule}."


def test_a_section_as_json(call: Call) -> None:
    rows = call("settings", "cut", "--json").json
    assert [row["key"] for row in rows] == ["cut", "cut.cutter"]
    assert set(rows[1]) == {"key", "meaning", "rule", "default", "required"}
    assert rows[1]["default"] == "equal"


def test_an_unknown_one_is_1_and_names_the_nearest(call: Call) -> None:
    result = call("settings", "layout.gp")
    assert (result.code, result.out) == (1, "")
    assert result.err == "multidigit: unknown setting 'layout.gp'; did you mean 'layout.gap'?\n"


def test_one_without_a_default(call: Call) -> None:
    assert "data.path (must be given)\n" in call("settings", "data").out
    assert call("settings", "data", "--json").json[1]["required"] is True
