"""A laboratory reports in another unit, and many patients jump hundredfold at once: one alert of the work, and nothing said of these loads.

Forty patients in bed, none treated, with steady loads in plasma on days 0 and 7. All made up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

from cmvmon.domain import words
from cmvmon.domain.moved_together import UP
from cmvmon.episodes import ACKNOWLEDGE, Word
from cmvmon.run.answers import rule_switching
from cmvmon.run.asking.why_query import explained
from cmvmon.run.checks import metrics
from cmvmon.run.checks.checkup import checkup
from cmvmon.run.checks.status import status
from cmvmon.run.daytime.feed import lab_feed
from cmvmon.run.replay.replaying import replay
from cmvmon.shell.alerts import alert_store, stored_results
from cmvmon.shell.alerts.work_facts import laboratories_in_doubt
from cmvmon.shell.outgoing.alert_news import standing
from cmvmon.shell.work.opening import open_site
from tests import nights, sites
from tests.sites import course, day, drop, result, stay

RESULTS, VIROLOGY, OTHER = "viral_load_results", "virology", "lavage"
FORTY = tuple(f"SYNTHETIC-{n:02}" for n in range(1, 41))
TREATED = "SYNTHETIC-TREATED"
WAYS_SAID = ("↑", "↓", "≈", "→")
HELD = "not_assessable:laboratory_in_doubt"


def load_of(patient: str) -> int:
    return 1_200 + 20 * int(patient.rpartition("-")[2])


def line(patient: str, at: float, times: float = 1, *, status: str = "F", **other: str) -> str:
    load = round(load_of(patient) * times)
    accession = other.pop("accession", f"{patient}-{at}")
    return result(patient, at, load, specimen="plasma", status=status, accession=accession, **other)


def ward(root: Path, patients: Collection[str] = FORTY, *, treated: Collection[str] = ()) -> Path:
    """The unit on the night of day 8: every load as it was."""
    sites.laboratories(root, VIROLOGY, OTHER)
    drop(root, "icu_stays", [stay(one, affected="none", bed=f"S-{n}") for n, one in enumerate(patients)])
    running = [course(one, start=-1) for one in treated]
    drop(root, "antiviral_courses", [course(TREATED, start=-60, stop=-40), *running])
    steady = [line(one, at) for one in patients for at in (0, 7)]
    drop(root, RESULTS, steady, feed=VIROLOGY, name="steady.csv")
    nights.nightly(root, as_of=day(8))
    return root


def send(root: Path, lines: Iterable[str], *, name: str, night: float) -> None:
    drop(root, RESULTS, lines, feed=VIROLOGY, name=f"{name}.csv")
    nights.nightly(root, as_of=day(night))


def comes(root: Path, line: str, *, at: float) -> None:
    """One result, live, as `watch` would take it in."""
    delivery = sites.land(root, RESULTS, [line], at=day(at), feed=VIROLOGY)
    lab_feed(root, delivery, as_of=day(at))


def in_doubt(root: Path) -> list[tuple[str, str, int, int, float]]:
    """The laboratories in doubt by the alerts that stand: which way, how many of how many, since which day."""
    with open_site(root) as opened, opened.reading() as connection:
        found = laboratories_in_doubt(alert_store.alerts(connection, states={"open"}))
    return [
        (one.laboratory, one.way, one.n_moved, one.n_patients, round((one.since - day(0)).total_seconds() / 86_400, 2))
        for one in found
    ]


def alerts(root: Path, *states: str) -> Counter[tuple[str, str | None]]:
    """The alerts on patients in these states, by rule and the cause of their last event."""
    with open_site(root) as opened, opened.reading() as connection:
        found = alert_store.alerts(connection, states=set(states))
    return Counter((one["rule"], one["cause"]) for one in found if one["rule"] != words.OPERATIONS)


def said(root: Path, patient: str) -> dict[str, str]:
    """By rule what was last recorded of her plasma."""
    with open_site(root) as opened, opened.reading() as connection:
        rows = stored_results.last_verdicts(connection, (patient,)).to_dicts()
    return {
        row["rule"]: row["verdict"] + (f":{row['reason']}" if row["reason"] else "")
        for row in rows
        if row["compartment"] == "plasma"
    }


def test_forty_patients_hundredfold_in_one_night_are_one_alert_of_the_work_and_a_correction_ends_it(
    tmp_path: Path,
) -> None:
    ward(tmp_path)
    assert not in_doubt(tmp_path)
    assert not alerts(tmp_path, "open")
    send(tmp_path, [line(one, 14, 100) for one in FORTY], name="hundredfold", night=14.5)
    assert in_doubt(tmp_path) == [(VIROLOGY, UP, 40, 40, 14.0)]
    assert not alerts(tmp_path, "open", "resolved", "closed")
    assert said(tmp_path, FORTY[0])["untreated_rise"] == HELD
    assert said(tmp_path, FORTY[0])["possible_lab_issue"] == HELD
    send(tmp_path, [line(one, 14, status="C") for one in FORTY], name="corrected", night=15.5)
    assert not in_doubt(tmp_path)
    assert said(tmp_path, FORTY[0])["untreated_rise"] == "clear"


def test_six_reactivations_on_a_ward_that_is_screened_are_six_alerts_and_no_question_to_the_laboratory(
    tmp_path: Path,
) -> None:
    sites.laboratories(tmp_path, VIROLOGY)
    reactivate, stay_negative = FORTY[:6], FORTY[6:27]
    screened = (*reactivate, *stay_negative)
    drop(tmp_path, "icu_stays", [stay(one, affected="none", bed=f"S-{n}") for n, one in enumerate(screened)])
    drop(tmp_path, "antiviral_courses", [course(TREATED, start=-60, stop=-40)])
    negative = [
        result(one, at, "Not detected", specimen="plasma", accession=f"{one}-{at}") for one in screened for at in (0, 7)
    ]
    send(tmp_path, negative, name="negative", night=8)
    loads = dict(zip(reactivate, (2_500, 4_000, 11_000, 15_000, 20_000, 40_000), strict=True))
    positive = [result(one, 14, load, specimen="plasma", accession=f"{one}-14") for one, load in loads.items()]
    negative = [result(one, 14, "Not detected", specimen="plasma", accession=f"{one}-14") for one in stay_negative]
    send(tmp_path, positive + negative, name="reactivated", night=14.5)
    assert not in_doubt(tmp_path)
    assert alerts(tmp_path, "open") == {("untreated_rise", None): 6}
    grown = [result(one, 17, 3 * load, specimen="plasma", accession=f"{one}-17") for one, load in loads.items()]
    send(tmp_path, grown, name="grown", night=17.5)  # threefold in three days: growth
    assert not in_doubt(tmp_path)
    assert alerts(tmp_path, "open") == {("untreated_rise", None): 6}


def test_one_by_one_the_first_alert_as_ever_and_end_when_it_becomes_the_laboratorys_matter(tmp_path: Path) -> None:
    patients = FORTY[:10]
    ward(tmp_path, patients)
    stood, rises = [], []
    for n, one in enumerate(patients):
        comes(tmp_path, line(one, 13.9 + n / 100, 100), at=14.3 + n / 48)
        stood.append(bool(in_doubt(tmp_path)))
        rises.append(sum(n for (rule, _), n in alerts(tmp_path, "open").items() if rule == "untreated_rise"))
    assert stood == [False] * 5 + [True] * 5
    assert rises == [1, 2, 3, 4, 5, 0, 0, 0, 0, 0]
    assert alerts(tmp_path, "closed") == {("untreated_rise", words.LABORATORY_IN_DOUBT): 5}
    for n, one in enumerate(patients):
        at = 15 + n / 48
        comes(tmp_path, line(one, 13.9 + n / 100, status="C", reported=sites.text(day(at))), at=at)
    assert not in_doubt(tmp_path)
    assert {said(tmp_path, one)["untreated_rise"] for one in patients} == {"clear"}
    assert not alerts(tmp_path, "open")


def test_while_it_stands_the_ward_page_the_page_of_data_and_the_checks_name_the_laboratory_and_no_patient(
    tmp_path: Path,
) -> None:
    ward(tmp_path, FORTY[:9])
    send(tmp_path, [line(one, 14, 100) for one in FORTY[:8]], name="hundredfold", night=14.5)
    rose = "virology (synthetic-pcr): results of 8 of 8 patients rose together, in samples since "
    for name in ("ward.en.html", "data.en.html"):
        assert rose in sites.unmarked((tmp_path / "pages" / name).read_text("utf-8")), name
    reason = {
        "en": "one of many results of the laboratory that moved together",
        "nl": "een van veel uitslagen van het laboratorium",
    }
    for code, words_ in reason.items():
        assert words_ in sites.unmarked(sites.page_of(tmp_path, FORTY[0], code)), code
        assert words_ in sites.unmarked((tmp_path / "pages" / f"ward.{code}.html").read_text("utf-8")), code
    [finding] = [one for one in checkup(tmp_path, example=tuple) if one.what == f"laboratory {VIROLOGY}"]
    assert (finding.state, finding.words[: len(rose)]) == ("note", rose)
    [stopped] = status(tmp_path).stopped
    assert (stopped.code, stopped.feed) == (words.LABORATORY_IN_DOUBT, VIROLOGY)
    assert "cmvmon_laboratories_in_doubt 1.0" in metrics.text(tmp_path).decode()
    with open_site(tmp_path) as opened, opened.reading() as connection:
        [about] = [one for one in standing(connection) if one.rule == words.OPERATIONS]
        told = alert_store.alerts(connection, states={"open"})
    assert (about.code, about.feed, about.tier) == (words.LABORATORY_IN_DOUBT, VIROLOGY, 1)
    assert not any(one in str(told) for one in FORTY)
    nights.nightly(tmp_path, as_of=day(15.5))  # a night that takes in nothing new says nothing new
    with open_site(tmp_path) as opened, opened.reading() as connection:
        assert [(one.alert_id, one.transition) for one in standing(connection)] == [(about.alert_id, about.transition)]


def test_while_it_stands_no_page_says_which_way_such_a_load_goes(tmp_path: Path) -> None:
    ward(tmp_path, FORTY[:8], treated=FORTY[:8])
    send(tmp_path, [line(one, 14, 10) for one in FORTY[:8]], name="tenfold", night=14.5)
    assert in_doubt(tmp_path) == [(VIROLOGY, UP, 8, 8, 14.0)]
    asked = {
        "en": "The laboratory is asked whether results moved together: of how this load goes nothing is said, for at most 7 days",
        "nl": "Het laboratorium wordt gevraagd of uitslagen samen verschoven: over het verloop van deze load wordt niets gezegd, "
        "hooguit 7 dagen",
    }
    for code, told in asked.items():
        page = sites.unmarked(sites.page_of(tmp_path, FORTY[0], code))
        assert page.count(told) == 3, (code, "in the headline, under Course, and in the place of a decline")
        on_ward = sites.unmarked((tmp_path / "pages" / f"ward.{code}.html").read_text("utf-8"))
        assert not [way for way in (*WAYS_SAID, "log10") if way in on_ward], code
        assert not [way for way in WAYS_SAID if way in page.partition('id="decline"')[0]], code
    send(tmp_path, [line(one, 14, status="C") for one in FORTY[:8]], name="corrected", night=15.5)
    for code, told in asked.items():
        assert told not in sites.unmarked(sites.page_of(tmp_path, FORTY[0], code)), code


def test_why_and_a_rule_that_is_tried_ask_the_laboratory_as_the_night_did(tmp_path: Path) -> None:
    one = FORTY[8]  # her load rose with theirs, and is lower again, and high
    ward(tmp_path, (*FORTY[:8], one))
    hers = [
        result(one, at, load, specimen="plasma", accession=f"{one}-{at}") for at, load in ((11, 200_000), (14, 12_000))
    ]
    send(tmp_path, [*(line(other, 10.9, 100) for other in FORTY[:8]), *hers], name="hundredfold", night=14.5)
    assert in_doubt(tmp_path) == [(VIROLOGY, UP, 8, 8, 10.9)]
    with open_site(tmp_path) as opened, opened.reading() as connection:
        [alert] = [a for a in alert_store.alerts(connection, states={"open"}) if a["rule"] == "untreated_rise"]
    assert alert["patient_id"] == one
    assert explained(tmp_path, alert["alert_id"], lang="en")["tipped_by"]["without_it"] == words.NOT_ASSESSABLE
    would = rule_switching.tried(tmp_path, "untreated_rise", as_of=day(14.5))
    assert [row["patient_id"] for row in would["alerts"]] == [one]
    assert {"reason": words.LABORATORY_IN_DOUBT, "n": 8} in would["reasons"]


def test_whoever_answers_for_a_result_nobody_had_seen_ends_that_alert_and_not_the_doubt(tmp_path: Path) -> None:
    one = FORTY[0]
    ward(tmp_path, FORTY[:8])
    csf = [result(one, at, load, specimen="csf", accession=f"CSF-{at}") for at, load in ((10, 500), (14, 200_000))]
    send(tmp_path, [*csf, *(line(other, 14, 100) for other in FORTY[:8])], name="hundredfold", night=14.3)
    nights.nightly(tmp_path, as_of=day(15))
    assert in_doubt(tmp_path) == [(VIROLOGY, UP, 8, 8, 14.0)]
    assert alerts(tmp_path, "open") == {("critical_result_unseen", None): 1}
    with open_site(tmp_path) as opened, opened.writing() as connection:
        [alert] = [a for a in alert_store.alerts(connection, states={"open"}) if a["rule"] == "critical_result_unseen"]
        assert alert_store.answer(connection, alert["alert_id"], Word(ACKNOWLEDGE, day(15.2), actor="dr. A"))
    nights.nightly(tmp_path, as_of=day(16))
    assert in_doubt(tmp_path)
    assert alerts(tmp_path, "resolved") == {("critical_result_unseen", None): 1}
    assert not alerts(tmp_path, "open", "closed")


def test_an_alert_that_stood_before_stands_and_after_a_week_the_loads_are_judged_again(tmp_path: Path) -> None:
    patients = FORTY[:9]
    ward(tmp_path, patients)
    send(tmp_path, [line(patients[0], 8.1, 30)], name="rose", night=8.6)
    assert alerts(tmp_path, "open") == {("untreated_rise", None): 1}
    send(
        tmp_path,
        [line(one, 14, 3_000 if one == patients[0] else 100) for one in patients],
        name="hundredfold",
        night=14.5,
    )
    assert in_doubt(tmp_path) == [(VIROLOGY, UP, 9, 9, 14.0)]
    assert alerts(tmp_path, "open") == {("untreated_rise", None): 1}
    assert said(tmp_path, patients[0])["untreated_rise"] == HELD
    nights.nightly(tmp_path, as_of=day(20.9))
    assert in_doubt(tmp_path)
    nights.nightly(tmp_path, as_of=day(21.1))
    assert not in_doubt(tmp_path)
    assert alerts(tmp_path, "open")["untreated_rise", None] == 9


def test_an_alert_that_stood_before_stands_though_it_was_told_anew_of_a_result_that_moved(tmp_path: Path) -> None:
    patients = FORTY[:6]
    ward(tmp_path, patients)
    send(tmp_path, [line(patients[0], 8.1, 30)], name="rose", night=8.6)
    for n, one in enumerate(patients):
        comes(tmp_path, line(one, 13.9 + n / 100, 3_000 if n == 0 else 100), at=14.3 + n / 48)
    assert in_doubt(tmp_path)
    assert alerts(tmp_path, "open") == {("untreated_rise", words.LABORATORY_IN_DOUBT): 1}
    assert alerts(tmp_path, "closed") == {("untreated_rise", words.LABORATORY_IN_DOUBT): 4}


def test_a_replay_of_these_nights_says_what_they_said(tmp_path: Path) -> None:
    patients = FORTY[:8]
    ward(tmp_path, patients)
    send(tmp_path, [line(one, 14, 100) for one in patients], name="hundredfold", night=14.5)
    send(tmp_path, [line(one, 15, 110) for one in patients], name="again", night=15.5)
    again: list[object] = []
    replay(
        tmp_path,
        since=day(0).date(),
        until=day(20).date(),
        heard=lambda _, events: again.extend((one["rule"], one["event"]) for one in events),
    )
    assert not alerts(tmp_path, "open", "resolved", "closed")
    assert not again
