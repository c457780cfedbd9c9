"""``multidigit experiment``."""

from __future__ import annotations

from pathlib import Path

import click

from multidigit.cli import options
from multidigit.cli.flags import jobs_option, json_option, on_option


@click.command(epilog="Example: multidigit experiment experiments/quick.yaml --set train.epochs=3")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="[default: runs/NAME]")
@jobs_option
@on_option
@click.option("--dry-run", is_flag=True, help="Only list the runs, and estimate how long they take.")
@click.option("--report-only", is_flag=True, help="Train nothing: write the table and the report of the finished runs.")
@click.option("--yes", is_flag=True, help="Allow more than 1,000 runs.")
@options.deterministic_option
@options.set_option
@json_option
def experiment(
    file: Path,
    out: Path | None,
    jobs: int,
    on: str | None,
    dry_run: bool,
    report_only: bool,
    yes: bool,
    train__deterministic: bool | None,
    assignments: tuple[str, ...],
    as_json: bool,
) -> int:
    """Run a grid of trainings from a YAML file.

    Finished runs are skipped and interrupted ones continue, so the same command can be repeated until all is done.
    """
    from multidigit.cli.grid import carry_out, list_plan, report
    from multidigit.experiments import MANY, read_experiment
    from multidigit.runs import HOME

    if dry_run and report_only:
        raise click.UsageError("--dry-run and --report-only exclude each other")
    if train__deterministic:
        assignments = ("train.deterministic=true", *assignments)
    free = yes or dry_run or report_only
    described = read_experiment(file, assignments, most=None if free else MANY)
    folder = out or HOME / described.name
    if dry_run:
        return list_plan(described, folder, as_json, jobs)
    if report_only:
        return report(described, folder, as_json)
    return carry_out(described, folder, as_json, "Continue with: the same command", jobs, on)
