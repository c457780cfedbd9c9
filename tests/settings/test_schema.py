"""The settings: defaults, what each value may be, and one clear line about everything else."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from multidigit.errors import SettingsError
from multidigit.registry import STRATEGIES
from multidigit.settings import LayoutSettings, Settings, validate


def refused(data: dict[Any, Any]) -> str:
    """The one line that these settings are refused with, less the place that it begins with."""
    with pytest.raises(SettingsError) as caught:
        validate(data)
    place, _, text = str(caught.value).partition(": ")
    assert place == "settings"
    assert "\n" not in text
    return text


class TestDefaults:
    def test_what_the_defaults_are(self) -> None:
        settings = Settings()
        assert settings == validate({})
        assert (settings.seed, settings.slots, settings.strategy, settings.backbone.name) == (0, 5, "heads", "compact")
        assert (settings.digits, settings.layout.name, settings.effects.name) == ("drawn", "free", "none")
        assert settings.layout.length == (1, 5)
        assert (settings.train.minutes, settings.train.learning_rate, settings.train.optimizer) == (None, None, None)
        assert settings.options("cut") == {}

    def test_settings_are_fixed_once_read(self) -> None:
        settings = Settings()
        for section, key in ((settings, "seed"), (settings.train, "epochs"), (settings.layout, "gap")):
            with pytest.raises(ValidationError, match="frozen"):
                setattr(section, key, 1)


class TestSlots:
    @pytest.mark.parametrize("slots", [1, 3, 8, 12, "8", 3.0])
    @pytest.mark.parametrize("layout", [{}, {"layout": "structured"}, {"layout": {"gap": 1}}])
    def test_numbers_have_one_to_slots_digits(self, slots: Any, layout: dict[str, Any]) -> None:
        assert validate({"slots": slots, **layout}).layout.length == (1, int(slots))

    def test_a_length_of_its_own_is_kept(self) -> None:
        assert validate({"slots": 8, "layout": {"length": [2, 5]}}).layout.length == (2, 5)
        assert Settings(slots=8, layout=LayoutSettings(gap=(3, 3))).layout.length == (1, 8)
        assert Settings(slots=8, layout=LayoutSettings(length=(4, 4))).layout.length == (4, 4)

    def test_a_length_beyond_slots_is_refused(self) -> None:
        text = "layout.length must lie within 1 to slots (3); received [1, 5]"
        assert refused({"slots": 3, "layout": {"length": [1, 5]}}) == text

    @pytest.mark.parametrize("slots", [0, 13, "five", 2.5, None, [5]])
    def test_what_slots_cannot_be(self, slots: Any) -> None:
        text = refused({"slots": slots, "layout": {"length": 13}})
        shown = "nothing" if slots is None else repr(slots)
        assert text == f"slots must be a whole number from 1 to 12; received {shown}"


class TestValues:
    @pytest.mark.parametrize(
        ("text", "value"), [("1e-3", 0.001), (0.001, 0.001), ("0.5", 0.5), (2, 2.0), ("5E2", 500.0)]
    )
    def test_numbers_are_read_by_the_type_of_their_key(self, text: Any, value: float) -> None:
        """YAML itself reads 1e-3 as a word."""
        assert validate({"train": {"learning_rate": text}}).train.learning_rate == value

    def test_one_number_stands_for_a_range(self) -> None:
        layout = validate({"layout": {"length": 3, "scale": 1.5, "gap": -2, "digit_scale": "1e0"}}).layout
        assert (layout.length, layout.scale, layout.gap, layout.digit_scale) == ((3, 3), (1.5, 1.5), (-2, -2), (1, 1))

    @pytest.mark.parametrize("key", ["shift", "baseline"])
    @pytest.mark.parametrize(
        ("value", "ends"),
        [
            (3, (-3, 3)),
            (-3, (-3, 3)),
            (3.0, (-3, 3)),
            ("3", (-3, 3)),
            (0, (0, 0)),
            ([3, 3], (3, 3)),
            ([-1, 4], (-1, 4)),
        ],
    )
    def test_one_number_counts_either_way_where_there_are_two(
        self, key: str, value: Any, ends: tuple[int, int]
    ) -> None:
        assert getattr(validate({"layout": {key: value}}).layout, key) == ends

    def test_nothing_takes_the_recommendation(self) -> None:
        assert validate({"train": {"learning_rate": None, "minutes": None}}) == Settings()

    @pytest.mark.parametrize("key", ["layout", "backbone", "effects"])
    def test_a_name_alone_stands_for_a_section(self, key: str) -> None:
        name = {"layout": "structured", "backbone": "streetview", "effects": "scan"}[key]
        assert validate({key: name}) == validate({key: {"name": name}})
        assert getattr(validate({key: name}), key).name == name

    def test_scenes_have_a_plain_share(self) -> None:
        layout = validate({"layout": "scene", "slots": 8}).layout
        assert (layout.name, layout.plain, layout.length) == ("scene", 0.15, (1, 8))
        assert validate({"layout": {"name": "scene", "plain": 1}}).layout.plain == 1
        assert refused({"layout": {"plain": 1.5}}) == "layout.plain must be a number from 0 to 1; received 1.5"
        assert refused({"layout": "scenes"}).startswith("layout.name must be structured, free or scene; received ")

    def test_a_mix_of_digits(self) -> None:
        settings = validate({"digits": {"drawn": 3, "some/path.npz": 1}})
        assert settings.digits == {"drawn": 3.0, "some/path.npz": 1.0}
        assert settings.digits_name == "75% drawn + 25% some/path.npz"

    @pytest.mark.parametrize(
        ("data", "name"),
        [
            ({}, "heads"),
            ({"strategy": "cut", "cut": {"cutter": "equal"}}, "cut"),
            ({"strategy": "cut", "cut": {"cutter": "ink"}}, "cut (ink)"),
            ({"strategy": "heads", "heads": {"length": True}, "cut": {"cutter": "ink"}}, "heads (length)"),
        ],
    )
    def test_a_strategy_is_named_with_its_unusual_options(self, data: dict[str, Any], name: str) -> None:
        assert validate(data).strategy_name == name


class TestMistakes:
    @pytest.mark.parametrize(
        ("data", "text"),
        [
            ({"sede": 1}, "unknown key 'sede'; did you mean 'seed'?"),
            ({"train": {"epoch": 3}}, "unknown key 'train.epoch'; did you mean 'epochs'?"),
            ({"layout": {"gp": 3}}, "unknown key 'layout.gp'; did you mean 'gap'?"),
            ({"cut": {"cutr": "equal"}}, "unknown key 'cut.cutr'; did you mean 'cutter'?"),
            ({"sigmoid": {"cutter": "equal"}}, "unknown key 'sigmoid.cutter'; known are initial_bias, positive_weight"),
            ({"effects": {"blur": {"strenght": 1}}}, "unknown key 'effects.blur.strenght'; did you mean 'strength'?"),
            ({"effects": {"blurr": {}}}, "unknown key 'effects.blurr'; did you mean 'blur'?"),
            ({7: "x"}, "unknown key 7; keys are words"),
            ({"strategy": "head"}, "strategy must be heads, sigmoid or cut; received 'head'; did you mean 'heads'?"),
        ],
    )
    def test_an_unknown_name_is_named_with_the_nearest(self, data: dict[Any, Any], text: str) -> None:
        assert refused(data) == text

    def test_where_nothing_is_near_all_are_named(self) -> None:
        known = refused({"zzz": 1}).removeprefix("unknown key 'zzz'; known are ")
        assert (
            set(known.split(", "))
            == {*Settings.model_fields, "heads", "sigmoid", "cut"}
            <= {
                *Settings.model_fields,
                *STRATEGIES,
            }
        )

    @pytest.mark.parametrize(
        ("key", "value", "rule"),
        [
            ("seed", "one", "a whole number from 0 to 4294967295"),
            ("seed", -1, "a whole number from 0 to 4294967295"),
            ("train.epochs", 0, "a whole number of at least 1"),
            ("train.batch_size", "1e3x", "a whole number from 1 to 65536"),
            ("train.minutes", float("inf"), "a number above 0"),
            ("train.learning_rate", "fast", "a number above 0"),
            ("train.warmup", 1, "a number of at least 0 and below 1"),
            ("train.optimizer", "adm", "adam, adamw, muon, adadelta or sgd"),
            ("backbone.width", 0, "a number above 0 and at most 8"),
            ("layout.name", "fre", "structured, free or scene"),
            ("layout.freedom", [0, 1], "a number from 0 to 1"),
            ("layout.length", [1, 2, 3], "a whole number or a range [low, high], within 1 to 12"),
            ("layout.scale", [float("nan"), 1], "a number or a range [low, high], within 0.25 to 4"),
            ("effects.blur.strength", "x", "a number or a range [low, high], within 0 to 2"),
            ("effects.name", "scam", "none, clean, scan or photo"),
            ("heads.length", 3, "true or false"),
            ("cut.cutter", "ekual", "equal or ink"),
            ("digits", 5, "a name, a path, or a mix such as {drawn: 0.6, printed: 0.4}"),
            ("train", 5, "`key: value` lines"),
            ("train", None, "`key: value` lines"),
            ("cut", "equal", "`key: value` lines"),
        ],
    )
    def test_a_wrong_value_is_refused_with_the_rule(self, key: str, value: Any, rule: str) -> None:
        *sections, last = key.split(".")
        data = {last: value}
        for section in reversed(sections):
            data = {section: data}
        text = refused(data)
        assert text.startswith(f"{key} must be {rule}; received ")

    @pytest.mark.parametrize(
        ("key", "value", "text"),
        [
            ("gap", [-99, 0], "must lie within -60 to 60; received [-99, 0]"),
            ("length", [0, 5], "must lie within 1 to 12; received [0, 5]"),
            ("baseline", 15, "must lie within -14 to 14; received [-15, 15]"),
            ("digit_scale", 0.1, "must lie within 0.25 to 4; received [0.1, 0.1]"),
            ("length", [5, 1], "must go from low to high; received [5, 1]; did you mean [1, 5]?"),
        ],
    )
    def test_a_range_out_of_bounds_or_backwards(self, key: str, value: Any, text: str) -> None:
        assert refused({"layout": {key: value}}) == f"layout.{key} {text}"

    @pytest.mark.parametrize("value", [True, False])
    @pytest.mark.parametrize("key", ["seed", "train.epochs", "train.learning_rate", "layout.length", "layout.gap"])
    def test_a_boolean_is_no_number(self, key: str, value: bool) -> None:
        section, _, last = key.rpartition(".")
        given = [value, 3] if key == "layout.gap" else value
        text = refused({section: {last: given}} if section else {last: given})
        assert text.startswith(f"{key} must be a ")
        assert f"received {str(given).lower() if given is value else given}" in text

    @pytest.mark.parametrize("mix", [{"drawn": -1}, {"drawn": True}, {"drawn": "x"}, {"drawn": 0}, {}])
    def test_a_mix_without_sensible_weights(self, mix: dict[str, Any]) -> None:
        text = refused({"digits": mix})
        assert text.startswith("digits must have ")
        assert text.endswith(f"received {mix}")
