"""Who wins, and whether that is beyond chance: cases worked by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from multidigit.errors import RunError
from multidigit.report.verdict import best_reader, pairs, sentences, sequence_means
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
    return [
        {
            "run": run.name,
            "layout": run.settings.layout.name,
            "strategy": run.settings.strategy_name,
            "sequence_accuracy": float((run.answers["slots"] == run.answers["answers"]).all(1).mean()),
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
        "less)."
    )


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
    assert said.endswith("p = 0.625).")
    assert "wins" not in said


def test_equals_are_unresolved() -> None:
    runs = [run("heads", [4]), run("cut", [4])]
    (pair,) = pairs(runs)
    assert (pair.difference, pair.p_value) == (0, 1)
    assert "it is unresolved" in sentences(rows(runs), [pair])[0]


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


def test_seeds_are_pooled() -> None:
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
