"""What a million and a billion pictures take, and where it stops: measured costs of a part, and arithmetic.

Measures on one core what a picture of three sizes costs, and what the one process of the command does for each part.
With `--page` nothing is measured: experiments/SCALE.md is written from the results of this and other parts.
"""

from __future__ import annotations

import io
import pickle
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import common
import numpy as np
from PIL import Image

from multidigit.bulk.parts import Part, check_installed, described, encode
from multidigit.cli.predict import PART_SIZE
from multidigit.files import png_bytes, write_bytes, write_text
from multidigit.pictures import load_picture
from multidigit.reading.answers import as_row
from multidigit.reading.reader import Reader
from multidigit.report.tables import markdown_table
from multidigit.runs import read_json
from multidigit.scenes import draw_wide
from multidigit.settings import validate
from multidigit.strips.stream import StripStream

PAGE = Path(__file__).parents[1] / "SCALE.md"
SIZES = {
    "a strip, 28 pixels high": None,
    "a cut-out, 0.02 megapixels": (200, 100),
    "a small photograph, 0.3": (640, 480),
    "a photograph, 12": (4000, 3000),
}
"""Width and height of the pictures that are read; ``None`` for strips as networks take them."""
DIFFERENT, ROUNDS = 20, 3
PRICE = 0.04
"""Of one core for an hour, in dollars: about what clouds ask for a virtual core."""
LATENCY = 0.03
"""Seconds that an object store takes until a picture begins to arrive, as is usual within one region."""
LINK = 10e9 / 8
"""Bytes a second to a node of 16 cores: 10 gigabits."""
NODE = 16
TASKS = 1_000.0
"""Tasks a second that Ray starts for one process: taken, not measured."""
AFTER = 10.0
"""Core-seconds that a default run takes beside its training; see ``experiments.estimate``."""
TRAINED = 15_000
"""Strips of a run of the default comparison."""
DECIDED = 0.8


def pictures(size: tuple[int, int] | None) -> list[bytes]:
    """Pictures as files: strips as PNG, or scenes of a width and height as JPEG."""
    if size is None:
        strips = StripStream(validate({"layout": {"name": "free"}})).fixed("test", DIFFERENT).images
        return [png_bytes(Image.fromarray(strip)) for strip in strips]
    files = []
    for number in range(DIFFERENT):
        scene = Image.fromarray(draw_wide(np.random.default_rng(number), (480, 640), 8, "test").picture)
        stream = io.BytesIO()
        scene.convert("RGB").resize(size, Image.Resampling.BILINEAR).save(stream, "JPEG", quality=90)
        files.append(stream.getvalue())
    return files


def seconds_each(work: Callable[[Sequence[str]], object], paths: Sequence[str]) -> float:
    """Processor seconds that work on all paths takes for each: the median of some rounds, the first left out."""
    taken = []
    for _ in range(ROUNDS + 1):
        began = time.process_time()
        work(paths)
        taken.append((time.process_time() - began) / len(paths))
    return median(taken[1:])


def measure() -> dict[str, Any]:
    """What a picture of each size costs, and what a part costs the command, in processor seconds; sizes in bytes."""
    check_installed()
    reader, costs = Reader("shipped", threads=1), {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, size in SIZES.items():
            files = pictures(size)
            paths = [str(folder / f"{number}") for number in range(len(files))]
            for path, file in zip(paths, files, strict=True):
                write_bytes(Path(path), file)
            costs[kind] = {
                "bytes": sum(map(len, files)) / len(files),
                "decoding": seconds_each(lambda each: [load_picture(path) for path in each], paths),
                "all": seconds_each(lambda each: [*reader.read_all(each)], paths),
            }
        paths = [f"photographs/{number // 10_000:05}/{number:09}.jpg" for number in range(PART_SIZE)]
        part, (_, reading) = Part(0, paths), next(reader.read_all([str(folder / "0")]))
        data = encode(part, [as_row(path, reading) for path in paths], {"run": "shipped"})

        def serve(_: object) -> None:
            pickle.loads(pickle.dumps(part))
            described(pickle.loads(pickle.dumps(data)))
            write_bytes(folder / "part.parquet", data)

        driver = seconds_each(serve, ["one part"])
    return {"pictures": costs, "driver": {"seconds": driver, "bytes": len(data), "rows": PART_SIZE}}


def hours(seconds: float) -> str:
    return f"{seconds / 3600:,.1f}" if seconds < 36_000 else f"{seconds / 3600:,.0f}"


def page(
    scale: Mapping[str, Any],
    bulk: Mapping[str, Any],
    speed: Mapping[str, Any],
    power: Mapping[str, Any],
    price: float = PRICE,
) -> str:
    """The page, from the results of ``scale``, ``bulk``, ``speed`` and ``power``.

    Args:
        price: of one core for an hour, in dollars.
    """
    costs, driver = scale["pictures"], scale["driver"]
    cost_rows, limit_rows = [], []
    for name, cost in costs.items():
        for count in (10**6, 10**9):
            seconds = count * cost["all"]
            cost_rows.append(
                [
                    name,
                    f"{count:,}",
                    hours(seconds),
                    *(hours(seconds / cores) for cores in (2, 64, 1024)),
                    f"{seconds / 3600 * price:,.2f}",
                ]
            )
        busy = cost["all"] / (cost["all"] + LATENCY)
        limit_rows.append(
            [
                name,
                f"{1000 * cost['all']:.1f} ms",
                f"{cost['decoding'] / cost['all']:.0%}",
                f"{busy:.0%}",
                f"{NODE / cost['all'] * cost['bytes'] / LINK:.1%}",
                f"{PART_SIZE * cost['all'] * TASKS:,.0f}",
                f"{PART_SIZE * cost['all'] / driver['seconds']:,.0f}",
            ]
        )
    rates = {name: speed["training"][name]["median"] for name in ("heads", "sigmoid", "cut")}
    run = 2 * TRAINED / (sum(rates.values()) / len(rates)) + AFTER
    seeds = []
    for difference in sorted({cell["difference"] for cell in power["cells"]} - {0.0}):
        enough = [
            cell["seeds"]
            for cell in power["cells"]
            if (cell["difference"], cell["strips"]) == (difference, 20_000) and cell["better"] >= DECIDED
        ]
        least = min(enough, default=None)
        seeds.append(
            [
                f"{100 * difference:g} points",
                str(least) if least else f"more than {max(cell['seeds'] for cell in power['cells'])}",
                hours(least * 6 * run) if least else "–",
            ]
        )
    training = run - AFTER
    grid = [
        [
            f"{slots}",
            f"{strategies}",
            f"{count}",
            hours(2 * strategies * count * (training * slots / 5 + AFTER)),
        ]
        for slots, strategies, count in ((5, 3, 5), (5, 3, 10), (5, 10, 10), (12, 3, 10), (12, 10, 10))
    ]
    entries = 10**9 / PART_SIZE
    picture_table = markdown_table(
        ["picture", "pictures", "core-hours", "2 cores", "64", "1,024", "dollars"], cost_rows
    )
    limit_table = markdown_table(
        ["picture", "takes", "of it decoding", "at work at a bucket", "of the link", "tasks feed", "the command feeds"],
        limit_rows,
    )
    grid_table = markdown_table(["slots", "strategies", "seeds", "core-hours"], grid)
    seeds_table = markdown_table(["true difference", "seeds", "core-hours"], seeds)
    alone = 1000 * next(iter(costs.values()))["all"]
    seconds = median(pair["here"] for pair in bulk["rounds"])
    whole = 1000 * seconds * bulk["environment"]["processors"] / bulk["pictures"]
    written, entries = 1000 * driver["seconds"], 10**9 / PART_SIZE
    row = driver["bytes"] / driver["rows"]
    return f"""# Scale

What very many pictures and large comparisons cost, by measured figures and arithmetic: `make bench PART=scale`
measures and writes this page. Nothing of this size was run; the largest run is that of `make bench PART=bulk`.
Times are those of the cores that measured ([scale.json](benchmarks/results/scale.json)); a core-hour is taken for
{price:g} dollars.

Pictures are read by the shipped reader, which looks for rows first; runs that read strips alone take less. A strip
took {alone:.2f} ms of processor time, and {whole:.2f} ms of a core where whole commands were timed
([bulk.json](benchmarks/results/bulk.json)).

## Reading

Core-hours, hours on 2, 64 and 1,024 cores, and dollars, for files on a disk that keeps up:

{picture_table}
It grows with the number of pictures and with nothing else: parts know nothing of each other, and memory does not grow
with them. What stops more cores from helping:

{limit_table}
- **Decoding** takes the share of a picture's time in the third column.
- **The bucket.** A process that decodes asks for one picture at a time. If {1000 * LATENCY:g} ms pass until one begins
  to arrive (taken, not measured), it is at work for the share of its time in the fourth column. Copying pictures to
  a disk first is the way around that.
- **The link** of a node of {NODE} cores, taken to carry {LINK * 8 / 1e9:g} gigabits a second, is used to the share in
  the fifth column.
- **The scheduler**, taken to start {TASKS:,.0f} tasks a second, feeds so many cores with parts of
  {PART_SIZE:,} pictures.
- **The command**, the one process that writes, takes {written:.1f} ms for a part, and feeds so many cores. Several
  commands, each with a list and a folder of its own, have no limit in common.
- **Disk**: {row:.1f} bytes a row, {row:.0f} GB for a billion. Pictures that differ more than these take more.
- **The index** of a billion has {entries:,.0f} entries, which are held in memory; at a kilobyte each they take
  {entries / 1e6:.1f} GB. `--part-size 20000` makes them a tenth.
- **Listing** holds the names of one folder. At 100 bytes each a million take 0.1 GB; a billion belong
  into folders, or into a list.

## Comparing

A run of the default comparison, {TRAINED:,} strips of five slots, takes {run:.0f} core-seconds, {AFTER:g} of them
beside the training ([speed.json](benchmarks/results/speed.json)). Runs know nothing of each other, so cost is layouts ×
strategies × seeds. Strips get wider with the slots, and training with them. Core-hours on two layouts:

{grid_table}
Seeds are what verdicts cost. So many show the better of two in at least {DECIDED:.0%} of comparisons, with 20,000 test
strips ([power.json](benchmarks/results/power.json)); core-hours are those of three strategies on two layouts:

{seeds_table}
What stops a comparison is therefore not the cluster: beyond as many cores as there are runs nothing gets faster, since
one training uses few, and seeds that are added one look after another wait for the look before. Every pair of
strategies is corrected for all others, so ten strategies need more seeds than three for the same verdict.
"""


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--page", action="store_true", help="write experiments/SCALE.md, and measure nothing")
    parser.add_argument("--price", type=float, default=PRICE, help="dollars for a core-hour")
    options = parser.parse_args()
    if not options.page:
        results = measure()
        rows = [
            [
                name,
                f"{cost['bytes'] / 1e3:,.1f} kB",
                f"{1000 * cost['decoding']:.2f} ms",
                f"{1000 * cost['all']:.2f} ms",
            ]
            for name, cost in results["pictures"].items()
        ]
        driver = results["driver"]
        text = markdown_table(["picture", "file", "decoding", "all"], rows)
        text += (
            f"\nProcessor time on one core. The process of the command takes {1000 * driver['seconds']:.1f} ms for a "
            f"part of {driver['rows']:,} rows, of {driver['bytes']:,} bytes.\n"
        )
        common.write(options.out, "scale", results, text)
    found = [read_json(options.out / f"{name}.json") for name in ("scale", "bulk", "speed", "power")]
    write_text(PAGE, page(found[0], found[1], found[2], found[3], options.price))


if __name__ == "__main__":
    common.run(main)
