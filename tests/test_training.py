"""Training: the schedule, the budget, what is kept, and going on after Ctrl-C."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from helpers import Toys

from multidigit import metrics, training
from multidigit.errors import DataError, MultidigitError, RunError
from multidigit.evaluation import evaluate
from multidigit.reading.inference import Model
from multidigit.reading.reader import Reader
from multidigit.runs import CALIBRATION, CHECKPOINT, MODEL, READER, SETTINGS, Run, open_run
from multidigit.settings import TrainSettings, read_yaml, validate
from multidigit.strips.stream import StripStream
from multidigit.training import Progress, ahead, learning_rate, train

COLUMNS = ["epoch", "strips", "seconds", "learning_rate", "loss", "digit_accuracy", "sequence_accuracy"]


def stop_at(strips: int, error: BaseException) -> Callable[[Progress], None]:
    """A listener that raises once, after the batch that brings training to so many strips."""

    def listen(progress: Progress) -> None:
        if progress.strips == strips and progress.epoch is None:
            raise error

    return listen


def without_seconds(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


class TestSchedule:
    def test_warms_up_in_a_line_then_falls_as_a_cosine_to_zero(self) -> None:
        recipe = TrainSettings(learning_rate=0.4, warmup=0.2, schedule="cosine")
        rates = [learning_rate(recipe, done) for done in (0.05, 0.1, 0.2, 0.6, 1.0)]
        assert rates == pytest.approx([0.1, 0.2, 0.4, 0.2, 0.0])
        falling = [learning_rate(recipe, done) for done in np.linspace(0.2, 1, 50)]
        assert falling == sorted(falling, reverse=True)

    def test_the_first_step_counts_and_nothing_comes_after_the_end(self) -> None:
        recipe = TrainSettings(learning_rate=0.4, warmup=0.2, schedule="cosine")
        assert 0 < learning_rate(recipe, 0) < 0.02
        assert learning_rate(recipe, 1.2) == pytest.approx(0)

    def test_constant_stays_after_the_warm_up(self) -> None:
        recipe = TrainSettings(learning_rate=0.4, warmup=0.5, schedule="constant")
        rates = [learning_rate(recipe, done) for done in (0.25, 0.5, 0.75, 1)]
        assert rates == pytest.approx([0.2, 0.4, 0.4, 0.4])
        assert learning_rate(TrainSettings(learning_rate=0.4, warmup=0.0, schedule="constant"), 0) == 0.4


@pytest.mark.parametrize("strategy", ["heads", "sigmoid", "cut"])
def test_every_strategy_learns_the_toy_digits(toys: Toys, strategy: str) -> None:
    run = toys.run(strategy)
    assert run.metrics["test"]["sequence_accuracy"] >= 0.95
    summary = run.metrics["training"]
    # 2,000 strips are 63 batches of 32, rounded up.
    assert (summary["finished"], summary["epochs"], summary["strips"]) == (True, 2, 2 * 63 * 32)
    budget = run.metrics["error_breakdown"]
    assert budget["strips"] == run.metrics["test"]["strips"] == 300
    assert budget["read"] == run.metrics["test"]["sequence_accuracy"]
    assert budget["length"] >= budget["read"]
    assert budget["clean"] == budget["cuts"], "there are no effects"
    assert sum(budget["shares"].values()) == pytest.approx(1 - budget["guessed"])
    if strategy == "cut":
        # Its digits are alone in their cells as it is.
        assert abs(budget["shares"]["place"]) < 0.02


def test_the_history_has_a_row_an_epoch(toys: Toys) -> None:
    run = toys.run("heads")
    assert [list(row) for row in run.history] == [COLUMNS] * 2
    assert [row["epoch"] for row in run.history] == [1, 2]
    assert [row["strips"] for row in run.history] == [2016, 4032]
    first, second = run.history
    assert second["loss"] < 0.7 * first["loss"]
    assert 0 <= second["learning_rate"] < first["learning_rate"]
    assert 0 < first["seconds"] < second["seconds"]
    # Letting the stream of strips go after the last batch is no training.
    assert run.metrics["training"]["seconds"] == pytest.approx(second["seconds"], abs=0.2)


def test_the_weights_of_the_best_epoch_are_kept(toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # From the second epoch on, steps so long that they destroy what the first one learnt.
    monkeypatch.setattr(training, "learning_rate", lambda recipe, done: 0.003 if done < 0.49 else 30.0)
    settings = toys.settings(
        train={"epochs": 2, "strips": 640, "batch_size": 16},
        evaluation={"validation_strips": 100, "test_strips": 100},
    )
    run = train(settings, tmp_path / "run")
    best, last = run.history
    assert best["sequence_accuracy"] > last["sequence_accuracy"] + 0.1
    assert run.metrics["training"]["best_epoch"] == 1
    assert run.metrics["training"]["validation_sequence_accuracy"] == best["sequence_accuracy"]
    validation = StripStream(run.settings).fixed("validation", 100)
    found, _ = evaluate(Model(run.part(READER)), validation)
    assert found["sequence_accuracy"] == pytest.approx(best["sequence_accuracy"])
    assert found["digit_accuracy"] == pytest.approx(best["digit_accuracy"])


class TestBudget:
    @pytest.fixture
    @staticmethod
    def looks(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
        """Makes the looks at the validation strips find these sequence accuracies, one after the other."""

        def set_looks(*found: float) -> None:
            figures = iter(found)
            found_next = SimpleNamespace(
                answers=metrics.answers,
                digit_accuracy=metrics.digit_accuracy,
                sequence_accuracy=lambda slots, answers: next(figures),
            )
            monkeypatch.setattr(training, "metrics", found_next)

        return set_looks

    def test_minutes_end_training_whatever_the_epochs_say(
        self, toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = SimpleNamespace(now=0.0)
        monkeypatch.setattr(training, "time", SimpleNamespace(perf_counter=lambda: clock.now))
        told: list[float] = []

        def listen(progress: Progress) -> None:
            """Every batch takes a second on this clock."""
            if progress.epoch is None:
                clock.now += 1
                told.append(progress.done)

        settings = toys.settings(train={"epochs": 1, "strips": 48, "minutes": 0.1, "schedule": "cosine"})
        run = train(settings, tmp_path / "run", listen=listen)
        # Six seconds are six batches; the clock starts when the first, which builds the graph, is done.
        assert run.metrics["training"]["strips"] == 6 * 16
        assert [row["strips"] for row in run.history] == [48, 96]
        assert run.metrics["training"]["seconds"] == pytest.approx(6)
        # The schedule fits the minutes, too.
        assert told == pytest.approx([0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6])
        assert run.history[-1]["learning_rate"] < 0.2 * run.history[0]["learning_rate"]

    def test_patience_ends_training_when_nothing_is_gained(
        self, toys: Toys, tmp_path: Path, looks: Callable[..., None]
    ) -> None:
        looks(0.1, 0.3, 0.3, 0.2, 0.9, 0.9)
        settings = toys.settings(train={"epochs": 6, "strips": 16, "patience": 2})
        run = train(settings, tmp_path / "run")
        # Equalling the best is no gain, though of equals the later one, which has seen more, is kept.
        assert [row["sequence_accuracy"] for row in run.history] == [0.1, 0.3, 0.3, 0.2]
        assert run.metrics["training"]["best_epoch"] == 3
        assert not run.interrupted

    def test_until_ends_training_at_the_first_look_that_finds_it(
        self, toys: Toys, tmp_path: Path, looks: Callable[..., None]
    ) -> None:
        looks(0.1, 0.89, 0.9, 0.95)
        run = train(toys.settings(train={"epochs": 4, "strips": 16, "until": 0.9}), tmp_path / "run")
        assert [row["sequence_accuracy"] for row in run.history] == [0.1, 0.89, 0.9]
        assert run.metrics["training"]["best_epoch"] == 3
        assert run.metrics["training"]["finished"] is True


@pytest.fixture(scope="module")
def whole(toys: Toys, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A short run that nothing disturbed."""
    return train(toys.settings(), tmp_path_factory.mktemp("whole") / "run")


def test_a_run_can_be_repeated_from_its_settings_alone(whole: Run, tmp_path: Path) -> None:
    data, _ = read_yaml(whole.path / SETTINGS)
    again = train(validate(data), tmp_path / "again")
    assert without_seconds(again.history) == without_seconds(whole.history)
    assert len({row["loss"] for row in whole.history}) == 3
    for key, values in whole.answers.items():
        assert np.array_equal(values, again.answers[key])
    assert (again.path / SETTINGS).read_bytes() == (whole.path / SETTINGS).read_bytes()


class TestInterrupted:
    @pytest.fixture(scope="class")
    @staticmethod
    def halfway(toys: Toys, tmp_path_factory: pytest.TempPathFactory) -> Run:
        """Ctrl-C after the fifth of twelve batches, in the middle of the second epoch."""
        path = tmp_path_factory.mktemp("halfway") / "run"
        return train(toys.settings(), path, listen=stop_at(80, KeyboardInterrupt()))

    def test_it_keeps_what_there_is(self, halfway: Run) -> None:
        assert halfway.interrupted
        assert open_run(halfway.path).interrupted
        assert halfway.metrics["training"]["finished"] is False
        assert halfway.metrics["training"]["strips"] == 80
        assert [row["strips"] for row in halfway.history] == [64, 80]
        assert halfway.metrics["test"]["strips"] == 30
        assert len(Reader(halfway).read_strips(np.zeros((2, 28, 140), np.uint8))) == 2
        assert [path.name for path in halfway.path.parent.iterdir()] == ["run"]

    def test_it_goes_on_as_if_nothing_had_been(self, halfway: Run, whole: Run) -> None:
        # A fault while going on leaves the interrupted run as it was.
        with pytest.raises(RuntimeError):
            train(halfway.settings, halfway.path, resume=halfway, listen=stop_at(112, RuntimeError()))
        assert open_run(halfway.path).metrics["training"]["strips"] == 80
        assert [path.name for path in halfway.path.parent.iterdir()] == ["run"]

        seen: list[int] = []
        done = train(
            halfway.settings, halfway.path, resume=halfway, listen=lambda progress: seen.append(progress.strips)
        )
        assert (done.path, done.interrupted) == (halfway.path, False)
        assert CHECKPOINT not in done.environment["parts"]
        assert min(seen) == 96
        assert done.metrics["training"]["finished"] is True
        assert done.metrics["training"]["strips"] == 192
        assert [(row["epoch"], row["strips"]) for row in done.history] == [(1, 64), (2, 80), (3, 128), (4, 192)]
        assert (done.path / "history.csv").read_text().splitlines()[1].startswith("1,64,")
        # The last epoch saw the same strips from the same weights with the same state of the optimiser.
        first, *_, last = done.history
        assert first["loss"] == pytest.approx(whole.history[0]["loss"])
        assert last["loss"] == pytest.approx(whole.history[-1]["loss"], rel=1e-3)
        assert last["loss"] != pytest.approx(first["loss"], rel=0.05)
        assert last["seconds"] > done.history[1]["seconds"]

    def test_a_finished_run_is_not_gone_on_with(self, whole: Run) -> None:
        with pytest.raises(RunError, match="this run is finished"):
            train(whole.settings, whole.path, resume=whole)
        assert open_run(whole.path).created == whole.created


class TestPlace:
    def no_training(self, progress: Progress) -> None:
        raise AssertionError("training began")

    def test_a_folder_that_exists_is_refused_before_training(self, toys: Toys, tmp_path: Path) -> None:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "mine.txt").write_text("mine")
        with pytest.raises(RunError, match=r"run: exists already; name another folder with --out, or remove it"):
            train(toys.settings(), tmp_path / "run", listen=self.no_training)
        assert [path.name for path in tmp_path.iterdir()] == ["run"]
        assert (tmp_path / "run" / "mine.txt").read_text() == "mine"

    def test_a_place_that_cannot_be_written_is_refused_before_training(self, toys: Toys, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(RunError, match="cannot be written"):
            train(toys.settings(), tmp_path / "file" / "run", listen=self.no_training)

    @pytest.mark.parametrize("error", [RuntimeError("a fault"), MultidigitError("expected")])
    def test_nothing_is_left_after_a_fault(self, toys: Toys, tmp_path: Path, error: Exception) -> None:
        with pytest.raises(type(error)):
            train(toys.settings(), tmp_path / "run", listen=stop_at(32, error))
        assert list(tmp_path.iterdir()) == []

    def test_nothing_is_left_when_the_model_cannot_be_exported(
        self, toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(reading_model: Any) -> bytes:
            raise MultidigitError("cannot be exported")

        monkeypatch.setattr(training, "to_tflite", refuse)
        with pytest.raises(MultidigitError, match="cannot be exported"):
            train(toys.settings(train={"epochs": 1, "strips": 16}), tmp_path / "run")
        assert list(tmp_path.iterdir()) == []


def test_the_run_folder_holds_what_it_should(toys: Toys) -> None:
    run = toys.run("cut")
    wanted = {"model.keras", "reader.tflite", "settings.yaml", "history.csv", "metrics.json", "answers.npz"} | {
        CALIBRATION
    }
    assert set(run.environment["parts"]) == wanted
    assert run.calibration().strips == run.settings.evaluation.validation_strips
    assert {path.name for path in run.path.iterdir()} == wanted | {"environment.json"}
    assert run.metrics["training"]["parameters"] > 1000
    assert run.settings.train.optimizer is not None
    import keras

    assert (
        keras.models.load_model(run.part(MODEL), compile=False).count_params() == run.metrics["training"]["parameters"]
    )


def test_tensorboard_is_told_how_to_be_had_where_it_is_missing(
    toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(training.importlib, "import_module", missing)
    with pytest.raises(MultidigitError, match=r"pip install 'multidigit\[tensorboard\]'"):
        train(toys.settings(), tmp_path / "run", tensorboard=tmp_path / "logs")
    assert not (tmp_path / "run").exists()


class TestAhead:
    def test_items_come_in_order_and_the_thread_ends_with_the_block(self) -> None:
        before = threading.active_count()
        with ahead(itertools.count(), 3) as items:
            assert list(itertools.islice(items, 10)) == list(range(10))
        assert threading.active_count() == before
        with ahead(iter(range(4)), 3) as items:
            assert list(items) == [0, 1, 2, 3]

    def test_a_fault_while_making_reaches_whoever_takes(self) -> None:
        def faulty() -> Iterator[int]:
            yield 1
            raise DataError("no more digits")

        with ahead(faulty(), 3) as items:
            assert next(items) == 1
            with pytest.raises(DataError, match="no more digits"):
                next(items)
