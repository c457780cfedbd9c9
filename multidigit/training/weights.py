"""Weights out of a ``.keras`` file, which is looked through before Keras sees them.

Networks are built from settings, never from the description that such a file holds: this could name any program. It is
looked at only to refuse a file that tries.
"""

from __future__ import annotations

import math
from io import BytesIO
from pathlib import Path
from typing import Any

from multidigit.errors import RunError, reason
from multidigit.outside import (
    DAMAGED,
    MOST_JSON_BYTES,
    MOST_MODEL_BYTES,
    open_archive,
    open_file,
    parse_json,
    read_member,
)
from multidigit.registry import BACKBONES, STRATEGIES

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
MOST_OBJECTS = 5_000
"""Groups and arrays in the file of weights."""
_OURS = {"keras", "builtins", "multidigit"}


def read_weights(path: Path) -> bytes:
    """The file of weights, in HDF5, that a ``.keras`` file holds.

    Raises:
        RunError: it is no such file; unpacked, it or its arrays are too large; it points to other files; or its
            description names code of its own, or of a package that multidigit does not use.
    """
    import h5py  # type: ignore[import-untyped]

    try:
        with open_file(path, MOST_MODEL_BYTES) as file, open_archive(file, MOST_MODEL_BYTES) as archive:
            if archive.getinfo(CONFIG).file_size > MOST_JSON_BYTES:
                raise ValueError(f"its {CONFIG} has more than {MOST_JSON_BYTES:,} bytes")
            _check_description(parse_json(read_member(archive, CONFIG)))
            data = read_member(archive, WEIGHTS)
            with h5py.File(BytesIO(data), "r") as weights:
                _check_arrays(weights)
            return data
    except (*DAMAGED, TypeError) as error:
        raise RunError(
            f"{path}: expected a .keras file with weights alone; {reason(error)}; do not trust it, or train a new one"
        ) from None


def _check_description(described: Any) -> None:
    """Refuse code, and names of code, anywhere in the description of a network."""
    known = _OURS | STRATEGIES.packages | BACKBONES.packages
    waiting = [described]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
            kind, module = value.get("class_name"), value.get("module")
            if kind in ("Lambda", "__lambda__"):
                raise ValueError("it describes a network with Python code in it")
            if kind is not None and module is not None and str(module).partition(".")[0] not in known:
                raise ValueError(f"it describes a network with {module}.{kind} in it, which is not multidigit's")


def _check_arrays(weights: Any) -> None:
    """Refuse links, arrays that lie in other files, and more in all than a network may have."""
    import h5py

    waiting = [weights]
    size = count = 0
    while waiting:
        group = waiting.pop()
        for name in group:
            count += 1
            if count > MOST_OBJECTS:
                raise ValueError(f"it holds more than {MOST_OBJECTS:,} arrays")
            if group.get(name, getclass=True, getlink=True) is not h5py.HardLink:
                raise ValueError(f"{name!r} in it is a link")
            found = group[name]
            if isinstance(found, h5py.Group):
                waiting.append(found)
                continue
            if found.external or found.is_virtual or found.dtype.hasobject:
                raise ValueError(f"{name!r} in it is no array of numbers of its own")
            size += math.prod(found.shape) * found.dtype.itemsize
            if size > MOST_MODEL_BYTES:
                raise ValueError(f"its arrays have more than {MOST_MODEL_BYTES:,} bytes")
