"""How often a comparison of two strategies decides, and how: by their true difference, seeds and test strips.

Trainings and strips are drawn at random: a strip is read where its easiness, which networks share in part, beats the
network's threshold, and each training moves that threshold. The verdict is the program's own.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations, product

import common
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from multidigit.cli.compare import EVALUATION
from multidigit.cli.progress import counting
from multidigit.comparison.looks import STAGES
from multidigit.comparison.pairs import PairedRuns, compare_pairs, measure_pair
from multidigit.comparison.verdict import Cost, give_verdict
from multidigit.report.tables import markdown_table

ACCURACY = 0.85
"""Sequence accuracy of the better one."""
DIFFERENCES = (0.0, 0.005, 0.01, 0.02, 0.04)
SEEDS = (1, 3, 5, 10)
STRIPS = (1_000, 5_000, 20_000)
LIKE_MEASURED = {
    "structured": {"heads": (0.799, 0.031), "sigmoid": (0.810, 0.031), "cut": (0.798, 0.031)},
    "free": {"heads": (0.537, 0.022), "sigmoid": (0.547, 0.022), "cut": (0.004, 0.1)},
}
"""Sequence accuracy of the ten default comparisons of answers.json, and the noise of training that makes two of their
networks differ from seed to seed as much as they did."""
SHARED = 0.9
"""Part of a strip's easiness that both share, as variance: of the strips 9 % are then read by one of them alone, as of
``heads`` and ``cut`` on structured strips."""


def networks(rng: np.random.Generator, accuracy: float, easy: NDArray[np.float32], noise: float) -> NDArray[np.bool_]:
    """Strips read right by one training for each seed: ``bool``, of the shape of ``easy``, (seeds, strips)."""
    threshold = ndtri(accuracy)
    # A change of the log odds by x moves a share p by p (1 - p) x.
    step = noise * accuracy * (1 - accuracy) / math.exp(-(threshold**2) / 2) * math.sqrt(2 * math.pi)
    own = math.sqrt(1 - SHARED) * rng.standard_normal(easy.shape, np.float32)
    return np.asarray(easy + own < threshold + step * rng.standard_normal((len(easy), 1)))


def decided(rng: np.random.Generator, difference: float, seeds: int, strips: int, noise: float) -> str:
    """The verdict on one comparison: ``better``, ``worse``, ``same`` or ``unresolved``."""
    easy = math.sqrt(SHARED) * rng.standard_normal((seeds, strips), np.float32)
    a, b = networks(rng, ACCURACY, easy, noise), networks(rng, ACCURACY - difference, easy, noise)
    paired = PairedRuns("structured", "a", "b", [[couple] for couple in zip(a, b, strict=True)])
    (found,) = compare_pairs([measure_pair(paired)])
    if found.resolved:
        return "better" if found.difference > 0 else "worse"
    return "same" if found.same else "unresolved"


def default(rng: np.random.Generator) -> tuple[dict[str, str], int]:
    """The verdicts of one default comparison, by layout, and how many networks it trained."""
    right: dict[str, dict[str, NDArray[np.bool_]]] = {}
    for layout, like in LIKE_MEASURED.items():
        easy = math.sqrt(SHARED) * rng.standard_normal((STAGES.seeds[-1], EVALUATION["test_strips"]), np.float32)
        right[layout] = {name: networks(rng, share, easy, noise) for name, (share, noise) in like.items()}
    seeds = {(layout, name): STAGES.seeds[0] for layout, strategies in right.items() for name in strategies}
    for count, following in zip(STAGES.seeds, (*STAGES.seeds[1:], 0), strict=True):
        measured = []
        for layout, strategies in right.items():
            for a, b in combinations(strategies, 2):
                both = min(seeds[layout, a], seeds[layout, b])
                couples = zip(strategies[a][:both], strategies[b][:both], strict=True)
                measured.append(measure_pair(PairedRuns(layout, a, b, [[couple] for couple in couples])))
        pairs = compare_pairs(measured, STAGES)
        found = {}
        for layout, strategies in right.items():
            shares = {name: float(wide[: seeds[layout, name]].mean()) for name, wide in strategies.items()}
            verdict = give_verdict(layout, "", shares, dict.fromkeys(shares, Cost(1.0, 1.0, 1.0, 1.0)), pairs)
            found[layout] = f"{verdict.leader} wins" if verdict.outcome == "wins" else verdict.outcome
        open_ = STAGES.need_seeds(pairs, [layout for layout, outcome in found.items() if outcome == "unresolved"])
        if not open_ or count == STAGES.seeds[-1]:
            break
        seeds |= dict.fromkeys(open_, following)
    return found, sum(seeds.values())


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--draws", type=int, default=200, help="comparisons drawn for each cell")
    parser.add_argument("--noise", type=float, default=0.03, help="of training: standard deviation of the log odds")
    options = parser.parse_args()
    rng, cells = np.random.default_rng(0), []
    grid = list(product(DIFFERENCES, SEEDS, STRIPS))
    with counting("cells", len(grid)) as step:
        for difference, seeds, strips in grid:
            drawn = Counter(decided(rng, difference, seeds, strips, options.noise) for _ in range(options.draws))
            shares = {verdict: drawn[verdict] / options.draws for verdict in ("better", "same", "worse", "unresolved")}
            cells.append({"difference": difference, "seeds": seeds, "strips": strips, **shares})
            step()
    defaults = []
    with counting("default comparisons", options.draws) as step:
        for _ in range(options.draws):
            defaults.append(default(rng))
            step()
    outcomes = {
        layout: {name: count / options.draws for name, count in Counter(found[layout] for found, _ in defaults).items()}
        for layout in LIKE_MEASURED
    }
    decided_on_both = float(np.mean(["unresolved" not in found.values() for found, _ in defaults]))
    trained = float(np.mean([count for _, count in defaults]))
    heads = ["true difference", "seeds", *(f"{strips:,} strips" for strips in STRIPS)]
    lines = [
        [
            f"{100 * difference:g} points",
            str(seeds),
            *(
                f"{100 * cell['better']:.0f} / {100 * cell['same']:.0f}"
                for cell in cells
                if (cell["difference"], cell["seeds"]) == (difference, seeds)
            ),
        ]
        for difference, seeds in product(DIFFERENCES, SEEDS)
    ]
    said = (
        "In 100 comparisons the better one wins / both are called the same within a point; the rest is unresolved.\n\n"
    )
    results = {"accuracy": ACCURACY, "noise": options.noise, "draws": options.draws, "cells": cells}
    results["default"] = {"outcomes": outcomes, "decided": decided_on_both, "trained": trained}
    text = f"\nThe default comparison is decided on both layouts in {decided_on_both:.0%}"
    text += f", with {trained:.1f} trainings on average.\n\n"
    for layout, found in outcomes.items():
        text += f"- {layout}: {', '.join(f'{name} {share:.0%}' for name, share in sorted(found.items()))}\n"
    common.write(options.out, "power", results, said + markdown_table(heads, lines) + "\n" + text)


if __name__ == "__main__":
    common.run(main)
