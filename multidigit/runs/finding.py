"""Runs by name, the newest, and where the next one may stand."""

from __future__ import annotations

import os
import time
from pathlib import Path

from multidigit.errors import RunError
from multidigit.files import holds
from multidigit.formats import todays_results
from multidigit.runs.folder import Run, open_run, read_json
from multidigit.runs.parts import ENVIRONMENT, HOME, RESULTS, SHIPPED


def find_runs(home: Path = HOME) -> list[Path]:
    """Folders below ``home`` that look like runs, the newest last. Those of comparisons and experiments count too."""
    if not home.is_dir():
        return []
    below = [inner for folder in _folders(home) for inner in (folder, *_folders(folder))]
    found = [folder for folder in below if holds((folder / ENVIRONMENT).is_file)]
    return sorted(found, key=lambda folder: (_created(folder), folder.name))


def _folders(home: Path) -> list[Path]:
    """Those in a folder that are not hidden; not ``glob``, which fails where one is removed meanwhile."""
    try:
        with os.scandir(home) as entries:
            return [home / entry.name for entry in entries if not entry.name.startswith(".") and holds(entry.is_dir)]
    except OSError:
        return []


def _created(folder: Path) -> str:
    try:
        return str(read_json(folder / ENVIRONMENT).get("created", ""))
    except RunError:
        return ""


def pick_run(name: str | None = None, home: Path = HOME) -> Run:
    """The run to read with: by name or folder, or the newest, or the one that comes with the package.

    ``latest`` as well as ``None`` asks for the newest, ``shipped`` for the package's own. A comparison's folder stands
    for the comparison's winner, and so does the newest run where it belongs to a comparison.
    """
    if name == "shipped":
        return open_run(SHIPPED)
    if name is None or name == "latest":
        found = find_runs(home)
        return open_run(_winner(found[-1]) if found else SHIPPED)
    # A name below runs/ takes precedence over a folder of the same name elsewhere.
    path = home / name if (home / name).is_dir() else Path(name)
    inside = [run for run in find_runs(path.parent) if run.parent == path]
    return open_run(_winner(inside[-1]) if inside else path)


def _winner(folder: Path) -> Path:
    """The winner of the comparison that a run belongs to, or the run itself."""
    try:
        results = todays_results(read_json(folder.parent / RESULTS))
    except RunError:
        return folder
    # It may have been deleted since; and it stands beside the others, not elsewhere.
    named = results.get("winner")
    winner = folder.parent / str(named)
    return winner if winner.name == named and holds((winner / ENVIRONMENT).is_file) else folder


def new_folder(stem: str, home: Path = HOME) -> Path:
    """A folder below ``home`` that does not exist yet, named after what it holds and the time."""
    return free_path(home / f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}")


def free_path(path: Path) -> Path:
    """The path, or where it is taken the first of path-2, path-3 and so on that is not."""
    found, number = path, 2
    while found.exists():
        found, number = path.with_name(f"{path.name}-{number}"), number + 1
    return found
