"""What goes wrong in a hospital's books and files, each kind once in forty nights."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from tests.year.hospital import COURSES, DAY, RESULTS, STAYS, Changed, Hospital, Person
from tests.year.records import Course, Link, Night, Result

BLOCK = 40
Thing = TypeVar("Thing")


def nights(seed: int, n: int) -> Iterator[Night]:
    """The first `n` nights of the hospital of that seed; every kind of mishap in each forty of them, at nights drawn by chance."""
    hospital, rng = Hospital(seed), random.Random(f"mishaps {seed}")
    planned: dict[int, list[str]] = defaultdict(list)
    for start in range(0, n, BLOCK):
        for kind in MISHAPS:
            first, last = (6, 22) if kind.startswith("silent") else (6, 34)
            planned[start + rng.randint(first, last)].append(kind)
    for number in range(1, n + 1):
        yield hospital.night(planned[number], lambda where, kind: MISHAPS[kind](where))


def _told(h: Hospital) -> list[Result]:
    """Settled results that were reported already and of which nothing else is going to be."""
    last = [reports[-1] for reports in h.reports.values()]
    return [one for one in last if one.reported < h.at - DAY and one.reported > h.at - 12 * DAY and one.status in "FC"]


def _reports(h: Hospital, one: Result | None, **to: object) -> bool:
    if one is not None:
        h.reports[one.accession].append(replace(one, reported=h.moment(2), **to))  # type: ignore[arg-type]
    return one is not None


def _one(h: Hospital, those: list[Thing]) -> Thing | None:
    return h.rng.choice(those) if those else None


def correct_value(h: Hospital) -> bool:
    return _reports(h, _one(h, _told(h)), value=h.rng.choice(["900", "25000", "<200", "Not detected"]), status="C")


def withdraw(h: Hospital) -> bool:
    return _reports(h, _one(h, _told(h)), status="W")


def move_to_another_patient(h: Hospital) -> bool:
    one = _one(h, _told(h))
    others = [person.number for person in h.people if one is not None and person.number != one.patient]
    return bool(others) and _reports(h, one, patient=h.rng.choice(others), status="C")


def unreadable_result(h: Hospital) -> bool:
    """A value that is none, sent with every export until the laboratory mends it."""
    fresh = [those for those in h.reports.values() if len(those) == 1 and h.at - DAY < those[0].reported <= h.at]
    if not fresh:
        return False
    reports, right = fresh[0], fresh[0][0]
    reports[0] = replace(right, value="see remark", readable=False)

    def mend(later: Hospital) -> None:
        reports.append(replace(right, reported=later.moment(2), status="C"))

    h.later[h.number + 3].append(mend)
    return True


def late_results(h: Hospital) -> bool:
    h.held[RESULTS] = 3
    return True


def late_snapshot(h: Hospital) -> bool:
    h.held[COURSES] = 1
    return True


def late_stays(h: Hospital) -> bool:
    h.held[STAYS] = 2
    return True


def returns_to_earlier_bytes(h: Hospital) -> bool:
    h.resend = 1
    return len(h.snapshots) > 2


def cut_short(h: Hospital) -> bool:
    h.cut_short = len(h.courses) > 3
    return h.cut_short


def course_deleted(h: Hospital) -> bool:
    one = _one(h, [course for course in h.courses if course.stopped is None])
    if one is not None:
        h.write(one, None)
    return one is not None


def course_entered_by_mistake(h: Hospital) -> bool:
    person = _one(h, [person for person in h.people if not h.running(person.number)])
    if person is None:
        return False
    wrong = _course_of(h, person)
    h.courses.append(wrong)
    h.later[h.number + 2].append(lambda later: later.write(wrong, None))
    return True


def _course_of(h: Hospital, person: Person) -> Course:
    return Course(person.number, "foscarnet", "treatment", h.moment(8))


def start_corrected(h: Hospital) -> bool:
    one = _one(h, [course for course in h.courses if course.stopped is None])
    if one is not None:
        h.write(one, replace(one, started=one.started - timedelta(hours=h.rng.choice([5, 30, 200]))))
    return one is not None


def indication_not_said(h: Hospital) -> bool:
    return _for_a_while(h, 2, indication=None)


def unreadable_start(h: Hospital) -> bool:
    return _for_a_while(h, 3, readable=False)


def unreadable_new_course(h: Hospital) -> bool:
    person = _one(h, [person for person in h.people if not h.running(person.number)])
    if person is None:
        return False
    right = _course_of(h, person)
    wrong = replace(right, readable=False)
    h.courses.append(wrong)
    h.later[h.number + 2].append(lambda later: later.write(wrong, replace(right, patient=person.number)))
    return True


def twin_course(h: Hospital) -> bool:
    """A second row of one course that says that it has stopped."""
    one = _one(h, [course for course in h.courses if course.stopped is None and course.started < h.at - DAY])
    if one is None:
        return False
    twin = replace(one, stopped=h.moment(6))
    h.courses.append(twin)
    h.later[h.number + 2].append(lambda later: later.write(twin, None))
    return True


def _for_a_while(h: Hospital, n_nights: int, **to: object) -> bool:
    one = _one(h, [course for course in h.courses if course.stopped is None and course.readable and course.indication])
    if one is None:
        return False
    changed = replace(one, **to)  # type: ignore[arg-type]
    h.write(one, changed)

    def mend(later: Hospital) -> None:
        if any(course is changed for course in later.courses):
            later.write(changed, one)

    h.later[h.number + n_nights].append(mend)
    return True


def discharge_taken_back(h: Hospital) -> bool:
    person = _one(h, h.people)
    if person is None or any(one.row.stay_id == person.stay_id and one.row.discharged for one in h.stays):
        return False
    h.change_stay(person.stay_id, discharged=h.moment(5))
    h.later[h.number + 2].append(
        lambda later: person in later.people and later.change_stay(person.stay_id, discharged=None)
    )
    return True


def merged(h: Hospital) -> bool:
    """A patient goes on under another number: the pharmacy moves every row, the ward does in half of the cases."""
    person = _one(h, h.people)
    if person is None:
        return False
    old, person.number = person.number, h.new_number("M")
    h.links.append(Changed(Link(old, person.number, h.moment(3)), h.at))
    h.courses = [replace(one, patient=person.number) if one.patient == old else one for one in h.courses]
    if h.rng.random() < 0.5:
        h.change_stay(person.stay_id, patient=person.number)
    return True


def merged_by_mistake(h: Hospital) -> bool:
    """Two patients in their beds are one for four nights."""
    if len(h.people) < 2:
        return False
    one, other = h.rng.sample(h.people, 2)
    link = Changed(Link(one.number, other.number, h.moment(3)), h.at)
    h.links.append(link)

    def undo(later: Hospital) -> None:
        link.row, link.at = replace(link.row, ended=later.moment(2)), later.at

    h.later[h.number + 4].append(undo)
    return True


def silent_laboratory(h: Hospital) -> bool:
    h.silent_until[RESULTS] = h.number + 10
    return True


def silent_other_feed(h: Hospital) -> bool:
    h.silent_until[h.rng.choice([COURSES, STAYS])] = h.number + 10
    return True


def clock_ahead(h: Hospital) -> bool:
    """Two days ahead for one night, and right in the two nights after it."""

    def right(later: Hospital) -> None:
        later.clock = later.at

    h.clock = h.at + 2 * DAY
    for after in (1, 2):
        h.later[h.number + after].append(right)
    return True


def policy_changed(h: Hospital) -> bool:
    n = h.number
    h.policy = replace(h.policy, label=f"made_up_{n}", overdue_after_days=8.0 + n % 4, bal_within_days=5.0 + n % 3)
    return True


MISHAPS = {
    mishap.__name__: mishap
    for mishap in (
        correct_value, withdraw, move_to_another_patient, unreadable_result, late_results, late_snapshot, late_stays,
        returns_to_earlier_bytes, cut_short, course_deleted, course_entered_by_mistake, start_corrected,
        indication_not_said, unreadable_start, unreadable_new_course, twin_course, discharge_taken_back, merged,
        merged_by_mistake, silent_laboratory, silent_other_feed, clock_ahead, policy_changed,
    )
}  # fmt: skip
