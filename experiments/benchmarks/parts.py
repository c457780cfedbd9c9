"""Lists the parts of the benchmarks: what each measures, and how long it takes on two cores."""

from __future__ import annotations

import ast
from pathlib import Path

PARTS = {
    "strips": "3 min",
    "handwriting": "9 min",
    "accuracy": "11 min",
    "contenders": "14 min",
    "until": "9 min",
    "speed": "11 min",
    "rivals": "12 min",
    "reader": "1 min",
    "real": "1 min",
    "photographs": "3 min",
    "folder": "2 min",
    "report": "1 min",
    "jobs": "10 min",
    "power": "3 min",
    "answers": "300 min",
    "repeats": "seconds",
    "own": "60 min",
    "cluster": "15 min",
    "kills": "20 min",
    "resume": "15 min",
    "crowd": "10 min",
    "bulk": "5 min",
    "scale": "2 min",
    "workers": "6 min",
    "device": "15 min",
    "table": "seconds",
    "picture": "seconds",
}
"""How long each takes with its default options, on two cores that have nothing else to do."""


def about(path: Path) -> str:
    """The first paragraph that a part says of itself, as one line."""
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split())


def listing(folder: Path) -> str:
    """A part a line."""
    paths = {name: folder / f"{name}.py" for name in PARTS}
    return "\n".join(f"  {name:<11}  {PARTS[name]:<7}  {about(path)}" for name, path in paths.items() if path.exists())


if __name__ == "__main__":
    print("make bench PART=name runs a part, with ARGS=--help its options. Results, JSON and Markdown, go to")
    print("experiments/benchmarks/results.\n")
    print(listing(Path(__file__).parent))
