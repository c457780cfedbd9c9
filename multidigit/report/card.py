"""The card of an exported run: how its readers were made, what they measure, and what they should not be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from multidigit.reading.calibration import Calibration
from multidigit.report.tables import markdown_table
from multidigit.settings import Settings
from multidigit.strips.effects import chances


@dataclass(frozen=True)
class ReaderFacts:
    """What the card tells of one reader.

    Attributes:
        name: of the file.
        size: in bytes.
        digest: SHA-256 of the file, in hexadecimal.
        measures: on the run's test strips, see ``metrics.measure``.
        calibration: how its confidence is calibrated.
    """

    name: str
    size: int
    digest: str
    measures: Mapping[str, Any]
    calibration: Calibration


def card(
    settings: Settings, training: Mapping[str, Any], readers: Sequence[ReaderFacts], environment: Mapping[str, Any]
) -> str:
    """The card in Markdown.

    Args:
        settings: of the run.
        training: what ``metrics.json`` tells of the training.
        readers: the readers in the folder.
        environment: where the run was trained, see ``runs.environment``.
    """
    layout, packages = settings.layout, environment["packages"]
    effects = ", ".join(chances(settings.effects)) or "none"
    test = readers[0].measures
    by_length = ", ".join(f"{length}: {part['accuracy']:.1%}" for length, part in test["accuracy_by_length"].items())
    rows = [
        [
            reader.name,
            f"{reader.size:,}",
            f"{reader.measures['sequence_accuracy']:.2%}",
            f"{reader.measures['digit_accuracy']:.2%}",
            f"{reader.measures['expected_calibration_error']:.2%}",
            f"{reader.calibration.temperature:g}",
        ]
        for reader in readers
    ]
    heads = ["file", "bytes", "numbers right", "digits right", "calibration error", "temperature"]
    digests = "\n".join(f"- `{reader.name}`: `{reader.digest}`" for reader in readers)
    return f"""# A reader of short rows of digits

Reads up to five digits in a strip, `uint8` (N, 28, 140), ink bright on dark, and gives probabilities (N, 5, 11): for
each slot the digits 0 to 9 and "no digit". Made with multidigit {environment["multidigit"]}; its settings are in
`settings.yaml`, and with them it can be trained again.

## How it was made

- Network: {settings.strategy_name} on the backbone {settings.backbone.name}, {training["parameters"]:,} parameters.
- Seen in training: {training["strips"]:,} strips in {training["seconds"] / 60:,.0f} minutes on
  {environment["processors"]} processors, none twice, all of them generated: {settings.digits_name} digits,
  {layout.name} layout; {layout.empty:.0%} hold letters, shapes, scribbles or texture and no number. Effects:
  {effects}.
- Test strips: {test["strips"]:,}, generated likewise from digits that training never saw.
- TensorFlow {packages["tensorflow"]}, Keras {packages["keras"]}, seed {settings.seed}.

## What it measures

On its test strips, after calibration:

{markdown_table(heads, rows)}

Numbers right by length (0: no number), {readers[0].name}: {by_length}.

SHA-256:

{digests}

## What to know

- Confidence is the probability that the whole number is right, calibrated on generated strips. Pictures unlike these
  may be read worse than it says: measure on some of your own (`multidigit evaluate --pictures labels.csv`).
- Numbers of more than five digits, several rows, and text among digits are not what it was made for.
"""
