"""How far training has come: steps, time, history, and the best weights so far."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from multidigit.settings import TrainSettings

STATE = "checkpoint.json"
"""Beside a run's checkpoint: the numbers of its ``TrainingState``."""
_SAVED = ("step", "seconds", "timed_strips", "best_epoch")
_ADDED = {"waited": 0.0, "losses": ()}
"""What runs that an older version interrupted lack, and what stands for it."""


@dataclass(frozen=True)
class Progress:
    """How far training has come, reported after every batch and every epoch, and before each step that follows.

    Attributes:
        done: share of the budget used, 0 to 1.
        seconds: training time so far.
        strips: training strips seen so far.
        epoch: the history row of an epoch that has just ended.
        doing: what is done with the network after training, such as ``testing``; empty while it is trained.
    """

    done: float
    seconds: float
    strips: int
    epoch: Mapping[str, float] | None = None
    doing: str = ""

    @property
    def epoch_text(self) -> str:
        """The epoch that has just ended, in one line; empty where none has."""
        if not self.epoch:
            return ""
        row = self.epoch
        return (
            f"epoch {int(row['epoch'])}: {self.strips:,} strips in {self.seconds:.0f} s, loss {row['loss']:.4f}, "
            f"validation: {row['digit_accuracy']:.2%} of the digits, "
            f"{row['sequence_accuracy']:.2%} of the numbers right"
        )


Listener: TypeAlias = Callable[[Progress], None]


class TrainingState:
    """Counts steps and time against the budget, and keeps the history.

    Attributes:
        train: the budget and the recipe, every value filled in.
        step: batches trained on.
        timed_strips: strips of the steps that were timed, all but the first after each start.
        history: a row an epoch, as ``history.csv`` holds it.
        best_epoch: number of the epoch whose weights are the best, from 1; 0 before the first.
        best_weights: those weights, as Keras' ``get_weights`` gives them.
        losses: of the steps since the last row of the history.
        interrupted: whether Ctrl-C ended training.
        chief_seconds: where several workers train, training time by the chief's clock, as all know it since the last
            step; ``None`` before the first.
        waited: seconds of the steps that were timed in which training waited for strips.
        diverged: if training ended because the loss was no longer finite, that and after how many strips.
    """

    def __init__(self, train: TrainSettings) -> None:
        self.train = train
        self.batch_size = int(train.batch_size or 1)
        self.steps_per_epoch = math.ceil(train.strips / self.batch_size)
        self.step = 0
        self.timed_strips = 0
        self.history: list[dict[str, float]] = []
        self.best_epoch = 0
        self.best_weights: list[Any] = []
        self.losses: list[float] = []
        self.interrupted = False
        self.diverged = ""
        self.chief_seconds: float | None = None
        self.waited = 0.0
        self._earlier = 0.0
        self._started: float | None = None

    @property
    def strips(self) -> int:
        return self.step * self.batch_size

    @property
    def seconds(self) -> float:
        """Training time, validation included, start-up left out."""
        return self._earlier + (time.perf_counter() - self._started if self._started is not None else 0.0)

    @property
    def done(self) -> float:
        """Share of the budget used; may pass 1."""
        if self.train.minutes:
            seconds = self.seconds if self.chief_seconds is None else self.chief_seconds
            return seconds / (60 * self.train.minutes)
        return self.step / (self.steps_per_epoch * self.train.epochs)

    @property
    def finished(self) -> bool:
        """Whether the budget or the patience is used up, or the accuracy asked for is reached."""
        reached = [row["sequence_accuracy"] for row in self.history]
        if self.done >= 1 or not reached:
            return self.done >= 1
        best = max(reached)
        # Equalling the best is no gain.
        waited = len(reached) - 1 - reached.index(best)
        return best >= (self.train.until or math.inf) or waited >= (self.train.patience or math.inf)

    @property
    def validated(self) -> bool:
        """Whether the last row of the history is of the weights that training has reached."""
        return bool(self.history) and self.history[-1]["strips"] == self.strips

    def count_step(self) -> None:
        self.step += 1
        if self._started is None:
            # The first step builds the graph: that is start-up, not training.
            self._started = time.perf_counter()
        else:
            self.timed_strips += self.batch_size

    def count_wait(self, seconds: float) -> None:
        """Training has waited so long for the strips of the next step."""
        if self._started is not None:
            self.waited += seconds

    def stop_clock(self) -> None:
        self._earlier, self._started = self.seconds, None

    def add_epoch(self, row: dict[str, float], weights: list[Any]) -> None:
        """Add a row to the history; its weights are kept if they are the best."""
        best = self.history[self.best_epoch - 1]["sequence_accuracy"] if self.best_epoch else -1.0
        self.history.append(row)
        # Of equals the later one: it has seen more.
        if row["sequence_accuracy"] >= best:
            self.best_epoch, self.best_weights = len(self.history), weights

    def progress(self, epoch: Mapping[str, float] | None = None, doing: str = "") -> Progress:
        return Progress(min(1.0, self.done), self.seconds, self.strips, epoch, doing)

    def as_json(self) -> dict[str, Any]:
        """The numbers that a training needs to go on."""
        return {key: getattr(self, key) for key in (*_SAVED, *_ADDED)}

    def put_back(
        self, saved: Mapping[str, Any], history: Sequence[Mapping[str, float]], best_weights: list[Any]
    ) -> None:
        """Go on from where ``as_json`` was taken."""
        self.step, self._earlier, self.timed_strips, self.best_epoch = (saved[key] for key in _SAVED)
        self.history = [{**row, "epoch": int(row["epoch"]), "strips": int(row["strips"])} for row in history]
        self.best_weights = best_weights
        added = {**_ADDED, **saved}
        self.waited, self.losses = added["waited"], list(added["losses"])

    def summary(self, parameters: int) -> dict[str, Any]:
        """What ``metrics.json`` holds under ``training``, of a network of so many parameters."""
        best = self.history[self.best_epoch - 1]
        return {
            **({"diverged": self.diverged} if self.diverged else {}),
            "finished": not self.interrupted,
            "seconds": round(self.seconds, 3),
            "strips": self.strips,
            "strips_per_second": self.timed_strips / max(self.seconds, 1e-9),
            "waiting": min(1.0, self.waited / max(self.seconds, 1e-9)),
            "epochs": len(self.history),
            "best_epoch": self.best_epoch,
            "parameters": parameters,
            "validation_digit_accuracy": best["digit_accuracy"],
            "validation_sequence_accuracy": best["sequence_accuracy"],
        }
