"""Every two strategies on the same strips: cases worked by hand. The error rates are in test_error_rates.py."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from helpers import fake_run
from scipy import stats  # type: ignore[import-untyped, unused-ignore]

from multidigit.comparison import Incomparable, Pair, pairs
from multidigit.comparison.looks import LookPlan
from multidigit.comparison.pairs import (
    MANY_SEEDS,
    TRAINING_NOISE,
    MeasuredPair,
    PairedRuns,
    compare_pairs,
    find_pair,
    measure_pair,
    pair_runs,
)
from multidigit.statistics import TrainedDifference, paired_difference, paired_equivalence


def compared(*paired: PairedRuns) -> list[Pair]:
    return compare_pairs([measure_pair(each) for each in paired])


def pairs_of(*runs: Any) -> list[Pair]:
    paired, incomparable = pair_runs(runs)
    assert incomparable == []
    return compared(*paired)


def seeds_of(*differences: int, both: int = 4_000, of: int = 5_000) -> PairedRuns:
    """Paired runs over seeds in which the first reads so many strips more than the second; 50 go the other way."""
    found = []
    for more in differences:
        right_a, right_b = np.zeros(of, bool), np.zeros(of, bool)
        right_a[: both + 50 + more] = True
        right_b[:both] = True
        right_b[of - 50 :] = True
        found.append([(right_a, right_b)])
    return PairedRuns("free", "heads", "cut", found)


def test_a_clear_win() -> None:
    (pair,) = pairs_of(fake_run("cut", 20), fake_run("heads", 0))
    assert (pair.layout, pair.a, pair.b, pair.only_a, pair.only_b) == ("free", "cut", "heads", 0, 20)
    assert pair.difference == pytest.approx(-0.2)
    # Twenty strips, all on one side: twice one half to the power of twenty.
    assert pair.p_value == pytest.approx(2 * 0.5**20)
    assert pair.p_corrected == pair.p_value
    gap = paired_difference(np.full(100, True), np.arange(100) >= 20)
    assert (pair.low, pair.high) == pytest.approx((-gap.high, -gap.low))
    assert (pair.seeds, pair.strips, pair.resolved) == (1, 100, True)
    assert (pair.needed_strips, pair.needed_seeds) == (None, None)


def test_what_chance_could_explain_is_unresolved() -> None:
    (pair,) = pairs_of(fake_run("heads", [0]), fake_run("cut", [1, 2, 3]))
    # One against three: twice (1 + 4) / 16.
    assert (pair.only_a, pair.only_b, pair.p_value) == (3, 1, pytest.approx(0.625))
    assert not pair.resolved
    (equal,) = pairs_of(fake_run("heads", [4]), fake_run("cut", [4]))
    assert (equal.difference, equal.p_value, equal.resolved) == (0, 1, False)
    assert (equal.needed_strips, equal.needed_seeds) == (None, None)


def test_training_may_undo_what_strips_show() -> None:
    # 5,000 strips, half of them read by both: 80 against 20 is beyond chance for these two networks, p = 2e-9.
    right_a, right_b = np.zeros(5_000, bool), np.zeros(5_000, bool)
    right_a[:2_580] = True
    right_b[80:2_600] = True
    (pair,) = compared(PairedRuns("free", "heads", "cut", [[(right_a, right_b)]]))
    assert (pair.only_a, pair.only_b) == (80, 20)
    assert pair.p_corrected < 1e-8
    assert 0 < pair.low < pair.difference < pair.high
    # At one half right, one training's noise is a quarter of that of the log odds.
    assert pair.spread == pytest.approx(TRAINING_NOISE * 0.25 * math.sqrt(2), rel=0.01)
    strips = (100 / 5_000 - 0.012**2) / 5_000
    assert pair.p_trainings == pytest.approx(2 * stats.norm.sf(0.012 / math.hypot(pair.spread, math.sqrt(strips))))
    assert not pair.resolved
    assert pair.needed_strips is None


def test_several_seeds_are_the_sample() -> None:
    (pair,) = compared(seeds_of(100, 150, 200))
    expected = stats.ttest_1samp([0.02, 0.03, 0.04], 0)
    assert (pair.seeds, pair.only_a, pair.only_b) == (3, 600, 150)
    assert pair.difference == pytest.approx(0.03)
    assert (pair.low, pair.high) == pytest.approx(expected.confidence_interval())
    assert pair.p_trainings == pytest.approx(expected.pvalue)
    assert pair.resolved


def test_the_same_strips_for_each_seed_count_once() -> None:
    paired = seeds_of(0, 30, 60)
    apart, shared = compared(paired)[0], compared(replace(paired, shared=True))[0]
    assert shared.p_value == pytest.approx(2 * stats.binomtest(50, 130).pvalue)
    assert shared.p_value > 100 * apart.p_value
    # Trainings agree here, so that what speaks against the same are the strips.
    paired = replace(seeds_of(20, 20, 20), shared=True)
    found = measure_pair(paired, 0.012).pair
    assert found.p_same == pytest.approx(2 * paired_equivalence(*paired.seeds[0][0], 0.012))
    # Twice a median is no more than 1.
    equal = measure_pair(replace(seeds_of(0, 0, 0), shared=True), 0.0001).pair
    assert (equal.p_value, equal.p_same) == (
        1,
        pytest.approx(min(1, 2 * paired_equivalence(*seeds_of(0).seeds[0][0], 0.0001))),
    )


def test_two_seeds_by_hand() -> None:
    found = measure_pair(seeds_of(0, 800))
    # 0.16 and 0 have a variance of 0.16² / 2, beside which that of strips and the noise allowed for are small.
    assert found.mean.variance == pytest.approx(0.0128)
    half = stats.norm.ppf(0.975) * 0.08
    assert (found.pair.low, found.pair.high) == pytest.approx((0.08 - half, 0.08 + half))
    # 4,050 and 4,850 of 5,000 right beside 4,050.
    assert found.errors == pytest.approx((0.11, 0.19))


def test_noise_is_allowed_for_each_seed() -> None:
    right = np.arange(5_000) < 2_500
    found = measure_pair(PairedRuns("free", "heads", "cut", [[(right, right)], [(right | True, right | True)]]))
    # At one half right a quarter of the noise in the log odds, of both; where all are right none.
    assert found.mean.spread == pytest.approx(TRAINING_NOISE * 0.25 * math.sqrt(2) / 2)
    # No error counts as half a strip.
    assert measure_pair(PairedRuns("free", "heads", "cut", [[(right | True, right)]])).errors == (0.5 / 5_000, 0.5)


def enough_seeds(distance: float, deviation: float, level: float) -> int:
    """The first count from 4 on whose t interval, one-sided, and the power asked for, the distance reaches."""
    return next(
        count
        for count in range(4, 40)
        if distance >= (stats.t.ppf(level, count - 1) + stats.t.ppf(0.8, count - 1)) * deviation / math.sqrt(count)
    )


def test_seeds_that_disagree_are_unresolved() -> None:
    (pair,) = compared(seeds_of(20, 150, 280))
    assert pair.p_corrected < 1e-9
    assert pair.p_trainings == pytest.approx(stats.ttest_1samp([0.004, 0.03, 0.056], 0).pvalue)
    assert not pair.resolved
    # The first count of seeds whose t interval, and the power asked for, the difference reaches.
    enough = enough_seeds(0.03, 0.026, 0.975)
    assert pair.needed_seeds == enough
    among = compared(seeds_of(20, 150, 280), seeds_of(0, 1, 2), seeds_of(1, 0, 1))[0]
    assert among.needed_seeds is not None
    assert among.needed_seeds > enough


def test_seeds_that_would_show_two_the_same() -> None:
    (pair,) = compare_pairs([measure_pair(seeds_of(3, 20, 37), 0.006)])
    assert not pair.same
    # The first count whose one-sided bound, and the power asked for, what is left of the margin reaches.
    assert pair.needed_same == enough_seeds(0.002, 0.0034, 0.95)
    assert compared(seeds_of(20, 150, 280))[0].needed_same is None


def test_seeds_that_agree_by_accident_are_no_surer_than_their_strips() -> None:
    (pair,) = compared(seeds_of(5, 5, 5))
    a, b = (np.tile(right, 3) for right in seeds_of(5).seeds[0][0])
    pooled = paired_difference(a, b)
    assert (pair.low, pair.high) == (pooled.low, pooled.high)
    assert pair.p_trainings == 0
    assert not pair.resolved


def test_strips_that_would_settle_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "TRAINING_NOISE", 0.0)
    (pair,) = compared(seeds_of(15))
    # 65 against 50 of 5,000: the variance of one strip over the square of the difference, times (1.96 + 0.84)².
    factor = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert pair.needed_strips == math.ceil(factor**2 * (115 / 5_000 - 0.003**2) / 0.003**2)


def unresolved(difference: float, seeds: int, variance: float, strips: float = 0.0, spread: float = 0.0) -> Pair:
    """What is asked for a pair alone of 1,000 strips whose p-values are 1, by the variance of one seed's difference."""
    pair = Pair(
        "free", "a", "b", difference, -1.0, 1.0, 0, 0, 1.0, p_same=1.0, seeds=seeds, strips=1_000, spread=spread
    )
    mean = TrainedDifference(difference, -1.0, 1.0, 1.0, spread, variance)
    (found,) = compare_pairs([MeasuredPair(pair, mean, strips, (0.1, 0.1))])
    assert not found.resolved
    return found


ONE_SEED, FOUR_SEEDS = (
    stats.norm.ppf(0.975) + stats.norm.ppf(0.8),
    stats.t.ppf(0.975, 3) + stats.t.ppf(0.8, 3),
)
"""Standard errors from 0 at which a difference is found four times in five."""


@pytest.mark.parametrize("difference", [0.03, -0.03])
@pytest.mark.parametrize(("seeds", "errors"), [(1, ONE_SEED), (2, ONE_SEED), (4, FOUR_SEEDS)])
def test_strips_make_up_for_what_training_leaves(difference: float, seeds: int, errors: float) -> None:
    # So small must the variance of one seed's difference be; more strips bring down the strips' part of it alone.
    enough = seeds * (0.03 / errors) ** 2
    found = unresolved(difference, seeds, 1.0, strips=0.0002, spread=0.005)
    assert found.needed_strips == max(1_001, math.ceil(1_000 * 0.0002 / (enough - 0.005**2)))
    # More than there are, as these did not settle it, and none where training alone is too much.
    assert unresolved(difference, seeds, 1.0, strips=1e-9, spread=0.005).needed_strips == 1_001
    assert unresolved(difference, seeds, 1.0, strips=0.0002, spread=1.01 * math.sqrt(enough)).needed_strips is None


@pytest.mark.parametrize("difference", [0.03, -0.03])
def test_seeds_that_would_settle_it(difference: float) -> None:
    # Two seeds, by the normal distribution as one is: 2 / variance must be at least the square of errors / difference.
    enough = 2 * (0.03 / ONE_SEED) ** 2
    assert unresolved(difference, 1, 0.99 * enough).needed_seeds == 2
    assert unresolved(difference, 1, 1.01 * enough).needed_seeds == enough_seeds(0.03, math.sqrt(1.01 * enough), 0.975)
    # More than there are, and where two are there Student's t from three on.
    assert [unresolved(difference, seeds, 1e-9).needed_seeds for seeds in (1, 2, 3, 7)] == [2, 3, 4, 8]
    assert unresolved(difference, 1, 0.0).needed_seeds is None
    errors = stats.t.ppf(0.975, MANY_SEEDS - 1) + stats.t.ppf(0.8, MANY_SEEDS - 1)
    most = MANY_SEEDS * (0.03 / errors) ** 2
    assert unresolved(difference, 1, 0.9999 * most).needed_seeds == MANY_SEEDS
    assert unresolved(difference, 1, 1.0001 * most).needed_seeds is None
    # The strips' part is the least that one seed's difference varies.
    assert unresolved(difference, 1, 1e-9, strips=0.99 * enough).needed_seeds == 2
    assert unresolved(difference, 1, 1e-9, strips=1.01 * enough).needed_seeds != 2


def test_whether_seeds_shared_their_strips() -> None:
    def shared(*truths: int, kept: bool = True, **settings: Any) -> bool:
        runs = [
            fake_run(name, 1, seed=seed, truth=truth, **settings)
            for name in ("heads", "cut")
            for seed, truth in enumerate(truths)
        ]
        if not kept:
            runs[1].has = lambda part: False
        ((paired,), _) = pair_runs(runs)
        return paired.shared

    own = {"data": {"path": "mine"}, "layout": "scene"}
    assert shared(1, 1, **own)
    assert shared(1, 1, 1, **own)
    assert not shared(1, 1, 2, **own)
    assert not shared(2, 1, 1, **own)
    # One seed shares nothing, nor do two of which one has no answers.
    assert not shared(1, **own)
    assert not shared(1, 1, kept=False, **own)
    # Generated strips that happen to show the same numbers are other strips.
    assert not shared(1, 1, 1)


def test_runs_of_one_seed_are_one_training() -> None:
    """Two backbones with one seed are not two seeds."""
    runs = [
        fake_run(name, wrong, backbone=backbone)
        for backbone in ("compact", "streetview")
        for name, wrong in (("heads", 0), ("cut", 30))
    ]
    (pair,) = pairs_of(*runs)
    assert (pair.seeds, pair.only_a, pair.only_b) == (1, 60, 0)
    assert pair.difference == pytest.approx(0.3)


def test_more_pairs_need_a_smaller_p_value() -> None:
    # Six strips on one side: p = 2/64 = 0.03125, which alone is beyond chance and of three pairs is not.
    runs = [fake_run("heads", 0), fake_run("sigmoid", 6), fake_run("cut", 6)]
    found = pairs_of(*runs)
    assert [(pair.a, pair.b) for pair in found] == [("heads", "sigmoid"), ("heads", "cut"), ("sigmoid", "cut")]
    assert [pair.p_value for pair in found] == pytest.approx([0.03125, 0.03125, 1])
    # As the three are equal or at most two of them, the second is only as hard as one alone.
    assert [pair.p_corrected for pair in found] == pytest.approx([3 * 0.03125, 3 * 0.03125, 1])
    assert [pair.resolved for pair in found] == [False] * 3
    assert pairs_of(*runs[:2])[0].resolved


def test_only_runs_that_are_alike_in_all_but_the_strategy_are_paired() -> None:
    runs = [fake_run("heads", 0), fake_run("heads", 50, seed=1), fake_run("cut", 5)]
    (pair,) = pairs_of(*runs)
    assert (pair.only_a, pair.only_b) == (5, 0)
    for other in ({"seed": 1}, {"backbone": "streetview"}, {"layout": "structured"}, {"slots": 8}):
        assert pairs_of(fake_run("heads", 0), fake_run("cut", 0, **other)) == []
    # A strategy's own recipe is part of it; what both vary is not.
    assert len(pairs_of(fake_run("heads", 0, train={"epochs": 1}), fake_run("cut", 0, train={"epochs": 2}))) == 1
    grid = [
        fake_run(name, wrong, train={"epochs": epochs})
        for epochs, name, wrong in ((1, "heads", 40), (1, "cut", 30), (2, "cut", 0), (2, "heads", 10))
    ]
    (pair,) = pairs_of(*grid)
    assert (pair.only_a, pair.only_b) == (0, 20)
    (options,) = pairs_of(fake_run("cut", 20), fake_run("cut", 0, cut={"cutter": "ink"}))
    assert (options.a, options.b) == ("cut", "cut (ink)")


def test_what_only_one_varies_is_part_of_its_recipe() -> None:
    runs = [fake_run("heads", 4, train={"epochs": epochs}) for epochs in (1, 2)] + [
        fake_run("cut", 0, train={"epochs": 1})
    ]
    # Both of the one are read beside the only one of the other.
    assert [pair.only_b for pair in pairs_of(*runs)] == [8]


def test_seeds_that_the_other_lacks_are_passed_over() -> None:
    runs = [fake_run("heads", 4, seed=seed) for seed in (0, 1)] + [fake_run("cut", 0, seed=1)]
    assert [(pair.seeds, pair.only_b) for pair in pairs_of(*runs)] == [(1, 4)]


def test_layouts_correct_for_each_other_but_rule_nothing_out() -> None:
    found = pairs_of(
        *(fake_run(name, wrong, layout=layout) for layout in ("structured", "free") for name, wrong in BY_SIX)
    )
    assert [pair.p_corrected for pair in found] == pytest.approx([2 * 0.03125] * 2)


BY_SIX = (("heads", 0), ("cut", 6))


def alone(a: str, b: str, p_value: float, p_same: float = 1.0, difference: float = 0.1) -> MeasuredPair:
    pair = Pair("free", a, b, difference, 0.0, 0.2, 0, 0, p_value, p_same=p_same, strips=1_000)
    return MeasuredPair(pair, TrainedDifference(difference, 0.0, 0.2, 0.0, 0.01, 1e-6), 1e-7, (0.1, 0.1))


@pytest.mark.parametrize(("names", "left"), [("abcd", 3), ("abcdef", 10), ("abcdefg", 20)])
def test_how_many_can_be_equal_once_two_differ(names: str, left: int) -> None:
    # Of four names three can still be one, which are three pairs, of six five; of seven that is not worked out.
    measured = [alone(a, b, 0.0001 if a + b == "ab" else 0.001) for a, b in combinations(names, 2)]
    found = compare_pairs(measured)
    assert found[0].p_corrected == pytest.approx(0.0001 * len(measured))
    assert [pair.p_corrected for pair in found[1:]] == pytest.approx(
        [max(0.001 * left, found[0].p_corrected)] * (len(found) - 1)
    )


def test_a_p_value_at_the_level_decides_nothing() -> None:
    assert [pair.resolved for (pair,) in (compare_pairs([alone("a", "b", p)]) for p in (0.0499, 0.05))] == [True, False]
    same = [compare_pairs([alone("a", "b", 1.0, p_same)])[0] for p_same in (0.0499, 0.05)]
    assert [(pair.same, pair.p_same, pair.open) for pair in same] == [(True, 0.0499, False), (False, 0.05, True)]
    # Where looks are paid for no p-value passes 1.
    assert compare_pairs([alone("a", "b", 0.9)], LookPlan((1, 2), 0.025))[0].p_corrected == 1


def test_the_same_is_corrected_over_those_of_which_none_is_ahead() -> None:
    measured = [alone("a", "b", 0.001, 0.9), alone("a", "c", 1.0, 0.02, 0.001), alone("b", "c", 1.0, 0.04, 0.001)]
    found = compare_pairs(measured)
    assert [pair.resolved for pair in found] == [True, False, False]
    # Two are left: the less times two, and no less for the other.
    assert [pair.p_same for pair in found] == pytest.approx([0.9, 0.04, 0.04])
    assert [(pair.same, pair.needed_same) for pair in found[1:]] == [(True, None)] * 2
    (open_,) = compare_pairs([alone("b", "c", 1.0, 0.06, 0.001)])
    assert (open_.same, open_.needed_same) == (False, 2)


def test_looks_ask_for_more_seeds() -> None:
    measured = [replace(alone("a", "b", 1.0), variance=4 * 0.1**2 / ONE_SEED**2)]
    # A level of a quarter, for which the normal distribution asks (2.50 + 0.84)² / (1.96 + 0.84)² as many.
    (once,), (looked,) = compare_pairs(measured), compare_pairs(measured, LookPlan((1, 2), 0.0125))
    deviation = math.sqrt(measured[0].variance)
    assert once.needed_seeds == enough_seeds(0.1, deviation, 0.975)
    assert looked.needed_seeds == enough_seeds(0.1, deviation, 1 - 0.0125 / 2) > once.needed_seeds


def test_layouts_and_numbers_of_slots_are_compared_each_by_itself() -> None:
    runs = [
        fake_run(name, wrong, slots=slots, layout=layout)
        for layout, slots in (("structured", 1), ("free", 1), ("free", 12))
        for name, wrong in (("heads", 0), ("cut", 30 + slots))
    ]
    found = pairs_of(*runs)
    assert [(pair.layout, pair.condition, pair.only_a) for pair in found] == [
        ("structured", "slots 1", 31),
        ("free", "slots 1", 31),
        ("free", "slots 12", 42),
    ]
    turned = find_pair(found, "free", "slots 12", "cut", "heads")
    assert turned is not None
    assert (turned.a, turned.only_b, turned.difference) == ("cut", 42, pytest.approx(-0.42))
    assert (turned.low, turned.high) == (-found[2].high, -found[2].low)
    assert find_pair(found, "free", "", "cut", "heads") is None


def test_runs_tested_on_different_strips_are_left_out() -> None:
    runs = [fake_run("heads", 0), fake_run("cut", 9, truth=2), fake_run("heads", 0, seed=1), fake_run("cut", 9, seed=1)]
    (paired,), incomparable = pair_runs(runs)
    assert len(paired.seeds) == 1
    assert incomparable == [Incomparable("heads-free-seed0", "cut-free-seed0")]
    other = [fake_run("heads", 0, layout="structured"), fake_run("cut", 9, truth=2, layout="structured")]
    assert pair_runs([*runs, *other])[1] == [
        Incomparable("heads-free-seed0", "cut-free-seed0"),
        Incomparable("heads-structured-seed0", "cut-structured-seed0"),
    ]
    runs[3].has = lambda part: False
    assert pair_runs(runs)[0] == []
