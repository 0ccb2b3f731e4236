"""Work in a process of its own that kills itself with SIGKILL where a test says so, as the kernel does for want of memory.

The processes are forked off one that has everything loaded and has done nothing, so that a kill costs no start.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from multiprocessing import get_context
from typing import Any

LIMIT_S = 300
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.killing", "cmvmon.run.nightly.night", "cmvmon.run.nightly.page_report"])


def begun(work: Callable[..., None], *given: Any) -> Any:
    """A process at work; `work` is a function of a module."""
    process = _CONTEXT.Process(target=work, args=given)
    process.start()
    return process


def was_killed(work: Callable[..., None], *given: Any) -> bool:
    """Whether the work was killed; False where it came to its end. Raises AssertionError where it ended in an error."""
    process = begun(work, *given)
    process.join(LIMIT_S)
    assert process.exitcode in (0, -signal.SIGKILL), f"it ended with {process.exitcode}"
    return bool(process.exitcode)


class Deadly:
    """Calls that are counted together, and at one of which the process is killed.

    `which`: the call at which it is, from 1 on; `after`: once it is done, else before it is made.
    """

    def __init__(self, which: int, *, after: bool = False) -> None:
        self.which, self.after, self.n = which, after, 0

    def at(self, call: Callable[..., Any], before_it_dies: Callable[..., Any] | None = None) -> Callable[..., Any]:
        """That call, counted. `before_it_dies`: what is done, with what the call is given, right before the kill."""

        def counted(*given: Any, **named: Any) -> Any:
            self.n += 1
            is_the_one = self.n == self.which
            if is_the_one and not self.after:
                self._die(before_it_dies, given)
            found = call(*given, **named)
            if is_the_one:
                self._die(before_it_dies, given)
            return found

        return counted

    @staticmethod
    def _die(before_it_dies: Callable[..., Any] | None, given: tuple[Any, ...]) -> None:
        if before_it_dies is not None:
            before_it_dies(*given)
        os.kill(os.getpid(), signal.SIGKILL)
