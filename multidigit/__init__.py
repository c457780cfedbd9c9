"""Reads rows of digits three ways, says which way wins where, and reads pictures with the winner."""

from __future__ import annotations

from typing import Any

from multidigit.version import __version__

# Public names, imported on first use: importing the package must cost nothing.
_PUBLIC = {
    "MultidigitError": "multidigit.errors",
    "Reader": "multidigit.reading.reader",
    "Reading": "multidigit.reading.reader",
    "Section": "multidigit.settings",
    "Settings": "multidigit.settings",
    "Strategy": "multidigit.strategies",
    "Backbone": "multidigit.strategies",
}

__all__ = ["Backbone", "MultidigitError", "Reader", "Reading", "Section", "Settings", "Strategy", "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PUBLIC[name]), name)
