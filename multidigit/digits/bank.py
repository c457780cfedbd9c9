"""Digits that take long to make are kept on disk, so that they are made once.

A bank is a file named after everything that decides its bytes. It is written aside and renamed, so two processes that
make the same one at once both succeed. One that is damaged is made again, with a note; where nothing can be written
the digits are made anew each time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import warnings
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from multidigit.digits.archive import UNREADABLE
from multidigit.digits.base import Digits, DigitSource, Split
from multidigit.errors import DataError

VARIABLE = "MULTIDIGIT_CACHE"
"""Environment variable that names another folder for what is kept."""


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
    name = hashlib.sha256(f"{fingerprint}|{split}|{seed}".encode()).hexdigest()[:24]
    path = cache_folder() / f"digits-{name}.npz"
    digits = _read(path)
    if digits is None:
        digits = source.load(split, seed)
        _write(path, digits)
    return digits


def _read(path: Path) -> Digits | None:
    """The bank, or ``None`` where there is none that is whole."""
    try:
        # The archive checks a sum over every array as it is read.
        with np.load(path, allow_pickle=False) as archive:
            return Digits(archive["images"], archive["labels"])
    except FileNotFoundError:
        return None
    except (*UNREADABLE, DataError) as error:
        warnings.warn(f"{path}: kept digits are damaged ({error}); making them again", BankWarning, stacklevel=4)
        return None


def _write(path: Path, digits: Digits) -> None:
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            np.savez(file, images=digits.images, labels=digits.labels)
        partial.replace(path)
    except OSError as error:
        warnings.warn(
            f"{path.parent}: cannot keep digits there ({error.strerror}), so they are made anew each time; "
            f"name another folder in {VARIABLE}",
            BankWarning,
            stacklevel=4,
        )
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
