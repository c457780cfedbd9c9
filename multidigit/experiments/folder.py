"""An experiment's folder: what killed processes left in it, the runs in it."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path

from multidigit.errors import RunError
from multidigit.experiments.plan import Experiment, Planned
from multidigit.locks import PATIENCE
from multidigit.runs import ENVIRONMENT, Run, open_run
from multidigit.settings import to_yaml
from multidigit.strategies.base import resolve

_LEFT = re.compile(r"\.(?P<name>.+)\.(?P<kind>partial|old)-(?P<process>\d+)")


def tidy(out: Path) -> None:
    """Put complete runs that ended processes left aside into their places, and remove everything else of theirs."""
    left = [(path, found) for path in out.glob(".*") if (found := _LEFT.fullmatch(path.name))]
    waited = time.monotonic()
    # A process that was just killed releases the lock a moment before it ends.
    while any(_alive(int(found["process"])) for _, found in left) and time.monotonic() - waited < PATIENCE:
        time.sleep(0.05)
    # A complete new run comes before the interrupted one that it was to replace.
    for path, found in sorted(left, key=lambda pair: pair[1]["kind"], reverse=True):
        if _alive(int(found["process"])):
            continue
        place = out / found["name"]
        # A run folder's environment is written last.
        if (path / ENVIRONMENT).is_file() and not place.exists():
            with suppress(RunError, OSError):
                open_run(path)
                path.rename(place)
        shutil.rmtree(path, ignore_errors=True)
        with suppress(OSError):
            path.unlink()


def _alive(process: int) -> bool:
    """Whether another process of this number runs."""
    if process == os.getpid():
        return False
    if sys.platform == "win32":
        # Signal 0 would end it there.
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


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
