"""Agreement by hand: votes and ties, the surest strips, what cancels out between the two."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from multidigit.agreement import agreement, among_surest, vote
from multidigit.errors import DataError
from multidigit.labels import BLANK, SLOTS, texts_to_slots
from multidigit.statistics import mcnemar_exact, paired_difference, wilson_interval

Slots = NDArray[np.uint8]


def said(*members: str) -> Slots:
    """What members answered, each a line of texts: shape (members, N, 5)."""
    return np.stack([texts_to_slots(line.split()) for line in members])


def test_the_number_of_most_is_voted_for_and_a_tie_goes_to_the_surest() -> None:
    answers = said("12 12 1 77 5", "12 13 2 77 6", "34 13 3 77 5")
    sure = np.array([[0.1, 0.9, 0.2, 0.3, 0.4], [0.2, 0.1, 0.8, 0.3, 0.9], [0.9, 0.2, 0.7, 0.3, 0.5]])
    slots, count, surest = vote(answers, sure)
    assert np.array_equal(slots, texts_to_slots(["12", "13", "2", "77", "5"]))
    assert count.tolist() == [2, 2, 1, 3, 2]
    # The surest of those who give it; of equals the first.
    assert surest.tolist() == [1, 2, 1, 0, 2]


def test_two_pairs_tie_too_and_their_surest_member_decides() -> None:
    answers = said("1", "2", "2", "1")
    assert vote(answers, np.array([[0.5], [0.6], [0.1], [0.7]]))[0][0, 0] == 1
    assert vote(answers, np.array([[0.5], [0.8], [0.1], [0.7]]))[0][0, 0] == 2


def test_numbers_are_the_same_only_if_every_slot_is() -> None:
    behind = np.array([[[1, BLANK, 2, BLANK, BLANK]], [[1, 2, BLANK, BLANK, BLANK]]])
    _, count, _ = vote(behind, np.full((2, 1), 0.5))
    assert count.tolist() == [1]


def test_equals_are_drawn_by_lot() -> None:
    sure = np.array([0.5, 0.9, 0.5, 0.5, 0.1])
    assert among_surest(sure, 0).tolist() == [0] * 5
    assert among_surest(sure, 1).tolist() == [0, 1, 0, 0, 0]
    assert among_surest(sure, 2) == pytest.approx([1 / 3, 1, 1 / 3, 1 / 3, 0])
    assert among_surest(sure, 4) == pytest.approx([1, 1, 1, 1, 0])
    assert among_surest(sure, 5) == pytest.approx([1] * 5)


def test_three_members_by_hand() -> None:
    truth = texts_to_slots(["1", "2", "3", "4", "5", "6"])
    answers = said("1 2 3 9 5 8", "1 2 3 9 6 7", "1 2 9 9 7 6")
    sure = np.array([[0.9, 0.8, 0.7, 0.6, 0.95, 0.1], [0.9, 0.8, 0.7, 0.6, 0.1, 0.2], [0.9, 0.8, 0.7, 0.6, 0.1, 0.3]])
    found = agreement(truth, answers, sure)
    levels = [(level.fewest, level.most, level.strips, level.right) for level in found.levels]
    # All agree on 1, 2 and 4, the last wrongly; two on 3; none on 5 and 6, where the surest is right each time.
    assert levels == [(3, 3, 3, 2), (2, 3, 4, 3), (1, 2, 3, 3), (1, 1, 2, 2)]
    assert (found.agreed.low, found.agreed.high) == wilson_interval(2, 3)
    assert found.strips == 6
    assert found.voted == 5
    assert [rival.right for rival in found.rivals] == [4, 3, 3]
    # The first one's three surest are 5, 1 and 2: 5 in place of 4.
    first, second, third = found.rivals
    assert first.surest == 3
    assert first.difference == pytest.approx((2 - 3) / 3)
    one_lost = paired_difference(np.array([True, True, False]), np.array([True, True, True]))
    assert (first.low, first.high) == (one_lost.low, one_lost.high)
    # The others' are 1, 2 and 3; the third reads that one wrongly, as it does the 4 on which all agree.
    assert (second.surest, third.surest) == (3, 2)
    assert third.difference == 0
    assert third.low is not None
    assert third.high is not None
    assert third.low < 0 < third.high
    assert found.best == 0
    right = (answers == truth).all(-1)
    voted = np.array([True, True, True, False, True, True])
    test = mcnemar_exact(voted, right[0])
    assert (found.only_vote, found.only_best, found.p_value) == (test.b, test.c, test.p_value) == (1, 0, 1.0)
    assert found.difference == pytest.approx(1 / 6)
    assert found.low <= found.difference <= found.high


def test_two_members_either_agree_or_do_not() -> None:
    found = agreement(texts_to_slots(["1", "2"]), said("1 3", "1 2"), np.array([[0.9, 0.4], [0.9, 0.5]]))
    assert [(level.fewest, level.most, level.strips, level.right) for level in found.levels] == [
        (2, 2, 1, 1),
        (1, 1, 1, 1),
    ]


def test_where_none_agree_there_is_nothing_to_compare() -> None:
    found = agreement(texts_to_slots(["1"]), said("2", "3"), np.array([[0.5], [0.4]]))
    assert (found.agreed.strips, found.agreed.low) == (0, None)
    assert [(rival.surest, rival.difference) for rival in found.rivals] == [(0, None)] * 2


def test_answering_the_very_same_strips_is_no_difference() -> None:
    sure = np.array([[0.9, 0.8, 0.1], [0.9, 0.8, 0.1]])
    found = agreement(texts_to_slots(["1", "2", "3"]), said("1 2 3", "1 2 4"), sure)
    for rival in found.rivals:
        assert rival.low is not None
        assert rival.high is not None
        # Two strips cannot show that it never makes any.
        assert rival.difference == 0
        assert rival.low < 0 < rival.high


def test_the_difference_is_the_expected_one_over_all_draws_of_equals() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, (400, SLOTS)).astype(np.uint8)
    answers = np.where(rng.random((3, 400, 1)) < 0.3, rng.integers(0, 2, (3, 400, SLOTS)), truth)
    sure = rng.integers(1, 5, (3, 400)) / 5
    found = agreement(truth, answers, sure)
    count = found.agreed.strips
    right = (answers == truth).all(-1)
    drawn = [right[0][np.lexsort((rng.random(400), -sure[0]))[:count]].sum() for _ in range(3000)]
    assert found.rivals[0].surest == pytest.approx(np.mean(drawn), abs=0.3)
    assert found.rivals[0].difference == pytest.approx((found.agreed.right - found.rivals[0].surest) / count)


def test_the_interval_holds_the_true_difference_as_often_as_it_says() -> None:
    """Hundreds of tests of two members that err the more the harder a strip is: the true difference is their mean."""
    rng = np.random.default_rng(1)
    differences, limits = [], []
    for _ in range(600):
        hard = rng.random(300)
        truth = np.ones((300, SLOTS), np.uint8)
        wrong = rng.random((2, 300)) < 0.6 * hard
        answers = np.repeat(truth[None], 2, 0)
        answers[:, :, 0] = np.where(wrong, rng.integers(2, 5, (2, 300)), 1)
        sure = np.clip(1 - 0.6 * hard + rng.normal(0, 0.1, (2, 300)), 0, 1)
        rival = agreement(truth, answers, sure).rivals[0]
        differences.append(rival.difference)
        limits.append((rival.low, rival.high))
    expected = np.mean(np.array(differences, float))
    held = np.mean([low <= expected <= high for low, high in np.array(limits, float)])
    assert 0.93 <= held <= 0.985


@pytest.mark.parametrize(
    ("answers", "sure", "told"),
    [
        (np.zeros((1, 2, 5), int), np.zeros((1, 2)), "1 members and 2 strips"),
        (np.zeros((2, 0, 5), int), np.zeros((2, 0)), "2 members and 0 strips"),
        (np.zeros((2, 3, 4), int), np.zeros((2, 3)), "shapes"),
        (np.zeros((2, 3, 5), int), np.zeros((3, 2)), "shapes"),
    ],
)
def test_what_is_no_panel_is_refused(answers: NDArray[np.int64], sure: NDArray[np.float64], told: str) -> None:
    with pytest.raises(DataError, match=told):
        vote(answers, sure)
    with pytest.raises(DataError):
        agreement(np.zeros((2, 5), int), answers, sure)


def test_truth_of_other_strips_is_refused() -> None:
    with pytest.raises(DataError, match="true slots"):
        agreement(np.zeros((2, 5), int), np.zeros((2, 3, 5), int), np.zeros((2, 3)))


def test_it_needs_numpy_and_no_more() -> None:
    code = (
        "import sys, multidigit.agreement; assert not {name.partition('.')[0] for name in sys.modules} & "
        "{'scipy', 'matplotlib', 'tensorflow', 'pydantic', 'click'}"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
