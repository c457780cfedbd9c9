"""How fast strips are made on one core, beside how fast a network takes them; and how long the digit cache takes."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import common

from multidigit.digits import cache
from multidigit.digits.drawn import Drawn
from multidigit.report.tables import markdown_table
from multidigit.settings import overlay, validate
from multidigit.strategies.base import resolve
from multidigit.strips.stream import StripStream

DIGITS = 60_000
BATCH = 256
KINDS: dict[str, tuple[dict[str, Any], int]] = {
    "structured": ({"layout": "structured"}, 100_000),
    "free": ({"layout": "free"}, 20_000),
    "free, photo": ({"layout": "free", "effects": "photo"}, 4_000),
}
"""Settings, and the strips in a second that are asked for at least."""


def build() -> dict[str, float]:
    """Seconds to draw and keep digits on all cores, and to read it again."""
    seconds = []
    for _ in ("drawn", "read"):
        began = time.perf_counter()
        digits = cache.load(Drawn(DIGITS), "train", 0)
        seconds.append(time.perf_counter() - began)
        assert len(digits) == DIGITS
    return {"digits": DIGITS, "seconds_to_build": seconds[0], "seconds_to_read": seconds[1]}


def composing(data: dict[str, Any]) -> dict[str, Any]:
    """Strips in a second on one core: as they are composed, and bent in the batches that training takes."""
    plain = validate(overlay({"digits": "drawn"}, data))
    recipe = resolve(plain)
    made, fed, size = StripStream(plain), StripStream(recipe), recipe.train.batch_size or BATCH
    with common.one_core() as bound:
        return {
            "bound_to_one_core": bound,
            "composed": common.rate(lambda index: len(made.batch(index, BATCH))),
            "for_training": common.rate(lambda index: len(fed.batch(index, size))),
        }


def training(data: dict[str, Any], seconds: float, folder: Path) -> float:
    """Strips in a second that ``heads`` on ``compact`` is trained with, on all cores, validation included."""
    budget = {"train": {"minutes": seconds / 60}, "evaluation": {"validation_strips": 500, "test_strips": 500}}
    settings = validate(overlay({"digits": "drawn", "strategy": "heads", **budget}, data))
    run = common.trained(settings, folder)
    return float(run.metrics["training"]["strips_per_second"])


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="length of each training")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.environ[cache.VARIABLE] = name
        built = build()
        rows = {kind: {"bar": bar, **composing(data)} for kind, (data, bar) in KINDS.items()}
        # Last: once TensorFlow is there, its threads are, too.
        for kind, (data, _) in KINDS.items():
            rows[kind]["trained"] = training(data, options.seconds, Path(name) / kind.replace(", ", "-"))
    heads = ["strips", "bar", "composed, one core", "median", "for training, one core", "heads trains at, all cores"]
    cells = [
        [
            kind,
            f"{row['bar']:,}/s",
            f"{row['composed']['best']:,.0f}/s",
            f"{row['composed']['median']:,.0f}/s",
            f"{row['for_training']['best']:,.0f}/s",
            f"{row['trained']:,.0f}/s",
        ]
        for kind, row in rows.items()
    ]
    first, again = built["seconds_to_build"], built["seconds_to_read"]
    table = markdown_table(heads, cells, words=1)
    table += (
        f"\n{DIGITS:,} drawn digits are made and kept in {first:.1f} s on all cores and read again in {again:.2f} s.\n"
    )
    common.write(options.out, "strips", {"cache": built, "strips": rows}, table)


if __name__ == "__main__":
    common.run(main)
