"""What every answer and every form is held to: headers that keep a page where it is, and forms that only our own pages can send."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES, _MOST_FIELDS, _WITHIN_S = 16_384, 20, 10.0
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data: blob:; connect-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Robots-Tag": "noindex, nofollow",
}


class TooLarge(Exception):
    """A body is larger than any form."""


class Guarded:
    """Puts the headers on every answer, also one that an error made; nothing is kept by a browser or a proxy but the script."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, sent if scope["type"] == "http" else send)


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form that was sent. Raises TooLarge, and ValueError for what is no form."""
    told = request.headers.get("content-length", "0")
    if not told.isdigit() or int(told) > MOST_BYTES:
        raise TooLarge
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise ValueError("no form")
    body = b""
    async with asyncio.timeout(_WITHIN_S):
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                raise TooLarge
    pairs = parse_qsl(
        body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict", strict_parsing=False
    )
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field stands twice")
    return fields


def is_own(request: Request, origin: str | None) -> bool:
    """Whether a browser says that one of our own pages sent this. `origin`: the board's, where a proxy stands before it.

    `Sec-Fetch-Site` is written by the browser alone. `Origin` is `null` there, since our pages tell no referrer; a browser that
    writes no `Sec-Fetch-Site` must give it.
    """
    site, given = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    if given is None or given == "null":
        return site == "same-origin"
    if origin is not None:
        return given == origin
    return urlsplit(given).netloc == request.headers.get("host", "")
