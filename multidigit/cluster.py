"""Work done by the processes of a Ray cluster (https://docs.ray.io), or of one on this machine that is started for it.

Ray is imported only here and in the functions that are given tasks; without ``--on`` no command needs it.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType

from multidigit.errors import MultidigitError, reason
from multidigit.version import __version__

LOCAL = "ray"
"""``--on`` this: the cluster of the environment variable RAY_ADDRESS, one that runs on this machine, or a new one."""
CLIENT = "ray://"
"""``--on`` this with host and port: a cluster elsewhere, reached through the port of its Ray Client server."""
CLIENT_PORT = 10001
"""Of that server, where no other is named."""
SECONDS = 5.0
"""After which an address that does not answer counts as unreachable; Ray itself tries for minutes."""
RAY_ADDRESS = "RAY_ADDRESS"


class ClusterWarning(UserWarning):
    """The cluster is not as expected, but may become so."""


def parse(on: str) -> str | None:
    """The address that ``--on`` names, ``HOST:PORT``; ``None`` where it is just ``ray``.

    Raises:
        ValueError: it is neither ``ray`` nor ``ray://HOST:PORT``.
    """
    if on == LOCAL:
        return None
    host, _, port = on.removeprefix(CLIENT).partition(":")
    if not on.startswith(CLIENT) or not host or not (port or str(CLIENT_PORT)).isdecimal():
        raise ValueError(f"expected ray, or ray://HOST:PORT of a Ray cluster; received {on!r}")
    return f"{host}:{port or CLIENT_PORT}"


@contextmanager
def connected(on: str) -> Iterator[ModuleType]:
    """Within the block this process is connected to the cluster that ``--on`` names; gives the module ``ray``.

    Raises:
        MultidigitError: Ray is not installed, the cluster cannot be reached, or its Ray or Python is of another
            version.
    """
    if not find_spec("ray"):
        raise MultidigitError(f"--on {on} needs Ray; install it with pip install 'multidigit[ray]'")
    import ray

    address = parse(on)
    wanted = address or os.environ.get(RAY_ADDRESS, "")
    if wanted:
        _check_reachable(on, wanted)
    try:
        ray.init(
            address=f"{CLIENT}{address}" if address else None,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        where = wanted or "this machine"
        raise MultidigitError(
            f"--on {on}: expected a Ray cluster at {where} of the same versions of Ray ({ray.__version__}) and Python; "
            f"received: {reason(error)}"
        ) from None
    try:
        yield ray
    finally:
        ray.shutdown()


def missing_package(error: Exception) -> str:
    """What to do where a process of the cluster cannot import this package; empty for other errors."""
    if "No module named 'multidigit" not in str(error):
        return ""
    return (
        f"expected multidigit {__version__} on every node, the head too; a node has none, or one without --on; "
        f"install it there with pip install 'multidigit[ray]=={__version__}'"
    )


def check_version(version: str) -> None:
    """In a process of the cluster: refuse work for a program of another version than its own.

    Raises:
        MultidigitError: it is another one.
    """
    if version != __version__:
        raise MultidigitError(
            f"expected multidigit {version} on node {socket.gethostname()}; received {__version__}; install the same "
            "there"
        )


def _check_reachable(on: str, address: str) -> None:
    """Refuse an address where nobody listens."""
    host, _, port = address.removeprefix(CLIENT).partition(":")
    if not port.isdecimal():
        return  # a name that only Ray knows, as "auto"
    try:
        socket.create_connection((host, int(port)), SECONDS).close()
    except (OSError, OverflowError) as error:
        named = "" if address in on else f", which {RAY_ADDRESS} names"
        raise MultidigitError(
            f"--on {on}: expected a Ray cluster at {address}{named}; received: {reason(error)}; start one there, or "
            "use --on ray for one on this machine"
        ) from None
