"""What waits in the inbox is one delivery of its feed, whatever one message of it holds, and stands in the status until it is moved."""

from __future__ import annotations

import errno
import json
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Timer
from typing import Any

import pytest

from cmvmon.domain.errors import AlreadyRunning, StoreBusy
from cmvmon.run.backups.rebuilding import rebuild
from cmvmon.run.checks.status import status
from cmvmon.run.daytime import watching
from cmvmon.run.daytime.unchecked import Unchecked
from cmvmon.run.daytime.watching import Look, Watch, keep_watch
from cmvmon.run.deliveries import landed_delivery
from cmvmon.run.health.at_work import LISTEN, only_one
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.folder import landing
from cmvmon.shell.incoming.inbox import Inbox, Message, key_of
from cmvmon.shell.incoming.inbox_moves import Moves
from tests.feeds.shipped import LABS
from tests.listen.listening import result
from tests.sites import lain_still, rows

FEED = "example_hl7"
AT = "2026-06-01T12:00:00.000000+00:00"


def come(root: Path, *messages: bytes, feed: str | None = FEED) -> None:
    """Messages as a listener stores them."""
    root.mkdir(exist_ok=True)
    inbox = Inbox(root)
    inbox.store([Message(raw, key_of("LIS", "EXAMPLE", str(hash(raw))), AT, b"", feed, "lis") for raw in messages])
    inbox.close()


def reasons(root: Path) -> list[str]:
    return sorted(reason for (reason,) in rows(root, "SELECT reason FROM quarantined_records"))


def accepted(root: Path) -> Sequence[object]:
    return [value for (value,) in rows(root, "SELECT accession_number FROM viral_load_results ORDER BY 1")]


def test_a_burst_is_one_delivery(tmp_path: Path) -> None:
    come(tmp_path, *(result(str(n)) for n in range(20)))
    (counted,) = nightly(tmp_path).taken_in.counted
    assert (counted.received, counted.accepted, counted.feed) == (20, 20, FEED)
    assert Moves(tmp_path).waiting_feeds() == []
    assert nightly(tmp_path).taken_in.counted == ()


HARMFUL = {  # what it comes to: its own results, and the reasons of what is set apart
    "cut in the middle": (result("X")[:-120], [], ["missing_test"]),
    "no last end": (result("X").rstrip(b"\r"), ["FX"], []),
    "a header of a batch": (result("X") + b"BHS|^~\\&|LIS\r", [], ["delivery_refused"]),
    "a trailer of a file": (result("X") + b"FTS|7\r", [], ["delivery_refused"]),
    "the end of a frame within": (result("X") + b"NTE|1||a\x1cb\r", [], ["malformed_segment"]),
    "the end of a frame at a line's begin": (result("X") + b"\x1cNTE|1\r", ["FX"], ["outside_a_message"]),
    "a frame's start within": (result("X") + b"NTE|1||\x0bMSH\r", [], ["malformed_segment"]),
    "two messages": (result("X") + result("Y"), ["FY"], ["cut_off_message"]),
    "a stray line before": (b"stray\r" + result("X"), ["FX"], ["outside_a_message"]),
    "bytes of no character set": (result("X") + b"NTE|1||\xff\xfe\r", [], ["wrong_encoding"]),
    "NULs": (result("X") + b"NTE|1||\0\0\r", [], ["malformed_segment"]),
    "too many segments": (result("X") + b"NTE|1\r" * 10_001, [], ["too_many_segments"]),
    "the mark of UTF-8": (b"\xef\xbb\xbf" + result("X"), ["FX"], []),
}


@pytest.mark.parametrize("harm", HARMFUL)
def test_a_message_that_can_not_be_read_takes_no_other_with_it(tmp_path: Path, harm: str) -> None:
    data, own, why = HARMFUL[harm]
    come(tmp_path, result("1"), data, result("2"))
    nightly(tmp_path)
    assert (accepted(tmp_path), reasons(tmp_path)) == (["F1", "F2", *own], why)


def test_who_is_killed_between_landing_and_saying_so_lands_the_same_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    come(tmp_path, result("1"), result("2"))
    with monkeypatch.context() as killed:
        killed.setattr(Moves, "landed", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            nightly(tmp_path)
    before = landing.ids(tmp_path / "landing")
    come(tmp_path, result("3"))
    nightly(tmp_path)
    assert len(before) == 1
    assert before < landing.ids(tmp_path / "landing")
    assert accepted(tmp_path) == ["F1", "F2", "F3"]
    assert rows(tmp_path, "SELECT sum(received), sum(accepted), sum(duplicates) FROM deliveries") == [(3, 3, 0)]


def broken_laboratory(root: Path) -> None:
    (root / "labs").mkdir(parents=True, exist_ok=True)
    (root / "labs" / "new_lab.toml").write_text("laboratory = ", "utf-8")


def mended_laboratory(root: Path) -> None:
    shipped = LABS / "example_hl7.toml"
    (root / "labs" / "new_lab.toml").write_text(
        shipped.read_text("utf-8").replace('"example_hl7"', '"new_lab"'), "utf-8"
    )


def test_where_a_laboratory_file_is_broken_it_lands_and_is_taken_in_once_that_is_mended(tmp_path: Path) -> None:
    broken_laboratory(tmp_path)
    come(tmp_path, result("1").replace(b"SYNTH-1", b"SYNTH-2"), feed="new_lab")
    come(tmp_path, result("2"))
    night = nightly(tmp_path)
    assert [(fault.feed, fault.code) for fault in night.taken_in.faults] == [("new_lab", "laboratory_file")]
    assert accepted(tmp_path) == ["F2"]
    assert Moves(tmp_path).waiting_feeds() == []
    mended_laboratory(tmp_path)
    assert nightly(tmp_path).taken_in.faults == ()
    assert accepted(tmp_path) == ["F1", "F2"]


def test_a_watch_looks_at_messages_alone_and_tries_again_what_it_could_not_judge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nightly(tmp_path)
    watch = Watch(tmp_path)
    watch.look()
    assert watch.look() is None
    broken_laboratory(tmp_path)
    come(tmp_path, result("1", collected="202605310800", reported="202605311000"), feed="new_lab")
    with monkeypatch.context() as broken:
        broken.setattr(
            "cmvmon.run.daytime.watching.take_in_drop", lambda *_, **__: pytest.fail("the drop folder was gone through")
        )
        look = watch.look()
    assert look is not None
    assert [fault.code for fault in look.taken_in.faults] == ["laboratory_file"]
    assert watch.look() is None
    mended_laboratory(tmp_path)
    monkeypatch.setattr("cmvmon.run.daytime.watching.TRIES_AGAIN_AFTER_S", 0.0)
    look = watch.look()
    assert look is not None
    assert accepted(tmp_path) == ["F1"]
    assert watch.look() is None


def test_the_status_counts_what_was_stored_moved_and_waits_by_feed(tmp_path: Path) -> None:
    come(tmp_path, result("1"), result("2"))
    nightly(tmp_path)
    come(tmp_path, result("3"), feed=None)
    come(tmp_path, result("4"), result("5"), feed="other")
    found = status(tmp_path)
    assert found.is_listening is False
    assert [(one.feed, one.stored, one.moved, one.waiting) for one in found.messages] == [
        (None, 1, 0, 0), ("example_hl7", 2, 2, 0), ("other", 2, 0, 2),
    ]  # fmt: skip
    assert all(one.stored == one.moved + one.waiting for one in found.messages if one.feed)
    assert found.messages[2].oldest_waiting_at == found.messages[2].last_at
    from cmvmon.cli.keeping import _plain, _said

    json.dumps(_plain(found))
    assert "  other: stored 2 = taken in 0 + waiting 2, the first of them since" in "\n".join(_said(found))


def test_an_inbox_that_can_not_be_read_stops_no_night_and_is_told(tmp_path: Path) -> None:
    come(tmp_path, result("1"))
    (tmp_path / "inbox.sqlite").write_bytes(b"no database" * 1000)
    night = nightly(tmp_path)
    assert [fault.feed for fault in night.taken_in.faults] == ["inbox"]
    assert "put a backup of it back" in night.taken_in.faults[0].message
    assert status(tmp_path).inbox_fault is not None
    assert Watch(tmp_path).look() is not None


def test_a_site_that_is_made_again_has_what_waits_too(tmp_path: Path) -> None:
    root, new = tmp_path / "old", tmp_path / "new"
    come(root, result("1"), result("2"))
    nightly(root)
    come(root, result("3"))
    done = rebuild(root, new)
    assert done.faults == ()
    assert all(one.is_equal for one in done.tables)
    assert accepted(new) == ["F1", "F2", "F3"]
    assert [(one.stored, one.moved) for one in status(new).messages] == [(3, 3)]
    assert [(one.stored, one.moved) for one in status(root).messages] == [(3, 2)]  # the old one stays as it is


def test_a_site_that_is_listened_for_is_not_made_again(tmp_path: Path) -> None:
    root, new = tmp_path / "old", tmp_path / "new"
    come(root, result("1"))
    nightly(root)
    with only_one(root, LISTEN), pytest.raises(AlreadyRunning, match="Stop it first"):
        rebuild(root, new)
    assert not new.exists()
    with pytest.raises(AlreadyRunning):
        rebuild(root, new, progress=lambda *_: start_listening(root))  # nor does it start meanwhile


def start_listening(root: Path) -> None:
    with only_one(root, LISTEN):
        pass


def of_nobody(control: str) -> bytes:
    """A message whose result can't be used."""
    return result(control, "no number")


def test_a_share_of_messages_that_can_not_be_used_takes_no_good_one_with_it(tmp_path: Path) -> None:
    root, new = tmp_path / "old", tmp_path / "new"
    come(root, *(of_nobody(f"B{n}") for n in range(11)), *(result(f"{n}") for n in range(9)))
    nightly(root)
    assert accepted(root) == [f"F{n}" for n in range(9)]
    assert len(reasons(root)) == 11
    assert "delivery_refused" not in reasons(root)
    assert all(one.is_equal for one in rebuild(root, new).tables)
    assert accepted(new) == accepted(root)


def test_a_dropped_file_called_as_one_of_the_inbox_is_refused_as_any_other(tmp_path: Path) -> None:
    path = tmp_path / "drop" / FEED / "inbox-1-20.hl7"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"".join([*(of_nobody(f"B{n}") for n in range(11)), *(result(f"{n}") for n in range(9))]))
    lain_still(path)
    nightly(tmp_path)
    assert accepted(tmp_path) == []
    assert set(reasons(tmp_path)) == {"delivery_refused"}


def crashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that holds CRASH makes judging its delivery end in an error of ours."""

    def ingest(data: bytes, **told: Any) -> Any:
        if b"CRASH" in data:
            raise ZeroDivisionError("CRASH")
        return judged(data, **told)

    judged = landed_delivery.ingest
    monkeypatch.setattr(landed_delivery, "ingest", ingest)


def test_a_message_that_ends_its_judging_in_an_error_is_left_alone_and_the_others_are_taken_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, new = tmp_path / "old", tmp_path / "new"
    good_ones = [f"F{n}" for n in range(9)]
    with monkeypatch.context() as broken:
        crashing(broken)
        come(
            root,
            *(result(f"{n}") for n in range(6)),
            result("X", number="CRASH"),
            *(result(f"{n}") for n in range(6, 9)),
        )
        night = nightly(root)
        assert accepted(root) == good_ones
        (fault,) = night.taken_in.faults
        assert "ZeroDivisionError" in fault.message
        assert "CRASH" not in fault.message
        landed = landing.ids(root / "landing")
        assert [one.message for one in nightly(root).taken_in.faults] == [fault.message]
        assert landing.ids(root / "landing") == landed
        done = rebuild(root, new)
        assert all(one.is_equal for one in done.tables)
        assert accepted(new) == good_ones
        assert [one.message.partition(":")[2] for one in done.faults] == [fault.message.partition(":")[2]]
    nightly(root)
    assert accepted(root) == ["CRASH", *good_ones]
    assert rows(root, "SELECT sum(received), sum(accepted), sum(duplicates) FROM deliveries") == [(10, 10, 0)]


def test_who_is_killed_while_a_delivery_is_parted_parts_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashing(monkeypatch)
    come(tmp_path, result("1"), result("X", number="CRASH"), result("2"))
    with monkeypatch.context() as killed:
        killed.setattr(landing, "note_parts", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            nightly(tmp_path)
    assert len(nightly(tmp_path).taken_in.faults) == 1
    assert accepted(tmp_path) == ["F1", "F2"]


def no_room(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, "no room")


def test_where_messages_can_not_be_moved_a_watch_says_so_once_and_tries_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nightly(tmp_path)
    watch, taken_in, stop = Watch(tmp_path), watching.take_in_inbox, Event()
    watch.look()
    n, said = [0], []

    def counted(*told: Any, **others: Any) -> Any:
        n[0] += 1
        return taken_in(*told, **others)

    monkeypatch.setattr(watching, "take_in_inbox", counted)
    monkeypatch.setattr("cmvmon.run.deliveries.intake.take_in_inbox", counted)
    monkeypatch.setattr(watching, "LOOKS_EVERY_S", 0.05)
    monkeypatch.setattr(watching, "TRIES_AGAIN_AFTER_S", 1.0)
    come(tmp_path, result("1"))
    with monkeypatch.context() as full:
        full.setattr("cmvmon.run.deliveries.inbox_taking._land", no_room)
        Timer(6.0, stop.set).start()
        for one in keep_watch(tmp_path, stop=stop):
            said += one.taken_in.faults if isinstance(one, Look) else [one]
        assert len(said) == 1
        assert 2 <= n[0] <= 8
        assert watch.look() is not None
        assert watch.look() is None
    monkeypatch.setattr(watching, "TRIES_AGAIN_AFTER_S", 0.0)
    assert watch.look() is not None
    assert accepted(tmp_path) == ["F1"]


def test_a_message_that_ends_its_judging_in_an_error_is_tried_three_times_by_a_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nightly(tmp_path)
    watch = Watch(tmp_path)
    watch.look()
    crashing(monkeypatch)
    monkeypatch.setattr(watching, "TRIES_AGAIN_AFTER_S", 0.0)
    come(tmp_path, result("X", number="CRASH"), result("1"))
    looks = [watch.look() for _ in range(8)]
    told = [fault.message for look in looks if look is not None for fault in look.taken_in.faults]
    assert ["ZeroDivisionError" in message for message in told] == [True, False], "it failed; then, that it stands"
    assert "ended 3 times" in told[1]
    assert accepted(tmp_path) == ["F1"]


def test_what_could_not_be_checked_for_a_busy_site_is_checked_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[list[str]] = []

    def check(_: Path, ids: list[str]) -> None:
        checked.append(ids)
        if len(checked) == 1:
            raise StoreBusy("busy")

    monkeypatch.setattr("cmvmon.run.daytime.unchecked.check_deliveries", check)
    unchecked = Unchecked()
    unchecked.add(["a", "b", "a"])
    with pytest.raises(StoreBusy):
        unchecked.check(tmp_path)
    assert unchecked.is_due(float("-inf"), waits_s=60)
    unchecked.check(tmp_path)
    assert checked == [["a", "b"]] * 2
    assert not unchecked.is_due(float("-inf"), waits_s=60)
