"""Typed settings: the one source of every default.

A settings file is YAML. What it says is laid over the defaults here, then ``--set key=value`` is laid over that.
An unknown key is an error that names the line and the nearest key that exists.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    model_validator,
)

from multidigit.errors import SettingsError, nearest
from multidigit.labels import DEFAULT_SLOTS, MOST_SLOTS

Layout = Literal["structured", "free"]
LAYOUTS: tuple[Layout, ...] = ("structured", "free")
Preset = Literal["none", "clean", "scan", "photo"]
FREE = ("freedom", "scale", "digit_scale", "gap", "baseline", "tilt", "slant", "framed")
"""Settings of the layout that structured strips do not look at."""
NAMED = ("layout", "backbone", "effects")
"""Sections that a single name may stand for."""


_NO_BOOLEAN = "expected a value; received true or false (in YAML also yes, no, on and off)"


def _as_range(value: Any) -> Any:
    """A single number stands for a range of that one value, so that a sweep can set it."""
    if isinstance(value, list | tuple) and any(isinstance(end, bool) for end in value):
        raise ValueError(_NO_BOOLEAN)
    return (value, value) if isinstance(value, int | float | str) and not isinstance(value, bool) else value


def _each_way(value: Any) -> Any:
    """A single number says how far something may be off either way."""
    if isinstance(value, float | str):
        # The same number whether it is written 3, 3.0 or "3", as elsewhere.
        with suppress(ValueError, OverflowError):
            value = int(value) if float(value).is_integer() else value
    whole = isinstance(value, int) and not isinstance(value, bool)
    return (-abs(value), abs(value)) if whole else _as_range(value)


def _forwards(value: tuple[Any, Any]) -> tuple[Any, Any]:
    if value[0] > value[1]:
        raise ValueError(f"a range goes from low to high; did you mean [{value[1]}, {value[0]}]?")
    return value


IntRange = Annotated[tuple[int, int], BeforeValidator(_as_range), AfterValidator(_forwards)]
WayRange = Annotated[tuple[int, int], BeforeValidator(_each_way), AfterValidator(_forwards)]
FloatRange = Annotated[tuple[float, float], BeforeValidator(_as_range), AfterValidator(_forwards)]


def _as_source(value: Any) -> str | dict[str, float]:
    """A digit source by name or path, or a mix of them with weights."""
    if isinstance(value, str) and value:
        return value
    if not isinstance(value, Mapping):
        raise ValueError(f"expected a name, a path or a mix such as {{drawn: 0.6, printed: 0.4}}; received {value!r}")
    for name, weight in value.items():
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not number or not 0 <= weight < math.inf:
            raise ValueError(f"the weight of {name!r} must be a number of 0 or more; received {weight!r}")
    if not any(value.values()):
        raise ValueError(f"a mix needs at least one weight above zero; received {dict(value)}")
    return {str(name): float(weight) for name, weight in value.items()}


class Section(BaseModel):
    """Base of every group of settings: unknown keys are refused, values are fixed once read.

    A check of a whole section that finds fault with one key begins its message with that key and a colon.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_booleans_as_numbers(cls, data: Any) -> Any:
        # pydantic would read `epochs: yes` as 1; nobody who wrote that meant one epoch.
        if isinstance(data, Mapping):
            for key, value in data.items():
                field = cls.model_fields.get(str(key))
                if isinstance(value, bool) and field is not None and "bool" not in str(field.annotation):
                    raise ValueError(f"{key}: {_NO_BOOLEAN}")
        return data


class LayoutSettings(Section):
    """How digits stand in a strip. Lengths in pixels, ranges drawn uniformly, both ends included."""

    name: Layout = "free"
    length: IntRange = (1, DEFAULT_SLOTS)
    """Digits in a number."""
    shift: WayRange = (0, 0)
    """How far a digit may stand from the middle of its cell; one number counts each way. Free ones so far as
    ``freedom`` leaves them cells."""
    freedom: float = Field(1.0, ge=0, le=1)
    """free: how far digits have left the five equal cells: 0 in the middle of their cells, 1 wherever sizes and gaps
    put them, and between that part of the way."""
    scale: FloatRange = (2 / 3, 4 / 3)
    """free: size of the whole number; 1 leaves a digit as its source drew it."""
    digit_scale: FloatRange = (0.9, 1.1)
    """free: size of each digit, times that of the number."""
    gap: IntRange = (-3, 6)
    """free: empty columns between the ink of two digits; below zero they overlap."""
    baseline: WayRange = (-3, 3)
    """free: how far each digit may stand above (-) or below the line; one number counts both ways."""
    tilt: IntRange = (0, 0)
    """free: how much lower the line is at the strip's right end than at its left."""
    slant: FloatRange = (0, 0)
    """free: how far all digits of a number lean to the right, in columns a row, as one hand writes."""
    empty: float = Field(0.0, ge=0, le=1)
    """Share of the strips that hold no number but letters, shapes, scribbles, texture or nothing at all."""
    beside: float = Field(0.0, ge=0, le=1)
    """Share of the numbers of up to four digits that have a letter, a sign or a shape beside them, or, free ones, a
    point, comma, colon or dash between two digits."""
    framed: float = Field(0.0, ge=0, le=1)
    """free: share of the strips with bars between the digits, a frame, a plate or a panel, as meters have."""

    @property
    def marked(self) -> bool:
        """Whether anything but digits is to be drawn."""
        return self.empty > 0 or self.beside > 0

    @model_validator(mode="after")
    def _possible(self) -> LayoutSettings:
        # Digits smaller than a quarter cannot be told apart; four times as large, a comma would fill the strip.
        for key, low, high in (
            ("length", 1, MOST_SLOTS),
            ("shift", -14, 14),
            ("scale", 0.25, 4),
            ("digit_scale", 0.25, 4),
            ("gap", -60, 60),
            ("baseline", -14, 14),
            ("tilt", -28, 28),
            ("slant", -1, 1),
        ):
            ends = getattr(self, key)
            if ends[0] < low or ends[1] > high:
                raise ValueError(f"{key}: must lie within {low} to {high}; received {list(ends)}")
        return self


class EffectSettings(Section):
    """One effect. ``None`` takes what the preset says; where the preset has not got the effect, 1 and [0, 1]."""

    probability: float | None = Field(None, ge=0, le=1)
    """Share of the strips that it is applied to."""
    strength: FloatRange | None = None
    """0 changes nothing, 1 is a marked case of what is met in practice, 2 the most."""

    @model_validator(mode="after")
    def _possible(self) -> EffectSettings:
        if self.strength and not (self.strength[0] >= 0 and self.strength[1] <= 2):
            raise ValueError(f"strength: must lie within 0 to 2; received {list(self.strength)}")
        return self


def _known_preset(value: Any) -> Any:
    if isinstance(value, str) and value not in get_args(Preset):
        raise ValueError(f"no such preset: {value!r}{nearest(value, get_args(Preset))}")
    return value


class EffectsSettings(Section):
    """What is done to strips once they are composed: a preset, and over it any effect set by itself."""

    name: Annotated[Preset, BeforeValidator(_known_preset)] = "none"
    neighbours: EffectSettings | None = None
    """Part of another digit at the left or the right end."""
    breaks: EffectSettings | None = None
    """Missing ink."""
    blobs: EffectSettings | None = None
    """Ink that has run, and blots."""
    contrast: EffectSettings | None = None
    """Faint ink."""
    lines: EffectSettings | None = None
    """Underlines, boxes, separators between cells."""
    perspective: EffectSettings | None = None
    """Tilt, shear and keystone."""
    paper: EffectSettings | None = None
    """The texture of paper or of a panel."""
    light: EffectSettings | None = None
    """Gradients and spots."""
    blur: EffectSettings | None = None
    """Out of focus."""
    motion: EffectSettings | None = None
    """Moved while it was taken."""
    low_resolution: EffectSettings | None = None
    """Made smaller, and larger again."""
    noise: EffectSettings | None = None
    """Grain."""
    specks: EffectSettings | None = None
    """Single white and black pixels."""
    jpeg: EffectSettings | None = None
    """What storing as JPEG leaves."""
    levels: EffectSettings | None = None
    """Background taken off and ink stretched, as reading does to pictures."""


class BackboneSettings(Section):
    """The shared convolutional features."""

    name: str = "compact"
    width: float = Field(1.0, gt=0, le=8)
    """Channels of every layer, times this (backbones that cannot be widened refuse anything but 1)."""


class TrainSettings(Section):
    """The budget and the recipe of training. ``None`` takes what the backbone recommends for the strategy."""

    epochs: int = Field(12, ge=1)
    """Passes of ``strips`` strips, each followed by a look at the validation strips."""
    strips: int = Field(20_000, ge=1)
    """Fresh training strips in an epoch."""
    minutes: float | None = Field(None, gt=0)
    """Wall-clock budget; when given it alone says when training ends, and the schedule stretches to fit it."""
    patience: int | None = Field(None, ge=1)
    """Stop early after this many epochs without a better validation sequence accuracy."""
    until: float | None = Field(None, gt=0, le=1)
    """Stop at the first look at the validation strips that finds this sequence accuracy."""
    batch_size: int | None = Field(None, ge=1, le=65_536)
    optimizer: Literal["adam", "adamw", "muon", "adadelta", "sgd"] | None = None
    learning_rate: float | None = Field(None, gt=0)
    weight_decay: float | None = Field(None, ge=0)
    """Decoupled weight decay (adamw, muon)."""
    schedule: Literal["cosine", "constant"] | None = None
    """``cosine`` warms up linearly and decays to zero at the end of the budget."""
    warmup: float | None = Field(None, ge=0, lt=1)
    """Share of the budget spent on warm-up."""
    label_smoothing: float | None = Field(None, ge=0, lt=1)
    augment: float | None = Field(None, ge=0, le=3)
    """How strongly training strips are bent (slant, shift, waves); 0 leaves them as they are."""
    average: float | None = Field(None, ge=0, lt=1)
    """Momentum of the running average of weights that is validated and kept; 0 keeps the weights themselves."""


class EvaluationSettings(Section):
    """Fixed strips, drawn once from digits that training never sees."""

    validation_strips: int = Field(2_000, ge=1)
    test_strips: int = Field(5_000, ge=1)


class Settings(Section):
    """Everything that a run needs: it can be repeated from this alone.

    A strategy's own options stand under its name (``cut: {cutter: equal}``).
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    seed: int = Field(0, ge=0, le=2**32 - 1)
    slots: int = Field(DEFAULT_SLOTS, ge=1, le=MOST_SLOTS)
    """The most digits that a number may have: a strip is 28 × 28·slots pixels."""
    strategy: str = "heads"
    backbone: BackboneSettings = BackboneSettings()
    digits: Annotated[str | dict[str, float], PlainValidator(_as_source)] = "drawn"
    """A digit source by name, the path of one, or a mix: ``{drawn: 0.6, path/to/mnist.npz: 0.4}``."""
    layout: LayoutSettings = LayoutSettings()
    effects: EffectsSettings = EffectsSettings()
    train: TrainSettings = TrainSettings()
    evaluation: EvaluationSettings = EvaluationSettings()

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, data: Any) -> Any:
        """``layout: free`` is short for ``layout: {name: free}``, and likewise ``backbone`` and ``effects``."""
        if not isinstance(data, Mapping):
            return data
        return {
            key: {"name": value} if key in NAMED and isinstance(value, str) else value for key, value in data.items()
        }

    @model_validator(mode="after")
    def _known_names(self) -> Settings:
        from multidigit.registry import BACKBONES, STRATEGIES

        for key, name, known in (
            ("strategy", self.strategy, STRATEGIES),
            ("backbone.name", self.backbone.name, BACKBONES),
        ):
            if name not in known:
                raise ValueError(f"{key}: unknown {known.kind} {name!r}{nearest(name, known)}")
        for name, options in (self.model_extra or {}).items():
            if name not in STRATEGIES:
                raise ValueError(f"unknown key {name!r}{nearest(name, [*Settings.model_fields, *STRATEGIES])}")
            try:
                STRATEGIES[name].Options.model_validate(options)
            except ValidationError as error:
                raise ValueError(_explain(error, STRATEGIES[name].Options, name)) from None
        return self

    @property
    def digits_name(self) -> str:
        """The digit source in words: its name, or ``60% drawn + 40% printed``."""
        if isinstance(self.digits, str):
            return self.digits
        total = sum(self.digits.values())
        return " + ".join(f"{weight / total:.0%} {name}" for name, weight in self.digits.items())

    @property
    def strategy_name(self) -> str:
        """The strategy, with what is not as usual in its options: ``heads``, ``cut (ink)``, ``heads (length)``."""
        from multidigit.registry import STRATEGIES

        fields = STRATEGIES[self.strategy].Options.model_fields
        set_ = {key: value for key, value in self.options(self.strategy).items() if value != fields[key].default}
        # A word and a switch speak for themselves.
        words = (
            key if value is True else value if isinstance(value, str) else f"{key}={value}"
            for key, value in set_.items()
        )
        details = ", ".join(words)
        return f"{self.strategy} ({details})" if details else self.strategy

    def options(self, strategy: str) -> Mapping[str, Any]:
        """What was set under a strategy's own name."""
        return (self.model_extra or {}).get(strategy) or {}


def _model_at(model: type[BaseModel], path: Sequence[Any]) -> type[BaseModel]:
    """The section that holds the key at ``path``."""
    for key in path[:-1]:
        field = model.model_fields.get(str(key))
        # A section, or one that may be left out: `EffectSettings | None`.
        kinds = (field.annotation, *get_args(field.annotation)) if field else ()
        section = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        if section is None:
            break
        model = section
    return model


def _explain(error: ValidationError, model: type[BaseModel], prefix: str = "") -> str:
    """The first fault that pydantic found, as one plain line that begins with the key, or with ``unknown key``."""
    fault = error.errors()[0]
    kind, received = fault["type"], fault["input"]
    message = fault["msg"].removeprefix("Value error, ")
    place = [part for part in fault["loc"] if not (isinstance(part, str) and part.startswith(("function-", "tuple[")))]
    # Faults inside a list are told at the key that holds the list.
    in_list = bool(place) and isinstance(place[-1], int)
    path = [part for part in place if isinstance(part, str)]
    if kind == "value_error":
        about, colon, rest = message.partition(": ")
        if colon and about in _model_at(model, [*path, about]).model_fields:
            path, message = [*path, about], rest
    key = ".".join([prefix, *path] if prefix else path)
    if kind == "invalid_key":
        return f"unknown key {received!r}; keys are words"
    if kind == "extra_forbidden":
        return f"unknown key {key!r}{nearest(path[-1], _model_at(model, path).model_fields)}"
    if kind == "value_error":
        return f"{key}: {message}" if key else message
    if kind == "model_type":
        came = "nothing" if received is None else repr(received)
        return f"{key}: expected `key: value` lines under it; received {came}"
    if kind == "too_long" or (kind == "missing" and in_list):
        return f"{key}: expected one number, or two as in [low, high]; received {received!r}"
    return f"{key}: {message[0].lower()}{message[1:].replace('Input', 'input')}; received {received!r}"


def takes_fractions(key: str) -> bool:
    """Whether the setting of that dotted key is one of the program's own that need not be a whole number."""
    *path, last = key.split(".")
    field = _model_at(Settings, [*path, last]).model_fields.get(last)
    return field is not None and "float" in str(field.annotation)


def validate(data: Mapping[str, Any], where: str = "settings", lines: Mapping[str, int] | None = None) -> Settings:
    """Settings from plain values laid over the defaults.

    Args:
        data: nested mapping as read from YAML.
        where: the name that an error starts with.
        lines: line numbers by dotted key, for errors.

    Raises:
        SettingsError: an unknown key, a wrong type, a value out of range.
    """
    try:
        return Settings.model_validate(dict(data))
    except ValidationError as error:
        message = _explain(error, Settings)
        key = message.removeprefix("unknown key ").split(":")[0].split(";")[0].strip("'")
        line = _line_of(key, lines or {})
        raise SettingsError(f"{where}{f', line {line}' if line else ''}: {message}") from None


def _line_of(key: str, lines: Mapping[str, int]) -> int | None:
    while key:
        if key in lines:
            return lines[key]
        key = key.rpartition(".")[0]
    return None


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """A YAML file that holds one mapping, and the line number of every dotted key.

    Raises:
        SettingsError: missing, unreadable, not YAML, not a mapping, or with a key given twice.
    """
    try:
        text = path.read_text("utf-8")
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        data = None if node is None else loader.construct_document(node)
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such file; expected a YAML file of settings") from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{path}: cannot be read as text ({why}); expected a YAML file of settings") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SettingsError(f"{path}{place}: not valid YAML ({problem})") from None
    if node is None or not isinstance(data, dict):
        came = "nothing" if node is None else type(data).__name__
        raise SettingsError(f"{path}: expected `key: value` lines; received {came}")
    lines: dict[str, int] = {}
    _mark_lines(node, "", lines, path)
    return data, lines


def _mark_lines(
    node: yaml.Node, prefix: str, lines: dict[str, int], path: Path, above: tuple[yaml.Node, ...] = ()
) -> None:
    if node in above:
        raise SettingsError(f"{path}, line {node.start_mark.line + 1}: not valid YAML (a value that holds itself)")
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            key = f"{prefix}{key_node.value}"
            line = key_node.start_mark.line + 1
            if key in lines:
                raise SettingsError(f"{path}, line {line}: {key!r} is given twice, first on line {lines[key]}")
            lines[key] = line
            _mark_lines(value_node, f"{key}.", lines, path, (*above, node))


def parse_assignments(assignments: Sequence[str]) -> dict[str, Any]:
    """``--set train.epochs=3`` as nested values; the values are read as YAML.

    Raises:
        SettingsError: an assignment without a key or an equals sign, or with a value that is not YAML.
    """
    data: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not all(key.split(".")):
            raise SettingsError(f"--set {assignment}: expected key=value, as in --set train.batch_size=64")
        try:
            parsed = yaml.safe_load(value)
        except (yaml.YAMLError, ValueError, RecursionError):
            raise SettingsError(f"--set {assignment}: the value is not valid YAML") from None
        data = overlay(data, nested(key, parsed))
    return data


def nested(key: str, value: Any) -> dict[str, Any]:
    """``train.epochs`` and 3 as ``{train: {epochs: 3}}``."""
    first, _, rest = key.partition(".")
    return {first: nested(rest, value) if rest else value}


def overlay(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """``top`` laid over ``base``, mapping by mapping; a name given to a section keeps its other keys."""
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        if key in NAMED:
            below = {"name": below} if isinstance(below, str) else below
            value = {"name": value} if isinstance(value, str) else value
        # Another mix of digits replaces the one below: weights of two mixes say nothing together.
        merged[key] = (
            overlay(below, value)
            if key != "digits" and isinstance(below, Mapping) and isinstance(value, Mapping)
            else value
        )
    return merged


def to_yaml(settings: Settings) -> str:
    """The complete settings as YAML, every default written out."""
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
