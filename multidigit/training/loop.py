"""The training loop of every strategy: batches from the stream of strips, a step for each, Keras' callbacks around.

Not ``keras.Model.fit``: with the same steps, over a ``PyDataset`` or a ``tf.data`` generator, it trained 0.75 times as
many strips a second on two quiet processor cores. Imports TensorFlow.
"""

from __future__ import annotations

import itertools
import json
import math
import time
from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from multidigit import metrics
from multidigit.errors import MultidigitError
from multidigit.runs import CHECKPOINT, KERAS_MODEL, Run, read_json
from multidigit.settings import Settings, TrainSettings
from multidigit.strategies.base import Strategy
from multidigit.strips.compose import Strips
from multidigit.strips.stream import StripStream
from multidigit.training.checkpoints import Checkpoints, variables_of
from multidigit.training.devices import Batch, Devices
from multidigit.training.optimizers import make_optimizer
from multidigit.training.schedule import learning_rate
from multidigit.training.start import load_weights, started_from, take_over
from multidigit.training.state import STATE, Listener, TrainingState

LOOK_AHEAD = 8
"""Batches composed in advance, in a thread of their own, so that training does not wait for strips."""
READ_BATCH = 256
"""Validation strips read at a time."""


def repeat_exactly() -> None:
    """From now on every operation of this process gives the same result each time, at the cost of speed.

    Sums depend in their last bits on how many threads share them, so there is one.

    Raises:
        MultidigitError: TensorFlow has begun to work with more.
    """
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        raise MultidigitError(
            "train.deterministic must be set before this process trains anything else: TensorFlow has begun to use "
            "several processors"
        ) from None
    tf.config.experimental.enable_op_determinism()


def start(strategy: Strategy, settings: Settings, devices: Devices) -> tuple[keras.Model, TrainingState]:
    """A strategy's training model with fresh weights, or those of ``train.start``, ready to fit."""
    keras.utils.set_random_seed(settings.seed)
    model = compile_model(strategy, settings.train, devices)
    if settings.train.start:
        take_over(model, started_from(settings))
    return model, TrainingState(settings.train)


def restore(run: Run, strategy: Strategy, devices: Devices) -> tuple[keras.Model, TrainingState]:
    """The model of an interrupted run as training left it, its optimiser included, and how far it had come."""
    keras.utils.set_random_seed(run.settings.seed)
    # Models are built anew and take over saved weights: so they may hold layers that Keras cannot load by name.
    best, model = strategy.training_model(), compile_model(strategy, run.settings.train, devices)
    load_weights(best, run.part(KERAS_MODEL))
    load_weights(model, run.part(CHECKPOINT))
    state = TrainingState(run.settings.train)
    state.put_back(read_json(run.part(STATE)), run.history, best.get_weights())
    return model, state


def compile_model(strategy: Strategy, train: TrainSettings, devices: Devices) -> keras.Model:
    keras.backend.clear_session()
    with devices.building():
        model = strategy.training_model()
        devices.synchronise(model)
        model.compile(make_optimizer(train), strategy.loss(train.label_smoothing or 0.0))
        model.optimizer.build(model.trainable_variables)
    return model


def share(devices: Devices, model: keras.Model, state: TrainingState) -> None:
    """Give every worker the chief's network, its optimiser included, and how far it has come."""
    if devices.workers == 1:
        return
    for variable in variables_of(model):
        value = variable.numpy()
        given = np.frombuffer(devices.from_chief(value.tobytes()), value.dtype)
        variable.assign(given.reshape(value.shape))
    saved, history = json.loads(devices.from_chief(json.dumps([state.as_json(), state.history]).encode()))
    state.put_back(saved, history, state.best_weights)


def fit(
    model: keras.Model,
    strategy: Strategy,
    stream: StripStream,
    validation: Strips,
    state: TrainingState,
    devices: Devices,
    listen: Listener,
    checkpoints: Checkpoints | None,
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
        devices: those that the model was made for.
        listen: called after every batch and every epoch.
        checkpoints: where they are written; ``None`` in all workers but the chief.
        tensorboard: folder for TensorBoard's logs.

    Raises:
        MultidigitError: the loss is NaN or infinite before the first validation. Later the state says so, and holds the
            best weights from before. Or another worker has ended.
    """
    # Keras reads with weights on one device; where they are on several, those of a model beside it.
    beside = strategy.training_model() if devices.replicas > 1 else model
    look = Validation(state, beside, strategy.reading_model(beside), validation, devices)
    callbacks = [look, Budget(state, listen)]
    if checkpoints:
        callbacks.append(Keeping(state, checkpoints))
    if tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(str(tensorboard), write_graph=False))
    called = keras.callbacks.CallbackList(callbacks, model=model)
    loss_of = model.loss

    local = devices.replicas // devices.workers

    def replica_step(inputs: Any, targets: Any, seconds: Any) -> Any:
        with tf.GradientTape() as tape:
            # Keras' losses are means divided by the number of replicas; so must be what layers add.
            loss = loss_of(targets, model(inputs, training=True)) + sum(model.losses) / devices.replicas
        gradients = tape.gradient(loss, model.trainable_variables)
        model.optimizer.apply(gradients, model.trainable_variables)
        return tf.stack([loss, seconds / local])

    train_step = devices.summed(replica_step)
    model.stop_training = state.finished
    try:
        with closing(make_batches(strategy, stream, state, devices)) as batches:
            called.on_train_begin()
            while not model.stop_training:
                epoch = len(state.history)
                called.on_epoch_begin(epoch)
                # A run that was interrupted within an epoch first completes it.
                for step in range(state.step % state.steps_per_epoch, state.steps_per_epoch):
                    called.on_train_batch_begin(step)
                    asked = time.perf_counter()
                    inputs, targets = next(batches)
                    state.count_wait(time.perf_counter() - asked)
                    # The others add 0, so that all workers judge the budget by the chief's clock.
                    clock = np.float32(state.seconds if devices.chief else 0)
                    loss, seconds = map(float, train_step(devices.parts(inputs), devices.parts(targets), clock))
                    if devices.workers > 1:
                        state.chief_seconds = seconds
                    if not math.isfinite(loss):
                        state.diverged = f"the loss is {loss} after {state.strips:,} strips"
                        raise _DivergedError
                    called.on_train_batch_end(step, {"loss": loss})
                    if model.stop_training:
                        break
                called.on_epoch_end(epoch, {})
            called.on_train_end()
    except KeyboardInterrupt:
        state.interrupted = True
    except _DivergedError:
        if not state.best_epoch:
            if checkpoints:
                checkpoints.clear()  # from there it would come to the same
            raise MultidigitError(
                f"{state.diverged}, where training must give a finite one; a lower train.learning_rate may help"
            ) from None
    except (tf.errors.ResourceExhaustedError, MemoryError):
        raise MultidigitError(
            "not enough memory to go on; with a smaller train.batch_size or backbone.width less is needed. If other "
            "programs used it, the same command goes on where this one stopped"
        ) from None
    except tf.errors.OpError as error:
        # TensorFlow's own words tell nothing that helps where another worker has ended.
        if lost := devices.lost():
            raise lost from None
        raise error
    finally:
        state.stop_clock()
    if not state.validated and not state.diverged:
        look.judge()


class _DivergedError(Exception):
    """The loss is NaN or infinite."""


def make_batches(strategy: Strategy, stream: StripStream, state: TrainingState, devices: Devices) -> Generator[Batch]:
    """Training batches without end, from the one where training stands, as the strategy takes them.

    A thread makes them ahead of time, so that training does not wait for strips. Of several workers each makes an equal
    part of every batch: worker w of W the stream's batch number index · W + w, so that none sees another one's strips.
    """

    def batch(index: int) -> Batch:
        strips = stream.batch(index * devices.workers + devices.worker, state.batch_size // devices.workers)
        return strategy.examples(strips.images, strips.slots)

    indices = itertools.count(state.step)
    with ThreadPoolExecutor(1) as thread:
        ahead = deque(thread.submit(batch, index) for index in itertools.islice(indices, LOOK_AHEAD))
        try:
            while True:
                made = ahead.popleft().result()
                ahead.append(thread.submit(batch, next(indices)))
                yield made
        finally:
            for future in ahead:
                future.cancel()


class Validation(keras.callbacks.Callback):  # type: ignore[misc]
    """Reads the validation strips after every epoch, with averaged weights if there are any; keeps the best weights.

    Of several workers each reads them, for it would only wait; what the chief reads counts for all.
    """

    def __init__(
        self,
        state: TrainingState,
        beside: keras.Model,
        reading_model: keras.Model,
        strips: Strips,
        devices: Devices,
    ) -> None:
        super().__init__()
        self._state, self._beside, self._reading_model = state, beside, reading_model
        self._strips, self._devices = strips, devices

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._state.losses.append(logs["loss"])

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs.update({name: value for name, value in self.judge().items() if name != "epoch"})

    def judge(self) -> dict[str, float]:
        """The row of the history for where training stands now."""
        model, state = self.model, self._state
        own = model.get_weights()
        try:
            if state.train.ema and state.step:
                model.optimizer.finalize_variable_values(model.trainable_variables)
            weights = model.get_weights()
            if self._beside is not model:
                self._beside.set_weights(weights)
            answers = metrics.answers(self._reading_model.predict(self._strips.images, READ_BATCH, verbose=0))
            row = {
                "epoch": len(state.history) + 1,
                "strips": state.strips,
                "seconds": round(state.seconds, 3),
                "learning_rate": float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)),
                "loss": float(np.mean(state.losses)) if state.losses else math.nan,
                "digit_accuracy": metrics.digit_accuracy(self._strips.slots, answers),
                "sequence_accuracy": metrics.sequence_accuracy(self._strips.slots, answers),
            }
            if not state.interrupted:  # an interrupted chief is alone
                row = json.loads(self._devices.from_chief(json.dumps(row).encode()))
            state.add_epoch(row, weights)
            state.losses = []
        finally:
            model.set_weights(own)
        return row


class Keeping(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes a checkpoint after every epoch, and every half minute within one."""

    def __init__(self, state: TrainingState, checkpoints: Checkpoints) -> None:
        super().__init__()
        self._state, self._checkpoints = state, checkpoints

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        # After the last batch of an epoch the network is judged first.
        if self._checkpoints.due and self._state.step % self._state.steps_per_epoch:
            self._checkpoints.save(self.model, self._state)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._checkpoints.save(self.model, self._state)


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
