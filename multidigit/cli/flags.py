"""Options that need no settings, so that commands which must start at once can have them, too."""

from __future__ import annotations

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
run_option = click.option(
    "--run", metavar="RUN", help="A run's name or folder, or 'shipped'.  [default: the newest in runs/, else shipped]"
)
precision_option = click.option(
    "--precision",
    type=click.Choice(["float", "int8"]),
    help="Which of the run's readers.  [default: int8, the faster, if the run has it]",
)
jobs_option = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Runs at once, the processors divided among them. Budgets in minutes compare fairly only where all runs have "
    "the machine alike, so with a number of runs that N divides.",
)
