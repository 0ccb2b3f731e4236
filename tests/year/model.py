"""What is true after each night, in plain dicts: written from the decision pages 0021 and 0023 to 0026, not from the program.

`Unit.take_in` takes the files of a night as records; the rest answers what is so at a moment. It knows one laboratory with
one assay, snapshots of courses, rows of stays, and links.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.year.records import MAX_WITHDRAWN_SHARE, SNAPSHOT_HOLDS, Course, File, Link, Record, Result, Stay

ON, OFF, UNKNOWN = "on", "off", "unknown"
RUNS_ON = timedelta(hours=72)
SAME_COURSE = timedelta(days=7)
CourseKey = tuple[str, str, datetime]
StayKey = tuple[str, datetime | None]


@dataclass
class Standing:
    """The rows of one key that came last, and the number of the file that brought them first."""

    rows: tuple[Course, ...]
    came: int


@dataclass
class Unit:
    results: dict[str, list[Result]] = field(default_factory=dict)
    courses: dict[CourseKey, Standing] = field(default_factory=dict)
    courses_set_apart: list[Course] = field(default_factory=list)
    courses_refused: int = 0
    stays: dict[StayKey, tuple[Stay, int]] = field(default_factory=dict)
    links: dict[tuple[str, str], Link] = field(default_factory=dict)
    delivered: set[str] = field(default_factory=set)
    n_files: int = 0

    def take_in(self, files: Iterable[File], at: datetime) -> None:
        for file in sorted(files, key=lambda one: one.written):
            self.n_files += 1
            self.delivered.add(file.table)
            courses = [one for one in file.records if isinstance(one, Course)]
            if file.table == "antiviral_courses":
                self._snapshot(courses, at)
            for record in file.records:
                self._row(record)

    def _row(self, record: Record) -> None:
        if isinstance(record, Result):
            versions = self.results.setdefault(record.accession, [])
            if record not in versions:
                versions.append(record)
        elif isinstance(record, Stay):
            key = (record.stay_id, record.ventilated)
            if key not in self.stays or self.stays[key][0] != record:
                self.stays[key] = (record, self.n_files)
        elif isinstance(record, Link):
            self.links[record.old, record.new] = record

    def _snapshot(self, rows: list[Course], at: datetime) -> None:
        """All that holds, but for what ended long ago and what a row that can't be read may be; or refused whole."""
        read: dict[CourseKey, list[Course]] = {}
        for row in rows:
            if row.readable:
                read.setdefault((row.patient, row.drug, row.started), []).append(row)
        unread = {(row.patient, row.drug) for row in rows if not row.readable}
        lacking = {
            key
            for key, was in self.courses.items()
            if key not in read and key[:2] not in unread and not _ended_before(was, at - SNAPSHOT_HOLDS)
        }
        new: dict[str, int] = {}
        for key in read:
            new[key[0]] = new.get(key[0], 0) + (key not in self.courses)
        lost: dict[str, int] = {}
        for key in lacking:
            lost[key[0]] = lost.get(key[0], 0) + 1
        n_gone = sum(max(0, n - new.get(patient, 0)) for patient, n in lost.items())
        if n_gone > MAX_WITHDRAWN_SHARE * len(self.courses):
            self.courses_refused = len(rows)
            return
        self.courses_refused = 0
        self.courses_set_apart = [row for row in rows if not row.readable]
        self.courses = {key: was for key, was in self.courses.items() if key not in lacking}
        for key, those in read.items():
            if key not in self.courses or set(self.courses[key].rows) != set(those):
                self.courses[key] = Standing(tuple(those), self.n_files)

    # --- at a moment -------------------------------------------------------------------------------------------------

    def merged(self, at: datetime) -> dict[str, str]:
        """By number that goes on under another one at that moment, the last of its chain. One that would go on under two
        goes on under none."""
        links = [one for one in self.links.values() if one.merged <= at and not (one.ended and one.ended <= at)]
        into: dict[str, set[str]] = {}
        for one in links:
            into.setdefault(one.old, set()).add(one.new)
        now = {old: next(iter(news)) for old, news in into.items() if len(news) == 1}
        return {old: _end(now, old) for old in now}

    def in_bed(self, at: datetime) -> set[str]:
        return {patient for patient, is_open in self._stays(at).items() if is_open}

    def left(self, at: datetime) -> set[str]:
        return {patient for patient, is_open in self._stays(at).items() if not is_open}

    def _stays(self, at: datetime) -> dict[str, bool]:
        """By patient with a stay that has begun, whether one is open."""
        return {patient: end is None for patient, end in self._ends(at).items()}

    def _ends(self, at: datetime) -> dict[str, datetime | None]:
        """By patient with a stay that has begun, when the last one ended; None: one is open. The last word on a stay holds for all
        its rows."""
        one, found = self.merged(at), dict[str, datetime | None]()
        wholes: dict[tuple[str, str], list[tuple[Stay, int]]] = {}
        for row, came in self.stays.values():
            wholes.setdefault((row.stay_id, one.get(row.patient, row.patient)), []).append((row, came))
        for (_, patient), rows in wholes.items():
            last = max(came for _, came in rows)
            ends = [row.discharged for row, came in rows if came == last]
            is_open = any(end is None for end in ends) or max(end for end in ends if end) > at
            if min(row.admitted for row, _ in rows) <= at:
                before = found.get(patient, max(end for end in ends if end) if not is_open else None)
                found[patient] = None if is_open or before is None else max(before, *(end for end in ends if end))
        return found

    def treatment(self, patient: str, at: datetime) -> str:
        if "antiviral_courses" not in self.delivered:
            return UNKNOWN
        one = self.merged(at)
        left = self._ends(at).get(patient)
        running, was_running = list[Course](), False
        for row in self._courses_of(patient, at):
            ran_then = left is not None and row.started <= left and row.stopped in (None, left)
            until = left if ran_then else row.stopped
            if until is None or until >= at - RUNS_ON:
                running.append(row)
            elif ran_then and row.indication in ("treatment", None):
                was_running = True
        if any(row.indication == "treatment" for row in running):
            return ON
        unread = any(one.get(row.patient, row.patient) == patient for row in self.courses_set_apart)
        return UNKNOWN if unread or was_running or any(row.indication is None for row in running) else OFF

    def course_started(self, patient: str, at: datetime) -> datetime | None:
        """Start of the latest course of treatment: rows that follow each other within a week are one."""
        start = end = None
        for row in sorted(self._courses_of(patient, at), key=lambda row: row.started):
            if row.indication != "treatment":
                continue
            if start is None or (end is not None and row.started > end + SAME_COURSE):
                start, end = row.started, row.stopped
            else:
                end = None if end is None or row.stopped is None else max(end, row.stopped)
        return start

    def _courses_of(self, patient: str, at: datetime) -> list[Course]:
        """One row for each drug and start that has begun, an end to come read as none yet."""
        one = self.merged(at)
        last: dict[tuple[str, datetime], Standing] = {}
        for (number, drug, started), those in self.courses.items():
            if one.get(number, number) == patient and started <= at:
                before = last.get((drug, started))
                if before is None or before.came < those.came:
                    last[drug, started] = those
        return [_joined(those.rows, at) for those in last.values()]

    def current(self, at: datetime) -> dict[str, Result]:
        """By accession, the result that may be judged: the last version by report, unless withdrawn or preliminary."""
        one, found = self.merged(at), dict[str, Result]()
        for accession, versions in self.results.items():
            readable = [version for version in versions if version.readable]
            settled = [version for version in readable if version.status != "P"]
            if settled:
                last = max(settled, key=lambda version: (version.reported, "FCW".index(version.status)))
                if last.status != "W":
                    found[accession] = Result(**vars(last) | {"patient": one.get(last.patient, last.patient)})
        return found

    def patients(self, at: datetime) -> set[str]:
        """Everybody of whom something that has begun is judged, under the number that they go on under."""
        one = self.merged(at)
        of_courses = {one.get(key[0], key[0]) for key in self.courses if key[2] <= at}
        of_results = {result.patient for result in self.current(at).values()}
        return of_courses | of_results | set(self._stays(at))

    def n_waiting(self) -> int:
        """How many records wait at most: of results those that no later report mended, of courses those of the newest file."""
        results = 0
        for versions in self.results.values():
            good = [version.reported for version in versions if version.readable]
            bad = {version.reported for version in versions if not version.readable}
            results += sum(not any(mended >= at for mended in good) for at in bad)
        twins = sum(len(those.rows) for those in self.courses.values() if len(those.rows) > 1)
        return results + twins + len(self.courses_set_apart) + self.courses_refused


def _end(now: dict[str, str], old: str) -> str:
    while old in now:
        old = now[old]
    return old


def _ended_before(was: Standing, day: datetime) -> bool:
    stopped = [row.stopped for row in was.rows]
    return all(stop is not None and stop < day for stop in stopped)


def _joined(rows: tuple[Course, ...], at: datetime) -> Course:
    ends = [row.stopped for row in rows]
    end = None if any(stop is None for stop in ends) else max(stop for stop in ends if stop)
    said = {row.indication for row in rows}
    first = rows[0]
    return Course(
        first.patient,
        first.drug,
        said.pop() if len(said) == 1 else None,
        first.started,
        end if end and end <= at else None,
    )
