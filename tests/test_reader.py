"""The reader: LiteRT against the network that it was made from, batches of any size, and what cannot be read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Toys
from numpy.typing import NDArray
from PIL import Image

from multidigit.errors import PictureError, RunError, SettingsError
from multidigit.labels import BLANK, CLASSES, SLOTS, slots_to_text, text_to_slots
from multidigit.reading.calibration import Calibration, read_calibration
from multidigit.reading.inference import BATCH, Model
from multidigit.reading.reader import Alternative, Reader, Reading
from multidigit.runs import MODEL, READER, Run, open_run
from multidigit.strategies.base import make
from multidigit.strips.compose import Strips
from multidigit.strips.stream import StripStream


@pytest.fixture(scope="module")
def tested(toys: Toys) -> Strips:
    """Strips that the toy runs read right."""
    return StripStream(toys.settings()).fixed("test", 2 * BATCH + 3)


def one_hot(*slots: int) -> NDArray[np.float32]:
    return np.eye(CLASSES, dtype=np.float32)[list(slots)]


def uncalibrated(run: Run, **options: Any) -> Reader:
    """A reader that takes the network at its word."""
    reader = Reader(run, **options)
    reader.calibration = Calibration()
    return reader


def test_readings_spell_the_likeliest_number(toys: Toys) -> None:
    probabilities = np.full((3, SLOTS, CLASSES), 0.01, np.float32)
    probabilities[:, :, BLANK] = 0.9
    probabilities[0, :3] = one_hot(9, 7, 5)
    probabilities[1, 0] = one_hot(3)[0] * 0.5 + 0.5 / CLASSES
    first, second, third = uncalibrated(toys.run()).judge(probabilities)
    assert (first.text, first.digits, first.withheld) == ("975", (1.0, 1.0, 1.0), False)
    assert first.confidence == pytest.approx(0.9**2)
    assert first.alternatives == (Alternative("975", first.confidence),)
    assert (second.text, second.digits) == ("3", pytest.approx((0.5 + 0.5 / CLASSES,)))
    assert second.confidence == pytest.approx(0.9**4 * (0.5 + 0.5 / CLASSES))
    # Likelier empty than any number: no text, but the best guess is told, with its own confidence.
    assert (third.text, third.digits) == ("", ())
    assert third.confidence == pytest.approx(0.01 * 0.9**4)
    assert third.alternatives[0].text == "0"


def test_what_is_known_of_the_number_decides(toys: Toys) -> None:
    probabilities = np.full((1, SLOTS, CLASSES), 1e-6, np.float32)
    probabilities[0] += 0.9 * one_hot(1, 2, 3, BLANK, BLANK) + 0.1 * one_hot(7, 2, 3, 4, BLANK)
    run = toys.run()
    (free,) = uncalibrated(run, top=3).judge(probabilities)
    assert [other.text for other in free.alternatives] == ["123", "1234", "723"]
    for options, text in (
        ({"length": 4}, "1234"),
        ({"length": "4-5"}, "1234"),
        ({"pattern": "7.*"}, "723"),
        ({"checksum": "luhn"}, "1230"),
    ):
        (reading,) = uncalibrated(run, **options).judge(probabilities)  # type: ignore[arg-type]
        assert reading.text == text
        assert reading.confidence > {other.text: other.confidence for other in free.alternatives}.get(text, 0)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"length": "6"}, "--length"),
        ({"pattern": "["}, "--pattern"),
        ({"checksum": "none"}, "--checksum"),
        ({"top": 0}, "top"),
        ({"at_least": 1.5}, "at_least"),
    ],
)
def test_options_that_are_not_what_they_should_be_are_told(toys: Toys, options: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        Reader(toys.run(), **options)


def test_answers_that_cannot_be_counted_on_are_withheld(toys: Toys, tested: Strips) -> None:
    run = toys.run()
    reader = Reader(run, at_least=0.5)
    assert 0 < reader.threshold < 1
    blurred = tested.images // 4 + 60
    found = reader.read_strips(np.concatenate([tested.images, blurred]))
    assert [reading.withheld for reading in found] == [reading.confidence < reader.threshold for reading in found]
    assert not all(reading.withheld for reading in found[: len(tested)])
    with pytest.raises(RunError, match=r"200 validation strips cannot show .* 99\.9 % of the cases; ask for less, or"):
        Reader(run, at_least=0.999)


def test_confidence_is_calibrated_as_the_run_says(toys: Toys, tested: Strips) -> None:
    run = toys.run()
    reader = Reader(run)
    assert reader.calibration == read_calibration(run)
    plain = uncalibrated(run)
    wanted = uncalibrated(run).judge(Calibration(2.0).apply(plain.model.probabilities(tested.images)))
    plain.calibration = Calibration(2.0)
    assert plain.read_strips(tested.images) == wanted
    assert wanted != reader.read_strips(tested.images)


def test_the_surest_of_a_pictures_candidates_is_read(
    toys: Toys, tested: Strips, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(toys.run())
    alone = reader.read_strips(tested.images[:6])
    empty = np.zeros_like(tested.images[0])
    found = {0: [tested.images[0]], 1: [empty, tested.images[1]], 2: [tested.images[2], empty, empty]}
    monkeypatch.setattr("multidigit.pictures.candidates", lambda source, _slots: np.stack(found[source]))
    assert reader.read([0, 1, 2]) == alone[:3]  # type: ignore[list-item]


def test_threads_share_a_reader(toys: Toys, tested: Strips) -> None:
    reader = Reader(toys.run(), threads=1)
    # Batches of many sizes: between resizing and reading nobody else may step in.
    parts = [tested.images[i : i + 1 + i % 7] for i in range(60)]
    wanted = [reader.read_strips(part) for part in parts]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            assert list(pool.map(reader.read_strips, parts)) == wanted


@pytest.mark.parametrize("strategy", ["heads", "sigmoid", "cut"])
def test_litert_answers_as_the_network_does(toys: Toys, tested: Strips, strategy: str) -> None:
    import keras

    run = toys.run(strategy)
    network = make(run.settings).reading_model(keras.models.load_model(run.part(MODEL), compile=False))
    wanted = np.asarray(network(tested.images))
    found = Model(run.part(READER)).probabilities(tested.images)
    assert (found.shape, found.dtype) == ((len(tested), SLOTS, CLASSES), np.float32)
    assert np.abs(found - wanted).max() < 1e-5
    assert (found.argmax(-1) == tested.slots).all(1).mean() > 0.9


def test_batches_of_any_size_give_the_same(toys: Toys, tested: Strips) -> None:
    model = Model(toys.run().part(READER))
    alone = np.concatenate([model.probabilities(tested.images[i : i + 1]) for i in range(len(tested))])
    # Growing and shrinking, around the size at which batches are split.
    for size in (3, len(tested), BATCH + 1, BATCH, BATCH - 1, 1, 0):
        found = model.probabilities(tested.images[:size])
        assert found.shape == (size, SLOTS, CLASSES)
        assert np.allclose(found, alone[:size], atol=1e-5)
    # One strip differs from the next, or the order would not show.
    assert np.abs(alone[0] - alone[1]).max() > 0.1


def test_one_thread_reads_the_same(toys: Toys, tested: Strips) -> None:
    path = toys.run().part(READER)
    one, all_ = Model(path, threads=1), Model(path)
    assert np.allclose(one.probabilities(tested.images[:9]), all_.probabilities(tested.images[:9]), atol=1e-5)


def png(strip: NDArray[np.uint8]) -> bytes:
    data = BytesIO()
    Image.fromarray(strip).save(data, "PNG")
    return data.getvalue()


def test_a_picture_is_read_from_whatever_holds_it(toys: Toys, tested: Strips, tmp_path: Path) -> None:
    reader = Reader(toys.run())
    strip, text = tested.images[0], slots_to_text(tested.slots[0])
    path = tmp_path / "strip.png"
    path.write_bytes(png(strip))
    found = [reader.read(source) for source in (path, str(path), png(strip), BytesIO(png(strip)), strip)]
    found.append(reader.read(Image.open(path)))
    assert [reading.text for reading in found] == [text] * 6
    assert len({reading.confidence for reading in found}) == 1
    assert found[0] == reader.read_strips(strip[None])[0] == reader.look(strip).reading
    assert reader.read([path, strip]) == [found[0]] * 2
    assert reader.read(()) == []
    assert 0 < found[0].confidence <= 1
    assert len(found[0].digits) == len(text)


def test_a_run_is_found_by_folder_by_name_and_as_the_newest(
    toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(shutil.copytree(toys.run().path, tmp_path / "runs" / "toy"))
    monkeypatch.chdir(tmp_path)
    for name in (run.path, str(run.path), run.name, run):
        assert Reader(name).run.path.resolve() == run.path
    assert Reader().run.path.resolve() == run.path


@pytest.mark.parametrize("workers", [0, 2])
def test_many_pictures_keep_their_order_and_bad_ones_are_told(
    toys: Toys, tested: Strips, tmp_path: Path, workers: int
) -> None:
    count = BATCH + 6
    paths = [tmp_path / f"{index}.png" for index in range(count)]
    for path, strip in zip(paths, tested.images, strict=False):
        path.write_bytes(png(strip))
    bad = {2: b"", 5: b"no picture at all", BATCH: png(tested.images[0])[:60]}
    for index, data in bad.items():
        paths[index].write_bytes(data)
    paths[7].unlink()
    found = list(Reader(toys.run()).read_all(map(str, paths), workers))
    assert [path for path, _ in found] == list(map(str, paths))
    wrong = [index for index, (_, reading) in enumerate(found) if isinstance(reading, PictureError)]
    assert wrong == [2, 5, 7, BATCH]
    for index in wrong:
        assert str(paths[index]) in str(found[index][1])
    right = [
        isinstance(reading, Reading) and reading.text == slots_to_text(slots)
        for (_, reading), slots in zip(found, tested.slots, strict=False)
    ]
    assert sum(right) >= 0.9 * (count - 4)


def test_only_bad_pictures_are_read_too(toys: Toys, tmp_path: Path) -> None:
    reader = Reader(toys.run())
    assert [type(reading) for _, reading in reader.read_all([str(tmp_path / "none.png")])] == [PictureError]
    assert list(reader.read_all([])) == []


@pytest.mark.parametrize("kept", [0, 0.5, 0.99])
def test_a_damaged_model_file_is_an_expected_error(toys: Toys, tmp_path: Path, kept: float) -> None:
    data = toys.run().part(READER).read_bytes()
    path = tmp_path / "reader.tflite"
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(RunError, match=r"reader.tflite: LiteRT cannot load it \(.*\); export it again") as told:
        Model(path)
    assert "\n" not in str(told.value)


def test_a_missing_model_file_is_an_expected_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"reader\.tflite: LiteRT cannot load it"):
        Model(tmp_path / "reader.tflite")


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    import keras

    from multidigit.training.conversion import to_tflite

    cell = keras.Input((28, 28), dtype="uint8")
    model = keras.Model(cell, keras.layers.Softmax()(keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(cell))))
    (tmp_path / "other.tflite").write_bytes(to_tflite(model))
    with pytest.raises(
        RunError, match=r"expected a model from uint8 strips \(N, 28, 140\) .*received \[\[28, 28\], \[784\]\]"
    ):
        Model(tmp_path / "other.tflite")


WITHOUT_LITERT = """
import json, sys
sys.modules["ai_edge_litert"] = None
import numpy as np
from multidigit.reading.reader import Reader
strips = np.load(sys.argv[2])
found = Reader(sys.argv[1]).model.probabilities(strips)
np.save(sys.argv[3], found)
print(json.dumps("tensorflow" in sys.modules))
"""


def test_tensorflow_reads_where_litert_is_missing(toys: Toys, tested: Strips, tmp_path: Path) -> None:
    run, strips, found = toys.run(), tmp_path / "strips.npy", tmp_path / "found.npy"
    np.save(strips, tested.images[:5])
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_LITERT, str(run.path), str(strips), str(found)],
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) is True
    assert np.allclose(np.load(found), Model(run.part(READER)).probabilities(tested.images[:5]), atol=1e-5)


def test_the_shipped_reader_reads_drawn_strips(tmp_path: Path) -> None:
    from multidigit.settings import validate

    for layout in ("structured", "free"):
        settings: Any = validate({"digits": "drawn", "layout": layout, "seed": 11})
        strips = StripStream(settings).fixed("test", 200)
        found = Reader("shipped").read_strips(strips.images)
        texts = [slots_to_text(slots) for slots in strips.slots]
        assert np.mean([reading.text == text for reading, text in zip(found, texts, strict=True)]) >= 0.8
    assert np.array_equal(text_to_slots(texts[0]), strips.slots[0])
