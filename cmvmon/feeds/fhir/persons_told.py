"""What a Patient and an Encounter tell of `deaths` and `birth_dates` (FHIR R4, 8.1 and 8.11).

Rules of this file:
- Patient.deceased says whether the patient has died, or when. false is a statement: it takes a death back. Without it a Patient says
  nothing, and is a part of what refers to it.
- The disposition of a finished Encounter that is `exp` (HL7's own code) says that the patient has died, by the end of its period; any
  other says that the patient left alive, but `oth`, which does not say how. A hospital's own codes are not read.
- An Encounter that was finished and is so no longer (`statusHistory`) takes a death back, as a cancelled discharge does by ADT; so
  does one that says `exp` and was cancelled or entered in error.
- Of a date alone the date is kept; of a month or a year nothing but that the patient has died. Such a date of birth is none.
- In one file a death by an Encounter holds over the false of a Patient, which many servers write of everybody, and over a visit
  that ended before it. Between files the last statement holds: to doubt a death closes nothing, to believe one does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from cmvmon.domain.deaths import ALIVE, DIED
from cmvmon.feeds.fhir.encounters import ENCOUNTER, FINISHED, STILL_THERE, WITHDRAWN
from cmvmon.feeds.fhir.entries import Resource, objects
from cmvmon.feeds.fhir.moments import is_date_time
from cmvmon.feeds.fhir.told import PATIENT, Spoken, Telling
from cmvmon.feeds.times import moments_of

SETTLED = ("died_at", "died_on", "says")
"""Columns that no declared address replaces: each follows from where the death is told."""
WAYS_OF_VISIT = {PATIENT: ("subject",)}
_DISPOSITION = ("hospitalization", "dischargeDisposition", "coding")
_HL7 = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
_EXPIRED, _OTHER = "exp", "oth"
_DATE, _LESS = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), re.compile(r"[0-9]{4}(-[0-9]{2})?")


def tells_of_life(patient: Resource) -> bool:
    """Whether a Patient says whether the patient lives."""
    return patient.members.get("deceasedBoolean") is not None or bool(patient.members.get("deceasedDateTime"))


def tells_birth(patient: Resource) -> bool:
    """Whether a Patient says on which day the patient was born."""
    born = patient.members.get("birthDate")
    return bool(born) and not (isinstance(born, str) and _LESS.fullmatch(born))


def tells_how_it_ended(visit: Resource) -> bool:
    """Whether an Encounter says how the patient left, or that the end which it had is none."""
    return bool(_says_of_visit(visit))


def death_of(telling: Telling, patient: str) -> dict[str, str]:
    """What a Patient says of the patient's death: our columns -> text. `patient`: the declared address of the number."""
    members, stated_at = telling.resource.members, telling.stated_at()
    died, flag = str(members.get("deceasedDateTime") or ""), members.get("deceasedBoolean")
    says = DIED if flag is True or (flag is None and died) else ALIVE if flag is False else str(flag)
    is_moment = bool(died) and not _DATE.fullmatch(died) and not _LESS.fullmatch(died)
    return {
        "patient_id": telling.patient(patient),
        "died_at": died if is_moment else stated_at if says == DIED else "",
        "died_on": died if _DATE.fullmatch(died) else "",
        "says": says,
        "stated_at": stated_at,
    }


def death_of_visit(telling: Telling, patient: str) -> dict[str, str]:
    """What an Encounter says of it, by how it ended."""
    says, stated_at = _says_of_visit(telling.resource), telling.stated_at()
    return {
        "patient_id": telling.patient(patient),
        "died_at": (_ended_at(telling.resource) or stated_at) if says == DIED else "",
        "died_on": "",
        "says": says,
        "stated_at": stated_at,
    }


def birth_of(telling: Telling, patient: str) -> dict[str, str]:
    """When a Patient says that the patient was born."""
    return {
        "patient_id": telling.patient(patient),
        "born_on": telling.text(f"{PATIENT}.birthDate"),
        "stated_at": telling.stated_at(),
    }


def last_word(said: Sequence[Spoken]) -> dict[str, str]:
    """What holds of one patient, by all that one file says: what was stated last, but as the rules above have it.

    Where the moments can't be put in order, what stands last holds.
    """
    texts = {
        text for resource, one in said for text in (one["stated_at"], one.get("died_at"), _ended_at(resource)) if text
    }
    moments = moments_of(sorted(texts))
    if moments is None:
        return said[-1][1]

    def by_moment(spoken: Spoken) -> tuple[datetime, bool]:
        return moments[spoken[1]["stated_at"]], spoken[1].get("says") == DIED

    resource, last = max(said, key=by_moment)
    by_visit = [one for one in said if one[0].kind == ENCOUNTER and one[1].get("says") == DIED]
    if last.get("says") != ALIVE or not by_visit:
        return last
    (_, death), ended = max(by_visit, key=by_moment), _ended_at(resource)
    is_of_before = bool(ended) and bool(death["died_at"]) and moments[ended] < moments[death["died_at"]]
    return death if resource.kind == PATIENT or is_of_before else last


def _says_of_visit(visit: Resource) -> str:
    """Died, alive, or "" where it says neither."""
    status = visit.members.get("status")
    codes = {one.get("code") for one in visit.those(*_DISPOSITION) if one.get("system") == _HL7}
    if status == FINISHED:
        return DIED if _EXPIRED in codes else ALIVE if codes - {_OTHER} else ""
    was_finished = any(one.get("status") == FINISHED for one in visit.those("statusHistory"))
    is_back = status in STILL_THERE and was_finished
    return ALIVE if is_back or (status in WITHDRAWN and (was_finished or _EXPIRED in codes)) else ""


def _ended_at(visit: Resource) -> str:
    """When a finished Encounter ended, as text; "" where it is not, or no moment is told."""
    end = next((str(one.get("end") or "") for one in objects(visit.members, "period")), "")
    return end if visit.members.get("status") == FINISHED and is_date_time(end) else ""
