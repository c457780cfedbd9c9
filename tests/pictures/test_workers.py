"""Decoding in processes: order, errors in place, flat look-ahead, and no process left behind, whatever happens."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import drawing
from PIL import Image

from multidigit.errors import PictureError
from multidigit.pictures import Looker, Seen, load_picture
from multidigit.pictures.workers import CHUNK, FEWEST, MOST, Answer, seen_in, useful_workers
from multidigit.runs import FINDER, SHIPPED

posix = pytest.mark.skipif(os.name != "posix", reason="a matter of POSIX systems")
Processes = list["subprocess.Popen[bytes]"]
LOOKER = Looker(5, True, SHIPPED / FINDER)


def strip(number: int) -> np.ndarray:
    """A strip unlike others: a bar whose place and brightness depend on the number."""
    image = np.zeros((28, 140), np.uint8)
    image[5:20, 10 + number % 100 : 14 + number % 100] = 100 + number % 155
    return image


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Strips ``0.png`` to ``9.png``; ``cut.png`` is damaged."""
    made = tmp_path_factory.mktemp("strips")
    for number in range(10):
        Image.fromarray(strip(number)).save(made / f"{number}.png")
    data = (made / "0.png").read_bytes()
    (made / "cut.png").write_bytes(data[:60])
    return made


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Processes:
    """The workers' processes, as they are started."""
    processes: Processes = []
    start = subprocess.Popen

    def noted(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        processes.append(start(*arguments, **options))
        return processes[-1]

    monkeypatch.setattr(subprocess, "Popen", noted)
    return processes


@pytest.fixture
def hooked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Has workers run some code when they open a file of the name given."""

    def hook(name: str, code: str) -> None:
        lines = [
            "import os, sys",
            "def hook(event, details):",
            f"    if event == 'open' and str(details[0]).endswith({name!r}): {code}",
            "sys.addaudithook(hook)",
        ]
        (tmp_path / "sitecustomize.py").write_text("\n".join(lines))
        monkeypatch.syspath_prepend(tmp_path)

    return hook


def names(folder: Path, count: int, odd: dict[int, str] | None = None) -> list[str]:
    """So many paths of strips, the same ten again and again, with others at some places."""
    odd = odd or {}
    return [str(folder / odd.get(place, f"{place % 10}.png")) for place in range(count)]


def check(found: list[tuple[str, Answer]], paths: list[str]) -> None:
    """All paths are there in their order; strips are those of their paths, the others are errors of their paths."""
    assert [path for path, _ in found] == paths
    for path, seen in found:
        if Path(path).stem.isdigit():
            assert isinstance(seen, Seen)
            (view,) = seen.views
            assert (seen.shape, view.row) == ((28, 140), None)
            assert np.array_equal(view.strip, strip(int(Path(path).stem)))
        else:
            assert isinstance(seen, PictureError)
            assert str(seen).startswith(path)
            assert "\n" not in str(seen)


def all_ended(processes: Processes) -> bool:
    return all(process.returncode is not None for process in processes)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_order_is_kept_and_errors_stand_in_their_places(folder: Path, started: Processes, count: int) -> None:
    odd = {0: "cut.png", 3: "none.png", CHUNK - 1: "cut.png", CHUNK: "cut.png", 5 * CHUNK + 6: "none.png"}
    paths = names(folder, 5 * CHUNK + 7, odd)
    check(list(seen_in(iter(paths), count, LOOKER)), paths)
    assert len(started) == count
    assert all_ended(started)


@pytest.mark.parametrize(("slots", "inked"), [(1, False), (5, False), (8, False), (5, True), (12, True)])
def test_workers_see_what_this_process_sees(folder: Path, tmp_path: Path, slots: int, inked: bool) -> None:
    paths = names(folder, 3)
    two = np.hstack([np.vstack([drawing("472"), drawing("90714", 30)]), drawing(shape=(240, 300), ink=230, paper=90)])
    for name, grey in {"rows": two, "turned": drawing().T, "grey": drawing(ink=40, paper=120)}.items():
        Image.fromarray(grey).save(tmp_path / f"{name}.png")
        paths.append(str(tmp_path / f"{name}.png"))
    looker = Looker(slots, inked, SHIPPED / FINDER)
    here, there = ([seen for _, seen in seen_in(paths, count, looker)] for count in (0, 2))
    assert max(len(seen.views) for seen in here if isinstance(seen, Seen)) > 2
    for path, one, other in zip(paths, here, there, strict=True):
        assert isinstance(one, Seen)
        assert isinstance(other, Seen)
        assert one.shape == other.shape == load_picture(path).shape
        assert [(view.row, view.number) for view in one.views] == [(view.row, view.number) for view in other.views]
        assert all(view.strips.shape[1:] == (28, 28 * slots) for view in one.views)
        assert all(np.array_equal(*both) for both in zip(strips(one), strips(other), strict=True))


def strips(seen: Seen) -> list[np.ndarray]:
    return [view.strips for view in seen.views]


def test_few_paths_start_few_workers(folder: Path, started: Processes) -> None:
    assert list(seen_in([], 2, LOOKER)) == []
    assert started == []
    check(list(seen_in(names(folder, 3), 4, LOOKER)), names(folder, 3))
    assert len(started) == 1


def test_paths_are_taken_as_they_are_needed(folder: Path) -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        for number in itertools.count():
            taken += 1
            yield str(folder / f"{number % 10}.png")

    for count in (0, 2):
        taken = 0
        with closing(seen_in(endless(), count, LOOKER)) as items:
            assert taken == 0
            for place in range(1, 4 * CHUNK):
                next(items)
                assert taken <= place + (count + 1) * CHUNK * bool(count)


@posix
def test_unusual_names(folder: Path, tmp_path: Path) -> None:
    odd = ["two\nlines.png", '"quoted".png', "日本.png"]
    if sys.platform != "darwin":
        odd.append(os.fsdecode(b"\xff\xfe.png"))
    for name in odd:
        (tmp_path / name).write_bytes((folder / "7.png").read_bytes())
    paths = [str(tmp_path / name) for name in [*odd, "no\nsuch.png", "a\0b.png"]]
    found = list(seen_in(paths, 1, LOOKER))
    assert [path for path, _ in found] == paths
    check([(str(folder / "7.png"), seen) for _, seen in found[:-2]], [str(folder / "7.png")] * (len(found) - 2))
    assert all(isinstance(error, PictureError) and "\n" not in str(error) for _, error in found[-2:])


# --- Ends ------------------------------------------------------------------------------------------------------------


def test_closing_early_ends_the_workers(folder: Path, started: Processes) -> None:
    items = seen_in(names(folder, 5 * CHUNK), 2, LOOKER)
    next(items)
    assert len(started) == 2
    assert not all_ended(started)
    items.close()
    assert all_ended(started)


def test_a_fault_of_the_caller_ends_the_workers(folder: Path, started: Processes) -> None:
    def failing() -> Iterator[str]:
        yield from names(folder, 2 * CHUNK)
        raise KeyError("paths")

    with pytest.raises(KeyError, match="paths"):
        list(seen_in(failing(), 2, LOOKER))
    assert started
    assert all_ended(started)


@pytest.mark.parametrize("after", [1, 3 * CHUNK])
def test_a_worker_that_is_killed_is_replaced(
    folder: Path, started: Processes, capfd: pytest.CaptureFixture[str], after: int
) -> None:
    paths = names(folder, 6 * CHUNK, {CHUNK + 3: "cut.png"})
    items = seen_in(paths, 2, LOOKER)
    found = list(itertools.islice(items, after))
    started[-1].kill()
    found += items
    check(found, paths)
    assert all_ended(started)
    assert capfd.readouterr() == ("", "")


@posix
def test_a_picture_that_ends_the_worker_is_the_only_one_lost(
    folder: Path, started: Processes, hooked: Callable[[str, str], None], capfd: pytest.CaptureFixture[str]
) -> None:
    hooked("deadly.png", "os.kill(os.getpid(), 9)")
    odd = {2: "deadly.png", 5: "cut.png", CHUNK - 1: "deadly.png"}
    paths = names(folder, 3 * CHUNK, odd)
    found = list(seen_in(paths, 2, LOOKER))
    check(found, paths)
    assert "did not survive" in str(found[2][1])
    assert "did not survive" not in str(found[5][1])
    assert all_ended(started)
    assert capfd.readouterr() == ("", "")


def test_a_fault_of_ours_in_a_worker_is_raised_with_its_traceback(
    folder: Path, started: Processes, hooked: Callable[[str, str], None]
) -> None:
    hooked("faulty.png", "1 / 0")
    with pytest.raises(RuntimeError, match=r"(?s)Traceback.*ZeroDivisionError"):
        list(seen_in(names(folder, 2 * CHUNK, {70: "faulty.png"}), 2, LOOKER))
    assert all_ended(started)


def test_what_libraries_print_does_not_come_among_the_answers(
    folder: Path, hooked: Callable[[str, str], None], capfd: pytest.CaptureFixture[str]
) -> None:
    hooked("4.png", "(print('ready', flush=True), os.write(1, b'[1]\\n'), os.write(2, b'warning'))")
    paths = names(folder, 30)
    check(list(seen_in(paths, 1, LOOKER)), paths)
    assert capfd.readouterr() == ("", "")


@posix
def test_where_no_process_can_be_started_this_one_does_the_work(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    paths = names(folder, CHUNK + 9, {3: "cut.png"})
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    check(list(seen_in(paths, 2, LOOKER)), paths)
    # It is started, and ends at once.
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    check(list(seen_in(paths, 2, LOOKER)), paths)


def test_modules_in_the_current_folder_are_not_taken(
    folder: Path, started: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json.py", "numpy.py", "multidigit.py"):
        (tmp_path / name).write_text("raise AssertionError")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    items = seen_in(names(folder, 3), 1, LOOKER)
    next(items)
    assert started[0].poll() is None, "the worker runs"
    items.close()


@posix
def test_workers_take_no_notice_of_ctrl_c(folder: Path, started: Processes) -> None:
    paths = names(folder, 6 * CHUNK)
    items = seen_in(paths, 2, LOOKER)
    found = [next(items)]
    found += itertools.islice(items, CHUNK)  # now both have answered, and so are beyond their start
    for process in started:
        process.send_signal(signal.SIGINT)
    found += items
    check(found, paths)
    assert len(started) == 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at processes as Linux shows them")
def test_workers_end_with_a_parent_that_is_killed(folder: Path, tmp_path: Path) -> None:
    # A program without a __main__ guard, which would start itself over and over if workers imported it.
    lines = [
        "import sys, time",
        "import subprocess",
        "from pathlib import Path",
        "from multidigit.pictures import Looker",
        "from multidigit.pictures.workers import seen_in",
        "start, started = subprocess.Popen, []",
        "subprocess.Popen = lambda *given, **options: started.append(start(*given, **options)) or started[-1]",
        "items = seen_in([sys.argv[1]] * 1000, 2, Looker(5, False, Path()))",
        "next(items)",
        "print(*(process.pid for process in started), flush=True)",
        "time.sleep(60)",
    ]
    (tmp_path / "program.py").write_text("\n".join(lines))
    command = [sys.executable, str(tmp_path / "program.py"), str(folder / "1.png")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pids = parent.stdout.readline().split()
        assert len(pids) == 2
        assert not any(gone(pid) for pid in pids)
        parent.kill()
        assert parent.stdout.read() == ""
    deadline = time.monotonic() + 30
    while not all(gone(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def gone(pid: str) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


def test_workers_are_used_where_they_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, most in ((1, 0), (2, 2), (4, 4), (64, MOST)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: set(range(cores)), raising=False)
        assert useful_workers(0) == useful_workers(FEWEST - 1) == 0
        assert useful_workers(FEWEST) == useful_workers(10**6) == useful_workers(None) == most
