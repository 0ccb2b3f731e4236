"""Why a FHIR resource, or a file of them, is set apart: the part of the catalogue (`reasons.py`) that only they need.

Rule of this file: no sentence holds a patient value.
"""

from __future__ import annotations

_FILE = "the laboratory file"

OF_RESOURCES = {
    "no_resource": "the entry holds no resource with a resourceType. Ask the sender for it again.",
    "fhir_request": (
        "the entry asks to delete, to change a part of, or to read a resource, and is none. Ask the sender for the whole resource, "
        "with its status where it is withdrawn (entered-in-error)."
    ),
    "repeated_member": "a member of the resource stands there twice. Ask the sender which of the two holds.",
    "too_deep": "the resource is nested more than 60 levels deep, and was not read. Ask the sender what it is.",
    "no_json_number": "NaN or Infinity stands there, which is no JSON. Ask the sender for the result.",
    "damaged_text": "a text of the resource holds a NUL or half of a character. Ask the sender for it again.",
    "malformed_line": "the line is no JSON: it is damaged, or the file was cut there. Ask the sender for the file again.",
    "resource_type": (
        "resources of this type are not read, unless a result refers to them. Ask the sender to leave them out, or list the type "
        f"under `ignored` in [messages] of {_FILE}."
    ),
    "dose_not_over": (
        "the dose was stopped, or is not over, and how much of it was given is not known. It is read once it is sent as completed; "
        "ask the sender for the amount of one that was stopped."
    ),
    "unknown_encounter_status": (
        "the status of the visit (Encounter.status) says nothing of where the patient is. Ask the sender for one of FHIR R4, such as "
        "in-progress or finished."
    ),
    "unknown_location_status": (
        "how a place of the visit stands (Encounter.location.status) is not known. Ask the sender for one of FHIR R4, such as active "
        "or completed."
    ),
    "location_without_period": (
        "a place of the visit has no time from which the patient was there (Encounter.location.period), and is not its only one. Ask "
        "the sender for it."
    ),
    "location_order": (
        "the times of the places of a visit can't be put in order: one of them is none, or only some have an offset from UTC. Ask the "
        "sender for them with one, as FHIR wants it."
    ),
    "several_locations": (
        "the visit names two wards or two beds at one moment, or one place means several resources. Ask the sender where the patient "
        "was, and for the last version alone."
    ),
    "unknown_order_status": (
        "the status of the order (ServiceRequest.status) says nothing of whether it stands. Ask the sender for one of FHIR R4, such "
        "as active, completed or revoked."
    ),
    "order_not_placed": (
        "it is a draft, a proposal or a plan, and nothing was ordered yet. It is read once it is sent as an order; ask the sender to "
        "leave the others out."
    ),
    "not_to_be_done": (
        "it asks that the sample is not taken (doNotPerform), and is no order. Ask the sender to revoke the order that is meant."
    ),
    "unknown_dose_unit": (
        "the amount of the dose is in a unit that is not read. Read are mg, g and ug. Ask the sender for the whole dose in mg."
    ),
    "unresolved_reference": (
        "what the result refers to there is not in the file, or could not be read. Ask the sender for Bundles that hold the "
        f"patient, the specimen and the order of each result, or take the column of {_FILE} from the result itself."
    ),
    "unusable_specimen": (
        "the specimen of the result is marked as unsatisfactory or as entered in error. Ask the sender whether the result holds, and "
        "to withdraw it where it does not."
    ),
    "other_patient": (
        "what belongs to the result (its report, panel, specimen, order or stay) names another patient, or one that can't be seen to "
        "be the same. Ask the sender whose the result is, and to name the patient in one way throughout."
    ),
    "versions_unclear": (
        "the file holds several versions of an order, or of a report or panel that names the result, and it can't be told which of "
        "them holds. Ask the sender for the last version alone, or for each with its meta.versionId, and of an order with "
        "meta.lastUpdated that has an offset from UTC."
    ),
    "unknown_modifier": (
        "the resource holds a modifier (modifierExtension, implicitRules) that may change what it means, and is not known here. "
        "Ask the sender what it says, and for the result without it."
    ),
    "no_single_text": (
        f"what stands there has parts and is no single text. Name the part in [columns] of {_FILE}, as Observation.code.coding.code."
    ),
    "unread_value_type": (
        "the value is of a type from which no load is read (a range, a ratio, a series, a number as text). Ask the sender for a "
        "quantity, a text or a code."
    ),
}

OF_FILES_OF_RESOURCES = {
    "fhir_xml": "the file is XML, and FHIR is read as JSON only. Ask the sender for FHIR as JSON.",
    "no_table": (
        "its name is that of a table, a row a line, and it holds messages or resources. Ask the sender for the "
        "ending of what it holds, or give it: .fhir.json (a FHIR resource or Bundle), .fhir.ndjson (a resource a line), "
        ".ndjson (records a line) or .hl7."
    ),
    "malformed_json": (
        "the file is no JSON that can be read. Ask the sender for it again; a file with a resource a line has a name that ends in "
        ".fhir.ndjson."
    ),
    "no_fhir_resource": "the file is JSON and no FHIR resource. Check that the right file was given.",
    "bundle_type": (
        "what its entries are can't be told. Ask the sender for a Bundle of type transaction, batch, message, document, collection or "
        "searchset; a history is not read."
    ),
    "no_fhir_address": (
        f"a column of {_FILE} is no place in a FHIR resource. Write a file of its own for this feed, with columns such as "
        "Observation.value (cmvmon/feeds/labs/example_fhir.toml is a template)."
    ),
}
