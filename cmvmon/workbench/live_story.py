"""What the live demo's hospital sends, and when: a simulated ward, told as its laboratory and its wards would tell it.

Messages tell of admissions, samples, results, corrections, withdrawals and a merge; two of them are broken. Courses come as files, as
from a pharmacy: no message says that a course is a treatment (decision 0045).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.feeds.delivery_text import write_delivery
from cmvmon.feeds.laboratory import Laboratory
from cmvmon.simulate import START, Ward, ward
from cmvmon.workbench import live_messages
from cmvmon.workbench.simulation import exchange_csv

ADMISSION, DISCHARGE, SAMPLE, RESULT = "admission", "discharge", "sample", "result"
CORRECTION, WITHDRAWAL, MERGE, BROKEN, COURSE = "correction", "withdrawal", "merge", "broken", "course"
KINDS = (ADMISSION, DISCHARGE, SAMPLE, RESULT, CORRECTION, WITHDRAWAL, MERGE, BROKEN, COURSE)
SHORTEST_DAYS, FEWEST_PATIENTS = 3, 2  # in which each kind has room
_OF_STATUS = {"C": CORRECTION, "W": WITHDRAWAL}
_LATER = timedelta(hours=5)  # after a result: when it is corrected or withdrawn, where the simulator did not
_MERGED_AFTER = timedelta(days=2)


@dataclass(frozen=True)
class Sending:
    """One thing that is sent.

    `message`: by MLLP; None = `text` is dropped as a file of courses. `what`: in words, for the terminal of a demo.
    """

    at: datetime
    kind: str
    patient: str
    what: str
    message: bytes | None
    text: str = ""


@dataclass(frozen=True)
class _Told:
    """What is to be told of a patient; `write` makes it of the number that holds then and the id of the message."""

    at: datetime
    kind: str
    patient: str
    what: str
    write: Callable[[str, str], bytes | str]


def story(*, patients: int, days: int, seed: int, laboratory: Laboratory) -> list[Sending]:
    """All that is sent up to `START` + `days`, in the order of its moments. The same arguments give the same bytes.

    What lies before START is what the ward knew already. `laboratory`: the simulator's, which writes the values.
    """
    made = ward(patients, days, seed)
    end = START + timedelta(days=days)
    told = [*_stays(made), *_courses(made), *_results(made, laboratory)]
    told += _added(told, end)
    merged, old, at = _merged(made)
    sent = sorted((one for one in told if one.at <= end), key=lambda one: (one.at, one.patient, KINDS.index(one.kind)))
    return [
        _sending(one, old if one.patient == merged and one.at < at else one.patient, f"LIVE{number:06}")
        for number, one in enumerate(_with_merge(sent, merged, old, at), 1)
    ]


def _sending(told: _Told, number: str, control: str) -> Sending:
    written = told.write(number, control)
    message, text = (written, "") if isinstance(written, bytes) else (None, written)
    return Sending(told.at, told.kind, number, told.what, message, text)


def _stays(made: Ward) -> Iterator[_Told]:
    for stay in made.icu_stays.iter_rows(named=True):
        for trigger, kind, at, what in (
            ("A01", ADMISSION, stay["admitted_at"], "came to the ICU"),
            ("A03", DISCHARGE, stay["discharged_at"], "left the ICU"),
        ):
            if at is not None:
                yield _Told(at, kind, stay["patient_id"], what, _movement(trigger, at, stay["stay_id"], stay["bed"]))


def _movement(trigger: str, at: datetime, visit: str, bed: str) -> Callable[[str, str], bytes]:
    return lambda number, control: live_messages.movement(trigger, number, at=at, control=control, visit=visit, bed=bed)


def _courses(made: Ward) -> Iterator[_Told]:
    """A file at the start of each course, and one at its end, which repeats it."""
    for row in range(made.antiviral_courses.height):
        course = made.antiviral_courses[row]
        facts = course.row(0, named=True)
        begun = course.with_columns(stopped_at=pl.lit(None, course.schema["stopped_at"]))
        yield _Told(facts["started_at"], COURSE, facts["patient_id"], f"{facts['drug']} begun", _file(begun))
        if facts["stopped_at"] is not None:
            yield _Told(facts["stopped_at"], COURSE, facts["patient_id"], f"{facts['drug']} stopped", _file(course))


def _file(course: pl.DataFrame) -> Callable[[str, str], str]:
    return lambda number, _: exchange_csv(course.with_columns(patient_id=pl.lit(number)), ANTIVIRAL_COURSES)


def _results(made: Ward, laboratory: Laboratory) -> Iterator[_Told]:
    """Each result, as the simulated laboratory writes it, and the sample that it is of."""
    delivered = csv.DictReader(io.StringIO(write_delivery(made.viral_load_results, laboratory)))
    sampled = set()
    for row in delivered:
        collected_at, at = (datetime.fromisoformat(row[name]).astimezone(START.tzinfo) for name in _MOMENTS)
        number, specimen = row["accession_number"], row["specimen"]
        if number not in sampled:
            sampled.add(number)
            yield _Told(
                collected_at, SAMPLE, row["patient_id"], f"{specimen} sample", _sample(number, specimen, collected_at)
            )
        yield _result(row, at, collected_at)


_MOMENTS = ("collected_at", "reported_at")


def _sample(number: str, specimen: str, at: datetime) -> Callable[[str, str], bytes]:
    return lambda patient, control: live_messages.sample_taken(
        patient, at=at, control=control, number=number, specimen=specimen
    )


def _result(row: dict[str, str], at: datetime, collected_at: datetime, *, kind: str = "") -> _Told:
    kind = kind or _OF_STATUS.get(row["status"], RESULT)
    words = f"{row['specimen']} {row['value']} {row['unit']}".strip()
    words += f", of {collected_at:%d %b}{', preliminary' if row['status'] == 'P' else ''}"
    return _Result(
        at, kind, row["patient_id"], words,
        lambda patient, control: live_messages.result(
            row | {"patient_id": patient}, at=at, collected_at=collected_at, control=control
        ),
        row, collected_at,
    )  # fmt: skip


@dataclass(frozen=True)
class _Result(_Told):
    row: dict[str, str]
    collected_at: datetime


def _added(told: list[_Told], end: datetime) -> Iterator[_Told]:
    """What a ward does not show every week: a correction and a withdrawal, where the simulator made none, and two broken messages."""
    results = sorted((one for one in told if isinstance(one, _Result)), key=lambda one: one.at)
    shown = {one.kind for one in results if START < one.at <= end}
    several = {one.row["accession_number"] for one in results if one.row["status"] != "F"}
    plain = [
        one for one in results
        if START < one.at <= end - _LATER and one.row["accession_number"] not in several and one.row["value"].isdigit()
    ]  # fmt: skip
    for status, kind in _OF_STATUS.items():
        if kind not in shown and plain:
            one = plain.pop(len(plain) // 2)
            value = str(int(one.row["value"]) * 10) if kind == CORRECTION else one.row["value"]
            yield _result(one.row | {"status": status, "value": value}, one.at + _LATER, one.collected_at)
    if plain:
        one = plain[0]
        row = one.row | {"value": "12..0E", "accession_number": f"{one.row['accession_number']}X"}
        yield _result(row, one.at + timedelta(minutes=20), one.collected_at, kind=BROKEN)
        at = one.at + timedelta(minutes=40)
        yield _Told(
            at, BROKEN, one.patient, "an appointment (SIU^S12), which nobody agreed on",
            lambda patient, control: live_messages.appointment(patient, at=at, control=control),
        )  # fmt: skip


def _merged(made: Ward) -> tuple[str, str, datetime]:
    """Who is merged: the patient who came last before the watch was half over, at first under a number for the unknown."""
    stays = made.icu_stays.sort("admitted_at")
    last = stays.row(stays.height // 2, named=True)
    old = f"{last['patient_id']}-UNKNOWN"
    return last["patient_id"], old, max(last["admitted_at"], START) + _MERGED_AFTER


def _with_merge(sent: list[_Told], new: str, old: str, at: datetime) -> list[_Told]:
    told = _Told(
        at, MERGE, new, f"{old} goes on as {new}",
        lambda _, control: live_messages.merge(old, new, at=at, control=control),
    )  # fmt: skip
    before = sum(one.at < at for one in sent)
    return [*sent[:before], told, *sent[before:]]
