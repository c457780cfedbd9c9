"""Labelled pictures -> strips to train on and to judge by, cut out of them as reading cuts them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from multidigit.data.labels import PART, Labelled, read_labels
from multidigit.data.parts import fingerprint, parts
from multidigit.digits import SPLITS, Split
from multidigit.errors import DataError, PictureError, join_words
from multidigit.labels import CELL, row_slots
from multidigit.settings import DataSettings
from multidigit.strips.compose import Strips

if TYPE_CHECKING:
    from multidigit.pictures import Seen
    from multidigit.reading.reader import Reader

SHIFT, SCALE, ASPECT, LEAN, TURN = (10.0, 5.0), 0.25, 0.25, 0.4, 0.08
"""How much training strips vary, at most: columns and rows moved, size, width by height, columns a row, radians. Of
twenty pictures of one kind it made more than all else that was tried."""
CONTRAST, GAMMA, GRAIN = (0.5, 1.1), (0.7, 1.4), 8.0


@dataclass(frozen=True)
class OwnPicture:
    """A labelled picture as strips.

    Attributes:
        labelled: where it is, and its number.
        part: what it is for.
        strips: ``uint8`` (K, 28, 28·slots) of the row that shows the number; the first is the one to judge by.
        seen: all that reading sees in it.
    """

    labelled: Labelled
    part: Split
    strips: NDArray[np.uint8]
    seen: Seen


class OwnStrips:
    """A user's labelled pictures as strips.

    Args:
        pictures: all of them.
        slots: of the strips.
        skipped: why others cannot be read.
        left_out: how often each character besides digits was left out of labels.
    """

    def __init__(
        self,
        pictures: Sequence[OwnPicture],
        slots: int,
        skipped: tuple[PictureError, ...] = (),
        left_out: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.slots, self.skipped, self.left_out = slots, skipped, left_out
        self._of: Mapping[Split, list[OwnPicture]] = {
            split: [picture for picture in pictures if picture.part == split] for split in SPLITS
        }

    def paths(self, split: Split) -> list[Path]:
        """The pictures of a part."""
        return [picture.labelled.path for picture in self._of[split]]

    def seen(self, split: Split) -> list[Seen]:
        """What reading sees in the pictures of a part."""
        return [picture.seen for picture in self._of[split]]

    def fixed(self, split: Split) -> Strips:
        """A part to judge by, one strip a picture."""
        own = self._of[split]
        return Strips(np.stack([picture.strips[0] for picture in own]), self._slots(own))

    def draw(self, count: int, rng: np.random.Generator) -> Strips:
        """Training strips: pictures at random, bent, moved, lit and turned to their negatives at random."""
        own = [self._of["train"][place] for place in rng.integers(len(self._of["train"]), size=count)]
        images = [varied(picture.strips[rng.integers(len(picture.strips))], rng) for picture in own]
        return Strips(
            np.stack(images) if images else np.empty((0, CELL, CELL * self.slots), np.uint8), self._slots(own)
        )

    def _slots(self, own: Sequence[OwnPicture]) -> NDArray[np.uint8]:
        rows = [row_slots(picture.labelled.text, self.slots) for picture in own]
        return np.stack(rows) if rows else np.empty((0, self.slots), np.uint8)


def varied(strip: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A strip as another picture of the same row would give it, ``uint8`` (28, W)."""
    import cv2

    rows, columns = strip.shape
    size = 1 + rng.uniform(-SCALE, SCALE)
    wide = size * (1 + rng.uniform(-ASPECT, ASPECT))
    lean, turn = rng.uniform(-LEAN, LEAN), rng.uniform(-TURN, TURN)
    matrix = np.array([[wide, lean], [0, size]]) @ np.array(
        [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    )
    middle = np.array([columns / 2, rows / 2])
    moved = rng.uniform(-1, 1, 2) * SHIFT
    affine = np.hstack([matrix, (middle + moved - matrix @ middle)[:, None]])
    levels = cv2.warpAffine(strip, affine, (columns, rows), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    light = np.asarray((levels / np.float32(255)) ** np.float32(rng.uniform(*GAMMA)), np.float32)
    contrast = rng.uniform(*CONTRAST)
    # What contrast leaves free of the range is shared out between black and white.
    light = light * np.float32(contrast) + np.float32((1 - contrast) * rng.uniform())
    if rng.random() < 0.25:
        light = np.asarray(cv2.GaussianBlur(light, (0, 0), rng.uniform(0.3, 0.9)), np.float32)
    if rng.random() < 0.5:
        light = light + rng.standard_normal(light.shape, np.float32) * np.float32(rng.uniform(0, GRAIN) / 255)
    if rng.random() < 0.5:
        light = 1 - light
    return np.clip(light * 255 + 0.5, 0, 255).astype(np.uint8)


_loaded: dict[tuple[DataSettings, int, int], OwnStrips] = {}


@contextmanager
def silent(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Shows no progress."""
    yield lambda: None


Counting: TypeAlias = "Callable[[str, int], AbstractContextManager[Callable[[], None]]]"
"""Shows progress over so many things, such as ``cli.progress.counting``; gives what to call after each."""


def load_own(data: DataSettings, slots: int, seed: int = 0, counting: Counting = silent) -> OwnStrips:
    """The pictures that the settings name; read once in a process.

    Args:
        data: where they are, and how they are divided.
        slots: of the strips.
        seed: turns the parts, see ``parts``.
        counting: shows progress.

    Raises:
        DataError: labels do not fit, no picture can be read, or a part has none.
    """
    key = data, slots, seed
    if key not in _loaded:
        _loaded.clear()
        _loaded[key] = _load(*key, counting)
    return _loaded[key]


def _load(data: DataSettings, slots: int, seed: int, counting: Counting) -> OwnStrips:
    from multidigit.pictures import Looker
    from multidigit.pictures.workers import seen_in, useful_workers
    from multidigit.reading.reader import Reader

    read = read_labels(Path(data.path), slots, data.strict)
    labels, total = read.pictures, len(read.pictures)
    which = parts(labels, [fingerprint(labelled.path) for labelled in labels], data.group, seed)
    reader = Reader("shipped")
    looker = Looker(slots, False, reader.looker.finder)
    found: list[OwnPicture] = []
    skipped: list[PictureError] = []
    paths = (str(labelled.path) for labelled in labels)
    with counting("looking", total) as step, closing(seen_in(paths, useful_workers(total), looker)) as pictures:
        for labelled, part, (_, seen) in zip(labels, which, pictures, strict=True):
            if isinstance(seen, PictureError):
                skipped.append(seen)
            else:
                found.append(OwnPicture(labelled, part, _showing(seen, labelled.text, reader), seen))
            step()
    if not found:
        raise DataError(f"{data.path}: none of {total} pictures can be read; the first: {skipped[0]}")
    own = OwnStrips(found, slots, tuple(skipped), read.left_out)
    for split in SPLITS:
        if not own.paths(split):
            raise DataError(
                f"{data.path}: of {total} pictures {len(found)} can be read, and none of these is for {split}; label "
                f"more, or say in a column {PART} which are for {join_words(SPLITS)}"
            )
    return own


def _showing(seen: Seen, text: str, reader: Reader) -> NDArray[np.uint8]:
    """Strips of the row that shows a number most likely; those cut out of the row come first."""
    number = 0
    if len({view.number for view in seen.views}) > 1 and seen.views[0].strip.shape[1] <= CELL * reader.model.slots:
        wide = CELL * reader.model.slots
        strips = [_widened(view.strips, wide) for view in seen.views]
        judged = reader.rows.judge_views(reader.model.probabilities(np.concatenate(strips)), list(map(len, strips)))
        alike = [SequenceMatcher(None, text, each.whole.text, False).ratio() for each in judged]
        best = max(range(len(alike)), key=lambda place: (alike[place], -seen.views[place].number))
        number = seen.views[best].number
    views = sorted((view for view in seen.views if view.number == number), key=lambda view: view.row is None)
    return np.concatenate([view.strips for view in views])


def _widened(strips: NDArray[np.uint8], wide: int) -> NDArray[np.uint8]:
    """Strips with flat ends, ``wide`` columns in all."""
    before = (wide - strips.shape[2]) // 2
    ends = ((0, 0), (before, wide - strips.shape[2] - before))
    return np.stack([np.pad(strip, ends, constant_values=np.uint8(np.median(strip))) for strip in strips])
