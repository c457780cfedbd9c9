"""The run folder: one trained model with its settings, history and measures. Written whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, wraps
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

from numpy.typing import NDArray

from multidigit import disk
from multidigit.errors import RunError
from multidigit.files import (
    OLD,
    PARTIAL,
    created,
    holds,
    json_text,
    missing,
    old_path,
    partial_path,
    remove,
    remove_empty,
    standing_aside,
    sync_folder,
    writable,
)
from multidigit.formats import todays_about, todays_metrics, todays_results, todays_settings
from multidigit.labels import DEFAULT_SLOTS, MOST_SLOTS
from multidigit.outside import MOST_JSON_BYTES, MOST_MODEL_BYTES, open_file, parse_json, read_arrays, read_text
from multidigit.version import __version__

if TYPE_CHECKING:
    from multidigit.settings import Settings

PATIENCE = 5.0
"""Seconds to wait for a run that another process is exchanging."""
FORMAT = 1
"""Version of the folder's layout; a reader of another one refuses it."""
HOME = Path("runs")
"""Where runs go and are looked for, in the current folder."""
KERAS_MODEL = "model.keras"
LITERT_MODEL = "reader.tflite"
"""The reading model for LiteRT; it is what every run has."""
LITERT_INT8 = "reader-int8.tflite"
"""The same network with weights and activations in 8 bits: in runs that were exported with it."""
FINDER, FINDER_INT8 = "finder.tflite", "finder-int8.tflite"
"""The finder, which only the shipped run has; all runs read pictures with it."""
SETTINGS = "settings.yaml"
CALIBRATION = "calibration.json"
"""For each LiteRT model of the run, how its confidence is calibrated."""
HISTORY, METRICS, ENVIRONMENT = "history.csv", "metrics.json", "environment.json"
ANSWERS = "answers.npz"
"""The answer for each test strip and its confidence: paired comparisons need no model."""
CHECKPOINT = "checkpoint.keras"
"""Only in a run that was interrupted: the model as training left it, its optimiser included."""
CARD = "card.md"
"""Of an exported run: how its models were made, and what they measure."""
RESULTS = "results.json"
"""Beside the runs of a comparison or an experiment: their measures, and which run reads best."""
REQUIRED = (LITERT_MODEL, SETTINGS, METRICS)
"""Parts that every run has."""
READING = (*REQUIRED, LITERT_INT8, CALIBRATION, CARD, FINDER, FINDER_INT8)
"""Parts that reading and evaluation use; an exported run has no others."""
ABOUT = ("strategy", "backbone", "layout", "digits")
"""Settings that ``environment.json`` repeats, so that a picture is read without parsing the settings file."""
MOST_PARTS = 100
"""Parts of a run; it has a dozen."""
SHIPPED = Path(__file__).parent / "shipped"
"""The run that comes with the package."""


T = TypeVar("T")


def _part_of_it(read: Callable[[Run], T]) -> cached_property[T]:
    """A property that is read once, from the very run that was opened.

    Raises:
        RunError: another one has taken its place.
    """

    @wraps(read)
    def checked(run: Run) -> T:
        try:
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
            reason = getattr(error, "strerror", None) or error
            raise RunError(f"{path}: cannot be read ({reason}); restore the file or train the run again") from None
        shapes = [found[key].shape for key in ("slots", "answers", "confidence")]
        if not (len(shapes[0]) == 2 and shapes[0] == shapes[1] and shapes[2] == shapes[0][:1]):
            raise RunError(f"{path}: expected slots, answers and confidence; received the shapes {shapes}")
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
    ends = time.monotonic() + PATIENCE
    while True:
        before, error = _identity(path), None
        try:
            run = _open(path)
        except RunError as found:
            error = found
        if before and before == _identity(path):
            if error:
                raise error
            return run
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


def environment() -> dict[str, Any]:
    """Where and with what a run was made."""
    # Takes longer to import than all else here, and reading a picture does without.
    from importlib import metadata

    packages = ("tensorflow", "keras", "ai-edge-litert", "numpy", "pillow")
    versions: dict[str, str | None] = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "multidigit": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "packages": versions,
    }


class RunWriter:
    """Builds a run folder aside and renames it into place.

    Args:
        path: where the run is to stand. The folder must not exist, unless ``replace`` is given: then it is exchanged
            when, and only when, the new one is complete.

    Raises:
        RunError: the place is taken or cannot be written. It is raised before any work is done.
    """

    def __init__(self, path: Path, *, replace: bool = False) -> None:
        self.path, self._replace = path, replace
        recover(path)
        if path.exists() and not replace:
            raise RunError(f"{path}: exists already; name another folder with --out, or remove it")
        if path.exists() and not (path / ENVIRONMENT).is_file():
            raise RunError(f"{path}: exists and is no run folder, so it is not replaced; name another with --out")
        self.aside = partial_path(path)
        self._names: list[str] = []
        self._made = missing(path.parent)
        try:
            with self._writable("; name another folder with --out"):
                disk.make_folder(self.aside)
        except RunError:
            self.__exit__()
            raise

    def _writable(self, remedy: str = "") -> AbstractContextManager[None]:
        return writable(self.path, RunError, remedy)

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(self, *_: object) -> None:
        remove(self.aside)
        # Folders made for a run that was not finished are removed as well.
        remove_empty(self._made)

    @contextmanager
    def part(self, name: str) -> Iterator[Path]:
        """Where the block, a library, is to write a part.

        Raises:
            RunError: it cannot be written.
        """
        with self._writable():
            disk.make_folder(self.aside)
            self._names.append(name)
            yield self.aside / name
            with (self.aside / name).open("rb+") as file:
                disk.sync(file.fileno())

    @contextmanager
    def file(self, name: str) -> Iterator[IO[bytes]]:
        """A part to write to.

        Raises:
            RunError: it cannot be written.
        """
        with self._writable():
            disk.make_folder(self.aside)
            self._names.append(name)
            with created(self.aside / name) as file:
                yield file

    def bytes(self, name: str, data: bytes) -> None:
        with self.file(name) as file:
            file.write(data)

    def json(self, name: str, data: Mapping[str, Any]) -> None:
        self.text(name, json_text(data))

    def text(self, name: str, text: str) -> None:
        self.bytes(name, text.encode())

    def table(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """A CSV file whose columns are the keys of the first row."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(rows[0]) if rows else ["epoch"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        self.text(name, text.getvalue())

    def finish(self, settings: Settings) -> Run:
        """Write the digests of all parts, put the folder in its place and open it.

        If another run has taken the place meanwhile, this one is put beside it, so that no training is lost.

        Raises:
            RunError: the folder cannot be put there; the one that stood there before is unchanged.
        """
        about = {
            "strategy": settings.strategy_name,
            "backbone": settings.backbone.name,
            "layout": settings.layout.name,
            "digits": settings.digits_name,
            "slots": settings.slots,
        }
        with self._writable():
            parts = {path.name: digest(path) for path in sorted(self.aside.iterdir())}
        if lacking := [name for name in (*REQUIRED, *self._names) if name not in parts]:
            raise RunError(f"{self.path}: {lacking[0]} is missing from what was written; give the same command again")
        created = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.json(ENVIRONMENT, {"format": FORMAT, "created": created, "about": about, **environment(), "parts": parts})
        path = self.path if self._replace else _free(self.path)
        old = old_path(path)
        remove(old)
        with writable(path, RunError):
            sync_folder(self.aside)
            if path.exists():
                disk.rename(path, old)
            try:
                disk.rename(self.aside, path)
            except BaseException:
                # The one that stood there comes back; where even that fails, the next start finds it.
                if old.exists():
                    disk.rename(old, path)
                raise
            sync_folder(path.parent)
        remove(old)
        return open_run(path)


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


def new_folder(stem: str, home: Path = HOME) -> Path:
    """A folder below ``home`` that does not exist yet, named after what it holds and the time."""
    return _free(home / f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}")


def _free(path: Path) -> Path:
    """The path, or where it is taken the first of path-2, path-3 and so on that is not."""
    found, number = path, 2
    while found.exists():
        found, number = path.with_name(f"{path.name}-{number}"), number + 1
    return found
