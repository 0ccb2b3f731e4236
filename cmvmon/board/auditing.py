"""One thread that writes the audit log: it takes every row that waits, writes them in one transaction, then lets their pages go."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from pathlib import Path
from threading import Condition, Thread

from cmvmon.domain.errors import AuditBroken, CmvmonError
from cmvmon.shell.boards import audit_log
from cmvmon.shell.boards.audit_log import Entry, Head
from cmvmon.shell.store.session import Session

_AT_ONCE = 500


class Auditor:
    """The audit log of a site, open for adding."""

    def __init__(self, store: Session, root: Path) -> None:
        self._store, self._root = store, root
        self._waiting: deque[tuple[Entry, Future[Head]]] = deque()
        self._changed = Condition()
        self._is_closing = False
        self._thread = Thread(target=self._work, name="audit", daemon=True)
        self._thread.start()

    def put(self, entry: Entry) -> Future[Head]:
        """Adds a row; the future is done when it is on the disk, or holds the error that kept it from there."""
        future: Future[Head] = Future()
        with self._changed:
            if self._is_closing:
                future.set_exception(AuditBroken("the board is stopping; nothing more is written to the audit log"))
                return future
            self._waiting.append((entry, future))
            self._changed.notify()
        return future

    def close(self) -> None:
        """Writes what waits, and ends."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._is_closing:
                    self._changed.wait()
                taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), _AT_ONCE))]
                if not taken:
                    return
            self._write(taken)

    def _write(self, taken: list[tuple[Entry, Future[Head]]]) -> None:
        try:
            head = audit_log.append(self._store, self._root, [entry for entry, _ in taken])
        except CmvmonError as error:
            for _, future in taken:
                future.set_exception(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever, nor see a page without its row
            for _, future in taken:
                future.set_exception(AuditBroken(f"the audit log met an unexpected {type(error).__name__}"))
        else:
            for _, future in taken:
                future.set_result(head)
