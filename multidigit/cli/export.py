"""``multidigit export``."""

from __future__ import annotations

from pathlib import Path

import click

from multidigit.cli.flags import json_option, run_option
from multidigit.cli.output import print_json
from multidigit.cli.progress import note


@click.command(epilog="Example: multidigit export --format int8 --out reader.tflite")
@run_option
@click.option(
    "--format",
    "kind",
    type=click.Choice(["float", "int8", "run"]),
    default="float",
    show_default=True,
    help="float: 32-bit numbers. int8: 8-bit ones, smaller and faster. run: a folder that `predict --run` reads.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="File or folder to write.  [default: reader.tflite, or with run: reader]",
)
@click.option("--force", is_flag=True, help="Replace what is there.")
@json_option
def export(run: str | None, kind: str, out: Path | None, force: bool, as_json: bool) -> int:
    """Write a run's network as a file for other programs.

    The file is a LiteRT (TensorFlow Lite) model from uint8 strips (N, 28, 140), ink bright on dark, to probabilities
    (N, 5, 11). It reads the run's test strips before it is written, and what changed is reported. With --format run it
    is a folder that needs no TensorFlow to be read with.
    """
    from multidigit.errors import MultidigitError
    from multidigit.runs import export_folder, pick_run

    chosen = pick_run(run)
    out = out or Path("reader" if kind == "run" else "reader.tflite")
    if out.exists() and not force:
        raise MultidigitError(f"{out}: exists already; name another file with --out, or replace it with --force")
    note(f"exporting {chosen.described}")
    if kind == "run":
        exported = export_folder(chosen, out, replace=force)
        if as_json:
            print_json({"folder": str(exported.path), "format": kind})
        else:
            click.echo(f"{exported.path}: a run to read with: multidigit predict --run {exported.path} image.png")
        return 0
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
