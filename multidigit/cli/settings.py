"""``multidigit settings``."""

from __future__ import annotations

from typing import Any

import click

from multidigit.cli.flags import json_option
from multidigit.cli.output import print_json


@click.command(epilog="Example: multidigit settings layout")
@click.argument("key", required=False, default="")
@json_option
def settings(key: str, as_json: bool) -> int:
    """List the settings with their meaning, what they accept and their default.

    KEY is a setting, as layout.gap, or a section of them, as layout, train or effects.blur. Any of them may stand in a
    YAML file for --config or follow --set.
    """
    from dataclasses import asdict

    from multidigit.settings import list_settings

    found = list_settings(key)
    if as_json:
        print_json([asdict(each) for each in found])
        return 0
    for each in found:
        default = "(must be given)" if each.required else f"= {_as_yaml(each.default)}"
        click.echo(f"{each.key} {default}" if each.rule else f"{each.key}:")
        text = f"{each.meaning} Accepts {each.rule}." if each.rule else each.meaning
        click.echo(click.wrap_text(text, 100, "    ", "    "))
    return 0


def _as_yaml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_as_yaml, value))}]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return f"{value:.4g}" if isinstance(value, float) else str(value)
