"""Progress on standard error: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from multidigit.errors import one_line

if TYPE_CHECKING:
    from multidigit.training import Progress

EVERY = 10.0
"""Seconds between plain lines."""
QUICK = 1.0
"""Seconds of counting that show nothing."""


def note(text: str) -> None:
    """One line on standard error, whatever names it holds."""
    click.echo(one_line(text), err=True)


class Trainings:
    """Shows trainings while they run, several at once where need be."""

    def __init__(self) -> None:
        self._bars: Any = None

    def __enter__(self) -> Trainings:
        if sys.stderr.isatty():
            from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

            name, state = TextColumn("{task.description}"), TextColumn("{task.fields[state]}")
            self._bars = _bars(name, BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), state)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars:
            self._bars.stop()

    def say(self, text: str) -> None:
        """A line that stays, above the bars."""
        if self._bars:
            self._bars.console.print(one_line(text), markup=False, highlight=False)
        else:
            note(text)

    @contextmanager
    def show(self, name: str) -> Iterator[Callable[[Progress], None]]:
        """Within the block a training of that name is shown; yields what to call with its progress."""
        bars, last = self._bars, time.monotonic()
        task = bars.add_task(name, total=1.0, state="getting ready") if bars else None

        def update(progress: Progress) -> None:
            nonlocal last
            now, rate = time.monotonic(), f"{progress.strips:,} strips in {progress.seconds:.0f} s"
            if bars:
                bars.update(task, completed=progress.done, state=progress.doing or rate)
            if progress.epoch:
                text = f"{name}: {progress.epoch_text}"
            elif bars or now - last < EVERY:
                return
            else:
                text = f"{name}: {progress.doing or f'{progress.done:.0%}, {rate}'}"
            last = now
            self.say(text)

        try:
            yield update
        finally:
            if bars:
                bars.remove_task(task)


@contextmanager
def counting(what: str, total: int | None) -> Iterator[Callable[[], None]]:
    """A bar over ``total`` things; yields the function to call after each. Quick work shows nothing.

    Args:
        what: is done.
        total: ``None`` where it is not known.
    """
    began = last = time.monotonic()
    done, bars = 0, None

    def step() -> None:
        nonlocal last, done, bars
        done += 1
        now = time.monotonic()
        terminal = sys.stderr.isatty()
        if now - began < QUICK or now - last < (0.2 if terminal else EVERY):
            return
        last, rate = now, f"{done / (now - began):,.0f} a second"
        if not terminal:
            note(f"{what}: {done:,}{f' of {total:,}' if total is not None else ''}, {rate}")
            return
        if bars is None:
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

            name, speed = TextColumn("{task.description}"), TextColumn("{task.fields[rate]}")
            bars = _bars(name, BarColumn(), MofNCompleteColumn(), speed, TimeRemainingColumn(), transient=True)
            bars.add_task(what, total=total, rate="")
        bars.update(bars.task_ids[0], completed=done, rate=rate)

    try:
        yield step
    finally:
        if bars:
            bars.stop()


def _bars(*columns: Any, **options: Any) -> Any:
    """Progress bars on standard error, started."""
    from rich.console import Console
    from rich.progress import Progress

    bars = Progress(*columns, console=Console(stderr=True), **options)
    bars.start()
    return bars
