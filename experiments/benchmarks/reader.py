"""The shipped reader, or another run: real handwriting, calibration, what --at-least promises, and saying no.

Every picture goes the whole way, from a PNG file's bytes on. MNIST's test digits stand in structured strips of one to
five of them; no real digit was trained with.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import common
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from multidigit import Reader
from multidigit.digits.printed.fonts import load_letter_fonts
from multidigit.evaluation import evaluate
from multidigit.files import write_json
from multidigit.labels import slots_to_text
from multidigit.metrics import expected_calibration_error
from multidigit.report.tables import markdown_table
from multidigit.statistics import wilson_interval
from multidigit.strips.stream import StripStream

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
AT_LEAST = 0.98
SURE = 0.5
"""From this confidence on, a reading of a picture without a number counts as a false alarm."""


def png(image: Image.Image) -> bytes:
    data = BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def _ground(rng: np.random.Generator) -> tuple[Image.Image, tuple[int, ...], tuple[int, ...]]:
    """An empty picture of any size and colour, its colour, and another that can be distinguished from it."""
    size = (int(rng.integers(60, 500)), int(rng.integers(40, 240)))
    while True:
        ground, ink = rng.integers(0, 256, (2, 3))
        if abs(int(ground.mean()) - int(ink.mean())) > 60:
            break
    colours = (tuple(map(int, ground)), tuple(map(int, ink)))
    return Image.new("RGB", size, colours[0]), *colours


def _worn(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A little blur and grain, as of a camera."""
    image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 1.5))))
    grain = rng.normal(0, rng.uniform(0, 10), (*image.size[::-1], 3))
    return Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))


def blank(rng: np.random.Generator) -> Image.Image:
    """Nothing but a colour, sometimes with a shadow across."""
    image, *_ = _ground(rng)
    shade = np.linspace(0, rng.uniform(-60, 60), image.width)[None, :, None] * (rng.random() < 0.5)
    shaded = Image.fromarray(np.clip(np.asarray(image) + shade, 0, 255).astype(np.uint8))
    return shaded if rng.random() < 0.3 else _worn(shaded, rng)


def noise(rng: np.random.Generator) -> Image.Image:
    """Grain of any size, grey or coloured; a third of them in the size of a strip."""
    wide, tall = (140, 28) if rng.random() < 1 / 3 else (int(rng.integers(40, 400)), int(rng.integers(28, 200)))
    step, channels = int(rng.integers(1, 9)), int(rng.choice([1, 3]))
    shape = (-(-tall // step), -(-wide // step), channels)
    field = rng.integers(0, 256, shape) if rng.random() < 0.5 else rng.normal(128, rng.uniform(10, 80), shape)
    pixels = np.clip(field, 0, 255).astype(np.uint8).repeat(step, 0).repeat(step, 1)[:tall, :wide]
    image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    return image.filter(ImageFilter.GaussianBlur(step / 2)) if rng.random() < 0.3 else image


def letters(rng: np.random.Generator) -> Image.Image:
    """A word of two to seven letters in a font."""
    image, _, ink = _ground(rng)
    fonts = load_letter_fonts(int(rng.integers(18, 90)))
    font = fonts[rng.integers(len(fonts))]
    word = "".join(LETTERS[i] for i in rng.integers(len(LETTERS), size=rng.integers(2, 8)))
    left, top, right, bottom = (int(end) for end in font.getbbox(word))
    room = rng.integers(4, 30, 4)
    image = image.resize((right - left + int(room[0] + room[1]), bottom - top + int(room[2] + room[3])))
    ImageDraw.Draw(image).text((int(room[0]) - left, int(room[2]) - top), word, fill=ink, font=font)
    return _worn(image, rng)


def blob(rng: np.random.Generator) -> Image.Image:
    """A round thing like a face: a full ellipse, most often with eyes and a mouth."""
    image, ground, ink = _ground(rng)
    draw = ImageDraw.Draw(image)
    tall = image.height * rng.uniform(0.5, 0.95)
    wide = min(tall * rng.uniform(0.6, 1.1), 0.95 * image.width)
    x, y = image.width / 2, image.height / 2
    draw.ellipse((x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2), fill=ink)
    if rng.random() < 0.8:
        size = wide * rng.uniform(0.04, 0.09)
        for side in (-1, 1):
            at = x + side * wide * rng.uniform(0.15, 0.25)
            draw.ellipse((at - size, y - tall * 0.15 - size, at + size, y - tall * 0.15 + size), fill=ground)
        mouth = (x - wide * 0.25, y, x + wide * 0.25, y + tall * 0.3)
        draw.arc(mouth, 20, 160, fill=ground, width=max(1, int(wide * 0.05)))
    return _worn(image, rng)


KINDS: dict[str, Callable[[np.random.Generator], Image.Image]] = {
    "blank": blank,
    "noise": noise,
    "letters": letters,
    "face-like blobs": blob,
}


def false_alarms(reader: Reader, count: int, seed: int) -> dict[str, dict[str, Any]]:
    """For each kind of picture without a number, how often the reader is unsure of it, as it should be."""
    found = {}
    for number, (name, draw) in enumerate(KINDS.items()):
        rng = np.random.default_rng([seed, number])
        readings = reader.read([png(draw(rng)) for _ in range(count)])
        sure = np.array([reading.confidence for reading in readings])
        unsure = int((sure < SURE).sum())
        found[name] = {"pictures": count, "unsure": unsure / count, "interval": list(wilson_interval(unsure, count))}
    return found


def handwriting(run: str, precision: str, mnist: Path, count: int) -> dict[str, Any]:
    """MNIST test strips as PNG files."""
    strips = common.shared_test_strips(mnist, "structured", 0, count)
    reader = Reader(run, precision=precision, at_least=AT_LEAST)
    readings = reader.read([png(Image.fromarray(image)) for image in strips.images])
    texts = np.array([slots_to_text(slots) for slots in strips.slots])
    right = texts == np.array([reading.text for reading in readings])
    sure = np.array([reading.confidence for reading in readings])
    answered = ~np.array([reading.withheld for reading in readings])
    return {
        "strips": count,
        "sequence_accuracy": float(right.mean()),
        "interval": list(wilson_interval(int(right.sum()), count)),
        "expected_calibration_error": expected_calibration_error(sure, right),
        "at_least": AT_LEAST,
        "answered": float(answered.mean()),
        "accuracy_of_answered": float(right[answered].mean()) if answered.any() else None,
    }


def own_strips(reader: Reader, count: int) -> dict[str, Any]:
    """Held-out strips as the run itself was trained on, without those that hold no number."""
    settings = reader.run.settings
    layout = settings.layout.model_copy(update={"empty": 0.0})
    strips = StripStream(settings.model_copy(update={"layout": layout})).fixed("test", count)
    measures, _ = evaluate(reader.model, strips, reader.calibration)
    wanted = ("strips", "sequence_accuracy", "expected_calibration_error", "expected_calibration_error_before")
    return {key: measures[key] for key in wanted}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", default="shipped", help="a run's name or folder")
    parser.add_argument("--precision", choices=["float", "int8"], default="int8")
    parser.add_argument("--count", type=int, default=1000, help="pictures of each kind that hold no number")
    parser.add_argument("--strips", type=int, default=common.TEST_STRIPS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mnist", type=Path, default=common.MNIST)
    parser.add_argument("--out", type=Path, default=common.RESULTS)
    given = parser.parse_args()
    common.check_mnist(given.mnist)
    reader = Reader(given.run, precision=given.precision)
    results = {
        "run": reader.run.name,
        "precision": given.precision,
        "mnist": handwriting(given.run, given.precision, given.mnist, given.strips),
        "own": own_strips(reader, 4 * given.strips),
        "nothing": false_alarms(reader, given.count, given.seed),
    }
    write_json(given.out / f"reader-{given.precision}.json", results)
    read, own = results["mnist"], results["own"]
    low, high = read["interval"]
    rows = [
        ["MNIST strips read right", f"{read['sequence_accuracy']:.2%} ({low:.2%} to {high:.2%})"],
        ["calibration error there", f"{read['expected_calibration_error']:.2%}"],
        [f"answered with --at-least {AT_LEAST}", f"{read['answered']:.1%}"],
        ["of these right", f"{read['accuracy_of_answered'] or 0:.2%}"],
        ["own test strips read right", f"{own['sequence_accuracy']:.2%}"],
        [
            "calibration error there",
            f"{own['expected_calibration_error']:.2%} ({own['expected_calibration_error_before']:.2%} before)",
        ],
        *([f"{name}: under {SURE} sure", f"{part['unsure']:.1%}"] for name, part in results["nothing"].items()),
    ]
    print(markdown_table(["measure", f"{reader.run.name}, {given.precision}"], rows))
