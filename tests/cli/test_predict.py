"""``multidigit predict``: what is known of numbers, what is withheld, what is explained, folders, pipes and streams."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import Called, Toys, drawing
from PIL import Image

from multidigit.cli import readings
from multidigit.labels import CELL, slots_to_text
from multidigit.reading.reader import Alternative, Reader, Reading
from multidigit.strips.compose import Strips
from multidigit.strips.stream import StripStream

Call = Callable[..., Called]


@pytest.fixture(scope="module")
def strips(toys: Toys) -> Strips:
    return StripStream(toys.settings()).fixed("test", 40)


@pytest.fixture
def folder(strips: Strips, home: Path) -> Path:
    """A folder of pictures, some in a folder below, and the current folder beside it."""
    for index, image in enumerate(strips.images):
        path = home / "photos" / ("more" if index >= 30 else "") / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return home / "photos"


def piped(toys: Toys, data: bytes, *arguments: object) -> subprocess.CompletedProcess[bytes]:
    """Calls ``predict`` in a process of its own, with data on its standard input."""
    command = [sys.executable, "-m", "multidigit", "predict", "--run", str(toys.run().path), *map(str, arguments)]
    return subprocess.run(command, input=data, capture_output=True, check=False)


def read_table(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_folder_is_read_in_order(toys: Toys, strips: Strips, folder: Path, call: Call) -> None:
    result = call("predict", "--run", toys.run().path, folder, "--csv", "out.csv")
    assert (result.code, result.out) == (0, "")
    assert "read 40 pictures into out.csv in " in result.err
    rows = read_table("out.csv")
    assert list(rows[0]) == ["image_path", "text", "confidence", "error"]
    assert not any(row["error"] for row in rows)
    assert [int(Path(row["image_path"]).stem) for row in rows] == list(range(40))
    right = [row["text"] == slots_to_text(slots) for row, slots in zip(rows, strips.slots, strict=True)]
    assert np.mean(right) > 0.9
    # The same in words.
    result = call("predict", "--run", toys.run().path, folder)
    assert result.err == f"reading with {toys.run().described}, float\n"
    for line, row in zip(result.out.splitlines(), rows, strict=True):
        assert line == f"{row['image_path']}: {row['text']} (confidence {float(row['confidence']):.3f})"


def test_where_the_newest_run_reads_badly_the_shipped_one_is_named(
    toys: Toys, strips: Strips, call: Call, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(toys.run().path, home / "runs" / "mine")
    Image.fromarray(strips.images[0]).save("image.png")
    quiet = call("predict", "image.png").err
    assert len(quiet.splitlines()) == 1
    monkeypatch.setattr(readings, "READS_WELL", 1.1)  # that no run reaches
    share = toys.run().metrics["test"]["sequence_accuracy"]
    warning = f"it reads {share:.1%} of its test numbers; to read with the shipped reader: --run shipped\n"
    assert call("predict", "image.png").err == quiet + warning
    assert call("predict", "--run", "mine", "image.png").err == quiet


def test_a_picture_without_digits(toys: Toys, call: Call, home: Path) -> None:
    Image.fromarray(np.zeros((CELL, 5 * CELL), np.uint8)).save("black.png")
    result = call("predict", "--run", toys.run("cut").path, "black.png")
    assert result.out.startswith("black.png: no digits found (best guess ")


def test_the_likeliest_numbers_are_printed(toys: Toys, folder: Path, call: Call) -> None:
    options = ["--run", toys.run().path, folder / "0.png", "--top", "3"]
    (row,) = call("predict", *options, "--json").json["readings"]
    assert row["alternatives"][0]["text"] == row["text"]
    sure = [other["confidence"] for other in row["alternatives"]]
    assert len(sure) == 3
    assert sure == sorted(sure, reverse=True)
    out = call("predict", *options).out
    assert [out.count("("), out.count(", or ")] == [3, 2]
    call("predict", *options, "--csv", "out.csv")
    assert list(read_table("out.csv")[0]) == ["image_path", "text", "confidence", "alternatives", "error"]


def test_each_picture_is_a_line_of_json(toys: Toys, folder: Path, call: Call) -> None:
    (folder / "5.png").write_bytes(b"no picture")
    result = call("predict", "--run", toys.run().path, folder, "--jsonl")
    rows = [json.loads(line) for line in result.out.splitlines()]
    assert [Path(row["image_path"]).stem for row in rows] == [str(i) for i in range(40)]
    assert set(rows[5]) == {"image_path", "error"}
    assert rows[5]["error"] in result.err
    assert set(rows[0]) == {
        *("image_path", "text", "confidence", "digits", "alternatives", "withheld", "too_long", "box", "others")
    }
    assert rows[0]["box"] == {"x": 70.0, "y": 14.0, "width": 140.0, "height": 28.0, "angle": 0.0}
    assert (rows[0]["too_long"], rows[0]["others"]) == (False, 0)
    assert result.code == 1
    assert result.err.endswith("multidigit: 1 of 40 could not be read\n")


@pytest.mark.parametrize("option", ["--json", "--jsonl", "--csv", "--explain"])
def test_what_cannot_be_read_stands_in_its_place(toys: Toys, folder: Path, call: Call, option: str) -> None:
    (folder / "1.png").write_bytes(b"")
    (folder / "none").mkdir()
    arguments = ["missing.png", folder / "0.png", folder / "none", folder / "1.png", "two\nlines", folder / "2.png"]
    options = {"--csv": ["--csv", "out.csv"], "--explain": ["--explain", "--json"]}.get(option, [option])
    result = call("predict", "--run", toys.run().path, *arguments, *options)
    assert result.code == 1
    rows = {
        "--jsonl": lambda: [json.loads(line) for line in result.out.splitlines()],
        "--csv": lambda: read_table("out.csv"),
    }.get(option, lambda: result.json["readings"])()
    assert [row["image_path"] for row in rows] == list(map(str, arguments))
    for row, fails in zip(rows, (True, False, True, True, True, False), strict=True):
        assert bool(row.get("error")) == fails
        assert bool(row.get("text")) == (not fails)
        assert not fails or row["error"] in result.err
    assert result.err.count("multidigit: ") == 5
    assert result.err.endswith("multidigit: 4 of 6 could not be read\n")


def test_nothing_that_can_be_read_is_json_too(toys: Toys, home: Path, call: Call) -> None:
    result = call("predict", "--run", toys.run().path, "missing.png", "--json")
    assert result.code == 1
    (row,) = result.json["readings"]
    assert row["error"].startswith("missing.png: expected a picture file")


@pytest.mark.parametrize(
    ("table", "part"),
    [
        ("none/out.csv", "a folder that exists; received none"),
        ("photos", "received a folder"),
        ("/dev/null", "a device"),
    ],
)
def test_a_table_that_cannot_be_written_is_refused_first(
    toys: Toys, folder: Path, call: Call, table: str, part: str
) -> None:
    result = call("predict", "--run", toys.run().path, folder, "--csv", table)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"multidigit: {table}: expected a file ")
    assert part in result.err
    assert result.err.count("\n") == 1
    assert not Path("none").exists()
    assert len(list(folder.rglob("*"))) == 41


@pytest.mark.timeout(60)
@pytest.mark.skipif(os.name != "posix", reason="a matter of POSIX systems")
def test_named_pipes_are_refused_and_others_read(toys: Toys, strips: Strips, folder: Path, call: Call) -> None:
    os.mkfifo("pipe")
    result = call("predict", "--run", toys.run().path, "pipe")
    assert (result.code, result.out) == (1, "")
    assert "pipe: expected a picture file; received a pipe that nothing writes into" in result.err
    if Path("/dev/stdin").exists():
        read = piped(toys, (folder / "0.png").read_bytes(), "/dev/stdin", "--jsonl")
        assert json.loads(read.stdout)["text"] == slots_to_text(strips.slots[0])


def test_a_closed_standard_input_is_reported(
    toys: Toys, home: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    result = call("predict", "--run", toys.run().path, "-")
    assert (result.code, result.out) == (1, "")
    assert "-: expected a picture on standard input; received none" in result.err


@pytest.mark.parametrize(
    ("options", "fits"),
    [
        (["--length", "4"], lambda text: len(text) == 4),
        (["--length", "2-3"], lambda text: 2 <= len(text) <= 3),
        (["--pattern", "[0-4]+"], lambda text: set(text) <= set("01234")),
        (
            ["--checksum", "luhn", "--length", "2"],
            lambda text: int(text) % 10 == (-sum(divmod(2 * int(text[0]), 10))) % 10,
        ),
    ],
)
def test_only_allowed_numbers_are_answered(
    options: list[str], fits: Callable[[str], bool], toys: Toys, folder: Path, call: Call
) -> None:
    rows = call("predict", "--run", toys.run().path, folder, "--json", *options).json["readings"]
    assert len(rows) == 40
    assert all(fits(row["alternatives"][0]["text"]) for row in rows)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--length", "9"], "length"),
        (["--pattern", "("], "pattern"),
        (["--pattern", "[a-z]+"], "pattern"),
        (["--checksum", "sum"], "checksum"),
        (["--precision", "int8"], "8 bits"),
        (["--at-least", "0.9999"], "cannot show"),
    ],
)
def test_what_cannot_be_is_one_line(toys: Toys, folder: Path, call: Call, options: list[str], part: str) -> None:
    result = call("predict", "--run", toys.run().path, folder / "0.png", "--csv", "out.csv", *options)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("multidigit: ")
    assert part in result.err
    assert result.err.count("\n") == 1
    assert not Path("out.csv").exists()


def test_answers_that_are_not_sure_enough_are_withheld(toys: Toys, strips: Strips, folder: Path, call: Call) -> None:
    # Four numbers, one over the other.
    Image.fromarray(strips.images[:4].max(0)).save(folder / "99.png")
    options = ["--run", toys.run().path, folder, "--at-least", "0.98"]
    result = call("predict", *options)
    assert result.code == 3
    withheld = [line for line in result.out.splitlines() if ": ? (best guess " in line]
    assert any("99.png" in line for line in withheld)
    answered = 41 - len(withheld)
    assert f"answered {answered} of 41 ({answered / 41:.1%})" in result.err
    rows = call("predict", *options, "--json").json["readings"]
    assert sum(row["withheld"] for row in rows) == len(withheld)
    call("predict", *options, "--csv", "out.csv")
    table = read_table("out.csv")
    assert list(table[0]) == ["image_path", "text", "confidence", "guess", "error"]
    assert sum(row["text"] == "?" for row in table) == len(withheld)
    assert all(row["guess"] for row in table)


def test_a_reading_is_explained_in_words_and_as_a_picture(toys: Toys, folder: Path, call: Call) -> None:
    more = folder / "more" / "0.png"
    more.write_bytes((folder / "1.png").read_bytes())
    result = call("predict", "--run", toys.run().path, folder / "0.png", more, "missing.png", "--explain")
    assert result.code == 1
    assert result.out.count("(confidence ") == 2
    assert "slot 5" in result.err
    assert sorted(path.name for path in Path("explained").iterdir()) == ["0-2.png", "0.png"]
    assert Image.open("explained/0.png").format == "PNG"


@pytest.fixture
def two_rows(home: Path) -> Path:
    """A photograph with ``5724`` above ``318``."""
    grey = np.full((480, 640), 225, np.uint8)
    grey[90:170, 40:340] = drawing("5724", 60, (80, 300), 30, 225)
    grey[300:380, 260:560] = drawing("318", 60, (80, 300), 30, 225)
    Image.fromarray(grey).save("two.png")
    return Path("two.png")


def test_every_row_of_a_picture_is_told_on_request(two_rows: Path, call: Call) -> None:
    given = ["predict", "--run", "shipped", two_rows]
    (surest,) = call(*given, "--json").json["readings"]
    assert surest["text"] in ("5724", "318")
    assert surest["others"] == 1
    assert call(*given).out.endswith("; 1 more in the picture, see --all\n")
    rows = call(*given, "--all", "--json").json["readings"]
    assert [json.loads(line) for line in call(*given, "--all", "--jsonl").out.splitlines()] == rows
    assert "read 1 pictures into out.csv" in call(*given, "--all", "--csv", "out.csv").err
    for found in (rows, read_table("out.csv")):
        assert [(row["image_path"], row["text"]) for row in found] == [("two.png", "5724"), ("two.png", "318")]
    assert surest in rows
    for row, (x, y) in zip(rows, ((190, 130), (410, 340)), strict=True):
        assert abs(row["box"]["x"] - x) < 25
        assert abs(row["box"]["y"] - y) < 15
        assert row["box"]["height"] == pytest.approx(44, rel=0.4)
        assert abs(row["box"]["angle"]) < 8
    Path("again.png").write_bytes(two_rows.read_bytes())
    words = call(*given, "missing.png", "again.png", "--all")
    assert [line.split()[1] for line in words.out.splitlines()] == ["5724", "318"] * 2
    assert words.err.endswith("multidigit: 1 of 3 could not be read\n")
    assert piped_rows(two_rows) == ["5724", "318"]


def piped_rows(path: Path) -> list[str]:
    command = [sys.executable, "-m", "multidigit", "predict", "--run", "shipped", "-", "--all", "--jsonl"]
    done = subprocess.run(command, input=path.read_bytes(), capture_output=True, check=True)
    return [json.loads(line)["text"] for line in done.stdout.splitlines()]


def test_one_row_is_explained(two_rows: Path, call: Call) -> None:
    result = call("predict", "--run", "shipped", two_rows, "--all", "--explain")
    assert (result.code, result.out) == (2, "")
    assert "--explain and --all exclude each other" in result.err
    assert not Path("explained").exists()


def test_a_number_that_is_too_long_is_told_in_words(
    toys: Toys, folder: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = Reading("2345", 0.1, (), (Alternative("2345", 0.1),), too_long=True)
    monkeypatch.setattr(Reader, "read_all", lambda self, paths, *_: ((path, long) for path in paths))
    result = call("predict", "--run", toys.run().path, folder / "0.png")
    assert result.out == (
        f"{folder / '0.png'}: ? a number with more digits than the reader holds (best guess 2345, confidence 0.100)\n"
    )


def test_evaluation_reads_what_prediction_reads(two_rows: Path, call: Call) -> None:
    Image.fromarray(drawing("47205", 40, (300, 300))).rotate(10, fillcolor=255).save("turned.png")
    Image.fromarray(drawing("90714", ink=200, paper=90)).save("grey.png")
    names = [str(two_rows), "turned.png", "grey.png"]
    read = call("predict", "--run", "shipped", *names, "--json").json["readings"]
    Path("labels.csv").write_text("image_path,text\n" + "".join(f"{r['image_path']},{r['text']}\n" for r in read))
    measured = call("evaluate", "--run", "shipped", "--pictures", "labels.csv", "--json").json
    assert (measured["strips"], measured["sequence_accuracy"]) == (3, 1)
    # All are right, so that the least sure of them is the threshold.
    assert measured["threshold_98"] == pytest.approx(min(reading["confidence"] for reading in read), abs=1e-4)


def test_a_picture_comes_through_a_pipe(toys: Toys, strips: Strips, folder: Path) -> None:
    result = piped(toys, (folder / "0.png").read_bytes(), "-", folder / "1.png", "--jsonl", "--explain")
    assert result.returncode == 0, result.stderr
    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert (first["image_path"], first["text"]) == ("-", slots_to_text(strips.slots[0]))
    assert second["text"] == slots_to_text(strips.slots[1])
    assert sorted(path.name for path in Path("explained").iterdir()) == ["1.png", "stdin.png"]


@pytest.mark.parametrize("data", [b"", b"no picture"])
def test_a_pipe_without_a_picture_is_reported(toys: Toys, home: Path, data: bytes) -> None:
    result = piped(toys, data, "-")
    assert (result.returncode, result.stdout) == (1, b"")
    assert b"Traceback" not in result.stderr
    assert b"<stdin>: expected a picture" in result.stderr


def test_a_stream_that_is_closed_early_gives_no_traceback(toys: Toys, folder: Path) -> None:
    command = [sys.executable, "-m", "multidigit", "predict", "--run", str(toys.run().path), "--jsonl"]
    with subprocess.Popen([*command, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 1
    assert b"Traceback" not in errors


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_folder_that_may_not_be_read_stops_nothing(toys: Toys, folder: Path, call: Call) -> None:
    (folder / "more").chmod(0)
    try:
        result = call("predict", "--run", toys.run().path, folder, "--jsonl")
    finally:
        (folder / "more").chmod(0o700)
    assert result.code == 1
    assert len(result.out.splitlines()) == 30
