"""Run folders: written whole or not at all, checked when opened, and found by name, by place or as the newest."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multidigit import disk
from multidigit.errors import RunError, SettingsError
from multidigit.formats import todays_metrics
from multidigit.labels import BLANK
from multidigit.metrics import measure_answers
from multidigit.runs import (
    ANSWERS,
    CHECKPOINT,
    ENVIRONMENT,
    FORMAT,
    HISTORY,
    LITERT_MODEL,
    METRICS,
    REQUIRED,
    SETTINGS,
    Run,
    RunWriter,
    digest,
    find_runs,
    finding,
    folder,
    new_folder,
    open_run,
    pick_run,
    read_json,
)
from multidigit.settings import Settings, to_yaml, validate

SLOTS = np.array([[1, 2, BLANK, BLANK, BLANK], [3, BLANK, BLANK, BLANK, BLANK]])
MEASURES = {
    "training": {"seconds": 1.5, "strips": 100, "parameters": 10},
    "test": measure_answers(SLOTS, SLOTS, np.array([0.9, 0.8])),
}


def fill(writer: RunWriter, settings: Settings, model: bytes = b"network", history: bool = True) -> None:
    """Parts such as training writes them; the network is a dummy."""
    writer.bytes(LITERT_MODEL, model)
    writer.text(SETTINGS, to_yaml(settings))
    if history:
        writer.table(HISTORY, [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}])
    writer.json(METRICS, MEASURES)


def make(path: Path, created: str | None = None, replace: bool = False, model: bytes = b"network", **data: Any) -> Run:
    """A finished run; ``created`` sets its date."""
    settings = validate(data)
    with RunWriter(path, replace=replace) as writer:
        fill(writer, settings, model)
        run = writer.finish(settings)
    if created:
        change(path, created=created)
    return run


def change(path: Path, **values: Any) -> None:
    """Change entries of a run's ``environment.json``; ``None`` removes one."""
    data = json.loads((path / ENVIRONMENT).read_text()) | values
    (path / ENVIRONMENT).write_text(json.dumps({key: value for key, value in data.items() if value is not None}))


def everything(path: Path) -> dict[str, bytes | None]:
    """All files and folders below a folder, hidden or not."""
    return {str(below.relative_to(path)): below.read_bytes() if below.is_file() else None for below in path.rglob("*")}


def refusal(path: Path) -> str:
    """The line that opening a folder fails with, after the folder's name."""
    with pytest.raises(RunError) as caught:
        open_run(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    return message.removeprefix(str(path))


class TestWriting:
    def test_a_run_holds_what_was_written_and_nothing_lies_beside_it(self, tmp_path):
        run = make(tmp_path / "home" / "one", seed=7, strategy="cut", layout="structured", digits="mnist")
        assert [path.name for path in (tmp_path / "home").iterdir()] == ["one"]
        assert {path.name for path in run.path.iterdir()} == {LITERT_MODEL, SETTINGS, HISTORY, METRICS, ENVIRONMENT}
        assert run.path == tmp_path / "home" / "one"
        assert (run.name, run.interrupted) == ("one", False)
        assert run.kind == "cut on compact, structured strips of mnist digits"
        assert run.settings == validate({"seed": 7, "strategy": "cut", "layout": "structured", "digits": "mnist"})
        assert run.metrics == todays_metrics(MEASURES)
        assert run.history == [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]
        assert run.part(LITERT_MODEL).read_bytes() == b"network"
        assert open_run(run.path) == run

    @pytest.mark.parametrize(("slots", "words"), [(1, ", 1 slot)"), (5, " digits)"), (12, ", 12 slots)")])
    def test_runs_of_other_slots_say_so(self, tmp_path, slots, words):
        run = make(tmp_path / "one", slots=slots)
        assert run.described.endswith(words)
        assert run.settings.slots == slots

    def test_answers_are_read_back(self, tmp_path):
        expected = {
            "slots": np.full((3, 8), 10, np.uint8),
            "answers": np.arange(24, dtype=np.uint8).reshape(3, 8),
            "confidence": np.array([0.5, 0.25, 1], np.float32),
        }
        with RunWriter(tmp_path / "one") as writer:
            fill(writer, Settings())
            np.savez(writer.aside / ANSWERS, **expected)
            run = writer.finish(Settings())
        for key, array in expected.items():
            assert (run.answers[key].dtype, run.answers[key].tolist()) == (array.dtype, array.tolist())

    def test_parts_that_a_run_may_lack(self, tmp_path):
        with RunWriter(tmp_path / "one") as writer:
            fill(writer, Settings(), history=False)
            run = writer.finish(Settings())
        assert run.history == []
        with pytest.raises(RunError, match=rf"one: this run has no {ANSWERS}; train one"):
            run.answers  # noqa: B018

    def test_a_run_with_a_checkpoint_was_interrupted_and_may_have_no_epoch(self, tmp_path):
        with RunWriter(tmp_path / "one") as writer:
            fill(writer, Settings())
            writer.table(HISTORY, [])
            (writer.aside / CHECKPOINT).write_bytes(b"x")
            run = writer.finish(Settings())
        assert run.interrupted
        assert run.history == []

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
    def test_an_error_on_the_way_leaves_nothing(self, tmp_path, error):
        def work() -> None:
            with RunWriter(tmp_path / "new" / "one") as writer:
                fill(writer, Settings())
                assert [path.name for path in (tmp_path / "new").iterdir()] == [writer.aside.name]
                raise error

        with pytest.raises(error):
            work()
        assert not list(tmp_path.iterdir())

    def test_a_run_that_lacks_a_required_part_is_not_passed_off_as_whole(self, tmp_path):
        with RunWriter(tmp_path / "one") as writer:
            fill(writer, Settings())
            (writer.aside / METRICS).unlink()
            with pytest.raises(RunError, match=f"{METRICS} is missing"):
                writer.finish(Settings())
        assert not (tmp_path / "one").exists()

    @pytest.mark.parametrize("kind", ["run", "folder", "file"])
    def test_an_existing_place_is_refused_before_any_work(self, tmp_path, kind):
        path = tmp_path / "one"
        {"run": lambda: make(path), "folder": path.mkdir, "file": path.touch}[kind]()
        before = everything(tmp_path)
        with pytest.raises(RunError, match=r"one: exists already; name another folder with --out, or remove it$"):
            RunWriter(path)
        assert everything(tmp_path) == before

    @pytest.mark.parametrize("replace", [False, True])
    def test_a_place_that_cannot_be_written_is_refused_before_any_work(self, tmp_path, replace, monkeypatch):
        (tmp_path / "file").write_text("")
        for place in ("file/one", "file/far/one"):
            with pytest.raises(RunError, match=r"one: cannot be written \(Not a directory\); name another"):
                RunWriter(tmp_path / place, replace=replace)

        def denied(self: Path, *_: Any, **__: Any) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "mkdir", denied)
        with pytest.raises(RunError, match=r"one: cannot be written \(Permission denied\); name another"):
            RunWriter(tmp_path / "one", replace=replace)

    def test_remains_of_a_killed_process_of_the_same_number_do_no_harm(self, tmp_path):
        for end in ("partial", "old"):
            left = tmp_path / f".one.{end}-{os.getpid()}"
            left.mkdir()
            (left / "stray.bin").write_bytes(b"")
        run = make(tmp_path / "one")
        assert "stray.bin" not in run.environment["parts"]
        make(tmp_path / "one", replace=True)
        assert [path.name for path in tmp_path.iterdir()] == ["one"]

    def test_a_place_taken_meanwhile_costs_no_work(self, tmp_path):
        with RunWriter(tmp_path / "one") as writer:
            fill(writer, Settings(), b"second")
            make(tmp_path / "other").path.rename(tmp_path / "one")
            second = writer.finish(Settings())
        assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "one-2"]
        assert (second.path, second.part(LITERT_MODEL).read_bytes()) == (tmp_path / "one-2", b"second")
        assert open_run(tmp_path / "one").part(LITERT_MODEL).read_bytes() == b"network"


class TestReplacing:
    def test_the_old_run_stands_until_the_new_one_is_finished(self, tmp_path):
        make(tmp_path / "one", replace=True, model=b"old")
        with RunWriter(tmp_path / "one", replace=True) as writer:
            fill(writer, Settings(), b"new")
            assert open_run(tmp_path / "one").part(LITERT_MODEL).read_bytes() == b"old"
            new = writer.finish(Settings())
        assert (new.path, new.part(LITERT_MODEL).read_bytes()) == (tmp_path / "one", b"new")
        assert [path.name for path in tmp_path.iterdir()] == ["one"]

    def test_without_a_finish_the_old_run_stays_as_it_was(self, tmp_path):
        make(tmp_path / "one", model=b"old")
        before = everything(tmp_path)
        with RunWriter(tmp_path / "one", replace=True) as writer:
            fill(writer, Settings(), b"new")
        assert everything(tmp_path) == before

    def test_an_exchange_that_fails_brings_the_old_run_back(self, tmp_path, monkeypatch):
        make(tmp_path / "one", model=b"old")
        before = everything(tmp_path)
        rename = disk.rename

        def failing(path: Path, to: Path) -> None:
            if "partial" in path.name:
                raise OSError(5, "Input/output error")
            rename(path, to)

        monkeypatch.setattr(disk, "rename", failing)
        with pytest.raises(RunError, match=r"one: cannot be written \(Input/output error\)$"):
            make(tmp_path / "one", replace=True, model=b"new")
        assert everything(tmp_path) == before

    @pytest.mark.parametrize("name", ["photos", "file"])
    def test_other_folders_and_files_are_not_replaced(self, tmp_path, name):
        (tmp_path / "photos").mkdir()
        (tmp_path / "photos" / "one.jpg").write_bytes(b"x")
        (tmp_path / "file").write_bytes(b"x")
        before = everything(tmp_path)
        with pytest.raises(RunError, match="exists and is no run folder, so it is not replaced"):
            RunWriter(tmp_path / name, replace=True)
        assert everything(tmp_path) == before


class TestReplacedMeanwhile:
    """Readers see one run or the other, never parts of both."""

    def test_while_it_is_opened_it_is_opened_again(self, tmp_path, monkeypatch):
        make(tmp_path / "one", model=b"old")
        read, rest = folder.digest, [1]

        def slow(path: Path) -> str:
            if rest:
                rest.pop()
                make(tmp_path / "one", replace=True, model=b"new")
            return read(path)

        monkeypatch.setattr(folder, "digest", slow)
        assert open_run(tmp_path / "one").part(LITERT_MODEL).read_bytes() == b"new"

    @pytest.mark.parametrize(
        ("asked", "read"), [("holds", lambda run: open_run(run.path)), ("read_text", lambda run: run.history)]
    )
    def test_one_that_was_away_for_a_moment_and_came_back_is_read(self, tmp_path, monkeypatch, asked, read):
        """As where of two writers the second finds the place taken, and puts back what it had put aside."""
        run, original, times = make(tmp_path / "one"), getattr(folder, asked), list[str]()

        def first_without(*arguments: Any) -> Any:
            times.append(asked)
            if len(times) > 1:
                return original(*arguments)
            run.path.rename(tmp_path / "aside")
            try:
                return original(*arguments)
            finally:
                (tmp_path / "aside").rename(run.path)

        monkeypatch.setattr(folder, asked, first_without)
        assert read(run)
        assert len(times) > 1

    def test_what_was_not_read_before_is_refused(self, tmp_path):
        run = make(tmp_path / "one")
        assert run.settings
        make(tmp_path / "one", replace=True)
        assert run.settings
        with pytest.raises(RunError, match=r"one: was replaced while it was read; give the same command again$"):
            run.metrics  # noqa: B018

    def test_one_whose_exchange_was_cut_off_is_put_back(self, tmp_path):
        make(tmp_path / "one").path.rename(tmp_path / ".one.old-99999999")
        assert open_run(tmp_path / "one").path == tmp_path / "one"
        assert [path.name for path in tmp_path.iterdir()] == ["one"]

    def test_one_that_is_never_put_there_is_not_waited_for_long(self, tmp_path, monkeypatch):
        monkeypatch.setattr(folder, "PATIENCE", 0.05)
        make(tmp_path / "one").path.rename(tmp_path / f".one.old-{os.getppid()}")
        with pytest.raises(RunError, match="no such run folder"):
            open_run(tmp_path / "one")


class TestOpening:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return make(tmp_path / "one").path

    @pytest.mark.parametrize("name", [LITERT_MODEL, SETTINGS, HISTORY, METRICS])
    def test_a_missing_or_changed_part_is_named(self, path, name):
        data = (path / name).read_bytes()
        for damaged in (data[:-1], b"", data[::-1]):
            (path / name).write_bytes(damaged)
            assert refusal(path) == f": {name} is not the one that this run was saved with; restore it or train again"
        (path / name).unlink()
        assert refusal(path) == f": {name} is missing from this run; restore it or train the run again"
        (path / name).mkdir()
        assert refusal(path) == f": {name} is missing from this run; restore it or train the run again"

    @pytest.mark.parametrize("name", REQUIRED)
    def test_a_required_part_must_be_among_those_saved(self, path, name):
        parts = read_json(path / ENVIRONMENT)["parts"]
        del parts[name]
        change(path, parts=parts)
        assert refusal(path).startswith(f": {name} is missing from this run")

    def test_other_files_in_the_folder_do_no_harm(self, path):
        (path / "notes.txt").write_text("mine")
        assert open_run(path).name == "one"

    @pytest.mark.parametrize("number", [FORMAT + 1, 0, "1", None])
    def test_another_format_is_refused_before_all_else(self, path, number):
        change(path, format=number, multidigit="9.9", parts=None, about=None)
        message = refusal(path)
        assert f"a run of format {number!r} (multidigit 9.9)" in message
        assert f"which reads format {FORMAT}; train it again" in message

    def test_folders_that_are_no_runs(self, tmp_path):
        assert refusal(tmp_path / "none").startswith(": no such run folder")
        assert refusal(tmp_path).startswith(f": not a run folder: {ENVIRONMENT} is missing")
        (tmp_path / "file").write_text("")
        assert refusal(tmp_path / "file").startswith(": no such run folder")

    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            (b'{"format": 1', "not valid JSON"),
            (b"\xff\xfe\x00", "not valid JSON"),
            (b"[1]", "expected a JSON object; received list"),
            (b"null", "expected a JSON object; received NoneType"),
        ],
    )
    def test_damaged_json_is_named(self, path, data, expected):
        (path / ENVIRONMENT).write_bytes(data)
        assert refusal(path).startswith(f"/{ENVIRONMENT}: {expected}")

    @pytest.mark.parametrize(
        "values", [{"parts": None}, {"parts": []}, {"about": "cut"}, {"about": {"strategy": "cut"}}, {"created": None}]
    )
    def test_an_environment_that_lacks_something_is_damaged(self, path, values):
        change(path, **values)
        assert refusal(path) == f"/{ENVIRONMENT}: expected `created`, `about` and `parts`; the file is damaged"


class TestOldRuns:
    """Folders of older versions: read, or refused in one line that names the part."""

    def old(self, path: Path, settings: str, **parts: str) -> Run:
        """A run folder whose settings and further parts are as given."""
        about = read_json(make(path).path / ENVIRONMENT)["about"]
        del about["slots"]
        (path / SETTINGS).write_text(settings)
        for name, text in parts.items():
            (path / name).write_text(text)
        change(
            path, about=about, parts={each.name: digest(each) for each in path.iterdir() if each.name != ENVIRONMENT}
        )
        return open_run(path)

    def test_runs_without_a_number_of_slots_have_five(self, tmp_path):
        run = self.old(tmp_path / "one", "seed: 3\n")
        assert (run.settings.slots, run.settings.seed) == (5, 3)
        assert run.described.endswith("digits)")

    def test_settings_under_old_names_are_read_and_parts_that_are_gone_do_no_harm(self, tmp_path):
        text = "backbone: thread\ntrain: {average: 0.999}\nlayout: {name: free, framed: 0.25}\n"
        run = self.old(tmp_path / "one", text, panel="{}")
        assert run.has("panel")
        assert run.settings.backbone.name == "baseline"
        assert run.settings.train.ema == 0.999
        assert run.settings.layout.meter_windows == 0.25

    @pytest.mark.parametrize("text", ["strategy: ctc\n", "strategy: {name: heads, panel: 3}\n", "panel: 3\n"])
    def test_settings_that_are_gone_are_named_with_their_file(self, tmp_path, text):
        run = self.old(tmp_path / "one", text)
        with pytest.raises(SettingsError, match=r"settings\.yaml.*(ctc|panel)") as caught:
            run.settings  # noqa: B018
        assert "\n" not in str(caught.value)


class TestFinding:
    def test_runs_come_in_the_order_in_which_they_were_made(self, tmp_path):
        make(tmp_path / "a", "2024-03-01")
        make(tmp_path / "b", "2024-01-01")
        make(tmp_path / "compare" / "heads", "2024-02-01")
        make(tmp_path / "compare" / "cut", "2024-02-01")
        make(tmp_path / "c", "2023-12-31")
        found = [str(path.relative_to(tmp_path)) for path in find_runs(tmp_path)]
        assert found == ["c", "b", "compare/cut", "compare/heads", "a"]

    def test_real_dates_sort_by_time(self, tmp_path):
        dates = [make(tmp_path / name).created for name in ("z", "m", "a")]
        assert dates == sorted(dates)
        assert all(len(date) == len(dates[0]) and date.endswith("+00:00") for date in dates)

    def test_hidden_folders_and_those_too_deep_are_left_out(self, tmp_path):
        home = tmp_path / ".cache" / "runs"
        make(home / "one")
        for place in (".two.partial-99", "compare/.three.partial-99", ".hidden/four", "a/b/c/five"):
            shutil.copytree(home / "one", home / place)
        (home / "empty").mkdir()
        (home / "file").write_text("")
        assert find_runs(home) == [home / "one"]
        assert find_runs(home / "none") == find_runs(home / "file") == []

    def test_a_damaged_run_counts_as_the_oldest(self, tmp_path):
        make(tmp_path / "one")
        make(tmp_path / "two")
        (tmp_path / "two" / ENVIRONMENT).write_text("{")
        assert find_runs(tmp_path) == [tmp_path / "two", tmp_path / "one"]
        assert pick_run(home=tmp_path).name == "one"


class TestPicking:
    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        """A comparison of two runs, which is the oldest; ``old`` and ``new`` stand by themselves."""
        home = tmp_path / "runs"
        make(home / "compare" / "cut", "2024-01-01")
        make(home / "compare" / "heads", "2024-01-02")
        (home / "compare" / "results.json").write_text(json.dumps({"winner": "cut"}))
        make(home / "old", "2024-02-01")
        make(home / "new", "2024-03-01")
        return home

    def test_by_name_or_as_the_newest(self, home):
        assert pick_run("old", home).path == home / "old"
        assert pick_run(None, home).path == pick_run("latest", home).path == home / "new"
        with pytest.raises(RunError, match=r"^nothing: no such run folder; `multidigit info` lists"):
            pick_run("nothing", home)

    def test_by_path(self, home, tmp_path, monkeypatch):
        other = make(tmp_path / "elsewhere" / "one").path
        assert pick_run(str(other), home).path == pick_run(f"{other}/", home).path == other
        assert pick_run(str(home / "compare" / "heads"), home).path == home / "compare" / "heads"
        assert pick_run("compare/heads", home).path == home / "compare" / "heads"
        monkeypatch.chdir(tmp_path)
        make(Path("mine"))
        assert pick_run("mine", home).path == Path("mine")
        assert pick_run("runs/old", home).path == Path("runs/old")
        Path("old").mkdir()
        assert pick_run("old", home).path == home / "old", "a run takes precedence over a folder elsewhere"
        monkeypatch.chdir(home / "old")
        assert pick_run(".", home / "none").path == Path()

    def test_the_winner_stands_for_its_comparison(self, home):
        for name in ("compare", str(home / "compare")):
            assert pick_run(name, home).path == home / "compare" / "cut"
        shutil.rmtree(home / "old")
        shutil.rmtree(home / "new")
        assert find_runs(home)[-1].name == "heads"
        assert pick_run(None, home).path == pick_run("latest", home).path == home / "compare" / "cut"

    @pytest.mark.parametrize(
        ("text", "run"),
        [
            ('{"reader": "cut"}', "cut"),  # as older versions wrote it
            (None, "heads"),
            ("{", "heads"),
            ("[]", "heads"),
            ("{}", "heads"),
            ('{"winner": null}', "heads"),
            ('{"winner": 3}', "heads"),
            ('{"winner": "gone"}', "heads"),
        ],
    )
    def test_a_comparison_without_a_winner_gives_its_newest_run(self, home, text, run):
        (home / "compare" / "results.json").unlink()
        if text is not None:
            (home / "compare" / "results.json").write_text(text)
        assert pick_run("compare", home).path == home / "compare" / run

    def test_a_winner_deleted_by_hand_leaves_the_newest_run(self, home):
        (home / "compare" / "cut" / "environment.json").unlink()
        assert pick_run("compare", home).path == home / "compare" / "heads"

    def test_the_shipped_run_by_name_and_where_there_is_no_other(self, home, tmp_path, monkeypatch):
        shipped = make(tmp_path / "package" / "shipped", digits="mnist")
        for module in (finding, folder):
            monkeypatch.setattr(module, "SHIPPED", shipped.path)
        assert pick_run("shipped", home).path == shipped.path
        for name in (None, "latest"):
            picked = pick_run(name, tmp_path / "none")
            assert (picked.path, picked.name) == (shipped.path, "shipped")
        assert picked.described == "the shipped reader (heads on compact, free strips of mnist digits)"
        assert str(home / "old") in pick_run("old", home).described

    def test_a_damaged_newest_run_is_an_error_and_not_passed_over(self, home):
        (home / "new" / LITERT_MODEL).write_bytes(b"")
        with pytest.raises(RunError, match=f"new: {LITERT_MODEL} is not the one"):
            pick_run(None, home)


def test_a_new_folder_does_not_exist_yet(tmp_path):
    paths = []
    for _ in range(3):
        paths.append(new_folder("cut-free", tmp_path))
        paths[-1].mkdir()
    assert len(set(paths)) == 3
    assert all(path.parent == tmp_path and path.name.startswith("cut-free-20") for path in paths)


class TestParts:
    """What parts hold is checked when it is read; their digests say nothing of who made them."""

    @pytest.mark.parametrize(
        ("table", "right"),
        [("epoch,loss\n1,0.5\n", True), ("epoch,loss\n1,x\n", False), ("epoch,loss\n1\n", False), ("e\n1,2\n", False)],
    )
    def test_a_history_is_a_table_of_numbers(self, tmp_path, table, right):
        run = make(tmp_path / "one")
        (run.path / HISTORY).write_text(table)
        if right:
            assert Run(run.path, run.environment, run.identity).history == [{"epoch": 1, "loss": 0.5}]
        else:
            with pytest.raises(RunError, match=r"history.csv: expected a table of numbers"):
                _ = Run(run.path, run.environment, run.identity).history

    @pytest.mark.parametrize(
        ("changes", "key"),
        [
            ({"sequence_accuracy": 1e999}, "test.sequence_accuracy"),
            ({"sequence_accuracy": 10**400}, "test.sequence_accuracy"),
            ({"sequence_interval": [0.5]}, "test.sequence_interval"),
            ({"accuracy_by_slot": [0.5] * 13}, "test.accuracy_by_slot"),
            ({"accuracy_by_length": {"x": {"accuracy": 1, "strips": 1}}}, "test.accuracy_by_length"),
            ({"confusion": [[1] * 11] * 10}, "test.confusion"),
            ({"strips": -1}, "test.strips"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_measures_are_numbers_that_can_be_reported(self, tmp_path, changes, key):
        run = make(tmp_path / "one")
        (run.path / METRICS).write_text(json.dumps({**MEASURES, "test": {**MEASURES["test"], **changes}}))
        with pytest.raises(RunError, match=rf"metrics.json: {key}"):
            _ = Run(run.path, run.environment, run.identity).metrics
        (run.path / METRICS).write_text(json.dumps({**MEASURES, "more": [1]}))
        assert Run(run.path, run.environment, run.identity).metrics["more"] == [1]

    def test_answers_fit_each_other(self, tmp_path):
        run = make(tmp_path / "one")
        opened = Run(run.path, {**run.environment, "parts": {ANSWERS: ""}}, run.identity)
        np.savez(run.path / ANSWERS, slots=SLOTS, answers=SLOTS, confidence=np.zeros(3))
        with pytest.raises(RunError, match=r"answers.npz: expected slots, answers and confidence"):
            _ = opened.answers
        for kind in (np.int8, np.float32, np.bool_, np.str_):
            np.savez(run.path / ANSWERS, slots=SLOTS, answers=SLOTS.astype(kind), confidence=np.zeros(len(SLOTS)))
            with pytest.raises(RunError, match=r"confidence: uint8 \(N, slots\), the same and floats"):
                _ = opened.answers
        np.savez(run.path / ANSWERS, slots=SLOTS)
        with pytest.raises(RunError, match=r"answers.npz: cannot be read \(missing answers, confidence"):
            _ = opened.answers
