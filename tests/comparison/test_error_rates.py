"""What intervals, verdicts and crossovers claim, held against trainings and strips that are drawn at random.

A simulated strip is read where its easiness, which all strategies share in part, beats a threshold; each training moves
the threshold of its network. Two strategies are equal when the thresholds are equal before training moves them. Of each
claim the telling cases are tried by default, the others with the slow tests.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import cache
from statistics import NormalDist

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats  # type: ignore[import-untyped, unused-ignore]

from multidigit.comparison import Cost, Crossover, Pair, pairs
from multidigit.comparison.crossover import find_crossover
from multidigit.comparison.looks import EACH_SEED, MOST, STAGES, LookPlan
from multidigit.comparison.pairs import (
    LEVEL,
    TRAINING_NOISE,
    PairedRuns,
    compare_pairs,
    measure_pair,
)
from multidigit.comparison.verdict import give_verdict
from multidigit.statistics import difference_over_trainings, paired_difference, wilson_interval

slow = pytest.mark.slow
STRIPS = 300
SHARED = 0.7
"""Part of a strip's easiness that all networks share, as variance: it makes them err on the same strips."""
NAMES = ("heads", "sigmoid", "cut")


def networks(
    rng: np.random.Generator, shape: Sequence[int], accuracies: Sequence[float], noise: float
) -> NDArray[np.bool_]:
    """Strips read right by one training of each strategy: ``bool``, shape (*shape, strategies, STRIPS).

    Args:
        shape: simulations, seeds and whatever else is drawn anew.
        accuracies: of each strategy, before training moves it.
        noise: standard deviation over trainings of the log odds of being right.
    """
    normal = NormalDist()
    thresholds = np.array([normal.inv_cdf(share) for share in accuracies])
    steps = np.array([noise * share * (1 - share) / normal.pdf(normal.inv_cdf(share)) for share in accuracies])
    moved = thresholds + steps * rng.standard_normal((*shape, len(accuracies)))
    easy = math.sqrt(SHARED) * rng.standard_normal((*shape, 1, STRIPS), np.float32)
    own = math.sqrt(1 - SHARED) * rng.standard_normal((*shape, len(accuracies), STRIPS), np.float32)
    return np.asarray(easy + own < moved[..., None])


def difference(a: float, b: float, noise: float) -> float:
    """The mean over all trainings of two strategies' difference; training's noise draws shares to one half a little."""
    normal = NormalDist()
    means = []
    for share in (a, b):
        threshold = normal.inv_cdf(share)
        step = noise * share * (1 - share) / normal.pdf(threshold)
        means.append(normal.cdf(threshold / math.hypot(1, step)))
    return means[0] - means[1]


def paired(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> PairedRuns:
    """Two strategies over seeds: each of shape (seeds, STRIPS)."""
    return PairedRuns("free", "a", "b", [[couple] for couple in zip(a, b, strict=True)])


def pair(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> Pair:
    (found,) = compare_pairs([measure_pair(paired(a, b))])
    return found


@pytest.mark.parametrize("share", [0.5, 0.85, 0.986])
@pytest.mark.parametrize("strips", [500, 5_000])
def test_wilson_covers(share: float, strips: int) -> None:
    """Without simulation: the chance of every count, summed where the interval holds the true share."""
    counts = np.arange(*(int(stats.binom.ppf(q, strips, share)) for q in (1e-6, 1 - 1e-6)))
    held = [wilson_interval(int(count), strips) for count in counts]
    covered = sum(stats.binom.pmf(counts, strips, share)[[low <= share <= high for low, high in held]])
    assert 0.935 <= covered <= 0.97


@pytest.mark.parametrize(
    ("only_a", "only_b", "strips"),
    [(0.02, 0.02, 500), (0.03, 0.023, 5_000), (0.12, 0.03, 300), (0.72, 0.001, 1_000)],
)
def test_tango_covers(only_a: float, only_b: float, strips: int) -> None:
    rng = np.random.default_rng(1)
    counts, times = np.unique(
        rng.multinomial(strips, [only_a, only_b, 1 - only_a - only_b], 2_500), axis=0, return_counts=True
    )
    held = []
    for b, c, _ in counts.tolist():
        found = paired_difference(np.arange(strips) < b, (np.arange(strips) >= b) & (np.arange(strips) < b + c))
        held.append(found.low <= only_a - only_b <= found.high)
    assert 0.935 <= np.average(held, weights=times) <= 0.97


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_students_interval_over_seeds_and_strips_covers(seeds: int, noise: float) -> None:
    """Whatever the training adds: nothing, or much more than is ever allowed for."""
    right = networks(np.random.default_rng(2), (2_000, seeds), (0.9, 0.8), noise)
    gaps = right[:, :, 0].mean(-1) - right[:, :, 1].mean(-1)
    truth = difference(0.9, 0.8, noise)
    found = [difference_over_trainings(row, [1e-4] * seeds, 0.0) for row in gaps.tolist()]
    assert 0.935 <= np.mean([each.low <= truth <= each.high for each in found]) <= 0.97


@pytest.mark.parametrize(
    ("seeds", "noise", "most"),
    [
        # One or two seeds: as much noise as is allowed for.
        (2, TRAINING_NOISE, 0.99),
        # From three on: never narrower than the strips alone make it, so wider than need be without any noise.
        pytest.param(3, 0.0, 1.0, marks=slow),
        (3, 0.5, 0.98),
        pytest.param(5, 0.5, 0.98, marks=slow),
    ],
)
def test_the_pairs_interval_covers(seeds: int, noise: float, most: float) -> None:
    right = networks(np.random.default_rng(3), (600, seeds), (0.88, 0.85), noise)
    truth = difference(0.88, 0.85, noise)
    found = [pair(one[:, 0], one[:, 1]) for one in right]
    assert 0.93 <= np.mean([each.low <= truth <= each.high for each in found]) <= most


def test_one_seeds_interval_covers_the_difference_of_these_networks() -> None:
    rng = np.random.default_rng(4)
    covered = []
    for _ in range(30):
        # Two networks, tested again and again.
        a, b = 0.9 + 0.03 * rng.standard_normal(2)
        found = [pair(one[:, 0], one[:, 1]) for one in networks(rng, (30, 1), (a, b), 0.0)]
        covered += [each.low <= a - b <= each.high for each in found]
    assert 0.935 <= np.mean(covered) <= 0.97


def compared(right: NDArray[np.bool_]) -> tuple[list[Pair], bool]:
    """All pairs of one comparison, and if any verdict is a win; of shape (layouts, seeds, strategies, STRIPS)."""
    layouts = ("structured", "free")[: len(right)]
    measured = [
        measure_pair(PairedRuns(layout, NAMES[a], NAMES[b], [[(seed[a], seed[b])] for seed in seeds]))
        for layout, seeds in zip(layouts, right, strict=True)
        for a, b in itertools.combinations(range(seeds.shape[1]), 2)
    ]
    found = compare_pairs(measured)
    costs = {name: Cost(1.0, 1.0, 1.0, 1.0) for name in NAMES}
    outcomes = [
        give_verdict(layout, "", dict(zip(NAMES, seeds.mean((0, 2)), strict=True)), costs, found).outcome
        for layout, seeds in zip(layouts, right, strict=True)
    ]
    return found, "wins" in outcomes


def share_of_winners(accuracies: Sequence[float], noise: float, seeds: int, layouts: int, draws: int) -> float:
    right = networks(np.random.default_rng(5), (draws, layouts, seeds), accuracies, noise)
    return float(np.mean([compared(one)[1] for one in right]))


@pytest.mark.parametrize(
    ("seeds", "noise"),
    [
        pytest.param(1, 0.0, marks=slow),
        pytest.param(1, TRAINING_NOISE, marks=slow),
        (3, TRAINING_NOISE),
        pytest.param(5, 3 * TRAINING_NOISE, marks=slow),
    ],
)
@pytest.mark.parametrize("accuracies", [(0.85, 0.85, 0.85), (0.9, 0.9, 0.2)], ids=["three", "two before a third"])
def test_of_equals_none_wins(accuracies: tuple[float, ...], seeds: int, noise: float) -> None:
    """The second case is harder: both are ahead of the third for certain, which leaves the correction less to do.

    It may come to all of the 5 % there, so as many are allowed as 200 draws of that chance yield at most.
    """
    most = 0.05 if accuracies[2] > 0.2 else stats.binom.ppf(0.99, 200, 0.05) / 200
    assert share_of_winners(accuracies, noise, seeds, layouts=2, draws=200) <= most


@pytest.mark.parametrize(
    ("seeds", "noise"),
    [(1, TRAINING_NOISE), (3, TRAINING_NOISE / 4), pytest.param(5, TRAINING_NOISE, marks=slow)],
)
@pytest.mark.parametrize("way", [1, -1])
def test_what_differs_by_the_margin_is_not_the_same(seeds: int, noise: float, way: int) -> None:
    margin = 0.06
    right = networks(np.random.default_rng(9), (400, seeds), (0.9, 0.9 - way * margin), noise)
    truth = abs(difference(0.9, 0.9 - way * margin, noise))
    measured = [measure_pair(paired(one[:, 0], one[:, 1]), truth) for one in right]
    assert np.mean([compare_pairs([one])[0].same for one in measured]) <= stats.binom.ppf(0.99, 400, LEVEL) / 400


@pytest.mark.parametrize(("seeds", "noise"), [(3, TRAINING_NOISE / 2), pytest.param(3, 2 * TRAINING_NOISE, marks=slow)])
@pytest.mark.parametrize("third", [pytest.param(0.97, marks=slow), 0.9, pytest.param(0.88, marks=slow)])
def test_among_three_none_are_called_the_same_wrongly(seeds: int, noise: float, third: float) -> None:
    """Where two differ by the margin, wherever the third lies: pairs with a winner are left out of the correction."""
    accuracies = (0.94, 0.91, third)
    margin = abs(difference(*accuracies[:2], noise))
    differ = {
        couple
        for couple in itertools.combinations(range(3), 2)
        if abs(difference(*(accuracies[each] for each in couple), noise)) > margin - 1e-9
    }
    right = networks(np.random.default_rng(13), (300, seeds), accuracies, noise)
    wrong = 0
    for one in right:
        measured = [
            measure_pair(PairedRuns("free", NAMES[a], NAMES[b], [[(seed[a], seed[b])] for seed in one]), margin)
            for a, b in itertools.combinations(range(3), 2)
        ]
        found = compare_pairs(measured)
        wrong += any(
            each.same and not each.resolved and (NAMES.index(each.a), NAMES.index(each.b)) in differ for each in found
        )
    assert wrong <= stats.binom.ppf(0.99, 300, LEVEL)


@pytest.mark.parametrize(("seeds", "power"), [(1, 0.2), (3, 0.6), (6, 0.95)])
def test_what_hardly_differs_is_the_same(seeds: int, power: float) -> None:
    right = networks(np.random.default_rng(10), (100, seeds), (0.97, 0.97), TRAINING_NOISE)
    assert (
        np.mean([compare_pairs([measure_pair(paired(one[:, 0], one[:, 1]), 0.03)])[0].same for one in right]) >= power
    )


def looked(right: NDArray[np.bool_], margin: float, looks: LookPlan) -> str:
    """What is found of two strategies, seeds along the first axis."""
    for seeds in looks.seeds:
        found = measure_pair(paired(right[:seeds, 0], right[:seeds, 1]), margin)
        (decided,) = compare_pairs([found], looks)
        if decided.resolved or decided.same:
            return "wins" if decided.resolved else "same"
    return "open"


@pytest.mark.parametrize(("looks", "draws"), [pytest.param(EACH_SEED, 1_000, marks=slow), (STAGES, 300)])
def test_looking_more_than_once_names_no_more_false_winners(looks: LookPlan, draws: int) -> None:
    right = networks(np.random.default_rng(11), (draws, looks.seeds[-1]), (0.85, 0.85), TRAINING_NOISE)
    wrong = np.mean([looked(one, 1e-6, looks) == "wins" for one in right])
    assert wrong <= stats.binom.ppf(0.99, draws, LEVEL) / draws


@pytest.mark.parametrize("looks", [STAGES, EACH_SEED])
def test_looking_more_than_once_calls_no_more_the_same(looks: LookPlan) -> None:
    noise = TRAINING_NOISE / 2
    margin = difference(0.9, 0.84, noise)
    right = networks(np.random.default_rng(15), (200, looks.seeds[-1]), (0.9, 0.84), noise)
    wrong = np.mean([looked(one, margin, looks) == "same" for one in right])
    assert wrong <= stats.binom.ppf(0.99, 200, LEVEL) / 200


@pytest.mark.parametrize("looks", [EACH_SEED, STAGES])
def test_the_level_of_a_look(looks: LookPlan) -> None:
    """At a constant level Student's t test errs in 5 % over all looks, and the one-sided one in no more."""
    drawn = np.random.default_rng(12).standard_normal((20_000, MOST))
    count = np.arange(1, MOST + 1)
    means = drawn.cumsum(1) / count
    variances = ((drawn**2).cumsum(1) / count - means**2) * count / np.maximum(count - 1, 1)
    at = np.array(looks.seeds) - 1
    ratios = (means / np.sqrt(np.maximum(variances, 1e-12) / count))[:, at]
    tails = stats.t.sf(np.abs(ratios), at)
    assert np.mean((2 * tails < looks.level).any(1)) == pytest.approx(LEVEL, abs=0.005)
    assert np.mean(((tails < looks.level) & (ratios > 0)).any(1)) <= LEVEL


def test_strips_alone_would_name_false_winners() -> None:
    """Why training is allowed for: McNemar's test, corrected, on one network each."""
    right = networks(np.random.default_rng(6), (100, 1, 1), (0.85, 0.85, 0.85), 2 * TRAINING_NOISE)
    assert np.mean([min(each.p_corrected for each in compared(one)[0]) < LEVEL for one in right]) > 0.3


@pytest.mark.parametrize("seeds", [1, 3, 5])
def test_a_real_winner_is_named(seeds: int) -> None:
    assert share_of_winners((0.95, 0.6, 0.6), TRAINING_NOISE, seeds, layouts=1, draws=60) >= 0.95


def test_the_number_of_strips_given_settles_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times of five, where the difference is of the size seen and training adds nothing."""
    monkeypatch.setattr(pairs, "TRAINING_NOISE", 0.0)
    shares = np.array([0.05, 0.04, 0.91])

    def tried(counts: NDArray[np.int64]) -> Pair:
        kinds = np.repeat([0, 1, 2], counts)
        return pair((kinds != 1)[None], (kinds != 0)[None])

    pilot = tried((1_000 * shares).astype(np.int64))
    assert not pilot.resolved
    assert pilot.needed_strips is not None
    draws = np.random.default_rng(7).multinomial(pilot.needed_strips, shares, 300)
    assert 0.73 <= np.mean([tried(counts).resolved for counts in draws]) <= 0.87


def test_the_number_of_seeds_given_settles_it() -> None:
    rng = np.random.default_rng(8)
    found = None
    for _ in range(20):
        right = networks(rng, (4,), (0.88, 0.85), TRAINING_NOISE)
        found = pair(right[:, 0], right[:, 1])
        if not found.resolved and found.difference > 0.01:
            break
    assert found is not None
    assert found.needed_seeds is not None
    # One seed's difference as this pair saw it: its size, its spread, and the strips' part.
    deviation = math.sqrt(found.spread**2 + (found.only_a + found.only_b) / 4 / STRIPS**2)
    drawn = rng.normal(found.difference, deviation, (1_000, found.needed_seeds)).tolist()
    settled = [difference_over_trainings(row, [0.0] * len(row), 0.0).p_value < LEVEL for row in drawn]
    assert 0.74 <= np.mean(settled) <= 0.9


DRAWS = 150
Curves = tuple[tuple[float, float], ...]
"""True accuracies of a and b at each value of a sweep."""


@cache
def crossovers(curves: Curves, seeds: int, draws: int = DRAWS) -> list[Crossover]:
    """What is found of a and b along so many sweeps."""
    rng = np.random.default_rng(1)
    right = [networks(rng, (draws, seeds), accuracies, TRAINING_NOISE) for accuracies in curves]
    found = []
    for draw in range(draws):
        measured = [measure_pair(paired(each[draw, :, 0], each[draw, :, 1])) for each in right]
        differences = [(each.mean.difference, each.mean.low, each.mean.high) for each in measured]
        gaps = [math.log(each.errors[1] / each.errors[0]) for each in measured]
        found.append(find_crossover("a", "b", differences, gaps, range(len(curves)), range(len(curves))))
    return found


def holds(found: Crossover, crossing: float) -> bool:
    """Whether all that is claimed about where who is ahead is true, if a is up to the crossing and b from there on."""
    if found.one == "b":
        return found.low is None and found.high is None
    return (found.low is None or found.low <= crossing) and (found.high is None or found.high >= crossing)


def line(crossing: float, slope: float) -> Curves:
    """a falls, b stays as it is, and at the crossing both read 85 %."""
    return tuple((0.85 + slope * (crossing - place), 0.85) for place in range(6))


def step(before: float, after: float) -> Curves:
    """a is ahead by so much up to 2, and b by so much from 3 on."""
    return ((0.85 + before, 0.85),) * 3 + ((0.85 - after, 0.85),) * 3


# The hardest for each end: one is far ahead, and the other by next to nothing.
HARD_END, HARD_BEGINNING = step(0.12, 1e-4), step(1e-4, 0.2)


@pytest.mark.parametrize(
    ("curves", "crossing", "seeds"),
    [
        (line(2.4, 0.03), 2.4, 3),
        pytest.param(line(0.5, 0.02), 0.5, 3, marks=slow),
        pytest.param(HARD_END, 2.5, 3, marks=slow),
        (HARD_BEGINNING, 2.5, 1),
    ],
    ids=["straight", "early", "hard end", "hard beginning, one seed"],
)
def test_a_crossings_interval_covers(curves: Curves, crossing: float, seeds: int) -> None:
    held = sum(holds(found, crossing) for found in crossovers(curves, seeds))
    # As few as a coverage of 95 % yields at worst.
    assert held >= stats.binom.ppf(0.01, DRAWS, 0.95)


NEVER: dict[str, Callable[[int], Curves]] = {
    "equals": lambda count: ((0.85, 0.85),) * count,
    "one just ahead": lambda count: ((0.87, 0.85),) * count,
    "one ahead, then equals": lambda count: ((0.95, 0.8),) * (count // 2) + ((0.8, 0.8),) * (count - count // 2),
    "equals but at first": lambda count: ((0.95, 0.8),) + ((0.8, 0.8),) * (count - 1),
    "equals but at last": lambda count: ((0.8, 0.8),) * (count - 1) + ((0.8, 0.95),),
}


@pytest.mark.parametrize(
    ("kind", "count", "seeds"),
    [
        ("equals", 6, 3),
        *(pytest.param(kind, 6, 3, marks=slow) for kind in NEVER if kind != "equals"),
        pytest.param("equals but at first", 12, 3, marks=slow),
        pytest.param("equals but at last", 6, 1, marks=slow),
    ],
)
def test_where_the_lead_never_changes_no_crossing_is_claimed(kind: str, count: int, seeds: int) -> None:
    """Only one end can err, with 2.5 %; as many as that yields at most are allowed."""
    claimed = sum(each.state == "crossing" for each in crossovers(NEVER[kind](count), seeds))
    assert claimed <= stats.binom.ppf(0.99, DRAWS, 0.025)


@pytest.mark.parametrize("count", [6, pytest.param(12, marks=slow)])
def test_more_values_make_no_more_false_leads(count: int) -> None:
    """Each of two equals leads at each end with 2.5 %, however many values there are."""
    leads = sum(each.low is not None or each.high is not None for each in crossovers(NEVER["equals"](count), 3))
    assert leads <= stats.binom.ppf(0.99, DRAWS, 4 * 0.025)


def test_leads_in_the_middle_would_claim_false_crossings() -> None:
    """Why both have to lead at their end of the sweep: among many values some are won by chance."""
    claimed = []
    for found in crossovers(NEVER["equals but at first"](12), 3):
        signs = [1 if low > 0 else -1 for _, low, high in found.differences if low > 0 or high < 0]
        claimed.append(any(a > b for a, b in itertools.pairwise(signs)))
    assert np.mean(claimed) > 0.12


def test_a_real_crossing_is_found_where_it_is() -> None:
    found = crossovers(line(2.4, 0.06), 5, 60)
    crossings = [each.at for each in found if each.state == "crossing"]
    assert len(crossings) >= 54
    assert np.mean(crossings) == pytest.approx(2.4, abs=0.1)
    assert np.std(crossings) < 0.4
