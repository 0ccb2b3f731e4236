"""What the evidence of an alert about the work says: one fact, and under `also` those of other kinds, so that none hides another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from cmvmon.domain import words
from cmvmon.domain.moved_together import MovedTogether
from cmvmon.domain.subjects import subject_key

_DOUBT = (
    "in doubt: "  # before a laboratory's name: with a colon and a blank, which no folder of a feed has, it is no feed's
)
_MOST = 20  # told beside the first


def evidence_of(facts: Iterable[Mapping[str, Any]]) -> str:
    """Evidence of at least one fact: code, feed, table_name and, of a file, file_name. Of each code and table the first stands; where
    results moved, of each assay and way.

    >>> evidence_of([{"code": "a", "table_name": "t"}, {"code": "b", "table_name": "t"}, {"code": "a", "table_name": "t"}])
    '{"also": [{"code": "b", "table_name": "t"}], "code": "a", "table_name": "t"}'
    """
    of_each: dict[tuple[Any, ...], dict[str, Any]] = {}
    for fact in facts:
        of_each.setdefault((fact["code"], fact["table_name"], fact.get("assay"), fact.get("way")), dict(fact))
    first, *also = of_each.values()
    return json.dumps(first | ({"also": also[:_MOST]} if also else {}), sort_keys=True)


def each_fact(evidence: str) -> list[dict[str, Any]]:
    """Every fact of such evidence, the first one first.

    >>> [fact["code"] for fact in each_fact('{"also": [{"code": "b"}], "code": "a"}')]
    ['a', 'b']
    """
    fact = json.loads(evidence)
    also = fact.pop("also", [])
    return [fact, *also]


def of_doubt(laboratory: str) -> str:
    """What an alert about a laboratory in doubt is about, in the place of a feed: what is noted of its feed ends it not.

    >>> of_doubt("virology")
    'in doubt: virology'
    """
    return f"{_DOUBT}{laboratory}"


def laboratories_in_doubt(alerts: Iterable[Mapping[str, Any]]) -> tuple[MovedTogether, ...]:
    """Which laboratories are in doubt by the open alerts among these, in order."""
    stand = (one for one in alerts if one["rule"] == words.OPERATIONS and one["state"] == "open")
    found = (
        moved_of(fact)
        for one in stand
        if is_of_doubt(str(subject_key(one["subject"])["feed"]))
        for fact in each_fact(one["evidence"])
    )
    return tuple(sorted(one for one in found if one is not None))


def is_of_doubt(feed: str) -> bool:
    """Whether an alert of that subject is about a laboratory in doubt."""
    return feed.startswith(_DOUBT)


def is_about(alert: Mapping[str, Any], feed: str) -> bool:
    """Whether that is an alert about the work on that feed, or on a laboratory by `of_doubt`."""
    return bool(alert["rule"] == words.OPERATIONS and subject_key(alert["subject"])["feed"] == feed)


def codes_of(alert: Mapping[str, Any]) -> frozenset[str]:
    """What an alert about the work says, as codes; none of one about a patient."""
    is_of_work = alert["rule"] == words.OPERATIONS
    return frozenset(fact["code"] for fact in each_fact(alert["evidence"])) if is_of_work else frozenset()


def moved_of(fact: Mapping[str, Any]) -> MovedTogether | None:
    """What moved together, of a fact of such an alert; None = it is about something else."""
    if fact["code"] != words.LABORATORY_IN_DOUBT:
        return None
    since = datetime.fromisoformat(fact["since"])
    counts = fact["n_moved"], fact["n_patients"], fact["within_days"]
    until, corrected_at = (
        None if fact.get(name) is None else datetime.fromisoformat(fact[name]) for name in ("until", "corrected_at")
    )
    told = fact.get("n_back", 0), fact.get("n_waiting", 0)
    return MovedTogether(fact["feed"], fact["assay"], fact["way"], since, *counts, until, corrected_at, *told)
