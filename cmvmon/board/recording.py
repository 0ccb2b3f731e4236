"""The audit row of one request: who asked for what, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from cmvmon.board.auditing import Auditor
from cmvmon.board.desk import Shown
from cmvmon.board.identity import Asker
from cmvmon.board.roles import GET, Route
from cmvmon.domain.errors import CmvmonError
from cmvmon.shell.boards.audit_log import DONE, Entry, Head

Say = Callable[[dict[str, object]], None]
NO_ROUTE = Route("no_route", GET, "", None, "")  # a path or method that no route has
UNEXPECTED = Route("unexpected", GET, "", None, "unexpected")  # an error that nobody foresaw
_WITHIN_S = 60.0


class Recorder:
    """Writes these rows. `say`: is told by its kind of a row that could not be written."""

    def __init__(self, auditor: Auditor, say: Say) -> None:
        self._auditor, self._say = auditor, say

    async def __call__(self, route: Route, asker: Asker, shown: Shown) -> bool:
        """Whether the row is on the disk; of what is no view and no action none is needed, unless it was refused or failed."""
        if not route.event and shown.outcome == DONE:
            return True
        reader = asker.reader
        entry = Entry(
            at=datetime.now(UTC),
            event=route.event or f"ask_{route.name}",
            outcome=shown.outcome,
            actor=reader.login if reader is not None else asker.login,
            role=None if reader is None else reader.role,
            source=asker.source,
            object=shown.object or route.name,
            patients=shown.patients,
            because=shown.because,
        )
        return await run_in_threadpool(self._on_disk, self._auditor.put(entry))

    def _on_disk(self, row: Future[Head]) -> bool:
        try:
            row.result(timeout=_WITHIN_S)
        except (CmvmonError, TimeoutError) as error:
            self._say({"event": "audit_not_written", "code": type(error).__name__})
            return False
        return True


def named(request: Request) -> str:
    """The page or alert that a path names; empty where it names none."""
    return str(request.path_params.get("page") or request.path_params.get("alert") or "")
