"""What tells a page that is open that it has changed: server-sent events, of which there are only so many, none for ever.

A page is told only of its own change, as that reader would see it: what happens on another ward reaches nobody else's stream.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cmvmon.board.desk import Desk, asked_of
from cmvmon.board.pages import LIVE, NeverJudged, NotThere
from cmvmon.board.roles import ROUTES, may
from cmvmon.board.scope import Reader
from cmvmon.domain.errors import CmvmonError, StoreBusy
from cmvmon.shell.boards.revision import Revision
from cmvmon.text import codes

_MOST, _MOST_OF_ONE = 100, 6
_LOOKS_EVERY_S, _SIGN_EVERY_S, _LONGEST_S = 1.0, 15.0, 600.0


class Streams:
    """Every stream that is open."""

    def __init__(self, desk: Desk, is_stopping: Callable[[], bool]) -> None:
        self._desk, self._is_stopping = desk, is_stopping
        self._open: Counter[str] = Counter()
        self._looked_at = float("-inf")
        self._revision: Revision | None = None

    async def open(self, request: Request, reader: Reader) -> Response:
        """The stream of one page; 429 where too many are open. Raises NotThere for what is no page of his."""
        told = dict(request.query_params)
        name, lang, tag = told.get("page", ""), told.get("lang", ""), told.get("tag", "")
        if name not in LIVE or lang not in codes():
            raise NotThere
        if not may(reader.role, reader.wards, ROUTES[name]):
            raise NotThere(because="role")
        try:
            asked = asked_of(name, {"lang": lang, "page": told.get("of", "")}, told)
            await run_in_threadpool(self._desk.live_tag, asked, reader)
        except StoreBusy:
            pass  # it passes, and a stream that is refused is not asked for again: the next look tells
        except (NeverJudged, CmvmonError):
            return Response(status_code=404)
        if self._open.total() >= _MOST or self._open[reader.login] >= _MOST_OF_ONE:
            return Response(status_code=429)

        async def events() -> AsyncIterator[str]:
            self._open[reader.login] += 1
            try:
                begun = signed = time.monotonic()
                seen: Revision | None = None
                yield "retry: 5000\n\n"
                while not self._is_stopping() and time.monotonic() - begun < _LONGEST_S:
                    revision = await self._revision_now()
                    if revision != seen:
                        try:
                            now = await run_in_threadpool(self._desk.live_tag, asked, reader)
                            seen = revision
                        except StoreBusy:
                            now = tag  # nobody can tell yet: it is looked at again
                        except (NotThere, NeverJudged, CmvmonError):
                            now = ""
                        if now != tag:
                            yield "event: changed\ndata: 1\n\n"
                            return
                    if time.monotonic() - signed > _SIGN_EVERY_S:
                        signed = time.monotonic()
                        yield ": here\n\n"
                    await asyncio.sleep(_LOOKS_EVERY_S)
            finally:
                self._open[reader.login] -= 1
                if not self._open[reader.login]:
                    del self._open[reader.login]

        return StreamingResponse(events(), media_type="text/event-stream")

    async def _revision_now(self) -> Revision | None:
        """The store's revision, looked at once a second for all streams together."""
        if time.monotonic() - self._looked_at >= _LOOKS_EVERY_S:
            self._looked_at = time.monotonic()
            with suppress(CmvmonError):  # the next look may find it
                self._revision = await run_in_threadpool(self._desk.pages.revision)
        return self._revision
