"""Trains fast-plate-ocr on strips for some minutes, and reads the test strips with what came out.

``rivals.py`` runs this in the environment where fast-plate-ocr is installed, and multidigit is not: what passes
between the two are files. Model, plate settings, augmentation, loss and optimiser are fast-plate-ocr's own, and so are
the hyper-parameters, as its command ``fast-plate-ocr train`` has them by default. That command counts epochs, so its
parts are driven from here: the same schedule over minutes instead of steps, and a look at the validation strips now and
then.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

# Before the imports below, which read them: no logs of C++ libraries, no question about newer versions.
os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "NO_ALBUMENTATIONS_UPDATE": "1"}

import keras
import numpy as np
from fast_plate_ocr.train.data.augmentation import default_train_augmentation
from fast_plate_ocr.train.data.dataset import PlateRecognitionPyDataset
from fast_plate_ocr.train.model.config import PlateConfig, load_plate_config_from_yaml
from fast_plate_ocr.train.model.loss import cce_loss
from fast_plate_ocr.train.model.model_builders import build_model
from fast_plate_ocr.train.model.model_schema import load_model_config_from_yaml

RATE, LAST_RATE, WARMUP = 1e-3, 1e-2, 0.05
"""The highest learning rate, the share of it that is left at the end, and the share of the budget spent on warm-up."""
WEIGHT_DECAY, CLIP, SMOOTHING = 0.01, 1.0, 0.01
LOOK, LOOKS = 20.0, 5
"""Seconds from one look at the validation strips to the next, and how many looks there are at the least."""
READ_BATCH = 256


def learning_rate(done: float) -> float:
    """The learning rate after the share ``done`` of the budget: linear warm-up, then cosine."""
    if done < WARMUP:
        return RATE * done / WARMUP
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, (done - WARMUP) / (1 - WARMUP))))
    return RATE * (LAST_RATE + (1 - LAST_RATE) * cosine)


def loaded(table: Path, plate: PlateConfig) -> tuple[Any, Any]:
    """Strips as the network takes them, and what they say as class numbers, shape (N, slots)."""
    batches = PlateRecognitionPyDataset(table, plate, READ_BATCH, shuffle=False)
    images, labels = zip(*(batches[index] for index in range(len(batches))), strict=True)
    return np.concatenate(images), np.concatenate([label["plate"] for label in labels]).argmax(-1)


class Clock(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets the learning rate, looks at the validation strips, keeps the best weights, and ends with the budget."""

    def __init__(self, seconds: float, size: int, images: Any, labels: Any) -> None:
        super().__init__()
        self.budget, self.size, self.images, self.labels = seconds, size, images, labels
        self.every = min(LOOK, seconds / LOOKS)
        self.began: float | None = None
        self.looking = 0.0
        self.strips = 0
        self.curve: list[tuple[float, float]] = []
        self.best: list[Any] = []

    def seconds(self) -> float:
        """Training seconds, start-up and looks left out: a slow reader would lose much of its time to looks."""
        return time.perf_counter() - self.began - self.looking if self.began is not None else 0.0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.model.optimizer.learning_rate = learning_rate(self.seconds() / self.budget)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.began is None:
            # The first step builds the graph: that is start-up, not training.
            self.began = time.perf_counter()
            return
        self.strips += self.size
        seconds = self.seconds()
        if seconds >= self.budget:
            self.model.stop_training = True
        if seconds >= self.budget or seconds >= self.every * (len(self.curve) + 1):
            self.look(seconds)

    def look(self, seconds: float) -> None:
        """Judge the averaged weights, as fast-plate-ocr does, and go on with the weights themselves."""
        began = time.perf_counter()
        own = self.model.get_weights()
        self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        right = float((answers(self.model, self.images) == self.labels).all(-1).mean())
        if right >= max((accuracy for _, accuracy in self.curve), default=0.0):
            self.best = self.model.get_weights()
        self.model.set_weights(own)
        self.curve.append((round(seconds, 3), right))
        text = f"{self.strips:,} strips in {seconds:.0f} s, validation: {right:.2%} of the numbers right"
        print(f"fast-plate-ocr: {text}", flush=True)
        self.looking += time.perf_counter() - began


def answers(model: keras.Model, images: Any) -> Any:
    """The likeliest class of each slot."""
    return model.predict(images, batch_size=READ_BATCH, verbose=0)["plate"].argmax(-1)


def peak_memory() -> int | None:
    """Bytes of memory that this process has held at most; ``None`` where the system does not tell."""
    try:
        return 1024 * int(Path("/proc/self/status").read_text("ascii").partition("VmHWM:")[2].split()[0])
    except (OSError, IndexError):
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="holds train.csv, validation.csv, test.csv, model.yaml, plate.yaml")
    parser.add_argument("--minutes", type=float, default=7)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()
    folder: Path = options.folder

    keras.utils.set_random_seed(options.seed)
    plate = load_plate_config_from_yaml(folder / "plate.yaml")
    bent = default_train_augmentation(plate.image_color_mode)
    bent.set_random_seed(options.seed)
    train = PlateRecognitionPyDataset(folder / "train.csv", plate, options.batch, transform=bent)
    model = build_model(load_model_config_from_yaml(folder / "model.yaml"), plate)
    optimizer = keras.optimizers.AdamW(RATE, weight_decay=WEIGHT_DECAY, clipnorm=CLIP, use_ema=True)
    optimizer.exclude_from_weight_decay(var_names=["bias", "layer_norm"])
    # Its measures of training strips are left out: they would only take time.
    model.compile(optimizer, {"plate": cce_loss(plate.vocabulary_size, SMOOTHING)}, jit_compile=False)

    clock = Clock(60 * options.minutes, options.batch, *loaded(folder / "validation.csv", plate))
    # Builds the graph that reads, which is start-up, too.
    answers(model, clock.images[:READ_BATCH])
    model.fit(train, epochs=sys.maxsize, callbacks=[clock], verbose=0)
    model.set_weights(clock.best)
    images, _ = loaded(folder / "test.csv", plate)
    began = time.perf_counter()
    read = answers(model, images)
    seconds = time.perf_counter() - began
    packages = ("fast-plate-ocr", "keras", "tensorflow", "albumentations", "numpy")
    results = {
        "seconds": clock.curve[-1][0],
        "strips": clock.strips,
        "parameters": model.count_params(),
        "curve": clock.curve,
        "answers": read.tolist(),
        "reads_per_second": len(images) / seconds,
        "peak_memory": peak_memory(),
        "packages": {name: metadata.version(name) for name in packages},
    }
    (folder / "results.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main()
