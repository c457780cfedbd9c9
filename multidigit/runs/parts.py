"""What the parts of a run folder are called, and where runs are."""

from __future__ import annotations

from pathlib import Path

FORMAT = 1
"""Version of the folder's layout; a reader of another one refuses it."""
HOME = Path("runs")
"""Where runs go and are looked for, in the current folder."""
KERAS_MODEL = "model.keras"
LITERT_MODEL = "reader.tflite"
"""The reading model for LiteRT; it is what every run has."""
LITERT_INT8 = "reader-int8.tflite"
"""The same network with weights and activations in 8 bits: in runs that were exported with it."""
FINDER, FINDER_INT8 = "finder.tflite", "finder-int8.tflite"
"""The finder, which only the shipped run has; all runs read pictures with it."""
SETTINGS = "settings.yaml"
CALIBRATION = "calibration.json"
"""For each LiteRT model of the run, how its confidence is calibrated."""
HISTORY, METRICS, ENVIRONMENT = "history.csv", "metrics.json", "environment.json"
ANSWERS = "answers.npz"
"""The answer for each test strip and its confidence: paired comparisons need no model."""
CHECKPOINT = "checkpoint.keras"
"""Only in a run that was interrupted: the model as training left it, its optimiser included."""
CARD = "card.md"
"""Of an exported run: how its models were made, and what they measure."""
RESULTS = "results.json"
"""Beside the runs of a comparison or an experiment: their measures, and which run reads best."""
REQUIRED = (LITERT_MODEL, SETTINGS, METRICS)
"""Parts that every run has."""
READING = (*REQUIRED, LITERT_INT8, CALIBRATION, CARD, FINDER, FINDER_INT8)
"""Parts that reading and evaluation use; an exported run has no others."""
ABOUT = ("strategy", "backbone", "layout", "digits")
"""Settings that ``environment.json`` repeats, so that a picture is read without parsing the settings file."""
MOST_PARTS = 100
"""Parts of a run; it has a dozen."""
SHIPPED = Path(__file__).parents[1] / "shipped"
"""The run that comes with the package."""
