"""The delivered table `patient_links`: a patient number that was merged into another one, and which hold at a moment.

Rules of this file:
- A row says the whole of a pair (from when, until when), or is one statement (`says`): that they were merged, or parted. Statements
  hold by their own moments, whatever the order in which they came; a whole row replaces what was stated of the time before it.
- At one moment a parting holds over a merge: to show one patient's results under another's name is the worst that can happen.
- Two numbers whose known dates of birth differ are not one patient, until a person states that they were compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from cmvmon.domain.born_apart import born_apart
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.conditional import Requires
from cmvmon.domain.constraints import Differ, Matches, NotBefore, OneOf, Ordered
from cmvmon.domain.rows import PATIENT_ID, RECEIVED

CIRCLE, TWO_NUMBERS, TWO_VERSIONS, BORN_APART = "circle", "two_numbers", "two_versions", "born_apart"
NOT_USED = (CIRCLE, TWO_NUMBERS, TWO_VERSIONS, BORN_APART)
"""Why a link that should hold is not used: it leads back to itself, its number goes to two patients, two versions of
it came together and contradict each other, or the dates of birth of its numbers differ."""
MERGED, PARTED = SAYS = ("merged", "parted")
COMPARED = "compared"
"""What a person states of a pair whose dates of birth differ: they were compared, and the two are one all the same."""

PATIENT_LINKS = RowType(
    name="patient_links",
    description="One patient number that was merged into another: from then on both are one patient, under the other.",
    key=("patient_id", "merged_into", "says", "stated_at"),
    columns=(
        Column("patient_id", Kind.TEXT, "The number that was merged away.", constraints=PATIENT_ID.constraints),
        Column(
            "merged_into",
            Kind.TEXT,
            "The number that the patient goes on under.",
            constraints=(Matches("merged_into", r"\s*\S(?:.*\S)?\s*", "is not blank", "missing_merged_into"),),
        ),
        Column("merged_at", Kind.MOMENT, "From when they are one.", "UTC", constraints=(NotBefore("merged_at"),)),
        Column(
            "ended_at",
            Kind.MOMENT,
            "From when they are two again: the merge was undone.",
            "UTC",
            "it still holds",
            (NotBefore("ended_at"),),
        ),
        Column(
            "says",
            Kind.TEXT,
            "Of a row that is one statement: that the two were merged, or parted, at `merged_at`.",
            null_means="the row says all of the two: from when, and until when",
            constraints=(OneOf("says", SAYS),),
        ),
        Column(
            "stated_at",
            Kind.MOMENT,
            "Of a row that is one statement: when it was recorded.",
            "UTC",
            "the row says all of the two",
            (NotBefore("stated_at"),),
        ),
        Column(
            "birth_dates",
            Kind.TEXT,
            "Whether a person compared the dates of birth, and states that the two are one though these differ.",
            null_means="not stated: the two are not one where the dates differ",
            constraints=(OneOf("birth_dates", (COMPARED,)),),
        ),
        Column("source", Kind.TEXT, "Who stated it, in the sender's words.", null_means="not said"),
        *RECEIVED,
    ),
    across=(
        Differ("merged_into", "patient_id", "merged_into_itself"),
        Ordered("merged_at", "ended_at", "ended_before_merged"),
        Requires("stated_at", "says", SAYS),
    ),
)


@dataclass(frozen=True)
class Unused:
    """A link that should hold and is not used. `why` is one of NOT_USED."""

    patient_id: str
    merged_into: str
    why: str


@dataclass(frozen=True)
class Links:
    """Which numbers are one patient at a moment.

    Attributes:
        into: by number that was merged away, the one at the end of its chain; nobody is judged under a key of it.
        since: by the same number, when its own link began.
        unused: links that should hold and are not used.
    """

    into: Mapping[str, str] = field(default_factory=dict)
    since: Mapping[str, datetime] = field(default_factory=dict)
    unused: tuple[Unused, ...] = ()

    def of(self, number: str) -> str:
        """The number under which that patient is judged."""
        return self.into.get(number, number)

    def family(self, numbers: Collection[str]) -> frozenset[str]:
        """Every number that is one patient with one of these, these included."""
        ends = {self.of(number) for number in numbers}
        return frozenset(numbers) | ends | {old for old, end in self.into.items() if end in ends}


def links_at(
    current: pl.DataFrame, contradicting: pl.DataFrame, as_of: datetime, births: pl.DataFrame | None = None
) -> Links:
    """The links that hold at `as_of`, each number led to the end of its chain.

    A number with links to two others is led on only where both end at one number. A link that leads back to its own number,
    or one whose last versions contradict each other, is not used.

    Args:
        current: the last version of each record of a link that was known, as `patient_links`.
        contradicting: one row of each link whose last versions contradict each other.
        births: rows of `birth_dates` that were known of these numbers; None = none.
    """
    pairs = _pairs(current)
    doubted = sorted(set(contradicting.select("patient_id", "merged_into").iter_rows()))
    given: dict[str, dict[str, datetime]] = defaultdict(dict)
    for (old, new), rows in sorted(pairs.items()):
        began = holds_since(rows, as_of)
        if began is not None and (old, new) not in doubted:
            given[old][new] = began
    unused = [Unused(old, new, TWO_VERSIONS) for old, new in doubted]
    compared = {pair for pair, rows in pairs.items() if any(row["birth_dates"] == COMPARED for row in rows)}
    for old, new in born_apart([(o, n) for o, news in given.items() for n in news], compared, last_born(births)):
        del given[old][new]
        unused.append(Unused(old, new, BORN_APART))
    for old, new in _in_a_circle(given):
        del given[old][new]
        unused.append(Unused(old, new, CIRCLE))
    into: dict[str, str] = {}
    for old in _ends_first(given):
        ends = {into.get(new, new) for new in given[old]}
        if len(ends) == 1:
            into[old] = ends.pop()
        else:
            unused += [Unused(old, new, TWO_NUMBERS) for new in given[old]]
    since = {old: min(given[old].values()) for old in into}
    return Links(into, since, tuple(unused))


def _pairs(current: pl.DataFrame) -> dict[tuple[str, str], list[dict[str, Any]]]:
    found: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in current.to_dicts():
        found[row["patient_id"], row["merged_into"]].append(row)
    return found


def holds_since(rows: Iterable[Mapping[str, Any]], as_of: datetime) -> datetime | None:
    """Since when two numbers are one at `as_of`, by all that was said of them; None where they are two."""
    said = [(row["merged_at"], row["says"] == PARTED) for row in rows if row["says"] is not None]
    for row in rows:
        if row["says"] is None:
            said = [one for one in said if one[0] >= row["merged_at"]]
            said += [(row["merged_at"], False)] + (
                [] if row["ended_at"] is None else [(max(row["merged_at"], row["ended_at"]), True)]
            )
    since: datetime | None = None
    for at, is_parted in sorted(one for one in said if one[0] <= as_of):
        since = None if is_parted else at if since is None else since
    return since


def last_born(births: pl.DataFrame | None) -> dict[str, frozenset[str]]:
    """By number the date of birth that was stated last; several where several were stated last."""
    if births is None or births.is_empty():
        return {}
    last = births.filter(pl.col("stated_at") == pl.col("stated_at").max().over("patient_id"))
    return {
        number: frozenset(dates)
        for number, dates in last.group_by("patient_id").agg(pl.col("born_on").unique()).iter_rows()
    }


def _in_a_circle(given: Mapping[str, Mapping[str, datetime]]) -> list[tuple[str, str]]:
    """The links that are part of a circle."""
    left = {old: set(news) for old, news in given.items()}
    while True:  # what leads nowhere further, or is led to from nowhere, is in no circle
        led_to = {new for news in left.values() for new in news}
        kept = {old: {new for new in news if new in left} for old, news in left.items() if old in led_to}
        kept = {old: news for old, news in kept.items() if news}
        if kept == left:
            break
        left = kept
    return [(old, new) for old, news in left.items() for new in sorted(news) if old in _reached(left, new)]


def _reached(given: Mapping[str, Iterable[str]], start: str) -> set[str]:
    found, asked = {start}, [start]
    while asked:
        new = set(given.get(asked.pop(), ())) - found
        found |= new
        asked += new
    return found


def _ends_first(given: Mapping[str, Mapping[str, datetime]]) -> list[str]:
    """The numbers that are led on, each after those that it is led to. There is no circle."""
    led_from: dict[str, list[str]] = defaultdict(list)
    waits_for: dict[str, int] = {}
    for old, news in given.items():
        waits_for[old] = sum(bool(given.get(new)) for new in news)
        for new in news:
            led_from[new].append(old)
    ready = [old for old, n in waits_for.items() if n == 0 and given[old]]
    ordered: list[str] = []
    while ready:
        old = ready.pop()
        ordered.append(old)
        for before in led_from[old]:
            waits_for[before] -= 1
            if waits_for[before] == 0:
                ready.append(before)
    return ordered
