"""The rule that a setting follows, in words, and pydantic's errors as one plain line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from multidigit.errors import join_words, nearest

_NOUNS = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}
_BOUNDS = {"ge": "of at least", "gt": "above", "le": "at most", "lt": "below"}
"""Words for the bounds of a number, by the attribute that pydantic keeps them in."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with one setting: its dotted key ('' where it is none in particular), and one plain line."""

    key: str
    text: str


def fault(key: str, text: str) -> PydanticCustomError:
    """The error to raise in a check of a whole section, about one of its keys."""
    return PydanticCustomError("setting", "{text}", {"key": key, "text": text})


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The section that a field holds, also one that may be left out (``EffectSettings | None``)."""
    kinds = (annotation, *get_args(annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def field_at(model: type[BaseModel], path: Sequence[str]) -> FieldInfo | None:
    """The field at a path of keys below a section."""
    for key in path[:-1]:
        field = model.model_fields.get(key)
        below = section_of(field.annotation) if field else None
        if below is None:
            return None
        model = below
    return model.model_fields.get(path[-1]) if path else None


def rule(field: FieldInfo) -> str:
    """What a field accepts: ``a whole number from 1 to 12``, ``adam, adamw or sgd``, ``a number above 0``."""
    return _rule(field.annotation, field.metadata)


def _rule(annotation: Any, metadata: Sequence[Any]) -> str:
    if section_of(annotation):
        return "`key: value` lines"
    stated = [each.rule for each in metadata if hasattr(each, "rule")]
    if stated:
        return stated[0]
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return _rule(inner, [*more, *metadata])
    if get_origin(annotation) in (Union, UnionType):
        return " or ".join(_rule(kind, metadata) for kind in get_args(annotation) if kind is not type(None))
    if get_origin(annotation) is Literal:
        return join_words(map(str, get_args(annotation)))
    return f"{_NOUNS.get(annotation, 'a value')}{_bounds(metadata)}"


def _bounds(metadata: Sequence[Any]) -> str:
    found = {name: getattr(each, name) for name in _BOUNDS for each in metadata if hasattr(each, name)}
    if {"ge", "le"} <= set(found):
        return f" from {found['ge']} to {found['le']}"
    words = " and ".join(f"{_BOUNDS[name]} {bound}" for name, bound in found.items())
    return f" {words}" if words else ""


def explain(error: ValidationError, model: type[BaseModel], section: str = "") -> Fault:
    """The first fault that pydantic found.

    Args:
        error: what pydantic raised.
        model: the section that it raised it about.
        section: that section's own dotted key.
    """
    first = error.errors()[0]
    kind, received = first["type"], first["input"]
    path = [part for part in first["loc"] if isinstance(part, str) and not part.startswith(("function-", "tuple["))]
    key = ".".join([section, *path] if section else path)
    if kind == "setting":
        return Fault(first["ctx"]["key"], first["ctx"]["text"])
    if kind == "invalid_key":
        return Fault(str(received), f"unknown key {received!r}; keys are words")
    if kind == "extra_forbidden":
        above = field_at(model, path[:-1])
        holder = (section_of(above.annotation) if above else None) or model
        return Fault(key, f"unknown key {key!r}{nearest(path[-1], holder.model_fields)}")
    if kind == "value_error":
        return Fault(key, f"{key} {first['msg'].removeprefix('Value error, ')}")
    field = field_at(model, path)
    expected = rule(field) if field else "`key: value` lines"
    return Fault(key, f"{key} must be {expected}; received {_shown(received)}{_yaml_words(received)}")


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)


def _yaml_words(value: Any) -> str:
    return " (YAML reads yes, no, on and off as such, too)" if isinstance(value, bool) else ""
