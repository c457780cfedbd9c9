"""What the benchmarks share: rows of accuracy, one core, the best of several, training with progress, results."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, ParamSpec, TypedDict, TypeVar, cast
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from multidigit.cli.progress import Trainings
from multidigit.errors import DataError, MultidigitError
from multidigit.files import write_json, write_text
from multidigit.metrics import expected_calibration_error
from multidigit.runs import Run, environment, read_json
from multidigit.settings import Settings, validate
from multidigit.statistics import wilson_interval
from multidigit.strips.compose import Strips
from multidigit.strips.stream import StripStream
from multidigit.training import train

RESULTS = Path(__file__).parent / "results"
ROWS = "accuracy"
"""Folder of rows, below that of the results."""
MNIST = Path(os.environ.get("MULTIDIGIT_MNIST", Path(__file__).parents[3] / "shared" / "data" / "mnist.npz"))
TEST_STRIPS = 10_000
ROUNDS, ROUND_SECONDS = 20, 0.25
P = ParamSpec("P")
T = TypeVar("T")


class Trained(TypedDict):
    """What a training took: seconds without start-up, strips seen, and the size of the network."""

    seconds: float
    strips: int
    strips_per_second: float
    parameters: int


class Tested(TypedDict):
    """How the test strips were read: the shares of numbers (with its 95 % interval) and of digits that were right."""

    sequence_accuracy: float
    interval: list[float]
    digit_accuracy: float
    strips: int


class Row(TypedDict):
    """One contender, trained once and tested.

    What has no strategy, backbone or training of ours has ``None`` there (``settings`` and ``options`` may be empty);
    what is not trained at all has an empty curve, too. ``curve`` holds [training seconds, validation sequence
    accuracy] pairs in order of time, ``peak_memory`` the bytes that the process held at most.
    """

    contender: str
    layout: str
    strategy: str | None
    backbone: str | None
    options: dict[str, Any]
    minutes: float | None
    seed: int
    settings: dict[str, Any]
    training: Trained | None
    curve: list[list[float]]
    test: Tested
    peak_memory: int | None
    environment: dict[str, Any]


def row_path(folder: Path, layout: str, contender: str, minutes: float | None, seed: int) -> Path:
    """Where the row stands below the folder of the results."""
    # Signs and commas stay: without them a=-1 and a=1 would be one file.
    slug = quote(re.sub(r"[()]", "", contender).replace(" ", "-"), safe="=,")
    budget = f"-{minutes:g}min" if minutes is not None else ""
    return folder / ROWS / f"{layout}-{slug}{budget}-seed{seed}.json"


def write_row(folder: Path, row: Row) -> Path:
    """Write a row below the folder of the results; gives its file."""
    path = row_path(folder, row["layout"], row["contender"], row["minutes"], row["seed"])
    write_json(path, row)
    return path


def read_rows(folder: Path) -> list[Row]:
    """All rows below the folder of the results.

    Raises:
        DataError: there are none.
        RunError: one cannot be read.
    """
    paths = sorted((folder / ROWS).glob("*.json"))
    if not paths:
        raise DataError(f"{folder / ROWS}: no rows yet; measure some with: make bench PART=contenders")
    return [cast(Row, read_json(path)) for path in paths]


def best_so_far(curve: Iterable[Sequence[float]]) -> list[list[float]]:
    """A curve with each accuracy replaced by the best until then: of a training the best weights are kept."""
    best, steps = 0.0, []
    for seconds, accuracy in curve:
        best = max(best, accuracy)
        steps.append([seconds, best])
    return steps


def check_mnist(path: Path) -> None:
    """Say at once, not after a training, that MNIST is not where it is looked for.

    Raises:
        DataError: it is not there.
    """
    if not path.exists():
        raise DataError(f"{path}: no MNIST there; name its .npz file or IDX folder with --mnist or $MULTIDIGIT_MNIST")


def shared_test_strips(mnist: Path, layout: str, seed: int, count: int = TEST_STRIPS) -> Strips:
    """The strips, made of MNIST's test digits, that a contender of this layout and seed is tested on."""
    return StripStream(validate({"digits": str(mnist), "layout": layout, "seed": seed})).fixed("test", count)


CHANCES = 200
"""Draws of what is right, were confidence perfect."""


def readings_measured(sure: NDArray[np.float64], right: NDArray[np.bool_]) -> dict[str, Any]:
    """How pictures were read: numbers right with their 95 % interval, and whether confidence tells how many.

    By chance alone a reader whose confidence is perfect has a calibration error, too, the larger the fewer pictures.
    """
    drawn = np.random.default_rng(0).random((CHANCES, len(sure))) < sure
    return {
        "pictures": len(right),
        "sequence_accuracy": float(right.mean()),
        "interval": list(wilson_interval(int(right.sum()), len(right))),
        "expected_calibration_error": expected_calibration_error(sure, right),
        "calibration_error_by_chance": float(np.mean([expected_calibration_error(sure, each) for each in drawn])),
    }


def peak_memory() -> int | None:
    """Bytes of memory that this process has held at most; ``None`` where the system does not tell."""
    try:
        # Linux counts what a parent held before it became this program into getrusage's figure, but not in here.
        found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text("ascii"))
        if found:
            return int(found[1]) * 1024
    except OSError:
        pass
    if sys.platform == "win32":
        return None
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def megabytes(count: int | None) -> str:
    """Bytes for a table's cell."""
    return "–" if count is None else f"{count / 1e6:,.0f} MB"


def alone(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do the work in a fresh process of its own, so that its memory is its own and nothing is warm."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *args, **kwargs).result()


def parser(about: str | None) -> argparse.ArgumentParser:
    """Options that every part has."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    made.add_argument("--out", type=Path, default=RESULTS, help="folder for the results")
    return made


def mnist_option(made: argparse.ArgumentParser) -> None:
    """``--mnist``, for parts that read real digits."""
    made.add_argument("--mnist", type=Path, default=MNIST, help="MNIST's .npz file or IDX folder")


def run(part: Callable[[], None]) -> None:
    """Run a part; an expected error is one line."""
    try:
        part()
    except MultidigitError as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


@contextmanager
def one_core() -> Iterator[bool]:
    """Binds this process to one processor; yields whether the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield False
        return
    before = os.sched_getaffinity(0)
    # The highest number: systems tend to give their own work to the first.
    os.sched_setaffinity(0, {max(before)})
    try:
        yield True
    finally:
        os.sched_setaffinity(0, before)


def rate(work: Callable[[int], int]) -> dict[str, float]:
    """How much work is done in a second.

    Args:
        work: does a piece of work, given its number, and gives how much that was. The first piece is not timed.

    Returns:
        ``best`` and ``median`` of ``ROUNDS`` rounds, and ``cores``, the processor time that a second took: more than 1
        would say that more than one core was at work.
    """
    number, rates, wall, processor = 1, [], 0.0, 0.0
    work(0)
    for _ in range(ROUNDS):
        done, began, began_processor = 0, time.perf_counter(), time.process_time()
        while (seconds := time.perf_counter() - began) < ROUND_SECONDS:
            done += work(number)
            number += 1
        rates.append(done / seconds)
        wall += seconds
        processor += time.process_time() - began_processor
    return {"best": max(rates), "median": median(rates), "cores": processor / wall}


def trained(settings: Settings, out: Path) -> Run:
    """A run, trained with progress on standard error."""
    with Trainings() as shown, shown.show(out.name) as listen:
        made = train(settings, out, listen=listen)
    if made.interrupted:
        raise KeyboardInterrupt
    return made


def write(folder: Path, part: str, results: Mapping[str, Any], tables: str) -> None:
    """Print the tables, and write ``part.json`` and ``part.md``."""
    about = environment()
    write_json(folder / f"{part}.json", {"environment": about, **results})
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items() if version)
    where = f"{about['system']}, {about['processors']} processors, Python {about['python']}, {packages}."
    write_text(folder / f"{part}.md", f"{tables}\n{where}\n")
    print(tables)
