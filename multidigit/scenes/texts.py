"""What rows of scenes say: numbers as people write them, with signs and units around, and words without any digit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LENGTHS = (6, 12, 16, 20, 20, 11, 8, 7)
"""How often a number has 1, 2, ... digits, relative."""
TOO_LONG = 4
"""The most digits that a number which is too long has beyond the slots."""
UNITS = (
    "kWh", "kW", "kVA", "m3", "m³", "W", "V", "A", "kg", "g", "l", "L", "mm", "cm", "m", "km", "h", "s", "°C", "%",
    "Hz", "CUM", "BP", "EUR", "USD", "Kc", "kr", "PLN", "pcs", "x", "T", "M", "lb", "MPa", "bar", "GJ", "MWh", "kVAr",
)  # fmt: skip
BEFORE = (
    "$", "€", "£", "#", "No.", "Nr", "N°", "ID:", "ID", "SN", "S/N", "Lot", "LOT", "REF", "R", "Y", "A", "T", "K", "E",
    "EXP", "Fr.", "Rs", "TEL", "CUM", "UM", "M", "*", "+", "@", "(", "[", "<", "№", "MFG", "H", "RYB", "P", "V:", "V",
)  # fmt: skip
AFTER = (
    "-",
    "=",
    ".",
    ".-",
    ",-",
    ".=",
    ".",
    "+",
    "x",
    "*",
    "#",
    ")",
    "]",
    ">",
    ":",
    ";",
    "!",
    "+",
    "—",
    "~",
    "x",
    "_",
    "--",
)
WORDS = (
    "Total", "Date", "Number", "Name", "Meter", "Reading", "Serial", "Model", "Type", "Water", "Gas", "Energy",
    "Price", "Amount", "Page", "Form", "Made in", "Volt", "LITRES", "MAX", "MIN", "ON", "OFF", "STOP", "PUSH",
    "Street", "Code", "Pay to", "the order of", "Signature", "Bank", "Printed for", "Church", "den", "Jansen",
    "Miller", "kWh", "m³", "TARE", "Weight", "Net", "GROSS", "SET", "MODE", "Amt", "Qty", "Tax", "hello", "and",
    "with", "from", "WARNING", "READ", "CH", "ELECTRONIC", "PULSE", "DISPLAY", "ENTER", "HOLD", "Rate", "Reg.",
    "Unit", "PASS", "FAIL", "LOW", "HIGH", "Auto", "QC",
)  # fmt: skip
LETTERS = "ABCDEFGHKLMNPRTUVWXYZabcdefhkmnprtuvwxy"
"""Letters that nobody takes for a digit; O, I, S and others of the kind stand in words only."""


@dataclass(frozen=True)
class Text:
    """What a row says.

    Attributes:
        parts: characters or words in their order, each drawn as one; a space is a gap.
        digits: the number alone; empty where the row holds none.
    """

    parts: tuple[str, ...]
    digits: str


def number(rng: np.random.Generator, slots: int, kind: str = "font") -> Text:
    """A number of 1 to ``slots`` digits, rarely of more, with what people write into it and around it.

    Args:
        rng: decides everything.
        slots: the most digits; a few numbers have up to ``TOO_LONG`` more.
        kind: how the row looks (see ``rows``): what is written has the signs of forms and cheques, displays have long
            numbers with leading zeros and units.
    """
    hand = kind == "hand"
    digits = _digits(rng, slots)
    if kind in ("segments", "wheels") and len(digits) < slots and rng.random() < 0.35:
        digits = digits.rjust(int(rng.integers(min(4, slots), slots + 1)), "0")
    # A slash between written digits looks like a one.
    parts = [part for part in _separated(rng, digits) if not (hand and part == "/")]
    if rng.random() < (0.1 if hand else 0.25):
        chance = rng.random()
        sign = (
            rng.choice(BEFORE[:3])
            if chance < 0.3
            else rng.choice(BEFORE)
            if chance < 0.85
            else rng.choice(list(LETTERS))
        )
        parts = [str(sign), *_gap(rng), *parts]
    if rng.random() < 0.35:
        after = AFTER if hand or rng.random() < 0.3 else UNITS
        parts += [*_gap(rng), str(rng.choice(after))]
    return Text(tuple(parts), digits)


def words(rng: np.random.Generator) -> Text:
    """Words, letters or signs, without any digit."""
    if rng.random() < 0.25:
        return Text(tuple(rng.choice(list(LETTERS + "-./=+#*"), rng.integers(1, 8)).tolist()), "")
    chosen = rng.choice([*WORDS, *UNITS, *BEFORE], rng.integers(1, 4))
    return Text(tuple(part for word in chosen for part in (str(word), " ")), "")


def _digits(rng: np.random.Generator, slots: int) -> str:
    if rng.random() < 0.03:
        length = slots + int(rng.integers(1, TOO_LONG + 1))
    else:
        weights = np.array(LENGTHS[:slots] if slots <= len(LENGTHS) else (*LENGTHS, *(5,) * (slots - len(LENGTHS))))
        length = int(rng.choice(slots, p=weights / weights.sum())) + 1
    found = rng.integers(0, 10, length)
    kind = rng.random()
    if kind < 0.12:  # round amounts
        found[-int(rng.integers(1, length + 1)) :] = 0
        found[0] = found[0] or rng.integers(1, 10)
    elif kind < 0.2:  # counters that have not come far
        found[: int(rng.integers(0, length))] = 0
    elif kind < 0.3:  # few different digits, often side by side
        found = rng.choice(rng.integers(0, 10, 2), length)
    return "".join(map(str, found))


def _separated(rng: np.random.Generator, digits: str) -> list[str]:
    """The digits with what stands between them."""
    parts = list(digits)
    if len(parts) < 2 or rng.random() < 0.55:
        return parts
    kind = rng.random()
    if kind < 0.3:  # thousands
        for place in range(len(parts) - 3, 0, -3):
            parts.insert(place, str(rng.choice([".", ",", " ", "'"])))
    elif kind < 0.7:  # a point somewhere
        place = len(parts) - 1 if rng.random() < 0.4 else int(rng.integers(1, len(parts)))
        parts.insert(place, str(rng.choice([".", ",", ".", ":", "-", "/"])))
    elif kind < 0.9:  # dates, times and codes: groups of two or of four
        sign = str(rng.choice(["-", "/", ".", ":", " ", "- ", "·"]))
        for place in range(len(parts) - 2, 0, -2):
            if place != 2 or rng.random() < 0.7:
                parts[place:place] = list(sign)
    else:
        for place in sorted(rng.integers(1, len(parts), rng.integers(1, 3)).tolist(), reverse=True):
            parts.insert(place, str(rng.choice([" ", "-", "+", "=", "_", "*"])))
    return parts


def _gap(rng: np.random.Generator) -> list[str]:
    return [" "] if rng.random() < 0.6 else []
