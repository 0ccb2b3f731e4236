"""A number that was merged into another is judged under it, by day as by night, and an undone merge leaves no trace."""

from __future__ import annotations

import itertools
import re
from datetime import timedelta
from pathlib import Path

import pytest

from cmvmon.domain.errors import ClockInDoubt, DeliveryError, SiteError
from cmvmon.domain.rows import ANTIVIRAL_COURSES, VIRAL_LOAD_RESULTS
from cmvmon.run.daytime.feed import lab_feed
from cmvmon.run.daytime.merging import listed_links, merge
from cmvmon.run.judging.assessing import assessed
from cmvmon.run.nightly.page_report import page_of, report_pages
from cmvmon.shell.as_known import known
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store import session
from cmvmon.shell.waiting.quarantine import open_quarantine
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.nights import nightly
from tests.sites import course, day, drop, falling, land, link, result, rows, stay, text

OLD, NEW = "SYNTHETIC-T900", "SYNTHETIC-K1"
NIGHT, NEXT, LATER = day(14.9), day(15.9), day(16.9)


def admitted(root: Path) -> Path:
    """Two nights ago somebody came in under a number for emergencies, and is treated; the load does not fall."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "page.key").write_bytes(b"0" * 64)
    drop(root, "viral_load_results", [*falling(OLD, 0.1, days=(0, 7, 14)), *falling("SYNTHETIC-OTHER", 2, days=(0, 7))])
    drop(root, "antiviral_courses", [course(OLD), course("SYNTHETIC-OTHER")])
    drop(root, "icu_stays", [stay(OLD), stay("SYNTHETIC-OTHER", bed="S-02")])
    nightly(root, as_of=NIGHT)
    return root


def alerts(root: Path) -> set[tuple[str, str, str, str | None]]:
    last = "SELECT MAX(sequence) FROM alert_events AS newer WHERE newer.alert_id = alert_events.alert_id"
    query = f"SELECT patient_id, rule, state, cause FROM alert_events WHERE sequence = ({last})"
    return {(row[0], row[1], row[2], row[3]) for row in rows(root, query)}


def page(root: Path, patient: str, code: str = "en") -> str:
    return (root / "pages" / page_of(Site(root), patient, code)).read_text(encoding="utf-8")


def without_history(page: str) -> str:
    """A page without what happened to its alerts, where the merge stays to be seen, and without its own number."""
    page = re.sub(r'<details id="ended">.*?</details>\n?', "", page, flags=re.DOTALL)
    return re.sub(r"<p>(Open since|Open sinds|Report|Verslag) .*?</p>", "", page)


def test_the_alerts_of_the_old_number_close_as_merged_and_the_new_one_is_judged_the_same_night(site: Path) -> None:
    admitted(site)
    assert (OLD, "response", "open", None) in alerts(site)
    drop(site, "patient_links", [link(OLD, NEW, at=15.5)])
    nightly(site, as_of=NEXT)
    found = alerts(site)
    assert {row[1:] for row in found if row[0] == OLD} == {("response", "closed", "merged")}
    assert (NEW, "response", "open", None) in found
    ward = (site / "pages" / "ward.en.html").read_text(encoding="utf-8")
    news = ward.split('class="lately')[1].split("</section>")[0]
    listed = "".join(re.findall(r"<table.*?</table>", ward, re.DOTALL))
    assert (OLD in listed, NEW in listed) == (False, True)
    assert "the patient goes on under another number" in news
    for code, says in (("en", f"number {OLD} has gone on as {NEW}"), ("nl", f"Nummer {OLD} gaat sinds")):
        told = sites.unmarked(page(site, OLD, code))
        assert says in told
        assert page_of(Site(site), NEW, code) in told
        assert {"en": "not signed", "nl": "niet ondertekend"}[code] in told.split("<dl>")[0]  # as on every page
    assert "slow" not in page(site, OLD)
    with open_site(site) as opened:
        before, after = (assessed(opened, as_of=at) for at in (NIGHT, NEXT))
    assert (OLD in before.patients, NEW in before.patients) == (True, False)
    assert (OLD in after.patients, NEW in after.patients) == (False, True)


def test_a_link_that_comes_by_day_leaves_what_a_night_leaves(tmp_path: Path) -> None:
    live, by_night = (admitted(tmp_path / name) for name in ("live", "by_night"))
    done = lab_feed(live, land(live, "patient_links", [link(OLD, NEW, at=15.5)], at=NEXT), as_of=NEXT)
    assert done.assessed is not None
    assert done.assessed.patients == 1
    drop(by_night, "patient_links", [link(OLD, NEW, at=15.5)])
    nightly(by_night, as_of=NEXT)
    assert alerts(live) == alerts(by_night)
    ours, theirs = sites.page_bytes(live), sites.page_bytes(by_night)
    mine = {page_of(Site(live), patient, code) for patient in (OLD, NEW) for code in ("nl", "en")}
    assert {name for name in ("ward.nl.html", "index.html", *mine) if ours[name] != theirs[name]} == set()


def test_a_result_that_comes_later_under_either_number_reaches_the_one_patient(tmp_path: Path) -> None:
    lines = [result(who, 15.6 + n / 10, 900_000) for n, who in enumerate((OLD, NEW))]
    live, by_night = (admitted(tmp_path / name) for name in ("live", "by_night"))
    for root in (live, by_night):
        drop(root, "patient_links", [link(OLD, NEW, at=15.5)])
        nightly(root, as_of=NEXT)
    for line in lines:
        lab_feed(live, land(live, "viral_load_results", [line], at=LATER), as_of=LATER)
    drop(by_night, "viral_load_results", lines, name="later.csv")
    nightly(by_night, as_of=LATER)
    name = page_of(Site(live), NEW, "nl")
    assert sites.page_bytes(live)[name] == sites.page_bytes(by_night)[name]
    with open_site(live) as opened:
        for asked in ([NEW], [OLD]):
            results = assessed(opened, as_of=LATER, patients=asked).results
            assert (results["patient_id"].unique().to_list(), results.height) == ([NEW], 5)


def test_a_merge_that_is_undone_leaves_both_numbers_as_if_it_had_never_been(site: Path, tmp_path: Path) -> None:
    """Said again with its end: what is known, judged and shown is what a site knows, judges and shows that never heard of it."""
    admitted(site)
    drop(site, "viral_load_results", [result(NEW, 15, 900000)], name="new.csv")
    drop(site, "patient_links", [link(OLD, NEW, at=15.2)])
    nightly(site, as_of=NEXT)
    with open_site(site) as opened:
        lab_feed(site, land(site, "patient_links", [link(OLD, NEW, at=15.2, end=16.5)], at=LATER), as_of=LATER)
        after = assessed(opened, as_of=LATER)
    unmerged = admitted(tmp_path / "never-merged")
    drop(unmerged, "viral_load_results", [result(NEW, 15, 900000)], name="new.csv")
    nightly(unmerged, as_of=NEXT)
    nightly(unmerged, as_of=LATER)
    with open_site(unmerged) as opened:
        expected = assessed(opened, as_of=LATER)
    for name in ("results", "verdicts", "weekly_decline"):
        ours, theirs = (getattr(one, name).drop("delivery_id", strict=False) for one in (after, expected))
        assert ours.equals(theirs), name
    for patient in (OLD, NEW):
        for code in ("en", "nl"):
            assert without_history(page(site, patient, code)) == without_history(page(unmerged, patient, code))
    assert {OLD, NEW} <= set(after.patients)
    assert sorted(after.results.filter(patient_id=NEW)["viral_load_iu_per_ml"]) == [900000.0]
    assert after.results.filter(patient_id=OLD).height == 3
    found = alerts(site)
    assert (OLD, "response", "open", "merge_undone") in found
    assert {row[2] for row in found if row[0] == NEW and row[1] == "response"} == {"closed"}
    assert "has gone on as" not in page(site, OLD)
    ward = (site / "pages" / "ward.en.html").read_text(encoding="utf-8")
    assert OLD in ward


def test_one_course_under_both_numbers_is_one_course_and_its_last_version_holds(site: Path) -> None:
    admitted(site)
    drop(site, "patient_links", [link(OLD, NEW, at=15.5)])
    drop(site, "antiviral_courses", [course(NEW, stop=15)], name="new.csv")
    nightly(site, as_of=NEXT)
    with open_site(site) as opened, opened.reading() as connection:
        rows_of = known.known(connection, opened.site, as_of=NEXT)[ANTIVIRAL_COURSES].filter(patient_id=NEW)
        before = known.known(connection, opened.site, as_of=NIGHT)[ANTIVIRAL_COURSES]
    assert rows_of["stopped_at"].to_list() == [day(15)]
    assert OLD in set(before["patient_id"])


def test_a_record_of_the_old_number_that_cannot_be_read_is_told_of_the_new_one(site: Path) -> None:
    admitted(site)
    drop(site, "viral_load_results", [result(OLD, 15, "murky")], name="murky.csv")
    drop(site, "patient_links", [link(OLD, NEW, at=15.5)])
    nightly(site, as_of=NEXT)
    with open_site(site) as opened, opened.reading() as connection:
        assert known.known(connection, opened.site, as_of=NEXT).unread_of(VIRAL_LOAD_RESULTS) == {NEW}
        assert known.known(connection, opened.site, as_of=NIGHT).unread_of(VIRAL_LOAD_RESULTS) == frozenset()


def test_results_that_stood_for_two_patients_leave_the_quarantine_when_a_link_makes_them_one(site: Path) -> None:
    admitted(site)
    again = [
        line.replace(OLD, NEW, 1) for line in falling(OLD, 0.1, days=(0, 7, 14))
    ]  # under the same accession number
    drop(site, "viral_load_results", again, name="again.csv")
    nightly(site, as_of=NEXT)
    with open_site(site) as opened:
        with opened.reading() as connection:
            assert set(open_quarantine(connection)["reason"]) == {"conflicting_patients"}
        lab_feed(site, land(site, "patient_links", [link(OLD, NEW, at=15.5)], at=LATER), as_of=LATER)
        with opened.reading() as connection:
            assert open_quarantine(connection).is_empty()
            assert open_quarantine(connection, as_of=NEXT).height == 3
        used = assessed(opened, as_of=LATER).results.filter(patient_id=NEW)
        assert (used.height, used["is_conflicting"].any()) == (3, False)
        lab_feed(site, land(site, "patient_links", [link(OLD, NEW, at=15.5, end=16.95)], at=day(17)), as_of=day(17))
        with opened.reading() as connection:
            assert open_quarantine(connection).height == 3


def test_of_two_links_to_two_patients_neither_is_used_and_the_ward_page_says_so(site: Path) -> None:
    admitted(site)
    drop(site, "patient_links", [link(OLD, NEW, at=15.5)])
    nightly(site, as_of=NEXT)
    second = land(site, "patient_links", [link(OLD, "SYNTHETIC-K2", at=15.6)], at=LATER)
    lab_feed(site, second, as_of=LATER)
    with open_site(site) as opened:
        assert {OLD} == {p for p in assessed(opened, as_of=LATER).patients if p != "SYNTHETIC-OTHER"}
    ward = (site / "pages" / "ward.en.html").read_text(encoding="utf-8")
    assert f"The merge of number {OLD} into {NEW} is not used" in ward
    assert (OLD, "response", "open", "merge_undone") in alerts(site)
    assert (NEW, "response", "open", None) not in alerts(site)


def test_a_link_whose_moment_comes_by_day_takes_effect_with_the_next_delivery(tmp_path: Path) -> None:
    admitted(tmp_path)
    drop(tmp_path, "patient_links", [link(OLD, NEW, at=15.95)])
    nightly(tmp_path, as_of=NEXT)
    assert (OLD, "response", "open", None) in alerts(tmp_path)
    another = land(tmp_path, "viral_load_results", [result("SYNTHETIC-OTHER", 16, 300)], at=LATER)
    done = lab_feed(tmp_path, another, as_of=LATER)
    assert done.assessed is not None
    assert done.assessed.patients == 2
    assert (OLD, "response", "closed", "merged") in alerts(tmp_path)


@pytest.fixture
def by_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on from the days after the last night, a minute each time it is read."""
    minutes = itertools.count()
    for name in ("cmvmon.shell.store.session.now", "cmvmon.run.daytime.merging.now"):
        monkeypatch.setattr(name, lambda: day(17) + timedelta(minutes=next(minutes)))


@pytest.mark.usefixtures("by_day")
def test_by_hand_the_same_row_goes_the_same_way_and_says_who_did_it(site: Path) -> None:
    admitted(site)
    fed = merge(site, OLD, NEW, at=day(15.5), until=None, by="dr A")
    assert [(c.feed, c.table, c.accepted) for c in fed.taken_in] == [("by_hand", "patient_links", 1)]
    assert (OLD, "response", "closed", "merged") in alerts(site)
    (listed,) = listed_links(site)
    assert (listed["state"], listed["goes_on_as"], "by dr A" in listed["source"]) == ("holds", NEW, True)
    assert report_pages(site, patient=OLD, lang="nl").endswith(page_of(Site(site), NEW, "nl"))
    merge(site, OLD, NEW, at=day(15.5), until=session.now(), by="dr A")
    assert [row["state"] for row in listed_links(site)] == ["ended"]
    assert (OLD, "response", "open", "merge_undone") in alerts(site)
    merge(site, OLD, NEW, at=day(15.5), until=None, by="dr A")  # the same words again hold again
    assert [row["state"] for row in listed_links(site)] == ["holds"]


@pytest.mark.usefixtures("by_day")
def test_by_hand_a_number_that_nobody_knows_or_one_into_itself_is_refused_without_naming_it(tmp_path: Path) -> None:
    admitted(tmp_path)
    with pytest.raises(SiteError, match="nothing is known") as unknown:
        merge(tmp_path, "SYNTHETIC-T9OO", NEW, at=day(15), until=None, by="x")
    with pytest.raises(DeliveryError, match="merged_into_itself") as itself:
        merge(tmp_path, OLD, OLD, at=day(15), until=None, by="x")
    assert not any("SYNTHETIC" in str(one.value) for one in (unknown, itself))


def test_by_hand_under_a_clock_that_is_not_believed_nothing_lands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    admitted(tmp_path)
    landed = {path.name for path in (tmp_path / "landing").iterdir()}
    monkeypatch.setattr(session, "now", lambda: day(400))
    with pytest.raises(ClockInDoubt):
        merge(tmp_path, OLD, NEW, at=day(15), until=None, by="x")
    assert {path.name for path in (tmp_path / "landing").iterdir()} == landed


def test_numbers_that_a_link_ever_joined_are_no_longer_told_as_alike(tmp_path: Path) -> None:
    drop(tmp_path, "viral_load_results", [*falling("0077", 0.1), result("SYNTHETIC-X", 1, 1000)])
    drop(tmp_path, "icu_stays", [stay("0077"), stay("SYNTHETIC-X", bed="S-02")])
    drop(tmp_path, "antiviral_courses", [course("77")])
    nightly(tmp_path, as_of=day(21.5))
    ward = tmp_path / "pages" / "ward.en.html"
    assert "Numbers 0077 and 77 differ only in leading zeros" in ward.read_text(encoding="utf-8")
    another = land(tmp_path, "viral_load_results", [result("SYNTHETIC-X", 21, 300)], at=day(21.6))
    lab_feed(tmp_path, another, as_of=day(21.6))
    assert "Numbers 0077 and 77 differ only" in ward.read_text(encoding="utf-8")
    drop(tmp_path, "patient_links", [f"77,0077,{text(day(1))},{text(day(1))},"])  # two patients: stated
    nightly(tmp_path, as_of=day(21.7))
    assert "differ only" not in ward.read_text(encoding="utf-8")
