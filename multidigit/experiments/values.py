"""The values of one setting in a grid: a list, or a range as text."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

from multidigit.errors import SettingsError

MOST = 10_000
"""Values that a range may stand for: more are a mistake."""
LONGEST = 200
"""Characters of a range: on longer ones the expression below could take any amount of time."""
_WHOLE = re.compile(r"[-+]?\d+")
_RANGE = re.compile(r"\s*(\S+?)\s*\.\.\s*(\S+)(?:\s+step\s+(\S+))?\s*")


def values_of(given: Any, where: str, evenly: int | None = None, *, whole: bool = True) -> list[Any]:
    """The values that ``[1, 2, 5]`` or ``-3..12 step 3`` stands for.

    A range goes from its first number towards its second, which is among its values if the steps meet it. Values are
    integers where all three numbers are, else floats; decimal arithmetic makes the third step of 0.1 equal 0.3. A
    setting that is itself a range, such as ``layout.gap``, takes each value as a range of that one value.

    Args:
        given: what the file or the option says.
        where: what an error begins with: file, line and key.
        evenly: about how many values a range without a step stands for, evenly spread, both ends among them; without
            it, it needs a step.
        whole: whether these are whole numbers where both ends are, if need be the nearest.

    Raises:
        SettingsError: neither a list with something in it nor a range, or a range without a step, with one that leads
            away from its end, or of more than ``MOST`` values.
    """
    if isinstance(given, list) and given:
        return list(given)
    found = _RANGE.fullmatch(given) if isinstance(given, str) and len(given) <= LONGEST else None
    if not found:
        raise SettingsError(
            f"{where} must be a list of values such as [heads, cut], or a range such as -3..12 step 3; "
            f"received {given!r}"
        )
    low, high, pace = found.groups()
    if pace is None and not evenly:
        raise SettingsError(f"{where} must be a range with a step, as in {given} step 1; received {given!r}")
    whole = (whole or pace is not None) and all(_WHOLE.fullmatch(text) for text in found.groups() if text)
    try:
        first, last = Decimal(low), Decimal(high)
        step = Decimal(pace) if pace else _even_step(last - first, evenly or 1, whole)
        count = (last - first) / step + 1 if step else Decimal(0)
    except ArithmeticError:
        count = Decimal("nan")
    if not count.is_finite() or not all(math.isfinite(end) for end in (first, last)):
        raise SettingsError(f"{where} must have finite numbers in a range, as in -3..12 step 3; received {given!r}")
    if not step:
        raise SettingsError(f"{where} must have a step other than 0; received {given!r}")
    if count < 1:
        raise SettingsError(f"{where} must have a step that leads from {low} to {high}; received {given!r}")
    if count > MOST:
        raise SettingsError(f"{where} must stand for at most {MOST:,} values; received {given!r}; take a larger step")
    values = [first + index * step for index in range(int(count))]
    return [round(value) if whole else float(value) for value in values]


def _even_step(way: Decimal, count: int, whole: bool) -> Decimal:
    """The step that goes that way in about so many values; between whole numbers a whole one if any nearly does."""
    steps = count - 1
    if whole:
        near = (steps, steps + 1, steps - 1, steps + 2)
        steps = next((some for some in near if not way % some), min(steps, abs(int(way))))
    return way / steps if steps and way else Decimal(1)
