"""The browser that the report is tested in: one that is here or, for `make test-browser`, one that can be had."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APPLICATION = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
NAMED, NEEDED = "MULTIDIGIT_BROWSER", "MULTIDIGIT_NEEDS_BROWSER"
"""Environment variables: the browser to take, and, set to anything, that tests without one fail and are not skipped."""
HOW = (
    "install Chromium or Chrome (on Debian: `sudo apt-get install chromium`) or name the program in "
    f"${NAMED}, and call `make test-browser`"
)


def find() -> str | None:
    """The program to start: the one that is named, or the first that is installed and starts, or Playwright's own."""
    if named := os.environ.get(NAMED):
        return named
    found = [path for name in NAMES if (path := shutil.which(name))]
    # What stands under one of these names may only say where the browser is to be had.
    return next((path for path in (*found, APPLICATION, _playwrights()) if path and _starts(path)), None)


def rooted() -> bool:
    """Whether this is root, as in a container: who may install, and has no sandbox."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _playwrights() -> str | None:
    """Where Playwright puts its own, there or not."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        return str(playwright.chromium.executable_path)


def _starts(path: str) -> bool:
    if not Path(path).is_file():
        return False
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _ways() -> list[list[str]]:
    """Commands that may bring one, in the order to try them. Nobody is asked for a password."""
    own = [sys.executable, "-m", "playwright", "install", "chromium"]
    if not (rooted() and shutil.which("apt-get")):
        return [own]
    return [[*own, "--with-deps"], ["apt-get", "update"], ["apt-get", "install", "--yes", "chromium"]]


def main() -> int:
    """Find or install one and say which; 1 where none is to be had."""
    if (named := os.environ.get(NAMED)) and not _starts(named):
        print(f"{named}, which ${NAMED} names, is no browser that starts here", file=sys.stderr)
        return 1
    ways = iter(_ways())
    while (path := find()) is None and (way := next(ways, None)):
        print(f"no browser yet; trying: {' '.join(way)}", flush=True)
        subprocess.run(way, check=False)
    if path is None:
        print(f"no browser was found and none could be installed: {HOW} again", file=sys.stderr)
        return 1
    print(f"testing the report in {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
