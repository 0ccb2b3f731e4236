"""A delivery assesses whom it touches, once, and leaves the pages that a whole night at that moment leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cmvmon.assess import Assessment, assess
from cmvmon.domain.errors import NoLaboratoryFile, SiteError
from cmvmon.domain.known import Known
from cmvmon.run.daytime import refresh
from cmvmon.run.daytime.feed import lab_feed, lab_feeds
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.run.judging import assessing
from cmvmon.run.nightly.page_report import page_of
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.folder.site import Site
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.nights import nightly
from tests.sites import course, day, drop, falling, result, stay, text

NIGHT, LATER = day(21.5), day(21.75)
NEW = "SYNTHETIC-ONE"


def site(root: Path, *, with_stays: bool) -> Path:
    """Three patients on the ward; one discharged; one with an alert of whom no stay is known."""
    sites.ward_of_three(root)
    if with_stays:
        drop(root, "icu_stays", [stay("SYNTHETIC-GONE", bed="S-09", end=20)], name="gone.csv")
    else:
        (root / "drop" / "synthetic" / "icu_stays" / "one.csv").unlink()
    others = ("SYNTHETIC-GONE", "SYNTHETIC-AWAY")
    drop(root, "viral_load_results", [line for p in others for line in falling(p, 0.3)], name="others.csv")
    drop(root, "antiviral_courses", [course(p) for p in others], name="others.csv")
    (root / "page.key").write_bytes(b"0" * 64)
    nightly(root, as_of=NIGHT)
    return root


def landed(root: Path, *lines: str, feed: str = "synthetic") -> str:
    return sites.land(root, "viral_load_results", lines, at=LATER, feed=feed)


def one_result() -> str:
    return result(NEW, 21.55, 900_000, reported=text(day(21.6)))


@pytest.mark.usefixtures("judged_as_every_night")
@pytest.mark.parametrize("with_stays", [True, False])
def test_the_ward_page_and_the_patients_page_are_byte_for_byte_those_of_a_whole_night(
    tmp_path: Path, *, with_stays: bool
) -> None:
    live, by_night = (site(tmp_path / name, with_stays=with_stays) for name in ("live", "by_night"))
    before = sites.page_bytes(live)
    done = lab_feed(live, landed(live, one_result()), as_of=LATER)
    assert done.assessed is not None
    assert done.assessed.patients == 1
    drop(by_night, "viral_load_results", [one_result()], name="new.csv")
    nightly(by_night, as_of=LATER)
    ours, theirs = sites.page_bytes(live), sites.page_bytes(by_night)
    mine = {page_of(Site(live), NEW, code) for code in ("nl", "en")}
    for name in {"ward.nl.html", "ward.en.html", "index.html", *mine}:
        assert ours[name] == theirs[name], name
        assert ours[name] != before[name], name
    untouched = set(ours) - mine - {"ward.nl.html", "ward.en.html", "index.html"}
    assert {name: ours[name] for name in untouched} == {name: before[name] for name in untouched}


def test_two_results_of_one_minute_are_told_alike_by_day_and_by_night(tmp_path: Path) -> None:
    """A delivery for one patient with equal twins in blood and BAL; somebody else on the ward has an impossible pair."""
    pairs = [
        result("SYNTHETIC-PAIR", 21, load, specimen="plasma", accession=f"SYN-{load}") for load in ("50000", "<35")
    ]
    twins = [
        result("SYNTHETIC-FAST", 14, 9_000, specimen=specimen, accession=f"SYN-{specimen}-{i}")
        for specimen in ("plasma", "bal")
        for i in range(2)
    ]
    new = result("SYNTHETIC-FAST", 21.55, 900_000, reported=text(day(21.6)))
    roots = [tmp_path / name for name in ("live", "by_night")]
    for root in roots:
        site(root, with_stays=True)
        drop(root, "icu_stays", [stay("SYNTHETIC-PAIR", affected="plasma", bed="S-07")], name="pair.csv")
        drop(root, "viral_load_results", pairs + twins, name="pairs.csv")
        nightly(root, as_of=day(21.6))
    live, by_night = roots
    lab_feed(live, landed(live, new), as_of=LATER)
    drop(by_night, "viral_load_results", [new], name="new.csv")
    nightly(by_night, as_of=LATER)
    ours, theirs = sites.page_bytes(live), sites.page_bytes(by_night)
    for name in {"ward.nl.html", *(page_of(Site(live), "SYNTHETIC-FAST", code) for code in ("nl", "en"))}:
        assert ours[name] == theirs[name], name
    counted = "SELECT counts FROM concordance_counts WHERE patient_id = 'SYNTHETIC-FAST' ORDER BY number DESC LIMIT 1"
    assert sites.rows(live, counted) == sites.rows(by_night, counted)


def test_one_assessment_of_the_touched_patients_is_made_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site(tmp_path, with_stays=True)
    asked: list[object] = []
    real = assess

    def watched(known: Known, **named: Any) -> Assessment:
        asked.append(sorted({p for frame in known.frames() for p in frame["patient_id"]}))
        return real(known, **named)

    monkeypatch.setattr(assessing, "assess", watched)
    lab_feed(tmp_path, landed(tmp_path, one_result()), as_of=LATER)
    assert asked == [[NEW]]


def test_a_listed_patient_of_whom_something_came_in_unjudged_is_assessed_with_the_next_delivery(tmp_path: Path) -> None:
    site(tmp_path, with_stays=True)
    with open_site(tmp_path) as opened:
        path = drop(tmp_path, "icu_stays", [stay("SYNTHETIC-NEW", bed="S-05")], name="new.csv")
        take_in_file(opened, path, feed="synthetic", table="icu_stays", received_at=day(21.7))
        done = refresh.refresh(opened, [NEW], as_of=LATER, scope="test")
        assert done[0].patients == 2
        again = refresh.refresh(opened, [NEW], as_of=day(21.8), scope="test")
        assert again[0].patients == 1
        with opened.reading() as connection:
            assert alert_store.last_as_of(connection) == day(21.8)


def test_a_stay_whose_last_versions_contradict_each_other_keeps_its_patient_on_the_list(tmp_path: Path) -> None:
    live, by_night = (site(tmp_path / name, with_stays=True) for name in ("live", "by_night"))
    for root in (live, by_night):
        lines = [stay("SYNTHETIC-LEFT", bed="S-08", end=end) for end in (20.5, None)]
        drop(root, "icu_stays", lines, name="twice.csv")
        nightly(root, as_of=day(21.6))
        assert sites.rows(root, "SELECT * FROM alert_events WHERE patient_id = 'SYNTHETIC-LEFT'") == []
        assert b"SYNTHETIC-LEFT" in (root / "pages" / "ward.en.html").read_bytes()
    lab_feed(live, landed(live, one_result()), as_of=LATER)
    drop(by_night, "viral_load_results", [one_result()], name="new.csv")
    nightly(by_night, as_of=LATER)
    assert sites.page_bytes(live)["ward.en.html"] == sites.page_bytes(by_night)["ward.en.html"]


def slow_result() -> str:
    return result("SYNTHETIC-SLOW", 21.6, 90_000, reported=text(day(21.65)))


def test_a_batch_of_deliveries_is_assessed_once_for_all_whom_it_touches_and_leaves_the_pages_of_a_night(
    tmp_path: Path,
) -> None:
    live, by_night = (site(tmp_path / name, with_stays=True) for name in ("live", "by_night"))
    done = lab_feeds(live, [landed(live, one_result()), landed(live, slow_result())], as_of=LATER)
    assert done.assessed is not None
    assert (len(done.taken_in), done.assessed.patients) == (2, 2)
    assert len(sites.rows(live, "SELECT * FROM assessments WHERE scope <> 'all'")) == 1
    drop(by_night, "viral_load_results", [one_result(), slow_result()], name="new.csv")
    nightly(by_night, as_of=LATER)
    ours, theirs = sites.page_bytes(live), sites.page_bytes(by_night)
    mine = {page_of(Site(live), patient, "nl") for patient in (NEW, "SYNTHETIC-SLOW")}
    assert [name for name in ("ward.nl.html", *sorted(mine)) if ours[name] != theirs[name]] == []


def test_a_delivery_of_a_batch_that_cannot_be_judged_is_told_and_the_others_reach_their_pages(tmp_path: Path) -> None:
    site(tmp_path, with_stays=True)
    before = sites.page_bytes(tmp_path)["ward.nl.html"]
    unread, good = landed(tmp_path, slow_result(), feed="nobody"), landed(tmp_path, one_result())
    with pytest.raises(SiteError, match="has landed"):
        lab_feeds(tmp_path, [good, "0" * 64], as_of=LATER)
    assert sites.page_bytes(tmp_path)["ward.nl.html"] == before
    with pytest.raises(NoLaboratoryFile):
        lab_feeds(tmp_path, [unread, good], as_of=LATER)
    assert sites.page_bytes(tmp_path)["ward.nl.html"] != before
