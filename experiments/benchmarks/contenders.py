"""Time to accuracy of every strategy on every backbone of one layout, each trained for the same minutes.

Each has a process of its own. Rows that are there already are kept, so that after Ctrl-C the same command goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import common
from accuracy import asked_for, budget_options, contender, measured, settings_of, table

from multidigit.cli.progress import note
from multidigit.errors import SettingsError
from multidigit.registry import BACKBONES
from multidigit.settings import Settings

STRATEGIES = ("heads", "sigmoid", "cut")
"""Those of this package; a plug-in is measured by the part ``accuracy``."""
VARIANTS = (("cut", "compact", "cut.cutter=ink"), ("heads", "streetview", "heads.length=true"))
"""Options that make a contender of its own: strategy, backbone, assignment."""
MINUTES, TEST_STRIPS = 0.75, 5_000
"""So that eleven contenders, the slow ones among them, are trained and tested in less than a quarter of an hour."""


def contenders(options: argparse.Namespace) -> Iterator[tuple[dict[str, Any], Settings]]:
    """What sets each contender apart, the default one first, and its settings."""
    whole = [(strategy, backbone) for backbone in BACKBONES for strategy in STRATEGIES]
    for strategy, backbone, *assignments in (*whole, *VARIANTS):
        if backbone not in options.backbones:
            continue
        asked = asked_for(strategy, backbone, assignments)
        try:
            yield asked, settings_of(asked, options)
        except SettingsError as error:
            note(f"{contender(asked)} is left out: {error}")


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--backbones", nargs="+", choices=list(BACKBONES), default=list(BACKBONES), help="on which")
    budget_options(parser, minutes=MINUTES, test_strips=TEST_STRIPS)
    options = parser.parse_args()
    common.check_mnist(options.mnist)
    rows = [measured(options.out, asked, made, again=options.again) for asked, made in contenders(options)]
    print(table(rows))


if __name__ == "__main__":
    common.run(main)
