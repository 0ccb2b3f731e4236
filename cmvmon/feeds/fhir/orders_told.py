"""What a ServiceRequest tells of `samples_ordered` (FHIR R4, 12.6), in our columns and words.

Rules of this file:
- Only what was ordered is an order: a draft, a proposal or a plan asks for nothing yet, and what is not to be done (`doNotPerform`)
  is none. Each is set apart, but where it is revoked or was entered in error: then an order of that number is cancelled.
- A status that is not known here says nothing of the order: it is set apart.
- The specimen to which it refers says when it was taken; an order that has such a moment was taken.
"""

from __future__ import annotations

from collections.abc import Sequence

from cmvmon.domain.samples_ordered import CANCELLED, COLLECTED, ORDERED, RESULTED
from cmvmon.feeds.fhir.entries import names_in
from cmvmon.feeds.fhir.told import Spoken, Telling
from cmvmon.feeds.records import Unclear
from cmvmon.feeds.times import moments_of

REQUEST = "ServiceRequest"
WAYS = {"Patient": ("subject",), "Encounter": ("encounter",), "Specimen": ("specimen",)}
_CANCELS = ("revoked", "entered-in-error")
_STANDS = {"active": ORDERED, "on-hold": ORDERED, "completed": RESULTED}
_ORDERS = ("order", "original-order", "reflex-order", "filler-order", "instance-order")


def order_of(telling: Telling, patient: str) -> dict[str, str]:
    """Our columns -> text. `patient`: the declared address of the patient's number."""
    taken = telling.text("Specimen.collection.collected") if telling.resource.those("specimen") else ""
    state = _state(telling, is_taken=bool(taken))
    return {
        "patient_id": telling.patient(patient),
        "order_number": telling.number(),
        "compartment": telling.text("Specimen.type.coding.code", "Specimen.type.text"),
        "ordered_at": telling.text(f"{REQUEST}.authoredOn") or telling.stated_at(),
        "state": state,
        "collected_at": taken if isinstance(taken, Unclear) or state in (COLLECTED, RESULTED) else "",
        "stated_at": telling.stated_at(),
        "stated_by": "",
    }


def called(telling: Telling) -> str:
    """All that it calls what was ordered: codes, names and texts."""
    return names_in(telling.resource, "code")


def last_word(said: Sequence[Spoken]) -> dict[str, str]:
    """What holds of one order, by all that one file says of it: the version that was stated last, or else stands last.

    Where the moments of two versions can't be put in order, it can't be told which holds: none is taken over (`versions_unclear`).
    """
    every = [one for _, one in said]
    dated = [one for one in every if one["stated_at"]] or every
    if len({one["stated_at"] for one in dated}) < 2:
        return dated[-1]
    moments = moments_of(one["stated_at"] for one in dated)
    if moments is None:
        return dated[-1] | {"state": Unclear("versions_unclear")}
    return max(reversed(dated), key=lambda one: moments[one["stated_at"]])


def _state(telling: Telling, *, is_taken: bool) -> str:
    status, intent = telling.text(f"{REQUEST}.status"), telling.text(f"{REQUEST}.intent")
    if status in _CANCELS:
        return CANCELLED
    if telling.resource.members.get("doNotPerform") not in (None, False):
        return Unclear("not_to_be_done")
    if status == "draft" or (intent and intent not in _ORDERS):
        return Unclear("order_not_placed")
    if status not in _STANDS:
        return Unclear("unknown_order_status") if status else ""
    return COLLECTED if is_taken and status != "completed" else _STANDS[status]
