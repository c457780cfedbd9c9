"""A comparison that goes on until it knows: which seeds it adds, and when it ends. Nothing is trained."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from multidigit.comparison import Pair
from multidigit.comparison.looks import EACH_SEED, MOST, STAGES, LookPlan
from multidigit.experiments import Experiment, comparison, settle, settling

Settled = Callable[..., tuple[list[str], list[int]]]


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> Settled:
    """Settles a comparison of which each pair is decided from so many seeds on; gives its runs, and when it looked."""

    def call(
        enough: dict[str, int],
        minutes: float = 60,
        failing: bool = False,
        looks: LookPlan = EACH_SEED,
        outcome: str = "unresolved",
    ) -> tuple[list[str], list[int]]:
        ran: list[str] = []

        def run(experiment: Experiment, out: Path, **_: Any) -> tuple[dict[str, Any], dict[str, str]]:
            ran[:] = [planned.name for planned in experiment.plan]
            pairs = []
            for one, two in combinations(("heads", "sigmoid", "cut"), 2):
                seeds = min(sum(name.startswith(each) for name in ran) for each in (one, two))
                pair = Pair("free", one, two, 0.02, -0.01, 0.05, 3, 1, 0.1, seeds=seeds)
                pairs.append(asdict(replace(pair, resolved=seeds >= enough[f"{one} {two}"])))
            verdicts = [{"layout": "free", "outcome": outcome}]
            return {"pairs": pairs, "verdicts": verdicts}, {"heads-free-seed0": "no room"} if failing else {}

        monkeypatch.setattr(settling, "run_experiment", run)
        looked: list[int] = []
        experiment = replace(comparison({"seed": 7}, ["free"], seeds=looks.seeds[0]), looks=looks)
        settle(
            experiment,
            Path("out"),
            listen=lambda number, planned: nullcontext(lambda progress: None),
            looked=lambda seeds, pairs: looked.append(seeds),
            minutes=minutes,
        )
        return ran, looked

    return call


def test_only_open_pairs_get_further_seeds(settled: Settled) -> None:
    ran, looked = settled({"heads sigmoid": 3, "sigmoid cut": 3, "heads cut": 5})
    assert looked == [3, 4, 5]
    seeds = {name: sorted(int(run[-1:]) for run in ran if run.startswith(name)) for name in ("heads", "sigmoid", "cut")}
    assert seeds == {"heads": [0, 1, 7, 8, 9], "sigmoid": [7, 8, 9], "cut": [0, 1, 7, 8, 9]}


def test_seeds_are_added_up_to_the_next_look(settled: Settled) -> None:
    ran, looked = settled({"heads sigmoid": 6, "sigmoid cut": 3, "heads cut": 5}, looks=STAGES)
    assert looked == [5, 9]
    assert {name: sum(run.startswith(name) for run in ran) for name in ("heads", "sigmoid", "cut")} == {
        "heads": 9,
        "sigmoid": 9,
        "cut": 5,
    }


@pytest.mark.parametrize("outcome", ["wins", "same"])
def test_by_default_open_pairs_behind_a_verdict_get_no_further_seeds(settled: Settled, outcome: str) -> None:
    enough = {"heads sigmoid": 3, "sigmoid cut": 3, "heads cut": 6}
    ran, looked = settled(enough, looks=STAGES, outcome=outcome)
    assert (len(ran), looked) == (15, [5])
    assert settled(enough, outcome=outcome)[1] == [3, 4, 5, 6]


def test_it_ends_with_the_time(settled: Settled) -> None:
    assert settled({"heads sigmoid": 3, "sigmoid cut": 3, "heads cut": 5}, minutes=0)[1] == [3]


def test_it_ends_after_so_many_looks(settled: Settled) -> None:
    assert settled({"heads sigmoid": 99, "sigmoid cut": 99, "heads cut": 99})[1] == [*range(3, MOST + 1)]


def test_it_ends_where_a_run_fails(settled: Settled) -> None:
    assert settled({"heads sigmoid": 9, "sigmoid cut": 9, "heads cut": 9}, failing=True)[1] == [3]
