"""The benchmarks' pure parts: names, rows, tables and curves. Nothing is trained here."""

from __future__ import annotations

import importlib
import sys
from argparse import Namespace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from multidigit.errors import DataError

FOLDER = Path(__file__).parents[1] / "experiments" / "benchmarks"


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a part as it is run, its own folder first on the path, and forgets all of them afterwards."""
    monkeypatch.syspath_prepend(FOLDER)
    ours = {path.stem for path in FOLDER.glob("*.py")}
    kept = {name: sys.modules.pop(name) for name in ours & set(sys.modules)}

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    yield load
    for name in ours & set(sys.modules):
        del sys.modules[name]
    sys.modules.update(kept)


def row(contender: str = "heads", right: float = 0.97, **changes: Any) -> dict[str, Any]:
    strategy = contender.split()[-1]
    return {
        "contender": contender,
        "layout": "structured",
        "strategy": strategy,
        "backbone": "compact",
        "options": {},
        "minutes": 2.0,
        "seed": 0,
        "settings": {},
        "training": {"seconds": 120.2, "strips": 120_000, "strips_per_second": 998.4, "parameters": 445_803},
        "curve": [[10.0, 0.5], [20.0, 0.4], [30.0, 0.9]],
        "test": {"sequence_accuracy": right, "interval": [0.96, 0.98], "digit_accuracy": 0.99, "strips": 10_000},
        "peak_memory": 900_000_000,
        "environment": {},
        **changes,
    }


UNTRAINED: dict[str, Any] = {
    "strategy": None,
    "backbone": None,
    "minutes": None,
    "training": None,
    "curve": [],
    "peak_memory": None,
}

OPTIONS = Namespace(
    layout="structured",
    minutes=2,
    seed=0,
    test_strips=10,
    mnist=Path("/some/where/mnist.npz"),
    backbones=["compact", "thread"],
)


@pytest.mark.parametrize(
    ("strategy", "backbone", "assignments", "name"),
    [
        ("heads", "compact", [], "heads"),
        ("cut", "thread", [], "thread cut"),
        ("cut", "compact", ["cut.cutter=ink"], "cut (ink)"),
        ("heads", "streetview", ["heads.length=true"], "streetview heads (length)"),
        (
            "heads",
            "compact",
            ["train.batch_size=32", "backbone.width=2"],
            "heads (backbone.width=2, train.batch_size=32)",
        ),
    ],
)
def test_a_contender_is_named_after_what_sets_it_apart(
    part: Any, strategy: str, backbone: str, assignments: list[str], name: str
) -> None:
    accuracy = part("accuracy")
    assert accuracy.contender(accuracy.asked_for(strategy, backbone, assignments)) == name


def test_rows_are_kept_by_name_and_read_again(part: Any, tmp_path: Path) -> None:
    common = part("common")
    rows = [row("Tesseract", **UNTRAINED), row("cut (ink)", seed=2)]
    names = [common.write_row(tmp_path, one).name for one in rows]
    assert names == ["structured-Tesseract-seed0.json", "structured-cut-ink-2min-seed2.json"]
    assert common.read_rows(tmp_path) == rows
    with pytest.raises(DataError, match="no rows yet"):
        common.read_rows(tmp_path / "elsewhere")


def test_names_that_differ_make_files_that_differ(part: Any, tmp_path: Path) -> None:
    common = part("common")
    names = ["heads (a=-1)", "heads (a=1)", "heads (a=[1, 2])", "heads (a=12)", "heads (a=x/y)", "heads"]
    paths = {common.row_path(tmp_path, "free", name, 2, 0) for name in names}
    assert len(paths) == len(names)
    assert len({path.parent for path in paths}) == 1


def test_a_curve_never_falls_once_it_is_the_best_so_far(part: Any) -> None:
    assert part("common").best_so_far([[1, 0.2], [2, 0.1], [3, 0.5], [4, 0.5]]) == [
        [1, 0.2],
        [2, 0.2],
        [3, 0.5],
        [4, 0.5],
    ]


def test_the_table_has_the_mean_of_all_seeds_and_the_best_first(part: Any) -> None:
    table = part("table").tables(
        [
            row("cut", 0.95),
            row("heads", 0.96),
            row("heads", 0.98, seed=1),
            row("Tesseract", 0.3, **UNTRAINED),
            row("cut", 0.99, minutes=10.0),
        ]
    )
    short, long = table.split("\n\nStructured", 1)[0], table
    assert "Structured strips, 2 minutes of training each, 10,000 test strips" in short
    lines = [line for line in table.splitlines() if line.startswith("| ") and "---" not in line]
    assert [line.split(" | ")[0] for line in lines[1:4]] == ["| heads", "| cut", "| Tesseract"]
    assert "| heads | 97.00% ± 1.41% | 2 seeds | 99.00% | 998/s | 445,803 | 900 MB |" in short
    assert "| cut | 95.00% | 96.00% – 98.00% |" in short
    assert "| Tesseract | 30.00% | 96.00% – 98.00% | 99.00% | – | – | – |" in short
    assert "Structured strips, 10 minutes" in long


def test_missing_mnist_is_told_before_anything_is_trained(part: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError) as told:
        part("common").check_mnist(tmp_path / "none.npz")
    assert "no MNIST there" in str(told.value)
    assert "\n" not in str(told.value)


def test_a_missing_file_is_one_line_and_no_traceback(
    part: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    common, accuracy = part("common"), part("accuracy")
    monkeypatch.setattr(sys, "argv", ["accuracy.py", "--mnist", str(tmp_path / "none.npz"), "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"^bench: .*no MNIST there"):
        common.run(accuracy.main)


def test_a_row_that_is_there_is_not_measured_again(
    part: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    common, accuracy = part("common"), part("accuracy")
    common.write_row(tmp_path, row())
    monkeypatch.setattr(common, "alone", lambda *_: pytest.fail("measured again"))
    asked = accuracy.asked_for("heads", "compact")
    assert accuracy.measured(tmp_path, asked, accuracy.settings_of(asked, OPTIONS)) == row()
    assert "is there already" in capsys.readouterr().err


def test_settings_are_told_without_folders_of_the_machine(part: Any) -> None:
    accuracy = part("accuracy")
    settings = accuracy.settings_of(accuracy.asked_for("heads", "compact"), OPTIONS)
    assert accuracy.shareable(settings)["digits"] == "mnist.npz"


def test_every_strategy_on_every_backbone_contends(part: Any) -> None:
    asked = [part("accuracy").contender(one) for one, _ in part("contenders").contenders(OPTIONS)]
    assert asked[:3] == ["heads", "sigmoid", "cut"]
    assert {"thread heads", "thread sigmoid", "thread cut"} <= set(asked)
    assert len(asked) == len(set(asked))


def test_every_part_that_is_listed_says_what_it_measures(part: Any) -> None:
    parts = part("parts")
    listing = parts.listing(FOLDER)
    for path in FOLDER.glob("*.py"):
        assert parts.about(path), f"{path.name} does not say what it is for"
        if path.stem in parts.PARTS:
            assert parts.about(path) in listing


def test_seconds_until_a_goal(part: Any) -> None:
    until = part("until")
    trained = row(curve=[[4.0, 0.9], [8.0, 0.97], [12.0, 0.98]])
    found = {"goal": 0.97, "reached": True, "row": trained}
    short = {"goal": 0.99, "reached": False, "row": trained}
    assert until.seconds(found) == 8.0
    assert until.line([found, found])[2:4] == ["8.0 s, 8.0 s", "8.0 s ± 0.0 s"]
    assert until.line([short])[2:4] == ["not reached", "–"]
    thread = {"goal": 0.87, "reached": True, "row": row("thread heads", curve=[[400.0, 0.88]])}
    assert "take 50.0 times as long to 87% as heads to 97%" in until.ratio(thread, [found])
    assert "no ratio" in until.ratio(thread, [short])


def test_names_at_line_ends_keep_apart(part: Any) -> None:
    spread = part("picture").spread
    assert spread([0.5, 0.1], 0.1, 0, 1) == [0.5, 0.1]
    assert spread([0.5, 0.5], 0.1, 0, 1) == pytest.approx([0.45, 0.55])
    assert spread([1.0, 0.99, 0.98], 0.1, 0, 1) == pytest.approx([1.0, 0.9, 0.8])


def test_the_picture_shows_each_contender_at_its_longest(part: Any) -> None:
    rows = [row(), row(minutes=10.0, seed=1), row(minutes=10.0), row("cut"), row("Tesseract", 0.3, **UNTRAINED)]
    shown = [(one["contender"], one["minutes"], one["seed"]) for one in part("picture").longest(rows)]
    assert shown == [("heads", 10.0, 1), ("heads", 10.0, 0), ("cut", 2.0, 0), ("Tesseract", None, 0)]


def test_the_picture_is_the_same_every_time(part: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    common, picture = part("common"), part("picture")
    for one in (row(), row(right=0.96, seed=1), row("Tesseract", 0.3, **UNTRAINED)):
        common.write_row(tmp_path, one)
    drawn = []
    for name in ("one.svg", "two.svg"):
        monkeypatch.setattr(sys, "argv", ["picture.py", "--out", str(tmp_path), "--picture", str(tmp_path / name)])
        picture.main()
        drawn.append((tmp_path / name).read_text("utf-8"))
    assert drawn[0] == drawn[1]
    assert "<dc:date>" not in drawn[0]
