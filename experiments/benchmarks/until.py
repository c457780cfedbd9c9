"""Seconds to 97 % of structured numbers, by strategy and seed; --baseline (13 min more): the baseline to 87 %.

That is of validation numbers made of MNIST's digits, in training seconds. The baseline's are its heads as they were
written; how many times as long they take is printed, too.
Trainings that were measured already are kept, so that after Ctrl-C the same command goes on.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, TypedDict, cast

import common
from accuracy import asked_for, contender, trained_row
from contenders import STRATEGIES

from multidigit.cli.progress import note
from multidigit.files import write_json
from multidigit.report.tables import markdown_table
from multidigit.runs import read_json
from multidigit.settings import overlay, validate
from multidigit.statistics import mean_and_spread

SHARED: dict[str, Any] = {
    "layout": "structured",
    # Looks often: how late a goal is noticed is at most the time from one look to the next.
    "train": {"strips": 4_000},
    "evaluation": {"validation_strips": 2_000, "test_strips": common.TEST_STRIPS},
}


class Reached(TypedDict):
    """One training until its goal: how long it took, or what it came to where the budget was used up before."""

    goal: float
    reached: bool
    row: common.Row


def reached(folder: Path, asked: dict[str, Any], goal: float, minutes: float, seed: int, mnist: Path) -> Reached:
    """One training, or what is kept of it."""
    path = folder / "until" / f"{contender(asked).replace(' ', '-')}-{goal:g}-{minutes:g}min-seed{seed}.json"
    if path.exists():
        note(f"{path.name}: is there already")
        return cast(Reached, read_json(path))
    data = overlay(overlay(SHARED, asked), {"digits": str(mnist), "seed": seed})
    row = common.alone(trained_row, asked, validate(overlay(data, {"train": {"minutes": minutes, "until": goal}})))
    found: Reached = {"goal": goal, "reached": max(share for _, share in row["curve"]) >= goal, "row": row}
    write_json(path, found)
    return found


def seconds(found: Reached) -> float:
    """Until the look that found the goal reached; without end where none did."""
    return next((seconds for seconds, share in found["row"]["curve"] if share >= found["goal"]), math.inf)


def in_seconds(value: float) -> str:
    return f"{value:.1f} s" if math.isfinite(value) else "not reached"


def line(group: list[Reached]) -> list[str]:
    """The trainings of one contender, over its seeds."""
    times = [seconds(found) for found in group]
    spread = "–"
    if all(map(math.isfinite, times)):
        figure = mean_and_spread(times)
        spread = f"{figure.mean:.1f} s"
        if figure.standard_deviation is not None:
            spread += f" ± {figure.standard_deviation:.1f} s"
    tests = mean_and_spread([found["row"]["test"]["sequence_accuracy"] for found in group])
    return [
        group[0]["row"]["contender"],
        f"{group[0]['goal']:.0%}",
        ", ".join(map(in_seconds, times)),
        spread,
        f"{tests.mean:.2%}",
    ]


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--strategies", nargs="+", default=list(STRATEGIES), metavar="NAME", help="what to train")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="train with the seeds 0 to N-1")
    parser.add_argument("--goal", type=float, default=0.97, help="validation sequence accuracy to reach")
    parser.add_argument("--minutes", type=float, default=0.75, help="budget of a training, to which its schedule fits")
    parser.add_argument("--baseline", action="store_true", help="train the baseline's heads as well")
    parser.add_argument("--baseline-goal", type=float, default=0.87, help="what those have to reach")
    parser.add_argument("--baseline-minutes", type=float, default=12, help="their budget")
    common.mnist_option(parser)
    options = parser.parse_args()
    common.check_mnist(options.mnist)
    groups = [
        [
            reached(options.out, asked_for(name, "compact"), options.goal, options.minutes, seed, options.mnist)
            for seed in range(options.seeds)
        ]
        for name in options.strategies
    ]
    lines = [line(group) for group in groups]
    results: dict[str, Any] = {"trainings": [found for group in groups for found in group]}
    words = ""
    if options.baseline:
        asked = asked_for("heads", "baseline")
        baseline = reached(options.out, asked, options.baseline_goal, options.baseline_minutes, 0, options.mnist)
        lines.append(line([baseline]))
        results["baseline"] = baseline
        words = ratio(baseline, groups[0])
    heads = ["contender", "goal", "seconds by seed", "mean ± standard deviation", "test numbers right"]
    common.write(options.out, "until", results, f"{markdown_table(heads, lines, words=1)}{words}")


def ratio(baseline: Reached, group: list[Reached]) -> str:
    """How many times as long the baseline's heads take to their goal as a group, on average, to its own."""
    times = [seconds(found) for found in group]
    name = group[0]["row"]["contender"]
    if not all(map(math.isfinite, [seconds(baseline), *times])):
        return "\nNot every goal was reached, so there is no ratio.\n"
    mean = mean_and_spread(times).mean
    return (
        f"\nThe baseline's heads take {seconds(baseline) / mean:.1f} times as long to {baseline['goal']:.0%} "
        f"as {name} to {group[0]['goal']:.0%}.\n"
    )


if __name__ == "__main__":
    common.run(main)
