"""The evidence of a verdict whose facts stand apart, put together again: the same text as where they do not."""

from __future__ import annotations

import json
from collections.abc import Mapping

import polars as pl

from cmvmon.domain.subjects import KINDS
from cmvmon.facts import FactTable
from cmvmon.facts.conditions import PROTOCOL
from cmvmon.rules.evidence import MOMENT, said_by_others, types_of
from cmvmon.rules.rulebook import Rule

_TEXTS = pl.List(pl.String())


def whole_evidence(
    rule: Rule, verdicts: pl.DataFrame, told: pl.DataFrame, *, tables: Mapping[str, FactTable]
) -> pl.Series:
    """Everything that each verdict rests on, as JSON text with sorted keys: `evidence`, in the order of the verdicts.

    Args:
        verdicts: rows of `verdicts` of this rule, at least one, as `cmvmon analyze` writes them.
        told: the rows of `facts_of_<kind>` of the same run.
        tables: the fact tables, for the types of facts.
    """
    types = types_of(rule, tables)
    own = {"grounds": _TEXTS, "guide": pl.String(), "result_ids": _TEXTS, "says": _TEXTS}
    own |= {name: types[name] for name in said_by_others(rule)}
    first = json.loads(verdicts["evidence"][0])  # a whole number of the protocol stands as one
    own |= {
        name: pl.Int64() if isinstance(first[name], int) else pl.Float64()
        for name in types
        if name.startswith(PROTOCOL)
    }
    given = {*verdicts.columns}.difference(KINDS[rule.subject]) | {"patient_id"}
    rows = verdicts.select("subject", pl.col("evidence").str.json_decode(pl.Struct(own)).struct.unnest()).join(
        told.drop(given - {"subject"}, strict=False), on="subject", how="left", maintain_order="left"
    )
    moments = [name for name, kind in types.items() if isinstance(kind, pl.Datetime)]
    texts = rows.with_columns(pl.col(moments).dt.strftime(MOMENT))
    return texts.select(pl.struct(sorted({*own, *types})).struct.json_encode().alias("evidence")).to_series()
