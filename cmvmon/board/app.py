"""The board as an ASGI application: who asks, may he, what is shown, and the audit row without which nothing is shown.

Rules of this file:
- Every route stands in `cmvmon.board.roles`; one that has no entry there can't be asked for.
- What is refused to somebody is refused before anything of it is made.
- An answer leaves only when its audit row is on the disk.
- An alert is answered only when a row that somebody asks for it is on the disk; how it ended is a second row.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route as StarletteRoute

from cmvmon.board import live
from cmvmon.board.auditing import Auditor
from cmvmon.board.board_file import PASSWORDS, Person, may_be_a_login
from cmvmon.board.desk import Desk, Shown
from cmvmon.board.guard import Guarded, TooLarge, form_of, is_own
from cmvmon.board.identity import Asker, Files, asked_by, signed_in, who_asks
from cmvmon.board.pages import NeverJudged, NotThere, Pages
from cmvmon.board.paths import know_parts_of_paths
from cmvmon.board.recording import NO_ROUTE, UNEXPECTED, Recorder, Say, named
from cmvmon.board.roles import ANSWERS, POST, ROUTES, Route, may
from cmvmon.board.scope import Reader
from cmvmon.board.sessions import COOKIE, Session, Sessions, Tries
from cmvmon.board.tongue import tongue
from cmvmon.board.wording import Wording
from cmvmon.domain.errors import CmvmonError, ProtocolUnusable
from cmvmon.shell.boards.audit_log import FAILED, REFUSED

_LONGEST_PATH = 200
_CHECKED_AT_ONCE = 2  # passwords; argon2id takes 64 MiB for each


def make_app(
    pages: Pages,
    files: Files,
    auditor: Auditor,
    *,
    say: Say = lambda _: None,
    is_stopping: Callable[[], bool] = lambda: False,
) -> Guarded:
    """The application. `say`: is told of every request, without a name, an address or a path; `is_stopping`: streams then end."""
    know_parts_of_paths()
    house = _House(pages, files, auditor, say, is_stopping)
    routes = [StarletteRoute(r.path, house.endpoint(r), methods=[r.method], name=r.name) for r in ROUTES.values()]
    handlers = {HTTPException: house.not_routed, Exception: house.unexpected}
    return Guarded(Starlette(routes=routes, exception_handlers=handlers))  # type: ignore[arg-type]


class _House:
    def __init__(self, pages: Pages, files: Files, auditor: Auditor, say: Say, is_stopping: Callable[[], bool]) -> None:
        self._pages, self._desk, self._files, self._say = pages, Desk(pages), files, say
        listens = files.listens
        self._sessions = Sessions(listens.idle_min * 60, listens.longest_h * 3600)
        self._tries, self._wording = Tries(), Wording(pages)
        self._checking = asyncio.Semaphore(_CHECKED_AT_ONCE)
        self._lang = pages.default_language()
        self._recorded = Recorder(auditor, say)
        self._streams = live.Streams(self._desk, is_stopping)

    def endpoint(self, route: Route) -> Callable[[Request], object]:
        async def serve(request: Request) -> Response:
            begun = time.monotonic()
            try:
                response = await self._served(route, request)
            except CmvmonError as error:
                response = await self._could_not(route, request, error)
            ms = round((time.monotonic() - begun) * 1000, 1)
            told = {"event": "request", "route": route.name, "method": route.method}
            self._say(told | {"status": response.status_code, "ms": ms})
            return response

        return serve

    async def _served(self, route: Route, request: Request) -> Response:
        if route.name == "icon":  # every browser asks for one by itself, and it shows nobody anything
            return Response(status_code=204, headers={"Cache-Control": "public, max-age=86400"})
        asker = request.state.asker = await run_in_threadpool(who_asks, request, self._files, self._sessions)
        lang = tongue(request, self._lang)
        if asker.refused in ("forged_header", "not_by_proxy", "several_names", "several_groups", "no_name"):
            return await self._refuse(route, asker, "stranger", lang, asker.refused)
        form: dict[str, str] = {}
        if route.method == POST:
            try:
                form = await form_of(request)
            except TooLarge:
                return await self._refuse(route, asker, "large", lang, "too_large")
            except (ValueError, TimeoutError):
                return await self._refuse(route, asker, "form", lang, "no_form")
            if not is_own(request, self._files.listens.origin):
                return await self._refuse(route, asker, "form", lang, "foreign_form")
        if route.name in ("sign_in", "sign_in_page"):
            return await self._sign_in(route, request, form, asker, lang)
        if asker.refused in ("unknown_person", "unknown_group"):
            return await self._refuse(route, asker, "unknown", lang, asker.refused)
        if asker.reader is None or asker.session is None:
            return await self._ask_to_sign_in(route, asker, lang)
        reader, session = asker.reader, asker.session
        if not may(reader.role, reader.wards, route):
            return await self._refuse(route, asker, "refused", lang, "role")
        if route.method == POST and not self._sessions.is_token(session, form.get("token", "")):
            if route.name in ANSWERS:
                return await self._show(route, request, form, asker, lang, is_too_old=True)
            return await self._refuse(route, asker, "form", lang, "no_token")
        if route.name in ("home", "index"):
            return self._to(_first(reader, self._lang), session)
        if route.name == "sign_out":
            return await self._sign_out(route, asker, lang)
        if route.name in ("script", "events"):
            try:
                return self._script(request) if route.name == "script" else await self._streams.open(request, reader)
            except NotThere as gone:
                shown = self._gone(route, gone, lang, reader)
                return (
                    self._response(shown, reader, session)
                    if await self._recorded(route, asker, shown)
                    else self._unrecorded(lang)
                )
        return await self._show(route, request, form, asker, lang)

    async def _show(
        self, route: Route, request: Request, form: dict[str, str], asker: Asker, lang: str, *, is_too_old: bool = False
    ) -> Response:
        reader, session = signed_in(asker)
        query, does = dict(request.query_params), self._desk.too_old if is_too_old else self._desk.serve
        try:
            if route.name in ANSWERS and not is_too_old and not await self._intended(route, request, asker):
                return self._unrecorded(lang, route)
            shown = await run_in_threadpool(does, route.name, dict(request.path_params), query, form, reader)
        except NotThere as gone:
            shown = self._gone(route, gone, lang, reader)
        except NeverJudged:
            shown = self._wording.words("never_judged", lang, reader, status=503, key="board.never_judged")
        if shown.trouble:
            self._say({"event": "judged_later", "route": route.name, "code": shown.trouble})
        if not await self._recorded(route, asker, shown):
            return self._unrecorded(lang, route)
        return self._response(shown, reader, session)

    def _gone(self, route: Route, gone: NotThere, lang: str, reader: Reader) -> Shown:
        patients = (gone.patient,) if gone.patient else ()
        words = self._wording.words("gone", lang, reader)
        return replace(words, outcome=REFUSED, because=gone.because, patients=patients, object=route.name)

    async def _intended(self, route: Route, request: Request, asker: Asker) -> bool:
        """Whether it is on the disk that somebody is about to answer that alert. Raises NotThere."""
        reader, _ = signed_in(asker)
        about = await run_in_threadpool(self._desk.answered, request.path_params["alert"], reader)
        return await self._recorded(replace(route, event=f"ask_{route.event}"), asker, about)

    def _response(self, shown: Shown, reader: Reader | None, session: Session | None) -> Response:
        if shown.to:
            return self._to(shown.to, session)
        if shown.data is not None:
            headers = {"Content-Disposition": f'attachment; filename="{shown.file_name}"'}
            return self._with_cookie(Response(shown.data, shown.status, headers, shown.media), session)
        text = shown.text
        if reader is not None and session is not None:
            text = self._pages.sent(text, shown.tag, reader, self._sessions.token(session), shown.asked)
        return self._with_cookie(HTMLResponse(text, shown.status), session)

    def _to(self, address: str, session: Session | None) -> Response:
        return self._with_cookie(RedirectResponse(address, 303), session)

    def _with_cookie(self, response: Response, session: Session | None) -> Response:
        if session is not None:
            response.set_cookie(
                COOKIE, self._sessions.cookie(session), httponly=True, samesite="strict", path="/",
                secure=self._files.listens.is_secure,
            )  # fmt: skip
        return response

    def _script(self, request: Request) -> Response:
        name = request.path_params["script"]
        texts = {self._pages.script_name: self._pages.script, self._pages.live_name: self._pages.live}
        if name not in texts:
            raise NotThere
        keep = {
            "Cache-Control": "public, max-age=31536000, immutable"
        }  # its name says what is in it, and it holds nobody
        return Response(texts[name].encode(), 200, keep, "text/javascript; charset=utf-8")

    async def _ask_to_sign_in(self, route: Route, asker: Asker, lang: str) -> Response:
        if route.method == POST or route.name in ("events", "script") or self._files.listens.identity != PASSWORDS:
            return await self._refuse(route, asker, "stranger", lang, asker.refused or "not_signed_in")
        shown = Shown(outcome=REFUSED, because=asker.refused or "not_signed_in", object=route.name)
        if route.event and not await self._recorded(route, asker, shown):
            return self._unrecorded(lang)
        return RedirectResponse(f"sign-in.{lang}.html", 303)

    async def _sign_in(self, route: Route, request: Request, form: dict[str, str], asker: Asker, lang: str) -> Response:
        if self._files.listens.identity != PASSWORDS:
            return RedirectResponse(f"ward.{lang}.html", 303)
        if route.method != POST:
            return HTMLResponse(self._wording.sign_in(lang, ""))
        login = form.get("name", "").strip()
        person = self._files.now().people.get(login)
        by = await run_in_threadpool(self._files.mark_of, login)  # as it was before it is checked
        # A password may stand in the wrong field, so a name is told only where it is one.
        known = Asker(None, None, asker.source, None, login if person else None)
        may_be_one = may_be_a_login(login)  # what is no name at all is nobody's, and is not remembered
        if may_be_one and not self._tries.take(login, is_known=person is not None):
            shown = Shown(429, outcome=REFUSED, because="too_many_tries")
            said = "wait"
        elif not may_be_one or not await self._is_right(login, person, form.get("password", "")) or person is None:
            shown, said = Shown(401, outcome=REFUSED, because="wrong_password"), "wrong"
        else:
            self._tries.forget(login)
            session = self._sessions.begin(login, by=by)
            reader = Reader.of(person)
            known = replace(known, reader=reader, session=session)
            if not await self._recorded(route, known, Shown(object="session")):
                return self._unrecorded(lang)
            return self._to(_first(reader, lang), session)
        if not await self._recorded(route, known, replace(shown, object="session")):
            return self._unrecorded(lang)
        return HTMLResponse(self._wording.sign_in(lang, said, login), shown.status)

    async def _is_right(self, login: str, person: Person | None, password: str) -> bool:
        """Whether that is the password; for a name that is not known it takes as long. Few at once: each takes much memory."""
        async with self._checking:
            return await run_in_threadpool(self._files.is_password, login if person else "", password)

    async def _sign_out(self, route: Route, asker: Asker, lang: str) -> Response:
        _, session = signed_in(asker)
        self._sessions.end(session)
        if not await self._recorded(route, asker, Shown(object="session")):
            return self._unrecorded(lang)
        listens = self._files.listens
        if listens.sign_out is not None:  # by a link: a form may send nobody elsewhere (its policy)
            response: Response = HTMLResponse(self._wording.signed_out(lang, listens.sign_out))
        else:
            to = f"sign-in.{lang}.html" if listens.identity == PASSWORDS else f"ward.{lang}.html"
            response = RedirectResponse(to, 303)
        response.delete_cookie(COOKIE, path="/")
        return response

    async def _refuse(self, route: Route, asker: Asker, what: str, lang: str, because: str) -> Response:
        shown = replace(
            self._wording.words(what, lang, asker.reader), outcome=REFUSED, because=because, object=route.name
        )
        if not await self._recorded(route, asker, shown):
            return self._unrecorded(lang)
        return self._response(shown, asker.reader, asker.session)

    def _unrecorded(self, lang: str, route: Route | None = None) -> Response:
        is_answer = route is not None and route.name in ANSWERS
        what = "answer_unrecorded" if is_answer else "unrecorded"
        return HTMLResponse(self._wording.words(what, lang, None).text, 503)

    async def _could_not(self, route: Route, request: Request, error: CmvmonError) -> Response:
        """The store, the protocol or board.toml can't be used: in words, and by its kind in the log."""
        lang, is_protocol = tongue(request, self._lang), isinstance(error, ProtocolUnusable)
        self._say({"event": "failed", "route": route.name, "code": type(error).__name__})
        where = ", ".join(error.places) if isinstance(error, ProtocolUnusable) else ""
        words = self._wording.words("protocol" if is_protocol else "failed", lang, None, where=where)
        shown = replace(words, outcome=FAILED, because=type(error).__name__, object=named(request))
        if not await self._recorded(route, asked_by(request), shown):
            return self._unrecorded(lang, route)
        return HTMLResponse(words.text, 503)

    async def not_routed(self, request: Request, error: HTTPException) -> Response:
        """A path or method that no route has: the same words, whatever stands in it."""
        is_method, lang = error.status_code == 405, tongue(request, self._lang)
        words = self._wording.words("method" if is_method else "gone", lang, None)
        self._say({"event": "request", "route": "", "status": words.status})
        try:
            asker = await run_in_threadpool(who_asks, request, self._files, self._sessions)
        except CmvmonError:
            asker = asked_by(request)
        asked = quote(f"{request.method} {request.url.path}", safe="/ ", errors="replace")[:_LONGEST_PATH]
        shown = Shown(outcome=REFUSED, because="no_method" if is_method else "no_path", object=asked)
        if not await self._recorded(NO_ROUTE, asker, shown):
            return self._unrecorded(lang)
        return HTMLResponse(words.text, words.status, headers=dict(error.headers or {}))

    async def unexpected(self, request: Request, error: Exception) -> Response:
        """What nobody expected: by its kind alone, for its text may hold a patient."""
        self._say({"event": "unexpected", "code": type(error).__name__})
        words = self._wording.words("failed", tongue(request, self._lang), None)
        shown = Shown(outcome=FAILED, because=type(error).__name__, object=named(request))
        await self._recorded(UNEXPECTED, asked_by(request), shown)
        return HTMLResponse(words.text, 500)


def _first(reader: Reader, lang: str) -> str:
    """The page that somebody begins on."""
    return f"{'ward' if may(reader.role, reader.wards, ROUTES['ward']) else 'worklist'}.{lang}.html"
