"""The labelling page over HTTP: what it gives, what it keeps, and what it refuses."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from helpers import write_pictures

from multidigit.labelling.answers import Answers
from multidigit.labelling.queue import CHANCE, Queue
from multidigit.labelling.server import Server
from multidigit.reading.reader import Reader

TEXTS = ("47205", "90714", "318", "5724", "64", "20391", "8", "77", "1066", "35")
TOKEN = "secret"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_pictures(tmp_path, TEXTS)
    (tmp_path / "broken.png").write_text("no picture")
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    names = sorted(path.name for path in folder.iterdir())
    served = Server(Queue(folder, names, Answers(folder), Reader("shipped")), 0, TOKEN)
    threading.Thread(target=served.serve_forever, args=(0.01,), daemon=True).start()
    yield served
    served.shutdown()
    served.server_close()


def ask(server: Server, path: str, body: object = None, **headers: str) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    given = {"X-Token": TOKEN, **{name.replace("_", "-"): value for name, value in headers.items()}}
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request("GET" if body is None else "POST", path, data, given)
    reply = connection.getresponse()
    return reply.status, reply.read()


def found(answer: tuple[int, bytes]) -> Any:
    assert answer[0] == 200, answer
    return json.loads(answer[1])


def test_all_pictures_are_labelled(server: Server, folder: Path) -> None:
    shown, chosen = found(ask(server, "/next")), 0
    seen = []
    while shown["asked"]:
        asked = shown["asked"]
        name = asked["name"]
        if name == "broken.png":
            shown = found(ask(server, "/next"))
            continue
        seen.append(name)
        chosen += asked["by_chance"]
        text = TEXTS[int(Path(name).stem)]
        assert asked["answer"] is None
        if asked["read"] == text:
            assert len(asked["corners"]) == 4
            assert all(-0.1 < value < 1.1 for corner in asked["corners"] for value in corner)
        shown = found(
            ask(server, "/answer", {"number": asked["number"], "text": text, "by_chance": asked["by_chance"]})
        )
        assert Answers(folder).of[name].text == text
    assert sorted(seen) == sorted(f"{place}.png" for place in range(10))
    assert chosen >= 10 // CHANCE
    assert (shown["labelled"], shown["left"], shown["cannot_be_read"]) == (10, 0, 1)
    mean, low, high = shown["accuracy"]
    assert 0 <= low <= mean <= high <= 1
    assert shown["drawn"] == chosen
    # Going back shows what was answered, and another answer replaces it.
    again = found(ask(server, f"/again/{server.queue.names.index('3.png')}"))
    assert again["asked"]["answer"] == {"text": "5724"}
    found(ask(server, "/answer", {"number": server.queue.names.index("3.png"), "text": None}))
    assert Answers(folder).of["3.png"].text is None


def test_pictures_and_the_page(server: Server) -> None:
    status, page = ask(server, f"/?token={TOKEN}", X_Token="")
    assert (status, page[:15]) == (200, b"<!doctype html>")
    status, picture = ask(server, "/picture/0")
    assert (status, picture[:4]) == (200, b"\x89PNG")
    assert server.address == f"http://127.0.0.1:{server.server_port}/?token={TOKEN}"


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/next", None, {"X_Token": ""}, 403),
        ("/next", None, {"X_Token": "secreT"}, 403),
        ("/?token=other", None, {"X_Token": ""}, 403),
        ("/next", None, {"Host": "example.org"}, 403),
        ("/answer", {"number": 0, "text": "1"}, {"X_Token": ""}, 403),
        ("/picture/99", None, {}, 404),
        ("/picture/-1", None, {}, 404),
        ("/picture/../../etc/passwd", None, {}, 404),
        ("/picture/%2e%2e%2fpasswd", None, {}, 404),
        ("/0.png", None, {}, 404),
        ("/again/99", None, {}, 404),
        ("/other", {"number": 0}, {}, 404),
        ("/answer", b"no json", {}, 400),
        ("/answer", [], {}, 400),
        ("/answer", {"number": 0}, {}, 400),
        ("/answer", {"number": 0, "text": "12a"}, {}, 400),
        ("/answer", {"number": 0, "text": "1234567890123"}, {}, 400),
        ("/answer", {"number": 0, "text": 12}, {}, 400),
        ("/answer", {"number": True, "text": "1"}, {}, 400),
        ("/answer", {"number": 99, "text": "1"}, {}, 404),
        ("/answer", b"x" * 5000, {}, 413),
    ],
)
def test_what_is_refused(
    server: Server, folder: Path, path: str, body: Any, headers: dict[str, str], status: int
) -> None:
    found_status, text = ask(server, path, body, **headers)
    assert found_status == status
    assert text.count(b"\n") == 1
    assert Answers(folder).of == {}
    # It goes on.
    assert found(ask(server, "/next"))["left"] > 0


def test_a_body_of_a_gigabyte_is_not_waited_for(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=30) as raw:
        raw.sendall(
            b"POST /answer HTTP/1.1\r\nHost: 127.0.0.1:1\r\nX-Token: secret\r\nContent-Length: 1000000000\r\n\r\n"
        )
        assert raw.recv(100).startswith(b"HTTP/1.1 413")


def test_an_answer_that_cannot_be_kept_is_said(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(server.queue.answers, "put", full)
    status, text = ask(server, "/answer", {"number": 0, "text": "1"})
    assert status == 500
    assert b"the answer was not kept: No space left on device" in text


def test_two_windows_are_asked_for_different_pictures(server: Server) -> None:
    numbers = [found(ask(server, "/next"))["asked"]["number"] for _ in range(8)]
    assert len(set(numbers)) == 8
