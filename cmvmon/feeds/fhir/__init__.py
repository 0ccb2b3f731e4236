"""FHIR R4: bytes in, resources out, and what resources of results say as records; no file, no socket, no laboratory.

The rooms, each knowing only those above it:

    json_text                      strict JSON: what is no JSON, or can't be meant, is told and never mended
    addresses                      a text by its address (`Patient.identifier[use=official].value`)
    entries, references            a file as its resources; which resource a reference means
    observations, values, statuses what belongs to a result, its value as a text, what its status means
    kept                           what is kept of a record: never a name
    result_records, declared       resources as the records that a laboratory file is read with, and what it must not say
    outcome                        what a sender is told of each entry

Paths and words are those of FHIR R4 (4.0.1).
"""
