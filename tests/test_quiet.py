"""Standard error held back: in the block, for threads, and written out only after an unexpected fault."""

from __future__ import annotations

import os
import threading

import pytest

from multidigit.errors import MultidigitError
from multidigit.quiet import quiet_stderr


def write(text: str) -> None:
    """As a library in C does."""
    os.write(2, text.encode())


def test_only_what_is_outside_the_block_is_written(capfd: pytest.CaptureFixture[str]) -> None:
    write("before ")
    with quiet_stderr():
        write("within ")
        with quiet_stderr():
            write("deeper ")
        write("within ")
    write("after")
    assert capfd.readouterr().err == "before after"


@pytest.mark.parametrize(
    ("error", "replay", "written"),
    [
        (RuntimeError(), True, "why"),
        (RuntimeError(), False, ""),
        (MultidigitError(), True, ""),
        (KeyboardInterrupt(), True, ""),
    ],
    ids=repr,
)
def test_the_reason_of_a_fault_is_written(
    error: BaseException, replay: bool, written: str, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        with quiet_stderr(replay=replay):
            write("why")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert capfd.readouterr().err == written


def test_threads_restore_what_was_there(capfd: pytest.CaptureFixture[str]) -> None:
    def many() -> None:
        for _ in range(50):
            with quiet_stderr():
                write("within ")

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    write("after")
    assert capfd.readouterr().err == "after"
