"""Experiments: files, grids, and runs that are done once and gone on with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Called, Toys

from multidigit import training
from multidigit.cli.progress import Training
from multidigit.errors import MultidigitError, SettingsError
from multidigit.experiments import comparison, make_plan, read_experiment
from multidigit.runs import ENVIRONMENT, open_run
from multidigit.settings import read_yaml
from multidigit.strategies.base import resolve

FOLDER = Path(__file__).parents[1] / "experiments"
FILES = sorted(FOLDER.glob("*.yaml"))
GRIDS = [path for path in FILES if "grid" in read_yaml(path)[0]]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return path


def names(path: Path, *assignments: str) -> list[str]:
    return [planned.name for planned in read_experiment(path, assignments).plan]


class TestShippedFiles:
    def test_all_are_there(self) -> None:
        assert {"quick", "structured", "free", "mnist", "thread"} <= {path.stem for path in GRIDS}

    @pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
    def test_each_is_sound(self, path: Path) -> None:
        experiment = read_experiment(path)
        assert experiment.name == path.stem
        assert experiment.about.endswith((".", "?"))
        assert len(experiment.plan) >= (3 if path in GRIDS else 1)
        for planned in experiment.plan:
            assert resolve(planned.settings).train.learning_rate

    def test_quick_covers_every_strategy_on_both_layouts(self) -> None:
        assert names(FOLDER / "quick.yaml") == [
            f"{strategy}-{layout}-seed0"
            for layout in ("structured", "free")
            for strategy in ("heads", "sigmoid", "cut")
        ]

    def test_thread_is_the_threads_own_networks(self) -> None:
        for planned in read_experiment(FOLDER / "thread.yaml").plan:
            settings = resolve(planned.settings)
            assert (settings.backbone.name, settings.layout.name) == ("thread", "structured")
            adam = settings.strategy == "heads"
            assert settings.train.optimizer == ("adam" if adam else "adadelta")
            assert settings.train.learning_rate == (0.001 if adam else 1.0)
            assert (settings.train.epochs, settings.train.strips, settings.train.batch_size) == (4, 20_000, 128)


class TestFile:
    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("name: a\nsetings:\n  seed: 1\n", r"mine.yaml, line 2: unknown key 'setings'; did you mean 'settings'\?"),
            ("settings:\n  sed: 1\n", r"mine.yaml, line 2: unknown key 'sed'; did you mean 'seed'\?"),
            (
                "settings:\n  seed: 1\n  train:\n    epochs: 2\n    stripes: 5\n",
                r"mine.yaml, line 5: unknown key 'train.stripes'; did you mean 'strips'\?",
            ),
            ("settings:\n  train: {epochs: -1}\n", r"mine.yaml, line 2: train.epochs: .*greater than.*-1"),
            ("settings:\n  train: {epochs: some}\n", r"mine.yaml, line 2: train.epochs: .*integer.*'some'"),
            ("settings:\n  strategy: head\n", r"unknown strategy 'head'; did you mean 'heads'\?"),
            ("grid:\n  strategy: [heads, cuts]\n", r"unknown strategy 'cuts'; did you mean 'cut'\?"),
            ("grid:\n  seeds: [0, 1]\n", r"mine.yaml, line 2: unknown key 'seeds'; did you mean 'seed'\?"),
            ("grid:\n  seed: []\n", r"mine.yaml, line 2: grid.seed: expected a list of values .*received \[\]"),
            ("grid:\n  seed: 3\n", r"mine.yaml, line 2: grid.seed: expected a list of values .*received 3"),
            ("grid: [1, 2]\n", r"mine.yaml, line 1: grid: expected `key: value` lines under it"),
            ("settings: 3\n", r"mine.yaml, line 1: settings: expected `key: value` lines under it"),
            ("grid:\n  seed: [1, 1]\n", r"mine.yaml: grid: two runs would both be .*seed1'; give each value once"),
            ("name: [\n", r"mine.yaml, line 2: not valid YAML"),
            ("", r"mine.yaml: expected `key: value` lines; received nothing"),
        ],
    )
    def test_a_fault_is_told_with_its_place(self, tmp_path: Path, text: str, told: str) -> None:
        with pytest.raises(SettingsError, match=told) as error:
            read_experiment(written(tmp_path, text))
        assert "\n" not in str(error.value)

    def test_a_missing_file_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match=r"none.yaml: no such file"):
            read_experiment(tmp_path / "none.yaml")

    def test_a_grid_is_every_combination(self, tmp_path: Path) -> None:
        text = "grid:\n  layout: [structured, free]\n  strategy: [heads, cut]\n  seed: [0, 1]\n"
        assert names(written(tmp_path, text)) == [
            f"{strategy}-{layout}-seed{seed}"
            for layout in ("structured", "free")
            for strategy in ("heads", "cut")
            for seed in (0, 1)
        ]

    def test_no_grid_is_one_run(self, tmp_path: Path) -> None:
        path = written(tmp_path, "settings: {strategy: cut, layout: structured, seed: 7}\n")
        assert names(path) == ["cut-structured-seed7"]
        assert read_experiment(path).name == "mine"

    def test_names_tell_what_differs(self, tmp_path: Path) -> None:
        text = "grid:\n  backbone: [compact, thread]\n  train.epochs: [1, 2]\n"
        text += "  strategy: [cut]\n  digits: [a/b.npz, drawn]\n"
        found = names(written(tmp_path, text))
        assert len(found) == 8
        assert found[0] == "cut-free-compact-epochs1-a_b.npz-seed0"
        assert found[-1] == "cut-free-thread-epochs2-drawn-seed0"

    def test_grids_reach_into_sections_and_leave_the_rest_of_them(self, tmp_path: Path) -> None:
        text = "settings:\n  layout: {name: free, gap: 2}\n  train: {strips: 9}\n"
        text += "grid:\n  layout: [structured, free]\n  train.epochs: [4, 5]\n"
        plan = read_experiment(written(tmp_path, text)).plan
        assert [(p.settings.layout.name, p.settings.train.epochs) for p in plan] == [
            ("structured", 4),
            ("structured", 5),
            ("free", 4),
            ("free", 5),
        ]
        assert all(p.settings.train.strips == 9 and p.settings.layout.gap == (2, 2) for p in plan)

    def test_set_overrides_settings_and_grid(self, tmp_path: Path) -> None:
        path = written(
            tmp_path, "settings: {seed: 3, train: {epochs: 5, strips: 8}}\ngrid:\n  strategy: [heads, cut]\n"
        )
        (planned,) = read_experiment(path, ["strategy=sigmoid", "train.epochs=2"]).plan
        settings = planned.settings
        assert (settings.strategy, settings.seed) == ("sigmoid", 3)
        assert (settings.train.epochs, settings.train.strips) == (2, 8)
        with pytest.raises(SettingsError, match=r"unknown key 'train.epoch'; did you mean 'epochs'\?"):
            read_experiment(path, ["train.epoch=2"])


class TestComparison:
    def test_every_strategy_on_both_layouts_with_all_else_alike(self) -> None:
        plan = comparison({"seed": 4}).plan
        assert len(plan) == 6
        rest = [{**p.settings.model_dump(), "strategy": "", "layout": ""} for p in plan]
        assert all(settings == rest[0] for settings in rest)

    def test_one_strategy_is_none(self) -> None:
        with pytest.raises(MultidigitError, match="at least two strategies"):
            comparison({}, strategies=["heads"])

    def test_it_may_train_everything_with_several_seeds(self) -> None:
        plan = comparison({"seed": 4}, ["free"], ["heads", "cut"], 3).plan
        assert [(run.settings.seed, run.settings.strategy) for run in plan] == [
            (seed, strategy) for seed in (4, 5, 6) for strategy in ("heads", "cut")
        ]

    def test_twice_the_same_is_none(self) -> None:
        with pytest.raises(SettingsError, match="give each value once"):
            make_plan({}, {"strategy": ["heads", "heads"]})


@pytest.fixture
def quick(toys: Toys) -> list[object]:
    """A call of the quick experiment, on toy digits with the least budget, one layout."""
    return ["experiment", FOLDER / "quick.yaml", *toys.options(), "--set", "layout=structured"]


def stamps(folder: Path) -> dict[str, str]:
    return {path.parent.name: json.loads(path.read_text())["created"] for path in folder.glob(f"*/{ENVIRONMENT}")}


def test_the_quick_experiment_runs_goes_on_and_is_done_once(
    toys: Toys, quick: list[object], call: Callable[..., Called], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "quick"
    tell = Training._tell

    def interrupt(self: Training, name: str, progress: Any) -> None:
        tell(self, name, progress)
        if "sigmoid" in name and progress.strips == 96 and progress.epoch is None:
            raise KeyboardInterrupt

    monkeypatch.setattr(Training, "_tell", interrupt)
    stopped = call(*quick)
    assert stopped.code == 130
    assert stopped.err.endswith("interrupted; what is done is in runs/quick. Go on with: the same command\n")
    first = stamps(folder)
    assert set(first) == {"heads-structured-seed0", "sigmoid-structured-seed0"}
    monkeypatch.setattr(Training, "_tell", tell)

    gone_on = call(*quick, "--json")
    assert gone_on.code == 0, gone_on.err
    second = stamps(folder)
    assert len(second) == 3
    assert second["heads-structured-seed0"] == first["heads-structured-seed0"]
    assert second["sigmoid-structured-seed0"] > first["sigmoid-structured-seed0"]
    assert "[2/3] sigmoid-structured-seed0" in gone_on.err
    assert "[1/3]" not in gone_on.err
    results = gone_on.json
    assert results["folder"] == "runs/quick"
    assert [row["strategy"] for row in results["rows"]] == ["heads", "sigmoid", "cut"]
    assert {row["training_strips"] for row in results["rows"]} == {192}
    assert [row["epochs"] for row in results["rows"]] == [3, 4, 3]
    assert len(results["pairs"]) == 3
    assert len(results["verdict"]) == 1
    assert json.loads((folder / "results.json").read_text()) == {k: v for k, v in results.items() if k != "folder"}
    for line in (folder / "results.jsonl").read_text().splitlines():
        flat = json.loads(line)
        budget = open_run(folder / flat["run"]).metrics["budget"]
        assert flat["budget.read"] == budget["read"]
        assert flat["budget.shares.class"] == budget["shares"]["class"]
    assert "## The error budget" in (folder / "report.md").read_text()

    # What stands need not be trained again, and with other settings it is not taken for the same.
    def no_training(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(training, "train", no_training)
    again = call(*quick)
    assert again.code == 0, again.err
    assert stamps(folder) == second
    assert "numbers right" in again.out
    assert results["verdict"][0] in again.out
    other = call(*quick, "--set", "train.epochs=2")
    assert other.code == 1
    assert "heads-structured-seed0: was trained with other settings; remove it or name another folder" in other.err
    assert stamps(folder) == second


def test_a_dry_run_only_lists(call: Callable[..., Called], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = call("experiment", FOLDER / "quick.yaml", "--dry-run").out.splitlines()
    assert told[0].startswith("quick: 6 runs in runs/quick, about ")
    assert [line.split()[0] for line in told[1:7]] == names(FOLDER / "quick.yaml")
    listed = call("experiment", FOLDER / "quick.yaml", "--dry-run", "--json", "--set", "strategy=cut").json
    assert [run["run"] for run in listed["runs"]] == ["cut-structured-seed0", "cut-free-seed0"]
    assert {run["state"] for run in listed["runs"]} == {"planned"}
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_run_is_left_alone(
    quick: list[object], call: Callable[..., Called], tmp_path: Path
) -> None:
    (tmp_path / "out" / "heads-structured-seed0").mkdir(parents=True)
    told = call(*quick, "--out", tmp_path / "out")
    assert told.code == 1
    assert "heads-structured-seed0: not a run folder; remove it or name another folder with --out" in told.err
