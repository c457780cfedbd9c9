"""The right to write to a folder, held by one process at a time."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from multidigit import disk
from multidigit.errors import RunError
from multidigit.files import missing, remove, remove_empty, writable

LOCK = ".lock"
PATIENCE = 5.0
"""Seconds to wait for other processes in the folder: after a kill they need a moment to end."""


@contextmanager
def locked(folder: Path, taken: str, option: str = "--out") -> Iterator[int]:
    """Hold the right to write to the folder, for this process and those that inherit the yielded file descriptor.

    The system itself holds the lock on an open file, so it is released with the last of those processes, however that
    ends; the text of the file (process, start) is for people.

    Args:
        taken: what to say where another process holds it.
        option: names the folder.

    Raises:
        RunError: another process does, or the folder cannot be written to.
    """
    path = folder / LOCK
    made = missing(folder)
    try:
        with writable(path, RunError, f"; name another folder with {option}"):
            disk.make_folder(folder)
            file = _take(path, taken, option)
        try:
            with writable(path, RunError, f"; name another folder with {option}"):
                disk.truncate(file, 0)
                disk.write(file, f"process {os.getpid()} since {time.strftime('%Y-%m-%d %H:%M:%S')}\n".encode())
            yield file
        finally:
            # Removed while it is still held: one that opened it meanwhile sees that it is no longer the same file.
            remove(path)
            os.close(file)
    finally:
        # Folders made for work that left nothing are removed.
        remove_empty(made)


def _take(path: Path, taken: str, option: str) -> int:
    waited = time.monotonic()
    while True:
        file = disk.open_or_create(path)
        with suppress(OSError):
            if _lock(file) and os.fstat(file).st_ino == path.stat().st_ino:
                return file
        holder = os.read(file, 200).decode(errors="replace").strip()
        os.close(file)
        if time.monotonic() - waited > PATIENCE:
            raise RunError(f"{taken} ({holder or 'just begun'}); wait for it, or name another folder with {option}")
        time.sleep(0.05)


def in_use(folder: Path) -> bool:
    """Whether another process holds it."""
    try:
        file = os.open(folder / LOCK, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        return not _lock(file)
    finally:
        os.close(file)


def _lock(file: int) -> bool:
    """Whether the open file is now locked by this process; the system releases it when the file is closed."""
    if sys.platform == "win32":
        import msvcrt

        # Far behind the text: what is locked cannot even be read by others.
        os.lseek(file, 1 << 20, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(file, 0, os.SEEK_SET)
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # This file system has no locks: better none than no work.
        pass
    return True
