"""One run of an experiment in a process of its own: ``python -m multidigit.experiments.worker``.

The first line on standard input is the job as JSON: ``name``, ``out``, ``settings`` and ``resume``. The line ``stop``
asks to save what there is; where the input ends without it, whoever gave the job is gone, and so is this process. On
standard output there is a line of JSON for each ``progress``, and at the end ``done`` or ``error``; standard error is
the run's log.
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
from typing import TYPE_CHECKING, Any, BinaryIO

from multidigit.errors import MultidigitError
from multidigit.experiments.logs import log_path, train_logged
from multidigit.experiments.plan import Planned
from multidigit.runs import open_run
from multidigit.settings import validate

if TYPE_CHECKING:
    from multidigit.training import Progress

EVERY = 0.3
"""Seconds between two lines of progress, but for the ends of epochs."""


def _watch(asked: FileIO) -> None:
    """Waits for word from whoever gave the job."""
    for line in asked:
        if line.strip() == b"stop":
            _thread.interrupt_main(signal.SIGTERM)
    # Nothing is to be written any more: another experiment may already have begun in the folder.
    os._exit(1)


def _serve(asked: FileIO, answers: BinaryIO) -> int:
    def answer(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message).encode() + b"\n")
        answers.flush()

    told = 0.0

    def hear(progress: Progress) -> None:
        nonlocal told
        if progress.epoch or time.monotonic() - told > EVERY:
            told = time.monotonic()
            answer({"progress": asdict(progress)})

    job = json.loads(asked.readline())
    threading.Thread(target=_watch, args=(asked,), daemon=True).start()
    out, planned = Path(job["out"]), Planned(job["name"], validate(job["settings"]))
    try:
        train_logged(planned, out, hear, open_run(out / planned.name) if job["resume"] else None)
    except MultidigitError as error:
        answer({"error": str(error)})
        return error.exit_code
    except Exception as error:
        kind = type(error).__name__
        answer({"error": f"{kind}, a fault in multidigit; the lines to report are in {log_path(out, planned.name)}"})
        return 70
    except KeyboardInterrupt:
        return 130
    answer({"done": True})
    return 0


def main() -> None:
    # Ctrl-C reaches all processes of a terminal; this one is told by the one that gave the job.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # The log has our own warnings in a line each already; those of libraries are for developers.
    warnings.showwarning = lambda *_, **__: None
    # What a library prints must not come among the answers.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        # Unbuffered: the lock of a buffer that a thread waits at would abort the end of the program.
        sys.exit(_serve(FileIO(sys.stdin.fileno(), closefd=False), answers))


if __name__ == "__main__":
    main()
