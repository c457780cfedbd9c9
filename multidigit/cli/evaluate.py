"""``multidigit evaluate``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from multidigit.cli import options
from multidigit.cli.flags import json_option, precision_option, run_option
from multidigit.cli.output import print_json, print_table, prints_unicode

if TYPE_CHECKING:
    from multidigit.reading.inference import Precision
    from multidigit.reading.reader import Reader, Reading


@click.command(epilog="Example: multidigit evaluate --digits path/to/mnist.npz --layout structured")
@run_option
@click.option("--digits", metavar="SOURCE", help="Digit source.  [default: the run's own]")
@click.option("--layout", metavar="LAYOUT", help="Layout.  [default: the run's own]")
@click.option("--strips", type=click.IntRange(min=1), help="Test strips.  [default: as many as the run was tested on]")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of the test strips.  [default: the run's own]")
@click.option(
    "--pictures", type=click.Path(path_type=Path), metavar="CSV", help="Your own pictures: a file of image_path,text."
)
@click.option(
    "--curve",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw accuracy against the share of strips answered: an .svg, .png or .pdf file.",
)
@precision_option
@options.set_option
@json_option
def evaluate(
    run: str | None,
    precision: Precision | None,
    curve: Path | None,
    strips: int | None,
    pictures: Path | None,
    assignments: tuple[str, ...],
    as_json: bool,
    **values: Any,
) -> int:
    """Measure how well a run reads.

    By default it is measured on its own test strips, which are made of digits that training never sees. The curve
    shows which accuracy is reached when only the most confident share of the strips is answered.
    """
    from multidigit import metrics
    from multidigit.evaluation import evaluate as evaluate_strips
    from multidigit.evaluation import evaluate_readings
    from multidigit.reading.reader import Reader
    from multidigit.report.tables import measure_lines
    from multidigit.settings import overlay, validate
    from multidigit.show import coverage

    reader = Reader(run, precision=precision)
    if pictures:
        from multidigit.strips.labelled import read_labels

        if strips or assignments or any(value is not None for value in values.values()):
            raise click.UsageError("--pictures excludes options about strips")
        paths, slots = read_labels(pictures, reader.model.slots)
        started = time.perf_counter()
        readings = _readings(reader, paths)
        measures, answers = evaluate_readings(readings, slots, time.perf_counter() - started)
        source = str(pictures)
    else:
        from multidigit.data.stream import make_stream

        data = reader.run.settings.model_dump(mode="json")
        given = options.given({**values, "evaluation.test_strips": strips}, None, assignments)
        settings = validate(overlay(data, given))
        tested = make_stream(settings).fixed("test", settings.evaluation.test_strips)
        measures, answers = evaluate_strips(reader.model, tested, reader.calibration)
        source = f"{settings.layout.name} strips of {settings.digits_name} digits"
    title = f"{reader.run.described}, {reader.precision}, on {measures['strips']:,} {source}"
    covered = coverage.curve(answers["confidence"], metrics.right(answers["slots"], answers["answers"]))
    if curve:
        coverage.write_picture(curve, *covered, title)
    if as_json:
        print_json({"run": str(reader.run.path), "precision": reader.precision, "source": source, **measures})
        return 0
    click.echo(title)
    print_table(["measure", "value"], measure_lines(measures))
    click.echo(f"\n{coverage.draw_terminal(*covered, plain=not prints_unicode())}")
    if curve:
        click.echo(f"\nThe curve is in {curve}.")
    return 0


def _readings(reader: Reader, paths: Sequence[Path]) -> list[Reading]:
    """What ``predict`` reads in the pictures; the first that cannot be read ends it."""
    from multidigit.cli.progress import counting
    from multidigit.errors import PictureError
    from multidigit.pictures.workers import useful_workers

    readings = []
    with counting("reading", len(paths)) as step:
        for _, reading in reader.read_all(map(str, paths), useful_workers(len(paths))):
            if isinstance(reading, PictureError):
                raise reading
            readings.append(reading)
            step()
    return readings
