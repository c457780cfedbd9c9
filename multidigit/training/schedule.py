"""The learning rate over the course of training."""

from __future__ import annotations

import math

from multidigit.settings import TrainSettings


def learning_rate(train: TrainSettings, done: float) -> float:
    """The learning rate after the share ``done`` of the budget: linear warm-up, then cosine to zero or constant."""
    peak, warmup = train.learning_rate or 0.0, train.warmup or 0.0
    if done < warmup:
        # Never quite zero: the first steps must count, too.
        return peak * max(done / warmup, 0.01)
    if train.schedule == "constant":
        return peak
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, (done - warmup) / (1 - warmup))))
