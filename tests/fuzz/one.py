"""Fuzzes one target with atheris; ``run.py`` calls it: ``one.py TARGET`` and then what libFuzzer takes."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import atheris

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    with atheris.instrument_imports(include=["multidigit", "PIL", "yaml", "csv", "zipfile", "gzip", "numpy.lib"]):
        from targets import TARGETS
    name = sys.argv.pop(1)
    warnings.simplefilter("ignore")
    atheris.Setup(sys.argv, TARGETS[name].fuzz)
    atheris.Fuzz()
