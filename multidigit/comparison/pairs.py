"""Every two strategies on the same strips: who is ahead, and whether that would happen again.

The question is about strategies, not about the networks that happen to stand in the folder: would the same one win if
all were trained anew, with other seeds, and tested on other strips? A seed decides the digits, the strips and the
training, so seeds are the sample, and what belongs to one seed is averaged. Two explanations stand against a winner,
and it is named only where both are rejected, each at 5 % after Shaffer's correction over all pairs of the comparison
(Holm's, less where equality of some pairs is ruled out by others: two that differ cannot both equal a third):

- the strips: McNemar's exact test on all strips that one strategy read and the other did not;
- the training: from three seeds on Student's t test of the seeds' differences. One or two seeds do not show how much a
  training alone changes, so `TRAINING_NOISE` is allowed for it.

In the same way two are called the same within a margin only where both explanations of a difference of that size are
rejected, by the two one-sided tests of equivalence, each at 5 % after Holm's correction over the pairs of which none is
ahead.

With one seed the interval is Tango's, over strips, and so speaks of these trained networks alone; with more it is over
seeds and strips.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from multidigit.comparison.groups import STRIPS, Flat, flat_settings, group_strategies, json_text, section, varying_keys
from multidigit.comparison.looks import LookPlan
from multidigit.metrics import right
from multidigit.runs import ANSWERS, Run
from multidigit.statistics import (
    FEWEST,
    TrainedDifference,
    critical,
    difference_over_trainings,
    equivalence_over_trainings,
    holm,
    mcnemar_exact,
    paired_difference,
    paired_equivalence,
    step_down,
)

LEVEL = 0.05
"""A difference counts as beyond chance, or as within the margin, when its corrected p-values are below this."""
MARGIN = 0.01
"""Difference in sequence accuracy from which on it matters, where no other is asked for."""
TRAINING_NOISE = 0.15
"""Standard deviation over seeds of the log odds of a number being right, allowed for where it cannot be measured.

Odds, because points do not compare: this is 0.2 points at 98.5 % right, 0.4 at 97 %, 1.9 at 85 % and 3.8 at 50 %.
Measured over three seeds each, strips taken off, were 0.12 points at 98.6 % (``heads``, three minutes) and 1.2 at 68 %
(``heads``, 10,000 strips), odds of 0.09 and 0.06; so few seeds measure it badly, and other budgets may do worse.
"""
POWER = 0.8
"""The chance that as many strips or seeds as are called enough do settle a difference of the size seen."""
MOST_NAMES = 6
"""Strategies up to which is worked out how many of their pairs can be equal together."""
MANY_STRIPS, MANY_SEEDS = 1_000_000, 1_000
"""Larger numbers of them are not worked out."""

Right = NDArray[np.bool_]


@dataclass(frozen=True)
class Pair:
    """Two strategies on the same test strips.

    Attributes:
        layout: ``structured``, ``free`` or ``scene``.
        a, b: the two strategies.
        difference: sequence accuracy of ``a`` less that of ``b``, the mean over seeds, -1 to 1.
        low, high: its 95 % interval: with one seed over strips, of these trained networks; with more over seeds and
            strips.
        only_a, only_b: strips, of all seeds, that one read and the other did not.
        p_value: exact McNemar test; where seeds share their strips, twice the median of each seed's.
        p_corrected: the same after Shaffer's correction over all pairs of the comparison.
        p_trainings: of the difference where trainings are a sample as strips are; corrected in the same way.
        seeds: how many were compared.
        strips: test strips of each run.
        p_same: of the hypothesis that the two differ by the margin or more, either way; after Holm's
            correction.
        same: whether they differ by less than the margin, whatever strips and training add.
        margin: the least difference that matters, 0 to 1.
        spread: standard deviation of a seed's difference apart from the strips' part; allowed for, not measured, where
            ``seeds`` are one or two.
        resolved: whether one of the two is ahead beyond chance and training.
        needed_strips: test strips a run that would settle a difference of this size; ``None`` where it is settled, or
            no number of them would.
        needed_seeds: seeds that would, with as many strips as now; ``None`` where it is settled, or more than 1,000.
        needed_same: seeds that would show the two the same, if they differ by no more than this; likewise, and ``None``
            where that is the margin or more.
        condition: what sets these strips apart from others of the layout, such as ``gap 3``; empty where nothing does.
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
    p_corrected: float = 1.0
    p_trainings: float = 1.0
    p_same: float = 1.0
    same: bool = False
    margin: float = MARGIN
    seeds: int = 1
    strips: int = 0
    spread: float = 0.0
    resolved: bool = False
    needed_strips: int | None = None
    needed_seeds: int | None = None
    needed_same: int | None = None
    condition: str = ""

    @property
    def open(self) -> bool:
        """Whether it is neither known that one is ahead nor that the two are the same."""
        return not (self.resolved or self.same)

    def turned(self) -> Pair:
        """The same pair with ``b`` first."""
        return replace(
            self,
            a=self.b,
            b=self.a,
            difference=-self.difference,
            low=-self.high,
            high=-self.low,
            only_a=self.only_b,
            only_b=self.only_a,
        )


@dataclass(frozen=True)
class PairedRuns:
    """What two strategies read of the same strips.

    Attributes:
        seeds: for each seed the strips that ``a`` and ``b`` read right, ``bool`` of shape (N,) each; several couples
            where the seed has runs with, say, several backbones.
        layout, a, b, condition: as of a ``Pair``.
        shared: whether all seeds were tested on the same strips, as where a table says which pictures are for the test.
    """

    layout: str
    a: str
    b: str
    seeds: Sequence[Sequence[tuple[Right, Right]]]
    condition: str = ""
    shared: bool = False


@dataclass(frozen=True)
class MeasuredPair:
    """A pair taken by itself, before correction for there being several.

    Attributes:
        pair: without what correction adds.
        mean: the difference over trainings.
        variance: the strips' part of the variance of one seed's difference.
        errors: the share of strips that each of the two read wrongly, of at least half a strip.
    """

    pair: Pair
    mean: TrainedDifference
    variance: float
    errors: tuple[float, float]


@dataclass(frozen=True)
class Incomparable:
    """Two runs, by name, that should have read the same test strips and did not."""

    a: str
    b: str


def pair_runs(runs: Sequence[Run]) -> tuple[list[PairedRuns], list[Incomparable]]:
    """Every two strategies on every layout and number of slots, and the runs that had to be left out.

    Two runs are paired where seed, strips and backbone are the same, and so are all other settings in which runs of
    both strategies vary.
    """
    paired, refused = [], []
    for (layout, condition), strategies in group_strategies(runs).items():
        flats = {name: [flat_settings(run.settings) for run in some] for name, some in strategies.items()}
        for a, b in combinations(strategies, 2):
            shared = set(varying_keys(flats[a])) & set(varying_keys(flats[b]))
            one, two = (
                [(_match(flat, shared), run) for flat, run in zip(flats[name], strategies[name], strict=True)]
                for name in (a, b)
            )
            seeds, left_out = pair_answers(one, two)
            refused += left_out
            if seeds:
                paired.append(PairedRuns(layout, a, b, seeds, condition, _shared(strategies[a])))
    return paired, refused


def _shared(runs: Sequence[Run]) -> bool:
    """Whether runs of several seeds read the same strips. Generated ones are other strips for each seed."""
    tested = [run.answers["slots"] for run in runs if run.settings.data and run.has(ANSWERS)]
    return len(tested) > 1 and all(np.array_equal(tested[0], slots) for slots in tested)


def _match(flat: Flat, shared: set[str]) -> str:
    """What two runs must have in common to be paired."""
    sections = {*STRIPS, "seed", "backbone"}
    return json_text({key: value for key, value in flat.items() if key in shared or section(key) in sections})


def pair_answers(
    one: Iterable[tuple[object, Run]], two: Iterable[tuple[object, Run]]
) -> tuple[list[list[tuple[Right, Right]]], list[Incomparable]]:
    """What runs of one strategy and of another read of the same strips, seed by seed.

    Runs are matched by the value given with each. Those that were tested on different strips, or whose answers were not
    kept, are returned as incomparable.
    """
    others = dict(two)
    seeds: dict[int, list[tuple[Right, Right]]] = {}
    refused = []
    for key, run in one:
        if (other := others.get(key)) is None:
            continue
        kept = run.has(ANSWERS) and other.has(ANSWERS)
        if kept and np.array_equal(run.answers["slots"], other.answers["slots"]):
            seeds.setdefault(run.settings.seed, []).append((_right(run), _right(other)))
        else:
            refused.append(Incomparable(run.name, other.name))
    return list(seeds.values()), refused


def _right(run: Run) -> Right:
    return right(run.answers["slots"], run.answers["answers"])


def compare_pairs(measured: Sequence[MeasuredPair], looks: LookPlan | None = None) -> list[Pair]:
    """All pairs of a comparison, corrected for being so many, and for looking so often where there are ``looks``."""
    paid = LEVEL / looks.level if looks else 1.0

    def looked(p_values: Iterable[float]) -> list[float]:
        return [min(1.0, paid * p_value) for p_value in p_values]

    def most(false: Sequence[int]) -> int:
        return _most_equal([one.pair for one in measured], set(false))

    corrected = step_down(looked(one.pair.p_value for one in measured), most)
    trainings = step_down(looked(one.mean.p_value for one in measured), most)
    resolved = [max(values) < LEVEL for values in zip(corrected, trainings, strict=True)]
    of_same = looked(one.pair.p_same for one in measured)
    # Where one is ahead that is the verdict, and only the other pairs can be called the same wrongly.
    undecided = iter(holm([value for value, won in zip(of_same, resolved, strict=True) if not won]))
    same = [value if won else next(undecided) for value, won in zip(holm(of_same), resolved, strict=True)]
    found = []
    for one, p, p_trainings, p_same, won in zip(measured, corrected, trainings, same, resolved, strict=True):
        pair = replace(
            one.pair, p_corrected=p, p_trainings=p_trainings, resolved=won, p_same=p_same, same=p_same < LEVEL
        )
        if not won:
            # Each pair alone, at the level that the correction asks of the hardest to tell apart: enough for any.
            share = LEVEL / len(measured) / paid
            variance = max(one.mean.variance, one.variance)
            room = pair.margin - abs(pair.difference)
            pair = replace(
                pair,
                needed_strips=_needed_strips(pair, one.variance, 1 - share),
                needed_seeds=_needed_seeds(pair.seeds, abs(pair.difference), variance, 1 - share),
                # Both tests must reject, each on its side alone: twice the share outside of one interval.
                needed_same=None if pair.same else _needed_seeds(pair.seeds, room, variance, 1 - 2 * share),
            )
        found.append(pair)
    return found


def _most_equal(pairs: Sequence[Pair], false: Collection[int]) -> int:
    """Of how many pairs both can be equal, those at the places ``false`` not being so: where a is like b, and b like c,
    a is like c."""
    groups: dict[tuple[str, str], tuple[set[frozenset[str]], set[frozenset[str]]]] = {}
    for place, pair in enumerate(pairs):
        among = groups.setdefault((pair.layout, pair.condition), (set(), set()))
        among[place in false].add(frozenset((pair.a, pair.b)))
    return sum(_most_alike(sorted(set().union(*equal)), equal, other) for equal, other in groups.values())


def _most_alike(names: Sequence[str], equal: set[frozenset[str]], other: set[frozenset[str]]) -> int:
    """How many of the pairs ``equal`` can lie within parts of the names that hold none of the pairs ``other``."""
    if len(names) > MOST_NAMES:
        return len(equal)  # so many parts are too many to try
    if not names:
        return 0
    first, *rest = names
    found = 0
    for count in range(len(rest) + 1):
        for chosen in combinations(rest, count):
            within = {frozenset(couple) for couple in combinations((first, *chosen), 2)}
            if not within & other:
                left = [name for name in rest if name not in chosen]
                found = max(found, len(within & equal) + _most_alike(left, equal, other))
    return found


def measure_pair(paired: PairedRuns, margin: float = MARGIN) -> MeasuredPair:
    """Difference, intervals and tests of one pair; ``margin`` is the least difference that matters."""
    couples = [couple for seed in paired.seeds for couple in seed]
    a, b = (np.concatenate(side) for side in zip(*couples, strict=True))
    test, pooled = mcnemar_exact(a, b), paired_difference(a, b)
    p_value, p_same = test.p_value, paired_equivalence(a, b, margin)
    if paired.shared:
        # The same strips once more are no further strips. Twice the median of p-values that depend on one another in
        # any way is a p-value (Rüger 1978).
        p_value = min(1.0, 2 * float(np.median([mcnemar_exact(*couple).p_value for couple in couples])))
        p_same = min(1.0, 2 * float(np.median([paired_equivalence(*couple, margin) for couple in couples])))
    differences, variances, allowed = [], [], []
    for seed in paired.seeds:
        gaps = [one.astype(np.int8) - two for one, two in seed]
        differences.append(float(np.mean([gap.mean() for gap in gaps])))
        # Runs of one seed may share strips, so together they are no surer than one of them.
        variances.append(float(np.mean([gap.var() / len(gap) for gap in gaps])))
        # A change of the log odds by x moves a share p by p (1 - p) x.
        slopes = [[side.mean() * (1 - side.mean()) for side in couple] for couple in seed]
        allowed += [TRAINING_NOISE * math.hypot(*slope) for slope in slopes]
    mean = difference_over_trainings(differences, variances, float(np.mean(allowed)), 1 - LEVEL)
    p_same = max(p_same, equivalence_over_trainings(mean, len(differences), margin))
    low, high = pooled.low, pooled.high
    if len(differences) > 1:
        # Seeds that happen to agree must not make it surer than the strips alone would.
        low, high = min(low, mean.low), max(high, mean.high)
    pair = Pair(
        paired.layout,
        paired.a,
        paired.b,
        mean.difference,
        low,
        high,
        test.b,
        test.c,
        p_value,
        p_same=p_same,
        margin=margin,
        seeds=len(differences),
        strips=len(couples[0][0]),
        spread=mean.spread,
        condition=paired.condition,
    )
    errors = tuple(max(float((~side).sum()), 0.5) / side.size for side in (a, b))
    return MeasuredPair(pair, mean, float(np.mean(variances)), (errors[0], errors[1]))


def _needed_strips(pair: Pair, variance: float, level: float) -> int | None:
    """Test strips a run with which the difference would be as many standard errors from 0 as is asked."""
    errors = _errors(level, pair.seeds)
    # What more strips leave is the training's part.
    room = pair.seeds * (pair.difference / errors) ** 2 - pair.spread**2
    return max(pair.strips + 1, math.ceil(pair.strips * variance / room)) if room > 0 else None


def _needed_seeds(known: int, distance: float, variance: float, level: float) -> int | None:
    """Seeds, more than are known, with which a distance would be, where one seed's difference has that variance."""

    def enough(seeds: int) -> bool:
        return 0 < _errors(level, seeds) * math.sqrt(variance / seeds) <= distance

    few = next((seeds for seeds in range(known + 1, FEWEST) if enough(seeds)), None)
    if few is not None or not enough(MANY_SEEDS):
        return few
    candidates = range(max(known + 1, FEWEST), MANY_SEEDS + 1)
    return candidates[bisect_left(candidates, True, key=enough)]


def _errors(level: float, seeds: int) -> float:
    """Standard errors that a difference must be wide for its interval to exclude 0 as often as ``POWER`` says."""
    # Half of what is outside the symmetric interval of 2 * POWER - 1 lies beyond its upper end.
    return critical(level, seeds) + critical(2 * POWER - 1, seeds)


def find_pair(pairs: Sequence[Pair], layout: str, condition: str, one: str, two: str) -> Pair | None:
    """The pair of two strategies on a layout, turned so that ``one`` comes first."""
    for pair in pairs:
        if (pair.layout, pair.condition) == (layout, condition) and {pair.a, pair.b} == {one, two}:
            return pair if pair.a == one else pair.turned()
    return None
