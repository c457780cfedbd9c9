"""Registries: found by name, imported on first use, extended by installed packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from helpers import Toys
from PIL import Image

from multidigit.digits import SOURCES
from multidigit.digits.base import DigitSource
from multidigit.errors import MultidigitError
from multidigit.registry import BACKBONES, STRATEGIES, Registry
from multidigit.strategies import Backbone, Strategy

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


def registry(**built_in: str) -> Registry[object]:
    names = {"ordered": "collections:OrderedDict", **built_in}
    return Registry("toy", names, group="toys", base="collections:OrderedDict")


def test_what_is_built_in_is_found_by_name(add: Add) -> None:
    add()
    found = registry()
    assert found["ordered"] is OrderedDict
    assert (list(found), len(found), "ordered" in found, "other" in found) == (["ordered"], 1, True, False)
    with pytest.raises(KeyError):
        found["other"]


def test_looking_at_names_imports_nothing(add: Add, plugin: Path) -> None:
    add(added="toy_plugin:Toy")
    plugin.write_text("raise AssertionError('imported')")
    found = registry(absent="no_such_module:Nothing")
    assert list(found) == ["ordered", "absent", "added"]
    assert len(found) == 3
    assert "absent" in found
    assert "added" in found
    assert "toy_plugin" not in sys.modules


def test_a_package_adds_by_entry_point(add: Add, plugin: Path) -> None:
    add(added="toy_plugin:Toy", inner="toy_plugin:Toy.Inner")
    plugin.write_text(
        "from collections import OrderedDict\nclass Toy(OrderedDict):\n    class Inner(OrderedDict): ...\n"
    )
    found = registry()
    assert list(found) == ["ordered", "added", "inner"]
    assert [getattr(found[name], "__qualname__", "") for name in ("added", "inner")] == ["Toy", "Toy.Inner"]


def test_a_built_in_name_cannot_be_taken_over(add: Add, plugin: Path) -> None:
    add(ordered="toy_plugin:Toy")
    plugin.write_text("class Toy: ...\n")
    assert len(registry()) == 1
    assert registry()["ordered"] is OrderedDict


def test_a_registry_without_a_group_asks_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(**_: str) -> None:
        raise AssertionError

    monkeypatch.setattr(metadata, "entry_points", asked)
    assert list(Registry("toy", {"one": "collections:OrderedDict"})) == ["one"]


@pytest.mark.parametrize(
    ("value", "text", "reason"),
    [
        ("no_such_module_at_all:Toy", "", "cannot be imported: ModuleNotFoundError: No module named 'no_such_module"),
        ("toy_plugin:Tyo", "class Toy: ...", "cannot be imported: AttributeError: "),
        ("toy_plugin:Toy", "class Toy(:", "cannot be imported: SyntaxError: "),
        ("toy_plugin:Toy", "raise RuntimeError('needs\\nmore')", "cannot be imported: RuntimeError: needs;"),
        ("toy_plugin:Toy", "class Toy: ...", "must be a class derived from OrderedDict; received <class 'toy_plugin.T"),
        ("toy_plugin:Toy", "Toy = 3", "must be a class derived from OrderedDict; received 3;"),
    ],
)
def test_a_broken_entry_point_gives_one_clear_line(add: Add, plugin: Path, value: str, text: str, reason: str) -> None:
    add(broken=value)
    plugin.write_text(text)
    with pytest.raises(MultidigitError) as caught:
        registry()["broken"]
    message = str(caught.value)
    assert message.startswith(f"toy 'broken' ({value}, an entry point of ")
    assert reason in message
    assert message.endswith("; repair or uninstall that package, or choose another toy")
    assert "\n" not in message


def test_a_fault_of_our_own_is_not_blamed_on_a_package(add: Add) -> None:
    add()
    with pytest.raises(ImportError):
        registry(lost="no_such_module_at_all:Toy")["lost"]


@pytest.mark.parametrize(("kinds", "base"), [(SOURCES, DigitSource), (BACKBONES, Backbone), (STRATEGIES, Strategy)])
def test_every_built_in_name_can_be_imported(kinds: Registry[type], base: type) -> None:
    assert len(kinds) >= 3
    assert all(issubclass(kinds[name], base) for name in kinds)


PLUGIN = '''
from keras import layers

from multidigit import Backbone
from multidigit.strategies.base import Recipe
from multidigit.strategies.heads import Heads


class Toy(Heads):
    """Heads with an option of their own."""

    class Options(Heads.Options):
        depth: int = 1

    def training_model(self):
        if self.options.depth != 2:
            raise RuntimeError("the option did not arrive")
        return super().training_model()


class Small(Backbone):
    per_slot = False

    def features(self, pixels, slots):
        return layers.Flatten()(layers.AveragePooling2D(4)(pixels))

    def recipe(self, strategy):
        return Recipe(batch_size=16, optimizer="adam", learning_rate=0.01)
'''


class TestInstalledPackage:
    """A package that adds a strategy and a backbone."""

    @pytest.fixture
    def site(self, tmp_path: Path) -> Path:
        site = tmp_path / "site"
        about = site / "toy_package-1.0.dist-info"
        about.mkdir(parents=True)
        (site / "toy_package.py").write_text(PLUGIN)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-package\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(
            "[multidigit.strategies]\ntoy = toy_package:Toy\n[multidigit.backbones]\nsmall = toy_package:Small\n"
        )
        return site

    def call(self, site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "multidigit", *arguments],
            cwd=site.parent,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *sys.path])},
            capture_output=True,
            text=True,
            check=False,
        )

    def test_both_are_listed_trained_and_read_back(self, site: Path, toys: Toys) -> None:
        listed = self.call(site, "info", "--json")
        assert listed.returncode == 0, listed.stderr
        about = json.loads(listed.stdout)
        assert (about["strategies"], about["backbones"]) == ([*STRATEGIES, "toy"], [*BACKBONES, "small"])

        options = ("--strategy", "toy", *toys.options(), "--layout", "structured")
        trained = self.call(site, "train", *options, "--set", "backbone.name=small", "--set", "toy.depth=2")
        assert trained.returncode == 0, trained.stderr
        # Nothing of TensorFlow's own logs is let through.
        assert all(line.startswith("toy-structured") for line in trained.stderr.splitlines()), trained.stderr
        Image.fromarray(np.zeros((28, 140), np.uint8)).save(site.parent / "image.png")
        read = self.call(site, "predict", "image.png", "--json")
        assert read.returncode == 0, read.stderr
        assert "(toy (depth=2) on small, structured strips" in read.stderr
        assert len(json.loads(read.stdout)["readings"]) == 1

    def test_mistakes_are_named_in_one_line(self, site: Path) -> None:
        wrong = self.call(site, "train", "--strategy", "toy", "--set", "toy.dept=2")
        assert wrong.returncode == 1
        assert wrong.stderr == "multidigit: settings: unknown key 'toy.dept'; did you mean 'depth'?\n"

        (site / "toy_package.py").write_text("import no_such_module\n")
        for kind, options in (("strategy 'toy'", ["--strategy", "toy"]), ("backbone 'small'", ["--backbone", "small"])):
            broken = self.call(site, "train", *options)
            assert broken.returncode == 1
            *_, line = broken.stderr.splitlines()
            assert line.startswith(f"multidigit: {kind} (toy_package:")
            assert "an entry point of package toy-package) cannot be imported: ModuleNotFoundError" in line
            assert "Traceback" not in broken.stderr
