"""``multidigit generate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from multidigit.cli import options
from multidigit.cli.flags import json_option
from multidigit.cli.output import print_json
from multidigit.cli.progress import counting, note

COUNT, SHOWN = 20, 6
"""Strips written, or only shown, where --count is not given."""


@click.command(epilog="Example: multidigit generate --count 100 --layout free --out strips --sheet sheet.png")
@click.option("--count", type=click.IntRange(min=1), help=f"Strips.  [default: {COUNT}; {SHOWN} with --show alone]")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="New folder for PNGs and labels.csv.")
@click.option("--sheet", type=click.Path(path_type=Path), metavar="FILE", help="Also a contact sheet to look at (PNG).")
@click.option("--show", is_flag=True, help="Draw them in the terminal, as many as fit; alone, it writes no files.")
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="test",
    show_default=True,
    help="Digits to take them from.",
)
@options.digits_option
@options.slots_option
@options.layout_option
@options.seed_option
@options.config_option
@options.set_option
@json_option
def generate(
    count: int | None,
    out: Path | None,
    sheet: Path | None,
    show: bool,
    split: str,
    config: Path | None,
    assignments: tuple[str, ...],
    as_json: bool,
    **values: Any,
) -> int:
    """Write labelled strips as pictures.

    DIR gets one PNG a strip and labels.csv with the columns image_path and text.  [default: strips]
    """
    if show and as_json:
        raise click.UsageError("--show and --json both print to standard output; choose one")
    files = bool(out or sheet) or not show
    count = count or (COUNT if files else SHOWN)
    from multidigit.labels import slots_to_text
    from multidigit.settings import validate
    from multidigit.strips.labelled import check_new, write_labelled
    from multidigit.strips.stream import StripStream

    settings = validate(options.given(values, config, assignments))
    strips = StripStream(settings).fixed(split, count)  # type: ignore[arg-type]
    captions = [slots_to_text(slots) for slots in strips.slots]
    folder = out or (None if sheet or show else Path("strips"))
    written: dict[str, Any] = {"count": count, "folder": str(folder) if folder else None, "sheet": None}
    if folder:
        check_new(folder)
    # The folder last: where the sheet cannot be written, the same command may be given again.
    if sheet:
        from multidigit.files import write_bytes
        from multidigit.show.sheet import contact_sheet

        write_bytes(sheet, contact_sheet(strips.images, captions))
        written["sheet"] = str(sheet)
    if folder:
        with counting("writing", count) as step:
            write_labelled(folder, strips, step)
    if show:
        from rich.console import Console

        from multidigit.show import blocks

        shown = blocks.show(strips.images, captions, Console())
        if shown < count:
            note(f"{shown} of {count:,} strips are shown: as many as fit")
    if as_json:
        print_json(written)
    elif files:
        places = [f"{folder}/labels.csv and its pictures" if folder else "", f"{sheet}" if sheet else ""]
        click.echo(f"{count:,} strips are in {' and '.join(place for place in places if place)}")
    return 0
