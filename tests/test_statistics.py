"""Intervals, paired tests and corrections, against cases worked by hand, published ones and scipy.

That the intervals cover what they claim to is in test_verdict_simulated.py.
"""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize, stats  # type: ignore[import-untyped, unused-ignore]

import multidigit.statistics as module
from multidigit.errors import DataError, SettingsError
from multidigit.statistics import (
    Interval,
    McNemar,
    Spread,
    difference_over_trainings,
    holm,
    mcnemar_exact,
    mean_and_spread,
    paired_difference,
    student_t,
    student_t_quantile,
    wilson_interval,
)

Z = 1.959963984540054
"""The standard normal's 97.5 % point, from tables."""


def readers(both: int, only_a: int, only_b: int, neither: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Right strips of two readers with the given counts in the fourfold table."""
    counts = [both, only_a, only_b, neither]
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


class TestImport:
    """The module bears the name of a standard one; neither may hide the other."""

    @pytest.mark.parametrize(
        "code",
        [
            "import statistics, multidigit.statistics as ours; assert statistics is not ours and statistics.NormalDist",
            "import multidigit.statistics as ours, statistics; assert statistics is not ours and statistics.NormalDist",
            "import runpy; runpy.run_module('multidigit.statistics', run_name='__main__')",
            "import sys, multidigit.metrics; assert not [name for name in sys.modules if name.startswith('scipy')]",
        ],
    )
    def test_both_are_found(self, code: str) -> None:
        root = Path(module.__file__).parents[1]
        done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


class TestWilson:
    def test_by_hand_at_z_2(self) -> None:
        # With z = 2, 1 of 4 right: centre (1 + 2) / 8, half width 2 / 8 * sqrt(4 * 3/16 + 1) = sqrt(7) / 8.
        level = math.erf(2 / math.sqrt(2))
        low, high = wilson_interval(1, 4, level)
        assert (low, high) == pytest.approx(((3 - math.sqrt(7)) / 8, (3 + math.sqrt(7)) / 8))

    def test_all_right_and_all_wrong_by_hand(self) -> None:
        # All wrong: 0 to z² / (n + z²); all right is its mirror image.
        bound = Z**2 / (10 + Z**2)
        assert wilson_interval(0, 10) == pytest.approx((0.0, bound))
        assert wilson_interval(10, 10) == pytest.approx((1 - bound, 1.0))
        assert wilson_interval(0, 10).low == 0.0
        assert wilson_interval(10, 10).high == 1.0

    @pytest.mark.parametrize(
        ("successes", "trials", "low", "high"),
        [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
    )
    def test_published_cases(self, successes: int, trials: int, low: float, high: float) -> None:
        """Newcombe 1998, Statistics in Medicine 17, 857-872, table I, method 3."""
        assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)

    @pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
    def test_against_scipy(self, level: float) -> None:
        rng = np.random.default_rng(1)
        for trials in [1, 2, 7, *rng.integers(1, 30_000, 20).tolist()]:
            for successes in {0, trials, int(rng.integers(0, trials + 1))}:
                expected = stats.binomtest(successes, trials).proportion_ci(level, "wilson")
                received = wilson_interval(successes, trials, level)
                assert received == pytest.approx((expected.low, expected.high), abs=1e-12)
                assert received.low <= successes / trials <= received.high

    def test_is_a_pair_of_plain_floats(self) -> None:
        interval = wilson_interval(3, 5)
        assert isinstance(interval, Interval)
        assert [type(limit) for limit in interval] == [float, float]

    def test_level_next_to_1(self) -> None:
        low, high = wilson_interval(1, 2, math.nextafter(1, 0))
        assert 0 < low < high < 1

    @pytest.mark.parametrize(("successes", "trials"), [(0, 0), (-1, 3), (4, 3)])
    def test_refuses_counts(self, successes: int, trials: int) -> None:
        with pytest.raises(DataError, match="; Received: "):
            wilson_interval(successes, trials)

    @pytest.mark.parametrize("level", [0.0, 1.0, 95.0, math.nan])
    def test_refuses_level(self, level: float) -> None:
        with pytest.raises(SettingsError, match="; Received: "):
            wilson_interval(1, 2, level)


class TestMcNemar:
    def test_by_hand(self) -> None:
        # 1 against 4 disagreements: 2 * (1 + 5) / 2**5 = 12 / 32.
        result = mcnemar_exact(*readers(10, 1, 4, 2))
        assert (result.b, result.c) == (1, 4)
        assert result.p_value == pytest.approx(0.375)
        swapped = mcnemar_exact(*reversed(readers(10, 1, 4, 2)))
        assert (swapped.b, swapped.c, swapped.p_value) == (4, 1, result.p_value)

    @pytest.mark.parametrize(
        ("table", "p_value"),
        [
            # Airway hyper-responsiveness (Bentur et al. 2009) and response to therapy (Cavo et al. 2012) in Fagerland,
            # Lydersen and Laake's book, chapter 8.
            ((1, 1, 7, 12), 0.0703),
            ((59, 6, 16, 80), 0.052479),
            # Approval of the prime minister, twice: Agresti, Categorical Data Analysis, chapter 10; z = 4.17 there.
            ((794, 150, 86, 570), 3.716e-5),
        ],
    )
    def test_published_cases(self, table: tuple[int, int, int, int], p_value: float) -> None:
        assert mcnemar_exact(*readers(*table)).p_value == pytest.approx(p_value, rel=5e-4)

    @pytest.mark.parametrize(("both", "neither"), [(1, 0), (0, 1), (7, 3)])
    def test_no_disagreement(self, both: int, neither: int) -> None:
        assert mcnemar_exact(*readers(both, 0, 0, neither)) == McNemar(0, 0, 1.0)

    @pytest.mark.parametrize("count", [1, 2, 50, 4_000])
    def test_even_split_never_passes_1(self, count: int) -> None:
        assert mcnemar_exact(*readers(3, count, count, 3)).p_value == 1.0
        assert 1 - 1e-9 < mcnemar_exact(*readers(3, count, count + 1, 3)).p_value <= 1.0

    def test_against_scipy(self) -> None:
        rng = np.random.default_rng(3)
        counts = [(1, 0), (0, 6), (3_000, 3_100), (5_500, 4_500), *rng.integers(0, 60, (40, 2)).tolist()]
        for b, c in counts:
            expected = stats.binomtest(b, b + c).pvalue if b + c else 1.0
            assert mcnemar_exact(*readers(5, b, c, 5)).p_value == pytest.approx(expected, rel=1e-8)

    def test_thousands_all_one_way(self) -> None:
        # 2 * 2**-1000, which the sum of plain powers would still reach; 2 * 2**-5000 is below any float.
        assert mcnemar_exact(*readers(0, 1_000, 0, 0)).p_value == pytest.approx(2.0**-999, rel=1e-9)
        assert mcnemar_exact(*readers(0, 5_000, 0, 0)).p_value == 0.0


class TestHolm:
    def test_by_hand(self) -> None:
        # Sorted: 0.01 * 4, 0.02 * 3, 0.025 * 2 lifted to the 0.06 before it, 0.6 * 1.
        assert holm([0.025, 0.01, 0.6, 0.02]) == pytest.approx([0.06, 0.04, 0.6, 0.06])

    def test_the_usual_example(self) -> None:
        # Four hypotheses at 0.05: 0.005 and 0.01 fall, 0.03 stands for 0.03 > 0.05 / 2, and so does 0.04.
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])

    def test_ends(self) -> None:
        assert holm([]) == []
        assert holm([0.3]) == [0.3]
        assert holm([0.5, 0.5, 1.0]) == [1.0, 1.0, 1.0]
        assert holm([0.0, 0.0]) == [0.0, 0.0]

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
        with pytest.raises(DataError, match="; Received: "):
            holm([0.5, wrong])


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
    @pytest.mark.parametrize(("both", "neither"), [(1, 0), (0, 1), (40, 0), (25, 15)])
    def test_no_disagreement_by_hand(self, both: int, neither: int) -> None:
        # b = c = 0: at difference d > 0 the variance is d (1 - d) / n, so n d² = z² d (1 - d), d = z² / (n + z²).
        bound = Z**2 / (both + neither + Z**2)
        result = paired_difference(*readers(both, 0, 0, neither))
        assert (result.difference, result.low, result.high) == pytest.approx((0.0, -bound, bound))

    def test_all_one_way_by_hand(self) -> None:
        # Only a is ever right, b = n and c = 0: the likeliest q at difference d is (1 - d) / 2, which leaves a variance
        # of 1 - d², so n (1 - d)² = z² (1 - d²) and d = (n - z²) / (n + z²).
        result = paired_difference(*readers(0, 12, 0, 0))
        assert (result.difference, result.low, result.high) == pytest.approx((1.0, (12 - Z**2) / (12 + Z**2), 1.0))

    @pytest.mark.parametrize(
        ("table", "limits"),
        [
            # 161 patients before and after therapy (Cavo et al. 2012), by the R package contingencytables, which goes
            # with Fagerland, Lydersen and Laake 2017, Statistical Analysis of Contingency Tables, chapter 8.
            ((59, 6, 16, 80), (-0.0621, -0.1240, -0.0054)),
            # 21 children before and after a transplantation (Bentur et al. 2009): there, and Fagerland et al. 2014.
            ((1, 1, 7, 12), (-0.2857, -0.5172, -0.0260)),
            # Agresti, Categorical Data Analysis, chapter 10, has 0.02 to 0.06 from the large-sample formula.
            ((794, 150, 86, 570), (0.0400, 0.0214, 0.0590)),
        ],
    )
    def test_published_cases(self, table: tuple[int, int, int, int], limits: tuple[float, float, float]) -> None:
        result = paired_difference(*readers(*table))
        assert (result.difference, result.low, result.high) == pytest.approx(limits, abs=5e-5)

    @pytest.mark.parametrize(
        ("b", "c", "strips"), [(1, 7, 21), (40, 20, 160), (6, 16, 161), (3, 0, 50), (0, 1, 44), (300, 240, 9_000)]
    )
    def test_against_the_likelihood(self, b: int, c: int, strips: int) -> None:
        result = paired_difference(*readers(strips - b - c, b, c, 0))
        assert (result.low, result.high) == pytest.approx(tango_by_likelihood(b, c, strips), abs=2e-6)

    def test_agrees_with_the_score_test_of_no_difference(self) -> None:
        rng = np.random.default_rng(5)
        for b, c in rng.integers(0, 40, (60, 2)).tolist():
            result = paired_difference(*readers(100, b, c, 7))
            significant = (b - c) ** 2 > Z**2 * (b + c)
            assert (result.low > 0 or result.high < 0) == significant
            assert -1 <= result.low <= result.difference <= result.high <= 1

    def test_swapping_the_readers_mirrors_it(self) -> None:
        a, b = readers(50, 9, 4, 2)
        forward, backward = paired_difference(a, b), paired_difference(b, a)
        assert (forward.low, forward.high) == pytest.approx((-backward.high, -backward.low), abs=0)

    def test_wider_at_a_higher_level(self) -> None:
        a, b = readers(50, 9, 4, 2)
        narrow, wide = paired_difference(a, b, 0.8), paired_difference(a, b, 0.99)
        assert wide.low < narrow.low < narrow.high < wide.high


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
def test_comparisons_refuse(compare: object, a: object, b: object) -> None:
    assert callable(compare)
    with pytest.raises(DataError, match="; Received: "):
        compare(a, b)


class TestStudent:
    @pytest.mark.parametrize(
        ("freedom", "point"), [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (10, 2.228), (30, 2.042), (120, 1.980)]
    )
    def test_against_the_printed_table(self, freedom: int, point: float) -> None:
        assert student_t_quantile(0.95, freedom) == pytest.approx(point, abs=5e-4)
        assert student_t(point, freedom) == pytest.approx(0.05, abs=5e-5)

    def test_against_scipy(self) -> None:
        rng = np.random.default_rng(8)
        for freedom in [1, 2, 3, 4, 5, 29, 30, 999]:
            for t in [0.0, 1e3, *(10 * rng.random(20)).tolist()]:
                assert student_t(t, freedom) == pytest.approx(2 * stats.t.sf(t, freedom), abs=1e-12)
                assert student_t(-t, freedom) == student_t(t, freedom)
            for level in [0.6, 0.95, 1 - 0.05 / 6, 1 - 1e-6, *rng.random(20).tolist()]:
                expected = stats.t.ppf(0.5 + level / 2, freedom)
                assert student_t_quantile(level, freedom) == pytest.approx(expected, rel=1e-9)

    def test_refuses(self) -> None:
        with pytest.raises(DataError, match="; Received: 0"):
            student_t(1.0, 0)
        with pytest.raises(DataError, match="; Received: 0"):
            student_t_quantile(0.95, 0)
        with pytest.raises(SettingsError, match=r"; Received: 1\.0"):
            student_t_quantile(1.0, 3)


class TestDifferenceOverTrainings:
    def test_published_case(self) -> None:
        """Hours of sleep gained by ten patients with one drug over the other, tenths: Student 1908, Biometrika 6, 1-25.

        R's help of t.test has the same data: t = 4.0621, p = 0.002833, 95 % interval 0.7001 to 2.4599.
        """
        gained = [0.12, 0.24, 0.13, 0.13, 0.0, 0.10, 0.18, 0.08, 0.46, 0.14]
        result = difference_over_trainings(gained, [0.0] * 10, allowed=5.0)
        assert (result.difference, result.low, result.high) == pytest.approx((0.158, 0.07001, 0.24599), abs=5e-6)
        assert result.p_value == pytest.approx(0.002833, abs=5e-7)

    def test_against_scipy(self) -> None:
        rng = np.random.default_rng(9)
        for count in (3, 4, 5, 20):
            differences = rng.normal(0.02, 0.03, count)
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
        close = difference_over_trainings([0.19, 0.21], [0.0009, 0.0009], 0.04)
        assert close.high - close.low == pytest.approx(2 * Z * 0.05 / math.sqrt(2))
        # What is seen is wider than what was allowed: variance (0.1² + 0.1²) / 1.
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
        with pytest.raises(DataError, match="; Received: "):
            difference_over_trainings(differences, strips, 0.1)


class TestMeanAndSpread:
    def test_by_hand(self) -> None:
        # 2, 4, 9: mean 5, squared deviations 9 + 1 + 16 = 26, over 2.
        assert mean_and_spread([4.0, 2.0, 9.0]) == Spread(5.0, math.sqrt(13), 2.0, 9.0, 3)

    def test_one_value(self) -> None:
        assert mean_and_spread([0.7]) == Spread(0.7, None, 0.7, 0.7, 1)

    def test_equal_values(self) -> None:
        assert mean_and_spread([0.1] * 10) == Spread(0.1, 0.0, 0.1, 0.1, 10)

    def test_against_numpy(self) -> None:
        values = np.random.default_rng(7).normal(1e6, 1e-3, 50)
        result = mean_and_spread(values.tolist())
        assert result.mean == pytest.approx(values.mean())
        assert result.standard_deviation == pytest.approx(values.std(ddof=1), rel=1e-5)

    @pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf]])
    def test_refuses(self, values: list[float]) -> None:
        with pytest.raises(DataError, match="; Received: "):
            mean_and_spread(values)
