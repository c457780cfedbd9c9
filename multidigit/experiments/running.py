"""Runs what is not done yet, one by one in this process or several at once in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from multidigit.errors import MultidigitError
from multidigit.experiments.folder import locked, standing_runs, tidy
from multidigit.experiments.logs import log, log_path, train_logged
from multidigit.experiments.plan import Experiment, Planned
from multidigit.experiments.results import Results
from multidigit.machine import processors
from multidigit.runs import Run, open_run

Listen = Callable[[int, Planned], AbstractContextManager[Callable[[Any], None]]]
Ended = Generator[tuple[Planned, Run | str], None, None]
"""Runs as they end, each with the run, finished or interrupted, or with why there is none."""
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")


def run_experiment(
    experiment: Experiment, out: Path, *, listen: Listen, jobs: int = 1
) -> tuple[dict[str, Any], dict[str, str]]:
    """Do the runs that are not done yet; results are written after each.

    Finished runs found in ``out`` are kept; one that was interrupted goes on from where it stood, one that was killed
    begins anew. A run that fails does not keep the others from being done.

    Budgets in minutes compare fairly only where all runs have the machine alike: the same number of them at once, from
    the first to the last, and nothing else beside them. With ``jobs`` the last ones may have more of it than others.

    Args:
        out: the experiment's folder.
        listen: called as a run begins, with its number and the plan; what it yields is told the run's progress.
        jobs: runs at once. With more than one each has a process and its share of the processors.

    Returns:
        The results, and the runs that failed, by name, with the reason.

    Raises:
        RunError: another experiment writes to ``out``, or it holds a run of the same name with other settings.
        KeyboardInterrupt: after the runs under way have been saved.
    """
    with locked(out) as lock:
        tidy(out)
        standing = standing_runs(experiment, out)
        results, failed = Results(experiment, out), {}
        for planned in experiment.plan:
            if planned.name in standing:
                results.add(planned, standing[planned.name])
        written = results.write() if standing else {}
        todo = [planned for planned in experiment.plan if _to_do(standing.get(planned.name))]
        numbers = {planned.name: number for number, planned in enumerate(experiment.plan)}

        def told(planned: Planned) -> AbstractContextManager[Callable[[Any], None]]:
            return listen(numbers[planned.name], planned)

        ended = (
            _one_by_one(todo, out, told, standing)
            if jobs == 1
            else _side_by_side(todo, out, told, standing, jobs, lock)
        )
        interrupted = False
        with closing(ended):
            for planned, run in ended:
                if isinstance(run, str):
                    failed[planned.name] = run
                    continue
                results.add(planned, run)
                # Written after every run, so that what is done can be looked at while the rest goes on.
                written = results.write()
                interrupted = interrupted or run.interrupted
    if interrupted:
        raise KeyboardInterrupt
    return written, failed


def _to_do(run: Run | None) -> bool:
    return run is None or run.interrupted


Told = Callable[[Planned], AbstractContextManager[Callable[[Any], None]]]


def _one_by_one(todo: Sequence[Planned], out: Path, listen: Told, standing: Mapping[str, Run]) -> Ended:
    for planned in todo:
        try:
            with listen(planned) as hear:
                run = train_logged(planned, out, hear, standing.get(planned.name))
        except MultidigitError as error:
            yield planned, str(error)
            continue
        yield planned, run
        if run.interrupted:
            return


def _side_by_side(
    todo: Sequence[Planned], out: Path, listen: Told, standing: Mapping[str, Run], jobs: int, lock: int
) -> Ended:
    heard: SimpleQueue[tuple[_Worker | None, dict[str, Any]]] = SimpleQueue()
    waiting, working = deque(todo), dict[_Worker, ExitStack]()
    stopping = False
    try:
        with _interrupts(lambda: heard.put((None, {}))):
            while working or (waiting and not stopping):
                while waiting and len(working) < jobs and not stopping:
                    planned = waiting.popleft()
                    stack = ExitStack()
                    hear = stack.enter_context(listen(planned))
                    working[_Worker(planned, out, planned.name in standing, jobs, lock, hear, heard.put)] = stack
                # Only between two waits does Ctrl-C come through on every system.
                with suppress(Empty):
                    worker, message = heard.get(timeout=0.5)
                    if worker is None:
                        if stopping:
                            raise KeyboardInterrupt
                        stopping = True
                        for each in working:
                            each.stop()
                    elif (ended := worker.ended(message)) is not None:
                        working.pop(worker).close()
                        # Told to stop before there was anything to keep, it leaves nothing, and that is no failure.
                        if not (stopping and isinstance(ended, str)):
                            yield worker.planned, ended
        if stopping:
            raise KeyboardInterrupt
    finally:
        for worker, stack in working.items():
            worker.end()
            stack.close()


@contextmanager
def _interrupts(tell: Callable[[], None]) -> Iterator[None]:
    """Has Ctrl-C told, where it would have broken off whatever is being done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: tell())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Worker:
    """A process that does one run (see ``worker``); it ends when this process does, however that comes about.

    Args:
        share: how many such processes there may be at once: the processors are divided among them. That is so also
            for the last of them, for what is learnt may depend on the number of threads in its last digits.
        hear: told the run's progress.
        tell: given this worker and each message that matters; the last one is empty.
    """

    def __init__(
        self,
        planned: Planned,
        out: Path,
        resume: bool,
        share: int,
        lock: int,
        hear: Callable[[Any], None],
        tell: Callable[[tuple[_Worker, dict[str, Any]]], None],
    ) -> None:
        self.planned, self._out, self._hear, self._tell = planned, out, hear, tell
        self._last: Mapping[str, Any] = {}
        cores = processors()
        threads = dict.fromkeys(THREADS, str(max(1, cores // share)))
        log(out, planned.name, f"a process of its own, threads: {threads[THREADS[0]]}")
        with log_path(out, planned.name).open("ab") as errors:
            self._process = subprocess.Popen(
                # -P: what lies in the current folder is not to be taken for a module.
                [sys.executable, "-P", "-m", "multidigit.experiments.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**threads, **os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                # It holds the folder's lock with us: nobody else may begin before it has ended.
                pass_fds=() if sys.platform == "win32" else (lock,),
            )
        settings = planned.settings.model_dump(mode="json")
        self._say(json.dumps({"name": planned.name, "out": str(out), "settings": settings, "resume": resume}))
        threading.Thread(target=self._listen, daemon=True).start()

    def _say(self, line: str) -> None:
        assert self._process.stdin
        # If the process has gone, that is found out when its output ends.
        with suppress(OSError):
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._tell((self, json.loads(line)))
        self._tell((self, {}))

    def ended(self, message: Mapping[str, Any]) -> Run | str | None:
        """Take in a message; gives the run after the last one, or why there is none."""
        if "progress" in message:
            from multidigit.training import Progress

            self._hear(Progress(**message["progress"]))
            return None
        if message:
            self._last = message
            return None
        code = self._process.wait()
        if "done" in self._last:
            return open_run(self._out / self.planned.name)
        if "error" not in self._last:
            path = log_path(self._out, self.planned.name)
            self._last = {"error": f"its process ended with exit code {code}; what is known of it is in {path}"}
            log(self._out, self.planned.name, f"failed: {self._last['error']}")
        return str(self._last["error"])

    def stop(self) -> None:
        """Ask it to save what there is and end."""
        self._say("stop")

    def end(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()
        self._process.wait()
