"""Programs of this package that run beside it and talk with it line by line over standard input and output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, BinaryIO


def start_module(
    module: str,
    *arguments: str,
    environment: Mapping[str, str],
    errors: IO[bytes] | int = subprocess.DEVNULL,
    keep_open: Sequence[int] = (),
    folder: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a module as a program that finds the same packages as this process, with pipes to and from it.

    Args:
        environment: variables beside those of this process, which they replace.
        errors: where its standard error goes.
        keep_open: file descriptors that it inherits (not on Windows).
        folder: its current folder; this process's where ``None``.
    """
    return subprocess.Popen(
        # -P: what lies in the current folder must not be imported in place of a module.
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        cwd=folder,
        pass_fds=() if sys.platform == "win32" else tuple(keep_open),
    )


def write_line(file: IO[bytes] | None, value: object) -> None:
    """Write a value as JSON on one line, in ASCII: line breaks, and bytes in names that are no text, are escaped.

    Nothing is raised where the other side has ended: that shows when its output is read.
    """
    assert file
    with suppress(OSError):
        file.write(json.dumps(value).encode("ascii") + b"\n")
        file.flush()


def own_output() -> BinaryIO:
    """Standard output for answers alone, in a program that was started so: what libraries print goes to standard error.

    Ctrl-C, which reaches all processes of a terminal, is ignored: the process that started this one ends it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers
