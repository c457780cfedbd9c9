"""``multidigit train``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from multidigit.cli import options
from multidigit.cli.flags import json_option
from multidigit.cli.output import print_json
from multidigit.cli.progress import Trainings, note

NOTABLE = 0.1
"""Share of training time spent waiting for strips from which it is mentioned."""


@click.command(epilog="Example: multidigit train --strategy heads --layout structured --minutes 3")
@options.strategy_option
@options.slots_option
@options.layout_option
@options.digits_option
@options.backbone_option
@options.budget_options()
@options.setting("train.patience")
@options.setting("train.until")
@options.seed_option
@options.deterministic_option
@options.setting("train.devices", "WHICH")
@options.data_option
@options.setting("train.start", "RUN")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Run folder.  [default: runs/NAME-TIME]")
@options.config_option
@options.set_option
@click.option("--tensorboard", type=click.Path(path_type=Path), metavar="DIR", help="Write TensorBoard logs there.")
@click.option("--resume", metavar="RUN", help="Continue an interrupted run.")
@json_option
def train(
    out: Path | None,
    config: Path | None,
    assignments: tuple[str, ...],
    tensorboard: Path | None,
    resume: str | None,
    as_json: bool,
    **values: Any,
) -> int:
    """Train one network with one strategy.

    The best network by validation sequence accuracy is kept in a run folder, which `predict`, `evaluate` and `export`
    read. Ctrl-C keeps what is trained so far; after a kill the same command goes on.

    Several processes or machines train one network where TF_CONFIG describes them, as TensorFlow's do: each is given
    this command, and the first writes the run.
    """
    from multidigit.experiments import row
    from multidigit.runs import new_folder, pick_run
    from multidigit.settings import validate
    from multidigit.strategies.base import resolve
    from multidigit.training.checkpoints import unfinished
    from multidigit.training.start import settings_from
    from multidigit.training.workers import cluster_in

    old = pick_run(resume) if resume else None
    if old and (assignments or config or out or any(value is not None for value in values.values())):
        raise click.UsageError("--resume uses the settings of the run; give it alone, or with --tensorboard")
    settings = old.settings if old else validate(settings_from(options.given(values, config, assignments)))

    from multidigit.training import assist
    from multidigit.training import train as train_run

    cluster = cluster_in()
    if settings.data:
        options.load_pictures(settings)
    name = f"{settings.strategy}-{settings.layout.name}"
    if cluster and not cluster.chief:
        assist(settings, cluster)
        note(f"trained together with {cluster.named(0)}, which writes the run")
        return 0
    killed = None if old or out else unfinished(resolve(settings))
    if killed:
        note(f"goes on with {killed}, a training of the same settings that was killed")
    folder = old.path if old else out or killed or new_folder(name)
    with Trainings() as shown, shown.show(name) as listen:
        run = train_run(settings, folder, listen=listen, tensorboard=tensorboard, resume=old, cluster=cluster)
    result = row(run)
    if as_json:
        print_json({**result, "folder": str(run.path), "finished": not run.interrupted})
    else:
        click.echo(
            f"{result['strategy']} on {result['layout']} strips, {result['training_strips']:,} seen in "
            f"{result['training_seconds']:.0f} s: {result['sequence_accuracy']:.2%} of {result['test_strips']:,} test "
            f"numbers right ({result['sequence_low']:.2%} to {result['sequence_high']:.2%}), "
            f"{result['digit_accuracy']:.2%} of the digits.\nThe run is in {run.path}"
        )
    waiting = run.metrics["training"].get("waiting", 0.0)
    if waiting >= NOTABLE:
        note(f"training waited for strips in {waiting:.0%} of its time: this machine's processors make them too slowly")
    if run.interrupted:
        note(f"interrupted; to continue: multidigit train --resume {run.path}")
        return 130
    if "diverged" in run.metrics["training"]:
        return 1  # it was shown as a warning
    until, reached = run.settings.train.until, run.metrics["training"]["validation_sequence_accuracy"]
    if until and reached < until:
        note(f"--until {until:.2%} was not reached: {reached:.2%} of the validation numbers; train for more --minutes")
    if not as_json:
        click.echo("Read a picture with it: multidigit predict image.png")
    return 0
