"""The process that judges posted bodies, as the listener meets it: started, asked, and gone on without where it does not answer.

It is asked for one body at a time. One that takes too long, or ends, is started again when the next body comes; what it
was asked for is answered without it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from cmvmon.feeds.fhir.posted import REFUSED_WHOLE, TAKEN, Answer, answer_of, looked_at, not_judged, refused

_WITHIN_S = 10.0  # from the question to the answer, waiting for others included
_STARTS_WITHIN_S = 30.0
_ENDS_WITHIN_S = 2.0
_LOOKED_AT_AT_ONCE = 2  # a body takes ten times its size while it is looked at
_MOST_ANSWER_BYTES = 64_000_000
_ONE_THREAD = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}


class JudgingAside:
    """One such process, of one site."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._process: asyncio.subprocess.Process | None = None
        self._one_at_a_time = asyncio.Lock()
        self._few_at_a_time = asyncio.Semaphore(_LOOKED_AT_AT_ONCE)

    async def start(self) -> bool:
        """Starts it, so that the first body need not wait for it; False where it can't be."""
        try:
            async with asyncio.timeout(_STARTS_WITHIN_S), self._one_at_a_time:
                await self._started()
        except (OSError, TimeoutError, ValueError):
            return False
        return True

    async def answer(self, feed: str, body: bytes) -> Answer:
        """What the sender of a body is told once it is kept; `code` where it is refused."""
        async with self._few_at_a_time:
            fault, is_bundle = await asyncio.to_thread(looked_at, body)
        if fault is not None:
            return refused(fault)
        told = await self.judged(feed, body, is_bundle=is_bundle)
        if told is None:
            return not_judged()
        why = told["refused"]
        return answer_of(TAKEN if why is None else REFUSED_WHOLE, told["outcome"], why)

    async def judged(self, feed: str, body: bytes, *, is_bundle: bool) -> dict[str, Any] | None:
        """What the body comes to (`cmvmon.run.listener.posted_outcome`); None where that could not be told in time."""
        try:
            async with asyncio.timeout(_WITHIN_S), self._one_at_a_time:
                try:
                    return await self._asked(feed, body, is_bundle=is_bundle) or None
                except (OSError, ValueError):  # it had ended; where this body ends it, it does so once more
                    return await self._asked(feed, body, is_bundle=is_bundle) or None
        except (TimeoutError, OSError, ValueError):
            return None

    async def close(self) -> None:
        """Ends it: its pipes close, and where that is not enough it is killed."""
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _ENDS_WITHIN_S)
        except TimeoutError:
            await _killed(process)

    async def _asked(self, feed: str, body: bytes, *, is_bundle: bool) -> dict[str, Any]:
        process = await self._started()
        assert process.stdin is not None
        try:
            head = json.dumps({"feed": feed, "is_bundle": is_bundle, "n_bytes": len(body)})
            process.stdin.write(head.encode() + b"\n" + body)
            await process.stdin.drain()
            return await _answer(process)
        except BaseException:  # what it would answer next would be of this body
            self._process = None
            await _killed(process)
            raise

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "cmvmon.run.listener.posted_outcome", str(self._root.absolute()),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env=os.environ | _ONE_THREAD, start_new_session=True, limit=_MOST_ANSWER_BYTES,
        )  # fmt: skip
        try:
            await _answer(process)
        except BaseException:
            await _killed(process)
            raise
        self._process = process
        return process


async def _answer(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """The next line that it answers. Raises ValueError where there is none."""
    assert process.stdout is not None
    found = json.loads(await process.stdout.readline())
    return found if isinstance(found, dict) else {}


async def _killed(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), _ENDS_WITHIN_S)
