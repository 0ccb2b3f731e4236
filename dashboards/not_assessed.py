"""What could not be assessed of a patient, in lines: each names its compartment, gene or drug, so that it speaks of no other one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from cmvmon.dashboards.row_views import NotAssessable
from cmvmon.dashboards.words_for_results import unassessed
from cmvmon.text import Language

_NAMED = ("gene", "drug")  # the parts of a subject that a line names as they are


def about(subject: str | None) -> str:
    """The gene or drug that a subject is about; empty where it is about none.

    >>> about('{"gene":"UL54","mutation":null,"patient_id":"SYNTHETIC-1"}')
    'UL54'
    """
    key = json.loads(subject) if subject else {}
    return next((str(key[name]) for name in _NAMED if key.get(name)), "")


def lines(items: Iterable[NotAssessable], language: Language, *, found: Mapping[str, str] | None = None) -> list[str]:
    """A line for each rule, compartment and reason, with every gene or drug of which it holds.

    Args:
        found: the title of an open alert by its rule. A line of that rule about a gene or drug says that it stands beside it.
    """
    grouped: dict[tuple[str, str, str], dict[str, None]] = {}
    for item in sorted(items, key=lambda one: (one.rule, one.compartment or "", one.reason, about(one.subject))):
        names = grouped.setdefault((item.rule, item.compartment or "", item.reason), {})
        names |= dict.fromkeys(filter(None, [about(item.subject)]))
    said = []
    for (rule, compartment, reason), names in grouped.items():
        line = unassessed(rule, compartment or None, reason, language, about=tuple(names))
        beside = (found or {}).get(rule) if names else None
        said.append(language.say("row.beside_alert", line=line, title=beside) if beside else line)
    return list(dict.fromkeys(said))
