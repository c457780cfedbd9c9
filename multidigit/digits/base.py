"""The contract of a digit source, and what it gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import DataError
from multidigit.labels import CELL

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True)
class Digits:
    """Single digits.

    Attributes:
        images: ``uint8``, shape (N, 28, 28), ink bright on dark.
        labels: ``uint8`` values 0 to 9, shape (N,), N at least 1.

    Raises:
        DataError: shapes, types or labels are not these.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.labels.ndim != 1 or not len(self.labels):
            raise DataError(f"digit labels must be one non-empty row; received shape {self.labels.shape}")
        if self.images.dtype != np.uint8 or self.images.shape != (len(self.labels), CELL, CELL):
            raise DataError(
                f"digit images must be uint8 of shape ({len(self.labels)}, {CELL}, {CELL}), one per label; "
                f"received {self.images.dtype} of shape {self.images.shape}"
            )
        if self.labels.max() > 9:
            raise DataError(f"digit labels must be 0 to 9; received {int(self.labels.max())}")

    def __len__(self) -> int:
        return len(self.labels)


class DigitSource(ABC):
    """Where single digits come from: one file in this folder, with one line in the registry of ``multidigit.digits``.

    | method | gives |
    |---|---|
    | ``load(split, seed)`` | the digits of a split; the three splits must not share one |
    | ``from_option(option)`` | the source that ``name:OPTION`` stands for, where there is such a thing |
    | ``fingerprint()`` | what, beside split and seed, decides the digits; they are then kept on disk |
    """

    @classmethod
    def from_option(cls, option: str) -> DigitSource:
        """The source that ``name:OPTION`` stands for.

        Raises:
            DataError: the source has no such option; most have none.
        """
        raise DataError(f"this digit source takes no option; received {':' + option!r}")

    def fingerprint(self) -> str | None:
        """What, beside split and seed, decides the digits; ``None`` for sources that are quick to load."""
        return None

    @abstractmethod
    def load(self, split: Split, seed: int) -> Digits:
        """The digits of one split: the same for the same seed and fingerprint.

        Raises:
            DataError: the source cannot be reached or is damaged.
        """
