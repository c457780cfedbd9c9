"""Digits in MNIST's formats: an ``.npz`` file, the four IDX files, or Keras' own copy."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import urllib.request
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from multidigit.digits.base import Digits, DigitSource, Split
from multidigit.errors import DataError, MultidigitError, reason
from multidigit.files import write_bytes
from multidigit.outside import MOST_ARRAY_BYTES, open_file, read_arrays

KEYS = ("x_train", "y_train", "x_test", "y_test")
IDX_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
VALIDATION_SHARE = 12
"""One in so many of the training digits is set aside for validation: 5,000 of 60,000."""
# The address and digest that Keras itself uses (keras.datasets.mnist).
KERAS_ADDRESS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
KERAS_BYTES = 11_490_434
KERAS_DIGEST = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"


class Mnist(DigitSource):
    """MNIST, or any set of digits kept as MNIST is.

    Args:
        path: an ``.npz`` file with the keys x_train, y_train, x_test and y_test, or a folder with the four IDX files,
            gzipped or not. ``None`` takes the copy in Keras' cache, and downloads it there first where it is missing.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path

    def load(self, split: Split, seed: int) -> Digits:
        """Test digits are the file's own; the seed decides which of the training digits serve validation."""
        path = self.path or keras_copy()
        x_train, y_train, x_test, y_test = _read_folder(path) if path.is_dir() else _read_npz(path)
        if split == "test":
            return _digits(x_test, y_test, f"{path}: x_test and y_test")
        train = _digits(x_train, y_train, f"{path}: x_train and y_train")
        order = np.random.default_rng([seed, len(train)]).permutation(len(train))
        aside = max(1, len(train) // VALIDATION_SHARE)
        chosen = np.sort(order[:aside] if split == "validation" else order[aside:])
        if not len(chosen):
            raise DataError(f"{path}: at least 2 training digits are needed, one for validation; received {len(train)}")
        return Digits(train.images[chosen], train.labels[chosen])


def keras_copy_path() -> Path:
    """Where Keras keeps its copy of MNIST."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home) / "datasets" / "mnist.npz"


def keras_copy() -> Path:
    """Keras' copy of MNIST, downloaded where it is not there yet.

    Raises:
        DataError: it is not there and cannot be fetched or stored.
    """
    path = keras_copy_path()
    if path.exists():
        return path
    hint = "give the path of a copy of your own, as in --digits path/to/mnist.npz, or use --digits drawn"
    try:
        with urllib.request.urlopen(KERAS_ADDRESS, timeout=30) as answer:
            data = answer.read(2 * KERAS_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise DataError(f"mnist: not in {path} and its download failed ({error}); {hint}") from None
    if hashlib.sha256(data).hexdigest() != KERAS_DIGEST:
        raise DataError(f"mnist: what was downloaded is not the file that Keras uses; {hint}")
    try:
        write_bytes(path, data)
    except MultidigitError as error:
        raise DataError(f"mnist: {error}; {hint}") from None
    return path


def _digits(images: NDArray[np.generic], labels: NDArray[np.generic], where: str) -> Digits:
    """Checked digits; whole numbers of any type are taken as long as they fit."""
    for name, values, top in (("pixels", images, 255), ("labels", labels, 9)):
        if values.dtype.kind not in "iu":
            raise DataError(f"{where}: {name} must be whole numbers; received {values.dtype}")
        if values.size and not (int(values.min()) >= 0 and int(values.max()) <= top):
            raise DataError(f"{where}: {name} must be 0 to {top}; received {int(values.min())} to {int(values.max())}")
    try:
        return Digits(images.astype(np.uint8), labels.astype(np.uint8))
    except DataError as error:
        raise DataError(f"{where}: {error}") from None


def _read_npz(path: Path) -> list[NDArray[np.generic]]:
    try:
        arrays = read_arrays(path, KEYS)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: expected an .npz file with {', '.join(KEYS)}; {reason(error)}") from None
    return [arrays[key] for key in KEYS]


def _read_folder(path: Path) -> list[NDArray[np.generic]]:
    """The four IDX files of a folder, each gzipped or not, with a dot or a dash before ``idx``."""
    arrays = []
    for name in IDX_NAMES:
        choices = [path / f"{stem}{end}" for stem in (name, name.replace("-idx", ".idx")) for end in ("", ".gz")]
        found = next((choice for choice in choices if choice.is_file()), None)
        if found is None:
            raise DataError(f"{path}: expected the IDX files {', '.join(IDX_NAMES)} (or .gz); {name} is missing")
        arrays.append(_read_idx(found))
    return arrays


def _read_idx(path: Path) -> NDArray[np.generic]:
    """One IDX file of unsigned bytes: magic, sizes big-endian, then the bytes (http://yann.lecun.com/exdb/mnist)."""
    try:
        with open_file(path, MOST_ARRAY_BYTES) as file:
            stream = gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file
            data = stream.read(MOST_ARRAY_BYTES + 1)
        if len(data) > MOST_ARRAY_BYTES:
            raise OSError(None, f"it unpacks to more than {MOST_ARRAY_BYTES:,} bytes")
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({reason(error)}); fetch it again") from None
    if len(data) < 4 or data[:3] != b"\x00\x00\x08" or data[3] not in (1, 3) or len(data) < 4 + 4 * data[3]:
        raise DataError(f"{path}: expected an IDX file of unsigned bytes; it begins with {data[:4].hex() or 'nothing'}")
    shape = [int(size) for size in np.frombuffer(data, ">u4", data[3], 4)]
    body = data[4 + 4 * data[3] :]
    if len(body) != int(np.prod(shape, dtype=object)):
        raise DataError(f"{path}: expected {'×'.join(map(str, shape))} bytes of data; received {len(body)}")
    return np.frombuffer(body, np.uint8).reshape(shape)
