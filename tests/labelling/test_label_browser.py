"""The labelling page in a real browser: by keyboard alone, on a phone, and with the disk full."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import write_pictures

from multidigit.labelling.answers import Answers
from multidigit.labelling.queue import Queue
from multidigit.labelling.server import Server
from multidigit.reading.reader import Reader

pytestmark = pytest.mark.slow
TEXTS = ("47205", "90714", "318", "5724")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    write_pictures(tmp_path, TEXTS)
    names = [f"{place}.png" for place in range(len(TEXTS))]
    served = Server(Queue(tmp_path, names, Answers(tmp_path), Reader("shipped")), 0, "secret")
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield served
    served.shutdown()
    served.server_close()


@pytest.fixture(params=[(1200, 800), (360, 640)], ids=["screen", "phone"])
def page(browser: Any, server: Server, request: pytest.FixtureRequest) -> Iterator[Any]:
    wide, high = request.param
    opened = browser.new_page(viewport={"width": wide, "height": high})
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.goto(server.address)
    opened.wait_for_function("() => document.getElementById('picture').naturalWidth > 0")
    yield opened
    opened.close()
    assert faults == []


def name(page: Any) -> str:
    return str(page.locator("#name").inner_text()).partition(":")[0]


def after(page: Any, before: str) -> None:
    page.wait_for_function("before => !document.getElementById('name').textContent.startsWith(before)", arg=before)


def test_pictures_are_labelled_by_keyboard(page: Any, server: Server) -> None:
    folder = server.queue.folder
    assert page.locator("#text").evaluate("field => field === document.activeElement")
    first = name(page)
    page.keyboard.press("Control+A")
    page.keyboard.type(TEXTS[int(first[0])])
    page.keyboard.press("Enter")
    after(page, first)
    assert Answers(folder).of[first].text == TEXTS[int(first[0])]
    second = name(page)
    page.keyboard.press("u")
    after(page, second)
    assert Answers(folder).of[second].text is None
    third = name(page)
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    after(page, third)
    assert name(page) == second
    page.keyboard.type("12x3")
    assert page.locator("#text").input_value() == "123"
    page.keyboard.press("Enter")
    after(page, second)
    assert Answers(folder).of[second].text == "123"
    while page.locator("#form").is_visible():
        shown = name(page)
        page.keyboard.press("Enter")
        after(page, shown)
    assert "All pictures are labelled" in page.locator("#name").inner_text()
    assert len(Answers(folder).of) == 4


def test_the_page_fits_and_shows_the_row(page: Any) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    picture, box = page.locator("#picture").bounding_box(), page.locator("#box").bounding_box()
    assert picture["width"] > 200
    assert {key: round(value) for key, value in picture.items()} == {key: round(value) for key, value in box.items()}
    for button in page.locator("button").all():
        assert button.bounding_box()["height"] >= 40


def test_an_answer_that_is_not_kept_stays_on_the_page(
    page: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(server.queue.answers, "put", full)
    shown = name(page)
    page.keyboard.press("Enter")
    page.locator("#fault").wait_for()
    assert "Not kept" in page.locator("#fault").inner_text()
    assert name(page) == shown
