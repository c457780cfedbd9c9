"""What the value of a setting may be beyond pydantic's own types. Each kind states its rule, for errors and lists."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from multidigit.errors import join_words, nearest
from multidigit.registry import Registry


@dataclass(frozen=True)
class Bounds:
    """A range ``[low, high]`` within bounds. One number alone stands for both ends, so that a sweep can set it.

    Args:
        low, high: the bounds, both included.
        whole: whether the ends are whole numbers.
        either_way: one number n alone stands for the range from -n to n.
    """

    low: float
    high: float
    whole: bool = True
    either_way: bool = False

    @property
    def rule(self) -> str:
        noun = "a whole number" if self.whole else "a number"
        alone = ", which counts either way," if self.either_way else ""
        return f"{noun}{alone} or a range [low, high], within {self.low} to {self.high}"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        inner = core_schema.no_info_before_validator_function(self._as_pair, handler(source))
        return core_schema.no_info_after_validator_function(self._within, inner)

    def _as_pair(self, value: Any) -> Any:
        if isinstance(value, list | tuple):
            if any(isinstance(end, bool) for end in value):
                raise PydanticCustomError("boolean", "a boolean")
            return value
        if self.either_way and isinstance(value, int | float | str):
            # The same number whether it is written 3, 3.0 or "3".
            with suppress(ValueError, OverflowError):
                number = float(value)
                if number.is_integer():
                    return (-abs(int(number)), abs(int(number)))
        return (value, value) if isinstance(value, int | float | str) else value

    def _within(self, ends: tuple[Any, Any]) -> tuple[Any, Any]:
        low, high = ends
        if low > high:
            raise ValueError(f"must go from low to high; received [{low}, {high}]; did you mean [{high}, {low}]?")
        if low < self.low or high > self.high:
            raise ValueError(f"must lie within {self.low} to {self.high}; received [{low}, {high}]")
        return ends


@dataclass(frozen=True)
class Registered:
    """The name of something in a registry."""

    registry: Registry[Any]

    @property
    def rule(self) -> str:
        return join_words(self.registry)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._known, handler(source))

    def _known(self, name: str) -> str:
        if name not in self.registry:
            raise ValueError(f"must be {self.rule}; received {name!r}{nearest(name, self.registry, or_all=False)}")
        return name


@dataclass(frozen=True)
class DigitSource:
    """A digit source by name or path, or a mix of several with their weights."""

    rule = "a name, a path, or a mix such as {drawn: 0.6, printed: 0.4}"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._check)

    def _check(self, value: Any) -> str | dict[str, float]:
        if isinstance(value, str) and value:
            return value
        if not isinstance(value, Mapping):
            raise ValueError(f"must be {self.rule}; received {value!r}")
        numbers = all(isinstance(weight, int | float) and not isinstance(weight, bool) for weight in value.values())
        if not (numbers and all(0 <= weight < math.inf for weight in value.values()) and any(value.values())):
            raise ValueError(f"must have weights of 0 or more, at least one of them above; received {dict(value)}")
        return {str(name): float(weight) for name, weight in value.items()}
