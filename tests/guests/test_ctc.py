"""The guest that comes with the experiments: a strategy in a package of its own."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multidigit.testing import check_strategy

PACKAGE = Path(__file__).parents[2] / "experiments" / "guests" / "ctc"


@pytest.fixture
def ctc(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(PACKAGE)
    import multidigit_ctc

    yield multidigit_ctc
    del sys.modules["multidigit_ctc"]


@pytest.mark.slow
@pytest.mark.parametrize("slots", [1, 5])
def test_it_keeps_the_contract(ctc: Any, slots: int) -> None:
    check_strategy(ctc.Ctc, layout="free", slots=[slots], width=0.25)


def test_probabilities_are_those_of_all_that_columns_may_show(ctc: Any) -> None:
    from keras import ops

    columns, slots = 6, 2
    given = np.random.default_rng(0).dirichlet(np.ones(11), columns).astype(np.float32)
    # Only three of the classes, so that all of their sequences can be tried: none, 0 and 1.
    given[:, 3:] = 0
    given /= given.sum(1, keepdims=True)
    wanted = np.zeros((slots, 11))
    for shown in itertools.product(range(3), repeat=columns):
        likely = np.prod([given[column, each] for column, each in enumerate(shown)])
        digits = [each - 1 for each, _ in itertools.groupby(shown) if each]
        for slot in range(slots):
            wanted[slot, digits[slot] if slot < len(digits) else 10] += likely
    found = np.asarray(ctc.slot_probabilities(ops.convert_to_tensor(given[None]), slots))[0]
    assert np.allclose(found, wanted, atol=1e-6)
    assert wanted[1, 0] > 0
