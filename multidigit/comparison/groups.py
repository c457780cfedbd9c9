"""Runs sorted for a report: who read the same strips, and by what they are told apart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from multidigit.runs import Run
from multidigit.settings import Settings

FEWEST_VALUES = 3
"""Values of a setting from which on it counts as swept: two are a comparison."""
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


@dataclass(frozen=True)
class SweepSeries:
    """A contender along a sweep.

    Attributes:
        label, strategy: as of a ``Contender``.
        runs: for each value of the sweep its runs, one a seed; none where there is no run.
    """

    label: str
    strategy: str
    runs: tuple[tuple[Run, ...], ...]


@dataclass(frozen=True)
class Sweep:
    """Runs that differ in one setting, which is a number or a range of them, and in who took part.

    Attributes:
        key: the setting, ``layout.gap``.
        label: the kind of strips, apart from that setting.
        layout: ``structured`` or ``free``.
        values: of the setting, as they are in settings, ascending.
        places: where they stand on an axis, no two at the same: a number itself, of ranges the upper ends; where some
            share that, the lower ends, and where some share these as well, 0, 1, 2 and so on.
        series: those with runs at three values or more.
    """

    key: str
    label: str
    layout: str
    values: tuple[Any, ...]
    places: tuple[float, ...]
    series: tuple[SweepSeries, ...]


def sweeps(runs: Sequence[Run]) -> list[Sweep]:
    """Every numeric setting that somebody's runs have at three values or more while all else but the seed is alike."""
    flats = [flattened(run.settings) for run in runs]
    found = []
    for key in varying(flats):
        if key == "seed" or not all(_is_number(flat.get(key)) for flat in flats if key in flat):
            continue
        kinds: dict[str, dict[str, list[tuple[Any, Run]]]] = {}
        for flat, run in zip(flats, runs, strict=True):
            if key in flat:
                others = {name: value for name, value in flat.items() if name not in ("seed", key)}
                strips = {name: value for name, value in others.items() if name.partition(".")[0] in _STRIPS}
                rest = {name: value for name, value in others.items() if name not in strips}
                kinds.setdefault(_key(strips), {}).setdefault(_key(rest), []).append((flat[key], run))
        moving = []
        for contenders in kinds.values():
            some = [group for group in contenders.values() if len({_key(value) for value, _ in group}) >= FEWEST_VALUES]
            if some:
                moving.append(some)
        labels = _labels([some[0][0][1].settings for some in moving], lambda one: one.layout.name, _STRIPS, key)
        found += [_sweep(key, label, some) for label, some in zip(labels, moving, strict=True)]
    return found


def _sweep(key: str, label: str, groups: Sequence[Sequence[tuple[Any, Run]]]) -> Sweep:
    values = {_key(value): value for group in groups for value, _ in group}
    # Ranges of one value each are numbers; where any is wider, its upper end tells how wide.
    ordered = sorted(values.items(), key=lambda item: _ends(item[1])[::-1])
    places = [float(_ends(value)[1]) for _, value in ordered]
    if len(set(places)) < len(places):
        by_lower = sorted(values.items(), key=lambda item: _ends(item[1]))
        places = [float(_ends(value)[0]) for _, value in by_lower]
        if len(set(places)) == len(places):
            ordered = by_lower
        else:
            places = [float(index) for index in range(len(ordered))]
    series = []
    names = _labels([group[0][1].settings for group in groups], lambda one: one.strategy_name, (), key)
    for name, group in zip(names, groups, strict=True):
        at: dict[str, list[Run]] = {}
        for value, run in group:
            at.setdefault(_key(value), []).append(run)
        series.append(
            SweepSeries(
                name, group[0][1].settings.strategy_name, tuple(tuple(at.get(which, ())) for which, _ in ordered)
            )
        )
    layout = groups[0][0][1].settings.layout.name
    return Sweep(key, label, layout, tuple(value for _, value in ordered), tuple(places), tuple(series))


def _ends(value: Any) -> tuple[float, float]:
    return (value[0], value[1]) if isinstance(value, list) else (value, value)


def _is_number(value: Any) -> bool:
    ends = value if isinstance(value, list) and len(value) == 2 else [value]
    return all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends)


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
        if value[0] == -value[1] < 0:
            return f"±{said(value[1])}"
        return said(value[0]) if value[0] == value[1] else f"{said(value[0])} to {said(value[1])}"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def _labels(several: Sequence[Settings], name: Any, sections: Sequence[str], without: str = "") -> list[str]:
    """The name of each, and the fewest settings, ``without`` not among them, that tell those of one name apart."""
    names = [name(settings) for settings in several]
    labels = list(names)
    for shared in dict.fromkeys(names):
        of_name = [index for index, one in enumerate(names) if one == shared]
        flats = [flattened(several[index]) for index in of_name]
        told: list[tuple[str, ...]] = [() for _ in flats]
        for key in sorted(varying(flats), key=lambda key: key not in _FIRST):
            if key in ("seed", without) or (sections and key.partition(".")[0] not in sections):
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
