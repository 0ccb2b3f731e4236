"""What ADT messages tell of deaths (HL7 2.5.1, 3.4.2.29, 3.4.2.30 and 3.4.3.36).

Rules of this file:
- PID-30 says whether the patient has died, PID-29 when. PID-29 alone says that too. N is a statement: it takes a death back.
- The way of leaving (PV1-36) is read of a discharge where a table file declares it as the column `says`; its words say which codes
  mean death. It holds over an N of PID-30, which many senders write in every message.
- A cancelled discharge (A13) whose PID-30 does not say that the patient has died takes a death back.
- Where PID-29 holds no moment, that of a discharge holds (EVN-6, PV1-45), else that of the statement: the patient had died by then.
  A date alone is kept as the date. With neither, the moment of the statement says nothing of when: `cmvmon.domain.who_died`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from cmvmon.domain.deaths import ALIVE, DIED
from cmvmon.feeds.hl7.message import Message, address_of
from cmvmon.feeds.hl7.orders import Observation
from cmvmon.feeds.hl7.told import Places, Told, by_moment, group_of, patient_at, text
from cmvmon.feeds.times import as_iso_8601
from cmvmon.feeds.value_grammar import fold

DISCHARGED, DISCHARGE_CANCELLED = "ADT^A03", "ADT^A13"
DEATHS_IN = ("ADT^A01", DISCHARGED, "ADT^A04", "ADT^A08", DISCHARGE_CANCELLED, "ADT^A28", "ADT^A31")
_SAYS = {"Y": DIED, "N": ALIVE}  # table 0136
_DATE = re.compile(r"[0-9]{8}")
_SETTLED = frozenset({"died_at", "died_on", "says"})


def death_of(message: Message, kind: str, places: Places) -> list[Told]:
    """What one message says of the patient's death; nothing where it says nothing."""
    group = group_of(message)
    says, died = _says(group, kind, places), text(group, "PID-29.1")
    if not says:
        return []
    stated_at = text(group, "EVN-2.1", "MSH-7.1")
    is_date = bool(_DATE.fullmatch(died))
    cells = {
        "patient_id": patient_at(group, places.patient),
        "died_at": died if died and not is_date else "" if says != DIED else _by(group, kind, died) or stated_at,
        "died_on": as_iso_8601(died) if is_date else "",
        "says": says,
        "stated_at": stated_at,
    }
    return [Told(cells, group, message.header.line, settled=_SETTLED)]


def _says(group: Observation, kind: str, places: Places) -> str:
    """Died or alive, a code of the sender's that the table file has words for, or what stands in PID-30 and is neither Y nor N."""
    stated = text(group, "PID-30.1") or ("Y" if text(group, "PID-29.1") else "")
    place = places.columns.get("says", "")
    way = text(group, place) if kind == DISCHARGED and address_of(place) is not None else ""
    if way and stated in ("", "N"):
        return places.words.get("says", {}).get(fold(way), way)
    return ALIVE if kind == DISCHARGE_CANCELLED and not stated else _SAYS.get(stated, stated)


def _by(group: Observation, kind: str, died: str) -> str:
    """By when the patient had died, by the discharge; empty where it says no moment, or a date of death is known."""
    at = text(group, "EVN-6.1") or text(group, "PV1-45.1") if kind == DISCHARGED and not died else ""
    return "" if _DATE.fullmatch(at) else at


def last_word(said: Sequence[Told]) -> dict[str, str]:
    """What holds of one patient, by all that one file says: what was stated last, and of one moment what stands last.

    Where the moments can't be put in order, what stands last holds.
    """
    return dict(by_moment(said)[-1].cells)
