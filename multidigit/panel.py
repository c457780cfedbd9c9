"""A panel: the strategies of a comparison read together.

Its members are runs of one comparison, one for each strategy: the comparison's winner, and of every other strategy the
best run with the same seed, digits, layout, effects and backbone. Their calibrated probabilities are averaged (the
linear opinion pool: Stone 1961, Annals of Mathematical Statistics 32, 1339-1342). Each weighs as much as it is often
right: alike where members are, and next to nothing where one is lost, as equal fifths are on free strips; with an equal
say that one took coverage at 98 % accuracy from 27 % of such strips to 3 %. An average is less sure than it should be
where members err in different places, so the pool has a calibration of its own, as every reader has. Weights and
calibration are fitted on the strips of the winner's own calibration, kept in the comparison's folder, and fitted anew
when members change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multidigit.calibration import Calibration, fit
from multidigit.errors import MultidigitError, RunError
from multidigit.files import write_json
from multidigit.inference import Model, Precision
from multidigit.runs import ENVIRONMENT, HOME, READER, READER_INT8, RESULTS, Run, digest, find_runs, open_run, read_json

if TYPE_CHECKING:
    from multidigit.strips.compose import Strips

PANEL = "panel.json"
"""In a comparison's folder: its panel's members, and how their pool is calibrated."""
_ALIKE = ("seed", "digits", "layout", "effects", "backbone")
"""Settings that all members share. How a network is trained is its strategy's own, as the recipe is."""
_MAKE = "make one with `multidigit compare`"
_AGAIN = "call `multidigit compare` or `experiment` once more with this folder"


@dataclass(frozen=True)
class Member:
    """One run of a panel.

    Attributes:
        run: an opened run.
        reader: which of its readers reads, by the name of the file.
        calibration: that reader's own.
        model: the reader, loaded.
    """

    run: Run
    reader: str
    calibration: Calibration
    model: Model

    @property
    def strategy(self) -> str:
        return str(self.run.environment["about"]["strategy"])

    @property
    def digest(self) -> str:
        """SHA-256 of the reader, in hexadecimal; compared with the file when the run was opened."""
        return str(self.run.environment["parts"][self.reader])


@dataclass(frozen=True)
class Panel:
    """Several readers of the same kind of strips, which together say what one says; several threads may share it.

    Attributes:
        folder: of the comparison.
        members: at least two, the comparison's winner first, the others from the best to the worst.
        weights: of each, 0 to 1, summing to 1.
        calibration: of what they say together.
    """

    folder: Path
    members: tuple[Member, ...]
    weights: tuple[float, ...]
    calibration: Calibration

    @property
    def strategies(self) -> list[str]:
        return [member.strategy for member in self.members]

    @property
    def precision(self) -> Precision:
        """``int8`` where every member reads in 8 bits."""
        return "int8" if all(member.reader == READER_INT8 for member in self.members) else "float"

    @property
    def described(self) -> str:
        about = self.members[0].run.environment["about"]
        *most, last = self.strategies
        return (
            f"the panel of {self.folder} ({', '.join(most)} and {last} on {about['backbone']}, "
            f"{about['layout']} strips of {about['digits']} digits)"
        )

    def each(self, strips: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """What each member says of ``uint8`` strips (N, 28, 140), calibrated: probabilities ``float32`` (N, 5, 11)."""
        return [member.calibration.apply(member.model.probabilities(strips)) for member in self.members]

    def probabilities(self, strips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities ``float32`` (N, 5, 11) of ``uint8`` strips (N, 28, 140), before the panel's calibration."""
        return pooled(self.each(strips), self.weights)


def pooled(each: Sequence[NDArray[np.float32]], weights: Sequence[float]) -> NDArray[np.float32]:
    """The weighted mean of what members say.

    Args:
        each: probabilities ``float32`` (N, 5, 11) of every member.
        weights: of each, summing to 1.

    Returns:
        Probabilities, ``float32`` (N, 5, 11).
    """
    return np.tensordot(np.asarray(weights), np.stack(each), 1).astype(np.float32)


def fitted(slots: NDArray[np.uint8], each: Sequence[NDArray[np.float32]]) -> tuple[tuple[float, ...], Calibration]:
    """The weights of a panel's members, and the calibration of what they then say together.

    A member weighs as much as the share of the strips whose number it reads right; all weigh alike where none reads
    any.

    Args:
        slots: true class ids ``uint8``, shape (N, 5), of strips that no member has seen in training.
        each: what every member says of these strips, calibrated: probabilities ``float32`` (N, 5, 11).
    """
    from multidigit import metrics  # for fitting only, as in ``calibration``

    right = [int(metrics.right(slots, metrics.decode(said)).sum()) for said in each]
    total = sum(right)
    weights = tuple(round(one / total, 6) if total else 1 / len(each) for one in right)
    return weights, fit(slots, pooled(each, weights))


def open_panel(
    name: str | None = None, precision: Precision | None = None, threads: int | None = None, home: Path = HOME
) -> Panel:
    """The panel of a comparison or an experiment, with what is kept of it, or else with what is fitted now.

    Args:
        name: the comparison's folder, or a run in it; None or ``latest`` for the newest below ``home``.
        precision: ``float``, or ``int8`` or None for the reader in 8 bits of those members that have one.
        threads: processors to read with; all of them where None.
        home: where comparisons are looked for.

    Raises:
        RunError: there is no such comparison, it has fewer than two members, or one of them is missing or damaged.
        DataError: a calibration is to be fitted and the digits for its strips have gone.
    """
    folder = _comparison(name, home)
    kept = _kept(folder)
    # Which runs they are is a question to the settings of many; the answer holds as long as the results do.
    names = kept.get("members") if kept.get("results") == digest(folder / RESULTS) else None
    runs = [open_run(folder / name) for name in names] if names else chosen(folder)
    if len(runs) < 2:
        raise RunError(
            f"{folder}: a panel needs two strategies at least with the same seed, strips and backbone; its winner, "
            f"{runs[0].name}, has none beside it; {_MAKE}"
        )
    return _opened(folder, runs, kept, precision, threads)


def keep_panel(folder: Path) -> bool:
    """Make what is kept of a comparison's panel, so that reading with it begins at once; gives whether it has one.

    Raises:
        RunError: a member is missing or damaged.
    """
    runs = chosen(folder) if _winner(folder) else []
    if len(runs) < 2:
        return False
    _opened(folder, runs, _kept(folder), None, None)
    return True


def chosen(folder: Path) -> list[Run]:
    """The members of a comparison's panel, its winner first, the others from the best to the worst.

    Raises:
        RunError: the results do not name the runs, or one of them is missing or damaged.
    """
    results = read_json(folder / RESULTS)
    try:
        rows = sorted(results["rows"], key=lambda row: -row["sequence_accuracy"])
        winner = open_run(folder / results["reader"])
        about = {**winner.environment["about"], "seed": winner.settings.seed}
        # Of a sweep's many runs only those are opened that may be alike.
        names = [row["run"] for row in rows if all(row[key] == about[key] for key in _ALIKE if key in row)]
    except (KeyError, TypeError):
        raise RunError(f"{folder / RESULTS}: expected the rows and the reader of a comparison; {_AGAIN}") from None
    found = {winner.settings.strategy: winner}
    for name in names:
        run = open_run(folder / name)
        if all(getattr(run.settings, key) == getattr(winner.settings, key) for key in _ALIKE):
            found.setdefault(run.settings.strategy, run)
    return list(found.values())


def _comparison(name: str | None, home: Path) -> Path:
    """The folder of the comparison that is meant; its results name a winner."""
    if name is None or name == "latest":
        for run in reversed(find_runs(home)):
            with suppress(RunError):
                if _winner(run.parent):
                    return run.parent
        raise RunError(f"{home}/: there is no comparison in it to make a panel of; {_MAKE}")
    path = home / name if (home / name).is_dir() else Path(name)
    folder = path.parent if (path / ENVIRONMENT).is_file() else path
    if not (folder / RESULTS).is_file():
        raise RunError(f"{name}: expected the folder of a comparison, or a run in one, to make a panel of; {_MAKE}")
    if not _winner(folder):
        raise RunError(f"{folder / RESULTS}: names no winner to make a panel around; {_AGAIN}")
    return folder


def _winner(folder: Path) -> str:
    return str(read_json(folder / RESULTS).get("reader") or "")


def _member(run: Run, precision: Precision | None, threads: int | None) -> Member:
    reader = READER_INT8 if precision != "float" and run.has(READER_INT8) else READER
    return Member(run, reader, run.calibration(reader), Model(run.part(reader), threads))


def _opened(
    folder: Path, runs: Sequence[Run], kept: Mapping[str, Any], precision: Precision | None, threads: int | None
) -> Panel:
    """The panel of these runs, as it was kept of just these readers, or fitted now and kept."""
    members = tuple(_member(run, precision, threads) for run in runs)
    kind = "int8" if any(member.reader == READER_INT8 for member in members) else "float"
    pools = kept.get("pools")
    pools = dict(pools) if isinstance(pools, dict) else {}
    panel = _from_json(pools.get(kind), folder, members)
    if panel is None:
        strips = _strips(members[0].run)
        unfitted = Panel(folder, members, (), Calibration())
        weights, calibration = fitted(strips.slots, unfitted.each(strips.images))
        panel = replace(unfitted, weights=weights, calibration=calibration)
        pools[kind] = _as_json(panel)
    found = {"results": digest(folder / RESULTS), "members": [run.name for run in runs], "pools": pools}
    if found != kept:
        # Where the folder cannot be written the panel reads all the same, and is fitted again the next time.
        with suppress(MultidigitError):
            write_json(folder / PANEL, found)
    return panel


def _as_json(panel: Panel) -> dict[str, Any]:
    members = [
        {"run": member.run.name, "reader": member.digest, "weight": weight}
        for member, weight in zip(panel.members, panel.weights, strict=True)
    ]
    return {"members": members, "calibration": panel.calibration.as_json()}


def _from_json(data: Any, folder: Path, members: tuple[Member, ...]) -> Panel | None:
    """The panel as it was kept; None where it was kept of other readers, or is damaged: it can be fitted again."""
    try:
        readers = [(each["run"], each["reader"]) for each in data["members"]]
        weights = tuple(float(each["weight"]) for each in data["members"])
        calibration = Calibration.from_json(data["calibration"])
    except (KeyError, TypeError, ValueError, RunError):
        return None
    same = readers == [(member.run.name, member.digest) for member in members]
    # Written so that NaN is not sound.
    sound = all(weight >= 0 for weight in weights) and abs(sum(weights) - 1) < 1e-4
    return Panel(folder, members, weights, calibration) if same and sound else None


def _strips(run: Run) -> Strips:
    """Strips that neither taught a run's network nor chose its weights; those of its calibration."""
    from multidigit.strips.stream import StripStream

    return StripStream(run.settings).fixed("validation", run.settings.evaluation.validation_strips, again=1)


def _kept(folder: Path) -> dict[str, Any]:
    """What was kept of a comparison's panel; nothing where that is not there or damaged."""
    try:
        kept = read_json(folder / PANEL)
    except RunError:
        return {}
    members = kept.get("members")
    sound = isinstance(members, list) and len(members) > 1 and all(isinstance(name, str) for name in members)
    return kept if sound else {}
