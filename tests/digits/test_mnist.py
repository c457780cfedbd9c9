"""Digits in MNIST's formats: every form in which people have them, and every way in which they are damaged."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from multidigit.digits import SPLITS
from multidigit.digits import mnist as module
from multidigit.digits.base import Digits
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


def refusal(path: Path | None, split: str = "train") -> str:
    """The one line that loading ends with."""
    with pytest.raises(DataError) as caught:
        Mnist(path).load(split, 0)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 700
    if path is not None:
        assert message.startswith(str(path))
    return message


def fails_in_one_line(path: Path) -> None:
    """Loading one of the splits ends with one line; a file with damaged test digits has sound training digits."""
    with pytest.raises(DataError) as caught:
        load_all(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


class TestWholeFiles:
    @pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
    def test_npz(self, tmp_path, arrays, write):
        write(tmp_path / "digits.npz", **arrays)
        assert_right(load_all(tmp_path / "digits.npz"), arrays)

    @pytest.mark.parametrize("kind", [np.int64, np.uint16, ">i4", np.int16])
    def test_whole_numbers_of_other_types_are_taken(self, tmp_path, arrays, kind):
        path = save(tmp_path / "wide.npz", {key: array.astype(kind) for key, array in arrays.items()})
        assert_right(load_all(path), arrays)

    def test_more_keys_than_needed_do_no_harm(self, tmp_path, arrays):
        assert_right(load_all(save(tmp_path / "more.npz", arrays | {"extra": np.array(1)})), arrays)

    @pytest.mark.parametrize("dotted", [False, True], ids=["dash", "dot"])
    @pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gz"])
    def test_idx_files(self, tmp_path, arrays, dotted, zipped):
        def name(file: str) -> str:
            return (file.replace("-idx", ".idx") if dotted else file) + (".gz" if zipped else "")

        folder = save_idx(tmp_path / "idx", arrays, name, gzip.compress if zipped else bytes)
        assert_right(load_all(folder), arrays)

    def test_idx_files_of_mixed_forms(self, tmp_path, arrays):
        folder = save_idx(tmp_path / "idx", arrays)
        plain = folder / IDX_NAMES[0]
        (folder / "train-images.idx3-ubyte.gz").write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
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
        kept = {key: array for key, array in arrays.items() if key not in missing} | {"images": np.zeros(1)}
        message = refusal(save(tmp_path / "x.npz", kept))
        ends = [part for part in KEYS if part in missing]
        assert f"missing {', '.join(ends)}, received 'images'" in message

    def test_names_out_of_the_file_are_given_in_one_line(self, tmp_path):
        assert r"'a\nb'" in refusal(save(tmp_path / "x.npz", {"a\nb": np.zeros(1)}))

    @pytest.mark.parametrize(
        ("key", "change", "expected"),
        [
            ("y_train", lambda a: a + 1, "labels must be 0 to 9; received 1 to 10"),
            ("y_train", lambda a: a.astype(np.int64) - 1, "labels must be 0 to 9; received -1 to 8"),
            ("y_train", lambda a: a.astype(float), "labels must be whole numbers; received float64"),
            ("y_train", lambda a: a.astype(str), "labels must be whole numbers; received <U"),
            ("y_train", lambda a: a[:-1], "one per label"),
            ("y_train", lambda a: a[:, None], "one non-empty row"),
            ("y_train", lambda a: np.eye(10, dtype=np.uint8)[a], "one non-empty row"),
            ("y_train", lambda a: a[0], "one non-empty row"),
            ("y_train", lambda a: a[:0], "one non-empty row"),
            ("x_train", lambda a: a.astype(np.uint16) + 1, "pixels must be 0 to 255; received 1 to 256"),
            ("x_train", lambda a: a.astype(np.int16) - 1, "pixels must be 0 to 255; received -1 to 254"),
            ("x_train", lambda a: (a / 255).astype(np.float32), "pixels must be whole numbers; received float32"),
            ("x_train", lambda a: a > 0, "pixels must be whole numbers; received bool"),
            ("x_train", lambda a: a[:, :27], "received uint8 of shape (48, 27, 28)"),
            ("x_train", lambda a: a.reshape(-1, 784), "received uint8 of shape (48, 784)"),
            ("x_train", lambda a: a[..., None], "received uint8 of shape (48, 28, 28, 1)"),
            ("x_train", lambda a: a[:0], "received uint8 of shape (0, 28, 28)"),
            ("x_train", lambda a: a[0, 0, 0], "received uint8 of shape ()"),
        ],
    )
    def test_arrays_that_hold_no_digits_are_refused(self, tmp_path, arrays, key, change, expected):
        for part, split in (("train", "train"), ("train", "validation"), ("test", "test")):
            other = key.replace("train", part)
            size = slice(None) if part == "train" else slice(0, 48)
            grown = {f"{axis}_{part}": arrays[f"{axis}_train"][size] for axis in "xy"}
            path = save(tmp_path / f"{split}.npz", arrays | grown | {other: change(arrays[key])})
            message = refusal(path, split)
            assert expected in message
            assert f"x_{part} and y_{part}" in message

    def test_images_and_labels_exchanged(self, tmp_path, arrays):
        swapped = arrays | {"x_train": arrays["y_train"], "y_train": arrays["x_train"]}
        assert "labels must be 0 to 9" in refusal(save(tmp_path / "swapped.npz", swapped))

    def test_pickled_objects_are_refused(self, tmp_path, arrays):
        class Trap:
            def __reduce__(self) -> tuple[Any, ...]:
                return Path.touch, (tmp_path / "ran",)

        trap = np.empty(48, object)
        trap[:] = [Trap() for _ in range(48)]
        message = refusal(save(tmp_path / "pickle.npz", arrays | {"y_train": trap}))
        assert "Object arrays cannot be loaded" in message
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
        for place in rng.permutation(len(whole))[:600]:
            damaged = bytearray(whole)
            damaged[place] ^= 1 << rng.integers(8)
            path.write_bytes(damaged)
            try:
                digits = load_all(path)
            except DataError:
                fails_in_one_line(path)
            else:
                harmless += 1
                assert [pool.images.tobytes() for pool in digits] == good
        assert harmless < 150, "only what a zip file says of dates and attributes"

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"x",
            b"not a zip file at all\n" * 50,
            b"PK\x03\x04",
            b"PK\x05\x06" + bytes(18),
            bytes(1000),
            b"\x80\x04N.",
        ],
        ids=["empty", "one", "text", "head", "nozip", "zeros", "pickle"],
    )
    def test_other_files_are_refused(self, tmp_path, data):
        path = tmp_path / "digits.npz"
        path.write_bytes(data)
        message = refusal(path)
        assert "expected an .npz file with x_train, y_train, x_test, y_test" in message
        assert "pickle" not in message, "numpy's advice to trust the file is not passed on"

    def test_a_single_array_is_refused(self, tmp_path, arrays):
        np.save(tmp_path / "digits.npy", arrays["x_train"])
        assert "expected an .npz file" in refusal(tmp_path / "digits.npy")

    def test_a_file_that_is_not_there(self, tmp_path):
        assert "expected an .npz file" in refusal(tmp_path / "none.npz")

    def test_a_zip_file_of_something_else(self, tmp_path, arrays):
        import zipfile

        with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
            for key in KEYS:
                archive.writestr(key, b"text")
        assert "no arrays" in refusal(tmp_path / "x.npz")


class TestWrongIdx:
    @pytest.fixture
    def folder(self, tmp_path: Path, arrays: Arrays) -> Path:
        return save_idx(tmp_path / "idx", arrays)

    def test_an_empty_folder(self, tmp_path):
        assert f"{IDX_NAMES[0]} is missing" in refusal(tmp_path)

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

    @pytest.mark.parametrize(
        "change",
        [
            lambda data: b"\x01" + data[1:],
            lambda data: data[:2] + b"\x0d" + data[3:],
            lambda data: data[:3] + b"\x02" + data[4:],
            lambda data: data[:3] + b"\xff" + data[4:],
            lambda data: data + b"\0",
            lambda data: data[:4] + b"\xff" * 4 + data[8:],
            lambda data: data[:4] + bytes(4) + data[8:],
            lambda data: gzip.compress(data),
            lambda data: b"<html>404 not found</html>",
        ],
        ids=["magic", "floats", "two axes", "255 axes", "a byte more", "huge", "none", "gzipped", "page"],
    )
    @pytest.mark.parametrize("name", IDX_NAMES)
    def test_files_of_another_kind_are_refused(self, folder, name, change):
        path = folder / name
        path.write_bytes(change(path.read_bytes()))
        assert str(path) in refusal(folder)

    @pytest.mark.parametrize("name", IDX_NAMES)
    def test_a_file_called_gz_that_is_not_gzipped(self, folder, name):
        (folder / name).rename(folder / f"{name}.gz")
        assert f"{name}.gz" in refusal(folder)

    @pytest.mark.parametrize("split", SPLITS)
    def test_files_that_hold_no_digits_are_refused(self, folder, arrays, split):
        for name, key in zip(IDX_NAMES, KEYS, strict=True):
            if ("test" in key) == (split == "test"):
                (folder / name).write_bytes(idx(np.zeros((0, 28, 28) if key[0] == "x" else (0,), np.uint8)))
        assert "one non-empty row" in refusal(folder, split)

    def test_images_and_labels_exchanged(self, folder):
        images, labels = (folder / name for name in IDX_NAMES[:2])
        images.rename(folder / "aside")
        labels.rename(images)
        (folder / "aside").rename(labels)
        assert "labels must be 0 to 9" in refusal(folder)


class TestKerasCopy:
    @pytest.fixture(autouse=True)
    def home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """An empty folder for Keras; a download fails the test."""
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
        monkeypatch.setattr(urllib.request, "urlopen", self.unexpected)
        return tmp_path / "keras"

    @staticmethod
    def unexpected(*_: Any, **__: Any) -> None:
        raise AssertionError("nothing may be downloaded here")

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
        save(home / "datasets" / "mnist.npz", arrays)
        assert_right(load_all(None), arrays)

    def test_a_damaged_copy_is_named(self, home):
        (home / "datasets").mkdir(parents=True)
        (home / "datasets" / "mnist.npz").write_bytes(b"damaged")
        assert refusal(None).startswith(str(home / "datasets" / "mnist.npz"))

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

    def test_a_download_of_another_file_is_not_kept(self, home, monkeypatch, arrays):
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
        known, images = archive["y_train"], archive["x_train"]
        assert test.images.tobytes() == archive["x_test"].tobytes()
    seen = {image.tobytes(): index for index, image in enumerate(images)}
    assert len(seen) == 60_000, "no two training images of MNIST are alike"
    used = {
        name: {seen[image.tobytes()] for image in pool.images}
        for name, pool in (("train", train), ("validation", validation))
    }
    assert not used["train"] & used["validation"]
    assert used["train"] | used["validation"] == set(range(60_000))
    assert not any(image.tobytes() in seen for image in test.images)
    for pool in (train, validation):
        assert (known[[seen[image.tobytes()] for image in pool.images]] == pool.labels).all()
        assert (np.bincount(pool.labels) > len(pool) * 0.08).all()
