"""The finder: what it is to say of rows reads back as these rows, it learns, and its file takes every shape."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from multidigit.pictures.finder import SHAPES, STRIDE, Finder, rows_of
from multidigit.scenes import Row
from multidigit.training.conversion import to_tflite
from multidigit.training.finder import build_finder, finder_loss
from multidigit.training.finder_examples import finder_examples, target

pytestmark = pytest.mark.usefixtures("small_world")


def said(truth: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a network says that has learnt the truth."""
    return np.concatenate([np.where(truth[..., 5:6] > 0, 8, -8), truth[..., :5]], -1).astype(np.float32)


class TestTarget:
    ROWS = (Row("4071", 60, 40, 80, 20, 0.1), Row("52", 180, 90, 30, 14, -0.3), Row("8", 60, 100, 9, 16, 0.0))

    def test_it_reads_back_as_the_rows(self) -> None:
        found = sorted(rows_of(said(target(self.ROWS, SHAPES[0], 1, (0, 0)))), key=lambda row: -row.width)
        assert len(found) == 3
        for row, true in zip(found, self.ROWS, strict=True):
            assert (row.x, row.y) == pytest.approx((true.x, true.y), abs=1.5)
            assert (row.width, row.height) == pytest.approx((true.width, true.height), rel=0.1)
            assert row.angle == pytest.approx(true.angle, abs=0.05)
            assert row.confidence > 0.99

    def test_rows_are_scaled_and_moved_as_the_picture_is(self) -> None:
        (row,) = rows_of(said(target(self.ROWS[:1], SHAPES[1], 0.5, (10, 30))))
        assert (row.x, row.y, row.width, row.height) == pytest.approx((40, 50, 40, 10), abs=1.5)

    def test_nothing_is_wanted_where_there_is_no_row(self) -> None:
        truth = target((), SHAPES[0], 1, (0, 0))
        assert truth.shape == (128 // STRIDE, 256 // STRIDE, 8)
        assert not truth[..., :6].any()
        assert rows_of(said(truth)) == []


@pytest.mark.parametrize("shape", SHAPES)
def test_examples_are_of_one_shape_and_come_again(shape: tuple[int, int]) -> None:
    (pictures, truth), again = (finder_examples(4, shape, np.random.default_rng(1), "validation") for _ in range(2))
    assert (pictures.dtype, pictures.shape) == (np.uint8, (4, *shape))
    assert (truth.dtype, truth.shape) == (np.float32, (4, shape[0] // STRIDE, shape[1] // STRIDE, 8))
    assert pictures.tobytes() == again[0].tobytes()
    assert truth.tobytes() == again[1].tobytes()
    assert truth[..., 5].any()


@pytest.mark.slow
def test_it_learns_and_its_file_takes_every_shape(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    model = build_finder()
    model.compile(keras.optimizers.Adam(0.003), finder_loss, run_eagerly=True)  # a graph takes longer to build
    pictures, truth = finder_examples(4, SHAPES[0], np.random.default_rng(0), "validation")
    losses = [float(model.train_on_batch(pictures, truth)) for _ in range(6)]
    assert losses[-1] < 0.8 * losses[0]
    path = tmp_path / "finder.tflite"
    path.write_bytes(to_tflite(model, float16=True))
    finder = Finder(path)
    for shape in (*SHAPES, SHAPES[0]):
        shown = finder_examples(2, shape, np.random.default_rng(2), "validation")[0]
        fields = finder.fields(shown)
        assert fields.shape == (2, shape[0] // STRIDE, shape[1] // STRIDE, 6)
        assert np.abs(fields - np.asarray(model(shown))).max() < 0.05 * (1 + np.abs(fields).max())
    assert isinstance(finder(pictures[0]), list)
