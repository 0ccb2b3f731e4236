"""A child of `cmvmon serve` that ends when its parent does, however that ends: no server and no night is left behind."""

from __future__ import annotations

import os
import signal
import threading

_STDIN = 0
# A child holds the reading end of a pipe whose other end only its parent holds: it is at its end when the parent is.


def end_with_parent() -> None:
    """Ends this process and all that it started as soon as the parent is gone. The parent made it the leader of its group."""
    threading.Thread(target=_wait_for_end, daemon=True).start()


def _wait_for_end() -> None:
    while os.read(_STDIN, 1):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)
