"""What a Patient and an Encounter tell of `deaths` and `birth_dates` (FHIR R4, 8.1 and 8.11).

Rules of this file:
- Patient.deceased says whether the patient has died, or when. false is a statement: it takes a death back. Without it a Patient says
  nothing, and is a part of what refers to it.
- The disposition of a finished Encounter that is `exp` (HL7's own code) says that the patient has died, by the end of its period; any
  other says that the patient left alive. A hospital's own codes are not read.
- An Encounter that was finished and is so no longer (`statusHistory`) takes a death back, as a cancelled discharge does by ADT.
- Of a date alone the date is kept; of a month or a year nothing but that the patient has died.
- Deaths and lives stated at one moment: the death holds, for false is what many servers write of everybody.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from cmvmon.domain.deaths import ALIVE, DIED
from cmvmon.feeds.fhir.entries import Resource, objects
from cmvmon.feeds.fhir.moments import is_date_time
from cmvmon.feeds.fhir.told import PATIENT, Telling
from cmvmon.feeds.times import moments_of

SETTLED = ("died_at", "died_on", "says")
"""Columns that no declared address replaces: each follows from where the death is told."""
WAYS_OF_VISIT = {PATIENT: ("subject",)}
_DISPOSITION = ("hospitalization", "dischargeDisposition", "coding")
_HL7 = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
_EXPIRED = "exp"
_DATE, _LESS = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), re.compile(r"[0-9]{4}(-[0-9]{2})?")


def tells_of_life(patient: Resource) -> bool:
    """Whether a Patient says whether the patient lives."""
    return bool({"deceasedBoolean", "deceasedDateTime"} & patient.members.keys())


def tells_birth(patient: Resource) -> bool:
    """Whether a Patient says when the patient was born."""
    return "birthDate" in patient.members


def tells_how_it_ended(visit: Resource) -> bool:
    """Whether an Encounter says how the patient left, or that the end which it had is none."""
    return bool(_says_of_visit(visit))


def death_of(telling: Telling, patient: str) -> dict[str, str]:
    """What a Patient says of the patient's death: our columns -> text. `patient`: the declared address of the number."""
    members, stated_at = telling.resource.members, telling.stated_at()
    died, flag = str(members.get("deceasedDateTime") or ""), members.get("deceasedBoolean")
    says = DIED if flag is None or flag is True else ALIVE if flag is False else str(flag)
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
    end = next((str(one.get("end") or "") for one in objects(telling.resource.members, "period")), "")
    return {
        "patient_id": telling.patient(patient),
        "died_at": "" if says != DIED else end if is_date_time(end) else stated_at,
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


def last_word(said: Sequence[dict[str, str]]) -> dict[str, str]:
    """What holds of one patient, by all that one file says: what was stated last, and of one moment a death.

    Where the moments can't be put in order, what stands last holds.
    """
    moments = moments_of(one["stated_at"] for one in said)
    if moments is None:
        return said[-1]
    return max(said, key=lambda one: (moments[one["stated_at"]], one.get("says") == DIED))


def _says_of_visit(visit: Resource) -> str:
    """Died, alive, or "" where it says neither."""
    status = visit.members.get("status")
    if status == "finished":
        codes = {one.get("code") for one in visit.those(*_DISPOSITION) if one.get("system") == _HL7}
        return DIED if _EXPIRED in codes else ALIVE if codes else ""
    was_finished = any(one.get("status") == "finished" for one in visit.those("statusHistory"))
    return ALIVE if was_finished and status in ("arrived", "triaged", "in-progress", "onleave") else ""
