"""``keras.Model.fit`` for every strategy: batches from the stream of strips, and what happens around each of them.

Imports TensorFlow.
"""

from __future__ import annotations

import itertools
import math
import sys
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from numpy.typing import NDArray

from multidigit import metrics
from multidigit.runs import CHECKPOINT, KERAS_MODEL, Run
from multidigit.settings import Settings, TrainSettings
from multidigit.strategies.base import Strategy
from multidigit.strips.compose import Strips
from multidigit.strips.stream import StripStream
from multidigit.training.optimizers import make_optimizer
from multidigit.training.schedule import learning_rate
from multidigit.training.state import Listener, TrainingState

LOOK_AHEAD = 8
"""Batches composed in advance, in a thread of their own, so that training does not wait for strips."""
READ_BATCH = 256
"""Validation strips read at a time."""


def start(strategy: Strategy, settings: Settings) -> tuple[keras.Model, TrainingState]:
    """A strategy's training model with fresh weights, ready to fit."""
    keras.utils.set_random_seed(settings.seed)
    return compile_model(strategy, settings.train), TrainingState(settings.train)


def restore(run: Run, strategy: Strategy) -> tuple[keras.Model, TrainingState]:
    """The model of an interrupted run as training left it, its optimiser included, and how far it had come."""
    keras.utils.set_random_seed(run.settings.seed)
    # Models are built anew and take over saved weights: so they may hold layers that Keras cannot load by name.
    best, model = strategy.training_model(), compile_model(strategy, run.settings.train)
    best.load_weights(run.part(KERAS_MODEL))
    model.load_weights(run.part(CHECKPOINT))
    return model, TrainingState.of_run(run, best.get_weights())


def compile_model(strategy: Strategy, train: TrainSettings) -> keras.Model:
    keras.backend.clear_session()
    model = strategy.training_model()
    # On two processor cores jit_compile halves the speed.
    model.compile(make_optimizer(train), strategy.loss(train.label_smoothing or 0.0), jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model


def fit(
    model: keras.Model,
    strategy: Strategy,
    stream: StripStream,
    validation: Strips,
    state: TrainingState,
    listen: Listener,
    tensorboard: Path | None = None,
) -> None:
    """Train until the state says that training is finished, or until Ctrl-C.

    Args:
        model: from ``start`` or ``restore``. Afterwards it has the weights that training reached; the best ones
            are in the state.
        strategy: the one that made the model.
        stream: gives the batches.
        validation: strips to judge by after every epoch.
        state: where training stands; kept up to date.
        listen: called after every batch and every epoch.
        tensorboard: folder for TensorBoard's logs.
    """
    look = Validation(state, strategy.reading_model(model), validation)
    look.set_model(model)
    callbacks = [look, Budget(state, listen)]
    if tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(str(tensorboard), write_graph=False))

    def fit_epochs(steps: int, last: int) -> None:
        model.fit(
            make_batches(strategy, stream, state),
            initial_epoch=len(state.history),
            epochs=last,
            steps_per_epoch=steps,
            callbacks=callbacks,
            shuffle=False,
            verbose=0,
        )

    try:
        # A run that was interrupted within an epoch first completes it.
        if not state.finished and (left := -state.step % state.steps_per_epoch):
            fit_epochs(left, len(state.history) + 1)
        if not state.finished:
            fit_epochs(state.steps_per_epoch, sys.maxsize)
    except KeyboardInterrupt:
        state.interrupted = True
    finally:
        state.stop_clock()
    if not state.validated:
        look.judge()


def make_batches(strategy: Strategy, stream: StripStream, state: TrainingState) -> tf.data.Dataset:
    """Training batches without end, from the one where training stands, as the strategy takes them.

    Not a ``keras.utils.PyDataset``: of that Keras makes a data set that tunes its look-ahead by itself, in a thread
    that holds up the process for up to a minute when it is let go.
    """

    def batch(index: int) -> tuple[NDArray[Any], NDArray[Any]]:
        strips = stream.batch(index, state.batch_size)
        return strategy.examples(strips.images, strips.slots)

    first = state.step
    signature = tuple(tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in batch(first))
    options = tf.data.Options()
    options.autotune.enabled = False
    made = tf.data.Dataset.from_generator(lambda: map(batch, itertools.count(first)), output_signature=signature)
    return made.with_options(options).prefetch(LOOK_AHEAD)


class Validation(keras.callbacks.Callback):  # type: ignore[misc]
    """Reads the validation strips after every epoch, with averaged weights if there are any; keeps the best weights."""

    def __init__(self, state: TrainingState, reading_model: keras.Model, strips: Strips) -> None:
        super().__init__()
        self._state, self._reading_model, self._strips = state, reading_model, strips
        self._loss = math.nan
        self._own: list[Any] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._loss = math.nan

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._loss = logs["loss"]  # its mean over the epoch so far

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs.update({name: value for name, value in self.judge().items() if name != "epoch"})

    def on_train_end(self, logs: Any = None) -> None:
        # ``fit`` ends with the averages in place of the weights; training would go on from the weights themselves.
        self.model.set_weights(self._own)

    def judge(self) -> dict[str, float]:
        """The row of the history for where training stands now."""
        model, state = self.model, self._state
        self._own = model.get_weights()
        try:
            if state.train.ema and state.step:
                model.optimizer.finalize_variable_values(model.trainable_variables)
            answers = metrics.answers(self._reading_model.predict(self._strips.images, READ_BATCH, verbose=0))
            row = {
                "epoch": len(state.history) + 1,
                "strips": state.strips,
                "seconds": round(state.seconds, 3),
                "learning_rate": float(model.optimizer.learning_rate),
                "loss": self._loss,
                "digit_accuracy": metrics.digit_accuracy(self._strips.slots, answers),
                "sequence_accuracy": metrics.sequence_accuracy(self._strips.slots, answers),
            }
            state.add_epoch(row, model.get_weights())
        finally:
            model.set_weights(self._own)
        return row


class Budget(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets the learning rate by the share of the budget that is used, reports progress, and ends training."""

    def __init__(self, state: TrainingState, listen: Listener) -> None:
        super().__init__()
        self._state, self._listen = state, listen

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.model.optimizer.learning_rate = learning_rate(self._state.train, self._state.done)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._state.count_step()
        self._listen(self._state.progress())
        # Minutes may be over within an epoch.
        self.model.stop_training = self._state.done >= 1

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._listen(self._state.progress(self._state.history[-1]))
        self.model.stop_training = self._state.finished
