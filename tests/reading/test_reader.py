"""The reader: what it makes of probabilities and of rows, the options, sources of pictures, and what cannot be read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
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
from multidigit.pictures import RowBox, Seen, View
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
    reader.rows.calibration = Calibration()
    return reader


def test_readings_spell_the_likeliest_number(toys: Toys) -> None:
    probabilities = np.full((3, 5, CLASSES), 0.01, np.float32)
    probabilities[:, :, BLANK] = 0.9
    probabilities[0, :3] = one_hot(9, 7, 5)
    probabilities[1, 0] = one_hot(3)[0] * 0.5 + 0.5 / CLASSES
    first, second, third = uncalibrated(toys.run()).rows.judge(probabilities)
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
    (free,) = uncalibrated(toys.run(), top=3).rows.judge(probabilities)
    assert [other.text for other in free.alternatives] == ["123", "1234", "723"]
    options: list[tuple[dict[str, Any], str]] = [
        ({"length": 4}, "1234"),
        ({"length": "4-5"}, "1234"),
        ({"pattern": "7.*"}, "723"),
        ({"checksum": "luhn"}, "1230"),
    ]
    for known, text in options:
        (reading,) = uncalibrated(toys.run(), **known).rows.judge(probabilities)
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
    expected = plain.rows.judge(Calibration(2.0).apply(plain.model.probabilities(tested.images)))
    plain.rows.calibration = Calibration(2.0)
    assert plain.read_strips(tested.images) == expected
    assert expected != reader.read_strips(tested.images)


def shows(toys: Toys, *views: tuple[NDArray[np.uint8], RowBox | None, int]) -> Reader:
    """A reader to whom every picture of 300 × 200 pixels shows these strips: of what they are, where, and which row."""
    reader = uncalibrated(toys.run())
    seen = Seen((200, 300), tuple(View(strip[None], row, number) for strip, row, number in views))
    reader.looker = lambda grey: seen  # type: ignore[assignment]
    return reader


def test_strips_of_one_view_are_read_together(toys: Toys, sure: list[tuple[NDArray[np.uint8], Reading]]) -> None:
    (one, first), (two, second) = sure[:2]
    reader, found = uncalibrated(toys.run()), []
    for strips in ([one, one, one], [one, two], [two, one, one, one, one, one]):
        seen = Seen((200, 300), (View(np.stack(strips), HIGH),))
        reader.looker = lambda grey, seen=seen: seen  # type: ignore[assignment,misc]
        found.append(reader.read(PICTURE))
    same, doubtful, outvoted = found
    assert (same.text, same.confidence) == (first.text, pytest.approx(first.confidence, abs=1e-4))
    assert doubtful.confidence < min(first.confidence, second.confidence)
    assert outvoted.text == first.text


PICTURE = np.zeros((200, 300), np.uint8)
WHOLE = RowBox(150, 100, 300, 200)
HIGH, LOW = RowBox(90, 40, 100, 20, 0.1, 0.9), RowBox(80, 150, 90, 20, 0, 0.8)
BESIDE = RowBox(200, 151, 50, 20, 0, 0.7)


@pytest.fixture(scope="module")
def sure(toys: Toys, tested: Strips) -> list[tuple[NDArray[np.uint8], Reading]]:
    """Strips that are read with confidence, no two the same number, and their readings."""
    found = uncalibrated(toys.run()).read_strips(tested.images)
    kept = {
        reading.text: (strip, reading)
        for strip, reading in zip(tested.images, found, strict=True)
        if reading.confidence > 0.7
    }
    return list(kept.values())


def test_rows_are_told_with_their_boxes_and_how_many_others_there_are(
    toys: Toys, sure: list[tuple[NDArray[np.uint8], Reading]]
) -> None:
    (one, two, three), plain = zip(*sure[:3], strict=True)
    empty = np.zeros_like(one)
    reader = shows(toys, (one, HIGH, 0), (two, BESIDE, 1), (three, LOW, 2), (empty, replace(LOW, confidence=0.01), 3))
    boxes = {plain[0].text: HIGH, plain[1].text: BESIDE, plain[2].text: LOW}
    surest = max(plain, key=lambda reading: reading.confidence * boxes[reading.text].confidence)
    assert reader.read(PICTURE) == replace(surest, box=boxes[surest.text], others=2)
    rows = reader.read_rows(PICTURE)
    # From the top down: of those beside each other the middles count.
    assert [row.text for row in rows] == [plain[0].text, plain[2].text, plain[1].text]
    assert [row.box for row in rows] == [HIGH, LOW, BESIDE]
    assert {row.others for row in rows} == {2}
    (alone,) = shows(toys, (one, None, 0)).read_rows(PICTURE)
    assert alone == replace(plain[0], box=WHOLE)
    # Where no row holds a number there is one reading all the same.
    (none,) = shows(toys, (empty, None, 0), (empty, replace(LOW, confidence=0.01), 1)).read_rows(PICTURE)
    assert none.box in (WHOLE, replace(LOW, confidence=0.01))
    assert none.others == 0


def test_views_of_one_row_that_disagree_lower_confidence(
    toys: Toys, sure: list[tuple[NDArray[np.uint8], Reading]]
) -> None:
    (one, first), (two, second) = sure[:2]
    agreed = shows(toys, (one, None, 0), (one, HIGH, 0)).read(PICTURE)
    assert agreed == replace(first, box=WHOLE)
    for views in ([(one, None, 0), (two, HIGH, 0)], [(two, None, 0), (one, HIGH, 0)]):
        reading = shows(toys, *views).read(PICTURE)
        own, rival = (first, second) if reading.text == first.text else (second, first)
        assert reading.confidence == pytest.approx(own.confidence * (1 - rival.confidence**2))
        assert reading.others == 0
    reader = shows(toys, (one, None, 0), (two, HIGH, 0))
    reader.rows.threshold = 0.6
    assert reader.read(PICTURE).withheld


def test_digits_one_above_another_are_unsure(toys: Toys, sure: list[tuple[NDArray[np.uint8], Reading]]) -> None:
    single = [strip for strip, reading in sure if len(reading.text) == 1]
    boxes = [RowBox(100, 40 + 30 * place, 12, 20) for place in range(3)]
    column = [(strip, box, place) for place, (strip, box) in enumerate(zip(single, boxes, strict=False))]
    assert len(column) == 3
    assert all(reading.confidence < 0.5 for reading in shows(toys, *column).read_rows(PICTURE))
    beside = [(strip, replace(box, x=40 + 60 * place), place) for strip, box, place in column]
    assert all(reading.confidence > 0.7 for reading in shows(toys, *beside).read_rows(PICTURE))


def test_numbers_that_are_too_long_are_told(toys: Toys) -> None:
    probabilities = np.full((2, 5, CLASSES), 0.01, np.float32)
    probabilities[0] += 0.89 * one_hot(BLANK, 2, 3, 4, 5)
    probabilities[1] += 0.89 * one_hot(1, 2, 3, 4, 5)
    long, fits = uncalibrated(toys.run()).rows.judge(probabilities)
    assert (long.too_long, fits.too_long) == (True, False)
    assert long.confidence < 0.1
    assert fits.confidence > 0.5


def test_every_way_of_reading_reads_the_same_strip(toys: Toys, tested: Strips, tmp_path: Path) -> None:
    reader = shows(toys, (tested.images[0], None, 0), (tested.images[1], HIGH, 0), (tested.images[2], LOW, 1))
    path = tmp_path / "picture.png"
    path.write_bytes(encoded(PICTURE))
    reading, look = reader.read(path), reader.look(path)
    assert [*reader.read_all([str(path)])] == [(str(path), reading)]
    assert [*reader.read_all([str(path)], every_row=True)] == [(str(path), row) for row in reader.read_rows(path)]
    assert look.reading == reading
    assert look.rows == (HIGH, LOW)
    assert look.reading.box == (look.view.row or WHOLE)
    assert np.array_equal(look.grey, PICTURE)
    (alone,) = reader.read_strips(look.view.strip[None])
    assert alone.text == reading.text
    assert look.probabilities.argmax(-1)[: len(alone.text)].tolist() == [int(digit) for digit in alone.text]


def test_attention_is_where_a_digit_is(toys: Toys, tested: Strips) -> None:
    reader = uncalibrated(toys.run("cut"))
    strip = next(strip for strip, slots in zip(tested.images, tested.slots, strict=True) if BLANK not in slots)
    look = reader.look(strip)
    assert (look.attention.shape, look.attention.dtype) == ((5, 140), np.float32)
    assert 0 <= look.attention.min()
    assert look.attention.max() <= 1
    # Structured strips have a digit in each cell.
    assert [int(np.argmax(band)) // CELL for band in look.attention] == [0, 1, 2, 3, 4]


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
    assert found[0] == reader.look(strip).reading
    assert found[0] == replace(reader.read_strips(strip[None])[0], box=RowBox(70, 14, 140, 28))
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
    found = Reader("shipped").read(list(strips.images))
    texts = [slots_to_text(slots) for slots in strips.slots]
    assert np.mean([reading.text == text for reading, text in zip(found, texts, strict=True)]) >= 0.75
