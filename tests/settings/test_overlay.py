"""``--set`` and settings laid one over the other."""

from __future__ import annotations

from typing import Any

import pytest

from multidigit.errors import SettingsError
from multidigit.settings import Settings, flatten, nested, overlay, parse_assignments, validate


def with_assignments(base: dict[str, Any], *assignments: str) -> Settings:
    return validate(overlay(base, parse_assignments(assignments)))


class TestAssignments:
    def test_dots_nest_and_values_are_yaml(self) -> None:
        assert parse_assignments(["train.epochs=3", "layout.length=[1, 2]", "digits=a=b", "train.minutes="]) == {
            "train": {"epochs": 3, "minutes": None},
            "layout": {"length": [1, 2]},
            "digits": "a=b",
        }
        assert parse_assignments([]) == {}

    def test_the_last_of_two_counts(self) -> None:
        assert parse_assignments(["seed=1", "seed=2"]) == {"seed": 2}

    def test_a_number_is_read_by_the_type_of_its_key(self) -> None:
        assert with_assignments({}, "train.learning_rate=1e-3").train.learning_rate == 0.001

    @pytest.mark.parametrize("text", ["seed", "=3", ".seed=3", "train.=3", "train..epochs=3", ""])
    def test_what_is_no_assignment(self, text: str) -> None:
        with pytest.raises(SettingsError) as caught:
            parse_assignments([text])
        assert str(caught.value).startswith(f"--set {text}: expected key=value")

    @pytest.mark.parametrize("value", ["[1", "{", "2024-99-99", "*x", "\0", "[" * 3000])
    def test_a_value_that_is_no_yaml(self, value: str) -> None:
        with pytest.raises(SettingsError, match=r"the value is not valid YAML$"):
            parse_assignments([f"seed={value}"])


class TestOverlay:
    def test_top_wins_key_by_key_and_nothing_given_is_changed(self) -> None:
        base = {"seed": 1, "train": {"epochs": 2, "strips": 3}}
        top = {"train": {"epochs": 9}, "digits": "mnist"}
        assert overlay(base, top) == {"seed": 1, "train": {"epochs": 9, "strips": 3}, "digits": "mnist"}
        assert base == {"seed": 1, "train": {"epochs": 2, "strips": 3}}
        assert top == {"train": {"epochs": 9}, "digits": "mnist"}

    def test_a_name_keeps_what_else_the_section_holds(self) -> None:
        settings = with_assignments({"layout": {"name": "free", "length": 3}}, "layout=structured")
        assert (settings.layout.name, settings.layout.length) == ("structured", (3, 3))

    def test_a_key_keeps_the_name_that_stands_alone(self) -> None:
        settings = with_assignments({"layout": "structured", "effects": "scan"}, "layout.length=2", "effects.blur={}")
        assert (settings.layout.name, settings.layout.length) == ("structured", (2, 2))
        assert settings.effects.name == "scan"
        assert settings.effects.blur is not None

    @pytest.mark.parametrize("order", [1, -1])
    def test_name_and_key_in_either_order(self, order: int) -> None:
        settings = with_assignments({}, *["backbone=baseline", "backbone.width=1"][::order])
        assert (settings.backbone.name, settings.backbone.width) == ("baseline", 1)

    def test_one_name_replaces_another(self) -> None:
        assert with_assignments({"layout": "structured"}, "layout=free").layout.name == "free"

    def test_one_mix_of_digits_replaces_another(self) -> None:
        settings = with_assignments({"digits": {"drawn": 1, "mnist": 1}}, "digits={printed: 1}")
        assert settings.digits == {"printed": 1}
        assert with_assignments({"digits": {"drawn": 1}}, "digits=mnist").digits == "mnist"


def test_flat_and_nested_are_inverse() -> None:
    flat = {"seed": 1, "layout.gap": [1, 2], "effects.blur.strength": None}
    data: dict[str, Any] = {}
    for key, value in flat.items():
        data = overlay(data, nested(key, value))
    assert data == {"seed": 1, "layout": {"gap": [1, 2]}, "effects": {"blur": {"strength": None}}}
    assert flatten(data) == flat
