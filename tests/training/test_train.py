"""Training as a whole: what is learnt, what is kept, and going on after Ctrl-C."""

from __future__ import annotations

import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Toys, stop_at

from multidigit import training
from multidigit.errors import MultidigitError, RunError
from multidigit.evaluation import evaluate
from multidigit.reading.calibration import read_calibration
from multidigit.reading.inference import Model
from multidigit.reading.reader import Reader
from multidigit.runs import CALIBRATION, CHECKPOINT, KERAS_MODEL, LITERT_MODEL, SETTINGS, Run, open_run
from multidigit.settings import read_yaml, validate
from multidigit.strips.stream import StripStream
from multidigit.training import Progress, TrainingWarning, finish, train

COLUMNS = ["epoch", "strips", "seconds", "learning_rate", "loss", "digit_accuracy", "sequence_accuracy"]


def without_seconds(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


class TestLearning:
    """What the toy runs, which other tests share, have learnt."""

    @pytest.mark.parametrize("strategy", ["heads", "sigmoid", "cut"])
    def test_every_strategy_learns_the_toy_digits(self, toys: Toys, strategy: str) -> None:
        run = toys.run(strategy)
        assert run.metrics["test"]["sequence_accuracy"] >= 0.95
        summary = run.metrics["training"]
        # 2,000 strips are 63 batches of 32, rounded up.
        assert (summary["finished"], summary["epochs"], summary["strips"]) == (True, 2, 2 * 63 * 32)
        breakdown = run.metrics["error_breakdown"]
        assert breakdown["strips"] == run.metrics["test"]["strips"] == 300
        assert breakdown["read"] == run.metrics["test"]["sequence_accuracy"]
        assert breakdown["length"] >= breakdown["read"]
        assert breakdown["clean"] == breakdown["cuts"], "there are no effects"
        assert sum(breakdown["shares"].values()) == pytest.approx(1 - breakdown["guessed"])
        if strategy == "cut":
            # Its digits are alone in their cells as it is.
            assert abs(breakdown["shares"]["place"]) < 0.02

    def test_the_history_has_a_row_an_epoch(self, toys: Toys) -> None:
        run = toys.run()
        assert [list(row) for row in run.history] == [COLUMNS] * 2
        assert [(row["epoch"], row["strips"]) for row in run.history] == [(1, 2016), (2, 4032)]
        first, second = run.history
        assert second["loss"] < 0.7 * first["loss"]
        assert 0 <= second["learning_rate"] < first["learning_rate"]
        assert 0 < first["seconds"] < second["seconds"]

    def test_the_run_folder_holds_what_it_should(self, toys: Toys) -> None:
        import keras

        run = toys.run("cut")
        files = {KERAS_MODEL, LITERT_MODEL, SETTINGS, CALIBRATION, "history.csv", "metrics.json", "answers.npz"}
        assert set(run.environment["parts"]) == files
        assert {path.name for path in run.path.iterdir()} == files | {"environment.json"}
        assert read_calibration(run).strips == run.settings.evaluation.validation_strips
        parameters = run.metrics["training"]["parameters"]
        assert keras.models.load_model(run.part(KERAS_MODEL), compile=False).count_params() == parameters > 1000


def test_the_weights_of_the_best_epoch_are_kept(toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from multidigit.training import loop

    # From the second epoch on, steps so long that they destroy what the first one learnt.
    monkeypatch.setattr(loop, "learning_rate", lambda recipe, done: 0.003 if done < 0.49 else 30.0)
    settings = toys.settings(
        train={"epochs": 2, "strips": 640, "batch_size": 16},
        evaluation={"validation_strips": 100, "test_strips": 30},
    )
    run = train(settings, tmp_path / "run")
    best, last = run.history
    assert best["sequence_accuracy"] > last["sequence_accuracy"] + 0.1
    assert run.metrics["training"]["best_epoch"] == 1
    assert run.metrics["training"]["validation_sequence_accuracy"] == best["sequence_accuracy"]
    found, _ = evaluate(Model(run.part(LITERT_MODEL)), StripStream(run.settings).fixed("validation", 100))
    assert found["sequence_accuracy"] == pytest.approx(best["sequence_accuracy"])
    assert found["digit_accuracy"] == pytest.approx(best["digit_accuracy"])


def test_a_loss_that_is_no_number_ends_training(toys: Toys, tmp_path: Path) -> None:
    settings = toys.settings(train={"optimizer": "sgd", "learning_rate": 1e30})
    with pytest.raises(MultidigitError, match=r"^the loss is (nan|inf) after \d+ strips, .*learning_rate may help$"):
        train(settings, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_loss_that_is_no_number_later_leaves_the_best_weights_from_before(
    toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from multidigit.training import loop

    monkeypatch.setattr(loop, "learning_rate", lambda recipe, done: 0.003 if done < 0.5 else math.nan)
    settings = toys.settings(train={"epochs": 4, "strips": 320, "batch_size": 16})
    match = r"run: the loss is (nan|inf) after \d+ strips; the run has the weights of epoch [12], from before; .*rate"
    with pytest.warns(TrainingWarning, match=match):
        run = train(settings, tmp_path / "run")
    assert len(run.history) == 2
    measures = run.metrics["training"]
    assert measures["diverged"].startswith("the loss is")
    found, _ = evaluate(Model(run.part(LITERT_MODEL)), StripStream(run.settings).fixed("validation", 20))
    assert found["sequence_accuracy"] == pytest.approx(measures["validation_sequence_accuracy"])
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_memory_that_does_not_suffice_is_an_error_of_one_line(
    toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: Any) -> None:
        raise MemoryError

    with pytest.raises(MultidigitError, match=r"^not enough memory .*train\.batch_size"):
        train(toys.settings(), tmp_path / "run", listen=exhausted)
    assert not (tmp_path / "run").exists()


def test_probabilities_that_are_none_end_training(toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a strategy of another package may give them."""
    import keras

    from multidigit.strategies.heads import Heads

    good = Heads.reading_model

    def twice(self: Heads, training_model: Any) -> Any:
        model = good(self, training_model)
        return keras.Model(model.input, 2 * model.output)

    monkeypatch.setattr(Heads, "reading_model", twice)
    with pytest.raises(MultidigitError, match=r"^probabilities must be .* sum to 1 in each slot; received .* to 2$"):
        train(toys.settings(strategy="heads"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_minutes_end_training_within_an_epoch(toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(training.state, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    done: list[float] = []
    after: list[str] = []

    def listen(progress: Progress) -> None:
        """Every batch takes a second on this clock."""
        if progress.doing:
            after.append(progress.doing)
        elif progress.epoch is None:
            clock.now += 1
            done.append(progress.done)

    settings = toys.settings(train={"epochs": 1, "strips": 64, "minutes": 0.1, "schedule": "cosine"})
    run = train(settings, tmp_path / "run", listen=listen)
    # Six seconds are six batches; the clock starts when the first, which builds the graph, is done.
    assert done == pytest.approx([0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6])
    assert after == ["exporting", "calibrating", "testing"]
    assert [row["strips"] for row in run.history] == [64, 96]
    assert run.metrics["training"]["seconds"] == pytest.approx(6)
    # The schedule fits the minutes, too.
    assert run.history[-1]["learning_rate"] < 0.2 * run.history[0]["learning_rate"]


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

    def test_it_goes_on_as_if_it_had_not_been_interrupted(self, halfway: Run, whole: Run) -> None:
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
        assert last["loss"] == pytest.approx(whole.history[-1]["loss"], rel=1e-4)
        assert last["loss"] != pytest.approx(first["loss"], rel=0.05)
        assert last["seconds"] > done.history[1]["seconds"]

    def test_before_the_first_batch_there_is_an_untrained_network(
        self, toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(*_: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(StripStream, "batch", interrupt)
        run = train(toys.settings(), tmp_path / "run")
        assert run.interrupted
        assert [(row["strips"], np.isnan(row["loss"])) for row in run.history] == [(0, True)]

    def test_a_finished_run_is_not_resumed(self, whole: Run) -> None:
        with pytest.raises(RunError, match="this run is finished"):
            train(whole.settings, whole.path, resume=whole)
        assert open_run(whole.path).created == whole.created


class TestPlace:
    def no_training(self, progress: Progress) -> None:
        raise AssertionError("training began")

    def test_a_folder_that_exists_is_refused_before_training(self, toys: Toys, tmp_path: Path) -> None:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "mine.txt").write_text("mine")
        with pytest.raises(RunError, match="run: exists already"):
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
            train(toys.settings(), tmp_path / "run", listen=stop_at(16, error))
        assert list(tmp_path.iterdir()) == []

    def test_when_the_model_cannot_be_exported_its_training_is_kept(
        self, toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(reading_model: Any) -> bytes:
            raise MultidigitError("cannot be exported")

        monkeypatch.setattr(finish, "to_tflite", refuse)
        with pytest.raises(MultidigitError, match="cannot be exported"):
            train(toys.settings(train={"epochs": 1, "strips": 16}), tmp_path / "run")
        assert [path.name for path in tmp_path.iterdir()] == [".run.training"]


def test_tensorboard_that_is_missing_is_named_before_training(
    toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "find_spec", lambda name: None)
    with pytest.raises(MultidigitError, match=r"pip install 'multidigit\[tensorboard\]'"):
        train(toys.settings(), tmp_path / "run", tensorboard=tmp_path / "logs")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not find_spec("tensorboard"), reason="TensorBoard is not installed")
def test_tensorboard_gets_logs(toys: Toys, tmp_path: Path) -> None:
    train(toys.settings(train={"epochs": 1, "strips": 16}), tmp_path / "run", tensorboard=tmp_path / "logs")
    assert list((tmp_path / "logs").rglob("events*"))
