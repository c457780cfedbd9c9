"""The verdict of a comparison in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from multidigit.comparison import Comparison, Cost, Incomparable, Pair, Verdict
from multidigit.comparison.looks import LookPlan
from multidigit.comparison.pairs import LEVEL, MANY_SEEDS, MANY_STRIPS
from multidigit.report.crossover import sweep_sentence
from multidigit.statistics import FEWEST, critical

NOTABLE = 1.25
"""Costs that differ by less than this factor are left out: timings vary by that much."""
NAMED = 3
"""Pairs of runs that are named where they could not be compared; the others are counted."""


def sentences(comparison: Comparison) -> list[str]:
    """What a comparison found: a text for each layout or each sweep, and what had to be left out."""
    found = [" ".join([headline(verdict), *details(verdict)]) for verdict in comparison.verdicts]
    found += [sweep_sentence(sweep, crossovers) for sweep, crossovers in comparison.swept]
    return [*found, *notes(comparison)]


def notes(comparison: Comparison) -> list[str]:
    """What goes for all verdicts: how looking more than once was paid for, and what had to be left out."""
    looked = [_looked(comparison.looks)] if comparison.looks else []
    return looked + _left_out(comparison.incomparable)


def _looked(looks: LookPlan) -> str:
    """How looking several times was paid for."""
    *before, last = looks.seeds
    when = f"{', '.join(map(str, before))} and {last} seeds"
    if last - before[0] == len(before):
        when = f"each number of seeds from {before[0]} to {last}"
    return (
        f"It was looked after {when} whether more are needed; p-values are multiplied by {LEVEL / looks.level:.1f}, so "
        f"that all looks together err in {100 * LEVEL:.0f} %."
    )


def headline(verdict: Verdict) -> str:
    """Who leads on a layout, by how much, and whether that is beyond chance, in one sentence."""
    where, leader, accuracies = f"On {strips(verdict)} strips", verdict.leader, verdict.accuracies
    right = f"{percent(accuracies[leader])} of the numbers right"
    if verdict.runner_up is None:
        return f"{where} only {leader} was trained: {right}."
    pair = verdict.pair
    if pair is None:
        ahead = points(accuracies[leader] - accuracies[verdict.runner_up])
        return f"{where} {leader} has {right}, {ahead} ahead of {verdict.runner_up}; not tested for chance."
    lead = f"{right}, {points(pair.difference)} ahead of {pair.b}"
    if verdict.outcome == "wins":
        within = f", by less than {points(pair.margin)}" if pair.same else ""
        return f"{where} {leader} wins{within}: {lead}, beyond chance ({_certainty(pair)})."
    if verdict.outcome == "same":
        return (
            f"{where} {leader} and {pair.b} are the same within {points(pair.margin)}: {leader} has {lead} (both "
            f"one-sided tests, corrected, {_equals(pair.p_same)})."
        )
    return f"{where} it is unresolved: {leader} has {lead}, {_doubt(pair)} ({_certainty(pair)})."


def details(verdict: Verdict) -> list[str]:
    """What else a verdict holds, in sentences: the budget, what the interval covers, what would settle it, the cost."""
    pair = verdict.pair
    if pair is None:
        return []
    trained = {round(verdict.costs[name].training_strips) for name in (pair.a, pair.b)}
    # With another budget another one may be ahead.
    found = [f"This is after {trained.pop():,} training strips of each."] if len(trained) == 1 else []
    if pair.seeds == 1:
        found.append("The interval covers these trained networks alone, one training each.")
    if verdict.both_ahead_of:
        found.append(f"Both are ahead of {' and '.join(verdict.both_ahead_of)}.")
    if verdict.outcome == "unresolved":
        found.append(_needed(pair))
    return found + _costs(pair.a, pair.b, verdict.costs[pair.a], verdict.costs[pair.b])


def _left_out(incomparable: Sequence[Incomparable]) -> list[str]:
    """Which runs could not be compared and why; empty where all could."""
    if not incomparable:
        return []
    named = [f"{each.a} and {each.b}" for each in incomparable[:NAMED]]
    more = len(incomparable) - len(named)
    named += [f"{more} more pair{'s' if more > 1 else ''}"] if more else []
    return [f"Not compared, because they were tested on different strips: {'; '.join(named)}."]


def strips(verdict: Verdict) -> str:
    """The kind of strips that a verdict is about: ``free``, ``structured (slots 8)``."""
    return f"{verdict.layout} ({verdict.condition})" if verdict.condition else verdict.layout


def percent(share: float) -> str:
    """A share as sentences have it: ``84.2 %``."""
    return f"{100 * share:.1f} %"


def points(share: float) -> str:
    """A difference of two shares: ``1.3 points``."""
    text = f"{100 * share:.1f}"
    return f"{text} point{'' if text == '1.0' else 's'}"


def p_value(value: float) -> str:
    """A p-value to two digits, or that it is below 0.001."""
    return f"{value:.2g}" if value >= 0.001 else "< 0.001"


def _equals(value: float) -> str:
    text = p_value(value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def _certainty(pair: Pair) -> str:
    # Adding zero turns a rounded -0.0 into 0.0.
    low, high = (round(100 * limit, 1) + 0.0 for limit in (pair.low, pair.high))
    over = f" over {pair.seeds} seeds" if pair.seeds > 1 else ""
    return f"95 % interval{over} {low:+.1f} to {high:+.1f}, McNemar, corrected, {_equals(pair.p_corrected)}"


def _doubt(pair: Pair) -> str:
    """Why a difference does not count."""
    if pair.p_corrected >= LEVEL:
        return "which chance alone could explain"
    if pair.seeds < FEWEST:
        moved = critical(1 - LEVEL, 1) * pair.spread / math.sqrt(pair.seeds)
        return f"while training anew may move that by {points(moved)}"
    return f"which differs too much from seed to seed, {_equals(pair.p_trainings)}"


def _needed(pair: Pair) -> str:
    """How many strips or seeds would settle it: a difference, or, where fewer would do, that there is none."""
    seeds = "more than" if pair.needed_seeds is None else "about"
    seeds += f" {_two_digits(pair.needed_seeds or MANY_SEEDS):,} seeds"
    if pair.needed_same is not None and pair.needed_same < (pair.needed_seeds or math.inf):
        count = _two_digits(pair.needed_same)
        text = f"About {count:,} seeds would show the two the same within {points(pair.margin)}, if they are that close"
    elif pair.needed_strips is None:
        text = f"No number of strips would settle a difference of this size; {seeds} would"
    else:
        rough = _two_digits(pair.needed_strips)
        strips = f"more than {MANY_STRIPS:,}" if rough > MANY_STRIPS else f"about {rough:,}"
        text = f"A difference of this size would be settled by {strips} test strips (not {pair.strips:,}) or by {seeds}"
    # So far the training's part is only allowed for, not measured.
    return f"{text}; {FEWEST} seeds show how many are really needed." if pair.seeds < FEWEST else f"{text}."


def _two_digits(count: int) -> int:
    """No more digits than are known of what would be needed."""
    return int(float(f"{count:.1e}"))


def _costs(leader: str, runner_up: str, one: Cost, two: Cost) -> list[str]:
    """What the two cost where that differs notably."""
    compared = (
        ("trained in {:,.0f} s against {:,.0f} s", one.training_seconds, two.training_seconds),
        ("reads {:,.0f} strips/s against {:,.0f}", one.reading_strips_per_second, two.reading_strips_per_second),
        ("{:,.0f} parameters against {:,.0f}", one.parameters, two.parameters),
    )
    notable = [text.format(a, b) for text, a, b in compared if max(a, b) >= NOTABLE * min(a, b)]
    return [f"{leader} against {runner_up}: {', '.join(notable)}."] if notable else []
