"""The rows that are there as Markdown tables: one for each layout and budget, the best first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import common

from multidigit.report.tables import markdown_table
from multidigit.settings import LAYOUTS
from multidigit.statistics import mean_and_spread

HEADS = ["contender", "numbers right", "95 % interval", "digits right", "trains at", "parameters", "peak memory"]


def mean(rows: Iterable[common.Row], value: Callable[[common.Row], float | None]) -> float | None:
    """The mean over the rows that have the value."""
    values = [found for row in rows if (found := value(row)) is not None]
    return mean_and_spread(values).mean if values else None


def line(rows: Sequence[common.Row]) -> list[str]:
    """One contender, over its seeds."""
    right = mean_and_spread([row["test"]["sequence_accuracy"] for row in rows])
    spread = "" if right.standard_deviation is None else f" ± {right.standard_deviation:.2%}"
    rate = mean(rows, lambda row: row["training"] and row["training"]["strips_per_second"])
    parameters = mean(rows, lambda row: row["training"] and row["training"]["parameters"])
    memory = mean(rows, lambda row: row["peak_memory"])
    return [
        rows[0]["contender"],
        f"{right.mean:.2%}{spread}",
        "{:.2%} – {:.2%}".format(*rows[0]["test"]["interval"]) if len(rows) == 1 else f"{len(rows)} seeds",
        f"{mean(rows, lambda row: row['test']['digit_accuracy']):.2%}",
        "–" if rate is None else f"{rate:,.0f}/s",
        "–" if parameters is None else f"{parameters:,.0f}",
        common.megabytes(None if memory is None else round(memory)),
    ]


def table(rows: Sequence[common.Row]) -> str:
    """Rows of one layout and budget, a line for each contender, the best first."""
    groups: dict[str, list[common.Row]] = {}
    for row in rows:
        groups.setdefault(row["contender"], []).append(row)
    best_first = sorted(
        groups.values(), key=lambda group: mean(group, lambda row: row["test"]["sequence_accuracy"]) or 0, reverse=True
    )
    return markdown_table(HEADS, [line(group) for group in best_first], words=1)


def tables(rows: Sequence[common.Row]) -> str:
    """A table for each layout and budget. What is not trained by us, without a budget, stands in each of its layout."""
    found = []
    for layout in LAYOUTS:
        of_layout = [row for row in rows if row["layout"] == layout]
        budgets: set[float | None] = {row["minutes"] for row in of_layout if row["minutes"] is not None}
        for minutes in sorted(budgets, key=lambda minutes: minutes or 0) or [None]:
            chosen = [row for row in of_layout if row["minutes"] in (minutes, None)]
            if chosen:
                budget = "" if minutes is None else f", {minutes:g} minutes of training each"
                strips = " or ".join(f"{count:,}" for count in sorted({row["test"]["strips"] for row in chosen}))
                found.append(f"{layout.capitalize()} strips{budget}, {strips} test strips\n\n{table(chosen)}")
    return "\n".join(found)


def main() -> None:
    options = common.parser(__doc__).parse_args()
    rows = common.read_rows(options.out)
    common.write(options.out, "table", {"rows": len(rows)}, tables(rows))


if __name__ == "__main__":
    common.run(main)
