"""``multidigit export``."""

from __future__ import annotations

from pathlib import Path

import click

from multidigit.cli import options
from multidigit.cli.output import print_json
from multidigit.cli.progress import note


@click.command(epilog="Example: multidigit export --format int8 --out reader.tflite")
@options.run_option
@click.option(
    "--format",
    "kind",
    type=click.Choice(["float", "int8"]),
    default="float",
    show_default=True,
    help="Weights and sums in 32-bit floats, or in 8 bits: smaller and faster.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("reader.tflite"), show_default=True, help="File to write."
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@options.json_option
def export(run: str | None, kind: str, out: Path, force: bool, as_json: bool) -> int:
    """Write a run's network as a file for other programs.

    The file is a LiteRT (TensorFlow Lite) model from uint8 strips (N, 28, 140), ink bright on dark, to probabilities
    (N, 5, 11). It reads the run's test strips before it is written, and what changed is reported.
    """
    from multidigit.errors import MultidigitError
    from multidigit.runs import pick_run

    chosen = pick_run(run)
    if out.exists() and not force:
        raise MultidigitError(f"{out}: exists already; name another file with --out, or replace it with --force")
    note(f"exporting {chosen.described}")
    from multidigit.export import export_run

    result = export_run(chosen, kind, out)
    if as_json:
        print_json(result)
        return 0
    click.echo(
        f"{out}: {result['bytes'] / 1000:,.0f} kB, {kind}; {result['sequence_accuracy']:.2%} of "
        f"{result['strips']:,} test numbers right ({result['before']:.2%} before), {result['changed']} answered "
        f"otherwise than before; reads {result['strips_per_second']:,.0f} strips/s here"
    )
    return 0
