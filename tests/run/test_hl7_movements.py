"""Movements, merges, orders and doses by HL7, from the drop folder and from the inbox to the stays that are judged."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import polars as pl
import pytest

from cmvmon.domain.delivered import BY_NAME
from cmvmon.domain.known import Known
from cmvmon.domain.results import ALERTS
from cmvmon.domain.rows import ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.run.asking.worklist import worklist
from cmvmon.run.backups.rebuilding import rebuild
from cmvmon.run.daytime.merging import listed_links
from cmvmon.run.judging.assessing import assessed
from cmvmon.run.nightly.night import nightly
from cmvmon.run.pages.ward_rows import ward_rows
from cmvmon.run.ward import ward_list
from cmvmon.run.ward.placing import places
from cmvmon.shell.as_known import known
from cmvmon.shell.incoming.inbox import Inbox, Message, key_of
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.feeds.hl7_told_texts import TEXT, adt, dose, file_of, merge, order, unlink
from tests.sites import day, result

FEED = "example_adt"
AT = day(20)


def at_feed(root: Path) -> Path:
    (root / "tables").mkdir(parents=True, exist_ok=True)
    (root / "tables" / f"{FEED}.toml").write_text(TEXT, "utf-8")
    return root


def put(root: Path, name: str, *messages: list[str]) -> None:
    path = root / "drop" / FEED / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file_of(*messages))
    sites.lain_still(path)


def come(root: Path, *messages: list[str]) -> None:
    """The messages as a listener stores them."""
    inbox = Inbox(root)
    stored = [file_of(one) for one in messages]
    at = "2026-03-01T12:00:00.000000+00:00"
    inbox.store([Message(raw, key_of("ZIS", "EXAMPLE", str(hash(raw))), at, b"", FEED, "zis") for raw in stored])
    inbox.close()


def of_march(hours: float) -> str:
    """A moment as HL7 writes it, counted from the evening of the tests' first day."""
    return (day(0) + timedelta(hours=hours)).astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")


def moved(trigger: str, hours: float, *, recorded: float | None = None, **other: str) -> list[str]:
    told = {"recorded": of_march(hours if recorded is None else recorded), "happened": of_march(hours)}
    return adt(trigger, **{**told, **other})


def known_at(root: Path, at: datetime) -> Known:
    with open_site(root) as opened, opened.reading() as connection:
        return known.known(connection, opened.site, as_of=at)


def stays(root: Path, at: datetime = AT) -> list[tuple[object, ...]]:
    """Patient, hours from admission to discharge, ward and bed of each stay."""
    rows = known_at(root, at)[ICU_STAYS].sort("patient_id", "admitted_at")
    hours = [
        None if row["discharged_at"] is None else (row["discharged_at"] - day(0)) / timedelta(hours=1)
        for row in rows.to_dicts()
    ]
    return [(*row, hour) for row, hour in zip(rows.select("patient_id", "ward", "bed").rows(), hours, strict=True)]


HISTORY = (
    moved("A01", 1, ward="SEH"),
    moved("A02", 2, ward="IC1", bed="1"),
    moved("A02", 3, ward="B4"),
    moved("A12", 3, recorded=4, ward="IC1"),
    moved("A03", 5),
    moved("A13", 5, recorded=6),
)


@pytest.mark.parametrize("way", ["files", "inbox"])
def test_movements_make_the_stays_of_the_ward_and_whoever_left_is_listed_no_more(tmp_path: Path, way: str) -> None:
    root = at_feed(tmp_path)
    bring = (lambda n, *m: put(root, f"{n}.hl7", *m)) if way == "files" else (lambda n, *m: come(root, *m))
    bring(
        1,
        moved("A01", 1, ward="SEH"),
        moved("A02", 2, bed="7"),
        moved("A01", 2, patient="SYNTH-2", visit="V2", bed="8"),
    )
    done = nightly(root, as_of=day(1))
    assert done.taken_in.faults == ()
    assert stays(root, day(1)) == [("SYNTH-1", "IC1", "7", None), ("SYNTH-2", "IC1", "8", None)]
    with open_site(root) as opened, opened.reading() as connection:
        assert ward_list.candidates(connection, as_of=day(1)) == {"SYNTH-1", "SYNTH-2"}
        assert places(connection, ["SYNTH-1"], at=day(1)) == {"SYNTH-1": ("IC1", "7", None, None)}
    bring(2, moved("A02", 30, ward="B4"), moved("A03", 31, patient="SYNTH-2", visit="V2"))
    nightly(root, as_of=day(2))
    assert stays(root, day(2)) == [("SYNTH-1", "IC1", "7", 30), ("SYNTH-2", "IC1", "8", 31)]
    assert stays(root, day(1)) == [("SYNTH-1", "IC1", "7", None), ("SYNTH-2", "IC1", "8", None)]  # as it was known then
    with open_site(root) as opened, opened.reading() as connection:
        assert ward_list.candidates(connection, as_of=day(2)) == set()


def test_every_order_of_arrival_ends_in_the_same_stays(tmp_path: Path) -> None:
    shuffled = random.Random(7)
    orders = [list(HISTORY), list(reversed(HISTORY)), *(shuffled.sample(HISTORY, len(HISTORY)) for _ in range(4))]
    for number, messages in enumerate(orders):
        root = at_feed(tmp_path / str(number))
        with open_site(root) as opened:
            from cmvmon.run.deliveries.intake import take_in_file

            for n, message in enumerate(messages):
                path = root / f"{n}.hl7"
                path.write_bytes(file_of(message))
                take_in_file(opened, path, feed=FEED, received_at=day(10 + n / 10))
        assert stays(root) == [("SYNTH-1", "IC1", "1", None)]


def test_the_same_messages_twice_change_nothing_and_a_site_can_be_built_again_from_them(tmp_path: Path) -> None:
    root = at_feed(tmp_path / "old")
    put(root, "a.hl7", *HISTORY, merge("SYNTH-1", "SYNTH-9"), order(), dose())
    nightly(root, as_of=AT)
    before = stays(root)
    put(root, "b.hl7", *HISTORY, merge("SYNTH-1", "SYNTH-9"), order(), dose(), order(number="O2", test="NA^Sodium^L"))
    counted = {one.table: one for one in nightly(root, as_of=day(21)).taken_in.counted if not one.was_known}
    assert {name: (one.accepted, one.quarantined) for name, one in counted.items()} == dict.fromkeys(counted, (0, 0))
    assert counted["patient_movements"].duplicates == len(HISTORY)
    assert (stays(root), len(before)) == (before, 1)
    rebuild(root, tmp_path / "new")
    assert stays(tmp_path / "new") == before


def tables_of(found: Known) -> dict[str, pl.DataFrame]:
    return {name: rows.sort(pl.all()) for name, rows in found.tables.items() if not BY_NAME[name].says_who}


def test_a_merge_leads_all_that_came_under_one_number_to_the_other_and_undone_leaves_everything_as_it_was(
    tmp_path: Path,
) -> None:
    root = at_feed(tmp_path)
    put(root, "a.hl7", moved("A01", 1, patient="OLD"), moved("A01", 30, patient="NEW", visit="V2", bed="9"))
    sites.drop(root, "viral_load_results", [result("OLD", 1, 50000), result("NEW", 2, 40000)])
    nightly(root, as_of=day(3))
    before = tables_of(known_at(root, day(3)))
    put(root, "b.hl7", merge("OLD", "NEW", at=of_march(72.5)))
    nightly(root, as_of=day(4))
    merged = known_at(root, day(4))
    assert {row[0] for row in stays(root, day(4))} == {"NEW"}
    assert set(merged[VIRAL_LOAD_RESULTS]["patient_id"]) == {"NEW"}
    put(
        root, "c.hl7", moved("A02", 97, patient="OLD", ward="B4")
    )  # for the number that was merged away: follows the link
    put(root, "d.hl7", unlink("NEW", "OLD", at=of_march(97.5)))
    nightly(root, as_of=day(5))
    after = tables_of(known_at(root, day(5)))
    assert after["viral_load_results"].equals(before["viral_load_results"])
    assert {row[0]: row[-1] for row in stays(root, day(5))} == {"NEW": None, "OLD": 97}
    audit = [(one["number"], one["merged_into"], one["state"]) for one in listed_links(root)]
    assert ("OLD", "NEW", "ended") in audit
    kept = sites.rows(root, "SELECT patient_id, merged_into, source FROM patient_links ORDER BY version_number")
    assert kept[0] == ("OLD", "NEW", "ADT^A40 ZIS EXAMPLE")
    assert known_at(root, day(4))[VIRAL_LOAD_RESULTS].equals(merged[VIRAL_LOAD_RESULTS])


def test_a_merge_and_its_end_in_one_burst_of_the_inbox_contradict_nothing(tmp_path: Path) -> None:
    root = at_feed(tmp_path)
    come(
        root, merge("OLD", "NEW", at=of_march(1)), unlink("OLD", "NEW", at=of_march(2)), moved("A01", 1, patient="OLD")
    )
    nightly(root, as_of=day(1))
    assert sites.rows(root, "SELECT reason FROM quarantined_records") == []
    assert [row[0] for row in stays(root, day(1))] == ["OLD"]


def test_a_movement_that_can_not_be_read_is_told_of_its_patients_stay(tmp_path: Path) -> None:
    root = at_feed(tmp_path)
    put(root, "a.hl7", moved("A01", 1), moved("A02", 5, ward="NEW-WARD"))
    nightly(root, as_of=day(1))
    assert known_at(root, day(1)).unread_of(ICU_STAYS) == {"SYNTH-1"}
    mended = TEXT.replace('elsewhere = ["B4", "SEH"]', 'elsewhere = ["B4", "SEH", "NEW-WARD"]')
    (root / "tables" / f"{FEED}.toml").write_text(mended, "utf-8")
    nightly(root, as_of=day(2))
    assert known_at(root, day(2)).unread_of(ICU_STAYS) == frozenset()
    assert stays(root, day(2)) == [("SYNTH-1", "IC1", "3", 5)]


def test_stays_that_come_as_rows_stand_beside_those_that_movements_tell(tmp_path: Path) -> None:
    root = at_feed(tmp_path)
    sites.drop(root, "icu_stays", [sites.stay("SYNTH-CSV")])
    put(root, "a.hl7", moved("A01", 1))
    nightly(root, as_of=day(1))
    assert [row[0] for row in stays(root, day(1))] == ["SYNTH-1", "SYNTH-CSV"]


def test_of_a_stay_that_movements_tell_nobody_says_that_there_is_no_ventilation(tmp_path: Path) -> None:
    from cmvmon.facts.duration import DURATION

    root = at_feed(tmp_path)
    put(root, "a.hl7", moved("A01", 1))
    sites.drop(root, "icu_stays", [sites.stay("SYNTH-CSV")])
    sites.drop(root, "viral_load_results", [result(p, 1, 50000) for p in ("SYNTH-1", "SYNTH-CSV")])
    nightly(root, as_of=day(2))
    with open_site(root) as opened:
        said = assessed(opened, as_of=day(2)).facts.of(DURATION)
    assert dict(said.select("patient_id", "is_ventilated").iter_rows()) == {"SYNTH-1": None, "SYNTH-CSV": True}


def test_a_sample_that_was_taken_waits_for_its_result_until_its_order_is_cancelled(tmp_path: Path) -> None:
    root = at_feed(tmp_path)
    put(root, "a.hl7", order(at=of_march(1)))
    nightly(root, as_of=day(0.5))
    assert _orders(root, day(0.5)) == [("ordered", None)]
    put(root, "b.hl7", order("SC", at=of_march(2), taken=of_march(1.5)))
    nightly(root, as_of=day(1))
    assert _orders(root, day(1)) == [("collected", day(0) + timedelta(hours=1.5))]
    put(root, "c.hl7", order("OC", at=of_march(30)))
    nightly(root, as_of=day(2))
    assert _orders(root, day(2)) == [("cancelled", None)]


def _orders(root: Path, at: datetime) -> Sequence[tuple[object, ...]]:
    return known_at(root, at).tables["samples_ordered"].select("state", "collected_at").rows()


_WORDS = {
    "asked for": order(at=of_march(1)),
    "taken": order("SC", at=of_march(3), taken=of_march(2)),
    "resulted": order("SC", at=of_march(30), taken=of_march(2), status="CM"),
}


@pytest.mark.parametrize("arrival", list(permutations(_WORDS))[1::2], ids=" ".join)
def test_what_is_said_of_an_order_holds_by_its_own_moments_whichever_file_came_first(
    tmp_path: Path, arrival: Sequence[str]
) -> None:
    root = at_feed(tmp_path)
    for n, name in enumerate((*arrival, arrival[0])):  # and the first of them once more
        put(root, f"{n}.hl7", _WORDS[name])
        nightly(root, as_of=day(5 + n))
    assert _orders(root, day(9)) == [("resulted", day(0) + timedelta(hours=2))]
    seen = [_orders(root, day(5 + n))[0][0] for n in range(len(arrival))]
    states = {"asked for": "ordered", "taken": "collected", "resulted": "resulted"}
    until = [max(list(_WORDS).index(name) for name in arrival[: n + 1]) for n in range(len(arrival))]
    assert seen == [states[list(_WORDS)[n]] for n in until]  # at an earlier moment, what was known then


def test_the_last_word_of_one_file_on_an_order_is_the_one_that_was_stated_last(tmp_path: Path) -> None:
    for name, words in {"a": list(_WORDS.values()), "b": list(_WORDS.values())[::-1]}.items():
        root = at_feed(tmp_path / name)
        put(root, "1.hl7", *words)
        nightly(root, as_of=day(5))
        assert _orders(root, day(5)) == [("resulted", day(0) + timedelta(hours=2))]


def test_a_row_of_a_table_says_what_holds_though_a_message_was_stated_later(tmp_path: Path) -> None:
    """Whoever sends the table mends what is wrong in it, a moment too: what came last holds there, as before."""
    root = at_feed(tmp_path)
    put(root, "1.hl7", _WORDS["resulted"])
    nightly(root, as_of=day(5))
    written = [f"SYNTH-1,O1,bal,{day(0).isoformat()},cancelled,,{day(1).isoformat()},"]
    sites.drop(root, "samples_ordered", written)
    nightly(root, as_of=day(6))
    assert [state for state, _ in _orders(root, day(6))] == ["cancelled"]
    put(root, "2.hl7", _WORDS["taken"])  # an older word: neither that row nor the later one gives way to it
    nightly(root, as_of=day(7))
    assert [state for state, _ in _orders(root, day(7))] == ["cancelled"]


def test_a_dose_that_is_taken_back_is_none_whichever_message_came_first(tmp_path: Path) -> None:
    for name, (first, second) in {"a": ("A", "D"), "b": ("D", "A")}.items():
        root = at_feed(tmp_path / name)
        put(root, "1.hl7", dose(at=of_march(1), action=first))
        nightly(root, as_of=day(1))
        put(root, "2.hl7", dose(at=of_march(1), action=second), dose(at=of_march(2)))
        nightly(root, as_of=day(2))
        nightly(root, as_of=day(3))
        given = known_at(root, day(3)).tables["doses_given"]["given_at"].to_list()
        assert given == [day(0) + timedelta(hours=2)]


@pytest.mark.parametrize(
    ("trigger", "at", "is_there", "is_unread"),
    [
        ("A13", 5.0, True, False),
        ("A13", 8.0 - 5 / 3600, True, False),  # the click, and not when the discharge had been
        ("A13", 4.9, True, True),
        ("A12", 4.9, False, True),
    ],
)
def test_a_cancel_that_names_no_movement_loses_nobody_and_is_not_kept_in_silence(
    tmp_path: Path, trigger: str, at: float, is_there: bool, is_unread: bool
) -> None:
    root = at_feed(tmp_path)
    put(root, "1.hl7", moved("A01", 1), moved("A03", 5), moved(trigger, at, recorded=8))
    assert nightly(root, as_of=day(1)).taken_in.faults == ()
    with open_site(root) as opened, opened.reading() as connection:
        assert ward_list.candidates(connection, as_of=day(1)) == ({"SYNTH-1"} if is_there else set())
    assert known_at(root, day(1)).unread_of(ICU_STAYS) == (frozenset({"SYNTH-1"}) if is_unread else frozenset())


def listed(root: Path, at: datetime) -> dict[str, tuple[str | None, str | None]]:
    """Who is on the ward page and where, checked to be the same by what is stored and by an assessment of everybody."""
    with open_site(root) as opened:
        stored = ward_list.stored_list(opened, as_of=at, urgent=set(), unanswered=set())
        everyone = assessed(opened, as_of=at)
        whole = ward_list.of_assessment(everyone, as_of=at, urgent=set(), unanswered=set())
        with opened.reading() as connection:
            assert set(stored.patients) <= ward_list.candidates(connection, as_of=at)
        assert (stored.patients, stored.unplaced) == (whole.patients, whole.unplaced)
        no_alerts = ALERTS.empty()
        return {
            row.patient_id: (row.ward, row.bed)
            for row in ward_rows(stored, no_alerts, protocol=opened.protocol, as_of=at)
        }


def test_a_patient_whose_ward_nobody_listed_stays_on_the_list_of_the_ward_while_results_come(tmp_path: Path) -> None:
    root = at_feed(tmp_path)
    rising = [result("SYNTH-2", d, load, specimen="plasma") for d, load in ((1, 1000), (4, 9000), (7, 90000))]
    sites.drop(root, "viral_load_results", [*rising, result("SYNTH-9", 1, 1000)])
    put(
        root,
        "a.hl7",
        moved("A01", 1),
        moved("A01", 1, patient="SYNTH-2", visit="V2", ward="NEW-WARD"),  # results, and nobody knows where she lies
        moved("A01", 1, patient="SYNTH-3", visit="V3", ward="NEW-WARD"),  # of whom nothing else is known
    )
    nightly(root, as_of=day(8))
    assert listed(root, day(8)) == {"SYNTH-1": ("IC1", "3"), "SYNTH-2": (None, None)}
    assert all("SYNTH-2" in (root / "pages" / f"ward.{code}.html").read_text("utf-8") for code in ("nl", "en"))
    assert {row["patient_id"] for row in worklist(root, as_of=day(8), lang="en").samples} == {"SYNTH-2"}
    assert "SYNTH-2" not in listed(root, day(7) + ward_list.LISTED_FOR + timedelta(hours=1))
    mended = TEXT.replace('elsewhere = ["B4", "SEH"]', 'elsewhere = ["B4", "SEH", "NEW-WARD"]')
    (root / "tables" / f"{FEED}.toml").write_text(mended, "utf-8")
    nightly(root, as_of=day(9))
    assert set(listed(root, day(9))) == {"SYNTH-1"}


def test_who_went_home_and_has_a_stay_that_cannot_be_read_is_listed_and_not_put_in_the_bed_she_left(
    tmp_path: Path,
) -> None:
    root = at_feed(tmp_path)
    sites.drop(root, "icu_stays", [sites.stay("SYNTH-5", end=2), sites.stay("SYNTH-6", end=2)])
    sites.drop(root, "antiviral_courses", [sites.course("SYNTH-5", start=1), sites.course("SYNTH-6", start=1)])
    put(root, "a.hl7", moved("A01", 90, patient="SYNTH-5", visit="V5", ward="NEW-WARD"))
    nightly(root, as_of=day(5))
    assert listed(root, day(5)) == {"SYNTH-5": (None, None)}
