"""The inbox keeps every message once, durable, and what is moved out of it is neither lost nor doubled wherever it is stopped."""

from __future__ import annotations

import hashlib
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cmvmon.shell.incoming import inbox, inbox_moves
from cmvmon.shell.incoming.inbox import Inbox, InboxFault, Message, Stored, key_of
from cmvmon.shell.incoming.inbox_moves import InboxUnread, Moves
from cmvmon.shell.incoming.inbox_writer import InboxWriter, Item, Result

AT = "2026-03-01T12:00:00.000000+00:00"


def message(control: str, body: str = "OBX|1", *, feed: str | None = "lab", answer: bytes | None = None) -> Message:
    raw = f"MSH|^~\\&|LIS|LAB|||||ORU^R01|{control}|P|2.5\r{body}\r".encode()
    return Message(raw, key_of("LIS", "LAB", control), AT, answer or f"answer {control}".encode(), feed, "lis")


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Inbox]:
    found = Inbox(tmp_path)
    yield found
    found.close()


def raws(root: Path) -> list[bytes]:
    with closing(sqlite3.connect(root / inbox.NAME)) as connection:
        return [row[0] for row in connection.execute("SELECT raw FROM messages ORDER BY id")]


def test_the_same_message_is_stored_once_and_gets_the_answer_it_had(opened: Inbox, tmp_path: Path) -> None:
    assert opened.store([message("1", answer=b"first")]) == [(Stored.NEW, b"first")]
    assert opened.store([message("1", answer=b"second")] * 2) == [(Stored.KNOWN, b"first")] * 2
    assert len(raws(tmp_path)) == 1


def test_an_id_that_comes_again_with_other_content_is_stored_and_told(opened: Inbox, tmp_path: Path) -> None:
    assert [became for became, _ in opened.store([message("1"), message("1", "OBX|2"), message("1", "OBX|2")])] == [
        Stored.NEW, Stored.REUSED, Stored.KNOWN,
    ]  # fmt: skip
    assert len(raws(tmp_path)) == 2
    (of_feed,) = Moves(tmp_path).state()
    assert of_feed.reused == 1


def body(text: str, *, sender: str = "lab", feed: str | None = "posted") -> Message:
    raw = text.encode()
    key = key_of(inbox.FHIR, sender, hashlib.sha256(raw).hexdigest())
    return Message(raw, key, AT, b"answer", feed, sender, None if feed else "no_json", inbox.FHIR)


def test_a_body_is_known_until_another_one_of_its_sender_came(opened: Inbox, tmp_path: Path) -> None:
    """A, A, B, B, A, A: the return to A is kept, and each repeat is known; another sender's and a refused one stand for none."""
    bodies = [body(text) for text in "AABBA"]
    bodies += [body("B", sender="other"), body("?", feed=None), body("?", feed=None), body("A"), body("?", feed=None)]
    became = [found.name for found, _ in opened.store(bodies)]
    assert became == ["NEW", "KNOWN", "NEW", "KNOWN", "NEW", "NEW", "NEW", "KNOWN", "KNOWN", "KNOWN"]
    assert raws(tmp_path) == [b"A", b"B", b"A", b"B", b"?"]
    plan = opened._connection.execute(f"EXPLAIN QUERY PLAN {inbox._NEWEST_OF_SENDER}", ("", "lab", "posted")).fetchall()
    assert "USING INDEX messages_by_sender" in str(plan)


def test_what_was_refused_is_taken_once_its_senders_file_is_mended(opened: Inbox) -> None:
    assert opened.store([message("1", feed=None, answer=b"AR")]) == [(Stored.NEW, b"AR")]
    assert opened.store([message("1", feed=None, answer=b"other")]) == [(Stored.KNOWN, b"AR")]
    assert opened.store([message("1", answer=b"AA")]) == [(Stored.NEW, b"AA")]


def test_it_is_for_this_user_and_its_group_and_asks_for_a_sync_at_each_transaction(
    opened: Inbox, tmp_path: Path
) -> None:
    assert stat.S_IMODE((tmp_path / inbox.NAME).stat().st_mode) & 0o137 == 0
    assert opened._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert opened._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_no_message_in_it_can_be_changed_or_removed(opened: Inbox, tmp_path: Path) -> None:
    opened.store([message("1")])
    for statement in ("UPDATE messages SET feed = 'x'", "DELETE FROM messages"):
        with pytest.raises(sqlite3.IntegrityError, match="keeps every message"):
            opened._connection.execute(statement)


def test_a_message_is_looked_up_by_its_key_however_many_there_are(opened: Inbox) -> None:
    plan = opened._connection.execute(
        f"EXPLAIN QUERY PLAN {inbox._SAME_KEY}", ("sha256", "key", "feed", "sha256")
    ).fetchall()
    assert "USING INDEX messages_by_key (key=? AND feed=?)" in str(plan)


def test_a_write_ahead_log_that_is_cut_off_anywhere_leaves_whole_transactions_and_the_next_one_is_kept(
    opened: Inbox, tmp_path: Path
) -> None:
    """As where the power failed while it was written. Each transaction is of two messages: of none of them one is there alone."""
    controls = [(f"{n}a", f"{n}b") for n in range(12)]
    for pair in controls:
        opened.store([message(one, "NTE|" + "x" * 900) for one in pair])
    data, log = ((tmp_path / f"{inbox.NAME}{end}").read_bytes() for end in ("", "-wal"))
    assert len(log) > 12 * 4096
    n_left = set()
    for cut in range(0, len(log), len(log) // 40 + 7):  # also within the header of a page
        root = tmp_path / str(cut)
        root.mkdir()
        (root / inbox.NAME).write_bytes(data)
        (root / f"{inbox.NAME}-wal").write_bytes(log[:cut])
        with closing(Inbox(root)) as again:
            found = [raw.split(b"|")[9].decode() for raw in raws(root)]
            n_left.add(len(found))
            assert found == [one for pair in controls for one in pair][: len(found)]
            assert len(found) % 2 == 0
            assert [became for became, _ in again.store([message("next")])] == [Stored.NEW]
        assert len(raws(root)) == len(found) + 1
    assert len(n_left) > 6, "the cuts fell between few transactions"


def test_a_damaged_or_emptied_inbox_is_refused_with_what_to_do(tmp_path: Path) -> None:
    made = Inbox(tmp_path)
    made.store([message(str(n), "NTE|" + "x" * 900) for n in range(200)])
    made.close()
    path = tmp_path / inbox.NAME
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xff" * 4096 + whole[12_288:])
    with pytest.raises(InboxFault, match=r"is damaged.*put back a backup") as found:
        Inbox(tmp_path)
    assert found.value.exit_code == 7
    path.write_bytes(b"")
    with pytest.raises(InboxFault, match="0 bytes"):
        Inbox(tmp_path)


def test_a_full_disk_stores_nothing_of_the_transaction_and_goes_on_once_there_is_room(
    opened: Inbox, tmp_path: Path
) -> None:
    opened.store([message("1")])
    pages = opened._connection.execute("PRAGMA page_count").fetchone()[0]
    opened._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(InboxFault, match="disk is full") as found:
        opened.store([message("2"), message("3", "NTE|" + "x" * 100_000)])
    assert (found.value.ends, found.value.code) == (False, "full")
    opened._connection.execute("PRAGMA max_page_count = 100000")
    assert [became for became, _ in opened.store([message("2")])] == [Stored.NEW]
    assert len(raws(tmp_path)) == 2


def test_of_scraps_the_last_are_kept(opened: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MOST_SCRAPS", 3)
    for number in range(5):
        opened.keep_scrap("no_header", 10, b"%d" % number, received_at=AT)
    assert opened._connection.execute("SELECT kept FROM scraps ORDER BY id").fetchall() == [(b"2",), (b"3",), (b"4",)]


def moved(root: Path, *, most: int = 5000, most_bytes: int = 10**6) -> list[list[bytes]]:
    """What each next delivery holds, each said to have landed."""
    moves, found = Moves(root), []
    while move := moves.next("lab", most=most, most_bytes=most_bytes):
        found.append([kept.raw for kept in move[1]])
        moves.landed(move[0], f"delivery {len(found)}")
    return found


def test_a_burst_is_one_delivery_up_to_a_number_and_a_size(opened: Inbox, tmp_path: Path) -> None:
    opened.store([message(str(n)) for n in range(10)])
    assert list(map(len, moved(tmp_path))) == [10]
    opened.store([message(str(n)) for n in range(10, 20)])
    assert list(map(len, moved(tmp_path, most=4))) == [4, 4, 2]
    opened.store([message(str(n)) for n in range(20, 30)])
    assert list(map(len, moved(tmp_path, most_bytes=3 * len(message("20").raw)))) == [3, 3, 3, 1]
    (of_feed,) = Moves(tmp_path).state()
    assert (of_feed.stored, of_feed.moved, of_feed.waiting, of_feed.oldest_waiting_at) == (30, 30, 0, None)


def test_a_new_inbox_is_moved_from_its_first_message_on(tmp_path: Path) -> None:
    come(tmp_path, "1", "2", "3")
    moved(tmp_path)
    (tmp_path / inbox.NAME).rename(tmp_path / "away.sqlite")
    assert Moves(tmp_path).waiting_feeds() == []
    come(tmp_path, "4", "5")
    (of_feed,) = Moves(tmp_path).state()
    assert (of_feed.stored, of_feed.moved, of_feed.waiting) == (2, 0, 2)
    assert [len(one) for one in moved(tmp_path)] == [2]
    assert Moves(tmp_path).waiting_feeds() == []


def test_a_new_inbox_is_moved_where_a_move_of_the_one_before_was_begun(tmp_path: Path) -> None:
    come(tmp_path, "1", "2", "3")
    Moves(tmp_path).next("lab", most=10, most_bytes=10**6)
    (tmp_path / inbox.NAME).unlink()
    come(tmp_path, "4", "5")
    assert [len(one) for one in moved(tmp_path)] == [2]


@pytest.mark.parametrize("is_begun", [False, True])
@pytest.mark.parametrize("since", [0, 1, 3, 5])
def test_an_older_copy_of_the_inbox_is_told_and_taken_in_whole_once_its_moves_are_away(
    tmp_path: Path, since: int, is_begun: bool
) -> None:
    come(tmp_path, "1", "2")
    older = (tmp_path / inbox.NAME).read_bytes()
    come(tmp_path, "3", "4", "5")
    if is_begun:
        Moves(tmp_path).next("lab", most=10, most_bytes=10**6)
    else:
        moved(tmp_path)
    (tmp_path / inbox.NAME).write_bytes(older)
    come(tmp_path, *(f"NEW{n}" for n in range(since)))
    for look in (Moves(tmp_path).waiting_feeds, Moves(tmp_path).state, lambda: moved(tmp_path)):
        with pytest.raises(InboxUnread, match="older copy of itself"):
            look()
    (tmp_path / inbox_moves.NAME).unlink()
    assert [len(one) for one in moved(tmp_path)] == [2 + since]


def test_half_a_copy_is_none(tmp_path: Path) -> None:
    come(tmp_path, "1")
    (tmp_path / inbox.NAME).write_bytes(b"no database" * 1000)
    new = tmp_path / "new"
    new.mkdir()
    with pytest.raises(InboxUnread):
        Moves(tmp_path).copy_to(new)
    assert list(new.iterdir()) == []


def come(root: Path, *controls: str) -> None:
    """Messages as a listener stores them."""
    opened = Inbox(root)
    opened.store([message(control) for control in controls])
    opened.close()


def test_who_is_stopped_before_it_has_landed_makes_the_same_delivery_again(opened: Inbox, tmp_path: Path) -> None:
    opened.store([message("1"), message("2")])
    first = Moves(tmp_path).next("lab", most=10, most_bytes=10**6)
    opened.store([message("3")])
    again = Moves(tmp_path).next("lab", most=10, most_bytes=10**6)
    assert first == again
    assert first is not None
    assert (first[0].feed, first[0].first_id, first[0].last_id, first[0].messages) == ("lab", 1, 2, 2)
    assert Moves(tmp_path).waiting_feeds() == ["lab"]
    assert list(map(len, moved(tmp_path))) == [2, 1]
    assert Moves(tmp_path).waiting_feeds() == []


def test_a_message_that_could_harm_a_file_is_a_delivery_of_its_own(opened: Inbox, tmp_path: Path) -> None:
    for body in ("OBX|1", "BHS|^~\\&", "OBX|1", "NTE|\x1c", "OBX|1"):
        opened.store([message(str(len(raws(tmp_path))), body)])
    assert list(map(len, moved(tmp_path))) == [1, 1, 1, 1, 1]
    opened.store([message(str(n)) for n in range(10, 13)])
    assert list(map(len, moved(tmp_path))) == [3]


def test_feeds_are_moved_apart_and_what_was_refused_is_never_moved(opened: Inbox, tmp_path: Path) -> None:
    opened.store([message("1"), message("2", feed="other"), message("3", feed=None), message("4")])
    assert Moves(tmp_path).waiting_feeds() == ["lab", "other"]
    assert list(map(len, moved(tmp_path))) == [2]
    assert Moves(tmp_path).waiting_feeds() == ["other"]
    refused, lab, other = Moves(tmp_path).state()
    assert (refused.feed, refused.stored, refused.waiting, refused.moved) == (None, 1, 0, 0)
    assert (lab.waiting, other.waiting) == (0, 1)


def test_whoever_takes_in_can_not_write_into_the_inbox(opened: Inbox, tmp_path: Path) -> None:
    from cmvmon.shell.incoming.inbox_moves import reading

    with (
        closing(reading(tmp_path / inbox.NAME)) as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("DELETE FROM scraps")


def test_everything_that_waits_is_one_transaction_and_everybody_is_told(tmp_path: Path) -> None:
    told: list[list[tuple[Item, Result]]] = []
    writer = InboxWriter(tmp_path, lambda results, _: told.append(results))
    for number in range(500):
        writer.put([Item(message(str(number)), number)])
    writer.close()
    results = [one for batch in told for one in batch]
    assert [item.owner for item, _ in results] == list(range(500))
    assert all(result == (Stored.NEW, item.message.acknowledgement) for item, result in results)
    assert len(told) < 500
    assert len(raws(tmp_path)) == 500


def test_after_a_fault_that_ends_the_work_nothing_is_written_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sync that failed once may seem to succeed the next time, and what it should have kept is gone."""
    told: list[Result] = []
    writer = InboxWriter(tmp_path, lambda results, _: told.extend(result for _, result in results))
    with monkeypatch.context() as broken:
        broken.setattr(writer._inbox, "store", lambda _: (_ for _ in ()).throw(RuntimeError("a secret")))
        writer.put([Item(message("1"), 1)])
        while not told:
            pass
    writer.put([Item(message("2"), 2)])
    writer.close()
    assert [isinstance(one, InboxFault) and one.ends for one in told] == [True, True]
    assert "secret" not in str(told)
    assert raws(tmp_path) == []


def test_an_inbox_of_before_there_were_forms_is_read_as_messages_of_hl7_and_goes_on_with_both(tmp_path: Path) -> None:
    """Its file, as it was: without the column. Whoever takes in may meet it before a listener has opened it again."""
    with closing(Inbox(tmp_path)) as box:
        box.store([message("1")])
    with closing(sqlite3.connect(tmp_path / inbox.NAME)) as connection:
        connection.execute("ALTER TABLE messages DROP COLUMN form")
        connection.commit()
    moves = Moves(tmp_path)
    found = moves.next("lab", most=10, most_bytes=1000)
    assert found is not None
    assert [(one.id, one.form) for one in found[1]] == [(1, inbox.HL7)]
    moves.landed(found[0], "d1")
    with closing(Inbox(tmp_path)) as box:
        posted = replace(message("3"), raw=b'{"resourceType": "Bundle"}', form=inbox.FHIR)
        box.store([message("2"), posted, message("4"), message("5")])
    deliveries = []
    while (found := moves.next("lab", most=10, most_bytes=1000)) is not None:
        deliveries.append([(one.id, one.form) for one in found[1]])
        moves.landed(found[0], f"d{len(deliveries) + 1}")
    assert deliveries == [[(2, "hl7")], [(3, "fhir")], [(4, "hl7"), (5, "hl7")]]


_KILLED = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode=truncate")
connection.execute("PRAGMA cache_size=1")  # so that pages go into the file before the end, and the journal is what takes them back
connection.execute("BEGIN IMMEDIATE")
for number in range(2000):
    connection.execute("INSERT INTO moves VALUES ('x', 'lab', ?, ?, 1, ?, 'half')", (number, number, "0" * 64))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_lines_that_a_killed_program_left_half_written_are_taken_back_by_whoever_looks(
    opened: Inbox, tmp_path: Path
) -> None:
    """Found by thousands of kills: who opens such a file to read alone can't take them back, and nothing was moved any more."""
    opened.store([message("1"), message("2")])
    moves = Moves(tmp_path)
    first = moves.next("lab", most=1, most_bytes=1000)
    assert first is not None
    moves.landed(first[0], "d")
    done = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path / inbox_moves.NAME)], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / f"{inbox_moves.NAME}-journal").stat().st_size > 0
    assert moves.waiting_feeds() == ["lab"]
    (of_feed,) = moves.state()
    assert (of_feed.stored, of_feed.moved, of_feed.waiting) == (2, 1, 1)
    second = moves.next("lab", most=9, most_bytes=1000)
    assert second is not None
    assert [kept.raw for kept in second[1]] == raws(tmp_path)[1:]


def test_a_copy_is_made_of_lines_that_a_killed_program_left_half_written(opened: Inbox, tmp_path: Path) -> None:
    opened.store([message("1")])
    moves = Moves(tmp_path)
    assert moves.next("lab", most=1, most_bytes=1000) is not None
    subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path / inbox_moves.NAME)], timeout=60, check=False)
    (tmp_path / "copy").mkdir()
    moves.copy_to(tmp_path / "copy")
    assert [one.waiting for one in Moves(tmp_path / "copy").state()] == [1]


def test_a_file_of_moves_that_was_made_and_has_no_line_yet_says_that_nothing_was_moved(
    opened: Inbox, tmp_path: Path
) -> None:
    opened.store([message("1")])
    (tmp_path / inbox_moves.NAME).touch()  # whoever made it was killed before it wrote
    assert Moves(tmp_path).waiting_feeds() == ["lab"]
    assert Moves(tmp_path).next("lab", most=9, most_bytes=1000) is not None
