"""A run folder, read: its parts are checked when it is opened, and come from one run, whatever happens meanwhile."""

from __future__ import annotations

import csv
import hashlib
import io
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from numpy.typing import NDArray

from multidigit import disk
from multidigit.errors import RunError, reason
from multidigit.files import OLD, PARTIAL, holds, remove, standing_aside
from multidigit.formats import todays_about, todays_metrics, todays_settings
from multidigit.labels import DEFAULT_SLOTS, MOST_SLOTS
from multidigit.locks import PATIENCE
from multidigit.outside import MOST_JSON_BYTES, MOST_MODEL_BYTES, open_file, parse_json, read_arrays, read_text
from multidigit.runs.parts import (
    ABOUT,
    ANSWERS,
    CHECKPOINT,
    ENVIRONMENT,
    FORMAT,
    HISTORY,
    METRICS,
    MOST_PARTS,
    REQUIRED,
    SETTINGS,
    SHIPPED,
)
from multidigit.version import __version__

if TYPE_CHECKING:
    from multidigit.settings import Settings

T = TypeVar("T")


def _part_of_it(read: Callable[[Run], T]) -> cached_property[T]:
    """A property that is read once, from the very run that was opened.

    Raises:
        RunError: another one has taken its place.
    """

    @wraps(read)
    def checked(run: Run) -> T:
        try:
            try:
                return read(run)
            except RunError:
                # Where two processes want its place, the folder may be away for a moment, and come back.
                return read(run)
        finally:
            if run.identity != _identity(run.path):
                raise RunError(f"{run.path}: was replaced while it was read; give the same command again") from None

    return cached_property(checked)


@dataclass(frozen=True)
class Run:
    """A run folder whose parts were checked when it was opened.

    Attributes:
        path: the folder.
        environment: what ``environment.json`` holds.
        identity: tells it from another run that takes its place.
    """

    path: Path
    environment: Mapping[str, Any]
    identity: tuple[int, ...] | None

    @property
    def name(self) -> str:
        return "shipped" if self.path == SHIPPED else self.path.name

    @property
    def kind(self) -> str:
        """Strategy, backbone, layout and digit source in words, and the number of slots where it is not the default."""
        words = "{strategy} on {backbone}, {layout} strips of {digits} digits".format_map(self.environment["about"])
        return words if self.slots == DEFAULT_SLOTS else f"{words}, {self.slots} slot{'s' if self.slots > 1 else ''}"

    @property
    def slots(self) -> int:
        """Slots of the strips that it reads."""
        return int(self.environment["about"]["slots"])

    @property
    def layout(self) -> str:
        """The layout of the strips that it was trained on."""
        return str(self.environment["about"]["layout"])

    @property
    def described(self) -> str:
        return f"{'the shipped reader' if self.path == SHIPPED else self.path} ({self.kind})"

    @property
    def created(self) -> str:
        return str(self.environment["created"])

    @property
    def interrupted(self) -> bool:
        return self.has(CHECKPOINT)

    @_part_of_it
    def settings(self) -> Settings:
        from multidigit.settings import read_yaml, validate

        data, lines = read_yaml(self.path / SETTINGS)
        data, lost = todays_settings(data)
        if lost:
            values = ", ".join(f"{key} ({value})" for key, value in lost.items())
            raise RunError(
                f"{self.path}: {values} is no longer a setting, so this run cannot be compared or repeated as it is; "
                f"convert it with `multidigit upgrade {self.path}`"
            )
        return validate(data, str(self.path / SETTINGS), lines)

    @_part_of_it
    def metrics(self) -> dict[str, Any]:
        from multidigit.measures import check_measures  # pydantic takes longer to import than all else here

        path = self.path / METRICS
        data = read_json(path)
        check_measures(data, path)
        return todays_metrics(data)

    @_part_of_it
    def history(self) -> list[dict[str, float]]:
        """One row an epoch; empty where the run was exported without it."""
        if not self.has(HISTORY):
            return []
        path = self.path / HISTORY
        try:
            rows = csv.reader(io.StringIO(read_text(path, MOST_JSON_BYTES), newline=""))
            heads = next(rows, [])
            return [dict(zip(heads, map(float, row), strict=True)) for row in rows]
        except (OSError, ValueError, csv.Error):
            raise RunError(f"{path}: expected a table of numbers; restore the file or train the run again") from None

    @_part_of_it
    def answers(self) -> dict[str, NDArray[Any]]:
        """``slots`` and ``answers`` uint8 (N, slots) and ``confidence`` float32 (N,) of the test strips."""
        path = self.part(ANSWERS)
        try:
            found = read_arrays(path, ("slots", "answers", "confidence"))
        except (OSError, ValueError) as error:
            raise RunError(
                f"{path}: cannot be read ({reason(error)}); restore the file or train the run again"
            ) from None
        slots, answers, confidence = (found[key] for key in ("slots", "answers", "confidence"))
        shaped = slots.ndim == 2 and slots.shape == answers.shape and confidence.shape == slots.shape[:1]
        if not (shaped and slots.dtype == answers.dtype == "uint8" and confidence.dtype.kind == "f"):
            received = ", ".join(f"{key} {value.dtype} {value.shape}" for key, value in found.items())
            raise RunError(
                f"{path}: expected slots, answers and confidence: uint8 (N, slots), the same and floats (N,); received "
                f"{received}; restore the file or train the run again"
            )
        return found

    def has(self, name: str) -> bool:
        """Whether there is a part of that name."""
        return name in self.environment["parts"]

    def part(self, name: str) -> Path:
        """The path of a part, which must be there."""
        if not self.has(name):
            raise RunError(f"{self.path}: this run has no {name}; train one with `multidigit train`")
        return self.path / name


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file that holds one object.

    Raises:
        RunError: missing, unreadable or not that.
    """
    try:
        data = parse_json(read_text(path, MOST_JSON_BYTES))
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise RunError(f"{path}: not valid JSON ({error}); the file is damaged") from None
    if not isinstance(data, dict):
        raise RunError(f"{path}: expected a JSON object; received {type(data).__name__}")
    return data


def open_run(path: Path) -> Run:
    """The run in a folder, after checking that its parts are there, whole, and belong together.

    Where another process is just putting a run in the place of one, that is waited for.

    Raises:
        RunError: names the part that is missing, changed or from another version.
    """
    ends, seen = time.monotonic() + PATIENCE, ""
    while True:
        before, error = _identity(path), None
        try:
            run = _open(path)
        except RunError as found:
            error = found
        # It may have been away for a moment in between, and come back: a fault is what is found twice.
        if before and before == _identity(path) and (not error or str(error) == seen):
            if error:
                raise error
            return run
        seen = str(error)
        # It is being exchanged, or the process that exchanged it was killed.
        if not before:
            recover(path)
        if (error and not (_identity(path) or standing_aside(path, OLD))) or time.monotonic() > ends:
            raise error or RunError(f"{path}: is replaced again and again; wait until that is over")
        time.sleep(0.005)


def _identity(path: Path) -> tuple[int, ...] | None:
    """What tells the run in a folder from another one that takes its place; ``None`` where there is none."""
    try:
        about = (path / ENVIRONMENT).stat()
    except (OSError, ValueError):
        return None
    return about.st_dev, about.st_ino, about.st_mtime_ns


def _open(path: Path) -> Run:
    if not path.is_dir():
        raise RunError(f"{path}: no such run folder; `multidigit info` lists the runs that exist")
    if not (path / ENVIRONMENT).is_file():
        raise RunError(f"{path}: not a run folder: {ENVIRONMENT} is missing; train one with `multidigit train`")
    _check_inside(path, ENVIRONMENT)
    environment = read_json(path / ENVIRONMENT)
    if environment.get("format") != FORMAT:
        raise RunError(
            f"{path}: a run of format {environment.get('format')!r} (multidigit {environment.get('multidigit')}); "
            f"this is multidigit {__version__}, which reads format {FORMAT}; train it again"
        )
    parts, about = environment.get("parts"), environment.get("about")
    if not (
        isinstance(parts, dict)
        and isinstance(about, dict)
        and all(isinstance(about.get(key), str) for key in ABOUT)
        and "created" in environment
    ):
        raise RunError(f"{path / ENVIRONMENT}: expected `created`, `about` and `parts`; the file is damaged")
    slots = about.get("slots", DEFAULT_SLOTS)
    if type(slots) is not int or not 1 <= slots <= MOST_SLOTS:
        raise RunError(f"{path / ENVIRONMENT}: expected `about.slots` from 1 to {MOST_SLOTS}; the file is damaged")
    if len(parts) > MOST_PARTS:
        raise RunError(f"{path / ENVIRONMENT}: expected at most {MOST_PARTS} parts; received {len(parts):,}")
    for name in dict.fromkeys([*REQUIRED, *parts]):
        _check_part(path, name, parts)
    return Run(path, {**environment, "about": todays_about(about)}, _identity(path))


def _check_part(path: Path, name: str, parts: Mapping[str, Any]) -> None:
    """Refuse a part that is missing, changed, or elsewhere than in its folder."""
    part = path / name
    if part.name != name or name in ("", ".."):
        raise RunError(f"{path / ENVIRONMENT}: parts must be files in this folder; received {name!r}; do not trust it")
    if name not in parts or not holds(part.is_file):
        raise RunError(f"{path}: {name} is missing from this run; restore it or train the run again")
    _check_inside(path, name)
    try:
        found = digest(part)
    except OSError as error:
        raise RunError(f"{path}: {name} cannot be read ({error.strerror})") from None
    if found != parts[name]:
        raise RunError(f"{path}: {name} is not the one that this run was saved with; restore it or train again")


def _check_inside(path: Path, name: str) -> None:
    if not (path / name).resolve().is_relative_to(path.resolve()):
        raise RunError(f"{path}: {name} is a link out of this folder; put the file itself there, or do not trust it")


def digest(path: Path) -> str:
    with open_file(path, MOST_MODEL_BYTES) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def recover(path: Path) -> None:
    """Put a complete run that an ended process left aside into its place, and remove everything else of its kind.

    Args:
        path: of the run, or ``FOLDER / "*"`` for all runs of a folder.
    """
    # A complete new run comes before the one that it was to replace.
    for aside in [*standing_aside(path, PARTIAL), *standing_aside(path, OLD)]:
        if not aside.abandoned:
            continue
        place = aside.path.with_name(aside.name)
        # A run folder's environment is written last.
        if (aside.path / ENVIRONMENT).is_file() and not place.exists():
            with suppress(RunError):
                open_run(aside.path)
                with suppress(OSError):
                    disk.rename(aside.path, place)
                continue
        remove(aside.path)
