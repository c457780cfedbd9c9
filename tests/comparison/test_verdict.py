"""Verdicts, the winner and the whole comparison as values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from helpers import fake_run

from multidigit.comparison import Cost, Incomparable, Pair, Verdict, compare_runs
from multidigit.comparison.looks import LookPlan
from multidigit.comparison.verdict import give_verdict


def verdict_on(*runs: Any) -> Verdict:
    (found,) = compare_runs(runs).verdicts
    return found


def test_a_winner_beyond_chance() -> None:
    found = verdict_on(fake_run("cut", 20), fake_run("heads", 0), fake_run("sigmoid", 40))
    assert (found.layout, found.condition, found.outcome) == ("free", "", "wins")
    assert (found.leader, found.runner_up, found.both_ahead_of) == ("heads", "cut", ())
    assert found.pair is not None
    assert (found.pair.a, found.pair.b, found.pair.only_a) == ("heads", "cut", 20)
    assert list(found.accuracies.items()) == [
        ("heads", 1),
        ("cut", pytest.approx(0.8)),
        ("sigmoid", pytest.approx(0.6)),
    ]
    assert found.costs["cut"] == Cost(20.0, 9_000.0, 400_000, 15_168)


def test_unresolved_with_a_third_that_both_are_ahead_of() -> None:
    found = verdict_on(fake_run("heads", [1]), fake_run("sigmoid", [2, 3]), fake_run("cut", 60))
    assert (found.outcome, found.leader, found.runner_up) == ("unresolved", "heads", "sigmoid")
    assert found.both_ahead_of == ("cut",)


def test_only_who_both_are_known_to_be_ahead_of_is_named() -> None:
    def pair(a: str, b: str, difference: float, resolved: bool) -> Pair:
        return Pair("free", a, b, difference, -1.0, 1.0, 0, 0, 0.5, resolved=resolved)

    accuracies = {"e": 0.5, "d": 0.6, "a": 0.95, "b": 0.94, "f": 0.4, "c": 0.7}
    pairs = [
        pair("a", "b", 0.01, False),
        pair("a", "c", 0.3, True), pair("c", "b", -0.3, True),  # both are ahead
        pair("a", "d", 0.3, True), pair("b", "d", 0.3, False),  # of the second it is not known
        pair("a", "e", 0.3, False), pair("b", "e", 0.3, True),  # of the first it is not
        pair("a", "f", 0.3, True),  # the second has no runs on the same strips
    ]  # fmt: skip
    found = give_verdict("free", "", accuracies, {}, pairs)
    assert (found.outcome, found.leader, found.runner_up, found.both_ahead_of) == ("unresolved", "a", "b", ("c",))
    assert list(found.accuracies) == [*"abcdef"]


def test_the_same_within_a_margin() -> None:
    runs = fake_run("heads", [1]), fake_run("sigmoid", [2]), fake_run("cut", 60)
    (found,) = compare_runs(runs, margin=0.2).verdicts
    assert (found.outcome, found.leader, found.runner_up, found.both_ahead_of) == ("same", "heads", "sigmoid", ("cut",))
    assert found.pair is not None
    assert found.pair.margin == 0.2
    # A hundred strips do not show that two differ by less than a point.
    assert verdict_on(*runs).outcome == "unresolved"


def test_untested_and_alone() -> None:
    untested = verdict_on(fake_run("heads", 0), fake_run("cut", 50, seed=1))
    assert (untested.outcome, untested.runner_up, untested.pair) == ("untested", "cut", None)
    alone = verdict_on(fake_run("heads", 10))
    assert (alone.outcome, alone.runner_up, alone.pair) == ("alone", None, None)


def test_means_are_over_seeds() -> None:
    found = verdict_on(fake_run("cut", 10), fake_run("cut", 30, seed=1), fake_run("heads", 15))
    assert list(found.accuracies.items()) == [("heads", pytest.approx(0.85)), ("cut", pytest.approx(0.8))]


def test_each_layout_and_each_number_of_slots_has_a_verdict() -> None:
    both = compare_runs(
        [fake_run(name, 0, layout=layout) for layout in ("structured", "free") for name in ("heads", "cut")]
    )
    assert [(each.layout, each.condition) for each in both.verdicts] == [("structured", ""), ("free", "")]
    slots = compare_runs([fake_run(name, 0, slots=slots) for slots in (3, 8) for name in ("heads", "cut")])
    assert [(each.layout, each.condition) for each in slots.verdicts] == [("free", "slots 3"), ("free", "slots 8")]


def test_pictures_are_read_with_the_best_on_free_strips() -> None:
    runs = [
        fake_run("cut", 0, layout="structured"),
        fake_run("heads", 9),
        fake_run("sigmoid", 8),
        fake_run("sigmoid", 7, slots=3, seed=4),
    ]
    # Fewer slots are easier to read, and cannot hold what more can.
    assert compare_runs(runs).winner == "sigmoid-free-seed0"
    assert compare_runs(runs[:1]).winner == "cut-structured-seed0"
    assert compare_runs([]).winner is None


def test_along_a_sweep_the_winner_reads_the_hardest_strips_best() -> None:
    runs = [
        fake_run(name, wrong, layout={"gap": gap}, seed=gap)
        for gap, (heads, cut) in enumerate(((20, 0), (20, 19), (20, 80)))
        for name, wrong in (("heads", heads), ("cut", cut))
    ]
    for run in runs:
        run.settings = run.settings.model_copy(update={"seed": 0})
    found = compare_runs(runs)
    assert found.winner == "heads-free-seed2"
    assert found.verdicts == ()
    assert [pair.condition for pair in found.pairs] == ["gap 0", "gap 1", "gap 2"]
    (written,) = found.as_json()["crossovers"]
    assert (written["key"], written["strips"], written["state"]) == ("layout.gap", "free", "crossing")
    assert (written["layout"], written["one"], written["two"]) == ("free", "cut", "heads")
    assert [difference for difference, _, _ in written["differences"]] == pytest.approx([0.2, 0.01, -0.6])
    # The setting's values stand in place of their indices.
    assert (written["values"], written["low"], written["high"]) == ([[0, 0], [1, 1], [2, 2]], [0, 0], [2, 2])
    assert 1 < written["at"] < 2


def test_a_sweep_that_one_leads_throughout_ends_nowhere() -> None:
    runs = [
        fake_run(name, wrong, layout={"gap": gap}, truth=gap)
        for gap in (1, 2, 3)
        for name, wrong in (("heads", 0), ("cut", 80))
    ]
    (written,) = compare_runs(runs).as_json()["crossovers"]
    assert (written["state"], written["low"], written["high"]) == ("throughout", [3, 3], None)


def test_two_sweeps_are_compared_each_by_itself() -> None:
    kinds = [*({"gap": gap, "tilt": 0} for gap in (1, 2, 3)), *({"gap": 0, "tilt": tilt} for tilt in (4, 8, 12))]
    runs = [
        fake_run(name, 5, truth=9 if name == "cut" and 3 in kind.values() else 1, layout=kind)
        for kind in kinds
        for name in ("heads", "cut")
    ]
    last = {"seed": 5, "layout": {"gap": 0, "tilt": 16}}
    runs += [fake_run("heads", 5, **last), fake_run("cut", 5, 90, **last)]
    found = compare_runs(runs, margin=0.05)
    assert [sweep.key for sweep, _ in found.swept] == ["layout.gap", "layout.tilt"]
    assert [(pair.condition, pair.margin) for pair in found.pairs] == [
        (condition, 0.05) for condition in ("gap 1", "gap 2", "tilt 4", "tilt 8", "tilt 12")
    ]
    assert found.incomparable == (
        Incomparable("heads-free-seed0", "cut-free-seed0"),
        Incomparable("heads-free-seed5", "cut-free-seed5"),
    )
    assert [condition.layout for condition in found.conditions] == ["free"] * 7


def test_looks_are_paid_for() -> None:
    runs = [fake_run("heads", 0), fake_run("cut", 20)]
    once, plan = compare_runs(runs), LookPlan((1, 2), 0.0125)
    found = compare_runs(runs, looks=plan)
    assert (once.looks, found.looks) == (None, plan)
    # At a quarter of the level a p-value counts four times.
    assert found.pairs[0].p_corrected == pytest.approx(4 * once.pairs[0].p_corrected)


def test_what_cannot_be_compared_is_no_error() -> None:
    found = compare_runs([fake_run("heads", 0), fake_run("cut", 30, truth=2)])
    assert found.incomparable == (Incomparable("heads-free-seed0", "cut-free-seed0"),)
    assert (found.pairs, found.winner, found.verdicts[0].outcome) == ((), "heads-free-seed0", "untested")
    assert found.as_json()["incomparable"] == [{"a": "heads-free-seed0", "b": "cut-free-seed0"}]
    sweep = compare_runs(
        [
            fake_run(name, 0, layout={"gap": gap}, truth=truth)
            for gap in (0, 1, 2)
            for name, truth in (("heads", 1), ("cut", 1 if gap else 2))
        ]
    )
    assert len(sweep.incomparable) == 1
    assert len(sweep.pairs) == 2


def test_everything_is_written_as_json() -> None:
    found = compare_runs([fake_run("heads", 0), fake_run("cut", 20)]).as_json()
    assert json.loads(json.dumps(found)) == json.loads(json.dumps(found, default=list))
    assert list(found) == ["winner", "verdicts", "pairs", "crossovers", "incomparable"]
    assert found["winner"] == "heads-free-seed0"
    assert found["verdicts"][0]["outcome"] == "wins"
    assert found["pairs"][0]["resolved"] is True


def test_the_leader_is_the_one_ahead_where_both_have_a_seed() -> None:
    """Heads read more on average only because of a seed that cut has not."""
    runs = [fake_run("heads", 30), fake_run("cut", 10), fake_run("heads", 0, seed=1)]
    found = verdict_on(*runs)
    assert (found.leader, found.runner_up) == ("cut", "heads")
    assert found.pair is not None
    assert found.pair.difference > 0
