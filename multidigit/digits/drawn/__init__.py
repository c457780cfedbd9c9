"""Digits drawn from pen strokes: handwriting out of nothing, for a first network without any data set.

The same seed gives the same bytes on any machine whose floats follow IEEE 754 (see ``pen``).
"""

from __future__ import annotations

from functools import partial

from multidigit.digits.drawn.pen import DRAWS, draw_batch
from multidigit.digits.generated import Generated, Painter
from multidigit.errors import DataError

__all__ = ["VERSION", "Drawn"]

VERSION = "1"
"""Changes whenever the same seed gives other images: part of the name of anything kept of them."""


class Drawn(Generated):
    """Digits drawn from pen strokes.

    Args:
        count: digits in the training split; see the base class.
        slashed: whether some zeros get a stroke through them.
    """

    DRAWS = DRAWS

    def __init__(self, count: int = 60_000, slashed: bool = False) -> None:
        super().__init__(count)
        self.slashed = slashed

    @classmethod
    def from_option(cls, option: str) -> Drawn:
        """``drawn:slashed`` gives some zeros a stroke through them."""
        if option != "slashed":
            raise DataError(f"the only option of drawn is drawn:slashed; received drawn:{option}")
        return cls(slashed=True)

    def fingerprint(self) -> str:
        return f"drawn {VERSION} {self.count} {self.slashed}"

    def painter(self) -> Painter:
        return partial(draw_batch, slashed=self.slashed)
