"""Files that have an address, ``PROTOCOL://…``, such as those of S3: opened through fsspec and its packages.

Imported only for addresses; ``s3://`` needs the package s3fs, others need the one that fsspec names.
"""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from multidigit.errors import reason

if TYPE_CHECKING:
    from collections.abc import Iterator


def is_address(path: object) -> bool:
    """Whether a path is an address. A ``Path`` never is: it makes one slash of two."""
    return isinstance(path, str) and "://" in path


def read_address(address: str, most: int) -> bytes:
    """The first ``most`` bytes of a file, or all.

    Raises:
        OSError: it cannot be read, a package is missing, or the protocol is unknown; ``FileNotFoundError`` where there
            is no such file.
    """
    files, path = _opened(address)
    with _faults():
        data: bytes = files.cat_file(path, start=0, end=most)
        return data


def write_address(address: str, data: bytes) -> None:
    """Write a file; where files are stored as objects, as by S3, it is whole or not there.

    Raises:
        OSError: it cannot be written.
    """
    files, path = _opened(address)
    with _faults():
        files.pipe_file(path, data)


def list_address(address: str) -> list[tuple[str, bool]]:
    """Names of what is in a folder, in no order, and whether each is a folder.

    Raises:
        OSError: as ``read_address``.
    """
    files, path = _opened(address)
    with _faults():
        entries = files.ls(path, detail=True)
        # S3 lists a folder that was made by hand as a file of its own name.
        found = [(str(entry["name"]).rstrip("/"), entry["type"] == "directory") for entry in entries]
        return [(name.rpartition("/")[2], folder) for name, folder in found if name != path.rstrip("/")]


def _opened(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it."""
    if not find_spec("fsspec"):
        raise OSError(None, "addresses need fsspec: pip install 'multidigit[ray]'")
    from fsspec.core import url_to_fs

    try:
        # What was listed is not kept: it may be a million names, and others may write there.
        files, path = url_to_fs(address, use_listings_cache=False)
    except (ImportError, ValueError, TypeError) as error:
        raise OSError(None, f"no address that fsspec can open: {reason(error)}") from None
    return files, str(path)


@contextmanager
def _faults() -> Iterator[None]:
    """Within the block every fault of a file system becomes an ``OSError``: each raises its own, botocore dozens."""
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(None, "no such file or folder") from None
    except Exception as error:
        raise OSError(None, reason(error) or type(error).__name__) from None
