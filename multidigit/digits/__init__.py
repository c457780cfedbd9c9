"""Single digits: where they come from, by name or by path."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from multidigit.digits import cache
from multidigit.digits.base import SPLITS, Digits, DigitSource, Split
from multidigit.errors import DataError, nearest
from multidigit.registry import Registry

__all__ = ["SOURCES", "SPLITS", "DigitSource", "Digits", "Split", "load_digits", "make_source"]

SOURCES: Registry[type[DigitSource]] = Registry(
    "digit source",
    {
        "drawn": "multidigit.digits.drawn:Drawn",
        "mnist": "multidigit.digits.mnist:Mnist",
        "printed": "multidigit.digits.printed:Printed",
    },
)


def make_source(spec: str | Mapping[str, float]) -> DigitSource:
    """The digit source that ``spec`` names: a registered name, the path of MNIST-like files, or a mix of these.

    What stands after a name and a colon goes to the source's ``from_option``, as in ``printed:FOLDER``.

    Raises:
        DataError: neither a name nor a path that exists, or an option that the source does not know.
    """
    if isinstance(spec, Mapping):
        from multidigit.digits.mixed import Mixed

        return Mixed([(make_source(part), weight) for part, weight in spec.items() if weight])
    if spec in SOURCES:
        return SOURCES[spec]()
    name, _, option = spec.partition(":")
    if option and name in SOURCES:
        return SOURCES[name].from_option(option)
    if Path(spec).exists():
        from multidigit.digits.mnist import Mnist

        return Mnist(Path(spec))
    if any(mark in spec for mark in "/\\."):
        raise DataError(f"{spec}: no such file or folder; expected an MNIST .npz file or a folder of IDX files")
    raise DataError(f"unknown digit source {spec!r}{nearest(spec, SOURCES)} (or give a path, as in ./digits.npz)")


def load_digits(spec: str | Mapping[str, float], split: Split, seed: int) -> Digits:
    """The digits of one split of a source; the last few are kept in memory."""
    return _load(spec if isinstance(spec, str) else tuple(spec.items()), split, seed)


@lru_cache(maxsize=6)
def _load(spec: str | tuple[tuple[str, float], ...], split: Split, seed: int) -> Digits:
    return cache.load(make_source(spec if isinstance(spec, str) else dict(spec)), split, seed)
