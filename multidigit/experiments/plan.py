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
from multidigit.registry import STRATEGIES
from multidigit.settings import (
    FREE,
    LAYOUTS,
    Settings,
    flatten,
    nested,
    overlay,
    parse_assignments,
    read_yaml,
    takes_fractions,
    validate,
)

KEYS = ("name", "about", "settings", "grid", "sweep", "runs", "seeds")
MANY = 1_000
"""Runs beyond which one has to say that they are meant."""
SWEPT = 6
"""About how many values of a setting are tried where only the ends of its sweep are given."""
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
    - ``sweep``: settings keys with values as in ``grid``, numbers or ranges of them; each key moves by itself, while
      the others stay as ``settings`` has them, for every combination of the grid;
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
        # Of a key that YAML reads as no text, such as `yes`, the line is that of what it stands under.
        return f"{path}, line {lines.get(key, lines[key.partition('.')[0]])}: {key}"

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
    for key in ("settings", "grid", "sweep"):
        if not isinstance(data.get(key) or {}, dict):
            raise SettingsError(f"{at(key)}: expected `key: value` lines under it")
    for key in ("grid", "sweep"):
        if key in data and not data[key]:
            raise SettingsError(f"{at(key)}: is empty; put settings with their values under it, or leave it out")
    grid = {str(key): values_of(values, at(f"grid.{key}")) for key, values in (data.get("grid") or {}).items()}
    sweep = {
        str(key): _swept(str(key), values, at(f"sweep.{key}")) for key, values in (data.get("sweep") or {}).items()
    }
    for key in sweep:
        if key in grid:
            raise SettingsError(f"{at(f'sweep.{key}')}: the grid has it, too; give it once")
    entries = data.get("runs", [])
    if "runs" in data and not (entries and isinstance(entries, list) and all(isinstance(e, dict) for e in entries)):
        raise SettingsError(f"{at('runs')}: expected a list of settings, `- key: value`; received {entries!r}")
    seeds = {}
    if "seeds" in data:
        if "seed" in grid:
            raise SettingsError(f"{at('seeds')}: the grid has seeds, too; give them once")
        seeds = {"seed": _seeds(data["seeds"], at("seeds"))}
    for assignment in assignments:
        for values in (grid, sweep, seeds):
            values.pop(assignment.partition("=")[0], None)
    count = math.prod(map(len, grid.values())) if grid or not entries else 0
    count = (count + len(entries)) * math.prod(map(len, seeds.values())) * max(1, sum(map(len, sweep.values())))
    if count > TOO_MANY:
        raise SettingsError(f"{path}: would be {count:,} runs, and no experiment may have more than {TOO_MANY:,}")
    if most is not None and count > most:
        raise SettingsError(f"{path}: would be {count:,} runs; if that many are meant, say so with --yes")

    marks = {
        key.partition(".")[2]: line for key, line in lines.items() if key.startswith(("settings.", "grid.", "sweep."))
    }
    base = data.get("settings") or {}

    def planned(over: Mapping[str, Any], where: str, entry_at: str) -> list[Planned]:
        plan = []
        if grid or not entries:
            plan = make_plan(overlay(base, over), {**grid, **seeds}, where, {} if over else marks, sweep=sweep)
        for number, entry in enumerate(entries, 1):
            settings = {key: value for key, value in entry.items() if key != "name"}
            label = str(entry["name"]) if "name" in entry else _label(settings)
            merged = overlay(overlay(base, settings), over)
            plan += make_plan(merged, seeds, f"{entry_at}, number {number}", label=label, sweep=sweep)
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
    if isinstance(value, list):
        value = "to".join(map(str, value))
    return str(value) if key in ("backbone", "backbone.name", "digits") else f"{key.rpartition('.')[2]}{value}"


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
    """
    plan = []
    stops: list[tuple[str, Any] | None] = [(str(k), value) for k, values in (sweep or {}).items() for value in values]
    known: set[str] = set()
    for stop in stops or [None]:
        for values in itertools.product(*grid.values()):
            data = dict(base)
            for key, value in (*zip(map(str, grid), values, strict=True), *([stop] if stop else [])):
                data = overlay(data, nested(key, value))
            settings = validate(data, where, lines)
            if stop:
                _check_looked_at(stop[0], settings, where, lines or {})
                written = settings.model_dump_json()
                if written in known:
                    continue
                known.add(written)
            parts = [settings.strategy, settings.layout.name, *([label] if label else [])]
            parts += [
                _named(key, value)
                for key, value in zip(map(str, grid), values, strict=True)
                if key not in ("strategy", "layout", "seed") and len(grid[key]) > 1
            ]
            name = "-".join([*parts, *([_named(*stop)] if stop else []), f"seed{settings.seed}"])
            plan.append(Planned("".join(c if c.isalnum() or c in "-._" else "_" for c in name), settings))
    return _distinct(plan, where)


def _swept(key: str, given: Any, where: str) -> list[Any]:
    """The values of a sweep, which are numbers or ranges of two."""
    if key == "seed":
        raise SettingsError(f"{where}: seeds are no course along which anything changes; say how many with seeds")
    values = values_of(given, where, SWEPT, whole=not takes_fractions(key))
    for value in values:
        ends = value if isinstance(value, list) and len(value) == 2 else [value]
        if not all(_is_number(end) for end in ends):
            raise SettingsError(f"{where}: a sweep is over numbers, or ranges such as [-2, 2]; received {value!r}")
    return values


def _is_number(value: Any) -> bool:
    try:
        # YAML takes 1e-3 for a word, settings take it for the number.
        return not isinstance(value, bool) and math.isfinite(float(value))
    except (TypeError, ValueError, OverflowError):
        return False


def _check_looked_at(key: str, settings: Settings, where: str, lines: Mapping[str, int]) -> None:
    """Strips on which a swept setting changes nothing would be trained on again and again for nothing."""
    place = f"{where}, line {lines[key]}: {key}" if key in lines else f"{where}: {key}"
    if settings.layout.name == "structured" and key.removeprefix("layout.") in FREE:
        raise SettingsError(f"{place}: structured strips have none; sweep it with `layout: free`")
    if settings.layout.name == "free" and settings.layout.freedom == 1 and key == "layout.shift":
        raise SettingsError(f"{place}: free strips have cells to be shifted in only with a layout.freedom below 1")


def _distinct(plan: list[Planned], where: str) -> list[Planned]:
    names: set[str] = set()
    for planned in plan:
        if planned.name in names:
            raise SettingsError(f"{where}: grid: two runs would both be {planned.name!r}; give each value once")
        names.add(planned.name)
    return plan


def comparison(
    base: Mapping[str, Any],
    layouts: Sequence[str] = (),
    strategies: Sequence[str] = (),
    seeds: int = 1,
    sweeps: Sequence[str] = (),
) -> Experiment:
    """The experiment behind ``compare``: strategies × layouts × ``seeds`` trainings, everything else alike.

    Args:
        layouts: all where there are none; in a sweep those that look at the setting.
        sweeps: as ``layout.gap=-3..12``: settings that move, each by itself.
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
        # Free strips look at the shift where they have some freedom less than all; structured ones always.
        layouts = ("free",) if swept & set(FREE) else ("structured",) if "shift" in swept else LAYOUTS
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
    return Experiment("compare", about, make_plan(base, grid, "--sweep" if sweep else "settings", sweep=sweep))


def parse_sweep(text: str) -> tuple[str, list[Any]]:
    """``layout.gap=-3..12`` as a key and its values: ``-3..12``, ``-3..12 step 3`` or ``[-3, 0, 12]``.

    Raises:
        SettingsError: not that, or values that are no numbers.
    """
    key, equals, given = text.partition("=")
    where = f"--sweep {text}"
    if not equals or not all(key.split(".")):
        raise SettingsError(f"{where}: expected KEY=LOW..HIGH, as in --sweep layout.gap=-3..12")
    try:
        (parsed,) = parse_assignments([f"values={given}"]).values()
    except SettingsError:
        raise SettingsError(f"{where}: the values are not valid YAML") from None
    return key, _swept(key, parsed, where)
