"""Model and labelled strips -> measures, and the calibration of a model's confidence."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multidigit import metrics
from multidigit.labels import row_slots
from multidigit.reading.calibration import Calibration, fit
from multidigit.reading.inference import BATCH, Model
from multidigit.strips.compose import Strips
from multidigit.strips.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from multidigit.strips.stream import StripStream

if TYPE_CHECKING:
    from multidigit.reading.rows import Reading


def evaluate(
    model: Model, strips: Strips, calibration: Calibration | None = None
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """How well and how fast a model reads strips.

    Args:
        model: what reads.
        strips: what is read.
        calibration: applied to the model's probabilities; ``None`` leaves them as they are.

    Returns:
        The measures (see ``metrics.measure``) with ``strips_per_second`` of reading and
        ``expected_calibration_error_before`` calibration, and the answers: ``slots`` and ``answers`` uint8 (N, slots),
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


def evaluate_corrupted(
    model: Model, strips: Strips, calibration: Calibration | None = None, step: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """How well a model reads strips that were made worse (see ``strips.corruptions``).

    Args:
        model: what reads.
        strips: good ones.
        calibration: applied to the model's probabilities.
        step: called after each corruption.

    Returns:
        ``strips``: how many; ``clean``: sequence accuracy on them; ``accuracy``: under each corruption, a list by
        severity; ``mean`` of all these, and ``relative``: that by ``clean``, ``None`` where nothing is read;
        ``calibration_error``: the expected one over all corruptions, by severity.
    """
    clean = float(metrics.right(strips.slots, metrics.answers(model.probabilities(strips.images))).mean())
    accuracy: dict[str, list[float]] = {}
    sure: dict[int, list[NDArray[Any]]] = {severity: [] for severity in SEVERITIES}
    right: dict[int, list[NDArray[np.bool_]]] = {severity: [] for severity in SEVERITIES}
    for place, name in enumerate(CORRUPTIONS):
        accuracy[name] = []
        for severity in SEVERITIES:
            # The same strips are made worse in the same way, whatever reads them.
            rng = np.random.default_rng([place, severity])
            probabilities = model.probabilities(corrupt(strips.images, name, severity, rng))
            probabilities = calibration.apply(probabilities) if calibration else probabilities
            hits = metrics.right(strips.slots, metrics.answers(probabilities))
            accuracy[name].append(float(hits.mean()))
            right[severity].append(hits)
            sure[severity].append(metrics.confidence(probabilities))
        step()
    mean = float(np.mean(list(accuracy.values())))
    return {
        "strips": len(strips),
        "clean": clean,
        "accuracy": accuracy,
        "mean": mean,
        "relative": mean / clean if clean else None,
        "calibration_error": [
            metrics.expected_calibration_error(np.concatenate(sure[severity]), np.concatenate(right[severity]))
            for severity in SEVERITIES
        ],
    }


def evaluate_readings(
    readings: Sequence[Reading], slots: NDArray[np.uint8], seconds: float | None = None
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """How well a reader reads labelled pictures: exactly what ``predict`` gives for them.

    Args:
        readings: of the pictures.
        slots: true class ids, ``uint8`` (N, slots).
        seconds: that reading took, where that was timed.

    Returns:
        As ``evaluate``, with ``pictures_per_second`` (where reading was timed) instead of ``strips_per_second``, and
        nothing before calibration.
    """
    answers: dict[str, NDArray[Any]] = {
        "slots": slots,
        "answers": np.stack([row_slots(reading.text, slots.shape[1]) for reading in readings]),
        "confidence": np.array([reading.confidence for reading in readings], np.float32),
    }
    measures = metrics.measure_answers(slots, answers["answers"], answers["confidence"])
    if seconds is not None:
        measures["pictures_per_second"] = len(readings) / max(seconds, 1e-9)
    return measures, answers


def calibrate(model: Model, stream: StripStream, count: int) -> Calibration:
    """The calibration of a model's confidence, on ``count`` strips.

    They are of the validation digits, but not the strips by which training chose its best weights.
    """
    strips = stream.fixed("validation", count, again=1)
    return fit(strips.slots, model.probabilities(strips.images))
