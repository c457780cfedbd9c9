"""Older files of settings keep loading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from multidigit.errors import SettingsError
from multidigit.settings import overlay, read_yaml, takes_fractions, validate


@pytest.mark.parametrize(
    ("former", "today"),
    [
        ({"train": {"average": 0.5}}, {"train": {"ema": 0.5}}),
        ({"layout": {"name": "free", "framed": 0.2}}, {"layout": {"name": "free", "meter_windows": 0.2}}),
        ({"backbone": "thread"}, {"backbone": "baseline"}),
        ({"backbone": {"name": "thread", "width": 1}}, {"backbone": {"name": "baseline", "width": 1}}),
    ],
)
def test_former_names_mean_the_same(former: dict[str, Any], today: dict[str, Any]) -> None:
    assert validate(former) == validate(today) != validate({})
    assert validate(overlay(former, {})) == validate(overlay({}, former)) == validate(today)


def test_todays_name_is_laid_over_a_former_one() -> None:
    assert overlay({"train": {"average": 0.5}}, {"train": {"ema": 0.9}}) == {"train": {"ema": 0.9}}
    assert overlay({"train": {"ema": 0.5}}, {"train": {"average": 0.9}}) == {"train": {"ema": 0.9}}


def test_both_names_at_once_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"^settings: train\.average is the former name of train\.ema; give only"):
        validate({"train": {"average": 0.5, "ema": 0.5}})


def test_a_fault_under_a_former_name_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "old.yaml"
    path.write_text("seed: 1\ntrain:\n  epochs: 2\n  average: 1\n")
    data, lines = read_yaml(path)
    with pytest.raises(SettingsError, match=r"old\.yaml, line 4: train\.ema must be .* received 1$"):
        validate(data, str(path), lines)


def test_a_sweep_may_name_it_as_before() -> None:
    assert takes_fractions("layout.framed")
