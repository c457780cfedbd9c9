"""Ends trainings by kill -9 at 50 random moments, over all strategies and both layouts, and lets them go on.

Each training is killed up to three times, then it gets through. With --deterministic its weights, history, measures and
answers must be those of a training that nobody disturbed, bit for bit, and nothing else may be left beside the run.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import common
import numpy as np

from multidigit.cli.progress import note
from multidigit.errors import MultidigitError
from multidigit.measures import TIMED
from multidigit.report.tables import markdown_table
from multidigit.runs import KERAS_MODEL, Run, open_run

STRATEGIES, LAYOUTS = ("heads", "sigmoid", "cut"), ("structured", "free")
BUDGET = {
    "backbone.width": 0.25,
    "train.epochs": 6,
    "train.strips": 1024,
    "train.batch_size": 32,
    "evaluation.validation_strips": 200,
    "evaluation.test_strips": 500,
}
MOST = 3
"""Kills of one training, at most."""


def command(strategy: str, layout: str, out: Path) -> list[str]:
    sets = [part for key, value in BUDGET.items() for part in ("--set", f"{key}={value}")]
    asked = ["--strategy", strategy, "--layout", layout, "--deterministic", "--out", str(out), *sets]
    return [sys.executable, "-m", "multidigit", "train", *asked]


def without_times(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: without_times(value) for key, value in data.items() if key not in TIMED}
    return data


def same(one: Run, other: Run) -> bool:
    """Whether two runs are the same but for what was timed."""
    import keras

    weights = [keras.models.load_model(run.part(KERAS_MODEL), compile=False).get_weights() for run in (one, other)]
    histories = [[without_times(dict(row)) for row in run.history] for run in (one, other)]
    answers = one.answers, other.answers
    return (
        all(np.array_equal(*pair) for pair in zip(*weights, strict=True))
        and json.dumps(histories[0]) == json.dumps(histories[1])
        and json.dumps(without_times(one.metrics)) == json.dumps(without_times(other.metrics))
        and all(np.array_equal(answers[0][key], answers[1][key]) for key in answers[0])
    )


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--kills", type=int, default=50, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="decides the moments")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    kinds = [(strategy, layout) for layout in LAYOUTS for strategy in STRATEGIES]
    lines: list[list[str]] = []
    with tempfile.TemporaryDirectory() as folder:
        calm: dict[tuple[str, str], tuple[Path, float]] = {}
        trainings = kills = 0
        while kills < arguments.kills:
            strategy, layout = kind = kinds[trainings % len(kinds)]
            trainings += 1
            if kind not in calm:
                note(f"{strategy}, {layout}: undisturbed")
                path, began = Path(folder, "calm", f"{strategy}-{layout}"), time.monotonic()
                subprocess.run(command(*kind, path), capture_output=True, check=True)
                calm[kind] = path, time.monotonic() - began
            out = Path(folder, f"killed-{trainings}", "run")
            moments = []
            for _ in range(min(MOST, arguments.kills - kills)):
                seconds = rng.uniform(0, calm[kind][1])
                process = subprocess.Popen(command(*kind, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                try:
                    process.wait(seconds)
                except subprocess.TimeoutExpired:
                    process.kill()
                    moments.append(f"{seconds:.1f}")
                if process.wait() == 0:
                    break
            if not out.exists():
                subprocess.run(command(*kind, out), capture_output=True, check=True)
            kills += len(moments)
            equal = same(open_run(out), open_run(calm[kind][0])) and [path.name for path in out.parent.iterdir()] == [
                "run"
            ]
            lines.append([strategy, layout, ", ".join(moments), "yes" if equal else "NO"])
            note(f"{kills} kills; {strategy}, {layout}, after {', '.join(moments)} s: {'same' if equal else 'DIFFERS'}")
    whole = sum(line[-1] == "yes" for line in lines)
    good = whole == trainings
    text = markdown_table(["strategy", "layout", "killed after seconds", "same"], lines, words=4) + (
        f"\n{kills} kills in {trainings} trainings; {whole} of these are that of an undisturbed one, bit for bit.\n"
    )
    common.write(arguments.out, "resume", {"same": good, "kills": kills, "trainings": lines}, text)
    if not good:
        raise MultidigitError("a training that was killed ended otherwise than an undisturbed one")


if __name__ == "__main__":
    common.run(main)
