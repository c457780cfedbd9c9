"""Settings: every default has one source, and every mistake is told with its line and the key that was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from multidigit.errors import SettingsError
from multidigit.registry import STRATEGIES
from multidigit.settings import Settings, overlay, parse_assignments, read_yaml, takes_fractions, to_yaml, validate


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.yaml"


def read(path: Path, text: str) -> Settings:
    """The settings that a file of this text gives."""
    path.write_text(text, "utf-8")
    data, lines = read_yaml(path)
    return validate(data, str(path), lines)


def told(path: Path, text: str) -> str:
    """The one line that a file of this text ends with, less the name of the file that it begins with."""
    with pytest.raises(SettingsError) as caught:
        read(path, text)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    return message.removeprefix(str(path))


def with_assignments(base: dict[str, Any], *assignments: str) -> Settings:
    return validate(overlay(base, parse_assignments(assignments)))


class TestDefaults:
    def test_nothing_set_is_every_default(self, path):
        assert validate({}) == Settings() == read(path, "seed: 0\n")

    def test_what_the_defaults_are(self):
        settings = Settings()
        assert (settings.seed, settings.strategy, settings.backbone.name) == (0, "heads", "compact")
        assert (settings.digits, settings.layout.name, settings.effects.name) == ("drawn", "free", "none")
        assert settings.layout.length == (1, 5)
        assert (settings.train.minutes, settings.train.learning_rate, settings.train.optimizer) == (None, None, None)
        assert settings.options("cut") == {}

    def test_settings_are_fixed_once_read(self):
        settings = Settings()
        for section, key in ((settings, "seed"), (settings.train, "epochs"), (settings.layout, "gap")):
            with pytest.raises(ValidationError, match="frozen"):
                setattr(section, key, 1)


class TestReading:
    def test_a_file_is_laid_over_the_defaults(self, path):
        settings = read(path, "seed: 7\ntrain:\n  epochs: 3\nlayout:\n  name: structured\n  shift: [-2, 2]\ncut: {}\n")
        assert (settings.seed, settings.train.epochs, settings.layout.name) == (7, 3, "structured")
        assert settings.layout.shift == (-2, 2)
        assert settings.train.strips == Settings().train.strips
        assert settings.layout.length == Settings().layout.length
        assert settings.options("cut") == {}

    def test_every_key_has_its_line(self, path):
        path.write_text("# a note\nseed: 1\n\ntrain:\n  epochs: 3\n  strips: 5\nlayout: {name: free,\n  gap: [1, 2]}\n")
        data, lines = read_yaml(path)
        assert data == {"seed": 1, "train": {"epochs": 3, "strips": 5}, "layout": {"name": "free", "gap": [1, 2]}}
        assert lines == {
            "seed": 2,
            "train": 4,
            "train.epochs": 5,
            "train.strips": 6,
            "layout": 7,
            "layout.name": 7,
            "layout.gap": 8,
        }

    @pytest.mark.parametrize("text", ["layout: structured\n", "layout: {name: structured}\n"])
    def test_a_section_may_be_named_in_short(self, path, text):
        assert read(path, text) == validate({"layout": {"name": "structured"}})
        assert read(path, text).layout.name == "structured"
        assert read(path, "backbone: thread\n").backbone.name == "thread"
        assert read(path, "effects: scan\n").effects.name == "scan"

    @pytest.mark.parametrize(
        ("text", "value"), [("1e-3", 0.001), ("1.0e-3", 0.001), ("'0.5'", 0.5), ("2", 2.0), ("5E2", 500.0)]
    )
    def test_numbers_are_read_by_the_type_of_their_key(self, path, text, value):
        """YAML itself reads 1e-3 as a word."""
        assert read(path, f"train:\n  learning_rate: {text}\n").train.learning_rate == value
        assert with_assignments({}, f"train.learning_rate={text}").train.learning_rate == value

    def test_one_number_stands_for_a_range(self, path):
        layout = read(path, "layout:\n  length: 3\n  scale: 1.5\n  gap: -2\n  digit_scale: 1e0\n").layout
        assert (layout.length, layout.scale, layout.gap, layout.digit_scale) == ((3, 3), (1.5, 1.5), (-2, -2), (1, 1))

    @pytest.mark.parametrize("key", ["shift", "baseline"])
    @pytest.mark.parametrize(
        ("text", "ends"),
        [
            ("3", (-3, 3)),
            ("-3", (-3, 3)),
            ("3.0", (-3, 3)),
            ("'3'", (-3, 3)),
            ("0", (0, 0)),
            ("[3, 3]", (3, 3)),
            ("[-1, 4]", (-1, 4)),
            ("14", (-14, 14)),
        ],
    )
    def test_one_number_counts_each_way_where_there_are_two(self, path, key, text, ends):
        assert getattr(read(path, f"layout:\n  {key}: {text}\n").layout, key) == ends

    def test_freedom_is_a_share(self, path):
        assert Settings().layout.freedom == 1
        assert [read(path, f"layout: {{freedom: {share}}}\n").layout.freedom for share in (0, 0.25, 1)] == [0, 0.25, 1]

    @pytest.mark.parametrize(
        ("key", "fractions"),
        [
            ("layout.gap", False),
            ("layout.shift", False),
            ("layout.freedom", True),
            ("layout.digit_scale", True),
            ("effects.noise.strength", True),
            ("effects.noise.probability", True),
            ("backbone.width", True),
            ("train.epochs", False),
            ("train.minutes", True),
            ("train.learning_rate", True),
            ("train.batch_size", False),
            ("cut.cutter", False),
            ("layout", False),
            ("layout.none", False),
            ("none.at.all", False),
        ],
    )
    def test_some_settings_take_fractions(self, key, fractions):
        assert takes_fractions(key) is fractions

    def test_none_takes_the_recommendation(self, path):
        assert read(path, "train:\n  learning_rate: null\n  minutes: ~\n") == Settings()

    def test_a_byte_order_mark_does_no_harm(self, path):
        assert read(path, "\ufeffseed: 3\n").seed == 3

    def test_a_mix_of_digits(self, path):
        settings = read(path, "digits: {drawn: 3, some/path.npz: 1}\n")
        assert settings.digits == {"drawn": 3.0, "some/path.npz": 1.0}
        assert settings.digits_name == "75% drawn + 25% some/path.npz"


class TestMistakes:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("sede: 1\n", ", line 1: unknown key 'sede'; did you mean 'seed'?"),
            ("seed: 1\n\nTrain:\n  epochs: 3\n", ", line 3: unknown key 'Train'; did you mean 'train'?"),
            ("train:\n  strips: 9\n  epoch: 3\n", ", line 3: unknown key 'train.epoch'; did you mean 'epochs'?"),
            ("layout: {baselin: 1}\n", ", line 1: unknown key 'layout.baselin'; did you mean 'baseline'?"),
            ("seed: 1\ncut:\n  cutr: equal\n", ", line 3: unknown key 'cut.cutr'; did you mean 'cutter'?"),
            ("sigmoid:\n  cutter: equal\n", ", line 2: unknown key 'sigmoid.cutter'; there are none to set here"),
            (
                "effects:\n  blur:\n    strenght: 1\n",
                ", line 3: unknown key 'effects.blur.strenght'; did you mean 'strength'?",
            ),
            ("effects:\n  blurr: {}\n", ", line 2: unknown key 'effects.blurr'; did you mean 'blur'?"),
            ("seed: 1\nstrategy: head\n", ", line 2: strategy: unknown strategy 'head'; did you mean 'heads'?"),
            ("backbone: compat\n", ", line 1: backbone.name: unknown backbone 'compat'; did you mean 'compact'?"),
            (
                "backbone:\n  name: compat\n",
                ", line 2: backbone.name: unknown backbone 'compat'; did you mean 'compact'?",
            ),
            ("effects: scam\n", ", line 1: effects.name: no such preset: 'scam'; did you mean 'scan'?"),
            ("seed: 1\n7: x\n", ", line 2: unknown key 7; keys are words"),
        ],
    )
    def test_an_unknown_name_is_told_with_its_line_and_the_nearest(self, path, text, message):
        assert told(path, text) == message

    def test_where_nothing_is_near_all_are_named(self, path):
        message = told(path, "zzz: 1\n")
        assert message.startswith(", line 1: unknown key 'zzz'; known are ")
        assert {*Settings.model_fields, *STRATEGIES} <= set(message.partition("known are ")[2].split(", "))

    @pytest.mark.parametrize(
        ("text", "line", "key", "received"),
        [
            ("seed: one\n", 1, "seed", "'one'"),
            ("seed: 1.5\n", 1, "seed", "1.5"),
            ("seed: [1]\n", 1, "seed", "[1]"),
            ("seed: -1\n", 1, "seed", "-1"),
            ("seed: 4294967296\n", 1, "seed", "4294967296"),
            ("train:\n  epochs: -3\n", 2, "train.epochs", "-3"),
            ("train:\n  epochs: 0\n", 2, "train.epochs", "0"),
            ("train:\n\n  strips: -20000\n", 3, "train.strips", "-20000"),
            ("evaluation:\n  test_strips: 0\n", 2, "evaluation.test_strips", "0"),
            ("train:\n  batch_size: 0\n", 2, "train.batch_size", "0"),
            ("train:\n  batch_size: 1e3x\n", 2, "train.batch_size", "'1e3x'"),
            ("train:\n  minutes: -1\n", 2, "train.minutes", "-1"),
            ("train:\n  minutes: .inf\n", 2, "train.minutes", "inf"),
            ("train:\n  learning_rate: .nan\n", 2, "train.learning_rate", "nan"),
            ("train:\n  learning_rate: fast\n", 2, "train.learning_rate", "'fast'"),
            ("train:\n  warmup: 1\n", 2, "train.warmup", "1"),
            ("train:\n  optimizer: adm\n", 2, "train.optimizer", "'adm'"),
            ("backbone:\n  width: 0\n", 2, "backbone.width", "0"),
            ("layout: fre\n", 1, "layout.name", "'fre'"),
            ("layout:\n  length: [0, 5]\n", 2, "layout.length", "[0, 5]"),
            ("layout:\n  length: [1, 6]\n", 2, "layout.length", "[1, 6]"),
            ("layout:\n  gap: 3\n  length: 6\n", 3, "layout.length", "[6, 6]"),
            ("layout:\n  length: [1]\n", 2, "layout.length", "[1]"),
            ("layout:\n  length: [1, 2, 3]\n", 2, "layout.length", "[1, 2, 3]"),
            ("layout:\n  length: 1-3\n", 2, "layout.length", "'1-3'"),
            ("layout:\n  scale: [.nan, 1]\n", 2, "layout.scale", "nan"),
            ("layout:\n  scale: 1e300\n", 2, "layout.scale", "[1e+300, 1e+300]"),
            ("layout:\n  digit_scale: 0.1\n", 2, "layout.digit_scale", "[0.1, 0.1]"),
            ("layout:\n  gap: [-99, 0]\n", 2, "layout.gap", "[-99, 0]"),
            ("layout:\n  baseline: 15\n", 2, "layout.baseline", "[-15, 15]"),
            ("layout:\n  shift: 15\n", 2, "layout.shift", "[-15, 15]"),
            ("layout:\n  shift: 2.5\n", 2, "layout.shift", "2.5"),
            ("layout:\n  shift: far\n", 2, "layout.shift", "'far'"),
            ("layout:\n  baseline: .inf\n", 2, "layout.baseline", "inf"),
            ("layout:\n  freedom: 1.1\n", 2, "layout.freedom", "1.1"),
            ("layout:\n  freedom: -0.1\n", 2, "layout.freedom", "-0.1"),
            ("layout:\n  freedom: [0, 1]\n", 2, "layout.freedom", "[0, 1]"),
            ("effects:\n  blur:\n    strength: 3\n", 3, "effects.blur.strength", "[3.0, 3.0]"),
            ("effects:\n  blur:\n    probability: 2\n", 3, "effects.blur.probability", "2"),
            ("train: 5\n", 1, "train", "5"),
            ("train:\nseed: 1\n", 1, "train", "nothing"),
            ("layout: [1]\n", 1, "layout", "[1]"),
            ("seed: 1\ncut: equal\n", 2, "cut", "'equal'"),
            ("digits: 5\n", 1, "digits", "5"),
            ("digits: {drawn: -1}\n", 1, "digits", "-1"),
            ("strategy: [heads]\n", 1, "strategy", "['heads']"),
        ],
    )
    def test_a_wrong_value_is_told_with_its_line_and_its_key(self, path, text, line, key, received):
        message = told(path, text)
        assert message.startswith(f", line {line}: {key}: ")
        assert message.endswith(f"received {received}")

    @pytest.mark.parametrize("word", ["yes", "no", "on", "true"])
    @pytest.mark.parametrize(
        ("text", "line", "key"),
        [
            ("seed: {}\n", 1, "seed"),
            ("train:\n  epochs: {}\n", 2, "train.epochs"),
            ("train:\n  learning_rate: {}\n", 2, "train.learning_rate"),
            ("layout:\n  length: {}\n", 2, "layout.length"),
            ("layout:\n  length: [{}, 3]\n", 2, "layout.length"),
        ],
    )
    def test_yes_is_no_number(self, path, text, line, key, word):
        assert told(path, text.replace("{}", word)).startswith(f", line {line}: {key}: expected a value; received true")

    def test_a_range_backwards_is_told_the_right_way_round(self, path):
        message = told(path, "layout:\n  name: free\n  length: [5, 1]\n")
        assert message == ", line 3: layout.length: a range goes from low to high; did you mean [1, 5]?"
        assert "did you mean [0.5, 1.0]?" in told(path, "layout:\n  scale: [1, 0.5]\n")
        assert "did you mean [-3, 3]?" in told(path, "layout:\n  shift: [3, -3]\n")

    def test_an_error_without_a_file_names_where_it_came_from(self):
        with pytest.raises(SettingsError, match=r"^settings: unknown key 'sed'; did you mean 'seed'\?$"):
            validate({"sed": 1})


class TestFiles:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("seed: 1\ntrain:\n  epochs: 1\nseed: 2\n", ", line 4: 'seed' is given twice, first on line 1"),
            ("train:\n  epochs: 1\n  epochs: 1\n", ", line 3: 'train.epochs' is given twice, first on line 2"),
            ("", ": expected `key: value` lines; received nothing"),
            ("# only a note\n", ": expected `key: value` lines; received nothing"),
            ("- seed: 1\n- train: 2\n", ": expected `key: value` lines; received list"),
            ("seed\n", ": expected `key: value` lines; received str"),
            ("5\n", ": expected `key: value` lines; received int"),
            ("null\n", ": expected `key: value` lines; received NoneType"),
        ],
    )
    def test_what_is_no_mapping_or_says_a_thing_twice(self, path, text, message):
        assert told(path, text) == message

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("seed: 1\ntrain: [1\n", 3),
            ("seed: 1\n  train: 2\n", 2),
            ("seed:\t- 1\n", 1),
            ("seed: 1\n---\nseed: 2\n", 2),
            ("{[1]: 2}\n", 1),
            ("seed: !!python/object/apply:os.getcwd []\n", 1),
            ("seed: *unknown\n", 1),
            ("train: &loop\n  epochs: *loop\n", 1),
        ],
    )
    def test_what_is_no_yaml_is_told_with_its_line(self, path, text, line):
        assert told(path, text).startswith(f", line {line}: not valid YAML (")

    @pytest.mark.parametrize("text", ["seed: \0\n", "seed: \x07\n", "seed: 2024-99-99\n", "[" * 3000, "{a: " * 3000])
    def test_what_is_no_yaml_at_all(self, path, text):
        assert told(path, text).startswith(": not valid YAML (")

    def test_files_that_cannot_be_read(self, path):
        with pytest.raises(SettingsError, match=r"no such file; expected a YAML file of settings$"):
            read_yaml(path)
        path.write_bytes(bytes(range(256)))
        with pytest.raises(SettingsError, match=r"cannot be read as text \(it is not UTF-8\); expected a YAML file"):
            read_yaml(path)
        with pytest.raises(SettingsError, match=r"cannot be read as text \(.+\); expected a YAML file of settings$"):
            read_yaml(path.parent)


class TestAssignments:
    def test_dots_nest_and_values_are_yaml(self):
        assert parse_assignments(["train.epochs=3", "layout.length=[1, 2]", "digits=a=b", "train.minutes="]) == {
            "train": {"epochs": 3, "minutes": None},
            "layout": {"length": [1, 2]},
            "digits": "a=b",
        }
        assert parse_assignments([]) == {}

    def test_the_last_of_two_counts(self):
        assert parse_assignments(["seed=1", "seed=2"]) == {"seed": 2}

    @pytest.mark.parametrize("text", ["seed", "=3", ".seed=3", "train.=3", "train..epochs=3", ""])
    def test_what_is_no_assignment(self, text):
        with pytest.raises(SettingsError, match=r"expected key=value, as in --set train\.batch_size=64") as caught:
            parse_assignments([text])
        assert str(caught.value).startswith(f"--set {text}: ")

    @pytest.mark.parametrize("value", ["[1", "{", "2024-99-99", "*x", "\0", "[" * 3000])
    def test_a_value_that_is_no_yaml(self, value):
        with pytest.raises(SettingsError, match=r"the value is not valid YAML$"):
            parse_assignments([f"seed={value}"])


class TestOverlay:
    def test_top_wins_key_by_key_and_nothing_given_is_changed(self):
        base = {"seed": 1, "train": {"epochs": 2, "strips": 3}}
        top = {"train": {"epochs": 9}, "digits": "mnist"}
        assert overlay(base, top) == {"seed": 1, "train": {"epochs": 9, "strips": 3}, "digits": "mnist"}
        assert base == {"seed": 1, "train": {"epochs": 2, "strips": 3}}
        assert top == {"train": {"epochs": 9}, "digits": "mnist"}

    def test_a_name_keeps_what_else_the_section_holds(self):
        settings = with_assignments({"layout": {"name": "free", "length": 3}}, "layout=structured")
        assert (settings.layout.name, settings.layout.length) == ("structured", (3, 3))

    def test_a_key_keeps_the_name_that_was_given_in_short(self):
        settings = with_assignments({"layout": "structured", "effects": "scan"}, "layout.length=2", "effects.blur={}")
        assert (settings.layout.name, settings.layout.length) == ("structured", (2, 2))
        assert settings.effects.name == "scan"
        assert settings.effects.blur is not None

    @pytest.mark.parametrize("order", [1, -1])
    def test_name_and_key_in_either_order(self, order):
        settings = with_assignments({}, *["backbone=thread", "backbone.width=1"][::order])
        assert (settings.backbone.name, settings.backbone.width) == ("thread", 1)

    def test_one_name_replaces_another(self):
        assert with_assignments({"layout": "structured"}, "layout=free").layout.name == "free"

    def test_one_mix_of_digits_replaces_another(self):
        settings = with_assignments({"digits": {"drawn": 1, "mnist": 1}}, "digits={printed: 1}")
        assert settings.digits == {"printed": 1}
        assert with_assignments({"digits": {"drawn": 1}}, "digits=mnist").digits == "mnist"


COMPLETE = {
    "seed": 4_294_967_295,
    "strategy": "cut",
    "backbone": {"name": "thread", "width": 1},
    "digits": "0123",
    "layout": {"name": "structured", "shift": [-1, 2], "length": 4, "scale": [0.3, 1 / 3], "gap": [-60, 60]},
    "effects": {"name": "photo", "blur": {"strength": 0.1, "probability": 1e-7}, "jpeg": {}},
    "train": {
        "epochs": 1,
        "minutes": 0.1,
        "patience": 2,
        "optimizer": "sgd",
        "learning_rate": 1e-5,
        "weight_decay": 1e-16,
        "schedule": "constant",
        "average": 0.999,
    },
    "evaluation": {"validation_strips": 1, "test_strips": 10**12},
    "cut": {},
}


@pytest.mark.parametrize(
    "data",
    [{}, COMPLETE, {"digits": {"drawn": 0.6, "~/ä: b#c.npz": 0.4}}, {"digits": "yes"}, {"digits": "null"}],
    ids=["defaults", "all", "mix", "yes", "null"],
)
def test_what_is_written_is_read_back_the_same_and_complete(path, data):
    settings = validate(data)
    text = to_yaml(settings)
    again = read(path, text)
    assert again == settings
    assert to_yaml(again) == text
    written, _ = read_yaml(path)
    assert set(Settings.model_fields) <= set(written)
    for name in ("layout", "backbone", "train", "evaluation", "effects"):
        assert set(written[name]) == set(type(getattr(settings, name)).model_fields), "every default is written out"


def test_a_written_file_holds_plain_yaml_only():
    assert "!!" not in to_yaml(validate(COMPLETE))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({}, "heads"),
        ({"strategy": "cut"}, "cut"),
        ({"strategy": "cut", "cut": {"cutter": "equal"}}, "cut"),
        ({"strategy": "cut", "cut": {"cutter": "ink"}}, "cut (ink)"),
        ({"strategy": "heads", "heads": {"length": True}, "cut": {"cutter": "ink"}}, "heads (length)"),
    ],
)
def test_a_strategy_is_named_with_its_unusual_options(data: dict[str, Any], name: str) -> None:
    assert validate(data).strategy_name == name
