"""The rows of a rule's case tables, assessed together where the moment and what was delivered are the same: each its own patient.

A case stays what it tells of one patient, for one patient never changes another's verdict where the answers of the unit are the
same. So cases are put together only where their own unit says the same of concordance; each keeps that of its own patient. Names of
patients, results and stays are marked on the way in, and the marks are taken out of the verdicts. Only the case's own rule is judged,
and those that it reads. `test_together.py` holds a case that was assessed with others to what its rule says of it in an assessment
of its own, by every rule.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache

import polars as pl

from cmvmon.assess import prepared
from cmvmon.domain.known import Known
from cmvmon.domain.results import VERDICTS
from cmvmon.domain.rows import ASSAYS, VIRAL_LOAD_RESULTS
from cmvmon.facts import facts_at
from cmvmon.kinetics import concordance
from cmvmon.kinetics.noise.results_in_use import results_in_use
from cmvmon.rules import Rule, all_rules, judge
from cmvmon.shell.folder.protocol_files import Protocol
from tests.rules.reading import Case, at, cases, tables

_NAMES = ("patient_id", "result_id", "stay_id")
_TOLD = ("patient_id", "subject", "evidence")
_ORDER = ("patient_id", "compartment", "subject", "rule")
_RULES = {rule.code: rule for rule in all_rules()}


def verdicts_of(case: Case) -> pl.DataFrame:
    """What the case's rule says of its patients under the shipped protocol; computed once, however many tests look at it."""
    group = next((group for group in _groups(case.rule) if case in group), (case,))
    return _verdicts(group)[case]


@cache
def verdicts_alone(case: Case) -> pl.DataFrame:
    """The same, without the other cases: for whoever looks at a few."""
    return _judged(tables(case), case)


@cache
def _groups(rule: str) -> tuple[tuple[Case, ...], ...]:
    found: dict[Hashable, list[Case]] = {}
    for case in cases(rule):
        found.setdefault(_shared(case, _known(case)), []).append(case)
    return tuple(tuple(group) for group in found.values())


@cache
def _known(case: Case) -> Known:
    """The case's tables, with the concordance that they give by themselves."""
    known = tables(case)
    return replace(known, concordance=_concordance(tuple(known[VIRAL_LOAD_RESULTS].rows()), case.as_of_day))


@cache
def _concordance(rows: tuple[tuple[object, ...], ...], as_of_day: float) -> pl.DataFrame:
    """Of results alone: many a case has those of another."""
    results = pl.DataFrame(rows, schema=VIRAL_LOAD_RESULTS.schema, orient="row")
    used = results_in_use(results, ASSAYS.empty(), protocol=Protocol.shipped(), as_of=at(as_of_day))
    return concordance(used, protocol=Protocol.shipped(), as_of=at(as_of_day))


def _shared(case: Case, known: Known) -> Hashable:
    """What must be the same of cases that are assessed together."""
    if known.last_heard or not known.assays.is_empty() or known.concordance is None:
        raise ValueError(f"{case.rule}: {case.name} tells what cases that are assessed together can't each have")
    of_unit = tuple(known.concordance.filter(scope="unit").rows())
    sent = tuple(sorted((name, words) for name, words in known.ever_sent.items()))
    silent = tuple(sorted({**known.silent, **known.silent_laboratories}.items()))
    return case.as_of_day, frozenset(known.tables), silent, known.moved_together, sent, known.answered is None, of_unit


@cache
def _verdicts(group: tuple[Case, ...]) -> dict[Case, pl.DataFrame]:
    marks = {case: f"~{place}~" for place, case in enumerate(group)}
    known = _joined([_marked(_known(case), mark) for case, mark in marks.items()])
    said = _judged(known, group[0])
    return {
        case: said.filter(pl.col("patient_id").str.ends_with(mark)).with_columns(
            pl.col(_TOLD).str.replace_all(mark, "", literal=True)
        )
        for case, mark in marks.items()
    }


def _judged(known: Known, case: Case) -> pl.DataFrame:
    """As `assess` judges, by the case's rule and those that it reads alone."""
    protocol, as_of = Protocol.shipped(), at(case.as_of_day)
    made = prepared(known, protocol=protocol, as_of=as_of)
    said = judge(_with_those_it_reads(case.rule), facts_at(made, protocol=protocol, as_of=as_of))
    told = said.filter(rule=case.rule).with_columns(protocol_version=pl.lit(protocol.version_with_priors))
    return VERDICTS.conform(told).sort(_ORDER, nulls_last=False)


def _with_those_it_reads(code: str) -> list[Rule]:
    codes, found = [code], set[str]()
    while codes:
        found.add(one := codes.pop())
        codes.extend(_RULES[one].follows - found)
    return [_RULES[one] for one in sorted(found)]


def _marked(known: Known, mark: str) -> Known:
    return replace(
        known,
        tables={name: _with_mark(rows, mark) for name, rows in known.tables.items()},
        concordance=None if known.concordance is None else _with_mark(known.concordance, mark),
        answered=None if known.answered is None else _with_mark(known.answered, mark),
        unread={name: frozenset(who + mark for who in them) for name, them in known.unread.items()},
        unread_until={name: {who + mark: at for who, at in them.items()} for name, them in known.unread_until.items()},
    )


def _came(each: Sequence[Known]) -> dict[str, dict[str, datetime]]:
    """When rows came that could not be used, of every patient."""
    name = VIRAL_LOAD_RESULTS.name
    return {name: {who: came for known in each for who, came in known.unread_until.get(name, {}).items()}}


def _with_mark(rows: pl.DataFrame, mark: str) -> pl.DataFrame:
    return rows.with_columns(pl.col(name) + mark for name in _NAMES if name in rows.columns)


def _joined(each: Sequence[Known]) -> Known:
    answered = [known.answered for known in each if known.answered is not None]
    of_each = pl.concat(known.concordance for known in each if known.concordance is not None)
    return replace(
        each[0],
        tables={name: pl.concat(known.tables[name] for known in each) for name in each[0].tables},
        concordance=of_each.unique(maintain_order=True),  # the unit's rows are the same of all
        answered=pl.concat(answered) if answered else None,
        unread={VIRAL_LOAD_RESULTS.name: frozenset().union(*(known.unread_of(VIRAL_LOAD_RESULTS) for known in each))},
        unread_until=_came(each),
    )
