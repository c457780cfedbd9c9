"""Digits that take long to make are kept on disk, so that they are made once.

A file is named after everything that decides its digits. It holds the images, then the labels, then a digest of both
and of that name, so that no byte of it can change unnoticed. A damaged file is made again, with a warning; where
nothing can be written, the digits are made anew each time.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from multidigit.digits.base import Digits, DigitSource, Split
from multidigit.errors import MultidigitError
from multidigit.files import write_bytes
from multidigit.labels import CELL

VARIABLE = "MULTIDIGIT_CACHE"
"""Environment variable that names another folder for the cache."""
_DIGEST = hashlib.sha256().digest_size


class CacheWarning(UserWarning):
    """A fault of the cache that changes no digit."""


def cache_folder() -> Path:
    """The folder of the cache."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else user_cache_path("multidigit", appauthor=False)


def load(source: DigitSource, split: Split, seed: int) -> Digits:
    """The digits of a source, from the cache if the source has a fingerprint."""
    fingerprint = source.fingerprint()
    if fingerprint is None:
        return source.load(split, seed)
    key = f"{fingerprint}|{split}|{seed}".encode()
    path = cache_folder() / f"digits-{hashlib.sha256(key).hexdigest()[:24]}.bin"
    digits = _read(path, key)
    if digits is None:
        digits = source.load(split, seed)
        body = digits.images.tobytes() + digits.labels.tobytes()
        try:
            write_bytes(path, body + _digest(key, body))
        except MultidigitError as error:
            _warn(f"{error}, so digits are made anew each time; name another folder for them in {VARIABLE}")
    return digits


def _digest(key: bytes, body: bytes | memoryview) -> bytes:
    # The key is part of it: the file of other digits under this name is damage, too.
    digest = hashlib.sha256(key)
    digest.update(body)
    return digest.digest()


def _read(path: Path, key: bytes) -> Digits | None:
    """The digits in a file, or ``None`` where there is none that is whole."""
    try:
        stored = np.fromfile(path, np.uint8)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        _warn(f"{path}: kept digits cannot be read ({error.strerror or error}); making them again")
        return None
    body, digest = np.split(stored, [max(0, len(stored) - _DIGEST)])
    if _digest(key, body.data) != digest.tobytes():
        _warn(f"{path}: kept digits are damaged; making them again")
        return None
    count = len(body) // (CELL * CELL + 1)
    return Digits(body[:-count].reshape(count, CELL, CELL), body[-count:])


def _warn(message: str) -> None:
    # Shown where the digits were asked for.
    warnings.warn(message, CacheWarning, stacklevel=5)
