"""The process that does runs beside the experiment (see ``worker``), as the one that starts it sees it."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multidigit.experiments.logs import log, log_file, log_path
from multidigit.experiments.plan import Planned
from multidigit.processes import start_module, write_line
from multidigit.runs import Run, open_run

if TYPE_CHECKING:
    from multidigit.training import Progress

_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")


def threads(count: int) -> dict[str, str]:
    """Variables that give TensorFlow so many threads, at least one; those that the environment has already stay.

    The last digits of what is learnt may depend on the number.
    """
    return {name: os.environ.get(name, str(max(1, count))) for name in _THREADS}


class Worker:
    """A process that does runs one after another (see ``worker``); it ends when this one does, for whatever reason.

    Args:
        planned: the first run, whose log it begins with.
        out: the folder of that run and its log.
        environment: variables of the process, ``threads`` above all.
        send: called with this worker and each of its messages; where the process ends, an empty one.
        keep_open: descriptors of files that the process inherits, so that it holds their locks, too.
        folder: the current one of the process; this one's where ``None``.
    """

    def __init__(
        self,
        planned: Planned,
        out: Path,
        environment: Mapping[str, str],
        send: Callable[[tuple[Worker, dict[str, Any]]], None],
        keep_open: Sequence[int] = (),
        folder: Path | None = None,
    ) -> None:
        self.planned, self._out, self._send = planned, out, send
        self._last: Mapping[str, Any] = {}
        log(out, planned.name, f"a process beside this one, threads: {environment[_THREADS[0]]}")
        with log_file(out, planned.name) as errors:
            self._process = start_module(
                "multidigit.experiments.worker",
                environment=environment,
                errors=errors,
                keep_open=keep_open,
                folder=folder,
            )
        threading.Thread(target=self._forward, daemon=True).start()

    def begin(self, planned: Planned, out: Path, resume: bool, report: Callable[[Progress], None]) -> None:
        """Have it do a run, the one before being done; ``report`` is called with the run's progress."""
        self.planned, self._out, self._report = planned, out, report
        settings = planned.settings.model_dump(mode="json")
        job = {"name": planned.name, "out": str(self._out), "settings": settings, "resume": resume}
        write_line(self._process.stdin, job)

    def _forward(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._send((self, json.loads(line)))
        self._send((self, {}))

    def receive(self, message: Mapping[str, Any]) -> Run | str | None:
        """Take in a message; returns the run where it is done, or the reason why there is none."""
        if "progress" in message:
            from multidigit.training import Progress

            self._report(Progress(**message["progress"]))
            return None
        if "done" in message:
            return open_run(self._out / self.planned.name)
        if message:
            self._last = message
            return None
        code = self._process.wait()
        if "error" not in self._last:
            path = log_path(self._out, self.planned.name)
            self._last = {"error": f"its process {_end(code)}; its log is {path}"}
            log(self._out, self.planned.name, f"failed: {self._last['error']}")
        return str(self._last["error"])

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    @property
    def killed(self) -> bool:
        """Whether it was killed, as the system does where memory does not suffice."""
        return self._process.poll() == -signal.SIGKILL

    def stop(self) -> None:
        """Ask it to save what there is and end."""
        write_line(self._process.stdin, "stop")

    def end(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()
        self._process.wait()


def _end(code: int) -> str:
    """How a process ended, in words."""
    if code == -signal.SIGKILL:
        return "was killed, as the system does where memory does not suffice: with fewer --jobs less is needed"
    if code < 0:
        return f"was ended by signal {-code} ({signal.strsignal(-code)})"
    return f"ended with exit code {code}"
