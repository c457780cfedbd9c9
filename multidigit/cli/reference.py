"""The command reference: every command's own help in one Markdown page. ``make commands`` writes it."""

from __future__ import annotations

from pathlib import Path

import click

from multidigit.cli import COMMANDS, cli
from multidigit.files import write_text

PAGE = Path(__file__).parents[1] / "COMMANDS.md"
WIDTH = 100
"""Columns of the help texts, whatever the terminal."""


def render_reference() -> str:
    """The page as Markdown, the same on every machine."""
    above = click.Context(cli, info_name="multidigit", terminal_width=WIDTH, **cli.context_settings)
    parts = ["# Commands\n\nGenerated from the commands' own `--help` by `make commands`; edits belong there.\n"]
    parts.append(_section("multidigit", above, cli))
    for name in COMMANDS:
        command = cli.get_command(above, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=above, terminal_width=WIDTH)
        parts.append(_section(f"multidigit {name}", context, command))
    return "\n".join(parts)


def _section(title: str, context: click.Context, command: click.Command) -> str:
    return f"## {title}\n\n```\n{command.get_help(context)}\n```\n"


if __name__ == "__main__":
    write_text(PAGE, render_reference())
