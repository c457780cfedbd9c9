"""What ``compare`` and ``experiment`` do alike: run a grid, show its results."""

from __future__ import annotations

from pathlib import Path

import click

from multidigit.cli.output import print_json, print_table
from multidigit.cli.progress import Training, note
from multidigit.experiments import Experiment, run_experiment


def carry_out(experiment: Experiment, folder: Path, as_json: bool, again: str) -> int:
    """Do the runs, write the report and show it.

    Args:
        again: how to go on after an interruption.

    Returns:
        The exit code.
    """
    from multidigit.report.comparison import write_report
    from multidigit.report.tables import results_table

    total = len(experiment.plan)
    try:
        with Training() as shown:
            results = run_experiment(
                experiment, folder, listen=lambda number, run: shown.begin(f"[{number + 1}/{total}] {run.name}")
            )
    except KeyboardInterrupt:
        note(f"interrupted; what is done is in {folder}. {again}")
        return 130
    results = write_report(folder, results)
    if as_json:
        print_json({"folder": str(folder), **results})
        return 0
    print_table(*results_table(results["rows"]))
    for sentence in results["verdict"]:
        click.echo(sentence)
    click.echo(f"\nThe results are in {folder}: report.md, results.json, and a folder for each run.")
    click.echo(f"Read a picture with the best: multidigit predict --run {folder} image.png")
    return 0
