"""What the benchmarks share: one core, the best of several, training with progress, results as JSON and Markdown."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from multidigit.cli.progress import Training
from multidigit.errors import MultidigitError
from multidigit.files import write_json, write_text
from multidigit.runs import Run, environment
from multidigit.settings import Settings
from multidigit.training import train

RESULTS = Path(__file__).parent / "results"
ROUNDS, ROUND_SECONDS = 20, 0.25


def parser(about: str | None) -> argparse.ArgumentParser:
    """Options that every part has."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    made.add_argument("--out", type=Path, default=RESULTS, help="folder for the results")
    return made


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
    with Training() as shown:
        made = train(settings, out, listen=shown.begin(out.name))
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
