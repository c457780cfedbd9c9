"""When training ends, what its clock counts, and which weights are the best."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from multidigit.settings import TrainSettings
from multidigit.training import state as module
from multidigit.training.state import TrainingState


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    now = SimpleNamespace(now=50.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: now.now))
    return now


def make(**train: Any) -> TrainingState:
    return TrainingState(TrainSettings(**{"batch_size": 16, "strips": 40, "epochs": 10, **train}))


def look(state: TrainingState, accuracy: float) -> None:
    state.add_epoch({"sequence_accuracy": accuracy, "strips": state.strips}, [accuracy])


def test_epochs_of_whole_batches_end_training() -> None:
    state = make(epochs=2)
    assert (state.steps_per_epoch, state.done, state.finished) == (3, 0, False)
    for _ in range(5):
        state.count_step()
    assert (state.strips, state.done, state.finished) == (80, pytest.approx(5 / 6), False)
    state.count_step()
    assert state.finished


def test_minutes_end_training_whatever_the_epochs_say(clock: SimpleNamespace) -> None:
    state = make(epochs=1, minutes=0.1)
    # The first step, which builds the graph, is not timed.
    clock.now += 100
    for seconds in range(6):
        state.count_step()
        assert (state.seconds, state.finished) == (pytest.approx(seconds), False)
        clock.now += 1
    assert (state.done, state.finished, state.progress().done) == (pytest.approx(1), True, 1)
    assert state.timed_strips == 5 * 16


def test_the_clock_stands_still_between_runs(clock: SimpleNamespace) -> None:
    state = make()
    state.count_step()
    clock.now += 3
    state.stop_clock()
    clock.now += 100
    assert state.seconds == pytest.approx(3)
    state.count_step()
    clock.now += 2
    assert state.seconds == pytest.approx(5)
    assert (state.strips, state.timed_strips) == (32, 0), "the first step of each start builds a graph"


@pytest.mark.parametrize(
    ("train", "looks", "best"),
    [
        # Equalling the best is no gain, though of equals the later one, which has seen more, is kept.
        ({"patience": 2}, [0.1, 0.3, 0.3, 0.2], 3),
        ({"patience": 1}, [0.0, 0.0], 2),
        ({"until": 0.9}, [0.1, 0.89, 0.9], 3),
        ({"until": 0.9, "patience": 2}, [0.3, 0.2, 0.2], 1),
    ],
    ids=str,
)
def test_looks_end_training(train: dict[str, Any], looks: list[float], best: int) -> None:
    state = make(**train)
    for accuracy in looks:
        assert not state.finished
        look(state, accuracy)
    assert state.finished
    assert (state.best_epoch, state.best_weights) == (best, [looks[best - 1]])


def test_without_patience_nothing_but_the_budget_ends_training() -> None:
    state = make()
    for accuracy in (0.5, 1.0, 0.1, 0.1, 0.1, 0.1, 0.1):
        look(state, accuracy)
    assert not state.finished


def test_it_is_validated_when_the_last_row_is_of_the_last_step() -> None:
    state = make()
    assert not state.validated
    state.count_step()
    look(state, 0.5)
    assert state.validated
    state.count_step()
    assert not state.validated


def test_waiting_for_strips_is_a_share_of_the_time(clock: SimpleNamespace) -> None:
    state = make()
    state.count_wait(7)  # start-up
    state.count_step()
    look(state, 0.5)
    state.history[-1]["digit_accuracy"] = 0.5
    for _ in range(2):
        clock.now += 4
        state.count_wait(1)
        state.count_step()
    assert state.summary(1)["waiting"] == pytest.approx(0.25)
    later = make()
    later.put_back(state.as_json(), [], [])
    later.stop_clock()
    assert later.waited == 2
    saved = {key: value for key, value in state.as_json().items() if key != "waited"}
    later.put_back(saved, [], [])  # as older versions wrote it
    assert later.waited == 0


def test_several_workers_judge_minutes_by_the_chiefs_clock(clock: SimpleNamespace) -> None:
    state = make(minutes=1)
    state.count_step()
    clock.now += 60
    assert state.finished
    state.chief_seconds = 30.0
    assert (state.done, state.finished) == (0.5, False)
