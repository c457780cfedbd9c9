"""What older versions wrote, as today's code has it.

Every reader of a run folder gets old parts through these functions, and ``multidigit upgrade`` writes what they give.
All versions so far are 0.1.0 and their run folders of format 1. These are all the ways in which folders differ, with
the day (of November 2026) on which the program began to write them otherwise; ``tests/fixtures/runs`` has a run or an
experiment of each kind.

| day | file | written until then | today |
|---|---|---|---|
| 22 | ``settings.yaml`` | no ``effects``, ``train.augment``: nothing was bent | 0 is written out |
| 22 | ``calibration.json`` | not there: confidence is as the network gives it | one entry for each LiteRT model |
| 22 | ``metrics.json`` | no ``expected_calibration_error_before``: as after | both |
| 22 | exported runs | ``reader.tflite``, settings and measures alone | also 8 bits, calibration and ``card.md`` |
| 22 | ``results.csv``, ``results.jsonl`` | not there | one flat row for each planned run |
| 25 | ``metrics.json`` | no error breakdown; then until 26 called ``budget`` | ``error_breakdown`` |
| 26 | ``results.csv``, ``results.jsonl`` | columns ``budget.*`` | ``error_breakdown.*`` |
| 26 | ``results.json`` | ``reader``; ``verdict`` in sentences, ``crossover``, ``panel`` | ``winner``, ``verdicts``, … |
| 26 | experiments | ``panel.json`` of 25 to 26 | no longer written, left where it lies |
| 26 | ``settings.yaml`` | ``layout.framed``, ``train.average``, the backbone ``thread`` | see ``settings.renamed`` |
| 26 | ``settings.yaml`` | no ``slots``: five | ``slots`` |
| 26 | ``environment.json`` | no ``about.slots``: five | ``about.slots`` |
| 26 | ``results.json`` | no ``margin``; then ``sequential`` for a plan that looks after each seed | ``looks`` |
| 26, 19:20 to 20:31 | ``settings.yaml`` | ``backbone.dropout`` | no setting; 0 changed nothing |
| 26 | ``checkpoint.json`` | no ``losses`` of the epoch under way | ``losses`` |
| 26 | ``.NAME.training`` | checkpoints of fewer settings | refused as of other settings, with what to do |

Other settings were added at values that change nothing. ``history.csv``, ``answers.npz`` and the entries of
``calibration.json`` never changed. ``model.keras`` is read into today's network: where that has other layers, the run
still reads pictures, but can be neither trained on nor exported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multidigit.labels import DEFAULT_SLOTS


def todays_settings(data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A run's settings under today's names, and by dotted key those that mattered and are settings no longer."""
    from multidigit.settings.renamed import GONE, renamed

    found, lost = renamed(data), {}
    for key in GONE:
        section, name = key.split(".")
        values = found.get(section)
        if isinstance(values, Mapping) and name in values:
            found[section] = {other: value for other, value in values.items() if other != name}
            lost[key] = values[name]
    # Left out it would be as the backbone recommends, but then nothing was bent.
    if isinstance(found.get("train"), Mapping):
        found["train"] = {"augment": 0.0, **found["train"]}
    return found, lost


def todays_about(about: Mapping[str, Any]) -> dict[str, Any]:
    """What ``environment.json`` says about a run in a few words."""
    if "slots" in about:
        return dict(about)
    from multidigit.settings.renamed import renamed

    return {**about, **renamed({"backbone": about["backbone"]}), "slots": DEFAULT_SLOTS}


def todays_metrics(data: Mapping[str, Any]) -> dict[str, Any]:
    """What ``metrics.json`` holds."""
    found = {"error_breakdown" if key == "budget" else key: value for key, value in data.items()}
    test = found.get("test", {})
    if "expected_calibration_error" in test:
        # Before there was calibration, the error was that of the network itself.
        found["test"] = {"expected_calibration_error_before": test["expected_calibration_error"], **test}
    return found


def todays_results(data: Mapping[str, Any]) -> dict[str, Any]:
    """What ``results.json`` holds, as far as it is not decided anew from the runs."""
    return {"winner" if key == "reader" else key: value for key, value in data.items()}
