"""From nothing to real handwriting: networks trained on drawn digits alone read the digits of MNIST.

Nothing of MNIST is trained or chosen with. Compare generators with `--split train`, and report with the test digits.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import common
import numpy as np
import yaml

from multidigit.digits import SPLITS, Digits, load_digits
from multidigit.evaluation import evaluate
from multidigit.labels import BLANK, CELL, CLASSES, DEFAULT_SLOTS
from multidigit.reading.inference import Model
from multidigit.report.tables import markdown_table
from multidigit.runs import LITERT_MODEL
from multidigit.settings import overlay, validate
from multidigit.statistics import mean_and_spread, wilson_interval
from multidigit.strips.compose import Strips
from multidigit.strips.stream import StripStream

SETTINGS = """
digits: drawn
layout: structured
train: {strips: 20000}
evaluation: {validation_strips: 2000, test_strips: 1000}
"""
STRIPS = 10_000


def each_once(digits: Digits) -> Strips:
    """Structured strips of one to five digits, as many of each length, that hold every digit exactly once."""
    order = np.random.default_rng(0).permutation(len(digits))
    lengths = np.resize(np.arange(1, DEFAULT_SLOTS + 1), len(digits))
    ends = np.cumsum(lengths)
    count = int(np.searchsorted(ends, len(digits))) + 1
    lengths[count - 1] -= ends[count - 1] - len(digits)
    # Cells that hold a digit, in reading order.
    row, slot = np.nonzero(np.arange(DEFAULT_SLOTS) < lengths[:count, None])
    cells = np.zeros((count, DEFAULT_SLOTS, CELL, CELL), np.uint8)
    slots = np.full((count, DEFAULT_SLOTS), BLANK, np.uint8)
    cells[row, slot], slots[row, slot] = digits.images[order], digits.labels[order]
    return Strips(np.ascontiguousarray(cells.transpose(0, 2, 1, 3)).reshape(count, CELL, CELL * DEFAULT_SLOTS), slots)


def measured(model: Model, single: Strips, strips: Strips) -> dict[str, Any]:
    """Digits right of those that are there, structured strips right, and what was read for what."""
    measures, answers = evaluate(model, single)
    there = answers["slots"] != BLANK
    right = int((answers["slots"] == answers["answers"])[there].sum())
    sequences, _ = evaluate(model, strips)
    return {
        "digits": int(there.sum()),
        "digits_right": right,
        "digit_accuracy": right / int(there.sum()),
        "digit_interval": list(wilson_interval(right, int(there.sum()))),
        "strips": len(strips),
        "sequence_accuracy": sequences["sequence_accuracy"],
        "sequence_interval": sequences["sequence_interval"],
        "confusion": measures["confusion"],
    }


def confusion_table(strategy: str, rows: list[dict[str, Any]]) -> str:
    """What was read for each digit, over all seeds."""
    counts = np.sum([row["confusion"] for row in rows], axis=0)
    names = [*map(str, range(BLANK)), "blank"]
    # Blank cells read as blank are as many as one likes; only what was read into them is of interest.
    cells = [[names[true], *(f"{n}" if n else "·" for n in counts[true])] for true in range(CLASSES)]
    cells[BLANK][-1] = ""
    return f"\n{strategy}: true digit by row, answer by column\n\n{markdown_table(['', *names], cells, words=1)}"


def tested(options: argparse.Namespace, strategy: str, seed: int, folder: Path) -> dict[str, Any]:
    """One network, trained and tested."""
    data = overlay(yaml.safe_load(SETTINGS), {"strategy": strategy, "seed": seed})
    settings = validate(overlay(data, {"train": {"minutes": options.minutes}}))
    run = common.trained(settings, folder / f"{strategy}-seed{seed}")
    real = validate({"digits": str(options.mnist), "layout": "structured"})
    strips = StripStream(real).fixed(options.split, STRIPS)
    single = each_once(load_digits(real.digits, options.split, real.seed))
    about = {key: run.metrics["training"][key] for key in ("seconds", "strips", "parameters")}
    return {
        "strategy": strategy,
        "seed": seed,
        "training": about,
        "settings": run.settings.model_dump(mode="json"),
        **measured(Model(run.part(LITERT_MODEL)), single, strips),
    }


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--strategies", nargs="+", default=["heads"], metavar="NAME", help="what to train")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="train with the seeds 0 to N-1")
    parser.add_argument("--minutes", type=float, default=8, help="length of each training")
    common.mnist_option(parser)
    parser.add_argument("--split", choices=SPLITS, default="test", help="which of MNIST's digits to read")
    options = parser.parse_args()
    load_digits(str(options.mnist), options.split, 0)  # an error comes now, not after the training
    with tempfile.TemporaryDirectory() as name:
        rows = [tested(options, s, seed, Path(name)) for s in options.strategies for seed in range(options.seeds)]
    heads = [
        "strategy",
        "seed",
        "digits right",
        "95 % interval",
        "numbers right",
        "95 % interval",
        "training",
        "strips",
    ]
    cells = [
        [
            row["strategy"],
            str(row["seed"]),
            f"{row['digit_accuracy']:.2%}",
            "{:.2%} – {:.2%}".format(*row["digit_interval"]),
            f"{row['sequence_accuracy']:.2%}",
            "{:.2%} – {:.2%}".format(*row["sequence_interval"]),
            f"{row['training']['seconds']:.0f} s",
            f"{row['training']['strips']:,}",
        ]
        for row in rows
    ]
    tables = f"Trained on drawn digits alone, tested on the {options.split} digits of MNIST: {rows[0]['digits']:,}\n"
    tables += f"digits, each once, and {STRIPS:,} structured strips of them.\n\n{markdown_table(heads, cells, words=1)}"
    for strategy in options.strategies:
        group = [row for row in rows if row["strategy"] == strategy]
        if len(group) > 1:
            for key, what in (("digit_accuracy", "digits"), ("sequence_accuracy", "numbers")):
                figure = mean_and_spread([row[key] for row in group])
                tables += f"\n{strategy}: {figure.mean:.2%} ± {figure.standard_deviation:.2%} of the {what} right\n"
        tables += confusion_table(strategy, group)
    common.write(options.out, "handwriting", {"split": options.split, "minutes": options.minutes, "rows": rows}, tables)


if __name__ == "__main__":
    common.run(main)
