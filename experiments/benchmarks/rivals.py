"""Other people's tools on our strips of MNIST digits: fast-plate-ocr, trained as long as ours, and Tesseract as it is.

``plate`` trains fast-plate-ocr from nothing, in an environment of its own that is made on first use. ``tesseract`` asks
the Tesseract of this machine, where there is one; how it is asked is chosen on validation strips.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import common
import numpy as np
import yaml
from accuracy import LOOK, table
from numpy.typing import NDArray
from PIL import Image, ImageOps

from multidigit import metrics
from multidigit.cli.progress import counting, note
from multidigit.digits.cache import cache_folder
from multidigit.errors import MultidigitError
from multidigit.files import write_text
from multidigit.labels import BLANK, DEFAULT_SLOTS, slots_to_text
from multidigit.runs import environment, read_json
from multidigit.settings import Layout, validate
from multidigit.statistics import wilson_interval
from multidigit.strips.compose import Strips
from multidigit.strips.stream import StripStream

PACKAGE = "fast-plate-ocr[train,onnx]==1.1.0"
"""``onnx``: training does without, but importing any part of fast-plate-ocr asks for it."""
PER_MINUTE, MOST, CHUNK = 20_000, 100_000, 1_000
"""Training strips written for a minute of training (more than it sees on two cores), at the most, and at a time."""
SIZE = (64, 128)
"""Height and width that the strips are brought to: what the model below is published with."""

# The smallest of its published models, cct_xs_v1 (models/cct_xs_v1.yaml in ankandrew/fast-plate-ocr).
_POOL = {"layer": "MaxBlurPooling2D", "pool_size": 2, "filter_size": 3}
_CONVOLUTIONS: tuple[int | None, ...] = (32, None, 48, 64, None, 80, 96)
"""Filters, and where to pool."""
MODEL: dict[str, Any] = {
    "model": "cct",
    "rescaling": {"scale": 1 / 255, "offset": 0.0},
    "tokenizer": {
        "blocks": [
            {"layer": "Conv2D", "filters": count, "kernel_size": 3, "padding": "valid"} if count else _POOL
            for count in _CONVOLUTIONS
        ],
        "patch_size": 2,
        "patch_mlp": {"layer": "MLP", "hidden_units": [64], "activation": "gelu", "dropout_rate": 0.05},
        "positional_emb": True,
    },
    "transformer_encoder": {
        "layers": 4,
        "heads": 1,
        "projection_dim": 64,
        "units": [64, 64],
        "activation": "gelu",
        "stochastic_depth": 0.05,
        "attention_dropout": 0.05,
        "mlp_dropout": 0.1,
        "head_mlp_dropout": 0.05,
        "token_reducer_heads": 4,
        "normalization": "dyt",
    },
}
PLATE: dict[str, Any] = {
    "max_plate_slots": DEFAULT_SLOTS,
    # The padding stands where our class of blank slots does.
    "alphabet": "0123456789_",
    "pad_char": "_",
    "keep_aspect_ratio": False,
    "interpolation": "linear",
    "image_color_mode": "grayscale",
}

TRIED = 100
"""Validation strips that each way to ask Tesseract is tried on."""


class Asking(NamedTuple):
    """A way to ask Tesseract: page segmentation mode, and how much larger, with how wide a margin, the ink is shown."""

    mode: int
    scale: float
    margin: int


WAYS = tuple(itertools.starmap(Asking, itertools.product((7, 8, 13), (1.5, 2, 3, 4), (10, 20, 40))))
"""One line of text, one word, or one line without any layout; each larger or less so."""


def strips_of(options: argparse.Namespace) -> StripStream:
    """The strips of a run, those for training not bent: fast-plate-ocr bends them in its own way."""
    return StripStream(validate({"digits": str(options.mnist), "layout": options.layout, "seed": options.seed}))


def row(
    options: argparse.Namespace, contender: str, test: common.Tested, settings: dict[str, Any], tools: dict[str, Any]
) -> common.Row:
    """The row of a rival that is not trained; ``tools`` are versions of its own."""
    about = environment()
    return {
        "contender": contender,
        "layout": options.layout,
        "strategy": None,
        "backbone": None,
        "options": {},
        "minutes": None,
        "seed": options.seed,
        "settings": {"digits": options.mnist.name, "layout": options.layout, "seed": options.seed, **settings},
        "training": None,
        "curve": [],
        "test": test,
        "peak_memory": None,
        "environment": {**about, "packages": tools},
    }


def tested(slots: NDArray[np.integer], answers: NDArray[np.integer], right: NDArray[np.bool_]) -> common.Tested:
    return {
        "sequence_accuracy": float(right.mean()),
        "interval": list(wilson_interval(int(right.sum()), len(right))),
        "digit_accuracy": metrics.digit_accuracy(slots, answers),
        "strips": len(right),
    }


def installed(venv: Path) -> Path:
    """The Python of the environment of fast-plate-ocr, which is made where it is not there yet.

    Raises:
        MultidigitError: it cannot be made, or the folder is something else.
    """
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    mark = venv / ".installed"
    if mark.exists() and mark.read_text("utf-8") == PACKAGE:
        return python
    if venv.exists() and any(venv.iterdir()) and not (venv / "pyvenv.cfg").exists():
        raise MultidigitError(f"{venv}: exists and is no Python environment; name another folder with --venv")
    note(f"installing {PACKAGE} into {venv}: some minutes and 3 GB, this once")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in ([sys.executable, "-m", "venv", str(venv)], [*pip, PACKAGE]):
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        if done.returncode:
            raise MultidigitError(f"{venv}: cannot be made ({last_line(done.stderr or done.stdout)})")
    write_text(mark, PACKAGE)
    return python


def last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it does not say why")


def write_table(folder: Path, name: str, chunks: Iterable[Strips], count: int) -> None:
    """Strips as PNGs in a folder of that name, and beside it the CSV file that fast-plate-ocr takes."""
    (folder / name).mkdir()
    with (
        counting(f"writing {name} strips", count) as step,
        (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image_path", "plate_text"])
        strips = ((image, slots) for chunk in chunks for image, slots in zip(chunk.images, chunk.slots, strict=True))
        for index, (image, slots) in enumerate(strips):
            path = f"{name}/{index:06d}.png"
            # Speed matters more than a few bytes.
            Image.fromarray(image).save(folder / path, compress_level=1)
            writer.writerow([path, slots_to_text(slots)])
            step()


def plate(options: argparse.Namespace) -> None:
    """Train fast-plate-ocr and store its row."""
    python = installed(options.venv)
    stream = strips_of(options)
    height, width = options.size
    settings = {**PLATE, "img_height": height, "img_width": width}
    count = max(CHUNK, min(MOST, round(PER_MINUTE * options.minutes)))
    test = common.shared_test_strips(options.mnist, options.layout, options.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_text(folder / "model.yaml", yaml.safe_dump(MODEL))
        write_text(folder / "plate.yaml", yaml.safe_dump(settings))
        write_table(folder, "train", (stream.batch(index, CHUNK) for index in range(count // CHUNK)), count)
        # As many as long trainings of ours look at.
        write_table(folder, "validation", [stream.fixed("validation", LOOK[1])], LOOK[1])
        write_table(folder, "test", [test], len(test))
        note("fast-plate-ocr: getting ready")
        train(python, folder, options)
        results = read_json(folder / "results.json")
    answers = np.array(results["answers"], np.uint8)
    ours = {"fast-plate-ocr": {"model": "cct_xs_v1", "batch_size": options.batch, **settings}, "written_strips": count}
    measures = tested(test.slots, answers, metrics.right(test.slots, answers))
    made: common.Row = {
        **row(options, "fast-plate-ocr", measures, ours, results["packages"]),
        "minutes": options.minutes,
        "training": {
            "seconds": results["seconds"],
            "strips": results["strips"],
            "strips_per_second": results["strips"] / results["seconds"],
            "parameters": results["parameters"],
        },
        "curve": results["curve"],
        "peak_memory": results["peak_memory"],
    }
    common.write_row(options.out, made)
    print(table([made]))
    print(f"It saw {results['strips']:,} strips and reads {results['reads_per_second']:,.0f} a second.")


def train(python: Path, folder: Path, options: argparse.Namespace) -> None:
    """Run ``plate.py`` on a folder; its progress goes to standard error, what libraries log is kept for an error.

    Raises:
        MultidigitError: it failed.
    """
    script = str(Path(__file__).with_name("plate.py"))
    arguments = ["--minutes", f"{options.minutes}", "--seed", f"{options.seed}", "--batch", f"{options.batch}"]
    log = folder / "log"
    with log.open("wb") as file:
        # Isolated (-I): no module of this folder, and no PYTHONPATH, stands before the environment's own.
        done = subprocess.run([str(python), "-I", script, str(folder), *arguments], stdout=sys.stderr, stderr=file)
    if done.returncode:
        raise MultidigitError(f"fast-plate-ocr: failed ({last_line(log.read_text('utf-8', 'replace'))})")


def tesseract(options: argparse.Namespace) -> None:
    """Choose how to ask Tesseract, ask it, and store its row.

    Raises:
        MultidigitError: it is not installed.
    """
    program = shutil.which("tesseract")
    if program is None:
        how = "on Debian and Ubuntu with apt-get install tesseract-ocr, on macOS with brew install tesseract"
        raise MultidigitError(f"tesseract is not installed; install it {how}")
    tried = strips_of(options).fixed("validation", TRIED)
    found: dict[Asking, float] = {}
    with counting("choosing how to ask Tesseract", len(WAYS)) as step:
        for way in WAYS:
            found[way] = float(
                np.mean([text == true for text, true in zip(*ask(program, tried, way)[:2], strict=True)])
            )
            step()
    way = max(found, key=lambda way: found[way])
    strips = common.shared_test_strips(options.mnist, options.layout, options.seed, options.strips)
    texts, true, seconds = ask(program, strips, way)
    right = np.array([text == wanted for text, wanted in zip(texts, true, strict=True)])
    version = subprocess.run([program, "--version"], capture_output=True, text=True, errors="replace").stdout.split()
    settings = {
        "tesseract": {**way._asdict(), "validation_sequence_accuracy": found[way]},
        "strips_per_second": len(strips) / seconds,
    }
    made = row(
        options,
        "Tesseract",
        tested(strips.slots, slots_of(texts), right),
        settings,
        {"tesseract": version[1] if len(version) > 1 else None},
    )
    common.write_row(options.out, made)
    print(table([made]))
    asked = f"--psm {way.mode}, the ink {way.scale:g} times as large with a margin of {way.margin} pixels"
    print(f"Asked with {asked}: the best of {len(WAYS)} ways on {TRIED} validation strips, {found[way]:.0%} there.")
    print(f"It reads {len(strips) / seconds:,.0f} pictures a second on one core.")


def ask(program: str, strips: Strips, way: Asking) -> tuple[list[str], list[str], float]:
    """What Tesseract reads, what the strips say, and the seconds that reading took, start of the program included.

    Raises:
        MultidigitError: it failed.
    """
    with tempfile.TemporaryDirectory() as name:
        paths = [str(Path(name, f"{index:05d}.png")) for index in range(len(strips))]
        for path, image in zip(paths, strips.images, strict=True):
            shown(image, way).save(path)
        names = Path(name, "pictures.txt")
        names.write_text("".join(f"{path}\n" for path in paths), "utf-8")
        began = time.perf_counter()
        done = run_tesseract(program, names, way.mode)
        seconds = time.perf_counter() - began
    # A form feed parts the texts of two pictures; older versions put one after the last, too.
    texts = ["".join(text.split()) for text in done.stdout.split("\f")][: len(strips)]
    if done.returncode or len(texts) != len(strips):
        raise MultidigitError(f"tesseract: failed ({last_line(done.stderr)})")
    return texts, [slots_to_text(slots) for slots in strips.slots], seconds


def run_tesseract(program: str, source: Path, mode: int) -> subprocess.CompletedProcess[str]:
    """Read digits in a picture, or in each of those that a text file names a line."""
    command = [program, str(source), "stdout", "--dpi", "300", "--psm", f"{mode}"]
    command += ["-c", "tessedit_char_whitelist=0123456789"]
    # On pictures this small its threads would only wait for each other.
    alone = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    return subprocess.run(command, capture_output=True, text=True, errors="replace", env=alone)


def shown(image: NDArray[np.uint8], way: Asking) -> Image.Image:
    """A strip as Tesseract likes it: dark ink on white, cut to the ink, larger, with a margin."""
    bright = Image.fromarray(image)
    ink = ImageOps.invert(bright.crop(bright.getbbox()))
    size = (round(ink.width * way.scale), round(ink.height * way.scale))
    return ImageOps.expand(ink.resize(size, Image.Resampling.BICUBIC), way.margin, 255)


def slots_of(texts: Sequence[str]) -> NDArray[np.uint8]:
    """Slots of texts of any length: what is too long for them is cut off, which is wrong in any case."""
    slots = np.full((len(texts), DEFAULT_SLOTS), BLANK, np.uint8)
    for row, text in zip(slots, texts, strict=True):
        row[: len(text)] = [int(character) for character in text[:DEFAULT_SLOTS]]
    return slots


RIVALS = {"plate": plate, "tesseract": tesseract}


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("rivals", nargs="+", choices=list(RIVALS), metavar="RIVAL", help=" or ".join(RIVALS))
    parser.add_argument(
        "--layout", choices=get_args(Layout), default="structured", help="how digits stand in the strips"
    )
    parser.add_argument("--minutes", type=float, default=7, help="plate: length of the training")
    parser.add_argument("--batch", type=int, default=64, help="plate: strips in a step")
    parser.add_argument("--size", type=int, nargs=2, default=SIZE, metavar="N", help="plate: height and width it sees")
    parser.add_argument("--venv", type=Path, default=cache_folder() / "fast-plate-ocr", help="plate: its environment")
    parser.add_argument("--strips", type=int, default=500, metavar="N", help="tesseract: test strips to read")
    parser.add_argument("--seed", type=int, default=0, help="decides every random choice")
    common.mnist_option(parser)
    options = parser.parse_args()
    common.check_mnist(options.mnist)
    for name in options.rivals:
        RIVALS[name](options)


if __name__ == "__main__":
    common.run(main)
