"""Bad input is one clear line and exit code 1, and nothing is half-written."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import Called, Toys
from PIL import Image

from multidigit.labels import CELL
from multidigit.strips.stream import StripStream

Call = Callable[..., Called]


def refused(result: Called, pattern: str, home: Path, before: set[str]) -> None:
    assert (result.code, result.out) == (1, "")
    *_, line = result.err.splitlines()
    assert line.startswith("multidigit: ")
    assert re.search(pattern, line), line
    assert "Traceback" not in result.err
    assert {path.name for path in home.rglob("*")} == before


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (["train", "--strategy", "head"], r"strategy must be .*'head'; did you mean 'heads'\?"),
        (["train", "--backbone", "compct"], r"backbone.name must be .*'compct'; did you mean 'compact'\?"),
        (["train", "--layout", "fre"], r"layout.name must be .*'fre'"),
        (["train", "--slots", "0"], r"slots must be .* 1 to 12; received 0"),
        (["train", "--slots", "13"], r"slots must be .* 1 to 12; received 13"),
        (["train", "--set", "slots=five"], r"slots must be .* 1 to 12; received 'five'"),
        (
            ["generate", "--slots", "3", "--set", "layout.length=4"],
            r"layout.length must .*slots \(3\); received \[4, 4\]",
        ),
        (["train", "--epochs", "-1"], r"train.epochs must .*-1"),
        (["train", "--minutes", "0"], r"train.minutes must .*0"),
        (["train", "--until", "97"], r"train.until must .*97"),
        (["train", "--set", "layout.gp=3"], r"unknown key 'layout.gp'; did you mean 'gap'\?"),
        (["train", "--set", "train.batch_size"], r"--set train.batch_size: expected key=value"),
        (["train", "--config", "none.yaml"], r"none.yaml: no such file"),
        (["train", "--config", "typo.yaml"], r"typo.yaml, line 2: unknown key 'train.epoch'; did you mean"),
        (["train", "--config", "slots.yaml"], r"slots.yaml, line 2: slots must .*'five'"),
        (["experiment", "typo.yaml"], r"typo.yaml, line 1: unknown key 'train'"),
        (["experiment", "none.yaml"], r"none.yaml: no such file"),
        (["compare", "--strategy", "heads"], r"a comparison needs at least two strategies"),
        (["compare", "--strategy", "heads", "--strategy", "cuts"], r"strategy must .*'cuts'; did you mean 'cut'"),
        (["compare", "--sweep", "layout.gap"], r"--sweep must be KEY=LOW..HIGH.*received 'layout.gap'"),
        (["compare", "--sweep", "layout.gab=0..3"], r"--sweep: unknown key 'layout.gab'; did you mean 'gap'\?"),
        (["compare", "--sweep", "layout.gap=0..3", "--layout", "structured"], r"gap: structured strips have none"),
        (["train", "--digits", "none.npz"], r"none.npz: no such file or folder"),
        (["train", "--digits", "mnits"], r"unknown digit source 'mnits'; did you mean 'mnist'\?"),
        (["train", "--digits", "keys.npz"], r"keys.npz: .*y_train, x_test, y_test"),
        (["train", "--digits", "labels.npz"], r"labels.npz: .*0 to 9.*received 0 to 12"),
        (["generate", "--digits", "text.npz"], r"text.npz: expected an .npz file"),
        (["train", "--out", "taken"], r"taken: exists already"),
        (["train", "--out", "text.npz/run"], r"text.npz/run: cannot be written"),
        (["compare", "--quick", "--out", "text.npz"], r"text.npz: is a file, not a folder"),
        (["generate", "--out", "taken"], r"taken: exists already"),
        (["generate", "--out", "text.npz/strips"], r"text.npz/strips: cannot be written"),
        (["generate", "--sheet", "text.npz/sheet.png"], r"text.npz/sheet.png: cannot be written"),
        (["predict", "--run", "none", "a.png"], r"none: no such run folder"),
        (["predict", "--run", "taken", "a.png"], r"taken: not a run folder"),
        (["evaluate", "--run", "none"], r"none: no such run folder"),
        (["train", "--resume", "none"], r"none: no such run folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_is_refused_in_one_line(arguments: list[str], pattern: str, toys: Toys, call: Call, home: Path) -> None:
    (home / "typo.yaml").write_text("train:\n  epoch: 3\n")
    (home / "slots.yaml").write_text("seed: 1\nslots: five\n")
    (home / "text.npz").write_text("text")
    (home / "taken").mkdir()
    images = np.zeros((20, CELL, CELL), np.uint8)
    labels = np.arange(20, dtype=np.uint8)
    np.savez(home / "keys.npz", x_train=images)
    np.savez(home / "labels.npz", x_train=images[:13], y_train=labels[:13], x_test=images, y_test=labels % 10)
    before = {path.name for path in home.rglob("*")}
    toy = arguments[0] in ("train", "generate", "compare") and "--digits" not in arguments
    refused(call(*arguments, *(["--digits", toys.npz] if toy else [])), pattern, home, before)


def of_another_version(run: Path) -> None:
    path = run / "environment.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))


@pytest.mark.parametrize(
    ("damage", "pattern"),
    [
        (lambda run: (run / "reader.tflite").unlink(), r"reader.tflite is missing from this run"),
        (lambda run: (run / "metrics.json").unlink(), r"metrics.json is missing from this run"),
        (lambda run: (run / "reader.tflite").write_bytes(b"no"), r"reader.tflite is not the one"),
        (lambda run: (run / "environment.json").write_text("{"), r"environment.json: not valid JSON"),
        (of_another_version, r"a run of format 99 .*which reads format 1; train it again"),
    ],
    ids=["part missing", "measures missing", "part changed", "not JSON", "another version"],
)
def test_damaged_runs_are_refused(
    damage: Callable[[Path], None], pattern: str, toys: Toys, call: Call, home: Path
) -> None:
    shutil.copytree(toys.run().path, home / "runs" / "bad")
    damage(home / "runs" / "bad")
    before = {path.name for path in home.rglob("*")}
    for arguments in (["predict", "a.png"], ["evaluate"], ["export"]):
        refused(call(*arguments), pattern, home, before)
    # The list of runs shows what is wrong with it.
    (listed,) = [run for run in call("info", "--json").json["runs"] if run["run"] != "shipped"]
    assert re.search(pattern, listed["state"])


def test_an_installed_package_that_cannot_be_imported_is_one_line(toys: Toys, home: Path) -> None:
    package = home / "broken-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    points = (
        "[multidigit.strategies]\nworse = no_such_module:Worse\n[multidigit.backbones]\nthin = no_such_module:Thin\n"
    )
    (package / "entry_points.txt").write_text(points)
    path = os.pathsep.join([str(home), os.environ.get("PYTHONPATH", "")])

    def outside(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "multidigit", *arguments]
        env = {**os.environ, "PYTHONPATH": path}
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    for option, name in (("--strategy", "worse"), ("--backbone", "thin")):
        result = outside("train", option, name, "--digits", str(toys.npz))
        assert (result.returncode, result.stdout) == (1, "")
        assert re.fullmatch(rf"multidigit: .*'{name}' .*cannot be imported.*\n", result.stderr)
    assert not (home / "runs").exists()
    # Everything else can still be listed.
    result = outside("settings")
    assert result.returncode == 0
    assert re.search(r"^worse:\n +Options of the strategy worse; not available: ", result.stdout, re.MULTILINE)
    assert "cut.cutter = equal" in result.stdout


def test_bad_pictures_are_reported_and_the_others_read(toys: Toys, call: Call, home: Path) -> None:
    good = home / "good.png"
    Image.fromarray(StripStream(toys.settings()).fixed("test", 1).images[0]).save(good)
    (home / "empty.png").write_bytes(b"")
    (home / "cut.png").write_bytes(good.read_bytes()[:70])
    (home / "text.png").write_text("no picture")
    Image.new("1", (12_000, 12_000)).save(home / "huge.png")
    (home / "no-pictures").mkdir()
    bad = ["empty.png", "cut.png", "text.png", "huge.png", "missing.png", "no-pictures"]
    result = call("predict", "--run", toys.run().path, *bad, good, "--json")
    assert result.code == 1
    readings = result.json["readings"]
    assert [reading["image_path"] for reading in readings] == [*bad, str(good)]
    assert ["error" in reading for reading in readings] == [True] * 6 + [False]
    for name in bad:
        assert len(re.findall(rf"^multidigit: {name}: .+", result.err, re.MULTILINE)) == 1
    assert result.err.endswith("multidigit: 6 of 7 could not be read\n")
    assert "Traceback" not in result.err


def test_a_file_that_exists_is_not_replaced(toys: Toys, call: Call, home: Path) -> None:
    (home / "reader.tflite").write_text("mine")
    result = call("export", "--run", toys.run().path)
    assert result.code == 1
    assert re.search(r"reader.tflite: exists already; .*--out.*--force", result.err)
    assert (home / "reader.tflite").read_text() == "mine"
