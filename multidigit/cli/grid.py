"""What ``compare`` and ``experiment`` have in common: do the runs of a plan, show the results."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from multidigit.cli.output import print_json, print_table, say
from multidigit.cli.progress import Trainings, note
from multidigit.cli.readings import hardly_reads
from multidigit.errors import RunError
from multidigit.experiments import Experiment, Planned, Results, run_experiment, settle, standing_runs
from multidigit.experiments.estimate import useful_jobs

if TYPE_CHECKING:
    from multidigit.comparison import Pair
    from multidigit.experiments.running import Crew, Report


def carry_out(
    experiment: Experiment,
    folder: Path,
    as_json: bool,
    again: str,
    jobs: int,
    on: str | None,
    minutes: float = math.inf,
) -> int:
    """Do the runs, write the report and show it.

    Args:
        experiment: its runs.
        folder: where they go.
        as_json: whether to print JSON.
        again: how to continue after an interruption.
        jobs: runs at a time; 0 for as many as are useful.
        on: the cluster that does them; ``None`` for this machine.
        minutes: after which a comparison with ``looks`` takes no further seed.

    Returns:
        The exit code.
    """
    total = len(experiment.plan)
    standing = standing_runs(experiment, folder)  # before anything takes time
    try:
        with _crew(on, jobs or (0 if on else useful_jobs(experiment.plan, standing))) as crew, Trainings() as shown:

            def listen(number: int, run: Planned) -> AbstractContextManager[Report]:
                return shown.show(f"[{number + 1}/{max(total, number + 1)}] {run.name}")

            def looked(seeds: int, pairs: Sequence[Pair]) -> None:
                for line in pair_lines(seeds, pairs):
                    shown.say(line)

            if experiment.looks:
                results, failed = settle(experiment, folder, listen=listen, looked=looked, minutes=minutes, jobs=crew)
            else:
                results, failed = run_experiment(experiment, folder, listen=listen, jobs=crew)
    except KeyboardInterrupt:
        note(f"interrupted; finished runs are in {folder}. {again}")
        return 130
    if results.get("rows"):
        _show(folder, results, as_json)
    by_reason: dict[str, list[str]] = {}
    for name, reason in failed.items():
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        note(f"multidigit: {', '.join(names)} failed: {reason}")
    return 1 if failed else 0


@contextmanager
def _crew(on: str | None, jobs: int) -> Iterator[int | Crew]:
    """What does the runs, as ``run_experiment`` takes it."""
    if on is None:
        yield jobs
        return
    from multidigit.experiments.on_ray import ray_crew

    with ray_crew(on, jobs) as crew:
        yield crew


def report(experiment: Experiment, folder: Path, as_json: bool) -> int:
    """Write the table and the report of the finished runs, and show them.

    Nothing is trained or locked: this may be called while the experiment is running.

    Returns:
        The exit code.

    Raises:
        RunError: none is finished.
    """
    standing = standing_runs(experiment, folder)
    if all(run.interrupted for run in standing.values()):
        raise RunError(f"{folder}: no finished run of {experiment.name}; leave out --report-only to train them")
    written = Results(experiment, folder, standing).write()
    _show(folder, written, as_json)
    if len(written["rows"]) < written["planned"]:
        note(f"{len(written['rows'])} of {written['planned']} runs are finished; the report is of these")
    return 0


def list_plan(experiment: Experiment, folder: Path, as_json: bool, jobs: int) -> int:
    """Show the runs, which of them are finished, and how long the others will take.

    Returns:
        The exit code.
    """
    from multidigit.experiments.estimate import ALLOWANCE, estimates, format_seconds, total

    standing = standing_runs(experiment, folder)
    jobs = jobs or useful_jobs(experiment.plan, standing)
    found = estimates(experiment.plan, standing)
    seconds = total(found.values(), jobs)
    if as_json:
        runs = [
            {"run": name, "state": each.state, "seconds": round(each.seconds, 1), "basis": each.basis}
            for name, each in found.items()
        ]
        print_json({"name": experiment.name, "folder": str(folder), "seconds": round(seconds, 1), "runs": runs})
        return 0
    left = f"about {format_seconds(seconds)}" if seconds else "all finished"
    say(f"{experiment.name}: {len(found)} run{'s' if len(found) != 1 else ''} in {folder}, {left}")
    width = max(map(len, found))
    for name, each in found.items():
        state = "finished" if each.state == "finished" else format_seconds(each.seconds)
        click.echo(f"{name:{width}}  {state}{', continues' if each.state == 'interrupted' else ''}")
    bases = sorted({each.basis for each in found.values() if each.state != "finished"})
    if bases:
        click.echo(f"Estimated from: {', '.join(bases)}; and {ALLOWANCE:.0f} s a run beside its training.")
    return 0


def pair_lines(seeds: int, pairs: Sequence[Pair]) -> list[str]:
    """How far each pair is after so many seeds, a line each."""
    found = []
    for pair in pairs:
        where = f"{pair.layout}, {pair.condition}" if pair.condition else pair.layout
        ahead = pair.a if pair.difference > 0 else pair.b
        if pair.resolved:
            state = f"{ahead} wins"
        elif pair.same:
            state = f"the same within {100 * pair.margin:g}"
        else:
            # The interval is of this pair and this look alone; what decides is corrected for all of them.
            differ = max(pair.p_corrected, pair.p_trainings)
            state = f"open, corrected p-values {differ:.2g} for a winner, {pair.p_same:.2g} for the same"
        interval = f"{100 * pair.difference:+.2f} points, {100 * pair.low:+.2f} to {100 * pair.high:+.2f}"
        found.append(f"{seeds} seeds, {where}: {pair.a} − {pair.b} {interval}: {state}")
    return found


def _show(folder: Path, results: Mapping[str, Any], as_json: bool) -> None:
    from multidigit.report.tables import results_table
    from multidigit.report.verdict import percent
    from multidigit.report.write import write_report

    complete = write_report(folder, results)
    if as_json:
        print_json({"folder": str(folder), **complete})
        return
    print_table(*results_table(complete["rows"]))
    for sentence in complete["verdict"]:
        say(sentence)
    click.echo()
    say(
        f"The results are in {folder}: report.html, report.md, results.csv (every setting and measure of every run), "
        "and a folder for each run."
    )
    say(f"Read a picture with the best: multidigit predict --run {folder} image.png")
    best = next((row for row in complete["rows"] if row["run"] == complete["winner"]), None)
    if best and hardly_reads(best["layout"], best["sequence_accuracy"]):
        say(
            f"It reads {percent(best['sequence_accuracy'])} of the test numbers; to read pictures, take the shipped "
            f"reader (--run shipped), or train one for longer: multidigit train --strategy {best['strategy']} "
            f"--layout {best['layout']} --minutes 10"
        )
