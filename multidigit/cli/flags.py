"""Options that need no settings, so that commands that must start quickly can have them."""

from __future__ import annotations

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
run_option = click.option(
    "--run", metavar="RUN", help="A run's name or folder, or 'shipped'.  [default: the newest in runs/, else shipped]"
)
precision_option = click.option(
    "--precision",
    type=click.Choice(["float", "int8"]),
    help="Which of the run's models.  [default: int8, the faster one, where the run has it]",
)
jobs_option = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Runs at a time; they share the processors. Budgets in minutes compare fairly only where every run has the "
    "same share, so where N divides the number of runs.",
)
