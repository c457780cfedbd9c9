"""One run's measures as lines to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def lines(measures: Mapping[str, Any]) -> list[list[str]]:
    """Names and values of what ``evaluate`` measured, for a table."""
    low, high = measures["sequence_interval"]
    by_slot = [f"{value:.2%}" if value is not None else "–" for value in measures["accuracy_by_slot"]]
    by_length = [f"{length}: {part['accuracy']:.2%}" for length, part in measures["accuracy_by_length"].items()]
    return [
        ["digits right", f"{measures['digit_accuracy']:.2%}"],
        ["numbers right", f"{measures['sequence_accuracy']:.2%} (95 % interval {low:.2%} to {high:.2%})"],
        ["digits right by slot", "  ".join(by_slot)],
        ["numbers right by length", "  ".join(by_length)],
        ["character error rate", f"{measures['character_error_rate']:.2%}"],
        ["coverage at 98 % accuracy", f"{measures['coverage_98']:.2%}"],
        [
            "expected calibration error",
            f"{measures['expected_calibration_error']:.2%} "
            f"({measures['expected_calibration_error_before']:.2%} before calibration)",
        ],
        ["strips read in a second", f"{measures['strips_per_second']:,.0f}"],
    ]
