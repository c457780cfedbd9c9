"""Every setting with its meaning, rule and default, from the sections themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from multidigit.errors import MultidigitError, SettingsError, nearest
from multidigit.registry import STRATEGIES
from multidigit.settings.messages import field_at, rule, section_of
from multidigit.settings.renamed import KEYS
from multidigit.settings.schema import Settings


@dataclass(frozen=True)
class Listed:
    """One setting, or a section of them.

    Attributes:
        key: dotted, as ``--set`` takes it.
        meaning: one or two sentences.
        rule: what it accepts; empty for a section.
        default: its default as a plain value; None for a section, and where there is none.
        required: whether it must be given where its section is.
    """

    key: str
    meaning: str
    rule: str = ""
    default: Any = None
    required: bool = False


def list_settings(key: str = "") -> list[Listed]:
    """The settings at and below a dotted key; where it is empty, every one but what single effects hold.

    Raises:
        SettingsError: there is no such setting or section.
    """
    key = KEYS.get(key, key)
    every = list(_below(Settings, "", key))
    # Strategies are imported only where their options may be meant.
    for name in STRATEGIES if key.partition(".")[0] not in Settings.model_fields else ():
        try:
            options = STRATEGIES[name].Options
        except MultidigitError as error:
            every.append(Listed(name, f"Options of the strategy {name}; not available: {error}"))
            continue
        if options.model_fields:
            every += [Listed(name, f"Options of the strategy {name}."), *_below(options, f"{name}.", key)]
    found = [each for each in every if not key or each.key == key or each.key.startswith(f"{key}.")]
    if not found:
        raise SettingsError(f"unknown setting {key!r}{nearest(key, [each.key for each in every])}")
    return found


def takes_fractions(key: str) -> bool:
    """Whether the setting of that dotted key is one of the program's own that need not be a whole number."""
    field = field_at(Settings, KEYS.get(key, key).split("."))
    return field is not None and "float" in str(field.annotation)


def _below(model: type[BaseModel], prefix: str, wanted: str) -> Iterator[Listed]:
    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        section = section_of(field.annotation)
        meaning = " ".join((field.description or inspect.getdoc(section) or "").split()).replace("``", "`")
        if section is None:
            default = None if field.is_required() else field.default
            default = list(default) if isinstance(default, tuple) else default
            yield Listed(key, meaning, rule(field), default, field.is_required())
            continue
        yield Listed(key, meaning)
        if field.default is not None or f"{wanted}.".startswith(f"{key}."):
            yield from _below(section, f"{key}.", wanted)
