"""The optimisers of training, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multidigit.settings import TrainSettings

if TYPE_CHECKING:
    import keras


def make_optimizer(train: TrainSettings) -> keras.optimizers.Optimizer:
    """The optimiser that settings name, every value of theirs filled in; its learning rate is set anew at each step."""
    import keras

    from multidigit.training.muon import Muon

    kinds = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "muon": Muon,
        "adadelta": keras.optimizers.Adadelta,
        "sgd": keras.optimizers.SGD,
    }
    options: dict[str, Any] = {"learning_rate": train.learning_rate}
    if train.ema:
        options |= {"use_ema": True, "ema_momentum": train.ema}
    if train.optimizer == "sgd":
        options |= {"momentum": 0.9, "nesterov": True}
    if train.optimizer in ("adamw", "muon") or train.weight_decay:
        # The defaults of these two are not 0.
        options["weight_decay"] = train.weight_decay or 0.0
    if train.optimizer == "muon":
        options["adam_weight_decay"] = options["weight_decay"]
    optimizer = kinds[str(train.optimizer)](**options)
    if train.weight_decay:
        # Scales and offsets are no weights to shrink.
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
