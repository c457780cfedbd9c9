"""Doing the runs of an experiment, one by one in this process or several at once in processes beside it."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from multidigit.errors import MultidigitError
from multidigit.experiments.folder import check_folder, standing_runs, tidy
from multidigit.experiments.logs import log, log_file, log_path, train_logged
from multidigit.experiments.plan import Experiment, Planned
from multidigit.experiments.results import Results
from multidigit.locks import locked
from multidigit.machine import processors
from multidigit.processes import start_module, write_line
from multidigit.runs import Run, open_run

if TYPE_CHECKING:
    from multidigit.training import Progress

Report = Callable[["Progress"], None]
Listen = Callable[[int, Planned], AbstractContextManager[Report]]
"""Given the number of a run in the plan and the run, opens what its progress is reported to."""
Begin = Callable[[Planned], AbstractContextManager[Report]]
Ended = Generator[tuple[Planned, Run | str], None, None]
"""Runs as they end: each with the run, finished or interrupted, or with the reason why there is none."""
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")


def run_experiment(
    experiment: Experiment, out: Path, *, listen: Listen, jobs: int = 1
) -> tuple[dict[str, Any], dict[str, str]]:
    """Do the runs that are not done yet; results are written before the first and after each.

    Finished runs found in ``out`` are kept; one that was interrupted or killed goes on. A run that fails does not keep
    the others from being done.

    Budgets in minutes compare fairly only where all runs share the machine in the same way: the same number of them at
    once, from the first to the last, and nothing else beside them. With ``jobs`` the last ones may have more of it.

    Args:
        out: the experiment's folder.
        listen: called as a run begins, with its number and the plan; what it yields is called with the run's progress.
        jobs: runs at once. With more than one there are as many processes, each with its share of the processors.

    Returns:
        The results, and the runs that failed, by name, with the reason.

    Raises:
        RunError: another experiment writes to ``out``, or it holds a run of the same name with other settings.
        KeyboardInterrupt: after the runs under way have been saved.
    """
    check_folder(out)
    with locked(out, f"{out}: another experiment is writing to this folder") as lock:
        tidy(out)
        standing = standing_runs(experiment, out)
        results, failed = Results(experiment, out, standing), {}
        written = results.write() if standing else {}
        finished = {name for name, run in standing.items() if not run.interrupted}
        todo = [planned for planned in experiment.plan if planned.name not in finished]
        numbers = {planned.name: number for number, planned in enumerate(experiment.plan)}

        def begin(planned: Planned) -> AbstractContextManager[Report]:
            return listen(numbers[planned.name], planned)

        if jobs == 1:
            ended = _one_by_one(todo, out, begin, standing)
        else:
            ended = _side_by_side(todo, out, begin, standing, jobs, lock)
        interrupted = False
        with closing(ended):
            for planned, run in ended:
                if isinstance(run, str):
                    failed[planned.name] = run
                    continue
                results.add(planned, run)
                # Written after every run, so that finished runs can be used while others are trained.
                written = results.write()
                interrupted = interrupted or run.interrupted
    if interrupted:
        raise KeyboardInterrupt
    return written, failed


def _one_by_one(todo: Sequence[Planned], out: Path, begin: Begin, standing: Mapping[str, Run]) -> Ended:
    for planned in todo:
        try:
            with begin(planned) as report:
                run = train_logged(planned, out, report, standing.get(planned.name))
        except MultidigitError as error:
            yield planned, str(error)
            continue
        yield planned, run
        if run.interrupted:
            return


def _side_by_side(
    todo: Sequence[Planned], out: Path, begin: Begin, standing: Mapping[str, Run], jobs: int, lock: int
) -> Ended:
    messages: SimpleQueue[tuple[_Worker | None, dict[str, Any]]] = SimpleQueue()
    waiting, working, idle = deque(todo), dict[_Worker, ExitStack](), list[_Worker]()
    stopping = False
    try:
        with _on_interrupt(lambda: messages.put((None, {}))):
            while working or (waiting and not stopping):
                while waiting and len(working) < jobs and not stopping:
                    planned = waiting.popleft()
                    stack = ExitStack()
                    report = stack.enter_context(begin(planned))
                    # A process that has done a run has imported TensorFlow already, which takes seconds.
                    worker = idle.pop() if idle else _Worker(out, jobs, lock, planned, messages.put)
                    worker.begin(planned, planned.name in standing, report)
                    working[worker] = stack
                # Only between two waits does Ctrl-C arrive on every system.
                with suppress(Empty):
                    sender, message = messages.get(timeout=0.5)
                    if sender is None:
                        if stopping:
                            raise KeyboardInterrupt
                        stopping = True
                        for worker in working:
                            worker.stop()
                    elif sender in idle:
                        idle.remove(sender)  # it ended by itself
                    elif (result := sender.receive(message)) is not None:
                        working.pop(sender).close()
                        if not isinstance(result, str):
                            idle.append(sender)
                        # Stopped before there was anything to keep, a run leaves nothing; that is no failure.
                        if not (stopping and isinstance(result, str)):
                            yield sender.planned, result
        if stopping:
            raise KeyboardInterrupt
    finally:
        for worker, stack in working.items():
            worker.end()
            stack.close()
        for worker in idle:
            worker.end()


@contextmanager
def _on_interrupt(call: Callable[[], None]) -> Iterator[None]:
    """Within the block Ctrl-C makes this call, and interrupts nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: call())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Worker:
    """A process that does runs one after another (see ``worker``); it ends when this one does, for whatever reason.

    Args:
        jobs: how many such processes there may be at once: the processors are divided among them. That is so also for
            the last of them, for the last digits of what is learnt may depend on the number of threads.
        planned: the first run, whose log it begins with.
        send: called with this worker and each of its messages; where the process ends, an empty one.
    """

    def __init__(
        self,
        out: Path,
        jobs: int,
        lock: int,
        planned: Planned,
        send: Callable[[tuple[_Worker, dict[str, Any]]], None],
    ) -> None:
        self.planned, self._out, self._send = planned, out, send
        self._last: Mapping[str, Any] = {}
        threads = dict.fromkeys(THREADS, str(max(1, processors() // jobs)))
        chosen = {name: os.environ.get(name, count) for name, count in threads.items()}
        log(out, planned.name, f"a process beside this one, threads: {chosen[THREADS[0]]}")
        with log_file(out, planned.name) as errors:
            # It holds the folder's lock, too: no other experiment may begin before it has ended.
            self._process = start_module(
                "multidigit.experiments.worker", environment=chosen, errors=errors, keep_open=(lock,)
            )
        threading.Thread(target=self._forward, daemon=True).start()

    def begin(self, planned: Planned, resume: bool, report: Report) -> None:
        """Have it do a run, the one before being done; ``report`` is called with the run's progress."""
        self.planned, self._report = planned, report
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
