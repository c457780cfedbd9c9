"""What this process may use of the machine."""

from __future__ import annotations

import os
from pathlib import Path


def processors() -> int:
    """Processors that this process may run on: in a container, or under ``taskset``, fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory() -> float:
    """Bytes of memory that are free or soon can be; infinity where the system does not say."""
    try:
        text = Path("/proc/meminfo").read_text("ascii")
        return 1024.0 * next(int(line.split()[1]) for line in text.splitlines() if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return float("inf")


def has_gpu() -> bool:
    """Whether there is an NVIDIA GPU that training would use, found without asking TensorFlow."""
    return Path("/dev/nvidia0").exists()
