"""``multidigit predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from multidigit.cli.flags import json_option, run_option
from multidigit.cli.progress import counting, note


@click.command(epilog="Example: multidigit predict photos/ --csv numbers.csv")
@click.argument("pictures", nargs=-1, required=True, metavar="PICTURE...")
@run_option
@click.option(
    "--csv", "table", type=click.Path(path_type=Path), metavar="FILE", help="Write image_path,text,confidence."
)
@json_option
def predict(pictures: tuple[str, ...], run: str | None, table: Path | None, as_json: bool) -> int:
    """Read numbers in pictures.

    PICTURE is a picture file or a folder of them. Each number is printed with its confidence; a picture that cannot be
    read is reported and the others are still read.
    """
    from multidigit.errors import MultidigitError
    from multidigit.pictures import picture_files
    from multidigit.reader import Reader

    reader = Reader(run)
    note(f"reading with {reader.run.described}")
    found: list[dict[str, Any]] = []
    failed = 0
    files: list[Path] = []
    for picture in pictures:
        try:
            files.extend(picture_files([picture]))
        except MultidigitError as error:
            note(f"multidigit: {error}")
            failed += 1
    with counting("reading", len(files)) as step:
        for path, reading in reader.read_all(files):
            step()
            if isinstance(reading, Exception):
                note(f"multidigit: {reading}")
                failed += 1
                continue
            found.append({"image_path": str(path), "text": reading.text, "confidence": round(reading.confidence, 4)})
            if not as_json:
                click.echo(f"{path}: {reading.text or 'no digits found'} (confidence {reading.confidence:.3f})")
            else:
                found[-1]["digits"] = [round(digit, 4) for digit in reading.digits]
    if as_json:
        from multidigit.cli.output import print_json

        print_json({"run": str(reader.run.path), "readings": found})
    if table:
        import csv
        import io

        from multidigit.files import write_text

        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, ["image_path", "text", "confidence"], extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
        write_text(table, text.getvalue())
    if failed:
        note(f"multidigit: {failed} of {failed + len(found)} could not be read")
    return 1 if failed else 0
