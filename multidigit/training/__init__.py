"""Training: one network, from settings to a run folder."""

from __future__ import annotations

from multidigit.training.loop import Progress, learning_rate, train

__all__ = ["Progress", "learning_rate", "train"]
