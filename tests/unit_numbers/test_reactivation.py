"""Who is followed since ventilation began, from when, until when, and how that ended: small tables, worked by hand."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest

from cmvmon.dashboards.site_views import UnitView
from cmvmon.dashboards.unit_page import unit_page
from cmvmon.domain.deaths import DEATHS
from cmvmon.domain.rows import ICU_STAYS
from cmvmon.domain.who_died import who_died
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.text import codes, language
from cmvmon.unit.numbers import DAYS, FEW, UnitNumbers, share_at
from cmvmon.unit.numbers import rows as unit_rows
from cmvmon.unit.reactivation import EVERYONE, SEROPOSITIVE, Reactivation, followed, reactivation, serostatus
from cmvmon.unit.workload import workload

START = datetime(2026, 3, 1, tzinfo=UTC)
AS_OF = START + timedelta(days=30)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def stays(*rows: tuple[str, float, float | None, float | None]) -> pl.DataFrame:
    """Patient, admitted, ventilated from (None: never), discharged (None: still there), in days; one stay each, or more rows of one."""
    told = [
        {
            "stay_id": f"stay-{patient}-{admitted:g}",
            "patient_id": patient,
            "admitted_at": day(admitted),
            "ventilation_started_at": None if ventilated is None else day(ventilated),
            "discharged_at": None if left is None else day(left),
        }
        for patient, admitted, ventilated, left in rows
    ]
    return ICU_STAYS.conform(pl.DataFrame(told, schema_overrides=ICU_STAYS.schema))


def results(*rows: tuple[str, float, str, str]) -> pl.DataFrame:
    """Patient, day, compartment, detection."""
    told = [
        {"patient_id": p, "collected_at": day(d), "compartment": c, "detection": found, "is_conflicting": False}
        for p, d, c, found in rows
    ]
    schema: dict[str, Any] = {
        "patient_id": pl.String,
        "collected_at": pl.Datetime("us", "UTC"),
        "compartment": pl.String,
        "detection": pl.String,
        "is_conflicting": pl.Boolean,
    }
    return pl.DataFrame(told, schema=schema)


def context(**statuses: str | None) -> pl.DataFrame:
    """Serostatus by patient; `doubtful` = positive after immunoglobulin."""
    told = [
        {
            "patient_id": patient,
            "serostatus": "positive" if status == "doubtful" else status,
            "serostatus_may_be_false": status == "doubtful",
        }
        for patient, status in statuses.items()
    ]
    schema: dict[str, Any] = {"patient_id": pl.String, "serostatus": pl.String, "serostatus_may_be_false": pl.Boolean}
    return pl.DataFrame(told, schema=schema)


def test_each_patient_is_followed_from_ventilation_or_arrival_until_event_discharge_or_now() -> None:
    """A is ventilated on day 1 and positive on day 5. B came on day 3, ventilated since day 0. C leaves on day 8. D is still there."""
    rows = followed(
        stays(("A", 0, 1, 20), ("B", 3, 0, None), ("C", 0, 0, 8), ("D", 2, 4, None)),
        results(("A", 5, "plasma", "quantified"), ("A", 9, "plasma", "quantified"), ("C", 2, "plasma", "not_detected")),
        context(A="positive", B="positive", C="negative", D=None),
        as_of=AS_OF,
    )
    told = rows.select("patient_id", "entered_day", "event_day", "left_day", "is_discharged").rows()
    assert told == [
        ("A", 0, 4, 19, True),
        ("B", 3, None, 30, False),
        ("C", 0, None, 8, True),
        ("D", 0, None, 26, False),
    ]
    found = reactivation(rows, EVERYONE, time_zone="Europe/Amsterdam")
    assert (found.found.n, found.found.total, found.left.total, found.n_delayed, found.n_unsampled) == (4, 1, 1, 1, 2)
    # On day 4 four are at risk (B came on day 3): 1/4. On day 8 three: of 3/4 one third leaves.
    assert found.found.incidence.tolist() == pytest.approx([0.25, 0.25])
    assert found.left.incidence.tolist() == pytest.approx([0.0, 0.25])


def test_only_blood_found_after_arrival_while_there_is_a_reactivation() -> None:
    """BAL is not blood; "not detected" finds nothing; below the limit finds something; after discharge nobody looks."""
    rows = followed(
        stays(("BAL", 0, 0, None), ("NONE", 0, 0, None), ("LOW", 0, 0, None), ("LATE", 0, 0, 6)),
        results(
            ("BAL", 3, "bal", "quantified"),
            ("NONE", 3, "plasma", "not_detected"),
            ("LOW", 3, "whole_blood", "below_lloq"),
            ("LATE", 7, "plasma", "quantified"),
        ),
        context(),
        as_of=AS_OF,
    )
    assert dict(rows.select("patient_id", "event_day").rows()) == {"BAL": None, "NONE": None, "LOW": 3, "LATE": None}


def test_who_was_positive_before_is_counted_apart_and_not_at_risk() -> None:
    rows = followed(
        stays(("A", 5, 5, None), ("B", 5, 5, None)),
        results(("A", 4, "plasma", "quantified"), ("A", 9, "plasma", "quantified")),
        context(),
        as_of=AS_OF,
    )
    found = reactivation(rows, EVERYONE, time_zone="Europe/Amsterdam")
    assert (found.n_ventilated, found.n_before, found.found.n, found.found.total) == (2, 1, 1, 0)


def test_time_is_counted_by_the_status_of_the_day_never_by_what_came_later() -> None:
    """A is without for 10 days, with for 10, then leaves. B is without for all 20 days."""
    rows = followed(
        stays(("A", 0, 0, 20), ("B", 0, 0, 20)), results(("A", 10, "plasma", "quantified")), context(), as_of=AS_OF
    )
    found = reactivation(rows, EVERYONE, time_zone="Europe/Amsterdam")
    assert (found.before.n, found.before.days, found.before.n_left) == (2, 30.0, 1)
    assert (found.after.n, found.after.days, found.after.n_left) == (1, 10.0, 1)


def test_a_serostatus_after_immunoglobulin_counts_as_not_known() -> None:
    rows = followed(
        stays(("A", 0, 0, None), ("B", 0, 0, None), ("C", 0, 0, None)),
        results(),
        context(A="positive", B="doubtful", C="negative"),
        as_of=AS_OF,
    )
    known = serostatus(rows)
    assert (known.n_positive, known.n_negative, known.n_unknown) == (1, 1, 1)
    assert reactivation(rows, SEROPOSITIVE, time_zone="UTC").n_ventilated == 1


def test_the_first_ventilated_stay_counts_with_all_its_periods_and_one_without_ventilation_does_not() -> None:
    rows = followed(
        stays(("A", 0, None, 2), ("A", 10, 11, None), ("A", 10, 15, None), ("B", 0, None, None)),
        results(("A", 16, "plasma", "quantified")),
        context(),
        as_of=AS_OF,
    )
    assert rows.select("patient_id", "entered_day", "event_day").rows() == [("A", 0, 5)]


def test_a_stay_that_ends_before_its_ventilation_is_told_and_not_followed() -> None:
    rows = followed(stays(("A", 0, 5, 3)), results(), context(), as_of=AS_OF)
    found = reactivation(rows, EVERYONE, time_zone="UTC")
    assert (found.n_ventilated, found.n_unusable, found.found.n) == (1, 1, 0)


def test_years_are_those_of_the_ward_s_own_zone() -> None:
    """23:30 UTC on New Year's Eve is the next year in Amsterdam."""
    eve = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)
    late = (eve - START) / timedelta(days=1)
    rows = followed(stays(("A", late, late, None)), results(), context(), as_of=AS_OF)
    assert [one.year for one in reactivation(rows, EVERYONE, time_zone="Europe/Amsterdam").by_year] == [2026]
    assert [one.year for one in reactivation(rows, EVERYONE, time_zone="UTC").by_year] == [2025]


def test_of_fewer_than_five_a_share_is_too_few_to_tell() -> None:
    of = [(f"P{i}", 0.0, 0.0, None) for i in range(FEW)]
    for n, is_few in ((FEW - 1, True), (FEW, False)):
        rows = followed(stays(*of[:n]), results(), context(), as_of=AS_OF)
        share = share_at(reactivation(rows, EVERYONE, time_zone="UTC").found, 28, 0.95)
        assert (share.n, share.is_few) == (n, is_few)


def _emptied() -> pl.DataFrame:
    """A leaves on day 1; nine come on day 5 of their ventilation and reactivate one after another."""
    late = [(f"P{i}", 0.0, -5.0, None) for i in range(9)]
    found = [(f"P{i}", 3.0 + i, "plasma", "quantified") for i in range(9)]
    return followed(stays(("A", 0.0, 0.0, 1.0), *late), results(*found), context(), as_of=AS_OF)


def _numbers(found: Reactivation) -> UnitNumbers:
    return UnitNumbers(AS_OF, START, None, (found,), None, (), workload([], as_of=AS_OF, time_zone="UTC"), 0.95)


def test_no_share_is_told_after_a_day_with_nobody_at_risk_while_others_came_later() -> None:
    found = reactivation(_emptied(), EVERYONE, time_zone="UTC")
    share = share_at(found.found, 28, 0.95)
    assert (share.n, share.n_events, share.estimate, share.low, share.untold_since) == (10, 9, None, None, 1.0)
    assert share_at(found.left, 28, 0.95).estimate is None
    told = {(row["figure"], row["at"]): row for row in unit_rows(_numbers(found))}
    assert told["reactivation", 28]["reason"] == "nobody at risk from day 1 on while others came later"
    assert (told["reactivation", 28]["estimate"], told["reactivation", 28]["median"]) == (None, None)
    assert "NaN" not in json.dumps(list(told.values()))


@pytest.mark.parametrize("code", codes())
def test_the_unit_page_says_why_no_share_is_told(code: str) -> None:
    found = reactivation(_emptied(), EVERYONE, time_zone="UTC")
    view = UnitView(AS_OF, "UTC", Protocol.shipped(), "0", True, {}, numbers=_numbers(found))
    spoken = language(code)
    page = unescape(unit_page(view, language=spoken))
    assert spoken.say("unit.why_untold", day=spoken.number(1.0, 1)) in page
    assert spoken.say("unit.headline.untold", day="28", events="9", n="10") in page
    assert page.count(f">{spoken.say('unit.untold')}</td>") >= len(DAYS)
    assert "NaN" not in page
    assert not [points for points in re.findall(r'points="([^"]*)"', page) if "nan" in points]


def test_a_group_that_nobody_began_in_has_no_figure_and_says_so() -> None:
    late = [(f"P{i}", 0.0, -5.0, None) for i in range(9)]
    one = reactivation(followed(stays(*late), results(), context(), as_of=AS_OF), EVERYONE, time_zone="UTC")
    view = UnitView(AS_OF, "UTC", Protocol.shipped(), "0", True, {}, numbers=_numbers(one))
    page = unescape(unit_page(view, language=language("en")))
    assert language("en").say("unit.why_untold", day="0.0") in page
    assert 'class="figure curve"' not in page


def deaths(*rows: tuple[str, float | None, str | None]) -> pl.DataFrame:
    """Patient, day of the moment that is known, and the date where only that was stated."""
    stated = dict.fromkeys(DEATHS.schema) | {"stated_at": day(20.0)}
    told = [stated | {"patient_id": p, "died_at": None if d is None else day(d), "died_on": on} for p, d, on in rows]
    return who_died({DEATHS.name: pl.DataFrame(told, schema=DEATHS.schema)})


@pytest.mark.parametrize(
    ("died", "left_day", "has_died"),
    [
        (("A", 8.0, None), 8.0, True),  # before the end that was written down: followed until then
        (("A", 10.0, None), 10.0, True),
        (("A", 10.1, None), 10.0, False),  # elsewhere
        (("A", 14.0, "2026-03-11"), 10.0, True),  # stated later, of the day on which the stay ended
        (("A", 14.0, "2026-03-12"), 10.0, False),
        (("B", 8.0, None), 10.0, False),
    ],
)
def test_a_death_by_the_end_of_the_stay_ends_it_and_a_later_one_does_not(
    died: tuple[str, float, str | None], left_day: float, has_died: bool
) -> None:
    rows = followed(stays(("A", 0, 0, 10)), results(), context(), as_of=AS_OF, deaths=deaths(died))
    assert rows.select("left_day", "has_died").rows() == [(left_day, has_died)]


def test_death_and_leaving_alive_are_two_competing_events_where_deaths_are_known_by_hand() -> None:
    """Five are followed. A dies on day 2, B leaves on day 4, C is positive on day 6 and dies on day 9; D and E stay.

    Died without: 1/5. Left alive without: 4/5 * 1/4 = 1/5. CMV in blood: 4/5 * 3/4 * 1/3 = 1/5.
    """
    rows = followed(
        stays(("A", 0, 0, 2), ("B", 0, 0, 4), ("C", 0, 0, 9), ("D", 0, 0, None), ("E", 0, 0, None)),
        results(("C", 6, "plasma", "quantified")),
        context(),
        as_of=AS_OF,
        deaths=deaths(("A", 2.0, None), ("C", 9.0, None), ("B", 20.0, None)),
    )
    found = reactivation(rows, EVERYONE, time_zone="UTC", has_deaths=True)
    assert found.died is not None
    shares = [one.at(28.0) for one in (found.found, found.left, found.died)]
    assert shares == pytest.approx([0.2, 0.2, 0.2])
    assert (found.before.n_left, found.before.n_died, found.after.n_left, found.after.n_died) == (1, 1, 0, 1)
    told = {(row["figure"], row["at"]): row for row in unit_rows(_numbers(found))}
    assert told["died_without", 28]["estimate"] == pytest.approx(0.2)
    assert told["left_alive_without", 28]["estimate"] == pytest.approx(0.2)
    assert (told["died_before", None]["n_events"], told["died_after", None]["n_events"]) == (1, 1)
    as_one = reactivation(rows.with_columns(has_died=pl.lit(None, pl.Boolean)), EVERYONE, time_zone="UTC")
    assert as_one.died is None
    assert as_one.found.incidence.tolist() == found.found.incidence.tolist()  # the same either way
    assert as_one.left.at(28.0) == pytest.approx(0.4)
    assert "left_without" in {row["figure"] for row in unit_rows(_numbers(as_one))}


def test_each_of_the_three_ends_is_that_of_lifelines() -> None:
    """Sixty patients with delayed entry, no two times alike; their ends as lifelines is told them."""
    import warnings

    from lifelines import AalenJohansenFitter  # slow to load

    rng = np.random.default_rng(7)
    began, stay, ends = rng.uniform(-3, 2, 60), rng.uniform(1, 25, 60), rng.choice([0, 1, 2, 3], 60)
    came = np.maximum(began, 0.0)
    told = [(f"P{i}", came[i], began[i], None if ends[i] == 0 else came[i] + stay[i]) for i in range(60)]
    positive = [(f"P{i}", came[i] + 0.7 * stay[i], "plasma", "quantified") for i in range(60) if ends[i] == 1]
    died = [(f"P{i}", came[i] + stay[i], None) for i in range(60) if ends[i] == 3]
    rows = followed(stays(*told), results(*positive), context(), as_of=AS_OF, deaths=deaths(*died))
    mine = reactivation(rows, EVERYONE, time_zone="UTC", has_deaths=True)
    left = np.where(ends == 0, 30.0, came + np.where(ends == 1, 0.7, 1.0) * stay) - began
    for of, found in ((1, mine.found), (2, mine.left), (3, mine.died)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs: Any = AalenJohansenFitter().fit(left, ends, event_of_interest=of, entry=came - began)
        assert found is not None
        assert found.total == (ends == of).sum() > 5
        for at in (7.0, 14.0, 21.0):
            expected = float(theirs.cumulative_density_[f"CIF_{of}"].loc[:at].iloc[-1])
            assert found.at(at) == pytest.approx(expected, abs=1e-6)  # lifelines shifts ties by chance


@pytest.mark.parametrize("code", codes())
@pytest.mark.parametrize("has_deaths", [True, False])
def test_the_unit_page_tells_death_and_leaving_alive_apart_or_says_that_no_deaths_are_delivered(
    code: str, *, has_deaths: bool
) -> None:
    told = [(f"P{i}", 0.0, 0.0, 3.0 + i) for i in range(8)]
    died = deaths(("P0", 3.0, None), ("P1", 4.0, None), ("P2", 5.0, None)) if has_deaths else None
    rows = followed(stays(*told), results(), context(), as_of=AS_OF, deaths=died)
    one = reactivation(rows, EVERYONE, time_zone="UTC", has_deaths=has_deaths)
    view = UnitView(AS_OF, "UTC", Protocol.shipped(), "0", True, {}, numbers=_numbers(one))
    spoken = language(code)
    page = unescape(unit_page(view, language=spoken))
    assert (spoken.say("unit.warning.death") in page, spoken.say("unit.warning.no_deaths") in page) == (
        has_deaths,
        not has_deaths,
    )
    first, *_, spells = [
        [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(<td.*?)</tr>", table)]
        for table in re.findall(
            r"<table.*?</table>", page.partition('id="everyone"')[2].partition("</section>")[0], re.S
        )
    ]
    if has_deaths:
        assert first[0][-2:] == [
            spoken.percent(0.25),
            spoken.percent(0.375),
        ]  # by day 7: two alive, three dead, of eight
        assert spells[0][3::2] == ["5", "3"]
        assert spoken.say("unit.column.died") in page
    else:
        assert first[0][-1] == spoken.percent(0.625)
        assert spells[0][3] == "8"
        assert spoken.say("unit.column.died") not in page
    kinds = [trace["meta"] for trace in json.loads(re.findall(r'id="figure-everyone">(.*?)</script>', page)[0])["data"]]
    assert ("died" in kinds) == has_deaths


def test_the_names_of_curves_that_end_at_one_height_stand_above_one_another() -> None:
    """Nobody left and nobody died: both curves end at 0, and each name is to be read."""
    told = [(f"P{i}", 0.0, 0.0, None) for i in range(8)]
    rows = followed(stays(*told), results(), context(), as_of=AS_OF, deaths=deaths())
    one = reactivation(rows, EVERYONE, time_zone="UTC", has_deaths=True)
    page = unit_page(
        UnitView(AS_OF, "UTC", Protocol.shipped(), "0", True, {}, numbers=_numbers(one)), language=language("en")
    )
    drawn = json.loads(re.findall(r'id="figure-everyone">(.*?)</script>', page)[0])["layout"]["annotations"]
    names = [language("en").say(f"unit.figure.{name}") for name in ("reactivated", "left.alive", "died")]
    heights = sorted(note["y"] for note in drawn if note["text"] in names)
    assert len(heights) == 3
    assert min(b - a for a, b in pairwise(heights)) * 248 / 1.08 >= 16  # px of the figure
    svg = [
        float(y) for y, text in re.findall(r'<text x="[^"]*" y="([^"]*)"[^>]*>([^<]*)</text>', page) if text in names
    ]
    assert min(b - a for a, b in pairwise(sorted(svg))) >= 16
