"""Parts: so many pictures each, and their readings as Parquet files (https://parquet.apache.org)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from io import BytesIO
from itertools import islice
from typing import Any, TypeAlias

from multidigit.errors import MultidigitError, PictureError
from multidigit.reading.answers import Row, best_guess

INDEX = "index.json"
"""Lists the parts; written when all are there."""
About: TypeAlias = dict[str, Any]
"""What pictures are read with, in plain values: it tells parts of two commands apart."""
_KEY = b"multidigit"
"""Under which a file's own metadata hold ``About`` and ``Summary``."""


@dataclass(frozen=True)
class Part:
    """Pictures that are read together.

    Attributes:
        number: from 0.
        found: their paths, and errors of paths that name no picture.
    """

    number: int
    found: Sequence[str | PictureError]

    @property
    def name(self) -> str:
        """What its file is called."""
        return f"part-{self.number:06}.parquet"

    @property
    def paths(self) -> list[str]:
        """Paths as they are written: bytes in names that are no UTF-8 stand as ``\\\\udcff``."""
        return [_written(each.picture if isinstance(each, PictureError) else each) for each in self.found]

    def digest(self) -> str:
        """SHA-256 of its paths and their order."""
        return hashlib.sha256("\0".join(self.paths).encode()).hexdigest()


@dataclass(frozen=True)
class Summary:
    """What a part holds.

    Attributes:
        name: of its file.
        pictures: in it.
        rows: of digits that were read; with every row of a picture asked for, more than pictures.
        withheld: of these rows.
        failed: pictures that could not be read.
        first: path of the first picture.
        last: of the last one.
        paths: SHA-256 of all paths.
    """

    name: str
    pictures: int
    rows: int
    withheld: int
    failed: int
    first: str
    last: str
    paths: str


def in_parts(found: Iterable[str | PictureError], size: int) -> Iterator[Part]:
    """Parts of so many pictures, the last one of fewer; no more than one is held in memory."""
    left, number = iter(found), 0
    while pictures := tuple(islice(left, size)):
        yield Part(number, pictures)
        number += 1


def check_installed() -> None:
    """Refuse to go on without the package that writes Parquet files.

    Raises:
        MultidigitError: it is not installed.
    """
    if not find_spec("pyarrow"):
        raise MultidigitError("--parquet needs pyarrow; install it with pip install 'multidigit[ray]'")


def encode(part: Part, rows: Sequence[Row], about: About) -> bytes:
    """A part's Parquet file.

    Columns: ``image_path``; ``text``, null where it is withheld or there is none; ``confidence``; ``guess``, the
    likeliest number whether it is answered or not; ``withheld``; ``too_long``; ``digits``; ``alternatives``; ``box``,
    in pixels and degrees; ``others``; ``error``, null where the picture was read.
    """
    import pyarrow as pa
    from pyarrow import parquet

    number = pa.float32()
    box = pa.struct([(side, number) for side in ("x", "y", "width", "height", "angle")])
    columns = {
        "image_path": pa.string(),
        "text": pa.string(),
        "confidence": number,
        "guess": pa.string(),
        "withheld": pa.bool_(),
        "too_long": pa.bool_(),
        "digits": pa.list_(number),
        "alternatives": pa.list_(pa.struct([("text", pa.string()), ("confidence", number)])),
        "box": box,
        "others": pa.int32(),
        "error": pa.string(),
    }
    failed, paths = sum("error" in row for row in rows), part.paths
    summary = Summary(
        name=part.name,
        pictures=len(paths),
        rows=len(rows) - failed,
        withheld=sum(row.get("withheld", False) for row in rows),
        failed=failed,
        first=paths[0],
        last=paths[-1],
        paths=part.digest(),
    )
    metadata = {_KEY: json.dumps({"about": about, "part": asdict(summary)}).encode()}
    schema = pa.schema(list(columns.items()), metadata=metadata)
    stream = BytesIO()
    parquet.write_table(pa.Table.from_pylist([_cells(row) for row in rows], schema), stream, compression="zstd")
    return stream.getvalue()


def _cells(row: Row) -> Row:
    if "error" in row:
        return {"image_path": _written(row["image_path"]), "error": _written(row["error"])}
    return {
        **row,
        "image_path": _written(row["image_path"]),
        "text": None if row["withheld"] else row["text"],
        "guess": best_guess(row),
    }


def described(data: bytes) -> tuple[About, Summary]:
    """What a part's file says of itself.

    Raises:
        ValueError: it is not the file of a part, or damaged.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        held = json.loads(parquet.read_metadata(BytesIO(data)).metadata[_KEY])
        return held["about"], Summary(**held["part"])
    except (pa.ArrowException, OSError, KeyError, TypeError) as error:
        raise ValueError(f"no part that multidigit wrote ({type(error).__name__})") from None


def errors_in(data: bytes) -> list[str]:
    """The errors in a part's file."""
    from pyarrow import parquet

    column = parquet.read_table(BytesIO(data), columns=["error"]).column("error")
    return column.drop_null().to_pylist()


def _written(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
