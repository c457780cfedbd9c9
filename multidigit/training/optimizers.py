"""The optimisers of training, by name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from multidigit.settings import TrainSettings

if TYPE_CHECKING:
    import keras

SMALLEST = 16
"""Matrices with fewer rows or columns are left to AdamW by ``muon``: output layers of eleven classes are among them."""


def make_optimizer(train: TrainSettings) -> keras.optimizers.Optimizer:
    """The optimiser that settings name, every value of theirs filled in; its learning rate is set anew at each step."""
    import keras

    kinds = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "muon": _muon,
        "adadelta": keras.optimizers.Adadelta,
        "sgd": keras.optimizers.SGD,
    }
    options: dict[str, Any] = {"learning_rate": train.learning_rate}
    if train.ema:
        options |= {"use_ema": True, "ema_momentum": train.ema}
    if train.optimizer == "sgd":
        options |= {"momentum": 0.9, "nesterov": True}
    if train.weight_decay:
        options["weight_decay"] = train.weight_decay
    optimizer = kinds[str(train.optimizer)](**options)
    if train.weight_decay:
        # Scales and offsets are no weights to shrink.
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _muon(weight_decay: float = 0.0, **options: Any) -> keras.optimizers.Optimizer:
    """Muon (Jordan et al. 2024) for every hidden kernel, AdamW for the rest, both at one learning rate.

    The momentum of a kernel is replaced by the nearest matrix with orthogonal rows or columns, so that a step turns all
    directions alike, and scaled to the size of AdamW's steps (Liu et al. 2025, arXiv 2502.16982). Keras' own Muon
    leaves convolutions to AdamW; here a kernel (height, width, in, out) counts as a matrix (height · width · in, out).
    """
    import keras
    from keras import ops

    class Muon(keras.optimizers.Muon):  # type: ignore[misc]
        def _should_use_adamw(self, variable: Any) -> bool:
            if not variable.path.endswith("kernel") or len(variable.shape) < 2:
                return True
            *rows, columns = variable.shape
            return min(math.prod(rows), columns) < SMALLEST

        def _muon_update_step(self, gradient: Any, variable: Any, lr: Any, m: Any) -> None:
            self.assign_add(m, gradient + (self.momentum - 1) * m)
            wanted = gradient + self.momentum * m if self.nesterov else m
            matrix = ops.reshape(wanted, (-1, variable.shape[-1]))
            update = self.lr_adjust(lr * self.zeropower_via_newtonschulz5(matrix, self.ns_steps))
            self.assign_sub(variable, ops.reshape(update, variable.shape))

    return Muon(weight_decay=weight_decay, adam_weight_decay=weight_decay, **options)
