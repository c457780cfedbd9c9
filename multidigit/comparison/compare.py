"""Everything that is decided about the runs of a comparison, in one value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from multidigit.comparison.crossover import Crossover, compare_sweep
from multidigit.comparison.groups import Condition, Sweep, find_sweeps, group_conditions
from multidigit.comparison.looks import LookPlan
from multidigit.comparison.pairs import MARGIN, Incomparable, Pair, compare_pairs, measure_pair, pair_runs
from multidigit.comparison.verdict import Verdict, give_verdicts
from multidigit.comparison.winner import pick_winner
from multidigit.runs import Run


@dataclass(frozen=True)
class Comparison:
    """What was decided about runs.

    Attributes:
        conditions: the runs, grouped by the kind of their strips.
        swept: every sweep among them, with the crossovers of its contenders.
        pairs: every two strategies on the same strips; with sweeps, at each value by itself.
        verdicts: one a layout; none with sweeps, where the lead may change from value to value.
        winner: the name of the run to read pictures with; ``None`` without runs.
        incomparable: runs that were left out of the pairs.
        looks: when it was looked whether more seeds are needed; p-values are paid for that.
    """

    conditions: tuple[Condition, ...]
    swept: tuple[tuple[Sweep, tuple[Crossover, ...]], ...]
    pairs: tuple[Pair, ...]
    verdicts: tuple[Verdict, ...]
    winner: str | None
    incomparable: tuple[Incomparable, ...]
    looks: LookPlan | None = None

    def as_json(self) -> dict[str, Any]:
        """What goes into ``results.json``: ``winner``, ``verdicts``, ``pairs``, ``crossovers`` and ``incomparable``.

        A crossover has the setting's values in place of their indices, and names its sweep.
        """
        return {
            "winner": self.winner,
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
            "pairs": [asdict(pair) for pair in self.pairs],
            "crossovers": [_crossover_json(sweep, each) for sweep, found in self.swept for each in found],
            "incomparable": [asdict(each) for each in self.incomparable],
        }


def compare_runs(runs: Sequence[Run], margin: float = MARGIN, looks: LookPlan | None = None) -> Comparison:
    """Compare finished runs with each other.

    Args:
        runs: at least one.
        margin: the least difference in sequence accuracy that matters.
        looks: when it was looked whether more seeds are needed, if at all.
    """
    conditions = group_conditions(runs)
    swept, measured, refused = [], [], []
    for sweep in find_sweeps(runs):
        at_values, crossovers, left_out = compare_sweep(sweep, margin)
        swept.append((sweep, tuple(crossovers)))
        measured += at_values
        refused += left_out
    if not swept:
        paired, refused = pair_runs(runs)
        measured = [measure_pair(each, margin) for each in paired]
    pairs = compare_pairs(measured, looks)
    return Comparison(
        tuple(conditions),
        tuple(swept),
        tuple(pairs),
        () if swept else tuple(give_verdicts(runs, pairs)),
        pick_winner(conditions, swept=bool(swept)),
        tuple(dict.fromkeys(refused)),
        looks,
    )


def _crossover_json(sweep: Sweep, crossover: Crossover) -> dict[str, Any]:
    low, high = (None if index is None else sweep.values[index] for index in (crossover.low, crossover.high))
    return {
        "key": sweep.key,
        "layout": sweep.layout,
        "strips": sweep.label,
        **asdict(crossover),
        "values": [sweep.values[index] for index in crossover.values],
        "low": low,
        "high": high,
    }
