"""Who is signed in: a signed cookie for each browser, which ends when nobody looks, after some hours, and when the board stops.

The key is made when the board starts and is kept nowhere. So a restart ends every session, and no file can give one away.
"""

from __future__ import annotations

import hmac
import secrets
import time
from dataclasses import dataclass, field, replace

from itsdangerous import BadSignature, URLSafeTimedSerializer

COOKIE = "cmvmon_board"
_TRIES, _WITHIN_S = 5, 15 * 60.0
_REMEMBERED = 10_000


@dataclass(frozen=True)
class Session:
    """One browser of one person. `begun_at`: seconds since 1970; `by`: the mark of the password it was begun with, or nothing."""

    sid: str
    login: str
    begun_at: float
    by: str = ""


@dataclass
class Sessions:
    """Every session of one board. `idle_s`, `longest_s`: when one ends without a page, and in any case."""

    idle_s: float
    longest_s: float
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _ended: dict[str, float] = field(default_factory=dict)

    def begin(self, login: str, *, by: str = "") -> Session:
        """A new session of that person."""
        return Session(secrets.token_urlsafe(18), login, time.time(), by)

    def cookie(self, session: Session) -> str:
        """The session as a cookie holds it, as of now."""
        return self._signer().dumps([session.sid, session.login, session.begun_at, session.by])

    def read(self, cookie: str | None) -> Session | None:
        """The session of a cookie; None where it is none of ours, was ended, or is over."""
        if not cookie or len(cookie) > 1000:
            return None
        try:
            sid, login, begun_at, by = self._signer().loads(cookie, max_age=int(self.idle_s))
        except (BadSignature, ValueError, TypeError):
            return None
        session = Session(str(sid), str(login), float(begun_at), str(by))
        is_over = time.time() - session.begun_at > self.longest_s
        return None if is_over or session.sid in self._ended else session

    def end(self, session: Session) -> None:
        """Ends a session, whoever still holds its cookie."""
        now = time.time()
        self._ended = {sid: at for sid, at in self._ended.items() if now - at < self.longest_s}
        self._ended[session.sid] = now

    def token(self, session: Session) -> str:
        """What a form of this session holds, and no other site can know."""
        return hmac.new(self._key, b"form:" + session.sid.encode(), "sha256").hexdigest()

    def is_token(self, session: Session, token: str) -> bool:
        """Whether that is the token of this session."""
        return hmac.compare_digest(self.token(session).encode(), token.encode("utf-8", "replace"))

    def of(self, session: Session | None, login: str) -> Session:
        """The session of somebody whom a proxy names: the one there is, where it is his, else a new one."""
        if session is not None and session.login == login:
            return replace(session)
        return self.begin(login)

    def _signer(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self._key, salt="session")


@dataclass
class Tries:
    """Passwords that were tried, by name: after some that were wrong, nothing is tried for a while.

    Names of which nobody is known are counted too, so that they can't be told from the others; of these only so many are remembered,
    and apart, so that no flood of them makes the board forget how often a real one was tried.
    """

    _known: dict[str, list[float]] = field(default_factory=dict)
    _made_up: dict[str, list[float]] = field(default_factory=dict)

    def take(self, login: str, *, is_known: bool) -> bool:
        """Whether a password may be tried for that name; the try counts from here on, before anybody knows whether it is right."""
        tried, now = self._known if is_known else self._made_up, time.monotonic()
        recent = [at for at in tried.get(login, []) if now - at < _WITHIN_S]
        if len(recent) >= _TRIES:
            return False
        tried.pop(login, None)
        tried[login] = [*recent, now]
        if len(self._made_up) > _REMEMBERED:
            del self._made_up[next(iter(self._made_up))]
        return True

    def forget(self, login: str) -> None:
        """One that was right."""
        self._known.pop(login, None)
