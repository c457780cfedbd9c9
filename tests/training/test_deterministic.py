"""Trainings that repeat themselves exactly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import TINY, Toys

from multidigit.errors import MultidigitError, SettingsError
from multidigit.runs import KERAS_MODEL, open_run
from multidigit.settings import validate
from multidigit.training import train


def test_it_must_come_before_all_other_training(toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    def begun(threads: int) -> None:
        raise RuntimeError("Intra op parallelism cannot be modified after initialization.")

    monkeypatch.setattr(tf.config.threading, "set_intra_op_parallelism_threads", begun)
    with pytest.raises(MultidigitError, match=r"^train\.deterministic must be set before this process trains anything"):
        train(toys.settings(train={"deterministic": True}), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_it_does_not_go_with_minutes() -> None:
    with pytest.raises(SettingsError, match=r"train must have no minutes where it is deterministic"):
        validate({"train": {"deterministic": True, "minutes": 1}})


@pytest.mark.slow
def test_one_by_one_and_side_by_side_come_to_the_same(toys: Toys, tmp_path: Path) -> None:
    import keras

    sections = {name: TINY[name] for name in ("backbone", "train", "evaluation")}
    settings = {**sections, "digits": str(toys.npz)}
    (tmp_path / "grid.yaml").write_text(f"settings: {settings}\ngrid: {{layout: [structured, free]}}\nseeds: 2\n")
    for jobs in (1, 2):
        command = [sys.executable, "-m", "multidigit", "experiment", "grid.yaml", "--deterministic"]
        done = subprocess.run([*command, "--jobs", str(jobs), "--out", str(jobs)], cwd=tmp_path, check=False)
        assert done.returncode == 0
    for path in sorted((tmp_path / "1").glob("heads-*")):
        one, two = open_run(path), open_run(tmp_path / "2" / path.name)
        weights = [keras.models.load_model(run.part(KERAS_MODEL), compile=False).get_weights() for run in (one, two)]
        assert all(np.array_equal(*pair) for pair in zip(*weights, strict=True))
        assert all(np.array_equal(one.answers[key], two.answers[key]) for key in one.answers)
        assert one.settings == two.settings
