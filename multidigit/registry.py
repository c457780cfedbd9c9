"""Things chosen by name, imported when they are first used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module, metadata
from typing import TypeVar

from multidigit.errors import MultidigitError

T = TypeVar("T")


class Registry(Mapping[str, T]):
    """Names and the objects behind them.

    Args:
        kind: what is registered, for error messages.
        built_in: name -> ``module:attribute``.
        group: entry point group through which installed packages add more; a built-in name cannot be taken over.
    """

    def __init__(self, kind: str, built_in: Mapping[str, str], group: str | None = None) -> None:
        self.kind, self._built_in, self._group = kind, built_in, group

    @cached_property
    def _added(self) -> dict[str, metadata.EntryPoint]:
        points = metadata.entry_points(group=self._group) if self._group else ()
        return {point.name: point for point in points if point.name not in self._built_in}

    def __getitem__(self, name: str) -> T:
        if name in self._built_in:
            module, _, attribute = self._built_in[name].partition(":")
            built_in: T = getattr(import_module(module), attribute)
            return built_in
        point = self._added[name]
        try:
            added: T = point.load()
        except Exception as error:  # a stranger's module may raise anything
            told = f"{type(error).__name__}: {error}".splitlines()[0]
            raise MultidigitError(
                f"{self.kind} {name!r} was added by an installed package as {point.value}, which cannot be imported "
                f"({told}); mend or uninstall that package"
            ) from None
        return added

    def __iter__(self) -> Iterator[str]:
        yield from self._built_in
        yield from self._added

    def __len__(self) -> int:
        return len(self._built_in) + len(self._added)

    def __contains__(self, name: object) -> bool:
        return name in self._built_in or name in self._added
