"""Who wins on each layout, and whether that would happen again.

The question is about strategies, not about the networks that happen to stand in the folder: would the same one win if
all were trained anew, with other seeds, and tested on other strips? A seed decides the digits, the strips and the
training, so seeds are the sample and what they share is averaged. Two things stand against a winner, and it is named
only where neither will do as an explanation, each at 5 % after Holm's correction over all pairs of the comparison:

- the strips: McNemar's exact test on all strips that one strategy read and the other did not;
- the training: from three seeds on Student's t test of the seeds' differences. One or two seeds do not show how much a
  training alone changes, so `TRAINING_NOISE` is allowed for it.

With one seed the interval is Tango's, over strips, and so speaks of these trained networks alone; with more it is over
seeds and strips.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multidigit import metrics
from multidigit.errors import RunError
from multidigit.runs import Run
from multidigit.statistics import (
    FEWEST,
    TrainedDifference,
    critical,
    difference_over_trainings,
    holm,
    mcnemar_exact,
    paired_difference,
)

LEVEL = 0.05
"""A difference counts as beyond chance when its corrected p-value is below this."""
TRAINING_NOISE = 0.15
"""Standard deviation over seeds of the log odds of a number being right, allowed for where it cannot be measured.

Odds, because points do not compare: this is 0.2 points at 98.5 % right, 0.4 at 97 %, 1.9 at 85 % and 3.8 at 50 %.
Measured over three seeds each, strips taken off, were 0.12 points at 98.6 % (``heads``, three minutes) and 1.2 at 68 %
(``heads``, 10,000 strips), odds of 0.09 and 0.06; so few seeds measure it badly, and other budgets may do worse.
"""
POWER = 0.8
"""The chance that as many strips or seeds as are said to settle a difference do settle one of that size."""
MANY_STRIPS, MANY_SEEDS = 1_000_000, 1_000
"""More than these are not counted out."""

Right = NDArray[np.bool_]


@dataclass(frozen=True)
class Pair:
    """Two strategies on the same test strips.

    Attributes:
        strips_are: what sets their strips apart from others of the layout; empty where nothing does.
        difference: sequence accuracy of ``a`` less that of ``b``, the mean over seeds, with its 95 % interval: with one
            seed over strips, of these trained networks; with more over seeds and strips.
        only_a, only_b: strips, of all seeds, that one read and the other did not.
        p_value: exact McNemar test.
        corrected: the same after Holm's correction over all pairs of the comparison.
        again: p-value of the difference where trainings are a sample as strips are; corrected in the same way.
        seeds: how many were compared.
        strips: test strips of each run.
        spread: standard deviation of a seed's difference apart from the strips' part; allowed for, not measured, where
            ``seeds`` are one or two.
        resolved: whether one of the two is ahead beyond chance and training.
        needed_strips: test strips a run that would settle a difference of this size; ``None`` where it is settled, or
            no number of them would.
        needed_seeds: seeds that would, with as many strips as now; ``None`` where it is settled, or more than 1,000.
    """

    layout: str
    a: str
    b: str
    difference: float
    low: float
    high: float
    only_a: int
    only_b: int
    p_value: float
    corrected: float = 1.0
    again: float = 1.0
    seeds: int = 1
    strips: int = 0
    spread: float = 0.0
    resolved: bool = False
    needed_strips: int | None = None
    needed_seeds: int | None = None
    strips_are: str = ""


def pairs(runs: Sequence[Run]) -> list[Pair]:
    """Every two strategies on every layout, over the strips of all seeds that both have runs for.

    Raises:
        RunError: two runs of one layout and seed were tested on different strips.
    """
    answers: dict[tuple[str, str], dict[tuple[int, Any], Run]] = {}
    for run in runs:
        settings = run.settings
        # Runs are paired where all but the strategy is the same.
        rest = (settings.digits_name, settings.backbone.name, settings.backbone.width)
        answers.setdefault((settings.layout.name, settings.strategy_name), {})[settings.seed, rest] = run
    paired_runs = []
    for (layout, a), (other, b) in itertools.combinations(answers, 2):
        if layout == other:
            seeds: dict[int, list[tuple[Right, Right]]] = {}
            for (seed, _), couple in couples(answers[layout, a].items(), answers[other, b].items()).items():
                seeds.setdefault(seed, []).append(couple)
            if seeds:
                paired_runs.append(PairedRuns(layout, a, b, list(seeds.values())))
    return judged(paired_runs)


def couples(one: Iterable[tuple[Any, Run]], two: Iterable[tuple[Any, Run]]) -> dict[Any, tuple[Right, Right]]:
    """What the runs of one strategy and of another read of the same strips, by what tells a strategy's runs apart.

    Raises:
        RunError: two runs were tested on different strips.
    """
    others, found = dict(two), {}
    for key, run in one:
        if key in others:
            _same_strips(run, others[key])
            found[key] = _right(run), _right(others[key])
    return found


@dataclass(frozen=True)
class PairedRuns:
    """What two strategies read of the same strips.

    Attributes:
        seeds: for each seed the strips that ``a`` and ``b`` read right, ``bool`` of shape (N,) each; several couples
            where the seed has runs with, say, several backbones.
        strips_are: see ``Pair``.
    """

    layout: str
    a: str
    b: str
    seeds: Sequence[Sequence[tuple[Right, Right]]]
    strips_are: str = ""


def judged(paired_runs: Sequence[PairedRuns]) -> list[Pair]:
    """The pairs of a whole comparison, corrected for being so many."""
    alone = [measured(contest) for contest in paired_runs]
    corrected = holm([pair.p_value for pair, _, _ in alone])
    again = holm([mean.p_value for _, mean, _ in alone])
    found = []
    for (pair, mean, strips), p, trained in zip(alone, corrected, again, strict=True):
        pair = replace(pair, corrected=p, again=trained, resolved=p < LEVEL and trained < LEVEL)
        if not pair.resolved:
            # Every pair alone at the level that the correction asks of the hardest to tell apart: enough for any.
            level = 1 - LEVEL / len(alone)
            pair = replace(
                pair,
                needed_strips=_needed_strips(pair, strips, level),
                needed_seeds=_needed_seeds(pair, max(mean.variance, strips), level),
            )
        found.append(pair)
    return found


def measured(contest: PairedRuns) -> tuple[Pair, TrainedDifference, float]:
    """The pair before correction, its difference over trainings, the strips' variance in one seed's difference."""
    every = [couple for seed in contest.seeds for couple in seed]
    a, b = (np.concatenate(side) for side in zip(*every, strict=True))
    test, pooled = mcnemar_exact(a, b), paired_difference(a, b)
    differences, strips, allowed = [], [], []
    for seed in contest.seeds:
        gaps = [one.astype(np.int8) - two for one, two in seed]
        differences.append(float(np.mean([gap.mean() for gap in gaps])))
        # Runs of one seed may share strips, so what they add up to is no surer than one of them.
        strips.append(float(np.mean([gap.var() / len(gap) for gap in gaps])))
        # A change of the log odds by x moves a share p by p (1 - p) x.
        slopes = [[right.mean() * (1 - right.mean()) for right in couple] for couple in seed]
        allowed += [TRAINING_NOISE * math.hypot(*slope) for slope in slopes]
    mean = difference_over_trainings(differences, strips, float(np.mean(allowed)), 1 - LEVEL)
    low, high = pooled.low, pooled.high
    if len(differences) > 1:
        # Seeds that happen to agree must not make it surer than the strips alone would.
        low, high = min(low, mean.low), max(high, mean.high)
    pair = Pair(
        contest.layout,
        contest.a,
        contest.b,
        mean.difference,
        low,
        high,
        test.b,
        test.c,
        test.p_value,
        seeds=len(differences),
        strips=len(every[0][0]),
        spread=mean.spread,
        strips_are=contest.strips_are,
    )
    return pair, mean, float(np.mean(strips))


def _needed_strips(pair: Pair, strips: float, level: float) -> int | None:
    """Test strips a run with which the difference seen would be as many standard errors from 0 as is asked."""
    errors = _errors(level, pair.seeds)
    # What more strips leave is the training's part.
    room = pair.seeds * (pair.difference / errors) ** 2 - pair.spread**2
    return max(pair.strips + 1, math.ceil(pair.strips * strips / room)) if room > 0 else None


def _needed_seeds(pair: Pair, variance: float, level: float) -> int | None:
    """Seeds with which it would be, where one seed's difference has that variance."""

    def enough(seeds: int) -> bool:
        return 0 < _errors(level, seeds) * math.sqrt(variance / seeds) <= abs(pair.difference)

    few = next((seeds for seeds in range(pair.seeds + 1, FEWEST) if enough(seeds)), None)
    if few is not None or not enough(MANY_SEEDS):
        return few
    low, high = max(pair.seeds, FEWEST - 1), MANY_SEEDS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _errors(level: float, seeds: int) -> float:
    """Standard errors that a difference must be wide for its interval to exclude 0 as often as ``POWER`` says."""
    # Half of what is outside the symmetric interval of 2 * POWER - 1 lies beyond its upper end.
    return critical(level, seeds) + critical(2 * POWER - 1, seeds)


def _right(run: Run) -> Right:
    return metrics.right(run.answers["slots"], run.answers["answers"])


def _same_strips(a: Run, b: Run) -> None:
    if not np.array_equal(a.answers["slots"], b.answers["slots"]):
        raise RunError(f"{a.path} and {b.path}: tested on different strips, so they cannot be compared pair by pair")


def between(found: Sequence[Pair], layout: str, one: str, two: str) -> Pair | None:
    """The pair of two strategies on a layout, turned so that ``one`` comes first."""
    for pair in found:
        if pair.layout == layout and (pair.a, pair.b) == (one, two):
            return pair
        if pair.layout == layout and (pair.a, pair.b) == (two, one):
            turned = {"a": one, "b": two, "only_a": pair.only_b, "only_b": pair.only_a}
            return replace(pair, **turned, difference=-pair.difference, low=-pair.high, high=-pair.low)  # type: ignore[arg-type]
    return None


def all_ahead(found: Sequence[Pair], layout: str, leaders: Sequence[str], name: str) -> bool:
    """Whether all of the leaders are ahead of that strategy beyond chance."""
    between = [between(found, layout, leader, name) for leader in leaders]
    return all(pair is not None and pair.resolved and pair.difference > 0 for pair in between)
