"""``multidigit export``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from multidigit.cli.flags import json_option, run_option
from multidigit.cli.output import print_json
from multidigit.cli.progress import note

SHOWN = 10
"""Changed answers shown in the terminal; JSON has them all."""
NAMES = {"run": "reader", "onnx": "reader.onnx"}
"""Default names of what is written, where they are not reader.tflite."""


@click.command(epilog="Example: multidigit export --format int8 --out reader.tflite")
@run_option
@click.option(
    "--format",
    "kind",
    type=click.Choice(["float", "float16", "int8", "onnx", "run"]),
    default="float",
    show_default=True,
    help="float: 32-bit numbers. float16: weights in 16 bits, half the size. int8: 8-bit numbers, a quarter of the "
    "size and faster. onnx: 32-bit numbers, for ONNX Runtime. run: a folder that `predict --run` reads.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="File or folder to write.  [default: reader.tflite, with onnx reader.onnx, with run reader]",
)
@click.option("--trainable", is_flag=True, help="With --format run: keep what `train --start` needs, too.")
@click.option("--force", is_flag=True, help="Replace what is there.")
@json_option
def export(
    run: str | None,
    kind: Literal["float", "float16", "int8", "onnx", "run"],
    out: Path | None,
    trainable: bool,
    force: bool,
    as_json: bool,
) -> int:
    """Write a run's network as a file for other programs.

    The file is a LiteRT (TensorFlow Lite) or ONNX model that takes strips, uint8 (N, 28, 28·slots), ink bright on dark,
    and gives probabilities, float32 (N, slots, 11). Before it is written, it reads all of the run's test strips, and
    the strips whose answers change are listed. It is not written where it reads more than 0.1 % of the numbers less
    than the Keras model does or, with float and onnx, where any answer changes.

    With --format run it is a folder to read with that needs no TensorFlow: a float16 and an int8 model, their
    calibration and a card.
    """
    from multidigit.errors import MultidigitError
    from multidigit.export import export_folder, export_run
    from multidigit.runs import pick_run

    chosen = pick_run(run)
    out = out or Path(NAMES.get(kind, "reader.tflite"))
    if out.exists() and not force:
        raise MultidigitError(f"{out}: exists already; name another file with --out, or replace it with --force")
    if trainable and kind != "run":
        raise click.UsageError("--trainable goes with --format run")
    note(f"exporting {chosen.described}")
    if kind == "run":
        exported, left_out = export_folder(chosen, out, replace=force, trainable=trainable)
        for reason in left_out:
            note(f"left out: {reason}")
        if as_json:
            print_json({"folder": str(exported.path), "format": kind, "parts": sorted(exported.environment["parts"])})
        else:
            click.echo(f"{exported.path}: a run to read with: multidigit predict --run {exported.path} image.png")
        return 0
    result = export_run(chosen, kind, out)
    if as_json:
        print_json(result)
        return 0
    click.echo(
        f"{out}: {result['bytes'] / 1000:,.0f} kB, {kind}; {result['sequence_accuracy']:.2%} of "
        f"{result['strips']:,} test numbers right ({result['before']:.2%} before), {result['changed']} answers "
        f"changed; reads {result['strips_per_second']:,.0f} strips/s here"
    )
    for change in result["changes"][:SHOWN]:
        click.echo(f"  strip {change['strip']} shows {_in_words(change)}")
    if result["changed"] > SHOWN:
        click.echo(f"  … and {result['changed'] - SHOWN:,} more; --json lists them all")
    return 0


def _in_words(change: dict[str, Any]) -> str:
    before, after = (
        f"{change[when]['text'] or 'nothing'} ({change[when]['confidence']:.2f})" for when in ("before", "after")
    )
    return f"{change['number'] or 'nothing'}: {before} before, {after} now"
