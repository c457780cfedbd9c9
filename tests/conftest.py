"""What tests share: MNIST where it can be found, a tiny source of digits, and runs trained once."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from multidigit.digits.base import Digits

MNIST = Path(os.environ.get("MULTIDIGIT_MNIST", Path(__file__).parents[2] / "shared" / "data" / "mnist.npz"))


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
