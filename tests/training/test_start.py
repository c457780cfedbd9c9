"""What a network takes over from the run that training starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Toys, make_up_run

from multidigit.errors import RunError
from multidigit.experiments import Planned
from multidigit.runs import KERAS_MODEL, Run, open_run
from multidigit.settings import Settings
from multidigit.strategies.base import make
from multidigit.training.start import load_weights, settings_from, take_over

SCENE = {"layout": {"name": "scene"}, "backbone": {"name": "residual", "width": 0.25}, "train": {"epochs": 1}}


@pytest.fixture(scope="module")
def scene_run(toys: Toys, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on grey strips, of the backbone of the shipped reader, with any weights at all."""
    settings = toys.settings(**SCENE, strategy="heads")
    model = make(settings).training_model()
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.get_weights()])
    return make_up_run(tmp_path_factory.mktemp("scene") / "run", Planned("run", settings), model=model)


def weights(settings: Settings, run: Run) -> tuple[list[Any], list[Any]]:
    """A new model's weights after it took over the run's, and the weights of the run."""
    source = make(run.settings).training_model()
    source.load_weights(run.part("model.keras"))
    model = make(settings).training_model()
    take_over(model, run)
    return model.get_weights(), source.get_weights()


@pytest.mark.parametrize("strategy", ["heads", "sigmoid"])
def test_all_of_a_network_alike(toys: Toys, scene_run: Run, strategy: str) -> None:
    new, old = weights(toys.settings(**SCENE, strategy=strategy), scene_run)
    assert all(np.array_equal(one, two) for one, two in zip(new, old, strict=True))


def test_what_the_backbone_does_alike_for_another_strategy(toys: Toys, scene_run: Run) -> None:
    new, old = weights(toys.settings(**SCENE, strategy="cut"), scene_run)
    # Eleven convolutions and as many normalisations make the trunk; behind it cells are read otherwise than strips.
    same = [np.array_equal(one, two) for one, two in zip(new, old, strict=False)]
    assert same[: 11 * 5] == [True] * 11 * 5
    assert not any(same[11 * 5 :])


def test_slots_that_both_have(toys: Toys, scene_run: Run) -> None:
    new, old = weights(toys.settings(**SCENE, slots=8, strategy="heads"), scene_run)
    queries = [next(each for each in ones if each.ndim == 2 and each.shape[1] in (5, 8)) for ones in (new, old)]
    assert np.array_equal(queries[0][:, :5], queries[1])


def test_settings_of_the_run_under_those_that_are_set(scene_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(scene_run.path.parent)
    found = settings_from({"train": {"start": "run"}, "strategy": "cut"})
    assert found["strategy"] == "cut"
    assert found["layout"]["name"] == "scene"
    assert found["backbone"]["name"] == "residual"
    assert settings_from({"slots": 3}) == {"slots": 3}
    assert open_run(Path("run")).settings.backbone.width == found["backbone"]["width"]


def test_weights_of_other_layers_are_refused(toys: Toys, scene_run: Run) -> None:
    """As those of a run from before its backbone was changed."""
    model = make(toys.settings(layout="structured", strategy="heads")).training_model()
    with pytest.raises(RunError, match=r"model\.keras: its weights do not fit today's network .*; train a new one$"):
        load_weights(model, scene_run.path / KERAS_MODEL)
