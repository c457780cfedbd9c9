"""What is fuzzed: for each parser a function that takes any bytes as its file.

It returns where the bytes were read, or refused by a ``MultidigitError`` of one line. Whatever else escapes, a failed
check included, is a fault of the program. Where a parser has several kinds of files, the first byte chooses the kind.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from attempts import attempt
from fuzz.files import folder, home, idx, npy, with_checksums, written, zipped

from multidigit import runs
from multidigit.data.labels import PATHS, TEXTS, read_labels
from multidigit.digits.mnist import IDX_NAMES, KEYS, Mnist
from multidigit.experiments import description, read_experiment
from multidigit.labelling.answers import FILE, Answers
from multidigit.pictures import load_picture, loading
from multidigit.pictures.fitting import fit_whole
from multidigit.reading import pattern
from multidigit.reading.calibration import read_calibration
from multidigit.settings import Settings, list_settings, overlay, parse_assignments, read_yaml, validate
from multidigit.training.checkpoints import Checkpoints

MOST_RUNS = 20
"""Runs of an experiment."""


def lower_limits() -> None:
    """Lower limits of the program, so that no input takes long."""
    loading.MAX_PIXELS, pattern._WORK = 100_000, 20_000


def fuzz_picture(data: bytes) -> None:
    """A picture file. PNG's checksums are put right, since hardly any damage would get past them."""
    levels = attempt(lambda: load_picture(with_checksums(data)))
    if levels is not None:
        assert levels.dtype == np.uint8
        assert levels.ndim == 2
        assert min(levels.shape) >= loading.MIN_SIDE
        assert fit_whole(levels, 5).shape == (28, 140)


def fuzz_settings(data: bytes) -> None:
    """A settings file, or, where it begins with ``--set``, an assignment."""
    if data.startswith(b"--set "):
        text = data[6:].decode(errors="replace")
        given = attempt(lambda: parse_assignments([text, "train.epochs=3"]))
    else:
        path = written(folder("settings") / "settings.yaml", data)
        given = attempt(lambda: overlay({}, read_yaml(path)[0]))
    settings = None if given is None else attempt(lambda: validate(given))
    if settings is not None:
        assert validate(settings.model_dump(mode="json")) == settings


def fuzz_experiment(data: bytes) -> None:
    """An experiment's description."""
    path = written(folder("experiment") / "experiment.yaml", data)
    found = attempt(lambda: read_experiment(path, most=MOST_RUNS))
    if found is not None:
        assert 0 < len(found.plan) <= MOST_RUNS
        assert len({planned.name for planned in found.plan}) == len(found.plan)
        assert all(planned.name.isprintable() and not set(planned.name) & set("/\\") for planned in found.plan)


def fuzz_labels(data: bytes) -> None:
    """A table of labels, as CSV, lines of JSON or COCO's JSON, or a text file of YOLO's format."""
    kind, rest = data[:1], data[1:]
    if kind in (b"c", b"j", b"o"):
        name = {b"c": "labels.csv", b"j": "labels.jsonl", b"o": "coco.json"}[kind]
        path = written(folder("labels") / name, rest)
    else:
        path = yolo_folder()
        names = {b"n": "classes.txt", b"y": "data.yaml"}
        for name in names.values():
            (path / name).unlink(missing_ok=True)
        written(path / names.get(kind, "labels/1.txt"), rest)
    found = attempt(lambda: read_labels(path))
    if found is not None:
        assert all(re.fullmatch("[0-9]{0,12}", each.text) for each in found.pictures)


@cache
def yolo_folder() -> Path:
    path = folder("yolo")
    for name, content in (("images/1.png", b""), ("labels/1.txt", b"7 0.5 0.5 0.1 0.2\n3 0.2 0.5 0.1 0.2\n")):
        (path / name).parent.mkdir(exist_ok=True)
        written(path / name, content)
    return path


def fuzz_digits(data: bytes) -> None:
    """MNIST's files: an archive, one array in it, or an IDX file."""
    kind, rest = data[:1], data[1:]
    if kind in (b"i", b"l", b"g"):
        path = idx_folder()
        name = IDX_NAMES[1 if kind == b"l" else 0]
        (path / f"{name}.gz").unlink(missing_ok=True)
        written(path / IDX_NAMES[0], idx((12, 28, 28)))
        written(path / IDX_NAMES[1], idx((12,)))
        (path / name).unlink()
        written(path / (f"{name}.gz" if kind == b"g" else name), rest)
    elif kind in (b"0", b"1", b"2", b"3"):
        arrays = {key: npy(np.zeros((12, 28, 28) if "x" in key else 12, np.uint8)) for key in KEYS}
        path = written(folder("digits") / "digits.npz", zipped(arrays | {KEYS[int(kind)]: rest}))
    else:
        path = written(folder("digits") / "digits.npz", rest)
    for split in ("train", "validation", "test"):
        attempt(lambda split=split: Mnist(path).load(split, 0))


@cache
def idx_folder() -> Path:
    path = folder("idx")
    for name in IDX_NAMES:
        written(path / name, idx((12, 28, 28) if "images" in name else (12,)))
    return path


def fuzz_pattern(data: bytes) -> None:
    """A regular expression; of numbers of up to four digits the same are allowed as by ``re``."""
    text = data.decode(errors="replace")
    found = attempt(lambda: pattern.Pattern(text, 4))
    # Python's own engine can take for ever where there are many repetitions.
    if found is None or sum(map(text.count, "*+?{")) > 3 or re.search(r"\{[^}]*[0-9]{2}", text):
        return
    expression = re.compile(text, re.ASCII)
    for number in ("1", "7", "10", "19", "20", "117", "202", "999", "0123", "1999", "2024"):
        allowed = attempt(lambda number=number: allows(found, number))
        assert allowed in (None, expression.fullmatch(number) is not None), (text, number)


def allows(states: pattern.Pattern, number: str) -> bool:
    """Whether the states of a pattern lead through a number."""
    state = states.start
    for place, digit in enumerate(number):
        state = states.step(state, int(digit), place == 0)
    return states.ends(state)


def fuzz_run(data: bytes) -> None:
    """A part of a run folder that was changed, with the digest that it should have; or what stands beside it."""
    parts = {
        b"e": runs.ENVIRONMENT,
        b"s": runs.SETTINGS,
        b"m": runs.METRICS,
        b"h": runs.HISTORY,
        b"c": runs.CALIBRATION,
        b"a": runs.ANSWERS,
    }
    kind, rest, path = data[:1], data[1:], run_folder()
    if kind == b"r":
        written(path.parent / runs.RESULTS, rest)
        attempt(lambda: runs.pick_run("latest", path.parent.parent))
        return
    with changed_run(parts.get(kind, runs.SETTINGS), rest) as run:
        if run is None:
            return
        assert all(text.isprintable() for text in (run.name, run.kind, run.described, run.layout, run.created))
        assert 1 <= run.slots <= 12
        for part in ("settings", "metrics", "history", "answers"):
            attempt(lambda part=part: getattr(run, part))
        attempt(lambda: read_calibration(run))


@contextmanager
def changed_run(part: str, content: bytes) -> Iterator[runs.Run | None]:
    """A run whose part holds something else, if it can be opened; it is put right at the end of the block."""
    path = run_folder()
    written(path / part, content)
    if part != runs.ENVIRONMENT:
        digests = DIGESTS | {part: hashlib.sha256(content).hexdigest()}
        written(path / runs.ENVIRONMENT, json.dumps({**ENVIRONMENT, "parts": digests}).encode())
    yield attempt(lambda: runs.open_run(path))
    for each in (part, runs.ENVIRONMENT):
        written(path / each, PARTS[each])


ROW = np.full((2, 5), 10, np.uint8)
ANSWERS = {"slots": npy(ROW), "answers": npy(ROW), "confidence": npy(np.ones(2, np.float32))}
ENVIRONMENT = {
    "format": runs.FORMAT,
    "created": "2026-01-01T00:00:00.000+00:00",
    "about": {"strategy": "heads", "backbone": "compact", "layout": "free", "digits": "drawn", "slots": 5},
    "multidigit": "1.0.0",
}
PARTS = {
    runs.LITERT_MODEL: b"network",
    runs.SETTINGS: b"strategy: heads\nlayout: free\n",
    runs.METRICS: b'{"training": {"seconds": 1}, "test": {"sequence_accuracy": 0.5}}',
    runs.HISTORY: b"epoch,loss\n1,0.5\n",
    runs.CALIBRATION: json.dumps(
        {runs.LITERT_MODEL: {"temperature": 1.5, "strips": 2, "error_before": 0.1, "error_after": 0.1, "points": []}}
    ).encode(),
    runs.ANSWERS: zipped(ANSWERS),
}
DIGESTS = {name: hashlib.sha256(content).hexdigest() for name, content in PARTS.items()}
PARTS[runs.ENVIRONMENT] = json.dumps({**ENVIRONMENT, "parts": DIGESTS}).encode()


@cache
def run_folder() -> Path:
    path = folder("runs") / "comparison" / "run"
    path.mkdir(parents=True)
    for name, content in PARTS.items():
        written(path / name, content)
    return path


def fuzz_answers(data: bytes) -> None:
    """The answers for a run's test strips, one array of them; or answers given in labelling."""
    kind, rest = data[:1], data[1:]
    if kind == b"l":
        written(folder("labelling") / FILE, rest)
        given = attempt(lambda: Answers(folder("labelling")))
        if given is not None:
            os.close(given._file)
        return
    names = {b"s": "slots", b"a": "answers", b"c": "confidence"}
    archive = zipped(ANSWERS | {names[kind]: rest}) if kind in names else rest
    with changed_run(runs.ANSWERS, archive) as run:
        answers = attempt(lambda: run.answers) if run else None
    if answers is not None:
        assert answers["slots"].shape == answers["answers"].shape
        assert answers["slots"].dtype == answers["answers"].dtype == np.uint8
        assert answers["confidence"].shape == answers["slots"].shape[:1]
        assert answers["confidence"].dtype.kind == "f"


def fuzz_checkpoint(data: bytes) -> None:
    """A checkpoint: an archive, or one array or the text in it."""
    kind, rest = data[:1], data[1:]
    members = {"about": npy(json.dumps(ABOUT)), "variable0": npy(np.ones(3)), "best0": npy(np.ones(3))}
    if kind in (b"a", b"v", b"b"):
        archive = zipped(members | {{b"a": "about", b"v": "variable0", b"b": "best0"}[kind]: rest})
    elif kind == b"t":
        archive = zipped(members | {"about": npy(rest.decode(errors="replace").rstrip("\0"))})
    else:
        archive = rest
    written(folder("checkpoint/.run.training") / "000000000001.npz", archive)
    attempt(checkpoints().newest)


@cache
def checkpoints() -> Checkpoints:
    return Checkpoints(Path(home().name, "checkpoint", "run"), Settings())


ABOUT = {"settings": "", "state": {"step": 1, "seconds": 1, "timed_strips": 1, "best_epoch": 0}, "history": []}


@dataclass(frozen=True)
class Target:
    """A parser to fuzz.

    Attributes:
        fuzz: takes any bytes as the parser's file.
        words: what the file may hold; the fuzzer puts them in, since it would hardly find them by chance.
    """

    fuzz: Callable[[bytes], None]
    words: Sequence[str] = ()


_KEYS = [part for each in list_settings() for part in (each.key, f"{each.key.rpartition('.')[2]}: ")]
_JSON = ['{"', '": ', "[", "null", "true", "1e9", "NaN", "-1"]
_NPY = [
    "\x93NUMPY\x01\x00",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 5), }",
    "'<f4'",
    "'|i1'",
    "'|O'",
    "PK\x03\x04",
]
_PICTURE = ["IHDR", "IDAT", "PLTE", "tRNS", "acTL", "fcTL", "eXIf", "iTXt", "VP8X", "ANIM", "II*\x00", "Exif\x00\x00"]
TARGETS: Mapping[str, Target] = {
    "picture": Target(fuzz_picture, _PICTURE),
    "settings": Target(fuzz_settings, [*_KEYS, "[1, 2]", "!!", "&a ", "*a", "<<: "]),
    "experiment": Target(fuzz_experiment, [f"{key}:" for key in description.KEYS] + [*_KEYS, "0..3 step 1"]),
    "labels": Target(
        fuzz_labels,
        [*PATHS, *TEXTS, "split", *_JSON, "images", "annotations", "categories", "bbox", "category_id", "names: "],
    ),
    "run": Target(fuzz_run, [*_JSON, *ENVIRONMENT, *runs.ABOUT, "parts", "winner", *PARTS, "../"]),
    "digits": Target(fuzz_digits, _NPY),
    "pattern": Target(
        fuzz_pattern,
        [
            "(?:",
            "(?=",
            "(?!",
            "(?<=",
            "(?>",
            "(?P<a>",
            "(?P=a)",
            "(?(1)",
            "(?i:",
            "[^",
            "\\d",
            "\\b",
            "{1,2}",
            "|",
            "*?",
        ],
    ),
    "checkpoint": Target(fuzz_checkpoint, [*_NPY, *_JSON, "settings", "state", "history"]),
    "answers": Target(fuzz_answers, [*_NPY, *_JSON, "image_path", "unreadable"]),
}
