"""What the page of `benchmarks.unit_year` says between its tables, and the one table that needs nothing judged."""

from __future__ import annotations

from collections.abc import Collection

from benchmarks.quality_text import table
from benchmarks.unit_year_judged import NOT_OF_A_COURSE, WITHIN_DAYS
from benchmarks.unit_year_patients import DOSE, Year

HEAD = """Written by `python -m benchmarks unit_year --write`. Every patient is synthetic: the tables say how the shipped rules fare on
this unit, and nothing about patients. In brackets: 95 % intervals; of shares by Clopper and Pearson, of rates by Byar's formula for a
Poisson count, widened where a few patients bring many alerts, of medians by order statistics."""
EVENTS = f"""An alert counts from the morning on which it first had tier 1 or 2, when its subject is a series of that patient and
compartment (not of {", ".join(f"`{rule}`" for rule in NOT_OF_A_COURSE)}, which says when the lung was last sampled). *Told* is an
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
of any tier. Rules that are not here never fired, or read tables that this unit does not deliver."""


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
