"""The evidence of a verdict: everything that its rule read, as JSON text, and read back it is judged again to the same.

It holds every column that the rule reads, the grounds that hold (`grounds`), the sentences of the alert (`says`), the
results that it rests on (`result_ids`) and the statements of the guide (`guide`). The patient and the moment that is judged
stand in the verdict itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from cmvmon.domain.results import VERDICTS
from cmvmon.facts import FactTable
from cmvmon.facts.conditions import PROTOCOL
from cmvmon.rules.rulebook import GROUND, Rule

_IN_THE_VERDICT = frozenset({"patient_id", "as_of"})
_MOMENT = "%Y-%m-%dT%H:%M:%S%.fZ"


def evidence_of(rule: Rule, schema: pl.Schema, *, guide: Sequence[str]) -> pl.Expr:
    """One JSON text per row of a judged frame: keys sorted, moments in ISO 8601 UTC.

    Args:
        schema: of the frame that was judged.
    """
    parts = {
        name: pl.col(name).dt.strftime(_MOMENT) if isinstance(schema[name], pl.Datetime) else pl.col(name)
        for name in rule.reads - _IN_THE_VERDICT
    }
    parts |= {"grounds": pl.col("grounds"), "says": pl.col("says"), "result_ids": _results(rule)}
    parts["guide"] = pl.lit(" ".join(guide))
    return pl.struct(parts[name].alias(name) for name in sorted(parts)).struct.json_encode()


def read_back(rule: Rule, verdicts: pl.DataFrame, tables: Mapping[str, FactTable]) -> pl.DataFrame:
    """The columns that the rule read, from the evidence of its own verdicts: what `judged` can judge again.

    Args:
        verdicts: rows of `verdicts` of this rule.
        tables: the fact tables, for the types of their facts.
    """
    types = types_of(rule, tables)
    written = {name: pl.String() if isinstance(kind, pl.Datetime) else kind for name, kind in types.items()}
    read = verdicts.select(
        "patient_id", "as_of", pl.col("evidence").str.json_decode(pl.Struct(written)).struct.unnest()
    )
    moments = [name for name, kind in types.items() if isinstance(kind, pl.Datetime)]
    return read.with_columns(pl.col(moments).str.to_datetime(_MOMENT, time_unit="us", time_zone="UTC"))


def types_of(rule: Rule, tables: Mapping[str, FactTable]) -> dict[str, pl.DataType]:
    """The polars type of each column of a rule's evidence that it reads."""
    facts = {column.name: column.kind.dtype for table in tables.values() for column in table.rows.columns}
    return {name: _type(name, facts) for name in sorted(rule.reads - _IN_THE_VERDICT)}


def _type(name: str, facts: Mapping[str, pl.DataType]) -> pl.DataType:
    if name.startswith(PROTOCOL):
        return pl.Float64()
    if name in facts or name in VERDICTS.schema:
        return facts[name] if name in facts else VERDICTS.schema[name]
    return pl.Boolean() if name.startswith(f"{GROUND}.") else pl.String()


def _results(rule: Rule) -> pl.Expr:
    """The ids of the results that a verdict rests on, each once, in the order in which the rule names them."""
    found: pl.Expr = pl.lit([], dtype=pl.List(pl.String))
    for names, condition in reversed(rule.rests_on):
        ids = pl.concat_list(names).list.drop_nulls().list.unique(maintain_order=True)
        found = pl.when(condition.expr).then(ids).otherwise(found)
    return found
