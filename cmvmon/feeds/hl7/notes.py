"""The notes (NTE) beside a result: its own, those of its order, and those of its specimen, as one text.

Those of the patient and of other observations are none of it.
"""

from __future__ import annotations

import re

from cmvmon.feeds.hl7.message import Address, Segment, Several
from cmvmon.feeds.hl7.orders import Observation

_COMMENT = Address("NTE", 3)
_FORMATTING = r"[HN]|\.[a-z]{2}\s*[+-]?[0-9]*"  # HL7 2.5.1, 2.7: highlighting, and what places a text on a page


def notes_of(one: Observation) -> str:
    """What they say, a line for each segment; what only places or marks the text is a space."""
    return "\n".join(
        _text(segment) for group in (one.own, one.order, one.specimen) for segment in group if segment.name == "NTE"
    )


def _text(segment: Segment) -> str:
    found = segment.at(_COMMENT)
    text = " ".join(found.texts) if isinstance(found, Several) else found
    mark = re.escape(segment.marks.escape)
    return re.sub(f"{mark}(?:{_FORMATTING}){mark}", " ", text) if mark else text
