"""Single digits: where they come from, by name or by path."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from multidigit.digits.base import SPLITS, Digits, DigitSource, Split
from multidigit.errors import DataError, nearest
from multidigit.registry import Registry

__all__ = ["SOURCES", "SPLITS", "DigitSource", "Digits", "Split", "load_digits", "make_source"]

SOURCES: Registry[type[DigitSource]] = Registry(
    "digit source",
    {
        "drawn": "multidigit.digits.drawn:Drawn",
        "mnist": "multidigit.digits.mnist:Mnist",
    },
)


def make_source(spec: str) -> DigitSource:
    """The digit source that ``spec`` names: a registered name, or the path of MNIST-like files.

    Raises:
        DataError: neither a name nor a path that exists.
    """
    if spec in SOURCES:
        return SOURCES[spec]()
    if Path(spec).exists():
        from multidigit.digits.mnist import Mnist

        return Mnist(Path(spec))
    if any(mark in spec for mark in "/\\."):
        raise DataError(f"{spec}: no such file or folder; expected an MNIST .npz file or a folder of IDX files")
    raise DataError(f"unknown digit source {spec!r}{nearest(spec, SOURCES)}, or the path of an .npz file or a folder")


@lru_cache(maxsize=6)
def load_digits(spec: str, split: Split, seed: int) -> Digits:
    """The digits of one split of a source, kept in memory for the next run that asks for the same."""
    return make_source(spec).load(split, seed)
