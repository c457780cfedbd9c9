"""Strips in a second, in training and in reading as floats and in 8 bits; memory; what 8 bits cost in accuracy.

A machine is never quite idle. So the networks take turns, round after round, and ratios are taken within a round.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import common
from accuracy import asked_for, contender

from multidigit.cli.progress import note
from multidigit.report.tables import markdown_table
from multidigit.runs import LITERT_MODEL, Run, open_run
from multidigit.settings import Settings, overlay, validate
from multidigit.strips.stream import StripStream

NETWORKS = (("heads", "compact"), ("sigmoid", "compact"), ("cut", "compact"), ("heads", "baseline"))
COMPARED = ("heads", "baseline heads")
"""The two networks whose ratio is printed."""
THREADS = 2
READ_STRIPS = 5_000
LEARN_STRIPS = {"compact": 6_400, "baseline": 2_560}
"""Strips of a training round, by backbone: some seconds of work on two cores."""
MEMORY_STRIPS = 640
"""Strips that memory is measured with."""
SKIPPED = 0.1
"""Share of a round's training that is not timed: caches and threads are getting warm."""
Rounds = dict[str, list[float]]


def settings_of(strategy: str, backbone: str, mnist: Path) -> Settings:
    """A short training that looks at validation strips only when all is over."""
    data = {
        "digits": str(mnist),
        "layout": "structured",
        "train": {"epochs": 1, "strips": LEARN_STRIPS[backbone]},
        "evaluation": {"validation_strips": 100, "test_strips": 100},
    }
    return validate(overlay(data, asked_for(strategy, backbone)))


def training_rate(settings: Settings, out: Path) -> float:
    """Strips a second of one training, by its own clock; looking at validation strips is not counted."""
    from multidigit.training import Progress, train

    looks: list[tuple[float, int]] = []

    def listen(progress: Progress) -> None:
        if progress.epoch is None:
            looks.append((progress.seconds, progress.strips))

    train(settings, out, listen=listen)
    timed = looks[round(SKIPPED * len(looks)) :]
    return (timed[-1][1] - timed[0][1]) / (timed[-1][0] - timed[0][0])


def training_rates(networks: Mapping[str, Settings], rounds: int, folder: Path) -> Rounds:
    """Rates of every round, network by network; the last run of each stays in the folder under its name."""
    rates: Rounds = {name: [] for name in networks}
    for number in range(rounds):
        for name, settings in networks.items():
            last = number == rounds - 1
            out = folder / (name.replace(" ", "-") if last else f"{name}-{number}")
            rates[name].append(training_rate(settings, out))
            note(f"training, round {number + 1} of {rounds}: {name} {rates[name][-1]:,.0f} strips/s")
    return rates


def reading_rates(files: Mapping[str, Path], strips: Any, rounds: int) -> Rounds:
    """Strips a second of every round, model by model, in the batches that a reader takes."""
    from multidigit.reading.inference import BATCH, Model

    models = {name: Model(path, THREADS) for name, path in files.items()}
    rates: Rounds = {name: [] for name in models}
    for model in models.values():
        # What is set up by the first batches, and the smaller last one, is not reading.
        model.probabilities(strips[: 2 * BATCH + len(strips) % BATCH])
    for number in range(rounds):
        for name, model in models.items():
            began = time.perf_counter()
            model.probabilities(strips)
            rates[name].append(len(strips) / (time.perf_counter() - began))
        note(f"reading, round {number + 1} of {rounds}")
    return rates


def memory_of_training(settings: Settings) -> int | None:
    """Peak of a process that trains and does nothing else; it is reached within a few batches."""
    note(f"memory of training: {settings.strategy} on {settings.backbone.name}")
    settings = validate(overlay(settings.model_dump(), {"train": {"strips": MEMORY_STRIPS}}))
    with tempfile.TemporaryDirectory() as name:
        training_rate(settings, Path(name) / "run")
        return common.peak_memory()


def memory_of_reading(path: Path, strips: Any) -> int | None:
    """Peak of a process that reads and does nothing else."""
    from multidigit.reading.inference import Model

    Model(path, THREADS).probabilities(strips)
    return common.peak_memory()


def exported(run: Run, folder: Path) -> dict[str, Any]:
    """The run in 8 bits: what ``export_run`` tells, the file among it."""
    note(f"exporting {run.name} in 8 bits")
    from multidigit.export import export_run

    return export_run(run, "int8", folder / f"{run.name}.tflite")


def before_and_after(mnist: Path, minutes: float, folder: Path) -> dict[str, Any]:
    """What 8 bits cost: heads trained in earnest, exported, and the test strips read with both."""
    data = {"digits": str(mnist), "layout": "structured", "train": {"minutes": minutes}}
    run = common.trained(validate({**data, "evaluation": {"test_strips": READ_STRIPS}}), folder / "heads-in-earnest")
    return {**exported(run, folder), "file": None}


def summary(rates: Sequence[float]) -> dict[str, Any]:
    return {"median": median(rates), "best": max(rates), "rounds": list(rates)}


def ratio(rates: Rounds, over: str, under: str) -> float:
    """How many times as fast the one is as the other: the median over rounds of the ratio within a round."""
    return median(a / b for a, b in zip(rates[over], rates[under], strict=True))


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of training and of reading")
    parser.add_argument("--minutes", type=float, default=1, help="training of the network that 8 bits are tried on")
    common.mnist_option(parser)
    options = parser.parse_args()
    common.check_mnist(options.mnist)
    networks = {
        contender(asked_for(strategy, backbone)): settings_of(strategy, backbone, options.mnist)
        for strategy, backbone in NETWORKS
    }
    strips = StripStream(networks["heads"]).fixed("test", READ_STRIPS).images
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trained = common.alone(training_rates, networks, options.rounds, folder)
        files: dict[str, Path] = {}
        for network in networks:
            run = open_run(folder / network.replace(" ", "-"))
            files[network] = run.part(LITERT_MODEL)
            files[f"{network}, int8"] = Path(common.alone(exported, run, folder)["file"])
        read = common.alone(reading_rates, files, strips, options.rounds)
        results = {
            "threads": THREADS,
            "training": {
                network: {**summary(trained[network]), "peak_memory": common.alone(memory_of_training, settings)}
                for network, settings in networks.items()
            },
            "reading": {
                network: {
                    **summary(read[network]),
                    "peak_memory": common.alone(memory_of_reading, file, strips[:MEMORY_STRIPS]),
                    "bytes": file.stat().st_size,
                }
                for network, file in files.items()
            },
            "ratios": {"training": ratio(trained, *COMPARED), "reading": ratio(read, *COMPARED)},
            "int8": common.alone(before_and_after, options.mnist, options.minutes, folder),
        }
    common.write(options.out, "speed", results, tables(results))


def tables(results: Mapping[str, Any]) -> str:
    """The results as a Markdown table and a few sentences."""
    cells = [
        [
            what,
            network,
            f"{row['median']:,.0f}/s",
            f"{row['best']:,.0f}/s",
            common.megabytes(row["peak_memory"]),
            f"{row['bytes'] / 1000:,.0f} kB" if "bytes" in row else "–",
        ]
        for what in ("training", "reading")
        for network, row in results[what].items()
    ]
    text = markdown_table(["", "network", "strips, median", "strips, best", "peak memory", "file"], cells)
    for what, times in results["ratios"].items():
        text += f"\n{what.capitalize()}, {COMPARED[0]} is {times:.2f} times as fast as {COMPARED[1]}.\n"
    int8 = results["int8"]
    return text + (
        f"\nIn 8 bits, heads reads {int8['sequence_accuracy']:.2%} of {int8['strips']:,} test numbers, "
        f"{int8['before']:.2%} before; {int8['changed']} are answered otherwise than before.\n"
    )


if __name__ == "__main__":
    common.run(main)
