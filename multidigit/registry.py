"""Things chosen by name, imported when they are first used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module, metadata
from typing import TypeVar

from multidigit.errors import MultidigitError, nearest

T = TypeVar("T")


class Registry(Mapping[str, T]):
    """Names and the objects behind them.

    Args:
        kind: what is registered, for error messages.
        built_in: name -> ``module:attribute``.
        group: entry point group through which installed packages add more; a built-in name cannot be taken over.
    """

    def __init__(self, kind: str, built_in: Mapping[str, str], group: str | None = None) -> None:
        self._kind, self._built_in, self._group = kind, built_in, group

    @cached_property
    def _added(self) -> dict[str, str]:
        points = metadata.entry_points(group=self._group) if self._group else ()
        return {point.name: point.value for point in points if point.name not in self._built_in}

    def __getitem__(self, name: str) -> T:
        place = self._built_in.get(name) or self._added[name]
        module, _, attribute = place.partition(":")
        try:
            found: T = getattr(import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            if name in self._built_in:
                raise
            raise MultidigitError(
                f"{self._kind} {name!r} was added by an installed package as {place}, which cannot be imported "
                f"({error}); mend or uninstall that package"
            ) from None
        return found

    def __iter__(self) -> Iterator[str]:
        yield from self._built_in
        yield from self._added

    def __len__(self) -> int:
        return len(self._built_in) + len(self._added)

    def __contains__(self, name: object) -> bool:
        return name in self._built_in or name in self._added

    def check(self, name: str) -> None:
        """Raise ``ValueError`` with the nearest known name when ``name`` is not registered."""
        if name not in self:
            raise ValueError(f"unknown {self._kind} {name!r}{nearest(name, self)}")
