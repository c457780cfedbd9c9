"""Settings as nested and as dotted values, before they are validated: ``--set``, files laid one over the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from multidigit.errors import SettingsError
from multidigit.settings.files import parse_yaml
from multidigit.settings.renamed import renamed
from multidigit.settings.schema import NAMED


def parse_assignments(assignments: Sequence[str]) -> dict[str, Any]:
    """``--set train.epochs=3`` as nested values; the values are read as YAML.

    Raises:
        SettingsError: an assignment without a key or an equals sign, or with a value that is not YAML.
    """
    data: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not all(key.split(".")):
            raise SettingsError(f"--set {assignment}: expected key=value, as in --set train.batch_size=64")
        try:
            parsed, _ = parse_yaml(value)
        except yaml.YAMLError:
            raise SettingsError(f"--set {assignment}: the value is not valid YAML") from None
        data = overlay(data, nested(key, parsed))
    return data


def nested(key: str, value: Any) -> dict[str, Any]:
    """``train.epochs`` and 3 as ``{train: {epochs: 3}}``."""
    for part in reversed(key.split(".")):
        value = {part: value}
    return value


def flatten(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values by dotted keys, as ``--set`` has them: the inverse of ``nested``."""
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def overlay(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """``top`` laid over ``base``, mapping by mapping; a name given to a section keeps its other keys."""
    return _merge(renamed(base), renamed(top))


def _merge(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        if key in NAMED:
            below = {"name": below} if isinstance(below, str) else below
            value = {"name": value} if isinstance(value, str) else value
        # Another mix of digits replaces the one below: weights of two mixes mean nothing together.
        if key != "digits" and isinstance(below, Mapping) and isinstance(value, Mapping):
            value = _merge(below, value)
        merged[key] = value
    return merged
