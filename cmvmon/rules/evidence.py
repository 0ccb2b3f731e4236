"""The evidence of a verdict: everything that its rule read, as JSON text, and read back it is judged again to the same.

It holds every column that the rule reads, the grounds that hold (`grounds`), the sentences of the alert (`says`), the
results that it rests on (`result_ids`) and the statements of the guide (`guide`). The patient and the moment that is judged
stand in the verdict itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from cmvmon.domain.columns import Kind
from cmvmon.facts import FactTable
from cmvmon.facts.conditions import PROTOCOL, Condition
from cmvmon.rules.asking import asked
from cmvmon.rules.rulebook import GROUND, VERDICT, Rule

_IN_THE_VERDICT = frozenset({"patient_id", "as_of"})
_TEXTS = pl.List(pl.String)
RestsOn = tuple[tuple[tuple[str, ...], Condition], ...]
FEW = 200
_NO_RESULTS = '"result_ids":[]'
_ESCAPED = r'["\\\x00-\x1f]'
MOMENT = "%Y-%m-%dT%H:%M:%S%.fZ"
_DAY_US, _MINUTE_US, _MOST_DAYS = 86_400_000_000, 60_000_000, 5_000
WRITTEN = "text of "  # the columns begin so that hold the moments of others as text


def evidence_of(rule: Rule, schema: pl.Schema, *, guide: Sequence[str]) -> pl.Expr:
    """One JSON text per row of a judged frame: keys sorted, moments in ISO 8601 UTC.

    Args:
        schema: of the frame that was judged. Where it has a moment as text already (`moments_told`, `written`), that is taken.
    """
    moments = frozenset(name for name in rule.reads - _IN_THE_VERDICT if isinstance(schema.get(name), pl.Datetime))
    written = frozenset(name for name in moments if f"{WRITTEN}{name}" in schema)
    lists = frozenset(name for name in rule.result_columns if isinstance(schema.get(name), pl.List))
    return _as_text(rule.reads - _IN_THE_VERDICT, rule.rests_on, moments - written, written, lists, " ".join(guide))


def own_evidence(
    rule: Rule, judged: pl.DataFrame, *, marks: npt.NDArray[np.int64], by: Collection[str], guide: Sequence[str]
) -> pl.Series:
    """The same without facts: the numbers of the protocol, what other rules said, the grounds, the sentences, and the results.

    Args:
        marks: for each row a number that is the same only where grounds and sentences are.
        by: the facts that numbers of the protocol go by. Rows that are the same in these and in `marks` have one text, written once,
            but for their results, which are put into it; nearly always nothing else is told.
    """
    reads, said = frozenset(name for name in rule.reads if name.startswith(PROTOCOL)), " ".join(guide)
    lists = frozenset(name for name in rule.result_columns if isinstance(judged.schema.get(name), pl.List))
    whole = _as_text(reads | said_by_others(rule), rule.rests_on, frozenset(), frozenset(), lists, said).alias(
        "evidence"
    )
    if said_by_others(rule):
        return judged.select(whole).to_series()
    _, first, place = np.unique(_with_facts(marks, judged.select(by)), return_index=True, return_inverse=True)
    told = judged.select("grounds", "says", *reads, *(rule.result_columns - reads))
    of_kind = _as_text(reads, (), frozenset(), frozenset(), lists, said).alias("evidence")
    texts = told[first].select(of_kind).to_series()
    rests = asked([condition for _, condition in rule.rests_on], judged)
    own = np.flatnonzero(sum((rests[condition] for _, condition in rule.rests_on), np.zeros(len(marks), np.bool_)))
    if len(own):
        ids = told[own].select(_results(rule.rests_on, lists).alias("ids")).to_series()
        is_plain = not ids.explode().str.contains(_ESCAPED).any()
        written = _with_results(texts.gather(place[own]), ids) if is_plain else told[own].select(whole).to_series()
        place[own] = len(texts) + np.arange(len(own))
        texts = texts.append(written)
    return texts.gather(place)


def _with_facts(marks: npt.NDArray[np.int64], facts: pl.DataFrame) -> npt.NDArray[np.int64]:
    """The marks, told apart by these texts too."""
    for texts in facts.iter_columns():
        known = texts.unique().drop_nulls().sort()
        codes = texts.cast(pl.Enum(known)).to_physical().cast(pl.Int64).fill_null(known.len()).to_numpy()
        marks = marks * (known.len() + 1) + codes
    return marks


def _with_results(texts: pl.Series, ids: pl.Series) -> pl.Series:
    """Evidence without results, with these in their place; none of the ids has a character that JSON writes otherwise."""
    parts = texts.str.split_exact(_NO_RESULTS, 1).struct.unnest()
    listed = (
        pl.when(ids.list.len() > 0)
        .then(pl.concat_str(pl.lit('["'), ids.list.join('","'), pl.lit('"]')))
        .when(ids.is_null())
        .then(pl.lit("null"))
        .otherwise(pl.lit("[]"))
    )
    return parts.select(
        pl.concat_str("field_0", pl.lit(_NO_RESULTS[:-2]), listed, "field_1").alias("evidence")
    ).to_series()


def said_by_others(rule: Rule) -> frozenset[str]:
    """The columns that tell what other rules said."""
    return frozenset(name for name in rule.reads if name.partition(".")[0] in (VERDICT, GROUND))


def moments_told(rule: Rule, tables: Mapping[str, FactTable]) -> frozenset[str]:
    """The moments among the facts that its evidence tells."""
    return frozenset(
        column.name
        for table in tables.values()
        for column in table.rows.columns
        if column.kind is Kind.MOMENT and column.name in rule.reads
    )


def written(moments: pl.DataFrame) -> pl.DataFrame:
    """Moments as the evidence tells them, each column named as text of its own."""
    return pl.DataFrame([_as_moments(column).rename(f"{WRITTEN}{column.name}") for column in moments.iter_columns()])


def _as_moments(moments: pl.Series) -> pl.Series:
    """Moments as text. Whole minutes within some years, as nearly all are, are put together from texts of days and of minutes: half
    of the time where most are known."""
    if 2 * moments.null_count() > moments.len():
        return moments.dt.strftime(MOMENT)
    whole = moments.dt.epoch("us")
    day = whole // _DAY_US
    minute, rest = (whole - day * _DAY_US) // _MINUTE_US, whole % _MINUTE_US
    first, last = day.min(), day.max()
    if (rest != 0).any() or not isinstance(first, int) or not isinstance(last, int) or last - first >= _MOST_DAYS:
        return moments.dt.strftime(MOMENT)
    days = pl.int_range(first, last + 1, eager=True) * _DAY_US
    of_days = days.cast(pl.Datetime("us")).dt.strftime("%Y-%m-%dT")
    parts = pl.DataFrame({"day": of_days.gather(day - first), "minute": _minutes().gather(minute)})
    return parts.select(pl.concat_str("day", "minute")).to_series()


@lru_cache(maxsize=1)
def _minutes() -> pl.Series:
    """The minutes of a day as text."""
    return (pl.int_range(24 * 60, eager=True) * _MINUTE_US).cast(pl.Datetime("us")).dt.strftime("%H:%M:%SZ")


@lru_cache(maxsize=200)
def _as_text(
    reads: frozenset[str],
    rests_on: RestsOn,
    moments: frozenset[str],
    written: frozenset[str],
    lists: frozenset[str],
    guide: str,
) -> pl.Expr:
    """Made once for a rule and its types: making it takes longer than writing the evidence of a patient."""
    parts = {name: pl.col(f"{WRITTEN}{name}" if name in written else name) for name in reads}
    parts |= {name: pl.col(name).dt.strftime(MOMENT) for name in moments}
    parts |= {"grounds": pl.col("grounds"), "says": pl.col("says"), "result_ids": _results(rests_on, lists)}
    parts["guide"] = pl.lit(guide)
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
    return read.with_columns(pl.col(moments).str.to_datetime(MOMENT, time_unit="us", time_zone="UTC"))


def types_of(rule: Rule, tables: Mapping[str, FactTable]) -> dict[str, pl.DataType]:
    """The polars type of each column of a rule's evidence that it reads."""
    facts = {column.name: column.kind.dtype for table in tables.values() for column in table.rows.columns}
    return {name: _type(name, facts) for name in sorted(rule.reads - _IN_THE_VERDICT)}


def _type(name: str, facts: Mapping[str, pl.DataType]) -> pl.DataType:
    if name.startswith(PROTOCOL):
        return pl.Float64()
    if name in facts:
        return facts[name]
    return pl.Boolean() if name.startswith(f"{GROUND}.") else pl.String()


def _results(rests_on: RestsOn, lists: frozenset[str]) -> pl.Expr:
    """The ids of the results that a verdict rests on, each once, in the order in which the rule names them."""
    found: pl.Expr = pl.lit([], dtype=_TEXTS)
    for names, condition in reversed(rests_on):
        if not lists.isdisjoint(names):
            held = (
                pl.when(condition.expr).then(pl.col(name)) for name in names
            )  # where it does not hold, nothing to do
            ids = pl.concat_list(*held).list.drop_nulls().list.unique(maintain_order=True)
        else:
            ids = pl.struct(_each_once(names)).map_batches(_as_lists, return_dtype=_TEXTS)
        found = pl.when(condition.expr).then(ids).otherwise(found)
    return found


def _each_once(names: Sequence[str]) -> list[pl.Expr]:
    """These columns, null where one before holds the same."""
    return [
        pl.when(pl.all_horizontal(pl.lit(True), *(pl.col(name).ne_missing(pl.col(other)) for other in names[:place])))
        .then(pl.col(name))
        .alias(name)
        for place, name in enumerate(names)
    ]


def _as_lists(ids: pl.Series) -> pl.Series:
    """The texts of each row as a list, nulls left out. Rows with equally many texts are made lists of together: neither `concat_list`
    nor a group for each row comes near. Of few rows one by one."""
    if ids.len() <= FEW:
        texts = [[text for text in row if text is not None] for row in ids.struct.unnest().iter_rows()]
        return pl.Series(ids.name, texts, dtype=_TEXTS)
    columns = ids.struct.unnest().get_columns()
    is_known = np.stack([column.is_not_null().to_numpy() for column in columns], axis=1)
    at = (
        np.arange(len(columns)) * ids.len() + np.arange(ids.len())[:, None]
    )  # where each text stands in all columns, one below the other
    texts_of_all, n_texts = pl.concat([column.alias("id") for column in columns]), is_known.sum(axis=1)
    parts, rows = [], []
    for n in np.unique(n_texts).tolist():
        of_these = np.flatnonzero(n_texts == n)
        rows.append(of_these)
        if n == 0:
            parts.append(pl.Series("id", [[]], dtype=_TEXTS).new_from_index(0, len(of_these)))
        else:
            texts = texts_of_all[at[of_these][is_known[of_these]]]
            parts.append(texts.reshape((len(of_these), n)).arr.to_list())
    return pl.concat(parts)[np.argsort(np.concatenate(rows), kind="stable")].alias(ids.name)
