"""The command reference is current."""

from __future__ import annotations

from multidigit.cli import COMMANDS
from multidigit.cli.reference import PAGE, render_reference


def test_the_page_is_what_the_commands_help_says() -> None:
    assert PAGE.read_text("utf-8") == render_reference(), "write it again with: make commands"


def test_every_command_has_its_part() -> None:
    page = render_reference()
    assert all(f"\n## multidigit {name}\n" in page for name in COMMANDS)
