"""Runs grouped for a comparison: by the strips they read, by contender, and along swept settings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from multidigit.errors import escaped
from multidigit.runs import Run
from multidigit.settings import Settings, flatten

FEWEST_VALUES = 3
"""Values from which on a setting counts as swept: two are an ordinary comparison."""
Flat = dict[str, Any]
"""Settings by dotted key."""
Entry = TypeVar("Entry")
STRIPS = ("slots", "layout", "effects", "digits", "data")
"""Sections that decide what strips look like."""
_FIRST = ("layout.name", "slots", "digits", "backbone.name", "backbone.width", "effects.name")
"""Keys that are tried first when groups are named after what sets them apart."""


@dataclass(frozen=True)
class Contender:
    """Runs that differ only in the seed.

    Attributes:
        label: the strategy, and what sets this contender apart from others of the condition with the same strategy.
        strategy: as in the rows of results.
        runs: at least one.
    """

    label: str
    strategy: str
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Condition:
    """Strips of one kind, and the contenders that read them.

    Attributes:
        label: the layout, and what sets this condition apart from others of the same layout.
        layout: ``structured``, ``free`` or ``scene``.
    """

    label: str
    layout: str
    contenders: tuple[Contender, ...]

    @property
    def runs(self) -> list[Run]:
        """All runs, contender by contender."""
        return [run for contender in self.contenders for run in contender.runs]


@dataclass(frozen=True)
class SweepSeries:
    """A contender along a sweep.

    Attributes:
        label, strategy: as of a ``Contender``.
        runs: for each value of the sweep its runs, one a seed; empty where there is none.
    """

    label: str
    strategy: str
    runs: tuple[tuple[Run, ...], ...]


@dataclass(frozen=True)
class Sweep:
    """Runs that differ in one numeric setting and in their contender.

    Attributes:
        key: the setting, such as ``layout.gap``.
        label: the kind of strips, apart from that setting.
        layout: ``structured``, ``free`` or ``scene``.
        values: of the setting, as they are in settings, ascending.
        places: their distinct positions on an axis: a number itself; of ranges the upper ends, or the lower ends where
            upper ends coincide, or 0, 1, 2 and so on where both do.
        series: contenders with runs at three values or more.
    """

    key: str
    label: str
    layout: str
    values: tuple[Any, ...]
    places: tuple[float, ...]
    series: tuple[SweepSeries, ...]


def group_conditions(runs: Sequence[Run]) -> list[Condition]:
    """The runs by the kind of their strips, then by contender, each in order of first appearance."""
    kinds = _by_kind(((flat_settings(run.settings), run) for run in runs), ("seed",))
    labels = _labels([kind[0][0].settings for kind in kinds], lambda settings: settings.layout.name, STRIPS)
    found = []
    for label, kind in zip(labels, kinds, strict=True):
        names = _labels([group[0].settings for group in kind], lambda settings: settings.strategy_name)
        contenders = [
            Contender(name, group[0].settings.strategy_name, tuple(group))
            for name, group in zip(names, kind, strict=True)
        ]
        found.append(Condition(label, kind[0][0].settings.layout.name, tuple(contenders)))
    return found


def group_strategies(runs: Sequence[Run]) -> dict[tuple[str, str], dict[str, list[Run]]]:
    """The runs by layout and condition, then by strategy: what a verdict is about.

    The condition is the number of slots, ``slots 8``, where runs differ in it, else empty.
    """
    several = len({run.settings.slots for run in runs}) > 1
    kinds: dict[tuple[str, str], dict[str, list[Run]]] = {}
    for run in runs:
        kind = run.settings.layout.name, f"slots {run.settings.slots}" if several else ""
        kinds.setdefault(kind, {}).setdefault(run.settings.strategy_name, []).append(run)
    return kinds


def find_sweeps(runs: Sequence[Run]) -> list[Sweep]:
    """Every numeric setting that a contender has at three values or more while all else but the seed is equal."""
    flats = [flat_settings(run.settings) for run in runs]
    found = []
    for key in varying_keys(flats):
        if key == "seed" or not all(_is_numeric(flat[key]) for flat in flats if key in flat):
            continue
        entries = ((flat, (flat[key], run)) for flat, run in zip(flats, runs, strict=True) if key in flat)
        dependent = ("seed", key, "layout.length") if key == "slots" and _all_lengths(flats) else ("seed", key)
        moving = []
        for kind in _by_kind(entries, dependent):
            groups = [group for group in kind if len({json_text(value) for value, _ in group}) >= FEWEST_VALUES]
            if groups:
                moving.append(groups)
        labels = _labels([some[0][0][1].settings for some in moving], lambda one: one.layout.name, STRIPS, dependent)
        found += [_sweep(key, label, groups, dependent) for label, groups in zip(labels, moving, strict=True)]
    return found


def _all_lengths(flats: Sequence[Flat]) -> bool:
    """Whether numbers are as long as slots allow in every run, so that their length follows from the slots."""
    return all(flat["layout.length"] == [1, flat["slots"]] for flat in flats)


def _by_kind(entries: Iterable[tuple[Flat, Entry]], without: Sequence[str]) -> list[list[list[Entry]]]:
    """Entries grouped by the settings of their strips, then by all other settings, some keys aside."""
    kinds: dict[str, dict[str, list[Entry]]] = {}
    for flat, entry in entries:
        kept = {key: value for key, value in flat.items() if key not in without}
        strips = {key: value for key, value in kept.items() if section(key) in STRIPS}
        rest = {key: value for key, value in kept.items() if key not in strips}
        kinds.setdefault(json_text(strips), {}).setdefault(json_text(rest), []).append(entry)
    return [list(groups.values()) for groups in kinds.values()]


def _sweep(key: str, label: str, groups: Sequence[Sequence[tuple[Any, Run]]], without: Sequence[str]) -> Sweep:
    values = {json_text(value): value for group in groups for value, _ in group}
    # Ranges of one value each are numbers; where any is wider, its upper end says how wide.
    by_upper = sorted(values.items(), key=lambda item: _ends(item[1])[::-1])
    by_lower = sorted(values.items(), key=lambda item: _ends(item[1]))
    for end, ordered in ((1, by_upper), (0, by_lower)):
        places = [float(_ends(value)[end]) for _, value in ordered]
        if len(set(places)) == len(places):
            break
    else:
        ordered, places = by_upper, [float(index) for index in range(len(by_upper))]
    series = []
    names = _labels([group[0][1].settings for group in groups], lambda one: one.strategy_name, without=without)
    for name, group in zip(names, groups, strict=True):
        at: dict[str, list[Run]] = {}
        for value, run in group:
            at.setdefault(json_text(value), []).append(run)
        strategy = group[0][1].settings.strategy_name
        series.append(SweepSeries(name, strategy, tuple(tuple(at.get(which, ())) for which, _ in ordered)))
    layout = groups[0][0][1].settings.layout.name
    return Sweep(key, label, layout, tuple(value for _, value in ordered), tuple(places), tuple(series))


def _ends(value: Any) -> tuple[float, float]:
    return (value[0], value[1]) if isinstance(value, list) else (value, value)


def _is_numeric(value: Any) -> bool:
    ends = value if isinstance(value, list) and len(value) == 2 else [value]
    return all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends)


def group_by_strips(condition: Condition) -> list[list[tuple[Contender, Run]]]:
    """The runs of a condition by the strips that they were tested on, at most one a contender, in their order."""
    by_strips: dict[bytes, list[tuple[Contender, Run]]] = {}
    for contender in condition.contenders:
        for run in contender.runs:
            read = by_strips.setdefault(run.answers["slots"].tobytes(), [])
            # Of equal runs, such as copies of one, the first.
            if not read or read[-1][0] is not contender:
                read.append((contender, run))
    return list(by_strips.values())


def flat_settings(settings: Settings) -> Flat:
    """Settings by dotted key, the digit source in words, ranges as lists."""
    return flatten({**settings.model_dump(mode="json"), "digits": settings.digits_name})


def varying_keys(flats: Sequence[Flat]) -> list[str]:
    """Keys that do not have the same value in all, in order of first appearance."""
    keys = dict.fromkeys(key for flat in flats for key in flat)
    return [key for key in keys if len({json_text(flat.get(key)) for flat in flats}) > 1]


def format_value(value: Any) -> str:
    """A setting's value as people read it: ``±2``, ``0 to 6``, ``yes``."""
    if isinstance(value, list) and len(value) == 2:
        if value[0] == -value[1] < 0:
            return f"±{format_value(value[1])}"
        return format_value(value[0]) if value[0] == value[1] else " to ".join(map(format_value, value))
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    return f"{value:g}" if isinstance(value, float) else escaped(str(value))


def _labels(
    several: Sequence[Settings],
    name: Callable[[Settings], str],
    sections: Sequence[str] = (),
    without: Sequence[str] = ("seed",),
) -> list[str]:
    """The name of each, with the fewest settings that tell those of one name apart.

    ``sections`` limits these settings where it is not empty; those in ``without`` are never used.
    """
    names = [name(settings) for settings in several]
    labels = list(names)
    for shared in dict.fromkeys(names):
        same = [index for index, one in enumerate(names) if one == shared]
        flats = [flat_settings(several[index]) for index in same]
        details: list[tuple[str, ...]] = [() for _ in flats]
        for key in sorted(varying_keys(flats), key=lambda key: key not in _FIRST):
            if key in without or (sections and section(key) not in sections):
                continue
            finer = [(*one, _detail(key, flat.get(key))) for one, flat in zip(details, flats, strict=True)]
            # A key that separates nothing further only follows from those before it.
            if len(set(finer)) > len(set(details)):
                details = finer
        for index, words in zip(same, details, strict=True):
            labels[index] = f"{shared} ({', '.join(words)})" if words else shared
    return labels


def _detail(key: str, value: Any) -> str:
    named = key in ("digits", "backbone.name")
    return format_value(value) if named else f"{key.removesuffix('.name')} {format_value(value)}"


def section(key: str) -> str:
    return key.partition(".")[0]


def json_text(value: Any) -> str:
    """A text that is equal for equal values."""
    return json.dumps(value, sort_keys=True)
