"""``multidigit info``."""

from __future__ import annotations

import click

from multidigit.cli.flags import json_option
from multidigit.cli.output import print_json, print_table


@click.command(epilog="Example: multidigit info --json")
@json_option
def info(as_json: bool) -> int:
    """Show what is installed, which runs exist and which digit sources can be reached."""
    from multidigit.digits import SOURCES
    from multidigit.digits.mnist import keras_copy_path
    from multidigit.errors import MultidigitError
    from multidigit.registry import BACKBONES, STRATEGIES
    from multidigit.runs import HOME, SHIPPED, environment, find_runs, open_run

    runs = []
    for path in [*([SHIPPED] if SHIPPED.is_dir() else []), *find_runs()]:
        try:
            run = open_run(path)
            test = run.metrics["test"]
            state = "interrupted" if run.interrupted else "finished"
            runs.append(
                {
                    "run": run.name if path == SHIPPED else str(path),
                    "what": run.kind,
                    "created": run.created,
                    "sequence_accuracy": test["sequence_accuracy"],
                    "state": state,
                }
            )
        except MultidigitError as error:
            runs.append({"run": str(path), "what": "", "created": "", "sequence_accuracy": None, "state": str(error)})
    mnist = keras_copy_path()
    reached = {
        name: f"in {mnist}"
        if name == "mnist" and mnist.exists()
        else "will be downloaded when asked for"
        if name == "mnist"
        else "built in"
        for name in SOURCES
    }
    about = {
        **environment(),
        "strategies": list(STRATEGIES),
        "backbones": list(BACKBONES),
        "digit_sources": reached,
        "runs_folder": str(HOME),
        "runs": runs,
    }
    if as_json:
        print_json(about)
        return 0
    packages = ", ".join(f"{name} {version or 'missing'}" for name, version in about["packages"].items())
    lines = [
        [
            "multidigit",
            f"{about['multidigit']}, Python {about['python']}, {about['system']}, {about['processors']} processors",
        ],
        ["packages", packages],
        ["strategies", ", ".join(about["strategies"])],
        ["backbones", ", ".join(about["backbones"])],
        [
            "digit sources",
            "; ".join(f"{name}: {how}" for name, how in reached.items()) + "; or the path of MNIST files",
        ],
    ]
    for name, text in lines:
        click.echo(f"{name + ':':<15}{text}")
    if not runs:
        click.echo(f"runs:          none in {HOME}/; train one with `multidigit train`")
        return 0
    print_table(
        ["run", "what", "numbers right", "created", "state"],
        [
            [
                r["run"],
                r["what"],
                "" if r["sequence_accuracy"] is None else f"{r['sequence_accuracy']:.2%}",
                r["created"][:16].replace("T", " "),
                r["state"],
            ]
            for r in runs
        ],
    )
    return 0
