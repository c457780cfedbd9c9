"""Every setting has a meaning, a rule and a default to show."""

from __future__ import annotations

import pytest

from multidigit.errors import SettingsError
from multidigit.settings import Settings, flatten, list_settings, takes_fractions


def test_every_setting_is_listed_with_meaning_rule_and_default() -> None:
    every = {each.key: each for each in list_settings()}
    written = flatten(Settings().model_dump(mode="json"))
    settings = {key: each for key, each in every.items() if each.rule}
    assert set(written) <= set(every)
    assert {"heads.length", "cut.cutter"} <= set(settings)
    assert all(len(each.meaning) > 5 for each in every.values())
    assert {key: each.default for key, each in settings.items() if key in written} == {
        key: value for key, value in written.items() if key in settings
    }


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("layout.gap", ["layout.gap"]),
        (
            "evaluation",
            ["evaluation", *(f"evaluation.{part}_strips" for part in ("validation", "test", "corruption"))],
        ),
        ("effects.blur", ["effects.blur", "effects.blur.probability", "effects.blur.strength"]),
        ("effects.blur.strength", ["effects.blur.strength"]),
        ("cut", ["cut", "cut.cutter"]),
        ("layout.framed", ["layout.meter_windows"]),
    ],
)
def test_a_key_or_a_section_by_itself(key: str, found: list[str]) -> None:
    assert [each.key for each in list_settings(key)] == found


@pytest.mark.parametrize(
    ("key", "nearest"),
    [("layout.gp", "layout.gap"), ("trian", "train"), ("effects.blur.strenght", "effects.blur.strength")],
)
def test_an_unknown_one_is_refused_with_the_nearest(key: str, nearest: str) -> None:
    with pytest.raises(SettingsError, match=rf"unknown setting '{key}'; did you mean '{nearest}'\?"):
        list_settings(key)


@pytest.mark.parametrize(
    ("key", "fractions"),
    [
        ("layout.gap", False),
        ("layout.freedom", True),
        ("layout.digit_scale", True),
        ("effects.noise.strength", True),
        ("effects.noise.probability", True),
        ("backbone.width", True),
        ("train.epochs", False),
        ("train.minutes", True),
        ("cut.cutter", False),
        ("layout", False),
        ("none.at.all", False),
    ],
)
def test_some_settings_take_fractions(key: str, fractions: bool) -> None:
    assert takes_fractions(key) is fractions
