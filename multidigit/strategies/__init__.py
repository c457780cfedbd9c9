"""The strategies and the backbones, by name. Importing this loads no TensorFlow.

A package adds a strategy through the entry point group ``multidigit.strategies``.
"""

from __future__ import annotations

from multidigit.registry import Registry
from multidigit.strategies.base import Backbone, Strategy

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
        "thread": "multidigit.strategies.backbones.baseline:Thread",
    },
)
