"""A log for each run of an experiment: its beginning, its epochs, warnings, its end."""

from __future__ import annotations

import os
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multidigit.errors import MultidigitError, RunError, escaped
from multidigit.experiments.plan import Planned
from multidigit.files import append_text, appended
from multidigit.runs import Run

if TYPE_CHECKING:
    from multidigit.training import Progress

LOGS = "logs"


def log_path(out: Path, name: str) -> Path:
    """The log of the run of that name, in the experiment's folder."""
    return out / LOGS / f"{name}.log"


def log(out: Path, name: str, text: str) -> None:
    """Add a line, with the time, to a run's log.

    Raises:
        MultidigitError: it cannot be written.
    """
    lines = "\n".join(map(escaped, text.split("\n")))
    append_text(log_path(out, name), f"{time.strftime('%Y-%m-%d %H:%M:%S')} {lines}\n")


def log_file(out: Path, name: str) -> AbstractContextManager[int]:
    """The descriptor of a run's log, for what a process writes on standard error; see ``appended``."""
    return appended(log_path(out, name))


def train_logged(planned: Planned, out: Path, listen: Callable[[Progress], None], resume: Run | None) -> Run:
    """Train one run of an experiment in this process, as ``training.train`` does, and keep its log.

    Raises:
        MultidigitError: it cannot be trained, for whatever reason.
    """
    from multidigit.training import train

    def write(text: str) -> None:
        log(out, planned.name, text)

    def listen_and_log(progress: Progress) -> None:
        if progress.epoch:
            write(progress.epoch_text)
        listen(progress)

    write(f"{'resumes' if resume else 'begins'} in process {os.getpid()}")
    try:
        with _warnings_to(write):
            run = train(planned.settings, out / planned.name, listen=listen_and_log, resume=resume)
    except KeyboardInterrupt:
        write("interrupted before there was anything to keep")
        raise
    except MultidigitError as error:
        write(f"failed: {error}")
        raise
    except Exception as error:  # a strategy of another package may raise anything; the other runs go on
        write(f"failed:\n{traceback.format_exc()}")
        where = log_path(out, planned.name)
        raise RunError(f"{type(error).__name__} in training; the lines to report are in {where}") from error
    right = run.metrics["test"]["sequence_accuracy"]
    write(f"{'interrupted' if run.interrupted else 'finished'}: {right:.2%} of the test numbers right")
    return run


@contextmanager
def _warnings_to(write: Callable[[str], None]) -> Iterator[None]:
    """Pass on warnings besides showing them."""
    shown = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
        write(f"warning: {message}")
        shown(message, category, *rest, **more)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = shown
