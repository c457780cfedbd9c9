"""Answers are on disk before anything else happens, whatever becomes of the program."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from multidigit.data.labels import read_labels
from multidigit.errors import DataError
from multidigit.labelling.answers import Answer, Answers


def test_answers_are_found_again(tmp_path: Path) -> None:
    answers = Answers(tmp_path)
    given = {"a.png": Answer("007", "001", True), "b/ü.png": Answer("", "", False), "c.png": Answer(None, "5", False)}
    for name, answer in given.items():
        answers.put(name, answer)
    answers.put("a.png", Answer("008", "001", True))
    assert Answers(tmp_path).of == {**given, "a.png": Answer("008", "001", True)}
    assert [(each.path.name, each.text) for each in read_labels(tmp_path).pictures] == [("a.png", "008"), ("ü.png", "")]


def test_a_torn_line_is_dropped_and_the_next_begins_anew(tmp_path: Path) -> None:
    Answers(tmp_path).put("a.png", Answer("1", "1", False))
    with (tmp_path / "labels.jsonl").open("a") as file:
        file.write('{"image_path": "b.png", "te')
    again = Answers(tmp_path)
    assert list(again.of) == ["a.png"]
    again.put("c.png", Answer("3", "3", False))
    assert list(Answers(tmp_path).of) == ["a.png", "c.png"]


WRITER = """
import sys
from pathlib import Path
from multidigit.labelling.answers import Answer, Answers
answers = Answers(Path(sys.argv[1]))
for number in range(1000):
    answers.put(f"{number}.png", Answer(str(number), "", False))
    print(number, flush=True)
"""


@pytest.mark.parametrize("seed", [0, 1])
def test_of_a_program_that_is_killed_no_answer_is_lost(tmp_path: Path, seed: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    until = random.Random(seed).randrange(50, 900)
    for line in process.stdout:
        if int(line) == until:
            os.kill(process.pid, signal.SIGKILL)
            break
    rest = [int(line) for line in process.stdout]
    process.wait()
    kept = Answers(tmp_path).of
    told = max([until, *rest])
    assert set(kept) >= {f"{number}.png" for number in range(told + 1)}
    assert all(name == f"{answer.text}.png" for name, answer in kept.items())


def test_two_programs_lose_nothing(tmp_path: Path) -> None:
    one, two = Answers(tmp_path), Answers(tmp_path)
    for number in range(50):
        one.put(f"{number}.png", Answer("1", "", False))
        two.put(f"{number + 50}.png", Answer("2", "", False))
    assert len(Answers(tmp_path).of) == 100


@pytest.mark.parametrize("text", ["[1]\n", "no json\n", '{"text": "1"}\n', '{"image_path": "a.png"}\n'])
def test_other_files_are_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "labels.jsonl").write_text(text)
    with pytest.raises(DataError, match=r"labels.jsonl, line 1: expected image_path and text"):
        Answers(tmp_path)
    assert (tmp_path / "labels.jsonl").read_text() == text


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "labels.jsonl").write_bytes(b"\xff\xfe\n")
    with pytest.raises(DataError, match="move it away"):
        Answers(tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(DataError, match="cannot be read and written"):
        Answers(tmp_path)
