"""Runs sorted for a report: who read the same strips, and by what they are told apart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from multidigit.runs import Run
from multidigit.settings import Settings

Flat = dict[str, Any]
"""Settings by dotted key."""
_STRIPS = ("layout", "effects", "digits")
"""Sections that say what strips look like."""
_FIRST = ("layout.name", "digits", "backbone.name", "backbone.width", "effects.name")
"""Keys that tell groups apart best."""


@dataclass(frozen=True)
class Contender:
    """Runs that differ in nothing but the seed.

    Attributes:
        label: the strategy, and what sets this one apart from others of the condition with the same strategy.
        strategy: as in the rows of results.
        runs: at least one.
    """

    label: str
    strategy: str
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Condition:
    """Strips of one kind, and those who read them.

    Attributes:
        label: the layout, and what sets this one apart from others of the same layout.
        layout: ``structured`` or ``free``.
    """

    label: str
    layout: str
    contenders: tuple[Contender, ...]


def conditions(runs: Sequence[Run]) -> list[Condition]:
    """The runs by the kind of their strips, then by all else but the seed, each in the order in which they come."""
    kinds: dict[str, dict[str, list[Run]]] = {}
    for run in runs:
        flat = flattened(run.settings)
        strips = {key: value for key, value in flat.items() if key.partition(".")[0] in _STRIPS}
        rest = {key: value for key, value in flat.items() if key not in strips and key != "seed"}
        kinds.setdefault(_key(strips), {}).setdefault(_key(rest), []).append(run)
    labels = _labels(
        [kind[0][0].settings for kind in (list(by.values()) for by in kinds.values())],
        lambda settings: settings.layout.name,
        _STRIPS,
    )
    return [
        Condition(label, next(iter(by.values()))[0].settings.layout.name, _contenders(list(by.values())))
        for label, by in zip(labels, kinds.values(), strict=True)
    ]


def same_strips(condition: Condition) -> list[list[tuple[Contender, Run]]]:
    """The runs of a condition by the strips that they were tested on, one a contender at most, in their order."""
    by_strips: dict[bytes, list[tuple[Contender, Run]]] = {}
    for contender in condition.contenders:
        for run in contender.runs:
            read = by_strips.setdefault(run.answers["slots"].tobytes(), [])
            # Of equal runs, as copies of one are, the first.
            if not read or read[-1][0] is not contender:
                read.append((contender, run))
    return list(by_strips.values())


def _contenders(groups: Sequence[Sequence[Run]]) -> tuple[Contender, ...]:
    labels = _labels([group[0].settings for group in groups], lambda settings: settings.strategy_name, ())
    return tuple(
        Contender(label, group[0].settings.strategy_name, tuple(group))
        for label, group in zip(labels, groups, strict=True)
    )


def flattened(settings: Settings) -> Flat:
    """Settings by dotted key, ranges as lists."""
    flat: Flat = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                walk(f"{prefix}.{key}" if prefix else str(key), inner)
        else:
            flat[prefix] = list(value) if isinstance(value, tuple) else value

    walk("", {**settings.model_dump(), "digits": settings.digits_name})
    return flat


def varying(flats: Sequence[Flat]) -> list[str]:
    """Keys of which not all have the same value, in the order in which they come."""
    keys = dict.fromkeys(key for flat in flats for key in flat)
    return [key for key in keys if len({_key(flat.get(key)) for flat in flats}) > 1]


def said(value: Any) -> str:
    """A setting's value in words."""
    if isinstance(value, list) and len(value) == 2:
        return said(value[0]) if value[0] == value[1] else f"{said(value[0])} to {said(value[1])}"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def _labels(several: Sequence[Settings], name: Any, sections: Sequence[str]) -> list[str]:
    """The name of each, and the fewest settings that tell those of one name apart."""
    names = [name(settings) for settings in several]
    labels = list(names)
    for shared in dict.fromkeys(names):
        of_name = [index for index, one in enumerate(names) if one == shared]
        flats = [flattened(several[index]) for index in of_name]
        told: list[tuple[str, ...]] = [() for _ in flats]
        for key in sorted(varying(flats), key=lambda key: key not in _FIRST):
            if key == "seed" or (sections and key.partition(".")[0] not in sections):
                continue
            finer = [(*words, _words(key, flat.get(key))) for words, flat in zip(told, flats, strict=True)]
            # What tells nothing more apart is a consequence of what was said already.
            if len(set(finer)) > len(set(told)):
                told = finer
        for index, words in zip(of_name, told, strict=True):
            labels[index] = f"{shared} ({', '.join(words)})" if words else shared
    return labels


def _words(key: str, value: Any) -> str:
    return said(value) if key in ("digits", "backbone.name") else f"{key.removesuffix('.name')} {said(value)}"


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
