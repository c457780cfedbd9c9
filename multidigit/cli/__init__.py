"""The command line: parse, call one function, print. No logic, and nothing heavy imported before it is needed."""

from __future__ import annotations

import errno
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from io import StringIO
from typing import NoReturn

import click

from multidigit.errors import MultidigitError, escaped, one_line
from multidigit.version import __version__

COMMANDS = {
    "train": "Train one network with one strategy.",
    "compare": "Train all strategies on the same strips and say which wins where.",
    "predict": "Read numbers in pictures.",
    "label": "Label the pictures of a folder on a page of this machine's own.",
    "check": "Look through labelled pictures before training on them.",
    "evaluate": "Measure how well a run reads.",
    "experiment": "Run a grid of trainings from a YAML file.",
    "render": "Print the complete settings of every run of an experiment.",
    "settings": "List the settings with their meaning, what they accept and their default.",
    "generate": "Write labelled strips as pictures.",
    "export": "Write a run's network as a file for other programs.",
    "upgrade": "Convert runs of older versions to today's format.",
    "info": "Show what is installed, which runs exist and which digit sources can be reached.",
}
"""Each command's help in one line: the list of commands is shown without importing any of them."""


_MACHINE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)
"""What the system may refuse at any time, even the question whether a file exists: no bug of ours."""


class _Commands(click.Group):
    """Commands that are imported when they are called: ``multidigit.cli.NAME`` holds the command ``NAME``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"multidigit.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: multidigit compare --quick",
)
@click.version_option(__version__, prog_name="multidigit")
def cli() -> None:
    """Read rows of digits in pictures three ways, and see which way wins.

    Strategies: heads (one softmax head for each digit), sigmoid (one vector of 11 sigmoid units for each digit), cut
    (one cell for each digit, one classifier for all cells).
    """


def _note(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    """Our own warnings are one line each; those of libraries are for developers, who see them in the tests."""
    if category.__module__.startswith("multidigit."):
        click.echo(one_line(f"multidigit: {message}"), err=True)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The program ``multidigit``."""
    run_command(cli, "multidigit", arguments)


def run_command(command: click.Command, name: str, arguments: Sequence[str] | None) -> NoReturn:
    """The one place where errors become exit codes: 0 done, 1 expected error, 2 usage, 70 our bug, 130 Ctrl-C."""
    warnings.showwarning = _note
    try:
        code = command.main(arguments, prog_name=name, standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        # It quotes what was typed, which may be a file's name that a shell put there.
        shown = StringIO()
        error.show(shown)
        click.echo("\n".join(map(escaped, shown.getvalue().rstrip("\n").split("\n"))), err=True)
        sys.exit(error.exit_code)
    except MultidigitError as error:
        click.echo(one_line(f"multidigit: {error}"), err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("multidigit: interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The program that reads our output has ended, as in `multidigit … | head`: nothing more can be printed.
        sys.stdout = None
        sys.exit(1)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _MACHINE:
            where = error.filename or "a file"
            text = f"multidigit: {where}: {error.strerror}; correct that or name another path"
            click.echo(one_line(text), err=True)
            sys.exit(1)
        import traceback

        traceback.print_exc()
        click.echo(
            f"multidigit {__version__}: this is a bug in multidigit. Please report it, with the lines above and the "
            "command you typed, where you got multidigit from.",
            err=True,
        )
        sys.exit(70)
