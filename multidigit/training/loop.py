"""One training loop for every strategy."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from multidigit import metrics
from multidigit.error_breakdown import break_down_errors
from multidigit.errors import MultidigitError, RunError
from multidigit.evaluation import evaluate
from multidigit.files import write_bytes
from multidigit.quiet import quiet_stderr
from multidigit.reading.calibration import fit
from multidigit.reading.inference import Model
from multidigit.runs import (
    ANSWERS,
    CALIBRATION,
    CHECKPOINT,
    HISTORY,
    METRICS,
    MODEL,
    READER,
    SETTINGS,
    Run,
    RunWriter,
    read_json,
)
from multidigit.settings import Settings, TrainSettings, to_yaml
from multidigit.strategies.base import Strategy, make, resolve
from multidigit.strips.compose import Strips
from multidigit.strips.stream import StripStream
from multidigit.training.conversion import to_tflite
from multidigit.training.optimizers import make_optimizer

if TYPE_CHECKING:
    import keras

STATE = "checkpoint.json"
"""Beside the checkpoint: how far training had come."""
LOOK_AHEAD = 8
"""Batches composed in advance, in a thread of their own, so that training never waits for strips."""
READ_BATCH = 256
"""Validation strips read at a time."""


@dataclass(frozen=True)
class Progress:
    """How far training has come, told after every batch and every epoch.

    Attributes:
        done: share of the budget used, 0 to 1.
        seconds: training time so far.
        strips: training strips seen so far.
        epoch: the history row of an epoch that has just ended.
    """

    done: float
    seconds: float
    strips: int
    epoch: Mapping[str, float] | None = None

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


Item = TypeVar("Item")
Listener = Callable[[Progress], None]


def train(
    settings: Settings,
    out: Path,
    *,
    listen: Listener = lambda progress: None,
    tensorboard: Path | None = None,
    resume: Run | None = None,
) -> Run:
    """Train one network and write its run folder.

    Args:
        settings: what to train; what they leave open is filled from the backbone's recipe.
        out: where the run folder shall stand; it must not exist (but for ``resume``, which replaces the run).
        listen: called after every batch and epoch.
        tensorboard: folder for TensorBoard's logs.
        resume: an interrupted run to go on with; its own settings are used.

    Returns:
        The finished run. After Ctrl-C, a run with ``interrupted`` set that holds what there was; a second Ctrl-C while
        it is written gives up.

    Raises:
        SettingsError, DataError, RunError: before training begins.
    """
    if resume is not None and not resume.interrupted:
        raise RunError(f"{resume.path}: this run is finished; train a new one, with more epochs if it needs them")
    settings = resume.settings if resume else resolve(settings)
    stream = StripStream(settings)
    with RunWriter(out, replace=resume is not None) as writer:
        validation = stream.fixed("validation", settings.evaluation.validation_strips)
        test = stream.fixed("test", settings.evaluation.test_strips)
        with quiet_stderr():
            import keras
        # It warns of functions that are traced anew for the last, smaller batch of the validation strips.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        keras.utils.set_random_seed(settings.seed)
        keras.backend.clear_session()
        strategy = make(settings)
        with quiet_stderr():
            model, state = (
                _restore(resume, strategy, settings.train)
                if resume
                else (_compiled(strategy, settings.train), _State())
            )
            loop = _Loop(strategy, model, settings.train, validation, state, listen, tensorboard)
        try:
            loop.fit(stream)
        except KeyboardInterrupt:
            state.interrupted = True
        loop.finish()
        with quiet_stderr():
            if state.interrupted:
                model.save(writer.aside / CHECKPOINT)
                writer.json(STATE, state.as_json())
            model.set_weights(state.best_weights)
            model.save(writer.aside / MODEL, include_optimizer=False)
            reading_model = strategy.reading_model(model)
        write_bytes(writer.aside / READER, to_tflite(reading_model))
        writer.text(SETTINGS, to_yaml(settings))
        writer.table(HISTORY, state.history)
        reader = Model(writer.aside / READER)
        # Strips that neither taught the network nor chose its best weights.
        fresh = stream.fixed("validation", settings.evaluation.validation_strips, again=1)
        calibration = fit(fresh.slots, reader.probabilities(fresh.images))
        writer.json(CALIBRATION, {READER: calibration.as_json()})
        measures, answers = evaluate(reader, test, calibration)
        np.savez_compressed(writer.aside / ANSWERS, allow_pickle=False, **answers)
        found = {"training": _summary(state, settings.train, model), "test": measures}
        writer.json(METRICS, {**found, "error_breakdown": break_down_errors(reader, stream, test, calibration)})
        return writer.finish(settings)


def _summary(state: _State, train: TrainSettings, model: keras.Model) -> dict[str, Any]:
    best = state.history[state.best_epoch - 1]
    strips = state.step * (train.batch_size or 1)
    return {
        "finished": not state.interrupted,
        "seconds": round(state.seconds, 3),
        "strips": strips,
        "strips_per_second": state.timed_strips / max(state.seconds, 1e-9),
        "epochs": len(state.history),
        "best_epoch": state.best_epoch,
        "parameters": model.count_params(),
        "validation_digit_accuracy": best["digit_accuracy"],
        "validation_sequence_accuracy": best["sequence_accuracy"],
    }


class _State:
    """What is needed, beside the model and its optimiser, to go on with a run."""

    SAVED = ("step", "seconds", "timed_strips", "best_epoch")

    def __init__(self) -> None:
        self.step = 0
        self.seconds = 0.0
        self.timed_strips = 0
        self.history: list[dict[str, float]] = []
        self.best_epoch = 0
        self.best_weights: list[Any] = []
        self.interrupted = False

    def as_json(self) -> dict[str, Any]:
        return {key: getattr(self, key) for key in _State.SAVED}


def _restore(run: Run, strategy: Strategy, train: TrainSettings) -> tuple[keras.Model, _State]:
    """The model as training left it, its optimiser included, and how far it had come.

    Models are built anew and take over saved weights: so they may hold layers that Keras has not heard of.
    """
    best, model = strategy.training_model(), _compiled(strategy, train)
    best.load_weights(run.part(MODEL))
    model.optimizer.build(model.trainable_variables)
    model.load_weights(run.part(CHECKPOINT))
    saved, state = read_json(run.part(STATE)), _State()
    for key in _State.SAVED:
        setattr(state, key, saved[key])
    state.history = [{**row, "epoch": int(row["epoch"]), "strips": int(row["strips"])} for row in run.history]
    state.best_weights = best.get_weights()
    return model, state


def _compiled(strategy: Strategy, train: TrainSettings) -> keras.Model:
    model = strategy.training_model()
    model.compile(make_optimizer(train), strategy.loss(train.label_smoothing or 0.0))
    return model


def learning_rate(train: TrainSettings, done: float) -> float:
    """The learning rate after the share ``done`` of the budget: linear warm-up, then cosine to zero or constant."""
    peak, warmup = train.learning_rate or 0.0, train.warmup or 0.0
    if done < warmup:
        # Never quite zero: the first steps must count, too.
        return peak * max(done / warmup, 0.01)
    if train.schedule == "constant":
        return peak
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, (done - warmup) / (1 - warmup))))


@contextlib.contextmanager
def ahead(items: Iterator[Item], count: int) -> Iterator[Iterator[Item]]:
    """The same items, up to ``count`` of them made before they are asked for, in a thread that ends with the block.

    A thread and a queue: ``tf.data`` takes seconds to let go of a Python generator.
    """
    made: queue.Queue[Item | BaseException] = queue.Queue(count)
    done = threading.Event()

    def make_items() -> None:
        item: Item | BaseException
        try:
            for item in items:
                if done.is_set():
                    return
                made.put(item)
            made.put(StopIteration())
        except BaseException as error:  # told to whoever waits for items
            made.put(error)

    def take() -> Iterator[Item]:
        while True:
            item = made.get()
            if isinstance(item, StopIteration):
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    thread = threading.Thread(target=make_items, daemon=True)
    thread.start()
    try:
        yield take()
    finally:
        done.set()
        while thread.is_alive():
            # Makes room for what the thread may be about to put.
            with contextlib.suppress(queue.Empty):
                made.get(timeout=0.05)


class _Loop:
    """Sets the schedule, keeps the budget, validates and remembers the best weights."""

    def __init__(
        self,
        strategy: Strategy,
        model: keras.Model,
        train: TrainSettings,
        validation: Strips,
        state: _State,
        listen: Listener,
        tensorboard: Path | None,
    ) -> None:
        self._strategy, self._model, self._train = strategy, model, train
        self._validation, self._state, self._listen = validation, state, listen
        self._reading = strategy.reading_model(model)
        self._size = int(train.batch_size or 1)
        self._per_epoch = math.ceil(train.strips / self._size)
        self._resumed_at = state.seconds
        self._began: float | None = None
        self._losses: list[Any] = []
        self._judged = state.step
        self._log = _tensorboard(tensorboard) if tensorboard else None

    def seconds(self) -> float:
        """Training seconds, validation included, start-up left out."""
        return self._resumed_at + (time.perf_counter() - self._began if self._began is not None else 0.0)

    def done(self) -> float:
        """Share of the budget used."""
        if self._train.minutes:
            return self.seconds() / (60 * self._train.minutes)
        return self._state.step / (self._per_epoch * self._train.epochs)

    def fit(self, stream: StripStream) -> None:
        import tensorflow as tf

        model, state = self._model, self._state
        loss_of = model.loss

        # jit_compile halves the speed on two cores.
        @tf.function(jit_compile=False, reduce_retracing=True)  # type: ignore[untyped-decorator]
        def step(inputs: Any, targets: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = loss_of(targets, model(inputs, training=True)) + sum(model.losses)
            gradients = tape.gradient(loss, model.trainable_variables)
            model.optimizer.apply(gradients, model.trainable_variables)
            return loss

        if self.done() >= 1:
            return
        try:
            with ahead(self._examples(stream), LOOK_AHEAD) as batches:
                self._steps(step, batches)
        finally:
            state.seconds = self.seconds()

    def _steps(self, step: Callable[[Any, Any], Any], batches: Iterator[tuple[Any, Any]]) -> None:
        """Train and judge until the budget or patience is used up, or the accuracy asked for is reached."""
        model, state = self._model, self._state
        for inputs, targets in batches:
            model.optimizer.learning_rate = learning_rate(self._train, self.done())
            self._losses.append(step(inputs, targets))
            state.step += 1
            if self._began is None:
                # The first step builds the graph: that is start-up, not training.
                self._began = time.perf_counter()
            else:
                state.timed_strips += self._size
            self._listen(self._progress())
            if state.step % self._per_epoch == 0:
                self._judge()
                if self._enough():
                    return
            if self.done() >= 1:
                return

    def _examples(self, stream: StripStream) -> Iterator[tuple[Any, Any]]:
        """Batch after batch, from the one where training stands, as the strategy wants them."""
        for index in itertools.count(self._state.step):
            strips = stream.batch(index, self._size)
            yield self._strategy.examples(strips.images, strips.slots)

    def _progress(self, row: Mapping[str, float] | None = None) -> Progress:
        strips = self._state.step * self._size
        return Progress(min(1.0, self.done()), self.seconds(), strips, row)

    def _judge(self) -> None:
        """Look at the validation strips, with averaged weights if there are any, and remember the best."""
        state, model, strips = self._state, self._model, self._validation
        own = model.get_weights() if self._train.ema else None
        if own is not None:
            model.optimizer.finalize_variable_values(model.trainable_variables)
        answers = metrics.answers(self._reading.predict(strips.images, batch_size=READ_BATCH, verbose=0))
        row = {
            "epoch": len(state.history) + 1,
            "strips": state.step * self._size,
            "seconds": round(self.seconds(), 3),
            "learning_rate": float(model.optimizer.learning_rate),
            "loss": float(np.mean([float(loss) for loss in self._losses])) if self._losses else math.nan,
            "digit_accuracy": metrics.digit_accuracy(strips.slots, answers),
            "sequence_accuracy": metrics.sequence_accuracy(strips.slots, answers),
        }
        best = state.history[state.best_epoch - 1]["sequence_accuracy"] if state.best_epoch else -1.0
        state.history.append(row)
        # Of equals the later one: it has seen more.
        if row["sequence_accuracy"] >= best:
            state.best_epoch, state.best_weights = len(state.history), model.get_weights()
        if own is not None:
            model.set_weights(own)
        self._losses, self._judged = [], state.step
        if self._log:
            self._log(row)
        self._listen(self._progress(row))

    def _enough(self) -> bool:
        """Whether the validation sequence accuracy is as high as asked for, or has stopped rising."""
        reached = [row["sequence_accuracy"] for row in self._state.history]
        if self._train.until and max(reached) >= self._train.until:
            return True
        # Equalling the best is no gain.
        waited = len(reached) - 1 - reached.index(max(reached))
        return self._train.patience is not None and waited >= self._train.patience

    def finish(self) -> None:
        """After the last step, or an interruption: judge what was not judged yet."""
        if self._judged != self._state.step or not self._state.history:
            self._judge()


def _tensorboard(folder: Path) -> Callable[[Mapping[str, float]], None]:
    """Writes history rows as TensorBoard scalars.

    Raises:
        MultidigitError: TensorBoard is not installed.
    """
    import tensorflow as tf

    try:
        # TensorFlow writes files without it, but its summaries are TensorBoard's.
        importlib.import_module("tensorboard")
    except ImportError:
        raise MultidigitError("--tensorboard needs TensorBoard: pip install 'multidigit[tensorboard]'") from None
    writer, summary = tf.summary.create_file_writer(str(folder)), tf.summary.scalar

    def log(row: Mapping[str, float]) -> None:
        with writer.as_default(step=int(row["strips"])):
            for key, value in row.items():
                if key not in ("epoch", "strips"):
                    summary(key, value)
        writer.flush()

    return log
