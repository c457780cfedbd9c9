"""A reader on real pictures: numbers right, calibration and coverage by set, and sheets of what was read wrongly.

The pictures are looked for beside the checkout and never trained with: a labels.csv of image_path,text, of which the
first folder of each path is the set, and a folder named field, of single pictures that were read wrongly once. Where
asked for, Tesseract and RapidOCR read the same pictures, if they are installed: the whole picture as one line of text.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import common
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps
from reader import AT_LEAST, SURE
from rivals import run_tesseract

from multidigit import Reader
from multidigit.cli.output import print_table
from multidigit.cli.progress import counting, note
from multidigit.data.labels import read_labels
from multidigit.errors import DataError, PictureError
from multidigit.files import write_json
from multidigit.machine import processors
from multidigit.metrics import TARGET, coverage_at_accuracy
from multidigit.pictures.workers import useful_workers
from multidigit.report.tables import format_share
from multidigit.runs import environment
from multidigit.strips.labelled import LABELS

PICTURES = Path(__file__).parents[3] / "shared" / "data" / "real"
BARS = {"pcb": 0.88, "lcd": 0.75, "lcd-long": 0.75, "meter": 0.88, "car": 0.70, "car-long": 0.60, "parish": 0.65}
"""Numbers right that the shipped reader must reach on each set."""
FIELD_BAR, FIELD_SURE = 36, 0.9
"""Numbers of the field's single pictures that must be read right, and the most confidence of a wrong answer there."""
CLUSTERED = {"pcb"}
"""Sets of several photographs of the same thing: its label tells which they are."""
DRAWS = 10_000
LINE = 7
"""Tesseract's page segmentation mode for a single line of text."""
ON_SHEET, COLUMNS, TILE = 60, 6, (200, 110)
"""Pictures on a sheet at the most, how many stand side by side, and the room that each has."""
CAPTION, GAP = 18, 6


@dataclass(frozen=True)
class Answer:
    """What was read in a picture: no text and no confidence where it could not be read at all.

    Attributes:
        wanted: what it may be read as; an empty text where it holds no number.
        given: whether it is a number that the reader vouches for with ``AT_LEAST``.
    """

    path: Path
    wanted: tuple[str, ...]
    text: str
    confidence: float
    given: bool

    @property
    def right(self) -> bool:
        # Unsure is as good as silent where there is nothing to be read.
        return self.text in self.wanted or (self.wanted == ("",) and self.confidence < SURE)


def read_field(folder: Path) -> list[tuple[Path, tuple[str, ...]]]:
    """Pictures of that folder, and what each may be read as."""
    with (folder / LABELS).open(newline="", encoding="utf-8") as file:
        return [(folder / row["image_path"], tuple(row["text"].split("|"))) for row in csv.DictReader(file)]


def vouching(run: str) -> Reader:
    """The reader that withholds what it does not vouch for with ``AT_LEAST``; its threshold is 0 where it never does.

    Short trainings, which cannot, are measured all the same.
    """
    reader = Reader(run)
    if reader.calibration.threshold(AT_LEAST) is None:
        return reader
    return Reader(reader.run, at_least=AT_LEAST)


def answered(reader: Reader, pictures: Sequence[tuple[Path, tuple[str, ...]]]) -> list[Answer]:
    found, wanted = [], dict(pictures)
    with counting("reading", len(pictures)) as step:
        for name, reading in reader.read_all(map(str, wanted), useful_workers(len(pictures))):
            path = Path(name)
            if isinstance(reading, PictureError):
                found.append(Answer(path, wanted[path], "", 0.0, False))
            else:
                given = reader.threshold > 0 and bool(reading.text) and not reading.withheld
                found.append(Answer(path, wanted[path], reading.text, reading.confidence, given))
            step()
    return found


def clustered_interval(right: NDArray[np.bool_], things: Sequence[str]) -> list[float]:
    """The 95 % interval of the share that is right, by the bootstrap over things, not over pictures of them."""
    _, index = np.unique(things, return_inverse=True)
    pictures, hits = np.bincount(index), np.bincount(index, weights=right)
    drawn = np.random.default_rng(0).integers(0, len(pictures), (DRAWS, len(pictures)))
    return [float(edge) for edge in np.quantile(hits[drawn].sum(1) / pictures[drawn].sum(1), (0.025, 0.975))]


def measured(name: str, answers: Sequence[Answer]) -> dict[str, Any]:
    """How a set was read."""
    right = np.array([answer.right for answer in answers])
    sure = np.array([answer.confidence for answer in answers])
    measures = common.readings_measured(sure, right)
    if name in CLUSTERED:
        measures["interval"] = clustered_interval(right, [answer.wanted[0] for answer in answers])
    return {**measures, "coverage_98": coverage_at_accuracy(sure, right, TARGET).coverage, "bar": BARS.get(name)}


def pooled(reader: Reader, answers: Sequence[Answer]) -> dict[str, Any]:
    """What the reader answers with ``AT_LEAST``, and how much of that is right."""
    right = [answer.right for answer in answers if answer.given]
    return {
        "at_least": AT_LEAST,
        "threshold": reader.threshold or None,
        "answered": len(right) / len(answers),
        "accuracy_of_answered": float(np.mean(right)) if right else None,
    }


def field_measured(answers: Sequence[Answer]) -> dict[str, Any]:
    numbers = [answer for answer in answers if answer.wanted != ("",)]
    wrong = most_confident_first(answer for answer in answers if not answer.right)
    return {
        "numbers": len(numbers),
        "right": sum(answer.right for answer in numbers),
        "greatest_confidence_of_wrong": wrong[0].confidence if wrong else None,
        "wrong": [
            {"picture": one.path.name, "text": "|".join(one.wanted), "read": one.text, "confidence": one.confidence}
            for one in wrong
        ],
    }


def most_confident_first(answers: Iterable[Answer]) -> list[Answer]:
    return sorted(answers, key=lambda answer: -answer.confidence)


def rivals() -> dict[str, Callable[[Path], str]]:
    """What else is installed that reads a picture's text; a line says what is not."""
    found: dict[str, Callable[[Path], str]] = {}
    if program := shutil.which("tesseract"):
        found["Tesseract"] = lambda path: run_tesseract(program, path, LINE).stdout
    name = next((name for name in ("rapidocr", "rapidocr_onnxruntime") if find_spec(name)), None)
    if name:
        engine = import_module(name).RapidOCR()

        def rapid(path: Path) -> str:
            made = engine(str(path), use_det=False, use_cls=False, use_rec=True)
            # Newer releases give an object, older ones a pair of [text, score] lists and of times.
            texts = made.txts if hasattr(made, "txts") else [line[0] for line in made[0] or ()]
            return "".join(texts or ())

        found["RapidOCR"] = rapid
    for rival in {"Tesseract", "RapidOCR"} - set(found):
        note(f"{rival} is not installed, and left out")
    return found


def share_right(name: str, read: Callable[[Path], str], answers: Sequence[Answer]) -> float:
    """The share of numbers that a rival reads right: what it reads beside digits does not count."""
    right = 0
    with counting(name, len(answers)) as step, ThreadPoolExecutor(processors()) as pool:
        for text, answer in zip(pool.map(read, [answer.path for answer in answers]), answers, strict=True):
            right += "".join(sign for sign in text if sign in "0123456789") in answer.wanted
            step()
    return right / len(answers)


def tile(answer: Answer) -> Image.Image:
    """A picture in its room, and below it what it shows, what was read, and how surely."""
    wide, high = TILE
    made = Image.new("RGB", (wide, high + CAPTION), "white")
    try:
        with Image.open(answer.path) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
        scale = min(wide / picture.width, high / picture.height)
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        made.paste(picture.resize(size), (0, high - size[1]))
    except OSError:
        pass  # No picture: then the words below say enough.
    caption = f"{'|'.join(answer.wanted) or 'none'} read {answer.text or 'none'}, {answer.confidence:.3f}"
    ImageDraw.Draw(made).text((0, high + 2), caption, "black", ImageFont.load_default(13))
    return made


def write_sheet(path: Path, answers: Sequence[Answer]) -> None:
    """One PNG of the answers."""
    wide, high = TILE[0] + GAP, TILE[1] + CAPTION + GAP
    columns = min(COLUMNS, len(answers))
    sheet = Image.new("RGB", (columns * wide + GAP, -(-len(answers) // columns) * high + GAP), "white")
    for index, answer in enumerate(answers):
        sheet.paste(tile(answer), (GAP + index % columns * wide, GAP + index // columns * high))
    sheet.save(path)


def write_sheets(folder: Path, sets: Mapping[str, Sequence[Answer]]) -> None:
    """A sheet of what was read wrongly in each set, the most confident first, and a table of all answers."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "answers.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["set", "picture", "text", "read", "confidence", "answered"])
        for name, answers in sets.items():
            for one in answers:
                row = [name, one.path.name, "|".join(one.wanted), one.text, f"{one.confidence:.6f}", int(one.given)]
                writer.writerow(row)
            if wrong := most_confident_first(answer for answer in answers if not answer.right):
                write_sheet(folder / f"{name}.png", wrong[:ON_SHEET])


def show(results: Mapping[str, Any]) -> None:
    others = list(next(iter(results["sets"].values()))["rivals"])
    heads = [
        "set",
        "pictures",
        "numbers right",
        "95 % interval",
        "bar",
        "calibration error",
        "by chance",
        "coverage at 98 %",
    ]
    cells = []
    for name, row in results["sets"].items():
        bar, share = row["bar"], row["sequence_accuracy"]
        verdict = "–" if bar is None else f"{bar:.0%} {'met' if share >= bar else 'missed'}"
        interval = "{:.1%} – {:.1%}".format(*row["interval"])
        keys = ("expected_calibration_error", "calibration_error_by_chance", "coverage_98")
        measures = [f"{row[key]:.1%}" for key in keys]
        beside = [f"{row['rivals'][other]:.1%}" for other in others]
        cells.append([name, f"{row['pictures']:,}", f"{share:.1%}", interval, verdict, *measures, *beside])
    print_table([*heads, *others], cells, words=1)
    whole = results["pooled"]
    if whole["threshold"] is None:
        print(f"It cannot promise --at-least {whole['at_least']}.")
    else:
        print(
            f"With --at-least {whole['at_least']} (confidence from {whole['threshold']:.4f} on) "
            f"{whole['answered']:.1%} of all are answered, and {format_share(whole['accuracy_of_answered'], 1)} of "
            "these are right."
        )
    if field := results.get("field"):
        print(
            f"\nfield: {field['right']} of the {field['numbers']} that hold a number are read right (bar {FIELD_BAR})."
        )
        if field["wrong"]:
            sure = field["greatest_confidence_of_wrong"]
            print(f"The greatest confidence of a wrong answer is {sure:.3f} (bar {FIELD_SURE}). Wrong are:")
            print_table(
                ["picture", "text", "read", "confidence"],
                [
                    [one["picture"], one["text"] or "none", one["read"] or "none", f"{one['confidence']:.3f}"]
                    for one in field["wrong"]
                ],
                words=3,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=PICTURES, help=f"of pictures, with {LABELS}")
    parser.add_argument("--field", type=Path, help="folder of single pictures [default: field beside that folder]")
    parser.add_argument("--run", default="shipped", help="a run's name or folder, or shipped")
    parser.add_argument("--rivals", action="store_true", help="ask Tesseract and RapidOCR, too, which takes long")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument(
        "--sheet", type=Path, metavar="FOLDER", help="for sheets and answers [default: a temporary one]"
    )
    options = parser.parse_args()
    if not options.folder.is_dir():
        raise DataError(f"{options.folder}: no such folder; name one of pictures with {LABELS}")
    labelled = read_labels(options.folder).pictures
    reader = vouching(options.run)
    answers = answered(reader, [(each.path, (each.text,)) for each in labelled])
    sets: dict[str, list[Answer]] = {}
    for answer in answers:
        parts = answer.path.relative_to(options.folder).parts
        sets.setdefault(parts[0] if len(parts) > 1 else options.folder.name, []).append(answer)
    results: dict[str, Any] = {
        "environment": environment(),
        "run": options.run,
        "precision": reader.precision,
        "sets": {name: measured(name, part) for name, part in sets.items()},
        "pooled": pooled(reader, answers),
    }
    others = rivals() if options.rivals else {}
    for name, part in sets.items():
        shares = {rival: share_right(f"{rival}, {name}", read, part) for rival, read in others.items()}
        results["sets"][name]["rivals"] = shares
    field = options.field or options.folder.parent / "field"
    if (field / LABELS).is_file():
        sets["field"] = answered(reader, read_field(field))
        results["field"] = field_measured(sets["field"])
    show(results)
    folder = options.sheet or Path(tempfile.mkdtemp(prefix="multidigit-real-"))
    write_sheets(folder, sets)
    print(f"Sheets of what was read wrongly, and {folder / 'answers.csv'} with all answers, are in {folder}")
    if options.json:
        write_json(options.json, results)


if __name__ == "__main__":
    common.run(main)
