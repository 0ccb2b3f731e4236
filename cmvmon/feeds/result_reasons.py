"""Why a laboratory's result is set apart, where its own laboratory file maps what other tables map in a table file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cmvmon.domain.delivered import CORRECTS_WITHDRAWN
from cmvmon.feeds.born_after import BORN_AFTER
from cmvmon.feeds.doubting_notes import DOUBTED

_FILE = "the laboratory file"

OF_RESULTS: Mapping[str, str] = MappingProxyType(
    {
        CORRECTS_WITHDRAWN: (
            "the laboratory had withdrawn this result before it corrected it. Ask whether the correction is of this patient and "
            "sample; `cmvmon quarantine release` uses it again, `cmvmon quarantine reject` never does."
        ),
        DOUBTED: (
            "a note beside the result has a word by which this laboratory takes a value back ([notes] of the laboratory file). Ask "
            "the laboratory for a corrected result; `cmvmon quarantine release` uses it as it stands, `cmvmon quarantine reject` "
            "never does."
        ),
        BORN_AFTER: (
            "the record gives its patient a date of birth after the day on which the sample was collected: the result or the patient "
            "may be another's, or a date is typed wrong. Ask the laboratory for both dates, and for the record with the right ones; "
            "`cmvmon quarantine release` uses it as it stands, `cmvmon quarantine reject` never does."
        ),
        "too_many_results": (
            "so many results stand under this number that it is no patient's; none of them was judged. Ask the sender what the "
            "number stands for, and correct the column of the patient."
        ),
        "missing_collected_at": "the collection time is empty. Ask the sender for the date and time of collection.",
        "missing_unit": f"no unit is delivered. Ask the sender, or declare `missing` in [units] of {_FILE}.",
        "unknown_text": (
            "the value is in no form that can be read without guessing. If it is a fixed phrase, also one with < or > or "
            f"brackets, add it to [values] of {_FILE}."
        ),
        "invalid_result": (
            "the laboratory reports the test as invalid or not done. Nothing to mend: it counts as no result."
        ),
        "qualitative_result": (
            "the result says detected without a number, and no number is made up. Ask the sender for the "
            "quantitative result."
        ),
        "no_copies_factor": (
            f"the result is in copies and {_FILE} gives no iu_per_copy for this assay, compartment and date. Add it "
            "from the assay's own documents."
        ),
        "unknown_unit": f"the unit stands in no [units.delivered] of {_FILE}. Add it there.",
        "unknown_status": f"the status stands in no [status.delivered] of {_FILE}. Add it there.",
        "unknown_order_status": f"the status of the order stands in no [status.of_order] of {_FILE}. Add it there.",
    }
)
