"""Run folders: written whole or not at all, checked when opened, and found by name, by place or as the newest."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

from multidigit import runs
from multidigit.errors import MultidigitError, RunError
from multidigit.runs import (
    ANSWERS,
    CHECKPOINT,
    ENVIRONMENT,
    FORMAT,
    HISTORY,
    METRICS,
    READER,
    REQUIRED,
    SETTINGS,
    Run,
    RunWriter,
    find_runs,
    new_folder,
    open_run,
    pick_run,
    read_json,
)
from multidigit.settings import Settings, to_yaml, validate


def fill(writer: RunWriter, settings: Settings, reader: bytes = b"network") -> None:
    """Parts such as training writes them; the network is a dummy."""
    (writer.aside / READER).write_bytes(reader)
    writer.text(SETTINGS, to_yaml(settings))
    writer.table(HISTORY, [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}])
    writer.json(METRICS, {"test": {"sequence_accuracy": 0.5}})


def make(path: Path, created: str | None = None, replace: bool = False, reader: bytes = b"network", **data: Any) -> Run:
    """A finished run; ``created`` sets its date."""
    settings = validate(data)
    with RunWriter(path, replace=replace) as writer:
        fill(writer, settings, reader)
        run = writer.finish(settings)
    if created:
        change(path, created=created)
    return run


def change(path: Path, **values: Any) -> None:
    """Change entries of a run's ``environment.json``; ``None`` takes one out."""
    data = json.loads((path / ENVIRONMENT).read_text())
    data |= values
    (path / ENVIRONMENT).write_text(json.dumps({key: value for key, value in data.items() if value is not None}))


def everything(path: Path) -> dict[str, bytes | None]:
    """All that stands below a folder, hidden or not."""
    return {str(below.relative_to(path)): below.read_bytes() if below.is_file() else None for below in path.rglob("*")}


def told(path: Path) -> str:
    """The one line that opening ends with."""
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
        assert {path.name for path in run.path.iterdir()} == {READER, SETTINGS, HISTORY, METRICS, ENVIRONMENT}
        assert run.path == tmp_path / "home" / "one"
        assert (run.name, run.interrupted) == ("one", False)
        assert run.kind == "cut on compact, structured strips of mnist digits"
        assert run.settings == validate({"seed": 7, "strategy": "cut", "layout": "structured", "digits": "mnist"})
        assert run.metrics == {"test": {"sequence_accuracy": 0.5}}
        assert run.history == [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]
        assert run.part(READER).read_bytes() == b"network"
        assert open_run(run.path) == run

    def test_answers_are_read_back(self, tmp_path):
        expected = {
            "slots": np.full((3, 5), 10, np.uint8),
            "answers": np.arange(15, dtype=np.uint8).reshape(3, 5),
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
            fill(writer, Settings())
            (writer.aside / HISTORY).unlink()
            run = writer.finish(Settings())
        assert run.history == []
        with pytest.raises(RunError, match=rf"one: this run has no {ANSWERS}; train one"):
            run.part(ANSWERS)
        with pytest.raises(RunError, match=f"this run has no {ANSWERS}"):
            run.answers  # noqa: B018

    def test_a_run_with_a_checkpoint_was_interrupted(self, tmp_path):
        with RunWriter(tmp_path / "one") as writer:
            fill(writer, Settings())
            (writer.aside / CHECKPOINT).write_bytes(b"x")
            assert writer.finish(Settings()).interrupted

    def test_an_empty_table_has_a_header(self, tmp_path):
        with RunWriter(tmp_path / "one") as writer:
            fill(writer, Settings())
            writer.table(HISTORY, [])
            assert writer.finish(Settings()).history == []

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, RunError, SystemExit])
    def test_an_error_on_the_way_leaves_nothing(self, tmp_path, error):
        def work() -> None:
            with RunWriter(tmp_path / "one") as writer:
                fill(writer, Settings())
                assert [path.name for path in tmp_path.iterdir()] == [writer.aside.name]
                raise error

        with pytest.raises(error):
            work()
        assert not list(tmp_path.iterdir())

    def test_a_run_that_is_not_finished_leaves_nothing(self, tmp_path):
        with RunWriter(tmp_path / "one") as writer:
            fill(writer, Settings())
        assert not list(tmp_path.iterdir())

    def test_a_run_that_lacks_a_part_is_not_passed_off_as_whole(self, tmp_path):
        with RunWriter(tmp_path / "one") as writer:
            fill(writer, Settings())
            (writer.aside / METRICS).unlink()
            with pytest.raises(RunError, match=f"{METRICS} is missing"):
                writer.finish(Settings())

    @pytest.mark.parametrize("kind", ["run", "folder", "file"])
    def test_an_existing_place_is_refused_before_any_work(self, tmp_path, kind):
        path = tmp_path / "one"
        if kind == "run":
            make(path)
        elif kind == "folder":
            path.mkdir()
        else:
            path.write_text("mine")
        before = everything(tmp_path)
        with pytest.raises(RunError, match=r"one: exists already; name another folder with --out, or remove it$"):
            RunWriter(path)
        assert everything(tmp_path) == before

    @pytest.mark.parametrize("replace", [False, True])
    def test_a_place_that_cannot_be_written_is_told_before_any_work(self, tmp_path, replace, monkeypatch):
        (tmp_path / "file").write_text("")
        for place in ("file/one", "file/far/one"):
            with pytest.raises(RunError, match=r"one: cannot be written \(Not a directory\); name another"):
                RunWriter(tmp_path / place, replace=replace)

        def denied(self: Path, *_: Any, **__: Any) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "mkdir", denied)
        with pytest.raises(RunError, match=r"one: cannot be written \(Permission denied\); name another"):
            RunWriter(tmp_path / "one", replace=replace)

    def test_a_full_disk_is_told_in_one_line(self, tmp_path, monkeypatch):
        def full(self: Path, mode: str) -> IO[bytes]:
            raise OSError(28, "No space left on device")

        def work() -> None:
            with RunWriter(tmp_path / "one") as writer:
                monkeypatch.setattr(Path, "open", full)
                writer.json(METRICS, {})

        with pytest.raises(MultidigitError, match="No space left on device"):
            work()
        assert not list(tmp_path.iterdir())

    def test_what_a_killed_process_of_the_same_number_left_is_no_hindrance(self, tmp_path):
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
            first = make_beside(tmp_path / "one")
            second = writer.finish(Settings())
        assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "one-2"]
        assert (second.path, second.part(READER).read_bytes()) == (tmp_path / "one-2", b"second")
        assert open_run(first.path).part(READER).read_bytes() == b"network"


def make_beside(path: Path) -> Run:
    """What another process does that writes to the same place at the same time."""
    made = make(path.with_name("other"))
    made.path.rename(path)
    return open_run(path)


class TestReplacing:
    def test_the_old_run_stands_until_the_new_one_is_finished(self, tmp_path):
        make(tmp_path / "one", reader=b"old")
        with RunWriter(tmp_path / "one", replace=True) as writer:
            fill(writer, Settings(), b"new")
            assert open_run(tmp_path / "one").part(READER).read_bytes() == b"old"
            new = writer.finish(Settings())
        assert (new.path, new.part(READER).read_bytes()) == (tmp_path / "one", b"new")
        assert [path.name for path in tmp_path.iterdir()] == ["one"]

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, None])
    def test_without_a_finish_the_old_run_stays_as_it_was(self, tmp_path, error):
        make(tmp_path / "one", reader=b"old")
        before = everything(tmp_path)

        def work() -> None:
            with RunWriter(tmp_path / "one", replace=True) as writer:
                fill(writer, Settings(), b"new")
                if error:
                    raise error

        if error:
            with pytest.raises(error):
                work()
        else:
            work()
        assert everything(tmp_path) == before

    def test_an_exchange_that_fails_brings_the_old_run_back(self, tmp_path, monkeypatch):
        make(tmp_path / "one", reader=b"old")
        before = everything(tmp_path)
        rename = Path.rename

        def failing(self: Path, target: Path) -> Path:
            if "partial" in self.name:
                raise OSError(5, "Input/output error")
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", failing)
        with pytest.raises(RunError, match=r"one: cannot be written \(Input/output error\)$"):
            make(tmp_path / "one", replace=True, reader=b"new")
        assert everything(tmp_path) == before

    def test_what_is_no_run_is_not_replaced(self, tmp_path):
        (tmp_path / "photos").mkdir()
        (tmp_path / "photos" / "one.jpg").write_bytes(b"x")
        (tmp_path / "file").write_bytes(b"x")
        before = everything(tmp_path)
        for name in ("photos", "file"):
            with pytest.raises(RunError, match="exists and is no run folder, so it is not replaced"):
                RunWriter(tmp_path / name, replace=True)
        assert everything(tmp_path) == before

    def test_where_nothing_stands_there_is_nothing_to_replace(self, tmp_path):
        assert make(tmp_path / "one", replace=True).path == tmp_path / "one"


class TestOpening:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return make(tmp_path / "one").path

    @pytest.mark.parametrize("name", [READER, SETTINGS, HISTORY, METRICS])
    def test_a_missing_part_is_named(self, path, name):
        (path / name).unlink()
        assert told(path) == f": {name} is missing from this run; restore it or train the run again"
        (path / name).mkdir()
        assert told(path) == f": {name} is missing from this run; restore it or train the run again"

    @pytest.mark.parametrize("name", [READER, SETTINGS, HISTORY, METRICS])
    @pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"", lambda data: data[::-1]])
    def test_a_changed_part_is_named(self, path, name, damage):
        (path / name).write_bytes(damage((path / name).read_bytes()))
        assert told(path) == (f": {name} is not the one that this run was saved with; restore it or train again")

    @pytest.mark.parametrize("name", REQUIRED)
    def test_a_required_part_must_be_among_those_saved(self, path, name):
        parts = read_json(path / ENVIRONMENT)["parts"]
        del parts[name]
        change(path, parts=parts)
        assert told(path).startswith(f": {name} is missing from this run")

    def test_parts_of_two_runs_do_not_belong_together(self, path):
        other = make(path.parent / "two", seed=1).path
        shutil.copy(other / SETTINGS, path / SETTINGS)
        assert told(path).startswith(f": {SETTINGS} is not the one that this run was saved with")

    def test_what_lies_there_besides_does_no_harm(self, path):
        (path / "notes.txt").write_text("mine")
        assert open_run(path).name == "one"

    @pytest.mark.parametrize("number", [FORMAT + 1, 0, "1", None])
    def test_another_format_is_refused(self, path, number):
        change(path, format=number, multidigit="9.9")
        message = told(path)
        assert f"a run of format {number!r} (multidigit 9.9)" in message
        assert f"which reads format {FORMAT}; train it again" in message

    def test_the_format_is_looked_at_before_all_else(self, path):
        (path / ENVIRONMENT).write_text(json.dumps({"format": FORMAT + 1}))
        assert f"a run of format {FORMAT + 1}" in told(path)

    def test_what_is_no_run_folder(self, tmp_path):
        assert told(tmp_path / "none").startswith(": no such run folder")
        assert told(tmp_path).startswith(f": not a run folder: {ENVIRONMENT} is missing")
        (tmp_path / "file").write_text("")
        assert told(tmp_path / "file").startswith(": no such run folder")

    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            (b"", "not valid JSON"),
            (b'{"format": 1', "not valid JSON"),
            (b"\xff\xfe\x00", "not valid JSON"),
            (b"[1]", "expected a JSON object; received list"),
            (b"null", "expected a JSON object; received NoneType"),
        ],
    )
    def test_damaged_json_is_named(self, path, data, expected):
        (path / ENVIRONMENT).write_bytes(data)
        assert told(path).startswith(f"/{ENVIRONMENT}: {expected}")

    @pytest.mark.parametrize(
        "values",
        [
            {"parts": None},
            {"parts": []},
            {"about": None},
            {"about": "cut"},
            {"about": {"strategy": "cut"}},
            {"created": None},
        ],
    )
    def test_an_environment_that_lacks_something_is_damaged(self, path, values):
        change(path, **values)
        assert told(path) == f"/{ENVIRONMENT}: expected `created`, `about` and `parts`; the file is damaged"


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
        for name in ("z", "m", "a"):
            make(tmp_path / name)
            change(tmp_path / name)
        dates = [open_run(tmp_path / name).created for name in ("z", "m", "a")]
        assert dates == sorted(dates)
        assert all(len(date) == len(dates[0]) and date.endswith("+00:00") for date in dates)

    def test_what_is_hidden_too_deep_or_no_run_is_left_out(self, tmp_path):
        make(tmp_path / "one")
        for place in (".two.partial-99", "compare/.three.partial-99", ".hidden/four", "a/b/c/five"):
            shutil.copytree(tmp_path / "one", tmp_path / place)
        (tmp_path / "empty").mkdir()
        (tmp_path / "file").write_text("")
        assert find_runs(tmp_path) == [tmp_path / "one"]

    def test_a_home_below_a_hidden_folder_is_searched_all_the_same(self, tmp_path):
        make(tmp_path / ".cache" / "runs" / "one")
        assert find_runs(tmp_path / ".cache" / "runs") == [tmp_path / ".cache" / "runs" / "one"]

    def test_a_damaged_run_counts_as_the_oldest(self, tmp_path):
        make(tmp_path / "one")
        make(tmp_path / "two")
        (tmp_path / "two" / ENVIRONMENT).write_text("{")
        assert find_runs(tmp_path) == [tmp_path / "two", tmp_path / "one"]
        assert pick_run(home=tmp_path).name == "one"

    def test_where_there_is_no_home_there_are_no_runs(self, tmp_path):
        assert find_runs(tmp_path / "none") == []
        (tmp_path / "file").write_text("")
        assert find_runs(tmp_path / "file") == []


class TestPicking:
    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        """Two runs and a comparison of two, which is the oldest; ``old`` and ``new`` stand by themselves."""
        home = tmp_path / "runs"
        make(home / "compare" / "cut", "2024-01-01")
        make(home / "compare" / "heads", "2024-01-02")
        (home / "compare" / "results.json").write_text(json.dumps({"reader": "cut"}))
        make(home / "old", "2024-02-01")
        make(home / "new", "2024-03-01")
        return home

    @pytest.fixture
    def shipped(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
        """A run that stands in for the one of the package."""
        run = make(tmp_path / "package" / "shipped", digits="mnist")
        monkeypatch.setattr(runs, "SHIPPED", run.path)
        return run

    def test_by_name(self, home):
        assert pick_run("old", home).path == home / "old"

    @pytest.mark.parametrize("name", [None, "latest"])
    def test_the_newest(self, home, name):
        assert pick_run(name, home).path == home / "new"

    def test_by_path(self, home, tmp_path):
        other = make(tmp_path / "elsewhere" / "one").path
        assert pick_run(str(other), home).path == other
        assert pick_run(f"{other}/", home).path == other
        assert pick_run(str(home / "compare" / "heads"), home).path == home / "compare" / "heads"
        assert pick_run("compare/heads", home).path == home / "compare" / "heads"

    def test_a_relative_path(self, home, monkeypatch):
        monkeypatch.chdir(home.parent)
        make(Path("mine"))
        assert pick_run("mine", home).path == Path("mine")
        assert pick_run("runs/old", home).path == Path("runs/old")
        monkeypatch.chdir(home / "old")
        assert pick_run(".", home / "none").path == Path()

    def test_a_run_goes_before_a_folder_of_the_same_name_elsewhere(self, home, monkeypatch):
        monkeypatch.chdir(home.parent)
        Path("old").mkdir()
        assert pick_run("old", home).path == home / "old"

    @pytest.mark.parametrize("name", ["compare", "path"])
    def test_a_comparison_is_answered_for_by_its_winner(self, home, name):
        asked = str(home / "compare") if name == "path" else name
        assert pick_run(asked, home).path == home / "compare" / "cut"

    @pytest.mark.parametrize("name", [None, "latest"])
    def test_the_newest_of_a_comparison_is_its_winner(self, home, name):
        shutil.rmtree(home / "old")
        shutil.rmtree(home / "new")
        assert find_runs(home)[-1].name == "heads"
        assert pick_run(name, home).path == home / "compare" / "cut"

    @pytest.mark.parametrize("text", [None, "{", "[]", "{}", '{"reader": null}', '{"reader": 3}', '{"reader": "gone"}'])
    def test_a_comparison_without_a_winner_gives_its_newest_run(self, home, text):
        (home / "compare" / "results.json").unlink()
        if text is not None:
            (home / "compare" / "results.json").write_text(text)
        assert pick_run("compare", home).path == home / "compare" / "heads"

    def test_a_winner_deleted_by_hand_leaves_the_newest_run(self, home):
        (home / "compare" / "cut" / "environment.json").unlink()
        assert pick_run("compare", home).path == home / "compare" / "heads"

    @pytest.mark.parametrize("name", [None, "latest"])
    def test_where_there_is_no_run_the_shipped_one_reads(self, shipped, tmp_path, name):
        picked = pick_run(name, tmp_path / "none")
        assert picked.path == shipped.path
        assert picked.name == "shipped"
        assert picked.described == "the shipped reader (heads on compact, free strips of mnist digits)"

    def test_the_shipped_one_by_name(self, home, shipped):
        assert pick_run("shipped", home).path == shipped.path
        assert str(home / "old") in pick_run("old", home).described

    def test_a_name_that_is_none(self, home):
        with pytest.raises(RunError, match=r"^nothing: no such run folder; `multidigit info` lists"):
            pick_run("nothing", home)

    def test_the_newest_being_damaged_is_told_and_not_passed_over(self, home):
        (home / "new" / READER).write_bytes(b"")
        with pytest.raises(RunError, match=f"new: {READER} is not the one"):
            pick_run(None, home)


def test_a_new_folder_is_one_that_is_not_there(tmp_path):
    paths = []
    for _ in range(3):
        paths.append(new_folder("cut-free", tmp_path))
        paths[-1].mkdir()
    assert len(set(paths)) == 3
    assert all(path.parent == tmp_path and path.name.startswith("cut-free-20") for path in paths)
