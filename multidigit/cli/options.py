"""Options that stand for settings, and the settings that they make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from multidigit.registry import BACKBONES, STRATEGIES
from multidigit.settings import LAYOUTS, Settings, nested, overlay, parse_assignments, read_yaml, validate

Command = TypeVar("Command", bound=Callable[..., Any])

DEFAULTS = Settings()

set_option = click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any other setting, as in --set train.batch_size=64; may be repeated.",
)


def setting(
    name: str, key: str, help_: str, default: object, kind: Any = None, metavar: str | None = None
) -> Callable[[Command], Command]:
    """An option that stands for the settings key ``key``; unset, the settings' own default holds."""
    help_ = f"{help_}  [default: {default}]"
    return click.option(name, key.replace(".", "__"), type=kind, default=None, metavar=metavar, help=help_)


digits_option = setting(
    "--digits",
    "digits",
    "Digit source: drawn, printed, mnist, or the path of MNIST files.",
    DEFAULTS.digits,
    str,
    "SOURCE",
)
strategy_option = setting("--strategy", "strategy", f"One of {', '.join(STRATEGIES)}.", DEFAULTS.strategy, str, "NAME")
seed_option = setting("--seed", "seed", "Decides every random choice.", DEFAULTS.seed, int)
layout_option = setting("--layout", "layout", f"One of {', '.join(LAYOUTS)}.", DEFAULTS.layout.name, str, "LAYOUT")
backbone_option = setting(
    "--backbone",
    "backbone",
    f"Network below the strategy: one of {', '.join(BACKBONES)}.",
    DEFAULTS.backbone.name,
    str,
    "NAME",
)


def budget_options(command: Command) -> Command:
    """--epochs, --strips, --minutes."""
    train = DEFAULTS.train
    for option in (
        setting("--minutes", "train.minutes", "Train for so long; the schedule fits itself.", "no limit", float),
        setting("--strips", "train.strips", "Fresh training strips in an epoch.", train.strips, int),
        setting("--epochs", "train.epochs", "Passes, each followed by a validation.", train.epochs, int),
    ):
        command = option(command)
    return command


config_option = click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings from a YAML file; options go before it."
)


def given(values: dict[str, Any], config: Path | None, assignments: tuple[str, ...]) -> dict[str, Any]:
    """What the user set: the file, then options by settings key (``None`` is unset), then ``--set``.

    Raises:
        SettingsError: an unknown key, a wrong type or a value out of range in any of them.
    """
    data: dict[str, Any] = {}
    if config:
        data, lines = read_yaml(config)
        validate(data, str(config), lines)
    for key, value in values.items():
        if value is not None:
            data = overlay(data, nested(key.replace("__", "."), value))
    return overlay(data, parse_assignments(assignments))
