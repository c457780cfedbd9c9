"""Single digits: where they come from, by name or by path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from multidigit.digits import bank
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

    A source with a class method ``from_folder`` can be given a folder after its name, as in ``printed:FOLDER``.

    Raises:
        DataError: neither a name nor a path that exists, or a folder that the source cannot use.
    """
    if isinstance(spec, Mapping):
        from multidigit.digits.mixed import Mixed

        return Mixed([(make_source(part), weight) for part, weight in spec.items() if weight])
    if spec in SOURCES:
        return SOURCES[spec]()
    name, _, folder = spec.partition(":")
    if folder and name in SOURCES:
        from_folder: Callable[[Path], DigitSource] | None = getattr(SOURCES[name], "from_folder", None)
        if from_folder is None:
            raise DataError(f"{spec}: the digit source {name!r} takes no folder; give its name alone")
        return from_folder(Path(folder))
    if Path(spec).exists():
        from multidigit.digits.mnist import Mnist

        return Mnist(Path(spec))
    if any(mark in spec for mark in "/\\."):
        raise DataError(f"{spec}: no such file or folder; expected an MNIST .npz file or a folder of IDX files")
    raise DataError(
        f"unknown digit source {spec!r}{nearest(spec, SOURCES)} (the path of an .npz file or a folder will do, too)"
    )


def load_digits(spec: str | Mapping[str, float], split: Split, seed: int) -> Digits:
    """The digits of one split of a source, kept in memory for the next run that asks for the same."""
    return _load(spec if isinstance(spec, str) else tuple(spec.items()), split, seed)


@lru_cache(maxsize=6)
def _load(spec: str | tuple[tuple[str, float], ...], split: Split, seed: int) -> Digits:
    return bank.load(make_source(spec if isinstance(spec, str) else dict(spec)), split, seed)
