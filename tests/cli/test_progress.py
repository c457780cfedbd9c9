"""Progress: plain lines where there is no terminal, bars where there is one."""

from __future__ import annotations

import sys
import time

import pytest

from multidigit.cli import progress
from multidigit.training import Progress

EPOCH = {"epoch": 1, "strips": 8, "seconds": 2, "loss": 1.5, "digit_accuracy": 0.5, "sequence_accuracy": 0.25}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that progress sees: the last of the list."""
    times = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: times[-1])
    return times


def test_counting_prints_nothing_where_it_is_quick_and_a_line_now_and_then(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.counting("reading", 2000) as step:
        for second in (0.5, 5, 11, 12, 23):
            clock.append(second)
            step()
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["reading: 3 of 2,000, 0 a second", "reading: 5 of 2,000, 0 a second"]


def test_a_training_prints_each_epoch_and_a_line_now_and_then(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.Trainings() as shown, shown.show("mine") as listen:
        for second, epoch in ((1, None), (12, None), (13, EPOCH), (14, None)):
            clock.append(second)
            listen(Progress(0.5, second, 8 * second, epoch))
        clock.append(30)
        listen(Progress(1, 24, 200, doing="testing"))
    first, second_, third = capsys.readouterr().err.splitlines()
    assert (first, third) == ("mine: 50%, 96 strips in 12 s", "mine: testing")
    assert second_.startswith("mine: epoch 1: 104 strips in 13 s, ")


def test_a_terminal_gets_bars(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.Trainings() as shown, shown.show("one") as first, shown.show("two") as second:
        first(Progress(0.5, 1, 8))
        second(Progress(0.1, 1, 8, EPOCH))
        time.sleep(0.5)  # bars are drawn anew ten times a second
    written = capsys.readouterr().err
    assert "two: epoch 1: 8 strips" in written
    assert "50%" in written


def test_counting_on_a_terminal_has_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(progress, "QUICK", 0.0)
    with progress.counting("reading", 3) as step:
        for _ in range(3):
            time.sleep(0.25)
            step()
    assert "3/3" in capsys.readouterr().err
