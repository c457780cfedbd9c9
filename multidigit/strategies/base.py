"""The contracts of strategies and backbones, and what builds one from settings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import SettingsError
from multidigit.labels import CELL, CLASSES, DEFAULT_SLOTS
from multidigit.registry import BACKBONES, STRATEGIES
from multidigit.settings import BackboneSettings, Layout, Section, Settings

if TYPE_CHECKING:  # TensorFlow takes seconds to import: only methods that build a model do.
    import keras
    from keras import KerasTensor


STARTED = 0.5
"""Factor on the recipe's learning rate where training begins with weights that are good already (measured in
experiments/README.md)."""
CURRICULUM_SHARE = 0.3
"""The longest curriculum, as a share of the budget: the rest is for strips like those to be read."""
FALL = 0.3
"""How fast the learning rate falls as budgets grow: to a half with ten times as many strips. Found by trials
(experiments/LOG.md)."""


class Short(NamedTuple):
    """What a recipe has for trainings of ``strips`` strips at most, which lack steps more than strips."""

    strips: int
    batch_size: int
    learning_rate: float
    curriculum: int = 0


@dataclass(frozen=True)
class Recipe:
    """How a strategy on a backbone is best trained. A value that is set under ``train`` overrides the one here.

    ``learning_rate`` and ``ema`` are those of trainings of ``strips`` strips at most, where that is given: longer ones
    do better with a lower rate and a longer average (``for_budget``). Short ones have the batch size, the learning rate
    and the curriculum of ``short``, where that is given.
    """

    batch_size: int
    optimizer: str
    learning_rate: float
    weight_decay: float = 0.0
    schedule: str = "cosine"
    warmup: float = 0.05
    label_smoothing: float = 0.0
    augment: float = 0.0
    curriculum: int = 0
    ema: float = 0.0
    strips: int | None = None
    short: Short | None = None

    def for_budget(self, strips: float) -> Recipe:
        """The recipe for a training of so many strips."""
        recipe = self
        if self.short and strips <= self.short.strips:
            _, batch_size, learning_rate, curriculum = self.short
            curriculum = min(curriculum, int(CURRICULUM_SHARE * strips))
            recipe = replace(self, batch_size=batch_size, learning_rate=learning_rate, curriculum=curriculum)
        if self.strips is None or strips <= self.strips:
            return recipe
        factor = (self.strips / strips) ** FALL
        return replace(recipe, learning_rate=recipe.learning_rate * factor, ema=1 - (1 - self.ema) * factor)


class Speeds(NamedTuple):
    """Training strips of five slots a second on two processor cores, by layout, at the ordinary width.

    Of a backbone that does not state its own rather too slow than too fast.
    """

    structured: float = 40.0
    free: float = 40.0
    scene: float = 40.0


class Backbone(ABC):
    """Shared convolutional features.

    | member | gives |
    |---|---|
    | ``per_slot`` | ``True``: one feature vector for each slot; ``False``: one for the whole picture |
    | ``features(pixels, slots)`` | the layers, applied to pictures of ``slots`` cells |
    | ``recipe(strategy)`` | how a strategy on this backbone is best trained |
    | ``recipe_origin`` | how these recipes were found, for reports |
    | ``speeds`` | how fast it trains, about, for estimates |

    A backbone is one file in ``backbones/`` with a line in ``multidigit/registry.py``, or a class that another package
    names in its entry point group ``multidigit.backbones``. ``multidigit.testing.check_backbone`` tests it.

    Args:
        settings: the section ``backbone``; ``width`` is a factor on the channels of every layer.
        layout: how digits stand in the strips to be read.
    """

    recipe_origin: ClassVar[str] = "not stated"
    """How the recipes were found: a report says so, for they decide as much as strategies do."""
    speeds: ClassVar[Speeds] = Speeds()

    def __init__(self, settings: BackboneSettings, layout: Layout) -> None:
        self.settings, self.layout = settings, layout

    @property
    @abstractmethod
    def per_slot(self) -> bool:
        """Whether ``features`` gives one vector a slot. A class attribute will do: ``per_slot = True``."""

    @abstractmethod
    def features(self, pixels: KerasTensor, slots: int) -> KerasTensor:
        """Apply the layers.

        Args:
            pixels: pictures, ``float32`` (N, 28, 28·slots, 1), 0 to 1, ink bright.
            slots: cells of a picture, 1 to 12; ``cut`` asks for the features of single cells.

        Returns:
            ``float32`` (N, slots, F) if ``per_slot``, else (N, F).
        """

    @abstractmethod
    def recipe(self, strategy: str) -> Recipe:
        """Return the recommended recipe for the strategy of that name."""

    def strips_per_second(self, slots: int) -> float:
        """Training strips a second on two processor cores, about."""
        # The work grows with the strip's width.
        speed: float = getattr(self.speeds, self.layout)
        return speed * DEFAULT_SLOTS / slots / max(1.0, self.settings.width) ** 2

    def channels(self, count: int) -> int:
        """Return ``count`` times the width that is set, rounded to a multiple of eight, at least 8."""
        # oneDNN and XNNPACK work on blocks of eight channels.
        return max(8, round(count * self.settings.width / 8) * 8)


class Strategy(ABC):
    """How a network reads a strip.

    | method | gives |
    |---|---|
    | ``training_model()`` | the Keras model that is trained: takes ``inputs``, yields logits |
    | ``loss(label_smoothing)`` | the loss between ``targets`` and those logits |
    | ``examples(images, slots)`` | ``inputs`` and ``targets`` of a batch of strips |
    | ``reading_model(training_model)`` | the Keras model that reads: raw strips to probabilities |

    Evaluation, export and reading know only the reading model. It contains all preprocessing, shares the weights of
    the training model, and uses only operations that LiteRT has.

    A strategy is one file here with a line in ``multidigit/registry.py``, or a class that another package names in its
    entry point group ``multidigit.strategies``. ``multidigit.testing.check_strategy`` tests it. Options of its own are
    the fields of a nested class, which stand in the settings under the strategy's name:

        class Options(Section):  # from multidigit import Section; a pydantic model
            odds: float = Field(6.0, gt=1, description="Shown by multidigit settings.")

    Import Keras in the methods that use it: commands look at options without loading TensorFlow.

    Attributes:
        name: the strategy's name in the settings.
        options: an instance of ``Options``.
        backbone: where features come from; ``backbone.per_slot`` says of which shape.
        slots: the most digits of a number, 1 to 12.
    """

    Options: ClassVar[type[Section]] = Section
    """The class of ``options``. A strategy derived from another derives its options from the other's."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for parent in cls.__bases__:
            if issubclass(parent, Strategy) and not issubclass(cls.Options, parent.Options):
                raise TypeError(
                    f"{cls.__name__}.Options must derive from {parent.Options.__qualname__}; received {cls.Options!r}"
                )

    def __init__(self, name: str, options: Section, backbone: Backbone, slots: int) -> None:
        self.name, self.options, self.backbone, self.slots = name, options, backbone, slots

    @abstractmethod
    def training_model(self) -> keras.Model:
        """Build the model to train. ``picture_input`` and ``slot_logits`` below make its first and last layers."""

    @abstractmethod
    def loss(self, label_smoothing: float) -> keras.losses.Loss:
        """Return the loss between ``targets`` and logits; ``label_smoothing`` is 0 to 1."""

    @abstractmethod
    def examples(self, images: NDArray[np.uint8], slots: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return a batch as the training model takes it.

        Args:
            images: strips, ``uint8`` (N, 28, 28·slots).
            slots: their numbers, ``uint8`` (N, slots), 10 in slots without a digit.

        Returns:
            Inputs, and targets ``float32``; as many of both, at least one a strip.
        """

    @abstractmethod
    def reading_model(self, training_model: keras.Model) -> keras.Model:
        """Build the model that reads, on a training model.

        Returns:
            ``uint8`` (N, 28, 28·slots) -> ``float32`` (N, slots, 11): probabilities of the digits 0 to 9 and of no
            digit, at least 0, summing to 1 in each slot.
        """


def make(settings: Settings) -> Strategy:
    """Return the strategy that the settings name, on the backbone that they name."""
    kind = STRATEGIES[settings.strategy]
    backbone = BACKBONES[settings.backbone.name](settings.backbone, settings.layout.name)
    options = kind.Options.model_validate(settings.options(settings.strategy))
    return kind(settings.strategy, options, backbone, settings.slots)


def resolve(settings: Settings) -> Settings:
    """Return the settings with every open value of ``train`` filled from the backbone's recipe.

    Raises:
        SettingsError: another optimizer than the recipe's is set, but no learning rate for it.
    """
    train = settings.train
    backbone = make(settings).backbone
    strips: float = train.epochs * train.strips
    if train.minutes:
        strips = 60 * train.minutes * backbone.strips_per_second(settings.slots)
    recipe = backbone.recipe(settings.strategy)
    if train.start or train.batch_size or train.learning_rate:
        # Batches and rate of short trainings go together, and were tried from random weights alone.
        recipe = replace(recipe, short=None)
    recipe = recipe.for_budget(strips)
    if train.start:
        recipe = replace(recipe, learning_rate=recipe.learning_rate * STARTED)
    if train.optimizer not in (None, recipe.optimizer) and train.learning_rate is None:
        raise SettingsError(
            f"train.learning_rate must be set for another optimizer than backbone {settings.backbone.name!r} "
            f"recommends ({recipe.optimizer}); received train.optimizer {train.optimizer} alone"
        )
    left_open = [key for key, value in train if value is None]
    filled = {key: value for key, value in asdict(recipe).items() if key in left_open}
    return settings.model_copy(update={"train": train.model_copy(update=filled)})


def set_otherwise(settings: Settings) -> list[str]:
    """The settings of ``train`` whose values are not those of the recipe: they were set, or the recipe was another."""
    train = settings.train
    open_ = {field.name: None for field in fields(Recipe) if field.name not in ("strips", "short")}
    ours = resolve(settings.model_copy(update={"train": train.model_copy(update=open_)})).train
    # What an older run could not set yet is open.
    return [f"train.{key}" for key in open_ if getattr(train, key) not in (None, getattr(ours, key))]


def picture_input(slots: int) -> tuple[KerasTensor, KerasTensor]:
    """Return a model's input, ``uint8`` (N, 28, 28·slots), and its pixels, ``float32`` (N, 28, 28·slots, 1), 0 to 1."""
    import keras

    shape = (CELL, CELL * slots)
    pictures = keras.Input(shape, dtype="uint8", name="pictures")
    pixels = keras.layers.Rescaling(1 / 255, name="pixels")(pictures)
    return pictures, keras.layers.Reshape((*shape, 1), name="grey")(pixels)


def slot_logits(features: KerasTensor, slots: int, per_slot: bool) -> KerasTensor:
    """Return logits (N, slots, 11): one output layer for all slots if ``per_slot``, else one for each slot."""
    from keras import layers

    if per_slot:
        return layers.Dense(CLASSES, name="classes")(features)
    heads = [layers.Dense(CLASSES, name=f"slot_{slot}")(features) for slot in range(slots)]
    return layers.Concatenate(axis=1, name="slots")([layers.Reshape((1, CLASSES))(head) for head in heads])
