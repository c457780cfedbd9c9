"""Published figures, for scale: what others reached on other data."""

from __future__ import annotations

from dataclasses import dataclass

NOT_THE_SAME = "not the same data"
"""Stands beside every published figure."""


@dataclass(frozen=True)
class Anchor:
    """A published result; shares 0 to 1, ``None`` where none was published.

    Attributes:
        who: authors and year.
        data: what was read.
        digits: share of digits right.
        numbers: share of whole numbers right.
        note: what was read, and how.
        source: its number at arXiv.
    """

    who: str
    data: str
    digits: float | None
    numbers: float
    note: str
    source: str

    @property
    def address(self) -> str:
        return f"https://arxiv.org/abs/{self.source}"


_HOCHULI = ("Hochuli et al. 2021", "handwritten strings of digits, read as objects in a picture", "2010.15904")
_MNIST = 0.9983

ANCHORS = (
    Anchor(
        "Goodfellow et al. 2013",
        "SVHN",
        0.9784,
        0.9603,
        "house numbers in photographs; 95.64 % coverage at 98 % accuracy",
        "1312.6082",
    ),
    *(
        Anchor(_HOCHULI[0], data, None, numbers, *_HOCHULI[1:])
        for data, numbers in (("NIST SD19", 0.97), ("CAR", 0.96), ("CVL", 0.84))
    ),
    Anchor(
        "Byerly et al. 2021",
        "MNIST, to the fifth power",
        _MNIST,
        _MNIST**5,
        "the best single network on single digits, as if five of them were cut perfectly and read one by one",
        "2001.09136",
    ),
)
