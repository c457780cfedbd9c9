"""``multidigit predict``: what is known of numbers, what is withheld, what is explained, folders, pipes and streams."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import Called, Toys
from PIL import Image

from multidigit.labels import CELL, slots_to_text
from multidigit.strips.compose import Strips
from multidigit.strips.stream import StripStream

Call = Callable[..., Called]


@pytest.fixture(scope="module")
def strips(toys: Toys) -> Strips:
    return StripStream(toys.settings()).fixed("test", 40)


@pytest.fixture
def folder(strips: Strips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of pictures, some in a folder below, and the current folder beside it."""
    monkeypatch.chdir(tmp_path)
    for index, image in enumerate(strips.images):
        path = tmp_path / "photos" / ("more" if index >= 30 else "") / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return tmp_path / "photos"


def piped(toys: Toys, data: bytes, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "multidigit", "predict", "--run", str(toys.run().path), *map(str, arguments)],
        input=data,
        cwd=cwd,
        capture_output=True,
        check=False,
    )


def test_a_folder_is_read_in_order_into_a_table(toys: Toys, strips: Strips, folder: Path, call: Call) -> None:
    told = call("predict", "--run", toys.run().path, folder, "--csv", "out.csv")
    assert (told.code, told.out) == (0, "")
    assert "read 40 pictures into out.csv in " in told.err
    with Path("out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(Path(row["image_path"]).stem) for row in rows] == list(range(40))
    right = [row["text"] == slots_to_text(slots) for row, slots in zip(rows, strips.slots, strict=True)]
    assert np.mean(right) > 0.9


def test_the_likeliest_numbers_are_told(toys: Toys, folder: Path, call: Call) -> None:
    options = ["--run", toys.run().path, folder / "0.png", "--top", "3"]
    (row,) = call("predict", *options, "--json").json["readings"]
    assert row["alternatives"][0]["text"] == row["text"]
    sure = [other["confidence"] for other in row["alternatives"]]
    assert len(sure) == 3
    assert sure == sorted(sure, reverse=True)
    out = call("predict", *options).out
    assert out.count("(") == 3
    assert ", or " in out
    call("predict", *options, "--csv", "out.csv")
    assert Path("out.csv").read_text().splitlines()[0] == "image_path,text,confidence,alternatives"


def test_each_picture_is_a_line_of_json(toys: Toys, folder: Path, call: Call) -> None:
    (folder / "5.png").write_bytes(b"no picture")
    told = call("predict", "--run", toys.run().path, folder, "--jsonl")
    rows = [json.loads(line) for line in told.out.splitlines()]
    assert [Path(row["image_path"]).stem for row in rows] == [str(i) for i in range(40) if i != 5]
    assert set(rows[0]) == {"image_path", "text", "confidence", "digits", "alternatives", "withheld"}
    assert told.code == 1
    assert told.err.endswith("multidigit: 1 of 40 could not be read\n")


def test_what_is_known_of_numbers_is_kept_to(toys: Toys, folder: Path, call: Call) -> None:
    run = ["--run", toys.run().path, folder, "--json"]
    for option, fits in (
        (["--length", "4"], lambda text: len(text) == 4),
        (["--length", "2-3"], lambda text: 2 <= len(text) <= 3),
        (["--pattern", "[0-4]+"], lambda text: set(text) <= set("01234")),
        (["--checksum", "verhoeff", "--length", "5"], lambda text: len(text) == 5),
    ):
        rows = call("predict", *run, *option).json["readings"]
        assert len(rows) == 40
        assert all(fits(row["alternatives"][0]["text"]) for row in rows)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--length", "9"], "--length"),
        (["--pattern", "("], "--pattern"),
        (["--pattern", "[a-z]+"], "--pattern"),
        (["--checksum", "sum"], "--checksum"),
        (["--precision", "int8"], "no reader in 8 bits"),
        (["--at-least", "0.9999"], "cannot show"),
    ],
)
def test_what_cannot_be_is_one_line_and_1(toys: Toys, folder: Path, call: Call, options: list[str], told: str) -> None:
    result = call("predict", "--run", toys.run().path, folder / "0.png", "--csv", "out.csv", *options)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("multidigit: ")
    assert told in result.err
    assert result.err.count("\n") == 1
    assert not Path("out.csv").exists()


def test_json_and_jsonl_exclude_each_other(toys: Toys, folder: Path, call: Call) -> None:
    assert call("predict", "--run", toys.run().path, folder, "--json", "--jsonl").code == 2


def test_answers_that_cannot_be_counted_on_become_question_marks(
    toys: Toys, strips: Strips, folder: Path, call: Call
) -> None:
    grey = np.random.default_rng(0).integers(0, 120, (CELL, 5 * CELL)).astype(np.uint8)
    Image.fromarray(np.maximum(strips.images[0] // 3, grey)).save(folder / "99.png")
    options = ["--run", toys.run().path, folder, "--at-least", "0.6"]
    told = call("predict", *options)
    assert told.code == 3
    lines = [line for line in told.out.splitlines() if ": ? (best guess " in line]
    assert any("99.png" in line for line in lines)
    answered = 41 - len(lines)
    assert f"answered {answered} of 41 ({answered / 41:.1%})" in told.err
    rows = call("predict", *options, "--json").json["readings"]
    assert sum(row["withheld"] for row in rows) == len(lines)
    call("predict", *options, "--csv", "out.csv")
    with Path("out.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert list(table[0]) == ["image_path", "text", "confidence", "guess"]
    assert sum(row["text"] == "?" for row in table) == len(lines)
    assert all(row["guess"] for row in table)


def test_a_reading_is_explained_in_words_and_as_a_picture(toys: Toys, folder: Path, call: Call) -> None:
    more = folder / "more" / "0.png"
    more.write_bytes((folder / "1.png").read_bytes())
    told = call("predict", "--run", toys.run().path, folder / "0.png", more, "missing.png", "--explain")
    assert told.code == 1
    assert told.out.count("(confidence ") == 2
    assert told.err.count("what the network saw") == 2
    assert "slot 5" in told.err
    assert sorted(path.name for path in Path("explained").iterdir()) == ["0-2.png", "0.png"]
    assert Image.open("explained/0.png").size[0] == 900


def test_a_picture_comes_through_a_pipe(toys: Toys, strips: Strips, folder: Path) -> None:
    told = piped(toys, (folder / "0.png").read_bytes(), "-", folder / "1.png", "--jsonl", cwd=folder)
    assert told.returncode == 0, told.stderr
    first, second = (json.loads(line) for line in told.stdout.splitlines())
    assert (first["image_path"], first["text"]) == ("-", slots_to_text(strips.slots[0]))
    assert second["text"] == slots_to_text(strips.slots[1])
    explained = piped(toys, (folder / "0.png").read_bytes(), "-", "--explain", cwd=folder)
    assert explained.returncode == 0, explained.stderr
    assert (folder / "explained" / "stdin.png").exists()


@pytest.mark.parametrize("data", [b"", b"no picture"])
def test_a_pipe_without_a_picture_is_told(toys: Toys, folder: Path, data: bytes) -> None:
    told = piped(toys, data, "-", cwd=folder)
    assert told.returncode == 1
    assert told.stdout == b""
    assert b"Traceback" not in told.stderr
    assert b"<stdin>: expected a picture" in told.stderr


def test_whoever_closes_the_stream_early_gets_no_traceback(toys: Toys, folder: Path) -> None:
    command = [sys.executable, "-m", "multidigit", "predict", "--run", str(toys.run().path), "--jsonl"]
    with subprocess.Popen([*command, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read()
    assert process.returncode == 1
    assert b"Traceback" not in told


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_folder_that_may_not_be_read_stops_nothing(toys: Toys, folder: Path, call: Call) -> None:
    (folder / "more").chmod(0)
    try:
        told = call("predict", "--run", toys.run().path, folder, "--jsonl")
    finally:
        (folder / "more").chmod(0o700)
    assert told.code == 1
    assert len(told.out.splitlines()) == 30
