"""``multidigit compare``."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from multidigit.cli import options
from multidigit.cli.flags import jobs_option, json_option, on_option
from multidigit.settings import overlay

if TYPE_CHECKING:
    from multidigit.experiments import Planned

BUDGET = {"epochs": 3, "strips": 5_000}
"""The default training budget of each run. Shorter trainings of more seeds decide more than long ones of one."""
FREE_STRIPS = 2_500
"""In place of those of ``BUDGET`` on free strips: one takes three times as long to train on, and with half of
them comparisons are decided sooner."""
EVALUATION = {"validation_strips": 1_000, "test_strips": 10_000}
"""Strips that each is judged by by default: few test strips would leave the verdict to chance."""
LIMIT = 60.0
"""Minutes after which --until-settled takes no further seed."""
QUICK = {"train": {"epochs": 1, "strips": 6_000}, "evaluation": {"validation_strips": 500, "test_strips": 1_000}}
"""With --quick: within a minute and a half."""


@click.command(epilog="Example: multidigit compare --digits path/to/mnist.npz")
@options.digits_option
@options.slots_option
@click.option(
    "--layout",
    "layouts",
    multiple=True,
    metavar="LAYOUT",
    help="Only this layout; may be repeated.  [default: structured and free, or scene with --data, or the run's with "
    "--start; in a sweep those that the setting concerns]",
)
@click.option(
    "--strategy",
    "strategies",
    multiple=True,
    metavar="NAME",
    help="Only this strategy; may be repeated.  [default: all]",
)
@options.backbone_option
@options.budget_options(epochs=BUDGET["epochs"], strips=f"{BUDGET['strips']}, of free strips {FREE_STRIPS}")
@click.option("--quick", is_flag=True, help="A small budget, to see how it works.")
@options.seed_option
@options.deterministic_option
@options.data_option
@options.setting("train.start", "RUN")
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    metavar="N",
    help="Train everything N times, with the seeds from --seed on, to see how much one training differs from another.  "
    "[default: 5, then up to 20 where it is open who is ahead; 1 with --quick, --sweep or --data]",
)
@click.option(
    "--sweep",
    "sweeps",
    multiple=True,
    metavar="KEY=LOW..HIGH",
    help='Compare at several values of any numeric setting, as layout.gap=-3..12 or "layout.gap=-3..12 step 5", and '
    "find where another strategy takes the lead; may be repeated, each setting is swept by itself.",
)
@click.option(
    "--margin",
    type=click.FloatRange(0, 100, min_open=True, max_open=True),
    default=1.0,
    show_default=True,
    metavar="POINTS",
    help="The least difference that matters: strategies that are shown to differ by less are called the same.",
)
@click.option(
    "--until-settled",
    is_flag=True,
    help="Begin with three seeds, and add others one by one until every two strategies are known to differ or called "
    "the same, or --minutes are over, which are those of the whole comparison then.  [default: 60 on a terminal]",
)
@jobs_option
@on_option
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="[default: runs/compare-TIME]")
@options.config_option
@options.set_option
@json_option
def compare(
    layouts: tuple[str, ...],
    strategies: tuple[str, ...],
    quick: bool,
    seeds: int | None,
    sweeps: tuple[str, ...],
    margin: float,
    until_settled: bool,
    jobs: int,
    on: str | None,
    out: Path | None,
    config: Path | None,
    assignments: tuple[str, ...],
    as_json: bool,
    **values: Any,
) -> int:
    """Train all strategies on the same strips and say which wins where.

    Every strategy is trained on the same strips, as many for each, and tested on the same strips. After Ctrl-C, the
    same command with the same --out continues.
    """
    from multidigit.cli.grid import carry_out
    from multidigit.comparison.looks import EACH_SEED, STAGES
    from multidigit.experiments import comparison
    from multidigit.runs import new_folder
    from multidigit.training.start import settings_from

    minutes = _limit(values, sweeps) if until_settled else math.inf
    given = options.given(values, config, assignments)
    base = settings_from(overlay(QUICK, given) if quick else given, {"train": BUDGET, "evaluation": EVALUATION})
    looks = EACH_SEED if until_settled else None if seeds or quick or sweeps or "data" in base else STAGES
    if looks:
        seeds = max(seeds or 0, looks.seeds[0])
    experiment = comparison(base, layouts, strategies, seeds or 1, sweeps, margin / 100)
    plan = experiment.plan
    swept = any(sweep.startswith("train.strips=") for sweep in sweeps)
    if not (quick or swept or {"strips", "start"} & {*(given.get("train") or {})}):
        plan = [_shorter(run) if run.settings.layout.name == "free" else run for run in plan]
    experiment = replace(experiment, plan=plan, looks=looks)
    if (settings := experiment.plan[0].settings).data:
        options.load_pictures(settings)
    folder = out or new_folder("compare")
    again = f"Continue with: the same options and --out {folder}"
    return carry_out(experiment, folder, as_json, again, jobs, on, minutes)


def _shorter(run: Planned) -> Planned:
    """A run on free strips with the default budget of these."""
    settings = run.settings
    train = settings.train.model_copy(update={"strips": FREE_STRIPS})
    return replace(run, settings=settings.model_copy(update={"train": train}))


def _limit(values: dict[str, Any], sweeps: tuple[str, ...]) -> float:
    """Minutes that the whole comparison may take."""
    if sweeps:
        raise click.UsageError("--until-settled goes with no --sweep: a sweep has no one verdict")
    minutes = values.pop("train__minutes")
    if minutes is None and not sys.stderr.isatty():
        raise click.UsageError("--until-settled needs --minutes, its limit, where nobody can interrupt it")
    return float(minutes or LIMIT)
