"""The browser that the report is tested in: one that is installed or, for `make test-browser`, one that can be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NAMED, NEEDED = "MULTIDIGIT_BROWSER", "MULTIDIGIT_NEEDS_BROWSER"
"""Environment variables: the browser to take, and, set to anything, that tests without one fail and are not skipped."""
HOW = f"install Chromium or Chrome, or name the program in ${NAMED}, and call `make test-browser`"


def rooted() -> bool:
    """Whether this is root, as in a container, where a browser has no sandbox."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def find() -> str | None:
    """The program to start: the one that is named, or the first that starts of those installed and Playwright's own."""
    if named := os.environ.get(NAMED):
        return named
    return next((path for path in (*map(shutil.which, NAMES), _playwrights()) if path and _starts(path)), None)


def _playwrights() -> str | None:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        return str(playwright.chromium.executable_path)


def _starts(path: str) -> bool:
    # On some systems a program of this name only says where to install the browser from.
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def main() -> int:
    """Find a browser, or install one, and print which; 1 where there is none."""
    if find() is None:
        install = [sys.executable, "-m", "playwright", "install", "chromium"]
        print(f"no browser yet; trying: {' '.join(install)}", flush=True)
        subprocess.run([*install, "--with-deps"] if rooted() else install, check=False)
    path = find()
    print(f"testing the report in {path}" if path else f"no browser was found and none could be installed: {HOW}")
    return 0 if path else 1


if __name__ == "__main__":
    sys.exit(main())
