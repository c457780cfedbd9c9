"""Things chosen by name: strategies, backbones and digit sources. A module is imported when its name is first used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any, TypeVar

from multidigit.errors import MultidigitError
from multidigit.quiet import quiet_stderr

if TYPE_CHECKING:
    from multidigit.strategies.base import Backbone, Strategy

T = TypeVar("T")


class Registry(Mapping[str, T]):
    """Names and the objects behind them.

    Args:
        kind: what is registered, for error messages.
        built_in: name -> ``module:attribute``.
        group: entry point group in which installed packages add more. They cannot replace a built-in name.
        base: ``module:attribute`` of the class that added ones must derive from.
    """

    def __init__(
        self, kind: str, built_in: Mapping[str, str], group: str | None = None, base: str | None = None
    ) -> None:
        self.kind, self._built_in, self._group, self._base = kind, built_in, group, base

    @cached_property
    def _added(self) -> dict[str, metadata.EntryPoint]:
        points = metadata.entry_points(group=self._group) if self._group else ()
        return {point.name: point for point in points if point.name not in self._built_in}

    @property
    def packages(self) -> set[str]:
        """The installed packages that add to it, as they are imported."""
        return {point.module.partition(".")[0] for point in self._added.values()}

    def __getitem__(self, name: str) -> T:
        """Import the object of that name.

        Raises:
            KeyError: there is no such name.
            MultidigitError: an installed package names it, but it cannot be imported or is of another kind.
        """
        if name in self._built_in:
            built_in: T = _load(self._built_in[name])
            return built_in
        point = self._added[name]
        package = f"package {point.dist.name}" if point.dist else "an installed package"
        origin = f"{self.kind} {name!r} ({point.value}, an entry point of {package})"
        advice = f"repair or uninstall that package, or choose another {self.kind}"
        with quiet_stderr(replay=False):  # it may import TensorFlow
            try:
                added: T = point.load()
            except Exception as error:  # a package's module may raise anything
                reason = f"{type(error).__name__}: {error}".splitlines()[0]
                raise MultidigitError(f"{origin} cannot be imported: {reason}; {advice}") from None
        if self._base:
            base = _load(self._base)
            if not (isinstance(added, type) and issubclass(added, base)):
                raise MultidigitError(
                    f"{origin} must be a class derived from {base.__name__}; received {added!r}; {advice}"
                )
        return added

    def __iter__(self) -> Iterator[str]:
        yield from self._built_in
        yield from self._added

    def __len__(self) -> int:
        return len(self._built_in) + len(self._added)

    def __contains__(self, name: object) -> bool:
        return name in self._built_in or name in self._added


def _load(path: str) -> Any:
    module, _, attribute = path.partition(":")
    return getattr(import_module(module), attribute)


STRATEGIES: Registry[type[Strategy]] = Registry(
    "strategy",
    {
        "heads": "multidigit.strategies.heads:Heads",
        "sigmoid": "multidigit.strategies.sigmoid:Sigmoid",
        "cut": "multidigit.strategies.cut:Cut",
    },
    group="multidigit.strategies",
    base="multidigit.strategies.base:Strategy",
)
BACKBONES: Registry[type[Backbone]] = Registry(
    "backbone",
    {
        "compact": "multidigit.strategies.backbones.compact:Compact",
        "deep": "multidigit.strategies.backbones.deep:Deep",
        "residual": "multidigit.strategies.backbones.residual:Residual",
        "streetview": "multidigit.strategies.backbones.streetview:Streetview",
        "baseline": "multidigit.strategies.backbones.baseline:Baseline",
    },
    group="multidigit.backbones",
    base="multidigit.strategies.base:Backbone",
)
