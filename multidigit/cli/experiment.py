"""``multidigit experiment``."""

from __future__ import annotations

from pathlib import Path

import click

from multidigit.cli import options
from multidigit.cli.flags import json_option
from multidigit.cli.output import print_json


@click.command(epilog="Example: multidigit experiment experiments/quick.yaml --set train.epochs=3")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="[default: runs/NAME]")
@click.option("--dry-run", is_flag=True, help="Only list the runs.")
@options.set_option
@json_option
def experiment(file: Path, out: Path | None, dry_run: bool, assignments: tuple[str, ...], as_json: bool) -> int:
    """Run a grid of trainings from a YAML file.

    Runs that are finished are skipped and one that was interrupted goes on, so the same call can be repeated until all
    is done.
    """
    from multidigit.cli.grid import carry_out
    from multidigit.experiments import read_experiment
    from multidigit.runs import HOME

    described = read_experiment(file, assignments)
    folder = out or HOME / described.name
    if dry_run:
        names = [planned.name for planned in described.plan]
        if as_json:
            print_json({"name": described.name, "folder": str(folder), "runs": names})
        else:
            click.echo("\n".join([f"{described.name}: {len(names)} runs in {folder}", *names]))
        return 0
    return carry_out(described, folder, as_json, "Go on with: the same command")
