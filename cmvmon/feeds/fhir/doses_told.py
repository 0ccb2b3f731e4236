"""What a MedicationAdministration tells of `doses_given` (FHIR R4, 11.2), in our columns and words.

Rules of this file:
- Only a dose that is over was given (`completed`); one that was not done was missed, and its amount is none.
- Of one that was stopped, or goes on, it is not known how much was given: it is set apart.
- An amount is a Quantity in a unit of the list. Nothing is computed from a rate, or from a weight.
- One that was entered in error says nothing but its own number.
"""

from __future__ import annotations

from cmvmon.domain.doses_given import GIVEN, MISSED
from cmvmon.feeds.dose_units import MG, in_mg
from cmvmon.feeds.fhir.entries import objects
from cmvmon.feeds.fhir.json_text import Members
from cmvmon.feeds.fhir.told import Telling
from cmvmon.feeds.json_numbers import Number
from cmvmon.feeds.records import Unclear

ADMINISTRATION = "MedicationAdministration"
ORDERS = ("MedicationRequest", "MedicationDispense", "MedicationStatement")
"""What was ordered, handed out or told is no dose that was given."""
ERROR = "entered-in-error"
WAYS = {"Patient": ("subject",), "Encounter": ("context",), "Medication": ("medicationReference",)}
_ADMINISTERED = {"completed": GIVEN, "not-done": MISSED}
_NOT_OVER = ("in-progress", "on-hold", "stopped")
_CODES = ("medicationCodeableConcept.coding.code", "medicationCodeableConcept.text")


def dose_of(telling: Telling, patient: str) -> dict[str, str]:
    """Our columns -> text. `patient`: the declared address of the patient's number."""
    status = telling.text(f"{ADMINISTRATION}.status")
    of_dose = {
        "patient_id": telling.patient(patient),
        "drug": telling.text(
            *(f"{ADMINISTRATION}.{one}" for one in _CODES), "Medication.code.coding.code", "Medication.code.text"
        ),
        "given_at": telling.text(f"{ADMINISTRATION}.effective"),
        "administered": _administered(status),
        "dose_mg": "" if status == "not-done" else _mg(objects(telling.resource.members, "dosage", "dose")),
        "route": telling.text(f"{ADMINISTRATION}.dosage.route.text", f"{ADMINISTRATION}.dosage.route.coding.code"),
    }
    return dict.fromkeys(of_dose, "") if status == ERROR else of_dose


def called(telling: Telling) -> str:
    """All that it, and the medication to which it refers, calls the drug: codes, names and texts."""
    holders = [(telling.resource, "medicationCodeableConcept"), *((one, "code") for one in telling.rests_on)]
    concepts = [concept for one, name in holders for concept in objects(one.members, name)]
    parts = [(one, name) for concept in concepts for one in objects(concept, "coding") for name in ("code", "display")]
    texts = (one.get(name) for one, name in [*parts, *((concept, "text") for concept in concepts)])
    return " ".join(text for text in texts if isinstance(text, str))


def _administered(status: str) -> str:
    if status in _NOT_OVER:
        return Unclear("dose_not_over")
    return _ADMINISTERED.get(status, status)


def _mg(amounts: list[Members]) -> str:
    """The amount in mg; empty where none is told."""
    if len(amounts) != 1:
        return Unclear("several_values") if amounts else ""
    (amount,) = amounts
    if "value" not in amount:
        return ""
    if amount.get("comparator"):
        return Unclear("unsupported_comparator")
    said = [amount[name] for name in ("code", "unit") if amount.get(name)]
    factors = {MG.get(one) if isinstance(one, str) else None for one in said}
    if len(factors) > 1 and None not in factors:
        return Unclear("contradicting_units")
    factor = factors.pop() if len(factors) == 1 else None
    if factor is None:
        return Unclear("unknown_dose_unit" if said else "missing_unit")
    if not isinstance(amount["value"], Number):
        return Unclear("no_single_text")
    in_milligrams = in_mg(str(amount["value"]), factor)
    return Unclear("no_single_text") if in_milligrams is None else in_milligrams
