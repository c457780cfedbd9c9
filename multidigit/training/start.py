"""Training that begins with the weights of another run."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import RunError, SettingsError
from multidigit.quiet import quiet_stderr
from multidigit.runs import KERAS_MODEL, Run, pick_run
from multidigit.settings import Settings, overlay
from multidigit.strategies.base import make
from multidigit.training.weights import read_weights

if TYPE_CHECKING:
    import keras

BUDGET = {"epochs": 10, "strips": 2_000}
"""The default budget of a training that begins with weights that are good already."""


def started_from(settings: Settings) -> Run:
    """The run that ``train.start`` names.

    Raises:
        RunError: there is none, or it was exported without its Keras model.
        SettingsError: it is of another backbone or kind of strips.
    """
    run = pick_run(settings.train.start)
    if not run.has(KERAS_MODEL):
        raise RunError(
            f"{run.path}: train.start needs {KERAS_MODEL}, which this exported run lacks; name the run itself, or "
            "export it with --trainable"
        )
    other = run.settings
    for key, here, there in (
        ("backbone.name", settings.backbone.name, other.backbone.name),
        ("backbone.width", settings.backbone.width, other.backbone.width),
        ("layout.name", settings.layout.name, other.layout.name),
    ):
        if here != there:
            raise SettingsError(
                f"train.start: {run.described} has {key} {there}; received {here}; leave {key} out, or set it to that"
            )
    return run


def settings_from(given: dict[str, Any], fresh: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """What is set, over settings of the run that ``train.start`` names: its slots, strategy, backbone and strips.

    The budget is ``BUDGET`` unless another one is set. Where training begins with random weights, what is set is laid
    over ``fresh``.
    """
    start = (given.get("train") or {}).get("start")
    if not start:
        return overlay(fresh, given)
    other = pick_run(start).settings.model_dump(mode="json")
    kept = {key: other[key] for key in ("slots", "strategy", "backbone", "layout", "digits", "effects")}
    return overlay({**kept, "train": BUDGET}, given)


def take_over(model: keras.Model, run: Run) -> None:
    """Give a model a run's weights.

    Strategies may differ: what the backbone does alike for both is taken over, from the picture on up to the first
    convolution that differs. Numbers of slots may differ: what belongs to slots and columns that both have is taken
    over, columns counted from the middle of the strip, where numbers stand.
    """
    with quiet_stderr():
        source = make(run.settings).training_model()
        load_weights(source, run.path / KERAS_MODEL)
    for old, new in zip(_weighted(source), _weighted(model), strict=False):
        weights = list(zip(old.get_weights(), new.get_weights(), strict=False))
        if type(old) is not type(new) or any(_other_kernel(*pair) for pair in weights):
            break
        new.set_weights([_fitted(*pair) for pair in weights])


def load_weights(model: keras.Model, path: Path) -> None:
    """Give a model the weights in a file.

    Raises:
        RunError: they are of other layers, or the file may do more than give weights (see ``read_weights``).
    """
    data = read_weights(path)
    try:
        # What was looked through, and not what may stand at that place by now.
        with tempfile.TemporaryDirectory() as folder:
            checked = Path(folder) / "checked.weights.h5"
            checked.write_bytes(data)
            model.load_weights(checked)
    except (ValueError, KeyError):  # what Keras raises where layers or their shapes differ
        raise RunError(
            f"{path}: its weights do not fit today's network of these settings, as of a run of an older multidigit; it "
            "still reads pictures, but can be neither trained on nor exported; train a new one"
        ) from None


def _weighted(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if layer.weights]


def _other_kernel(old: NDArray[np.float32], new: NDArray[np.float32]) -> bool:
    """Whether two layers' weights are of different kinds: only a convolution's have four axes."""
    return old.ndim != new.ndim or (old.ndim == 4 and old.shape != new.shape)


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
