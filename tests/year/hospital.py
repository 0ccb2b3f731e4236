"""A made-up unit of eight beds, day by day: who comes and goes, who is treated, what the laboratory finds. Pure, from a seed.

It keeps the hospital's own books, and each night gives the files that its four systems send out of them. What goes wrong
with books and files is in `tests.year.mishaps`.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from tests.year.records import FIRST_NIGHT, SNAPSHOT_HOLDS, Course, File, Link, Night, Policy, Record, Result, Stay

BEDS = 8
Row = TypeVar("Row", Stay, Link)
RESULTS, COURSES, STAYS, LINKS = "viral_load_results", "antiviral_courses", "icu_stays", "patient_links"
WINDOW = timedelta(days=5)
"""The laboratory and the ward send what changed so long ago, or since they sent last."""
DAY = timedelta(days=1)
LLOQ = {"plasma": 35.0, "bal": 200.0}


@dataclass
class Person:
    """Somebody in a bed. `number` is what new rows are written under."""

    number: str
    stay_id: str
    leaves: datetime
    load: float
    planned: bool = False


@dataclass
class Changed(Generic[Row]):
    row: Row
    at: datetime


@dataclass
class Hospital:
    """The books. `later`: what is to be done on a night to come; `held`, `silent_until`, `files_of`: how files are sent."""

    seed: int
    rng: random.Random = field(init=False)
    at: datetime = FIRST_NIGHT
    number: int = 0
    people: list[Person] = field(default_factory=list)
    reports: dict[str, list[Result]] = field(default_factory=lambda: defaultdict(list))
    courses: list[Course] = field(default_factory=list)
    stays: list[Changed[Stay]] = field(default_factory=list)
    links: list[Changed[Link]] = field(default_factory=list)
    policy: Policy = field(default_factory=Policy)
    clock: datetime | None = None
    later: dict[int, list[Callable[[Hospital], None]]] = field(default_factory=lambda: defaultdict(list))
    silent_until: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    waiting: list[File] = field(default_factory=list)
    put_off: list[str] = field(default_factory=list)
    resend: int | None = None
    cut_short: bool = False
    sent: dict[str, datetime] = field(default_factory=dict)
    snapshots: list[File] = field(default_factory=list)
    n_named: int = 0

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    def night(self, events: Iterable[str], happened: Callable[[Hospital, str], bool]) -> Night:
        """The next night: a day of life, what was to be done, the events that find somebody to happen to, the files.

        An event that finds nobody is put off by a night.
        """
        self.number += 1
        self.at = FIRST_NIGHT + self.number * DAY
        self.clock = None
        self._live()
        for step in self.later.pop(self.number, ()):
            step(self)
        shown, self.put_off = [], [*self.put_off, *events]
        for kind in self.put_off:
            if happened(self, kind):
                shown.append(kind)
        self.put_off = [kind for kind in self.put_off if kind not in shown]
        return Night(self.number, self.at, tuple(self._files()), self.policy, self.clock, tuple(shown))

    def moment(self, hours_ago: float) -> datetime:
        """About so long ago: to the second, so that no two things happen at once."""
        return self.at - timedelta(hours=hours_ago, seconds=self.rng.randrange(1, 3000))

    def new_number(self, prefix: str) -> str:
        self.n_named += 1
        return f"{prefix}{self.n_named:04d}"

    def running(self, number: str) -> list[Course]:
        return [c for c in self.courses if c.patient == number and (c.stopped is None or c.stopped > self.at)]

    def write(self, old: Course, new: Course | None) -> None:
        """Replaces one course of the pharmacy's books, or strikes it out."""
        self.courses = [c for c in self.courses if c is not old] + ([] if new is None else [new])

    def _live(self) -> None:
        free = BEDS - len(self.people)
        for _ in range(4 if self.number == 1 else int(free > 0 and self.rng.random() < 0.11)):
            self._admit()
        for person in list(self.people):
            if person.leaves <= self.at + (DAY if person.planned else timedelta()):
                self._discharge(person)
            else:
                self._day_of(person)

    def _admit(self) -> None:
        number, stays = self.new_number("P"), self.rng.uniform(10, 60)
        person = Person(
            number, f"S{number}", self.at + stays * DAY, self.rng.uniform(1.0, 5.0), self.rng.random() < 0.3
        )
        self.people.append(person)
        self.stays.append(Changed(Stay(person.stay_id, number, self.moment(20)), self.at))

    def _discharge(self, person: Person) -> None:
        """Said on the day itself, or the night before: then of a moment to come."""
        self.people.remove(person)
        left = self.moment(-9) if person.planned else self.moment(4)
        self.change_stay(person.stay_id, only_last=self.rng.random() < 0.5, discharged=left)
        for course in self.running(person.number):
            self.write(course, replace(course, stopped=self.moment(5)))

    def change_stay(self, stay_id: str, *, only_last: bool = False, **to: object) -> None:
        rows = [changed for changed in self.stays if changed.row.stay_id == stay_id]
        for changed in rows[-1:] if only_last else rows:
            changed.row, changed.at = replace(changed.row, **to), self.at  # type: ignore[arg-type]

    def _day_of(self, person: Person) -> None:
        running, rng = self.running(person.number), self.rng
        person.load = min(7.0, max(0.5, person.load + (rng.gauss(-0.12, 0.1) if running else rng.gauss(0.08, 0.1))))
        for specimen, chance, more in (("plasma", 0.14, 0.0), ("bal", 0.12, 1.0)):
            if rng.random() < chance:
                self._sample(person, specimen, person.load + more + rng.gauss(0, 0.2))
        if rng.random() < 0.03:
            admitted = next(changed.row for changed in self.stays if changed.row.stay_id == person.stay_id)
            self.stays.append(Changed(replace(admitted, patient=person.number, ventilated=self.moment(12)), self.at))
        if not running and person.load > 3 and rng.random() < 0.12:
            intent = "prophylaxis" if rng.random() < 0.1 else "treatment"
            start = self.moment(10)
            stop = start + 14 * DAY if rng.random() < 0.3 else None
            self.courses.append(Course(person.number, rng.choice(["ganciclovir", "foscarnet"]), intent, start, stop))
        elif running and running[-1].stopped is None and rng.random() < 0.05:
            self.write(running[-1], replace(running[-1], stopped=self.moment(6)))

    def _sample(self, person: Person, specimen: str, load: float) -> None:
        value = f"{10**load:.0f}" if 10**load >= LLOQ[specimen] else f"<{LLOQ[specimen]:.0f}"
        taken = self.moment(22)
        told = taken + timedelta(hours=self.rng.uniform(6, 40))
        one = Result(self.new_number("A"), person.number, specimen, value, taken, told.replace(microsecond=0))
        if self.rng.random() < 0.15:
            self.reports[one.accession].append(replace(one, reported=taken + timedelta(hours=3), status="P"))
        self.reports[one.accession].append(one)

    def _files(self) -> Iterator[File]:
        since = {table: min(self.at - WINDOW, self.sent.get(table, self.at)) for table in (RESULTS, STAYS, LINKS)}
        told = [self._last_report(reports) for reports in self.reports.values()]
        yield from self._sends(RESULTS, [one for one in told if one is not None and one.reported > since[RESULTS]])
        yield from self._snapshot()
        yield from self._sends(STAYS, [one.row for one in self.stays if one.at > since[STAYS]])
        links: list[Record] = [one.row for one in self.links if one.at > since[LINKS]]
        yield from self._sends(LINKS, links) if links else ()

    def _last_report(self, reports: list[Result]) -> Result | None:
        told = [one for one in reports if one.reported <= self.at]
        return max(told, key=lambda one: one.reported) if told else None

    def _snapshot(self) -> Iterator[File]:
        held = [one for one in self.courses if one.stopped is None or one.stopped >= self.at - SNAPSHOT_HOLDS]
        rows: list[Record] = sorted(held, key=lambda one: (one.started, one.patient, one.drug, str(one.stopped)))
        name = None
        if self.resend is not None and len(self.snapshots) > self.resend:
            again = self.snapshots[-1 - self.resend]
            rows, name = list(again.records), again.name
        if self.cut_short:
            rows = rows[:1]
        self.resend, self.cut_short = None, False
        for file in self._sends(COURSES, rows, name=name):
            self.snapshots = [*self.snapshots[-4:], file]
            yield file

    def _sends(
        self, table: str, records: list[Record] | list[Result] | list[Stay], name: str | None = None
    ) -> Iterator[File]:
        """The file of a system, unless it is silent; one that is held comes on a later night, as it was."""
        file = File(table, name or f"n{self.number:03d}.csv", tuple(records), self.at - timedelta(hours=1))
        if self.silent_until.get(table, 0) > self.number:
            return
        if table in self.held:
            comes = self.number + self.held.pop(table)
            self.later[comes].append(lambda hospital: hospital.waiting.append(file))
            return
        self.sent[table] = self.at
        overtaking = [one for one in self.waiting if one.table == table]
        self.waiting = [one for one in self.waiting if one.table != table]
        yield from overtaking
        if not (overtaking and table == STAYS):  # rows of one night have no order: the late file comes alone
            yield file
