"""Intervals, paired tests and corrections: how certain a measure, or a difference between two runs, is.

All counts are of strips. Two runs are compared on the same strips, so only paired methods are offered: tests for
independent samples ignore that both read the same pictures, and lose most of their power.

scipy is imported only inside the functions that need it, because it takes longer to import than a picture to read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

# The standard library's module: imports are absolute, so this module does not hide it.
from statistics import mean, stdev
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import DataError, SettingsError

FEWEST = 3
"""Trainings from which their spread is measured; two would leave an interval twelve standard errors wide."""
_HALVINGS = 60
"""Bisection steps on an interval no wider than 2: enough to reach the last bit of a float of that size."""


class Interval(NamedTuple):
    """A confidence interval, ``low <= high``."""

    low: float
    high: float


@dataclass(frozen=True)
class McNemar:
    """Outcome of McNemar's test on one set of strips read by two runs, a and b.

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
        spread: standard deviation of one training's difference without the part that the strips cause.
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
    from scipy.stats import binomtest

    _check_level(level)
    if not 0 <= successes <= trials or trials < 1:
        raise DataError(f"successes must lie within 0 to trials, at least 1; received {successes} of {trials}")
    found = binomtest(successes, trials).proportion_ci(level, "wilson")
    return Interval(float(found.low), float(found.high))


def mcnemar_exact(right_a: NDArray[np.bool_], right_b: NDArray[np.bool_]) -> McNemar:
    """McNemar's exact test: are the strips that only one of two runs reads right split evenly between them?

    Under the null hypothesis the smaller of the two counts is binomial with probability one half; the p-value is twice
    its lower tail, at most 1, and 1 where the runs never disagree.

    Args:
        right_a: which strips run a read right, ``bool``, shape (N,).
        right_b: the same for run b, on the same strips in the same order.

    Returns:
        The two counts of disagreement and the p-value.

    Raises:
        DataError: the arrays are empty, not ``bool``, or of different shapes.

    Source: McNemar 1947, Psychometrika 12, 153-157; the exact form is the sign test on the discordant pairs.
    """
    from scipy.special import bdtr

    b, c, _ = _discordant(right_a, right_b)
    return McNemar(b, c, min(1.0, 2 * float(bdtr(min(b, c), b + c, 0.5))))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment of a family of p-values (scipy has only those for the false discovery rate).

    Args:
        p_values: each 0 to 1; may be empty.

    Returns:
        Adjusted p-values in the order received, each between the given one and 1: calling those at or below a bound
        significant keeps the chance of even one false call at that bound.

    Raises:
        DataError: a value is not within 0 and 1.

    Source: Holm 1979, Scandinavian Journal of Statistics 6, 65-70.
    """
    return step_down(p_values, lambda false: len(p_values) - len(false))


def step_down(p_values: Sequence[float], most: Callable[[Sequence[int]], int]) -> list[float]:
    """Holm's adjustment where the hypotheses hang together, so that not all of those left can be true at once.

    Args:
        p_values: as of ``holm``.
        most: given the places of hypotheses that are false, how many of the others can be true together.

    Returns:
        Adjusted p-values, as of ``holm`` and never above them.

    Raises:
        DataError: a value is not within 0 and 1.

    Source: Shaffer 1986, Journal of the American Statistical Association 81, 826-831, the procedure that takes into
    account which hypotheses were rejected.
    """
    for p_value in p_values:
        if not 0 <= p_value <= 1:  # written so that NaN fails too
            raise DataError(f"a p-value must lie within 0 to 1; received {p_value}")
    order = np.argsort(p_values, kind="stable")
    factors = [most([int(place) for place in order[:rank]]) for rank in range(len(order))]
    adjusted = np.empty(len(p_values))
    # The running maximum keeps the adjusted values in the order of the given ones.
    adjusted[order] = np.maximum.accumulate(np.asarray(p_values)[order] * factors)
    return [float(value) for value in np.minimum(adjusted, 1)]


def paired_difference(right_a: NDArray[np.bool_], right_b: NDArray[np.bool_], level: float = 0.95) -> PairedDifference:
    """Difference in accuracy of two runs on the same strips, with Tango's score interval.

    The interval holds every difference that the score test would not reject. It excludes 0 exactly when McNemar's
    asymptotic test is significant at the same level, stays within -1 and 1, and keeps its width when the runs never
    disagree: no finite set of strips shows that two runs are the same.

    Args:
        right_a: which strips run a read right, ``bool``, shape (N,).
        right_b: the same for run b, on the same strips in the same order.
        level: confidence level, between 0 and 1.

    Returns:
        Accuracy of a minus accuracy of b, with its interval.

    Raises:
        DataError: the arrays are empty, not ``bool``, or of different shapes.
        SettingsError: the level is not between 0 and 1.

    Source: Tango 1998, Statistics in Medicine 17, 891-908; recommended for its coverage by Fagerland, Lydersen and
    Laake 2014, Statistics in Medicine 33, 2850-2875.
    """
    z = critical(level, 1)
    b, c, strips = _discordant(right_a, right_b)
    # Swapping the runs turns the lower limit of one difference into the upper limit of the other.
    return PairedDifference((b - c) / strips, _tango_low(b, c, strips, z), 0.0 - _tango_low(c, b, strips, z))


def paired_equivalence(right_a: NDArray[np.bool_], right_b: NDArray[np.bool_], margin: float) -> float:
    """Whether two runs differ by less than a margin on strips like these: the two one-sided score tests.

    Args:
        right_a: which strips run a read right, ``bool``, shape (N,).
        right_b: the same for run b, on the same strips in the same order.
        margin: the least difference that matters, above 0, below 1.

    Returns:
        The p-value of the hypothesis that the difference is the margin or more, either way: the larger one of both.

    Raises:
        DataError: the arrays are empty, not ``bool``, or of different shapes.

    Source: Schuirmann 1987, Journal of Pharmacokinetics and Biopharmaceutics 15, 657-680, for the two tests; Tango 1998
    for the statistic.
    """
    from scipy.special import ndtr

    b, c, strips = _discordant(right_a, right_b)
    found = 0.0
    for more, less in ((b, c), (c, b)):
        error = math.sqrt(strips * _tango_variance(more, less, strips, -margin))
        found = max(found, float(ndtr(-(more - less + strips * margin) / error)))
    return found


def equivalence_over_trainings(found: TrainedDifference, trainings: int, margin: float) -> float:
    """The p-value of the hypothesis that the mean difference over all trainings is the margin or more, either way.

    Source: Schuirmann 1987, with the error and the distribution of ``difference_over_trainings``.
    """
    from scipy.special import ndtr, stdtr

    error = math.sqrt(found.variance / trainings)
    room = margin - abs(found.difference)
    if not error:
        return float(room <= 0)
    return float(ndtr(-room / error) if trainings < FEWEST else stdtr(trainings - 1, -room / error))


def difference_over_trainings(
    differences: Sequence[float], strips: Sequence[float], allowed: float, level: float = 0.95
) -> TrainedDifference:
    """Mean difference of two strategies over trainings, tested for all trainings and all strips like these.

    One training's difference varies for two reasons: the strips it was tested on, and the training itself. From three
    trainings on, both show in how the differences vary from one training to the next, so the interval is Student's t
    interval of their mean, whatever the share of each. One or two trainings do not show their spread: then the strips'
    variance, which is known, and an allowed one for the training are added up and the normal distribution is used; of
    two trainings the spread observed counts where it is wider still.

    Args:
        differences: one per training, each -1 to 1; trainings independent of each other.
        strips: for each, the variance that the strips cause, at least 0.
        allowed: standard deviation of a difference that training is assumed to cause; used for one or two trainings.
        level: confidence level, between 0 and 1.

    Returns:
        The mean with its interval, within [-1, 1], and p-value; the interval excludes 0 where the p-value is below
        1 - ``level``.

    Raises:
        DataError: there are no differences, or not one variance for each.
        SettingsError: the level is not between 0 and 1.

    Source: Hartung and Knapp 2001, Statistics in Medicine 20, 3875-3889, with equal weights; IntHout, Ioannidis and
    Borm 2014, BMC Medical Research Methodology 14:25, on why the normal interval is too narrow for few trainings.
    """
    from scipy.special import ndtr, stdtr

    if len(differences) != len(strips):
        raise DataError(f"each difference needs one variance; received {len(strips)} for {len(differences)}")
    found = mean_and_spread(differences)
    within = math.fsum(strips) / found.count
    between = 0.0 if found.standard_deviation is None else found.standard_deviation**2
    variance = between if found.count >= FEWEST else max(within + allowed**2, between)
    error = math.sqrt(variance / found.count)
    half = critical(level, found.count) * error
    ratio = abs(found.mean) / error if error else math.inf if found.mean else 0.0
    return TrainedDifference(
        found.mean,
        max(-1.0, found.mean - half),
        min(1.0, found.mean + half),
        2 * float(ndtr(-ratio) if found.count < FEWEST else stdtr(found.count - 1, -ratio)),
        math.sqrt(max(0.0, variance - within)),
        variance,
    )


@lru_cache(maxsize=1_000)
def critical(level: float, trainings: int) -> float:
    """How many standard errors the mean of so many trainings' differences stays within with probability ``level``.

    Raises:
        SettingsError: the level is not between 0 and 1.
    """
    from scipy.special import ndtri, stdtrit

    _check_level(level)
    # By the lower tail: at levels close to 1 the upper one rounds to 1, which has no quantile.
    tail = (1 - level) / 2
    return -float(ndtri(tail) if trainings < FEWEST else stdtrit(trainings - 1, tail))


def mean_and_spread(values: Sequence[float]) -> Spread:
    """Mean, sample standard deviation and range of repeated measurements, such as one measure over several seeds.

    Args:
        values: finite numbers, at least one.

    Raises:
        DataError: there are no values, or one is not finite.
    """
    numbers = [float(value) for value in values]
    if not numbers or not all(map(math.isfinite, numbers)):
        raise DataError(f"a mean needs finite values, at least one; received {numbers}")
    deviation = stdev(numbers) if len(numbers) > 1 else None
    return Spread(mean(numbers), deviation, min(numbers), max(numbers), len(numbers))


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise SettingsError(f"a confidence level must lie between 0 and 1, both excluded; received {level}")


def _discordant(right_a: Any, right_b: Any) -> tuple[int, int, int]:
    """Strips only a read right, strips only b read right, all strips."""
    a, b = np.asarray(right_a), np.asarray(right_b)
    if a.ndim != 1 or a.shape != b.shape or not a.size or a.dtype != np.bool_ or b.dtype != np.bool_:
        raise DataError(
            "the right strips of two runs must be bool arrays of one shape (N,), N at least 1; "
            f"received {a.dtype} of shape {a.shape} and {b.dtype} of shape {b.shape}"
        )
    return int((a & ~b).sum()), int((b & ~a).sum()), int(a.size)


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
    share = max(share, 0.0, -difference)  # both one-sided shares are at least 0; rounding may go below
    return max(0.0, 2 * share + difference * (1 - difference))
