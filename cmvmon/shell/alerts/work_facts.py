"""What the evidence of an alert about the work says: one fact, and under `also` those of other kinds, so that none hides another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

_MOST = 20  # told beside the first


def evidence_of(facts: Iterable[Mapping[str, Any]]) -> str:
    """Evidence of at least one fact: code, feed, table_name and, of a file, file_name. Of each code and table the first stands.

    >>> evidence_of([{"code": "a", "table_name": "t"}, {"code": "b", "table_name": "t"}, {"code": "a", "table_name": "t"}])
    '{"also": [{"code": "b", "table_name": "t"}], "code": "a", "table_name": "t"}'
    """
    of_each: dict[tuple[str, str], dict[str, Any]] = {}
    for fact in facts:
        of_each.setdefault((fact["code"], fact["table_name"]), dict(fact))
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
