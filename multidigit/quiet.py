"""Libraries in C and C++ write straight to file descriptor 2; here that is kept out of the terminal."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator

from multidigit.errors import MultidigitError

# One thread at a time: another one would take the replaced descriptor for the one to restore.
_LOCK = threading.RLock()


@contextlib.contextmanager
def quiet_stderr(*, replay: bool = True) -> Iterator[None]:
    """Holds back what is written to standard error in the block.

    Args:
        replay: write it out after all where the block fails, but for an expected error or Ctrl-C.
    """
    # TensorFlow and gRPC read these when they are first imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    with _LOCK, tempfile.TemporaryFile() as log:
        if sys.stderr:
            sys.stderr.flush()
        try:
            kept = os.dup(2)
        except OSError:  # standard error is closed
            yield
            return
        os.dup2(log.fileno(), 2)
        try:
            yield
        except (MultidigitError, KeyboardInterrupt):
            raise
        except BaseException:
            if replay:
                log.seek(0)
                os.write(kept, log.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
