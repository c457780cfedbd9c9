"""Intervals, paired tests and corrections: how sure a measure or a difference between two readers is.

Every count is of strips. Two readers are compared on the same strips, so only paired methods are offered: tests for
independent samples would throw away that both saw the same pictures, and with it most of their power.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

# The standard library's module: imports are absolute, so this module's own name does not stand in the way.
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import DataError, SettingsError

_HALVINGS = 60
"""Bisection steps on an interval no wider than 2: enough to reach the last bit of a float of that size."""
FEWEST = 3
"""Trainings from which their spread is measured; two would leave an interval twelve standard errors wide."""


class Interval(NamedTuple):
    """A confidence interval, ``low <= high``."""

    low: float
    high: float


@dataclass(frozen=True)
class McNemar:
    """Outcome of McNemar's test on one set of strips read by two readers, a and b.

    Attributes:
        b: strips that a read right and b wrong.
        c: strips that a read wrong and b right.
        p_value: two-sided, 0 to 1.
    """

    b: int
    c: int
    p_value: float


@dataclass(frozen=True)
class PairedDifference:
    """Accuracy of a minus accuracy of b on the same strips, -1 to 1, with its confidence interval.

    Attributes:
        difference: the observed difference; lies within the interval.
        low: lower limit.
        high: upper limit.
    """

    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class TrainedDifference:
    """Accuracy of a minus accuracy of b, averaged over trainings, with the interval of its mean over all trainings.

    Attributes:
        difference: the mean of the observed differences, -1 to 1; lies within the interval.
        low: lower limit.
        high: upper limit.
        p_value: two-sided, 0 to 1, of the hypothesis that the mean over all trainings is 0.
        spread: standard deviation of one training's difference apart from the strips' part in it.
        variance: of one training's difference, the strips' part included.
    """

    difference: float
    low: float
    high: float
    p_value: float
    spread: float
    variance: float


@dataclass(frozen=True)
class Spread:
    """Mean and spread of repeated measurements.

    Attributes:
        mean: arithmetic mean.
        standard_deviation: sample standard deviation (divisor n - 1); ``None`` for a single value.
        minimum: smallest value.
        maximum: largest value.
        count: number of values.
    """

    mean: float
    standard_deviation: float | None
    minimum: float
    maximum: float
    count: int


def wilson_interval(successes: int, trials: int, level: float = 0.95) -> Interval:
    """Wilson's score interval for a proportion.

    It stays within 0 and 1 and keeps a sensible width when every strip is right, where the textbook interval shrinks
    to nothing.

    Args:
        successes: strips that were right, 0 to ``trials``.
        trials: strips, at least 1.
        level: confidence level, between 0 and 1.

    Returns:
        The interval, within [0, 1].

    Raises:
        DataError: no trials, or successes out of range.
        SettingsError: the level is not between 0 and 1.

    Source: Wilson 1927, Journal of the American Statistical Association 22, 209-212.
    """
    z = _normal_quantile(level)
    if trials < 1:
        raise DataError(f"an interval needs at least one trial; Received: {trials}")
    if not 0 <= successes <= trials:
        raise DataError(f"successes lie between 0 and the number of trials, {trials}; Received: {successes}")
    share = successes / trials
    squared = z * z
    centre = (successes + squared / 2) / (trials + squared)
    half = z / (trials + squared) * math.sqrt(trials * share * (1 - share) + squared / 4)
    # At the ends the formula gives exactly 0 or 1; rounding must not move it beyond, nor exclude the observed share.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == trials else centre + half
    return Interval(max(0.0, low), min(1.0, high))


def mcnemar_exact(right_a: NDArray[np.bool_], right_b: NDArray[np.bool_]) -> McNemar:
    """McNemar's test in its exact form: are the strips on which two readers disagree split evenly?

    Under the null hypothesis the smaller of the two counts is binomial with probability one half; the p-value is twice
    its lower tail, at most 1, and 1 where the readers never disagree.

    Args:
        right_a: which strips reader a read right, ``bool``, shape (N,).
        right_b: the same for reader b, on the same strips in the same order.

    Returns:
        The two counts of disagreement and the p-value.

    Raises:
        DataError: the arrays are empty, not ``bool``, or of different shapes.

    Source: McNemar 1947, Psychometrika 12, 153-157; the exact form is the sign test on the discordant pairs.
    """
    b, c, _ = _discordant(right_a, right_b)
    return McNemar(b, c, _two_sided_binomial(b, c))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment of a family of p-values.

    Args:
        p_values: each 0 to 1; an empty family is allowed, for there is then nothing to adjust.

    Returns:
        Adjusted p-values in the order received, each between the given one and 1: those at or below a bound may be
        called significant with the chance of even one false call held to that bound.

    Raises:
        DataError: a value is not within 0 and 1.

    Source: Holm 1979, Scandinavian Journal of Statistics 6, 65-70.
    """
    for p_value in p_values:
        if not 0 <= p_value <= 1:  # written so that NaN fails too
            raise DataError(f"a p-value lies between 0 and 1; Received: {p_value}")
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        # The running maximum keeps the adjusted values in the order of the given ones.
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = float(highest)
    return adjusted


def paired_difference(right_a: NDArray[np.bool_], right_b: NDArray[np.bool_], level: float = 0.95) -> PairedDifference:
    """Difference in accuracy of two readers on the same strips, with Tango's score interval.

    The interval holds every difference that the score test would not reject. It excludes 0 exactly when McNemar's
    asymptotic test is significant at the same level, stays within -1 and 1, and keeps its width when the readers never
    disagree: no finite set of strips shows that two readers are the same.

    Args:
        right_a: which strips reader a read right, ``bool``, shape (N,).
        right_b: the same for reader b, on the same strips in the same order.
        level: confidence level, between 0 and 1.

    Returns:
        Accuracy of a minus accuracy of b, with its interval.

    Raises:
        DataError: the arrays are empty, not ``bool``, or of different shapes.
        SettingsError: the level is not between 0 and 1.

    Source: Tango 1998, Statistics in Medicine 17, 891-908; recommended for its coverage by Fagerland, Lydersen and
    Laake 2014, Statistics in Medicine 33, 2850-2875.
    """
    z = _normal_quantile(level)
    b, c, strips = _discordant(right_a, right_b)
    # Swapping the readers turns the lower limit of one difference into the upper limit of the other.
    return PairedDifference((b - c) / strips, _tango_low(b, c, strips, z), 0.0 - _tango_low(c, b, strips, z))


def difference_over_trainings(
    differences: Sequence[float], strips: Sequence[float], allowed: float, level: float = 0.95
) -> TrainedDifference:
    """Mean difference of two strategies over trainings: would it stand if all were trained anew, on other strips?

    One training's difference varies for two reasons: the strips it was tested on, and the training itself. From three
    trainings on, both show in how the differences vary from one training to the next, so the interval is Student's t
    interval of their mean, which holds for whatever share each has. From one or two the spread cannot be told: then the
    strips' variance, which is known, and an allowed one for the training are added up and the normal distribution is
    used; of two trainings the spread seen counts where it is wider still.

    Args:
        differences: one a training, each -1 to 1; trainings independent of each other.
        strips: for each, its variance as far as the strips make it, at least 0.
        allowed: standard deviation of a difference that training is taken to cause; used for one or two trainings.
        level: confidence level, between 0 and 1.

    Returns:
        The mean with its interval, within [-1, 1], and p-value; the interval excludes 0 where the p-value is below
        1 - ``level``.

    Raises:
        DataError: there are no differences, or not one variance for each.
        SettingsError: the level is not between 0 and 1.

    Source: Hartung and Knapp 2001, Statistics in Medicine 20, 3875-3889, with equal weights; IntHout, Ioannidis and
    Borm 2014, BMC Medical Research Methodology 14:25, on why the normal interval will not do for few trainings.
    """
    if len(differences) != len(strips):
        raise DataError(f"expected one variance for each difference; Received: {len(strips)} for {len(differences)}")
    seen = mean_and_spread(differences)
    within = math.fsum(strips) / seen.count
    between = 0.0 if seen.standard_deviation is None else seen.standard_deviation**2
    variance = between if seen.count >= FEWEST else max(within + allowed**2, between)
    error = math.sqrt(variance / seen.count)
    half = critical(level, seen.count) * error
    ratio = abs(seen.mean) / error if error else math.inf if seen.mean else 0.0
    return TrainedDifference(
        seen.mean,
        max(-1.0, seen.mean - half),
        min(1.0, seen.mean + half),
        2 * NormalDist().cdf(-ratio) if seen.count < FEWEST else student_t(ratio, seen.count - 1),
        math.sqrt(max(0.0, variance - within)),
        variance,
    )


def critical(level: float, trainings: int) -> float:
    """How many standard errors the mean of so many trainings' differences stays within with probability ``level``."""
    return _normal_quantile(level) if trainings < FEWEST else student_t_quantile(level, trainings - 1)


def student_t(t: float, freedom: int) -> float:
    """The chance that Student's t is as far from 0 as ``t`` or further, 0 to 1, to about 1e-15 absolute.

    Raises:
        DataError: fewer than one degree of freedom.

    Source: Abramowitz and Stegun 1964, formulas 26.7.3 and 26.7.4: finite sums, for whole degrees of freedom.
    """
    if freedom < 1:
        raise DataError(f"Student's t has at least one degree of freedom; Received: {freedom}")
    return max(0.0, 1 - _student_within(math.atan2(abs(t), math.sqrt(freedom)), freedom))


@lru_cache(maxsize=1_000)
def student_t_quantile(level: float, freedom: int) -> float:
    """The t that Student's t stays within, in absolute value, with probability ``level``.

    Raises:
        DataError: fewer than one degree of freedom.
        SettingsError: the level is not between 0 and 1.
    """
    _check_level(level)
    if freedom < 1:
        raise DataError(f"Student's t has at least one degree of freedom; Received: {freedom}")
    low, high = 0.0, math.pi / 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_within(middle, freedom) < level else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


def mean_and_spread(values: Sequence[float]) -> Spread:
    """Mean, sample standard deviation and range of repeated measurements, such as one measure over several seeds.

    Args:
        values: finite numbers, at least one.

    Returns:
        The summary; the standard deviation is ``None`` for one value, which says nothing about spread.

    Raises:
        DataError: there are no values, or one is not finite.
    """
    if len(values) == 0:
        raise DataError("a mean needs at least one value; Received: none")
    for value in values:
        if not math.isfinite(value):
            raise DataError(f"a mean needs finite values; Received: {value}")
    low, high = float(min(values)), float(max(values))
    # Rounding in the division may carry the mean of equal values past them.
    mean = min(max(math.fsum(values) / len(values), low), high)
    deviation = None
    if len(values) > 1:
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return Spread(mean, deviation, low, high, len(values))


def _normal_quantile(level: float) -> float:
    """The z that a standard normal variable stays within, in absolute value, with probability ``level``."""
    _check_level(level)
    # By the lower tail: the upper one would round to 1, which has no quantile, at levels close to 1.
    return -NormalDist().inv_cdf((1 - level) / 2)


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise SettingsError(f"a confidence level lies between 0 and 1, both excluded; Received: {level}")


def _student_within(angle: float, freedom: int) -> float:
    """The chance that Student's t stays within ± sqrt(freedom) * tan(angle)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    # For odd degrees of freedom cos + 2/3 cos³ + 2·4/(3·5) cos⁵ ..., for even ones 1 + 1/2 cos² + 1·3/(2·4) cos⁴ ...
    term = cosine if odd else 1.0
    total = term if freedom > 1 else 0.0
    for power in range(2 + odd, freedom - 1, 2):
        term *= (power - 1) / power * cosine * cosine
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


def _discordant(right_a: NDArray[np.bool_], right_b: NDArray[np.bool_]) -> tuple[int, int, int]:
    """Strips only a read right, strips only b read right, all strips; raises ``DataError`` for unusable arrays."""
    a, b = _right("first", right_a), _right("second", right_b)
    if a.shape != b.shape:
        raise DataError(f"both readers must have read the same strips; Received: {a.size} and {b.size}")
    if a.size == 0:
        raise DataError("a comparison needs at least one strip; Received: none")
    return int((a & ~b).sum()), int((b & ~a).sum()), int(a.size)


def _right(which: str, values: Any) -> NDArray[np.bool_]:
    """The values as a ``bool`` array of shape (N,)."""
    array = np.asarray(values)
    if array.ndim != 1 or (array.dtype != np.bool_ and array.size):
        raise DataError(
            f"the {which} reader's right strips must be a bool array of shape (N,); "
            f"Received: {array.dtype} of shape {array.shape}"
        )
    return array.astype(np.bool_, copy=False)


def _two_sided_binomial(b: int, c: int) -> float:
    """Twice the lower tail of a binomial(b + c, 1/2) at the smaller count, at most 1."""
    total = b + c
    # Logarithms throughout: 2 ** -total alone underflows from 1075 discordant pairs on.
    logs = [
        math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1) - total * math.log(2)
        for k in range(min(b, c) + 1)
    ]
    largest = max(logs)
    tail = math.log(math.fsum(math.exp(log - largest) for log in logs)) + largest
    return math.exp(min(0.0, tail + math.log(2)))


def _tango_low(b: int, c: int, strips: int, z: float) -> float:
    """Lower limit of Tango's interval: the smallest difference whose score statistic does not exceed z."""
    low, high = -1.0, (b - c) / strips
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        # The score statistic falls as the difference grows. Compared without dividing: its variance may be 0.
        if b - c - strips * middle > z * math.sqrt(strips * _tango_variance(b, c, strips, middle)):
            low = middle
        else:
            high = middle
    return high


def _tango_variance(b: int, c: int, strips: int, difference: float) -> float:
    """Variance of one strip's right_a - right_b, given the difference and the likeliest share that only b reads right.

    That share is the larger root of Tango's quadratic, 2 n q² + linear q + constant = 0.
    """
    linear = (2 * strips - b + c) * difference - b - c
    constant = -c * difference * (1 - difference)
    root = math.sqrt(max(0.0, linear * linear - 8 * strips * constant))
    # Two forms of the same root: each where it does not subtract nearly equal numbers.
    share = (root - linear) / (4 * strips) if linear <= 0 else -2 * constant / (root + linear)
    share = max(share, 0.0, -difference)  # both one-sided shares are at least 0; rounding may say otherwise
    return max(0.0, 2 * share + difference * (1 - difference))
