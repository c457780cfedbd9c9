"""``multidigit evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from multidigit.cli import options
from multidigit.cli.flags import json_option, run_option
from multidigit.cli.output import print_json, print_table


@click.command(epilog="Example: multidigit evaluate --digits path/to/mnist.npz --layout structured")
@run_option
@click.option("--digits", metavar="SOURCE", help="Another digit source than the run's own.")
@click.option("--layout", metavar="LAYOUT", help="Another layout than the run's own.")
@click.option("--strips", type=click.IntRange(min=1), help="Test strips.  [default: as many as the run was tested on]")
@click.option("--seed", type=click.IntRange(min=0), help="Another seed than the run's own.")
@click.option(
    "--pictures", type=click.Path(path_type=Path), metavar="CSV", help="Your own pictures: a file of image_path,text."
)
@options.set_option
@json_option
def evaluate(
    run: str | None,
    strips: int | None,
    pictures: Path | None,
    assignments: tuple[str, ...],
    as_json: bool,
    **values: Any,
) -> int:
    """Measure how well a run reads.

    Without options it is measured on its own test strips, which come from digits that training never saw.
    """
    from multidigit.evaluation import evaluate as measure
    from multidigit.reader import Reader
    from multidigit.report.measures import lines
    from multidigit.settings import overlay, validate

    reader = Reader(run)
    if pictures:
        from multidigit.strips.labelled import read_labelled

        if strips or assignments or any(value is not None for value in values.values()):
            raise click.UsageError("--pictures stands alone: the pictures are what they are")
        tested, source = read_labelled(pictures), str(pictures)
    else:
        from multidigit.strips.stream import StripStream

        data = reader.run.settings.model_dump(mode="json")
        given = options.given({**values, "evaluation.test_strips": strips}, None, assignments)
        settings = validate(overlay(data, given))
        tested = StripStream(settings).fixed("test", settings.evaluation.test_strips)
        source = f"{settings.layout.name} strips of {settings.digits_name} digits"
    measures, _ = measure(reader.model, tested)
    if as_json:
        print_json({"run": str(reader.run.path), "source": source, **measures})
        return 0
    click.echo(f"{reader.run.described}, on {measures['strips']:,} {source}")
    print_table(["measure", "value"], lines(measures))
    return 0
