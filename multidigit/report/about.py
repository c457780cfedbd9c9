"""What stands in a report beside its results: settings and environment of its runs, and the meaning of its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from multidigit.comparison.groups import Flat, flat_settings, format_value, varying_keys
from multidigit.metrics import TARGET
from multidigit.registry import BACKBONES, STRATEGIES
from multidigit.report.tables import Line, Table
from multidigit.runs import Run
from multidigit.strategies.base import set_otherwise

WORDS = {
    "strip": "a grey picture, 28 pixels high and 28 wide for each slot, that shows a number",
    "layout": "how digits stand in a strip: structured, each in a cell of its own; free, anywhere and of any size; "
    "scene, as in photographs",
    "slot": "a place in the answer: the first digit is in slot 1, and slots after the last digit are empty",
    "strategy": "how a network answers; heads: one softmax for each slot; sigmoid: one vector for all slots; cut: one "
    "reader of single digits for each piece of the strip",
    "numbers right": "sequence accuracy: the share of the test strips of which every digit was read; one wrong digit "
    "makes a number wrong",
    "digits right": "share of the slots right, of those that hold a digit in the number or in the answer",
    "95 % interval": "a range that holds the true value in 95 of 100 such tests",
    "beyond chance": "chance alone would cause a difference as large in less than one of 20 tests (p below 0.05); "
    "p-values are corrected for there being several pairs",
    "seed": "where a training's random numbers begin; several show how much trainings differ by chance",
    "confidence": "the calibrated probability that the whole answer is right",
    "calibration error": "by how much confidence and the share of right answers differ, on average",
    "coverage": f"share of the strips that can be answered, most confident first, with {TARGET:.0%} of them right",
}


@dataclass(frozen=True)
class About:
    """One kind of facts about the runs of a report.

    Attributes:
        what: ``Settings`` or ``Environment``.
        alike: those that all runs share, by name.
        differing: the others, a line for each run; ``None`` where there are none.
    """

    what: str
    alike: Mapping[str, str]
    differing: Table | None


def about(runs: Sequence[Run]) -> list[About]:
    """Settings and environment of the runs, at least one."""
    kinds = {
        "Settings": [{**flat_settings(run.settings), **_recipe(run)} for run in runs],
        "Environment": [_environment(run) for run in runs],
    }
    return [About(what, *_parted(what, flats, runs)) for what, flats in kinds.items()]


def _recipe(run: Run) -> Flat:
    """How the values of ``train`` that nobody gave are chosen, and which are others, as those of an older run may be.

    Empty for what is not installed here.
    """
    settings = run.settings
    if settings.backbone.name not in BACKBONES or settings.strategy not in STRATEGIES:
        return {}
    origin = {"recipe": BACKBONES[settings.backbone.name].recipe_origin}
    others = set_otherwise(settings)
    return {**origin, "not by the recipe": ", ".join(others)} if others else origin


def _environment(run: Run) -> Flat:
    shown = {key: run.environment.get(key) for key in ("multidigit", "python", "system", "processors")}
    return {**shown, **(run.environment.get("packages") or {})}


def _parted(what: str, flats: Sequence[Flat], runs: Sequence[Run]) -> tuple[Mapping[str, str], Table | None]:
    differ = varying_keys(flats)
    alike = {key: format_value(value) for key, value in flats[0].items() if key not in differ}
    if not differ:
        return alike, None
    lines = [
        Line([run.name, *(format_value(flat.get(key)) for key in differ)])
        for run, flat in zip(runs, flats, strict=True)
    ]
    return alike, Table(f"{what} of each run", ["run", *differ], lines)
