"""Digits in MNIST's formats: every form in which people have them, and every way in which they are damaged."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from multidigit.digits import SPLITS, Digits
from multidigit.digits import mnist as module
from multidigit.digits.mnist import IDX_NAMES, KEYS, Mnist, keras_copy, keras_copy_path
from multidigit.errors import DataError

Arrays = dict[str, Any]


@pytest.fixture
def arrays() -> Arrays:
    """48 training and 20 test digits; no two images are alike."""
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (68, 28, 28)).astype(np.uint8)
    labels = (np.arange(68) * 7 % 10).astype(np.uint8)
    return {"x_train": images[:48], "y_train": labels[:48], "x_test": images[48:], "y_test": labels[48:]}


def save(path: Path, arrays: Arrays) -> Path:
    np.savez(path, **arrays)
    return path


def idx(array: NDArray[np.uint8]) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def save_idx(
    folder: Path, arrays: Arrays, name: Callable[[str], str] = str, pack: Callable[[bytes], bytes] = bytes
) -> Path:
    folder.mkdir(exist_ok=True)
    for key, file in zip(KEYS, IDX_NAMES, strict=True):
        (folder / name(file)).write_bytes(pack(idx(arrays[key])))
    return folder


def load_all(path: Path | None, seed: int = 0) -> list[Digits]:
    return [Mnist(path).load(split, seed) for split in SPLITS]


def assert_right(digits: list[Digits], arrays: Arrays) -> None:
    """Test digits are the file's own; training and validation digits share out the others, each with its label."""
    train, validation, test = digits
    assert (len(train), len(validation), len(test)) == (44, 4, 20)
    assert test.images.tobytes() == arrays["x_test"].tobytes()
    assert test.labels.tobytes() == arrays["y_test"].tobytes()
    pairs = [
        (image.tobytes(), int(label))
        for pool in (train, validation)
        for image, label in zip(pool.images, pool.labels, strict=True)
    ]
    known = [(image.tobytes(), int(label)) for image, label in zip(arrays["x_train"], arrays["y_train"], strict=True)]
    assert len(set(pairs)) == 48
    assert set(pairs) == set(known)


def refusal(path: Path | None) -> str:
    """The one line with which loading one of the splits ends; damaged test digits leave sound training digits."""
    with pytest.raises(DataError) as caught:
        load_all(path)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 700
    assert message.startswith("" if path is None else str(path))
    return message


class TestWholeFiles:
    @pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
    def test_npz(self, tmp_path, arrays, write):
        write(tmp_path / "digits.npz", **arrays, extra=np.array(1))
        assert_right(load_all(tmp_path / "digits.npz"), arrays)

    @pytest.mark.parametrize("kind", [np.int64, np.uint16, ">i4", np.int16])
    def test_whole_numbers_of_other_types_are_taken(self, tmp_path, arrays, kind):
        path = save(tmp_path / "wide.npz", {key: array.astype(kind) for key, array in arrays.items()})
        assert_right(load_all(path), arrays)

    @pytest.mark.parametrize("dotted", [False, True], ids=["dash", "dot"])
    @pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gz"])
    def test_idx_files(self, tmp_path, arrays, dotted, zipped):
        def name(file: str) -> str:
            return (file.replace("-idx", ".idx") if dotted else file) + (".gz" if zipped else "")

        folder = save_idx(tmp_path / "idx", arrays, name, gzip.compress if zipped else bytes)
        assert_right(load_all(folder), arrays)
        # One of the four in another form.
        first = folder / name(IDX_NAMES[0])
        first.unlink()
        (folder / "train-images.idx3-ubyte.gz").write_bytes(gzip.compress(idx(arrays["x_train"])))
        assert_right(load_all(folder), arrays)

    def test_the_seed_decides_which_digits_are_set_aside(self, tmp_path, arrays):
        path = save(tmp_path / "digits.npz", arrays)
        chosen = [load_all(path, seed)[1].images.tobytes() for seed in (0, 0, 1, 2)]
        assert chosen[0] == chosen[1]
        assert len(set(chosen)) == 3

    def test_two_training_digits_are_enough_and_one_is_not(self, tmp_path, arrays):
        two = arrays | {"x_train": arrays["x_train"][:2], "y_train": arrays["y_train"][:2]}
        assert [len(digits) for digits in load_all(save(tmp_path / "two.npz", two))] == [1, 1, 20]
        one = arrays | {"x_train": arrays["x_train"][:1], "y_train": arrays["y_train"][:1]}
        assert "at least 2 training digits are needed" in refusal(save(tmp_path / "one.npz", one))


class TestWrongArrays:
    @pytest.mark.parametrize("missing", [("x_train",), ("y_test", "x_test"), KEYS])
    def test_missing_keys_are_named(self, tmp_path, arrays, missing):
        kept = {key: array for key, array in arrays.items() if key not in missing} | {"a\nb": np.zeros(1)}
        message = refusal(save(tmp_path / "x.npz", kept))
        assert f"missing {', '.join(key for key in KEYS if key in missing)}, received " in message
        assert r"'a\nb'" in message

    @pytest.mark.parametrize(
        ("key", "change", "expected"),
        [
            ("y", lambda a: a + 1, "labels must be 0 to 9; received 1 to 10"),
            ("y", lambda a: a.astype(np.int64) - 1, "labels must be 0 to 9; received -1 to 8"),
            ("y", lambda a: a.astype(float), "labels must be whole numbers; received float64"),
            ("y", lambda a: a.astype(str), "labels must be whole numbers; received <U"),
            ("y", lambda a: a[:-1], "one per label"),
            ("y", lambda a: a[:, None], "one non-empty row"),
            ("y", lambda a: np.eye(10, dtype=np.uint8)[a], "one non-empty row"),
            ("y", lambda a: a[0], "one non-empty row"),
            ("y", lambda a: a[:0], "one non-empty row"),
            ("x", lambda a: a.astype(np.uint16) + 1, "pixels must be 0 to 255; received 1 to 256"),
            ("x", lambda a: a.astype(np.int16) - 1, "pixels must be 0 to 255; received -1 to 254"),
            ("x", lambda a: (a / 255).astype(np.float32), "pixels must be whole numbers; received float32"),
            ("x", lambda a: a > 0, "pixels must be whole numbers; received bool"),
            ("x", lambda a: a[:, :27], "received uint8 of shape (48, 27, 28)"),
            ("x", lambda a: a.reshape(-1, 784), "received uint8 of shape (48, 784)"),
            ("x", lambda a: a[..., None], "received uint8 of shape (48, 28, 28, 1)"),
            ("x", lambda a: a[:0], "received uint8 of shape (0, 28, 28)"),
            ("x", lambda a: a[0, 0, 0], "received uint8 of shape ()"),
        ],
    )
    @pytest.mark.parametrize("part", ["train", "test"])
    def test_arrays_that_hold_no_digits_are_refused(self, tmp_path, arrays, key, change, expected, part):
        arrays |= {"x_test": arrays["x_train"], "y_test": arrays["y_train"]}
        name = f"{key}_{part}"
        message = refusal(save(tmp_path / "wrong.npz", arrays | {name: change(arrays[name])}))
        assert expected in message
        assert f"x_{part} and y_{part}" in message

    def test_images_and_labels_exchanged(self, tmp_path, arrays):
        swapped = arrays | {"x_train": arrays["y_train"], "y_train": arrays["x_train"]}
        assert "labels must be 0 to 9" in refusal(save(tmp_path / "swapped.npz", swapped))
        assert "labels must be 0 to 9" in refusal(save_idx(tmp_path / "idx", swapped))

    def test_pickled_objects_are_refused(self, tmp_path, arrays):
        class Trap:
            def __reduce__(self) -> tuple[Any, ...]:
                return Path.touch, (tmp_path / "ran",)

        trap = np.empty(48, object)
        trap[:] = [Trap() for _ in range(48)]
        message = refusal(save(tmp_path / "pickle.npz", arrays | {"y_train": trap}))
        assert "an array of Python objects" in message
        assert not (tmp_path / "ran").exists()


class TestWrongFiles:
    def test_every_truncation_is_found(self, tmp_path, arrays):
        small = {key: array[:6] for key, array in arrays.items()}
        for write in (np.savez, np.savez_compressed):
            buffer = io.BytesIO()
            write(buffer, **small)
            whole = buffer.getvalue()
            path = tmp_path / "cut.npz"
            for size in [*range(0, len(whole), 211), *range(len(whole) - 60, len(whole), 3)]:
                path.write_bytes(whole[:size])
                refusal(path)

    def test_flipped_bits_are_found_or_harmless(self, tmp_path, arrays):
        path = save(tmp_path / "flipped.npz", {key: array[:3] for key, array in arrays.items()})
        whole, good = path.read_bytes(), [digits.images.tobytes() for digits in load_all(path)]
        rng = np.random.default_rng(0)
        harmless = 0
        for place in rng.permutation(len(whole))[:300]:
            damaged = bytearray(whole)
            damaged[place] ^= 1 << rng.integers(8)
            path.write_bytes(damaged)
            try:
                digits = load_all(path)
            except DataError:
                refusal(path)
            else:
                harmless += 1
                assert [pool.images.tobytes() for pool in digits] == good
        assert harmless < 75, "only what a zip file says of dates and attributes"

    def test_other_files_are_refused(self, tmp_path, arrays):
        np.save(tmp_path / "single.npy", arrays["x_train"])
        single = (tmp_path / "single.npy").read_bytes()
        empty_zip, text = b"PK\x05\x06" + bytes(18), b"not a zip file at all\n" * 50
        path = tmp_path / "digits.npz"
        for data in (None, b"", b"x", text, b"PK\x03\x04", empty_zip, bytes(1000), b"\x80\x04N.", single):
            if data is not None:
                path.write_bytes(data)
            message = refusal(path)
            assert "expected an .npz file with x_train, y_train, x_test, y_test" in message
            assert "pickle" not in message, "numpy's advice to trust the file is not passed on"

    def test_a_zip_file_of_something_else(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
            for key in KEYS:
                archive.writestr(key, b"text")
        assert "no arrays" in refusal(tmp_path / "x.npz")


class TestWrongIdx:
    @pytest.fixture
    def folder(self, tmp_path: Path, arrays: Arrays) -> Path:
        return save_idx(tmp_path / "idx", arrays)

    @pytest.mark.parametrize("name", IDX_NAMES)
    def test_a_missing_file_is_named(self, folder, name):
        (folder / name).unlink()
        assert f"{name} is missing" in refusal(folder)
        (folder / name).mkdir()
        assert f"{name} is missing" in refusal(folder)

    @pytest.mark.parametrize("name", IDX_NAMES)
    @pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gz"])
    def test_every_truncation_is_found(self, folder, name, zipped):
        path = folder / name
        whole = path.read_bytes()
        if zipped:
            path.unlink()
            path, whole = path.with_name(f"{name}.gz"), gzip.compress(whole)
        for size in {*range(min(40, len(whole))), *range(40, len(whole), 1999), len(whole) - 1}:
            path.write_bytes(whole[:size])
            assert str(path) in refusal(folder)

    @pytest.mark.parametrize("name", IDX_NAMES)
    def test_files_of_another_kind_are_refused(self, folder, name):
        path = folder / name
        data = path.read_bytes()
        for wrong in (
            b"\x01" + data[1:],
            data[:2] + b"\x0d" + data[3:],  # floats
            data[:3] + b"\x02" + data[4:],  # two axes
            data[:3] + b"\xff" + data[4:],
            data + b"\0",
            data[:4] + b"\xff" * 4 + data[8:],
            data[:4] + bytes(4) + data[8:],
            gzip.compress(data),
            b"<html>404 not found</html>",
        ):
            path.write_bytes(wrong)
            assert str(path) in refusal(folder)
        path.write_bytes(data)
        path.rename(folder / f"{name}.gz")
        assert f"{name}.gz" in refusal(folder), "it is not compressed"


class TestKerasCopy:
    @pytest.fixture(autouse=True)
    def home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """An empty folder for Keras; a download fails the test."""

        def unexpected(*_: Any, **__: Any) -> None:
            raise AssertionError("nothing may be downloaded here")

        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
        monkeypatch.setattr(urllib.request, "urlopen", unexpected)
        return tmp_path / "keras"

    @staticmethod
    def serve(monkeypatch: pytest.MonkeyPatch, data: bytes) -> list[str]:
        asked: list[str] = []

        def urlopen(address: str, timeout: float) -> io.BytesIO:
            assert timeout > 0
            asked.append(address)
            return io.BytesIO(data)

        monkeypatch.setattr(urllib.request, "urlopen", urlopen)
        return asked

    def test_it_is_looked_for_where_keras_keeps_it(self, home, monkeypatch):
        assert keras_copy_path() == home / "datasets" / "mnist.npz"
        monkeypatch.delenv("KERAS_HOME")
        monkeypatch.setenv("HOME", str(home))
        assert keras_copy_path() == home / ".keras" / "datasets" / "mnist.npz"

    def test_the_copy_is_used_and_nothing_downloaded(self, home, arrays):
        (home / "datasets").mkdir(parents=True)
        path = save(home / "datasets" / "mnist.npz", arrays)
        assert_right(load_all(None), arrays)
        path.write_bytes(b"damaged")
        assert refusal(None).startswith(str(path))

    @pytest.mark.parametrize(
        "error",
        [
            urllib.error.URLError("no network"),
            urllib.error.HTTPError("http://x", 503, "busy", None, None),  # type: ignore[arg-type]
            TimeoutError("timed out"),
            ConnectionResetError("reset by peer"),
            http.client.IncompleteRead(b"half of it"),
            http.client.BadStatusLine("?"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_a_download_that_fails_gives_one_clear_line(self, home, monkeypatch, error):
        def fail(*_: Any, **__: Any) -> None:
            raise error

        monkeypatch.setattr(urllib.request, "urlopen", fail)
        message = refusal(None)
        assert message.startswith(f"mnist: not in {home / 'datasets' / 'mnist.npz'} and its download failed (")
        assert message.endswith("or use --digits drawn")
        assert not home.exists()

    def test_a_download_is_checked_kept_and_used_again(self, home, monkeypatch, arrays):
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        data = buffer.getvalue()
        monkeypatch.setattr(module, "KERAS_DIGEST", hashlib.sha256(data).hexdigest())
        asked = self.serve(monkeypatch, data)
        assert_right(load_all(None), arrays)
        assert asked == [module.KERAS_ADDRESS]
        assert keras_copy().read_bytes() == data
        assert [path.name for path in (home / "datasets").iterdir()] == ["mnist.npz"]

    def test_a_download_of_another_file_is_not_kept(self, home, monkeypatch):
        self.serve(monkeypatch, b"<html>please log in</html>")
        assert "not the file that Keras uses" in refusal(None)
        assert not home.exists()

    def test_a_folder_that_cannot_be_written_gives_one_clear_line(self, home, monkeypatch):
        home.write_text("a file where the folder should be")
        monkeypatch.setattr(module, "KERAS_DIGEST", hashlib.sha256(b"data").hexdigest())
        self.serve(monkeypatch, b"data")
        message = refusal(None)
        assert message.startswith("mnist: ")
        assert "cannot be written" in message
        assert message.endswith("or use --digits drawn")


@pytest.mark.mnist
def test_mnist_itself_is_split_into_pools_that_share_no_digit(mnist):
    train, validation, test = load_all(mnist)
    assert (len(train), len(validation), len(test)) == (55_000, 5_000, 10_000)
    with np.load(mnist) as archive:
        assert test.images.tobytes() == archive["x_test"].tobytes()
        known = {image.tobytes(): label for image, label in zip(archive["x_train"], archive["y_train"], strict=True)}
    assert len(known) == 60_000, "no two training images of MNIST are alike"
    assert not any(image.tobytes() in known for image in test.images)
    used = [image.tobytes() for pool in (train, validation) for image in pool.images]
    assert set(used) == set(known)
    assert [known[image] for image in used] == [*train.labels, *validation.labels]
    for pool in (train, validation):
        assert (np.bincount(pool.labels) > len(pool) * 0.08).all()
