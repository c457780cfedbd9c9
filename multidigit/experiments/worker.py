"""Runs of an experiment, one after another, in a process beside it: ``python -m multidigit.experiments.worker``.

Each line on standard input is a job as JSON: ``name``, ``out``, ``settings`` and ``resume``. The line ``"stop"`` asks
to save what there is of the one under way; where the input ends, the process that gave the jobs has ended, and so this
one ends. On standard output there is a line of JSON for each ``progress``, and at the end of a job ``done``, or
``error`` as the last line of all; standard error is the run's log.
"""

from __future__ import annotations

import _thread
import json
import os
import signal
import sys
import threading
import time
import warnings
from dataclasses import asdict
from io import FileIO
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, BinaryIO

from multidigit.errors import MultidigitError
from multidigit.experiments.logs import log_file, train_logged
from multidigit.experiments.plan import Planned
from multidigit.processes import own_output, write_line
from multidigit.runs import open_run
from multidigit.settings import validate

if TYPE_CHECKING:
    from multidigit.training import Progress

EVERY = 0.3
"""Seconds between two lines of progress, except at the ends of epochs."""


def _watch(given: FileIO, jobs: SimpleQueue[dict[str, Any]]) -> None:
    """Take in jobs and ``"stop"``, and wait for the end of the process that gives them."""
    for line in given:
        message = json.loads(line)
        if message == "stop":
            _thread.interrupt_main(signal.SIGTERM)
        else:
            jobs.put(message)
    # Nothing may be written any more: another experiment may already have begun in the folder.
    os._exit(1)


def _work(given: FileIO, answers: BinaryIO) -> int:
    jobs: SimpleQueue[dict[str, Any]] = SimpleQueue()
    threading.Thread(target=_watch, args=(given, jobs), daemon=True).start()
    code = 0
    while not code:
        code = _do(jobs.get(), answers)
    return code


def _do(job: dict[str, Any], answers: BinaryIO) -> int:
    last = 0.0

    def report(progress: Progress) -> None:
        nonlocal last
        if progress.epoch or progress.doing or time.monotonic() - last > EVERY:
            last = time.monotonic()
            write_line(answers, {"progress": asdict(progress)})

    out, planned = Path(job["out"]), Planned(job["name"], validate(job["settings"]))
    with log_file(out, planned.name) as errors:
        os.dup2(errors, sys.stderr.fileno())
    try:
        train_logged(planned, out, report, open_run(out / planned.name) if job["resume"] else None)
    except MultidigitError as error:
        write_line(answers, {"error": str(error)})
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    write_line(answers, {"done": True})
    return 0


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # The log has a line for each of our own warnings already; those of libraries are for developers.
    warnings.showwarning = lambda *_, **__: None
    with own_output() as answers:
        # Unbuffered: the lock of a buffer that a thread waits at would abort the end of the program.
        sys.exit(_work(FileIO(sys.stdin.fileno(), closefd=False), answers))


if __name__ == "__main__":
    main()
