"""Former names of settings, so that older files of settings and run folders keep loading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multidigit.errors import SettingsError

KEYS = {
    "layout.framed": "layout.meter_windows",
    "train.average": "train.ema",
}
"""Former key -> key; both stand in the same section."""
VALUES = {
    "backbone": {"thread": "baseline"},
    "backbone.name": {"thread": "baseline"},
}
"""Key -> former value -> value."""
GONE = {"backbone.dropout": 0.0}
"""Settings that are no longer there, and the value at which they changed nothing: with that they are left out."""


def renamed(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The same nested settings under today's names.

    Raises:
        SettingsError: a setting is given under both of its names.
    """
    found: dict[str, Any] = {}
    for key, value in data.items():
        former = f"{prefix}{key}"
        if former in GONE and value == GONE[former]:
            continue
        if former in KEYS:
            key = KEYS[former].removeprefix(prefix)
            if key in data:
                raise SettingsError(f"{former} is the former name of {KEYS[former]}; give only the latter")
        if isinstance(value, Mapping):
            value = renamed(value, f"{former}.")
        elif isinstance(value, str):
            value = VALUES.get(former, {}).get(value, value)
        found[key] = value
    return found
