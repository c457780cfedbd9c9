"""Run folders of older versions -> today's, each exchanged whole; then the results and the report of their experiment.

``formats`` lists what changes. Networks, histories and answers stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from multidigit.comparison import MARGIN
from multidigit.comparison.looks import EACH_SEED, LookPlan
from multidigit.errors import MultidigitError, RunError
from multidigit.experiments import Experiment, Planned, Results, summarise
from multidigit.formats import todays_results, todays_settings
from multidigit.locks import in_use
from multidigit.report.write import write_report
from multidigit.runs import ENVIRONMENT, METRICS, RESULTS, SETTINGS, Run, RunWriter, open_run, read_json, recover
from multidigit.settings import flatten, read_yaml, to_yaml, validate
from multidigit.settings.renamed import KEYS

_TODAYS = {"winner", "margin", "looks"}
"""Keys by which the results of an experiment are known to be today's."""


@dataclass(frozen=True)
class Upgraded:
    """What became of a run, or of the results of an experiment.

    Attributes:
        path: its folder.
        changes: one line each; none where it is of today's format already.
        error: why it could not be converted and what to do; then it is as it was.
    """

    path: Path
    changes: tuple[str, ...] = ()
    error: str = ""


def upgrade(path: Path) -> Iterator[Upgraded]:
    """Convert a run; or all runs in a folder, and in the experiments in it, with their results.

    One that cannot be converted does not keep the others from being.

    Raises:
        RunError: there is no run.
    """
    if not path.is_dir() or (path / ENVIRONMENT).is_file():
        yield _tried(path, upgrade_run)
        return
    found = False
    for out in (path, *sorted(each.parent for each in path.glob(f"*/{RESULTS}"))):
        for each in _upgrade_folder(out):
            found = True
            yield each
    if not found:
        raise RunError(f"{path}: holds no run; name the folder of a run or of an experiment")


def _upgrade_folder(out: Path) -> Iterator[Upgraded]:
    """The runs that lie in a folder, and the results beside them."""
    recover(out / "*")
    runs = [each.parent for each in sorted(out.glob(f"*/{ENVIRONMENT}")) if not each.parent.name.startswith(".")]
    done = []
    for run in runs:
        done.append(_tried(run, upgrade_run))
        yield done[-1]
    if runs and (out / RESULTS).is_file():
        failed = ", ".join(each.path.name for each in done if each.error)
        changed = any(each.changes for each in done)
        if failed:
            yield Upgraded(out, error=f"{out}: its results stay as they are, since {failed} could not be converted")
        else:
            yield _tried(out, partial(upgrade_results, changed=changed))


def _tried(path: Path, convert: Callable[[Path], list[str]]) -> Upgraded:
    try:
        return Upgraded(path, tuple(convert(path)))
    except MultidigitError as error:
        return Upgraded(path, error=str(error))


def upgrade_run(path: Path) -> list[str]:
    """Convert one run; returns what was changed.

    The new folder is made aside and takes the old one's place when it is complete. If the process is killed in between,
    the next call finds the old one where it was put aside.

    Raises:
        MultidigitError: it is damaged, its settings are refused, or it cannot be written. It is as it was.
    """
    place = path.resolve()  # a link stays one
    recover(place)
    run = open_run(path)
    before, _ = read_yaml(path / SETTINGS)
    today, lost = todays_settings(before)
    settings = validate(today, str(path / SETTINGS))
    changes = [f"{SETTINGS}: {each}" for each in _differences(before, settings.model_dump(mode="json"))]
    measured = read_json(path / METRICS)
    if "budget" in measured:
        changes.append(f"{METRICS}: budget is called error_breakdown")
    if run.metrics.get("test") != measured.get("test"):
        changes.append(f"{METRICS}: test.expected_calibration_error_before is written out")
    written = read_json(path / ENVIRONMENT)
    about = run.environment["about"]
    if about != written["about"]:
        changes.append(f"{ENVIRONMENT}: about has slots, {about['slots']}")
    if changes:
        if in_use(place.with_name(f".{place.name}.training")):
            raise RunError(f"{path}: another process is training this run; wait for it")
        kept = {**written, "former": lost} if lost else written
        with _Upgrader(place, kept) as writer:
            for each in place.iterdir():
                if not each.is_file():
                    raise RunError(
                        f"{each}: expected files alone in a run folder; received another folder; move it away"
                    )
                if each.name not in (SETTINGS, METRICS, ENVIRONMENT):
                    writer.bytes(each.name, each.read_bytes())
            writer.text(SETTINGS, to_yaml(settings))
            writer.json(METRICS, run.metrics)
            writer.finish(settings)
    return changes


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """How settings differ from what stands in a file, a line each."""
    was, is_now = flatten(before), flatten(after)
    for key, value in was.items():
        if KEYS.get(key) in is_now:
            yield f"{key} is called {KEYS[key]}"
        elif key not in is_now:
            yield f"{key}, {value}, is no setting any more"
        elif is_now[key] != value:
            yield f"{key} {value} is called {is_now[key]}"
    later = len(is_now.keys() - was.keys() - set(map(KEYS.get, was)))
    if later:
        yield f"{later} later setting{'s are' if later > 1 else ' is'} written out as it was without"


class _Upgrader(RunWriter):
    """Writes a run that keeps what its ``environment.json`` says about when and where it was made."""

    def __init__(self, path: Path, kept: Mapping[str, Any]) -> None:
        super().__init__(path, replace=True)
        self._kept = kept

    def json(self, name: str, data: Mapping[str, Any]) -> None:
        if name == ENVIRONMENT:
            parts = {part: data["parts"][part] for part in self._kept["parts"]}
            data = {**self._kept, "about": data["about"], "parts": parts}
        super().json(name, data)


def upgrade_results(out: Path, changed: bool = False) -> list[str]:
    """Write the results of an experiment and its report anew, from its runs, which are of today's format.

    Args:
        out: the experiment's folder.
        changed: whether a run has changed since the results were written.

    Returns:
        What was changed; nothing where the results are today's.

    Raises:
        MultidigitError: what was written before stays.
    """
    old = todays_results(read_json(out / RESULTS))
    if old.keys() >= _TODAYS and not changed:
        return []
    if in_use(out):
        raise RunError(f"{out}: an experiment is writing to this folder; wait for it")
    runs = [open_run(each.parent) for each in out.glob(f"*/{ENVIRONMENT}") if not each.parent.name.startswith(".")]
    try:
        order = [row["run"] for row in old["rows"]]
        looks = LookPlan.from_json(old.get("looks"))
        left_out = int(old["planned"]) - len(runs)
        margin = float(old.get("margin", MARGIN))
    except (KeyError, TypeError, ValueError):
        raise RunError(f"{out / RESULTS}: not the results of an experiment; restore or remove that file") from None
    runs.sort(key=lambda run: (order.index(run.name) if run.name in order else len(order), run.name))
    _need_different(runs)
    plan = [Planned(run.name, run.settings) for run in runs]
    looks = EACH_SEED if old.get("sequential") else looks
    experiment = Experiment(str(old.get("name", out.name)), str(old.get("about", "")), plan, margin, looks)
    finished = [run for run in runs if not run.interrupted]
    # The report first: where it cannot be written, the results still say that there is something to do.
    if finished:
        write_report(out, summarise(experiment, finished))
    Results(experiment, out, {run.name: run for run in runs}).write()
    changes = ["results.json, results.csv, results.jsonl and the report are written anew from the runs"]
    if left_out > 0:
        changes.append(f"planned and not there, so left out of them: {left_out}; the experiment's file plans it again")
    return changes


def _need_different(runs: Sequence[Run]) -> None:
    """Refuse runs that differ only in what is no setting any more: they would count as one."""
    names: dict[str, str] = {}
    for run in runs:
        other = names.setdefault(to_yaml(run.settings), run.name)
        if other != run.name:
            raise RunError(
                f"{run.path.parent}: {other} and {run.name} differ only in what is no setting any more, so they cannot "
                "be compared; their results and report stay as they were written"
            )
