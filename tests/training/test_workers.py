"""The workers of a training: how they are described, how they meet, and that the end of one is noticed."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from helpers import free_addresses

from multidigit.errors import MultidigitError
from multidigit.training import workers
from multidigit.training.workers import Cluster, Others, cluster_in, joined


def config(cluster: Any, kind: str, index: Any) -> dict[str, str]:
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


class TestDescription:
    def test_the_workers_stand_in_their_order_the_chief_first(self) -> None:
        two = {"worker": ["a:1", "b:2"]}
        assert cluster_in(config(two, "worker", 0)) == Cluster(("a:1", "b:2"), 0)
        assert cluster_in(config({"worker": ["a:1"], "chief": ["c:3"]}, "worker", 0)) == Cluster(("c:3", "a:1"), 1)
        assert [Cluster(("a:1", "b:2"), worker).chief for worker in (0, 1)] == [True, False]

    @pytest.mark.parametrize("environment", [{}, {"TF_CONFIG": ""}, config({"worker": ["a:1"]}, "worker", 0)])
    def test_one_alone_is_no_cluster(self, environment: dict[str, str]) -> None:
        assert cluster_in(environment) is None

    @pytest.mark.parametrize(
        ("environment", "message"),
        [
            ({"TF_CONFIG": "{worker"}, "must be JSON; received '{worker'"),
            ({"TF_CONFIG": "[1]"}, "must have a cluster and a task; received neither"),
            ({"TF_CONFIG": '{"cluster": {"worker": ["a:1", "b:2"]}}'}, "must have a cluster and a task; received clu"),
            (config({"ps": ["a:1"], "worker": ["b:2"]}, "worker", 0), "types chief and worker; received ps"),
            (config({"worker": ["a:1", "b"]}, "worker", 0), "must give addresses as host:port; received 'b'"),
            (config({"worker": ["a:1", "b:99999"]}, "worker", 0), "host:port; received 'b:99999'"),
            (config({"worker": ["a:1", "a:1"]}, "worker", 0), "an address of its own; received a:1 twice"),
            (config({"worker": ["a:1", "b:2"]}, "worker", 2), "has no task worker 2 among its 2 workers"),
            (config({"worker": ["a:1", "b:2"]}, "worker", [0]), r"has no task worker \[0\]"),
        ],
    )
    def test_what_cannot_be_used_is_refused(self, environment: dict[str, str], message: str) -> None:
        with pytest.raises(MultidigitError, match=rf"^TF_CONFIG .*{message}.*; set it as in .* or unset it"):
            cluster_in(environment)


def together(addresses: tuple[str, ...], *works: Callable[[Others], Any], settings: tuple[str, ...] = ()) -> list[Any]:
    """What each worker's work gives, or its error, of workers that join in threads."""

    def one(worker: int) -> Any:
        try:
            with joined(Cluster(addresses, worker), (settings or [""] * len(works))[worker]) as others:
                return works[worker](others)
        except (MultidigitError, RuntimeError) as error:
            return str(error)

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(one, range(len(works))))


class TestMeeting:
    def test_all_wait_for_all_and_end_in_any_order(self) -> None:
        meeting = threading.Barrier(3, timeout=20)

        def work(others: Others) -> bool:
            meeting.wait()
            return bool(others.gone)

        assert together(free_addresses(3), work, work, work) == [False] * 3

    def test_one_that_ends_before_it_is_done_is_named(self) -> None:
        def fails(others: Others) -> None:
            raise RuntimeError("a fault")

        addresses = free_addresses(2)
        lost, failed = together(addresses, lambda others: str(others.lost()), fails)
        assert failed == "a fault"
        assert lost.startswith(f"worker 1 ({addresses[1]}) has ended, so training cannot go on; give every worker the")

    def test_one_that_is_done_is_not_lost(self) -> None:
        found = together(free_addresses(2), lambda others: others.lost(), lambda others: None)
        assert found == [None, None]

    def test_one_that_does_not_arrive_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(workers, "ARRIVAL", 0.5)
        addresses = free_addresses(2)
        for worker in (0, 1):
            missing = f"worker {1 - worker} \\({addresses[1 - worker]}\\) did not arrive within 0.5 s; start every"
            with pytest.raises(MultidigitError, match=missing), joined(Cluster(addresses, worker), ""):
                pass

    def test_an_address_of_another_machine_is_refused(self) -> None:
        cluster = Cluster(("192.0.2.1:2222", "127.0.0.1:1"), 0)
        with (
            pytest.raises(MultidigitError, match=r"the address 192\.0\.2\.1:2222, which it cannot listen at"),
            joined(cluster, ""),
        ):
            pass

    def test_other_settings_are_refused_by_both(self) -> None:
        nothing = [lambda others: None] * 2
        for message in together(free_addresses(2), *nothing, settings=("seed: 0", "seed: 1")):
            assert "was given other settings than worker" in message

    def test_strangers_at_the_port_are_sent_away(self) -> None:
        addresses = free_addresses(2)
        host, port = addresses[0].split(":")

        def knock() -> bytes:
            while True:
                with suppress(ConnectionRefusedError), socket.create_connection((host, int(port)), 5) as stranger:
                    stranger.sendall(b"GET / HTTP/1.1\n")
                    return stranger.recv(1)
                time.sleep(0.05)

        with ThreadPoolExecutor(2) as threads:
            chief = threads.submit(_joins, Cluster(addresses, 0))
            assert knock() == b""
            assert threads.submit(_joins, Cluster(addresses, 1)).result() == chief.result() == set()


def _joins(cluster: Cluster) -> set[int]:
    with joined(cluster, "") as others:
        return others.gone
