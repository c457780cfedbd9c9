"""``multidigit experiment``."""

from __future__ import annotations

from pathlib import Path

import click

from multidigit.cli import options
from multidigit.cli.output import print_json, print_table
from multidigit.cli.progress import Training, note


@click.command(epilog="Example: multidigit experiment experiments/quick.yaml --set train.epochs=3")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="[default: runs/NAME]")
@click.option("--dry-run", is_flag=True, help="Only list the runs.")
@options.set_option
@options.json_option
def experiment(file: Path, out: Path | None, dry_run: bool, assignments: tuple[str, ...], as_json: bool) -> int:
    """Run a grid of trainings from a YAML file.

    Runs that are finished are skipped and one that was interrupted goes on, so the same call can be repeated until all
    is done.
    """
    from multidigit.experiments import read_experiment, run_experiment
    from multidigit.report.comparison import write_report
    from multidigit.report.tables import results_table
    from multidigit.runs import HOME

    described = read_experiment(file, assignments)
    folder, total = out or HOME / described.name, len(described.plan)
    if dry_run:
        names = [planned.name for planned in described.plan]
        if as_json:
            print_json({"name": described.name, "folder": str(folder), "runs": names})
        else:
            click.echo("\n".join([f"{described.name}: {total} runs in {folder}", *names]))
        return 0
    try:
        with Training() as shown:
            results = run_experiment(
                described, folder, listen=lambda number, run: shown.begin(f"[{number + 1}/{total}] {run.name}")
            )
    except KeyboardInterrupt:
        note("interrupted; call the same command again to go on")
        return 130
    results = write_report(folder, results)
    if as_json:
        print_json({"folder": str(folder), **results})
        return 0
    print_table(*results_table(results["rows"]))
    for sentence in results["verdict"]:
        click.echo(sentence)
    click.echo(f"\nThe results are in {folder}: report.md, results.json, and a folder for each run.")
    return 0
