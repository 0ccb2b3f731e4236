"""A death in the nights: who has died is on no list of those in bed, until the death is taken back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from html import unescape
from pathlib import Path

import pytest

from cmvmon.domain.deaths import DEATHS
from cmvmon.domain.known import Known
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.run.asking.unit_query import unit_rows
from cmvmon.run.daytime.refresh import refresh
from cmvmon.run.nightly.night import nightly
from cmvmon.run.ward.placing import places
from cmvmon.shell.as_known import known
from cmvmon.shell.work.opening import open_site
from cmvmon.text import language
from tests import sites
from tests.feeds.fhir_texts import as_bytes, bundle, patient
from tests.feeds.test_fhir_persons import PERSONS
from tests.sites import day, result, stay

WHO, OTHER, OLD = "SYNTH-1", "SYNTH-2", "SYNTH-7"


def died(at: float, *, who: str = WHO, stated: float | None = None) -> str:
    return f"{who},{sites.text(day(at))},,died,{sites.text(day(at + 0.01 if stated is None else stated))}"


def alive(stated: float) -> str:
    return f"{WHO},,,alive,{sites.text(day(stated))}"


def known_at(root: Path, at: datetime) -> Known:
    with open_site(root) as opened, opened.reading() as connection:
        return known.known(connection, opened.site, as_of=at)


def deaths(root: Path, at: datetime) -> list[tuple[object, ...]]:
    return known_at(root, at)[DEATHS].select("patient_id", "died_at", "says").rows()


def ward(root: Path) -> set[str]:
    """Who is on the page that was written last."""
    page = (root / "pages" / "ward.en.html").read_text("utf-8")
    return {who for who in (WHO, OTHER, OLD) if who in page}


def listed(root: Path, at: float) -> set[str]:
    """Who the page of that night lists, made from an assessment; a refresh makes the same list from what is stored."""
    assert nightly(root, as_of=day(at)).taken_in.faults == ()
    by_night = ward(root)
    with open_site(root) as opened:
        refresh(opened, [OTHER], as_of=day(at + 0.01), scope="test")
    assert ward(root) == by_night
    return by_night


def two_in_bed(root: Path, results: Iterable[str] = ()) -> None:
    sites.drop(root, "icu_stays", [stay(WHO), stay(OTHER, bed="S-02")])
    sites.drop(root, "viral_load_results", [result(WHO, 0, 500), result(OTHER, 0, 500), *results])


def test_who_has_died_is_on_the_ward_no_longer_though_no_end_of_the_stay_was_delivered(tmp_path: Path) -> None:
    two_in_bed(tmp_path)
    assert listed(tmp_path, 1) == {WHO, OTHER}
    sites.drop(tmp_path, DEATHS.name, [died(1.5)], name="2.csv")
    assert listed(tmp_path, 2) == {OTHER}
    with open_site(tmp_path) as opened, opened.reading() as connection:
        assert set(places(connection, [WHO], at=day(2))) == {WHO}, "where they lay last is still known"


def test_a_night_writes_the_unit_page_of_a_site_that_delivers_stays_and_deaths_and_counts_who_died(
    tmp_path: Path,
) -> None:
    two_in_bed(tmp_path)
    sites.drop(tmp_path, DEATHS.name, [f"{WHO},,2026-03-03,died,{sites.text(day(2.5))}", died(1.5, who=OTHER)])
    assert nightly(tmp_path, as_of=day(4)).taken_in.faults == ()
    page = (tmp_path / "pages" / "unit.en.html").read_text("utf-8")
    assert language("en").say("unit.warning.death") in unescape(page)
    assert language("en").say("unit.warning.no_deaths") not in unescape(page)
    assert unit_rows(tmp_path, as_of=day(4))


def test_a_site_that_delivers_deaths_and_no_stays_is_not_told_that_no_deaths_came(tmp_path: Path) -> None:
    sites.drop(tmp_path, "viral_load_results", [result(WHO, 0, 500)])
    sites.drop(tmp_path, DEATHS.name, [died(1.5)])
    nightly(tmp_path, as_of=day(4))
    page = unescape((tmp_path / "pages" / "unit.en.html").read_text("utf-8"))
    assert language("en").say("unit.no_stays") in page
    assert language("en").say("unit.warning.no_deaths") not in page


def test_a_death_by_fhir_closes_the_alerts_of_the_patient_as_died_and_their_page_says_so(tmp_path: Path) -> None:
    """From the bundle of a hospital that states it (`Patient.deceasedDateTime`) to the alerts, the ward page, which lists the patient no longer, and the patient's."""
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "example_stays.toml").write_text(PERSONS, "utf-8")
    sites.drop(tmp_path, "viral_load_results", [line for who in (WHO, OTHER) for line in sites.falling(who, 0.3)])
    sites.drop(tmp_path, "antiviral_courses", [sites.course(WHO), sites.course(OTHER)])
    sites.drop(tmp_path, "icu_stays", [stay(WHO), stay(OTHER, bed="S-02")])
    assert listed(tmp_path, 22) == {WHO, OTHER}
    standing = "SELECT alert_id, patient_id FROM open_alerts JOIN alert_events USING (alert_id) WHERE rule = 'response'"
    assert {who for _, who in sites.rows(tmp_path, standing)} == {WHO, OTHER}
    stated = {"deceasedDateTime": sites.text(day(22.5)), "meta": {"lastUpdated": sites.text(day(22.6))}}
    (tmp_path / "drop" / "example_stays").mkdir()
    path = tmp_path / "drop" / "example_stays" / "1.fhir.json"
    path.write_bytes(as_bytes(bundle(patient() | stated)))
    sites.lain_still(path)
    assert listed(tmp_path, 23) == {OTHER}
    assert deaths(tmp_path, day(23)) == [(WHO, day(22.5), "died")]
    assert {who for _, who in sites.rows(tmp_path, standing)} == {OTHER}
    last = "SELECT state, cause FROM alert_events WHERE patient_id = 'SYNTH-1' AND rule = 'response' ORDER BY sequence"
    assert sites.rows(tmp_path, last)[-1] == ("closed", "died")
    for code, said in (("en", "the patient has died"), ("nl", "de patiënt is overleden")):
        assert said in sites.page_of(tmp_path, WHO, code)


def test_a_death_that_is_taken_back_is_no_death(tmp_path: Path) -> None:
    two_in_bed(tmp_path)
    sites.drop(tmp_path, DEATHS.name, [died(0.5)])
    assert listed(tmp_path, 1) == {OTHER}
    sites.drop(tmp_path, DEATHS.name, [alive(1.5)], name="2.csv")
    assert listed(tmp_path, 2) == {WHO, OTHER}
    assert deaths(tmp_path, day(2)) == [(WHO, None, "alive")]
    assert deaths(tmp_path, day(1)) == [(WHO, day(0.5), "died")], "as it was known then"


def test_a_result_that_comes_after_death_is_taken_in_as_any_other(tmp_path: Path) -> None:
    two_in_bed(tmp_path)
    sites.drop(tmp_path, DEATHS.name, [died(0.5)])
    nightly(tmp_path, as_of=day(1))
    sites.drop(tmp_path, "viral_load_results", [result(WHO, 0.4, 77_000)], name="late.csv")
    taken = nightly(tmp_path, as_of=day(2)).taken_in
    assert [(one.accepted, one.quarantined) for one in taken.counted if not one.was_known] == [(1, 0)]
    assert 77_000 in known_at(tmp_path, day(2))[VIRAL_LOAD_RESULTS]["viral_load_iu_per_ml"].to_list()


def test_a_death_under_a_number_that_was_merged_away_is_that_of_the_patient(tmp_path: Path) -> None:
    two_in_bed(tmp_path)
    sites.drop(tmp_path, DEATHS.name, [died(0.5, who=OLD)])
    assert listed(tmp_path, 1) == {WHO, OTHER}
    sites.drop(tmp_path, "patient_links", [sites.link(OLD, WHO, at=1.5)], name="2.csv")
    assert listed(tmp_path, 2) == {OTHER}


def test_a_death_and_its_taking_back_that_came_together_are_neither(tmp_path: Path) -> None:
    two_in_bed(tmp_path)
    sites.drop(tmp_path, DEATHS.name, [died(0.5), alive(0.5)])
    assert listed(tmp_path, 1) == {WHO, OTHER}
    found = known_at(tmp_path, day(1))
    assert found[DEATHS].is_empty()
    assert found.unread_of(DEATHS) == {WHO}


def open_alerts(root: Path) -> list[tuple[object, ...]]:
    query = (
        "SELECT rule, state, cause, sequence FROM alert_events WHERE patient_id = 'SYNTH-1' ORDER BY alert_id, sequence"
    )
    last = {row[0]: row[1:3] for row in sites.rows(root, query)}
    return sorted((rule, *how) for rule, how in last.items())


def alerted(root: Path) -> list[tuple[object, ...]]:
    """A night after which `untreated_rise` stands open of one of two in bed; the alerts as `open_alerts` has them."""
    two_in_bed(root, [result(WHO, 0.1, 90_000, specimen="plasma")])
    sites.drop(root, "antiviral_courses", [sites.course(OTHER)])
    nightly(root, as_of=day(1))
    found = open_alerts(root)
    assert ("untreated_rise", "open", None) in found
    return found


def test_a_death_closes_every_alert_and_a_result_that_comes_after_it_opens_none(tmp_path: Path) -> None:
    before = alerted(tmp_path)
    sites.drop(tmp_path, DEATHS.name, [died(1.5)], name="2.csv")
    sites.drop(tmp_path, "viral_load_results", [result(WHO, 1.4, 4_000_000, specimen="plasma")], name="late.csv")
    nightly(tmp_path, as_of=day(2))
    assert open_alerts(tmp_path) == [(rule, "closed", "died") for rule, *_ in before]
    assert WHO not in ward(tmp_path)


def test_a_death_that_is_taken_back_lets_the_rules_speak_again(tmp_path: Path) -> None:
    alerted(tmp_path)
    sites.drop(tmp_path, DEATHS.name, [died(1.5)], name="2.csv")
    nightly(tmp_path, as_of=day(2))
    sites.drop(tmp_path, DEATHS.name, [alive(2.5)], name="3.csv")
    nightly(tmp_path, as_of=day(3))
    assert ("untreated_rise", "open", "death_taken_back") in open_alerts(tmp_path)
    assert WHO in ward(tmp_path)


SAMPLE_AFTER = [result(WHO, 1.7, 80_000, specimen="plasma")]


@pytest.mark.parametrize(
    ("death", "after", "said"),
    [
        (died(1.5, stated=1.5), [], "A death is on record without time or date"),  # PID-30 alone, and in bed
        (died(1.5), SAMPLE_AFTER, "something later shows life"),
    ],
)
def test_a_death_that_could_not_be_told_closes_no_alert_and_the_page_says_so(
    tmp_path: Path, death: str, after: list[str], said: str
) -> None:
    alerted(tmp_path)
    sites.drop(tmp_path, DEATHS.name, [death], name="2.csv")
    if after:
        sites.drop(tmp_path, "viral_load_results", after, name="after.csv")
    assert listed(tmp_path, 2) == {WHO, OTHER}
    assert {how[1] for how in open_alerts(tmp_path) if how[0] == "untreated_rise"} == {"open"}
    with open_site(tmp_path) as opened, opened.reading() as connection:
        assert places(connection, [WHO], at=day(2))[WHO].left_at is None, "as a message to a person has it"
    pages = {page.name for page in (tmp_path / "pages").rglob("*.en.html") if said in page.read_text("utf-8")}
    assert len(pages) == 1, pages


def test_alerts_that_a_wrong_death_closed_go_on_once_a_sample_of_a_later_moment_comes(tmp_path: Path) -> None:
    alerted(tmp_path)
    sites.drop(tmp_path, DEATHS.name, [died(1.5)], name="2.csv")
    nightly(tmp_path, as_of=day(2))
    assert ("untreated_rise", "closed", "died") in open_alerts(tmp_path)
    sites.drop(tmp_path, "viral_load_results", [result(WHO, 2.5, 95_000, specimen="plasma")], name="after.csv")
    assert listed(tmp_path, 3) == {WHO, OTHER}
    assert ("untreated_rise", "open", "death_taken_back") in open_alerts(tmp_path)


def test_of_whom_a_later_stay_was_set_apart_it_is_not_said_that_they_have_left(tmp_path: Path) -> None:
    sites.drop(tmp_path, "icu_stays", [stay(WHO, end=0.5), stay(OTHER, bed="S-02", end=0.5)])
    sites.drop(tmp_path, "viral_load_results", [result(WHO, 0, 500), result(OTHER, 0, 500)])
    nightly(tmp_path, as_of=day(1))
    back = stay(WHO).split(",")
    back[2] = "not a time"
    sites.drop(tmp_path, "icu_stays", [",".join(back)], name="2.csv")
    nightly(tmp_path, as_of=day(2))
    with open_site(tmp_path) as opened, opened.reading() as connection:
        found = places(connection, [WHO, OTHER], at=day(2))
    assert {who: place.left_at is not None for who, place in found.items()} == {WHO: False, OTHER: True}
