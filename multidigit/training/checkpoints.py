"""Checkpoints of a training under way, so that it goes on where its process was killed.

A checkpoint is one ``.npz`` file: every variable of the model and its optimiser, the best weights so far, and as JSON
the settings, how far training has come, and its history. A training that goes on from one ends with the same weights,
bit for bit, as one that was never killed, on the same machine with the same number of threads.

Not ``keras.callbacks.BackupAndRestore``: that keeps one file a place, which a kill can leave half-written, neither best
weights nor history, and takes longer to write than a step of training; this takes about as long as one.
"""

from __future__ import annotations

import contextlib
import json
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import RunError
from multidigit.files import remove, standing_aside, writing
from multidigit.locks import in_use, locked
from multidigit.outside import parse_json, read_arrays
from multidigit.runs import HOME
from multidigit.settings import Settings, to_yaml
from multidigit.training.state import TrainingState

if TYPE_CHECKING:
    import keras

EVERY = 30.0
"""Seconds of training from one checkpoint to the next, at most; there is one after each epoch, too."""
KEPT = 2
"""Checkpoints that are kept: should the newest be damaged, there is the one before."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        about: ``settings`` as YAML text; ``state`` and ``history``, of a ``TrainingState``.
        variables: of model and optimiser, in their order.
        best_weights: as of a ``TrainingState``.
    """

    about: dict[str, Any]
    variables: list[NDArray[Any]]
    best_weights: list[NDArray[Any]]


class Checkpoints:
    """The checkpoints of the run that is to stand at ``out``, in a hidden folder beside it.

    Within a ``with`` block this process alone may write there. What is there stays until ``clear``, so that a later
    training of the same settings goes on from it.

    Raises:
        RunError: another process trains this run, or the checkpoints are of other settings.
    """

    def __init__(self, out: Path, settings: Settings) -> None:
        self._out, self._folder, self._settings = out, checkpoint_folder(out), to_yaml(settings)
        self._lock: AbstractContextManager[int] = locked(self._folder, f"{out}: another process is training this run")
        self._written = time.monotonic()

    def __enter__(self) -> Checkpoints:
        self._lock.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._lock.__exit__(*error)
        # Kept as long as there is something in it.
        with contextlib.suppress(OSError):
            self._folder.rmdir()

    def newest(self) -> Checkpoint | None:
        """The newest checkpoint that is whole; ``None`` where there is none.

        Raises:
            RunError: it is of other settings.
        """
        found = _newest(self._folder)
        if found and found.about["settings"] != self._settings:
            raise RunError(
                f"{self._out}: a training of other settings was killed here; give its settings to go on with it, "
                f"remove {self._folder} to begin anew, or name another folder with --out"
            )
        return found

    @property
    def due(self) -> bool:
        """Whether it is time for the next one."""
        return time.monotonic() - self._written >= EVERY

    def save(self, model: keras.Model, state: TrainingState) -> None:
        """Write a checkpoint, whole or not at all, and remove those that are no longer kept."""
        about = {"settings": self._settings, "state": state.as_json(), "history": state.history}
        arrays: dict[str, Any] = {"about": np.array(json.dumps(about))}
        arrays |= {f"variable{number}": value.value.numpy() for number, value in enumerate(variables_of(model))}
        arrays |= {f"best{number}": value for number, value in enumerate(state.best_weights)}
        with writing(self._folder / f"{state.step:012}.npz", RunError) as file:
            np.savez(file, allow_pickle=False, **arrays)
        for old in _files(self._folder)[:-KEPT]:
            remove(old)
        self._written = time.monotonic()

    def clear(self) -> None:
        """Remove all, and what killed processes left half-written: the run is complete."""
        # No other process trains this run, so what stands aside is of ended ones.
        for path in [*_files(self._folder), *(aside.path for aside in standing_aside(self._folder / "*"))]:
            remove(path)


def put_back(checkpoint: Checkpoint, model: keras.Model, state: TrainingState) -> None:
    """Give a fresh model of the same settings, and its state, what the checkpoint holds."""
    variables = variables_of(model)
    if [value.shape for value in variables] != [value.shape for value in checkpoint.variables]:
        raise RunError("a checkpoint does not fit today's network of its settings, as of an older multidigit")
    for variable, value in zip(variables, checkpoint.variables, strict=True):
        variable.assign(value)
    state.put_back(checkpoint.about["state"], checkpoint.about["history"], checkpoint.best_weights)


def unfinished(settings: Settings, home: Path = HOME) -> Path | None:
    """Where a run of these settings was to stand whose training was killed; the newest of several.

    Args:
        settings: complete, as ``resolve`` gives them.
    """
    text = to_yaml(settings)
    folders = [path for path in home.glob(".*.training") if path.is_dir()]
    for folder in sorted(folders, key=lambda path: path.stat().st_mtime, reverse=True):
        found = _newest(folder)
        if found and found.about["settings"] == text and not in_use(folder):
            return folder.with_name(folder.name.removeprefix(".").removesuffix(".training"))
    return None


def checkpoint_folder(out: Path) -> Path:
    """Where the checkpoints of the run that is to stand at ``out`` are."""
    return out.with_name(f".{out.name}.training")


def _files(folder: Path) -> list[Path]:
    """Checkpoints, oldest first."""
    return sorted(folder.glob("[0-9]*.npz"))


def _newest(folder: Path) -> Checkpoint | None:
    for path in reversed(_files(folder)):
        # Of a damaged file, or one that something else has written, the one before it stands.
        with contextlib.suppress(OSError, ValueError, KeyError):
            return _read(path)
    return None


def _read(path: Path) -> Checkpoint:
    arrays = read_arrays(path)
    about = parse_json(str(arrays["about"]))
    if not isinstance(about, dict) or not {"settings", "state", "history"} <= set(about):
        raise ValueError(path)

    def numbered(kind: str) -> list[NDArray[Any]]:
        count = sum(name.startswith(kind) for name in arrays)
        return [arrays[f"{kind}{number}"] for number in range(count)]

    return Checkpoint(about, numbered("variable"), numbered("best"))


def variables_of(model: keras.Model) -> list[Any]:
    """All that training changes, the states of random numbers included."""
    return [*model.variables, *model.optimizer.variables]
