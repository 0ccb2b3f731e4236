"""The clocks of treatment and what they do to alerts, night after night: gaps, switches, another laboratory, another matrix.

One made-up patient on the unit. A row is a night: its day, what became known before it, and every alert about a load so far: `response 2`
stands open at tier 2, `response course_over` was closed with that cause, `response clear` was judged clear. With `@other`: of that
laboratory's series; with `blood`: of whole blood. What becomes known: `plasma 14 50000` (a result of day 14, IU/mL),
`ganciclovir 0.1-14.6` (a course; from the same start it replaces the one before), `ganciclovir 0.1-14.6!toxicity` (why it was stopped, as
stated), `stay -5-15`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cmvmon.text import language
from cmvmon.text.alerts import alert_details, alert_sentence
from tests import sites
from tests.nights import nightly
from tests.patients import Stay, stay_line
from tests.sites import course, day, drop, laboratories, nights_of, result

WHO = "SYNTHETIC-1"
RULES = ("response", "rebound", "recurrence", "untreated_rise")
SPECIMENS = {"plasma": "plasma", "blood": "whole blood", "bal": "bal"}


class Unit:
    """A site with two laboratories, and what was delivered of the patient until now."""

    def __init__(self, root: Path) -> None:
        self.root, self.n = root, 0
        laboratories(root, "synthetic", "other")
        self.courses: dict[tuple[str, str], str] = {}
        self.stays: dict[str, str] = {}
        self.known("stay -5-")

    def known(self, said: str) -> None:
        what, *rest = said.split()
        name, _, laboratory = what.partition("@")
        if name in SPECIMENS:
            at, value = rest
            line = result(WHO, float(at), value, specimen=SPECIMENS[name], accession=f"{name}-{at}")
            self._drop("viral_load_results", [line], feed=laboratory or "synthetic")
            return
        span, _, reason = rest[0].partition("!")
        start, end = _span(span)
        if name == "stay":
            number = list({**self.stays, start: ""}).index(start)
            given = Stay(number, day(float(start)), None if end is None else day(end), "plasma")
            self.stays[start] = stay_line(WHO, given)
            self._drop("icu_stays", [*self.stays.values()])
        else:
            self.courses[name, start] = course(WHO, drug=name, start=float(start), stop=end, reason=reason or None)
            self._drop("antiviral_courses", [*self.courses.values()])

    def night(self, at: float) -> str:
        taken = nightly(self.root, as_of=day(at)).taken_in
        assert (taken.faults, sum(one.quarantined for one in taken.counted)) == ((), 0)
        query = f"SELECT alert_id, rule, subject, tier, state, cause FROM alert_events WHERE rule IN {RULES} ORDER BY opened_at, rule, subject, sequence"
        last = {row[0]: row[1:] for row in sites.rows(self.root, query)}
        return ", ".join(
            f"{rule}{_which(subject)} {tier if state == 'open' else cause or 'clear'}"
            for rule, subject, tier, state, cause in last.values()
        )

    def _drop(self, table: str, lines: list[str], *, feed: str = "synthetic") -> None:
        self.n += 1
        drop(self.root, table, lines, feed=feed, name=f"{self.n}.csv")


def _span(text: str) -> tuple[str, float | None]:
    start, _, end = (text[1:] if text.startswith("-") else text).partition("-")
    return ("-" if text.startswith("-") else "") + start, float(end) if end else None


def _which(subject: str) -> str:
    key = json.loads(subject)
    blood = " blood" if key.get("compartment") == "whole_blood" else ""
    return ("@other" if key.get("laboratory") == "other" else "") + blood


def played(root: Path, table: str) -> tuple[list[str], list[str]]:
    unit, found, expected = Unit(root), [], []
    for night, (known, alerts) in nights_of(table):
        for said in known.split(";") if known != "-" else ():
            unit.known(said.strip())
        found.append(f"{night} | {unit.night(night) or '-'}")
        expected.append(f"{night} | {alerts}")
    return found, expected


STORIES = {
    "a gap of one day: the clocks run": """
    night | known before it                                                       | alerts
    14.5  | ganciclovir 0.1-; plasma 0 50000; plasma 7 50000; plasma 14 50000     | response 2
    15.5  | ganciclovir 0.1-14.6                                                  | response 2
    16.5  | ganciclovir 15.6-                                                     | response 2
    """,
    "a gap of four days: one course, and the same alert": """
    night | known before it                                                       | alerts
    14.5  | ganciclovir 0.1-; plasma 0 50000; plasma 7 50000; plasma 14 50000     | response 2
    18.5  | ganciclovir 0.1-14.6                                                  | response course_over, untreated_rise 2
    19.5  | ganciclovir 18.6-                                                     | response 2, untreated_rise clear
    """,
    "a gap of nine days: another course, with a baseline and an alert of its own": """
    night | known before it                                                       | alerts
    14.5  | ganciclovir 0.1-; plasma 0 50000; plasma 7 50000; plasma 14 50000     | response 2
    18.5  | ganciclovir 0.1-14.6                                                  | response course_over, untreated_rise 2
    24.5  | ganciclovir 23.6-; plasma 24 50000                                    | response course_over, untreated_rise clear
    31.5  | plasma 31 50000                                                       | response course_over, untreated_rise clear, response 3
    38.5  | plasma 38 50000                                                       | response course_over, untreated_rise clear, response 2
    """,
    "another drug, stated for failure: the alert goes on until the load falls": """
    night | known before it                                                       | alerts
    14.5  | ganciclovir 0.1-; plasma 0 50000; plasma 7 50000; plasma 14 50000     | response 2
    15.5  | ganciclovir 0.1-15!failure; foscarnet 15-                             | response 2
    21.5  | plasma 21 40000                                                       | response 2
    25.5  | plasma 25 900                                                         | response clear
    """,
    "another drug, stated for toxicity, at the same loads: the same alert": """
    night | known before it                                                       | alerts
    14.5  | ganciclovir 0.1-; plasma 0 50000; plasma 7 50000; plasma 14 50000     | response 2
    15.5  | ganciclovir 0.1-15!toxicity; foscarnet 15-                            | response 2
    21.5  | plasma 21 40000                                                       | response 2
    25.5  | plasma 25 900                                                         | response clear
    """,
    "another drug, stated for toxicity, while the load falls: none": """
    night | known before it                                                       | alerts
    7.5   | ganciclovir 0.1-; plasma 0 50000; plasma 7 5000                       | -
    8.5   | ganciclovir 0.1-8!toxicity; foscarnet 8-                              | -
    15.5  | plasma 15 500                                                         | -
    22.5  | plasma 22 <35                                                         | -
    """,
    "another drug, stated for failure, while the load falls: none, for a stated failure is no ground": """
    night | known before it                                                       | alerts
    7.5   | ganciclovir 0.1-; plasma 0 50000; plasma 7 5000                       | -
    8.5   | ganciclovir 0.1-8!failure; foscarnet 8-                               | -
    15.5  | plasma 15 500                                                         | -
    22.5  | plasma 22 <35                                                         | -
    """,
    "valganciclovir for ganciclovir is no other drug": """
    night | known before it                                                       | alerts
    14.5  | ganciclovir 0.1-; plasma 0 50000; plasma 7 50000; plasma 14 50000     | response 2
    15.5  | ganciclovir 0.1-15; valganciclovir 15-                                | response 2
    21.5  | plasma 21 50000                                                       | response 2
    """,
    "treated again after clearance: another course": """
    night | known before it                                                       | alerts
    22    | ganciclovir 0.1-21; plasma 0 50000; plasma 7 900; plasma 14 <35; plasma 21 <35 | -
    30    | -                                                                     | -
    40.5  | plasma 40 12000                                                       | recurrence 2
    42.5  | ganciclovir 41-                                                       | recurrence clear
    48.5  | plasma 48 12000                                                       | recurrence clear, response 3
    55.5  | plasma 55 12000                                                       | recurrence clear, response 2
    """,
    "treated before the first sample: judged from twelve days after it": """
    night | known before it                                                       | alerts
    6     | ganciclovir 0.1-; plasma 5 10000                                      | -
    12.5  | plasma 12 9000                                                        | -
    16.5  | -                                                                     | -
    17.5  | plasma 17 9000                                                        | response 2
    """,
    "another laboratory: both are judged, and the old one ends once it is old": """
    night | known before it                                                       | alerts
    14.5  | ganciclovir 0.1-; plasma 0 50000; plasma 7 50000; plasma 14 50000     | response 2
    16.5  | plasma@other 16 30000                                                 | response 2
    23.5  | plasma@other 23 30000                                                 | response 2, response@other 2
    30.5  | plasma@other 30 300                                                   | response newer_series, response@other clear
    """,
    "another laboratory, which measures once: nobody judges that, so the alert stands": """
    night | known before it                                                       | alerts
    14.5  | ganciclovir 0.1-; plasma 0 50000; plasma 7 50000; plasma 14 50000     | response 2
    20.5  | plasma@other 20 30000                                                 | response 2
    28.5  | -                                                                     | response 2
    34.5  | -                                                                     | response 2
    35.5  | plasma@other 35 40                                                    | response newer_series
    """,
    "a transfer to a hospital with another laboratory": """
    night | known before it                                                       | alerts
    14.5  | ganciclovir 0.1-; plasma 0 50000; plasma 7 50000; plasma 14 50000     | response 2
    15.5  | stay -5-15                                                            | response 2
    20.5  | plasma@other 20 30000                                                 | response 2
    30.5  | -                                                                     | response 2
    40.5  | stay 40-; plasma@other 40 <35; plasma@other 36 <35                    | response 2
    """,
    "whole blood after plasma": """
    night | known before it                                                       | alerts
    14.5  | ganciclovir 0.1-; plasma 0 50000; plasma 7 50000; plasma 14 50000     | response 2
    16.5  | blood 16 30000                                                        | response 2
    23.5  | blood 23 30000                                                        | response 2, response blood 2
    30.5  | blood 30 300                                                          | response newer_series, response blood clear
    """,
    "whole blood after plasma, measured once": """
    night | known before it                                                       | alerts
    14.5  | ganciclovir 0.1-; plasma 0 50000; plasma 7 50000; plasma 14 50000     | response 2
    20.5  | blood 20 30000                                                        | response 2
    28.5  | -                                                                     | response 2
    """,
    "readmitted: what waited goes on beside what the rules say now": """
    night | known before it                                                       | alerts
    14.5  | ganciclovir 0.1-; plasma 0 50000; plasma 7 50000; plasma 14 50000     | response 2
    18.5  | ganciclovir 0.1-14.6; stay -5-15                                      | response 2, untreated_rise 2
    22.5  | stay 22-; plasma 22 60000                                             | response 2, untreated_rise 2, recurrence 2
    24.5  | ganciclovir 24-                                                       | response 2, untreated_rise clear, recurrence clear
    """,
}


@pytest.mark.parametrize("story", STORIES)
def test_what_the_clocks_do_to_alerts(tmp_path: Path, story: str) -> None:
    found, expected = played(tmp_path, STORIES[story])
    assert found == expected


# What a stated reason changes: what `guide_duration` says of a stop, and what the details of `response` say of a switch.
REASONS = {
    "a switch stated for failure": """
    night | known before it                                                       | said
    14.5  | ganciclovir 0.1-; plasma 0 50000; plasma 7 50000; plasma 14 50000     | -
    15.5  | ganciclovir 0.1-15!failure; foscarnet 15-                             | Switched from ganciclovir on 16 Mar 2026; stated reason: insufficient response.
    21.5  | plasma 21 40000                                                       | Switched from ganciclovir on 16 Mar 2026; stated reason: insufficient response.
    """,
    "a switch stated for toxicity, at the same loads": """
    night | known before it                                                       | said
    14.5  | ganciclovir 0.1-; plasma 0 50000; plasma 7 50000; plasma 14 50000     | -
    15.5  | ganciclovir 0.1-15!toxicity; foscarnet 15-                            | Switched from ganciclovir on 16 Mar 2026; stated reason: toxicity.
    21.5  | plasma 21 40000                                                       | Switched from ganciclovir on 16 Mar 2026; stated reason: toxicity.
    """,
    "a switch of which the reason comes late, and is corrected": """
    night | known before it                                                       | said
    14.5  | ganciclovir 0.1-; plasma 0 50000; plasma 7 50000; plasma 14 50000     | -
    15.5  | ganciclovir 0.1-15; foscarnet 15-                                     | Switched from ganciclovir on 16 Mar 2026; reason not stated.
    16.5  | ganciclovir 0.1-15!toxicity                                           | Switched from ganciclovir on 16 Mar 2026; stated reason: toxicity.
    17.5  | ganciclovir 0.1-15!failure                                            | Switched from ganciclovir on 16 Mar 2026; stated reason: insufficient response.
    18.5  | ganciclovir 0.1-15!rash                                               | Switched from ganciclovir on 16 Mar 2026; stated reason: in a word that cmvmon does not know.
    """,
    "a drug that is added, whatever is written beside the one that runs": """
    night | known before it                                                       | said
    15.5  | ganciclovir 0.1-!failure; foscarnet 15-; plasma 0 50000; plasma 7 50000; plasma 14 50000 | -
    """,
    "a stop for toxicity is not told; corrected to failure it is, and the other way round": """
    night | known before it                                                       | said
    10    | ganciclovir 0.1-; plasma 0 50000; plasma 7 5000                       | -
    14    | ganciclovir 0.1-10.5!toxicity                                         | -
    15    | ganciclovir 0.1-10.5!failure                                          | guide_duration 3: Stated reason: insufficient response.
    16    | ganciclovir 0.1-10.5!toxicity                                         | guide_duration clear
    """,
    "a stop without a reason, and with one that nobody listed": """
    night | known before it                                                       | said
    14    | ganciclovir 0.1-10.5; plasma 0 50000; plasma 7 5000                   | guide_duration 3: Why it ended is not on record.
    15    | ganciclovir 0.1-10.5!rash                                             | guide_duration 3: Stated reason: in a word that cmvmon does not know.
    """,
    "a reason of a course that runs is not read until it is stopped": """
    night | known before it                                                       | said
    14    | ganciclovir 0.1-!failure; plasma 0 50000; plasma 7 5000               | -
    18    | ganciclovir 0.1-14.5!failure                                          | guide_duration 3: Stated reason: insufficient response.
    """,
}


@pytest.mark.parametrize("story", REASONS)
def test_what_is_said_of_a_stated_reason(tmp_path: Path, story: str) -> None:
    unit = Unit(tmp_path)
    for night, (known, said) in nights_of(REASONS[story]):
        for each in known.split(";") if known != "-" else ():
            unit.known(each.strip())
        unit.night(night)
        assert f"{night} | {_said(tmp_path) or '-'}" == f"{night} | {said}"


def _said(root: Path) -> str:
    """Of the last event of each alert: how `guide_duration` stands and what it says of the reason; what `response` says of a switch."""
    query = (
        "SELECT alert_id, rule, tier, state, cause, evidence FROM alert_events "
        "WHERE rule IN ('response', 'guide_duration') ORDER BY opened_at, sequence"
    )
    found = []
    for _, rule, tier, state, cause, evidence in {row[0]: row for row in sites.rows(root, query)}.values():
        facts, english = json.loads(evidence), language("en")
        if rule == "response":
            found += re.findall(r"Switched from [^.]+\.", alert_details(rule, facts, english))
            continue
        stands = f"{rule} {tier if state == 'open' else cause or 'clear'}"
        reason = re.findall(
            r"(?:Stated reason: |Why it ended )[^.]+\.", alert_sentence(rule, facts, english) if state == "open" else ""
        )
        found.append(": ".join([stands, *reason]))
    return " ".join(found)


def test_the_patients_page_says_a_stated_reason_in_the_table_of_drugs_and_in_the_lane(tmp_path: Path) -> None:
    unit = Unit(tmp_path)
    for known in ("ganciclovir 0.1-15!toxicity", "foscarnet 15-!other", "plasma 0 50000", "plasma 14 50000"):
        unit.known(known)
    unit.night(15.5)
    page = sites.page_of(tmp_path, WHO)
    assert "(toxicity)" in page
    assert "Ganciclovir until 16 Mar 2026; stated reason: toxicity" in page
    assert "a reason for stopping was delivered, and no moment of the stop" in page
    assert "other reason" not in page
