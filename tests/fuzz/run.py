"""Fuzzes the parsers one after another and says what was found; ``README.md`` beside this has the details."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
HOME = Path("build", "fuzz")
"""Where inputs that reach new code are kept from one call to the next, and those that something was wrong with."""
LIMITS = ("-rss_limit_mb=1000", "-timeout=10", "-max_len=4096")
_REACHED = re.compile(r"^#\d+\s.*?cov: (\d+) ft: (\d+) corp: (\d+)", re.MULTILINE)
_COUNTED = re.compile(r"^stat::(number_of_executed_units|peak_rss_mb):\s+(\d+)$", re.MULTILINE)
_KEPT = re.compile(r"Test unit written to (\S+)")


def main() -> None:
    sys.path.insert(0, str(HERE.parent))
    from fuzz.targets import TARGETS, lower_limits

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"any of {', '.join(TARGETS)}; all if left out")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: 60)")
    parser.add_argument("--input", type=Path, help="give this file to the one target that is named, without fuzzing")
    given = parser.parse_args()
    unknown = set(given.targets) - set(TARGETS)
    if unknown or (given.input and len(given.targets) != 1):
        parser.error(f"unknown target {min(unknown)}" if unknown else "--input needs one target")
    if given.input:
        lower_limits()
        TARGETS[given.targets[0]].fuzz(given.input.read_bytes())
        return
    print(f"{'target':<12}{'inputs':>12}{'a second':>10}{'branches':>10}{'corpus':>8}{'memory':>9}  found", flush=True)
    faults = [found for name in given.targets or TARGETS if (found := fuzz(name, TARGETS[name].words, given.seconds))]
    print("\n".join(["", *faults]) if faults else "Nothing was found.")
    sys.exit(bool(faults))


def fuzz(name: str, words: list[str], seconds: int) -> str:
    """Fuzzes one target and prints a line about it; returns what was found, with its traceback, or ''."""
    corpus = HOME / name
    corpus.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_memory()) as temporary:
        dictionary = Path(temporary, "words")
        dictionary.write_text("".join(f'"{_escaped(word)}"\n' for word in words))
        command = [
            *(sys.executable, HERE / "one.py", name, *LIMITS, f"-max_total_time={seconds}", "-print_final_stats=1"),
            *(f"-dict={dictionary}", f"-artifact_prefix={HOME}/{name}-", corpus, HERE / "corpus" / name),
        ]
        done = subprocess.run(
            [str(part) for part in command],
            env={**os.environ, "TMPDIR": temporary},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    counted = {what: int(number) for what, number in _COUNTED.findall(done.stdout)}
    branches, _, kept = ([("-", "-", "-"), *_REACHED.findall(done.stdout)])[-1]
    inputs, memory = counted.get("number_of_executed_units", 0), counted.get("peak_rss_mb", 0)
    found = _KEPT.findall(done.stdout)
    print(
        f"{name:<12}{inputs:>12,}{inputs // max(seconds, 1):>10,}{branches:>10}{kept:>8}{memory:>6} MB  "
        f"{found[-1] if found else 'nothing' if not done.returncode else 'it did not run'}",
        flush=True,
    )
    if not done.returncode:
        return ""
    again = f"Once more: {sys.executable} {sys.argv[0]} {name} --input {found[-1]}" if found else ""
    return "\n".join([f"== {name}", *done.stdout.splitlines()[-40:], again])


def _memory() -> str | None:
    """A folder in memory, where there is one: each input is written to a file."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _escaped(word: str) -> str:
    """A word as libFuzzer's dictionaries have it."""
    return "".join(f"\\x{byte:02x}" for byte in word.encode("latin-1"))


if __name__ == "__main__":
    main()
