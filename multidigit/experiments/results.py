"""The results of an experiment: rows and decisions for its report, and one flat table of everything.

The run folders are the source; what is written here can be written again from them at any time, and is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from multidigit.comparison import compare_runs
from multidigit.experiments.plan import Experiment, Planned
from multidigit.files import write_json, write_text
from multidigit.runs import LITERT_MODEL, RESULTS, Run, open_run
from multidigit.settings import flatten
from multidigit.spreadsheets import csv_text
from multidigit.strategies.base import resolve

TABLE, LINES = "results.csv", "results.jsonl"
_NOT_ENVIRONMENT = ("format", "created", "about", "parts")


class Results:
    """The results of an experiment as its runs are finished.

    | file | holds |
    |---|---|
    | ``results.json`` | finished runs, a short row each, and what was decided about them (see ``summarise``) |
    | ``results.csv``, ``results.jsonl`` | every planned run, a flat row each (see ``flat_row``) |

    The answer for each test strip, with its confidence, is in each run folder's ``answers.npz``.

    Args:
        experiment: what is planned.
        out: its folder.
        standing: runs that are already there, by name.
    """

    def __init__(self, experiment: Experiment, out: Path, standing: Mapping[str, Run]) -> None:
        self._experiment, self._out = experiment, out
        self._finished = {name: run for name, run in standing.items() if not run.interrupted}
        self._flat = {planned.name: flat_row(planned, standing.get(planned.name)) for planned in experiment.plan}

    def add(self, planned: Planned, run: Run) -> None:
        """Take a run in; interrupted ones stand in the flat table only."""
        self._flat[planned.name] = flat_row(planned, run)
        if not run.interrupted:
            self._finished[planned.name] = run

    def write(self) -> dict[str, Any]:
        """Write all files, each whole or not at all; returns what ``results.json`` holds."""
        experiment = self._experiment
        names = [planned.name for planned in experiment.plan]
        finished = [self._finished[name] for name in names if name in self._finished]
        results = summarise(experiment, finished)
        rows = [self._flat[name] for name in names]
        write_text(self._out / TABLE, csv_text(rows))
        write_text(self._out / LINES, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in rows))
        write_json(self._out / RESULTS, results)
        return results


def summarise(experiment: Experiment, runs: Sequence[Run]) -> dict[str, Any]:
    """What ``results.json`` holds: ``rows`` of the finished runs, and every decision of ``comparison.compare_runs``,
    the ``winner`` among them, so that pictures are read with the best of the runs finished so far.
    """
    return {
        "name": experiment.name,
        "about": experiment.about,
        "planned": len(experiment.plan),
        "margin": experiment.margin,
        "looks": asdict(experiment.looks) if experiment.looks else None,
        "rows": [row(run) for run in runs],
        **compare_runs(runs, experiment.margin, experiment.looks).as_json(),
    }


def row(run: Run) -> dict[str, Any]:
    """One short line of results: what was asked, what it cost, how well it reads."""
    settings, training, test = run.settings, run.metrics["training"], run.metrics["test"]
    return {
        "run": run.name,
        "strategy": settings.strategy_name,
        "layout": settings.layout.name,
        "digits": settings.digits_name,
        "backbone": settings.backbone.name,
        "slots": settings.slots,
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
        "reader_bytes": run.part(LITERT_MODEL).stat().st_size,
    }


def flat_row(planned: Planned, run: Run | None = None) -> dict[str, Any]:
    """One line of the flat table: everything that is known of a run in single values.

    ``run``, ``status`` (``planned``, ``interrupted`` or ``finished``) and ``created``; the complete settings by the
    keys that ``--set`` has; of a run that was done, ``environment.*``, ``training.*``, ``test.*`` and
    ``error_breakdown.*``. A range has a column for each end, ``layout.gap.low`` and ``layout.gap.high``; the confusion
    matrix is left out.
    """
    status = "planned" if run is None else "interrupted" if run.interrupted else "finished"
    settings = run.settings if run else resolve(planned.settings)
    data: dict[str, Any] = {"run": planned.name, "status": status, "created": run.created if run else None}
    data |= settings.model_dump(mode="json")
    if run:
        known = {key: value for key, value in run.environment.items() if key not in _NOT_ENVIRONMENT}
        measured = ("training", "test", "error_breakdown")
        data |= {"environment": known, **{key: run.metrics[key] for key in measured if key in run.metrics}}
    flat: dict[str, Any] = {}
    for key, value in flatten(data).items():
        if not isinstance(value, list):
            flat[key] = value
        elif not any(isinstance(item, list) for item in value):
            ends = ("low", "high") if len(value) == 2 else range(len(value))
            flat |= {f"{key}.{end}": item for end, item in zip(ends, value, strict=True)}
    return flat


def finished_runs(out: Path, results: Mapping[str, Any]) -> Iterator[Run]:
    """The runs behind the rows of results.

    Raises:
        RunError: one of them is missing or damaged.
    """
    for line in results["rows"]:
        yield open_run(out / line["run"])
