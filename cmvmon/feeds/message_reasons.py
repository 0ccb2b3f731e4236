"""Why a message, or a file of messages, is set apart: the part of the catalogue (`reasons.py`) that only messages need.

Rule of this file: no sentence holds a patient value.
"""

from __future__ import annotations

_FILE = "the laboratory file"

OF_MESSAGES = {
    "malformed_header": (
        "the header of the message (MSH) states no marks that can be used, or no type. Ask the sender for the message again."
    ),
    "malformed_segment": (
        "a line of the message is no segment, or holds a NUL: a line break in a text may not be escaped, or the message is "
        "damaged. Ask the sender for it again."
    ),
    "unknown_charset": (
        "the message names a character set (MSH-18) that is not read. Ask the sender for UTF-8 or ISO 8859, or declare "
        f"`file_encoding_holds` in [messages] of {_FILE}."
    ),
    "message_too_long": "the message is longer than 10,000,000 bytes, and was not read. Ask the sender for it without documents.",
    "too_many_segments": "the message has more than 10,000 segments, and was not read. Ask the sender to send it in parts.",
    "cut_off_message": (
        "the end of the message is not there: its last line has no end, its frame is open, or another message begins inside its "
        "frame. Ask the sender for the whole file, and for one message in each frame; "
        f"where it never ends the last line, declare `end_may_lack` in [messages] of {_FILE}."
    ),
    "message_type": (
        "messages of this type are not read here. Ask the sender to leave them out, or list the type under `ignored` in "
        f"[messages] of {_FILE} or the table file; movements, merges, dates of birth, orders and doses are read where the table "
        "file of the feed names their table (docs/feeds.md)."
    ),
    "not_for_production": (
        "the message says that it is not meant for production (MSH-11; of FHIR the label HTEST). Ask the sender, or list that under "
        f"`processing` in [messages] of {_FILE}."
    ),
    "no_observation": "the message of results holds neither an order nor a result. Ask the sender for the message again.",
    "specimen_out_of_place": (
        "a specimen (SPM) stands before the first order, where it belongs behind its results: whose it is can't be told. Ask the "
        "sender to place it behind the results of its order."
    ),
    "contradicting_trigger": (
        "the header (MSH-9) and the event (EVN-1) name two triggers. Ask the sender which of them holds, and for the message again."
    ),
    "undeclared_authority": (
        "the patient's number says who gave it, and no file says whose numbers are meant here: the same digits of another authority "
        "are another patient's. Declare the place in [<table>.columns] of the table file, as PID-3[4=HOSP].1."
    ),
    "two_authorities": (
        "the two numbers were given by two authorities, so that one can't have been merged into the other. Ask the sender for the "
        "merge with both numbers of one, or declare both places under `columns` of the merges in the table file."
    ),
    "no_two_patients": (
        "the message tells two patients apart again, and does not name two of them (PID). Ask the sender for the message again, or "
        "end the merge by `cmvmon merge --until`."
    ),
    "order_is_no_dose": (
        "it says that a drug was ordered, handed out or told of, and of no dose that it was given. Ask the sender for doses given "
        "(RAS in HL7, MedicationAdministration in FHIR), or list the type under `ignored` in [messages] of the laboratory file or "
        "the table file."
    ),
    "nothing_told": (
        "the message holds no segment of what its type is for: of orders ORC or OBR, of doses RXA. Ask the sender for it again."
    ),
    "unlisted_code": (
        "the code is none of those that are meant (`only` in the table file), and its name sounds like one, or it has neither. Add "
        "it there; where it is another, ask the sender to name it so that it can be told."
    ),
    "outside_a_message": (
        "lines stand before the first header (MSH) or behind the end of a message. Ask the sender for the file again."
    ),
    "several_values": (
        f"several texts stand there, and {_FILE} does not say which is meant. Name one in [columns], as PID-3[1].1 or "
        "PID-3[5=MR].1 (of FHIR as Patient.identifier[use=official].value); of several specimens of one order ask the sender to send "
        "them apart."
    ),
}

OF_FILES_OF_MESSAGES = {
    "no_message": "the file holds no HL7 message. Check that the right file was given.",
    "too_many_messages": "the file holds too many messages to be read at once. Ask the sender for smaller files.",
    "no_hl7_address": (
        f"a column of {_FILE} is no place in an HL7 message. Write a file of its own for this feed, with columns such as OBX-3.1 "
        "(cmvmon/feeds/labs/example_hl7.toml is a template)."
    ),
}
