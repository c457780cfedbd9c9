"""What tests share by import: the smallest settings, toy networks, one call of the command line."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from multidigit import metrics
from multidigit.error_breakdown import STAGES, STRIPS, attribute_errors
from multidigit.experiments import Experiment, Planned, make_plan, summarise
from multidigit.files import write_json
from multidigit.labels import CLASSES
from multidigit.runs import ANSWERS, HISTORY, KERAS_MODEL, LITERT_MODEL, METRICS, SETTINGS, Run, RunWriter, open_run
from multidigit.settings import Settings, overlay, to_yaml, validate
from multidigit.strips.effects import chances
from multidigit.strips.stream import StripStream
from multidigit.training import Progress

MNIST = Path(os.environ.get("MULTIDIGIT_MNIST", Path(__file__).parents[2] / "shared" / "data" / "mnist.npz"))

OLD_RUNS = Path(__file__).parent / "fixtures" / "runs"
"""Runs and experiments that older versions wrote."""

TINY: dict[str, Any] = {
    "layout": {"name": "structured"},
    "backbone": {"name": "compact", "width": 0.25},
    "train": {"epochs": 3, "strips": 64, "batch_size": 16},
    "evaluation": {"validation_strips": 20, "test_strips": 30},
}
"""The least that trains at all: what is tested is what happens around the training."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock that one test process has at a time."""
    try:
        import fcntl
    except ImportError:  # Windows: one process has no need of it, several are not supported there.
        yield
        return
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_toy_digits(path: Path) -> None:
    """An MNIST-like file of 600 + 200 digits that are easy to tell apart: digit d is a bright bar at its own height."""
    rng = np.random.default_rng(0)
    labels = np.arange(800) % 10
    images = rng.integers(0, 40, (800, 28, 28)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[4 + 2 * label : 6 + 2 * label, 5:23] = 200 + rng.integers(0, 56, (2, 18))
    np.savez(path, x_train=images[:600], y_train=labels[:600], x_test=images[600:], y_test=labels[600:])


def free_addresses(count: int) -> tuple[str, ...]:
    """Addresses of this machine that nothing listens at, as workers have them."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return tuple(f"127.0.0.1:{server.getsockname()[1]}" for server in held)
    finally:
        for server in held:
            server.close()


class Toys:
    """Settings on the toy digits, and networks that learnt to read them: one run a strategy.

    Each is trained once, when a test first asks for it; test processes that run side by side share the folder.
    """

    def __init__(self, npz: Path, home: Path) -> None:
        self.npz, self.home = npz, home
        self._runs: dict[str, Run] = {}

    def settings(self, **changes: Any) -> Settings:
        """``TINY`` on the toy digits, with sections laid over it."""
        return validate(overlay({**TINY, "digits": str(self.npz)}, changes))

    def options(self) -> list[str]:
        """The same, but for the strategy and the layout, as a command line has it."""
        sections = {name: TINY[name] for name in ("backbone", "train", "evaluation")}
        pairs = [(f"{name}.{key}", value) for name, section in sections.items() for key, value in section.items()]
        sets = [part for key, value in pairs for part in ("--set", f"{key}={value}")]
        return ["--set", f"digits={self.npz}", *sets]

    def run(self, strategy: str = "heads") -> Run:
        """A run that reads structured strips of toy digits."""
        from multidigit.training import train

        if strategy in self._runs:
            return self._runs[strategy]
        path = self.home / strategy
        self.home.mkdir(parents=True, exist_ok=True)
        with locked(self.home.parent / f"{strategy}.lock"):
            if path.exists():
                self._runs[strategy] = open_run(path)
                return self._runs[strategy]
            settings = self.settings(
                strategy=strategy,
                train={"epochs": 2, "strips": 2000, "batch_size": 32},
                evaluation={"validation_strips": 200, "test_strips": 300},
            )
            self._runs[strategy] = train(settings, path)
        return self._runs[strategy]


class Called:
    """What one call of the command line gave."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON value and nothing else."""
        return json.loads(self.out)


def fake_run(strategy: str, wrong: int | Sequence[int], count: int = 100, truth: int = 1, **settings: Any) -> Any:
    """A run in memory that read all of ``count`` strips but some: the first so many, or those of these numbers."""
    chosen = validate({"strategy": strategy, **settings})
    slots = np.full((count, chosen.slots), truth, np.uint8)
    answers = slots.copy()
    answers[list(range(wrong)) if isinstance(wrong, int) else list(wrong), 0] += 1
    name = f"{strategy}-{chosen.layout.name}-seed{chosen.seed}"
    return SimpleNamespace(
        name=name,
        path=Path("runs") / name,
        settings=chosen,
        answers={"slots": slots, "answers": answers},
        metrics={
            "test": {"sequence_accuracy": metrics.sequence_accuracy(slots, answers), "strips_per_second": 9_000.0},
            "training": {"seconds": 20.0, "strips": 15_168, "parameters": 400_000},
        },
        has=lambda part: part == ANSWERS,
    )


def write_model(path: Path, shape: tuple[int, ...], given: tuple[int, ...]) -> Path:
    """A network that has learnt nothing, from ``uint8`` strips of a shape to probabilities of another."""
    import keras

    from multidigit.training.conversion import to_tflite

    pixels = keras.Input(shape, dtype="uint8")
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(pixels))
    scores = keras.layers.Reshape(given)(keras.layers.Dense(int(np.prod(given)))(flat))
    path.write_bytes(to_tflite(keras.Model(pixels, keras.layers.Softmax()(scores))))
    return path


ERRORS = {"heads": 0.02, "sigmoid": 0.03, "cut": 0.06}
"""Share of the digits that a made-up run of each strategy answers wrongly."""
EPOCHS = 8


def make_up_comparison(out: Path, base: Mapping[str, Any], grid: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """A folder of made-up runs, one for each combination, and its results as an experiment leaves them."""
    plan = make_plan(base, grid)
    runs = [make_up_run(out / planned.name, planned) for planned in plan]
    results = summarise(Experiment("made up", "Nothing was trained for this.", plan), runs)
    write_json(out / "results.json", results)
    return results


def make_up_run(path: Path, planned: Planned, error: float | None = None, model: Any = None) -> Run:
    """A run folder of real test strips and invented answers, for tests that only look at runs."""
    settings = planned.settings
    strips = StripStream(settings).fixed("test", settings.evaluation.test_strips)
    # The name makes the answers of every run its own.
    rng = np.random.default_rng([settings.seed, *planned.name.encode()])
    error = error or ERRORS.get(settings.strategy, 0.05)
    difficulty = rng.beta(0.4, 0.4 * (1 - error) / error, strips.slots.shape)
    wrong = rng.random(strips.slots.shape) < difficulty
    answers = np.where(wrong, rng.integers(0, CLASSES, strips.slots.shape), strips.slots)
    probabilities = np.eye(CLASSES, dtype=np.float32)[answers] * (1 - difficulty[..., None])
    probabilities += ((1 - probabilities.sum(-1)) / CLASSES)[..., None]
    # Where the difficulty is great, another class than the one drawn is the likeliest.
    answers = metrics.answers(probabilities)
    measures = metrics.measure(strips.slots, probabilities)
    right = measures["sequence_accuracy"]
    seconds = 20.0 + 5 * len(settings.strategy)
    with RunWriter(path) as writer:
        writer.text(LITERT_MODEL, "no model")
        if model is not None:
            with writer.part(KERAS_MODEL) as file:
                model.save(file)
        writer.text(SETTINGS, to_yaml(settings))
        np.savez_compressed(
            writer.aside / ANSWERS,
            slots=strips.slots,
            answers=answers,
            confidence=metrics.confidence(probabilities).astype(np.float32),
        )
        writer.table(
            HISTORY,
            [
                {
                    "epoch": epoch,
                    "strips": 1000 * epoch,
                    "seconds": seconds * epoch / EPOCHS,
                    "learning_rate": 0.001,
                    "loss": 1 / epoch,
                    "digit_accuracy": measures["digit_accuracy"],
                    "sequence_accuracy": right * (1 - 0.5**epoch),
                }
                for epoch in range(1, EPOCHS + 1)
            ],
        )
        training = {
            "strips": 1000 * EPOCHS,
            "epochs": EPOCHS,
            "seconds": seconds,
            "strips_per_second": 1000 * EPOCHS / seconds,
            "parameters": 100 * strips.slots.shape[1] * CLASSES,
        }
        test = {**measures, "strips_per_second": 5000.0, "expected_calibration_error_before": 0.1}
        found = {"training": training, "test": test}
        if settings.layout.name != "scene":
            affected = bool(chances(settings.effects))
            found["error_breakdown"] = _made_up_breakdown(right, min(STRIPS, len(strips)), affected, rng)
        writer.json(METRICS, found)
        return writer.finish(settings)


def _made_up_breakdown(read: float, strips: int, affected: bool, rng: np.random.Generator) -> dict[str, Any]:
    """Each help takes some of the error that is left; the last none where there are no effects."""
    right = [0.99 * read, read]
    for least, most in ((0.05, 0.2), (0.1, 0.6), (0.1, 0.3) if affected else (0.0, 0.0)):
        right.append(right[-1] + rng.uniform(least, most) * (1 - right[-1]))
    return attribute_errors(strips, {stage: round(share * strips) for stage, share in zip(STAGES, right, strict=True)})


def drawing(
    text: str = "90714", size: int = 60, shape: tuple[int, int] = (120, 400), ink: int = 0, paper: int = 255
) -> NDArray[np.uint8]:
    """Printed digits in the middle of a picture, ``uint8`` of the given shape."""
    height, width = shape
    image = Image.new("L", (width, height), paper)
    font = ImageFont.load_default(size=size)
    ImageDraw.Draw(image).text((width / 2, height / 2), text, font=font, fill=ink, anchor="mm")
    return np.array(image)


def encoded(picture: Image.Image | NDArray[np.uint8], format_: str = "PNG", **options: Any) -> bytes:
    """A picture file."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    stream = BytesIO()
    image.save(stream, format_, **options)
    return stream.getvalue()


def write_pictures(folder: Path, texts: Sequence[str], parts: Sequence[str] = (), more: Sequence[str] = ()) -> None:
    """Printed numbers on paper as ``0.png``, ``1.png``, …; with parts also a ``labels.csv``, with ``more`` lines."""
    folder.mkdir(parents=True, exist_ok=True)
    for place, text in enumerate(texts):
        (folder / f"{place}.png").write_bytes(encoded(drawing(text, 50, (110, 330), ink=30, paper=200)))
    if parts:
        rows = [f"{place}.png,{text},{part}" for place, (text, part) in enumerate(zip(texts, parts, strict=True))]
        (folder / "labels.csv").write_text("\n".join(["image_path,text,split", *rows, *more]) + "\n")


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Mean absolute difference of two strips in grey levels."""
    return float(np.abs(one.astype(int) - other).mean())


def stop_at(strips: int, error: BaseException) -> Callable[[Progress], None]:
    """A listener that raises after the batch that brings training to so many strips."""

    def listen(progress: Progress) -> None:
        if progress.strips == strips and progress.epoch is None and not progress.doing:
            raise error

    return listen
