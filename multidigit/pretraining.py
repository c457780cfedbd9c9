"""Trains the two networks that come with the package: ``make pretrained``.

Stages, each of which Ctrl-C ends and the same command goes on with: ``finder``, ``reader``, ``finish``. The first two
train with Keras on whichever backend it has, so on a GPU where there is one; ``finish`` exports, calibrates and
measures, and takes TensorFlow. Pictures are drawn in processes beside.
"""

from __future__ import annotations

import json
import math
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
import numpy as np

from multidigit import disk
from multidigit.cli import run_command
from multidigit.cli.progress import note
from multidigit.errors import MultidigitError, RunError
from multidigit.files import writable, write_bytes
from multidigit.machine import processors
from multidigit.pictures.finder import SHAPES
from multidigit.quiet import quiet_stderr
from multidigit.settings import Settings, read_yaml, validate

if TYPE_CHECKING:
    import keras

RECIPE = Path(__file__).parents[1] / "experiments" / "pretrained.yaml"
MINUTES = {"finder": 60.0, "reader": 150.0}
BATCH = {"finder": 64, "reader": 256}
RATE = {"finder": 0.003, "reader": 0.006}
"""Highest learning rates."""
WARM = 0.03
"""Share of a stage in which the learning rate rises."""
SAVED = 60.0
"""Seconds between checkpoints."""
AHEAD = 4
"""Batches that each process has in hand."""


def finder_batch(index: int, size: int) -> tuple[Any, Any]:
    """Batch number ``index`` for the finder; all its pictures are of one shape."""
    from multidigit.training.finder_examples import finder_examples

    return finder_examples(size, SHAPES[index % len(SHAPES)], np.random.default_rng([1, index]))


def reader_batch(index: int, size: int, settings: Settings) -> tuple[Any, Any]:
    """Batch number ``index`` for the reader."""
    from multidigit.strategies.base import make

    strips = _stream(settings).batch(index, size)
    return make(settings).examples(strips.images, strips.slots)


_streams: dict[str, Any] = {}


def _stream(settings: Settings) -> Any:
    from multidigit.strips.stream import StripStream

    return _streams.setdefault(settings.model_dump_json(), StripStream(settings))


def _begin_drawing() -> None:
    """Called in each process that draws, before it does."""
    import cv2

    cv2.setNumThreads(1)  # there is a process for each processor
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent
    parent.join()
    os._exit(1)


def batches(make_one: Callable[[int], Any], first: int, workers: int) -> Generator[tuple[Any, Any]]:
    """Batches without end, in order, made in processes."""
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin_drawing) as pool:
        # Ctrl-C reaches all processes of a terminal; these inherit that they ignore it.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            ahead = deque(pool.submit(make_one, first + place) for place in range(AHEAD * workers))
        finally:
            signal.signal(signal.SIGINT, before)
        index = first + len(ahead)
        try:
            while True:
                yield ahead.popleft().result()
                ahead.append(pool.submit(make_one, index))
                index += 1
        finally:
            for future in ahead:
                future.cancel()


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Within the block the first Ctrl-C only sets what this yields: a step is not left half done."""
    pressed = False

    def press(*_: object) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, press)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)


def train_stage(
    stage: str, folder: Path, minutes: float, batch: int, workers: int, rate: float, start: Path | None
) -> bool:
    """Train one network for so many minutes, those before an interruption included; leaves ``STAGE.weights.h5``.

    Returns:
        Whether it is complete; else Ctrl-C was pressed, and the same call goes on.
    """
    state: dict[str, Any] = {"step": 0, "seconds": 0.0, "pictures": 0, "complete": False}
    checkpoint, progress = folder / f"{stage}-checkpoint.keras", folder / f"{stage}.json"
    weights = folder / f"{stage}.weights.h5"
    if progress.exists():
        state |= json.loads(progress.read_text())
    if state["complete"] and weights.exists():
        note(f"{stage}: complete in {folder}, {state['pictures']:,} pictures seen; to train anew name another --out")
        return True
    settings = _recipe()
    with quiet_stderr():
        device, model = _device(), _model(stage, settings)
    state["device"] = device
    drawing = "1 process draws" if workers == 1 else f"{workers} processes draw"
    note(f"{stage}: trains on {device}, {drawing} beside; {minutes:g} minutes in all, batches of {batch}")
    if progress.exists():
        model.load_weights(checkpoint)
    elif start:
        model.load_weights(start)
    make_one = (
        partial(finder_batch, size=batch) if stage == "finder" else partial(reader_batch, size=batch, settings=settings)
    )
    # Time counts from the first batch on: until then nothing is learnt.
    began, saved, done, losses = 0.0, time.monotonic(), 0.0, []
    with closing(batches(make_one, state["step"], workers)) as made, _interruptible() as interrupted:
        for inputs, targets in made:
            now = time.monotonic()
            began = began or now - state["seconds"]
            state["seconds"] = now - began
            done = state["seconds"] / 60 / minutes
            if done >= 1 or interrupted():
                break
            model.optimizer.learning_rate = rate * min(1, done / WARM, (1 - done) / 0.7)
            losses.append(float(model.train_on_batch(inputs, targets)))
            state["step"] += 1
            state["pictures"] += batch
            if state["step"] % 200 == 0 or state["step"] == 5:
                speed = state["pictures"] / (time.monotonic() - began)
                note(f"{stage}: {done:4.0%}, step {state['step']}, loss {np.mean(losses):.4f}, {speed:,.0f} a second")
                if not math.isfinite(losses[-1]):
                    raise MultidigitError(f"{stage}: the loss is not finite; train with a lower --rate")
                losses = []
            if now - saved > SAVED:
                saved = now
                _save(model, checkpoint, progress, state)
    _save(model, checkpoint, progress, state)
    if done < 1:
        note(f"{stage}: interrupted at {done:.0%}; the same command goes on")
        return False
    plain = _network(stage, settings)[0]
    plain.set_weights(model.get_weights())
    plain.save_weights(weights)
    write_bytes(progress, json.dumps(state | {"complete": True}).encode())
    note(f"{stage}: complete, {state['pictures']:,} pictures in {minutes:g} minutes")
    return True


def finish(folder: Path) -> None:
    """Export both networks, calibrate and measure the reader: the run ``reader`` in the folder."""
    from multidigit.evaluation import calibrate, evaluate
    from multidigit.reading.inference import Model
    from multidigit.runs import (
        CALIBRATION,
        FINDER,
        FINDER_INT8,
        KERAS_MODEL,
        LITERT_MODEL,
        METRICS,
        SETTINGS,
        RunWriter,
    )
    from multidigit.settings import to_yaml
    from multidigit.strategies.base import make, resolve
    from multidigit.strips.stream import StripStream
    from multidigit.training.conversion import SAMPLE, to_tflite
    from multidigit.training.finder_examples import finder_examples

    for stage in BATCH:
        if not (folder / f"{stage}.weights.h5").exists():
            raise MultidigitError(f"{folder}: the stage {stage} is not complete; run it first")
    settings = resolve(_recipe())
    stream, strategy = StripStream(settings), make(settings)
    state = json.loads((folder / "reader.json").read_text())
    with RunWriter(folder / "reader", replace=True) as writer, quiet_stderr():
        finder, _ = _network("finder", settings)
        finder.load_weights(folder / "finder.weights.h5")
        sample = finder_examples(SAMPLE, SHAPES[0], np.random.default_rng(2), "validation")[0]
        writer.bytes(FINDER, to_tflite(finder, float16=True))
        writer.bytes(FINDER_INT8, to_tflite(finder, sample))

        model = strategy.training_model()
        model.load_weights(folder / "reader.weights.h5")
        with writer.part(KERAS_MODEL) as path:
            model.save(path, include_optimizer=False)
        writer.bytes(LITERT_MODEL, to_tflite(strategy.reading_model(model)))
        exported = Model(writer.aside / LITERT_MODEL)
        calibration = calibrate(exported, stream, settings.evaluation.validation_strips)
        measures, _ = evaluate(exported, stream.fixed("test", settings.evaluation.test_strips), calibration)
        writer.text(SETTINGS, to_yaml(settings))
        writer.json(CALIBRATION, {LITERT_MODEL: calibration.as_json()})
        training = {
            "finished": True,
            "seconds": state["seconds"],
            "strips": state["pictures"],
            "parameters": model.count_params(),
            "device": state.get("device"),
        }
        writer.json(METRICS, {"training": training, "test": measures})
        writer.finish(settings)


def _recipe() -> Settings:
    return validate(read_yaml(RECIPE)[0], str(RECIPE))


def _device() -> str:
    """What Keras computes on, in words."""
    import keras

    kind, _, _ = keras.distribution.list_devices()[0].partition(":")
    name = "the processor" if kind == "cpu" else f"a {kind.upper()}"
    return f"{name} ({keras.backend.backend()})"


def _save(model: keras.Model, checkpoint: Path, progress: Path, state: dict[str, Any]) -> None:
    aside = checkpoint.with_name(f"aside-{checkpoint.name}")
    model.save(aside)
    disk.rename(aside, checkpoint)
    write_bytes(progress, json.dumps(state).encode())


def _model(stage: str, settings: Settings) -> keras.Model:
    """A network ready to train."""
    import keras

    from multidigit.training.muon import Muon

    keras.utils.set_random_seed(settings.seed)
    optimizer = Muon(RATE[stage], weight_decay=0.02, adam_weight_decay=0.02, global_clipnorm=5.0)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model, loss = _network(stage, settings)
    model.compile(optimizer, loss)
    optimizer.build(model.trainable_variables)  # else a checkpoint's momentum would not be loaded
    return model


def _network(stage: str, settings: Settings) -> tuple[keras.Model, Any]:
    """A network with its loss."""
    if stage == "finder":
        from multidigit.training.finder import build_finder, finder_loss

        return build_finder(), finder_loss
    from multidigit.strategies.base import make

    strategy = make(settings)
    return strategy.training_model(), strategy.loss(0.0)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("stage", type=click.Choice([*BATCH, "finish"]))
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="Time to train for.  [default: 60, 150]")
@click.option("--batch", type=click.IntRange(1), help="Pictures of a batch.  [default: 64, 256]")
@click.option("--workers", type=click.IntRange(1), help="Processes that draw.  [default: one less than processors]")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Highest learning rate.  [default: 0.003, 0.006]")
@click.option("--start", type=click.Path(path_type=Path, exists=True), help="Weights to begin with.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/pretrained"), show_default=True)
def train(
    stage: str,
    minutes: float | None,
    batch: int | None,
    workers: int | None,
    rate: float | None,
    start: Path | None,
    out: Path,
) -> int:
    """Train the networks that come with the package, one stage after another: finder, reader, finish.

    Where two defaults stand, the first is the finder's, the second the reader's. Ctrl-C ends a stage; the same command
    goes on with it.
    """
    if stage == "finish":
        finish(out)
        return 0
    with writable(out, RunError, "; name another folder with --out"):
        disk.make_folder(out)
    complete = train_stage(
        stage,
        out,
        minutes or MINUTES[stage],
        batch or BATCH[stage],
        workers or max(1, processors() - 1),
        rate or RATE[stage],
        start,
    )
    return 0 if complete else 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """As every command of the program: one line for an expected error, and its exit code."""
    run_command(train, "python -m multidigit.pretraining", arguments)


if __name__ == "__main__":
    main()
