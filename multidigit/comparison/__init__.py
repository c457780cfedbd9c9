"""Which strategy wins where: decisions as typed values, without words."""

from __future__ import annotations

from multidigit.comparison.compare import Comparison, compare_runs
from multidigit.comparison.crossover import Crossover
from multidigit.comparison.groups import Condition, Contender, Sweep
from multidigit.comparison.pairs import MARGIN, Incomparable, Pair
from multidigit.comparison.verdict import Cost, Verdict

__all__ = [
    "MARGIN",
    "Comparison",
    "Condition",
    "Contender",
    "Cost",
    "Crossover",
    "Incomparable",
    "Pair",
    "Sweep",
    "Verdict",
    "compare_runs",
]
