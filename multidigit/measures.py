"""What ``metrics.json`` holds, checked when it is read: a run may come from anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from multidigit.errors import RunError
from multidigit.labels import CLASSES, MOST_SLOTS

Count = Annotated[int, Field(ge=0, le=10**12)]
Share = Annotated[float, Field(ge=0, le=1)]
Number = Annotated[float, Field(ge=0, le=1e12)]
Row = Annotated[list[Count], Field(min_length=CLASSES, max_length=CLASSES)]

TIMED = ("seconds", "strips_per_second", "waiting")
"""Measures that differ whenever a run is done again."""


class _Part(BaseModel):
    """Other keys are allowed: what is added by newer versions, or nobody reads."""

    model_config = ConfigDict(extra="allow")


class _Length(_Part):
    accuracy: Share
    strips: Count


class _Test(_Part):
    """As ``metrics.measure`` gives them."""

    strips: Annotated[int, Field(ge=1, le=10**12)]
    digit_accuracy: Share
    sequence_accuracy: Share
    sequence_interval: tuple[Share, Share]
    accuracy_by_slot: Annotated[list[Share | None], Field(min_length=1, max_length=MOST_SLOTS)]
    accuracy_by_length: dict[Annotated[str, Field(pattern="^[0-9]{1,2}$")], _Length]
    character_error_rate: Number
    coverage_98: Share
    expected_calibration_error: Share
    confusion: Annotated[list[Row], Field(min_length=CLASSES, max_length=CLASSES)]
    strips_per_second: Number = 0.0


class _Training(_Part):
    seconds: Number
    strips: Count
    parameters: Count
    epochs: Count = 0
    strips_per_second: Number = 0.0
    waiting: Share = 0.0


class _Corruptions(_Part):
    clean: Share
    accuracy: dict[str, Annotated[list[Share], Field(min_length=1, max_length=100)]]


class _Breakdown(_Part):
    shares: dict[str, Annotated[float, Field(ge=-1, le=1)]]


class _Measures(_Part):
    training: _Training
    test: _Test
    corruptions: _Corruptions | None = None
    error_breakdown: _Breakdown | None = None
    budget: _Breakdown | None = None  # its name in older runs


def check_measures(data: dict[str, Any], path: Path) -> None:
    """Refuse measures that nothing could be reported from.

    Raises:
        RunError: names the first that is missing or no such value.
    """
    try:
        _Measures.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise RunError(f"{path}: {key}: {first['msg']}; restore the file or train the run again") from None
