"""A YAML file -> a grid of runs in one folder, resumable."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multidigit.errors import MultidigitError, RunError, SettingsError, nearest
from multidigit.files import write_json
from multidigit.runs import ENVIRONMENT, READER, Run, open_run
from multidigit.settings import LAYOUTS, Settings, nested, overlay, parse_assignments, read_yaml, to_yaml, validate

RESULTS = "results.json"
KEYS = ("name", "about", "settings", "grid")


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


def read_experiment(path: Path, assignments: Sequence[str] = ()) -> Experiment:
    """The experiment that a YAML file describes.

    The file has ``settings`` (as for ``train``), ``grid`` (a settings key -> a list of values; every combination is
    one run), and may have ``name`` and ``about``. ``assignments`` are ``key=value``: they override ``settings``, and
    a grid over the same key.

    Raises:
        SettingsError: names the file, the line and the key.
    """
    data, lines = read_yaml(path)
    for key in data:
        if key not in KEYS:
            raise SettingsError(f"{path}, line {lines.get(str(key))}: unknown key {key!r}{nearest(str(key), KEYS)}")
    for key in ("settings", "grid"):
        if not isinstance(data.get(key) or {}, dict):
            raise SettingsError(f"{path}, line {lines[key]}: {key}: expected `key: value` lines under it")
    grid = dict(data.get("grid") or {})
    for key, values in grid.items():
        if not isinstance(values, list) or not values:
            where = f"{path}, line {lines.get(f'grid.{key}')}: grid.{key}"
            raise SettingsError(f"{where}: expected a list of values such as [heads, cut]; received {values!r}")
    over = parse_assignments(assignments)
    for assignment in assignments:
        grid.pop(assignment.partition("=")[0], None)
    marks = {key.partition(".")[2]: line for key, line in lines.items() if key.startswith(("settings.", "grid."))}
    base = data.get("settings") or {}
    plan = make_plan(base, grid, str(path), marks)
    if over:
        # The file is right by itself, so a fault that shows up now lies in what was laid over it.
        plan = make_plan(overlay(base, over), grid, f"{path} with --set {' --set '.join(assignments)}")
    return Experiment(str(data.get("name") or path.stem), str(data.get("about") or ""), plan)


def make_plan(
    base: Mapping[str, Any],
    grid: Mapping[str, Sequence[Any]],
    where: str = "settings",
    lines: Mapping[str, int] | None = None,
) -> list[Planned]:
    """Every combination of the grid's values laid over the base settings.

    Runs are named after the values in which they differ, with strategy, layout and seed always among them.
    """
    plan = []
    for values in itertools.product(*grid.values()):
        data = dict(base)
        for key, value in zip(grid, values, strict=True):
            data = overlay(data, nested(str(key), value))
        settings = validate(data, where, lines)
        parts = [settings.strategy, settings.layout.name]
        parts += [
            f"{key.rpartition('.')[2]}{value}" if key not in ("backbone", "digits") else str(value)
            for key, value in zip(map(str, grid), values, strict=True)
            if key not in ("strategy", "layout", "seed") and len(grid[key]) > 1
        ]
        name = "-".join([*parts, f"seed{settings.seed}"])
        plan.append(Planned("".join(c if c.isalnum() or c in "-._" else "_" for c in name), settings))
    names = [planned.name for planned in plan]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise SettingsError(f"{where}: grid: two runs would both be {twice!r}; give each value once")
    return plan


def run_experiment(
    experiment: Experiment,
    out: Path,
    *,
    listen: Callable[[int, Planned], Callable[[Any], None]],
) -> dict[str, Any]:
    """Do the runs that are not done yet, then write and return the results.

    Finished runs found in ``out`` are kept; one that was interrupted goes on from where it stood.

    Args:
        out: the experiment's folder.
        listen: called as a run begins, with its number and the plan; what it returns is told the run's progress.

    Raises:
        RunError: ``out`` holds a run of the same name with other settings.
        KeyboardInterrupt: after the run under way has been saved.
    """
    rows = []
    for number, planned in enumerate(experiment.plan):
        run = _standing(out / planned.name, planned)
        if run is None or run.interrupted:
            from multidigit.training import train

            run = train(planned.settings, out / planned.name, listen=listen(number, planned), resume=run)
        if run.interrupted:
            raise KeyboardInterrupt
        rows.append(row(run))
        # Written after every run, so that what is done can be looked at while the rest goes on.
        results = {"name": experiment.name, "about": experiment.about, "planned": len(experiment.plan), "rows": rows}
        write_json(out / RESULTS, results)
    return results


def _standing(path: Path, planned: Planned) -> Run | None:
    """The run that an earlier call left at ``path``, if it is the planned one."""
    if not (path / ENVIRONMENT).is_file():
        if path.exists():
            raise RunError(f"{path}: not a run folder; remove it or name another folder with --out")
        return None
    run = open_run(path)
    from multidigit.strategies.base import resolve

    if to_yaml(resolve(planned.settings)) != to_yaml(run.settings):
        raise RunError(f"{path}: was trained with other settings; remove it or name another folder with --out")
    return run


def row(run: Run) -> dict[str, Any]:
    """One flat line of results: what was asked, what it cost, how well it reads."""
    settings, training, test = run.settings, run.metrics["training"], run.metrics["test"]
    return {
        "run": run.name,
        "strategy": settings.strategy_name,
        "layout": settings.layout.name,
        "digits": settings.digits_name,
        "backbone": settings.backbone.name,
        "seed": settings.seed,
        "parameters": training["parameters"],
        "epochs": training["epochs"],
        "training_strips": training["strips"],
        "training_seconds": training["seconds"],
        "training_strips_per_second": training["strips_per_second"],
        "test_strips": test["strips"],
        "digit_accuracy": test["digit_accuracy"],
        "sequence_accuracy": test["sequence_accuracy"],
        "sequence_low": test["sequence_interval"][0],
        "sequence_high": test["sequence_interval"][1],
        "character_error_rate": test["character_error_rate"],
        "coverage_98": test["coverage_98"],
        "reading_strips_per_second": test["strips_per_second"],
        "reader_bytes": run.part(READER).stat().st_size,
    }


def finished_runs(out: Path, results: Mapping[str, Any]) -> Iterator[Run]:
    """The runs behind the rows of results.

    Raises:
        RunError: one of them has gone.
    """
    for line in results["rows"]:
        yield open_run(out / line["run"])


def comparison(base: Mapping[str, Any], layouts: Sequence[str] = LAYOUTS, strategies: Sequence[str] = ()) -> Experiment:
    """The experiment behind ``compare``: strategies × layouts, everything else alike."""
    from multidigit.strategies import STRATEGIES

    chosen = list(strategies or STRATEGIES)
    if len(chosen) < 2:
        raise MultidigitError("a comparison needs at least two strategies; name another with --strategy")
    plan = make_plan(base, {"layout": list(layouts), "strategy": chosen})
    return Experiment("compare", "Which strategy reads best on each layout?", plan)
