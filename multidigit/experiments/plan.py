"""The runs of an experiment, by name and settings: grids, sweeps, and the plan behind ``compare``."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from multidigit.comparison import MARGIN
from multidigit.comparison.looks import LookPlan
from multidigit.errors import MultidigitError, SettingsError
from multidigit.experiments.values import values_of
from multidigit.registry import STRATEGIES
from multidigit.settings import (
    FREE,
    LAYOUTS,
    Settings,
    nested,
    overlay,
    parse_assignments,
    takes_fractions,
    validate,
)

MANY = 1_000
"""More runs than these have to be confirmed."""
LONGEST_NAME = 200
"""Bytes of a run's name: file systems allow 255, and what stands beside it while it is written has a longer one."""
SWEPT = 6
"""About how many values of a setting are tried where only the ends of its sweep are given."""


@dataclass(frozen=True)
class Planned:
    """One run of a plan: its folder's name and its settings."""

    name: str
    settings: Settings


@dataclass(frozen=True)
class Experiment:
    """Runs that belong together, in the order in which they are done.

    Attributes:
        name: of its folder, too.
        about: the question that it asks, in one sentence.
        plan: its runs.
        margin: the least difference in sequence accuracy that matters, 0 to 1.
        looks: after how many seeds it is looked whether the comparison is decided, if seeds are added until it is (see
            ``settling``).
    """

    name: str
    about: str
    plan: Sequence[Planned]
    margin: float = MARGIN
    looks: LookPlan | None = None


def make_plan(
    base: Mapping[str, Any],
    grid: Mapping[str, Sequence[Any]],
    where: str = "settings",
    lines: Mapping[str, int] | None = None,
    label: str = "",
    sweep: Mapping[str, Sequence[Any]] | None = None,
) -> list[Planned]:
    """Every combination of the grid's values laid over the base settings; with a sweep, at every value of each swept
    key. Where sweeps meet, because a value is that of the base, there is one run for both.

    Runs are named after the values in which they differ, with strategy, layout and seed always among them, and
    ``label`` if there is one.

    Args:
        where: what an error begins with.
        lines: line numbers by dotted key, for errors.

    Raises:
        SettingsError: a key or value that does not exist, or two runs of one name.
    """
    stops: list[tuple[str, Any] | None] = [
        (str(key), value) for key, values in (sweep or {}).items() for value in values
    ]
    plan: list[Planned] = []
    known: set[str] = set()
    for stop in stops or [None]:
        for combination in itertools.product(*grid.values()):
            values = dict(zip(map(str, grid), combination, strict=True))
            moved = dict([stop]) if stop else {}
            data = dict(base)
            for key, value in (values | moved).items():
                data = overlay(data, nested(key, value))
            settings = validate(data, where, lines)
            if stop:
                _check_sweep_matters(stop[0], settings, where, lines or {})
                text = settings.model_dump_json()
                if text in known:
                    continue
                known.add(text)
            varied = {
                key: value
                for key, value in values.items()
                if len(grid[key]) > 1 and key not in ("strategy", "layout", "seed")
            }
            differing = name_values(varied | moved)
            parts = (settings.strategy, settings.layout.name, label, differing, f"seed{settings.seed}")
            name = "-".join(part for part in parts if part)
            plan.append(Planned("".join(c if c.isalnum() or c in "-._" else "_" for c in name), settings))
    return check_names(plan, where)


def name_values(values: Mapping[str, Any]) -> str:
    """Settings as a part of a run's name: ``gap3-epochs2``."""
    parts = []
    for key, value in values.items():
        text = "to".join(map(str, value)) if isinstance(value, list) else str(value)
        parts.append(text if key in ("backbone", "backbone.name", "digits") else f"{key.rpartition('.')[2]}{text}")
    return "-".join(parts)


def check_names(plan: list[Planned], where: str) -> list[Planned]:
    """The plan, whose names must differ, and be names that folders can have."""
    names: set[str] = set()
    for planned in plan:
        if len(planned.name.encode()) > LONGEST_NAME:
            raise SettingsError(
                f"{where}: a run's name must have at most {LONGEST_NAME} bytes; received {planned.name[:60]!r} …; give "
                "the run a short name"
            )
        if planned.name in names:
            raise SettingsError(f"{where}: two runs would both be {planned.name!r}; give each value once")
        names.add(planned.name)
    return plan


def sweep_values(key: str, given: Any, where: str) -> list[Any]:
    """The values of a sweep, which are numbers or ranges of two; see ``values_of``."""
    if key == "seed":
        raise SettingsError(
            f"{where} must not be swept, for seeds change nothing by themselves; say how many with seeds"
        )
    values = values_of(given, where, SWEPT, whole=not takes_fractions(key))
    for value in values:
        ends = value if isinstance(value, list) and len(value) == 2 else [value]
        if not all(_is_number(end) for end in ends):
            raise SettingsError(f"{where} must have numbers, or ranges such as [-2, 2]; received {value!r}")
    return values


def _is_number(value: Any) -> bool:
    try:
        # YAML reads 1e-3 as text, settings read it as the number.
        return not isinstance(value, bool) and math.isfinite(float(value))
    except (TypeError, ValueError, OverflowError):
        return False


def _check_sweep_matters(key: str, settings: Settings, where: str, lines: Mapping[str, int]) -> None:
    """Refuse to sweep a setting that changes nothing about the strips: all runs would be the same."""
    place = f"{where}, line {lines[key]}: {key}" if key in lines else f"{where}: {key}"
    if settings.layout.name == "structured" and key.removeprefix("layout.") in FREE:
        raise SettingsError(f"{place}: structured strips have none; sweep it with `layout: free`")
    if settings.layout.name != "scene" and key == "layout.plain":
        raise SettingsError(f"{place}: only scenes have a plain share; sweep it with `layout: scene`")
    if settings.layout.name == "free" and settings.layout.freedom == 1 and key == "layout.shift":
        raise SettingsError(f"{place}: free strips have cells to be shifted in only with a layout.freedom below 1")


def comparison(
    base: Mapping[str, Any],
    layouts: Sequence[str] = (),
    strategies: Sequence[str] = (),
    seeds: int = 1,
    sweeps: Sequence[str] = (),
    margin: float = MARGIN,
) -> Experiment:
    """The experiment behind ``compare``: strategies × layouts × ``seeds`` trainings, everything else equal.

    Args:
        layouts: where there are none, ``LAYOUTS``, or that of pictures of one's own or of the run to start from; in a
            sweep those that use the setting.
        sweeps: settings that move, each by itself, as ``layout.gap=-3..12``.
        margin: the least difference in sequence accuracy that matters, 0 to 1.
    """
    chosen = list(strategies or STRATEGIES)
    if len(chosen) < 2:
        raise MultidigitError("a comparison needs at least two strategies; name another with --strategy")
    sweep: dict[str, list[Any]] = {}
    for key, values in map(parse_sweep, sweeps):
        if key in sweep:
            raise SettingsError(f"--sweep {key}: is given twice; give all its values at once, as in {key}=[1, 2, 5]")
        sweep[key] = values
    if not layouts:
        swept = {key.removeprefix("layout.") for key in sweep}
        # Free strips use the shift only where their freedom is below 1; structured ones always.
        own = {"plain": ("scene",), "shift": ("structured",), **dict.fromkeys(FREE, ("free",))}
        given = validate(base)
        known: tuple[str, ...] = (given.layout.name,) if given.data or given.train.start else LAYOUTS
        layouts = next((own[key] for key in reversed(own) if key in swept), known)
    count = seeds * len(layouts) * len(chosen) * max(1, sum(map(len, sweep.values())))
    if count > MANY:
        raise MultidigitError(
            f"this comparison would be {count:,} runs, more than {MANY:,}; take fewer --seeds, or values of a --sweep"
        )
    first = validate(base).seed
    grid: dict[str, list[Any]] = {
        "seed": list(range(first, first + seeds)),
        "layout": list(layouts),
        "strategy": chosen,
    }
    about = "Which strategy reads best on each layout?"
    if sweep:
        about = f"Which strategy reads best as {' or '.join(sweep)} changes?"
    return Experiment("compare", about, make_plan(base, grid, "--sweep" if sweep else "settings", sweep=sweep), margin)


def parse_sweep(text: str) -> tuple[str, list[Any]]:
    """``layout.gap=-3..12`` as a key and its values: ``-3..12``, ``-3..12 step 3`` or ``[-3, 0, 12]``.

    Raises:
        SettingsError: not that, or values that are no numbers.
    """
    key, equals, given = text.partition("=")
    where = f"--sweep {text}"
    if not equals or not all(key.split(".")):
        raise SettingsError(f"--sweep must be KEY=LOW..HIGH, as in --sweep layout.gap=-3..12; received {text!r}")
    try:
        (parsed,) = parse_assignments([f"values={given}"]).values()
    except SettingsError:
        raise SettingsError(f"{where} must have values in valid YAML; received {given!r}") from None
    return key, sweep_values(key, parsed, where)
