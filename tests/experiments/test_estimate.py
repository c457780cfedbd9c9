"""How long a plan will take."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from multidigit.experiments import make_plan, read_experiment, standing_runs
from multidigit.experiments.estimate import (
    ALLOWANCE,
    MEMORY,
    estimates,
    format_seconds,
    total,
    useful_jobs,
)
from multidigit.registry import BACKBONES
from multidigit.strategies.base import Speeds


def test_minutes_are_as_given_and_fit_side_by_side() -> None:
    found = estimates(make_plan({"train": {"minutes": 2}}, {"seed": [0, 1, 2, 3]}), {})
    assert {(each.seconds, each.basis, each.state) for each in found.values()} == {
        (120 + ALLOWANCE, "budget", "planned")
    }
    assert total(found.values(), 1) == 4 * (120 + ALLOWANCE)
    assert total(found.values(), 2) == 2 * (120 + ALLOWANCE)


def test_strips_take_their_typical_time() -> None:
    base = {"layout": "structured", "train": {"epochs": 3, "strips": 10_000}}
    found = list(estimates(make_plan(base, {"backbone": ["compact", "baseline", "streetview"]}), {}).values())
    for each, rate in zip(found, (1_867, 344, 42), strict=True):
        assert each.seconds == pytest.approx(30_000 / rate + ALLOWANCE)
        assert each.basis == "typical rates"
    # They share the processors.
    assert total(found, 3) == total(found, 1)
    ten = list(estimates(make_plan(base, {"slots": [5, 10]}), {}).values())
    assert ten[1].seconds - ALLOWANCE == pytest.approx(2 * (ten[0].seconds - ALLOWANCE))


def test_every_backbone_of_the_package_states_its_speed() -> None:
    assert min(min(backbone.speeds) for backbone in BACKBONES.values()) > max(Speeds())


def test_finished_runs_here_know_better(six: Path, runner: Any) -> None:
    shutil.rmtree(six / "cut-free-seed1")
    shutil.rmtree(six / "heads-free-seed0")
    experiment = read_experiment(runner.file)
    found = estimates(experiment.plan, standing_runs(experiment, six))
    finished, planned = found["sigmoid-free-seed0"], found["cut-free-seed1"]
    assert (finished.seconds, finished.state) == (0, "finished")
    # The others trained ten strips a second.
    assert planned.seconds == pytest.approx(12 * 20_000 / 10 + ALLOWANCE)
    assert planned.basis == "finished runs"


@pytest.mark.parametrize(
    ("seconds", "text"), [(12, "12 s"), (89, "89 s"), (91, "2 min"), (5_000, "83 min"), (7_300, "2 h 2 min")]
)
def test_as_text(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("base", "seeds", "machine", "jobs"),
    [
        ({}, 3, {}, 3),
        ({}, 9, {}, 4),
        ({}, 9, {"free_memory": 2 * MEMORY}, 2),
        ({}, 9, {"has_gpu": True}, 1),
        ({}, 1, {}, 1),
        # Over before another process has started.
        ({"train": {"epochs": 1, "strips": 1_000}}, 3, {}, 1),
        # Equal shares for budgets in minutes.
        ({"train": {"minutes": 1}}, 9, {}, 3),
        ({"train": {"minutes": 1}}, 7, {}, 1),
    ],
)
def test_as_many_jobs_as_are_useful(
    base: dict[str, Any], seeds: int, machine: dict[str, Any], jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ({"processors": 4, "free_memory": 100 * MEMORY, "has_gpu": False} | machine).items():
        monkeypatch.setattr(f"multidigit.experiments.estimate.{name}", lambda value=value: value)
    assert useful_jobs(make_plan(base, {"seed": list(range(seeds))}), {}) == jobs
