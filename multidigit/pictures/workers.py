"""Decoding pictures in processes beside this one, which reads the strips meanwhile; memory stays flat.

A worker is this module run as a program, with the arguments of its ``Looker``. On its standard input it takes tasks, a
line each: the paths as a JSON list. On its standard output it answers with what it sees in each, pickled. So threads of
the program that asks are not forked, it needs no ``__main__`` guard, and a worker whose parent has ended finds its
input at an end, and ends as well.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import traceback
from collections import deque
from collections.abc import Generator, Iterable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from multidigit.errors import PictureError, picture_error, printable
from multidigit.machine import processors
from multidigit.pictures import Looker, Seen, load_picture
from multidigit.processes import own_output, start_module, write_line

CHUNK = 64
"""Pictures in a task."""
FEWEST = 300
"""Pictures below which workers do not pay: they take 0.2 s to start, in which hundreds of small pictures are read."""
MOST = 8
"""Workers that one process can read the strips of."""

Answer: TypeAlias = "Seen | PictureError"
"""What is seen in a picture, or why nothing is."""

_READY = b"ready\n"
# With as many workers as cores, more threads in each would only be in the way.
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


def useful_workers(count: int | None) -> int:
    """How many workers to decode ``count`` pictures with, ``None`` being very many; 0 where workers would not pay."""
    if count is not None and count < FEWEST:
        return 0
    cores = processors()
    return min(cores, MOST) if cores > 1 else 0


def seen_in(paths: Iterable[str], workers: int, looker: Looker) -> Generator[tuple[str, Answer], None, None]:
    """What is seen in picture files, in the order of the paths.

    Paths are taken as they are needed, at most ``CHUNK`` for each worker ahead. A picture that a worker does not
    survive, since memory ran out or a library failed, becomes an error, and the others are read.

    Args:
        paths: picture files.
        workers: processes to decode in; 0 for this one.
        looker: turns pictures into strips.

    Yields:
        Each path with its strips, not to be written to; or with the ``PictureError`` that says why there are none.
    """
    if not workers:
        for path in paths:
            yield path, _seen(path, looker)
        return
    crew = Crew(workers, looker)
    try:
        yield from crew.seen_in(paths)
    finally:
        crew.end()


class Crew:
    """Processes that decode pictures, kept from one series of them to the next; each is started by its first task.

    Args:
        workers: how many, at least 1.
        looker: turns pictures into strips.
    """

    def __init__(self, workers: int, looker: Looker) -> None:
        self._workers = deque(_Worker(looker) for _ in range(workers))

    def seen_in(self, paths: Iterable[str]) -> Generator[tuple[str, Answer], None, None]:
        """As the function ``seen_in``."""
        left, complete = iter(paths), False
        try:
            # A worker gets a task only when its last answer is in, so that never both sides wait to write; and it gets
            # it before that answer goes out, so that it has something to do while its strips are read.
            while chunk := list(islice(left, CHUNK)):
                answer = self._workers[0].answer()
                self._workers[0].ask(chunk)
                self._workers.rotate(-1)
                yield from answer
            for worker in self._workers:
                yield from worker.answer()
            complete = True
        finally:
            if not complete:
                self.end()  # answers that nobody took would be those of the next series

    def end(self) -> None:
        """End the processes, whatever they are doing."""
        for worker in self._workers:
            worker.end()


class _Worker:
    """A process that decodes; it is started by the first task."""

    def __init__(self, looker: Looker) -> None:
        self._looker = looker
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._asked: list[str] = []

    def ask(self, paths: list[str]) -> None:
        """Gives a task, whose answer has to be taken before the next."""
        self._asked = paths
        self._send(paths)

    def _send(self, paths: list[str]) -> None:
        # Whether the process started, and still runs, shows when its answer is read.
        with suppress(OSError):
            if self._process is None:
                looker = self._looker
                arguments = str(looker.slots), str(int(looker.inked)), str(looker.finder or "")
                self._process = start_module(__name__, *arguments, environment=_ONE_THREAD)
            write_line(self._process.stdin, paths)

    def answer(self) -> list[tuple[str, Answer]]:
        """What was found for every path of the task, if there was one."""
        paths, self._asked = self._asked, []
        try:
            found = self._received() if paths else []
        except EOFError:
            started = self._ready
            self.end()
            # Where no process can be started, this one has to do; a picture that ends a process it must not try.
            found = [self._alone(path) if started else _seen(path, self._looker) for path in paths]
        return list(zip(paths, found, strict=True))

    def _alone(self, path: str) -> Answer:
        """Decodes one picture of a task that the process did not survive."""
        self._send([path])
        try:
            return self._received()[0]
        except EOFError:
            self.end()
            expected, received = "a picture that can be decoded", "one that the process decoding it did not survive"
            return picture_error(printable(path), expected, received, "save it anew, or leave it out")

    def _received(self) -> list[Answer]:
        """Reads an answer; ``EOFError`` where the process ended before it was complete."""
        if self._process is None:
            raise EOFError
        assert self._process.stdout
        self._ready = self._ready or self._process.stdout.readline() == _READY
        try:
            # From a process of this program's own, so that nothing is trusted that is not already.
            found: list[Answer] | str = pickle.load(self._process.stdout)
        except pickle.UnpicklingError:
            raise EOFError from None
        if isinstance(found, str):
            raise RuntimeError(f"in a process that decodes pictures:\n{found}")
        return found

    def end(self) -> None:
        """Ends the process, whatever it is doing."""
        process, self._process, self._ready, self._asked = self._process, None, False, []
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe
            with suppress(OSError):
                pipe.close()


def _seen(path: str, looker: Looker) -> Answer:
    try:
        return looker(load_picture(path))
    except PictureError as error:
        return error


def _serve() -> None:
    """What a worker does."""
    answers = own_output()
    answers.write(_READY)
    answers.flush()
    looker = Looker(int(sys.argv[1]), bool(int(sys.argv[2])), Path(sys.argv[3]) if sys.argv[3] else None)
    for task in sys.stdin.buffer:
        found: list[Answer] | str
        try:
            found = [_seen(path, looker) for path in json.loads(task)]
        except Exception:  # a fault of ours, which the parent reports
            found = traceback.format_exc()
        pickle.dump(found, answers)
        answers.flush()


if __name__ == "__main__":
    _serve()
