"""What the page of `benchmarks.unit_year` says between its tables, and the one table that needs nothing judged."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from benchmarks.quality_text import table
from benchmarks.unit_year_judged import NOT_OF_A_COURSE, WITHIN_DAYS
from benchmarks.unit_year_patients import DOSE, NON_RESPONDER, Year

HEAD = """Written by `python -m benchmarks unit_year --write`. Every patient is synthetic: the tables say how the shipped rules fare on
this unit, and nothing about patients. In brackets: 95 % intervals; of shares by Clopper and Pearson, of rates by Byar's formula for a
Poisson count, widened where a few patients bring many alerts, of medians by order statistics."""
EVENTS = f"""An alert counts from the morning on which it first had tier 1 or 2, when its subject is a series of that patient and
compartment (not of {" or ".join(f"`{rule}`" for rule in NOT_OF_A_COURSE)}, which say nothing of what a load does). *Told* is an
event with such an alert from its onset until the morning after its end, which is discharge, the first dose or the last. Many end
before a rule can know: *told in time* is of those that lasted so long, within that time. An event of a dose is told by an alert of
the rule of doses given."""
LOW = """Read with care. This unit treats at 1,000 IU/mL, so an untreated rise lasts eight days only where its samples stayed below
that line, or none was taken. Of a patient stated to have been immunocompetent, a load below 10,000 IU/mL is no untreated alert of tier
1 or 2 by the rules. Treatment begins at low loads, so that many a rise on treatment ends, with the course, before there is much to
see. The same events, by how high the load truly was at most:"""
FALSE = """Alerts of tier 1 or 2 about a load of which nothing is true on that morning: no event, and no untreated load truly at or
above 1,000 IU/mL in plasma, or quantifiable in BAL."""
ALONE = """A week is a week of one patient. *Alone*: weeks in which an alert of that rule stood and of no other rule, of that patient,
of any tier. Rules that are not here never fired: why stands in docs/rules.md, and below."""


STATES = {"suppressed": "a state, and no alert: it stands on the patient page and is never counted"}


def why_not(years: Collection[Year]) -> dict[str, str]:
    """Of rules that may not fire here: why, input by input, from the unit alone."""
    treated = had_before = non_responders = asked = 0
    for each in years:
        tables = each.tables
        before = set(tables["antiviral_courses"].filter(drug="valganciclovir")["patient_id"])
        mine = each.patients.filter(pl.col("anchor").is_not_null())
        these = mine.filter(pl.col("patient_id").is_in(list(before)))
        treated, had_before = treated + mine.height, had_before + these.height
        non_responders += these.filter(pl.col("course") == NON_RESPONDER.name).height
        if "resistance_reports" in tables:  # a small unit may hold none
            asked += tables["resistance_reports"].filter(finding="requested").height
    genotype = (
        "needs a grave ground of `response` after 28 days of one drug, or a `rebound` after prophylaxis, a known change or D+/R-. "
        f"Treatment lasts 21 to 28 days here: of the {treated} treated patients of the whole years only the {had_before} who had "
        f"valganciclovir before can come so far by a fall; {non_responders} of these did not respond ({asked} tests were asked for)"
    )
    unread = "needs a result that could not be read; the unit's results are rows, and every one of them can be"
    return {**STATES, "genotype_not_on_record": genotype, "data_unfit": unread}


def strength_text(years: Collection[Year], days: int) -> str:
    """How many events of each kind there were by the highest true load in them; made from the unit alone."""
    events = [one for each in years for one in each.events if one.compartment != DOSE]
    events = [one for one in events if 0.0 <= one.begins < days - WITHIN_DAYS[one.kind]]
    rows = []
    for kind, place in sorted({(one.kind, one.compartment) for one in events}):
        loads = [one.highest_log10 for one in events if (one.kind, one.compartment) == (kind, place)]
        counts = [sum(low <= load < high for load in loads) for low, high in ((-9.0, 3.0), (3.0, 4.0), (4.0, 99.0))]
        rows.append([kind, place, *map(str, counts)])
    return table(("event", "compartment", "below 1,000 IU/mL", "1,000 to 10,000", "10,000 or above"), rows)
