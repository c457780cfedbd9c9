"""Options that need no settings, so that commands that must start quickly can have them."""

from __future__ import annotations

from typing import Any

import click

from multidigit.cluster import parse

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
run_option = click.option(
    "--run", metavar="RUN", help="A run's name or folder, or 'shipped'.  [default: the newest in runs/, else shipped]"
)
precision_option = click.option(
    "--precision",
    type=click.Choice(["float", "int8"]),
    help="Which of the run's models.  [default: int8, the faster one, where the run has it]",
)


class Jobs(click.IntRange):
    """A whole number from 1, or ``auto``, which is 0."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return 0 if value == "auto" else super().convert(value, param, ctx)


jobs_option = click.option(
    "--jobs",
    type=Jobs(min=1),
    default="auto",
    show_default=True,
    metavar="N",
    help="Runs at a time, or auto: one a processor where they take long enough. Budgets in minutes compare fairly only "
    "where every run has the same share, so where N divides the number of runs.",
)


def _place(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    try:
        if value is not None:
            parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None
    return value


on_option = click.option(
    "--on",
    callback=_place,
    metavar="ray[://HOST:PORT]",
    help="Do the work on a Ray cluster: the one there, or with just ray that of RAY_ADDRESS, one that runs on this "
    "machine, or all processors of this machine.",
)
