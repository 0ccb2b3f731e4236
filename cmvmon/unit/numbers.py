"""Every number of the unit's page as one flat table: what the page shows, and what `cmvmon unit --json` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cmvmon.kinetics.numerics.cumulative_incidence import CumulativeIncidence
from cmvmon.unit.courses import CourseTimes
from cmvmon.unit.reactivation import Reactivation, Serostatus
from cmvmon.unit.workload import Workload

# The days at which a curve is told in numbers, and hours for acknowledgement. Layout, not policy.
DAYS = (7, 14, 21, 28)
HOURS = (1, 8, 24)
_EMPTIED = "nobody at risk from {unit} {at:g} on while others came later"
FEW = 5  # below it a share says so, and a curve is not drawn


@dataclass(frozen=True)
class UnitNumbers:
    """The unit at one moment.

    Attributes:
        since: the first admission of a ventilated stay; None where there is none.
        serostatus: None = `cmv_serology` was never delivered. `reactivation`: one for each group; empty = no stays were ever
            delivered. `courses`: None = no courses were ever delivered.
        concordance: the unit's rows of that table.
    """

    as_of: datetime
    since: datetime | None
    serostatus: Serostatus | None
    reactivation: tuple[Reactivation, ...]
    courses: tuple[CourseTimes, ...] | None
    concordance: Sequence[Mapping[str, Any]]
    workload: Workload
    interval_probability: float


@dataclass(frozen=True)
class Share:
    """A share of all that were followed, by a time: n of all, events so far, estimate and interval (None: none can be given).

    `untold_since`: why there is no estimate: since then nobody was at risk while others came later. None: there is one.
    """

    at: int
    n: int
    n_events: int
    estimate: float | None
    low: float | None
    high: float | None
    untold_since: float | None = None

    @property
    def is_few(self) -> bool:
        """Whether so few were followed that no share is told."""
        return self.n < FEW


def share_at(found: CumulativeIncidence, at: int, probability: float) -> Share:
    """The share that has met the event by `at`; of nobody there is none."""
    so_far = int(found.n_events[found.times <= at].sum())
    low, high = found.interval(at, probability) or (None, None)
    estimate = found.at(at) if found.n else None
    return Share(at, found.n, so_far, estimate, low, high, None if found.is_told(at) else found.empty_from)


def rows(numbers: UnitNumbers) -> list[dict[str, Any]]:
    """Flat rows: `figure`, `group` (of whom), `at` with its unit, n, events, estimate, interval, median and `reason`: why there
    is no estimate, else null."""
    return [*_incidences(numbers), *_spells(numbers), *_concordance(numbers), *_opened(numbers)]


def _incidences(numbers: UnitNumbers) -> Iterator[dict[str, Any]]:
    for one in numbers.reactivation:
        yield from _shares("reactivation", one.group, "days", DAYS, one.found, numbers)
        left = "left_without" if one.died is None else "left_alive_without"
        yield from _shares(left, one.group, "days", DAYS, one.left, numbers)
        if one.died is not None:
            yield from _shares("died_without", one.group, "days", DAYS, one.died, numbers)
        for year in one.by_year:
            yield from _shares(f"reactivation_{year.year}", one.group, "days", DAYS[-1:], year.found, numbers)
    for course in numbers.courses or ():
        yield from _shares("response", course.compartment, "days", DAYS, course.response, numbers)
        yield from _shares("clearance", course.compartment, "days", DAYS, course.clearance, numbers)
    for tier, answered in enumerate(numbers.workload.acknowledged, start=1):
        yield from _shares("acknowledged", f"tier {tier}", "hours", HOURS, answered, numbers)


def _shares(
    figure: str, group: str, unit: str, points: Sequence[int], found: CumulativeIncidence, numbers: UnitNumbers
) -> Iterator[dict[str, Any]]:
    for at in points:
        share = share_at(found, at, numbers.interval_probability)
        told = {name: value for name, value in vars(share).items() if name != "untold_since"}
        reason = None if share.untold_since is None else _EMPTIED.format(unit=unit[:-1], at=share.untold_since)
        yield (
            {"figure": figure, "group": group, "unit": unit} | told | {"median": found.quantile(0.5), "reason": reason}
        )


def _spells(numbers: UnitNumbers) -> Iterator[dict[str, Any]]:
    for one in numbers.reactivation:
        for status, spell in (("before", one.before), ("after", one.after)):
            blank = dict.fromkeys(("at", "low", "high", "median", "reason"))
            ends = {"days": spell.n_left} | ({} if spell.n_died is None else {"died": spell.n_died})
            for figure, n_events in ends.items():
                counts = {"n": spell.n, "n_events": n_events, "estimate": spell.days}
                yield {"figure": f"{figure}_{status}", "group": one.group, "unit": "days"} | blank | counts


def _concordance(numbers: UnitNumbers) -> Iterator[dict[str, Any]]:
    for row in numbers.concordance:
        yield {
            "figure": f"{row['followed_compartment']}_follows",
            "group": row["compartment"],
            "unit": "changes",
            "at": None,
            "n": row["n_changes_clear"],
            "n_events": row["n_changes_agreeing"],
            "estimate": row["direction_agreement"],
            "low": row["direction_agreement_low"],
            "high": row["direction_agreement_high"],
            "median": None,
            "reason": None,
        }


def _opened(numbers: UnitNumbers) -> Iterator[dict[str, Any]]:
    for week in numbers.workload.weeks:
        for tier, n in enumerate(week.opened, start=1):
            blank = dict.fromkeys(("at", "n", "estimate", "low", "high", "median", "reason"))
            yield (
                {"figure": f"opened_{week.first_day}", "group": f"tier {tier}", "unit": "alerts"}
                | blank
                | {"n_events": n}
            )
