"""``multidigit predict --parquet``: parts, the same command again, lists, addresses, and what is refused."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Called, Toys
from PIL import Image

from multidigit.strips.stream import StripStream

parquet = pytest.importorskip("pyarrow.parquet")
Call = Callable[..., Called]
COUNT = 24


def write_photos(toys: Toys, folder: Path) -> None:
    for number, image in enumerate(StripStream(toys.settings()).fixed("test", COUNT).images):
        path = folder / ("more" if number >= 20 else "") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)


@pytest.fixture
def photos(toys: Toys, home: Path) -> Path:
    write_photos(toys, home / "photos")
    return Path("photos")


@pytest.fixture
def predict(toys: Toys, call: Call) -> Call:
    """Parts of ten pictures."""

    def called(*arguments: object) -> Called:
        return call("predict", "--run", toys.run().path, "--part-size", 10, *arguments)

    return called


def rows_in(folder: Path | str) -> list[dict[str, Any]]:
    return [row for part in sorted(Path(folder).glob("*.parquet")) for row in parquet.read_table(part).to_pylist()]


def contents(folder: Path | str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def test_each_picture_is_a_row_in_order(photos: Path, predict: Call, toys: Toys, call: Call) -> None:
    (photos / "5.png").write_bytes(b"no picture")
    result = predict(photos, "missing.png", "--parquet", "out")
    assert result.code == 1
    assert (result.out, result.err.count("multidigit: ")) == ("", 3)
    assert result.err.endswith("multidigit: 2 of 25 could not be read\n")
    rows = rows_in("out")
    readings = call("predict", "--run", toys.run().path, photos, "missing.png", "--json").json["readings"]
    assert [row["image_path"] for row in rows] == [reading["image_path"] for reading in readings]
    assert [row["error"] for row in rows] == [reading.get("error") for reading in readings]
    for row, reading in zip(rows, readings, strict=True):
        if not row["error"]:
            assert (row["text"], row["guess"]) == (reading["text"], reading["alternatives"][0]["text"])
            assert row["confidence"] == pytest.approx(reading["confidence"])
            assert row["box"] == pytest.approx(reading["box"])
    index = json.loads(Path("out/index.json").read_text())
    assert (index["pictures"], index["rows"], index["failed"]) == (25, 23, 2)
    assert [(part["name"], part["pictures"]) for part in index["parts"]] == [
        *(("part-000000.parquet", 10), ("part-000001.parquet", 10), ("part-000002.parquet", 5))
    ]
    for part in index["parts"]:
        assert part["digest"] == hashlib.sha256((Path("out") / part["name"]).read_bytes()).hexdigest()
    assert (index["parts"][0]["first"], index["parts"][2]["last"]) == ("photos/0.png", "missing.png")


def test_answers_are_withheld(photos: Path, predict: Call) -> None:
    # Four numbers, one over the other.
    images = [np.asarray(Image.open(photos / f"{number}.png")) for number in range(4)]
    Image.fromarray(np.max(images, 0)).save(photos / "99.png")
    result = predict(photos, "--parquet", "out", "--at-least", "0.98")
    rows = rows_in("out")
    assert result.code == 3
    assert any(row["withheld"] for row in rows)
    assert all((row["text"] is None) == row["withheld"] for row in rows)


def test_the_same_command_goes_on(photos: Path, predict: Call) -> None:
    assert predict(photos, "--parquet", "out").code == 0
    before = contents("out")
    for name in ("index.json", "part-000001.parquet"):
        (Path("out") / name).unlink()
    kept = (Path("out") / "part-000000.parquet").stat().st_mtime_ns
    result = predict(photos, "--parquet", "out")
    assert result.code == 0
    assert "2 parts stood there already and were kept" in result.err
    assert (Path("out") / "part-000000.parquet").stat().st_mtime_ns == kept
    assert contents("out") == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--length", "3"], "read with length None, not 3"),
        (["--part-size", "5"], "read with part_size 10, not 5"),
        (["more"], "received those of other pictures"),
        (["fewer"], "pictures that are no longer named"),
    ],
    ids=["option", "size", "pictures", "fewer"],
)
def test_parts_of_another_command_are_refused(photos: Path, predict: Call, change: list[str], said: str) -> None:
    predict(photos, "--parquet", "out")
    before = contents("out")
    if change == ["more"]:
        (photos / "3a.png").write_bytes((photos / "3.png").read_bytes())
    if change == ["fewer"]:
        for number in range(20, COUNT):
            (photos / "more" / f"{number}.png").unlink()
        (photos / "more").rmdir()
    result = predict(photos, "--parquet", "out", *(change if change[0].startswith("-") else []))
    assert (result.code, result.err.count("multidigit: ")) == (1, 1)
    assert said in result.err
    assert contents("out") == before


def test_a_damaged_part_is_refused(photos: Path, predict: Call) -> None:
    predict(photos, "--parquet", "out")
    Path("out/part-000000.parquet").write_bytes(b"PAR1")
    result = predict(photos, "--parquet", "out")
    assert result.code == 1
    assert "out/part-000000.parquet: expected a part; received no part that multidigit wrote" in result.err


def test_what_a_list_names_is_read(photos: Path, predict: Call) -> None:
    Path("list.txt").write_text("photos/3.png\n\nmissing.png\r\nphotos/more\n")
    result = predict("--list", "list.txt", "--parquet", "out")
    assert result.code == 1
    paths = ["photos/3.png", "missing.png", *(f"photos/more/{number}.png" for number in range(20, COUNT))]
    assert [row["image_path"] for row in rows_in("out")] == paths
    assert [bool(row["error"]) for row in rows_in("out")] == [path == "missing.png" for path in paths]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "list.txt: cannot be read (No such file or directory)"),
        (b"\n\n", "received none"),
        (b"a" * 5000, "received a line of more than 4,096 bytes"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "received no text"),
    ],
    ids=["missing", "empty", "long", "picture"],
)
def test_what_is_no_list_is_refused(home: Path, predict: Call, content: bytes | None, said: str) -> None:
    if content is not None:
        Path("list.txt").write_bytes(content)
    result = predict("--list", "list.txt", "--parquet", "out")
    assert (result.code, result.err.count("multidigit: ")) == (1, 1)
    assert said in result.err
    assert not Path("out").exists()


def test_what_does_not_go_together(home: Path, call: Call) -> None:
    for arguments in (["a.png", "--on", "ray"], ["a.png", "--part-size", "5"], ["-", "--parquet", "out"], []):
        assert call("predict", *arguments).code == 2
    assert call("predict", "a.png", "--parquet", "out", "--part-size", "0").code == 2


def test_a_folder_that_cannot_be_written(photos: Path, predict: Call) -> None:
    Path("file").touch()
    for where in ("file", "file/below", "unknown://out"):
        result = predict(photos, "--parquet", where)
        assert (result.code, result.err.count("multidigit: ")) == (1, 1)
        assert "name another folder with --parquet" in result.err


def test_packages_that_are_missing(photos: Path, predict: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, package in (("multidigit.bulk.parts", "pyarrow"), ("multidigit.addresses", "fsspec")):
        with monkeypatch.context() as patch:
            patch.setattr(f"{module}.find_spec", lambda _: None)
            result = predict(photos, "--parquet", "memory://out")
            assert result.code == 1
            assert package in result.err
            assert "pip install 'multidigit[ray]'" in result.err


def test_a_killed_command_leaves_whole_parts(photos: Path, toys: Toys, predict: Call) -> None:
    command = [sys.executable, "-m", "multidigit", "predict", "photos", "--parquet", "out", "--part-size", "10"]
    process = subprocess.Popen([*command, "--run", str(toys.run().path)], stderr=subprocess.DEVNULL)
    while not Path("out/part-000000.parquet").exists():
        assert process.poll() is None or Path("out/index.json").exists()
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    for part in Path("out").glob("part-*.parquet"):
        assert parquet.read_table(part).num_rows in (10, 4)
    assert predict(photos, "--parquet", "out").code == 0
    again = rows_in("out")
    assert predict(photos, "--parquet", "whole").code == 0
    assert again == rows_in("whole")
    assert not [name for name in contents("out") if name.startswith(".")]


@pytest.fixture(scope="module")
def bucket(toys: Toys, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A bucket of a server on this machine, with the pictures in it."""
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        import fsspec

        files = fsspec.filesystem("s3", use_listings_cache=False)
        files.mkdir("bucket")
        folder = tmp_path_factory.mktemp("bucket")
        write_photos(toys, folder / "photos")
        files.put(str(folder / "photos"), "bucket/photos", recursive=True)
        yield files
    server.stop()


def test_pictures_and_parts_at_addresses(bucket: Any, photos: Path, predict: Call) -> None:
    bucket.pipe("bucket/photos/empty.png", b"")
    (photos / "empty.png").touch()
    assert predict("s3://bucket/photos/", "--parquet", "s3://bucket/out").code == 1
    assert predict(photos, "--parquet", "out").code == 1
    bucket.get("bucket/out", "from-bucket", recursive=True)
    for elsewhere, local in zip(rows_in("from-bucket"), rows_in("out"), strict=True):
        assert elsewhere.pop("image_path") == f"s3://bucket/{local.pop('image_path')}"
        assert bool(elsewhere.pop("error")) == bool(local.pop("error"))
        assert elsewhere == local
    result = predict("s3://bucket/photos", "--parquet", "s3://bucket/out")
    assert "3 parts stood there already and were kept" in result.err
    # Pictures of a folder of this machine and of a list of addresses go together.
    Path("list.txt").write_text("s3://bucket/photos/1.png\ns3://bucket/photos/none.png\n")
    assert predict(photos / "0.png", "--list", "list.txt", "--parquet", "mixed").code == 1
    assert [bool(row["error"]) for row in rows_in("mixed")] == [False, False, True]


def test_buckets_that_are_not_there(bucket: Any, photos: Path, predict: Call) -> None:
    result = predict(photos, "--parquet", "s3://nowhere/out")
    assert (result.code, result.err.count("multidigit: ")) == (1, 1)
    assert "s3://nowhere/out/part-000000.parquet: cannot be written" in result.err
    result = predict("s3://nowhere/photos", "--parquet", "out")
    assert (result.code, result.err.count("multidigit: ")) == (1, 2)
    assert "s3://nowhere/photos: expected a folder that can be read" in result.err
