"""Effects: what paper, pens, forms, cameras and files do to a number before a program sees it.

An effect changes only the strips that chance chooses for it; how often and how strongly is set by a preset and, effect
by effect, over it. Strength 1 is a marked case of what is met in practice, 2 the most; 0 changes nothing.

Random numbers are consumed in an order that never changes, so that a strip depends only on its place in the stream, not
on how many strips are asked for or worked on at once, nor on which other effects are on:

1. a seed for the random bytes of each effect, in the order of ``EFFECTS``;
2. for each strip in turn, one row of numbers: for each effect, in the same order, whether it is applied, how strongly,
   and its dice;
3. from an effect's own seed, its random bytes, for each strip in turn that it is applied to.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from multidigit.settings import EffectsSettings, Preset
from multidigit.strips.effects.base import Chosen, Effect, lattice_bytes
from multidigit.strips.effects.camera import (
    blur,
    levels,
    low_resolution,
    motion,
    noise,
    noise_bytes,
    perspective,
    specks,
)
from multidigit.strips.effects.compression import jpeg
from multidigit.strips.effects.ink import BLOB_STEP, BREAK_STEP, blobs, breaks, contrast, lines, neighbours
from multidigit.strips.effects.surface import light, paper, paper_bytes
from multidigit.strips.pixels import ONE, Images

__all__ = ["EFFECTS", "PRESETS", "Chance", "Effects", "chances"]

CHUNK = 64
"""Strips worked on at a time: small enough for their arrays to stay in the processor's cache."""

# In the order in which they come about: what is written and printed, the page, the light, the camera, the file, and
# what reading makes of it.
EFFECTS: dict[str, Effect] = {
    "neighbours": Effect(neighbours, dice=9),
    "breaks": Effect(breaks, dice=1, grain=partial(lattice_bytes, BREAK_STEP)),
    "blobs": Effect(blobs, dice=7, grain=partial(lattice_bytes, BLOB_STEP)),
    "contrast": Effect(contrast, dice=1),
    "lines": Effect(lines, dice=8),
    "perspective": Effect(perspective, dice=4),
    "paper": Effect(paper, dice=6, grain=paper_bytes),
    "light": Effect(light, dice=7),
    "blur": Effect(blur),
    "motion": Effect(motion, dice=1),
    "low_resolution": Effect(low_resolution, dice=1),
    "noise": Effect(noise, dice=1, grain=noise_bytes),
    "specks": Effect(specks, dice=2, grain=noise_bytes),
    "jpeg": Effect(jpeg),
    "levels": Effect(levels, dice=2),
}


class Chance(NamedTuple):
    """How often an effect is applied, and how strongly."""

    probability: float
    weakest: float
    strongest: float


# Probability, then weakest and strongest; an effect that a preset does not name is off.
PRESETS: dict[Preset, dict[str, Chance]] = {
    # Strips as they are composed.
    "none": {},
    # A number typed or written on a screen, or a careful scan: only softer and fainter here and there.
    "clean": {
        "contrast": Chance(0.5, 0.0, 0.5),
        "blur": Chance(0.5, 0.0, 0.7),
    },
    # Forms and letters from a scanner or copier: worn and run ink, ruled lines, paper, dust.
    "scan": {
        "breaks": Chance(0.3, 0.2, 1.0),
        "blobs": Chance(0.15, 0.1, 0.6),
        "contrast": Chance(0.4, 0.0, 0.7),
        "lines": Chance(0.3, 0.3, 1.5),
        "perspective": Chance(0.3, 0.1, 0.4),  # a page laid a little askew
        "paper": Chance(0.5, 0.1, 0.8),
        "blur": Chance(0.5, 0.2, 0.9),
        "noise": Chance(0.5, 0.1, 0.8),
        "specks": Chance(0.1, 0.1, 0.8),
        "levels": Chance(0.4, 0.3, 1.0),
    },
    # Meters, labels and pages taken by hand with a telephone: everything at once, and more of it.
    "photo": {
        "neighbours": Chance(0.12, 0.2, 1.5),
        "breaks": Chance(0.2, 0.2, 1.0),
        "blobs": Chance(0.15, 0.1, 0.8),
        "contrast": Chance(0.4, 0.1, 0.9),
        "lines": Chance(0.3, 0.3, 1.8),
        "perspective": Chance(0.5, 0.2, 1.5),
        "paper": Chance(0.6, 0.2, 1.2),
        "light": Chance(0.5, 0.2, 1.2),
        "blur": Chance(0.5, 0.2, 1.1),
        "motion": Chance(0.15, 0.2, 1.0),
        "low_resolution": Chance(0.25, 0.2, 1.0),
        "noise": Chance(0.5, 0.2, 1.1),
        "specks": Chance(0.1, 0.1, 0.8),
        "jpeg": Chance(0.35, 0.3, 1.4),
        "levels": Chance(0.5, 0.3, 1.5),
    },
}

_UNSET = Chance(1.0, 0.0, 1.0)
"""Stands for what is left open of an effect that is set, but that the preset does not have."""


def chances(settings: EffectsSettings) -> dict[str, Chance]:
    """Every effect that may be applied, in order: the preset, and over it what was set effect by effect."""
    found = {}
    for name in EFFECTS:
        given = getattr(settings, name)
        chance = PRESETS[settings.name].get(name)
        if given is not None:
            chance = chance or _UNSET
            probability = chance.probability if given.probability is None else given.probability
            chance = Chance(probability, *(given.strength or chance[1:]))
        if chance is not None and chance.probability > 0 and chance.strongest > 0:
            found[name] = chance
    return found


class Effects:
    """Applies effects to strips.

    Args:
        settings: which, how often and how strongly.
        pool: single digits, ``uint8`` of shape (P, 28, 28), of which cut-off neighbours are made.
    """

    def __init__(self, settings: EffectsSettings, pool: Images) -> None:
        self.chances = chances(settings)
        self._pool = pool

    def apply(self, images: Images, rng: np.random.Generator, only: NDArray[np.bool_] | None = None) -> Images:
        """Strips with effects.

        Args:
            images: ``uint8``, shape (N, 28, W), ink bright on dark; not written to.
            rng: a stream that serves nothing else.
            only: which strips to change, shape (N,), all where ``None``; it makes no difference to the random numbers.

        Returns:
            ``uint8``, shape (N, 28, W); the very array that was given when no effect is on.
        """
        if not self.chances:
            return images
        seeds = dict(zip(EFFECTS, rng.integers(2**63, size=len(EFFECTS)).tolist(), strict=True))
        bytes_of = {name: np.random.Generator(np.random.PCG64(seeds[name])) for name in self.chances}
        images = images.copy()
        for start in range(0, len(images), CHUNK):
            part = slice(start, start + CHUNK)
            self._chunk(images[part], rng, bytes_of, None if only is None else only[part])
        return images

    def _chunk(
        self,
        images: Images,
        rng: np.random.Generator,
        bytes_of: dict[str, np.random.Generator],
        only: NDArray[np.bool_] | None,
    ) -> None:
        """Change a chunk of strips in place."""
        numbers = rng.random((len(images), sum(2 + effect.dice for effect in EFFECTS.values())))
        column = 0
        for name, effect in EFFECTS.items():
            applied, strength, dice = np.split(numbers[:, column : column + 2 + effect.dice], [1, 2], axis=1)
            column += 2 + effect.dice
            if name not in self.chances:
                continue
            chance = self.chances[name]
            low, high = round(chance.weakest * ONE), round(chance.strongest * ONE)
            strengths = low + np.floor(strength[:, 0] * (high - low + 1)).astype(np.int64)
            rows = np.flatnonzero((applied[:, 0] < chance.probability) & (strengths > 0))
            if not rows.size:
                continue
            size = effect.grain(images.shape[2]) if effect.grain else 0
            grain = _random_bytes(bytes_of[name], len(rows), size)
            if only is not None:
                rows, grain = rows[only[rows]], grain[only[rows]]
                if not rows.size:
                    continue
            chosen = Chosen(images[rows], strengths[rows], dice[rows], grain, self._pool)
            images[rows] = effect.draw(chosen)


def _random_bytes(rng: np.random.Generator, count: int, size: int) -> NDArray[np.uint8]:
    """Bytes of shape (count, size), eight at a time: faster than one by one."""
    words = rng.integers(2**64 - 1, size=(count, size // 8), dtype=np.uint64, endpoint=True)
    return words.astype("<u8", copy=False).view(np.uint8)
