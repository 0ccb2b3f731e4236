"""What the statuses of HL7 mean for a result: table 0085 (OBX-11) and table 0123 (OBR-25), HL7 2.5.1, 7.4.2.11 and 7.4.1.25.

A laboratory file may map its own use; these hold for what it does not name.
"""

from __future__ import annotations

from cmvmon.domain import words
from cmvmon.feeds.declared_statuses import CONFIRMED

# N (not asked for) and what is not in the table say nothing of a result: it is set apart.
OF_RESULTS = {
    **dict.fromkeys(("F", "V", "B"), words.FINAL),  # final; verified; B of later versions: appended, final
    **dict.fromkeys(("C", "A"), words.CORRECTED),  # corrected; amended
    **dict.fromkeys(
        ("P", "S", "R", "I", "O"), words.PRELIMINARY
    ),  # preliminary; partial; not verified; pending; order only
    "U": CONFIRMED,  # final, and not sent again
    **dict.fromkeys(("D", "W", "X"), words.WITHDRAWN),  # deleted; wrong, as of a wrong patient; no result can be had
}
OF_ORDERS = {
    **dict.fromkeys(("F", "A"), words.FINAL),  # final; some of its results are there, each with a status of its own
    "C": words.CORRECTED,
    **dict.fromkeys(("P", "R", "I", "S", "O"), words.PRELIMINARY),
    "X": words.WITHDRAWN,  # cancelled
}
