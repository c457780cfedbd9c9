"""A training that takes a moment and no TensorFlow, for tests of what happens around trainings.

``FAKE`` makes it the training of every process that finds it as ``sitecustomize.py``. Some seeds are special: see
``train``.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

from multidigit import metrics
from multidigit.errors import DataError
from multidigit.runs import ANSWERS, CHECKPOINT, HISTORY, METRICS, REQUIRED, SETTINGS, Run, RunWriter
from multidigit.settings import Settings, to_yaml
from multidigit.strategies.base import resolve
from multidigit.training import Progress

MODEL = REQUIRED[0]
FAILS, DIES, FAULTY, LONG, STUBBORN, KILLED = 13, 14, 15, 16, 17, 18
"""Seeds: an expected error, a process that ends at once, a fault, a training of many steps, one that ends slowly, a
process that the system kills."""
STEP = 0.03
"""Seconds."""
FAKE = f"""
import sys
sys.path.append({str(Path(__file__).parent)!r})
import fake_training, multidigit.training
multidigit.training.train = fake_training.train
"""


def train(settings: Settings, out: Path, *, listen: Any, resume: Run | None = None) -> Run:
    """Three steps of a tenth of a second, or a thousand; the lower the seed the more is read."""
    seed = settings.seed
    if seed == FAILS:
        raise DataError("13 brings ill luck")
    if seed == DIES:
        os._exit(9)
    if seed == KILLED:
        os.kill(os.getpid(), signal.SIGKILL)
    if seed == FAULTY:
        raise ZeroDivisionError("ours")
    steps, interrupted = (1_000 if seed in (LONG, STUBBORN) else 3), False
    rng = np.random.default_rng(seed)
    slots = rng.integers(0, 10, (20, settings.slots)).astype(np.uint8)
    probabilities = 0.9 * np.eye(11, dtype=np.float32)[slots] + 0.1 / 11
    probabilities[: min(seed, 10)] = 1 / 11
    with RunWriter(out, replace=resume is not None) as writer:
        rows = []
        try:
            for step in range(1, steps + 1):
                time.sleep(STEP)
                rows.append(
                    {"epoch": step, "strips": step, "seconds": STEP * step, "loss": 1.0}
                    | {"digit_accuracy": 0.5, "sequence_accuracy": 0.25}
                )
                listen(Progress(step / steps, STEP * step, step, rows[-1]))
        except KeyboardInterrupt:
            interrupted = True
            time.sleep(3 if seed == STUBBORN else 0)
            writer.text(CHECKPOINT, "as training left it")
        writer.text(SETTINGS, to_yaml(resolve(settings)))
        writer.table(HISTORY, rows)
        writer.text(MODEL, "reads")
        answers = metrics.answers(probabilities)
        with writer.file(ANSWERS) as file:
            np.savez_compressed(file, slots=slots, answers=answers, confidence=np.ones(20, np.float32))
        test = {**metrics.measure(slots, probabilities), "strips_per_second": time.monotonic()}
        test["expected_calibration_error_before"] = 0.1
        training = {"finished": not interrupted, "seconds": STEP * len(rows), "strips": len(rows), "epochs": len(rows)}
        training |= {"strips_per_second": 10.0, "parameters": 1}
        writer.json(METRICS, {"training": training, "test": test})
        return writer.finish(settings)


def interrupt(run: Run) -> None:
    """Makes a finished run one that was interrupted."""
    with RunWriter(run.path, replace=True) as writer:
        for name in sorted(run.environment["parts"]):
            writer.bytes(name, run.part(name).read_bytes())
        writer.text(CHECKPOINT, "as training left it")
        writer.finish(run.settings)
