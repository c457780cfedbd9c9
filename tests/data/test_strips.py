"""Own pictures as strips: cut where reading cuts, varied in training, measured as they are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers import Toys, drawing, encoded, write_pictures

from multidigit.data.stream import OwnStream, make_stream
from multidigit.data.strips import load_own, varied
from multidigit.errors import DataError
from multidigit.labels import slots_to_text
from multidigit.reading.reader import Reader
from multidigit.settings import DataSettings, validate
from multidigit.strips.stream import StripStream

PARTS = ("train", "train", "train", "validation", "test", "test")
TEXTS = ("47205", "90714", "318", "5724", "64", "20391")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six printed numbers on paper, and a file that is no picture."""
    write_pictures(tmp_path, TEXTS, PARTS, ["broken.png,1.5,train"])
    (tmp_path / "broken.png").write_text("no picture")
    return tmp_path


def test_strips_are_those_that_are_read(folder: Path) -> None:
    own = load_own(DataSettings(path=str(folder)), 8)
    assert [path.name for path in own.paths("train")] == ["0.png", "1.png", "2.png"]
    assert [path.name for path in own.paths("test")] == ["4.png", "5.png"]
    assert [Path(error.picture).name for error in own.skipped] == ["broken.png"]
    assert own.left_out == {".": 1}
    test = own.fixed("test")
    assert [slots_to_text(slots) for slots in test.slots] == ["64", "20391"]
    assert [reading.text for reading in Reader("shipped").read_strips(test.images)] == ["64", "20391"]
    # Read once in a process.
    assert load_own(DataSettings(path=str(folder)), 8) is own


def test_of_several_rows_the_labelled_one_is_taken(tmp_path: Path) -> None:
    picture = np.concatenate([drawing("5724", 44, (120, 400)), drawing("318", 44, (120, 400))])
    lines = ["image_path,text,split"]
    for part in ("train", "validation", "test"):
        (tmp_path / f"{part}.png").write_bytes(encoded(picture))
        lines.append(f"{part}.png,{318 if part == 'test' else 5724},{part}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    for slots in (5, 8):
        own = load_own(DataSettings(path=str(tmp_path)), slots)
        shown = [own.fixed(part).images[0] for part in ("validation", "test")]  # type: ignore[arg-type]
        wide = (8 - slots) * 14
        read = Reader("shipped").read_strips(np.stack([np.pad(each, ((0, 0), (wide, wide)), "edge") for each in shown]))
        assert [reading.text for reading in read] == ["5724", "318"]


def test_training_strips_vary_and_stay_readable(folder: Path) -> None:
    own = load_own(DataSettings(path=str(folder)), 8)
    drawn = own.draw(60, np.random.default_rng(0))
    assert drawn.images.shape == (60, 28, 224)
    assert len({image.tobytes() for image in drawn.images}) == 60
    assert {slots_to_text(slots) for slots in drawn.slots} == set(TEXTS[:3])
    read = [reading.text for reading in Reader("shipped").read_strips(drawn.images)]
    right = [text == slots_to_text(slots) for text, slots in zip(read, drawn.slots, strict=True)]
    assert np.mean(right) > 0.5
    again = own.draw(60, np.random.default_rng(0))
    assert np.array_equal(drawn.images, again.images)
    assert len(own.draw(0, np.random.default_rng(0))) == 0


def test_flat_strips_can_be_varied() -> None:
    for level in (0, 128, 255):
        assert varied(np.full((28, 140), level, np.uint8), np.random.default_rng(0)).shape == (28, 140)


@pytest.mark.usefixtures("small_world")
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_batches_mix_own_and_generated_strips(folder: Path, toys: Toys, share: float) -> None:
    settings = validate({"slots": 8, "digits": str(toys.npz), "data": {"path": str(folder), "share": share}})
    assert settings.layout.name == "scene"
    stream = make_stream(settings)
    assert isinstance(stream, OwnStream)
    batch = stream.batch(3, 40)
    assert len(batch) == 40
    own = sum(slots_to_text(slots) in TEXTS[:3] for slots in batch.slots)
    assert own == pytest.approx(40 * share, abs=12)
    assert np.array_equal(batch.images, make_stream(settings).batch(3, 40).images)
    assert [slots_to_text(slots) for slots in stream.fixed("validation", 99).slots] == ["5724"]
    assert len(stream.fixed("test", 99)) == 2
    # Of so few pictures confidence cannot be calibrated alone.
    assert len(stream.fixed("validation", 30, again=1)) == 31


def test_without_data_strips_are_generated(toys: Toys) -> None:
    assert type(make_stream(toys.settings())) is StripStream


def test_a_part_without_pictures_is_named(tmp_path: Path) -> None:
    (tmp_path / "12_a.png").write_bytes(encoded(drawing("12")))
    with pytest.raises(DataError, match=r"of 1 pictures 1 can be read, and none .* for (train|validation); label more"):
        load_own(DataSettings(path=str(tmp_path)), 5)


def test_no_picture_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "12_a.png").write_text("no picture")
    with pytest.raises(DataError, match=r"none of 1 pictures can be read; the first: .*12_a.png"):
        load_own(DataSettings(path=str(tmp_path)), 5)
