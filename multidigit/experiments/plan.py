"""What an experiment's file describes: its runs, by name and settings."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multidigit.errors import MultidigitError, SettingsError, nearest
from multidigit.experiments.values import values_of
from multidigit.settings import LAYOUTS, Settings, nested, overlay, parse_assignments, read_yaml, validate
from multidigit.strategies import STRATEGIES

KEYS = ("name", "about", "settings", "grid", "runs", "seeds")
MANY = 1_000
"""Runs beyond which one has to say that they are meant."""
TOO_MANY = 100_000
"""More than these cannot be meant, and would not even fit a list."""


@dataclass(frozen=True)
class Planned:
    """One run of a plan: its folder's name and its settings."""

    name: str
    settings: Settings


@dataclass(frozen=True)
class Experiment:
    """Runs that belong together, in the order in which they are done.

    Attributes:
        name: what it is called.
        about: one sentence about what it asks.
        plan: its runs.
    """

    name: str
    about: str
    plan: Sequence[Planned]


def read_experiment(path: Path, assignments: Sequence[str] = (), *, most: int | None = None) -> Experiment:
    """The experiment that a YAML file describes.

    The file may have

    - ``name`` and ``about``;
    - ``settings``, as for ``train``, which hold for all runs;
    - ``grid``: a settings key -> a list of values or a range such as ``-3..12 step 3`` (see ``values_of``); every
      combination is one run;
    - ``runs``: a list of settings, each laid over the others for one run more (or, without a grid, for the only ones);
      ``name`` among them goes into the run's name;
    - ``seeds``: how many, counted from 0, or which; every run is done with each.

    ``assignments`` are ``key=value``: they override all of that, also a grid over the same key.

    Raises:
        SettingsError: names the file, the line and the key; or there are more runs than ``most``, or than any
            experiment may have.
    """
    data, lines = read_yaml(path)
    for key in data:
        if key not in KEYS:
            raise SettingsError(f"{path}, line {lines.get(str(key))}: unknown key {key!r}{nearest(str(key), KEYS)}")

    def at(key: str) -> str:
        return f"{path}, line {lines[key]}: {key}"

    for key in ("name", "about"):
        if isinstance(data.get(key), list | dict):
            raise SettingsError(f"{at(key)}: expected text; received {data[key]!r}")
    name = str(data.get("name") or path.stem)
    # A folder below runs/ is named so.
    if "name" in data and (not name.isprintable() or set(name) & set("/\\") or name.strip(" .") != name):
        raise SettingsError(
            f"{at('name')}: expected a name that a folder can have, no slashes in it and no dots round it; "
            f"received {name!r}"
        )
    for key in ("settings", "grid"):
        if not isinstance(data.get(key) or {}, dict):
            raise SettingsError(f"{at(key)}: expected `key: value` lines under it")
    if "grid" in data and not data["grid"]:
        raise SettingsError(f"{at('grid')}: is empty; put settings with their values under it, or leave it out")
    grid = {str(key): values_of(values, at(f"grid.{key}")) for key, values in (data.get("grid") or {}).items()}
    entries = data.get("runs", [])
    if "runs" in data and not (entries and isinstance(entries, list) and all(isinstance(e, dict) for e in entries)):
        raise SettingsError(f"{at('runs')}: expected a list of settings, `- key: value`; received {entries!r}")
    seeds = {}
    if "seeds" in data:
        if "seed" in grid:
            raise SettingsError(f"{at('seeds')}: the grid has seeds, too; give them once")
        seeds = {"seed": _seeds(data["seeds"], at("seeds"))}
    for assignment in assignments:
        for values in (grid, seeds):
            values.pop(assignment.partition("=")[0], None)
    count = math.prod(map(len, grid.values())) if grid or not entries else 0
    count = (count + len(entries)) * math.prod(map(len, seeds.values()))
    if count > TOO_MANY:
        raise SettingsError(f"{path}: would be {count:,} runs, and no experiment may have more than {TOO_MANY:,}")
    if most is not None and count > most:
        raise SettingsError(f"{path}: would be {count:,} runs; if that many are meant, say so with --yes")

    marks = {key.partition(".")[2]: line for key, line in lines.items() if key.startswith(("settings.", "grid."))}
    base = data.get("settings") or {}

    def planned(over: Mapping[str, Any], where: str, entry_at: str) -> list[Planned]:
        plan = []
        if grid or not entries:
            plan = make_plan(overlay(base, over), {**grid, **seeds}, where, {} if over else marks)
        for number, entry in enumerate(entries, 1):
            settings = {key: value for key, value in entry.items() if key != "name"}
            label = str(entry["name"]) if "name" in entry else _label(settings)
            merged = overlay(overlay(base, settings), over)
            plan += make_plan(merged, seeds, f"{entry_at}, number {number}", label=label)
        return _distinct(plan, where)

    plan = planned({}, str(path), at("runs") if entries else "")
    if over := parse_assignments(assignments):
        # The file is right by itself, so a fault that shows up now lies in what was laid over it.
        laid_over = f"{path} with --set {' --set '.join(assignments)}"
        plan = planned(over, laid_over, f"{laid_over}: runs")
    return Experiment(name, str(data.get("about") or ""), plan)


def _seeds(given: Any, where: str) -> list[Any]:
    if isinstance(given, bool) or not isinstance(given, int):
        return values_of(given, where)
    if given < 1:
        raise SettingsError(f"{where}: expected how many, 1 or more, or a list; received {given}")
    return values_of(f"0..{given - 1} step 1", where)


def _label(settings: Mapping[str, Any]) -> str:
    """What is set, for a run's name, but for what is in the name anyway."""
    return "-".join(
        _named(key, value)
        for key, value in flatten(settings).items()
        if key not in ("strategy", "layout", "layout.name", "seed")
    )


def _named(key: str, value: Any) -> str:
    return str(value) if key in ("backbone", "backbone.name", "digits") else f"{key.rpartition('.')[2]}{value}"


def flatten(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values by dotted keys, as ``--set`` has them."""
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def make_plan(
    base: Mapping[str, Any],
    grid: Mapping[str, Sequence[Any]],
    where: str = "settings",
    lines: Mapping[str, int] | None = None,
    label: str = "",
) -> list[Planned]:
    """Every combination of the grid's values laid over the base settings.

    Runs are named after the values in which they differ, with strategy, layout and seed always among them, and
    ``label`` if there is one.
    """
    plan = []
    for values in itertools.product(*grid.values()):
        data = dict(base)
        for key, value in zip(grid, values, strict=True):
            data = overlay(data, nested(str(key), value))
        settings = validate(data, where, lines)
        parts = [settings.strategy, settings.layout.name, *([label] if label else [])]
        parts += [
            _named(key, value)
            for key, value in zip(map(str, grid), values, strict=True)
            if key not in ("strategy", "layout", "seed") and len(grid[key]) > 1
        ]
        name = "-".join([*parts, f"seed{settings.seed}"])
        plan.append(Planned("".join(c if c.isalnum() or c in "-._" else "_" for c in name), settings))
    return _distinct(plan, where)


def _distinct(plan: list[Planned], where: str) -> list[Planned]:
    names: set[str] = set()
    for planned in plan:
        if planned.name in names:
            raise SettingsError(f"{where}: grid: two runs would both be {planned.name!r}; give each value once")
        names.add(planned.name)
    return plan


def comparison(
    base: Mapping[str, Any], layouts: Sequence[str] = LAYOUTS, strategies: Sequence[str] = (), seeds: int = 1
) -> Experiment:
    """The experiment behind ``compare``: strategies × layouts × ``seeds`` trainings, everything else alike."""
    chosen = list(strategies or STRATEGIES)
    if len(chosen) < 2:
        raise MultidigitError("a comparison needs at least two strategies; name another with --strategy")
    count = seeds * len(layouts) * len(chosen)
    if count > MANY:
        raise MultidigitError(f"this comparison would be {count:,} runs, more than {MANY:,}; take fewer --seeds")
    first = validate(base).seed
    grid: dict[str, list[Any]] = {
        "seed": list(range(first, first + seeds)),
        "layout": list(layouts),
        "strategy": chosen,
    }
    return Experiment("compare", "Which strategy reads best on each layout?", make_plan(base, grid))
