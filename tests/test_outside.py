"""Files from outside: bounded in size, memory and time, and neither pipes nor devices are waited for."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multidigit import outside
from multidigit.outside import parse_json, read_arrays, read_bytes

Damage = Callable[[Path], object]


def npy(header: str, body: bytes = b"") -> bytes:
    """A file in numpy's format with a header of one's own."""
    text = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


def npz(path: Path, members: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def peak(work: Callable[[], Any]) -> int:
    """The most memory that Python and numpy asked for, in bytes."""
    tracemalloc.start()
    try:
        work()
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return most


class TestFiles:
    def test_a_file_is_read_up_to_its_limit(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"x" * 100)
        assert read_bytes(path, 100) == b"x" * 100
        with pytest.raises(OSError, match="it has 100 bytes; at most 99 are read"):
            read_bytes(path, 99)

    def test_a_large_file_is_refused_before_it_is_read(self, tmp_path: Path) -> None:
        path = tmp_path / "sparse"
        with path.open("wb") as file:
            file.truncate(10**12)

        def read() -> None:
            with pytest.raises(OSError, match="at most 1,000 are read"):
                read_bytes(path, 1_000)

        assert peak(read) < 1_000_000

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes and devices")
    @pytest.mark.parametrize("place", ["pipe", "/dev/zero", "link"])
    def test_pipes_and_devices_are_refused_at_once(self, place: str, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "link").symlink_to("/dev/zero")
        with pytest.raises(OSError, match="it is a pipe or a device, not a file"):
            read_bytes(tmp_path / place, 1_000)

    def test_folders_and_missing_files_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match="it is a folder"):
            read_bytes(tmp_path, 1_000)
        with pytest.raises(FileNotFoundError):
            read_bytes(tmp_path / "none", 1_000)


class TestJson:
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("[" * 100_000, "nested too deeply"),
            ('{"a":' * 100_000, "nested too deeply"),
            ("9" * 5_000, "too many digits"),
        ],
        ids=["lists", "objects", "digits"],
    )
    def test_what_cannot_be_taken_in_is_a_value_error(self, text: str, reason: str) -> None:
        with pytest.raises(ValueError, match=reason):
            parse_json(text)


class TestArrays:
    def test_arrays_of_every_kind_come_back(self, tmp_path: Path) -> None:
        arrays = {"a": np.arange(6, dtype=np.uint8).reshape(2, 3), "b": np.asfortranarray(np.eye(3)), "c": np.array(5)}
        for save in (np.savez, np.savez_compressed):
            save(tmp_path / "x.npz", **arrays)
            found = read_arrays(tmp_path / "x.npz", ("a", "b", "c"))
            assert all(np.array_equal(found[name], arrays[name]) for name in arrays)
            assert found["a"].dtype == np.uint8

    def test_what_is_not_asked_for_is_not_read(self, tmp_path: Path) -> None:
        path = npz(tmp_path / "x.npz", {"a.npy": npy("damage"), "b.npy": npy_of(np.arange(3))})
        assert read_arrays(path, ("b",))["b"].tolist() == [0, 1, 2]

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000,)}"), "not what it holds"),
            (npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-4, -1)}", b"1234"), "not what it holds"),
            (npy("{'descr': '|V0', 'fortran_order': False, 'shape': (1000000000000,)}"), "not what it holds"),
            (npy("{'descr': '<U100000000', 'fortran_order': False, 'shape': (9,)}"), "not what it holds"),
            (npy("{'descr': '|u1', 'fortran_order': False, 'shape': (5,)}", b"1234"), "not what it holds"),
            (npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", pickle.dumps([1])), "Python objects"),
            (npy("(" * 100), "header is damaged"),
            (npy("__import__('os').system('false')"), "header is damaged"),
            (b"\x93NUMPY\x03\x00" + b"\x00" * 50, "format"),
            (pickle.dumps([1, 2, 3]), "magic string"),
            (b"", "magic string|EOF"),
        ],
        ids=[
            "huge",
            "negative",
            "no size",
            "long text",
            "short",
            "objects",
            "deep",
            "code",
            "format",
            "pickle",
            "empty",
        ],
    )
    def test_damaged_arrays_are_refused_in_little_memory(self, data: bytes, reason: str, tmp_path: Path) -> None:
        path = npz(tmp_path / "x.npz", {"a.npy": data})

        def read() -> None:
            with pytest.raises(ValueError, match=reason):
                read_arrays(path, ("a",))

        assert peak(read) < 5_000_000

    def test_a_zip_bomb_is_refused_before_it_is_unpacked(self, tmp_path: Path) -> None:
        bomb = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (50000000,)}", bytes(50_000_000))
        path = npz(tmp_path / "x.npz", {"a.npy": bomb}, zipfile.ZIP_DEFLATED)
        assert path.stat().st_size < 100_000

        def read() -> None:
            with pytest.raises(ValueError, match=r"it unpacks to 50,000,\d+ bytes; at most 1,000,000 are read"):
                read_arrays(path, ("a",), 1_000_000)

        assert peak(read) < 1_000_000
        assert read_arrays(path, ("a",))["a"].shape == (50_000_000,)

    def test_no_more_is_unpacked_than_an_archive_declares(self, tmp_path: Path) -> None:
        whole = npz(tmp_path / "x.npz", {"a.npy": bytes(50_000_000)}, zipfile.ZIP_DEFLATED).read_bytes()
        real, lie = struct.pack("<I", 50_000_000), struct.pack("<I", 1_000)
        (tmp_path / "x.npz").write_bytes(whole.replace(real, lie))

        def read() -> None:
            with pytest.raises(ValueError, match=r"\w"):
                read_arrays(tmp_path / "x.npz", ("a",), 1_000_000)

        assert peak(read) < 1_000_000

    def test_archives_of_many_files_are_refused_before_they_are_listed(self, tmp_path: Path) -> None:
        path = npz(tmp_path / "x.npz", {f"{number:0200}": b"" for number in range(5_000)})

        def read() -> None:
            with pytest.raises(ValueError, match="its list of files has"):
                read_arrays(path, ("a",))

        assert path.stat().st_size > outside.MOST_DIRECTORY_BYTES
        assert peak(read) < 1_000_000

    @pytest.mark.parametrize("how", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
    def test_unusual_packing_is_refused(self, how: int, tmp_path: Path) -> None:
        path = npz(tmp_path / "x.npz", {"a.npy": npy_of(np.arange(3))}, how)
        with pytest.raises(ValueError, match="packed in an unusual way"):
            read_arrays(path, ("a",))

    def test_other_files_are_refused(self, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.arange(3))
        (tmp_path / "p.npz").write_bytes(pickle.dumps({"a": 1}))
        for path in (tmp_path / "x.npy", tmp_path / "p.npz"):
            with pytest.raises(ValueError, match="no archive"):
                read_arrays(path, ("a",))


def npy_of(array: np.ndarray[Any, Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()
