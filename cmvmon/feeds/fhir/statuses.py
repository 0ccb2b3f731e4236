"""What the statuses of FHIR R4 mean for a result: Observation.status (10.1.2) and DiagnosticReport.status (10.3.2).

A laboratory file may map its own use; these hold for what it does not name.
"""

from __future__ import annotations

from collections.abc import Iterable

from cmvmon.domain import words
from cmvmon.feeds.declared_statuses import more_cautious

# `unknown` and what is in no list say nothing of a result: it is set apart.
OF_RESULTS = {
    **dict.fromkeys(("registered", "preliminary"), words.PRELIMINARY),
    "final": words.FINAL,
    **dict.fromkeys(("amended", "corrected"), words.CORRECTED),
    **dict.fromkeys(("cancelled", "entered-in-error"), words.WITHDRAWN),
}
OF_REPORTS = {
    # partial: "data in the report may be incomplete or unverified"
    **dict.fromkeys(("registered", "partial", "preliminary"), words.PRELIMINARY),
    **dict.fromkeys(("final", "appended"), words.FINAL),  # appended: what was there stays as it was
    **dict.fromkeys(("amended", "corrected"), words.CORRECTED),
    **dict.fromkeys(("cancelled", "entered-in-error"), words.WITHDRAWN),
}
UNUSABLE = ("unsatisfactory", "entered-in-error")
"""Specimen.status (10.2.4.1) of what no result can rest on."""


def most_cautious(delivered: Iterable[str]) -> tuple[str, ...]:
    """Of the statuses of several reports and panels the one that lets least rest on a result; all, where one is not known.

    >>> most_cautious(["final", "preliminary"]), most_cautious(["final", "strange"])
    (('preliminary',), ('final', 'strange'))
    """
    told = tuple(dict.fromkeys(delivered))
    if len(told) < 2 or not set(told) <= set(OF_REPORTS):
        return told
    kept = told[0]
    for other in told[1:]:
        means = OF_REPORTS[kept]
        # of a report that is preliminary and a panel that is corrected: what was known is replaced
        joined = more_cautious(means, OF_REPORTS[other])
        if words.CORRECTED in (means, OF_REPORTS[other]) and joined == words.PRELIMINARY:
            joined = words.CORRECTED
        kept = kept if means == joined else other
    return (kept,)
