"""Intervals, paired tests and corrections, against cases worked by hand, published ones and scipy.

That the intervals cover what they claim to is in the simulated tests of verdicts.
"""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize, stats  # type: ignore[import-untyped, unused-ignore]

from multidigit.errors import DataError, SettingsError
from multidigit.statistics import (
    McNemar,
    Spread,
    TrainedDifference,
    critical,
    difference_over_trainings,
    equivalence_over_trainings,
    holm,
    mcnemar_exact,
    mean_and_spread,
    paired_difference,
    paired_equivalence,
    step_down,
    wilson_interval,
)

Z = 1.959963984540054
"""The standard normal's 97.5 % point, from tables."""
AIRWAYS, THERAPY, APPROVAL = (1, 1, 7, 12), (59, 6, 16, 80), (794, 150, 86, 570)
"""Fourfold tables: airway hyper-responsiveness (Bentur et al. 2009) and response to therapy (Cavo et al. 2012), both in
Fagerland, Lydersen and Laake 2017, Statistical Analysis of Contingency Tables, chapter 8, and computed there with the R
package contingencytables; approval of the prime minister (Agresti, Categorical Data Analysis, chapter 10)."""


def right(both: int, only_a: int, only_b: int, neither: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Right strips of two runs with the given counts in the fourfold table."""
    counts = [both, only_a, only_b, neither]
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


@pytest.mark.parametrize(
    "code",
    [
        "import statistics, multidigit.statistics as ours; assert statistics is not ours and statistics.NormalDist",
        "import multidigit.statistics as ours, statistics; assert statistics is not ours and statistics.NormalDist",
        "import sys, multidigit.metrics; assert not [name for name in sys.modules if name.startswith('scipy')]",
    ],
)
def test_imports(code: str) -> None:
    """The module has the name of a standard one; neither hides the other, and neither needs scipy before it is used."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class TestWilson:
    def test_by_hand(self) -> None:
        # With z = 2, 1 of 4 right: centre (1 + 2) / 8, half width 2 / 8 * sqrt(4 * 3/16 + 1) = sqrt(7) / 8.
        low, high = wilson_interval(1, 4, math.erf(2 / math.sqrt(2)))
        assert (low, high) == pytest.approx(((3 - math.sqrt(7)) / 8, (3 + math.sqrt(7)) / 8))
        assert type(low) is type(high) is float
        # All wrong: 0 to z² / (n + z²); all right is its mirror image.
        bound = Z**2 / (10 + Z**2)
        assert wilson_interval(0, 10) == (0.0, pytest.approx(bound))
        assert wilson_interval(10, 10) == (pytest.approx(1 - bound), 1.0)

    @pytest.mark.parametrize(
        ("successes", "trials", "low", "high"),
        [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
    )
    def test_published_cases(self, successes: int, trials: int, low: float, high: float) -> None:
        """Newcombe 1998, Statistics in Medicine 17, 857-872, table I, method 3."""
        assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)

    @pytest.mark.parametrize(("successes", "trials"), [(0, 0), (-1, 3), (4, 3)])
    def test_refuses_counts(self, successes: int, trials: int) -> None:
        with pytest.raises(DataError, match=f"received {successes} of {trials}"):
            wilson_interval(successes, trials)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, math.nan])
@pytest.mark.parametrize(
    "use",
    [
        lambda level: wilson_interval(1, 2, level),
        lambda level: paired_difference(*right(3, 1, 2, 1), level),
        lambda level: difference_over_trainings([0.1], [0.0], 0.1, level),
    ],
)
def test_refuses_levels(use: Callable[[float], object], level: float) -> None:
    with pytest.raises(SettingsError, match=f"level must lie between 0 and 1, .*received {level}"):
        use(level)


class TestMcNemar:
    def test_by_hand(self) -> None:
        # 1 against 4 disagreements: 2 * (1 + 5) / 2**5 = 12 / 32.
        a, b = right(10, 1, 4, 2)
        assert mcnemar_exact(a, b) == McNemar(1, 4, 0.375)
        assert mcnemar_exact(b, a) == McNemar(4, 1, 0.375)

    @pytest.mark.parametrize(("table", "p_value"), [(AIRWAYS, 0.0703), (THERAPY, 0.052479), (APPROVAL, 3.716e-5)])
    def test_published_cases(self, table: tuple[int, int, int, int], p_value: float) -> None:
        assert mcnemar_exact(*right(*table)).p_value == pytest.approx(p_value, rel=5e-4)

    @pytest.mark.parametrize("count", [0, 1, 50, 4_000])
    def test_even_split_never_exceeds_1(self, count: int) -> None:
        assert mcnemar_exact(*right(3, count, count, 3)).p_value == 1.0
        assert 1 - 1e-9 < mcnemar_exact(*right(3, count, count + 1, 3)).p_value <= 1.0

    def test_thousands_all_one_way(self) -> None:
        # 2 * 2**-1000, which the sum of plain powers would still reach; 2 * 2**-5000 is below any float.
        assert mcnemar_exact(*right(0, 1_000, 0, 0)).p_value == pytest.approx(2.0**-999, rel=1e-9)
        assert mcnemar_exact(*right(0, 5_000, 0, 0)).p_value == 0.0


class TestHolm:
    @pytest.mark.parametrize(
        ("given", "adjusted"),
        [
            # Sorted: 0.01 * 4, 0.02 * 3, 0.025 * 2 lifted to the 0.06 before it, 0.6 * 1.
            ([0.025, 0.01, 0.6, 0.02], [0.06, 0.04, 0.6, 0.06]),
            ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
            ([0.5, 0.5, 1.0], [1.0, 1.0, 1.0]),
            ([0.0, 0.0], [0.0, 0.0]),
            ([0.3], [0.3]),
            ([], []),
        ],
    )
    def test_by_hand(self, given: list[float], adjusted: list[float]) -> None:
        assert holm(given) == pytest.approx(adjusted)

    def test_against_the_sequential_definition(self) -> None:
        """Holm's own procedure: go through the sorted values while each is at most level / (those left)."""
        rng = np.random.default_rng(4)
        for size in range(1, 9):
            p_values = np.round(rng.random(size) ** 3, 2)  # rounded so that ties occur
            adjusted = np.array(holm(p_values.tolist()))
            for level in (0.013, 0.0507, 0.1003, 0.3007):
                rejected = np.zeros(size, bool)
                for rank, index in enumerate(np.argsort(p_values, kind="stable")):
                    if p_values[index] > level / (size - rank):
                        break
                    rejected[index] = True
                np.testing.assert_array_equal(adjusted <= level, rejected)

    @pytest.mark.parametrize("wrong", [-0.1, 1.1, math.nan])
    def test_refuses(self, wrong: float) -> None:
        with pytest.raises(DataError, match=f"received {wrong}"):
            holm([0.5, wrong])


def test_what_others_rule_out_needs_no_correction() -> None:
    asked = []

    def most(false: Sequence[int]) -> int:
        asked.append(list(false))
        # Of three that are equal or not, two cannot be equal where one is not.
        return 1 if false else 3

    # The least times 3, lifts the second, 0.02 times 1; the third is greater by itself.
    assert step_down([0.04, 0.01, 0.02], most) == pytest.approx([0.04, 0.03, 0.03])
    assert asked == [[], [1], [1, 2]]
    assert step_down([0.0, 1.0], lambda false: 2) == [0.0, 1.0]


def tango_by_likelihood(b: int, c: int, strips: int) -> tuple[float, float]:
    """Tango's limits from first principles: the constrained likelihood maximised by search, the score solved by Brent.

    Shares its formula for the variance with nothing in the package.
    """

    def excess(difference: float) -> float:
        def unlikelihood(q: float) -> float:
            rest = 1 - 2 * q - difference
            return -float(
                stats.multinomial.logpmf([b, c, strips - b - c], strips, [q + difference, q, rest])
                if min(q + difference, q, rest) > 0
                else -math.inf
            )

        bounds = (max(0.0, -difference) + 1e-12, (1 - difference) / 2 - 1e-12)
        q = optimize.minimize_scalar(unlikelihood, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
        variance = (2 * q + difference - difference**2) / strips
        return ((b - c) / strips - difference) / math.sqrt(variance)

    observed = (b - c) / strips
    low = optimize.brentq(lambda difference: excess(difference) - Z, -0.999, observed)
    high = optimize.brentq(lambda difference: excess(difference) + Z, observed, 0.999)
    return low, high


class TestPairedDifference:
    def test_by_hand(self) -> None:
        # b = c = 0: at difference d > 0 the variance is d (1 - d) / n, so n d² = z² d (1 - d), d = z² / (n + z²).
        bound = Z**2 / (40 + Z**2)
        result = paired_difference(*right(25, 0, 0, 15))
        assert (result.difference, result.low, result.high) == pytest.approx((0.0, -bound, bound))
        # Only a is ever right, b = n and c = 0: the likeliest q at difference d is (1 - d) / 2, which leaves a variance
        # of 1 - d², so n (1 - d)² = z² (1 - d²) and d = (n - z²) / (n + z²).
        result = paired_difference(*right(0, 12, 0, 0))
        assert (result.difference, result.low, result.high) == pytest.approx((1.0, (12 - Z**2) / (12 + Z**2), 1.0))

    @pytest.mark.parametrize(
        ("table", "limits"),
        [
            (THERAPY, (-0.0621, -0.1240, -0.0054)),
            (AIRWAYS, (-0.2857, -0.5172, -0.0260)),
            (APPROVAL, (0.0400, 0.0214, 0.0590)),
        ],
    )
    def test_published_cases(self, table: tuple[int, int, int, int], limits: tuple[float, float, float]) -> None:
        result = paired_difference(*right(*table))
        assert (result.difference, result.low, result.high) == pytest.approx(limits, abs=5e-5)

    @pytest.mark.parametrize(
        ("b", "c", "strips"), [(1, 7, 21), (6, 16, 161), (3, 0, 50), (0, 1, 44), (300, 240, 9_000)]
    )
    def test_against_the_likelihood(self, b: int, c: int, strips: int) -> None:
        result = paired_difference(*right(strips - b - c, b, c, 0))
        assert (result.low, result.high) == pytest.approx(tango_by_likelihood(b, c, strips), abs=2e-6)

    def test_agrees_with_the_score_test_of_no_difference(self) -> None:
        rng = np.random.default_rng(5)
        for b, c in rng.integers(0, 40, (60, 2)).tolist():
            result = paired_difference(*right(100, b, c, 7))
            significant = (b - c) ** 2 > Z**2 * (b + c)
            assert (result.low > 0 or result.high < 0) == significant
            assert -1 <= result.low <= result.difference <= result.high <= 1

    def test_symmetric_and_wider_at_a_higher_level(self) -> None:
        a, b = right(50, 9, 4, 2)
        narrow, wide, backward = paired_difference(a, b, 0.8), paired_difference(a, b), paired_difference(b, a)
        assert wide.low < narrow.low < narrow.high < wide.high
        assert (wide.low, wide.high) == (-backward.high, -backward.low)


@pytest.mark.parametrize("compare", [mcnemar_exact, paired_difference])
@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.zeros(0, bool), np.zeros(0, bool)),
        (np.zeros(3, bool), np.zeros(4, bool)),
        (np.zeros((3, 5), bool), np.zeros((3, 5), bool)),
        (np.zeros(3), np.zeros(3, bool)),
        ([], []),
    ],
)
def test_comparisons_refuse(compare: Callable[[Any, Any], object], a: object, b: object) -> None:
    with pytest.raises(DataError, match="N at least 1; received "):
        compare(a, b)


class TestDifferenceOverTrainings:
    def test_published_case(self) -> None:
        """Hours of sleep gained by ten patients with one drug over the other, tenths: Student 1908, Biometrika 6, 1-25.

        R's help of t.test has the same data: t = 4.0621, p = 0.002833, 95 % interval 0.7001 to 2.4599.
        """
        gained = [0.12, 0.24, 0.13, 0.13, 0.0, 0.10, 0.18, 0.08, 0.46, 0.14]
        result = difference_over_trainings(gained, [0.0] * 10, allowed=5.0)
        assert (result.difference, result.low, result.high) == pytest.approx((0.158, 0.07001, 0.24599), abs=5e-6)
        assert result.p_value == pytest.approx(0.002833, abs=5e-7)

    @pytest.mark.parametrize("count", [3, 5, 20])
    def test_against_scipy(self, count: int) -> None:
        differences = np.random.default_rng(9).normal(0.02, 0.03, count)
        result = difference_over_trainings(differences.tolist(), [1e-5] * count, 0.1, 0.9)
        expected = stats.ttest_1samp(differences, 0)
        assert result.p_value == pytest.approx(expected.pvalue, abs=1e-12)
        assert (result.low, result.high) == pytest.approx(expected.confidence_interval(0.9), rel=1e-9)
        assert result.spread == pytest.approx(math.sqrt(differences.var(ddof=1) - 1e-5))

    def test_one_training_by_hand(self) -> None:
        # Strips 0.03², training 0.04²: 0.05 in all.
        result = difference_over_trainings([0.2], [0.0009], 0.04)
        assert (result.low, result.high) == pytest.approx((0.2 - 0.05 * Z, 0.2 + 0.05 * Z))
        assert result.p_value == pytest.approx(2 * stats.norm.sf(4))
        assert (result.spread, result.variance) == pytest.approx((0.04, 0.0025))

    def test_two_trainings_by_hand(self) -> None:
        mirrored = difference_over_trainings([-0.21, -0.19], [0.0009, 0.0009], 0.04)
        assert mirrored.p_value == pytest.approx(2 * stats.norm.sf(0.2 / 0.05 * math.sqrt(2)))
        close = difference_over_trainings([0.19, 0.21], [0.0009, 0.0009], 0.04)
        assert close.high - close.low == pytest.approx(2 * Z * 0.05 / math.sqrt(2))
        # The observed spread is wider than the allowed one: variance (0.1² + 0.1²) / 1.
        far = difference_over_trainings([0.1, 0.3], [0.0009, 0.0009], 0.04)
        assert far.high - far.low == pytest.approx(2 * Z * 0.1)
        assert far.spread == pytest.approx(math.sqrt(0.02 - 0.0009))

    def test_trainings_that_agree(self) -> None:
        assert difference_over_trainings([0.1] * 3, [0.0] * 3, 0.0).p_value == 0.0
        assert difference_over_trainings([0.0] * 3, [0.0] * 3, 0.0).p_value == 1.0
        # Less than the strips alone would make them differ: no spread is left for the training.
        assert difference_over_trainings([0.1] * 3, [0.01] * 3, 0.5).spread == 0.0

    def test_stays_within_what_is_possible(self) -> None:
        result = difference_over_trainings([-0.9, 0.9, 0.5], [0.0] * 3, 0.0)
        assert (result.low, result.high) == (-1.0, 1.0)

    @pytest.mark.parametrize(("differences", "strips"), [([], []), ([0.1], []), ([0.1, 0.2], [0.01])])
    def test_refuses(self, differences: list[float], strips: list[float]) -> None:
        with pytest.raises(DataError, match="; received "):
            difference_over_trainings(differences, strips, 0.1)


@pytest.mark.parametrize(
    ("trainings", "point"), [(1, 1.960), (2, 1.960), (3, 4.303), (4, 3.182), (11, 2.228), (31, 2.042), (121, 1.980)]
)
def test_critical_against_the_printed_table(trainings: int, point: float) -> None:
    assert critical(0.95, trainings) == pytest.approx(point, abs=5e-4)


class TestMeanAndSpread:
    def test_by_hand(self) -> None:
        # 2, 4, 9: mean 5, squared deviations 9 + 1 + 16 = 26, over 2.
        assert mean_and_spread([4.0, 2.0, 9.0]) == Spread(5.0, math.sqrt(13), 2.0, 9.0, 3)
        assert mean_and_spread([0.7]) == Spread(0.7, None, 0.7, 0.7, 1)
        assert mean_and_spread([0.1] * 10) == Spread(0.1, 0.0, 0.1, 0.1, 10)

    @pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf]])
    def test_refuses(self, values: list[float]) -> None:
        with pytest.raises(DataError, match="; received "):
            mean_and_spread(values)


@pytest.mark.parametrize(("only_a", "only_b", "strips"), [(3, 5, 400), (0, 0, 300), (20, 4, 1_000), (12, 12, 500)])
@pytest.mark.parametrize("margin", [0.005, 0.02, 0.05])
def test_the_same_where_the_interval_is_within_the_margin(only_a: int, only_b: int, strips: int, margin: float) -> None:
    a, b = right(strips - only_a - only_b, only_a, only_b, 0)
    p_value = paired_equivalence(a, b, margin)
    assert p_value == pytest.approx(paired_equivalence(b, a, margin))
    # Two one-sided tests at 5 % are an interval of 90 %.
    found = paired_difference(a, b, 0.9)
    assert (p_value < 0.05) == (-margin < found.low and found.high < margin)


class TestEquivalence:
    def test_by_hand(self) -> None:
        # The runs never disagree: at a difference d the variance is d (1 - d) / n, so z² = n d / (1 - d).
        assert paired_equivalence(*right(3, 0, 0, 1), 0.5) == pytest.approx(stats.norm.sf(2))
        assert paired_equivalence(*right(3, 0, 0, 1), 0.05) == pytest.approx(stats.norm.sf(math.sqrt(0.2 / 0.95)))
        # Only one is ever right: 1 - d² is the variance, and z² = n (1 - d) / (1 + d) speaks for more than the margin.
        assert paired_equivalence(*right(0, 4, 0, 0), 0.6) == pytest.approx(stats.norm.cdf(1))
        assert paired_equivalence(*right(0, 0, 4, 0), 0.6) == pytest.approx(stats.norm.cdf(1))

    @pytest.mark.parametrize("difference", [0.01, -0.01])
    def test_over_trainings_by_hand(self, difference: float) -> None:
        found = TrainedDifference(difference, -0.1, 0.1, 0.5, spread=0.2, variance=0.0009)
        # 0.06 are left of the margin: two standard errors of 0.03 with one training, and of 0.03 / √2 with two.
        assert equivalence_over_trainings(found, 1, 0.07) == pytest.approx(stats.norm.sf(2))
        assert equivalence_over_trainings(found, 2, 0.07) == pytest.approx(stats.norm.sf(2 * math.sqrt(2)))
        # From three on Student's t, of two degrees of freedom: 1/2 - t / (2 √(2 + t²)).
        t = 2 * math.sqrt(3)
        assert equivalence_over_trainings(found, 3, 0.07) == pytest.approx(0.5 - t / 2 / math.sqrt(2 + t**2))

    def test_trainings_that_agree(self) -> None:
        found = TrainedDifference(-0.25, -0.25, -0.25, 0.0, spread=0.0, variance=0.0)
        assert [equivalence_over_trainings(found, 3, margin) for margin in (0.2, 0.25, 0.3)] == [1.0, 1.0, 0.0]
