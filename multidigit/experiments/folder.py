"""An experiment's folder: what killed processes left in it, the runs in it."""

from __future__ import annotations

import time
from pathlib import Path

from multidigit.errors import RunError
from multidigit.experiments.plan import Experiment, Planned
from multidigit.files import OLD, PARTIAL, standing_aside
from multidigit.locks import PATIENCE
from multidigit.runs import ENVIRONMENT, Run, open_run, recover
from multidigit.settings import to_yaml
from multidigit.strategies.base import resolve


def tidy(out: Path) -> None:
    """Put complete runs that ended processes left aside into their places, and remove everything else of theirs."""
    waited = time.monotonic()
    # A process that was just killed releases the lock a moment before it ends.
    while time.monotonic() - waited < PATIENCE and any(
        not aside.abandoned for kind in (PARTIAL, OLD) for aside in standing_aside(out / "*", kind)
    ):
        time.sleep(0.05)
    recover(out / "*")


def standing_runs(experiment: Experiment, out: Path) -> dict[str, Run]:
    """The planned runs that are in the folder already, interrupted ones included, by name.

    Raises:
        RunError: the folder is a file, or something with a planned run's name is no run, is damaged, or was trained
            with other settings.
        SettingsError: a planned run's settings do not go together.
    """
    check_folder(out)
    return {planned.name: run for planned in experiment.plan if (run := _standing(out / planned.name, planned))}


def check_folder(out: Path) -> None:
    """Refuse a file in place of the folder or above it."""
    for path in (out, *out.parents):
        if path.exists() and not path.is_dir():
            raise RunError(f"{path}: is a file, not a folder; name another folder with --out")


def _standing(path: Path, planned: Planned) -> Run | None:
    asked = resolve(planned.settings)
    if not (path / ENVIRONMENT).is_file():
        if path.exists():
            raise RunError(f"{path}: not a run folder; remove it or name another folder with --out")
        return None
    run = open_run(path)
    if to_yaml(asked) != to_yaml(run.settings):
        raise RunError(f"{path}: was trained with other settings; remove it or name another folder with --out")
    return run
