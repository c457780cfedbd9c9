"""A ``.keras`` file from outside gives weights and nothing else: no code, no other files, no more than there may be."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import h5py
import numpy as np
import pytest

from multidigit.errors import RunError
from multidigit.outside import MOST_MODEL_BYTES
from multidigit.runs import KERAS_MODEL, SHIPPED
from multidigit.training import weights
from multidigit.training.start import load_weights
from multidigit.training.weights import CONFIG, WEIGHTS, read_weights

PLAIN: dict[str, Any] = {"module": "keras", "class_name": "Sequential", "config": {"layers": []}}


def layer(**described: Any) -> dict[str, Any]:
    return {**PLAIN, "config": {"layers": [{"module": "keras.layers", "config": {"name": "one"}, **described}]}}


def h5(fill: Callable[[Any], object]) -> bytes:
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        fill(file)
    return data.getvalue()


def arrays(file: Any) -> None:
    file["layers/dense/vars/0"] = np.ones((3, 4), np.float32)


def keras_file(path: Path, config: Any = PLAIN, data: bytes | None = None, how: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        archive.writestr(CONFIG, json.dumps(config))
        archive.writestr(WEIGHTS, h5(arrays) if data is None else data)
    return path


def refusal(path: Path) -> str:
    """The line with which weights are refused, before any network is touched."""
    with pytest.raises(RunError) as caught:
        load_weights(cast(Any, None), path)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_a_model_of_our_own_is_let_through(tmp_path: Path) -> None:
    for how in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        assert read_weights(keras_file(tmp_path / "x.keras", how=how)) == h5(arrays)
    assert len(read_weights(SHIPPED / KERAS_MODEL)) > 1_000_000


@pytest.mark.parametrize(
    ("described", "reason"),
    [
        (layer(class_name="Lambda", config={"function": {"class_name": "__lambda__", "config": {}}}), "Python code"),
        (layer(class_name="Activation", config={"activation": {"class_name": "__lambda__"}}), "Python code"),
        (layer(module="os", class_name="system"), "os.system"),
        (layer(module="os.path", class_name="function", registered_name="x"), "os.path.function"),
        (layer(module="kerasx", class_name="Dense"), "kerasx.Dense"),
        ({**PLAIN, "compile_config": {"loss": {"module": "evil", "class_name": "Loss"}}}, "evil.Loss"),
    ],
    ids=["lambda layer", "lambda", "module", "function", "like keras", "loss"],
)
def test_code_is_refused(described: Any, reason: str, tmp_path: Path) -> None:
    line = refusal(keras_file(tmp_path / "x.keras", described))
    assert f"expected a .keras file with weights alone; it describes a network with {reason}" in line


@pytest.mark.parametrize(
    ("fill", "reason"),
    [
        (lambda file: file.__setitem__("a", h5py.ExternalLink("/etc/passwd", "/")), "'a' in it is a link"),
        (lambda file: file.__setitem__("a", h5py.SoftLink("/b")), "'a' in it is a link"),
        (lambda file: file.create_dataset("a", (4,), "u1", external=[("/etc/passwd", 0, 4)]), "no array of numbers"),
        (lambda file: file.__setitem__("a", "text"), "no array of numbers"),
        (lambda file: file.create_dataset("a", (10**6, 10**6), "f4", chunks=(1, 10**6)), "its arrays have more than"),
        (lambda file: file.__setitem__("a/b", file.create_group("a")), "it holds more than 5,000 arrays"),
    ],
    ids=["other file", "link", "outside", "text", "huge", "a group in itself"],
)
def test_arrays_lie_in_the_file_and_are_not_too_large(
    fill: Callable[[Any], object], reason: str, tmp_path: Path
) -> None:
    assert reason in refusal(keras_file(tmp_path / "x.keras", data=h5(fill)))


def test_what_would_unpack_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "MOST_MODEL_BYTES", 1_000_000)
    path = keras_file(tmp_path / "x.keras", data=bytes(10_000_000), how=zipfile.ZIP_DEFLATED)
    assert "it unpacks to 10,000" in refusal(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.keras"
    path.write_bytes(b"no archive")
    assert "it is no archive" in refusal(path)
    assert "RunError" not in refusal(keras_file(path, data=b"no HDF5"))
    assert "nested too deeply" in refusal(nested(path))
    with path.open("wb") as file:
        file.truncate(MOST_MODEL_BYTES + 1)
    assert "at most 1,000,000,000 are read" in refusal(path)
    path.unlink()
    assert "No such file" in refusal(path)


def nested(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(CONFIG, "[" * 100_000)
    return path
