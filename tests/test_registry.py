"""Registries: by name, imported on first use, extended by installed packages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import pytest

from multidigit.digits import SOURCES
from multidigit.errors import MultidigitError, SettingsError
from multidigit.registry import Registry
from multidigit.settings import Settings, validate
from multidigit.strategies import BACKBONES, STRATEGIES, Strategy

Add = Callable[..., None]


@pytest.fixture
def add(monkeypatch: pytest.MonkeyPatch) -> Add:
    """Makes it look as if a package with these entry points of the group ``toys`` were installed."""

    def install(**values: str) -> None:
        points = [metadata.EntryPoint(name, value, "toys") for name, value in values.items()]
        monkeypatch.setattr(metadata, "entry_points", lambda group: points if group == "toys" else [])

    return install


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module ``toy_plugin``, its text to be written by the test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path / "toy_plugin.py"
    sys.modules.pop("toy_plugin", None)


def toys(**built_in: str) -> Registry[object]:
    return Registry("toy", {"ordered": "collections:OrderedDict", **built_in}, group="toys")


def test_what_is_built_in_is_found_by_name(add):
    add()
    from collections import OrderedDict

    found = toys()
    assert found["ordered"] is OrderedDict
    assert (list(found), len(found), "ordered" in found, "other" in found) == (["ordered"], 1, True, False)
    with pytest.raises(KeyError):
        found["other"]


def test_looking_at_names_imports_nothing(add, plugin):
    add(added="toy_plugin:Toy")
    plugin.write_text("raise AssertionError('imported')")
    found = toys(absent="no_such_module:Nothing")
    assert list(found) == ["ordered", "absent", "added"]
    assert len(found) == 3
    assert "absent" in found
    assert "added" in found
    assert "toy_plugin" not in sys.modules


def test_a_package_adds_by_entry_point(add, plugin):
    add(added="toy_plugin:Toy", inner="toy_plugin:Toy.Inner")
    plugin.write_text("class Toy:\n    class Inner: ...\n")
    found = toys()
    assert list(found) == ["ordered", "added", "inner"]
    assert found["added"].__name__ == "Toy"
    assert found["inner"].__qualname__ == "Toy.Inner"


def test_a_built_in_name_cannot_be_taken_over(add, plugin):
    add(ordered="toy_plugin:Toy")
    plugin.write_text("class Toy: ...\n")
    assert len(toys()) == 1
    assert toys()["ordered"].__module__ == "collections"


def test_a_registry_without_a_group_asks_no_package(monkeypatch):
    def asked(**_: str) -> None:
        raise AssertionError

    monkeypatch.setattr(metadata, "entry_points", asked)
    assert list(Registry("toy", {"one": "collections:OrderedDict"})) == ["one"]


@pytest.mark.parametrize(
    ("value", "text", "told"),
    [
        ("no_such_module_at_all:Toy", "", "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
        ("toy_plugin:Tyo", "class Toy: ...", "AttributeError: "),
        ("toy_plugin:Toy", "import no_such_module_at_all", "No module named 'no_such_module_at_all'"),
        ("toy_plugin:Toy", "class Toy(:", "SyntaxError: "),
        ("toy_plugin:Toy", "raise RuntimeError('needs\\nmore')", "RuntimeError: needs)"),
        ("toy_plugin:Toy", "1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_broken_plugin_gives_one_clear_line(add, plugin, value, text, told):
    add(broken=value)
    plugin.write_text(text)
    with pytest.raises(MultidigitError) as caught:
        toys()["broken"]
    message = str(caught.value)
    assert message.startswith(
        f"toy 'broken' cannot be imported from {value}, its entry point in an installed package ("
    )
    assert told in message
    assert message.endswith("repair or uninstall that package, or choose another toy")
    assert "\n" not in message


def test_a_fault_of_our_own_is_not_blamed_on_a_package(add):
    add()
    with pytest.raises(ImportError):
        toys(lost="no_such_module_at_all:Toy")["lost"]


def test_a_strategy_of_another_package_can_be_set_and_has_options(monkeypatch, plugin):
    plugin.write_text(
        "from multidigit.settings import Section\n"
        "from multidigit.strategies import Strategy\n"
        "class Toy(Strategy):\n"
        "    class Options(Section):\n"
        "        beam: int = 3\n"
    )
    point = metadata.EntryPoint("toy", "toy_plugin:Toy", "multidigit.strategies")
    monkeypatch.setitem(vars(STRATEGIES), "_added", {"toy": point})
    settings = validate({"strategy": "toy", "toy": {"beam": 5}})
    assert isinstance(settings, Settings)
    assert settings.options("toy") == {"beam": 5}
    with pytest.raises(SettingsError, match=r"file, line 7: unknown key 'toy\.beem'; did you mean 'beam'\?"):
        validate({"toy": {"beem": 5}}, "file", {"toy": 6, "toy.beem": 7})
    with pytest.raises(SettingsError, match=r"file, line 7: toy\.beam must .*received 'many'"):
        validate({"toy": {"beam": "many"}}, "file", {"toy": 6, "toy.beam": 7})


@pytest.mark.parametrize("registry", [SOURCES, BACKBONES], ids=["digits", "backbones"])
def test_every_built_in_name_can_be_imported(registry):
    assert len(registry) >= 2
    for name in registry:
        assert isinstance(registry[name], type)


def test_every_strategy_can_be_imported_and_is_one():
    assert {"heads", "sigmoid", "cut"} <= set(STRATEGIES)
    assert all(issubclass(STRATEGIES[name], Strategy) for name in STRATEGIES)
