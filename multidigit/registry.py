"""Things chosen by name: strategies, backbones and digit sources. A module is imported when its name is first used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module, metadata
from typing import TYPE_CHECKING, TypeVar

from multidigit.errors import MultidigitError

if TYPE_CHECKING:
    from multidigit.strategies.base import Backbone, Strategy

T = TypeVar("T")


class Registry(Mapping[str, T]):
    """Names and the objects behind them.

    Args:
        kind: what is registered, for error messages.
        built_in: name -> ``module:attribute``.
        group: entry point group through which installed packages add more; a built-in name cannot be taken over.
        aliases: former name -> name; accepted, but not listed.
    """

    def __init__(
        self,
        kind: str,
        built_in: Mapping[str, str],
        group: str | None = None,
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        self.kind, self._built_in, self._group, self._aliases = kind, built_in, group, aliases or {}

    @cached_property
    def _added(self) -> dict[str, metadata.EntryPoint]:
        points = metadata.entry_points(group=self._group) if self._group else ()
        return {point.name: point for point in points if point.name not in self._built_in}

    def __getitem__(self, name: str) -> T:
        name = self._aliases.get(name, name)
        if name in self._built_in:
            module, _, attribute = self._built_in[name].partition(":")
            built_in: T = getattr(import_module(module), attribute)
            return built_in
        point = self._added[name]
        try:
            added: T = point.load()
        except Exception as error:  # a package's module may raise anything
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            package = point.dist.name if point.dist else "an installed package"
            raise MultidigitError(
                f"{self.kind} {name!r} cannot be imported from {point.value}, its entry point in {package} "
                f"({reason}); repair or uninstall that package, or choose another {self.kind}"
            ) from None
        return added

    def __iter__(self) -> Iterator[str]:
        yield from self._built_in
        yield from self._added

    def __len__(self) -> int:
        return len(self._built_in) + len(self._added)

    def __contains__(self, name: object) -> bool:
        return name in self._built_in or name in self._added or name in self._aliases


STRATEGIES: Registry[type[Strategy]] = Registry(
    "strategy",
    {
        "heads": "multidigit.strategies.heads:Heads",
        "sigmoid": "multidigit.strategies.sigmoid:Sigmoid",
        "cut": "multidigit.strategies.cut:Cut",
    },
    group="multidigit.strategies",
)
BACKBONES: Registry[type[Backbone]] = Registry(
    "backbone",
    {
        "compact": "multidigit.strategies.backbones.compact:Compact",
        "streetview": "multidigit.strategies.backbones.streetview:Streetview",
        "baseline": "multidigit.strategies.backbones.baseline:Baseline",
    },
    group="multidigit.backbones",
    aliases={"thread": "baseline"},
)
