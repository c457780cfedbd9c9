"""Training on the device that TensorFlow has, and which that is: strips a second as it is done now and in other ways.

Ways that might be faster are tried here, from outside, on batches made beforehand: several steps in one call, mixed
precision, XLA, larger batches. What they do to accuracy is not measured. Where there is a GPU, the same is measured on
the machine's processor, too.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import common
import numpy as np

from multidigit.cli.progress import note
from multidigit.machine import has_gpu
from multidigit.registry import BACKBONES
from multidigit.report.tables import markdown_table
from multidigit.settings import validate
from multidigit.strategies.base import make, resolve
from multidigit.strips.stream import StripStream

STEPS = 8
"""Steps in one call, where there are several."""
LARGER = 4
WAYS = ("as now", f"{STEPS} steps a call", "mixed precision", "XLA", f"batch × {LARGER}")
AIMS = (0.97, 0.99)


def on(processor: bool) -> str:
    """Have TensorFlow use the processor alone, or what there is; gives the device's name."""
    if processor:
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "a processor"
    return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "a GPU"))


def rate(backbone: str, way: str, digits: str, seconds: float, processor: bool) -> tuple[str, float]:
    """The device, and strips a second that heads on a backbone trains on in one way; the first call is not timed."""
    device = on(processor)
    import keras
    import tensorflow as tf

    from multidigit.training.devices import devices_for
    from multidigit.training.loop import compile_model

    settings = resolve(validate({"backbone": backbone, "layout": "structured", "digits": digits}))
    if way == "mixed precision":
        # Unlike float16 it needs no scaled loss.
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    strategy, stream = make(settings), StripStream(settings)
    model = compile_model(strategy, settings.train, devices_for(settings.train))
    size = int(settings.train.batch_size or 1) * (LARGER if way == WAYS[-1] else 1)
    steps = STEPS if way == WAYS[1] else 1
    made = [stream.batch(index, size) for index in range(STEPS)]
    batches = [strategy.examples(strips.images, strips.slots) for strips in made]

    def step(inputs: Any, targets: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = model.loss(targets, tf.cast(model(inputs, training=True), tf.float32))
        model.optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    @tf.function(jit_compile=way == "XLA")  # type: ignore[untyped-decorator]
    def call(inputs: Any, targets: Any) -> Any:
        if steps == 1:
            return step(inputs, targets)
        loss = tf.constant(0.0)
        for index in tf.range(steps):
            loss = step(inputs[index], targets[index])
        return loss

    if steps > 1:
        batches = [(np.stack([b[0] for b in batches]), np.stack([b[1] for b in batches]))]
    float(call(*batches[0]))
    calls, began = 0, time.perf_counter()
    while (taken := time.perf_counter() - began) < seconds:
        float(call(*batches[calls % len(batches)]))
        calls += 1
    return device, calls * steps * size / taken


def to_aims(digits: str, epochs: int, strips: int, processor: bool) -> dict[str, Any]:
    """Training in earnest: seconds to each of ``AIMS`` of structured validation numbers, and the share of waiting."""
    on(processor)
    budget = {"epochs": epochs, "strips": strips, "until": AIMS[-1]}
    with tempfile.TemporaryDirectory() as folder:
        run = common.trained(validate({"layout": "structured", "digits": digits, "train": budget}), Path(folder, "run"))
        history, training = run.history, run.metrics["training"]
    reached = {
        f"{aim:.0%}": next((row["seconds"] for row in history if row["sequence_accuracy"] >= aim), None) for aim in AIMS
    }
    return {"seconds_to": reached, "waiting": training["waiting"], "strips_per_second": training["strips_per_second"]}


def measured(backbones: Sequence[str], options: Any, processor: bool) -> dict[str, Any]:
    rates: dict[str, dict[str, float]] = {}
    device = ""
    for backbone in backbones:
        rates[backbone] = {}
        for way in WAYS:
            arguments = backbone, way, options.digits, options.seconds, processor
            device, rates[backbone][way] = common.alone(rate, *arguments)
            note(f"{device}: {backbone}, {way}: {rates[backbone][way]:,.0f} strips/s")
    aims = common.alone(to_aims, options.digits, options.epochs, options.strips, processor)
    return {"device": device, "rates": rates, **aims}


def words(found: dict[str, Any]) -> str:
    cells = [[backbone, *(f"{rates[way]:,.0f}" for way in WAYS)] for backbone, rates in found["rates"].items()]
    times = " and ".join(
        f"{aim} of structured numbers in {seconds:.0f} s" if seconds else f"{aim} not within the budget"
        for aim, seconds in found["seconds_to"].items()
    )
    return (
        f"Measured on {found['device']}: training strips a second by heads.\n\n"
        f"{markdown_table(['backbone', *WAYS], cells)}\n"
        f"As now, on the default backbone: {times}; {found['strips_per_second']:,.0f} strips a second, "
        f"{found['waiting']:.0%} of the time waiting for strips.\n"
    )


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--digits", default="drawn", help="digit source, such as a file of MNIST")
    parser.add_argument("--seconds", type=float, default=20, help="timed in each way")
    parser.add_argument("--backbone", action="append", help="one that is measured; may be repeated  [default: all]")
    parser.add_argument("--epochs", type=int, default=12, help="of the training in earnest, at most")
    parser.add_argument("--strips", type=int, default=20_000, help="in an epoch of it")
    options = parser.parse_args()
    backbones = options.backbone or list(BACKBONES)
    found = [measured(backbones, options, processor) for processor in ([False, True] if has_gpu() else [True])]
    common.write(options.out, "device", {"devices": found}, "\n".join(map(words, found)))


if __name__ == "__main__":
    common.run(main)
