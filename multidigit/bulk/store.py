"""Where parts go: a folder of this machine, or an address such as ``s3://bucket/prefix``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from multidigit.addresses import is_address, list_address, read_address, write_address
from multidigit.errors import MultidigitError, reason
from multidigit.files import write_bytes
from multidigit.locks import locked
from multidigit.outside import read_bytes

MOST_PART_BYTES = 1_000_000_000
"""Of a file that stands there already."""


class Store:
    """Files by name, each written whole or not at all.

    Args:
        where: a folder's path or address.
    """

    def __init__(self, where: str) -> None:
        self.where = where.rstrip("/") if is_address(where) else where

    def path(self, name: str) -> str:
        """What a file is called in messages."""
        return f"{self.where}/{name}" if is_address(self.where) else str(Path(self.where) / name)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Within the block no other process of this machine writes into the folder; addresses cannot be locked.

        Raises:
            MultidigitError: another process does, or the folder cannot be written to.
        """
        if is_address(self.where):
            yield
            return
        with locked(Path(self.where), f"{self.where}: another process is writing to this folder", "--parquet"):
            yield

    def names(self) -> set[str]:
        """The files that stand there.

        Raises:
            MultidigitError: it cannot be looked into.
        """
        try:
            if is_address(self.where):
                return {name for name, folder in list_address(self.where) if not folder}
            return {path.name for path in Path(self.where).iterdir()}
        except FileNotFoundError:
            return set()
        except OSError as error:
            raise self._fault("read", self.where, error) from None

    def read(self, name: str) -> bytes:
        """What a file holds.

        Raises:
            MultidigitError: it cannot be read.
        """
        try:
            if is_address(self.where):
                return read_address(self.path(name), MOST_PART_BYTES)
            return read_bytes(Path(self.where) / name, MOST_PART_BYTES)
        except OSError as error:
            raise self._fault("read", self.path(name), error) from None

    def write(self, name: str, data: bytes) -> None:
        """Write a file.

        Raises:
            MultidigitError: it cannot be written.
        """
        if not is_address(self.where):
            write_bytes(Path(self.where) / name, data)
            return
        try:
            write_address(self.path(name), data)
        except OSError as error:
            raise self._fault("written", self.path(name), error) from None

    def _fault(self, done: str, path: str, error: OSError) -> MultidigitError:
        remedy = "check its name and what you may do there, or name another folder with --parquet"
        return MultidigitError(f"{path}: cannot be {done} ({reason(error)}); {remedy}")
