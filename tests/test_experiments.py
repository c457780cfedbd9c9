"""Experiments: files, grids, and runs that are done once and gone on with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import Called, Toys

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
            assert (settings.backbone.name, settings.layout.name) == ("baseline", "structured")
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
            (
                "settings:\n  train: {epochs: -1}\n",
                r"mine.yaml, line 2: train.epochs must be .*of at least 1; received -1",
            ),
            (
                "settings:\n  train: {epochs: some}\n",
                r"mine.yaml, line 2: train.epochs must be a whole number.*received 'some'",
            ),
            ("settings:\n  strategy: head\n", r"strategy must be .*received 'head'; did you mean 'heads'\?"),
            ("grid:\n  strategy: [heads, cuts]\n", r"strategy must be .*received 'cuts'; did you mean 'cut'\?"),
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


SWEPT = "settings: {layout: {name: free, gap: 0}}\nsweep:\n  layout.gap: 0..6 step 3\n  layout.tilt: [0, 8]\n"


class TestSweep:
    def test_each_setting_moves_by_itself(self, tmp_path: Path) -> None:
        plan = read_experiment(written(tmp_path, SWEPT)).plan
        # No tilt and no gap is what both begin with: one run.
        assert [(run.name, run.settings.layout.gap[0], run.settings.layout.tilt[0]) for run in plan] == [
            ("heads-free-gap0-seed0", 0, 0),
            ("heads-free-gap3-seed0", 3, 0),
            ("heads-free-gap6-seed0", 6, 0),
            ("heads-free-tilt8-seed0", 0, 8),
        ]

    def test_values_beside_the_settings_of_all_are_runs_of_their_own(self, tmp_path: Path) -> None:
        text = SWEPT.replace("gap: 0}", "gap: 1, tilt: 4}")
        plan = read_experiment(written(tmp_path, text)).plan
        assert {(run.settings.layout.gap[0], run.settings.layout.tilt[0]) for run in plan} == {
            *((0, 4), (3, 4), (6, 4)),
            *((1, 0), (1, 8)),
        }

    def test_all_of_it_is_done_by_everybody_in_the_grid_with_every_seed(self, tmp_path: Path) -> None:
        text = f"{SWEPT}grid:\n  strategy: [heads, cut]\n  train.epochs: [1, 2]\nseeds: 3\n"
        plan = read_experiment(written(tmp_path, text)).plan
        assert len(plan) == len({run.name for run in plan}) == 4 * 2 * 2 * 3
        assert "cut-free-epochs2-gap6-seed1" in {run.name for run in plan}
        by: dict[tuple[str, int, int], set[tuple[int, int]]] = {}
        for run in plan:
            settings = run.settings
            here = by.setdefault((settings.strategy, settings.train.epochs, settings.seed), set())
            here.add((settings.layout.gap[0], settings.layout.tilt[0]))
        assert len(by) == 12
        assert all(places == {(0, 0), (3, 0), (6, 0), (0, 8)} for places in by.values())

    def test_runs_of_their_own_are_swept_too(self, tmp_path: Path) -> None:
        text = f"{SWEPT}runs:\n  - {{name: wide, backbone: {{width: 2}}}}\n  - {{strategy: cut, layout: {{tilt: 4}}}}\n"
        found = {run.name: run.settings for run in read_experiment(written(tmp_path, text)).plan}
        assert len(found) == 4 + 5
        assert {settings.backbone.width for name, settings in found.items() if "-wide-" in name} == {2}
        assert {settings.layout.tilt[0] for name, settings in found.items() if "cut" in name and "gap" in name} == {4}

    def test_a_range_without_a_step_is_about_six_values(self, tmp_path: Path) -> None:
        text = "sweep:\n  layout.gap: -3..12\n  layout.freedom: 0..1\n"
        plan = read_experiment(written(tmp_path, text)).plan
        assert [run.settings.layout.gap[0] for run in plan[:6]] == [-3, 0, 3, 6, 9, 12]
        assert [run.settings.layout.freedom for run in plan[6:]] == [0, 0.2, 0.4, 0.6, 0.8, 1]

    def test_ranges_and_numbers_that_yaml_takes_for_words_are_values(self, tmp_path: Path) -> None:
        text = "settings: {layout: structured}\nsweep:\n  layout.shift: [0, 2, [-1, 4]]\n"
        text += "  train.learning_rate: [1e-3, 1e-2]\n"
        plan = read_experiment(written(tmp_path, text)).plan
        assert [run.settings.layout.shift for run in plan[:3]] == [(0, 0), (-2, 2), (-1, 4)]
        assert [run.settings.train.learning_rate for run in plan[3:]] == [0.001, 0.01]
        assert [run.name for run in plan[1:4]] == [
            "heads-structured-shift2-seed0",
            "heads-structured-shift-1to4-seed0",
            "heads-structured-learning_rate1e-3-seed0",
        ]

    def test_set_overrides_a_sweep_and_what_stands_still(self, tmp_path: Path) -> None:
        path = written(tmp_path, SWEPT)
        assert names(path, "layout.gap=5") == ["heads-free-tilt0-seed0", "heads-free-tilt8-seed0"]
        assert {run.settings.layout.gap for run in read_experiment(path, ["layout.gap=5"]).plan} == {(5, 5)}
        assert names(path, "layout.gap=5", "layout.tilt=1") == ["heads-free-seed0"]
        plan = read_experiment(path, ["strategy=cut", "layout.slant=0.2"]).plan
        assert [(run.settings.strategy, run.settings.layout.slant) for run in plan] == [("cut", (0.2, 0.2))] * 4

    def test_so_many_runs_must_be_meant(self, tmp_path: Path) -> None:
        path = written(tmp_path, f"{SWEPT}grid:\n  strategy: [heads, cut]\nseeds: 2\n")
        with pytest.raises(SettingsError, match=r"mine.yaml: would be 20 runs; if that many are meant.*--yes"):
            read_experiment(path, most=19)
        assert len(read_experiment(path, most=20).plan) == 16
        assert len(read_experiment(path, ["layout.gap=1"], most=8).plan) == 8

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("name: a\nsweep:\n", r"line 2: sweep: is empty; put settings with their values under it, or leave it out"),
            ("sweep: {}\n", r"line 1: sweep: is empty"),
            ("sweep: []\n", r"line 1: sweep: is empty"),
            ("sweep: [1, 2]\n", r"line 1: sweep: expected `key: value` lines under it"),
            ("sweep:\n  layout.gap: []\n", r"line 2: sweep.layout.gap: expected a list of values .*received \[\]"),
            ("sweep:\n  layout.gap: 3\n", r"line 2: sweep.layout.gap: expected a list of values .*received 3"),
            ("sweep:\n  layout: {gap: [1, 2]}\n", r"line 2: sweep.layout: expected a list of values"),
            ("sweep:\n  layout.gap: a..b\n", r"line 2: sweep.layout.gap: expected numbers in a range"),
            ("sweep:\n  layout.gap: 0..3 step 0\n", r"line 2: sweep.layout.gap: a range needs a step other than 0"),
            (
                "grid:\n  layout.gap: [1, 2]\nsweep:\n  layout.gap: [3, 4]\n",
                r"line 4: sweep.layout.gap: the grid has it, too; give it once",
            ),
            (
                "sweep:\n  strategy: [heads, cut]\n",
                r"line 2: sweep.strategy: a sweep is over numbers.*received 'heads'",
            ),
            ("sweep:\n  layout.gap: [1, yes]\n", r"line 2: sweep.layout.gap: a sweep is over numbers.*received True"),
            ("sweep:\n  layout.gap: [1, ~]\n", r"line 2: sweep.layout.gap: a sweep is over numbers.*received None"),
            ("sweep:\n  layout.gap: [[1, 2, 3]]\n", r"a sweep is over numbers, or ranges such as .*\[1, 2, 3\]"),
            ("sweep:\n  layout.gap: [[a, 2]]\n", r"a sweep is over numbers, or ranges such as .*\['a', 2\]"),
            ("sweep:\n  layout.freedom: [.nan, 1]\n", r"line 2: sweep.layout.freedom: a sweep is over numbers.*nan"),
            ("sweep:\n  seed: 0..3\n", r"line 2: sweep.seed: seeds are no course .*say how many with seeds"),
            (
                "settings: {layout: structured}\nsweep:\n  layout.gap: 0..3\n",
                r"mine.yaml, line 3: layout.gap: structured strips have none; sweep it with `layout: free`",
            ),
            (
                "grid:\n  layout: [free, structured]\nsweep:\n  layout.freedom: [0, 1]\n",
                r"mine.yaml, line 4: layout.freedom: structured strips have none",
            ),
            (
                "sweep:\n  layout.shift: 0..8\n",
                r"mine.yaml, line 2: layout.shift: free strips have cells .* only with a layout.freedom below 1",
            ),
            ("sweep:\n  layout.gab: 0..3\n", r"mine.yaml, line 2: unknown key 'layout.gab'; did you mean 'gap'\?"),
            ("sweep:\n  yes: 0..3\n", r"mine.yaml, line 1: sweep.True: .*|mine.yaml: unknown key 'True'"),
            ("sweep:\n  layout.gap: 0..90\n", r"mine.yaml, line 2: layout.gap must lie within -60 to 60"),
            ("sweep:\n  train.epochs: [1, 1.5]\n", r"mine.yaml, line 2: train.epochs must .*received 1.5"),
            ("sweeps:\n  layout.gap: 0..3\n", r"mine.yaml, line 1: unknown key 'sweeps'; did you mean 'sweep'\?"),
        ],
    )
    def test_a_fault_is_told_with_its_place(self, tmp_path: Path, text: str, told: str) -> None:
        with pytest.raises(SettingsError, match=told) as error:
            read_experiment(written(tmp_path, text))
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize(
        ("assignment", "told"),
        [
            ("layout=structured", r"mine.yaml with --set layout=structured: layout.gap: structured strips have none"),
            ("layout.gab=3", r"mine.yaml with --set layout.gab=3: unknown key 'layout.gab'"),
        ],
    )
    def test_what_is_laid_over_a_file_is_told_as_such(self, tmp_path: Path, assignment: str, told: str) -> None:
        with pytest.raises(SettingsError, match=told):
            read_experiment(written(tmp_path, SWEPT), [assignment])

    @pytest.mark.parametrize(
        ("name", "moved"),
        [
            ("crossover", ["layout.freedom"]),
            (
                "axes",
                ["layout.shift", "layout.digit_scale", "layout.tilt", "layout.length", "effects.noise.strength"],
            ),
        ],
    )
    def test_the_map_begins_in_equal_cells_and_moves_one_setting_at_a_time(self, name: str, moved: list[str]) -> None:
        from multidigit.comparison.groups import flattened

        plan = read_experiment(FOLDER / f"{name}.yaml").plan
        ways = {
            "layout.freedom": "0.0",
            "layout.shift": "[0, 0]",
            "layout.digit_scale": "[1.0, 1.0]",
            "layout.tilt": "[0, 0]",
            "layout.length": "[1, 5]",
            "effects.noise.strength": "[0.0, 0.0]",
        }
        at = [tuple(str(flattened(run.settings)[key]) for key in ways) for run in plan]
        base = tuple(ways.values())
        assert base in at
        # Nothing moves together with anything else.
        assert {sum(one != other for one, other in zip(base, place, strict=True)) for place in at} == {0, 1}
        values = {key: len({place[index] for place in at}) for index, key in enumerate(ways)}
        assert {key for key, count in values.items() if count >= 3} == set(moved)


class TestComparisonInSweeps:
    @pytest.mark.parametrize(
        ("sweeps", "asked", "layouts"),
        [
            (["layout.gap=-3..12"], [], ["free"]),
            (["layout.freedom=0..1"], [], ["free"]),
            (["layout.shift=0..4"], [], ["structured"]),
            (["layout.shift=0..4", "layout.tilt=0..4"], [], None),
            (["layout.length=1..5"], [], ["structured", "free"]),
            (["effects.noise.strength=0..2"], [], ["structured", "free"]),
            (["effects.noise.strength=0..2"], ["free"], ["free"]),
            (["train.strips=1000..6000"], ["structured"], ["structured"]),
        ],
    )
    def test_strips_are_those_that_the_setting_changes(
        self, sweeps: list[str], asked: list[str], layouts: list[str] | None
    ) -> None:
        if layouts is None:
            with pytest.raises(SettingsError, match=r"layout.shift: free strips have cells .* a layout.freedom below"):
                comparison({}, asked, sweeps=sweeps)
            plan = comparison({"layout": {"freedom": 0.5}}, asked, sweeps=sweeps).plan
            layouts = ["free"]
        else:
            plan = comparison({}, asked, sweeps=sweeps).plan
        assert list(dict.fromkeys(run.settings.layout.name for run in plan)) == layouts
        assert {run.settings.strategy for run in plan} == {"heads", "sigmoid", "cut"}

    def test_everybody_is_trained_at_every_value_with_every_seed(self) -> None:
        experiment = comparison({"seed": 4}, [], ["heads", "cut"], 3, ["layout.gap=-3..12", "layout.tilt=[0, 5]"])
        # No tilt is what the gaps begin with, but the gap that they are beside of is none of its values.
        assert len(experiment.plan) == (6 + 2) * 2 * 3
        assert {run.settings.seed for run in experiment.plan} == {4, 5, 6}
        assert experiment.about == "Which strategy reads best as layout.gap or layout.tilt changes?"
        assert comparison({}).about == "Which strategy reads best on each layout?"

    def test_the_values_are_given_in_several_ways(self) -> None:
        for text, values in (
            ("layout.gap=-3..12", [-3, 0, 3, 6, 9, 12]),
            ("layout.gap=-3..12 step 5", [-3, 2, 7, 12]),
            ("layout.gap=[5, -3, 0]", [5, -3, 0]),
        ):
            plan = comparison({}, [], ["heads", "cut"], 1, [text]).plan
            assert [run.settings.layout.gap[0] for run in plan[::2]] == values

    @pytest.mark.parametrize(
        ("sweeps", "told"),
        [
            (["layout.gap"], r"--sweep layout.gap: expected KEY=LOW..HIGH, as in --sweep layout.gap=-3..12"),
            (["=1..3"], r"--sweep =1..3: expected KEY=LOW..HIGH"),
            (["layout..gap=1..3"], r"--sweep layout..gap=1..3: expected KEY=LOW..HIGH"),
            (["layout.gap="], r"--sweep layout.gap=: expected a list of values .*received None"),
            (["layout.gap=5"], r"--sweep layout.gap=5: expected a list of values .* a range"),
            (["layout.gap=[1"], r"--sweep layout.gap=\[1: the values are not valid YAML"),
            (["layout.gap=a..b"], r"--sweep layout.gap=a..b: expected numbers in a range"),
            (["layout.gap=3..1 step 1"], r"a step of 1 never leads from 3 to 1"),
            (["strategy=[heads, cut]"], r"--sweep strategy=.*: a sweep is over numbers.*received 'heads'"),
            (["seed=0..4"], r"--sweep seed=0..4: seeds are no course"),
            (["layout.gab=0..4"], r"--sweep: unknown key 'layout.gab'; did you mean 'gap'\?"),
            (["layout.gap=0..90"], r"--sweep: layout.gap must lie within -60 to 60"),
            (
                ["layout.gap=0..3", "layout.gap=5..8"],
                r"--sweep layout.gap: is given twice; give all its values at once",
            ),
        ],
    )
    def test_a_fault_is_told(self, sweeps: list[str], told: str) -> None:
        with pytest.raises(SettingsError, match=told) as error:
            comparison({}, sweeps=sweeps)
        assert "\n" not in str(error.value)

    def test_strips_that_have_no_such_setting_are_refused(self) -> None:
        with pytest.raises(SettingsError, match=r"layout.gap: structured strips have none"):
            comparison({}, ["structured"], sweeps=["layout.gap=0..3"])


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
        breakdown = open_run(folder / flat["run"]).metrics["error_breakdown"]
        assert flat["error_breakdown.read"] == breakdown["read"]
        assert flat["error_breakdown.shares.class"] == breakdown["shares"]["class"]
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
