"""What tests share by import: the smallest settings, toy networks, one call of the command line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from multidigit.runs import Run
from multidigit.settings import Settings, overlay, validate

MNIST = Path(os.environ.get("MULTIDIGIT_MNIST", Path(__file__).parents[2] / "shared" / "data" / "mnist.npz"))

TINY: dict[str, Any] = {
    "layout": {"name": "structured"},
    "backbone": {"name": "compact", "width": 0.25},
    "train": {"epochs": 3, "strips": 64, "batch_size": 16},
    "evaluation": {"validation_strips": 20, "test_strips": 30},
}
"""The least that trains at all: what is tested is what happens around the training."""


class Toys:
    """Settings on the toy digits, and networks that learnt to read them, each trained once whoever asks first."""

    def __init__(self, npz: Path, home: Path) -> None:
        self.npz, self.home = npz, home
        self._runs: dict[str, Run] = {}

    def settings(self, **changes: Any) -> Settings:
        """``TINY`` on the toy digits, with sections laid over it."""
        return validate(overlay({**TINY, "digits": str(self.npz)}, changes))

    def options(self) -> list[str]:
        """The same, but for the strategy and the layout, as a command line has it."""
        sections = {name: TINY[name] for name in ("backbone", "train", "evaluation")}
        pairs = [(f"{name}.{key}", value) for name, section in sections.items() for key, value in section.items()]
        sets = [part for key, value in pairs for part in ("--set", f"{key}={value}")]
        return ["--set", f"digits={self.npz}", *sets]

    def run(self, strategy: str = "heads") -> Run:
        """A run that reads structured strips of toy digits."""
        from multidigit.training import train

        if strategy not in self._runs:
            settings = self.settings(
                strategy=strategy,
                train={"epochs": 2, "strips": 2000, "batch_size": 32},
                evaluation={"validation_strips": 200, "test_strips": 300},
            )
            self._runs[strategy] = train(settings, self.home / strategy)
        return self._runs[strategy]


class Called:
    """What one call of the command line gave."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON value and nothing else."""
        return json.loads(self.out)
