"""The processes, on one or several machines, that train one network together: who they are, and whether all are alive.

They are described as TensorFlow describes them, in the environment variable ``TF_CONFIG``. Before TensorFlow joins them
they join here, over connections that stay open: so one that never comes is named after ``ARRIVAL`` seconds, and one
that has ended is known, where TensorFlow would wait for long. Does not import TensorFlow.
"""

from __future__ import annotations

import hashlib
import json
import os
import selectors
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from multidigit.errors import MultidigitError, one_line, reason

ARRIVAL = 300.0
"""Seconds in which all workers must have arrived: some may read many pictures first."""
GRACE = 40.0
"""Seconds in which training ends by itself where a worker is gone, before the process is ended: TensorFlow was seen to
notice after 4 to 17."""
_RETRY = 0.2
_GREETING = 256
"""Bytes of a greeting, at most."""
_DONE = b"done"
_EXAMPLE = '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'


@dataclass(frozen=True)
class Cluster:
    """The workers of a training, and which of them this process is.

    Attributes:
        addresses: ``host:port`` of each, in their order; the first is the chief.
        worker: the number of this one, from 0.
    """

    addresses: tuple[str, ...]
    worker: int

    @property
    def chief(self) -> bool:
        """Whether this one writes the run."""
        return self.worker == 0

    def named(self, worker: int) -> str:
        return f"worker {worker} ({self.addresses[worker]})"


def cluster_in(environment: Mapping[str, str] = os.environ) -> Cluster | None:
    """The cluster that ``TF_CONFIG`` describes; ``None`` where there is none, or one of a single worker.

    Raises:
        MultidigitError: it cannot be used.
    """
    text = environment.get("TF_CONFIG", "").strip()
    if not text:
        return None

    def refused(what: str) -> MultidigitError:
        return MultidigitError(f"TF_CONFIG {what}; set it as in {_EXAMPLE}, or unset it to train alone")

    try:
        config = json.loads(text)
    except ValueError:
        raise refused(f"must be JSON; received {text[:80]!r}") from None
    config = config if isinstance(config, dict) else {}
    cluster, task = config.get("cluster"), config.get("task")
    if not isinstance(cluster, dict) or not isinstance(task, dict):
        raise refused(f"must have a cluster and a task; received {', '.join(map(str, config)) or 'neither'}")
    if other := set(cluster) - {"chief", "worker"}:
        raise refused(f"may have tasks of the types chief and worker; received {', '.join(sorted(map(str, other)))}")
    # In TensorFlow's order: a task of the type chief comes before the workers.
    tasks = [(kind, index) for kind in ("chief", "worker") for index in range(len(_listed(cluster, kind)))]
    addresses = [str(address) for kind in ("chief", "worker") for address in _listed(cluster, kind)]
    for address in addresses:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 2**16:
            raise refused(f"must give addresses as host:port; received {address!r}")
    if twice := [address for address in addresses if addresses.count(address) > 1]:
        raise refused(f"must give each worker an address of its own; received {twice[0]} twice")
    own = task.get("type"), task.get("index")
    if own not in tasks:
        raise refused(f"has no task {own[0]} {own[1]} among its {len(tasks)} workers")
    return Cluster(tuple(addresses), tasks.index(own)) if len(tasks) > 1 else None


def _listed(cluster: dict[str, Any], kind: str) -> list[Any]:
    found = cluster.get(kind, [])
    return found if isinstance(found, list) else []


class Others:
    """Open connections to all other workers.

    Attributes:
        gone: the workers that have ended before they were done.
    """

    def __init__(self, cluster: Cluster, connections: Mapping[int, socket.socket]) -> None:
        self._cluster, self._connections = cluster, connections
        self.gone: set[int] = set()
        self._done: set[int] = set()
        self._left = threading.Event()
        self._selector = selectors.DefaultSelector()
        for worker, connection in connections.items():
            self._selector.register(connection, selectors.EVENT_READ, worker)
        self._watch = threading.Thread(target=self._watched, daemon=True)
        self._watch.start()

    def lost(self) -> MultidigitError | None:
        """The error to raise where something has failed because a worker is gone, if one is."""
        # It may be noticed a moment after what it made fail.
        deadline = time.monotonic() + 2.0
        while not self.gone and time.monotonic() < deadline:
            time.sleep(0.05)
        return MultidigitError(self._message()) if self.gone else None

    def leave(self, done: bool) -> None:
        """End the connections. Who is done stays until all are: TensorFlow takes a worker that has left for a fault.

        Raises:
            MultidigitError: the chief has ended before it was done.
        """
        try:
            while done and not self._cluster.chief and 0 not in self._done:
                if 0 in self.gone:
                    raise MultidigitError(self._message())
                time.sleep(0.05)
            for connection in self._connections.values():
                with suppress(OSError):
                    if done:
                        connection.sendall(_DONE)
                    else:
                        connection.shutdown(socket.SHUT_RDWR)
            if done and self._cluster.chief:
                self._watch.join(GRACE)
        finally:
            self._left.set()

    def _message(self) -> str:
        names = " and ".join(self._cluster.named(worker) for worker in sorted(self.gone))
        return (
            f"{names} {'has' if len(self.gone) == 1 else 'have'} ended, so training cannot go on; give every worker "
            "the same command again, and it goes on from the last checkpoint"
        )

    def _watched(self) -> None:
        with self._selector as selector:
            while selector.get_map() and not self._left.is_set():
                for key, _ in selector.select(1.0):
                    try:
                        received = key.fileobj.recv(len(_DONE))  # type: ignore[union-attr]
                    except OSError:
                        received = b""
                    if received:
                        self._done.add(key.data)
                        continue
                    selector.unregister(key.fileobj)
                    if key.data not in self._done:
                        self.gone.add(key.data)
                        threading.Thread(target=self._end, daemon=True).start()

    def _end(self) -> None:
        """End this process where training does not by itself: TensorFlow may wait for a worker without end."""
        if not self._left.wait(GRACE):
            print(one_line(f"multidigit: {self._message()}"), file=sys.stderr, flush=True)
            os._exit(1)


@contextmanager
def joined(cluster: Cluster, settings: str) -> Iterator[Others]:
    """Within the block, all workers of a training are there, with the same settings.

    Raises:
        MultidigitError: this one's address is not its own, another one does not arrive, or has other settings.
    """
    greeting = f"{cluster.worker} {hashlib.sha256(settings.encode()).hexdigest()}\n".encode()
    with ExitStack() as stack:
        deadline = time.monotonic() + ARRIVAL
        connections: dict[int, socket.socket] = {}
        with _listening(cluster) as listener:
            # Each calls those before it, and is called by those after it.
            for worker in range(cluster.worker):
                connections[worker] = stack.enter_context(_called(cluster, worker, greeting, deadline))
            while len(connections) < len(cluster.addresses) - 1:
                connection = _accepted(cluster, listener, connections, deadline)
                stack.enter_context(connection)
                greeter = _greeted(cluster, connection, greeting)
                if greeter is None:  # something else that looked at this port
                    connection.close()
                    continue
                connection.sendall(greeting)
                connections[greeter] = connection
        for connection in connections.values():
            connection.settimeout(None)
        others, done = Others(cluster, connections), False
        try:
            yield others
            done = True
        finally:
            others.leave(done)


def _listening(cluster: Cluster) -> socket.socket:
    address = cluster.addresses[cluster.worker]
    host, _, port = address.rpartition(":")
    try:
        return socket.create_server((host.strip("[]"), int(port)), family=_family(host))
    except OSError as error:
        raise MultidigitError(
            f"TF_CONFIG gives this worker the address {address}, which it cannot listen at ({reason(error)}); give it "
            "one of this machine, with a free port"
        ) from None


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _called(cluster: Cluster, worker: int, greeting: bytes, deadline: float) -> socket.socket:
    host, _, port = cluster.addresses[worker].rpartition(":")
    while True:
        with suppress(OSError):
            connection = socket.create_connection((host.strip("[]"), int(port)), timeout=_left(deadline))
            try:
                connection.sendall(greeting)
                if _greeted(cluster, connection, greeting) == worker:
                    return connection
            except BaseException:
                connection.close()
                raise
            connection.close()
        if time.monotonic() > deadline:
            raise _missing(cluster, [worker])
        time.sleep(_RETRY)


def _accepted(
    cluster: Cluster, listener: socket.socket, connections: Mapping[int, Any], deadline: float
) -> socket.socket:
    listener.settimeout(_left(deadline))
    try:
        connection, _ = listener.accept()
    except TimeoutError:
        awaited = range(cluster.worker + 1, len(cluster.addresses))
        raise _missing(cluster, [worker for worker in awaited if worker not in connections]) from None
    connection.settimeout(_left(deadline))
    return connection


def _greeted(cluster: Cluster, connection: socket.socket, greeting: bytes) -> int | None:
    """Which worker greets; ``None`` where it is none."""
    received = b""
    with suppress(OSError):
        while not received.endswith(b"\n") and len(received) < _GREETING:
            part = connection.recv(1)  # what follows the greeting is not for here
            if not part:
                break
            received += part
    number, _, settings = received.partition(b" ")
    if not number.isdigit() or int(number) >= len(cluster.addresses):
        return None
    if settings != greeting.partition(b" ")[2]:
        # The other one must know, too.
        with suppress(OSError):
            connection.sendall(greeting)
        raise MultidigitError(
            f"{cluster.named(int(number))} was given other settings than {cluster.named(cluster.worker)}; give every "
            "worker the same command"
        )
    return int(number)


def _missing(cluster: Cluster, workers: list[int]) -> MultidigitError:
    names = " and ".join(map(cluster.named, workers))
    return MultidigitError(
        f"{names} did not arrive within {ARRIVAL:g} s; start every worker that TF_CONFIG names, each where it says"
    )


def _left(deadline: float) -> float:
    return max(0.1, deadline - time.monotonic())
