"""Fuzzes one target with atheris; ``run.py`` calls it: ``one.py TARGET`` and then what libFuzzer takes."""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from pathlib import Path

import atheris

GUIDES = ["multidigit", "PIL", "yaml", "csv", "zipfile", "gzip", "numpy.lib"]
"""Packages whose branches guide the fuzzer."""
LATER = [f"PIL.{name}ImagePlugin" for name in ("Bmp", "Gif", "Jpeg", "Png", "Ppm", "Tiff", "WebP")]
"""Modules that the package imports only when they are needed, too late to be watched."""

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    with atheris.instrument_imports(include=GUIDES):
        from fuzz.targets import TARGETS, lower_limits

        for module in LATER:
            import_module(module)
    warnings.simplefilter("ignore")
    lower_limits()
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name].fuzz)
    atheris.Fuzz()
