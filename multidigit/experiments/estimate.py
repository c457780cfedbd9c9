"""How long a plan will take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from multidigit.experiments.plan import Planned
from multidigit.machine import free_memory, has_gpu, processors
from multidigit.runs import Run
from multidigit.settings import Settings
from multidigit.strategies.base import make

ALLOWANCE = 10.0
"""Seconds that a run takes beside its training: strips are composed, a network is built, converted and tested, and its
errors are broken down."""
WORTH = 40.0
"""Seconds of work from which on further processes pay: each takes some to start."""
MEMORY = 1.5e9
"""Bytes that a training takes, about."""


@dataclass(frozen=True)
class Estimate:
    """How long one run still takes.

    Attributes:
        state: ``finished``, ``interrupted`` or ``planned``.
        seconds: until it is finished, including start and test.
        basis: what that is derived from: the ``budget`` in minutes, ``finished runs`` in this folder, or ``typical
            rates``.
    """

    state: str
    seconds: float
    basis: str


def estimates(plan: Sequence[Planned], standing: Mapping[str, Run]) -> dict[str, Estimate]:
    """How long each run of a plan still takes, by name. Early stopping is not taken into account."""
    finished = [run for run in standing.values() if not run.interrupted]
    return {planned.name: _estimate(planned.settings, standing.get(planned.name), finished) for planned in plan}


def useful_jobs(plan: Sequence[Planned], standing: Mapping[str, Run]) -> int:
    """As many runs at once as the machine does best with.

    Networks as small as these hardly gain from a second processor, so each gets one of its own. Those on a GPU share
    one badly, and very little work is done before another process has started. Budgets in minutes need equal shares:
    there the runs are a multiple.
    """
    left = [each for name, each in estimates(plan, standing).items() if each.state != "finished"]
    if len(left) < 2 or has_gpu() or sum(each.seconds for each in left) < WORTH:
        return 1
    most = int(min(processors(), len(left), max(1.0, free_memory() // MEMORY)))
    if all(planned.settings.train.minutes is None for planned in plan):
        return most
    return next(count for count in range(most, 0, -1) if len(left) % count == 0)


def total(found: Iterable[Estimate], jobs: int) -> float:
    """Seconds until all are finished.

    Runs with a budget in minutes take their time whatever else is done, so that several at once save time; all others
    share the processors, and count as if one followed another.
    """
    shared = {"budget": jobs}
    return sum(estimate.seconds / shared.get(estimate.basis, 1) for estimate in found)


def _estimate(settings: Settings, run: Run | None, finished: Sequence[Run]) -> Estimate:
    train = settings.train
    if run and not run.interrupted:
        return Estimate("finished", 0.0, "finished runs")
    if train.minutes:
        seconds, basis = 60 * train.minutes, "budget"
    else:
        rate, basis = _rate(settings, finished)
        seconds = train.strips * train.epochs / rate
    used = run.metrics["training"]["seconds"] if run else 0.0
    return Estimate("interrupted" if run else "planned", max(0.0, seconds - used) + ALLOWANCE, basis)


def _rate(settings: Settings, finished: Sequence[Run]) -> tuple[float, str]:
    """Training strips a second: of the most similar finished runs, else a typical one."""

    def kind(of: Settings) -> tuple[object, ...]:
        return of.slots, of.backbone, of.layout.name, of.strategy

    for alike in (4, 3):
        rates = [
            run.metrics["training"]["strips_per_second"]
            for run in finished
            if kind(run.settings)[:alike] == kind(settings)[:alike]
        ]
        # A run of a single step timed nothing.
        if any(rates):
            return median(filter(None, rates)), "finished runs"
    return make(settings).backbone.strips_per_second(settings.slots), "typical rates"


def format_seconds(seconds: float) -> str:
    """A length of time as text, as coarse as an estimate is."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
