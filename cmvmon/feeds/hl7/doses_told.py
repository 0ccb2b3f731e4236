"""What RAS messages tell of doses that were given (HL7 2.5.1, 4.14.8: RXA). An order (RDE) is no dose, and is not read as one.

Rules of this file:
- An amount is in a unit of the list (`dose_units`); every other unit is left beside its number, from which none can be read then.
- What was refused or not given (RXA-20) is missed. A dose that is taken back (RXA-21 `D`) counts for neither: a table file
  that names RXA-21 as the column of the status withdraws it.
"""

from __future__ import annotations

from cmvmon.domain.doses_given import GIVEN, MISSED
from cmvmon.feeds.dose_units import MG, in_mg
from cmvmon.feeds.hl7.message import Message, Segment
from cmvmon.feeds.hl7.orders import Observation
from cmvmon.feeds.hl7.told import Places, Told, patient_at, text

DOSES, PHARMACY_ORDERS = ("RAS^O17", "RAS^O01"), ("RDE^O11", "RDE^O01")
_ACTIONS = ("", "A", "D", "U", "X")  # table 0206
_ADMINISTERED = {"": GIVEN, "CP": GIVEN, "PA": GIVEN, "RE": MISSED, "NA": MISSED}  # table 0322
_NOT_RECORDED = "999"  # RXA-6: the amount was not recorded


def doses_of(message: Message, kind: str, places: Places) -> list[Told]:
    """One record for each dose (RXA), with the route of its order. Nothing where the message holds none."""
    outer: list[Segment] = []
    order: list[Segment] = []
    doses: list[tuple[Segment, list[Segment]]] = []
    for segment in message.segments:
        if segment.name == "ORC":
            order = [segment]
        elif segment.name == "RXA":
            doses.append((segment, order))
        else:
            (order if order else outer).append(segment)
    return [_dose(Observation((rxa,), its, [], [], outer), places) for rxa, its in doses]


def _dose(group: Observation, places: Places) -> Told:
    status, action = text(group, "RXA-20"), text(group, "RXA-21")
    administered = _administered(status, action)
    cells = {
        "patient_id": patient_at(group, places.patient),
        "drug": text(group, "RXA-5.1"),
        "indication": "",
        "administered": administered,
        "given_at": text(group, "RXA-3.1"),
        "dose_mg": "" if administered == MISSED else _mg(text(group, "RXA-6"), text(group, "RXA-7.1")),
        "route": text(group, "RXR-1.1"),
        "dosing_weight_kg": "",
    }
    return Told(cells, group, group.own[0].line, text(group, "RXA-5"))


def _administered(status: str, action: str) -> str:
    """Whether it was given or missed; of several words, and of one that is not known, what stands there."""
    if action not in _ACTIONS:
        return action
    return "taken back" if action == "D" else _ADMINISTERED.get(status, status)


def _mg(amount: str, unit: str) -> str:
    """The amount in milligrams, as text; with its unit where that is another, so that it is no number.

    >>> _mg("0.35", "g"), _mg("6", "g"), _mg("350", "mg"), _mg("10", "mL"), _mg("999", "mg")
    ('350', '6000', '350', '10 mL', '')
    """
    factor = MG.get(unit.lower())
    if amount == _NOT_RECORDED:
        return ""
    if factor is None:
        return f"{amount} {unit}" if amount and unit else amount and f"{amount} without a unit"
    return in_mg(amount, factor) or amount
