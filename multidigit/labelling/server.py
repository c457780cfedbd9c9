"""The page for labelling, on 127.0.0.1 alone: pictures by number, answers by POST, a secret in every address."""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import asdict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

from multidigit.labelling.answers import Answer
from multidigit.labelling.queue import Asked, Queue
from multidigit.labels import MOST_SLOTS
from multidigit.outside import parse_json

HOST = "127.0.0.1"
MOST_BYTES = 4096
"""Of an answer."""
LARGEST = 1600
"""Columns and rows of a picture as it is shown, at most."""
_NUMBER = re.compile(rf"[0-9]{{0,{MOST_SLOTS}}}")
_PICTURE = re.compile(r"/picture/([0-9]{1,9})")


class Server(ThreadingHTTPServer):
    """Serves the labelling of a queue.

    Args:
        queue: the pictures.
        port: to listen at; 0 takes any that is free.
        token: what every request must bring.

    Raises:
        OSError: the port is taken.
    """

    daemon_threads = True
    allow_reuse_address = False

    def __init__(self, queue: Queue, port: int, token: str) -> None:
        self.queue, self.token = queue, token
        super().__init__((HOST, port), _Handler)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{HOST}:{self.server_port}/?token={self.token}"


class _RefusedError(Exception):
    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 60
    # Head and body are two small packets, and the second would wait 40 ms for an answer to the first.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the page says what happens."""

    def _answer(self, method: Any) -> None:
        try:
            self._check()
            kind, body = method(urlsplit(self.path).path)
            status = HTTPStatus.OK
        except _RefusedError as refused:
            status, kind, body = refused.status, "text/plain; charset=utf-8", f"{refused}\n".encode()
            self.close_connection = True  # what is left of its body is not read
        except OSError as error:
            status, kind = HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8"
            body = f"the answer was not kept: {error.strerror or error}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header(
            "Content-Security-Policy",
            "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        )
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _check(self) -> None:
        """Whether the request comes from the page: another site does not know the token, whatever name it takes."""
        host = (self.headers.get("Host") or "").rpartition(":")[0]
        if host not in (HOST, "localhost"):
            raise _RefusedError(HTTPStatus.FORBIDDEN, f"this page is at {HOST} alone")
        given = parse_qs(urlsplit(self.path).query).get("token", [""])[0] or self.headers.get("X-Token") or ""
        if not hmac.compare_digest(given.encode(), self.server.token.encode()):
            raise _RefusedError(HTTPStatus.FORBIDDEN, "the address needs the token that `multidigit label` printed")

    def _get(self, path: str) -> tuple[str, bytes]:
        queue = self.server.queue
        if path == "/":
            return "text/html; charset=utf-8", files("multidigit.labelling").joinpath(
                "templates/label.html"
            ).read_bytes()
        if path == "/next":
            return self._json(queue.next())
        if found := _PICTURE.fullmatch(path):
            number = self._number(int(found[1]))
            return "image/png", _png(queue, number)
        if path.startswith("/again/") and path[7:].isdecimal():
            return self._json(queue.read(self._number(int(path[7:]))))
        raise _RefusedError(HTTPStatus.NOT_FOUND, "there is no such page")

    def _post(self, path: str) -> tuple[str, bytes]:
        if path != "/answer":
            raise _RefusedError(HTTPStatus.NOT_FOUND, "there is no such page")
        length = self.headers.get("Content-Length") or ""
        if not length.isdecimal():
            raise _RefusedError(HTTPStatus.LENGTH_REQUIRED, "an answer needs its length")
        if int(length) > MOST_BYTES:
            raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"an answer has at most {MOST_BYTES} bytes")
        try:
            given = parse_json(self.rfile.read(int(length)))
            number, text = given["number"], given["text"]
            by_chance = bool(given.get("by_chance"))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "expected a number and a text") from None
        if text is not None and not (isinstance(text, str) and _NUMBER.fullmatch(text)):
            raise _RefusedError(
                HTTPStatus.BAD_REQUEST, f"expected at most {MOST_SLOTS} digits, or null; received {text!r}"
            )
        if not isinstance(number, int) or isinstance(number, bool):
            raise _RefusedError(HTTPStatus.BAD_REQUEST, f"expected a picture's number; received {number!r}")
        queue, number = self.server.queue, self._number(number)
        queue.answers.put(queue.names[number], Answer(text, queue.read(number).read, by_chance))
        queue.labelled(number)
        return self._json(queue.next())

    def _number(self, number: int) -> int:
        if not 0 <= number < len(self.server.queue.names):
            raise _RefusedError(HTTPStatus.NOT_FOUND, "there is no such picture")
        return number

    def _json(self, asked: Asked | None) -> tuple[str, bytes]:
        """What is asked for, and how far labelling has come."""
        queue = self.server.queue
        shown: dict[str, Any] = {"asked": None, **queue.progress()}
        if asked:
            given = queue.answers.of.get(queue.names[asked.number])
            shown["asked"] = {
                **asdict(asked),
                "name": queue.names[asked.number],
                "answer": given and {"text": given.text},
            }
        return "application/json", json.dumps(shown).encode()


def _png(queue: Queue, number: int) -> bytes:
    """A picture as it is shown, upright; flat where it cannot be read."""
    from PIL import ImageOps

    from multidigit.pictures.loading import open_picture

    try:
        with open_picture(queue.folder / queue.names[number]) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except Exception:  # Pillow raises nearly anything for damaged files
        raise _RefusedError(HTTPStatus.NOT_FOUND, "the picture cannot be read") from None
    picture.thumbnail((LARGEST, LARGEST))
    data = BytesIO()
    picture.save(data, "PNG", compress_level=1)
    return data.getvalue()
