"""The strategies and the backbones, by name. Importing this loads no TensorFlow."""

from multidigit.registry import BACKBONES, STRATEGIES
from multidigit.strategies.base import Backbone, Strategy

__all__ = ["BACKBONES", "STRATEGIES", "Backbone", "Strategy"]
