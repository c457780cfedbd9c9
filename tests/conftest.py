"""What tests share: MNIST where it can be found, a tiny source of digits, and runs trained once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import HOW, NEEDED, find, rooted
from helpers import MNIST, Called, Toys, locked, write_toy_digits
from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir

from multidigit.digits.base import Digits

if "PYTEST_XDIST_WORKER" in os.environ:
    # Each worker has one core: more threads would fight for it. TensorFlow reads these when it is imported.
    for _variable in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(_variable, "1")

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # Started in the background, as by nohup: programs that tests start and interrupt would ignore Ctrl-C as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Any inputs, but the same ones each time: `make fuzz` tries others. A test overwrites the files of its last input.
settings.register_profile(
    "repeatable",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("repeatable")
# What Hypothesis keeps for the next time, tables of characters, goes where pytest keeps such things.
set_hypothesis_home_dir(Path(__file__).parents[1] / ".pytest_cache" / "hypothesis")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this call of pytest that its worker processes, where there are several, have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session", autouse=True)
def cache(shared: Path) -> Iterator[Path]:
    """No test takes digits from a person's own cache, or leaves any there; processes that tests start inherit it."""
    folder = shared / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MULTIDIGIT_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def mnist() -> Path:
    """The real MNIST digits; the test is skipped where they are not."""
    if not MNIST.is_file():
        pytest.skip(f"needs the MNIST digits in {MNIST} (or $MULTIDIGIT_MNIST)")
    return MNIST


@pytest.fixture(scope="session")
def toy_npz(shared: Path) -> Path:
    """An MNIST-like file of 600 + 200 toy digits."""
    path = shared / "toy.npz"
    with locked(shared / "toy.lock"):
        if not path.exists():
            write_toy_digits(path)
    return path


@pytest.fixture(scope="session")
def toy_digits(toy_npz: Path) -> Digits:
    from multidigit.digits import load_digits

    return load_digits(str(toy_npz), "train", 0)


@pytest.fixture(scope="session")
def toys(toy_npz: Path, shared: Path) -> Toys:
    return Toys(toy_npz, shared / "toys" / "runs")


@pytest.fixture
def small_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Scenes with the fonts of a fresh machine, the same everywhere, and few writers, who are drawn in a moment."""
    from multidigit.digits.printed import fonts
    from multidigit.scenes import styles

    kept = (fonts.machine_fonts, styles.font_families, styles.hands)
    monkeypatch.setattr(fonts, "_system_folders", list)
    for split in styles.WRITERS:
        monkeypatch.setitem(styles.WRITERS, split, 12)
    for each in kept:
        each.cache_clear()
    yield
    for each in kept:
        each.cache_clear()


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., Called]:
    """Calls the command line in this process."""

    def called(*arguments: object) -> Called:
        from multidigit.cli import main

        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        assert isinstance(left.value.code, int)
        return Called(left.value.code, *capsys.readouterr())

    return called


_FLAGS = ("--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The one that is installed on the machine, or else Playwright's own."""
    missing = pytest.fail if os.environ.get(NEEDED) else pytest.skip
    try:
        from playwright import sync_api
    except ImportError:
        missing("Playwright is not installed: `make test-browser` installs it")
    path = find()
    if path is None:
        missing(f"no Chromium was found: {HOW}")
    with sync_api.sync_playwright() as playwright:
        # The page is our own: where there can be no sandbox it needs none.
        flags = [*_FLAGS, "--no-sandbox"] if rooted() else _FLAGS
        opened = playwright.chromium.launch(executable_path=path, args=flags)
        yield opened
        opened.close()


@pytest.fixture(autouse=True)
def _one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Experiments are done in this process, where fakes can stand in for trainings, unless a test asks for jobs."""
    monkeypatch.setattr("multidigit.cli.grid.useful_jobs", lambda *_: 1)
