"""Which labelled pictures are for training, which for validation and which for the test: by their content."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from multidigit.data.labels import Labelled
from multidigit.digits import Split
from multidigit.errors import DataError, PictureError

LIMITS: tuple[tuple[float, Split], ...] = ((4 / 6, "train"), (5 / 6, "validation"), (1.0, "test"))
"""Each part takes the shares up to its limit."""
TESTED = 1 / 6
"""The test part's share, by which each seed turns the parts."""
KEPT = 0.8
"""Share of training pictures that stay so where a table names none for validation."""
SIDE = 16
"""Rows and columns of a fingerprint."""
NEAR = 12
"""Bits, of 256, in which the fingerprints of two pictures of the same thing differ at most."""


@dataclass(frozen=True)
class Fingerprint:
    """What a file's content says of its place.

    Attributes:
        digest: of the file's bytes: the same for the same file, whatever it is called.
        bits: ``bool`` (256,), whether a pixel of the shrunk picture is brighter than the one at its left (the
            difference hash of Krawetz 2013); all ``False`` for what is no picture.
        size: columns and rows; 1 and 1 for what is no picture.
        light: mean and standard deviation of the grey levels of the shrunk picture.
    """

    digest: bytes
    bits: NDArray[np.bool_]
    size: tuple[int, int] = (1, 1)
    light: tuple[float, float] = (0.0, 0.0)


def fingerprint(path: Path) -> Fingerprint:
    """The fingerprint of a picture file; what is no picture has one, too."""
    from multidigit.pictures.loading import open_picture, picture_bytes

    try:
        data = picture_bytes(path)
    except PictureError:
        data = b""
    digest = hashlib.sha256(data).digest()
    try:
        with open_picture(data) as picture:
            size = picture.size
            picture.draft("L", (4 * SIDE, 4 * SIDE))  # decodes a large JPEG at a fraction of its size
            small = np.asarray(picture.convert("L").resize((SIDE + 1, SIDE), Image.Resampling.BOX), np.int16)
    except Exception:  # Pillow raises nearly anything for damaged files
        return Fingerprint(digest, np.zeros(SIDE * SIDE, np.bool_))
    light = (float(small.mean()), float(small.std()))
    return Fingerprint(digest, (small[:, 1:] > small[:, :-1]).ravel(), size, light)


def near_duplicates(pictures: Sequence[Labelled], prints: Sequence[Fingerprint]) -> list[tuple[int, int]]:
    """Pairs of pictures with the same number and nearly the same fingerprint, each later one with the first like it."""
    alike: dict[str, list[int]] = defaultdict(list)
    for place, picture in enumerate(pictures):
        alike[picture.text].append(place)
    found = []
    for places in alike.values():
        bits = np.stack([prints[place].bits for place in places])
        for later in range(1, len(places)):
            near = np.flatnonzero((bits[:later] != bits[later]).sum(1) <= NEAR)
            if len(near):
                found.append((places[int(near[0])], places[later]))
    return found


def parts(
    pictures: Sequence[Labelled], prints: Sequence[Fingerprint], group: str | None = None, seed: int = 0
) -> list[Split]:
    """The part of each picture.

    A picture's content decides, so that it stays where it is when others join. Pictures of one group, and near
    duplicates, stay together; what a table says comes first. Where it tells train from test alone, a fifth of what it
    names for training is for validation.

    Args:
        pictures: with their labels.
        prints: their fingerprints.
        group: a regular expression; pictures in whose paths it finds the same text (its first group, if it has one)
            belong together, as those of one writer or device.
        seed: turns the parts: with 0 to 5 every picture is for the test once, as in cross-validation.

    Raises:
        DataError: the expression is none, or finds nothing in a path.
    """
    first = list(range(len(pictures)))

    def root(place: int) -> int:
        while first[place] != place:
            first[place] = first[first[place]]
            place = first[place]
        return place

    for one, two in [*near_duplicates(pictures, prints), *_grouped(pictures, group)]:
        first[root(two)] = root(one)
    named: dict[int, Split] = {}
    least: dict[int, bytes] = {}
    for place, picture in enumerate(pictures):
        top = root(place)
        least[top] = min(least.get(top, prints[place].digest), prints[place].digest)
        if picture.part:
            named.setdefault(top, picture.part)
    halved = {picture.part for picture in pictures} == {"train", "test"}
    found: list[Split] = []
    for place, picture in enumerate(pictures):
        share = (_share(least[root(place)]) + seed * TESTED) % 1
        drawn: Split = next(part for limit, part in LIMITS if share < limit)
        part: Split = picture.part or named.get(root(place)) or drawn
        # By another hash: tables are also made of what the first one left for training.
        kept = not halved or part != "train" or _share(least[root(place)] + b"validation") < KEPT
        found.append(part if kept else "validation")
    return found


def _share(digest: bytes) -> float:
    """0 to 1, evenly; the least digest of many is small, but what it is hashed to is anything."""
    return int.from_bytes(hashlib.sha256(digest).digest()[:8], "big") / 2**64


def _grouped(pictures: Sequence[Labelled], group: str | None) -> list[tuple[int, int]]:
    if group is None:
        return []
    try:
        rule = re.compile(group)
    except re.error as error:
        raise DataError(f"data.group: not a regular expression ({error}); received {group!r}") from None
    seen: dict[str, int] = {}
    pairs = []
    for place, picture in enumerate(pictures):
        found = rule.search(picture.path.as_posix())
        if not found:
            raise DataError(f"{picture.where}: data.group {group!r} finds nothing in {picture.path}")
        pairs.append((seen.setdefault(found[1] if rule.groups else found[0], place), place))
    return pairs
