"""Reader and labelled strips -> measures."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multidigit import metrics
from multidigit.reading.calibration import Calibration
from multidigit.reading.inference import BATCH, Model
from multidigit.strips.compose import Strips


def evaluate(
    model: Model, strips: Strips, calibration: Calibration | None = None
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """How well and how fast a model reads strips.

    Args:
        model: what reads.
        strips: what is read.
        calibration: applied to what the model says; not at all where ``None``.

    Returns:
        The measures (see ``metrics.measure``) with ``strips_per_second`` of reading and
        ``expected_calibration_error_before`` calibration, and the answers: ``slots`` and ``answers`` uint8 (N, 5),
        ``confidence`` float32 (N,).
    """
    # The first batch sets the model up; only work is timed.
    model.probabilities(strips.images[:BATCH])
    started = time.perf_counter()
    probabilities = model.probabilities(strips.images)
    seconds = time.perf_counter() - started
    before = metrics.expected_calibration_error(
        metrics.confidence(probabilities), metrics.right(strips.slots, metrics.answers(probabilities))
    )
    if calibration:
        probabilities = calibration.apply(probabilities)
    measures = metrics.measure(strips.slots, probabilities)
    measures["expected_calibration_error_before"] = before
    measures["strips_per_second"] = len(strips) / seconds
    answers: dict[str, NDArray[Any]] = {
        "slots": strips.slots,
        "answers": metrics.answers(probabilities),
        "confidence": metrics.confidence(probabilities).astype(np.float32),
    }
    return measures, answers
