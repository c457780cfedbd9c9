"""Digits that take long to make are kept on disk, so that they are made once.

A bank is a file named after everything that decides its bytes: the images, one after the other, then the labels, then
a digest of both and of what they were made from. No byte of it can change unnoticed (numpy's own archives let some:
their headers say how far the sum over an array is read). It is written aside and renamed, so two processes that make
the same one at once both succeed. One that is damaged is made again, with a note; where nothing can be written the
digits are made anew each time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from multidigit.digits.base import Digits, DigitSource, Split
from multidigit.labels import CELL

VARIABLE = "MULTIDIGIT_CACHE"
"""Environment variable that names another folder for what is kept."""
_DIGEST = hashlib.sha256().digest_size


class BankWarning(UserWarning):
    """Something about a bank that changes no digit, but that a person may want to mend."""


def cache_folder() -> Path:
    """Where banks are kept."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else user_cache_path("multidigit", appauthor=False)


def load(source: DigitSource, split: Split, seed: int) -> Digits:
    """The digits of a source, from its bank if it keeps one."""
    fingerprint = source.fingerprint()
    if fingerprint is None:
        return source.load(split, seed)
    key = f"{fingerprint}|{split}|{seed}".encode()
    path = cache_folder() / f"digits-{hashlib.sha256(key).hexdigest()[:24]}.bank"
    digits = _read(path, key)
    if digits is None:
        digits = source.load(split, seed)
        _write(path, key, digits)
    return digits


def _digest(key: bytes, *arrays: NDArray[np.uint8]) -> bytes:
    # The key is part of it: a whole bank under another one's name is damage, too.
    total = hashlib.sha256(key)
    for array in arrays:
        total.update(np.ascontiguousarray(array).data)
    return total.digest()


def _read(path: Path, key: bytes) -> Digits | None:
    """The bank, or ``None`` where there is none that is whole."""
    try:
        stored = np.fromfile(path, np.uint8)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        _warn(f"{path}: kept digits cannot be read ({error.strerror or error}); making them again")
        return None
    body, digest = np.split(stored, [max(0, len(stored) - _DIGEST)])
    if _digest(key, body) != digest.tobytes():
        _warn(f"{path}: kept digits are damaged; making them again")
        return None
    count = len(body) // (CELL * CELL + 1)
    return Digits(body[:-count].reshape(count, CELL, CELL), body[-count:])


def _write(path: Path, key: bytes, digits: Digits) -> None:
    # Random, not the process's number: containers that share a folder may have the same.
    partial = path.with_name(f".{path.name}.partial-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(np.ascontiguousarray(digits.images).data)
            file.write(np.ascontiguousarray(digits.labels).data)
            file.write(_digest(key, digits.images, digits.labels))
        partial.replace(path)
    except OSError as error:
        _warn(
            f"{path.parent}: cannot keep digits there ({error.strerror or error}), so they are made anew each time; "
            f"name another folder in {VARIABLE}"
        )
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _warn(message: str) -> None:
    # Told where the digits were asked for.
    warnings.warn(message, BankWarning, stacklevel=5)
