"""The sentences of a verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from helpers import fake_run

from multidigit.comparison import Comparison, Pair, compare_runs
from multidigit.comparison.looks import EACH_SEED, STAGES
from multidigit.comparison.verdict import Cost, give_verdict
from multidigit.report.verdict import details, headline, p_value, sentences
from multidigit.statistics import critical


def sentence(*runs: Any) -> str:
    (found,) = sentences(compare_runs(runs))
    return found


def worded(pair: Pair) -> str:
    """What is written about a pair whose strategies cost the same and the first of which leads."""
    costs = {name: Cost(1.0, 1.0, 1.0, 1.0) for name in (pair.a, pair.b)}
    verdict = give_verdict(pair.layout, pair.condition, {pair.a: 0.9, pair.b: 0.9 - pair.difference}, costs, [pair])
    return " ".join([headline(verdict), *details(verdict)])


PAIR = Pair("free", "heads", "cut", 0.012, 0.005, 0.019, 80, 20, 1e-8, 2e-8, 0.6, strips=5_000, spread=0.05)


def test_a_winner() -> None:
    comparison = compare_runs([fake_run("cut", 20), fake_run("heads", 0)])
    (text,) = sentences(comparison)
    pair = comparison.pairs[0].turned()
    assert text == (
        "On free strips heads wins: 100.0 % of the numbers right, 20.0 points ahead of cut, beyond chance "
        f"(95 % interval {100 * pair.low:+.1f} to {100 * pair.high:+.1f}, McNemar, corrected, p < 0.001). "
        "This is after 15,168 training strips of each. "
        "The interval covers these trained networks alone, one training each."
    )
    # Headline and rest come apart as values, and make up the whole.
    (verdict,) = comparison.verdicts
    assert " ".join([headline(verdict), *details(verdict)]) == text


def test_unresolved_for_the_strips() -> None:
    text = sentence(fake_run("heads", [0]), fake_run("cut", [1, 2, 3]))
    assert text.startswith(
        "On free strips it is unresolved: heads has 99.0 % of the numbers right, 2.0 points ahead of cut, which chance "
    )
    assert "p = 0.62). " in text
    assert text.endswith("; 3 seeds show how many are really needed.")
    equal = sentence(fake_run("heads", [4]), fake_run("cut", [4]))
    assert " seeds would show the two the same within 1.0 point, if they are that close; 3 seeds show " in equal


def test_unresolved_for_the_training() -> None:
    one = worded(PAIR)
    assert (
        f"while training anew may move that by {100 * critical(0.95, 1) * 0.05:.1f} points (95 % interval +0.5" in one
    )
    assert "No number of strips would settle a difference of this size; more than 1,000 seeds would; 3 seeds" in one
    several = worded(replace(PAIR, seeds=4, needed_seeds=123))
    assert "which differs too much from seed to seed, p = 0.6 (95 % interval over 4 seeds +0.5 to +1.9" in several
    assert several.endswith("; about 120 seeds would.")
    assert "these trained networks alone" not in several


@pytest.mark.parametrize(
    ("strips", "seeds", "words"),
    [
        (19_876, 7, "about 20,000 test strips (not 5,000) or by about 7 seeds;"),
        (1_050_001, 7, "more than 1,000,000 test strips (not 5,000) or by about 7 seeds;"),
        (19_876, None, "about 20,000 test strips (not 5,000) or by more than 1,000 seeds;"),
    ],
)
def test_what_would_settle_it(strips: int, seeds: int | None, words: str) -> None:
    text = worded(replace(PAIR, needed_strips=strips, needed_seeds=seeds))
    assert f"A difference of this size would be settled by {words}" in text


def test_how_many_seeds_would_show_two_the_same() -> None:
    text = worded(replace(PAIR, needed_strips=10_000, needed_seeds=123, needed_same=12))
    assert "About 12 seeds would show the two the same within 1.0 point, if they are that close" in text
    assert "would be settled by" not in text
    assert "would be settled by" in worded(replace(PAIR, needed_strips=10_000, needed_seeds=11, needed_same=12))


def test_two_that_are_the_same_within_a_margin() -> None:
    runs = [fake_run("heads", [1]), fake_run("sigmoid", [2]), fake_run("cut", 60)]
    (found,) = sentences(compare_runs(runs, margin=0.2))
    assert found.startswith("On free strips heads and sigmoid are the same within 20.0 points: heads has 99.0 % ")
    assert "both one-sided tests, corrected, p" in found
    assert "Both are ahead of cut." in found


def test_looks_are_paid_for() -> None:
    runs = [fake_run(name, wrong, seed=seed) for name, wrong in (("heads", 0), ("cut", 20)) for seed in range(3)]
    paid, once = compare_runs(runs, looks=EACH_SEED), compare_runs(runs)
    assert sentences(paid)[-1].endswith("p-values are multiplied by 6.5, so that all looks together err in 5 %.")
    assert sentences(paid)[-1].startswith(
        "It was looked after each number of seeds from 3 to 20 whether more are needed"
    )
    assert sentences(compare_runs(runs, looks=STAGES))[-1].startswith(
        "It was looked after 5, 9, 14 and 20 seeds whether "
    )
    assert len(sentences(once)) == len(sentences(paid)) - 1
    assert paid.pairs[0].p_corrected == pytest.approx(6.4935 * once.pairs[0].p_corrected, rel=1e-3)


def test_a_third_that_both_are_ahead_of_is_named() -> None:
    text = sentence(fake_run("heads", [1]), fake_run("sigmoid", [2, 3]), fake_run("cut", 60))
    assert "1.0 point ahead of sigmoid" in text
    assert " Both are ahead of cut. " in text


def test_costs_are_named_where_they_differ() -> None:
    runs = [fake_run("heads", 0), fake_run("cut", 40)]
    assert "against" not in sentence(*runs)
    runs[0].metrics["training"] |= {"seconds": 30.0, "parameters": 300_000}
    assert sentence(*runs).endswith(
        "heads against cut: trained in 30 s against 20 s, 300,000 parameters against 400,000."
    )


def test_the_budget_is_named_where_it_is_the_same() -> None:
    # As with a budget in minutes, where one of the two sees more strips than the other.
    runs = [fake_run("heads", 0), fake_run("cut", 40)]
    assert " This is after 15,168 training strips of each. " in sentence(*runs)
    runs[0].metrics["training"] |= {"strips": 15_232}
    assert "training strips" not in sentence(*runs)


def test_untested_alone_and_other_slots() -> None:
    assert sentence(fake_run("heads", 10)) == "On free strips only heads was trained: 90.0 % of the numbers right."
    untested = sentence(fake_run("heads", 0), fake_run("cut", 50, seed=1))
    assert untested.endswith("50.0 points ahead of cut; not tested for chance.")
    found = sentences(compare_runs([fake_run("heads", 9, slots=slots, layout="structured") for slots in (3, 8)]))
    assert [each.partition(" only")[0] for each in found] == [
        f"On structured (slots {slots}) strips" for slots in (3, 8)
    ]


def test_runs_that_could_not_be_compared_are_named() -> None:
    runs = [
        fake_run(name, 0, seed=seed, truth=truth) for seed in range(5) for name, truth in (("heads", 1), ("cut", 2))
    ]
    *_, last = sentences(compare_runs(runs))
    assert last.startswith("Not compared, because they were tested on different strips: heads-free-seed0 and cut-free-")
    assert last.endswith("; heads-free-seed2 and cut-free-seed2; 2 more pairs.")
    assert sentences(Comparison((), (), (), (), None, ())) == []


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1"), (0.0625, "0.062"), (0.001, "0.001"), (0.00099, "< 0.001"), (0.0, "< 0.001")]
)
def test_p_values(value: float, text: str) -> None:
    assert p_value(value) == text
