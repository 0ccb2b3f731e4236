"""HL7 version 2: bytes in, messages out, and what the messages of results say as records; no file, no socket, no laboratory.

The rooms, each knowing only those above it:

    charsets, delimiters, escapes     how bytes are text, and text is fields
    message                           one message, its segments, and a field by its address (`PID-3[2].4.1`)
    reader                            bytes in any chunks as messages, headers and trailers of batches, and what is neither
    orders                            what belongs to an observation: its order, specimen and patient
    result_records                    messages as the records that a laboratory file is read with

Chapters are those of the HL7 2.5.1 standard; a later version is named where it differs.
"""
