"""Training and measuring on pictures of one's own, as it is typed."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from helpers import Called, Toys, write_pictures

from multidigit.reading.inference import Model
from multidigit.runs import KERAS_MODEL, LITERT_MODEL, open_run

Call = Callable[..., Called]
TEXTS = ("47205", "90714", "318", "5724", "64", "20391")
SMALL = ("--set", "train.epochs=1", "--set", "train.strips=32", "--set", "evaluation.validation_strips=30")
PARTS = ("train", "train", "validation", "validation", "test", "test")


@pytest.fixture
def pictures(home: Path) -> Path:
    """Six labelled pictures, one of them of no use, in a folder below the current one."""
    folder = home / "mine"
    write_pictures(folder, TEXTS, PARTS, ["broken.png,1.5,train"])
    (folder / "broken.png").write_text("no picture")
    return folder


@pytest.mark.usefixtures("small_world")
def test_training_on_pictures_of_ones_own(pictures: Path, toys: Toys, call: Call) -> None:
    small = [*toys.options(), *SMALL]
    trained = call("train", "--data", "mine", *small, "--out", "first", "--json")
    assert trained.code == 0, trained.err
    assert "mine: 2 for train, 2 for validation, 2 for test" in trained.err
    assert "left out of labels, which are to be digits: . 1" in trained.err
    assert "broken.png" in trained.err
    metrics = json.loads(Path("first/metrics.json").read_text())
    assert metrics["test"]["strips"] == trained.json["test_strips"] == 2
    # Measured again it is the same; without its pictures it is a plain error.
    again = call("evaluate", "--run", "first", "--json").json
    assert again["sequence_accuracy"] == metrics["test"]["sequence_accuracy"]
    assert again["expected_calibration_error"] == pytest.approx(metrics["test"]["expected_calibration_error"], abs=1e-3)
    assert call("predict", "--run", "first", pictures / "0.png").code == 0
    (pictures / "labels.csv").unlink()
    # Pictures are read once in a process; with another seed they are others.
    gone = call("evaluate", "--run", "first", "--set", "seed=1")
    assert gone.code == 1
    assert gone.err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.usefixtures("small_world")
def test_training_that_starts_from_a_run(pictures: Path, toys: Toys, call: Call) -> None:
    small = [*toys.options(), *SMALL]
    assert call("train", "--data", "mine", *small, "--out", "first").code == 0
    # A run to start from, with its settings. Nothing is learnt at such a rate: the weights are those it began with.
    still = [*small, "--set", "train.learning_rate=1.0e-12", "--set", "train.ema=0"]
    further = call("train", "--data", "mine", "--start", "first", *still, "--out", "second")
    assert further.code == 0, further.err
    strips = np.random.default_rng(0).integers(0, 256, (4, 28, 140), np.uint8)
    first, second = (
        Model(open_run(Path(name)).part(LITERT_MODEL)).probabilities(strips) for name in ("first", "second")
    )
    # Batch normalisation follows the batches all the same.
    assert np.abs(first - second).mean() < 0.05

    other = call("train", "--start", "first", *small, "--set", "backbone.name=residual")
    assert (other.code, other.out) == (1, "")
    assert "train.start: first (heads on compact" in other.err
    assert "leave backbone.name out, or set it to that" in other.err


@pytest.mark.slow
@pytest.mark.usefixtures("small_world")
def test_strategies_are_compared_on_pictures_of_ones_own(pictures: Path, toys: Toys, call: Call) -> None:
    small = [*toys.options(), *SMALL, "--strategy", "heads", "--strategy", "sigmoid"]
    start = call("train", "--data", "mine", *toys.options(), *SMALL, "--slots", 7, "--out", "start")
    assert start.code == 0, start.err
    found = call("compare", "--data", "mine", "--start", "start", *small, "--out", "compared", "--json")
    assert found.code == 0, found.err
    assert {row["slots"] for row in found.json["rows"]} == {7}
    assert {(row["strategy"], row["layout"], row["test_strips"]) for row in found.json["rows"]} == {
        ("heads", "scene", 2),
        ("sigmoid", "scene", 2),
    }
    assert len(found.json["verdict"]) >= 1
    assert Path("compared/report.html").exists()


def label_all(folder: Path, texts: Mapping[str, str]) -> tuple[int, str]:
    """Labels the pictures of a folder on the page of ``multidigit label``, then Ctrl-C; its exit code and errors."""
    command = [sys.executable, "-m", "multidigit", "label", str(folder), "--no-open"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    address = urlsplit(process.stdout.readline().split()[-1])
    connection = HTTPConnection(str(address.hostname), address.port or 0, timeout=60)

    def ask(method: str, path: str, body: object = None) -> Any:
        connection.request(method, path, body and json.dumps(body), {"X-Token": parse_qs(address.query)["token"][0]})
        reply = connection.getresponse()
        assert reply.status == 200
        return json.loads(reply.read())

    shown = ask("GET", "/next")
    while asked := shown["asked"]:
        answer = {"number": asked["number"], "text": texts[asked["name"]], "by_chance": asked["by_chance"]}
        shown = ask("POST", "/answer", answer)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


@pytest.mark.slow
@pytest.mark.usefixtures("small_world")
def test_from_a_folder_of_photographs_to_a_table_of_numbers(home: Path, call: Call) -> None:
    rng = np.random.default_rng(1)
    texts = [str(rng.integers(1, 10**5)) for _ in range(16)]
    photos, more = home / "photos", home / "more"
    write_pictures(photos, texts)
    write_pictures(more, ["47205", "318"])
    code, errors = label_all(photos, {f"{place}.png": text for place, text in enumerate(texts)})
    assert code == 0, errors
    assert "16 of 16 labelled" in errors

    checked = call("check", "photos", "--json")
    assert checked.code == 0, checked.err
    assert checked.json["pictures"] == sum(checked.json["parts"].values()) == 16
    small = [*SMALL, "--set", "train.learning_rate=1.0e-4", "--strategy", "heads", "--strategy", "cut"]
    started = ("compare", "--data", "photos", "--start", "shipped", *small, "--out", "runs/compared", "--json")
    compared = call(*started)
    assert compared.code == 0, compared.err
    accuracy = {row["strategy"]: row["sequence_accuracy"] for row in compared.json["rows"]}
    # What reads whole strips begins with all that the shipped reader knows, what reads cells with its features alone.
    assert accuracy["heads"] > 0.5 > accuracy["cut"]
    found = call("predict", "more", "--at-least", "0.5", "--csv", "numbers.csv")
    assert found.code in (0, 3), found.err
    rows = csv.DictReader(Path("numbers.csv").read_text().splitlines())
    assert [Path(row["image_path"]).name for row in rows] == ["0.png", "1.png"]


def test_other_layouts_have_no_grey_strips(pictures: Path, call: Call) -> None:
    result = call("train", "--data", "mine", "--layout", "free")
    assert (result.code, result.out) == (1, "")
    assert "layout.name must be scene where data is given; received 'free'" in result.err


def test_labels_longer_than_the_slots(pictures: Path, call: Call) -> None:
    result = call("train", "--data", "mine", "--slots", 4)
    assert result.code == 1
    assert "line 2: expected a number of at most 4 digits, the slots; received '47205'" in result.err


@pytest.mark.slow
def test_an_exported_run_cannot_be_started_from(pictures: Path, call: Call, toys: Toys) -> None:
    assert call("export", "--run", toys.run().path, "--format", "run", "--out", "exported").code == 0
    result = call("train", "--start", "exported", *toys.options())
    assert result.code == 1
    assert "train.start needs model.keras, which this exported run lacks" in result.err
    assert call("export", "--run", toys.run().path, "--format", "run", "--trainable", "--out", "kept").code == 0
    assert open_run(Path("kept")).has(KERAS_MODEL)
