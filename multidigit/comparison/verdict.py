"""Who leads on each layout, whether beyond chance, and at what cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from multidigit.comparison.groups import group_strategies
from multidigit.comparison.pairs import Pair, find_pair
from multidigit.runs import Run

Outcome = Literal["wins", "same", "unresolved", "untested", "alone"]


@dataclass(frozen=True)
class Cost:
    """What a strategy costs, the mean over its runs."""

    training_seconds: float
    reading_strips_per_second: float
    parameters: float
    training_strips: float


@dataclass(frozen=True)
class Verdict:
    """What a comparison finds on strips of one layout.

    Attributes:
        layout: ``structured``, ``free`` or ``scene``.
        condition: what sets these strips apart from others of the layout, such as ``slots 8``; empty where nothing
            does.
        outcome: ``wins``: the leader is ahead of the runner-up beyond chance; ``same``: the two differ by less than the
            margin; ``unresolved``: neither is shown; ``untested``: the two have no runs on the same strips; ``alone``:
            there is no runner-up.
        leader, runner_up: the strategies of the highest and the second highest mean sequence accuracy.
        pair: the two on the same strips, the leader first.
        both_ahead_of: where none wins, the strategies that both are ahead of beyond chance.
        accuracies: mean sequence accuracy of every strategy, best first.
        costs: of every strategy.
    """

    layout: str
    condition: str
    outcome: Outcome
    leader: str
    runner_up: str | None
    pair: Pair | None
    both_ahead_of: tuple[str, ...]
    accuracies: Mapping[str, float]
    costs: Mapping[str, Cost]


def give_verdicts(runs: Sequence[Run], pairs: Sequence[Pair]) -> list[Verdict]:
    """A verdict for each layout, and each number of slots where there are several, in order of first appearance."""
    return [
        give_verdict(
            layout,
            condition,
            {
                name: float(np.mean([run.metrics["test"]["sequence_accuracy"] for run in some]))
                for name, some in strategies.items()
            },
            {name: _mean_cost(some) for name, some in strategies.items()},
            pairs,
        )
        for (layout, condition), strategies in group_strategies(runs).items()
    ]


def give_verdict(
    layout: str,
    condition: str,
    accuracies: Mapping[str, float],
    costs: Mapping[str, Cost],
    pairs: Sequence[Pair],
) -> Verdict:
    """The verdict on strategies of those mean sequence accuracies."""
    ordered = dict(sorted(accuracies.items(), key=lambda item: -item[1]))
    leader, *others = ordered

    def ahead(one: str, two: str) -> bool:
        pair = find_pair(pairs, layout, condition, one, two)
        return pair is not None and pair.resolved and pair.difference > 0

    runner_up = others[0] if others else None
    pair = find_pair(pairs, layout, condition, leader, runner_up) if runner_up else None
    if pair and pair.difference < 0:
        # One of them has more seeds; where both have one the order is the other.
        pair, leader, runner_up = pair.turned(), pair.b, pair.a
    outcome: Outcome
    both_ahead_of: tuple[str, ...] = ()
    if runner_up is None:
        outcome = "alone"
    elif pair is None:
        outcome = "untested"
    elif pair.resolved and pair.difference > 0:
        outcome = "wins"
    else:
        outcome = "same" if pair.same else "unresolved"
        both_ahead_of = tuple(name for name in others[1:] if ahead(leader, name) and ahead(runner_up, name))
    return Verdict(layout, condition, outcome, leader, runner_up, pair, both_ahead_of, ordered, costs)


def _mean_cost(runs: Sequence[Run]) -> Cost:
    training = [run.metrics["training"] for run in runs]
    return Cost(
        float(np.mean([one["seconds"] for one in training])),
        float(np.mean([run.metrics["test"]["strips_per_second"] for run in runs])),
        float(np.mean([one["parameters"] for one in training])),
        float(np.mean([one["strips"] for one in training])),
    )
