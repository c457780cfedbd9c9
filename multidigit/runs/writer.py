"""A run folder, written: whole or not at all."""

from __future__ import annotations

import csv
import io
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from multidigit import disk
from multidigit.errors import RunError
from multidigit.files import json_text, missing, old_path, partial_path, remove, remove_empty, sync_folder, writable
from multidigit.runs.finding import free_path
from multidigit.runs.folder import Run, digest, open_run, recover
from multidigit.runs.parts import ENVIRONMENT, FORMAT, REQUIRED
from multidigit.version import __version__

if TYPE_CHECKING:
    from multidigit.settings import Settings


def environment() -> dict[str, Any]:
    """Where and with what a run was made."""
    # Takes longer to import than all else here, and reading a picture does without.
    from importlib import metadata

    packages = ("tensorflow", "keras", "ai-edge-litert", "numpy", "pillow")
    versions: dict[str, str | None] = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "multidigit": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "packages": versions,
    }


class RunWriter:
    """Builds a run folder aside and renames it into place.

    Args:
        path: where the run is to stand. The folder must not exist, unless ``replace`` is given: then it is exchanged
            when, and only when, the new one is complete.

    Raises:
        RunError: the place is taken or cannot be written. It is raised before any work is done.
    """

    def __init__(self, path: Path, *, replace: bool = False) -> None:
        self.path, self._replace = path, replace
        recover(path)
        if path.exists() and not replace:
            raise RunError(f"{path}: exists already; name another folder with --out, or remove it")
        if path.exists() and not (path / ENVIRONMENT).is_file():
            raise RunError(f"{path}: exists and is no run folder, so it is not replaced; name another with --out")
        self.aside = partial_path(path)
        self._names: list[str] = []
        self._made = missing(path.parent)
        try:
            with self._writable("; name another folder with --out"):
                disk.make_folder(self.aside)
        except RunError:
            self.__exit__()
            raise

    def _writable(self, remedy: str = "") -> AbstractContextManager[None]:
        return writable(self.path, RunError, remedy)

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(self, *_: object) -> None:
        remove(self.aside)
        # Folders made for a run that was not finished are removed as well.
        remove_empty(self._made)

    @contextmanager
    def part(self, name: str) -> Iterator[Path]:
        """Where the block, a library, is to write a part.

        Raises:
            RunError: it cannot be written.
        """
        with self._writable():
            disk.make_folder(self.aside)
            self._names.append(name)
            yield self.aside / name
            with (self.aside / name).open("rb+") as file:
                disk.sync(file.fileno())

    @contextmanager
    def file(self, name: str) -> Iterator[IO[bytes]]:
        """A part to write to; see ``part``."""
        with self.part(name) as path, disk.create(path) as file:
            yield file

    def bytes(self, name: str, data: bytes) -> None:
        with self.file(name) as file:
            file.write(data)

    def json(self, name: str, data: Mapping[str, Any]) -> None:
        self.text(name, json_text(data))

    def text(self, name: str, text: str) -> None:
        self.bytes(name, text.encode())

    def table(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """A CSV file whose columns are the keys of the first row."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(rows[0]) if rows else ["epoch"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        self.text(name, text.getvalue())

    def finish(self, settings: Settings) -> Run:
        """Write the digests of all parts, put the folder in its place and open it.

        If another run has taken the place meanwhile, this one is put beside it, so that no training is lost.

        Raises:
            RunError: the folder cannot be put there; the one that stood there before is unchanged.
        """
        about = {
            "strategy": settings.strategy_name,
            "backbone": settings.backbone.name,
            "layout": settings.layout.name,
            "digits": settings.digits_name,
            "slots": settings.slots,
        }
        with self._writable():
            parts = {path.name: digest(path) for path in sorted(self.aside.iterdir())}
        if lacking := [name for name in (*REQUIRED, *self._names) if name not in parts]:
            raise RunError(f"{self.path}: {lacking[0]} is missing from what was written; give the same command again")
        created = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.json(ENVIRONMENT, {"format": FORMAT, "created": created, "about": about, **environment(), "parts": parts})
        return self.put_in_place()

    def put_in_place(self) -> Run:
        """Put the folder, to which all parts have been written, in its place and open it; see ``finish``."""
        path = self.path if self._replace else free_path(self.path)
        old = old_path(path)
        remove(old)
        with writable(path, RunError):
            sync_folder(self.aside)
            if path.exists():
                disk.rename(path, old)
            try:
                disk.rename(self.aside, path)
            except BaseException:
                # The one that stood there comes back; where even that fails, the next start finds it.
                if old.exists():
                    disk.rename(old, path)
                raise
            sync_folder(path.parent)
        remove(old)
        return open_run(path)


def write_copy(path: Path, parts: Mapping[str, bytes]) -> Run:
    """Put a run that was made elsewhere in its place: whole, or not at all.

    Args:
        path: where it is to stand; a run that stands there is replaced.
        parts: all its files by name, ``environment.json`` with their digests among them.

    Raises:
        RunError: the parts do not agree with their digests, or the folder cannot be written; what stood there before
            is unchanged.
    """
    with RunWriter(path, replace=True) as writer:
        for name, data in parts.items():
            writer.bytes(name, data)
        open_run(writer.aside)
        return writer.put_in_place()
