"""What has been moved from the inbox into the landing, and what waits there; read by everybody, written by whoever takes in.

inbox_moves.sqlite holds a line for each delivery that was made of messages: of which inbox, from which to which. The line is
written before the bytes land and is closed after it, so that whoever was stopped between makes the same delivery of the same bytes
again. Lines of another inbox say nothing of this one. An inbox that no longer holds what was moved out of it (an older copy put
back) is not moved from: its numbers mean other messages now.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmvmon.domain.errors import StoreError
from cmvmon.shell.incoming import inbox
from cmvmon.shell.incoming.inbox import Kept

NAME = "inbox_moves.sqlite"
_BUSY_S = 30.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS moves (
    inbox TEXT NOT NULL,        -- its identity
    feed TEXT NOT NULL,
    first_id INTEGER NOT NULL,
    last_id INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    last_sha256 TEXT NOT NULL,  -- of the last message
    delivery_id TEXT,           -- null: it was begun, and may have landed
    PRIMARY KEY (inbox, feed, first_id)
)
"""


# Each feed and its last message: from one to the next in an index, not over all messages.
_EACH_FEED = (
    "WITH RECURSIVE f(feed) AS (SELECT min(feed) FROM messages UNION ALL "
    "SELECT (SELECT min(feed) FROM messages WHERE feed > f.feed) FROM f WHERE f.feed IS NOT NULL) "
    "SELECT feed, (SELECT max(id) FROM messages m WHERE m.feed = f.feed) FROM f WHERE feed IS NOT NULL"
)


class InboxUnread(StoreError):
    """The inbox, or what is known of its moves, can't be read or written."""

    code = "unreadable_file"


@dataclass(frozen=True)
class Move:
    """Messages of one feed that are one delivery: of which inbox, the numbers of the first and the last, and how many they are."""

    inbox: str
    feed: str
    first_id: int
    last_id: int
    messages: int


@dataclass(frozen=True)
class OfFeed:
    """How one feed of the inbox stands: stored = moved + waiting. `feed`: None = what was refused, of which nothing is moved.

    `lately`: how many of the stored came since the moment that was asked for.
    """

    feed: str | None
    stored: int
    moved: int
    last_at: str
    reused: int
    oldest_waiting_at: str | None
    lately: int = 0

    @property
    def waiting(self) -> int:
        return 0 if self.feed is None else self.stored - self.moved


class Moves:
    """The inbox as whoever takes in meets it: what waits, and what was moved. None of it can change the inbox itself."""

    def __init__(self, root: Path) -> None:
        self._inbox, self._path = root / inbox.NAME, root / NAME

    @property
    def is_there(self) -> bool:
        """Whether a listener ever stored anything here."""
        return self._inbox.exists()

    def waiting_feeds(self) -> list[str]:
        """The feeds of which a message waits, or a move was begun."""
        if not self.is_there:
            return []
        with in_words(inbox.NAME), closing(reading(self._inbox)) as connection:
            newest = connection.execute(_EACH_FEED).fetchall()
            done = self._done(connection)
        return [feed for feed, last in newest if last > done.get(feed, (0, 0))[1]]

    def next(self, feed: str, *, most: int, most_bytes: int) -> tuple[Move, list[Kept]] | None:
        """The next messages of the feed that make one delivery, their line written; None where none waits.

        A message that is not plain (`is_plain`), as no message of FHIR is, is a delivery of its own: whatever its bytes do to a
        file, it does to no other.
        """
        with in_words(inbox.NAME), closing(reading(self._inbox)) as connection:
            own = _identity(connection)
            last = self._done(connection).get(feed, (0, 0))[1]
        with self._moves() as moved:
            begun = moved.execute(
                "SELECT inbox, feed, first_id, last_id, messages FROM moves WHERE inbox = ? AND feed = ? AND delivery_id IS NULL "
                "ORDER BY first_id", (own, feed),
            ).fetchone()  # fmt: skip
        if begun is not None:
            move = Move(*begun)
            found = list(self._messages("id BETWEEN ? AND ?", (feed, move.first_id, move.last_id)))
            if len(found) != move.messages:
                raise _another(feed, move.last_id)
            return move, found
        chosen: list[Kept] = []
        size = 0
        for kept in self._messages("id > ?", (feed, last)):
            if chosen and (kept.form != chosen[0].form or not is_plain(kept.raw) or size + len(kept.raw) > most_bytes):
                break
            chosen.append(kept)
            size += len(kept.raw)
            if not is_plain(kept.raw) or len(chosen) == most:
                break
        if not chosen:
            return None
        move = Move(own, feed, chosen[0].id, chosen[-1].id, len(chosen))
        sha256 = hashlib.sha256(chosen[-1].raw).hexdigest()
        with self._moves() as moved:
            moved.execute(
                "INSERT INTO moves VALUES (?, ?, ?, ?, ?, ?, NULL)",
                (own, feed, move.first_id, move.last_id, move.messages, sha256),
            )
        return move, chosen

    def landed(self, move: Move, delivery_id: str) -> None:
        """Says that the delivery which the messages make has landed."""
        with self._moves() as moved:
            moved.execute(
                "UPDATE moves SET delivery_id = ? WHERE inbox = ? AND feed = ? AND first_id = ?",
                (delivery_id, move.inbox, move.feed, move.first_id),
            )

    def state(self, *, since: str = "9999") -> tuple[OfFeed, ...]:
        """How each feed stands, by name; what was refused first. `since`: a moment as the inbox has them, ISO 8601 in UTC."""
        if not self.is_there:
            return ()
        with in_words(inbox.NAME), closing(reading(self._inbox)) as connection:
            done = self._done(connection)
            feeds = [row[0] for row in connection.execute(_EACH_FEED)]
            is_any_refused = (
                connection.execute("SELECT 1 FROM messages WHERE feed IS NULL LIMIT 1").fetchone() is not None
            )
            return tuple(
                _of_feed(connection, feed, *done.get(feed, (0, 0)), since=since)
                for feed in ([None] if is_any_refused else []) + feeds
            )

    def copy_to(self, root: Path, *, mode: int = 0o640) -> None:
        """The inbox and its lines, as they stand, into another folder that has none; also while the listener is at work."""
        # The lines first: what is moved meanwhile is moved there once more, as known.
        for path, opening in ((self._path, _reading_lines), (self._inbox, reading)):
            if path.exists():
                to = root / path.name
                os.close(os.open(to, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
                try:
                    with (
                        in_words(path.name),
                        closing(opening(path)) as source,
                        closing(sqlite3.connect(to)) as target,
                    ):
                        source.backup(target)
                except InboxUnread:
                    to.unlink()  # half of it would be taken for the whole
                    raise

    def _done(self, connection: sqlite3.Connection) -> dict[str, tuple[int, int]]:
        """By feed how many messages of this inbox were moved, and the last of them. Nothing is written.

        Raises InboxUnread where the inbox does not hold, under its number, the last message of a move.
        """
        if not self._path.exists():
            return {}
        own = (_identity(connection),)
        with in_words(NAME), closing(_reading_lines(self._path)) as moved:
            if moved.execute("SELECT 1 FROM sqlite_master WHERE name = 'moves'").fetchone() is None:
                return {}  # made by a program that was killed before its first line
            query = "SELECT feed, sum(messages), max(last_id) FROM moves WHERE inbox = ? AND delivery_id IS NOT NULL GROUP BY feed"
            done = {feed: (n, last) for feed, n, last in moved.execute(query, own)}
            # SQLite gives the other columns of the row that has the greatest number.
            query = "SELECT feed, max(last_id), last_sha256 FROM moves WHERE inbox = ? GROUP BY feed"
            last_ones = moved.execute(query, own).fetchall()
        for feed, last, sha256 in last_ones:
            there = connection.execute("SELECT feed, sha256 FROM messages WHERE id = ?", (last,)).fetchone()
            if there != (feed, sha256):
                raise _another(feed, last)
        return done

    def _messages(self, where: str, parameters: tuple[object, ...]) -> Iterator[Kept]:
        with in_words(inbox.NAME), closing(reading(self._inbox)) as connection:
            form = "form" if inbox.knows_forms(connection) else f"'{inbox.HL7}'"
            query = f"SELECT id, raw, {form} FROM messages WHERE feed = ? AND {where} ORDER BY id"  # noqa: S608 - texts of this file
            yield from (Kept(*row) for row in connection.execute(query, parameters))

    @contextmanager
    def _moves(self) -> Iterator[sqlite3.Connection]:
        """The file of moves, made where there is none, durable in a way that is safe with every version of SQLite."""
        with in_words(NAME):
            if not self._path.exists():
                with suppress(FileExistsError):
                    os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640))
            with closing(sqlite3.connect(self._path, isolation_level=None, timeout=_BUSY_S)) as connection:
                connection.execute("PRAGMA journal_mode=truncate")
                connection.execute("PRAGMA synchronous=EXTRA")
                connection.execute(_SCHEMA)
                yield connection


def _of_feed(connection: sqlite3.Connection, feed: str | None, n_moved: int, last: int, *, since: str) -> OfFeed:
    """How that feed stands. What was moved is known by its lines, so that only what came after it is counted, and what came lately
    is looked up from the newest back: an inbox holds every message that ever came."""
    of_feed = "feed IS NULL" if feed is None else "feed = :feed"
    given = {"feed": feed, "last": last, "since": since}

    def asked(what: str, where: str = "") -> Any:
        return connection.execute(f"SELECT {what} FROM messages WHERE {of_feed} {where}", given).fetchone()  # noqa: S608

    n_after, oldest = asked("count(*), min(received_at)", "AND id > :last")
    (last_at,) = asked("received_at", "ORDER BY id DESC LIMIT 1")
    before = asked("id", "AND received_at < :since ORDER BY id DESC LIMIT 1")
    given["before"] = 0 if before is None else before[0]
    (lately,) = asked("count(*)", "AND id > :before") if since <= last_at else (0,)
    (reused,) = asked("count(*)", "AND remark = 'id_reused'")
    return OfFeed(feed, n_moved + n_after, n_moved, last_at, reused, None if feed is None else oldest, lately)


def is_plain(raw: bytes) -> bool:
    """Whether the message is one header and its segments: no other header or trailer, and no mark of a frame, is in it.

    >>> is_plain(b"MSH|1\\rPID|1\\r"), is_plain(b"MSH|1\\rBHS|1\\r"), is_plain(b"MSH|1\\rNTE|\\x1cx\\r")
    (True, False, False)
    """
    if not raw.startswith(b"MSH") or b"\x0b" in raw or b"\x1c" in raw:
        return False
    return not any(end + name in raw for end in (b"\r", b"\n") for name in (b"MSH", b"FHS", b"BHS", b"BTS", b"FTS"))


def _identity(connection: sqlite3.Connection) -> str:
    return str(connection.execute("SELECT id FROM identity").fetchone()[0])


def _another(feed: str, number: int) -> InboxUnread:
    return InboxUnread(
        f"{inbox.NAME} does not hold message {number} of the feed {feed}, which was moved out of it: it is an older copy of itself. "
        f"Nothing is moved. Put the newest copy back; without one, move {NAME} away: all that {inbox.NAME} holds is then taken in "
        "once more, and what is known changes nothing"
    )


def reading(path: Path) -> sqlite3.Connection:
    """A connection that can't write, nor move the log into the file."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=_BUSY_S)


def _reading_lines(path: Path) -> sqlite3.Connection:
    """The same for the file of moves. What a killed program left half written in it is taken back first: who may only read can't."""
    connection = reading(path)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_READONLY:
            raise
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=_BUSY_S)) as mending:
            mending.execute("SELECT 1 FROM sqlite_master").fetchone()
        connection = reading(path)
    return connection


@contextmanager
def in_words(name: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise InboxUnread(
            f"{name} can't be read or written ({inbox.sqlite3_name(error)}); look at the disk, "
            "and put a backup of it back if it is damaged"
        ) from None
    except OSError as error:
        raise InboxUnread(f"{name} can't be read or written ({error.strerror}); check the site's folder") from None
