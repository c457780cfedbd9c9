"""Who wins, and whether that is beyond chance: cases worked by hand.

That it names no false winners is in test_verdict_simulated.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped, unused-ignore]

from multidigit.errors import RunError
from multidigit.report import verdict
from multidigit.report.verdict import (
    TRAINING_NOISE,
    Pair,
    PairedRuns,
    best_reader,
    judged,
    pairs,
    sentences,
    sequence_means,
)
from multidigit.settings import validate
from multidigit.statistics import holm, paired_difference

COUNT = 100


def run(
    strategy: str, wrong: Sequence[int], layout: str = "structured", seed: int = 0, truth: int = 1, **settings: Any
) -> Any:
    """A run that was tested on 100 strips and read all of them right but those."""
    slots = np.full((COUNT, 5), truth, np.uint8)
    answers = slots.copy()
    answers[list(wrong), 2] += 1
    chosen = validate({"strategy": strategy, "layout": layout, "seed": seed, **settings})
    path = Path("runs") / f"{strategy}-{layout}-seed{seed}"
    return SimpleNamespace(path=path, name=path.name, settings=chosen, answers={"slots": slots, "answers": answers})


def rows(runs: Sequence[Any]) -> list[dict[str, Any]]:
    """Results of runs that all cost the same."""
    return [
        {
            "run": run.name,
            "layout": run.settings.layout.name,
            "strategy": run.settings.strategy_name,
            "sequence_accuracy": float((run.answers["slots"] == run.answers["answers"]).all(1).mean()),
            "training_seconds": 20.0,
            "reading_strips_per_second": 9_000.0,
            "parameters": 400_000,
        }
        for run in runs
    ]


def test_a_clear_win() -> None:
    runs = [run("cut", range(20)), run("heads", [])]
    (pair,) = pairs(runs)
    assert (pair.layout, pair.a, pair.b, pair.only_a, pair.only_b) == ("structured", "cut", "heads", 0, 20)
    assert pair.difference == pytest.approx(-0.2)
    assert pair.low < -0.2 < pair.high < 0
    # Twenty strips, all on one side: twice one half to the power of twenty.
    assert pair.p_value == pytest.approx(2 * 0.5**20)
    assert pair.corrected == pair.p_value
    (said,) = sentences(rows(runs), [pair])
    gap = paired_difference(np.full(COUNT, True), np.arange(COUNT) >= 20)
    assert said == (
        "On structured strips heads wins: 100.0% of the numbers right, 20.0 points before cut, beyond chance "
        f"(95 % interval {100 * gap.low:+.1f} to {100 * gap.high:+.1f}, McNemar with Holm's correction p = 0.001 or "
        "less). The interval speaks of these trained networks alone, one training each."
    )
    assert (pair.low, pair.high) == pytest.approx((-gap.high, -gap.low))
    assert (pair.seeds, pair.strips, pair.resolved) == (1, COUNT, True)
    assert (pair.needed_strips, pair.needed_seeds) == (None, None)


def test_what_chance_could_do_is_unresolved() -> None:
    runs = [run("heads", [0]), run("cut", [1, 2, 3])]
    (pair,) = pairs(runs)
    # One against three: twice (1 + 4) / 16.
    assert (pair.only_a, pair.only_b, pair.p_value) == (3, 1, pytest.approx(0.625))
    (said,) = sentences(rows(runs), [pair])
    assert said.startswith(
        "On structured strips it is unresolved: heads reads 99.0% of the numbers right, 2.0 points before"
    )
    assert "which chance alone could do" in said
    assert "p = 0.625). The interval speaks of these trained networks alone, one training each. " in said
    assert said.endswith("; 3 seeds show how many it really takes.")
    assert "wins" not in said


def shown(pair: Pair) -> str:
    """What is said of a pair whose strategies cost the same, the first of which leads."""
    costs = {"training_seconds": 1.0, "reading_strips_per_second": 1.0, "parameters": 1}
    shares = {pair.a: 0.9, pair.b: 0.9 - pair.difference}
    (said,) = sentences(
        [{"layout": pair.layout, "strategy": s, "sequence_accuracy": share, **costs} for s, share in shares.items()],
        [pair],
    )
    return said


def test_training_may_undo_what_strips_show() -> None:
    # 5,000 strips, half of them read by both: 80 against 20 is beyond chance for these two networks, p = 2e-9.
    right_a, right_b = np.zeros(5_000, bool), np.zeros(5_000, bool)
    right_a[:2_580] = True
    right_b[80:2_600] = True
    (pair,) = judged([PairedRuns("free", "heads", "cut", [[(right_a, right_b)]])])
    assert (pair.only_a, pair.only_b) == (80, 20)
    assert pair.corrected < 1e-8
    assert 0 < pair.low < pair.difference < pair.high
    # At one half right, one training's noise is a quarter of that of the log odds.
    assert pair.spread == pytest.approx(TRAINING_NOISE * 0.25 * math.sqrt(2), rel=0.01)
    strips = (100 / 5_000 - 0.012**2) / 5_000
    assert pair.again == pytest.approx(2 * stats.norm.sf(0.012 / math.hypot(pair.spread, math.sqrt(strips))))
    assert pair.again > 0.5
    assert not pair.resolved
    moved = f"{100 * 1.96 * pair.spread:.1f} points"
    assert f"1.2 points before cut, while training anew may move that by {moved} (95 % interval" in shown(pair)
    assert pair.needed_strips is None
    assert "No number of strips would settle a difference of this size; about " in shown(pair)


def seeds_of(*differences: int, both: int = 4_000, of: int = 5_000) -> PairedRuns:
    """A contest over seeds in which the first reads so many strips more than the second; 50 go the other way."""
    found = []
    for more in differences:
        right_a, right_b = np.zeros(of, bool), np.zeros(of, bool)
        right_a[: both + 50 + more] = True
        right_b[:both] = True
        right_b[of - 50 :] = True
        found.append([(right_a, right_b)])
    return PairedRuns("free", "heads", "cut", found)


def test_several_seeds_are_the_sample() -> None:
    (pair,) = judged([seeds_of(100, 150, 200)])
    expected = stats.ttest_1samp([0.02, 0.03, 0.04], 0)
    assert (pair.seeds, pair.only_a, pair.only_b) == (3, 600, 150)
    assert pair.difference == pytest.approx(0.03)
    assert (pair.low, pair.high) == pytest.approx(expected.confidence_interval())
    assert pair.again == pytest.approx(expected.pvalue)
    assert pair.resolved
    assert "3.0 points before cut, beyond chance (95 % interval over 3 seeds +0.5 to +5.5, McNemar" in shown(pair)
    assert "these trained networks alone" not in shown(pair)


def test_seeds_that_disagree_are_unresolved() -> None:
    (pair,) = judged([seeds_of(20, 150, 280)])
    expected = stats.ttest_1samp([0.004, 0.03, 0.056], 0)
    assert pair.corrected < 1e-9
    assert pair.again == pytest.approx(expected.pvalue)
    assert not pair.resolved
    assert f"which differs too much from seed to seed, p = {expected.pvalue:.3f} (95 % interval over 3 seeds" in shown(
        pair
    )
    # The first count of seeds whose t interval, and the power asked for, the difference reaches.
    deviation = 0.026
    enough = [
        count
        for count in range(4, 40)
        if 0.03 >= (stats.t.ppf(0.975, count - 1) + stats.t.ppf(0.8, count - 1)) * deviation / math.sqrt(count)
    ]
    assert pair.needed_seeds == enough[0]
    assert f"about {enough[0]} seeds" in shown(pair)
    assert "it really takes" not in shown(pair)


def test_seeds_that_agree_by_accident_are_no_surer_than_their_strips() -> None:
    (pair,) = judged([seeds_of(5, 5, 5)])
    a, b = (np.tile(right, 3) for right in seeds_of(5).seeds[0][0])
    pooled = paired_difference(a, b)
    assert (pair.low, pair.high) == (pooled.low, pooled.high)
    assert pair.again == 0
    assert not pair.resolved
    assert "which chance alone could do" in shown(pair)


def test_strips_that_would_settle_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "TRAINING_NOISE", 0.0)
    (pair,) = judged([seeds_of(15)])
    # 65 against 50 of 5,000: the variance of one strip over the square of the difference, times (1.96 + 0.84)².
    factor = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert pair.needed_strips == math.ceil(factor**2 * (115 / 5_000 - 0.003**2) / 0.003**2)
    assert "settled by about 20,000 test strips (not 5,000) or by about 7 seeds; 3 seeds show" in shown(pair)
    assert "more than 1,000,000 test strips" in shown(replace(pair, needed_strips=1_000_001 + 50_000))
    assert "or by more than 1,000 seeds" in shown(replace(pair, needed_seeds=None))


def test_with_more_pairs_more_is_needed() -> None:
    (alone,) = judged([seeds_of(20, 150, 280)])
    among = judged([seeds_of(20, 150, 280), seeds_of(0, 1, 2), seeds_of(1, 0, 1)])[0]
    assert alone.needed_seeds is not None
    assert among.needed_seeds is not None
    assert among.needed_seeds > alone.needed_seeds


def test_runs_of_one_seed_are_one_training() -> None:
    """Two backbones with one seed are not two seeds."""
    runs = [
        run(name, wrong, backbone=backbone)
        for backbone in ("compact", "thread")
        for name, wrong in (("heads", []), ("cut", range(30)))
    ]
    (pair,) = pairs(runs)
    assert (pair.seeds, pair.only_a, pair.only_b) == (1, 60, 0)
    assert pair.difference == pytest.approx(0.3)


def test_costs_are_told_where_they_differ() -> None:
    results = rows([run("heads", []), run("cut", range(40))])
    found = pairs([run("heads", []), run("cut", range(40))])
    results[0] |= {"training_seconds": 30.0, "reading_strips_per_second": 8_000.0, "parameters": 300_000}
    (said,) = sentences(results, found)
    assert said.endswith("heads against cut: trained in 30 s against 20 s, 300,000 parameters against 400,000.")
    (said,) = sentences(rows([run("heads", []), run("cut", range(40))]), found)
    assert "against" not in said


def test_who_is_behind_both_is_told_where_the_first_is_unresolved() -> None:
    runs = [run("heads", [1]), run("sigmoid", [2, 3]), run("cut", range(60))]
    (said,) = sentences(rows(runs), pairs(runs))
    assert "it is unresolved: heads reads 99.0% of the numbers right, 1.0 points before sigmoid" in said
    assert " Both are ahead of cut. " in said


def test_equals_are_unresolved() -> None:
    runs = [run("heads", [4]), run("cut", [4])]
    (pair,) = pairs(runs)
    assert (pair.difference, pair.p_value) == (0, 1)
    (said,) = sentences(rows(runs), [pair])
    assert "it is unresolved" in said
    assert said.endswith("A difference of nothing is settled by no number of strips or seeds.")
    assert (pair.needed_strips, pair.needed_seeds) == (None, None)


def test_more_pairs_need_a_smaller_p_value() -> None:
    # Six strips on one side: p = 2/64 = 0.03125, which alone is beyond chance and of three pairs is not.
    runs = [run("heads", []), run("sigmoid", range(6)), run("cut", range(6))]
    found = pairs(runs)
    assert [(pair.a, pair.b) for pair in found] == [("heads", "sigmoid"), ("heads", "cut"), ("sigmoid", "cut")]
    assert [pair.p_value for pair in found] == pytest.approx([0.03125, 0.03125, 1])
    assert [pair.corrected for pair in found] == pytest.approx([0.09375, 0.09375, 1])
    assert [pair.corrected for pair in found] == pytest.approx(holm([pair.p_value for pair in found]))
    assert "it is unresolved" in sentences(rows(runs), found)[0]
    assert "heads wins" in sentences(rows(runs[:2]), pairs(runs[:2]))[0]


def test_layouts_are_judged_one_by_one() -> None:
    runs = [
        run("heads", []),
        run("cut", range(30)),
        run("heads", range(40), layout="free"),
        run("cut", [], layout="free"),
    ]
    found = pairs(runs)
    assert [(pair.layout, pair.a, pair.b) for pair in found] == [
        ("structured", "heads", "cut"),
        ("free", "heads", "cut"),
    ]
    structured, free = sentences(rows(runs), found)
    assert structured.startswith("On structured strips heads wins: 100.0% of the numbers right, 30.0 points before cut")
    assert free.startswith("On free strips cut wins: 100.0% of the numbers right, 40.0 points before heads")


def test_strips_of_all_seeds_are_pooled() -> None:
    runs = [run(name, wrong, seed=seed) for seed in (0, 1) for name, wrong in (("heads", []), ("cut", range(5)))]
    (alone,) = pairs(runs[:2])
    (both,) = pairs(runs)
    assert alone.p_value == pytest.approx(2 * 0.5**5)
    assert (both.only_a, both.only_b, both.p_value) == (10, 0, pytest.approx(2 * 0.5**10))
    assert both.difference == pytest.approx(0.05)
    assert "unresolved" in sentences(rows(runs[:2]), [alone])[0]
    assert "heads wins" in sentences(rows(runs), [both])[0]


def test_one_strategy_with_two_options_is_two_contestants() -> None:
    runs = [run("cut", range(20)), run("cut", [], cut={"cutter": "ink"})]
    (pair,) = pairs(runs)
    assert (pair.a, pair.b, pair.only_a, pair.only_b) == ("cut", "cut (ink)", 0, 20)
    (said,) = sentences(rows(runs), [pair])
    assert said.startswith("On structured strips cut (ink) wins: 100.0% of the numbers right, 20.0 points before cut,")


def test_only_seeds_that_both_have_are_paired() -> None:
    runs = [run("heads", [], seed=0), run("heads", range(50), seed=1), run("cut", range(5), seed=0)]
    (pair,) = pairs(runs)
    assert (pair.only_a, pair.only_b) == (5, 0)
    # What differs in anything but the strategy is no pair.
    assert pairs([run("heads", []), run("cut", [], seed=1)]) == []
    assert pairs([run("heads", []), run("cut", [], backbone="thread")]) == []


def test_one_strategy_is_no_contest() -> None:
    runs = [run("heads", range(10))]
    assert pairs(runs) == []
    assert sentences(rows(runs), []) == ["On structured strips only heads was trained: 90.0% of the numbers right."]


def test_what_was_not_paired_is_not_called_beyond_chance() -> None:
    runs = [run("heads", []), run("cut", range(50), seed=1)]
    (said,) = sentences(rows(runs), pairs(runs))
    assert said.endswith("50.0 points before cut; not tested for chance.")


def test_different_strips_are_refused() -> None:
    with pytest.raises(
        RunError, match=r"heads-structured-seed0 and .*cut-structured-seed0: tested on different strips"
    ):
        pairs([run("heads", []), run("cut", [], truth=2)])


def test_means_come_best_first() -> None:
    found = sequence_means(rows([run("cut", range(10)), run("cut", range(30), seed=1), run("heads", range(15))]))
    assert list(found["structured"].items()) == [("heads", pytest.approx(0.85)), ("cut", pytest.approx(0.8))]


def test_pictures_are_read_with_the_best_on_free_strips() -> None:
    runs = [run("cut", []), run("heads", range(9), layout="free"), run("sigmoid", range(8), layout="free")]
    assert best_reader(rows(runs)) == "sigmoid-free-seed0"
    assert best_reader(rows(runs[:1])) == "cut-structured-seed0"
    assert best_reader([]) is None
