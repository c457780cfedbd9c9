"""Files of settings: line numbers, what is no YAML, and writing what is read back the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from multidigit.errors import SettingsError
from multidigit.settings import Settings, read_yaml, to_yaml, validate


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.yaml"


def read(path: Path, text: str) -> Settings:
    """The settings that a file of this text gives."""
    path.write_text(text, "utf-8")
    data, lines = read_yaml(path)
    return validate(data, str(path), lines)


def refused(path: Path, text: str) -> str:
    """The one line that a file of this text is refused with, less the name of the file that it begins with."""
    with pytest.raises(SettingsError) as caught:
        read(path, text)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    return message.removeprefix(str(path))


def test_every_key_has_its_line(path: Path) -> None:
    path.write_text("# a note\nseed: 1\n\ntrain:\n  epochs: 3\nlayout: {name: free,\n  gap: [1, 2]}\n")
    data, lines = read_yaml(path)
    assert data == {"seed": 1, "train": {"epochs": 3}, "layout": {"name": "free", "gap": [1, 2]}}
    assert lines == {"seed": 2, "train": 4, "train.epochs": 5, "layout": 6, "layout.name": 6, "layout.gap": 7}


def test_a_byte_order_mark_does_no_harm(path: Path) -> None:
    assert read(path, "\ufeffseed: 3\n").seed == 3


@pytest.mark.parametrize(
    ("text", "line", "about"),
    [
        ("sede: 1\n", 1, "unknown key 'sede'"),
        ("seed: 1\ncut:\n  cutr: equal\n", 3, "unknown key 'cut.cutr'"),
        ("seed: 1\n7: x\n", 2, "unknown key 7"),
        ("seed: 1\nslots: five\n", 2, "slots must be "),
        ("layout: fre\n", 1, "layout.name must be "),
        ("layout:\n  gap: 3\n  length: 6\n", 3, "layout.length must lie within 1 to slots (5)"),
        ("effects:\n  blur:\n    strength: 3\n", 3, "effects.blur.strength must "),
        ("seed: 1\ntrain:\n  epochs: 1\nseed: 2\n", 4, "'seed' is given twice, first on line 1"),
        ("train:\n  epochs: 1\n  epochs: 1\n", 3, "'train.epochs' is given twice, first on line 2"),
        ("seed: 1\ntrain: [1\n", 3, "not valid YAML ("),
        ("seed:\t- 1\n", 1, "not valid YAML ("),
        ("seed: 1\n---\nseed: 2\n", 2, "not valid YAML ("),
        ("{[1]: 2}\n", 1, "not valid YAML ("),
        ("seed: !!python/object/apply:os.getcwd []\n", 1, "not valid YAML ("),
        ("seed: *unknown\n", 1, "not valid YAML ("),
        ("train: &loop\n  epochs: *loop\n", 1, "not valid YAML ("),
    ],
)
def test_a_fault_has_its_line(path: Path, text: str, line: int, about: str) -> None:
    assert refused(path, text).startswith(f", line {line}: {about}")


@pytest.mark.parametrize("text", ["seed: \0\n", "seed: \x07\n", "seed: 2024-99-99\n", "[" * 3000, "{a: " * 3000])
def test_what_is_no_yaml_at_all(path: Path, text: str) -> None:
    assert refused(path, text).startswith(": not valid YAML (")


@pytest.mark.parametrize(
    ("text", "received"),
    [("", "nothing"), ("# a note\n", "nothing"), ("- seed: 1\n", "list"), ("5\n", "int"), ("null\n", "NoneType")],
)
def test_what_is_no_mapping(path: Path, text: str, received: str) -> None:
    assert refused(path, text) == f": expected `key: value` lines; received {received}"


def test_files_that_cannot_be_read(path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        read_yaml(path)
    path.write_bytes(bytes(range(256)))
    with pytest.raises(SettingsError, match="it is not UTF-8"):
        read_yaml(path)
    with pytest.raises(SettingsError, match="cannot be read as text"):
        read_yaml(path.parent)


COMPLETE = {
    "seed": 4_294_967_295,
    "slots": 8,
    "strategy": "cut",
    "backbone": {"name": "baseline", "width": 1},
    "digits": "0123",
    "layout": {"name": "structured", "shift": [-1, 2], "length": 4, "scale": [0.3, 1 / 3], "gap": [-60, 60]},
    "effects": {"name": "photo", "blur": {"strength": 0.1, "probability": 1e-7}, "jpeg": {}},
    "train": {"epochs": 1, "minutes": 0.1, "optimizer": "sgd", "learning_rate": 1e-5, "ema": 0.999},
    "evaluation": {"validation_strips": 1, "test_strips": 10**12},
    "cut": {},
}


@pytest.mark.parametrize(
    "data",
    [{}, COMPLETE, {"slots": 1}, {"digits": {"drawn": 0.6, "~/ä: b#c.npz": 0.4}}, {"digits": "yes"}],
    ids=["defaults", "all", "one slot", "mix", "yes"],
)
def test_what_is_written_is_read_back_the_same_and_complete(path: Path, data: dict[str, Any]) -> None:
    settings = validate(data)
    text = to_yaml(settings)
    assert "!!" not in text
    assert read(path, text) == settings
    written, _ = read_yaml(path)
    assert set(Settings.model_fields) <= set(written)
    for name in ("layout", "backbone", "train", "evaluation", "effects"):
        assert set(written[name]) == set(type(getattr(settings, name)).model_fields), "every default is written out"


ALIASES = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + level)}: &{chr(98 + level)} [{','.join(['*' + chr(97 + level)] * 10)}]\n" for level in range(12)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{chr(98 + level)}: &{chr(98 + level)} {{<<: [{','.join(['*' + chr(97 + level)] * 10)}]}}\n" for level in range(12)
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (ALIASES, r"line 5: not valid YAML \(more than 100,000 values, aliases counted\)"),
        (MERGES, r"line 6: not valid YAML \(more than 100,000 values, aliases counted\)"),
        ("a: &a [*a]", r"line 1: not valid YAML \(a value that holds itself\)"),
        ("a: " + "[" * 600, "nested too deeply"),
        ("a: " + "[" * 60 + "]" * 60, "nested too deeply"),
        ("seed: " + "9" * 100, r"line 1: not valid YAML \(a number of more than 40 characters\)"),
        ("seed: 0x" + "f" * 10_000, "a number of more than 40 characters"),
        ("seed: " + ":".join(["1"] * 1_000) + ".5", "a number of more than 40 characters"),
        ('seed: !!int ""', "a value that does not fit its tag"),
        ('seed: !!timestamp "x"', "a value that does not fit its tag"),
        ("seed: 2001-99-99", "month must be in"),
        ('seed: !!python/object/apply:os.system ["true"]', "could not determine a constructor"),
        ("x" * 250_001, "it has 250,001 bytes; at most 250,000 are read"),
    ],
    ids=[
        "aliases",
        "merges",
        "itself",
        "deep",
        "deeper",
        "digits",
        "hexadecimal",
        "sixties",
        "empty",
        "timestamp",
        "date",
        "python",
        "long",
    ],
)
def test_bombs_are_refused(path: Path, text: str, problem: str) -> None:
    path.write_text(text)
    with pytest.raises(SettingsError, match=problem):
        read_yaml(path)


def test_aliases_of_a_file_that_people_write_are_read(path: Path) -> None:
    path.write_text("base: &base {epochs: 3}\ntrain: {<<: *base, strips: 5}\nmore: [*base, *base]\n")
    assert read_yaml(path)[0]["train"] == {"epochs": 3, "strips": 5}
