"""Messages of errors: one line that can be printed, whatever names and values they quote."""

from __future__ import annotations

import pytest
from attempts import attempt
from hypothesis import given
from hypothesis import strategies as st

from multidigit.errors import DataError, MultidigitError, PictureError, RunError, SettingsError, picture_error

KINDS = [MultidigitError, DataError, PictureError, RunError, SettingsError]


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_printed_is_escaped(kind: type[MultidigitError]) -> None:
    assert str(kind("a × “b”: c…")) == "a × “b”: c…"
    assert str(kind("a\nb\r\0\x1b[2J\u2028\udc80'\"")) == "a\\nb\\r\\x00\\x1b[2J\\u2028\\udc80'\""


@given(st.sampled_from(KINDS), st.text(min_size=1))
def test_any_message_is_one_line(kind: type[MultidigitError], message: str) -> None:
    def refuse() -> None:
        raise kind(message)

    assert attempt(refuse) is None


@given(*[st.text(min_size=1)] * 4)
def test_any_error_about_a_picture_is_one_line(name: str, expected: str, received: str, remedy: str) -> None:
    error = picture_error(name, expected, received, remedy)
    assert str(error).isprintable()
    assert error.picture == name
