"""The shape of a rule, and how it is judged: alert, clear, or not assessable with a reason.

A rule is two polars expressions over one row of `subjects` (see `cmvmon.rules.subjects`): *fires* and *clears*. It has no
loop, no I/O and no number of its own: numbers come from its stanza of the protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.subjects import KINDS, subject_expr
from cmvmon.protocol import Protocol, RuleStanza

Expression = Callable[[RuleStanza], pl.Expr]


@dataclass(frozen=True)
class Rule:
    """One thing that is watched.

    Attributes:
        code: its name in the protocol, in the verdicts and in `cmvmon.text`.
        subject: `series` or `patient`: which key columns its verdicts fill.
        needs: the numbers that its stanza of the protocol holds.
        applies: true for the rows of `subjects` that it judges.
        fires, clears: null counts as false. Both at once is an error.
        tier: of an alert.
        reason: why neither fires nor clears, as a code.
        evidence: the facts that its verdicts carry, by name: enough to judge again.
        leaflet: what it watches, why, what it must not be read as, source (its module's docstring).
    """

    code: str
    subject: str
    needs: frozenset[str]
    applies: Callable[[], pl.Expr]
    fires: Expression
    clears: Expression
    tier: Expression
    reason: Expression
    evidence: Callable[[RuleStanza], dict[str, pl.Expr]]
    leaflet: str


def verdicts_of(rule: Rule, subjects: pl.DataFrame, *, protocol: Protocol) -> pl.DataFrame:
    """What `rule` says of each of its subjects: the columns of `verdicts`, without `as_of` and `protocol_version`.

    `when(fires) alert, when(clears) clear, otherwise not_assessable(reason)`. Evidence is JSON text with sorted keys:
    the rule's facts, every number of its stanza, and the statements of the guide.
    """
    stanza = protocol.rules[rule.code]
    judged = subjects.filter(rule.applies()).with_columns(
        fires=rule.fires(stanza).fill_null(False), clears=rule.clears(stanza).fill_null(False)
    )
    verdict = (
        pl.when("fires")
        .then(pl.lit(words.ALERT))
        .when("clears")
        .then(pl.lit(words.CLEAR))
        .otherwise(pl.lit(words.NOT_ASSESSABLE))
    )
    compartment = pl.col("compartment") if "compartment" in KINDS[rule.subject] else pl.lit(None, dtype=pl.String)
    return judged.with_columns(verdict=verdict).select(
        pl.lit(rule.subject).alias("subject_kind"),
        "patient_id",
        compartment.alias("compartment"),
        subject_expr(rule.subject),
        pl.lit(rule.code).alias("rule"),
        "verdict",
        pl.when(pl.col("verdict") == words.NOT_ASSESSABLE).then(rule.reason(stanza)).alias("reason"),
        pl.when(pl.col("verdict") == words.ALERT).then(rule.tier(stanza)).cast(pl.Int64).alias("tier"),
        _evidence(rule, stanza, judged),
    )


def _evidence(rule: Rule, stanza: RuleStanza, judged: pl.DataFrame) -> pl.Expr:
    """One JSON text per row, keys sorted; moments in ISO 8601, UTC."""
    facts = rule.evidence(stanza)
    schema = judged.clear().select(**facts).schema
    parts = {
        name: fact.dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ") if isinstance(schema[name], pl.Datetime) else fact
        for name, fact in facts.items()
    }
    parts |= {name: pl.lit(float(number)) for name, number in stanza.numbers.items()}
    parts["guide"] = pl.lit(" ".join(stanza.provenance.guide))
    return pl.struct(parts[name].alias(name) for name in sorted(parts)).struct.json_encode().alias("evidence")
