"""Files of experiments, grids, sweeps and comparisons: which runs are planned, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from multidigit.comparison.groups import flat_settings
from multidigit.errors import MultidigitError, SettingsError
from multidigit.experiments import comparison, make_plan, read_experiment
from multidigit.settings import read_yaml
from multidigit.strategies.base import resolve

FOLDER = Path(__file__).parents[2] / "experiments"
FILES = sorted(path for path in FOLDER.glob("*.yaml") if path.stem != "pretrained")  # that one holds settings
SWEPT = "settings: {layout: {name: free, gap: 0}}\nsweep:\n  layout.gap: 0..6 step 3\n  layout.tilt: [0, 8]\n"
GAPS = "grid:\n  strategy: [heads, cut]\n"


@pytest.fixture
def file(tmp_path: Path) -> Any:
    """Writes a file of an experiment."""

    def write(text: str) -> Path:
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return path

    return write


def names(path: Path, *assignments: str) -> list[str]:
    return [planned.name for planned in read_experiment(path, assignments).plan]


class TestShippedFiles:
    @pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
    def test_each_is_sound(self, path: Path) -> None:
        experiment = read_experiment(path)
        assert experiment.name == path.stem
        assert experiment.about.endswith((".", "?"))
        assert len(experiment.plan) >= (3 if "grid" in read_yaml(path)[0] else 1)
        for planned in experiment.plan[:20]:
            assert resolve(planned.settings).train.learning_rate

    def test_thread_trains_the_networks_of_the_question(self) -> None:
        for planned in read_experiment(FOLDER / "thread.yaml").plan:
            settings = resolve(planned.settings)
            assert (settings.backbone.name, settings.layout.name) == ("baseline", "structured")
            adam = settings.strategy == "heads"
            assert settings.train.optimizer == ("adam" if adam else "adadelta")
            assert settings.train.learning_rate == (0.001 if adam else 1.0)
            assert (settings.train.epochs, settings.train.strips, settings.train.batch_size) == (4, 20_000, 128)

    @pytest.mark.parametrize(
        ("name", "moved"),
        [
            ("crossover", {"layout.freedom"}),
            ("axes", {"layout.shift", "layout.digit_scale", "layout.tilt", "layout.length", "effects.noise.strength"}),
        ],
    )
    def test_a_sweep_begins_in_equal_cells_and_moves_one_setting_at_a_time(self, name: str, moved: set[str]) -> None:
        start: dict[str, Any] = {
            "layout.freedom": 0.0,
            "layout.shift": [0, 0],
            "layout.digit_scale": [1.0, 1.0],
            "layout.tilt": [0, 0],
            "layout.length": [1, 5],
            "effects.noise.strength": [0.0, 0.0],
        }
        at = [
            [flat_settings(run.settings)[key] for key in start] for run in read_experiment(FOLDER / f"{name}.yaml").plan
        ]
        changed = [{key for key, value in zip(start, place, strict=True) if value != start[key]} for place in at]
        assert {len(keys) for keys in changed} == {0, 1}
        assert set().union(*changed) == moved


class TestGrid:
    def test_is_every_combination(self, file: Any) -> None:
        text = "grid:\n  layout: [structured, free]\n  strategy: [heads, cut]\n  seed: [0, 1]\n"
        assert names(file(text)) == [
            f"{strategy}-{layout}-seed{seed}"
            for layout in ("structured", "free")
            for strategy in ("heads", "cut")
            for seed in (0, 1)
        ]

    def test_no_grid_is_one_run(self, file: Any) -> None:
        path = file("settings: {strategy: cut, layout: structured, seed: 7}\n")
        assert names(path) == ["cut-structured-seed7"]
        assert read_experiment(path).name == "mine"

    def test_names_hold_what_differs(self, file: Any) -> None:
        text = "grid:\n  backbone: [compact, baseline]\n  train.epochs: [1, 2]\n"
        found = names(file(f"{text}  strategy: [cut]\n  digits: [a/b.npz, drawn]\n"))
        assert len(found) == 8
        assert found[0] == "cut-free-compact-epochs1-a_b.npz-seed0"
        assert found[-1] == "cut-free-baseline-epochs2-drawn-seed0"

    def test_reaches_into_sections_and_leaves_the_rest_of_them(self, file: Any) -> None:
        text = "settings:\n  layout: {name: free, gap: 2}\n  train: {strips: 9}\n"
        plan = read_experiment(file(f"{text}grid:\n  layout: [structured, free]\n  train.epochs: [4, 5]\n")).plan
        assert [(p.settings.layout.name, p.settings.train.epochs) for p in plan] == [
            ("structured", 4),
            ("structured", 5),
            ("free", 4),
            ("free", 5),
        ]
        assert all(p.settings.train.strips == 9 and p.settings.layout.gap == (2, 2) for p in plan)

    def test_ranges(self, file: Any) -> None:
        text = "settings: {layout: free}\ngrid:\n  layout.gap: -3..3 step 3\n  layout.slant: 0..0.3 step 0.1\n"
        plan = read_experiment(file(text)).plan
        assert [planned.settings.layout.gap for planned in plan[::4]] == [(-3, -3), (0, 0), (3, 3)]
        assert [planned.settings.layout.slant[1] for planned in plan[:4]] == [0, 0.1, 0.2, 0.3]
        assert plan[3].name == "heads-free-gap-3-slant0.3-seed0"

    def test_slots(self, file: Any) -> None:
        plan = read_experiment(file("grid:\n  slots: [1, 8, 12]\n  strategy: [heads, cut]\n")).plan
        assert [planned.name for planned in plan[::2]] == [f"heads-free-slots{slots}-seed0" for slots in (1, 8, 12)]
        assert [(planned.settings.slots, planned.settings.layout.length) for planned in plan[1::2]] == [
            (1, (1, 1)),
            (8, (1, 8)),
            (12, (1, 12)),
        ]
        with pytest.raises(SettingsError, match=r"line 2: slots must be .*13"):
            read_experiment(file("grid:\n  slots: [1, 13]\n"))

    def test_seeds_by_number_or_as_a_list(self, file: Any) -> None:
        for text, seeds in (("seeds: 3", [0, 1, 2]), ("seeds: [4, 7]", [4, 7]), ("seeds: 2..6 step 2", [2, 4, 6])):
            plan = read_experiment(file(f"{GAPS}{text}\n")).plan
            assert [planned.settings.seed for planned in plan] == seeds * 2
        assert names(file("seeds: 3\n"), "seed=9") == ["heads-free-seed9"]

    def test_runs_beside_a_grid_or_without_one(self, file: Any) -> None:
        runs = "runs:\n  - {name: wide, backbone: {width: 2}, train: {epochs: 4}}\n"
        runs += "  - strategy: cut\n    cut: {cutter: ink}\n"
        text = f"settings: {{layout: {{name: free, gap: 2}}}}\n{runs}seeds: 2\n"
        alone = read_experiment(file(text)).plan
        own = [f"{name}-seed{seed}" for name in ("heads-free-wide", "cut-free-cutterink") for seed in (0, 1)]
        assert [planned.name for planned in alone] == own
        assert (alone[1].settings.backbone.width, alone[1].settings.train.epochs) == (2, 4)
        assert all(planned.settings.layout.gap == (2, 2) for planned in alone)
        assert alone[3].settings.options("cut") == {"cutter": "ink"}
        assert {planned.settings.train.epochs for planned in read_experiment(file(text), ["train.epochs=9"]).plan} == {
            9
        }
        grid = [f"{name}-free-seed{seed}" for name in ("heads", "cut") for seed in (0, 1)]
        assert names(file(f"{text}{GAPS}")) == grid + own

    def test_set_overrides_settings_and_grid(self, file: Any) -> None:
        path = file(f"settings: {{seed: 3, train: {{epochs: 5, strips: 8}}}}\n{GAPS}")
        (planned,) = read_experiment(path, ["strategy=sigmoid", "train.epochs=2"]).plan
        settings = planned.settings
        assert (settings.strategy, settings.seed) == ("sigmoid", 3)
        assert (settings.train.epochs, settings.train.strips) == (2, 8)

    def test_two_runs_of_one_name_are_refused(self) -> None:
        with pytest.raises(SettingsError, match="give each value once"):
            make_plan({}, {"strategy": ["heads", "heads"]})


class TestSweep:
    def test_each_setting_moves_by_itself(self, file: Any) -> None:
        plan = read_experiment(file(SWEPT)).plan
        # No tilt and no gap is where both begin: one run.
        assert [(run.name, run.settings.layout.gap[0], run.settings.layout.tilt[0]) for run in plan] == [
            ("heads-free-gap0-seed0", 0, 0),
            ("heads-free-gap3-seed0", 3, 0),
            ("heads-free-gap6-seed0", 6, 0),
            ("heads-free-tilt8-seed0", 0, 8),
        ]
        beside = read_experiment(file(SWEPT.replace("gap: 0}", "gap: 1, tilt: 4}"))).plan
        places = [(run.settings.layout.gap[0], run.settings.layout.tilt[0]) for run in beside]
        assert places == [(0, 4), (3, 4), (6, 4), (1, 0), (1, 8)]

    def test_for_every_combination_of_the_grid_with_every_seed(self, file: Any) -> None:
        text = f"{SWEPT}grid:\n  strategy: [heads, cut]\n  train.epochs: [1, 2]\nseeds: 3\n"
        plan = read_experiment(file(text)).plan
        assert len(plan) == len({run.name for run in plan}) == 4 * 2 * 2 * 3
        assert "cut-free-epochs2-gap6-seed1" in {run.name for run in plan}
        by: dict[tuple[str, int, int], set[tuple[int, int]]] = {}
        for run in plan:
            settings = run.settings
            here = by.setdefault((settings.strategy, settings.train.epochs, settings.seed), set())
            here.add((settings.layout.gap[0], settings.layout.tilt[0]))
        assert all(places == {(0, 0), (3, 0), (6, 0), (0, 8)} for places in by.values())

    def test_for_runs_of_their_own(self, file: Any) -> None:
        text = f"{SWEPT}runs:\n  - {{name: wide, backbone: {{width: 2}}}}\n  - {{strategy: cut, layout: {{tilt: 4}}}}\n"
        found = {run.name: run.settings for run in read_experiment(file(text)).plan}
        assert len(found) == 4 + 5
        assert {settings.backbone.width for name, settings in found.items() if "-wide-" in name} == {2}
        assert {settings.layout.tilt[0] for name, settings in found.items() if "cut" in name and "gap" in name} == {4}

    def test_values(self, file: Any) -> None:
        text = "sweep:\n  layout.gap: -3..12\n  layout.freedom: 0..1\n  slots: 1..12\n"
        plan = read_experiment(file(text)).plan
        assert [run.settings.layout.gap[0] for run in plan[:6]] == [-3, 0, 3, 6, 9, 12]
        assert [run.settings.layout.freedom for run in plan[6:12]] == [0, 0.2, 0.4, 0.6, 0.8, 1]
        # Five, as everywhere else, is the run with a freedom of 1.
        assert [run.settings.slots for run in plan[12:]] == [1, 3, 8, 10, 12]
        # Ranges, and numbers that YAML reads as text.
        text = "settings: {layout: structured}\nsweep:\n  layout.shift: [0, 2, [-1, 4]]\n"
        plan = read_experiment(file(f"{text}  train.learning_rate: [1e-3, 1e-2]\n")).plan
        assert [run.settings.layout.shift for run in plan[:3]] == [(0, 0), (-2, 2), (-1, 4)]
        assert [run.settings.train.learning_rate for run in plan[3:]] == [0.001, 0.01]
        assert [run.name for run in plan[2:4]] == [
            "heads-structured-shift-1to4-seed0",
            "heads-structured-learning_rate1e-3-seed0",
        ]

    def test_set_overrides_it(self, file: Any) -> None:
        path = file(SWEPT)
        assert names(path, "layout.gap=5") == ["heads-free-tilt0-seed0", "heads-free-tilt8-seed0"]
        assert {run.settings.layout.gap for run in read_experiment(path, ["layout.gap=5"]).plan} == {(5, 5)}
        assert names(path, "layout.gap=5", "layout.tilt=1") == ["heads-free-seed0"]

    def test_many_runs_have_to_be_confirmed(self, file: Any) -> None:
        path = file(f"{SWEPT}{GAPS}seeds: 2\n")
        with pytest.raises(SettingsError, match=r"mine.yaml: would be 20 runs; if that many are meant.*--yes"):
            read_experiment(path, most=19)
        assert len(read_experiment(path, most=20).plan) == 16
        assert len(read_experiment(path, ["layout.gap=1"], most=8).plan) == 8


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("", r"mine.yaml: expected `key: value` lines; received nothing"),
        ("name: [\n", r"mine.yaml, line 2: not valid YAML"),
        ("name: a\nsetings:\n  seed: 1\n", r"mine.yaml, line 2: unknown key 'setings'; did you mean 'settings'\?"),
        ("settings:\n  train:\n    stripes: 5\n", r"mine.yaml, line 3: unknown key 'train.stripes'; .*'strips'\?"),
        ("settings:\n  train: {epochs: -1}\n", r"mine.yaml, line 2: train.epochs must be .*-1"),
        ("settings: 3\n", r"mine.yaml, line 1: settings must have `key: value` lines under it"),
        ("grid:\n  strategy: [heads, cuts]\n", r"strategy must be .*'cuts'; did you mean 'cut'\?"),
        ("grid:\n  seed: []\n", r"mine.yaml, line 2: grid.seed must be a list of values .*received \[\]"),
        ("grid: [1, 2]\n", r"mine.yaml, line 1: grid must have `key: value` lines under it"),
        ("grid:\n  seed: [1, 1]\n", r"mine.yaml: two runs would both be .*seed1'; give each value once"),
        ("grid:\n", r"mine.yaml, line 1: grid must have settings with their values under it; received nothing"),
        ("grid:\n  layout.gap: -3..12\n", r"mine.yaml, line 2: grid.layout.gap must be a range with a step"),
        ("grid:\n  layout.gap: 1..90 step 80\n", r"line 2: layout.gap must lie within -60 to 60"),
        ("runs: []\n", r"mine.yaml, line 1: runs must be a list of settings, .*received \[\]"),
        ("runs: [{seed: 1}, {sed: 2}]\n", r"line 1: runs, number 2: unknown key 'sed'; did you mean 'seed'\?"),
        ("runs: [{seed: 1}, {seed: 1}]\n", r"two runs would both be 'heads-free-seed1'"),
        ("name: ../up\n", r"line 1: name must be a name that a folder can have, .*received '../up'"),
        ("name: [a, b]\n", r"line 1: name must be text; received \['a', 'b'\]"),
        ("seeds: 0\n", r"line 1: seeds must be how many, 1 or more, or a list; received 0"),
        ("seeds: yes\n", r"line 1: seeds must be a list of values"),
        ("seeds: 2\ngrid:\n  seed: [0, 1]\n", r"line 1: seeds: are in the grid, too; give them once"),
        ("sweep:\n  layout.gap: 3\n", r"line 2: sweep.layout.gap must be a list of values .*received 3"),
        (
            "grid:\n  layout.gap: [1, 2]\nsweep:\n  layout.gap: [3, 4]\n",
            r"line 4: sweep.layout.gap: is in the grid, too; give it once",
        ),
        ("sweep:\n  strategy: [heads, cut]\n", r"line 2: sweep.strategy must have numbers.*received 'heads'"),
        ("sweep:\n  layout.gap: [1, yes]\n", r"line 2: sweep.layout.gap must have numbers.*received True"),
        ("sweep:\n  layout.gap: [[1, 2, 3]]\n", r"must have numbers, or ranges such as .*\[1, 2, 3\]"),
        ("sweep:\n  layout.freedom: [.nan, 1]\n", r"line 2: sweep.layout.freedom must have numbers.*nan"),
        ("sweep:\n  seed: 0..3\n", r"line 2: sweep.seed must not be swept.* say how many with seeds"),
        (
            "settings: {layout: structured}\nsweep:\n  layout.gap: 0..3\n",
            r"mine.yaml, line 3: layout.gap: structured strips have none; sweep it with `layout: free`",
        ),
        (
            "sweep:\n  layout.shift: 0..8\n",
            r"mine.yaml, line 2: layout.shift: free strips have cells .* only with a layout.freedom below 1",
        ),
        ("sweep:\n  yes: 0..3\n", r"mine.yaml, line 1: sweep.True: .*|mine.yaml: unknown key 'True'"),
    ],
)
def test_a_fault_is_reported_with_its_place(file: Any, text: str, pattern: str) -> None:
    with pytest.raises(SettingsError, match=pattern) as error:
        read_experiment(file(text))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("assignment", "pattern"),
    [
        ("layout=structured", r"mine.yaml with --set layout=structured: layout.gap: structured strips have none"),
        ("layout.gab=3", r"mine.yaml with --set layout.gab=3: unknown key 'layout.gab'"),
    ],
)
def test_a_fault_in_an_assignment_is_reported_as_such(file: Any, assignment: str, pattern: str) -> None:
    with pytest.raises(SettingsError, match=pattern):
        read_experiment(file(SWEPT), [assignment])


class TestComparison:
    def test_every_strategy_on_both_layouts_with_all_else_equal(self) -> None:
        experiment = comparison({"seed": 4})
        assert len(experiment.plan) == 6
        assert experiment.about == "Which strategy reads best on each layout?"
        rest = [{**p.settings.model_dump(), "strategy": "", "layout": ""} for p in experiment.plan]
        assert all(settings == rest[0] for settings in rest)

    def test_several_seeds(self) -> None:
        plan = comparison({"seed": 4}, ["free"], ["heads", "cut"], 3).plan
        assert [(run.settings.seed, run.settings.strategy) for run in plan] == [
            (seed, strategy) for seed in (4, 5, 6) for strategy in ("heads", "cut")
        ]

    def test_one_strategy_is_refused(self) -> None:
        with pytest.raises(MultidigitError, match="at least two strategies"):
            comparison({}, strategies=["heads"])

    @pytest.mark.parametrize(
        ("sweeps", "asked", "layouts"),
        [
            (["layout.gap=-3..12"], [], ["free"]),
            (["layout.shift=0..4"], [], ["structured"]),
            (["layout.length=1..5"], [], ["structured", "free"]),
            (["slots=1..3"], [], ["structured", "free"]),
            (["effects.noise.strength=0..2"], ["free"], ["free"]),
        ],
    )
    def test_layouts_are_those_that_the_swept_setting_changes(
        self, sweeps: list[str], asked: list[str], layouts: list[str]
    ) -> None:
        plan = comparison({}, asked, sweeps=sweeps).plan
        assert list(dict.fromkeys(run.settings.layout.name for run in plan)) == layouts
        assert {run.settings.strategy for run in plan} == {"heads", "sigmoid", "cut"}

    def test_everybody_is_trained_at_every_value_with_every_seed(self) -> None:
        experiment = comparison({"seed": 4}, [], ["heads", "cut"], 3, ["layout.gap=-3..12", "layout.tilt=[0, 5]"])
        assert len(experiment.plan) == (6 + 2) * 2 * 3
        assert {run.settings.seed for run in experiment.plan} == {4, 5, 6}
        assert experiment.about == "Which strategy reads best as layout.gap or layout.tilt changes?"

    @pytest.mark.parametrize(
        ("sweeps", "pattern"),
        [
            (["layout.gap"], r"--sweep must be KEY=LOW..HIGH, as in --sweep layout.gap=-3..12; received 'layout.gap'"),
            (["layout..gap=1..3"], r"--sweep must be KEY=LOW..HIGH"),
            (["layout.gap="], r"--sweep layout.gap= must be a list of values .*received None"),
            (["layout.gap=[1"], r"--sweep layout.gap=\[1 must have values in valid YAML"),
            (["layout.gap=3..1 step 1"], r"must have a step that leads from 3 to 1"),
            (["strategy=[heads, cut]"], r"--sweep strategy=.* must have numbers.*received 'heads'"),
            (["layout.gab=0..4"], r"--sweep: unknown key 'layout.gab'; did you mean 'gap'\?"),
            (["layout.gap=0..90"], r"--sweep: layout.gap must lie within -60 to 60"),
            (["layout.gap=0..3", "layout.gap=5..8"], r"--sweep layout.gap: is given twice; give all its values"),
            (["layout.shift=0..4", "layout.tilt=0..4"], r"layout.shift: free strips have cells .*freedom below"),
        ],
    )
    def test_a_fault_in_a_sweep(self, sweeps: list[str], pattern: str) -> None:
        with pytest.raises(SettingsError, match=pattern) as error:
            comparison({}, sweeps=sweeps)
        assert "\n" not in str(error.value)

    def test_structured_strips_have_no_gap(self) -> None:
        with pytest.raises(SettingsError, match=r"layout.gap: structured strips have none"):
            comparison({}, ["structured"], sweeps=["layout.gap=0..3"])
