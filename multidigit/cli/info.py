"""``multidigit info``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from multidigit.cli.flags import json_option
from multidigit.cli.output import print_json, print_table, say


@click.command(epilog="Example: multidigit info --json")
@json_option
def info(as_json: bool) -> int:
    """Show what is installed, which runs exist and which digit sources can be reached."""
    from multidigit.digits import SOURCES
    from multidigit.digits.mnist import keras_copy_path
    from multidigit.registry import BACKBONES, STRATEGIES
    from multidigit.runs import HOME, SHIPPED, environment, find_runs

    sources = dict.fromkeys(SOURCES, "built in")
    mnist = keras_copy_path()
    sources["mnist"] = f"in {mnist}" if mnist.exists() else "downloaded on first use"
    runs = [_run(path) for path in ([SHIPPED] if SHIPPED.is_dir() else []) + find_runs()]
    about = {
        **environment(),
        "strategies": list(STRATEGIES),
        "backbones": list(BACKBONES),
        "digit_sources": sources,
        "runs_folder": str(HOME),
        "runs": runs,
    }
    if as_json:
        print_json(about)
        return 0
    listed = "; ".join(f"{name}: {how}" for name, how in sources.items())
    for name, text in (
        (
            "multidigit",
            f"{about['multidigit']}, Python {about['python']}, {about['system']}, {about['processors']} processors",
        ),
        ("packages", ", ".join(f"{name} {version or 'missing'}" for name, version in about["packages"].items())),
        ("strategies", ", ".join(about["strategies"])),
        ("backbones", ", ".join(about["backbones"])),
        ("digit sources", f"{listed}; or the path of MNIST files"),
    ):
        say(f"{name + ':':<15}{text}")
    if not runs:
        click.echo(f"runs:          none in {HOME}/; train one with `multidigit train`")
        return 0
    cells = [
        [
            run["run"],
            run["what"],
            "" if run["sequence_accuracy"] is None else f"{run['sequence_accuracy']:.2%}",
            run["created"][:16].replace("T", " "),
            run["state"],
        ]
        for run in runs
    ]
    print_table(["run", "what", "numbers right", "created", "state"], cells)
    return 0


def _run(path: Path) -> dict[str, Any]:
    """What is shown of a run; of one that cannot be opened, the reason."""
    from multidigit.errors import MultidigitError
    from multidigit.runs import SHIPPED, open_run

    try:
        run = open_run(path)
        return {
            "run": run.name if path == SHIPPED else str(path),
            "what": run.kind,
            "created": run.created,
            "sequence_accuracy": run.metrics["test"]["sequence_accuracy"],
            "state": "interrupted" if run.interrupted else "finished",
        }
    except MultidigitError as error:
        return {"run": str(path), "what": "", "created": "", "sequence_accuracy": None, "state": str(error)}
