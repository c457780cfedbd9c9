"""Figures in the documents: each is computed again from the row, or read from the cell, that it comes from."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from itertools import product
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "experiments" / "results"
BENCHMARKS = ROOT / "experiments" / "benchmarks" / "results"
EXPERIMENTS = ("thread", "thread-adam", "default", "compare", "crossover", "ctc", "mnist", "structured", "free", "uci")


@cache
def rows(experiment: str, file: str = "results") -> list[dict[str, str]]:
    """Finished runs of results.csv, or of another table there."""
    with (RESULTS / experiment / f"{file}.csv").open(newline="", encoding="utf-8") as lines:
        return [row for row in csv.DictReader(lines) if row["status"] == "finished"]


def values(experiment: str, name: str, column: str = "test.sequence_accuracy") -> list[float]:
    """A column of results.csv, for all seeds of the runs of that name."""
    found = [float(row[column]) for row in rows(experiment) if row["run"] == f"{name}-seed{row['seed']}"]
    assert found, f"{experiment}: no run {name}"
    return found


def right(experiment: str, name: str) -> str:
    """Numbers right, mean over seeds."""
    return f"{mean(values(experiment, name)):.2%}"


def on_both_layouts(experiment: str) -> dict[tuple[str, str], str]:
    """Numbers right, by strategy and layout."""
    return {
        (name, layout): right(experiment, f"{name}-{layout}")
        for name in ("heads", "sigmoid", "cut")
        for layout in ("structured", "free")
    }


def share_of_error(name: str, share: str, experiment: str) -> str:
    """A share of the error breakdown in points, mean over seeds."""
    return f"{100 * mean(values(experiment, name, f'error_breakdown.shares.{share}')):.2f}"


def error(name: str, experiment: str) -> str:
    """All of the error that was broken down, in points."""
    return f"{100 * (1 - mean(values(experiment, name, 'error_breakdown.guessed'))):.2f}"


def tables(path: Path) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """The tables of a Markdown file: the heading above, the header, the rows."""
    heading, table = "", []
    for line in [*path.read_text("utf-8").splitlines(), ""]:
        if line.startswith("|"):
            table.append([cell.strip() for cell in line.strip("|").split("|")])
        elif table:
            yield heading, table[0], table[2:]
            table = []
        if line.startswith("#"):
            heading = line.lstrip("# ")


def cell(experiment: str, heading: str, column: str, *first: str) -> str:
    """A cell of a report: of the row under that heading that begins with these cells."""
    found = [
        row[header.index(column)]
        for above, header, body in tables(RESULTS / experiment / "report.md")
        for row in body
        if above == heading and column in header and row[: len(first)] == list(first)
    ]
    assert len(found) == 1, f"{experiment}, {heading}, {first}, {column}: {len(found)} cells"
    return found[0]


def pair(experiment: str, column: str, strategies: str, layout: str = "structured") -> str:
    return cell(experiment, "Pair by pair", column, layout, strategies).removesuffix(" points")


def agreement(column: str, *first: str) -> str:
    return cell("compare", "What agreement is worth", column, *first).removesuffix(" points")


def unsigned(text: str) -> str:
    return text.lstrip("+-")


def turned(interval: str) -> str:
    """An interval seen from the other side, without signs: -3.13 to -1.91 is 1.91 to 3.13."""
    low, high = interval.split(" to ")
    return f"{unsigned(high)} to {unsigned(low)}"


PAIR = ("ahead", "difference", "95 % interval")
"""Columns of a report's table of pairs."""
AXES = {
    "shift0": "of one size, on clean ground",
    "shift3": "up to 3 pixels (`layout.shift`)",
    "shift8": "| by up to 8 pixels",
    "digit_scale0.8to1.2": "(`layout.digit_scale`)",
    "digit_scale0.6to1.4": "| 0.6 to 1.4",
    "strength1": "(`effects.noise`)",
    "strength2": "| of strength 2",
    "tilt6": "(`layout.tilt`)",
    "tilt12": "| by 12 pixels",
    "length3to5": "(`layout.length`)",
    "length5to5": "| always five",
}
"""How the runs of axes.yaml are called in the table."""
TEN_MINUTES = {
    "structured": "structured-deep-epochs12-strips59500",
    "free": "free-deep-epochs12-strips48600",
}
"""The runs of ten-minutes.yaml: the deep network on both layouts."""
STEPS = ("0", "0.05", "0.1", "0.15", "0.2", "0.4", "1")
"""Of the crossover."""


LONGER = (
    ("MNIST, one in each cell", "mnist", "structured"),
    ("MNIST, free", "mnist", "free"),
    ("drawn, one in each cell", "structured", "structured"),
    ("drawn, free", "free", "free"),
    ("scikit-learn's, one in each cell", "uci", "structured"),
    ("scikit-learn's, free", "uci", "free"),
)
"""Rows of the longer trainings: their words, the experiment and the layout."""
VERDICTS = {
    "the same within 1.0 point": "`heads` and `sigmoid` the same within a point",
    "unresolved": "unresolved between `heads` and `sigmoid`",
}
"""How a row calls what its report finds between heads and sigmoids …"""
AND_CUT = {
    ("the same within 1.0 point", "the same within 1.0 point"): ", so is `cut`",
    ("heads", "sigmoid"): ", both ahead of `cut`",
    ("unresolved", "unresolved"): ", and between either and `cut`",
}
"""… and between heads and cut, and sigmoids and cut."""


def results_claims() -> Iterator[str]:
    """Passages of RESULTS.md with their figures."""
    thread = {name: right("thread", f"{name}-structured") for name in ("heads", "sigmoid", "cut")}
    adam = {name: right("thread-adam", f"{name}-structured") for name in ("heads", "sigmoid")}
    same = on_both_layouts("compare")
    today = on_both_layouts("default")
    by_step = {
        (name, step): right("crossover", f"{name}-free-freedom{step}")
        for name in ("heads", "sigmoid", "cut")
        for step in STEPS
    }

    mnist = on_both_layouts("mnist")
    for layout in ("structured", "free"):
        assert pair("mnist", "ahead", "heads − sigmoid", layout) == "the same within 1.0 point"
    assert (
        pair("mnist", "ahead", "heads − cut") == pair("mnist", "ahead", "sigmoid − cut") == "the same within 1.0 point"
    )
    yield (
        f"after 80,000 strips, {mnist['heads', 'structured']} and {mnist['sigmoid', 'structured']} where every digit "
        f"has its cell, {mnist['heads', 'free']} and {mnist['sigmoid', 'free']} on free strips"
    )
    yield f"Cutting equals them in cells ({mnist['cut', 'structured']})"
    yield f"reads next to no free strips ({mnist['cut', 'free']})"
    for words, experiment, layout in LONGER:
        read = [right(experiment, f"{name}-{layout}") for name in ("heads", "sigmoid", "cut")]
        between = pair(experiment, "95 % interval", "heads − sigmoid", layout)
        verdict = VERDICTS[pair(experiment, "ahead", "heads − sigmoid", layout)]
        and_cut = AND_CUT[
            pair(experiment, "ahead", "heads − cut", layout), pair(experiment, "ahead", "sigmoid − cut", layout)
        ]
        yield f"| {words} | {' | '.join(read)} | {verdict} ({between}){and_cut} |"
    yield (
        f"`cut` reads {thread['cut']} of structured MNIST numbers, five heads {thread['heads']}, "
        f"55 sigmoid units {thread['sigmoid']}, after the same 80,000 strips"
    )
    yield (
        f"`sigmoid` reads {today['sigmoid', 'structured']}, `heads` {today['heads', 'structured']} and `cut` "
        f"{today['cut', 'structured']}"
    )
    yield f"`sigmoid` reads {today['sigmoid', 'free']} and `heads` {today['heads', 'free']}"
    couples = ("heads − sigmoid", "sigmoid − cut", "heads − cut")
    assert [pair("default", "ahead", each) for each in couples] == ["sigmoid", "sigmoid", "the same within 1.0 point"]
    intervals = [pair("default", "95 % interval", each) for each in couples]
    yield (
        f"`sigmoid` wins, ahead of `heads` ({turned(intervals[0])}) and of `cut` ({intervals[1]}); these two are the "
        f"same within a point ({intervals[2]})"
    )
    assert [pair("default", "ahead", each, "free") for each in couples] == ["sigmoid", "sigmoid", "heads"]
    between = pair("default", "95 % interval", "heads − sigmoid", "free")
    yield f"`sigmoid` wins, ahead of `heads` ({turned(between)}), both far ahead of `cut`"
    for layout in ("structured", "free"):
        yield f"| {layout} | {' | '.join(today[name, layout] for name in ('heads', 'sigmoid', 'cut'))} |"
    for name, file, count in (
        ("heads", "structured", "seeds of `heads` on structured strips read {}"),
        ("cut", "structured", "nine of `cut` {}"),
        ("sigmoid", "structured", "nine seeds read {}"),
        ("heads", "structured-rate-0.01", "ten seeds of `heads` read {}"),
        ("cut", "structured-rate-0.01", "ten of `cut` {}"),
        ("sigmoid", "structured-rate-0.01", "`sigmoid` reads {}"),
        ("heads", "free", "six seeds of `heads` read {}"),
        ("sigmoid", "free", "of `sigmoid` {}"),
    ):
        found = [float(row["test.sequence_accuracy"]) for row in rows("more-seeds", file) if row["strategy"] == name]
        yield count.format(f"{mean(found):.2%}")
    yield (
        f"`heads` reads {by_step['heads', '0']} in equal cells, `sigmoid` {by_step['sigmoid', '0']}, `cut` "
        f"{by_step['cut', '0']}; a fifth of the way {by_step['heads', '0.2']}, {by_step['sigmoid', '0.2']} and "
        f"{by_step['cut', '0.2']}; on free strips {by_step['heads', '1']}, {by_step['sigmoid', '1']} and "
        f"{by_step['cut', '1']}"
    )
    for step in STEPS[:-1]:
        assert cell("crossover", "Pair by pair", "ahead", f"free, freedom {step}", "heads − sigmoid").startswith(
            "the same"
        )
    last = f"free, freedom {STEPS[-1]}"
    assert cell("crossover", "Pair by pair", "ahead", last, "heads − sigmoid") == "unresolved"
    yield f"at 1 it is open ({cell('crossover', 'Pair by pair', '95 % interval', last, 'heads − sigmoid')})"
    found = (RESULTS / "crossover" / "report.md").read_text("utf-8")
    for name in ("heads", "sigmoid"):
        assert f"{name} is ahead of cut from {STEPS[1]} on" in found
        assert cell("crossover", "Pair by pair", "ahead", "free, freedom 0", f"{name} − cut") == "unresolved"
    yield f"from {STEPS[1]} on both others are ahead of it"
    ahead = [
        cell("crossover", "Pair by pair", "difference", "free, freedom 0", f"{name} − cut").removesuffix(" points")
        for name in ("heads", "sigmoid")
    ]
    yield f"At 0 they are {ahead[0]} and {ahead[1]} points ahead, which is open"
    yield f"At {STEPS[1]} digits stand 1.4 of"
    yield (
        f"{pair('compare', 'difference', 'heads − sigmoid')} points on structured strips, "
        f"{pair('compare', 'difference', 'heads − sigmoid', 'free')} points on free ones"
    )
    for slots in ("5", "8"):
        read = {name: right("ctc", f"{name}-free-slots{slots}") for name in ("heads", "ctc")}
        between = {column: pair("ctc", column, "heads − ctc", f"free, slots {slots}") for column in PAIR}
        assert between["ahead"] == {"5": "heads", "8": "ctc"}[slots]
        ahead = f"`{between['ahead']}` by {unsigned(between['difference'])} points"
        seen = between["95 % interval"]
        interval = seen.replace("+", "") if slots == "5" else turned(seen)
        kinds = {
            (row["strategy"], row["repeats"]): f"{row['accuracy']:.2%}"
            for row in benchmark("repeats")["rows"]
            if row["slots"] == int(slots)
        }
        yield (
            f"| {slots} | {read['heads']} | {read['ctc']} | {ahead} ({interval}) | "
            f"{kinds['heads', False]}, {kinds['ctc', False]} | {kinds['heads', True]}, {kinds['ctc', True]} |"
        )
    original = unsigned(pair("thread", "difference", "heads − sigmoid"))
    both_adam = unsigned(pair("thread-adam", "difference", "heads − sigmoid"))
    yield f"Most of the {original} points between the two"
    yield f"with Adam for both they are {both_adam} points apart"

    for name in ("cut", "heads", "sigmoid"):
        seeds = values("thread", f"{name}-structured")
        digits = mean(values("thread", f"{name}-structured", "test.digit_accuracy"))
        parameters = values("thread", f"{name}-structured", "training.parameters")[0]
        yield f"| `{name}` | {thread[name]} | {min(seeds):.2%} – {max(seeds):.2%} | {digits:.2%} | {parameters:,.0f} |"
    yield (
        f"`cut` is ahead of `heads` by {unsigned(pair('thread', 'difference', 'heads − cut'))} points "
        f"({turned(pair('thread', '95 % interval', 'heads − cut'))} over seeds, "
        f"p = {pair('thread', 'p over trainings, corrected', 'heads − cut')} over trainings after correction), "
        f"`heads` of `sigmoid` by {original} points "
        f"({pair('thread', '95 % interval', 'heads − sigmoid').replace('+', '')})"
    )
    yield f"`heads` reads {adam['heads']} and `sigmoid` {adam['sigmoid']}"
    interval = pair("thread-adam", "95 % interval", "heads − sigmoid").replace("+", "")
    yield f"The {both_adam} points between them ({interval}) are beyond chance"
    yield (
        f"`heads` loses {share_of_error('heads-structured', 'place', 'thread')} points of its "
        f"{error('heads-structured', 'thread')} points of error; the "
        f"{share_of_error('heads-structured', 'class', 'thread')} that are left are about as much as the "
        f"{share_of_error('cut-structured', 'class', 'thread')} that `cut` gets wrong"
    )

    yield (
        f"| structured | {same['heads', 'structured']} | {same['sigmoid', 'structured']} | "
        f"{same['cut', 'structured']} | unresolved between `heads` and `cut` "
        f"({pair('compare', '95 % interval', 'heads − cut')}); "
        f"`heads` ahead of `sigmoid` ({pair('compare', '95 % interval', 'heads − sigmoid')}) |"
    )
    yield (
        f"| free | {same['heads', 'free']} | {same['sigmoid', 'free']} | {same['cut', 'free']} | "
        f"`heads` ahead of `sigmoid` ({pair('compare', '95 % interval', 'heads − sigmoid', 'free')}) and of `cut` "
        f"({pair('compare', '95 % interval', 'heads − cut', 'free')}) |"
    )

    all_agree = ("structured", "heads, sigmoid, cut", "all 3 agree")
    yield (
        f"on {agreement('share', *all_agree)} of the structured strips, and of these "
        f"{agreement('right of these', *all_agree)} are right"
    )
    yield f"`heads` alone is most confident, {agreement('right, its surest', 'structured', 'heads')} are right"
    yield (
        f"Agreement is worth {agreement('ahead', 'structured', 'heads')} points "
        f"({agreement('95 % interval', 'structured', 'heads')})"
    )
    vote = {layout: agreement("difference", layout, "heads, sigmoid, cut") for layout in ("structured", "free")}
    p = {layout: agreement("p", layout, "heads, sigmoid, cut") for layout in ("structured", "free")}
    yield (
        f"{vote['structured']} points more often than that of `heads` on structured strips (p = {p['structured']}), "
        f"and {vote['free']} points more often on free ones (p = {p['free']})"
    )

    for step in STEPS:
        cells = []
        for name in ("heads", "sigmoid", "cut"):
            seeds = values("crossover", f"{name}-free-freedom{step}")
            cells.append(f"{by_step[name, step]} ({min(seeds):.2%} – {max(seeds):.2%})")
        yield f"| {step} | {' | '.join(cells)} |"
    for run, words in AXES.items():
        read = [right("axes", f"{name}-free-{run}") for name in ("heads", "sigmoid", "cut")]
        yield f"{words} | {' | '.join(read)} |"
    far, near = "cut-free-freedom0.4", "free-freedom0"
    yield (
        f"at 0.4 they are {share_of_error(far, 'place', 'crossover')} of its {error(far, 'crossover')} points, and "
        f"with the true cuts and lengths it reads all but {share_of_error(far, 'class', 'crossover')} points"
    )
    cut, heads = f"cut-{near}", f"heads-{near}"
    yield (
        f"At 0 {share_of_error(cut, 'class', 'crossover')} of its {error(cut, 'crossover')} points are of class, as "
        f"{share_of_error(heads, 'class', 'crossover')} of the {error(heads, 'crossover')} points of `heads` are"
    )


def readme_claims() -> Iterator[str]:
    """Rows of README.md's table, and how well the shipped run reads."""
    for words, experiment, name in (
        ("drawn digits, one in each cell (five seeds)", "structured", "{}-structured"),
        ("drawn digits of any size and place (five seeds)", "free", "{}-free"),
        ("MNIST, one in each cell (five seeds)", "mnist", "{}-structured"),
        ("MNIST of any size and place (five seeds)", "mnist", "{}-free"),
        ("MNIST, one in each cell, the original networks (three seeds)", "thread", "{}-structured"),
        ("MNIST, a fifth of the way from cells to free strips (five seeds)", "crossover", "{}-free-freedom0.2"),
    ):
        cells = [right(experiment, name.format(strategy)) for strategy in ("heads", "sigmoid", "cut")]
        yield f"| {words} | {' | '.join(cells)} |"
    strips = benchmark("reader-float")["mnist"]["sequence_accuracy"]
    codes, meters, cheques = (f"{real_set(name)['sequence_accuracy']:.1%}" for name in ("pcb", "meter", "car"))
    yield (
        f"it reads {strips:.2%} of MNIST strips, {codes} of photographed date codes, {meters} of rows of meter digits "
        f"and {cheques} of handwritten amounts on cheques"
    )


def real_set(name: str) -> Any:
    """What was measured on a set of real pictures."""
    return benchmark("real")["sets"][name]


def benchmark(name: str) -> Any:
    return json.loads((BENCHMARKS / f"{name}.json").read_text("utf-8"))


def measured_claims() -> Iterator[str]:
    """Rows and passages of experiments/README.md that come from kept measurements."""
    for contender, name in (
        ("heads", "structured-heads-10min-seed0"),
        ("sigmoid", "structured-sigmoid-3min-seed0"),
        ("cut", "structured-cut-3min-seed0"),
        ("baseline heads", "structured-baseline-heads-4min-seed0"),
        ("streetview heads", "structured-streetview-heads-3min-seed0"),
        ("sigmoid", "free-sigmoid-10min-seed0"),
        ("heads", "free-heads-10min-seed0"),
        ("cut (ink)", "free-cut-ink-2min-seed0"),
    ):
        row = benchmark(f"accuracy/{name}")
        assert row["contender"] == contender
        test, training = row["test"], row["training"]
        low, high = test["interval"]
        yield (
            f"| {contender} | {row['minutes']:.0f} min | {test['sequence_accuracy']:.2%} | {low:.2%} – {high:.2%} | "
            f"{test['digit_accuracy']:.2%} | {training['strips']:,} | {training['parameters']:,} |"
        )
    seeds = [benchmark(f"accuracy/structured-heads-3min-seed{seed}") for seed in range(3)]
    accuracies = [row["test"]["sequence_accuracy"] for row in seeds]
    yield (
        f"| heads | 3 min | {mean(accuracies):.2%} ± {stdev(accuracies):.2%} | 3 seeds | "
        f"{mean(row['test']['digit_accuracy'] for row in seeds):.2%} | "
        f"{mean(row['training']['strips'] for row in seeds):,.0f} | {seeds[0]['training']['parameters']:,} |"
    )
    speed = benchmark("speed")
    for name in ("heads", "sigmoid", "cut", "baseline heads"):
        training, reading, small = speed["training"][name], speed["reading"][name], speed["reading"][f"{name}, int8"]
        yield (
            f"| {name} | {training['median']:,.0f}/s | {training['peak_memory'] / 1e6:,.0f} MB | "
            f"{reading['median']:,.0f}/s | {small['median']:,.0f}/s | "
            f"{reading['bytes'] / 1000:,.0f} / {small['bytes'] / 1000:,.0f} kB |"
        )
    ratios = speed["ratios"]
    yield (
        f"trains {ratios['training']:.1f} times as fast as the heads of the baseline and reads "
        f"{ratios['reading']:.1f} times as fast"
    )
    yield f"reads {speed['int8']['sequence_accuracy']:.2%} of 5,000 test numbers"
    readers = [benchmark(f"reader-{precision}") for precision in ("int8", "float")]
    shares = [
        f"{reader['mnist']['sequence_accuracy']:.2%} ({low:.2%} – {high:.2%})"
        for reader in readers
        for low, high in [reader["mnist"]["interval"]]
    ]
    yield f"| MNIST strips read right | {' | '.join(shares)} |"
    shares = [f"{reader['mnist']['expected_calibration_error']:.2%}" for reader in readers]
    yield f"| calibration error there | {' | '.join(shares)} |"
    shares = [f"{reader['mnist']['answered']:.1%}, {reader['mnist']['accuracy_of_answered']:.2%}" for reader in readers]
    yield f"| answered with `--at-least 0.98`, and of these right | {' | '.join(shares)} |"
    shares = [f"{reader['own']['expected_calibration_error']:.2%}" for reader in readers]
    yield f"| calibration error on 40,000 strips like its own test strips | {' | '.join(shares)} |"
    shares = [
        ", ".join(f"{100 * kind['unsure']:.1f}" for kind in reader["nothing"].values()) + "%" for reader in readers
    ]
    yield f"| blank, noise, words, face-like blobs: confidence under 0.5 | {' | '.join(shares)} |"
    for name in ("pcb", "lcd", "lcd-long", "meter", "car", "car-long", "parish"):
        row = real_set(name)
        low, high = row["interval"]
        yield (
            f"| {name} | {row['pictures']} | {row['sequence_accuracy']:.1%} | {low:.1%} – {high:.1%} | "
            f"{row['expected_calibration_error']:.1%} | {row['calibration_error_by_chance']:.1%} | "
            f"{row['coverage_98']:.1%} |"
        )
    for name, row in benchmark("own")["rows"].items():
        low, high = row["interval"]
        counts = row["pictures"]
        yield (
            f"| {name} | {counts['train']} + {counts['validation']} | {counts['test']} | {row['before']:.1%} | "
            f"{row['after']:.1%} | {low:.1%} – {high:.1%} |"
        )
    cells = benchmark("power")["cells"]
    for difference, seeds_ in product((0, 0.005, 0.01, 0.02, 0.04), (3, 5, 10)):
        found = [cell for cell in cells if (cell["difference"], cell["seeds"]) == (difference, seeds_)]
        shares = [f"{100 * cell['better']:.0f} / {100 * cell['same']:.0f}" for cell in found]
        yield f"| {100 * difference:g} | {seeds_} | {' | '.join(shares)} |"
    default = benchmark("power")["default"]
    won = {layout: default["outcomes"][layout]["sigmoid wins"] for layout in ("structured", "free")}
    yield (
        f"decided on both layouts in {100 * default['decided']:.0f} of 100 comparisons, with {default['trained']:.1f} "
        f"trainings on average: structured strips go to sigmoids in {100 * won['structured']:.0f}, and free ones in "
        f"{100 * won['free']:.0f}"
    )
    answers = benchmark("answers")
    trained = [each["trainings"] for each in answers["answers"].values()]
    minutes = [each["seconds"] / 60 for each in answers["answers"].values()]
    won = {layout: given["sigmoid wins"] for layout, given in answers["given"].items()}
    yield (
        f"{answers['decided']} are decided on both layouts, structured strips for sigmoids in {won['structured']} and "
        f"free ones in {won['free']}, after {mean(trained):.1f} trainings on average ({min(trained)} to {max(trained)})"
    )
    # The machine of the last three trains almost three times as fast as that of the others.
    for took in (minutes[:7], minutes[7:]):
        yield f"{mean(took):.0f} minutes on average ({min(took):.0f} to {max(took):.0f})"
    read, seen = (
        {name: values("ten-minutes", f"heads-{run}", column)[0] for name, run in TEN_MINUTES.items()}
        for column in ("test.sequence_accuracy", "training.strips")
    )
    yield (
        f"it reads {read['structured']:.2%} of structured numbers after {seen['structured']:,.0f} strips and "
        f"{read['free']:.2%} of free ones after {seen['free']:,.0f}"
    )
    until = values("until", "heads-structured", "training.strips")
    assert min(values("until", "heads-structured", "training.validation_sequence_accuracy")) >= 0.97
    rate = speed["training"]["heads"]["median"]
    yield (
        f"takes {mean(until):,.0f} strips on average of ten seeds, {max(until):,.0f} at most, and then reads "
        f"{right('until', 'heads-structured')} of the test numbers. At the speed below that is "
        f"{mean(until) / rate:.1f} s, and {max(until) / rate:.1f} s at most"
    )
    yield f"from the start of the program to the report, {benchmark('jobs')['ratio']:.2f} times as fast"
    predict = benchmark("folder")["rows"]["predict, 20,000 pictures"]
    yield (
        f"are read at {predict['median']:,.0f} a second, start of the program included, with "
        f"{predict['own_peak_memory'] / 1e6:.0f} MB of memory ({predict['peak_memory'] / 1e6:.0f} MB "
        "with its two workers)"
    )


CLAIMS = [
    *(("experiments/RESULTS.md", claim) for claim in results_claims()),
    *(("README.md", claim) for claim in readme_claims()),
    *(("experiments/README.md", claim) for claim in measured_claims()),
]


def flat(path: str) -> str:
    """The text of a document with line ends as spaces."""
    return " ".join((ROOT / path).read_text("utf-8").split())


@pytest.mark.parametrize(("path", "claim"), CLAIMS)
def test_a_figure_is_that_of_its_row(path: str, claim: str) -> None:
    assert claim in flat(path)


@pytest.mark.parametrize(
    ("path", "figure"),
    [("experiments/RESULTS.md", r"(?<![\d.])\d+\.\d\d+(?![\d.])"), ("README.md", r"\d+\.\d+%")],
)
def test_no_figure_is_without_a_row(path: str, figure: str) -> None:
    """In the results any number with two decimals or more, in README any share with a decimal."""
    text = flat(path)
    for claim in [claim for document, claim in CLAIMS if document == path]:
        text = text.replace(claim, "")
    left = [text[max(0, found.start() - 60) : found.end()] for found in re.finditer(figure, text)]
    assert left == []


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_reports_follow_from_the_runs(experiment: str) -> None:
    """Each row of the table of results is the mean over the seeds of its runs."""
    ((header, body),) = [
        (header, body)
        for heading, header, body in tables(RESULTS / experiment / "report.md")
        if heading == "Results" and header[0] == "layout"
    ]
    named = "run" in header
    names = [row[header.index("run")] if named else f"{row[1]}-{row[0]}" for row in body]
    if "slots" in header:
        names = [f"{name}-slots{row[header.index('slots')]}" for name, row in zip(names, body, strict=True)]
    assert set(names) == {row["run"].removesuffix(f"-seed{row['seed']}") for row in rows(experiment)}
    for name, row in zip(names, body, strict=True):
        shown = dict(zip(header, row, strict=True))
        accuracies = values(experiment, name)
        spread = f" ± {stdev(accuracies):.2%}" if len(accuracies) > 1 else ""
        assert shown["numbers right"] == f"{mean(accuracies):.2%}{spread}"
        assert shown["digits right"] == f"{mean(values(experiment, name, 'test.digit_accuracy')):.2%}"
        assert shown["parameters"] == f"{values(experiment, name, 'training.parameters')[0]:,.0f}"


def test_the_page_on_scale_is_what_its_script_makes_of_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS.parent))
    scale = import_module("scale")
    found = [
        json.loads((BENCHMARKS / f"{name}.json").read_text("utf-8")) for name in ("scale", "bulk", "speed", "power")
    ]
    assert (ROOT / "experiments" / "SCALE.md").read_text("utf-8") == scale.page(*found)
