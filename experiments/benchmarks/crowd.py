"""Four writers and ten readers on one folder of runs for ten minutes: nobody may ever see half a run.

The writers make runs, new ones and others in the place of those that stand there, and every third time they are killed
in the middle. All parts of a run hold the same number; a reader that sees two numbers, or a run that is not whole, has
found a fault. A place where two writers meet may cost one of them an error of one line.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from tempfile import TemporaryDirectory

import common
import numpy as np

from multidigit.cli.progress import note
from multidigit.errors import MultidigitError, RunError
from multidigit.metrics import measure_answers
from multidigit.runs import (
    ANSWERS,
    HISTORY,
    LITERT_MODEL,
    METRICS,
    SETTINGS,
    Run,
    RunWriter,
    find_runs,
    open_run,
    pick_run,
)
from multidigit.settings import Settings, to_yaml

PLACES = 6
"""Names that the writers share."""
STRIPS = 2_000
GONE = "was replaced while it was read"
"""The error of a reader whose run is exchanged between two parts that it reads: that is no fault."""


def write_run(path: Path, number: int, die: bool) -> None:
    """A run whose every part holds the number; or its process ends in the middle."""
    settings = Settings(seed=number)
    with RunWriter(path, replace=path.exists()) as writer:
        slots = np.full((STRIPS, settings.slots), number % 10, np.uint8)
        confidence = np.full(STRIPS, number % 100 / 100, np.float32)
        writer.bytes(LITERT_MODEL, str(number).encode() * 1000)
        with writer.file(ANSWERS) as file:
            np.savez(file, slots=slots, answers=slots, confidence=confidence)
        writer.table(HISTORY, [{"epoch": 1, "strips": number}])
        if die:
            os._exit(9)
        writer.text(SETTINGS, to_yaml(settings))
        training = {"seconds": 1.0, "strips": number, "parameters": 1}
        writer.json(METRICS, {"training": training, "test": measure_answers(slots, slots, confidence)})
        writer.finish(settings)


def parts(run: Run) -> set[int]:
    """The numbers that a run's parts hold."""
    confidence = run.answers["confidence"][[0, -1]]
    return {
        run.settings.seed % 100,
        int(run.history[0]["strips"]) % 100,
        *np.rint(100 * confidence).astype(int).tolist(),
        run.metrics["training"]["strips"] % 100,
    }


def write(home: Path, seed: int, over: Event, counted: Synchronized[int], refused: Synchronized[int]) -> None:
    rng = random.Random(seed)
    number = seed
    while not over.is_set():
        number += 4
        path = home / f"run-{rng.randrange(PLACES)}"
        die = rng.random() < 1 / 3
        child = multiprocessing.get_context("fork").Process(target=_written, args=(path, number, die, refused))
        child.start()
        child.join()
        with counted.get_lock():
            counted.value += 1


def _written(path: Path, number: int, die: bool, refused: Synchronized[int]) -> None:
    try:
        write_run(path, number, die)
    except RunError:
        with refused.get_lock():
            refused.value += 1


def read(
    home: Path, seed: int, over: Event, counted: Synchronized[int], found: multiprocessing.SimpleQueue[str]
) -> None:
    rng = random.Random(seed)
    while not over.is_set():
        runs = find_runs(home)
        if not runs:
            continue
        path = rng.choice(runs)
        try:
            run = open_run(path) if rng.random() < 0.9 else pick_run(None, home)
            seen = parts(run)
        except RunError as error:
            if GONE not in str(error):
                found.put(str(error))
            continue
        except Exception as error:
            found.put(f"{path.name}: {type(error).__name__}: {error}")
            continue
        if len(seen) != 1:
            found.put(f"{path.name}: parts of {seen}")
        with counted.get_lock():
            counted.value += 1


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long")
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--readers", type=int, default=10)
    arguments = parser.parse_args()
    context = multiprocessing.get_context("fork")
    with TemporaryDirectory() as folder:
        home = Path(folder, "runs")
        # What these import is imported once, before the processes are made.
        write_run(home / "run-0", 0, die=False)
        assert len(parts(open_run(home / "run-0"))) == 1
        over = context.Event()
        written, refused, whole = context.Value("i"), context.Value("i"), context.Value("i")
        found: multiprocessing.SimpleQueue[str] = context.SimpleQueue()
        writers = [
            context.Process(target=write, args=(home, seed, over, written, refused))
            for seed in range(arguments.writers)
        ]
        readers = [
            context.Process(target=read, args=(home, seed, over, whole, found)) for seed in range(arguments.readers)
        ]
        for process in [*writers, *readers]:
            process.start()
        end, faults = time.monotonic() + 60 * arguments.minutes, list[str]()
        while time.monotonic() < end and any(process.is_alive() for process in readers):
            time.sleep(0.2)
            while not found.empty():
                faults.append(found.get())
                note(faults[-1])
        over.set()
        for process in [*writers, *readers]:
            process.join()
        for number in range(PLACES):
            write_run(home / f"run-{number}", number, die=False)
        left = sorted(path.name for path in home.iterdir() if path.name.startswith("."))
    text = (
        f"{arguments.writers} writers made {written.value:,} runs, a third of them killed in the middle and "
        f"{refused.value:,} refused where two met; {arguments.readers} readers saw {whole.value:,} whole runs and "
        f"{len(faults):,} that were not. After one more run in each place {len(left)} stray files are left.\n"
    )
    results = {"written": written.value, "refused": refused.value, "read": whole.value, "faults": faults, "left": left}
    common.write(arguments.out, "crowd", results, text)
    if faults or left:
        raise MultidigitError("a run was seen that is not whole, or something is left")


if __name__ == "__main__":
    common.run(main)
