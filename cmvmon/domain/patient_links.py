"""The delivered table `patient_links`: a patient number that was merged into another one, and which hold at a moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import Differ, Matches, NotBefore, Ordered
from cmvmon.domain.rows import PATIENT_ID, RECEIVED

CIRCLE, TWO_NUMBERS, TWO_VERSIONS = "circle", "two_numbers", "two_versions"
NOT_USED = (CIRCLE, TWO_NUMBERS, TWO_VERSIONS)
"""Why a link that should hold is not used: it leads back to itself, its number goes to two patients, or two versions of
it came together and contradict each other."""

PATIENT_LINKS = RowType(
    name="patient_links",
    description="One patient number that was merged into another: from then on both are one patient, under the other.",
    key=("patient_id", "merged_into"),
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
        Column("source", Kind.TEXT, "Who stated it, in the sender's words.", null_means="not said"),
        *RECEIVED,
    ),
    across=(
        Differ("merged_into", "patient_id", "merged_into_itself"),
        Ordered("merged_at", "ended_at", "ended_before_merged"),
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


def links_at(current: pl.DataFrame, contradicting: pl.DataFrame, as_of: datetime) -> Links:
    """The links that hold at `as_of`, each number led to the end of its chain.

    A number with links to two others is led on only where both end at one number. A link that leads back to its own number,
    or one whose last versions contradict each other, is not used.

    Args:
        current: the last version of each link that was known, as `patient_links`.
        contradicting: one row of each link whose last versions contradict each other.
    """
    holds = (pl.col("merged_at") <= as_of) & (pl.col("ended_at").is_null() | (pl.col("ended_at") > as_of))
    rows = current.filter(holds).select("patient_id", "merged_into", "merged_at").sort("patient_id", "merged_into")
    given: dict[str, dict[str, datetime]] = defaultdict(dict)
    for old, new, since in rows.iter_rows():
        given[old][new] = since
    unused = [
        Unused(old, new, TWO_VERSIONS)
        for old, new in contradicting.select("patient_id", "merged_into").sort(pl.all()).iter_rows()
    ]
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
