"""Hostile files through the commands: one plain line, nothing run, nothing read elsewhere, nothing waited for."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import Called, drawing, encoded, write_pictures

from multidigit.data.labels import read_labels
from multidigit.runs import CALIBRATION, CARD, ENVIRONMENT, LITERT_INT8, METRICS, SETTINGS, SHIPPED

Call = Callable[..., Called]
FORMULA = "=cmd|' calc'!A0.png"
ESCAPES = "\x1b[31m[red]\u202e\x9b.png"
HTML = "<img src=x onerror=alert(1)>.png"
LINES = "a\nmultidigit: all is well.png"
ALIASES = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + level)}: &{chr(98 + level)} [{','.join(['*' + chr(97 + level)] * 10)}]\n" for level in range(12)
)
"""Ten of ten of ten … values: a thousand billions in 600 bytes."""
needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes and devices")


def one_line(result: Called) -> str:
    """The line of an expected error, without the program's name, and printable."""
    assert (result.code, result.out) == (1, "")
    *_, line = result.err.splitlines()
    assert line.startswith("multidigit: ")
    assert line.isprintable()
    assert "Traceback" not in result.err
    return line.removeprefix("multidigit: ")


def hostile_run(path: Path, about: dict[str, Any] | None = None, **files: bytes) -> Path:
    """The shipped run with other parts, whose digests are right: who makes a run folder makes them, too."""
    shutil.copytree(SHIPPED, path)
    environment = json.loads((path / ENVIRONMENT).read_text())
    environment["about"] |= about or {}
    for name, data in files.items():
        (path / name).write_bytes(data)
        environment["parts"][name] = hashlib.sha256(data).hexdigest()
    (path / ENVIRONMENT).write_text(json.dumps(environment))
    return path


def change(path: Path, **changes: Any) -> None:
    environment = json.loads((path / ENVIRONMENT).read_text())
    (path / ENVIRONMENT).write_text(json.dumps(environment | changes))


class TestRuns:
    @pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "..", "", "sub/part"])
    def test_parts_lie_in_the_folder(self, name: str, call: Call, home: Path) -> None:
        run = hostile_run(home / "run")
        (home / "secret").write_text("mine")
        parts = json.loads((run / ENVIRONMENT).read_text())["parts"]
        change(run, parts={**parts, name: hashlib.sha256(b"mine").hexdigest()})
        assert "parts must be files in this folder" in one_line(call("predict", "--run", run, "a.png"))

    @needs_pipes
    def test_no_link_leads_out_of_the_folder(self, call: Call, home: Path) -> None:
        (home / "secret").write_text("mine")
        for name in (CARD, ENVIRONMENT):
            run = hostile_run(home / f"run-{name}", **{CARD: b"mine"})
            elsewhere = home / f"moved-{name}"
            (run / name).rename(elsewhere)
            (run / name).symlink_to(elsewhere)
            line = one_line(call("predict", "--run", run, "a.png"))
            assert f"{name} is a link out of this folder" in line

    @needs_pipes
    @pytest.mark.parametrize("name", [CARD, ENVIRONMENT])
    @pytest.mark.parametrize("kind", ["pipe", "device"])
    def test_pipes_and_devices_are_not_waited_for(self, name: str, kind: str, call: Call, home: Path) -> None:
        run = hostile_run(home / "runs" / "run")
        (run / name).unlink()
        if kind == "pipe":
            os.mkfifo(run / name)
        else:
            (run / name).symlink_to("/dev/zero")
        assert f"{name} is missing" in one_line(call("predict", "--run", run, "a.png"))
        assert call("info").code == 0

    @pytest.mark.parametrize(
        ("name", "data", "expected"),
        [
            (CALIBRATION, b"[" * 100_000, "nested too deeply"),
            (CALIBRATION, b'{"reader-int8.tflite": {"strips": 1' + b"0" * 5_000 + b"}}", "too many digits"),
            (
                CALIBRATION,
                b'{"reader-int8.tflite": {"strips": 1000000000000, "points": [[0.5, 1000000000000, 1]]}}',
                "must hold the temperature and the points of a calibration",
            ),
            (LITERT_INT8, b"TFL3" * 1_000, "LiteRT cannot load it"),
            (LITERT_INT8, b"", "LiteRT cannot load it"),
        ],
        ids=["deep", "digits", "strips", "no network", "empty network"],
    )
    def test_parts_that_hold_anything(self, name: str, data: bytes, expected: str, call: Call, home: Path) -> None:
        run = hostile_run(home / "run", **{name: data})
        (home / "a.png").write_bytes(encoded(drawing()))
        line = one_line(call("predict", "--run", run, "--at-least", "0.9", "a.png"))
        assert line.startswith(str(run))
        assert expected in line

    def test_settings_that_unfold_without_end(self, call: Call, home: Path) -> None:
        run = hostile_run(home / "run", **{SETTINGS: ALIASES.encode()})
        assert "more than 100,000 values, aliases counted" in one_line(call("evaluate", "--run", run))

    @pytest.mark.parametrize("slots", ["x", 10**30, 0, True, None, [1]])
    def test_slots_are_few(self, slots: object, call: Call, home: Path) -> None:
        run = hostile_run(home / "run", {"slots": slots})
        assert "expected `about.slots` from 1 to 12" in one_line(call("predict", "--run", run, "a.png"))

    @pytest.mark.parametrize("winner", ["../elsewhere", "/etc", "..", 5, None])
    def test_the_winner_stands_beside_the_others(self, winner: object, call: Call, home: Path) -> None:
        hostile_run(home / "elsewhere")
        hostile_run(home / "runs" / "trap" / "one", {"layout": "scene", "strategy": "the one beside"})
        (home / "runs" / "trap" / "results.json").write_text(json.dumps({"winner": winner}))
        (home / "a.png").write_bytes(encoded(drawing()))
        assert "the one beside" in call("predict", "--run", "runs/trap", "a.png").err

    def test_info_shows_names_and_faults_harmless(self, call: Call, home: Path) -> None:
        hostile_run(home / "runs" / "[red]a[x]\x1b[31m", {"strategy": "\x1b[31m[bold]\n"})
        hostile_run(home / "runs" / "measures", **{METRICS: b'{"test": {"sequence_accuracy": "x"}}'})
        result = call("info")
        assert result.code == 0
        assert all(line.isprintable() for line in result.out.splitlines())
        assert "[red]a[x]\\x1b[31m" in result.out
        assert re.search(r"metrics.json: training: ", result.out)
        assert "\x1b" not in call("info", "--json").out


class TestPictures:
    @pytest.fixture
    def folder(self, home: Path) -> Path:
        for name in (FORMULA, ESCAPES, LINES):
            (home / name).write_bytes(encoded(drawing()))
        (home / HTML).write_bytes(b"no picture")
        return home

    def test_names_are_no_formulas_and_come_back(self, folder: Path, call: Call, tmp_path: Path) -> None:
        call("predict", "--run", "shipped", ".", "--csv", "out.csv")
        with Path("out.csv").open(newline="", encoding="utf-8") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]
        assert f"'{FORMULA}" in cells
        # The program's own table names the same pictures again, when it is read as labels.
        assert {each.path.name for each in read_labels(Path("out.csv")).pictures} == {FORMULA, ESCAPES, LINES, HTML}

    def test_names_move_nothing_in_the_terminal(self, folder: Path, call: Call) -> None:
        result = call("predict", "--run", "shipped", ".")
        lines = [*result.out.splitlines(), *result.err.splitlines()]
        assert all(line.isprintable() for line in lines)
        assert not [line for line in lines if line.startswith("multidigit: all is well")]
        found = call("predict", "--run", "shipped", ".", "--json")
        assert all(line.isprintable() for line in found.out.splitlines())
        assert {reading["image_path"] for reading in found.json["readings"]} == {FORMULA, ESCAPES, LINES, HTML}

    def test_an_option_that_is_a_name(self, call: Call, home: Path) -> None:
        result = call("predict", "--\x1b[31mred")
        assert result.code == 2
        assert "\x1b" not in result.err

    def test_names_are_no_html_on_the_page_of_labels(self, call: Call, home: Path) -> None:
        texts = ["12345", "67890", "13579"]
        write_pictures(home, texts)
        name = f"<b onclick=alert(1)>{ESCAPES}"
        (home / "0.png").rename(home / name)
        Path("labels.csv").write_text(f"image_path,text\n{name},99\n1.png,67890\n2.png,<script>13579\n")
        result = call("check", "labels.csv", "--page", "page.html")
        page = Path("page.html").read_text()
        assert "&lt;b onclick" in page
        assert not re.search(r"<b onclick|<script>13579|[\x1b\u202e\x9b]", page)
        assert all(line.isprintable() for line in result.out.splitlines())

    @needs_pipes
    def test_a_table_may_name_a_pipe_or_a_device(self, call: Call, home: Path) -> None:
        os.mkfifo(home / "pipe.png")
        (home / "zero.png").symlink_to("/dev/zero")
        Path("labels.csv").write_text("image_path,text\npipe.png,1\nzero.png,2\n")
        result = call("check", "labels.csv", "--page", "page.html")
        assert result.code == 1
        assert "pipe.png: expected a picture file; received a pipe" in result.out
        assert "zero.png: expected a picture file; received a device" in result.out


@needs_pipes
@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--config", "PIPE"],
        ["train", "--digits", "PIPE"],
        ["experiment", "PIPE"],
        ["check", "PIPE"],
        ["evaluate", "--pictures", "PIPE"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("place", ["pipe", "/dev/zero"])
def test_no_command_waits_for_a_pipe_or_a_device(arguments: list[str], place: str, call: Call, home: Path) -> None:
    os.mkfifo(home / "pipe")
    line = one_line(call(*(place if argument == "PIPE" else argument for argument in arguments)))
    assert "it is a pipe or a device, not a file" in line


@pytest.mark.parametrize(
    ("arguments", "name", "text", "expected"),
    [
        (["train", "--config"], "a.yaml", ALIASES, "a.yaml, line 5: .*more than 100,000 values"),
        (["train", "--config"], "a.yaml", 'strategy: "\\e[31mheads[/]"', r"received '\\x1b\[31mheads\[/\]'"),
        (["train", "--config"], "a.yaml", 'slots: !!python/object/apply:os.system ["touch ran"]', "not valid YAML"),
        (["experiment"], "a.yaml", f"grid:\n  seed: '{'.' * 50_000} x'", "a.yaml, line 2: .*seed must be a list"),
        (["experiment"], "a.yaml", f"runs:\n- {{name: {'y' * 300}}}", "a run's name must have at most 200 bytes"),
        (["experiment"], "a.yaml", f"name: {'y' * 300}\nseeds: 1", "a.yaml, line 1: name must be a name"),
        (["check"], "a.csv", "image_path,text\n../secret.png,1\n", "leads out of"),
        (["check"], "a.csv", "image_path,text\n/etc/passwd,1\n", "leads out of"),
        (["check"], "a.csv", f"image_path,text\n{'x' * 200_000},1\n", "cannot be read as CSV"),
        (["check"], "a.csv", f"image_path,text\n{'x' * 100_000},1\n", "which cannot be one"),
        (["check"], "a.csv", "image_path,text\na\0b.png,1\n", "which cannot be one"),
        (["check"], "a.csv", "c," * 30_000 + "image_path,text\n" + "1\n" * 10_000, "line 2: expected a picture's path"),
        (["check"], "a.json", "[" * 100_000, "nested too deeply"),
        (["check"], "a.jsonl", "[" * 100_000, "nested too deeply"),
        (["check"], "a.jsonl", '{"image_path": "a.png", "text": 1' + "0" * 5_000 + "}", "too many digits"),
        (["predict", "--run", "shipped", "a.png", "--pattern"], "a.png", "", "must be simpler"),
    ],
    ids=lambda value: " ".join(value)[:20] if isinstance(value, list) else str(value)[:20],
)
def test_files_that_never_end_are_refused(
    arguments: list[str], name: str, text: str, expected: str, call: Call, home: Path
) -> None:
    Path(name).write_text(text)
    last = "(((([0-9]{1,12}){1,12}){1,12}){1,12}){1,12}" if "--pattern" in arguments else name
    line = one_line(call(*arguments, last))
    assert re.search(expected, line)
    assert len(line) < 2_100
    assert {path.name for path in home.iterdir()} == {name}


@needs_pipes
def test_labelling_adds_to_no_file_elsewhere(call: Call, home: Path) -> None:
    folder = home / "photographs"
    write_pictures(folder, ["12"])
    (folder / "labels.jsonl").symlink_to(home / "profile")
    assert "labels.jsonl: cannot be read and written (it is a link)" in one_line(call("label", folder, "--no-open"))
    assert not (home / "profile").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of memory are Linux's")
def test_bombs_of_every_kind_fit_in_little_memory(home: Path) -> None:
    """One process that may take 1.5 GB of addresses, most of them libraries, reads bombs that would take far more."""
    Path("a.yaml").write_text(ALIASES)
    Path("a.csv").write_text("c," * 30_000 + "image_path,text\n" + "1\n" * 10_000)
    with Path("sparse").open("wb") as file:
        file.truncate(10**13)
    program = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000, 1_500_000_000))
from pathlib import Path
from multidigit.data.labels import read_labels
from multidigit.digits.mnist import Mnist
from multidigit.errors import MultidigitError
from multidigit.pictures import load_picture
from multidigit.runs import read_json
from multidigit.settings import read_yaml
tried = [lambda: read_yaml(Path("a.yaml")), lambda: read_labels(Path("a.csv"))]
for read in (read_yaml, read_labels, read_json, load_picture, lambda path: Mnist(path).load("test", 0)):
    tried.append(lambda read=read: read(Path("sparse")))
for one in tried:
    try:
        one()
    except MultidigitError as error:
        print(type(error).__name__)
"""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **threads, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    expected = ["SettingsError", "DataError", "SettingsError", "DataError", "RunError", "PictureError", "DataError"]
    assert (done.stdout.split(), done.stderr) == (expected, "")
