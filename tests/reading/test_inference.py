"""LiteRT against the network that it was made from, batches of any size, any number of slots, and damaged files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Toys, write_model

from multidigit.errors import DataError, RunError
from multidigit.labels import CELL, CLASSES
from multidigit.reading.inference import BATCH, Model
from multidigit.runs import KERAS_MODEL, LITERT_MODEL
from multidigit.strategies.base import make
from multidigit.strips.compose import Strips
from multidigit.strips.stream import StripStream


@pytest.fixture(scope="module")
def tested(toys: Toys) -> Strips:
    """Strips that the toy runs read right."""
    return StripStream(toys.settings()).fixed("test", 2 * BATCH + 3)


@pytest.mark.parametrize("strategy", ["heads", "sigmoid", "cut"])
def test_answers_as_the_network_does(toys: Toys, tested: Strips, strategy: str) -> None:
    import keras

    run = toys.run(strategy)
    network = make(run.settings).reading_model(keras.models.load_model(run.part(KERAS_MODEL), compile=False))
    expected = np.asarray(network(tested.images))
    model = Model(run.part(LITERT_MODEL))
    found = model.probabilities(tested.images)
    assert (found.shape, found.dtype) == ((len(tested), model.slots, CLASSES), np.float32)
    assert np.abs(found - expected).max() < 1e-5
    assert (found.argmax(-1) == tested.slots).all(1).mean() > 0.9


def test_batches_of_any_size_and_one_thread_give_the_same(toys: Toys, tested: Strips) -> None:
    path = toys.run().part(LITERT_MODEL)
    model = Model(path)
    alone = np.concatenate([model.probabilities(tested.images[i : i + 1]) for i in range(len(tested))])
    # Growing and shrinking, around the size at which batches are split.
    for size in (3, len(tested), BATCH + 1, BATCH, BATCH - 1, 1, 0):
        found = model.probabilities(tested.images[:size])
        assert found.shape == (size, model.slots, CLASSES)
        assert np.allclose(found, alone[:size], atol=1e-5)
    # One strip differs from the next, or the order would not show.
    assert np.abs(alone[0] - alone[1]).max() > 0.1
    assert np.allclose(Model(path, threads=1).probabilities(tested.images[:9]), alone[:9], atol=1e-5)


@pytest.mark.parametrize("slots", [1, 3, 8, 12])
def test_any_number_of_slots(tmp_path: Path, slots: int) -> None:
    model = Model(write_model(tmp_path / "model.tflite", (CELL, CELL * slots), (slots, CLASSES)))
    assert model.slots == slots
    strips = np.random.default_rng(0).integers(0, 256, (2, CELL, CELL * slots), np.uint8)
    assert model.probabilities(strips).shape == (2, slots, CLASSES)
    for wrong in (strips[:, :, 1:], strips[0], strips.astype(np.float32)):
        with pytest.raises(DataError, match=rf"^strips must be uint8 .*model.tflite reads {slots} slots; received "):
            model.probabilities(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shape", "given"),
    [
        ((CELL, CELL), (784,)),
        ((CELL, 2 * CELL), (3, CLASSES)),
        ((CELL, 2 * CELL), (2, 10)),
        ((20, 2 * CELL), (2, CLASSES)),
    ],
)
def test_other_models_are_refused(tmp_path: Path, shape: tuple[int, ...], given: tuple[int, ...]) -> None:
    path = write_model(tmp_path / "other.tflite", shape, given)
    with pytest.raises(
        RunError, match=r"other.tflite: a model must take uint8 strips .*; received \[\[.*; export it again"
    ):
        Model(path)


@pytest.mark.parametrize("kept", [None, 0, 0.5, 0.99])
def test_a_damaged_or_missing_file(toys: Toys, tmp_path: Path, kept: float | None) -> None:
    path = tmp_path / "reader.tflite"
    if kept is not None:
        data = toys.run().part(LITERT_MODEL).read_bytes()
        path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(RunError, match=r"reader.tflite: LiteRT cannot load it \(.*\); export it again") as caught:
        Model(path)
    assert "\n" not in str(caught.value)


WITHOUT_LITERT = """
import sys
sys.modules["ai_edge_litert"] = None
import numpy as np
from multidigit.reading.inference import Model
np.save(sys.argv[3], Model(sys.argv[1]).probabilities(np.load(sys.argv[2])))
assert "tensorflow" in sys.modules
"""


@pytest.mark.slow
def test_tensorflow_reads_where_litert_is_missing(toys: Toys, tested: Strips, tmp_path: Path) -> None:
    path = toys.run().part(LITERT_MODEL)
    arguments: list[Any] = [path, tmp_path / "strips.npy", tmp_path / "found.npy"]
    np.save(arguments[1], tested.images[:5])
    command = [sys.executable, "-c", WITHOUT_LITERT, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert np.allclose(np.load(arguments[2]), Model(path).probabilities(tested.images[:5]), atol=1e-5)
