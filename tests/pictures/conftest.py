"""What tests of pictures share."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Iterator

import pytest


@pytest.fixture
def little_memory() -> Iterator[None]:
    """Fails when Python's objects took much at any time; what Pillow holds shows in the process's own peak."""
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    unit = 1 if sys.platform == "darwin" else 1024
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit
    assert peak < 50e6
    assert grown < 200e6
