"""The evidence of a verdict whose facts stand apart, put together again: the same text as where they do not."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from cmvmon.domain.subjects import KINDS
from cmvmon.facts import FactTable
from cmvmon.protocol import Protocol
from cmvmon.rules.evidence import MOMENT, said_by_others, types_of
from cmvmon.rules.joining import numbers_told
from cmvmon.rules.rulebook import Rule

_TEXTS = pl.List(pl.String())


def whole_evidence(
    rule: Rule, verdicts: pl.DataFrame, told: pl.DataFrame, *, protocol: Protocol, tables: Mapping[str, FactTable]
) -> pl.Series:
    """Everything that each verdict rests on, as JSON text with sorted keys: `evidence`, in the order of the verdicts.

    Args:
        verdicts: rows of `verdicts` of this rule, as `cmvmon analyze` writes them.
        told: the rows of `facts_of_<kind>` of the same run.
        protocol: the one that judged; the numbers that the rule read are looked up in it.
        tables: the fact tables, for the types of facts.
    """
    types = types_of(rule, tables)
    own = {"grounds": _TEXTS, "guide": pl.String(), "result_ids": _TEXTS, "says": _TEXTS}
    own |= {name: types[name] for name in said_by_others(rule)}
    given = {*verdicts.columns}.difference(KINDS[rule.subject]) | {"patient_id"}
    rows = verdicts.select("subject", pl.col("evidence").str.json_decode(pl.Struct(own)).struct.unnest()).join(
        told.drop(given - {"subject"}, strict=False), on="subject", how="left", maintain_order="left"
    )
    rows = rows.with_columns(numbers_told(rule, protocol))
    moments = [name for name, kind in types.items() if isinstance(kind, pl.Datetime)]
    texts = rows.with_columns(pl.col(moments).dt.strftime(MOMENT))
    return texts.select(pl.struct(sorted({*own, *types})).struct.json_encode().alias("evidence")).to_series()
