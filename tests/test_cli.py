"""The command line: help, exit codes, JSON, light imports, and the whole path from strips to numbers."""

from __future__ import annotations

import csv
import html
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from helpers import Called, Toys
from PIL import Image

from multidigit import runs, training
from multidigit.cli import COMMANDS, cli
from multidigit.cli.progress import Training
from multidigit.labels import CELL, WIDTH
from multidigit.version import __version__

HEAVY = {"tensorflow", "keras", "scipy", "matplotlib", "sklearn", "pandas"}
Call = Callable[..., Called]


def command(name: str) -> click.Command:
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    return found


def outside(*arguments: object, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """Calls the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "multidigit", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def written(toys: Toys, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve structured strips of toy digits as PNGs with their labels."""
    folder = tmp_path_factory.mktemp("written") / "strips"
    options = ["--count", "12", "--layout", "structured", "--digits", toys.npz, "--out", folder]
    done = outside("generate", *options)
    assert done.returncode == 0, done.stderr
    return folder


class TestHelp:
    @pytest.mark.parametrize("name", COMMANDS)
    def test_every_command_has_help_with_an_example_that_parses(self, name: str) -> None:
        found = command(name)
        assert (found.help or "").strip().splitlines()[0] == COMMANDS[name]
        example = re.fullmatch(rf"Example: multidigit {name} ?(.*)", found.epilog or "")
        assert example
        found.make_context(name, shlex.split(example[1]))

    @pytest.mark.parametrize("name", COMMANDS)
    def test_every_option_has_help_and_is_shown(self, name: str, call: Call) -> None:
        shown = call(name, "--help")
        assert shown.code == 0
        assert shown.err == ""
        for parameter in command(name).params:
            if isinstance(parameter, click.Option):
                assert parameter.help, parameter.name
                assert parameter.opts[0] in shown.out
            else:
                assert parameter.make_metavar(click.Context(cli)).rstrip(".") in shown.out

    def test_all_commands_are_listed(self, call: Call) -> None:
        shown = call("--help")
        assert shown.code == 0
        for name in COMMANDS:
            assert re.search(rf"^  {name} ", shown.out, re.MULTILINE)
        assert set(COMMANDS) == set(cli.list_commands(click.Context(cli)))

    def test_the_version_is_told(self, call: Call) -> None:
        assert call("--version").out == f"multidigit, version {__version__}\n"

    def test_the_module_is_the_same(self, home: Path) -> None:
        assert outside("--version", cwd=home).stdout == f"multidigit, version {__version__}\n"

    def test_shells_can_complete(self, home: Path) -> None:
        script = outside(cwd=home, _MULTIDIGIT_COMPLETE="bash_source")
        assert script.returncode == 0
        assert "_multidigit_completion" in script.stdout
        words = outside(cwd=home, _MULTIDIGIT_COMPLETE="bash_complete", COMP_WORDS="multidigit ex", COMP_CWORD="1")
        assert words.stdout.split() == ["plain,experiment", "plain,export"]


class TestExitCodes:
    @pytest.mark.parametrize(
        "arguments",
        [
            ["trian"],
            ["train", "--epoch-count", "3"],
            ["train", "--epochs", "many"],
            ["predict"],
            ["export", "--format", "pickle"],
            ["generate", "--count", "0"],
            ["experiment"],
            ["evaluate", "--pictures", "labels.csv", "--strips", "3", "--run", "RUN"],
            ["train", "--resume", "RUN", "--epochs", "3"],
        ],
        ids=" ".join,
    )
    def test_wrong_usage_is_2(self, arguments: list[str], toys: Toys, call: Call, home: Path) -> None:
        run = str(toys.run().path) if "RUN" in arguments else ""
        told = call(*[run if argument == "RUN" else argument for argument in arguments])
        assert told.code == 2
        assert told.out == ""
        assert "Error: " in told.err
        assert "Traceback" not in told.err
        assert list(home.iterdir()) == []

    def test_no_command_shows_the_help(self, call: Call) -> None:
        assert "Commands:" in (told := call()).out + told.err
        assert told.code == 2

    def test_a_fault_of_ours_is_70_with_a_traceback(self, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
        def fault() -> None:
            raise ZeroDivisionError("ours")

        monkeypatch.setattr(runs, "environment", fault)
        told = call("info")
        assert told.code == 70
        assert "Traceback" in told.err
        assert "ZeroDivisionError: ours" in told.err
        assert "Please report it" in told.err

    def test_ctrl_c_is_130(self, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt() -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(runs, "environment", interrupt)
        told = call("info")
        assert told.code == 130
        assert told.err.strip() == "multidigit: interrupted"

    def test_a_reader_that_has_gone_is_no_fault(self, home: Path) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "multidigit", "info", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        said = process.stderr.read()
        process.stderr.close()
        assert process.wait() == 1
        assert said == b""


def broken_run(toys: Toys, folder: Path, break_: Callable[[Path], None]) -> Path:
    shutil.copytree(toys.run().path, folder)
    break_(folder)
    return folder


def other_version(run: Path) -> None:
    path = run / "environment.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))


class TestBadInput:
    """One clear line, exit code 1, nothing half-written."""

    def refused(self, told: Called, pattern: str, home: Path, before: set[str]) -> None:
        assert told.code == 1
        assert told.out == ""
        *_, line = told.err.splitlines()
        assert line.startswith("multidigit: ")
        assert re.search(pattern, line), line
        assert "Traceback" not in told.err
        assert {path.name for path in home.rglob("*")} == before

    @pytest.mark.parametrize(
        ("arguments", "pattern"),
        [
            (["train", "--strategy", "head"], r"unknown strategy 'head'; did you mean 'heads'\?"),
            (["train", "--backbone", "compct"], r"unknown backbone 'compct'; did you mean 'compact'\?"),
            (["train", "--layout", "fre"], r"layout.*'fre'"),
            (["train", "--epochs", "-1"], r"train.epochs: .*-1"),
            (["train", "--minutes", "0"], r"train.minutes: .*0"),
            (["train", "--until", "97"], r"train.until: .*less than or equal to 1; received 97"),
            (["train", "--set", "train.batchsize=3"], r"unknown key 'train.batchsize'; did you mean 'batch_size'\?"),
            (["train", "--set", "train.batch_size"], r"--set train.batch_size: expected key=value"),
            (["train", "--config", "none.yaml"], r"none.yaml: no such file"),
            (["train", "--config", "typo.yaml"], r"typo.yaml, line 2: unknown key 'train.epoch'; did you mean"),
            (["train", "--config", "type.yaml"], r"type.yaml, line 1: seed: .*'one'"),
            (["experiment", "typo.yaml"], r"typo.yaml, line 1: unknown key 'train'"),
            (["experiment", "none.yaml"], r"none.yaml: no such file"),
            (["compare", "--strategy", "heads"], r"a comparison needs at least two strategies"),
            (["compare", "--strategy", "heads", "--strategy", "cuts"], r"unknown strategy 'cuts'; did you mean 'cut'"),
            (["compare", "--sweep", "layout.gap"], r"--sweep layout.gap: expected KEY=LOW..HIGH, as in"),
            (["compare", "--sweep", "layout.gab=0..3"], r"--sweep: unknown key 'layout.gab'; did you mean 'gap'\?"),
            (["compare", "--sweep", "layout.gap=0..3", "--layout", "structured"], r"gap: structured strips have none"),
            (["train", "--digits", "none.npz"], r"none.npz: no such file or folder"),
            (["train", "--digits", "mnits"], r"unknown digit source 'mnits'; did you mean 'mnist'\?"),
            (["train", "--digits", "keys.npz"], r"keys.npz: expected .*missing y_train, x_test, y_test"),
            (["train", "--digits", "labels.npz"], r"labels.npz: .*expected labels from 0 to 9; received 0 to 12"),
            (["generate", "--digits", "text.npz"], r"text.npz: expected an .npz file"),
            (["train", "--out", "taken"], r"taken: exists already; name another folder with --out, or remove it"),
            (["train", "--out", "text.npz/run"], r"text.npz/run: cannot be written"),
            (["compare", "--quick", "--out", "text.npz"], r"text.npz: is a file, not a folder; name another folder"),
            (["generate", "--out", "taken"], r"taken: exists already"),
            (["generate", "--out", "text.npz/strips"], r"text.npz/strips: cannot be written"),
            (["generate", "--sheet", "text.npz/sheet.png"], r"text.npz/sheet.png: cannot be written"),
            (["predict", "--run", "none", "a.png"], r"none: no such run folder"),
            (["predict", "--run", "taken", "a.png"], r"taken: not a run folder: environment.json is missing"),
            (["evaluate", "--run", "none"], r"none: no such run folder"),
            (["train", "--resume", "none"], r"none: no such run folder"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )  # fmt: skip
    def test_is_told_in_one_line(self, arguments: list[str], pattern: str, toys: Toys, call: Call, home: Path) -> None:
        (home / "typo.yaml").write_text("train:\n  epoch: 3\n")
        (home / "type.yaml").write_text("seed: one\n")
        (home / "text.npz").write_text("text")
        (home / "taken").mkdir()
        images = np.zeros((20, CELL, CELL), np.uint8)
        labels = np.arange(20, dtype=np.uint8)
        np.savez(home / "keys.npz", x_train=images)
        np.savez(home / "labels.npz", x_train=images[:13], y_train=labels[:13], x_test=images, y_test=labels % 10)
        before = {path.name for path in home.rglob("*")}
        toy = arguments[0] in ("train", "generate", "compare") and "--digits" not in arguments
        self.refused(call(*arguments, *(["--digits", toys.npz] if toy else [])), pattern, home, before)

    @pytest.mark.parametrize(
        ("break_", "pattern"),
        [
            (
                lambda run: (run / "reader.tflite").unlink(),
                r"reader.tflite is missing from this run; restore it or train",
            ),
            (lambda run: (run / "metrics.json").unlink(), r"metrics.json is missing from this run"),
            (lambda run: (run / "reader.tflite").write_bytes(b"no"), r"reader.tflite is not the one that this run was"),
            (lambda run: (run / "environment.json").write_text("{"), r"environment.json: not valid JSON"),
            (other_version, r"a run of format 99 .*which reads format 1; train it again"),
        ],
        ids=["part missing", "measures missing", "part changed", "not JSON", "another version"],
    )
    def test_damaged_runs_are_told(
        self, break_: Callable[[Path], None], pattern: str, toys: Toys, call: Call, home: Path
    ) -> None:
        broken_run(toys, home / "runs" / "bad", break_)
        before = {path.name for path in home.rglob("*")}
        for name in (["predict", "a.png"], ["evaluate"], ["export"]):
            self.refused(call(*name), pattern, home, before)
        # The list of runs shows the fault and goes on.
        (listed,) = [run for run in call("info", "--json").json["runs"] if run["run"] != "shipped"]
        assert re.search(pattern, listed["state"])

    def test_bad_pictures_are_told_and_the_others_read(self, toys: Toys, written: Path, call: Call, home: Path) -> None:
        good = written / "00.png"
        (home / "empty.png").write_bytes(b"")
        (home / "cut.png").write_bytes(good.read_bytes()[:70])
        (home / "text.png").write_text("no picture")
        Image.new("1", (12_000, 12_000)).save(home / "huge.png")
        (home / "no-pictures").mkdir()
        bad = ["empty.png", "cut.png", "text.png", "huge.png", "missing.png", "no-pictures"]
        told = call("predict", "--run", toys.run().path, *bad, good, "--json")
        assert told.code == 1
        assert [reading["image_path"] for reading in told.json["readings"]] == [str(good)]
        for name in bad:
            assert len(re.findall(rf"^multidigit: {name}: .+", told.err, re.MULTILINE)) == 1
        assert told.err.endswith("multidigit: 6 of 7 could not be read\n")
        assert "Traceback" not in told.err

    def test_a_broken_bargain_of_files_leaves_none(self, toys: Toys, call: Call, home: Path) -> None:
        (home / "reader.tflite").write_text("mine")
        told = call("export", "--run", toys.run().path)
        assert told.code == 1
        assert "reader.tflite: exists already; name another file with --out, or replace it with --force" in told.err
        assert (home / "reader.tflite").read_text() == "mine"


LIGHT = """
import json, sys
from multidigit.cli import main
try:
    main(sys.argv[2:])
except SystemExit as left:
    code = left.code
with open(sys.argv[1], "w") as file:
    json.dump({"code": code, "modules": sorted({name.partition(".")[0] for name in sys.modules})}, file)
"""


@pytest.mark.parametrize(
    "name", ["--help", "train --help", "predict", "evaluate", "evaluate --pictures", "info", "generate"]
)
def test_what_needs_no_tensorflow_never_loads_it(name: str, toys: Toys, written: Path, home: Path) -> None:
    run = toys.run().path
    arguments = {
        "predict": ["predict", "--run", run, written / "00.png"],
        "evaluate": ["evaluate", "--run", home / "reader"],
        "evaluate --pictures": ["evaluate", "--run", home / "reader", "--pictures", written / "labels.csv"],
        "info": ["info"],
        "generate": ["generate", "--digits", toys.npz, "--sheet", home / "sheet.png"],
    }.get(name, name.split())
    if name.startswith("evaluate"):
        shutil.copytree(toys.run().path, home / "reader")
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, home / "told.json", *arguments], capture_output=True, text=True, check=False
    )
    told = json.loads((home / "told.json").read_text())
    assert told["code"] == 0, done.stderr
    assert "multidigit" in told["modules"]
    assert HEAVY & set(told["modules"]) == set()
    if name.endswith("--help"):
        assert {"PIL", "rich", "ai_edge_litert"} & set(told["modules"]) == set()


class TestWholePath:
    def test_what_is_generated_is_read_back(self, toys: Toys, written: Path, call: Call, home: Path) -> None:
        with (written / "labels.csv").open(newline="") as file:
            truth = {row["image_path"]: row["text"] for row in csv.DictReader(file)}
        assert len(truth) == 12
        assert sorted(truth) == sorted(path.name for path in written.glob("*.png"))

        assert call("predict", "--run", toys.run().path, written, "--csv", home / "numbers.csv").code == 0
        told = call("predict", "--run", toys.run().path, written)
        assert told.code == 0
        assert told.err == f"reading with {toys.run().described}, float\n"
        read = dict(
            re.findall(r"^.*/(\d+\.png): (\d+|no digits found) \(confidence [01]\.\d{3}\)$", told.out, re.MULTILINE)
        )
        assert len(read) == 12
        assert sum(read[name] == text for name, text in truth.items()) >= 11

        with (home / "numbers.csv").open(newline="") as file:
            table = list(csv.DictReader(file))
        assert list(table[0]) == ["image_path", "text", "confidence"]
        assert {Path(row["image_path"]).name: row["text"] for row in table} == read

        found = call("predict", "--run", toys.run().path, written, "--json").json["readings"]
        assert [Path(reading["image_path"]).name for reading in found] == sorted(truth)
        assert {Path(reading["image_path"]).name: reading["text"] for reading in found} == read
        assert all(0 < reading["confidence"] <= min(reading["digits"]) <= 1 for reading in found)

        measured = call("evaluate", "--run", toys.run().path, "--pictures", written / "labels.csv", "--json").json
        assert measured["strips"] == 12
        assert measured["sequence_accuracy"] == pytest.approx(sum(read[n] == t for n, t in truth.items()) / 12)

    def test_a_picture_without_digits_is_said_to_have_none(self, toys: Toys, call: Call, home: Path) -> None:
        Image.fromarray(np.zeros((CELL, WIDTH), np.uint8)).save(home / "black.png")
        told = call("predict", "--run", toys.run("cut").path, "black.png")
        assert told.out.startswith("black.png: no digits found (best guess ")

    def test_generate_can_only_draw_a_sheet(self, toys: Toys, call: Call, home: Path) -> None:
        told = call("generate", "--digits", toys.npz, "--sheet", "sheet.png", "--json")
        assert told.json == {"count": 20, "folder": None, "sheet": "sheet.png"}
        assert [path.name for path in home.iterdir()] == ["sheet.png"]
        assert Image.open("sheet.png").size[0] > 2 * WIDTH

    def test_train_tells_how_far_it_is_and_predict_takes_the_newest(
        self, toys: Toys, written: Path, call: Call, home: Path
    ) -> None:
        result = call("train", "--strategy", "cut", *toys.options(), "--layout", "structured", "--json")
        assert result.code == 0
        lines = result.err.splitlines()
        assert all(line.startswith("cut-structured: ") for line in lines)
        epochs = [line for line in lines if " epoch " in line]
        assert len(epochs) == 3
        assert re.fullmatch(
            r"cut-structured: epoch 1, 64 strips in \d+ s, validation: [\d.]+% of the digits, [\d.]+% of the numbers.*",
            epochs[0],
        )
        row = result.json
        assert (row["strategy"], row["finished"], row["training_strips"]) == ("cut", True, 192)
        assert re.fullmatch(r"runs/cut-structured-\d{8}-\d{6}", row["folder"])
        newest = call("predict", written / "00.png")
        assert newest.err.startswith(f"reading with {row['folder']} (cut on compact, structured strips of ")
        told = call("info", "--json").json
        assert [(run["run"], run["state"]) for run in told["runs"] if run["run"] != "shipped"] == [
            (row["folder"], "finished")
        ]
        assert row["folder"] in call("info").out

    def test_train_stops_when_it_is_good_enough_or_says_that_it_is_not(
        self, toys: Toys, call: Call, home: Path
    ) -> None:
        asked = ["train", "--strategy", "cut", *toys.options(), "--layout", "structured", "--json"]
        done = call(*asked, "--until", "0.2", "--set", "train.strips=1600", "--set", "train.epochs=4")
        assert done.json["training_strips"] in (1600, 3200)
        assert "not reached" not in done.err
        short = call(*asked, "--until", "1")
        assert short.code == 0
        assert re.search(r"--until 100\.00% was not reached: [\d.]+% of the validation numbers", short.err)

    def test_train_can_be_broken_off_and_gone_on_with(
        self, toys: Toys, call: Call, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(self: Training, name: str, progress: Any) -> None:
            if progress.strips == 32 and progress.epoch is None:
                raise KeyboardInterrupt

        monkeypatch.setattr(Training, "_tell", interrupt)
        options = [*toys.options(), "--epochs", "1", "--set", "train.epochs=1", "--layout", "structured"]
        told = call("train", *options, "--out", "mine", "--json")
        monkeypatch.undo()
        monkeypatch.chdir(home)
        assert told.code == 130
        assert told.json["finished"] is False
        assert told.err.endswith("interrupted; to go on: multidigit train --resume mine\n")
        done = call("train", "--resume", "mine", "--json")
        assert done.code == 0, done.err
        assert (done.json["finished"], done.json["training_strips"]) == (True, 64)
        again = call("train", "--resume", "mine")
        assert again.code == 1
        assert "mine: this run is finished" in again.err

    def test_evaluate_measures_a_run_again_or_on_other_strips(self, toys: Toys, call: Call, home: Path) -> None:
        run = toys.run()
        own = call("evaluate", "--run", run.path, "--json").json
        assert own["sequence_accuracy"] == run.metrics["test"]["sequence_accuracy"]
        assert own["strips"] == 300
        other = call("evaluate", "--run", run.path, "--strips", "50", "--seed", "9", "--json").json
        assert other["strips"] == 50
        shown = call("evaluate", "--run", run.path)
        assert f"on 300 structured strips of {toys.npz} digits" in shown.out
        assert f"{own['sequence_accuracy']:.2%} (95 % interval" in shown.out

    def test_export_writes_a_file_or_a_folder(self, toys: Toys, call: Call, home: Path) -> None:
        run = toys.run()
        told = call("export", "--run", run.path, "--json").json
        assert (told["file"], told["format"], told["changed"]) == ("reader.tflite", "float", 0)
        assert (home / "reader.tflite").stat().st_size == told["bytes"]
        shown = call("export", "--run", run.path, "--force")
        assert shown.out.startswith(f"reader.tflite: {told['bytes'] / 1000:,.0f} kB, float; ")
        folder = call("export", "--run", run.path, "--format", "run", "--json")
        assert (folder.json["folder"], folder.json["format"]) == ("reader", "run")
        parts = {"calibration.json", "card.md", "metrics.json", "reader.tflite", "settings.yaml"}
        assert parts <= set(folder.json["parts"]) <= {*parts, "reader-int8.tflite"}
        assert {path.name for path in (home / "reader").iterdir()} == {*folder.json["parts"], "environment.json"}
        again = call("export", "--run", "reader", "--format", "run", "--out", "copy", "--json").json
        assert again["parts"] == folder.json["parts"]
        refused = call("export", "--run", "reader", "--out", "other.tflite")
        assert refused.code == 1
        assert "reader: this run has no model.keras" in refused.err

    def test_compare_says_who_wins_on_each_layout(self, toys: Toys, call: Call, home: Path) -> None:
        asked = ["compare", *toys.options(), "--strategy", "heads", "--strategy", "cut", "--out", "out"]
        told = call(*asked)
        assert told.code == 0, told.err
        out = home / "out"
        results = json.loads((out / "results.json").read_text())
        results["verdict"] = call(*asked, "--json").json["verdict"]
        names = [row["run"] for row in results["rows"]]
        assert names == [
            f"{strategy}-{layout}-seed0" for layout in ("structured", "free") for strategy in ("heads", "cut")
        ]
        # The same strips for all, as many as asked for, not the command's own budget.
        assert {row["training_strips"] for row in results["rows"]} == {192}
        assert [pair["layout"] for pair in results["pairs"]] == ["structured", "free"]
        assert [said.split(" strips ")[0] for said in results["verdict"]] == ["On structured", "On free"]
        for said in results["verdict"]:
            assert re.search(r"wins: |it is unresolved: ", said)
            assert said in told.out
        assert results["winner"] in names[2:]

        report = (out / "report.md").read_text()
        assert all(said in report for said in results["verdict"])
        page = html.unescape((out / "report.html").read_text("utf-8"))
        assert all(part in page for said in results["verdict"] for part in said.partition(". ")[::2])
        # Pictures are read with the winner.
        Image.fromarray(np.zeros((CELL, WIDTH), np.uint8)).save(home / "image.png")
        assert f"reading with out/{results['winner']} (" in call("predict", "--run", "out", "image.png").err
        # Both strategies of a layout are ready to read it together.
        assert "multidigit predict --panel --run out image.png" in told.out
        kept = (out / "panel.json").read_bytes()
        assert "the panel of out (" in call("predict", "--panel", "image.png", "--run", "out").err
        assert (out / "panel.json").read_bytes() == kept
        # Asked again, nothing is trained; the answer is the same.
        again = call(*asked, "--json")
        assert again.err == ""
        assert again.json == {"folder": "out", **results}

    def test_compare_says_where_the_lead_changes_along_a_sweep(self, toys: Toys, call: Call, home: Path) -> None:
        asked = ["compare", *toys.options(), "--strategy", "heads", "--strategy", "cut", "--out", "out"]
        told = call(*asked, "--sweep", "layout.shift=[0, 2, 4]")
        assert told.code == 0, told.err
        results = json.loads((home / "out" / "results.json").read_text())
        results["verdict"] = call(*asked, "--sweep", "layout.shift=[0, 2, 4]", "--json").json["verdict"]
        assert results["about"] == "Which strategy reads best as layout.shift changes?"
        # On the layout that looks at shifts whatever else is set.
        assert [row["run"] for row in results["rows"]] == [
            f"{strategy}-structured-shift{shift}-seed0" for shift in (0, 2, 4) for strategy in ("heads", "cut")
        ]
        (crossing,) = results["crossovers"]
        assert {crossing["one"], crossing["two"]} == {"heads", "cut"}
        assert crossing["values"] == [[0, 0], [-2, 2], [-4, 4]]
        (said,) = results["verdict"]
        assert said.startswith("From layout.shift 0 to ±4 on structured strips: ")
        assert said in told.out
        page = html.unescape((home / "out" / "report.html").read_text("utf-8"))
        assert '<section id="crossover">' in page
        assert "Numbers right on structured strips against layout.shift: heads 0: " in page
        assert "## Where the lead changes" in (home / "out" / "report.md").read_text()
        # Asked again, nothing is trained; the answer is the same.
        again = call(*asked, "--sweep", "layout.shift=[0, 2, 4]", "--json")
        assert again.err == ""
        assert again.json == {"folder": "out", **results}

    def test_compares_help_says_how_to_sweep(self, call: Call) -> None:
        told = " ".join(call("compare", "--help").out.split())
        assert "--sweep KEY=LOW..HIGH" in told
        assert "layout.gap=-3..12" in told
        assert "in a sweep those that it concerns" in told


@pytest.mark.parametrize(
    ("options", "epochs", "strips"),
    [
        ([], 3, 10_000),
        (["--quick"], 1, 6_000),
        (["--epochs", "5"], 5, 10_000),
        (["--quick", "--strips", "7"], 1, 7),
        (["--config", "mine.yaml"], 4, 10_000),
        (["--config", "mine.yaml", "--epochs", "6", "--set", "train.strips=9"], 6, 9),
    ],
)
def test_compares_budget_gives_way_to_what_is_asked_for(
    options: list[str], epochs: int, strips: int, call: Call, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def look(settings: Any, *_: object, **__: object) -> None:
        seen.append(settings.train)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", look)
    (home / "mine.yaml").write_text("train: {epochs: 4}\n")
    told = call("compare", *options)
    assert told.code == 130
    assert {(train.epochs, train.strips) for train in seen} == {(epochs, strips)}
