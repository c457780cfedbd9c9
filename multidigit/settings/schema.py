"""The settings: the one source of every default, and of what each setting means and may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from multidigit.errors import SettingsError, nearest
from multidigit.labels import DEFAULT_SLOTS, MOST_SLOTS
from multidigit.registry import BACKBONES, STRATEGIES
from multidigit.settings.kinds import Bounds, DigitSource, Registered
from multidigit.settings.messages import explain, fault
from multidigit.settings.renamed import KEYS, renamed

Layout = Literal["structured", "free", "scene"]
LAYOUTS: tuple[Layout, ...] = ("structured", "free")
"""Layouts that comparisons take where none is named."""
Preset = Literal["none", "clean", "scan", "photo"]
FREE = ("freedom", "scale", "digit_scale", "gap", "baseline", "tilt", "slant", "meter_windows")
"""Settings of the layout that structured strips do not look at."""
NAMED = ("layout", "backbone", "effects")
"""Sections that a single name may stand for: ``layout: free`` is short for ``layout: {name: free}``."""


class Section(BaseModel):
    """Base of every group of settings: unknown keys are refused, values are fixed once read.

    The string below a field says what it means, wherever settings are listed. A check of one's own raises a
    ``ValueError`` whose text follows the key: ``must be even; received 3``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_boolean_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        # pydantic would read `epochs: yes` as 1; nobody who wrote that meant one epoch.
        if isinstance(value, bool) and "bool" not in str(cls.model_fields[str(info.field_name)].annotation):
            raise PydanticCustomError("boolean", "a boolean")
        return value


class LayoutSettings(Section):
    """How digits stand in a strip. Lengths are in pixels; ranges are drawn uniformly, both ends included."""

    name: Layout = "free"
    """``structured``: one digit in each cell. ``free``: any size, gap, overlap and offset. ``scene``: grey, cut out of
    generated pictures that look like photographs."""
    plain: float = Field(0.15, ge=0, le=1)
    """scene: share of free strips, as the other settings describe them, among the strips."""
    length: Annotated[tuple[int, int], Bounds(1, MOST_SLOTS)] = (1, DEFAULT_SLOTS)
    """Digits in a number; 1 to ``slots`` where it is not given."""
    shift: Annotated[tuple[int, int], Bounds(-14, 14, either_way=True)] = (0, 0)
    """How far a digit may stand from the middle of its cell. In free strips it counts as far as ``freedom`` leaves
    digits in their cells."""
    freedom: float = Field(1.0, ge=0, le=1)
    """free: how far digits leave the equal cells: 0 keeps them in the middle of their cells, 1 puts them wherever
    sizes and gaps say, values between go part of the way."""
    scale: Annotated[tuple[float, float], Bounds(0.25, 4, whole=False)] = (2 / 3, 4 / 3)
    """free: size of the whole number; 1 leaves a digit as its source drew it."""
    digit_scale: Annotated[tuple[float, float], Bounds(0.25, 4, whole=False)] = (0.9, 1.1)
    """free: size of each digit, times that of the number."""
    gap: Annotated[tuple[int, int], Bounds(-60, 60)] = (-3, 6)
    """free: empty columns between the ink of two digits; below zero they overlap."""
    baseline: Annotated[tuple[int, int], Bounds(-14, 14, either_way=True)] = (-3, 3)
    """free: how far each digit may stand above (-) or below the line."""
    tilt: Annotated[tuple[int, int], Bounds(-28, 28)] = (0, 0)
    """free: how much lower the line is at the strip's right end than at its left."""
    slant: Annotated[tuple[float, float], Bounds(-1, 1, whole=False)] = (0, 0)
    """free: how far all digits of a number lean to the right, in columns a row, as in one hand's writing."""
    empty: float = Field(0.0, ge=0, le=1)
    """Share of the strips that hold no number but letters, shapes, scribbles, texture or nothing at all."""
    beside: float = Field(0.0, ge=0, le=1)
    """Share of the numbers that have a letter, a sign or a shape beside them, where a slot is left for it, or, in free
    strips, a point, comma, colon or dash between two digits."""
    meter_windows: float = Field(0.0, ge=0, le=1)
    """free: share of the strips with bars between the digits, a frame, a plate or a panel, as meters have."""

    @property
    def has_distractors(self) -> bool:
        """Whether anything but digits is drawn."""
        return self.empty > 0 or self.beside > 0


class EffectSettings(Section):
    """One effect. What is not given is as in the preset; where the preset lacks the effect, 1 and [0, 1]."""

    probability: float | None = Field(None, ge=0, le=1)
    """Share of the strips that the effect is applied to."""
    strength: Annotated[tuple[float, float], Bounds(0, 2, whole=False)] | None = None
    """0 changes nothing, 1 is a marked case of what is met in practice, 2 the most."""


class EffectsSettings(Section):
    """What is done to strips once they are composed: a preset, and over it any effect by itself."""

    name: Preset = "none"
    """The preset: probabilities and strengths of the effects that belong to it."""
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
    """Gradients and spots of light."""
    blur: EffectSettings | None = None
    """Out of focus."""
    motion: EffectSettings | None = None
    """The camera moved."""
    low_resolution: EffectSettings | None = None
    """Made smaller, and larger again."""
    noise: EffectSettings | None = None
    """Grain."""
    specks: EffectSettings | None = None
    """Single white and black pixels."""
    jpeg: EffectSettings | None = None
    """Artefacts of JPEG compression."""
    levels: EffectSettings | None = None
    """Background removed and contrast stretched, as reading does with pictures."""


class DataSettings(Section):
    """A user's own labelled pictures, to train on and to be measured by. Only with the layout ``scene``. Their content
    decides which are for training, validation and test; seeds 0 to 5 turn that, so that each is tested once."""

    path: str
    """A table of ``image_path,text``, or a folder of labelled pictures."""
    share: float = Field(0.8, ge=0, le=1)
    """Share of the training strips that are cut out of these pictures; the others are generated."""
    group: str | None = None
    """A regular expression that finds in each path what its picture belongs to, such as a device or a writer: what
    belongs together stays in one part."""
    strict: bool = False
    """Refuse labels that hold anything but digits, instead of leaving that out."""


class BackboneSettings(Section):
    """The shared convolutional features."""

    name: Annotated[str, Registered(BACKBONES)] = "compact"
    """Which network computes the features."""
    width: float = Field(1.0, gt=0, le=8)
    """Factor on the channels of every layer; backbones that cannot be widened refuse anything but 1."""


class TrainSettings(Section):
    """The budget and the recipe of training. What is not given is as the backbone recommends for the strategy."""

    epochs: int = Field(12, ge=1)
    """Passes of ``strips`` strips, each followed by a validation."""
    strips: int = Field(20_000, ge=1)
    """New training strips in an epoch."""
    minutes: float | None = Field(None, gt=0)
    """Wall-clock budget; where given, it alone decides when training ends, and the schedule stretches to fit it."""
    start: str | None = None
    """A run, or ``shipped``, with whose weights training begins, instead of random ones."""
    patience: int | None = Field(None, ge=1)
    """Stop early after this many epochs without a better validation sequence accuracy."""
    until: float | None = Field(None, gt=0, le=1)
    """Stop at the first validation that reaches this sequence accuracy."""
    batch_size: int | None = Field(None, ge=1, le=65_536)
    """Strips in a training step."""
    optimizer: Literal["adam", "adamw", "muon", "adadelta", "sgd"] | None = None
    """The optimiser; another one than the backbone recommends needs a ``learning_rate``, too."""
    learning_rate: float | None = Field(None, gt=0)
    """The highest learning rate of the schedule."""
    weight_decay: float | None = Field(None, ge=0)
    """Decoupled weight decay (adamw, muon)."""
    schedule: Literal["cosine", "constant"] | None = None
    """``cosine`` warms up linearly and decays to zero at the end of the budget."""
    warmup: float | None = Field(None, ge=0, lt=1)
    """Share of the budget spent on warm-up."""
    label_smoothing: float | None = Field(None, ge=0, lt=1)
    """How much of each target is spread over the other classes."""
    augment: float | None = Field(None, ge=0, le=3)
    """How strongly training strips are bent (slant, shift, waves); 0 leaves them as they are."""
    curriculum: int | None = Field(None, ge=0)
    """Strips over which the digits of free strips leave the middle of their cells; 0: the first are as free as all."""
    ema: float | None = Field(None, ge=0, lt=1)
    """Momentum of the moving average of weights that is validated and kept; 0 keeps the weights themselves."""
    deterministic: bool = False
    """Whether training repeats itself exactly on this machine, however many runs are done at once: on one processor."""
    devices: Literal[1, "all"] = 1
    """``all``: every device that TensorFlow has on this machine takes an equal part of each batch."""

    @field_validator("devices", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        return 1 if value == "1" else value  # as an option gives it

    @model_validator(mode="after")
    def _counted(self) -> TrainSettings:
        if self.deterministic and self.minutes is not None:
            raise ValueError(
                "must have no minutes where it is deterministic, for a machine gets now further in them, now less far; "
                "set epochs and strips instead"
            )
        if self.deterministic and self.devices == "all":
            raise ValueError("must have devices 1 where it is deterministic, which is training on one processor")
        return self


class EvaluationSettings(Section):
    """Fixed strips, drawn once, of digits that training never sees."""

    validation_strips: int = Field(2_000, ge=1)
    """Strips that are read after each epoch, to choose the best network and to calibrate it."""
    test_strips: int = Field(5_000, ge=1)
    """Strips that the finished network is measured on."""
    corruption_strips: int = Field(0, ge=0)
    """Test strips that are read under fifteen corruptions in five degrees each, too; none where 0."""


class Settings(Section):
    """Everything that a run needs: it can be repeated from this alone.

    A strategy's own options stand under its name (``cut: {cutter: equal}``).
    """

    model_config = ConfigDict(extra="allow")

    seed: int = Field(0, ge=0, le=2**32 - 1)
    """Decides every random choice."""
    slots: int = Field(DEFAULT_SLOTS, ge=1, le=MOST_SLOTS)
    """The most digits that a number may have: a strip is 28 × 28·slots pixels."""
    strategy: Annotated[str, Registered(STRATEGIES)] = "heads"
    """How the network reads a strip."""
    backbone: BackboneSettings = BackboneSettings()
    digits: Annotated[str | dict[str, float], DigitSource()] = "drawn"
    """Where single digits come from: ``drawn``, ``printed``, ``mnist``, the path of MNIST files or of a folder, or a
    mix with weights: ``{drawn: 0.6, path/to/mnist.npz: 0.4}``."""
    layout: LayoutSettings = Field(LayoutSettings(), validate_default=True)
    effects: EffectsSettings = EffectsSettings()
    data: DataSettings | None = None
    train: TrainSettings = TrainSettings()
    evaluation: EvaluationSettings = EvaluationSettings()

    @model_validator(mode="before")
    @classmethod
    def _todays_names(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        data = renamed(data)
        # Pictures of one's own are grey and of either polarity, as the strips of scenes are.
        return {"layout": "scene", **data} if data.get("data") else data

    @field_validator(*NAMED, mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("data", mode="before")
    @classmethod
    def _path_alone(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @field_validator("layout")
    @classmethod
    def _length_within_slots(cls, layout: LayoutSettings, info: ValidationInfo) -> LayoutSettings:
        slots = info.data.get("slots", MOST_SLOTS)  # absent where it is wrong itself
        if "length" not in layout.model_fields_set:
            return layout.model_copy(update={"length": (1, slots)})
        if layout.length[1] > slots:
            received = list(layout.length)
            raise fault("layout.length", f"layout.length must lie within 1 to slots ({slots}); received {received}")
        return layout

    @model_validator(mode="after")
    def _scenes_beside_data(self) -> Settings:
        if self.data and self.layout.name != "scene":
            raise fault("layout.name", f"layout.name must be scene where data is given; received {self.layout.name!r}")
        return self

    @model_validator(mode="after")
    def _known_options(self) -> Settings:
        for name, options in (self.model_extra or {}).items():
            if name not in STRATEGIES:
                raise fault(name, f"unknown key {name!r}{nearest(name, [*Settings.model_fields, *STRATEGIES])}")
            kind = STRATEGIES[name].Options
            try:
                kind.model_validate(options)
            except ValidationError as error:
                found = explain(error, kind, name)
                raise fault(found.key, found.text) from None
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
        """The strategy and its options that differ from the defaults: ``heads``, ``cut (ink)``, ``heads (length)``."""
        fields = STRATEGIES[self.strategy].Options.model_fields
        changed = {key: value for key, value in self.options(self.strategy).items() if value != fields[key].default}
        # A word speaks for itself, as does a switch that is on.
        words = (
            key if value is True else value if isinstance(value, str) else f"{key}={value}"
            for key, value in changed.items()
        )
        details = ", ".join(words)
        return f"{self.strategy} ({details})" if details else self.strategy

    def options(self, strategy: str) -> Mapping[str, Any]:
        """The options that are set under a strategy's name."""
        return (self.model_extra or {}).get(strategy) or {}


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
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from None
    except ValidationError as error:
        found = explain(error, Settings)
        line = _line_of(found.key, lines or {})
        raise SettingsError(f"{where}{f', line {line}' if line else ''}: {found.text}") from None


def _line_of(key: str, lines: Mapping[str, int]) -> int | None:
    """The line of a key, of its former name, or of the nearest section above."""
    former = {today: old for old, today in KEYS.items()}
    while key:
        for name in (key, former.get(key, key)):
            if name in lines:
                return lines[name]
        key = key.rpartition(".")[0]
    return None
