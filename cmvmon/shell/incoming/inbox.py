"""The inbox: every message that came by a socket, durable before it is acknowledged. One SQLite file beside the site's database.

inbox.sqlite has one writer, the listener, and everybody else reads it without the right to write: of such a file the
write-ahead log is safe with every version of SQLite (docs/decisions/0031 and 0043). Rows are added and never changed.
What has been moved into the landing stands in a file of its own (cmvmon.shell.incoming.inbox_moves), which knows the inbox by its
`identity`: a new inbox begins anew.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from cmvmon.domain.errors import StoreError
from cmvmon.shell.basis.files import sync_folder

NAME = "inbox.sqlite"
HL7, FHIR = "hl7", "fhir"
"""How a message is written: names of cmvmon.feeds.formats."""
MOST_SCRAPS = 1000
_FULL = 2  # PRAGMA synchronous
_WAITS_FOR_READERS_S = 5.0
_APPLICATION_ID = 0x636D7669  # "cmvi"
_SCHEMA = """
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    feed TEXT,                  -- null: refused, and never moved into a feed
    sender TEXT,                -- the name of its file
    form TEXT NOT NULL DEFAULT 'hl7',  -- how it is written, a name of cmvmon.feeds.formats
    key TEXT NOT NULL,          -- SHA-256 of MSH-3, MSH-4 and MSH-10; of another form of what `key_of` is given
    sha256 TEXT NOT NULL,       -- of the bytes
    received_at TEXT NOT NULL,
    remark TEXT,                -- id_reused, or why it was refused
    acknowledgement BLOB NOT NULL,
    raw BLOB NOT NULL           -- the last column: what counts the others does not read it
);
CREATE INDEX messages_by_key ON messages (key, feed, sha256);
CREATE INDEX messages_by_feed ON messages (feed, id);
CREATE TABLE scraps (           -- the beginning of bytes that are no message; the last of them
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at TEXT NOT NULL,
    code TEXT NOT NULL,
    n_bytes INTEGER NOT NULL,
    kept BLOB NOT NULL
);
CREATE TRIGGER no_update_of_messages BEFORE UPDATE ON messages BEGIN SELECT RAISE(ABORT, 'the inbox keeps every message'); END;
CREATE TRIGGER no_delete_of_messages BEFORE DELETE ON messages BEGIN SELECT RAISE(ABORT, 'the inbox keeps every message'); END;
"""
_FORM = (
    "ALTER TABLE messages ADD COLUMN form TEXT NOT NULL DEFAULT 'hl7'"  # of an inbox that knew messages of HL7 alone
)
_IDENTITY = """
CREATE TABLE IF NOT EXISTS identity (id TEXT NOT NULL);  -- one row: by chance, so that no two inboxes are taken for one
CREATE INDEX IF NOT EXISTS messages_by_sender ON messages (sender, feed, id);
CREATE INDEX IF NOT EXISTS messages_reused ON messages (feed) WHERE remark = 'id_reused';
INSERT INTO identity SELECT '{id}' WHERE NOT EXISTS (SELECT 1 FROM identity);
"""
_SAME_KEY = (
    "SELECT sha256 = ?, acknowledgement FROM messages WHERE key = ? AND feed IS ? ORDER BY sha256 = ? DESC, id LIMIT 1"
)
_NEWEST_OF_SENDER = (
    "SELECT sha256 = ?, acknowledgement FROM messages WHERE sender = ? AND feed = ? ORDER BY id DESC LIMIT 1"
)


class Stored(Enum):
    """What became of a message in the inbox."""

    NEW = "new"
    REUSED = "id_reused"  # its id came before, with other content: stored as well
    KNOWN = "duplicate"  # both came before (a body: last, of its sender): nothing is stored, and it is answered as it was then


class InboxFault(StoreError):
    """Nothing was stored. `ends`: what was written before may be in doubt, and only a new start can tell."""

    def __init__(self, message: str, code: str, *, ends: bool) -> None:
        super().__init__(message)
        self.code, self.ends = code, ends


@dataclass(frozen=True)
class Message:
    """One message to be stored, and what it is answered where it is new. `feed`: None where it is refused."""

    raw: bytes
    key: str
    received_at: str
    acknowledgement: bytes
    feed: str | None
    sender: str | None
    remark: str | None = None
    form: str = HL7


@dataclass(frozen=True)
class Kept:
    """One message as it waits: its number, and its bytes."""

    id: int
    raw: bytes
    form: str = HL7


def key_of(application: str, facility: str, control_id: str) -> str:
    """What names a message of a sender: the hash of MSH-3, MSH-4 and MSH-10. Of a body that was posted: of its form, its sender
    and its own hash, since nothing else names it."""
    return hashlib.sha256("\0".join((application, facility, control_id)).encode()).hexdigest()


class Inbox:
    """The inbox while the listener has it open, by one thread."""

    def __init__(self, root: Path) -> None:
        """Opens it, made where there is none, and reads all of it to see that it is whole. Raises InboxFault."""
        self._path = root / NAME
        with self._in_words():
            if not self._path.exists():
                _make(self._path)
            elif self._path.stat().st_size == 0:
                raise InboxFault(
                    f"{NAME} holds 0 bytes: put a backup of it back, or move it away", "damaged", ends=True
                )
            self._connection = sqlite3.connect(
                self._path, isolation_level=None, timeout=_WAITS_FOR_READERS_S, check_same_thread=False
            )
            mode = self._connection.execute("PRAGMA journal_mode=wal").fetchone()[0]
            self._connection.execute(f"PRAGMA synchronous={self._synchronous()}")
            synchronous = self._connection.execute("PRAGMA synchronous").fetchone()[0]
            if (mode, synchronous) != ("wal", self._synchronous()):
                raise InboxFault(
                    f"{NAME} runs with journal {mode}, synchronous {synchronous}, and a message that was acknowledged could be "
                    "lost; put the site on a local disk", "not_durable", ends=True,
                )  # fmt: skip
            if self._connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("damaged")
            # SQLite begins its log with the first transaction and does not look whether the log's name could be synced.
            self._connection.execute("PRAGMA user_version = 1")
            if not knows_forms(self._connection):
                self._connection.execute(_FORM)
            self._connection.executescript(_IDENTITY.format(id=secrets.token_hex(16)))
            sync_folder(root)

    @staticmethod
    def _synchronous() -> int:
        return _FULL

    def store(self, messages: Sequence[Message]) -> list[tuple[Stored, bytes]]:
        """Stores all of them in one transaction; when it returns they are on the disk. Of each what became of it, and its answer.

        What was refused before is not known to a feed: once its sender's file is mended it is taken.
        Raises InboxFault, and then nothing of it is stored.
        """
        with self._in_words(), self._transaction():
            return [self._stored(message) for message in messages]

    def _stored(self, message: Message) -> tuple[Stored, bytes]:
        sha256 = hashlib.sha256(message.raw).hexdigest()
        # Nothing names a body but its bytes: after another one they say that what held before holds again.
        is_by_bytes = message.form == FHIR and message.feed is not None
        if is_by_bytes:
            found = self._connection.execute(_NEWEST_OF_SENDER, (sha256, message.sender, message.feed)).fetchone()
        else:
            found = self._connection.execute(_SAME_KEY, (sha256, message.key, message.feed, sha256)).fetchone()
        if found is not None and found[0]:
            return Stored.KNOWN, found[1]
        found = None if is_by_bytes else found
        became = Stored.NEW if found is None else Stored.REUSED
        remark = message.remark or (None if found is None else Stored.REUSED.value)
        self._connection.execute(
            "INSERT INTO messages (feed, sender, form, key, sha256, raw, received_at, acknowledgement, remark) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (message.feed, message.sender, message.form, message.key, sha256, message.raw, message.received_at,
             message.acknowledgement, remark),
        )  # fmt: skip
        return became, message.acknowledgement

    def keep_scrap(self, code: str, n_bytes: int, kept: bytes, *, received_at: str) -> None:
        """Keeps the beginning of bytes that are no message; of many the last ones."""
        with self._in_words(), self._transaction():
            self._connection.execute(
                "INSERT INTO scraps (received_at, code, n_bytes, kept) VALUES (?, ?, ?, ?)", (received_at, code, n_bytes, kept)
            )  # fmt: skip
            self._connection.execute("DELETE FROM scraps WHERE id <= (SELECT max(id) FROM scraps) - ?", (MOST_SCRAPS,))

    def close(self) -> None:
        """Closes it; what was stored is moved into the file itself."""
        with self._in_words():
            self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _fault(error) from None
        except OSError as error:
            raise InboxFault(
                f"{NAME} can't be made or read ({error.strerror}); check its folder", "disk", ends=True
            ) from None


def knows_forms(connection: sqlite3.Connection) -> bool:
    """Whether the inbox says of each message how it is written; one that does not holds messages of HL7 alone."""
    return any(row[1] == "form" for row in connection.execute("PRAGMA table_info(messages)"))


def _fault(error: sqlite3.Error) -> InboxFault:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return InboxFault(
            f"{NAME} can't grow: the disk is full. Make room; messages are asked for again", "full", ends=False
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return InboxFault(f"{NAME} is kept busy by another program; messages are asked for again", "busy", ends=False)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return InboxFault(
            f"{NAME} is damaged; nothing was changed. Keep it as it is, and put back a backup of it. Without one, move it away: "
            "what was moved into landing/ stands, and what is acknowledged and only in it must be asked for again",
            "damaged", ends=True,
        )  # fmt: skip
    return InboxFault(
        f"{NAME} can't be written or synced ({sqlite3_name(error)}); nothing of the last messages was acknowledged. Look at the disk, "
        "then start again: the inbox is then read through", "disk", ends=True,
    )  # fmt: skip


def sqlite3_name(error: sqlite3.Error) -> str:
    """The name of SQLite's code, such as SQLITE_IOERR_FSYNC: no statement and no value."""
    return str(getattr(error, "sqlite_errorname", "an error without a code"))


def _make(path: Path) -> None:
    """A new inbox, in place whole or not at all, for this user and its group."""
    aside = path.with_name(f".writing-{path.name}")
    with suppress(FileNotFoundError):
        aside.unlink()
    os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640))
    bare = sqlite3.connect(aside)
    bare.executescript(f"PRAGMA application_id = {_APPLICATION_ID}; PRAGMA synchronous = EXTRA; {_SCHEMA}")
    bare.executescript(_IDENTITY.format(id=secrets.token_hex(16)))
    bare.execute("PRAGMA journal_mode=wal")
    bare.close()
    os.replace(aside, path)
    sync_folder(path.parent)
