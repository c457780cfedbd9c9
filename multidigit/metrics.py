"""Measures of how well strips were read, from true slots and either answered slots or probabilities.

``slots`` are the true class ids, shape (N, slots), each 0 to 10; ``answers`` the same for what was read;
``probabilities`` have shape (N, slots, 11), each slot summing to 1. Every function raises ``DataError`` for arrays of
another shape or range, and, except for ``answers`` and ``confidence``, for arrays without a strip.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import DataError, SettingsError
from multidigit.labels import BLANK, CLASSES, check_probabilities, lengths
from multidigit.statistics import wilson_interval

TARGET = 0.98
"""The accuracy at which coverage is reported (Goodfellow et al. 2013, arXiv 1312.6082)."""
BINS = 15
"""Bins of the expected calibration error (Guo et al. 2017, arXiv 1706.04599)."""


@dataclass(frozen=True)
class Coverage:
    """How many strips can be answered at a required accuracy.

    Attributes:
        coverage: share of strips answered, 0 to 1.
        threshold: answer a strip when its confidence is at least this; ``None`` where no strip can be answered.
    """

    coverage: float
    threshold: float | None


def answers(probabilities: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Answered slots: the likeliest class of each slot, the lower one where two are equally likely.

    Returns:
        ``uint8`` class ids, shape (N, slots).
    """
    return np.asarray(check_probabilities(probabilities).argmax(-1).astype(np.uint8))


def confidence(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Product over slots of the chosen class's probability.

    Returns:
        ``float64``, shape (N,), each 0 to 1; multiplied in double precision, because in single precision those close
        to 1 become equal and coverage loses the order among them.
    """
    chosen = check_probabilities(probabilities).max(-1).astype(np.float64)
    return np.asarray(np.minimum(chosen.prod(-1), 1.0))


def right(slots: NDArray[np.integer], answers: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Which strips were read right in every slot, ``bool``, shape (N,)."""
    slots, answers = _pair(slots, answers)
    return np.asarray((slots == answers).all(-1))


def sequence_accuracy(slots: NDArray[np.integer], answers: NDArray[np.integer]) -> float:
    """Share of strips with every slot right, 0 to 1."""
    return float(right(slots, answers).mean())


def digit_accuracy(slots: NDArray[np.integer], answers: NDArray[np.integer]) -> float:
    """Share of slots right, 0 to 1, over all slots that hold a digit in truth or answer.

    Slots blank in both do not count: short numbers would otherwise lift the figure for nothing.

    Raises:
        DataError: no slot holds a digit.
    """
    hits, counted = _slot_counts(slots, answers)
    if not counted.any():
        raise DataError("digit accuracy needs a digit in some slot; received blank slots only")
    return float(hits.sum() / counted.sum())


def accuracy_by_slot(slots: NDArray[np.integer], answers: NDArray[np.integer]) -> list[float | None]:
    """Digit accuracy of each slot, from the left; ``None`` for a slot that never holds a digit."""
    hits, counted = _slot_counts(slots, answers)
    return [float(hit / count) if count else None for hit, count in zip(hits, counted, strict=True)]


def accuracy_by_length(slots: NDArray[np.integer], answers: NDArray[np.integer]) -> dict[int, dict[str, Any]]:
    """For each length of the true number that occurs, shortest first, the sequence ``accuracy`` and the ``strips``."""
    correct = right(slots, answers)
    length = lengths(np.asarray(slots))
    return {
        int(value): {"accuracy": float(correct[length == value].mean()), "strips": int((length == value).sum())}
        for value in np.unique(length)
    }


def edit_distances(slots: NDArray[np.integer], answers: NDArray[np.integer]) -> NDArray[np.int64]:
    """Levenshtein distance between the true and the answered text of each strip, shape (N,).

    Texts leave blank slots out. Source: Levenshtein 1966, Soviet Physics Doklady 10, 707-710; computed row by row
    after Wagner and Fischer 1974, for all strips at once.
    """
    slots, answers = _pair(slots, answers)
    true, read = _packed(slots), _packed(answers)
    size = slots.shape[1] + 1
    # table[i, j]: distance between the first i true and the first j answered characters, shape (N,). Entries beyond a
    # text's own length are computed too, but never used.
    table = np.zeros((size, size, len(slots)), np.int64)
    table[:, 0] = table[0] = np.arange(size)[:, None]
    for i in range(1, size):
        for j in range(1, size):
            replaced = table[i - 1, j - 1] + (true[:, i - 1] != read[:, j - 1])
            table[i, j] = np.minimum(replaced, np.minimum(table[i - 1, j], table[i, j - 1]) + 1)
    return np.asarray(table[lengths(slots), lengths(answers), np.arange(len(slots))])


def character_error_rate(slots: NDArray[np.integer], answers: NDArray[np.integer]) -> float:
    """Total Levenshtein distance between true and answered texts per true character; may pass 1.

    Raises:
        DataError: no true slot holds a digit.
    """
    distance = int(edit_distances(slots, answers).sum())
    characters = int(lengths(np.asarray(slots)).sum())
    if characters == 0:
        raise DataError("the character error rate needs a true digit; received blank slots only")
    return distance / characters


def coverage_at_accuracy(
    confidences: NDArray[np.floating], correct: NDArray[np.bool_], target: float = TARGET
) -> Coverage:
    """Largest share of strips that can be answered, most confident first, at the target sequence accuracy.

    Strips of equal confidence are answered together or not at all, because no threshold separates them.

    Args:
        confidences: shape (N,), each 0 to 1.
        correct: which strips were read right, ``bool``, shape (N,).
        target: sequence accuracy required of the answered strips, above 0 and at most 1.

    Returns:
        The coverage and the confidence from which on to answer; coverage 0 and threshold ``None`` where no threshold
        reaches the target.

    Raises:
        DataError: the arrays are empty, of different shapes or out of range.
        SettingsError: the target is out of range.
    """
    if not 0 < target <= 1:
        raise SettingsError(f"the target accuracy must lie above 0 and be at most 1; received {target}")
    confidences, correct = _confidences(confidences, correct)
    order = np.argsort(-confidences)
    falling = confidences[order]
    answered = np.arange(1, len(falling) + 1)
    last_of_equals = np.append(falling[1:] != falling[:-1], True)
    # Divided rather than multiplied out: 49 / 50 rounds to the very float that 0.98 is.
    reached = last_of_equals & (correct[order].cumsum() / answered >= target)
    if not reached.any():
        return Coverage(0.0, None)
    last = int(np.flatnonzero(reached)[-1])
    return Coverage((last + 1) / len(falling), float(falling[last]))


def expected_calibration_error(
    confidences: NDArray[np.floating], correct: NDArray[np.bool_], bins: int = BINS
) -> float:
    """Mean gap between confidence and sequence accuracy over bins of equal width, weighted by their strips, 0 to 1.

    Args:
        confidences: shape (N,), each 0 to 1; a bin holds its upper edge, the first one its lower edge too.
        correct: which strips were read right, ``bool``, shape (N,).
        bins: number of bins, at least 1.

    Raises:
        DataError: the arrays are empty, of different shapes or out of range.
        SettingsError: there are no bins.

    Source: Guo et al. 2017, arXiv 1706.04599, equation 3.
    """
    if bins < 1:
        raise SettingsError(f"bins must be at least 1; received {bins}")
    confidences, correct = _confidences(confidences, correct)
    inner_edges = np.arange(1, bins) / bins
    index = np.searchsorted(inner_edges, confidences, side="left")
    # Summed per bin: strips x |accuracy - confidence| is |number right - sum of confidences|.
    gaps = np.bincount(index, weights=correct - confidences)
    return float(np.abs(gaps).sum() / len(confidences))


def confusion(slots: NDArray[np.integer], answers: NDArray[np.integer]) -> NDArray[np.int64]:
    """Counts of true class (rows) against answered class (columns) over all slots, shape (11, 11)."""
    slots, answers = _pair(slots, answers)
    pairs = slots.astype(np.int64) * CLASSES + answers
    return np.bincount(pairs.ravel(), minlength=CLASSES * CLASSES).reshape(CLASSES, CLASSES)


def measure(slots: NDArray[np.integer], probabilities: NDArray[np.floating]) -> dict[str, Any]:
    """Every measure of one reading of labelled strips, see ``measure_answers``.

    Args:
        slots: true class ids, shape (N, slots), at least one of them a digit.
        probabilities: shape (N, slots, 11).

    Raises:
        DataError: the arrays do not fit the shapes above or each other, or hold no strip.
    """
    return measure_answers(slots, answers(probabilities), confidence(probabilities))


def measure_answers(
    slots: NDArray[np.integer], answered: NDArray[np.integer], confidences: NDArray[np.floating]
) -> dict[str, Any]:
    """Every measure of answers to labelled strips, in plain Python values that JSON keeps as they are.

    Args:
        slots: true class ids, shape (N, slots), at least one of them a digit.
        answered: class ids that were read, shape (N, slots).
        confidences: shape (N,), each 0 to 1.

    Returns:
        ``strips``, ``digit_accuracy``, ``sequence_accuracy``, ``sequence_interval`` ([low, high], 95 %, Wilson),
        ``accuracy_by_slot`` (``None`` where a slot never holds a digit), ``accuracy_by_length`` (keys are lengths as
        text, as JSON requires; values hold ``accuracy`` and ``strips``), ``character_error_rate``, ``coverage_98``,
        ``threshold_98`` (``None`` where nothing can be answered), ``expected_calibration_error`` and ``confusion``
        (11 lists of 11).

    Raises:
        DataError: the arrays do not fit the shapes above or each other, or hold no strip.
    """
    correct = right(slots, answered)
    covered = coverage_at_accuracy(confidences, correct)
    return {
        "strips": len(correct),
        "digit_accuracy": digit_accuracy(slots, answered),
        "sequence_accuracy": float(correct.mean()),
        "sequence_interval": list(wilson_interval(int(correct.sum()), len(correct))),
        "accuracy_by_slot": accuracy_by_slot(slots, answered),
        "accuracy_by_length": {str(length): row for length, row in accuracy_by_length(slots, answered).items()},
        "character_error_rate": character_error_rate(slots, answered),
        "coverage_98": covered.coverage,
        "threshold_98": covered.threshold,
        "expected_calibration_error": expected_calibration_error(confidences, correct),
        "confusion": confusion(slots, answered).tolist(),
    }


def _packed(slots: NDArray[np.integer]) -> NDArray[np.integer]:
    """Each row's digits moved to the left in their order, blanks behind them."""
    order = np.argsort(slots == BLANK, axis=-1, kind="stable")
    return np.take_along_axis(slots, order, axis=-1)


def _slot_counts(
    slots: NDArray[np.integer], answers: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each slot the strips right and the strips counted: those with a digit in truth or answer."""
    slots, answers = _pair(slots, answers)
    counted = (slots != BLANK) | (answers != BLANK)
    return np.asarray(((slots == answers) & counted).sum(0)), np.asarray(counted.sum(0))


def _pair(slots: Any, answers: Any) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """True and answered slots as arrays, checked."""
    checked = []
    for which, values in (("true", slots), ("answered", answers)):
        array = np.asarray(values)
        if array.ndim != 2 or not np.issubdtype(array.dtype, np.integer):
            raise DataError(
                f"{which} slots must be whole numbers of shape (N, slots); received {array.dtype} of shape "
                f"{array.shape}"
            )
        if array.size and (array.min() < 0 or array.max() >= CLASSES):
            raise DataError(
                f"{which} slots must lie within 0 to {CLASSES - 1}; received {array.min()} to {array.max()}"
            )
        checked.append(array)
    true, answered = checked
    if true.shape != answered.shape or not true.size:
        raise DataError(
            "true and answered slots must share one shape and hold at least one strip; "
            f"received {true.shape} and {answered.shape}"
        )
    return true, answered


def _confidences(confidences: Any, correct: Any) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Confidences and right strips as arrays, checked."""
    values, mask = np.asarray(confidences), np.asarray(correct)
    if values.ndim != 1 or values.shape != mask.shape or not values.size or mask.dtype != np.bool_:
        raise DataError(
            "confidences and right strips, bool, must share one shape (N,) and hold at least one strip; "
            f"received shapes {values.shape} and {mask.shape}, {mask.dtype}"
        )
    if not (values.min() >= 0 and values.max() <= 1):
        raise DataError(f"confidences must lie within 0 to 1; received {values.min():.4g} to {values.max():.4g}")
    return values.astype(np.float64), mask
