"""A child of ours that ends when its parent does, however that ends, also by `kill -9`: no server, listener or night is left behind.

Its standard input is a pipe (or a pair of sockets) of which its parent alone holds the other end: that end is gone when the parent is.
Nothing is read from it, so that a child may be asked things by it too.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time

_STDIN = 0


def end_with_parent(*, within_s: float = 0.0) -> None:
    """Ends this process and all that it started as soon as the parent is gone. The parent made it the leader of its group.

    `within_s`: how long it may take to end as on SIGTERM, which it gets first; 0 = it is killed at once.
    """
    threading.Thread(target=_wait_for_end, args=(within_s,), name="lifeline", daemon=True).start()


def _wait_for_end(within_s: float) -> None:
    line = select.poll()
    line.register(_STDIN, 0)  # that the other end is gone is told without being asked for
    while not line.poll():
        pass
    group = os.getpgrp()
    if within_s:
        os.killpg(group, signal.SIGTERM)
        time.sleep(within_s)
    os.killpg(group, signal.SIGKILL)
