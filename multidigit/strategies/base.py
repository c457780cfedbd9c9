"""The contracts: what a strategy and a backbone give, and nothing about any one of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from multidigit.errors import MultidigitError, SettingsError
from multidigit.labels import CELL, CLASSES
from multidigit.registry import BACKBONES, STRATEGIES
from multidigit.settings import BackboneSettings, Layout, Section, Settings

if TYPE_CHECKING:  # TensorFlow takes seconds to import: only methods that build a model do.
    import keras
    from keras import KerasTensor


@dataclass(frozen=True)
class Recipe:
    """How a backbone is best trained; every value can be overridden under ``train`` in the settings."""

    batch_size: int
    optimizer: str
    learning_rate: float
    weight_decay: float = 0.0
    schedule: str = "cosine"
    warmup: float = 0.05
    label_smoothing: float = 0.0
    augment: float = 0.0
    ema: float = 0.0


class Backbone(ABC):
    """Shared convolutional features.

    | method | gives |
    |---|---|
    | ``per_slot`` | whether features are one vector a slot (N, slots, F); else they are of the whole picture (N, F) |
    | ``features(pixels, slots)`` | the features of pictures of that many slots |
    | ``recipe(strategy)`` | how a strategy on this backbone is best trained |

    Args:
        settings: the ``backbone`` section.
        layout: how digits stand in the strips that it will see.
    """

    def __init__(self, settings: BackboneSettings, layout: Layout) -> None:
        self.settings, self.layout = settings, layout

    def channels(self, count: int) -> int:
        """``count`` channels or units at the width that is set, in whole eights and at least one of them."""
        # oneDNN and XNNPACK work on blocks of eight channels.
        return max(8, round(count * self.settings.width / 8) * 8)

    @property
    @abstractmethod
    def per_slot(self) -> bool:
        """Whether ``features`` gives one vector a slot; a class may set it as an attribute: ``per_slot = True``."""

    @abstractmethod
    def features(self, pixels: KerasTensor, slots: int) -> KerasTensor:
        """Features of pictures ``pixels``: float32 0 to 1, ink bright, shape (N, 28, 28·slots, 1)."""

    @abstractmethod
    def recipe(self, strategy: str) -> Recipe:
        """The recommended recipe for the strategy of that name."""


class Strategy(ABC):
    """How a network reads a strip.

    | method | gives |
    |---|---|
    | ``training_model()`` | what ``fit`` sees: takes ``inputs``, yields logits |
    | ``loss(label_smoothing)`` | the loss between ``targets`` and those logits |
    | ``examples(images, slots)`` | ``inputs`` and ``targets`` of a batch of strips |
    | ``reading_model(training_model)`` | raw ``uint8`` strips (N, 28, 140) -> probabilities (N, 5, 11) |

    Evaluation, export and reading know only the reading model. It holds every bit of preprocessing, shares its weights
    with the training model, and each slot of what it yields sums to 1.

    A strategy is one file here with a line in the registry, or a class that another package names under the entry
    point group ``multidigit.strategies``. Its options, if any, are a ``Section`` and stand in the settings under its
    name.
    """

    Options: ClassVar[type[Section]] = Section

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for parent in cls.__mro__[1:]:
            options = getattr(parent, "Options", Section)
            if not issubclass(cls.Options, options):
                raise TypeError(
                    f"{cls.__name__}.Options must derive from {options.__qualname__}, the options of its parent; "
                    f"received {cls.Options!r}"
                )

    def __init__(self, name: str, options: Section, backbone: Backbone, slots: int) -> None:
        self.name, self.options, self.backbone, self.slots = name, options, backbone, slots

    @abstractmethod
    def training_model(self) -> keras.Model: ...

    @abstractmethod
    def loss(self, label_smoothing: float) -> keras.losses.Loss: ...

    @abstractmethod
    def examples(self, images: NDArray[np.uint8], slots: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
        """A batch as the training model takes it.

        Args:
            images: strips, ``uint8`` (N, 28, 140).
            slots: their numbers, ``uint8`` (N, 5).
        """

    @abstractmethod
    def reading_model(self, training_model: keras.Model) -> keras.Model: ...


def make(settings: Settings) -> Strategy:
    """The strategy that the settings name, on the backbone that they name."""
    kind = STRATEGIES[settings.strategy]
    if not (isinstance(kind, type) and issubclass(kind, Strategy)):
        raise MultidigitError(
            f"strategy {settings.strategy!r}: expected a class derived from Strategy; received {kind!r}"
        )
    backbone = BACKBONES[settings.backbone.name](settings.backbone, settings.layout.name)
    options = kind.Options.model_validate(settings.options(settings.strategy))
    return kind(settings.strategy, options, backbone, settings.slots)


def resolve(settings: Settings) -> Settings:
    """The same settings with every open value of ``train`` filled from the backbone's recipe."""
    recipe = make(settings).backbone.recipe(settings.strategy)
    # An optimiser of one's own choice comes without the learning rate of another one.
    if settings.train.optimizer not in (None, recipe.optimizer) and settings.train.learning_rate is None:
        raise SettingsError(
            f"train.optimizer: {settings.train.optimizer} is not what backbone {settings.backbone.name!r} recommends "
            f"({recipe.optimizer}), so its learning rate does not apply; set train.learning_rate too"
        )
    filled = {key: value for key, value in asdict(recipe).items() if getattr(settings.train, key) is None}
    return settings.model_copy(update={"train": settings.train.model_copy(update=filled)})


def picture_input(slots: int) -> tuple[KerasTensor, KerasTensor]:
    """A model's input, ``uint8`` (N, 28, 28·slots), and the same as pixels: float32 0 to 1, (N, 28, 28·slots, 1)."""
    import keras

    shape = (CELL, CELL * slots)
    pictures = keras.Input(shape, dtype="uint8", name="pictures")
    pixels = keras.layers.Rescaling(1 / 255, name="pixels")(pictures)
    return pictures, keras.layers.Reshape((*shape, 1), name="grey")(pixels)


def slot_logits(features: KerasTensor, slots: int, per_slot: bool) -> KerasTensor:
    """Logits (N, slots, 11): an output layer for each slot on shared features, one for all on features by slot."""
    from keras import layers

    if per_slot:
        return layers.Dense(CLASSES, name="classes")(features)
    heads = [layers.Dense(CLASSES, name=f"slot_{slot}")(features) for slot in range(slots)]
    return layers.Concatenate(axis=1, name="slots")([layers.Reshape((1, CLASSES))(head) for head in heads])
