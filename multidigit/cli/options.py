"""Options that stand for settings, and the settings that they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from multidigit.settings import Settings, list_settings, nested, overlay, parse_assignments, read_yaml, validate

if TYPE_CHECKING:
    from multidigit.data.strips import OwnStrips

Command = TypeVar("Command", bound=Callable[..., Any])
_KINDS = {"a whole number": int, "a number": float}

set_option = click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any other setting, as in --set train.batch_size=64; may be repeated. `multidigit settings` lists them.",
)
config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Settings from a YAML file; options take precedence.",
)


def setting(key: str, metavar: str | None = None, default: object = None) -> Callable[[Command], Command]:
    """An option that stands for a setting, with its meaning and its default or ``default``; unset, it is ``None``."""
    (listed,) = list_settings(key)
    name = key.removesuffix(".name").rpartition(".")[2]
    kind = next((kind for noun, kind in _KINDS.items() if listed.rule.startswith(noun)), str)
    # Where the meaning quotes the names that may be given, they are not listed again.
    help_ = f"{listed.meaning[:-1]}: {listed.rule}." if kind is str and "`" not in listed.meaning else listed.meaning
    shown = listed.default if default is None else default
    if shown is not None:
        help_ += f"  [default: {shown}]"
    parameter = key.replace(".", "__")
    return click.option(f"--{name}", parameter, type=kind, default=None, metavar=metavar, help=help_)


strategy_option = setting("strategy", "NAME")
slots_option = setting("slots", "N")
layout_option = setting("layout.name", "LAYOUT")
digits_option = setting("digits", "SOURCE")
backbone_option = setting("backbone.name", "NAME")
seed_option = setting("seed")
deterministic_option = click.option(
    "--deterministic",
    "train__deterministic",
    is_flag=True,
    default=None,
    help="Train on one processor, so that the same settings give the same weights on this machine, bit for bit, "
    "however many runs are done at once. Budgets in minutes do not go with it.",
)
data_option = click.option(
    "--data",
    "data__path",
    metavar="PATH",
    help="Your own labelled pictures: a table of image_path,text, or a folder. They are trained on beside generated "
    "strips, and measured by.",
)


def budget_options(**defaults: int | str) -> Callable[[Command], Command]:
    """--epochs, --strips and --minutes; ``defaults`` names what a command replaces the settings' own defaults with."""

    def decorate(command: Command) -> Command:
        for name in ("minutes", "strips", "epochs"):
            command = setting(f"train.{name}", default=defaults.get(name))(command)
        return command

    return decorate


def given(values: dict[str, Any], config: Path | None, assignments: tuple[str, ...]) -> dict[str, Any]:
    """What the user set: the file, then options by settings key (``None`` is unset), then ``--set``.

    Raises:
        SettingsError: an unknown key, a wrong type or a value out of range in the file; ``--set`` without a value.
    """
    data: dict[str, Any] = {}
    if config:
        data, lines = read_yaml(config)
        validate(data, str(config), lines)
    for key, value in values.items():
        if value is not None:
            data = overlay(data, nested(key.replace("__", "."), value))
    return overlay(data, parse_assignments(assignments))


def load_pictures(settings: Settings) -> OwnStrips:
    """Read the user's own pictures that the settings name, with progress; tells what is left out."""
    from multidigit.cli.progress import counting, note
    from multidigit.data.strips import load_own
    from multidigit.digits import SPLITS

    assert settings.data
    own = load_own(settings.data, settings.slots, settings.seed, counting)
    parts = ", ".join(f"{len(own.paths(split)):,} for {split}" for split in SPLITS)
    note(f"{settings.data.path}: {parts}")
    tell_left_out(own.left_out)
    for error in own.skipped[:3]:
        note(f"left out: {error}")
    if len(own.skipped) > 3:
        note(f"left out: {len(own.skipped) - 3:,} more that cannot be read; see multidigit check {settings.data.path}")
    return own


def tell_left_out(signs: Mapping[str, int]) -> None:
    """Say which characters of labels are no digits, and do not count."""
    from multidigit.cli.progress import note

    if signs:
        counts = ", ".join(f"{sign} {count:,}" for sign, count in sorted(signs.items()))
        note(f"left out of labels, which are to be digits: {counts}")
