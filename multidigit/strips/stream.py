"""The one generator of strips that all strategies share: training strips without end, and fixed ones to judge by.

The same settings give the same strips, bit for bit, on any machine with the same version of numpy, as far as their
digits are the same: composing, bending and effects use whole numbers and single IEEE 754 operations. ``drawn`` digits
and those of files are the same everywhere; ``printed`` digits and distractors depend on the machine's fonts and on the
versions of Pillow and FreeType. Across versions numpy does not promise the streams of its random numbers (NEP 19).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multidigit.digits import SPLITS, Split, load_digits
from multidigit.labels import BLANK
from multidigit.settings import Settings
from multidigit.strips.augment import bend
from multidigit.strips.compose import Composer, Strips
from multidigit.strips.distractors import load_distractors
from multidigit.strips.effects import Effects, chances
from multidigit.strips.scenes import scene_strips

VIEWS = 3
"""Strips that training cuts out of each scene."""
_EFFECTS, _BEND, _SCENES = 1, 2, 3
"""Mark the random streams of effects, bending and scenes, so that strips are composed alike whatever of them is on."""


class StripStream:
    """Strips as the settings describe them: digit source, layout, effects and seed.

    Every training batch has a random stream of its own, made from the seed and the batch's number. So no batch of a
    run repeats another, and two strategies with one seed see the same strips.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._makers: dict[Split, tuple[Composer, Effects]] = {}

    def _maker(self, split: Split) -> tuple[Composer, Effects]:
        if split not in self._makers:
            settings = self._settings
            digits = load_digits(settings.digits, split, settings.seed)
            # Each split has distractors of its own, as it has digits of its own.
            own = 3 * settings.seed + SPLITS.index(split)
            distractors = load_distractors(own) if settings.layout.has_distractors else None
            composer = Composer(digits, settings.layout, settings.slots, distractors)
            self._makers[split] = composer, Effects(settings.effects, digits.images)
        return self._makers[split]

    def batch(self, index: int, size: int) -> Strips:
        """Training batch number ``index`` of a run, of batches of one size."""
        train = self._settings.train
        share = min(1.0, index * size / train.curriculum) if train.curriculum else 1.0
        return self._draw("train", size, index, train.augment or 0.0, share)

    def fixed(self, split: Split, count: int, again: int = 0) -> Strips:
        """Validation or test strips: the same for the same settings, from digits that training never sees.

        ``again`` numbers further sets of them: other strips, of the same digits.
        """
        return self._draw(split, count, again)

    def alone(self, split: Split, strips: Strips, affected: bool = True) -> NDArray[np.uint8]:
        """Each digit of fixed strips by itself: see ``Composer.alone``.

        Args:
            split: whose strips.
            strips: what ``fixed`` gives for this split, or the first of it, a multiple of ``CHUNK``.
            affected: whether with the effects that its strip has, by the very same random numbers.

        Returns:
            ``uint8``, shape (N, slots, 28, 28·slots); zeros for slots that are blank.
        """
        composer, effects = self._maker(split)
        key = self._key(split, 0)
        digits = composer.alone(len(strips), np.random.default_rng(key))
        if affected and self.affected:
            for slot in range(composer.slots):
                there = strips.slots[:, slot] != BLANK
                digits[:, slot] = effects.apply(digits[:, slot], np.random.default_rng([*key, _EFFECTS]), there)
        return digits

    @property
    def composed(self) -> bool:
        """Whether strips are composed of single digits, and not cut out of scenes."""
        return self._settings.layout.name != "scene"

    @property
    def affected(self) -> bool:
        """Whether any effect is ever applied."""
        return bool(chances(self._settings.effects))

    def _key(self, split: Split, index: int) -> list[int]:
        return [self._settings.seed, SPLITS.index(split), index]

    def _draw(self, split: Split, count: int, index: int, augment: float = 0.0, share: float = 1.0) -> Strips:
        composer, effects = self._maker(split)
        if share < 1:
            composer = composer.loosened(share)
        key = self._key(split, index)
        if not self.composed:
            rng = np.random.default_rng([*key, _SCENES])
            plain = int(rng.binomial(count, self._settings.layout.plain))
            views = VIEWS if split == "train" else 1
            scenes = scene_strips(count - plain, self._settings.slots, split, rng, views)
            count = plain
        strips = composer.compose(count, np.random.default_rng(key))
        images = strips.images
        if augment:
            images = bend(images, np.random.default_rng([*key, _BEND]), augment)
        images = effects.apply(images, np.random.default_rng([*key, _EFFECTS]))
        if not self.composed:
            images[1::2] = 255 - images[1::2]  # scenes are of either polarity
            return Strips(np.concatenate([scenes.images, images]), np.concatenate([scenes.slots, strips.slots]))
        return Strips(images, strips.slots)
