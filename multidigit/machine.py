"""What this process may use of the machine."""

from __future__ import annotations

import os


def processors() -> int:
    """Processors that this process may run on: in a container, or under ``taskset``, fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
