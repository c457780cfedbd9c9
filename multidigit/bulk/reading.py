"""Parts: which are there, which are still to be read, and by whom; and the index of all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from itertools import islice
from typing import Any, TypeAlias

from multidigit.bulk.parts import INDEX, About, Part, Summary, described, in_parts
from multidigit.bulk.store import Store
from multidigit.bulk.work import Order, PartReader, read_elsewhere, run_digest
from multidigit.cluster import connected, missing_package
from multidigit.errors import MultidigitError, PictureError, reason
from multidigit.files import json_text
from multidigit.pictures.workers import useful_workers
from multidigit.reading.reader import Reader
from multidigit.version import __version__

CORES = 1
"""Processors that a part takes on a cluster."""
AHEAD = 2
"""Parts under way for each of them, so that none waits for this process."""
RETRIES = 3
"""How often a part is read again whose process or machine was lost."""

Work: TypeAlias = Callable[[Iterator[Part]], Iterator[tuple[Part, bytes]]]
"""Reads parts, and gives the file of each as it is done, in any order."""


def about(reader: Reader, options: Mapping[str, Any], every_row: bool, size: int) -> About:
    """What parts are read with, and what those of another command differ in."""
    return {"multidigit": __version__, "run": run_digest(reader.run), **options, "all": every_row, "part_size": size}


def read_in_parts(
    found: Iterable[str | PictureError],
    size: int,
    store: Store,
    made_with: About,
    working: AbstractContextManager[Work],
) -> Iterator[tuple[Summary, bytes | None]]:
    """Read pictures in parts; of each part, in any order, its summary and its file, or ``None`` where it stood there.

    Parts that stand there and hold the same pictures, read with the same, are left as they are. In the end the index is
    written.

    Raises:
        MultidigitError: what stands there is of another command, or cannot be written; nothing of it is replaced.
    """
    with store.taken():
        names = store.names()
        standing = {name for name in names if name.startswith("part-") and name.endswith(".parquet")}
        if INDEX in names and not standing:
            raise MultidigitError(
                f"{store.path(INDEX)}: expected none, or parts beside it; received one alone; name another folder with "
                "--parquet"
            )
        entries: dict[int, dict[str, Any]] = {}
        ready: list[tuple[Summary, None]] = []

        def missing() -> Iterator[Part]:
            for part in in_parts(found, size):
                if part.name not in standing:
                    yield part
                    continue
                standing.remove(part.name)
                data = store.read(part.name)
                summary = _checked(store, part, data, made_with)
                entries[part.number] = _entry(summary, data)
                ready.append((summary, None))

        # Refused before anything is read: parts that this command would not make.
        for name in sorted(standing)[:1]:
            _check_made_with(store, name, store.read(name), made_with)
        with working as work:
            for part, data in work(missing()):
                while ready:
                    yield ready.pop()
                store.write(part.name, data)
                summary = described(data)[1]
                entries[part.number] = _entry(summary, data)
                yield summary, data
        yield from ready
        if standing:
            raise MultidigitError(
                f"{store.path(min(standing))}: expected {len(entries):,} parts; received more, of pictures that are no "
                "longer named; remove them, or name another folder with --parquet"
            )
        totals = {
            key: sum(entry[key] for entry in entries.values()) for key in ("pictures", "rows", "withheld", "failed")
        }
        parts = [entries[number] for number in sorted(entries)]
        store.write(INDEX, json_text({"format": 1, "made_with": made_with, **totals, "parts": parts}).encode())


def _entry(summary: Summary, data: bytes) -> dict[str, Any]:
    return {**asdict(summary), "digest": hashlib.sha256(data).hexdigest()}


def _check_made_with(store: Store, name: str, data: bytes, made_with: About) -> Summary:
    remedy = "name another folder with --parquet, or remove what is in this one"
    try:
        before, summary = described(data)
    except ValueError as error:
        raise MultidigitError(f"{store.path(name)}: expected a part; received {error}; {remedy}") from None
    for key, value in made_with.items():
        if before.get(key) != value:
            shown = {"run": "another run"}.get(key, f"{key} {before.get(key)}, not {value}")
            raise MultidigitError(
                f"{store.path(name)}: expected a part of this command; received one read with {shown}; {remedy}"
            )
    return summary


def _checked(store: Store, part: Part, data: bytes, made_with: About) -> Summary:
    """The summary of a part that stands there.

    Raises:
        MultidigitError: it is of another command, of other pictures, or damaged.
    """
    summary = _check_made_with(store, part.name, data, made_with)
    if summary.paths != part.digest():
        raise MultidigitError(
            f"{store.path(part.name)}: expected the readings of {part.paths[0]} to {part.paths[-1]}; received those of "
            f"other pictures; name another folder with --parquet, or remove what is in this one"
        )
    return summary


@contextmanager
def here(reader: Reader, every_row: bool, made_with: About) -> Iterator[Work]:
    """Parts are read by this process, one after another."""
    one = PartReader(reader, useful_workers(None), every_row, made_with)
    try:
        yield lambda parts: ((part, one.read(part)) for part in parts)
    finally:
        one.end()


@contextmanager
def elsewhere(on: str, order: Order) -> Iterator[Work]:
    """Parts are tasks of a Ray cluster; ``on`` names it as ``--on`` does.

    Raises:
        MultidigitError: the cluster cannot be reached; or, while it works, a part cannot be read there.
    """
    with connected(on) as ray:
        sent = ray.put(order)
        task = ray.remote(num_cpus=CORES, max_retries=RETRIES)(read_elsewhere)

        def work(parts: Iterator[Part]) -> Iterator[tuple[Part, bytes]]:
            running: dict[Any, Part] = {}
            while True:
                # Asked each time: machines come and go.
                most = max(1, AHEAD * int(ray.cluster_resources().get("CPU", 0) // CORES))
                for part in islice(parts, max(0, most - len(running))):
                    running[task.remote(sent, part, CORES)] = part
                if not running:
                    return
                for done in ray.wait(list(running), num_returns=1)[0]:
                    part = running.pop(done)
                    try:
                        data = ray.get(done)
                    except ray.exceptions.RayError as error:
                        raise _fault(on, part, error) from None
                    yield part, data

        yield work


def _fault(on: str, part: Part, error: Exception) -> Exception:
    """The error of a part that was not read: in one line, unless it is a fault of ours."""
    cause = getattr(error, "cause", None)
    if cause is not None and not isinstance(cause, MultidigitError | ImportError | OSError | MemoryError):
        return error
    words = str(cause) if isinstance(cause, MultidigitError) else missing_package(error) or reason(cause or error)
    return MultidigitError(f"--on {on}: {part.name} could not be read: {words}; the same command goes on from there")
