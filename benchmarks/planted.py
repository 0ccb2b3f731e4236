"""Rules planted beside the shipped ones, to see what one more costs: copies of those, in turn, under other codes."""

from __future__ import annotations

import importlib
from dataclasses import replace

from cmvmon.assess import Assessment, assess
from cmvmon.domain.known import Known
from cmvmon.protocol import Protocol
from cmvmon.rules import all_rules


def plant(count: int) -> None:
    """In this process, `cmvmon analyze` judges so many rules more. A copy reads what its rule reads, and tells as much."""
    shipped = all_rules()
    copies = {f"planted_{place}": shipped[place % len(shipped)] for place in range(count)}
    rules = (*shipped, *(replace(rule, code=code) for code, rule in copies.items()))

    def assess_with(known: Known, *, protocol: Protocol, **other: object) -> Assessment:
        stanzas = {code: protocol.rules[rule.code] for code, rule in copies.items()}
        return assess(known, protocol=replace(protocol, rules={**protocol.rules, **stanzas}), **other)  # type: ignore[arg-type]

    for module, name, instead in (
        ("cmvmon.assess", "all_rules", lambda: rules),
        ("cmvmon.workbench.batch", "assess", assess_with),
    ):
        setattr(importlib.import_module(module), name, instead)
