"""Ranges of patients worked on side by side, their answers taken in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from cmvmon.domain.one_thread import in_one_thread

_R = TypeVar("_R")


def ahead(work: Callable[[int], _R], n: int, *, at_once: int) -> Iterator[_R]:
    """What the work gives of 0, 1, ... n - 1, in that order; `at_once` of them are worked on at a time, each in a thread of its own.

    Memory holds the answers of `at_once` places and the one that was taken. Raises what the work of that place raises; what was
    not begun by then is not begun.
    """
    apart = in_one_thread(work)
    with ThreadPoolExecutor(at_once, thread_name_prefix="range") as threads:
        waiting: deque[Future[_R]] = deque(threads.submit(apart, place) for place in range(min(at_once, n)))
        try:
            for place in range(n):
                done = waiting.popleft().result()
                if place + at_once < n:
                    waiting.append(threads.submit(apart, place + at_once))
                yield done
                del done  # what was taken is held by nobody here
        finally:
            threads.shutdown(wait=True, cancel_futures=True)
