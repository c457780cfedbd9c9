"""The streetview backbone: the paper's layers, counted by hand, and its widths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multidigit.labels import CELL, CLASSES
from multidigit.settings import LAYOUTS, validate
from multidigit.strategies.base import Strategy, make, resolve

NARROW = 0.0625


def strategy_of(strategy: str = "heads", width: float = NARROW) -> Strategy:
    backbone = {"name": "streetview", "width": width}
    return make(validate({"strategy": strategy, "backbone": backbone, "layout": "structured"}))


def layers_of(model: Any, kind: str) -> list[Any]:
    return [layer for layer in model.layers if type(layer).__name__ == kind]


def test_five_heads_have_the_papers_layers() -> None:
    model = strategy_of(width=1).training_model()
    # inputs · units + units
    convolutional = (
        3 * (25 * 1 * 48 + 48)  # 3,744: maxout of three filters
        + (25 * 48 * 64 + 64)  # 76,864
        + (25 * 64 * 128 + 128)  # 204,928
        + (25 * 128 * 160 + 160)  # 512,160
        + (25 * 160 * 192 + 192)  # 768,192
        + 3 * (25 * 192 * 192 + 192)  # 2,765,376
    )
    # Nine columns, each from the 3, 4 or 5 columns of the map within two of it, two rows of 192 in and out.
    columns = 3 + 4 + 5 + 5 + 5 + 5 + 5 + 4 + 3
    locally_connected = columns * (2 * 192) * (2 * 192) + 9 * (2 * 192)  # 5,754,240
    dense = (2 * 9 * 192 * 3072 + 3072) + (3072 * 3072 + 3072)  # 10,619,904 + 9,440,256
    heads = 5 * (3072 * 11 + 11)  # 169,015
    assert model.count_params() == convolutional + locally_connected + dense + heads == 30_314_679

    convolutions = layers_of(model, "Conv2D")
    assert [layer.filters for layer in convolutions] == [48, 48, 48, 64, 128, 160, 192, 192, 192, 192]
    assert {layer.kernel_size for layer in convolutions} == {(5, 5)}
    pools = layers_of(model, "MaxPooling2D")
    assert [layer.strides[0] for layer in pools] == [2, 1, 2, 1, 2, 1, 2, 1]
    assert [tuple(layer.output.shape[1:3]) for layer in pools] == [
        *[(14, 70)] * 2,
        *[(7, 35)] * 2,
        *[(4, 18)] * 2,
        *[(2, 9)] * 2,
    ]
    # Behind every hidden layer, and not behind the input.
    assert len(layers_of(model, "Dropout")) == 11


def test_cells_have_a_known_number_of_parameters() -> None:
    assert strategy_of("cut", width=1).training_model().count_params() == 16_758_283


def test_a_cell_ends_in_a_map_of_two_by_two() -> None:
    model = strategy_of("cut", width=0.25).training_model()
    assert tuple(layers_of(model, "MaxPooling2D")[-1].output.shape[1:]) == (2, 2, 48)
    # Each of the two columns is made from all four places.
    kernels = [tuple(layer.kernel.shape) for layer in layers_of(model, "Dense")]
    assert kernels == [*[(4 * 48, 2 * 48)] * 2, (4 * 48, 768), (768, 768), (768, CLASSES)]


def test_the_width_scales_every_layer_in_whole_eights() -> None:
    model = strategy_of(width=0.25).training_model()
    assert [layer.filters for layer in layers_of(model, "Conv2D")] == [16, 16, 16, 16, 32, 40, 48, 48, 48, 48]
    assert [layer.units for layer in layers_of(model, "Dense")] == [*[2 * 48] * 9, 768, 768, *[CLASSES] * 5]
    narrowest = strategy_of("cut", width=0.001).training_model()
    assert {layer.filters for layer in layers_of(narrowest, "Conv2D")} == {8}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_its_recipe_fills_what_was_left_open(layout: str) -> None:
    train = resolve(validate({"backbone": "streetview", "layout": layout})).train
    assert (train.optimizer, train.learning_rate, train.batch_size) == ("adam", 0.001, 64)
    assert train.augment == {"structured": 1.0, "free": 0.5}[layout]


def test_paper_all_of_one_shade_is_nothing_to_it() -> None:
    model = strategy_of().training_model()
    shades = np.repeat(np.array([0, 128, 255], np.uint8), CELL * CELL * 5).reshape(3, CELL, CELL * 5)
    found = np.asarray(model(shades))
    assert np.allclose(found, found[0], atol=1e-4)
