"""Typed settings: the one source of every default.

A settings file is YAML. It is laid over the defaults, and ``--set key=value`` over that. An unknown key is an error
that names the line and the nearest key that exists.
"""

from multidigit.settings.files import read_yaml, to_yaml
from multidigit.settings.listing import Listed, list_settings, takes_fractions
from multidigit.settings.overlay import flatten, nested, overlay, parse_assignments
from multidigit.settings.schema import (
    FREE,
    LAYOUTS,
    BackboneSettings,
    DataSettings,
    EffectSettings,
    EffectsSettings,
    EvaluationSettings,
    Layout,
    LayoutSettings,
    Preset,
    Section,
    Settings,
    TrainSettings,
    validate,
)

__all__ = [
    "FREE",
    "LAYOUTS",
    "BackboneSettings",
    "DataSettings",
    "EffectSettings",
    "EffectsSettings",
    "EvaluationSettings",
    "Layout",
    "LayoutSettings",
    "Listed",
    "Preset",
    "Section",
    "Settings",
    "TrainSettings",
    "flatten",
    "list_settings",
    "nested",
    "overlay",
    "parse_assignments",
    "read_yaml",
    "takes_fractions",
    "to_yaml",
    "validate",
]
