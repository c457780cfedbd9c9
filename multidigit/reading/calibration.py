"""How certain a reading really is: one temperature for probabilities, and thresholds that keep a promised accuracy.

Both are about whole numbers, as they are read with nothing known of them: the likeliest number, right or not, and its
confidence. Both are fitted once, in training, on strips that neither taught the network nor chose its weights, and kept
with the run.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import RunError, SettingsError
from multidigit.labels import BLANK
from multidigit.reading.decoding import decode
from multidigit.runs import CALIBRATION, LITERT_MODEL, Run, read_json

RISK = 0.05
"""How often, over all validation sets that might have been drawn, a threshold may promise too much."""
TEMPERATURES = (0.25, 4.0)
MOST_STRIPS, MOST_POINTS = 10_000_000, 300
"""Of a calibration from outside: so many strips give 251 points."""
_FIRST, _GROWTH = 50, 1.05
"""Strips that the first threshold answers, and the factor by which each further one answers more."""
_DECIMALS = 6
"""Of a confidence; what LiteRT gives on another machine differs in the decimals behind."""
_CERTAIN = 1e-9
"""In the loss a confidence comes no closer to 0 and 1, so that one wrong strip cannot outweigh all others."""
_FLOOR = float(np.finfo(np.float32).tiny)
_TRIED = 33
"""Temperatures tried over the whole range, before the search between the neighbours of the best."""


class Point(NamedTuple):
    """What happens when only numbers of a certain confidence are answered.

    Attributes:
        threshold: a number is answered when its confidence is at least this.
        answered: strips whose number is answered.
        right: how many of these are right.
    """

    threshold: float
    answered: int
    right: int


@dataclass(frozen=True)
class Calibration:
    """The calibration of one model; without arguments the one that changes nothing and promises nothing.

    Attributes:
        temperature: above 1 where the model is more confident than it should be, below 1 where it is less.
        strips: how many it was fitted on.
        error_before: expected calibration error on these strips before the temperature was applied, 0 to 1.
        error_after: the same after.
        points: fewest strips answered first.
    """

    temperature: float = 1.0
    strips: int = 0
    error_before: float | None = None
    error_after: float | None = None
    points: tuple[Point, ...] = ()

    def apply(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities to the power of 1 / temperature, each slot summing to 1 again. No answer changes.

        Args:
            probabilities: ``float32``, shape (N, slots, 11).

        Returns:
            The same shape; the very array received where the temperature is 1.

        Source: Guo et al. 2017, arXiv 1706.04599, section 4.2.
        """
        if self.temperature == 1:
            return probabilities
        tempered = np.exp(_logs(probabilities) / self.temperature)
        tempered /= tempered.sum(-1, keepdims=True)
        found: NDArray[np.float32] = tempered.astype(np.float32)
        # Where two classes were almost equally likely, rounding may have made them equal and the other one first.
        best = probabilities.argmax(-1)
        lost = found.argmax(-1) != best
        if lost.any():
            found[lost, best[lost]] = np.nextafter(found[lost].max(-1), np.float32(1))
        return found

    def threshold(self, accuracy: float) -> float | None:
        """The lowest confidence from which on numbers are right often enough, as far as the fitted strips can show it.

        Numbers of at least this confidence are right with at least the given probability, if the pictures are like the
        fitted strips. Fitted strips drawn anew would give another threshold; at most one such threshold in twenty
        breaks the promise.

        How: every point is a test of "too few are right", by the exact binomial tail, from the fewest strips answered
        downwards. One that passes hands its allowance of error on to the next, one that fails loses it. The risk of
        5 % is divided evenly among some starts: the points that answer twice as many strips as could pass if every one
        were right, twice as many as that, and so on. A single sequence with one start at the top would end at the first
        wrong answer of great confidence: in about every fourth training at once.

        Why the promise holds: points and starts are counts of strips, chosen without regard to what is right. Let t be
        the confidence down to which the promise is true, and let strips below it be right less often, as confidence
        says. The M strips above t are M draws, each right with probability ``accuracy``; a point below t adds strips to
        them that are right less often still, so it passes with no more than its allowance. The first point below t has
        the allowances of starts before it, a later one only those of starts behind the last failure: none is spent
        twice, so that all together err in at most 5 %.

        Source: fixed sequences as in Angelopoulos et al. 2021, arXiv 2110.01052 (Learn then Test); handing on and
        starting anew is the fallback procedure of Wiens 2003, Pharmaceutical Statistics 2, 211-215.

        Args:
            accuracy: between 0 and 1, both excluded.

        Returns:
            The threshold, or ``None`` where the strips support none.

        Raises:
            SettingsError: the accuracy is out of range.
        """
        if not 0 < accuracy < 1:
            raise SettingsError(f"the accuracy to keep must lie between 0 and 1, both excluded; received {accuracy}")
        starts = self._starts(2 * math.log(RISK) / math.log(accuracy))
        allowance, found = 0.0, None
        for index, (threshold, answered, right) in enumerate(self.points):
            allowance += RISK / len(starts) if index in starts else 0
            # Nothing passes without allowance, not even a tail that rounds to 0.
            if allowance and binomial_tail(answered, right, accuracy) <= allowance:
                found = threshold
            else:
                allowance = 0.0
        return found

    def _starts(self, wanted: float) -> set[int]:
        """The first points that answer the wanted number of strips, or all, and twice, four times, ... as many."""
        answered = [point.answered for point in self.points]
        starts = set()
        wanted = min(wanted, self.strips)
        while answered and wanted <= self.strips:
            starts.add(int(np.searchsorted(answered, wanted)))
            wanted *= 2
        return starts

    def as_json(self) -> dict[str, Any]:
        """In plain Python values that JSON keeps as they are."""
        return {**asdict(self), "points": [list(point) for point in self.points]}

    @classmethod
    def from_json(cls, data: Any, where: str = "calibration") -> Calibration:
        """The calibration that ``as_json`` described.

        Raises:
            RunError: ``data`` is no such description; the message names ``where`` it was read.
        """
        try:
            found = cls(**{**data, "points": tuple(Point(*row) for row in data["points"])})
            consistent = found._consistent()
        except (TypeError, KeyError, OverflowError):
            consistent = False
        if not consistent:
            raise RunError(
                f"{where}: must hold the temperature and the points of a calibration; received something else; "
                "restore the file or train the run again"
            )
        return found

    def _consistent(self) -> bool:
        """Whether values from outside can be those of a calibration. Written so that NaN cannot."""
        lowest, highest = TEMPERATURES
        errors = [error for error in (self.error_before, self.error_after) if error is not None]
        counts = [self.strips, *(count for point in self.points for count in point[1:])]
        if len(self.points) > MOST_POINTS or any(type(count) is int and count > MOST_STRIPS for count in counts):
            return False
        # Strips and right ones grow from point to point, and confidence falls.
        steps = pairwise([Point(math.inf, 0, 0), *self.points])
        return (
            lowest <= self.temperature <= highest
            and all(0 <= error <= 1 for error in errors)
            and all(type(count) is int for count in counts)
            and self.strips == (self.points[-1].answered if self.points else 0)
            and all(
                more.threshold < less.threshold and 0 <= more.right - less.right <= more.answered - less.answered > 0
                for less, more in steps
            )
        )


def read_calibration(run: Run, model: str = LITERT_MODEL) -> Calibration:
    """The calibration of one of a run's LiteRT models; runs of old versions have none.

    Raises:
        RunError: the part is damaged.
    """
    path = run.path / CALIBRATION
    stored = read_json(path) if run.has(CALIBRATION) else {}
    return Calibration.from_json(stored[model], f"{path}: {model}") if model in stored else Calibration()


def binomial_tail(answered: int, right: int, accuracy: float) -> float:
    """Probability that so many strips or more of those answered are right, if each is with probability ``accuracy``.

    Summed over the wrong ones, which are usually few. ``scipy.special.bdtrc`` gives the same, but takes longer to
    import than everything else that reads a picture.
    """
    wrong = np.arange(1, answered - right + 1)
    ways = np.append(0.0, np.cumsum(np.log((answered - wrong + 1) / wrong)))
    count = np.append(0, wrong)
    logs = ways + count * math.log1p(-accuracy) + (answered - count) * math.log(accuracy)
    return min(1.0, float(np.exp(logs).sum()))


def fit(slots: NDArray[np.uint8], probabilities: NDArray[np.float32]) -> Calibration:
    """The calibration of a model from its probabilities for labelled strips.

    The temperature minimises the log loss of the whole number's confidence against whether the number is right. The
    usual one minimises the log loss of every slot by itself. It makes each slot honest, but errors come together in
    strips that are hard to read, and there the product of honest slots is less than the probability that all are right.

    Args:
        slots: true class ids ``uint8``, shape (N, slots), of strips that training has not used; those without a number,
            all blank, count as wrong whatever number is read in them.
        probabilities: ``float32``, shape (N, slots, 11).

    Raises:
        DataError: the arrays do not fit these shapes or each other, or hold no strip.
    """
    from multidigit import metrics  # only here, so that reading starts faster

    before = decode(probabilities)
    answers = before.slots[:, 0]
    # The likeliest number is the same at every temperature. Where no number is possible it is all blank.
    numbers = answers[:, 0] != BLANK
    correct = metrics.right(slots, answers) & numbers
    temperature = _temperature(_logs(probabilities[numbers]), answers[numbers], correct[numbers])
    after = decode(Calibration(temperature).apply(probabilities))
    return Calibration(
        temperature,
        len(slots),
        metrics.expected_calibration_error(before.confidence[:, 0], correct),
        metrics.expected_calibration_error(after.confidence[:, 0], correct),
        tuple(points(after.confidence[:, 0], correct)),
    )


def _logs(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Logarithms, the greatest of each slot being 0."""
    logs = np.log(np.maximum(probabilities, _FLOOR), dtype=np.float64)
    logs -= logs.max(-1, keepdims=True)
    return logs


def _temperature(logs: NDArray[np.float64], answers: NDArray[np.uint8], correct: NDArray[np.bool_]) -> float:
    """The temperature that fits best, four decimals."""
    from scipy.optimize import minimize_scalar

    chosen = np.take_along_axis(logs, answers[..., None].astype(np.intp), -1)[..., 0].sum(-1)

    def loss(log_temperature: float) -> float:
        temperature = math.exp(log_temperature)
        logs_of_sums = np.log(np.exp(logs / temperature).sum(-1)).sum(-1)
        confidence = np.clip(np.exp(chosen / temperature - logs_of_sums), _CERTAIN, 1 - _CERTAIN)
        # A handful of strips, all right, would ask for the lowest temperature there is: half a square in favour of 1.
        return float(-np.log(np.where(correct, confidence, 1 - confidence)).sum() + log_temperature**2 / 2)

    tried = np.log(np.geomspace(*TEMPERATURES, _TRIED))
    best = int(np.argmin([loss(float(each)) for each in tried]))
    bounds = tried[max(best - 1, 0)], tried[min(best + 1, _TRIED - 1)]
    return round(math.exp(minimize_scalar(loss, bounds=bounds, options={"xatol": 1e-7}).x), 4)


def points(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> list[Point]:
    """What is answered, and right, at thresholds that let through 50 strips, each 5 % more, and all.

    Args:
        confidence: of N strips, 0 to 1.
        correct: which of them were read right, shape (N,).
    """
    # No threshold separates equals. Half a decimal below them it also lets through what is computed slightly less.
    rounded = np.round(confidence, _DECIMALS)
    order = np.argsort(-rounded, kind="stable")
    rounded, right = rounded[order], correct[order].cumsum()
    steps = math.log(max(len(rounded) / _FIRST, 1), _GROWTH)
    counts = np.append(np.ceil(_FIRST * _GROWTH ** np.arange(steps)).astype(int), len(rounded))
    answered = np.unique(np.searchsorted(-rounded, -rounded[counts - 1], side="right"))
    half = 0.5 * 10.0**-_DECIMALS
    return [
        Point(round(float(rounded[count - 1]) - half, _DECIMALS + 1), int(count), int(right[count - 1]))
        for count in answered
    ]
