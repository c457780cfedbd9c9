"""The reader: what it makes of probabilities, the options, where pictures come from, and what cannot be read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Toys, encoded, write_model
from numpy.typing import NDArray
from PIL import Image

from multidigit.errors import PictureError, RunError, SettingsError
from multidigit.labels import BLANK, CELL, CLASSES, slots_to_text
from multidigit.reading.calibration import Calibration, read_calibration
from multidigit.reading.inference import BATCH
from multidigit.reading.reader import Alternative, Reader, Reading
from multidigit.runs import LITERT_MODEL, METRICS, SETTINGS, Run, RunWriter
from multidigit.settings import to_yaml, validate
from multidigit.strips.compose import Strips
from multidigit.strips.stream import StripStream


@pytest.fixture(scope="module")
def tested(toys: Toys) -> Strips:
    """Strips that the toy runs read right."""
    return StripStream(toys.settings()).fixed("test", 2 * BATCH + 3)


def one_hot(*slots: int) -> NDArray[np.float32]:
    return np.eye(CLASSES, dtype=np.float32)[list(slots)]


def uncalibrated(run: Run, **options: Any) -> Reader:
    """A reader that takes the network's probabilities as they are."""
    reader = Reader(run, **options)
    reader.calibration = Calibration()
    return reader


def test_readings_spell_the_likeliest_number(toys: Toys) -> None:
    probabilities = np.full((3, 5, CLASSES), 0.01, np.float32)
    probabilities[:, :, BLANK] = 0.9
    probabilities[0, :3] = one_hot(9, 7, 5)
    probabilities[1, 0] = one_hot(3)[0] * 0.5 + 0.5 / CLASSES
    first, second, third = uncalibrated(toys.run()).judge(probabilities)
    assert (first.text, first.digits, first.withheld) == ("975", (1.0, 1.0, 1.0), False)
    assert first.confidence == pytest.approx(0.9**2)
    assert first.alternatives == (Alternative("975", first.confidence),)
    assert (second.text, second.digits) == ("3", pytest.approx((0.5 + 0.5 / CLASSES,)))
    assert second.confidence == pytest.approx(0.9**4 * (0.5 + 0.5 / CLASSES))
    # Likelier empty than any number: no text, but the best guess is given, with its own confidence.
    assert (third.text, third.digits) == ("", ())
    assert third.confidence == pytest.approx(0.01 * 0.9**4)
    assert third.alternatives[0].text == "0"


def test_what_is_known_of_the_number_decides(toys: Toys) -> None:
    probabilities = np.full((1, 5, CLASSES), 1e-6, np.float32)
    probabilities[0] += 0.9 * one_hot(1, 2, 3, BLANK, BLANK) + 0.1 * one_hot(7, 2, 3, 4, BLANK)
    (free,) = uncalibrated(toys.run(), top=3).judge(probabilities)
    assert [other.text for other in free.alternatives] == ["123", "1234", "723"]
    options: list[tuple[dict[str, Any], str]] = [
        ({"length": 4}, "1234"),
        ({"length": "4-5"}, "1234"),
        ({"pattern": "7.*"}, "723"),
        ({"checksum": "luhn"}, "1230"),
    ]
    for known, text in options:
        (reading,) = uncalibrated(toys.run(), **known).judge(probabilities)
        assert reading.text == text
        assert reading.confidence > {other.text: other.confidence for other in free.alternatives}.get(text, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": "6"}, "length must be .*; received '6'"),
        ({"pattern": "["}, r"pattern must be .*; received \["),
        ({"checksum": "none"}, "checksum must be .*; received 'none'"),
        ({"top": 0}, "top must be .*; received 0"),
        ({"top": 1.5}, r"top must be .*; received 1\.5"),
        ({"threads": 0}, "threads must be a whole number from 1; received 0"),
        ({"threads": -2}, "threads must be .*; received -2"),
        ({"threads": "2"}, "threads must be .*; received '2'"),
        ({"threads": True}, "threads must be .*; received True"),
        ({"precision": "int4"}, "precision must be float or int8; received 'int4'"),
        ({"precision": 8}, "precision must be .*; received 8"),
        ({"at_least": 1.5}, r"at_least must .*; received 1\.5"),
        ({"at_least": "0.98"}, r"at_least must .*; received '0\.98'"),
    ],
)
def test_wrong_arguments(toys: Toys, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=f"^{message}") as caught:
        Reader(toys.run(), **options)
    assert "\n" not in str(caught.value)
    assert "--" not in str(caught.value)


def run_of_slots(path: Path, slots: int, of_model: int) -> Run:
    """A run of an untrained model, which may be of another number of slots."""
    settings = validate({"slots": slots, "digits": "drawn"})
    with RunWriter(path) as writer:
        write_model(writer.aside / LITERT_MODEL, (CELL, CELL * of_model), (of_model, CLASSES))
        writer.text(SETTINGS, to_yaml(settings))
        writer.json(METRICS, {})
        return writer.finish(settings)


@pytest.mark.parametrize("slots", [1, 3, 12])
def test_pictures_are_read_with_the_slots_of_the_run(tmp_path: Path, slots: int) -> None:
    reader = Reader(run_of_slots(tmp_path / "run", slots, slots), length=slots, top=2)
    strip = StripStream(reader.run.settings).fixed("test", 1).images[0]
    assert strip.shape == (CELL, CELL * slots)
    reading = reader.read(strip)
    assert [len(other.text) for other in reading.alternatives] == [slots] * 2
    path = tmp_path / "strip.png"
    path.write_bytes(encoded(strip))
    assert list(reader.read_all([str(path)])) == [(str(path), reading)]
    with pytest.raises(SettingsError, match=rf"^length must be .* 1 to {slots}, "):
        Reader(reader.run, length=slots + 1)


def test_a_model_of_other_slots_than_its_run(tmp_path: Path) -> None:
    run = run_of_slots(tmp_path / "run", 5, 3)
    with pytest.raises(RunError, match=r"reader.tflite: the model must read 5 slots, as its run; received 3; restore"):
        Reader(run)


def test_a_run_without_a_model_in_8_bits(toys: Toys) -> None:
    with pytest.raises(RunError, match="a model in 8 bits; received a run without one; read with precision") as caught:
        Reader(toys.run(), precision="int8")
    assert " --" not in str(caught.value), "options of the command line are not Python's"


def test_answers_that_are_not_certain_enough_are_withheld(toys: Toys, tested: Strips) -> None:
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
    expected = plain.judge(Calibration(2.0).apply(plain.model.probabilities(tested.images)))
    plain.calibration = Calibration(2.0)
    assert plain.read_strips(tested.images) == expected
    assert expected != reader.read_strips(tested.images)


def test_the_most_confident_candidate_of_a_picture_is_read(
    toys: Toys, tested: Strips, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(toys.run())
    alone = reader.read_strips(tested.images[:6])
    empty = np.zeros_like(tested.images[0])
    found = {0: [tested.images[0]], 1: [empty, tested.images[1]], 2: [tested.images[2], empty, empty]}
    monkeypatch.setattr("multidigit.pictures.candidates", lambda source, slots: np.stack(found[source]))
    assert reader.read([0, 1, 2]) == alone[:3]  # type: ignore[list-item]


def test_threads_share_a_reader(toys: Toys, tested: Strips) -> None:
    reader = Reader(toys.run(), threads=1)
    # Batches of many sizes: between resizing and reading no other thread may step in.
    parts = [tested.images[i : i + 1 + i % 7] for i in range(40)]
    expected = [reader.read_strips(part) for part in parts]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(2):
            assert list(pool.map(reader.read_strips, parts)) == expected


def test_all_sources_of_a_picture_read_the_same(toys: Toys, tested: Strips, tmp_path: Path) -> None:
    reader = Reader(toys.run())
    strip, text = tested.images[0], slots_to_text(tested.slots[0])
    path = tmp_path / "strip.png"
    path.write_bytes(encoded(strip))
    found = [reader.read(source) for source in (path, str(path), encoded(strip), BytesIO(encoded(strip)), strip)]
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
    run = toys.run()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / run.name).symlink_to(run.path)
    monkeypatch.chdir(tmp_path)
    for name in (run.path, str(run.path), run.name, run, None):
        assert Reader(name).run.path.resolve() == run.path.resolve()


@pytest.mark.parametrize("workers", [0, 2])
def test_many_pictures_keep_their_order_and_bad_ones_are_errors(
    toys: Toys, tested: Strips, tmp_path: Path, workers: int
) -> None:
    count = BATCH + 6
    paths = [tmp_path / f"{index}.png" for index in range(count)]
    for path, strip in zip(paths, tested.images, strict=False):
        path.write_bytes(encoded(strip))
    for index, data in {2: b"", 5: b"no picture at all", BATCH: encoded(tested.images[0])[:60]}.items():
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


def test_only_bad_pictures(toys: Toys, tmp_path: Path) -> None:
    reader = Reader(toys.run())
    assert [type(reading) for _, reading in reader.read_all([str(tmp_path / "none.png")])] == [PictureError]
    assert list(reader.read_all([])) == []


@pytest.mark.parametrize("layout", ["structured", "free"])
def test_the_shipped_reader_reads_drawn_strips(layout: str) -> None:
    settings = validate({"digits": "drawn", "layout": layout, "seed": 11})
    strips = StripStream(settings).fixed("test", 200)
    found = Reader("shipped").read_strips(strips.images)
    texts = [slots_to_text(slots) for slots in strips.slots]
    assert np.mean([reading.text == text for reading, text in zip(found, texts, strict=True)]) >= 0.8
