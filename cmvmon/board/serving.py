"""The board on its socket, until it is told to stop: uvicorn takes the connections, everything else is the application's."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import uvicorn

from cmvmon.board.app import make_app
from cmvmon.board.auditing import Auditor
from cmvmon.board.board_file import BoardFile
from cmvmon.board.identity import Files
from cmvmon.board.pages import NeverJudged, Pages, Pdf
from cmvmon.board.recording import Say
from cmvmon.domain.errors import AuditBroken, CmvmonError, SiteError
from cmvmon.run.listener.listening_sockets import bound
from cmvmon.shell.boards import audit_log
from cmvmon.shell.folder.making_site import refuse_lost_database
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store.session import open_store

_CONNECTIONS, _HEAD_BYTES = 200, 16_384
_LOOKS_EVERY_S, _STOPS_WITHIN_S = 0.1, 5


def serve(root: Path, *, stop: Event, say: Say, pdf: Pdf | None = None) -> None:
    """Serves the board of the site at `root` until `stop` is set.

    `pdf`: makes a patient's page as PDF, where something does. `say`: is told where it listens and of every request.
    Raises SiteError or ProtocolError where board.toml, its certificate or its port can't be used, AuditBroken where the audit
    log lacks rows, StoreError where the store can't be read.
    """
    site = Site(root).require()
    files = Files(root)
    refuse_lost_database(site)
    with open_store(site.database) as store:
        with store.reading() as connection:
            found = audit_log.verify(connection, root)
        if found.faults:
            raise AuditBroken(
                f"the audit log is not whole ({found.faults[0][0]}), and nothing is shown that can't be added to it; "
                "`cmvmon audit verify` says where"
            )
        auditor = Auditor(store, root)
        try:
            pages = Pages(root, store, pdf=pdf)
            app = make_app(pages, files, auditor, say=say, is_stopping=stop.is_set)
            with _listening(root, files.listens) as (at, told):
                # Only now: while a Unix socket is made, every file of this process is made by other rights (umask).
                Thread(target=_warm, args=(pages,), name="warming", daemon=True).start()
                head = None if found.head is None else found.head.sequence
                say({"event": "listening", "audit_rows": found.n_rows, "audit_head": head} | told)
                asyncio.run(_run(app, root, files.listens, at, stop))
        finally:
            auditor.close()


def _warm(pages: Pages) -> None:
    """Reads the site in before somebody waits for it: what keeps it from that is told to whoever asks for a page."""
    with suppress(CmvmonError, NeverJudged):
        pages.stored()


class _Server(uvicorn.Server):
    """Without handlers of signals: `cmvmon` has its own, and says what stands."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _run(app: Callable[..., object], root: Path, file: BoardFile, at: socket.socket, stop: Event) -> None:
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        h11_max_incomplete_event_size=_HEAD_BYTES,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=_STOPS_WITHIN_S,
        ssl_certfile=None if file.certificate is None else root / file.certificate,
        ssl_keyfile=None if file.key is None else str(root / file.key),
    )
    try:
        config.load()
    except OSError as error:  # of TLS
        raise SiteError(f"board.toml: certificate and key can't be used ({error.strerror or 'no PEM file'})") from None
    server = _Server(config)
    task = asyncio.create_task(server.serve([at]))
    while not stop.is_set() and not task.done():
        await asyncio.sleep(_LOOKS_EVERY_S)
    server.should_exit = True
    await task


@contextmanager
def _listening(root: Path, file: BoardFile) -> Iterator[tuple[socket.socket, dict[str, object]]]:
    """The socket, and how it is called in the log."""
    if file.socket is None:
        with bound(file.address, file.port, by="board.toml") as at:
            scheme = "https" if file.certificate else "http"
            yield at, {"address": file.address, "port": at.getsockname()[1], "scheme": scheme}
        return
    path = root / file.socket
    _remove_left_socket(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as at:
        before = os.umask(0o117)
        try:
            at.bind(str(path))
        except OSError as error:
            raise SiteError(f"{file.socket} can't be made ({error.strerror}); its path may be too long") from None
        finally:
            os.umask(before)
        at.listen(128)
        at.setblocking(False)
        try:
            yield at, {"socket": file.socket}
        finally:
            path.unlink(missing_ok=True)


def _remove_left_socket(path: Path) -> None:
    """Removes the socket of a board that was killed: `only_one` keeps it from being another's. Raises SiteError for anything else."""
    try:
        said = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(said.st_mode):
        raise SiteError(
            f"board.toml: listen.socket names {path.name}, and a file of that name is there that is no socket; nothing was removed: "
            "give another name"
        )
    path.unlink()
