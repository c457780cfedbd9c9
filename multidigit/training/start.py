"""Training that begins with the weights of another run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import RunError, SettingsError
from multidigit.quiet import quiet_stderr
from multidigit.runs import KERAS_MODEL, Run, pick_run
from multidigit.settings import Settings
from multidigit.strategies.base import make

if TYPE_CHECKING:
    import keras


def started_from(settings: Settings) -> Run:
    """The run that ``train.start`` names.

    Raises:
        RunError: there is none, or it was exported without its Keras model.
        SettingsError: it is of another strategy, backbone or kind of strips.
    """
    run = pick_run(settings.train.start)
    if not run.has(KERAS_MODEL):
        raise RunError(
            f"{run.path}: train.start needs {KERAS_MODEL}, which this exported run lacks; name the run itself, or "
            "export it with --trainable"
        )
    other = run.settings
    for key, here, there in (
        ("strategy", settings.strategy, other.strategy),
        ("backbone", settings.backbone, other.backbone),
        ("layout.name", settings.layout.name, other.layout.name),
    ):
        if here != there:
            raise SettingsError(
                f"train.start: {run.described} has {key} {there}; received {here}; leave {key} out, or set it to that"
            )
    return run


def take_over(model: keras.Model, run: Run) -> None:
    """Give a model a run's weights.

    Numbers of slots may differ: what belongs to slots and columns that both have is taken over, columns counted from
    the middle of the strip, where numbers stand.
    """
    with quiet_stderr():
        source = make(run.settings).training_model()
        source.load_weights(run.path / KERAS_MODEL)
    model.set_weights([_fitted(old, new) for old, new in zip(source.get_weights(), model.get_weights(), strict=True)])


def _fitted(old: NDArray[np.float32], new: NDArray[np.float32]) -> NDArray[np.float32]:
    """``old`` where the shapes agree; else ``new`` with the part that both have: slots lie on the last axis."""
    if old.shape == new.shape:
        return old
    found = new.copy()
    here, there = [], []
    for axis, (size, other) in enumerate(zip(new.shape, old.shape, strict=True)):
        both = min(size, other)
        middle = axis < new.ndim - 1
        here.append(slice((size - both) // 2 * middle, (size - both) // 2 * middle + both))
        there.append(slice((other - both) // 2 * middle, (other - both) // 2 * middle + both))
    found[tuple(here)] = old[tuple(there)]
    return found
