"""Why a cell of an Excel file, or the file, is set apart: the part of the catalogue (`reasons.py`) that only they need.

Rule of this file: no sentence holds a patient value, nor what a sheet is called.
"""

from __future__ import annotations

OF_CELLS = {
    "date_as_value": (
        "a date stands where the result is: Excel makes one of a number such as 3-4 or 1.5, and shows it so. Ask the sender "
        "to write the column as text, and for the result."
    ),
    "number_as_time": (
        "a bare number of days stands where a moment is, as Excel stores one: the cell has no format of a date. Ask the sender "
        "to give the column a format with date and time, or to write it as text."
    ),
    "formula_without_value": (
        "the cell holds a formula whose value was never computed: nothing is computed here. Ask the sender to open the file in Excel, "
        "save it and send it again, or to send values."
    ),
    "excel_error": "the cell holds an error of Excel, such as #N/A. Ask the sender for the value.",
    "too_many_digits": (
        "a number of more than fifteen digits stands there, of which Excel has lost some. Ask the sender to write it as text."
    ),
    "format_says_more": (
        "the number has a format that shows a word, a sign or a percent of its own, which the number itself does not say. Ask the "
        "sender to write the whole as text."
    ),
    "merged_cells": (
        "cells of the row are merged, so that it can't be told for which of them a text holds. Ask the sender to part them."
    ),
}

OF_EXCEL_FILES = {
    "old_excel": ("only .xlsx without a password can be read of Excel. Ask the sender to save it so, or as CSV."),
    "excel_macros": "files with macros are not read. Ask the sender to save it as .xlsx, which holds none, or as CSV.",
    "malformed_excel": "the file is no Excel file that can be read: it is damaged or was cut. Ask the sender for it again.",
    "several_sheets": (
        "it can't be told which sheet holds the table. Name it by `sheet` in the laboratory file (of other tables "
        "than results: the table file)."
    ),
    "no_such_sheet": (
        "the sheet that is declared is not there, or is there twice. Correct `sheet` in the laboratory file (of "
        "other tables than results: the table file), or ask the sender which one it is."
    ),
    "merged_header": (
        "the row of the header holds merged cells, or a cell that can't be read. Correct `lines_above_header`, or ask "
        "the sender for a header in one row."
    ),
}
