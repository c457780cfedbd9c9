"""Trains one contender for some minutes on MNIST: its curve, test accuracy, speed and memory, kept as a row.

A row that is there already is not measured again.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import common

from multidigit.cli.progress import note
from multidigit.registry import BACKBONES, STRATEGIES
from multidigit.report.tables import markdown_table
from multidigit.runs import environment, read_json
from multidigit.settings import LAYOUTS, Settings, overlay, parse_assignments, validate

SHORT_MINUTES = 2.0
SHORT_LOOK, LOOK = (4_000, 500), (10_000, 1_000)
"""Training strips from one look at the validation strips to the next, and how many those are, of short and of long
trainings. Reading a strip costs about a third of training on it, so that looking takes some 4 % of the time."""


def contender(asked: Mapping[str, Any]) -> str:
    """The name of what is asked for: ``heads``, ``baseline heads``, ``cut (ink)``, ``heads (train.batch_size=32)``.

    Args:
        asked: the settings that set it apart, short forms allowed; those that all contenders share left out.
    """
    name = validate(asked).strategy_name
    rest = overlay({"backbone": "compact"}, asked)
    rest.pop(rest.pop("strategy", "heads"), None)
    backbone = rest["backbone"].pop("name")
    details = ", ".join(f"{key}={value}" for key, value in _flat(rest).items())
    name = name if backbone == "compact" else f"{backbone} {name}"
    return f"{name} ({details})" if details else name


def _flat(data: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in data.items():
        flat |= _flat(value, f"{above}{key}.") if isinstance(value, Mapping) else {f"{above}{key}": value}
    return flat


def asked_for(strategy: str, backbone: str, assignments: Sequence[str] = ()) -> dict[str, Any]:
    """What sets a contender apart, from how it is written on the command line."""
    return overlay({"strategy": strategy, "backbone": {"name": backbone}}, parse_assignments(assignments))


def settings_of(asked: Mapping[str, Any], options: argparse.Namespace) -> Settings:
    """The settings that a contender is trained with, by the options that ``budget_options`` adds.

    Raises:
        SettingsError: it cannot be trained as asked.
    """
    minutes = options.minutes
    strips, looked_at = SHORT_LOOK if minutes <= SHORT_MINUTES else LOOK
    shared = {
        "digits": str(options.mnist),
        "layout": options.layout,
        "seed": options.seed,
        "train": {"minutes": minutes, "strips": strips},
        "evaluation": {"validation_strips": looked_at, "test_strips": options.test_strips},
    }
    return validate(overlay(shared, asked))


def trained_row(asked: Mapping[str, Any], settings: Settings) -> common.Row:
    """Train a contender and test it; to be called in a process that has done nothing else, for its memory's sake."""
    minutes = settings.train.minutes
    with tempfile.TemporaryDirectory() as name:
        run = common.trained(settings, Path(name) / contender(asked).replace(" ", "-"))
        training, test = run.metrics["training"], run.metrics["test"]
        return {
            "contender": contender(asked),
            "layout": settings.layout.name,
            "strategy": settings.strategy,
            "backbone": settings.backbone.name,
            "options": dict(settings.options(settings.strategy)),
            "minutes": minutes,
            "seed": settings.seed,
            "settings": shareable(run.settings),
            "training": {key: training[key] for key in common.Trained.__annotations__},  # type: ignore[typeddict-item]
            "curve": [[row["seconds"], row["sequence_accuracy"]] for row in run.history],
            "test": {
                "sequence_accuracy": test["sequence_accuracy"],
                "interval": list(test["sequence_interval"]),
                "digit_accuracy": test["digit_accuracy"],
                "strips": test["strips"],
            },
            "peak_memory": common.peak_memory(),
            "environment": environment(),
        }


def shareable(settings: Settings) -> dict[str, Any]:
    """Settings without the folders of this machine: of a digit source that is a path the name alone is kept."""
    data = settings.model_dump(mode="json")
    return {**data, "digits": Path(settings.digits).name if isinstance(settings.digits, str) else data["digits"]}


def measured(folder: Path, asked: Mapping[str, Any], settings: Settings, *, again: bool = False) -> common.Row:
    """The row of a contender: the one that is there, or a new one, made in a process of its own."""
    path = common.row_path(folder, settings.layout.name, contender(asked), settings.train.minutes, settings.seed)
    if path.exists() and not again:
        note(f"{path.name}: is there already")
        return cast(common.Row, read_json(path))
    row = common.alone(trained_row, asked, settings)
    common.write_row(folder, row)
    return row


def budget_options(parser: argparse.ArgumentParser, *, minutes: float, test_strips: int) -> None:
    """What every training of a contender is given."""
    parser.add_argument("--layout", choices=LAYOUTS, default="structured", help="how digits stand in the strips")
    parser.add_argument("--minutes", type=float, default=minutes, help="length of a training")
    parser.add_argument("--seed", type=int, default=0, help="decides every random choice")
    parser.add_argument("--test-strips", type=int, default=test_strips, metavar="N", help="strips to test on")
    parser.add_argument("--again", action="store_true", help="measure even what is there")
    common.mnist_option(parser)


def table(rows: Sequence[common.Row]) -> str:
    """Single rows as a Markdown table, as they came."""
    heads = ["contender", "layout", "seed", "numbers right", "95 % interval", "digits right", "trains at", "memory"]
    cells = [
        [
            row["contender"],
            row["layout"],
            f"{row['seed']}",
            f"{row['test']['sequence_accuracy']:.2%}",
            "{:.2%} – {:.2%}".format(*row["test"]["interval"]),
            f"{row['test']['digit_accuracy']:.2%}",
            f"{row['training']['strips_per_second']:,.0f}/s" if row["training"] else "–",
            common.megabytes(row["peak_memory"]),
        ]
        for row in rows
    ]
    return markdown_table(heads, cells)


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--strategy", choices=list(STRATEGIES), default="heads", help="how the network reads")
    parser.add_argument("--backbone", choices=list(BACKBONES), default="compact", help="network below the strategy")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any other setting")
    budget_options(parser, minutes=10, test_strips=common.TEST_STRIPS)
    options = parser.parse_args()
    common.check_mnist(options.mnist)
    asked = asked_for(options.strategy, options.backbone, options.set)
    print(table([measured(options.out, asked, settings_of(asked, options), again=options.again)]))


if __name__ == "__main__":
    common.run(main)
