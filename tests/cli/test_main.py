"""The command line as a whole: help, exit codes, what it imports."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from helpers import Called, Toys

from multidigit import runs
from multidigit.cli import COMMANDS, cli
from multidigit.strips.labelled import write_labelled
from multidigit.strips.stream import StripStream
from multidigit.version import __version__

HEAVY = {"tensorflow", "keras", "scipy", "matplotlib", "sklearn", "pandas"}
Call = Callable[..., Called]


CONTEXT = click.Context(cli, info_name="multidigit", **cli.context_settings)


def command(name: str) -> click.Command:
    found = cli.get_command(CONTEXT, name)
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


class TestHelp:
    @pytest.mark.parametrize("name", COMMANDS)
    def test_every_command_has_help_with_an_example_that_parses(self, name: str) -> None:
        found = command(name)
        assert (found.help or "").strip().splitlines()[0] == COMMANDS[name]
        example = re.fullmatch(rf"Example: multidigit {name} ?(.*)", found.epilog or "")
        assert example
        found.make_context(name, shlex.split(example[1]), parent=CONTEXT)

    @pytest.mark.parametrize("name", COMMANDS)
    def test_every_option_has_help_and_is_shown(self, name: str, call: Call) -> None:
        shown = call(name, "--help")
        assert (shown.code, shown.err) == (0, "")
        for parameter in command(name).params:
            if isinstance(parameter, click.Option):
                assert parameter.help, parameter.name
                assert parameter.opts[0] in shown.out
            else:
                assert parameter.make_metavar(CONTEXT).rstrip(".") in shown.out

    def test_all_commands_are_listed(self, call: Call) -> None:
        shown = call("--help")
        assert shown.code == 0
        for name, about in COMMANDS.items():
            assert re.search(rf"^  {name} +{re.escape(about[:40])}", shown.out, re.MULTILINE)
        assert list(COMMANDS) == cli.list_commands(CONTEXT)

    def test_the_version(self, call: Call, tmp_path: Path) -> None:
        assert call("--version").out == outside("--version", cwd=tmp_path).stdout
        assert __version__ in call("--version").out

    def test_shells_can_complete(self, tmp_path: Path) -> None:
        words = outside(cwd=tmp_path, _MULTIDIGIT_COMPLETE="bash_complete", COMP_WORDS="multidigit ex", COMP_CWORD="1")
        assert words.stdout.split() == ["plain,experiment", "plain,export"]


class TestExitCodes:
    @pytest.mark.parametrize(
        "arguments",
        [
            ["trian"],
            ["train", "--epoch-count", "3"],
            ["train", "--epochs", "many"],
            ["train", "--slots", "five"],
            ["predict"],
            ["predict", "a.png", "--json", "--jsonl"],
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
        result = call(*[run if argument == "RUN" else argument for argument in arguments])
        assert (result.code, result.out) == (2, "")
        assert "Error: " in result.err
        assert "Traceback" not in result.err
        assert list(home.iterdir()) == []

    def test_no_command_shows_the_help(self, call: Call) -> None:
        result = call()
        assert result.code == 2
        assert "Commands:" in result.out + result.err

    def test_a_bug_is_70_with_a_traceback(self, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail() -> None:
            raise ZeroDivisionError("ours")

        monkeypatch.setattr(runs, "environment", fail)
        result = call("info")
        assert result.code == 70
        assert "Traceback" in result.err
        assert "ZeroDivisionError: ours" in result.err
        assert "Please report it" in result.err

    @pytest.mark.parametrize("error", [PermissionError(13, "Permission denied", "runs"), OSError(28, "No space left")])
    def test_what_the_system_refuses_is_1(self, error: OSError, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail() -> None:
            raise error

        monkeypatch.setattr(runs, "environment", fail)
        result = call("info")
        assert result.code == 1
        assert result.err.startswith(f"multidigit: {error.filename or 'a file'}: {error.strerror}; ")
        assert result.err.count("\n") == 1

    def test_ctrl_c_is_130(self, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt() -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(runs, "environment", interrupt)
        result = call("info")
        assert (result.code, result.err.strip()) == (130, "multidigit: interrupted")

    def test_a_closed_pipe_is_no_bug(self, tmp_path: Path) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "multidigit", "info", "--json"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        errors = process.stderr.read()
        process.stderr.close()
        assert (process.wait(), errors) == (1, b"")


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
    "name", ["--help", "train --help", "predict", "evaluate", "evaluate --pictures", "info", "generate", "settings"]
)
def test_what_needs_no_tensorflow_never_loads_it(name: str, toys: Toys, tmp_path: Path) -> None:
    strips = StripStream(toys.settings()).fixed("test", 3)
    write_labelled(tmp_path / "strips", strips)
    if name.startswith("evaluate"):
        # Nothing of a Keras model: an exported run has none.
        shutil.copytree(toys.run().path, tmp_path / "reader")
    arguments = {
        "predict": ["predict", "--run", toys.run().path, tmp_path / "strips"],
        "evaluate": ["evaluate", "--run", tmp_path / "reader", "--strips", "20"],
        "evaluate --pictures": [
            "evaluate",
            "--run",
            tmp_path / "reader",
            "--pictures",
            tmp_path / "strips" / "labels.csv",
        ],
        "generate": ["generate", "--digits", toys.npz, "--sheet", tmp_path / "sheet.png"],
    }.get(name, name.split())
    found = tmp_path / "found.json"
    done = subprocess.run([sys.executable, "-c", LIGHT, found, *arguments], capture_output=True, text=True, check=False)
    result = json.loads(found.read_text())
    assert result["code"] == 0, done.stderr
    assert "multidigit" in result["modules"]
    # Measures of an evaluation have intervals, which scipy makes.
    allowed = {"scipy"} if name.startswith("evaluate") else set()
    assert HEAVY & set(result["modules"]) <= allowed
    if name.endswith("--help"):
        assert {"PIL", "rich", "ai_edge_litert"} & set(result["modules"]) == set()
