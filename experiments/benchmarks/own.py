"""Training on pictures of one's own from the shipped reader: numbers read right before and after, by set and by count.

The pictures are looked for beside the checkout, see ``real.py``. Of each set a part is kept aside by a hash of the
pictures' content, and never trained with; where few pictures are asked for, those that validation has no use for are
tested, too. A training takes some minutes: ``--only`` takes cases by themselves, and ``--json`` adds to what is there.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import common
from real import CLUSTERED, PICTURES

from multidigit import Reader
from multidigit.cli.output import print_table
from multidigit.cli.progress import Trainings
from multidigit.data.labels import Labelled, read_labels
from multidigit.data.parts import fingerprint, parts
from multidigit.data.strips import load_own
from multidigit.digits import Split
from multidigit.files import write_json
from multidigit.runs import environment
from multidigit.settings import validate
from multidigit.statistics import wilson_interval
from multidigit.strips.labelled import LABELS
from multidigit.training import train
from multidigit.training.start import settings_from

FEW = 20


@dataclass(frozen=True)
class Case:
    """Sets of pictures that are trained on together.

    Attributes:
        count: of pictures for training and validation; all where ``None``.
        bar: the share of numbers that is to be read right.
    """

    sets: tuple[str, ...]
    count: int | None = None
    bar: float | None = None

    @property
    def name(self) -> str:
        return f"{'+'.join(self.sets)} {self.count or 'all'}"


CASES = (
    Case(("car",), None, 0.88),
    Case(("car",), 100, 0.78),
    Case(("lcd", "lcd-long"), None, 0.88),
    Case(("pcb",), 100, 0.95),
    Case(("parish",), None, 0.88),
    *(Case(sets, FEW) for sets in (("car",), ("lcd", "lcd-long"), ("meter",), ("parish",), ("pcb",))),
)


def divided(case: Case, seed: int) -> list[tuple[Labelled, Split]]:
    """The pictures of a case, each with what it is for."""
    chosen = [each for each in read_labels(PICTURES).pictures if each.path.parent.name in case.sets]
    group = r"_(\d+)\.\w+$" if set(case.sets) & CLUSTERED else None
    prints = [fingerprint(each.path) for each in chosen]
    which = parts(chosen, prints, group, seed)
    if case.count is None:
        return list(zip(chosen, which, strict=True))
    # The first by their content, whichever those are, of those for training; all others are tested.
    order = sorted(range(len(chosen)), key=lambda place: prints[place].digest)
    few = [place for place in order if which[place] == "train"][: case.count]
    tested = [place for place in order if which[place] != "train"]
    return [(chosen[place], "train") for place in few] + [(chosen[place], "test") for place in tested]


def write_table(folder: Path, case: Case, seed: int) -> Path:
    """The pictures of a case as a table that says what each is for, beside links to them."""
    for name in case.sets:
        (folder / name).symlink_to(PICTURES / name)
    with (folder / LABELS).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image_path", "text", "split"])
        for each, part in divided(case, seed):
            writer.writerow([each.path.relative_to(PICTURES), each.text, part])
    return folder / LABELS


def right(reader: Reader, wanted: Mapping[Path, str]) -> int:
    """How many pictures a reader reads right."""
    return sum(reader.read(str(path)).text == text for path, text in wanted.items())


def measured(case: Case, seed: int, changes: Mapping[str, Any]) -> dict[str, Any]:
    """A case trained and tested."""
    with tempfile.TemporaryDirectory(prefix="multidigit-own-") as made:
        folder = Path(made)
        table = write_table(folder, case, seed)
        given = {"data": {"path": str(table)}, "train": {"start": "shipped", **changes}, "seed": seed}
        settings = validate(settings_from(given))
        with Trainings() as shown, shown.show(case.name) as listen:
            run = train(settings, folder / "run", listen=listen)
        assert settings.data
        own = load_own(settings.data, settings.slots, settings.seed)
        texts = {each.path: each.text for each in read_labels(table).pictures}
        tested = {path: texts[path] for path in own.paths("test")}
        before, after = (right(reader, tested) for reader in (Reader("shipped"), Reader(run)))
        return {
            "pictures": {split: len(own.paths(split)) for split in ("train", "validation", "test")},
            "strips": run.metrics["training"]["strips"],
            "seconds": run.metrics["training"]["seconds"],
            "before": before / len(tested),
            "after": after / len(tested),
            "interval": list(wilson_interval(after, len(tested))),
            "bar": case.bar,
        }


def show(rows: Mapping[str, Mapping[str, Any]]) -> None:
    cells = []
    for name, row in rows.items():
        bar, missing = row["bar"], 1 - row["before"]
        lifted = f"{(row['after'] - row['before']) / missing:.0%}" if missing else "–"
        cells.append(
            [
                name,
                f"{row['pictures']['train']:,} + {row['pictures']['validation']:,}",
                f"{row['pictures']['test']:,}",
                f"{row['before']:.1%}",
                f"{row['after']:.1%}",
                "{:.1%} – {:.1%}".format(*row["interval"]),
                lifted,
                "–" if bar is None else f"{bar:.0%} {'met' if row['after'] >= bar else 'missed'}",
                f"{row['seconds'] / 60:.1f}",
            ]
        )
    heads = [
        "case",
        "trained on",
        "tested",
        "before",
        "after",
        "95 % interval",
        "of what was missing",
        "bar",
        "minutes",
    ]
    print_table(heads, cells, words=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", metavar="CASE", help=f"of {', '.join(case.name for case in CASES)}")
    parser.add_argument("--seed", type=int, default=0, help="turns the parts")
    parser.add_argument("--epochs", type=int, help="of 2,000 strips each")
    parser.add_argument("--json", type=Path, metavar="FILE", help="add all figures there")
    options = parser.parse_args()
    chosen: Sequence[Case] = [case for case in CASES if not options.only or case.name in options.only]
    found: dict[str, Any] = {"rows": {}}
    if options.json and options.json.exists():
        found = json.loads(options.json.read_text())
    for case in chosen:
        name = case.name if options.seed == 0 else f"{case.name}, seed {options.seed}"
        found["rows"][name] = measured(case, options.seed, {"epochs": options.epochs} if options.epochs else {})
        if options.json:
            write_json(options.json, {"environment": environment(), "rows": found["rows"]})
        show({name: found["rows"][name]})
    show(found["rows"])


if __name__ == "__main__":
    common.run(main)
