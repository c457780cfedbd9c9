"""``multidigit evaluate``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from multidigit.cli import options
from multidigit.cli.flags import json_option, precision_option, run_option
from multidigit.cli.output import print_json, print_table, prints_unicode, say

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from multidigit.reading.inference import Precision
    from multidigit.reading.reader import Reader


MOST_CORRUPTED = 1_000
"""Test strips that --corruptions reads in each way and degree, at most."""


@click.command(epilog="Example: multidigit evaluate --digits path/to/mnist.npz --layout structured")
@run_option
@click.option("--digits", metavar="SOURCE", help="Digit source.  [default: the run's own]")
@click.option("--layout", metavar="LAYOUT", help="Layout.  [default: the run's own]")
@click.option("--strips", type=click.IntRange(min=1), help="Test strips.  [default: as many as the run was tested on]")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of the test strips.  [default: the run's own]")
@click.option(
    "--pictures",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Your own pictures: a table of image_path,text, or a folder, as `multidigit check` takes it.",
)
@click.option(
    "--curve",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw accuracy against the share of strips answered: an .svg, .png or .pdf file.",
)
@click.option(
    "--corruptions",
    is_flag=True,
    help="Measure it on strips made worse in fifteen ways and five degrees, too.",
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
    corruptions: bool,
    assignments: tuple[str, ...],
    as_json: bool,
    **values: Any,
) -> int:
    """Measure how well a run reads.

    By default it is measured on its own test strips, which are made of digits that training never sees. The curve
    shows which accuracy is reached when only the most confident share of the strips is answered.
    """
    import numpy as np

    from multidigit import metrics
    from multidigit.cli.progress import counting
    from multidigit.data.labels import read_labels
    from multidigit.evaluation import evaluate as evaluate_strips
    from multidigit.evaluation import evaluate_corrupted
    from multidigit.labels import row_slots
    from multidigit.reading.reader import Reader
    from multidigit.report.tables import corruption_table, measure_lines
    from multidigit.settings import overlay, validate
    from multidigit.show import coverage
    from multidigit.strips.corruptions import CORRUPTIONS
    from multidigit.strips.stream import StripStream

    reader = Reader(run, precision=precision)
    if pictures and (strips or corruptions or assignments or any(value is not None for value in values.values())):
        raise click.UsageError("--pictures excludes options about strips")
    data = reader.run.settings.model_dump(mode="json")
    given = options.given({**values, "evaluation.test_strips": strips}, None, assignments)
    settings = validate(overlay(data, given))
    if pictures:
        found = read_labels(pictures, reader.model.slots)
        numbers = np.stack([row_slots(each.text, reader.model.slots) for each in found.pictures])
        measures, answers = _pictures(reader, [each.path for each in found.pictures], numbers)
        source = str(pictures)
        options.tell_left_out(found.left_out)
    elif settings.data:
        own = options.load_pictures(settings)
        measures, answers = _pictures(reader, own.paths("test"), own.fixed("test").slots)
        source = f"test pictures of {settings.data.path}"
    else:
        tested = StripStream(settings).fixed("test", settings.evaluation.test_strips)
        measures, answers = evaluate_strips(reader.model, tested, reader.calibration)
        source = f"{settings.layout.name} strips of {settings.digits_name} digits"
    worse = None
    if corruptions:
        if settings.data:
            raise click.UsageError("--corruptions goes with generated strips; this run is measured on pictures")
        with counting("corruptions", len(CORRUPTIONS)) as step:
            worse = evaluate_corrupted(reader.model, tested.first(MOST_CORRUPTED), reader.calibration, step)
    title = f"{reader.run.described}, {reader.precision}, on {measures['strips']:,} {source}"
    covered = coverage.curve(answers["confidence"], metrics.right(answers["slots"], answers["answers"]))
    if curve:
        coverage.write_picture(curve, *covered, title)
    if as_json:
        print_json(
            {
                "run": str(reader.run.path),
                "precision": reader.precision,
                "source": source,
                **measures,
                **({"corruptions": worse} if worse else {}),
            }
        )
        return 0
    say(title)
    print_table(["measure", "value"], measure_lines(measures))
    if worse:
        click.echo(f"\nNumbers right, of {worse['strips']:,}, where strips are made worse, by degree:")
        print_table(*corruption_table(worse))
    click.echo(f"\n{coverage.draw_terminal(*covered, plain=not prints_unicode())}")
    if curve:
        click.echo()
        say(f"The curve is in {curve}.")
    return 0


def _pictures(
    reader: Reader, paths: Sequence[Path], slots: NDArray[np.uint8]
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Measures and answers of what ``predict`` reads in pictures; the first that cannot be read ends it."""
    from multidigit.cli.progress import counting
    from multidigit.errors import PictureError
    from multidigit.evaluation import evaluate_readings
    from multidigit.pictures.workers import useful_workers

    readings = []
    started = time.perf_counter()
    with counting("reading", len(paths)) as step:
        for _, reading in reader.read_all(map(str, paths), useful_workers(len(paths))):
            if isinstance(reading, PictureError):
                raise reading
            readings.append(reading)
            step()
    return evaluate_readings(readings, slots, time.perf_counter() - started)
