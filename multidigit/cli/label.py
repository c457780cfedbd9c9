"""``multidigit label``."""

from __future__ import annotations

import secrets
import webbrowser
from pathlib import Path

import click

from multidigit.cli.progress import note
from multidigit.errors import DataError, MultidigitError, PictureError


@click.command(epilog="Example: multidigit label photographs")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--run", metavar="RUN", default="shipped", show_default=True, help="The run whose readings are filled in."
)
@click.option("--port", type=click.IntRange(1, 65535), help="Where the page is on this machine.  [default: any free]")
@click.option("--open/--no-open", "opens", default=True, help="Open the page in a browser.")
def label(folder: Path, run: str, port: int | None, opens: bool) -> int:
    """Label the pictures of a folder on a page of this machine's own.

    What the reader reads is filled in: Enter accepts it. Pictures whose label helps most come first. Every answer is
    written to labels.jsonl in the folder at once, from which labelling goes on another time, and which check, train,
    compare and evaluate take. Ctrl-C ends it.
    """
    from multidigit.labelling.answers import Answers
    from multidigit.labelling.queue import Queue
    from multidigit.labelling.server import HOST, Server
    from multidigit.picture_files import walk
    from multidigit.reading.reader import Reader

    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of pictures; received no folder; name one")
    names = []
    for found in walk(folder):
        if isinstance(found, PictureError):
            raise found
        names.append(Path(found).relative_to(folder).as_posix())
    answers = Answers(folder)
    queue = Queue(folder, names, answers, Reader(run))
    try:
        server = Server(queue, port or 0, secrets.token_urlsafe(16))
    except OSError as error:
        raise MultidigitError(
            f"port {port} of {HOST} cannot be used ({error.strerror}); name another with --port, or leave it out"
        ) from None
    click.echo(f"{len(names):,} pictures, {len(answers.of):,} labelled. Open {server.address}")
    note("Ctrl-C ends it; every answer is on disk at once.")
    if opens:
        webbrowser.open(server.address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
    note(f"{len(answers.of):,} of {len(names):,} labelled, in {answers.path}")
    return 0
