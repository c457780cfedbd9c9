"""The verdict of a comparison in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from multidigit.comparison.pairs import LEVEL, MANY_SEEDS, MANY_STRIPS, Pair, all_ahead, between
from multidigit.comparison.winner import sequence_means
from multidigit.statistics import FEWEST, critical

NOTABLE = 1.25
"""Costs that differ by less than this factor are left out: timings vary by that much."""


def sentences(rows: Sequence[Mapping[str, Any]], found: Sequence[Pair]) -> list[str]:
    """For each layout: who leads, by how much over the next, whether that would happen again, and at what cost."""
    said = []
    for layout, means in sequence_means(rows).items():
        (best, top), *others = means.items()
        if not others:
            said.append(f"On {layout} strips only {best} was trained: {top:.1%} of the numbers right.")
            continue
        second, behind = others[0]
        pair = between(found, layout, best, second)
        if pair is None:
            said.append(
                f"On {layout} strips {best} reads {top:.1%} of the numbers right, {100 * (top - behind):.1f} points "
                f"before {second}; not tested for chance."
            )
            continue
        lead = f"{top:.1%} of the numbers right, {_points(pair.difference)} before {second}"
        wins = pair.resolved and pair.difference > 0
        words = [
            f"On {layout} strips {best} wins: {lead}, beyond chance ({_sureness(pair)})."
            if wins
            else f"On {layout} strips it is unresolved: {best} reads {lead}, {_doubt(pair)} ({_sureness(pair)})."
        ]
        if pair.seeds == 1:
            words.append("The interval speaks of these trained networks alone, one training each.")
        if not wins:
            third = [name for name, _ in others[1:] if all_ahead(found, layout, (best, second), name)]
            if third:
                words.append(f"Both are ahead of {' and '.join(third)}.")
            words.append(_needed(pair))
        cost = _cost(rows, layout, best, second)
        said.append(" ".join([*words, cost] if cost else words))
    return said


def _sureness(pair: Pair) -> str:
    # Adding zero turns a rounded -0.0 into 0.0.
    low, high = (round(100 * limit, 1) + 0.0 for limit in (pair.low, pair.high))
    over = f" over {pair.seeds} seeds" if pair.seeds > 1 else ""
    return f"95 % interval{over} {low:+.1f} to {high:+.1f}, McNemar with Holm's correction p = {_p(pair.corrected)}"


def _doubt(pair: Pair) -> str:
    """Why a difference does not count."""
    if pair.corrected >= LEVEL:
        return "which chance alone could do"
    if pair.seeds < FEWEST:
        moved = critical(1 - LEVEL, 1) * pair.spread / math.sqrt(pair.seeds)
        return f"while training anew may move that by {_points(moved)}"
    return f"which differs too much from seed to seed, p = {_p(pair.again)}"


def _needed(pair: Pair) -> str:
    """How many strips or seeds would settle an unresolved difference."""
    if pair.difference == 0:
        return "A difference of nothing is settled by no number of strips or seeds."
    seeds = "more than" if pair.needed_seeds is None else "about"
    seeds += f" {_rough(pair.needed_seeds or MANY_SEEDS):,} seeds"
    if pair.needed_strips is None:
        told = f"No number of strips would settle a difference of this size; {seeds} would"
    else:
        rough = _rough(pair.needed_strips)
        strips = f"more than {MANY_STRIPS:,}" if rough > MANY_STRIPS else f"about {rough:,}"
        told = f"A difference of this size would be settled by {strips} test strips (not {pair.strips:,}) or by {seeds}"
    # So far the training's part is what was allowed for.
    return f"{told}; {FEWEST} seeds show how many it really takes." if pair.seeds < FEWEST else f"{told}."


def _rough(count: int) -> int:
    """To two digits: more is not known of what would be needed."""
    return int(float(f"{count:.1e}"))


def _cost(rows: Sequence[Mapping[str, Any]], layout: str, best: str, second: str) -> str:
    """What the leader and the next cost where that differs notably; empty where it does not."""
    told = []
    for key, words in (
        ("training_seconds", "trained in {:,.0f} s against {:,.0f} s"),
        ("reading_strips_per_second", "reads {:,.0f} strips/s against {:,.0f}"),
        ("parameters", "{:,.0f} parameters against {:,.0f}"),
    ):
        one, two = (
            float(np.mean([row[key] for row in rows if (row["layout"], row["strategy"]) == (layout, strategy)]))
            for strategy in (best, second)
        )
        if max(one, two) >= NOTABLE * min(one, two):
            told.append(words.format(one, two))
    return f"{best} against {second}: {', '.join(told)}." if told else ""


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


def _p(value: float) -> str:
    return "0.001 or less" if value <= 0.001 else f"{value:.3f}"
