"""The networks that come with the package, trained in stages that end and go on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from multidigit import pretraining
from multidigit.reading.reader import Reader
from multidigit.runs import FINDER, FINDER_INT8, open_run
from multidigit.settings import read_yaml, to_yaml, validate

TINY = {
    "backbone": {"name": "residual", "width": 0.25},
    "slots": 3,
    "evaluation": {"validation_strips": 30, "test_strips": 30},
}


def call(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        pretraining.main([str(argument) for argument in arguments])
    assert isinstance(left.value.code, int)
    return left.value.code


def test_help_names_the_stages(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--help") == 0
    assert "finder, reader, finish" in capsys.readouterr().out


@pytest.mark.parametrize("asked", [["nothing"], [], ["finder", "--minutes", "0"], ["reader", "--workers", "none"]])
def test_wrong_usage(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert call(*asked) == 2
    assert "Usage: python -m multidigit.pretraining" in capsys.readouterr().err


def test_the_last_stage_needs_those_before_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("finish", "--out", tmp_path / "out") == 1
    assert "the stage finder is not complete; run it first" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_complete_stage_is_not_done_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = {"step": 3, "seconds": 60.0, "pictures": 12, "complete": True}
    (tmp_path / "finder.json").write_text(json.dumps(state))
    (tmp_path / "finder.weights.h5").write_text("weights")
    assert call("finder", "--out", tmp_path) == 0
    assert "finder: complete" in capsys.readouterr().err
    assert (tmp_path / "finder.weights.h5").read_text() == "weights"


def test_the_recipe_is_a_settings_file() -> None:
    settings = validate(read_yaml(pretraining.RECIPE)[0])
    assert (settings.layout.name, settings.slots, settings.backbone.name) == ("scene", 8, "residual")


@pytest.mark.slow
def test_stages_are_interrupted_go_on_and_make_a_run_that_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = [sys.executable, "-m", "multidigit.pretraining", "finder", "--batch", "2", "--workers", "1"]
    with subprocess.Popen([*program, "--minutes", "9", "--out", tmp_path], stderr=subprocess.PIPE, text=True) as going:
        assert going.stderr
        assert going.stderr.readline().startswith("finder: trains on ")
        assert "step 5" in going.stderr.readline()
        going.send_signal(signal.SIGINT)
        rest = going.stderr.read()
        assert going.wait() == 130
    assert rest.startswith("finder: interrupted at ")
    assert rest.count("\n") == 1
    before = json.loads((tmp_path / "finder.json").read_text())
    assert before["step"] >= 5
    assert not before["complete"]

    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(to_yaml(validate({**read_yaml(pretraining.RECIPE)[0], **TINY})))
    monkeypatch.setattr(pretraining, "RECIPE", recipe)
    minutes = before["seconds"] / 60 + 0.1
    for stage, longer in (("finder", minutes), ("reader", 0.2)):
        assert call(stage, "--batch", 2, "--workers", 1, "--minutes", longer, "--out", tmp_path) == 0
        assert f"{stage}: complete" in capsys.readouterr().err
    assert json.loads((tmp_path / "finder.json").read_text())["step"] > before["step"]
    assert call("finish", "--out", tmp_path) == 0
    run = open_run(tmp_path / "reader")
    assert run.has(FINDER)
    assert run.has(FINDER_INT8)
    assert (run.slots, run.layout) == (3, "scene")
    assert len(Reader(run.path).read(np.zeros((40, 90), np.uint8)).text) <= 3
