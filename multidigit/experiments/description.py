"""The YAML file that describes an experiment."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multidigit.comparison import MARGIN
from multidigit.errors import SettingsError, nearest
from multidigit.experiments.plan import (
    LONGEST_NAME,
    Experiment,
    Planned,
    check_names,
    make_plan,
    name_values,
    sweep_values,
)
from multidigit.experiments.values import values_of
from multidigit.settings import flatten, overlay, parse_assignments, read_yaml

KEYS = ("name", "about", "settings", "grid", "sweep", "runs", "seeds", "margin")
TOO_MANY = 100_000
"""More runs than these are a mistake, and would not even fit a list."""


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
    - ``seeds``: how many, counted from 0, or a list; every run is done with each;
    - ``margin``: the least difference that matters, in points; 1 where it is left out.

    ``assignments`` are ``key=value``: they override all of that, also a grid over the same key.

    Raises:
        SettingsError: names the file, the line and the key; or there are more runs than ``most``, or than any
            experiment may have.
    """
    file = _File(path, *read_yaml(path))
    name, about = file.name(), file.text("about")
    grid = file.values("grid", lambda _, given, where: values_of(given, where))
    sweep = file.values("sweep", sweep_values)
    for key in sweep:
        if key in grid:
            raise SettingsError(f"{file.at(f'sweep.{key}')}: is in the grid, too; give it once")
    entries, seeds = file.runs(), file.seeds()
    if seeds and "seed" in grid:
        raise SettingsError(f"{file.at('seeds')}: are in the grid, too; give them once")
    for assignment in assignments:
        for values in (grid, sweep, seeds):
            values.pop(assignment.partition("=")[0], None)
    with_grid = bool(grid) or not entries
    count = math.prod(map(len, grid.values())) * with_grid + len(entries)
    count *= math.prod(map(len, seeds.values())) * max(1, sum(map(len, sweep.values())))
    if count > TOO_MANY:
        raise SettingsError(f"{path}: an experiment must have at most {TOO_MANY:,} runs; received {count:,}")
    if most is not None and count > most:
        raise SettingsError(f"{path}: would be {count:,} runs; if that many are meant, say so with --yes")
    base = file.mapping("settings")

    def plan_with(over: Mapping[str, Any], where: str, entries_at: str) -> list[Planned]:
        plan = []
        if with_grid:
            lines = {} if over else file.setting_lines()
            plan = make_plan(overlay(base, over), {**grid, **seeds}, where, lines, sweep=sweep)
        for number, entry in enumerate(entries, 1):
            settings = {key: value for key, value in entry.items() if key != "name"}
            label = str(entry["name"]) if "name" in entry else _label(settings)
            merged = overlay(overlay(base, settings), over)
            plan += make_plan(merged, seeds, f"{entries_at}, number {number}", label=label, sweep=sweep)
        return check_names(plan, where)

    plan = plan_with({}, str(path), file.at("runs") if entries else "")
    if over := parse_assignments(assignments):
        # The file is right by itself, so a fault that shows up now lies in the assignments.
        where = f"{path} with --set {' --set '.join(assignments)}"
        plan = plan_with(over, where, f"{where}: runs")
    return Experiment(name, about, plan, file.margin())


def _label(settings: Mapping[str, Any]) -> str:
    """What an entry sets, except what is in every run's name."""
    kept = {k: v for k, v in flatten(settings).items() if k not in ("strategy", "layout", "layout.name", "seed")}
    return name_values(kept)


@dataclass(frozen=True)
class _File:
    """The parts of a file, each checked as it is taken out."""

    path: Path
    data: Mapping[str, Any]
    lines: Mapping[str, int]

    def __post_init__(self) -> None:
        for key in map(str, self.data):
            if key not in KEYS:
                raise SettingsError(f"{self.path}, line {self.lines.get(key)}: unknown key {key!r}{nearest(key, KEYS)}")

    def at(self, key: str) -> str:
        """What an error about the key begins with."""
        # A key that YAML reads as no text, such as `yes`, has no line: that of its section has to do.
        return f"{self.path}, line {self.lines.get(key, self.lines[key.partition('.')[0]])}: {key}"

    def text(self, key: str) -> str:
        if isinstance(self.data.get(key), list | dict):
            raise SettingsError(f"{self.at(key)} must be text; received {self.data[key]!r}")
        return str(self.data.get(key) or "")

    def name(self) -> str:
        """The experiment's name, which a folder below ``runs/`` gets as well; else that of the file."""
        name = self.text("name")
        if not name and "name" not in self.data:
            return self.path.stem
        name = name or self.path.stem
        if (
            not name.isprintable()
            or set(name) & set("/\\")
            or name.strip(" .") != name
            or len(name.encode()) > LONGEST_NAME
        ):
            raise SettingsError(
                f"{self.at('name')} must be a name that a folder can have, no slashes in it, no dots around it, short; "
                f"received {name!r}"
            )
        return name

    def mapping(self, key: str) -> dict[str, Any]:
        found = self.data.get(key) or {}
        if not isinstance(found, dict):
            raise SettingsError(f"{self.at(key)} must have `key: value` lines under it; received {found!r}")
        return found

    def values(self, section: str, read: Callable[[str, Any, str], list[Any]]) -> dict[str, list[Any]]:
        """Settings keys with lists of values."""
        found = self.mapping(section)
        if section in self.data and not found:
            raise SettingsError(f"{self.at(section)} must have settings with their values under it; received nothing")
        return {str(key): read(str(key), given, self.at(f"{section}.{key}")) for key, given in found.items()}

    def runs(self) -> list[dict[str, Any]]:
        entries = self.data.get("runs", [])
        proper = isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)
        if "runs" in self.data and not (entries and proper):
            raise SettingsError(f"{self.at('runs')} must be a list of settings, `- key: value`; received {entries!r}")
        return list(entries)

    def seeds(self) -> dict[str, list[Any]]:
        if "seeds" not in self.data:
            return {}
        given, where = self.data["seeds"], self.at("seeds")
        if isinstance(given, bool) or not isinstance(given, int):
            return {"seed": values_of(given, where)}
        if given < 1:
            raise SettingsError(f"{where} must be how many, 1 or more, or a list; received {given}")
        return {"seed": values_of(f"0..{given - 1} step 1", where)}

    def margin(self) -> float:
        """As a share."""
        if "margin" not in self.data:
            return MARGIN
        given = self.data["margin"]
        if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < 100:
            raise SettingsError(f"{self.at('margin')} must be points above 0 and below 100; received {given!r}")
        return given / 100

    def setting_lines(self) -> dict[str, int]:
        """Line numbers by settings key."""
        sections = ("settings.", "grid.", "sweep.")
        return {key.partition(".")[2]: line for key, line in self.lines.items() if key.startswith(sections)}
