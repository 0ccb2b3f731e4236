"""HL7 version 2: bytes in, messages out, and what messages say as records; no file, no socket, no laboratory.

The rooms, each knowing only those above it:

    charsets, delimiters, escapes     how bytes are text, and text is fields
    message                           one message, its segments, and a field by its address (`PID-3[2].4.1`)
    reader                            bytes in any chunks as messages, headers and trailers of batches, and what is neither
    parsing, batches                  the lines of a message as its segments; whether a file is whole
    orders, values, statuses          what belongs to an observation, its value as a text, what its status means
    told                              what one message tells of one table: our columns as texts
    movements, merges, orders_told,   the messages of movements and births, of merged numbers, of samples asked for, of
    doses_told                        doses given
    tables_told, table_records        which messages tell of which tables, and a file of them as records
    result_records, declared          messages as the records that a laboratory file is read with, and what it must not say

Chapters are those of the HL7 2.5.1 standard; a later version is named where it differs.
"""
