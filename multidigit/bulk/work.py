"""The work on one part, wherever it is done: pictures to the bytes of a Parquet file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multidigit.addresses import is_address
from multidigit.bulk.parts import About, Part, encode
from multidigit.cluster import check_version
from multidigit.errors import MultidigitError, reason
from multidigit.files import json_text, temporary_folder
from multidigit.outside import MOST_MODEL_BYTES, read_bytes
from multidigit.pictures.workers import Crew
from multidigit.reading.answers import as_row, read_found
from multidigit.reading.reader import Reader
from multidigit.runs import ENVIRONMENT, READING, SHIPPED, Run, write_copy
from multidigit.version import __version__


def run_digest(run: Run) -> str:
    """SHA-256 of the parts of a run that reading depends on."""
    parts = {name: run.environment["parts"][name] for name in READING if run.has(name)}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class PartReader:
    """Reads parts, one after another, with processes that decode beside this one.

    Args:
        reader: reads the pictures.
        workers: processes that decode; 0 for this one.
        every_row: give each row of a picture.
        about: what is written into each part.
    """

    def __init__(self, reader: Reader, workers: int, every_row: bool, about: About) -> None:
        self._reader, self._every_row, self._about = reader, every_row, about
        self._crew: Crew | int = Crew(workers, reader.looker) if workers else 0

    def read(self, part: Part) -> bytes:
        """The part's Parquet file."""
        found = read_found(self._reader, part.found, self._crew, self._every_row)
        return encode(part, [as_row(name, reading) for name, reading in found], self._about)

    def end(self) -> None:
        """End the processes that decode."""
        if isinstance(self._crew, Crew):
            self._crew.end()


@dataclass(frozen=True)
class Order:
    """All that a process of another machine needs to read parts as this one would.

    Attributes:
        version: of this package, which must be the same there.
        run: the parts of the run by name; ``None`` for the one that comes with the package.
        options: arguments of ``Reader``.
        every_row: give each row of a picture.
        about: what is written into each part.
        folder: from which relative paths start.
    """

    version: str
    run: Mapping[str, bytes] | None
    options: Mapping[str, Any]
    every_row: bool
    about: About
    folder: str

    @classmethod
    def made(cls, run: Run, options: Mapping[str, Any], every_row: bool, about: About) -> Order:
        """The order to read with this run."""
        sent = None
        if run.path != SHIPPED:
            names = [name for name in READING if run.has(name)]
            sent = {name: read_bytes(run.path / name, MOST_MODEL_BYTES) for name in names}
            parts = {name: run.environment["parts"][name] for name in names}
            sent[ENVIRONMENT] = json_text({**run.environment, "parts": parts}).encode()
        return cls(__version__, sent, options, every_row, about, str(Path.cwd()))

    def reader(self, threads: int) -> Reader:
        """Reads with the run that was sent along.

        Raises:
            MultidigitError: this machine has another version of the package.
        """
        check_version(self.version)
        if self.run is None:
            return Reader("shipped", threads=threads, **self.options)
        # What was opened is not needed any more: LiteRT holds the file of the network.
        with temporary_folder() as folder:
            return Reader(write_copy(folder / "run", self.run), threads=threads, **self.options)


_kept: dict[str, PartReader] = {}
"""In a process of Ray, what reads the parts of the command that it works for."""


def read_elsewhere(order: Order, part: Part, cores: int) -> bytes:
    """Read a part in a process of Ray; what reads is made once for all parts.

    Raises:
        MultidigitError: as ``Order.reader``; or paths are relative to a folder that this machine has not.
    """
    try:
        os.chdir(order.folder)
    except OSError as error:
        local = [path for path in part.paths if not (is_address(path) or Path(path).is_absolute())]
        if local:
            raise MultidigitError(
                f"{local[0]}: expected every node to have the folder {order.folder}; received: {reason(error)}; put "
                "pictures on a disk that all nodes have, or at addresses"
            ) from None
    key = hashlib.sha256(json.dumps(order.about, sort_keys=True).encode()).hexdigest()
    if key not in _kept:
        for other in _kept.values():
            other.end()
        _kept.clear()
        _kept[key] = PartReader(order.reader(cores), cores, order.every_row, order.about)
    return _kept[key].read(part)
