"""``multidigit upgrade``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from multidigit.cli.flags import json_option
from multidigit.cli.output import print_json
from multidigit.cli.progress import note

DONE, STANDS = "converted", "of today's format already"


@click.command(epilog="Example: multidigit upgrade runs/compare")
@click.argument("paths", metavar="RUN...", nargs=-1, required=True)
@json_option
def upgrade(paths: tuple[str, ...], as_json: bool) -> int:
    """Convert runs of older versions to today's format.

    RUN is a run's name or folder, or a folder of runs: that of a comparison or an experiment, whose results and report
    are then written anew, or all of runs/. Nothing is trained, and networks stay as they are. A run is exchanged when
    its new folder is complete; what is of today's format is left alone. The exit code is 1 where something could not
    be converted.
    """
    from multidigit.runs import HOME, recover
    from multidigit.upgrade import upgrade as upgrade_all

    found = []
    for name in paths:
        # A conversion that was killed may have put it aside.
        recover(HOME / name)
        path = HOME / name if (HOME / name).is_dir() else Path(name)
        for each in upgrade_all(path):
            found.append(each)
            if each.error:
                note(f"multidigit: {each.error}")
            elif not as_json:
                click.echo(f"{each.path}: {DONE if each.changes else STANDS}")
                for change in each.changes:
                    click.echo(f"  {change}")
    if as_json:
        print_json([{**asdict(each), "path": str(each.path)} for each in found])
    return 1 if any(each.error for each in found) else 0
