"""The facts: what is the case for each subject, computed from what was known; one file per subject matter.

A file here that makes a fact table (`@fact_table(ROWS)`) adds it; a broken one stops the start. Rules read facts by name.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache

from cmvmon.domain.errors import ProgramError
from cmvmon.domain.prepared import Prepared
from cmvmon.facts.fact_table import Facts, FactTable, fact_table
from cmvmon.protocol import Protocol

__all__ = ["FactTable", "Facts", "all_fact_tables", "by_name", "fact_table", "facts_at"]


@cache
def all_fact_tables() -> Mapping[str, FactTable]:
    """Every fact table of this folder, by name.

    Raises ProgramError when two tables give a fact of the same name, or list the subjects of the same kind.
    """
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    return by_name(found for module in modules for found in vars(module).values() if isinstance(found, FactTable))


def by_name(tables: Iterable[FactTable]) -> Mapping[str, FactTable]:
    """Fact tables by name, refused (ProgramError) where two of them say the same thing."""
    named = {table.rows.name: table for table in tables}
    told: dict[str, str] = {}
    for name, table in sorted(named.items()):
        for said in (*table.facts, *((f"the subjects of kind {table.lists}",) if table.lists else ())):
            if said in told:
                raise ProgramError(f"the fact tables {told[said]} and {name} both give {said}: keep one")
            told[said] = name
    return dict(sorted(named.items()))


def facts_at(prepared: Prepared, *, protocol: Protocol, as_of: datetime) -> Facts:
    """The facts of a moment, over every fact table."""
    return Facts(prepared, protocol=protocol, as_of=as_of, tables=all_fact_tables())
