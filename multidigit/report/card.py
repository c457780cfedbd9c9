"""The card of an exported run: how its models were made, what they measure, and what they are not made for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from multidigit.reading.calibration import Calibration
from multidigit.report.tables import markdown_table, markdown_text
from multidigit.runs import FINDER
from multidigit.settings import Settings
from multidigit.strips.effects import chances

FINDER_TEXT = """
The finder beside it (`finder.tflite`; `finder-int8.tflite` in 8 bits) tells where rows of digits are in a picture:
`uint8` (N, H, W) in, and for every fourth pixel how likely a row runs through there, its ends, middle line, height and
angle. It was trained on scenes (see below) alone.
"""


@dataclass(frozen=True)
class ModelFacts:
    """What the card holds about one LiteRT model.

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
    settings: Settings, training: Mapping[str, Any], models: Sequence[ModelFacts], environment: Mapping[str, Any]
) -> str:
    """The card in Markdown.

    Args:
        settings: of the run.
        training: the part ``training`` of ``metrics.json``.
        models: those in the folder.
        environment: where the run was trained, see ``runs.environment``.
    """
    layout, packages, slots = settings.layout, environment["packages"], settings.slots
    effects = ", ".join(chances(settings.effects)) or "none"
    digits_name, strategy_name = markdown_text(settings.digits_name), markdown_text(settings.strategy_name)
    test = models[0].measures
    by_length = ", ".join(f"{length}: {part['accuracy']:.1%}" for length, part in test["accuracy_by_length"].items())
    rows = [
        [
            model.name,
            f"{model.size:,}",
            f"{model.measures['sequence_accuracy']:.2%}",
            f"{model.measures['digit_accuracy']:.2%}",
            f"{model.measures['expected_calibration_error']:.2%}",
            f"{model.calibration.temperature:g}",
        ]
        for model in models
    ]
    heads = ["file", "bytes", "numbers right", "digits right", "calibration error", "temperature"]
    digests = "\n".join(f"- `{model.name}`: `{model.digest}`" for model in models)
    digits = "one digit" if slots == 1 else f"up to {slots} digits"
    scenes = layout.name == "scene"
    ink = "grey, digits brighter or darker than the ground around them" if scenes else "ink bright on dark"
    device = training.get("device") or f"{environment['processors']} processors"
    # What layout.empty and the effects concern are strips that are composed.
    composed = (
        f"{digits_name} digits, {'free' if scenes else layout.name} layout, of which {layout.empty:.0%} hold "
        f"letters, shapes, scribbles or texture and no number; effects: {effects}"
    )
    seen = (
        f"""
  {1 - layout.plain:.0%} are cut out of scenes, which are drawn to look like photographs: type, displays, wheels of
  meters and writing on grounds and under light of many kinds, some without a number.
  {layout.plain:.0%} are composed: {composed}."""
        if scenes
        else f"\n  {composed}."
    )
    most = digits.removeprefix("up to ")
    limits = (
        f"A strip shows one row. Of numbers of more than {most} it says that they are too long; points, signs and "
        "letters beside digits are left out."
        if scenes
        else f"It was not made for numbers of more than {most}, several rows, or text among digits."
    )
    unseen = "digits and writers" if scenes else "digits"
    finder = FINDER_TEXT if FINDER in environment.get("parts", ()) else ""
    return f"""# A reader of short rows of digits

Reads {digits} in a strip, `uint8` (N, 28, {28 * slots}), {ink}, and gives probabilities
(N, {slots}, 11): for each slot the digits 0 to 9 and "no digit". Made with multidigit
{environment["multidigit"]}; its settings are in `settings.yaml`, and with them it can be trained again.
{finder}
## How it was made

- Network: {strategy_name} on the backbone {settings.backbone.name}, {training["parameters"]:,} parameters.
- Seen in training: {training["strips"]:,} strips in {training["seconds"] / 60:,.0f} minutes on
  {device}, none twice, all of them generated:{seen}
- Test strips: {test["strips"]:,}, generated likewise from {unseen} that training never saw.
- TensorFlow {packages["tensorflow"]}, Keras {packages["keras"]}, seed {settings.seed}.

## What it measures

On its test strips, after calibration:

{markdown_table(heads, rows)}

Numbers right by length (0: no number), {models[0].name}: {by_length}.

SHA-256:

{digests}

## What to know

- Confidence is the probability that the whole number is right, calibrated on generated strips. Pictures unlike these
  may be read worse than it says: measure on some of your own (`multidigit evaluate --pictures labels.csv`).
- {limits}
"""
