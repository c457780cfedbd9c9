"""A YAML file -> a grid of runs in one folder, resumable, with one table of results."""

from __future__ import annotations

from multidigit.experiments.description import read_experiment
from multidigit.experiments.folder import standing_runs
from multidigit.experiments.plan import MANY, Experiment, Planned, comparison, make_plan
from multidigit.experiments.results import Results, finished_runs, row, summarise
from multidigit.experiments.running import run_experiment
from multidigit.experiments.settling import settle
from multidigit.experiments.values import values_of
from multidigit.runs import RESULTS

__all__ = [
    "MANY",
    "RESULTS",
    "Experiment",
    "Planned",
    "Results",
    "comparison",
    "finished_runs",
    "make_plan",
    "read_experiment",
    "row",
    "run_experiment",
    "settle",
    "standing_runs",
    "summarise",
    "values_of",
]
