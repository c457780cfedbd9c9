"""What is right and wrong with labelled pictures, before a minute of training is spent on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from multidigit.data.labels import Labelled, read_labels
from multidigit.data.parts import Fingerprint, fingerprint, near_duplicates, parts
from multidigit.data.strips import Counting, silent
from multidigit.digits import SPLITS, Split
from multidigit.errors import PictureError
from multidigit.labels import MOST_SLOTS

if TYPE_CHECKING:
    from multidigit.reading.reader import Reader, Reading

ALTERNATIVES = 20
"""Numbers among which a label is looked for, to see how likely it is."""
DOUBTED = 0.3
"""A label is doubtful where a reading that differs is surer than this, and by as much than the label."""
UNLIKE = 2.5
"""A picture is unlike the rest where a property of it is so many times further from the median than in nine of ten."""
FEWEST = 10
"""Pictures of a part below which it says next to nothing."""


@dataclass(frozen=True)
class Doubt:
    """A label that a confident reading contradicts.

    Attributes:
        labelled: the picture and its label.
        read: the reading.
        confidence: of that reading.
        doubt: how much surer the reading is than the label, 0 to 1.
    """

    labelled: Labelled
    read: str
    confidence: float
    doubt: float


@dataclass(frozen=True)
class Checked:
    """What was found.

    Attributes:
        pictures: how many have a label that fits.
        parts: how many of them are for what.
        lengths: numbers by their count of digits.
        classes: how often each digit, 0 to 9, occurs in each slot that any number fills.
        widths, heights: least, median and greatest, in pixels.
        left_out: how often each character besides digits was left out of labels.
        agreed: how many labels the reader reads as they stand, in the picture as a whole or in its surest row.
        faults: labels that do not fit, one line each.
        unreadable: pictures that cannot be read, one line each.
        crossing: near duplicates in different parts, which the table itself says they are for.
        duplicates: further near duplicates; they stay in one part.
        doubts: doubtful labels, the most doubtful first.
        unlike: pictures unlike the rest, and in what.
    """

    pictures: int
    parts: Mapping[Split, int]
    lengths: Mapping[int, int]
    classes: Sequence[Sequence[int]]
    widths: tuple[int, int, int]
    heights: tuple[int, int, int]
    left_out: Mapping[str, int]
    agreed: int
    faults: Sequence[str]
    unreadable: Sequence[str]
    crossing: Sequence[tuple[Path, Path]]
    duplicates: Sequence[tuple[Path, Path]]
    doubts: Sequence[Doubt]
    unlike: Sequence[tuple[Path, str]]

    @property
    def must_fix(self) -> list[str]:
        """What stands in the way of training, one line each."""
        found = [*self.faults, *self.unreadable]
        found += [f"{one} and {two} are nearly the same, but for different parts" for one, two in self.crossing]
        return found + [f"no picture is for {part}; label more" for part in SPLITS if not self.parts.get(part)]


def check(
    path: Path,
    slots: int = MOST_SLOTS,
    *,
    strict: bool = False,
    group: str | None = None,
    run: str = "shipped",
    counting: Counting = silent,
) -> Checked:
    """Look through labelled pictures.

    Args:
        path: see ``read_labels``.
        slots: the most digits of a number.
        strict: labels must be digits alone.
        group: see ``parts``.
        run: reads the pictures, to find labels that are wrong.
        counting: shows progress.

    Raises:
        DataError: there are no labelled pictures at all.
    """
    from multidigit.reading.reader import Reader

    faults: list[str] = []
    labels = read_labels(path, slots, strict, faults)
    pictures, unreadable = [], []
    doubted: list[Labelled] = []
    with counting("reading", len(labels.pictures)) as step:
        # Most labels are right, and of most pictures a glance tells so.
        for labelled, reading in _read(Reader(run), labels.pictures, at_a_glance=True):
            if isinstance(reading, PictureError):
                unreadable.append(str(reading))
            else:
                pictures.append(labelled)
            if isinstance(reading, PictureError) or reading.text == labelled.text:
                step()
            else:
                doubted.append(labelled)
        readings: list[tuple[Labelled, Reading]] = []
        for labelled, reading in _read(Reader(run, top=ALTERNATIVES), doubted):
            step()
            if not isinstance(reading, PictureError):
                readings.append((labelled, reading))
    prints = [fingerprint(labelled.path) for labelled in pictures]
    which = parts(pictures, prints, group)
    pairs = near_duplicates(pictures, prints)
    sizes = np.array([each.size for each in prints], int).reshape(-1, 2)
    return Checked(
        pictures=len(pictures),
        parts={part: which.count(part) for part in SPLITS},
        lengths=dict(sorted(Counter(len(each.text) for each in pictures).items())),
        classes=_classes([each.text for each in pictures]),
        widths=_range(sizes[:, 0]),
        heights=_range(sizes[:, 1]),
        left_out=labels.left_out,
        agreed=len(pictures) - sum(reading.text != labelled.text for labelled, reading in readings),
        faults=faults,
        unreadable=unreadable,
        crossing=[(pictures[one].path, pictures[two].path) for one, two in pairs if which[one] != which[two]],
        duplicates=[(pictures[one].path, pictures[two].path) for one, two in pairs if which[one] == which[two]],
        doubts=doubts(readings),
        unlike=_unlike(pictures, prints),
    )


def _read(
    reader: Reader, pictures: Sequence[Labelled], at_a_glance: bool = False
) -> Iterator[tuple[Labelled, Reading | PictureError]]:
    from multidigit.pictures.workers import useful_workers

    paths = (str(each.path) for each in pictures)
    read = reader.read_all(paths, useful_workers(len(pictures)), at_a_glance=at_a_glance)
    return ((labelled, reading) for labelled, (_, reading) in zip(pictures, read, strict=True))


def doubts(readings: Iterable[tuple[Labelled, Reading]]) -> list[Doubt]:
    """Labels that confident readings contradict, the most doubtful first."""
    found = []
    for labelled, reading in readings:
        if reading.text == labelled.text or not reading.text:
            continue
        own = next((each.confidence for each in reading.alternatives if each.text == labelled.text), 0.0)
        doubt = max(0.0, reading.confidence - own)
        if doubt >= DOUBTED:
            found.append(Doubt(labelled, reading.text, reading.confidence, doubt))
    return sorted(found, key=lambda each: -each.doubt)


def _classes(texts: Sequence[str]) -> list[list[int]]:
    slots = max(map(len, texts), default=0)
    counted = [Counter(text[slot] for text in texts if slot < len(text)) for slot in range(slots)]
    return [[found[digit] for digit in "0123456789"] for found in counted]


def _range(values: NDArray[np.int64]) -> tuple[int, int, int]:
    return (int(values.min()), int(np.median(values)), int(values.max())) if len(values) else (0, 0, 0)


def _unlike(pictures: Sequence[Labelled], prints: Sequence[Fingerprint]) -> list[tuple[Path, str]]:
    """Pictures whose shape, size, brightness or contrast is far from that of the others."""
    if len(pictures) < FEWEST:
        return []
    sizes = np.array([each.size for each in prints], float)
    light = np.array([each.light for each in prints], float)
    looks = {
        "shape": np.log(sizes[:, 0] / sizes[:, 1]),
        "size": np.log(sizes[:, 0] * sizes[:, 1]),
        "brightness": light[:, 0],
        "contrast": light[:, 1],
    }
    found = []
    for name, values in looks.items():
        away = np.abs(values - np.median(values))
        usual = max(float(np.quantile(away, 0.9)), 0.1 if name in ("shape", "size") else 5.0)
        found += [(pictures[int(place)].path, name) for place in np.flatnonzero(away > UNLIKE * usual)]
    return found
