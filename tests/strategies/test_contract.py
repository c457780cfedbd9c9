"""The contract, for every registered strategy on every backbone and layout."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from multidigit.registry import BACKBONES, STRATEGIES
from multidigit.settings import LAYOUTS, Layout
from multidigit.testing import check_backbone, check_strategy

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in STRATEGIES},
    "heads-length": ("heads", {"length": True}),
    "cut-ink": ("cut", {"cutter": "ink"}),
}
WIDTHS = {"compact": 0.25, "deep": 0.125, "residual": 0.125, "streetview": 0.0625}
"""Narrow, so that tests are quick; a backbone that is not named here is checked at width 1."""


def is_quick(variant: str, backbone: str, layout: str) -> bool:
    return (backbone, layout) == ("compact", "free") and variant in ("heads", "cut")


@pytest.mark.parametrize(
    ("variant", "backbone", "layout"),
    [
        pytest.param(*names, id="-".join(names), marks=() if is_quick(*names) else pytest.mark.slow)
        for names in itertools.product(VARIANTS, BACKBONES, LAYOUTS)
    ],
)
def test_strategies_keep_the_contract(variant: str, backbone: str, layout: Layout) -> None:
    strategy, options = VARIANTS[variant]
    check_strategy(strategy, options=options, backbone=backbone, width=WIDTHS.get(backbone, 1.0), layout=layout)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_strategy_on_every_backbone_keeps_the_contract(backbone: str) -> None:
    check_strategy("heads", backbone=backbone, width=WIDTHS.get(backbone, 1.0), slots=[3])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("backbone", BACKBONES)
def test_backbones_keep_the_contract(backbone: str, layout: Layout) -> None:
    width = WIDTHS.get(backbone, 1.0)
    check_backbone(backbone, width=width, layout=layout, slots=[1, 3, 5, 12], strategies=[])
