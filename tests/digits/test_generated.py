"""What drawn and printed digits have in common: the same however they are asked for, balanced, legible in their box."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from multidigit.digits.base import SPLITS
from multidigit.digits.drawn import VERSION, Drawn
from multidigit.digits.generated import BATCH, BOX, Generated
from multidigit.digits.printed import Printed
from multidigit.errors import DataError

EVERY = np.arange(10, dtype=np.uint8).repeat(60)


@pytest.fixture(scope="module", params=[Drawn, Printed])
def kind(request: pytest.FixtureRequest) -> Iterator[type[Generated]]:
    return request.param


@pytest.fixture(scope="module")
def images(kind: type[Generated]) -> np.ndarray:
    return kind(100).draw(EVERY, [5])


def test_drawn_bytes_are_those_of_this_version() -> None:
    """After a change of the generator on purpose: raise VERSION and put the new digest here."""
    digits = Drawn(300).load("train", 1)
    digest = hashlib.sha256(digits.images.tobytes() + digits.labels.tobytes()).hexdigest()
    assert (VERSION, digest) == ("1", "2f9a988cbaa7192a48141e874f97cea1c07cffab57a91a56fbaaf1647c42b970")


def test_ink_is_bright_on_dark_in_its_box_and_centred(kind, images):
    assert (images.shape, images.dtype) == ((600, 28, 28), np.uint8)
    assert (images.max((1, 2)) > (150 if kind is Drawn else 80)).all()
    assert (images.reshape(600, -1).mean(1) < 128).all(), "more dark than bright"
    inked, spans = images > 0, []
    for axis in (1, 2):
        line = inked.any(axis)
        spans.append(28 - line.argmax(1) - line[:, ::-1].argmax(1))
        centre = (images.sum(axis, dtype=np.int64) * np.arange(28)).sum(1) / images.sum((1, 2), dtype=np.int64)
        assert np.abs(centre - 14).max() <= (0.5 if kind is Drawn else 1)
        assert (np.abs(centre - 14) <= 0.5).mean() > 0.99
    longer = np.maximum(*spans)
    assert longer.max() <= BOX
    assert np.median(longer) >= BOX - 2
    assert longer.min() >= BOX - 7, "soft edges and a glow take some of the room"


def test_an_image_depends_on_its_seed_label_and_number_alone(kind, images, monkeypatch):
    source = kind(7)
    assert (source.draw(EVERY[: BATCH + 3], [5]) == images[: BATCH + 3]).all()
    assert (source.draw(EVERY, [6]) != images).any((1, 2)).all()
    monkeypatch.setattr("multidigit.digits.generated.BATCH", 7)
    assert (source.draw(EVERY[:50], [5]) == images[:50]).all()


def test_another_process_draws_the_same_and_imports_nothing_heavy(kind, images):
    module = kind.__module__
    code = (
        f"import sys, numpy as np; from {module} import {kind.__name__};"
        f"images = {kind.__name__}().draw(np.arange(10, dtype=np.uint8).repeat(60)[:70], [5]);"
        "sys.stdout.buffer.write(images.tobytes());"
        "assert not {'scipy', 'tensorflow', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == images[:70].tobytes()


def test_splits_share_no_image_and_no_image_comes_twice(kind):
    pools = [kind(1500).load(split, 3) for split in SPLITS]
    assert [len(pool) for pool in pools] == [1500, 1000, 1000]
    seen = [image.tobytes() for pool in pools for image in pool.images]
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("count", [1, 9, 10, 434])
def test_digits_are_balanced_and_shuffled(kind, count):
    labels = kind(count).load("train", 0).labels
    counts = np.bincount(labels, minlength=10)
    assert counts.sum() == count
    assert np.ptp(counts) <= 1
    if count > 100:
        assert (np.diff(labels.astype(int)) % 10 == 1).mean() < 0.2
        assert (labels != kind(count).load("train", 1).labels).any()


@pytest.mark.parametrize("count", [0, -5])
def test_a_count_that_is_not_positive_is_refused(kind, count):
    with pytest.raises(DataError, match=f"must be positive; received {count}"):
        kind(count)
