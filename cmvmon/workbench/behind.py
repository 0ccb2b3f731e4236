"""Writing beside the work: one thread that takes frames in turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import polars as pl


class Behind:
    """Does one thing after the other on a thread of its own, so that the next range is assessed while this one is written.

    What is not yet done holds its frame in memory: no more than `at_most` frames wait, and the next one waits for them.
    """

    def __init__(self, *, at_most: int) -> None:
        self._at_most = at_most
        self._thread = ThreadPoolExecutor(1)
        self._waiting: deque[Future[None]] = deque()

    def do(self, what: Callable[[pl.DataFrame], None], frame: pl.DataFrame) -> None:
        """Raises what an earlier thing raised."""
        while len(self._waiting) >= self._at_most:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(what, frame))

    def __enter__(self) -> Behind:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=True, cancel_futures=kind is not None)
        if kind is None:
            for thing in self._waiting:
                thing.result()
