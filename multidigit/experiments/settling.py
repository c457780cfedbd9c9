"""A comparison that goes on until it knows: seeds are added for the strategies between which it is open."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from multidigit.comparison import Pair
from multidigit.experiments.plan import Experiment, Planned
from multidigit.experiments.running import Crew, Listen, run_experiment

Looked = Callable[[int, Sequence[Pair]], None]
"""Called with the number of seeds and all pairs, each time that it was looked whether they are decided."""


def settle(
    experiment: Experiment, out: Path, *, listen: Listen, looked: Looked, minutes: float, jobs: int | Crew = 1
) -> tuple[dict[str, Any], dict[str, str]]:
    """Do the runs of a comparison, then those of further seeds, until it is decided.

    Only strategies of pairs that are open get further seeds, and where ``looks`` does not ask for every pair only those
    of layouts whose verdict is open. Looking again and again is paid for (see ``comparison.looks``). What is in ``out``
    already is kept: the same call after an interruption comes to the same end.

    Args:
        experiment: whose plan has some seeds already, and which has ``looks``.
        out: its folder.
        listen: see ``run_experiment``.
        looked: shows how far it is.
        minutes: no seed more is begun after these.
        jobs: runs at once, or what does them; see ``run_experiment``.

    Returns:
        The results, and the runs that failed, by name, with the reason.
    """
    looks = experiment.looks
    assert looks
    until = time.monotonic() + 60 * minutes
    first = list(experiment.plan)
    seeds = sorted({planned.settings.seed for planned in first})
    while True:
        results, failed = run_experiment(experiment, out, listen=listen, jobs=jobs)
        pairs = [Pair(**pair) for pair in results.get("pairs", ())]
        looked(len(seeds), pairs)
        verdicts = results.get("verdicts", ())
        open_ = looks.need_seeds(pairs, [each["layout"] for each in verdicts if each["outcome"] == "unresolved"])
        count = next((count for count in looks.seeds if count > len(seeds)), None)
        if failed or not open_ or count is None or time.monotonic() >= until:
            return results, failed
        more = range(seeds[-1] + 1, seeds[-1] + 1 + count - len(seeds))
        seeds += more
        again = [_again(planned, seed) for seed in more for planned in first if planned.settings.seed == seeds[0]]
        added = [each for each in again if (each.settings.layout.name, each.settings.strategy_name) in open_]
        experiment = replace(experiment, plan=[*experiment.plan, *added])


def _again(planned: Planned, seed: int) -> Planned:
    """The same run with another seed."""
    settings = planned.settings
    name = planned.name.removesuffix(f"seed{settings.seed}") + f"seed{seed}"
    return Planned(name, settings.model_copy(update={"seed": seed}))
