"""Trains the two networks that come with the package: ``make pretrained``.

Stages, each of which Ctrl-C ends and the same command goes on with: ``finder``, ``reader``, ``finish``. The first two
train with Keras on whichever backend it has, so on a GPU where there is one; ``finish`` exports, calibrates and
measures, and takes TensorFlow. Pictures are drawn in processes beside.
"""

from __future__ import annotations

import json
import math
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from multidigit.cli.progress import note
from multidigit.files import write_bytes
from multidigit.machine import processors
from multidigit.pictures.finder import SHAPES
from multidigit.settings import Settings, read_yaml, validate

if TYPE_CHECKING:
    import keras

RECIPE = Path(__file__).parents[1] / "experiments" / "pretrained.yaml"
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


def _quiet_process() -> None:
    import signal

    import cv2

    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def batches(make_one: Any, first: int, workers: int) -> Iterator[tuple[Any, Any]]:
    """Batches without end, in order, made in processes."""
    with ProcessPoolExecutor(workers, get_context("spawn"), _quiet_process) as pool:
        index = first
        ahead = deque(pool.submit(make_one, first + place) for place in range(AHEAD * workers))
        try:
            while True:
                yield ahead.popleft().result()
                index += 1
                ahead.append(pool.submit(make_one, index + AHEAD * workers - 1))
        finally:
            for future in ahead:
                future.cancel()


def train_stage(
    stage: str, folder: Path, minutes: float, batch: int, workers: int, rate: float, start: Path | None
) -> None:
    """Train one network for so many minutes, those before an interruption included; leaves ``STAGE.weights.h5``."""
    settings = validate(read_yaml(RECIPE)[0], str(RECIPE))
    model = _model(stage, settings)
    state: dict[str, Any] = {"step": 0, "seconds": 0.0, "pictures": 0}
    checkpoint, progress = folder / f"{stage}-checkpoint.keras", folder / f"{stage}.json"
    if progress.exists():
        state = json.loads(progress.read_text())
        model.load_weights(checkpoint)
    elif start:
        model.load_weights(start)
    make_one = (
        partial(finder_batch, size=batch) if stage == "finder" else partial(reader_batch, size=batch, settings=settings)
    )
    began, saved, losses = time.monotonic() - state["seconds"], time.monotonic(), []
    note(f"{stage}: {model.count_params():,} parameters, batches of {batch}, {workers} processes draw")
    for inputs, targets in batches(make_one, state["step"], workers):
        now = time.monotonic()
        done = (now - began) / 60 / minutes
        if done >= 1:
            break
        model.optimizer.learning_rate = rate * min(1, done / WARM, (1 - done) / 0.7)
        losses.append(float(model.train_on_batch(inputs, targets)))
        state["step"] += 1
        state["pictures"] += batch
        if state["step"] % 200 == 0 or state["step"] == 5:
            speed = state["step"] * batch / (now - began)
            note(f"{stage}: {done:4.0%}, step {state['step']}, loss {np.mean(losses):.4f}, {speed:,.0f} a second")
            if not math.isfinite(losses[-1]):
                raise SystemExit(f"{stage}: the loss is not finite")
            losses = []
        if now - saved > SAVED:
            saved = now
            _save(model, checkpoint, progress, state | {"seconds": now - began})
    _save(model, checkpoint, progress, state | {"seconds": minutes * 60})
    plain = _network(stage, settings)[0]
    plain.set_weights(model.get_weights())
    plain.save_weights(folder / f"{stage}.weights.h5")
    note(f"{stage}: {state['pictures']:,} pictures in {minutes:g} minutes")


def finish(folder: Path) -> None:
    """Export both networks, calibrate and measure the reader: the run ``reader`` in the folder."""
    from multidigit.evaluation import calibrate, evaluate
    from multidigit.quiet import quiet_stderr
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

    settings = resolve(validate(read_yaml(RECIPE)[0], str(RECIPE)))
    stream, strategy = StripStream(settings), make(settings)
    state = json.loads((folder / "reader.json").read_text())
    with RunWriter(folder / "reader", replace=True) as writer, quiet_stderr():
        finder, _ = _network("finder", settings)
        finder.load_weights(folder / "finder.weights.h5")
        sample = finder_examples(SAMPLE, SHAPES[0], np.random.default_rng(2), "validation")[0]
        write_bytes(writer.aside / FINDER, to_tflite(finder, float16=True))
        write_bytes(writer.aside / FINDER_INT8, to_tflite(finder, sample))

        model = strategy.training_model()
        model.load_weights(folder / "reader.weights.h5")
        model.save(writer.aside / KERAS_MODEL, include_optimizer=False)
        write_bytes(writer.aside / LITERT_MODEL, to_tflite(strategy.reading_model(model)))
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
        }
        writer.json(METRICS, {"training": training, "test": measures})
        writer.finish(settings)


def _save(model: keras.Model, checkpoint: Path, progress: Path, state: dict[str, Any]) -> None:
    aside = checkpoint.with_name(f"aside-{checkpoint.name}")
    model.save(aside)
    aside.replace(checkpoint)
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
    return model


def _network(stage: str, settings: Settings) -> tuple[keras.Model, Any]:
    """A network with its loss."""
    if stage == "finder":
        from multidigit.training.finder import build_finder, finder_loss

        return build_finder(), finder_loss
    from multidigit.strategies.base import make

    strategy = make(settings)
    return strategy.training_model(), strategy.loss(0.0)


@click.command()
@click.argument("stage", type=click.Choice(["finder", "reader", "finish"]))
@click.option("--minutes", type=float, default=90, show_default=True, help="Time to train this network for.")
@click.option("--batch", type=int, help="Pictures of a batch.")
@click.option("--workers", type=int, help="Processes that draw.  [default: one less than processors]")
@click.option("--rate", type=float, help="Highest learning rate.")
@click.option("--start", type=click.Path(path_type=Path, exists=True), help="Weights to begin with.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/pretrained"), show_default=True)
def main(
    stage: str,
    minutes: float,
    batch: int | None,
    workers: int | None,
    rate: float | None,
    start: Path | None,
    out: Path,
) -> None:
    """Train the networks that come with the package, one stage after another."""
    out.mkdir(parents=True, exist_ok=True)
    if stage == "finish":
        finish(out)
        return
    train_stage(
        stage, out, minutes, batch or BATCH[stage], workers or max(1, processors() - 1), rate or RATE[stage], start
    )


if __name__ == "__main__":
    main()
