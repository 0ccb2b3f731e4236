"""What has landed is judged, now or in a later night, and no patient waits who was taken in. All made up."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from cmvmon.domain.errors import NoLaboratoryFile, SiteError
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.run.answers.dismissing import dismiss
from cmvmon.run.asking.quarantine_list import listed_quarantine, quarantined_record
from cmvmon.run.checks.checkup import checkup
from cmvmon.run.checks.status import status
from cmvmon.run.daytime.by_hand import take_in_by_hand
from cmvmon.run.daytime.feed import lab_feed, lab_feeds
from cmvmon.run.daytime.quarantine_retry import retry
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.shell.as_known import known
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store import session
from cmvmon.shell.taken_in import unjudged
from cmvmon.shell.taken_in.never_taken_in import NeverTakenIn
from cmvmon.shell.waiting import feed_state
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.nights import nightly
from tests.sites import course, day, drop, result, stay, text

NIGHT, LATER, NEXT = day(21.5), day(21.75), day(22.5)


@pytest.fixture
def ward(site: Path) -> Path:
    """A ward of three after its night, on each kind of database."""
    sites.ward_of_three(site)
    nightly(site, as_of=NIGHT)
    return site


def landed(root: Path, table: str, *lines: str, feed: str = "synthetic") -> str:
    return sites.land(root, table, lines, at=LATER, feed=feed)


def one_result(patient: str = "SYNTHETIC-ONE") -> str:
    return result(patient, 21.55, 900_000, reported=text(day(21.6)))


def stopped_feeds(root: Path) -> list[str]:
    query = (
        "SELECT subject FROM alert_events WHERE rule = 'operations' AND alert_id IN (SELECT alert_id FROM open_alerts)"
    )
    return sorted({json.loads(row[0])["feed"] for row in sites.rows(root, query)})


def test_a_delivery_of_a_feed_without_a_laboratory_file_is_told_and_taken_in_once_there_is_one(ward: Path) -> None:
    delivery = landed(ward, "viral_load_results", one_result(), feed="second")
    with pytest.raises(NoLaboratoryFile, match="second"):
        lab_feed(ward, delivery, as_of=LATER)
    assert stopped_feeds(ward) == ["second"]
    nightly(ward, as_of=NEXT)
    assert stopped_feeds(ward) == ["second"]
    sites.laboratories(ward, "synthetic", "second")
    nightly(ward, as_of=day(23.5))
    assert sites.rows(ward, f"SELECT feed, accepted FROM deliveries WHERE delivery_id = '{delivery}'") == [
        ("second", 1)
    ]
    assert stopped_feeds(ward) == []


def test_a_note_that_cannot_be_read_is_told_and_the_others_go_on(ward: Path) -> None:
    broken, good = (
        landed(ward, "viral_load_results", one_result(), feed="other"),
        landed(ward, "icu_stays", stay("SYNTHETIC-N")),
    )
    (ward / "landing" / broken / "other.viral_load_results.json").write_text("{", encoding="utf-8")
    done = nightly(ward, as_of=NEXT)
    assert [(fault.feed, "can't be read as the note" in fault.message) for fault in done.taken_in.faults] == [
        ("other", True)
    ]
    assert stopped_feeds(ward) == ["other"]
    assert sites.rows(ward, f"SELECT accepted FROM deliveries WHERE delivery_id = '{good}'") == [(1,)]


def test_every_delivery_of_a_batch_that_cannot_be_judged_is_named(ward: Path) -> None:
    unread = [landed(ward, "viral_load_results", one_result(), feed=feed) for feed in ("one", "two")]
    with pytest.raises(SiteError, match=r"2 deliveries .*labs/one\.toml.*labs/two\.toml"):
        lab_feeds(ward, [*unread, landed(ward, "icu_stays", stay("SYNTHETIC-N"))], as_of=LATER)
    assert stopped_feeds(ward) == ["one", "two"]


def test_two_snapshots_of_one_batch_come_one_after_the_other(ward: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "now", lambda: day(22))
    first, second = (landed(ward, "icu_stays", stay("SYNTHETIC-ONE", bed=bed)) for bed in ("S-10", "S-11"))
    lab_feeds(ward, [first, second])
    with open_site(ward) as opened, opened.reading() as connection:
        stays = known.known(connection, opened.site, as_of=day(23), patients=["SYNTHETIC-ONE"]).tables["icu_stays"]
    assert stays["bed"].to_list() == ["S-11"]


def test_a_patient_without_a_stay_who_was_taken_in_and_not_assessed_is_assessed_with_the_next_delivery(
    ward: Path,
) -> None:
    lines = [result("SYNTHETIC-AWAY", d, 10.0**6, reported=text(day(d + 0.1))) for d in (0, 7, 14, 21)]
    with open_site(ward) as opened:  # as a program does that stops before it assesses
        for table, rows in (("viral_load_results", lines), ("antiviral_courses", [course("SYNTHETIC-AWAY")])):
            path = drop(ward, table, rows, name="away.csv")
            take_in_file(opened, path, feed="synthetic", table=table, received_at=day(21.6))
    done = lab_feed(ward, landed(ward, "viral_load_results", one_result()), as_of=LATER)
    assert done.assessed is not None
    assert done.assessed.patients == 2
    query = "SELECT count(*) FROM alert_events WHERE patient_id = 'SYNTHETIC-AWAY' AND event = 'opened'"
    assert sites.rows(ward, query)[0][0] > 0


def test_a_feed_is_told_as_it_stood_at_the_moment(ward: Path) -> None:
    bad = drop(ward, "viral_load_results", [], name="bad.csv")
    bad.write_text("patient_id;value\n1;2\n", encoding="utf-8")
    sites.lain_still(bad)
    nightly(ward, as_of=NEXT)
    with open_site(ward) as opened, opened.reading() as connection:
        refused = [
            {one.table: one.refused for one in feed_state.feed_tables(connection, as_of=at)}["viral_load_results"]
            for at in (NIGHT, NEXT)
        ]
    assert (refused[0], refused[1] is not None) == (None, True)


def test_the_shared_script_is_written_again_by_a_delivery_where_it_is_gone(ward: Path) -> None:
    (script,) = Site(ward).pages.glob("*.js")
    script.unlink()
    lab_feed(ward, landed(ward, "viral_load_results", one_result()), as_of=LATER)
    assert script.exists()


def test_more_patients_than_one_question_may_name_are_all_read(site: Path) -> None:
    names = [f"SYNTHETIC-{n:04}" for n in range(1203)]
    path = drop(site, "viral_load_results", [result(name, 0, 1_000) for name in names])
    with open_site(site) as opened:
        take_in_file(opened, path, feed="synthetic", table="viral_load_results", received_at=day(1))
        with opened.reading() as connection:
            found = known.known(connection, opened.site, as_of=day(1), patients=names).tables["viral_load_results"]
    assert sorted(found["patient_id"]) == names


def test_a_live_snapshot_that_only_sets_a_course_apart_tells_its_patient_at_once_and_the_next_one_settles_it(
    ward: Path,
) -> None:
    (ward / "tables").mkdir(exist_ok=True)
    declared = 'feed = "pharmacy"\ndescription = "Invented"\n[antiviral_courses]\nsends = "snapshot"\n'
    (ward / "tables" / "pharmacy.toml").write_text(declared, encoding="utf-8")
    whole = course("SYNTHETIC-ONE", start=1)
    unread = whole.replace(text(day(1)), text(day(1))[:10])
    judged, unread_of = [], []
    for n, lines in enumerate(([whole], [unread], [whole, course("SYNTHETIC-TWO", start=2)])):
        at = LATER + timedelta(hours=n)
        delivery = sites.land(ward, "antiviral_courses", lines, at=at, feed="pharmacy")
        done = lab_feed(ward, delivery, as_of=at)
        judged.append(0 if done.assessed is None else done.assessed.patients)
        with open_site(ward) as opened, opened.reading() as connection:
            unread_of.append(known.known(connection, opened.site, as_of=at).unread_of(ANTIVIRAL_COURSES))
    assert judged == [1, 1, 2]
    assert unread_of == [frozenset(), {"SYNTHETIC-ONE"}, frozenset()]


def many(patient: str) -> list[str]:
    return [result(f"{patient}-{n}", 20, 10_000) for n in range(25)]


def never_taken_in(root: Path) -> str:
    (said,) = (finding.words for finding in checkup(root, example=lambda: ()) if finding.what == "deliveries")
    return said


@pytest.mark.parametrize("is_left", [True, False])
def test_a_delivery_that_a_clock_behind_refused_is_tried_again_each_night_and_taken_in(
    site: Path, is_left: bool
) -> None:
    """Of a machine whose clock stood two weeks behind, every result was collected in the future."""
    path = drop(site, "viral_load_results", many("SYNTHETIC"))
    (one,) = nightly(site, as_of=day(6)).taken_in.counted
    assert (one.refused, one.accepted) == ("too_many_quarantined", 0)
    if not is_left:
        path.unlink()
    for still in (7, 8):  # tried in vain: nothing more is stored of it
        nightly(site, as_of=day(still))
        assert sites.rows(site, "SELECT max(attempt), count(*) FROM deliveries") == [(1, 1)]
        assert sites.rows(site, "SELECT count(*) FROM quarantined_records") == [(25,)]
    assert stopped_feeds(site) == ["synthetic"]
    assert never_taken_in(site).startswith("1 landed and never taken in")
    assert "1 delivery has landed and was never taken in" in (site / "pages" / "ward.en.html").read_text()
    nightly(site, as_of=day(21))
    assert sites.rows(site, "SELECT attempt, accepted, refused FROM deliveries ORDER BY attempt") == [
        (1, 0, "too_many_quarantined"),
        (2, 25, None),
    ]
    assert stopped_feeds(site) == []
    assert never_taken_in(site) == "whatever has landed was taken in"
    assert "never taken in" not in (site / "pages" / "ward.en.html").read_text()


@pytest.mark.parametrize("other", [("second", "viral_load_results"), ("second", "icu_stays")])
def test_bytes_that_were_taken_in_for_one_feed_and_wait_for_another_are_told_until_they_are_taken_in_there_too(
    ward: Path, other: tuple[str, str]
) -> None:
    """A file that was given under a mistyped name of a feed after it had been given under the right one, and a file of
    another table that was refused for its columns."""
    feed, table = other
    delivery = landed(ward, "viral_load_results", one_result())
    lab_feed(ward, delivery, as_of=LATER)
    assert never_taken_in(ward) == "whatever has landed was taken in"
    raw = (ward / "landing" / delivery / "raw").read_bytes()
    told = {"file_name": "new.csv", "landed_at": LATER, "is_history": False}
    with open_site(ward) as opened:
        unjudged.land(opened, ward / "landing", raw, feed=feed, table=table, form="csv", **told)
    assert never_taken_in(ward).startswith("1 landed and never taken in")
    assert status(ward).n_never_taken_in == 1
    sites.laboratories(ward, "synthetic", "second")
    nightly(ward, as_of=NEXT)
    is_read = table == "viral_load_results"
    assert (never_taken_in(ward) == "whatever has landed was taken in") is is_read


def test_bytes_that_wait_for_one_feed_and_were_refused_for_another_are_one_delivery_and_are_said_to_be() -> None:
    assert NeverTakenIn(1, 2, 2).in_words.endswith("; 1 of them both, the same bytes for several feeds or tables")
    assert "both" not in NeverTakenIn(1, 2, 3).in_words


def test_of_courses_that_were_refused_what_came_later_holds_when_they_are_tried_again(tmp_path: Path) -> None:
    """Refused for a word, tried again after a newer file: the course that was stopped meanwhile stays stopped."""
    (tmp_path / "tables").mkdir()
    file = tmp_path / "tables" / "synthetic.toml"
    file.write_text('feed = "synthetic"\ndescription = "x"\n', encoding="utf-8")
    names = [f"SYNTHETIC-{n}" for n in range(25)]
    path = drop(tmp_path, "antiviral_courses", [course(name, intent="therapie") for name in names])
    assert nightly(tmp_path, as_of=day(6)).taken_in.counted[0].refused == "too_many_quarantined"
    path.unlink()
    drop(tmp_path, "antiviral_courses", [course(names[0], stop=6)], name="two.csv")
    nightly(tmp_path, as_of=day(7))
    file.write_text(
        'feed = "synthetic"\ndescription = "x"\n[antiviral_courses.words.indication]\ntreatment = ["therapie"]\n',
        "utf-8",
    )
    nightly(tmp_path, as_of=day(8))
    with open_site(tmp_path) as opened, opened.reading() as connection:
        courses = known.known(connection, opened.site, as_of=day(8)).tables["antiviral_courses"]
    assert courses.filter(patient_id=names[0])["stopped_at"].to_list() == [day(6)]
    assert courses.height == 25


def test_what_was_at_hand_and_could_not_be_judged_is_tried_again_though_its_file_is_gone(ward: Path) -> None:
    path = drop(ward, "viral_load_results", [one_result()], feed="second", name="gone.csv")
    assert [fault.feed for fault in nightly(ward, as_of=LATER).taken_in.faults] == ["second"]
    path.unlink()
    assert [fault.feed for fault in nightly(ward, as_of=NEXT).taken_in.faults] == ["second"], (
        "told until it is dealt with"
    )
    assert stopped_feeds(ward) == ["second"]
    assert never_taken_in(ward).startswith("1 landed and never taken in: 1 not judged (`never_judged`)")
    sites.laboratories(ward, "synthetic", "second")
    nightly(ward, as_of=day(23.5))
    assert sites.rows(ward, "SELECT accepted FROM deliveries WHERE feed = 'second'") == [(1,)]
    assert never_taken_in(ward) == "whatever has landed was taken in"


def test_a_snapshot_older_than_one_taken_in_is_never_taken_in_later(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    file = tmp_path / "tables" / "synthetic.toml"
    said = 'feed = "synthetic"\ndescription = "{}"\n[antiviral_courses]\nsends = "snapshot"\n'
    file.write_text(said.format("x"), encoding="utf-8")
    for night, name, patient in ((10, "2026-01-10", "NEW"), (11, "2026-01-09", "OLD")):
        drop(tmp_path, "antiviral_courses", [course(f"SYNTHETIC-{patient}")], name=f"courses_{name}.csv")
        nightly(tmp_path, as_of=day(night))
    file.write_text(said.format("mended"), encoding="utf-8")
    nightly(tmp_path, as_of=day(12))
    assert sites.rows(tmp_path, "SELECT patient_id FROM antiviral_courses") == [("SYNTHETIC-NEW",)]
    assert sites.rows(tmp_path, "SELECT count(*) FROM deliveries WHERE refused = 'older_snapshot'") == [(1,)]


def test_a_feed_whose_name_was_mistyped_alerts_from_the_next_night_until_it_is_dismissed(tmp_path: Path) -> None:
    """Taken in by hand under two wrong names: each is shown and tried alone, though the bytes are the same."""
    ward = Site(tmp_path / "site").prepare().root
    file = tmp_path / "by_hand.csv"
    file.write_text("any\n", encoding="utf-8")
    for feed in ("typofeed", "typofeed2"):
        for _, found in take_in_by_hand(ward, [file], feed=feed):
            assert isinstance(found, NoLaboratoryFile)
    nightly(ward)
    assert stopped_feeds(ward) == ["typofeed", "typofeed2"]
    names = [row["record"] for row in listed_quarantine(ward) if row["reason"] == "never_judged"]
    assert len(names) == 2
    for name, feed in zip(sorted(names), ("typofeed", "typofeed2"), strict=True):
        assert quarantined_record(ward, name)["feed"] == feed
        assert [fault.feed for fault in retry(ward, name).faults] == [feed]
    with pytest.raises(SiteError, match="Name one of them"):
        quarantined_record(ward, names[0][:12])
    dismiss(ward, sorted(names)[0], why="mistyped", actor="A")
    nightly(ward)
    assert stopped_feeds(ward) == ["typofeed2"]
