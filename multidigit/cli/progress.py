"""Progress on standard error: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from multidigit.training import Progress

EVERY = 10.0
"""Seconds between plain lines."""


def note(text: str) -> None:
    """One line on standard error."""
    click.echo(text, err=True)


class Training:
    """Shows one training after another; ``begin`` names the next and gives what listens to it."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._told = 0.0

    def __enter__(self) -> Training:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[state]}"),
            )
            self._bar = Progress(*columns, console=Console(stderr=True))
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def begin(self, name: str) -> Any:
        if self._bar:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(name, total=1.0, state="getting ready")
        self._told = time.monotonic()
        return lambda progress: self._tell(name, progress)

    def _tell(self, name: str, progress: Progress) -> None:
        rate = f"{progress.strips:,} strips in {progress.seconds:.0f} s"
        if progress.epoch:
            row = progress.epoch
            text = (
                f"{name}: epoch {int(row['epoch'])}, {rate}, validation: {row['digit_accuracy']:.2%} of the digits, "
                f"{row['sequence_accuracy']:.2%} of the numbers right"
            )
            if self._bar:
                self._bar.console.print(text, highlight=False)
            else:
                note(text)
                self._told = time.monotonic()
        if self._bar:
            self._bar.update(self._task, completed=progress.done, state=rate)
        elif time.monotonic() - self._told > EVERY:
            note(f"{name}: {progress.done:.0%}, {rate}")
            self._told = time.monotonic()


@contextmanager
def counting(what: str, total: int) -> Iterator[Any]:
    """A bar over ``total`` things; yields the function to call after each. Quick work shows nothing."""
    began, told, done = time.monotonic(), time.monotonic(), 0
    bar: Any = None

    def step() -> None:
        nonlocal told, done, bar
        done += 1
        now = time.monotonic()
        if now - began < 1.0 or now - told < 0.2:
            return
        if sys.stderr.isatty():
            if bar is None:
                from rich.console import Console
                from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

                words, rate = TextColumn("{task.description}"), TextColumn("{task.fields[rate]} a second")
                columns = (words, BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
                bar = Progress(*columns, console=Console(stderr=True), transient=True)
                bar.start()
                bar.add_task(what, total=total, rate="")
            bar.update(bar.task_ids[0], completed=done, rate=f"{done / (now - began):,.0f}")
            told = now
        elif now - told > EVERY:
            note(f"{what}: {done:,} of {total:,}, {done / (now - began):,.0f} a second")
            told = now

    try:
        yield step
    finally:
        if bar:
            bar.stop()
