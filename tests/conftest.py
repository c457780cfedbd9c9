"""What tests share: MNIST where it can be found, a tiny source of digits, and runs trained once."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import MNIST, Called, Toys

from multidigit.digits.base import Digits


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test takes digits from a person's own cache, or leaves any there; processes that tests start inherit it."""
    folder = tmp_path_factory.mktemp("cache")
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
def toy_npz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MNIST-like file of 600 + 200 digits that anybody can tell apart: digit d is a bright bar at its own height."""
    rng = np.random.default_rng(0)
    labels = np.arange(800) % 10
    images = rng.integers(0, 40, (800, 28, 28)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[4 + 2 * label : 6 + 2 * label, 5:23] = 200 + rng.integers(0, 56, (2, 18))
    path = tmp_path_factory.mktemp("digits") / "toy.npz"
    np.savez(path, x_train=images[:600], y_train=labels[:600], x_test=images[600:], y_test=labels[600:])
    return path


@pytest.fixture(scope="session")
def toy_digits(toy_npz: Path) -> Digits:
    from multidigit.digits import load_digits

    return load_digits(str(toy_npz), "train", 0)


@pytest.fixture(scope="session")
def toys(toy_npz: Path, tmp_path_factory: pytest.TempPathFactory) -> Toys:
    return Toys(toy_npz, tmp_path_factory.mktemp("learnt") / "runs")


@pytest.fixture(scope="session")
def made() -> Any:
    """The module of the benchmarks that makes runs up, for what only looks at runs."""
    path = Path(__file__).parents[1] / "experiments" / "benchmarks" / "made.py"
    spec = importlib.util.spec_from_file_location("made", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
