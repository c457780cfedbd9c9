"""What ``compare`` and ``experiment`` have in common: do the runs of a plan, show the results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from multidigit.cli.output import print_json, print_table
from multidigit.cli.progress import Trainings, note
from multidigit.errors import RunError
from multidigit.experiments import Experiment, Results, run_experiment, standing_runs


def carry_out(experiment: Experiment, folder: Path, as_json: bool, again: str, jobs: int = 1) -> int:
    """Do the runs, write the report and show it.

    Args:
        experiment: its runs.
        folder: where they go.
        as_json: whether to print JSON.
        again: how to continue after an interruption.
        jobs: runs at a time.

    Returns:
        The exit code.
    """
    total = len(experiment.plan)
    try:
        with Trainings() as shown:
            results, failed = run_experiment(
                experiment,
                folder,
                listen=lambda number, run: shown.show(f"[{number + 1}/{total}] {run.name}"),
                jobs=jobs,
            )
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

    found = estimates(experiment.plan, standing_runs(experiment, folder))
    seconds = total(found.values(), jobs)
    if as_json:
        runs = [
            {"run": name, "state": each.state, "seconds": round(each.seconds, 1), "basis": each.basis}
            for name, each in found.items()
        ]
        print_json({"name": experiment.name, "folder": str(folder), "seconds": round(seconds, 1), "runs": runs})
        return 0
    left = f"about {format_seconds(seconds)}" if seconds else "all finished"
    click.echo(f"{experiment.name}: {len(found)} run{'s' if len(found) != 1 else ''} in {folder}, {left}")
    width = max(map(len, found))
    for name, each in found.items():
        state = "finished" if each.state == "finished" else format_seconds(each.seconds)
        click.echo(f"{name:{width}}  {state}{', continues' if each.state == 'interrupted' else ''}")
    bases = sorted({each.basis for each in found.values() if each.state != "finished"})
    if bases:
        click.echo(f"Estimated from: {', '.join(bases)}; and {ALLOWANCE:.0f} s a run beside its training.")
    return 0


def _show(folder: Path, results: Mapping[str, Any], as_json: bool) -> None:
    from multidigit.report.tables import results_table
    from multidigit.report.write import write_report

    complete = write_report(folder, results)
    if as_json:
        print_json({"folder": str(folder), **complete})
        return
    print_table(*results_table(complete["rows"]))
    for sentence in complete["verdict"]:
        click.echo(sentence)
    click.echo(
        f"\nThe results are in {folder}: report.html, report.md, results.csv (every setting and measure of every run), "
        "and a folder for each run."
    )
    click.echo(f"Read a picture with the best: multidigit predict --run {folder} image.png")
