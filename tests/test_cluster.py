"""What is said where a cluster does not suit; with a cluster: ``experiments/test_on_ray.py``."""

from __future__ import annotations

import re
import socket

import pytest

from multidigit.cluster import check_version, missing_package, parse
from multidigit.errors import MultidigitError
from multidigit.version import __version__


@pytest.mark.parametrize(
    ("on", "address"), [("ray", None), ("ray://head", "head:10001"), ("ray://10.0.0.7:6000", "10.0.0.7:6000")]
)
def test_addresses(on: str, address: str | None) -> None:
    assert parse(on) == address


@pytest.mark.parametrize("on", ["", "Ray", "ray:", "ray://", "ray://:6000", "ray://head:port", "head:6000"])
def test_what_is_no_address(on: str) -> None:
    with pytest.raises(ValueError, match=rf"^expected ray, or ray://HOST:PORT of a Ray cluster; received '{on}'$"):
        parse(on)


def test_nodes_have_the_version_of_the_program() -> None:
    check_version(__version__)
    expected = f"expected multidigit 0.0.1 on node {socket.gethostname()}; received {__version__}; install the same"
    with pytest.raises(MultidigitError, match=f"^{re.escape(expected)}"):
        check_version("0.0.1")


def test_a_node_without_the_package_is_named_as_the_cause() -> None:
    assert missing_package(ImportError("No module named 'numpy'")) == ""
    assert f"pip install 'multidigit[ray]=={__version__}'" in missing_package(
        ImportError("No module named 'multidigit.bulk'")
    )
