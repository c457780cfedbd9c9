"""Panels: which runs they are, what they say together, what is kept of them, and reading pictures with one."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Called, Toys
from numpy.typing import NDArray
from PIL import Image

from multidigit import panel as module
from multidigit.calibration import Calibration
from multidigit.decoding import Knowledge, decode
from multidigit.errors import RunError
from multidigit.evaluation import evaluate
from multidigit.experiments import row
from multidigit.files import write_json
from multidigit.labels import CLASSES, SLOTS, slots_to_text
from multidigit.panel import PANEL, chosen, fitted, keep_panel, open_panel, pooled
from multidigit.reader import Reader
from multidigit.report.verdict import best_reader
from multidigit.runs import CALIBRATION, READER, RESULTS, SETTINGS, Run, digest, open_run
from multidigit.settings import to_yaml
from multidigit.strips.compose import Strips
from multidigit.strips.stream import StripStream

Call = Callable[..., Called]
STRATEGIES = ("heads", "sigmoid", "cut")


def comparison(folder: Path, runs: dict[str, Run], **accuracy: float) -> Path:
    """A comparison's folder of copies of runs, by name, and its results; accuracies may be said to be others."""
    rows = []
    for name, run in runs.items():
        shutil.copytree(run.path, folder / name)
        found = row(open_run(folder / name))
        rows.append({**found, "sequence_accuracy": accuracy.get(name, found["sequence_accuracy"])})
    write_json(folder / RESULTS, {"name": "toys", "about": "", "rows": rows, "reader": best_reader(rows)})
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def three(toys: Toys, home: Path) -> Path:
    """A comparison of three strategies, sigmoid being said to be the best and cut the second."""
    runs = {strategy: toys.run(strategy) for strategy in STRATEGIES}
    return comparison(Path("runs/compare"), runs, heads=0.5, sigmoid=0.9, cut=0.7)


@pytest.fixture(scope="module")
def strips(toys: Toys) -> Strips:
    """Half of them faint and noisy, so that members are at odds."""
    found = StripStream(toys.settings()).fixed("test", 120)
    noise = np.random.default_rng(0).integers(0, 120, found.images.shape)
    blurred = np.maximum(found.images // 3, noise).astype(np.uint8)
    return Strips(np.where((np.arange(120) % 2 == 0)[:, None, None], found.images, blurred), found.slots)


def changed(run: Path, **settings: Any) -> None:
    """Give a run other settings, as if it had been trained with them."""
    opened = open_run(run)
    text = to_yaml(opened.settings.model_copy(update=settings))
    (run / SETTINGS).write_text(text)
    sign(run, SETTINGS)


def sign(run: Path, *parts: str) -> None:
    environment = json.loads((run / "environment.json").read_text())
    environment["parts"] |= {part: digest(run / part) for part in parts}
    write_json(run / "environment.json", environment)


class TestPool:
    def test_what_members_say_is_averaged_by_weight(self) -> None:
        one, two = np.zeros((2, 1, SLOTS, CLASSES), np.float32)
        one[..., 3], one[..., 4] = 0.75, 0.25
        two[..., 4] = 1
        found = pooled([one, two], [0.8, 0.2])
        assert found.dtype == np.float32
        assert found[0, :, 3] == pytest.approx([0.6] * SLOTS)
        assert found[0, :, 4] == pytest.approx([0.4] * SLOTS)

    def test_a_member_weighs_as_much_as_it_is_right_and_the_pool_is_calibrated(self) -> None:
        rng = np.random.default_rng(0)
        slots = rng.integers(0, 10, (1000, SLOTS)).astype(np.uint8)
        each = []
        # Each is as sure as it should be, errs where the others do not, and shows it in the first slot alone.
        for wrong in (0.1, 0.3, 1.0):
            answers = slots.copy()
            mistaken = rng.random(1000) < wrong
            answers[mistaken, 0] = (answers[mistaken, 0] + 1 + rng.integers(0, 9, mistaken.sum())) % 10
            said = np.full((1000, SLOTS, CLASSES), 1e-6, np.float32)
            np.put_along_axis(said, answers[..., None].astype(np.intp), 1, -1)
            said[:, 0] = said[:, 0] * (1 - wrong) + wrong / CLASSES
            each.append(said / said.sum(-1, keepdims=True))
        weights, calibration = fitted(slots, each)
        right = [float((said.argmax(-1) == slots).all(-1).mean()) for said in each]
        assert weights == pytest.approx([share / sum(right) for share in right], abs=1e-6)
        assert weights[2] < 0.1
        assert sum(weights) == pytest.approx(1, abs=1e-5)
        # A mean of opinions that err apart is less sure than it should be.
        assert calibration.temperature < 1
        assert calibration.error_before is not None
        assert calibration.error_after is not None
        assert calibration.error_after < calibration.error_before
        assert calibration.strips == 1000

    def test_where_no_member_is_ever_right_all_weigh_alike(self) -> None:
        said = np.full((60, SLOTS, CLASSES), 1 / CLASSES, np.float32)
        weights, _ = fitted(np.full((60, SLOTS), 7, np.uint8), [said, said])
        assert weights == (0.5, 0.5)


class TestMembers:
    def test_the_winner_comes_first_and_the_others_after_how_good_they_are(self, three: Path) -> None:
        assert [run.name for run in chosen(three)] == ["sigmoid", "cut", "heads"]
        found = open_panel("compare")
        assert found.strategies == ["sigmoid", "cut", "heads"]
        assert found.folder == three
        assert found.described.startswith(
            "the panel of runs/compare (sigmoid, cut and heads on compact, structured strips of "
        )

    def test_of_several_variants_of_a_strategy_the_best_is_taken(self, toys: Toys, home: Path) -> None:
        runs = {"heads": toys.run(), "equal": toys.run("cut"), "ink": toys.run("cut"), "sigmoid": toys.run("sigmoid")}
        folder = comparison(Path("sweep"), runs, heads=0.9, equal=0.4, ink=0.8, sigmoid=0.6)
        changed(folder / "ink", cut={"cutter": "ink"})
        assert [run.name for run in chosen(folder)] == ["heads", "ink", "sigmoid"]

    @pytest.mark.parametrize("other", ["seed", "layout", "effects"])
    def test_who_read_other_strips_is_no_member(self, three: Path, toys: Toys, other: str) -> None:
        settings = toys.settings(layout={"name": "structured", "length": 3}, effects="scan", seed=5)
        changed(three / "cut", **{other: getattr(settings, other)})
        assert [run.name for run in chosen(three)] == ["sigmoid", "heads"]

    def test_how_a_member_was_trained_does_not_matter(self, three: Path, toys: Toys) -> None:
        changed(three / "cut", train=toys.settings(train={"epochs": 50, "learning_rate": 0.5}).train)
        assert [run.name for run in chosen(three)] == ["sigmoid", "cut", "heads"]

    @pytest.mark.parametrize("name", ["compare", "runs/compare", "runs/compare/heads", None, "latest"])
    def test_it_is_named_by_its_folder_or_a_run_in_it_or_is_the_newest(
        self, three: Path, toys: Toys, name: str | None
    ) -> None:
        # A single run that is newer, and an experiment that has no winner yet.
        for path in (Path("runs/newer"), Path("runs/unfinished/heads")):
            shutil.copytree(toys.run().path, path)
            environment = json.loads((path / "environment.json").read_text())
            write_json(path / "environment.json", {**environment, "created": "2999"})
        write_json(Path("runs/unfinished") / RESULTS, {"rows": []})
        assert open_panel(name).folder == three

    @pytest.mark.parametrize(
        ("name", "told"),
        [
            (None, r"runs/: there is no comparison in it to make a panel of; make one with `multidigit compare`"),
            ("none", r"none: expected the folder of a comparison, or a run in one, .*; make one with `multidigit com"),
            ("shipped", r"shipped: expected the folder of a comparison"),
            ("alone", r"alone: expected the folder of a comparison"),
            ("unfinished", r"unfinished/results.json: names no winner to make a panel around; call `multidigit comp"),
            ("damaged", r"damaged/results.json: not valid JSON"),
            ("rows", r"rows/results.json: expected the rows and the reader of a comparison"),
            ("single", r"single: a panel needs two strategies at least .* winner, heads, has none beside it; make one"),
        ],
    )
    def test_where_there_is_none_is_told_in_one_line(
        self, toys: Toys, home: Path, call: Call, name: str | None, told: str
    ) -> None:
        shutil.copytree(toys.run().path, home / "alone")
        for folder, text in (("unfinished", "{}"), ("damaged", "{"), ("rows", '{"rows": [3], "reader": "heads"}')):
            comparison(Path(folder), {"heads": toys.run()})
            (home / folder / RESULTS).write_text(text)
        comparison(Path("single"), {"heads": toys.run()})
        Image.fromarray(np.zeros((28, 140), np.uint8)).save("image.png")
        said = call("predict", "--panel", *(["--run", name] if name else []), "image.png")
        assert (said.code, said.out) == (1, "")
        assert said.err.startswith("multidigit: ")
        assert said.err.count("\n") == 1
        with pytest.raises(RunError, match=told):
            open_panel(name)

    @pytest.mark.parametrize("kept", [False, True])
    @pytest.mark.parametrize(
        ("break_", "told"),
        [
            (shutil.rmtree, r"runs/compare/cut: no such run folder"),
            (lambda run: (run / READER).write_bytes(b"no"), r"runs/compare/cut: reader.tflite is not the one that"),
        ],
        ids=["missing", "damaged"],
    )
    def test_a_member_that_is_missing_or_damaged_is_told(
        self, three: Path, break_: Callable[[Path], None], told: str, kept: bool
    ) -> None:
        if kept:
            keep_panel(three)
        break_(three / "cut")
        with pytest.raises(RunError, match=told):
            open_panel(str(three))


class TestKept:
    @pytest.fixture
    def fits(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """One entry for every time that a panel was fitted."""
        counted: list[int] = []

        def count(slots: NDArray[np.uint8], each: Any) -> Any:
            counted.append(len(each))
            return fitted(slots, each)

        monkeypatch.setattr(module, "fitted", count)
        return counted

    def test_it_is_fitted_once_and_read_again_the_same(self, three: Path, fits: list[int]) -> None:
        assert keep_panel(three)
        text = (three / PANEL).read_text()
        again = open_panel(str(three))
        assert fits == [3]
        assert (three / PANEL).read_text() == text
        # As every reader's calibration: on these strips, by this temperature.
        settings = open_run(three / "sigmoid").settings
        fresh = StripStream(settings).fixed("validation", settings.evaluation.validation_strips, again=1)
        weights, calibration = fitted(fresh.slots, again.each(fresh.images))
        assert (again.weights, again.calibration) == (weights, calibration)
        assert calibration.strips == 200
        (pool,) = json.loads(text)["pools"].values()
        assert Calibration.from_json(pool["calibration"]) == calibration
        assert [(each["run"], each["reader"]) for each in pool["members"]] == [
            (name, digest(three / name / READER)) for name in ("sigmoid", "cut", "heads")
        ]

    def test_it_is_fitted_anew_where_a_member_changed(self, three: Path, toys: Toys, fits: list[int]) -> None:
        keep_panel(three)
        before = json.loads((three / PANEL).read_text())
        shutil.rmtree(three / "cut")
        shutil.copytree(toys.run("heads").path, three / "cut")
        changed(three / "cut", strategy="cut")
        open_panel(str(three))
        assert fits == [3, 3]
        after = json.loads((three / PANEL).read_text())
        assert after["members"] == before["members"]
        assert after["pools"] != before["pools"]
        open_panel(str(three))
        assert fits == [3, 3]

    def test_other_results_have_other_members(self, three: Path, fits: list[int]) -> None:
        keep_panel(three)
        results = json.loads((three / RESULTS).read_text())
        # What the report adds changes nothing in the panel: it is only looked at again.
        write_json(three / RESULTS, {**results, "verdict": []})
        open_panel(str(three))
        assert fits == [3]
        rows = [row for row in results["rows"] if row["run"] != "heads"]
        write_json(three / RESULTS, {**results, "rows": rows})
        assert [member.run.name for member in open_panel(str(three)).members] == ["sigmoid", "cut"]
        assert fits == [3, 2]

    def test_readers_in_8_bits_have_a_fit_of_their_own(self, three: Path, fits: list[int]) -> None:
        run = three / "cut"
        # Not really in 8 bits: what is asked is which file reads, and by which calibration.
        shutil.copy(run / READER, run / "reader-int8.tflite")
        kept = json.loads((run / CALIBRATION).read_text())
        write_json(run / CALIBRATION, {**kept, "reader-int8.tflite": Calibration(3.0).as_json()})
        sign(run, "reader-int8.tflite", CALIBRATION)
        for precision, reader in (("int8", "reader-int8.tflite"), (None, "reader-int8.tflite"), ("float", READER)):
            found = open_panel(str(three), precision)  # type: ignore[arg-type]
            assert [member.reader for member in found.members] == [READER, reader, READER]
            assert (found.members[1].calibration.temperature == 3) == (reader != READER)
            # The others have none, so that the panel as a whole reads in floats.
            assert found.precision == "float"
        assert fits == [3, 3]
        assert set(json.loads((three / PANEL).read_text())["pools"]) == {"float", "int8"}

    @pytest.mark.parametrize(
        "text",
        [
            "{",
            "[]",
            "{}",
            '{"members": ["sigmoid", "cut", 3], "pools": {}}',
            '{"members": ["sigmoid", "cut", "heads"], "pools": []}',
            '{"members": ["sigmoid", "cut", "heads"], "pools": {"float": {"members": 3}}}',
            '{"members": ["sigmoid", "cut", "heads"], "pools": {"float": {"members": [], "calibration": {}}}}',
        ],
    )
    def test_what_is_kept_and_damaged_is_made_anew(self, three: Path, fits: list[int], text: str) -> None:
        (three / PANEL).write_text(text)
        assert len(open_panel(str(three)).members) == 3
        assert open_panel(str(three)).calibration.strips == 200
        assert fits == [3]

    @pytest.mark.parametrize("weight", [-0.5, float("nan"), 0.9, "much", None])
    def test_weights_that_are_none_are_made_anew(self, three: Path, fits: list[int], weight: object) -> None:
        keep_panel(three)
        kept = json.loads((three / PANEL).read_text())
        kept["pools"]["float"]["members"][0]["weight"] = weight
        (three / PANEL).write_text(json.dumps(kept))
        assert sum(open_panel(str(three)).weights) == pytest.approx(1, abs=1e-5)
        assert fits == [3, 3]

    def test_a_folder_that_cannot_be_written_is_read_from(self, three: Path, fits: list[int]) -> None:
        # A folder of the file's name keeps even the superuser from writing it.
        (three / PANEL).mkdir()
        assert open_panel(str(three)).calibration.strips == 200
        open_panel(str(three))
        assert fits == [3, 3]
        assert not list(three.glob(".panel*"))

    def test_one_strategy_alone_has_none(self, toys: Toys, home: Path) -> None:
        folder = comparison(Path("single"), {"heads": toys.run()})
        assert not keep_panel(folder)
        assert not (folder / PANEL).exists()


class TestReading:
    def test_the_pool_is_read_and_every_member_votes(self, three: Path, strips: Strips) -> None:
        reader = Reader(three, panel=True, top=2)
        assert reader.panel is not None
        each = reader.panel.each(strips.images)
        wanted = decode(reader.calibration.apply(pooled(each, reader.panel.weights)), top=2)
        found = reader.read_strips(strips.images)
        assert [reading.alternatives[0].text for reading in found] == list(map(slots_to_text, wanted.slots[:, 0]))
        assert [reading.confidence for reading in found] == wanted.confidence[:, 0].tolist()
        alone = [Reader(three / name).read_strips(strips.images) for name in ("sigmoid", "cut", "heads")]
        for reading, *members in zip(found, *alone, strict=True):
            assert [vote.strategy for vote in reading.votes] == ["sigmoid", "cut", "heads"]
            assert [(vote.text, vote.confidence) for vote in reading.votes] == [
                (member.text, member.confidence) for member in members
            ]
            assert reading.agree == sum(member.text == reading.text for member in members)
        assert {reading.agree for reading in found} >= {1, 2, 3}
        assert [reading.votes for reading in alone[0]] == [()] * len(strips)
        assert alone[0][0].agree == 0

    def test_votes_know_what_the_panel_knows(self, three: Path, strips: Strips) -> None:
        reader = Reader(three, panel=True, length=3)
        assert reader.panel is not None
        found = reader.read_strips(strips.images)
        assert {len(vote.text) for reading in found for vote in reading.votes} <= {0, 3}
        answers = decode(reader.panel.each(strips.images)[1], Knowledge(length=(3, 3)))
        assert [reading.votes[1].confidence for reading in found] == answers.confidence[:, 0].tolist()

    def test_it_is_evaluated_and_withholds_as_any_reader(self, three: Path, strips: Strips) -> None:
        reader = Reader(three, panel=True, at_least=0.8)
        measures, answers = evaluate(reader.model, strips, reader.calibration)
        found = reader.read_strips(strips.images)
        # The sharp half; for the other one whole numbers and single slots may differ in what is likeliest.
        assert np.allclose(answers["confidence"][::2], [reading.confidence for reading in found[::2]], atol=0.01)
        assert (answers["answers"][::2] == strips.slots[::2]).all(1).mean() > 0.9
        assert measures["strips"] == 120
        assert 0 < sum(reading.withheld for reading in found) < len(found)
        with pytest.raises(RunError, match=r"runs/compare: its 200 validation strips cannot show"):
            Reader(three, panel=True, at_least=0.9999)

    def test_a_picture_is_looked_at_with_votes(self, three: Path, strips: Strips) -> None:
        reader = Reader(three, panel=True)
        look = reader.look(strips.images[0])
        assert look.reading == reader.read(strips.images[0]) == reader.read_strips(strips.images[:1])[0]
        assert len(look.reading.votes) == 3
        assert look.probabilities.sum(-1) == pytest.approx([1] * SLOTS, abs=1e-3)


class TestPredict:
    @pytest.fixture
    def pictures(self, strips: Strips, three: Path) -> Path:
        folder = Path("photos")
        folder.mkdir()
        for index, image in enumerate(strips.images[:40]):
            Image.fromarray(image).save(folder / f"{index:02}.png")
        return folder

    def test_it_is_told_how_many_agree_and_else_what_each_says(self, pictures: Path, call: Call) -> None:
        told = call("predict", "--panel", pictures)
        assert told.code == 0
        assert told.err.startswith("reading with the panel of runs/compare (sigmoid, cut and heads on compact, struct")
        rows = call("predict", "--panel", pictures, "--json").json
        assert (rows["run"], rows["members"]) == ("runs/compare", ["sigmoid", "cut", "heads"])
        lines = told.out.splitlines()
        assert len(lines) == len(rows["readings"]) == 40
        for line, found in zip(lines, rows["readings"], strict=True):
            said = [f"{vote['strategy']} {vote['text'] or 'none'} {vote['confidence']:.3f}" for vote in found["votes"]]
            assert f"; {found['agree']} of 3 agree" in line
            # Four decimals of JSON may round to another third one.
            assert line.endswith("; 3 of 3 agree)") == (found["agree"] == 3)
            assert [part.rsplit(" ", 1)[0] in line for part in said] == [True] * 3 or found["agree"] == 3
            assert found["agree"] == sum(vote["text"] == found["text"] for vote in found["votes"])
        assert {found["agree"] for found in rows["readings"]} >= {2, 3}

    def test_the_table_and_the_stream_have_it_too(self, pictures: Path, call: Call) -> None:
        told = call("predict", "--panel", pictures, "--csv", "out.csv", "--jsonl", "--top", "2", "--at-least", "0.5")
        rows = [json.loads(line) for line in told.out.splitlines()]
        with Path("out.csv").open(newline="", encoding="utf-8") as file:
            table = list(csv.DictReader(file))
        assert list(table[0]) == ["image_path", "text", "confidence", "agree", "guess", "alternatives"]
        assert [int(line["agree"]) for line in table] == [found["agree"] for found in rows]
        assert set(rows[0]) == {
            *("image_path", "text", "confidence", "digits", "alternatives", "withheld", "agree", "votes")
        }

    def test_what_is_withheld_is_told_with_votes(self, pictures: Path, call: Call) -> None:
        told = call("predict", "--panel", pictures, "--at-least", "0.8")
        assert told.code == 3
        assert any(": ? (best guess " in line and " agree: sigmoid " in line for line in told.out.splitlines())

    def test_it_explains_itself_as_any_reader(self, pictures: Path, call: Call) -> None:
        told = call("predict", "--panel", pictures / "00.png", "--explain")
        assert told.code == 0
        assert "of 3 agree" in told.out
        assert Path("explained/00.png").exists()

    def test_without_a_panel_nothing_of_it_is_loaded_and_with_one_no_tensorflow(self, pictures: Path) -> None:
        code = (
            "import json, sys\n"
            "from multidigit.cli import main\n"
            "try: main(sys.argv[1:])\n"
            "except SystemExit as left: assert left.code == 0\n"
            "loaded = {name for name in sys.modules if name.startswith('multidigit.')}\n"
            "print(json.dumps([sorted({n.partition('.')[0] for n in sys.modules}), sorted(loaded)]), file=sys.stderr)\n"
        )
        picture = str(pictures / "00.png")
        heavy = {"tensorflow", "keras", "matplotlib", "scipy"}
        # The first fits, the second finds what the first kept, the third has no need of either.
        for options, fits, panels in ((["--panel"], True, True), (["--panel"], False, True), ([], False, False)):
            done = subprocess.run(
                [sys.executable, "-c", code, "predict", *options, picture], capture_output=True, text=True, check=True
            )
            modules, ours = json.loads(done.stderr.splitlines()[-1])
            assert not heavy & set(modules)
            assert ("multidigit.panel" in ours) == panels
            assert ("multidigit.strips.stream" in ours) == fits
            assert ("pydantic" in modules) == fits
