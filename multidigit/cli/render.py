"""``multidigit render``."""

from __future__ import annotations

from pathlib import Path

import click

from multidigit.cli import options
from multidigit.cli.flags import json_option
from multidigit.cli.output import print_json


@click.command(epilog="Example: multidigit render experiments/quick.yaml")
@click.argument("file", type=click.Path(path_type=Path))
@options.set_option
@json_option
def render(file: Path, assignments: tuple[str, ...], as_json: bool) -> int:
    """Print the complete settings of every run of an experiment.

    Every default is written out and what the backbone recommends is filled in. Each document is a file of settings as
    `train --config` takes it.
    """
    from multidigit.experiments import read_experiment
    from multidigit.settings import to_yaml
    from multidigit.strategies.base import resolve

    plan = read_experiment(file, assignments).plan
    resolved = {planned.name: resolve(planned.settings) for planned in plan}
    if as_json:
        print_json({name: settings.model_dump(mode="json") for name, settings in resolved.items()})
    else:
        click.echo("".join(f"---\n# {name}\n{to_yaml(settings)}" for name, settings in resolved.items()), nl=False)
    return 0
