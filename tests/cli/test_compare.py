"""``multidigit compare``."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest
from helpers import Called, Toys, make_up_run
from PIL import Image

from multidigit import training
from multidigit.cli.grid import pair_lines
from multidigit.comparison import Pair
from multidigit.experiments import Planned
from multidigit.labels import CELL
from multidigit.strategies.base import resolve

Call = Callable[..., Called]


def test_compare_says_which_strategy_wins(toys: Toys, call: Call, home: Path) -> None:
    asked = [
        "compare",
        *toys.options(),
        "--strategy",
        "heads",
        "--strategy",
        "cut",
        "--out",
        "out",
        "--slots",
        "3",
        "--seeds",
        "1",
    ]
    result = call(*asked, "--layout", "structured")
    assert result.code == 0, result.err
    assert "[1/2] heads-structured-seed0: epoch 1: " in result.err
    results = json.loads((home / "out" / "results.json").read_text())
    assert [row["run"] for row in results["rows"]] == ["heads-structured-seed0", "cut-structured-seed0"]
    # As many strips for both as --set asks for, not the command's own budget.
    assert {row["training_strips"] for row in results["rows"]} == {192}
    # Pictures are read with the winner.
    Image.fromarray(np.zeros((CELL, 3 * CELL), np.uint8)).save(home / "image.png")
    assert f"reading with out/{results['winner']} (" in call("predict", "--run", "out", "image.png").err
    # The same call again trains nothing and gives the same answer.
    again = call(*asked, "--layout", "structured", "--json")
    assert again.err == ""
    assert {key: again.json[key] for key in results} == results
    (sentence,) = again.json["verdict"]
    assert sentence.startswith("On structured strips ")
    assert sentence in result.out
    assert sentence in (home / "out" / "report.md").read_text()


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are made up in place of being trained."""

    def make_up(settings: Any, out: Path, **_: object) -> Any:
        return make_up_run(out, Planned(out.name, resolve(settings)))

    monkeypatch.setattr(training, "train", make_up)


@pytest.mark.usefixtures("made_up")
class TestMadeUp:
    @pytest.mark.slow
    def test_both_layouts_are_compared(self, toys: Toys, call: Call, home: Path) -> None:
        # All are the same within so many points, so that five seeds are enough.
        given = [*toys.options(), "--set", "evaluation.test_strips=200", "--margin", 99]
        result = call("compare", *given, "--out", "out", "--json")
        assert result.code == 0, result.err
        # Five of each, because one training does not show how much trainings differ.
        assert sorted(row["run"] for row in result.json["rows"]) == sorted(
            f"{strategy}-{layout}-seed{seed}"
            for layout in ("structured", "free")
            for strategy in ("heads", "sigmoid", "cut")
            for seed in range(5)
        )
        begins = ("On structured strips", "On free strips", "It was looked after 5, 9, 14 and 20 seeds")
        assert all(map(str.startswith, result.json["verdict"], begins))
        page = html.unescape((home / "out" / "report.html").read_text("utf-8"))
        for sentence in result.json["verdict"]:
            assert all(part in page for part in sentence.partition(". ")[::2])

    @pytest.mark.parametrize(("error", "poor"), [(0.3, True), (0.001, False)])
    def test_where_even_the_best_reads_badly_a_longer_training_is_named(
        self, toys: Toys, call: Call, home: Path, monkeypatch: pytest.MonkeyPatch, error: float, poor: bool
    ) -> None:
        monkeypatch.setattr(helpers, "ERRORS", {"heads": error, "cut": 0.9})
        asked = ["compare", *toys.options(), "--strategy", "heads", "--strategy", "cut", "--seeds", 1]
        result = call(*asked, "--layout", "free", "--out", home / "out")
        assert result.code == 0, result.err
        assert ("train --strategy heads --layout free --minutes 10" in result.out) is poor

    @pytest.mark.usefixtures("small_world")
    def test_scenes_are_compared_where_they_are_named(self, toys: Toys, call: Call, home: Path) -> None:
        asked = ["compare", *toys.options(), "--layout", "scene", "--strategy", "heads", "--strategy", "cut"]
        result = call(*asked, "--seeds", 1, "--out", "out", "--json")
        assert result.code == 0, result.err
        assert [row["run"] for row in result.json["rows"]] == ["heads-scene-seed0", "cut-scene-seed0"]
        (sentence,) = result.json["verdict"]
        assert sentence.startswith("On scene strips ")
        # Errors are broken down where strips are composed of digits.
        assert "The error breakdown" not in (home / "out" / "report.md").read_text()

    @pytest.mark.slow
    @pytest.mark.usefixtures("small_world")
    def test_a_sweep_of_the_plain_share_is_of_scenes(self, toys: Toys, call: Call, home: Path) -> None:
        asked = ["compare", *toys.options(), "--strategy", "heads", "--strategy", "cut", "--out", "out"]
        result = call(*asked, "--sweep", "layout.plain=[0.2, 1]", "--json")
        assert result.code == 0, result.err
        assert {row["layout"] for row in result.json["rows"]} == {"scene"}
        assert (home / "out" / "results.json").is_file()
        refused = call(*asked, "--sweep", "layout.plain=[0.2, 1]", "--layout", "free")
        assert refused.code == 1
        assert "only scenes have a plain share" in refused.err

    @pytest.mark.slow
    def test_a_sweep_finds_where_the_lead_changes(self, toys: Toys, call: Call, home: Path) -> None:
        asked = ["compare", *toys.options(), "--strategy", "heads", "--strategy", "cut", "--out", "out"]
        result = call(*asked, "--sweep", "layout.shift=[0, 2, 4]")
        assert result.code == 0, result.err
        results = json.loads((home / "out" / "results.json").read_text())
        # On the layout that looks at shifts whatever else is set.
        assert [row["run"] for row in results["rows"]] == [
            f"{strategy}-structured-shift{shift}-seed0" for shift in (0, 2, 4) for strategy in ("heads", "cut")
        ]
        assert "From layout.shift 0 to ±4 on structured strips: " in result.out
        assert (home / "out" / "crossover-1.svg").exists()
        again = call(*asked, "--sweep", "layout.shift=[0, 2, 4]", "--json")
        assert again.err == ""
        assert again.json["rows"] == results["rows"]


@pytest.mark.parametrize(
    ("options", "epochs", "strips"),
    [
        ([], 3, 5_000),
        (["--layout", "free"], 3, 2_500),
        (["--layout", "free", "--strips", "8"], 3, 8),
        (["--layout", "free", "--quick"], 1, 6_000),
        (["--layout", "free", "--sweep", "train.strips=[3, 4, 5]"], 3, 3),
        (["--layout", "free", "--sweep", "layout.gap=[0, 4, 8]"], 3, 2_500),
        (["--quick"], 1, 6_000),
        (["--epochs", "5"], 5, 5_000),
        (["--quick", "--strips", "7"], 1, 7),
        (["--config", "mine.yaml"], 4, 5_000),
        (["--config", "mine.yaml", "--epochs", "6", "--set", "train.strips=9"], 6, 9),
    ],
)
def test_the_default_budget_gives_way_to_what_is_set(
    options: list[str], epochs: int, strips: int, call: Call, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def look(settings: Any, *_: object, **__: object) -> None:
        seen.append(settings.train)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", look)
    Path("mine.yaml").write_text("train: {epochs: 4}\n")
    result = call("compare", *options)
    assert result.code == 130
    assert re.search(r"interrupted; .*--out ", result.err)
    assert {(train.epochs, train.strips) for train in seen} == {(epochs, strips)}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--until-settled"], "--until-settled needs --minutes, its limit, where nobody can interrupt it"),
        (["--until-settled", "--minutes", 1, "--sweep", "layout.gap=0..3"], "--until-settled goes with no --sweep"),
        (["--margin", 0], "0.0 is not in the range 0<x<100"),
        (["--margin", -1], "-1.0 is not in the range 0<x<100"),
    ],
)
def test_what_settling_needs(options: list[object], reason: str, call: Call) -> None:
    result = call("compare", *options)
    assert (result.code, result.out) == (2, "")
    assert reason in " ".join(result.err.split())


def test_one_strategy_is_no_comparison_to_settle(call: Call) -> None:
    result = call("compare", "--until-settled", "--minutes", 1, "--strategy", "heads")
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "a comparison needs at least two strategies" in result.err


def test_a_pair_is_shown_with_what_decides_it() -> None:
    pair = Pair("free", "heads", "cut", 0.004, -0.009, 0.017, 9, 5, 0.1, p_corrected=0.2, p_trainings=0.31, p_same=0.06)
    found = pair_lines(3, [pair, replace(pair, same=True), replace(pair, resolved=True, condition="slots 8")])
    assert found == [
        "3 seeds, free: heads − cut +0.40 points, -0.90 to +1.70: "
        "open, corrected p-values 0.31 for a winner, 0.06 for the same",
        "3 seeds, free: heads − cut +0.40 points, -0.90 to +1.70: the same within 1",
        "3 seeds, free, slots 8: heads − cut +0.40 points, -0.90 to +1.70: heads wins",
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_settling_begins_with_three_seeds_and_goes_on_after_an_end(toys: Toys, call: Call) -> None:
    given = [*toys.options(), "--layout", "structured", "--strategy", "heads", "--strategy", "cut", "--out", "here"]
    first = call("compare", "--until-settled", "--minutes", 0.001, *given, "--json")
    assert first.code == 0, first.err
    assert "3 seeds, structured: heads − cut " in first.err
    assert {row["seed"] for row in first.json["rows"]} == {0, 1, 2}
    assert first.json["looks"]["seeds"][0] == 3
    # With more time it goes on from there, unless it is settled.
    second = call("compare", "--until-settled", "--minutes", 0.2, *given, "--json")
    assert second.code == 0, second.err
    settled = all(pair["resolved"] or pair["same"] for pair in second.json["pairs"])
    assert settled or len({row["seed"] for row in second.json["rows"]}) > 3
