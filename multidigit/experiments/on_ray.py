"""Runs of an experiment as tasks of a Ray cluster, one task a run.

A task trains in a temporary folder of its node and returns run and log as bytes. Only the process that the user started
writes to the experiment's folder: the nodes share no disk. The training is in a process beside Ray's (see ``worker``):
where that crashes, the strategy is at fault and not the node. While it trains, a task writes to the ``Board`` how far
it is, and reads there whether to stop.
"""

from __future__ import annotations

import itertools
import os
import socket
import time
import warnings
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypedDict

from multidigit.cluster import ClusterWarning, check_version, connected, missing_package
from multidigit.digits import SOURCES
from multidigit.errors import MultidigitError, reason
from multidigit.experiments.logs import log, log_file, log_path
from multidigit.experiments.plan import Planned
from multidigit.experiments.running import Begin, Crew, Ended, on_interrupt
from multidigit.experiments.workers import Worker, threads
from multidigit.files import append_line, remove, temporary_folder, write_bytes
from multidigit.runs import ENVIRONMENT, SHIPPED, Run, open_run, pick_run, write_copy
from multidigit.settings import Settings, validate
from multidigit.training.checkpoints import checkpoint_folder
from multidigit.version import __version__

if TYPE_CHECKING:
    from multidigit.training import Progress

EVERY = 0.5
"""Seconds from one look at the board to the next."""
REPEATS = 3
"""How often a run is begun again whose node or process was lost."""
HEAD = "node:__internal_head__"
"""A resource that only the head of a cluster has."""


class Files(TypedDict):
    """What there is of a run, by the names of its files: the run itself, and checkpoints of its training."""

    run: dict[str, bytes]
    checkpoints: dict[str, bytes]


class Job(TypedDict):
    """What a task is to do.

    ``number`` names it on the board; ``out`` is the experiment's folder, which only messages name, ``folder`` the
    current one of the user, ``needed`` absolute paths that settings name, ``environment`` variables of the process
    that trains, and ``standing`` what there is of the run.
    """

    number: int
    name: str
    settings: dict[str, Any]
    out: str
    folder: str
    needed: list[str]
    environment: dict[str, str]
    standing: Files


class Outcome(TypedDict):
    """What a task returns; ``failed`` is the reason why there is no run, or empty."""

    failed: str
    files: Files
    log: bytes


class Board:
    """Where tasks note how far they are, for the process that waits for them, and whether they are to stop.

    It is an actor on the head of the cluster. A note is a dictionary with ``began``, the name of a node, and
    ``attempt``; or with ``progress``; or with ``lost``, why an attempt ended.
    """

    def __init__(self) -> None:
        self._notes: list[tuple[int, dict[str, Any]]] = []
        self._attempts: Counter[int] = Counter()
        self._stopping = False

    def begin(self, number: int, node: str) -> tuple[int, bool]:
        """Note that a task begins; returns which attempt that is, and whether to stop at once."""
        if not self._stopping:
            self._attempts[number] += 1
            self._notes.append((number, {"began": node, "attempt": self._attempts[number]}))
        return self._attempts[number], self._stopping

    def write(self, number: int, notes: Sequence[dict[str, Any]]) -> bool:
        """Add notes of a task; returns whether it is to stop."""
        self._notes += [(number, note) for note in notes]
        return self._stopping

    def read(self, stopping: bool) -> list[tuple[int, dict[str, Any]]]:
        """The notes since the last call; from now on tasks are to stop or not."""
        self._stopping = stopping
        notes, self._notes = self._notes, []
        return notes


class LostError(MultidigitError):
    """The process that trained was killed; another attempt may have more memory."""


@contextmanager
def ray_crew(on: str, jobs: int) -> Iterator[Crew]:
    """What does runs as tasks of the cluster that ``--on`` names; see ``run_experiment``.

    Each task takes one processor, or as many as TF_NUM_INTRAOP_THREADS names, and a GPU where the cluster has any.

    Args:
        jobs: tasks at once; 0 for as many as the cluster has room for.

    Raises:
        MultidigitError: the cluster cannot be reached, or no longer; see ``connected``.
    """
    with connected(on) as ray:
        numbers = itertools.count()
        try:
            # The head has it for certain: other nodes may be lost.
            board = ray.remote(Board).options(num_cpus=0, resources={HEAD: 0.001}).remote()
        except ImportError as error:
            raise _no_longer(on, error) from None

        def crew(todo: Sequence[Planned], out: Path, begin: Begin, standing: Mapping[str, Run]) -> Ended:
            try:
                yield from _as_tasks(ray, board, numbers, jobs, todo, out, begin, standing)
            except (ray.exceptions.RayError, ConnectionError, ImportError) as error:
                if isinstance(error, ray.exceptions.RayTaskError):
                    raise  # a fault of ours
                raise _no_longer(on, error) from None

        yield crew


def _no_longer(on: str, error: Exception) -> MultidigitError:
    lost = f"the cluster no longer answers ({reason(error)}); finished runs are kept, and the same command goes on"
    return MultidigitError(f"--on {on}: {missing_package(error) or lost}")


@dataclass
class _Task:
    """A task under way; ``began`` once a node works on it."""

    planned: Planned
    began: bool = False
    shown: ExitStack = field(default_factory=ExitStack)
    report: Any = None


def _as_tasks(
    ray: ModuleType,
    board: Any,
    numbers: Iterator[int],
    jobs: int,
    todo: Sequence[Planned],
    out: Path,
    begin: Begin,
    standing: Mapping[str, Run],
) -> Ended:
    share = threads(1)
    wanted = next(iter(share.values()))
    cores = int(wanted) if wanted.isdecimal() and int(wanted) else 1
    gpus = 1 if ray.cluster_resources().get("GPU") else 0
    largest = max((node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]), default=0)
    if todo and largest < cores:
        # No error: a cluster may grow, and the head of one that does often takes no tasks.
        warnings.warn(
            f"a run takes {cores} processors (TF_NUM_INTRAOP_THREADS, or else 1), and no node of the cluster has more "
            f"than {largest:.0f}; runs wait for one that has",
            ClusterWarning,
            stacklevel=2,
        )
    do = ray.remote(train_there).options(
        num_cpus=cores, num_gpus=gpus, max_retries=REPEATS, retry_exceptions=[LostError]
    )

    def room() -> int:
        """Tasks to submit: what fits, and as many that wait, by which a cluster that can grow sees what is wanted."""
        has = ray.cluster_resources()
        fit = has.get("CPU", 0) // cores
        return max(1, 2 * int(min(fit, has.get("GPU", 0)) if gpus else fit))

    waiting, tasks, refs = deque(todo), dict[int, _Task](), dict[Any, int]()
    interrupts = 0

    def interrupt() -> None:
        nonlocal interrupts
        interrupts += 1

    try:
        with on_interrupt(interrupt):
            while refs or (waiting and not interrupts):
                most = jobs or room()
                while waiting and len(refs) < most and not interrupts:
                    planned, number = waiting.popleft(), next(numbers)
                    job = Job(
                        number=number,
                        name=planned.name,
                        settings=planned.settings.model_dump(mode="json"),
                        out=str(out),
                        folder=str(Path.cwd()),
                        needed=_needed(planned.settings),
                        environment=share,
                        standing=_pack(out / planned.name, standing.get(planned.name)),
                    )
                    tasks[number] = _Task(planned)
                    refs[do.remote(__version__, board, job)] = number
                ended, _ = ray.wait(list(refs), timeout=EVERY)
                if interrupts > 1:
                    raise KeyboardInterrupt
                stopping = interrupts > 0
                for number, note in ray.get(board.read.remote(stopping)):
                    if number in tasks:
                        _take_note(tasks[number], note, out, begin)
                if stopping:
                    # What has not begun by now finds on the board that it is not to.
                    for ref, number in list(refs.items()):
                        if not tasks[number].began and ref not in ended:
                            ray.cancel(ref)
                            refs.pop(ref)
                for ref in ended:
                    task = tasks.pop(refs.pop(ref))
                    result = _result(ray, ref, task.planned, out)
                    task.shown.close()
                    # Stopped before there was anything to keep, a run leaves nothing; that is no failure.
                    if not (stopping and isinstance(result, str)):
                        yield task.planned, result
        if interrupts:
            raise KeyboardInterrupt
    finally:
        for ref in refs:
            with suppress(Exception):  # the cluster may be gone
                ray.cancel(ref)
        for task in tasks.values():
            task.shown.close()


def _take_note(task: _Task, note: Mapping[str, Any], out: Path, begin: Begin) -> None:
    name = task.planned.name
    if "began" in note:
        if not task.began:
            task.began, task.report = True, task.shown.enter_context(begin(task.planned))
        again = "again, for the one that had it was lost, " if note["attempt"] > 1 else ""
        log(out, name, f"{again}on node {note['began']}")
    elif "lost" in note:
        log(out, name, f"lost: {note['lost']}")
    else:
        from multidigit.training import Progress

        task.report(Progress(**note["progress"]))


def _result(ray: ModuleType, ref: Any, planned: Planned, out: Path) -> Run | str:
    """The run that a task returned, put in its place, or the reason why there is none."""
    try:
        outcome: Outcome = ray.get(ref)
    except ray.exceptions.RayTaskError as error:
        why = str(error.cause) if isinstance(error.cause, LostError) else missing_package(error)
        if not why:
            raise
    except ray.exceptions.RayError as error:
        why = f"its node or process was lost again and again ({reason(error)}); the same command begins it anew"
    else:
        if not outcome["log"]:
            log(out, planned.name, f"failed: {outcome['failed']}")
        with log_file(out, planned.name) as file:
            append_line(file, outcome["log"])
        run = _unpack(outcome["files"], out / planned.name)
        if run:
            remove(checkpoint_folder(run.path))  # of an earlier training here that was killed
        return run or outcome["failed"]
    log(out, planned.name, f"failed: {why}")
    return why


def _needed(settings: Settings) -> list[str]:
    """Files and folders of this machine that the settings name: absolute paths.

    What is not here either is left to the training, whose error is the same as without a cluster.
    """
    digits = settings.digits
    named = [digits] if isinstance(digits, str) else list(digits)
    paths = [Path(each.partition(":")[2] if each.partition(":")[0] in SOURCES else each) for each in named]
    if settings.data:
        paths.append(Path(settings.data.path))
    if settings.train.start:
        with suppress(MultidigitError):
            paths.append(pick_run(settings.train.start).path)
    return [str(path.absolute()) for path in paths if path != SHIPPED and path.name and path.exists()]


def _pack(path: Path, run: Run | None) -> Files:
    """What there is of the run that stands, or is to stand, at the path."""
    parts = [ENVIRONMENT, *run.environment["parts"]] if run else []
    return {
        "run": {name: (path / name).read_bytes() for name in parts},
        "checkpoints": {file.name: file.read_bytes() for file in checkpoint_folder(path).glob("*.npz")},
    }


def _unpack(files: Files, path: Path) -> Run | None:
    """Put what there is of a run in its place; the run, if it is there."""
    for name, data in files["checkpoints"].items():
        write_bytes(checkpoint_folder(path) / name, data)
    return write_copy(path, files["run"]) if files["run"] else None


# What follows is done on the nodes.

_kept: list[tuple[Worker, SimpleQueue[tuple[Worker, dict[str, Any]]]]] = []
"""The process of the task before, if there was one here: it has imported TensorFlow already, which takes seconds."""


def train_there(version: str, board: Any, job: Job) -> Outcome:
    """Do a run on a node: what a task does.

    Args:
        version: of the package that the user started.
        board: the actor.
        job: what to do.

    Raises:
        LostError: the process that trained was killed.
    """
    node = socket.gethostname()
    try:
        check_version(version)
    except MultidigitError as error:
        return _failure(str(error))
    for path in job["needed"]:
        if not Path(path).exists():
            return _failure(
                f"{path}: is not there on node {node}; expected every file that settings name under the same path on "
                "all nodes; copy it there, or put it on a disk that they share"
            )
    try:
        planned = Planned(job["name"], validate(job["settings"]))
    except MultidigitError as error:  # as where a package of strategies is not installed
        return _failure(f"on node {node}: {error}")
    attempt, stopping = _answer(board.begin.remote(job["number"], node))
    if stopping or attempt > REPEATS + 1:
        return _failure("its node or process was lost again and again; the same command begins it anew")
    with temporary_folder() as folder:
        _unpack(job["standing"], folder / planned.name)
        failed, killed = _train(board, job, planned, folder)
        failed = failed.replace(str(folder), job["out"])
        if killed:
            _answer(board.write.remote(job["number"], [{"lost": failed}]))
            raise LostError(failed)
        wrote = log_path(folder, planned.name).read_bytes().replace(str(folder).encode(), job["out"].encode())
        made = None if failed else open_run(folder / planned.name)
        return {"failed": failed, "files": _pack(folder / planned.name, made), "log": wrote}


def _answer(reference: Any) -> Any:
    """What the board answers. ``ray.get`` would give the task's processors to another one while it waits."""
    return reference.future().result()


def _failure(why: str) -> Outcome:
    """That of a task that did not train."""
    return {"failed": why, "files": {"run": {}, "checkpoints": {}}, "log": b""}


def _train(board: Any, job: Job, planned: Planned, folder: Path) -> tuple[str, bool]:
    """Train in a process beside this one; why that failed, or nothing, and whether the process was killed."""
    notes: list[Progress] = []

    def note(progress: Progress) -> None:
        # Of what only moves a bar, the newest is enough.
        if notes and not (notes[-1].epoch or notes[-1].doing):
            notes.pop()
        notes.append(progress)

    def tell() -> bool:
        given = [{"progress": asdict(each)} for each in notes]
        notes.clear()
        return bool(_answer(board.write.remote(job["number"], given)))

    worker, messages = _worker(job, planned, folder)
    result, stopped, last = None, False, time.monotonic()
    try:
        worker.begin(planned, folder, bool(job["standing"]["run"]), note)
        while result is None:
            with suppress(Empty):
                result = worker.receive(messages.get(timeout=EVERY)[1])
            if time.monotonic() - last >= EVERY:
                last = time.monotonic()
                if tell() and not stopped:
                    stopped = True
                    worker.stop()
        tell()
    except BaseException:
        worker.end()
        raise
    if isinstance(result, str):
        return result, worker.killed
    _kept.append((worker, messages))
    return "", False


def _worker(job: Job, planned: Planned, folder: Path) -> tuple[Worker, SimpleQueue[tuple[Worker, dict[str, Any]]]]:
    """The process of the task before, or a new one, in the user's current folder where there is one of that path."""
    while _kept:
        worker, messages = _kept.pop()
        if not worker.ended:
            return worker, messages
    messages = SimpleQueue()
    here = Path(job["folder"]) if os.path.isdir(job["folder"]) else None  # noqa: PTH112
    return Worker(planned, folder, job["environment"], messages.put, folder=here), messages
