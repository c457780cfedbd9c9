"""Default comparisons with other seeds each: how many are decided, whether they agree, and how long they take.

Each takes 5 to 40 minutes on two cores; those whose answers are in the results already are not done again.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from statistics import mean
from typing import Any

import common

from multidigit.cli.progress import note
from multidigit.comparison.looks import STAGES
from multidigit.errors import MultidigitError
from multidigit.report.tables import markdown_table
from multidigit.runs import read_json

FILE = "answers"


def answer(results: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """What a comparison found: its ``results.json``, and how long it took."""
    layouts = {}
    for verdict in results["verdicts"]:
        won = verdict["outcome"] == "wins"
        layouts[verdict["layout"]] = {
            "answer": f"{verdict['leader']} wins" if won else verdict["outcome"],
            "accuracies": verdict["accuracies"],
        }
    pairs = ("layout", "a", "b", "difference", "low", "high", "seeds", "resolved", "same")
    return {
        "seconds": round(seconds, 1),
        "trainings": len(results["rows"]),
        "layouts": layouts,
        "pairs": [{key: pair[key] for key in pairs} for pair in results["pairs"]],
    }


def ask(seed: int) -> dict[str, Any]:
    """A default comparison with the seeds from this one on."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "multidigit", "compare", "--seed", str(seed), "--json", "--out"]
        began = time.perf_counter()
        done = subprocess.run(
            [*command, f"{folder}/compare"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise MultidigitError(f"the comparison from seed {seed} on ended with exit code {done.returncode}")
        return answer(json.loads(done.stdout), time.perf_counter() - began)


def summary(answers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """How many are decided, and how often each answer was given, by layout."""
    given = [{name: layout["answer"] for name, layout in each["layouts"].items()} for each in answers.values()]
    return {
        "comparisons": len(given),
        "decided": sum("unresolved" not in each.values() for each in given),
        "given": {name: dict(Counter(each[name] for each in given)) for name in given[0]},
        "trainings": mean(each["trainings"] for each in answers.values()),
        "minutes": mean(each["seconds"] for each in answers.values()) / 60,
    }


def write(folder: Path, answers: Mapping[str, Mapping[str, Any]]) -> None:
    found = summary(answers)
    lines = []
    for seed, each in answers.items():
        cells = []
        for layout in each["layouts"].values():
            accuracies = ", ".join(f"{name} {right:.1%}" for name, right in layout["accuracies"].items())
            cells.append(f"{layout['answer']} ({accuracies})")
        lines.append([seed, *cells, str(each["trainings"]), f"{each['seconds'] / 60:.1f}"])
    said = f"{found['decided']} of {found['comparisons']} comparisons are decided on every layout, with "
    said += f"{found['trainings']:.1f} trainings and in {found['minutes']:.1f} minutes on average.\n\n"
    for name, counts in found["given"].items():
        said += f"- {name}: {', '.join(f'{text} in {count}' for text, count in counts.items())}\n"
    heads = ["first seed", *found["given"], "trainings", "minutes"]
    common.write(folder, FILE, {"answers": answers, **found}, f"{said}\n{markdown_table(heads, lines)}\n")


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--comparisons", type=int, default=10, help="how many")
    options = parser.parse_args()
    path = options.out / f"{FILE}.json"
    answers = read_json(path)["answers"] if path.exists() else {}
    for number in range(options.comparisons):
        # No two have a seed in common.
        seed = number * 10 * STAGES.seeds[-1]
        if str(seed) not in answers:
            answers[str(seed)] = ask(seed)
            write(options.out, answers)
        note(f"from seed {seed} on: {[layout['answer'] for layout in answers[str(seed)]['layouts'].values()]}")


if __name__ == "__main__":
    common.run(main)
