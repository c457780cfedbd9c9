"""Run folders made up without any training, for what only looks at runs: the answers are invented, the strips real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from multidigit import metrics
from multidigit.error_breakdown import STAGES, STRIPS, shared_out
from multidigit.experiments import Planned, make_plan, row
from multidigit.files import write_json
from multidigit.labels import CLASSES, SLOTS
from multidigit.runs import ANSWERS, HISTORY, METRICS, READER, SETTINGS, Run, RunWriter
from multidigit.settings import to_yaml
from multidigit.strips.effects import chances
from multidigit.strips.stream import StripStream

ERRORS = {"heads": 0.02, "sigmoid": 0.03, "cut": 0.06}
"""Share of the digits answered wrongly, by strategy."""
EPOCHS = 8


def comparison(out: Path, base: Mapping[str, Any], grid: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """A folder of made-up runs, one for each combination, and its results as an experiment leaves them."""
    rows = [row(made(out / planned.name, planned)) for planned in make_plan(base, grid)]
    results = {"name": "made up", "about": "Nothing was trained for this.", "planned": len(rows), "rows": rows}
    write_json(out / "results.json", results)
    return results


def made(path: Path, planned: Planned) -> Run:
    """One run folder of real test strips and invented answers."""
    settings = planned.settings
    strips = StripStream(settings).fixed("test", settings.evaluation.test_strips)
    # The name makes the answers of every run its own.
    rng = np.random.default_rng([settings.seed, *planned.name.encode()])
    error = ERRORS.get(settings.strategy, 0.05)
    difficulty = rng.beta(0.4, 0.4 * (1 - error) / error, strips.slots.shape)
    wrong = rng.random(strips.slots.shape) < difficulty
    answers = np.where(wrong, rng.integers(0, CLASSES, strips.slots.shape), strips.slots)
    probabilities = np.eye(CLASSES, dtype=np.float32)[answers] * (1 - difficulty[..., None])
    probabilities += ((1 - probabilities.sum(-1)) / CLASSES)[..., None]
    # Answers at odds with their probabilities would be none that a network gives.
    answers = metrics.answers(probabilities)
    measures = metrics.measure(strips.slots, probabilities)
    right = measures["sequence_accuracy"]
    seconds = 20.0 + 5 * len(settings.strategy)
    with RunWriter(path) as writer:
        writer.text(READER, "no reader")
        writer.text(SETTINGS, to_yaml(settings))
        np.savez_compressed(
            writer.aside / ANSWERS,
            slots=strips.slots,
            answers=answers,
            confidence=metrics.confidence(probabilities).astype(np.float32),
        )
        writer.table(
            HISTORY,
            [
                {
                    "epoch": epoch,
                    "strips": 1000 * epoch,
                    "seconds": seconds * epoch / EPOCHS,
                    "learning_rate": 0.001,
                    "loss": 1 / epoch,
                    "digit_accuracy": measures["digit_accuracy"],
                    "sequence_accuracy": right * (1 - 0.5**epoch),
                }
                for epoch in range(1, EPOCHS + 1)
            ],
        )
        training = {
            "strips": 1000 * EPOCHS,
            "epochs": EPOCHS,
            "seconds": seconds,
            "strips_per_second": 1000 * EPOCHS / seconds,
            "parameters": 100 * SLOTS * CLASSES,
        }
        test = {**measures, "strips_per_second": 5000.0, "expected_calibration_error_before": 0.1}
        budget = _budget(right, min(STRIPS, len(strips)), bool(chances(settings.effects)), rng)
        writer.json(METRICS, {"training": training, "test": test, "budget": budget})
        return writer.finish(settings)


def _budget(read: float, strips: int, affected: bool, rng: np.random.Generator) -> dict[str, Any]:
    """A budget in which each help takes some of the error that is left; the last none where there are no effects."""
    right = [0.99 * read, read]
    for least, most in ((0.05, 0.2), (0.1, 0.6), (0.1, 0.3) if affected else (0.0, 0.0)):
        right.append(right[-1] + rng.uniform(least, most) * (1 - right[-1]))
    return shared_out(strips, {stage: round(share * strips) for stage, share in zip(STAGES, right, strict=True)})
