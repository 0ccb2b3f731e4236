"""The rules: one file each, none knows another. A file here that defines `RULE` is a rule; a broken one stops the start."""

from __future__ import annotations

import importlib
import pkgutil
import re
from functools import cache

from cmvmon.domain.columns import RowType
from cmvmon.facts import all_fact_tables
from cmvmon.protocol import Protocol
from cmvmon.protocol.numbers import as_written
from cmvmon.rules.judging import check, judge, judge_apart
from cmvmon.rules.rulebook import Rule
from cmvmon.rules.subject_facts import facts_of, kinds_of

__all__ = [
    "Rule",
    "all_rules",
    "deciding_numbers",
    "judge",
    "judge_apart",
    "leaflet_of",
    "needed_numbers",
    "subject_fact_tables",
]


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule in this folder, by code.

    Raises ProgramError when one can't be judged: it reads what no fact table gives, or rules read each other in a circle.
    """
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    rules = tuple(sorted((m.RULE for m in modules if hasattr(m, "RULE")), key=lambda rule: str(rule.code)))
    check(rules, all_fact_tables())
    return rules


@cache
def subject_fact_tables() -> tuple[RowType, ...]:
    """The tables of the facts that rules read, one for each kind of subject that a rule speaks of, by kind."""
    return tuple(facts_of(kind, all_rules(), all_fact_tables()) for kind in kinds_of(all_rules()))


def needed_numbers() -> dict[str, frozenset[str]]:
    """The numbers that the protocol must hold, by rule code."""
    return {rule.code: rule.needs for rule in all_rules()}


def deciding_numbers(rule: Rule, protocol: Protocol) -> dict[str, float]:
    """Every number that decides what the rule says, wherever it stands in the protocol, by `stanza.key`."""
    found = {key: value for name in rule.numbers for key, value in as_written(protocol, rule.code, name).items()}
    return dict(sorted(found.items()))


def leaflet_of(rule: Rule, protocol: Protocol) -> str:
    """The rule's leaflet with the numbers of this protocol."""

    def written(found: re.Match[str]) -> str:
        (value,) = as_written(protocol, rule.code, found[1]).values()
        return f"{value:,g}" if value < 1e6 else f"{value:g}"

    return re.sub(r"\{([a-z0-9_.]+)\}", written, rule.leaflet.strip())
