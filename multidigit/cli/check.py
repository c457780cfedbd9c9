"""``multidigit check``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from multidigit.cli.flags import json_option
from multidigit.cli.output import print_json, print_table, say
from multidigit.cli.progress import note
from multidigit.labels import MOST_SLOTS

if TYPE_CHECKING:
    from multidigit.data.check import Checked

SHOWN = 20
"""Lines of each kind in the terminal, at most."""


@click.command(epilog="Example: multidigit check photographs/labels.csv --page check.html")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--slots", type=click.IntRange(1, MOST_SLOTS), default=MOST_SLOTS, show_default=True, help="The most digits."
)
@click.option("--group", metavar="REGEX", help="What it finds in a path belongs together: a device, a writer.")
@click.option("--strict", is_flag=True, help="Labels must be digits alone.")
@click.option("--page", type=click.Path(path_type=Path), metavar="FILE", help="Write a page of the doubtful pictures.")
@click.option("--run", metavar="RUN", default="shipped", show_default=True, help="The run that reads the pictures.")
@json_option
def check(path: Path, slots: int, group: str | None, strict: bool, page: Path | None, run: str, as_json: bool) -> int:
    """Look through labelled pictures before training on them.

    PATH is a table of image_path,text (.csv or .jsonl), a folder with such a labels.csv, a folder of pictures that are
    called 12345_anything.png or lie in folders called 12345, or an export of boxes in COCO's or YOLO's format. The exit
    code is 1 where something must be fixed first.
    """
    from multidigit.cli.progress import counting
    from multidigit.data.check import check as check_pictures

    found = check_pictures(path, slots, strict=strict, group=group, run=run, counting=counting)
    if page:
        from multidigit.report.check import write_page

        write_page(page, found, path)
    if as_json:
        print_json(_as_json(found))
    else:
        _print(found)
        if page:
            say(f"The doubtful pictures are in {page}")
    return 1 if found.must_fix else 0


def _print(found: Checked) -> None:
    lines = [
        ["pictures", f"{found.pictures:,}"],
        ["for", ", ".join(f"{part} {count:,}" for part, count in found.parts.items())],
        ["digits of a number", ", ".join(f"{length}: {count:,}" for length, count in found.lengths.items())],
        ["width", f"{found.widths[0]:,} to {found.widths[2]:,}, median {found.widths[1]:,}"],
        ["height", f"{found.heights[0]:,} to {found.heights[2]:,}, median {found.heights[1]:,}"],
        ["read as labelled", f"{found.agreed:,} ({found.agreed / max(found.pictures, 1):.1%})"],
        ["near duplicates", f"{len(found.duplicates):,}"],
    ]
    if found.left_out:
        signs = ", ".join(f"{sign} {count:,}" for sign, count in sorted(found.left_out.items()))
        lines.append(["left out of labels", signs])
    print_table(["", ""], lines)
    slots = [[str(slot), *(f"{count:,}" for count in counts)] for slot, counts in enumerate(found.classes, 1)]
    print_table(["slot", *"0123456789"], slots, words=1)
    if found.doubts:
        click.echo("Doubtful labels, the most doubtful first:")
        cells = [
            [str(each.labelled.path), each.labelled.text or "none", each.read, f"{each.confidence:.3f}"]
            for each in found.doubts[:SHOWN]
        ]
        print_table(["picture", "label", "read", "confidence"], cells, words=3)
        _more(len(found.doubts))
    if found.unlike:
        click.echo("Unlike the others:")
        for picture, name in found.unlike[:SHOWN]:
            say(f"  {picture}: {name}")
        _more(len(found.unlike))
    must: Sequence[str] = found.must_fix
    if must:
        click.echo("To be fixed before training:")
        for line in must[:SHOWN]:
            say(f"  {line}")
        _more(len(must))
        note(f"multidigit: {len(must):,} thing{'s' if len(must) > 1 else ''} must be fixed before training")


def _more(count: int) -> None:
    if count > SHOWN:
        click.echo(f"  and {count - SHOWN:,} more; see --json")


def _as_json(found: Checked) -> dict[str, object]:
    return {
        "pictures": found.pictures,
        "parts": found.parts,
        "lengths": found.lengths,
        "classes": found.classes,
        "widths": found.widths,
        "heights": found.heights,
        "left_out": found.left_out,
        "read_as_labelled": found.agreed,
        "must_fix": found.must_fix,
        "near_duplicates": [[str(one), str(two)] for one, two in found.duplicates],
        "doubts": [
            {
                "image_path": str(each.labelled.path),
                "text": each.labelled.text,
                "read": each.read,
                "confidence": each.confidence,
                "doubt": each.doubt,
            }
            for each in found.doubts
        ],
        "unlike": [{"image_path": str(picture), "in": name} for picture, name in found.unlike],
    }
