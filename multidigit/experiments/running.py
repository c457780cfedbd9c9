"""Doing the runs of an experiment, one by one in this process or several at once in processes beside it."""

from __future__ import annotations

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
from multidigit.experiments.logs import train_logged
from multidigit.experiments.plan import Experiment, Planned
from multidigit.experiments.results import Results
from multidigit.experiments.workers import Worker, threads
from multidigit.locks import locked
from multidigit.machine import processors
from multidigit.runs import Run

if TYPE_CHECKING:
    from multidigit.training import Progress

Report = Callable[["Progress"], None]
Listen = Callable[[int, Planned], AbstractContextManager[Report]]
"""Given the number of a run in the plan and the run, opens what its progress is reported to."""
Begin = Callable[[Planned], AbstractContextManager[Report]]
Ended = Generator[tuple[Planned, Run | str], None, None]
"""Runs as they end: each with the run, finished or interrupted, or with the reason why there is none."""
Crew = Callable[[Sequence[Planned], Path, Begin, Mapping[str, Run]], Ended]
"""Does runs: given those that are left, the experiment's folder, what to call as a run begins, and the runs that stand
in the folder already."""


def run_experiment(
    experiment: Experiment, out: Path, *, listen: Listen, jobs: int | Crew = 1
) -> tuple[dict[str, Any], dict[str, str]]:
    """Do the runs that are not done yet; results are written before the first and after each.

    Finished runs found in ``out`` are kept; one that was interrupted or killed goes on. A run that fails does not keep
    the others from being done.

    Budgets in minutes compare fairly only where all runs share the machine in the same way: the same number of them at
    once, from the first to the last, and nothing else beside them. With ``jobs`` the last ones may have more of it.

    Args:
        out: the experiment's folder.
        listen: called as a run begins, with its number and the plan; what it yields is called with the run's progress.
        jobs: runs at once. With more than one there are as many processes, each with its share of the processors. Or a
            crew that does the runs elsewhere.

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

        if callable(jobs):
            ended = jobs(todo, out, begin, standing)
        elif jobs == 1:
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
    messages: SimpleQueue[tuple[Worker | None, dict[str, Any]]] = SimpleQueue()
    waiting, working, idle = deque(todo), dict[Worker, ExitStack](), list[Worker]()
    # The same for all, also where the last ones have the machine for themselves.
    share, stopping = threads(processors() // jobs), False
    try:
        with on_interrupt(lambda: messages.put((None, {}))):
            while working or (waiting and not stopping):
                while waiting and len(working) < jobs and not stopping:
                    planned = waiting.popleft()
                    stack = ExitStack()
                    report = stack.enter_context(begin(planned))
                    # A process that has done a run has imported TensorFlow already, which takes seconds.
                    # Each holds the folder's lock, too: no other experiment may begin before it has ended.
                    worker = idle.pop() if idle else Worker(planned, out, share, messages.put, (lock,))
                    worker.begin(planned, out, planned.name in standing, report)
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
def on_interrupt(call: Callable[[], None]) -> Iterator[None]:
    """Within the block Ctrl-C makes this call, and interrupts nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: call())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
