"""The subjects of rules with the facts and numbers that they read: each fact table joined once, and only where a rule needs it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache

import polars as pl

from cmvmon.domain.errors import ProgramError
from cmvmon.domain.subjects import KINDS, subject_expr
from cmvmon.facts import Facts, FactTable
from cmvmon.facts.conditions import PROTOCOL
from cmvmon.facts.fact_table import same_keys
from cmvmon.protocol import Protocol
from cmvmon.protocol.numbers import ByFact, number_of
from cmvmon.rules.evidence import moments_told, written
from cmvmon.rules.rulebook import GROUND, VERDICT, Rule

_Listed = tuple[str, tuple[str, ...]]  # kind of subject, and the compartments that are expected of everyone
Noted = tuple[Rule, pl.Series | None]  # a rule, and of which of its subjects it says something (None = of all)


class Joined:
    """The subjects of rules, each with the facts that were asked for: a fact table is joined once however many rules read it."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.noted: dict[_Listed, list[Noted]] = {}
        self._written: dict[tuple[_Listed, str], pl.Series] = {}
        self._subject_texts: dict[_Listed, pl.Series] = {}
        self._giving = giving(facts.tables)
        self._as_of = facts.now.alias("as_of")
        self._listed: dict[_Listed, pl.DataFrame] = {}
        self._beside: dict[tuple[_Listed, str], pl.DataFrame] = {}

    def subjects(self, rule: Rule) -> pl.DataFrame:
        """Those of the rule's kind; besides, a row without a series for each place that it expects and that has none."""
        listed = self._list_of(rule)
        if listed not in self._listed:
            self._listed[listed] = self._subjects(*listed)
        return self._listed[listed]

    def written(self, rule: Rule) -> pl.DataFrame:
        """Of each subject of the rule's kind `subject`, its text, and the moments that its evidence tells, as text: written once
        however many rules tell them, for that takes as long as all the rest of the evidence."""
        listed, moments = self._list_of(rule), sorted(moments_told(rule, self.facts.tables))
        lacking = [name for name in moments if (listed, name) not in self._written]
        if lacking:
            made = written(self.read(rule, lacking).select(lacking))
            self._written |= {(listed, name): column for name, column in zip(lacking, made.iter_columns(), strict=True)}
        return pl.DataFrame([self.subject_texts(rule), *(self._written[listed, name] for name in moments)])

    def subject_texts(self, rule: Rule) -> pl.Series:
        """`subject` of each subject of the rule's kind: its text, written once."""
        listed = self._list_of(rule)
        if listed not in self._subject_texts:
            self._subject_texts[listed] = self.subjects(rule).select(subject_expr(rule.subject)).to_series()
        return self._subject_texts[listed]

    def goes_by(self, rule: Rule) -> tuple[str, ...]:
        """The facts that numbers of the protocol go by which the rule reads."""
        numbers = numbers_of(rule, rule.reads, self.facts.protocol).values()
        return tuple(sorted({number.fact for number in numbers if isinstance(number, ByFact)}))

    def note(self, rule: Rule, which: pl.Series | None) -> None:
        """Keeps of which of its subjects the rule says something (None = of all)."""
        self.noted.setdefault(self._list_of(rule), []).append((rule, which))

    def forget_facts(self) -> None:
        """Gives back the memory of the facts that were joined; the subjects stay."""
        self._beside.clear()
        self._written.clear()

    def facts_of(self, rule: Rule, names: Collection[str]) -> dict[str, pl.Series]:
        """Those of the columns that are facts, of each subject of the rule's kind."""
        subjects = self.subjects(rule)
        found = {name: subjects.get_column(name) for name in names if name in subjects.columns}
        for table, beside in self._parts(rule, names, subjects):
            found |= {name: beside.get_column(name) for name in table.facts if name in names}
        return found

    @staticmethod
    def _list_of(rule: Rule) -> _Listed:
        return rule.subject, rule.expects

    def read(self, rule: Rule, columns: Collection[str]) -> pl.DataFrame:
        """One row per subject of the rule: what tells it from others, `as_of`, and these columns, facts and numbers.

        Columns that tell what another rule said are left out. Raises ProgramError where a fact table tells a subject twice.
        """
        subjects = self.subjects(rule)
        numbers = numbers_of(rule, columns, self.facts.protocol)
        wanted = {*columns, *(number.fact for number in numbers.values() if isinstance(number, ByFact))}
        there = [
            beside.get_column(name)
            for table, beside in self._parts(rule, wanted, subjects)
            for name in table.facts
            if name in wanted
        ]
        told = [_of_each(name, number) for name, number in numbers.items()]
        return subjects.hstack(there).with_columns(self._as_of, *told)

    def _parts(
        self, rule: Rule, wanted: Collection[str], subjects: pl.DataFrame
    ) -> list[tuple[FactTable, pl.DataFrame]]:
        """The fact tables that give these columns, each with its facts of the rule's subjects."""
        listed = self._list_of(rule)
        tables = [
            table
            for table in joined_tables(rule, wanted, self.facts.tables, self._giving)
            if table.lists != rule.subject
        ]
        lacking = [table for table in tables if (listed, table.rows.name) not in self._beside]
        later: dict[str, pl.LazyFrame] = {}
        for table in lacking:
            there, key = self.facts.of(table.rows), table.rows.key
            if same_keys(subjects, there, key):  # often: both are sorted by key, and there is nothing to join
                self._beside[listed, table.rows.name] = there
            else:  # only keys are joined, other columns stay as they are
                keys = subjects.lazy().select(key)
                found = keys.join(there.lazy(), on=key, how="left", nulls_equal=True, maintain_order="left")
                later[table.rows.name] = found.select(table.facts)
        for name, part in zip(later, pl.collect_all(later.values()) if later else (), strict=True):
            if part.height != subjects.height:
                raise ProgramError(f"the fact table {name} has several rows of one {self.facts.tables[name].rows.key}")
            self._beside[listed, name] = part
        return [(table, self._beside[listed, table.rows.name]) for table in tables]

    def _listing(self, subject: str) -> FactTable:
        return next(table for table in self.facts.tables.values() if table.lists == subject)

    def _subjects(self, subject: str, expects: tuple[str, ...]) -> pl.DataFrame:
        listing = self._listing(subject)
        rows = self.facts.of(listing.rows)
        if not expects:
            return rows
        patients = self.facts.of(self._listing("patient").rows).select("patient_id")
        expected = patients.join(pl.DataFrame({"compartment": expects}), how="cross")
        place = ["patient_id", "compartment"]
        return pl.concat([rows, expected.join(rows, on=place, how="anti")], how="diagonal").sort(*listing.rows.key)


def giving(tables: Mapping[str, FactTable]) -> dict[str, FactTable]:
    """The fact table that gives each fact."""
    return {fact: table for table in tables.values() for fact in table.facts}


def joined_tables(
    rule: Rule, columns: Collection[str], tables: Mapping[str, FactTable], given: Mapping[str, FactTable]
) -> list[FactTable]:
    """The fact tables that give these columns. Raises ProgramError where one is given by none, or not for such subjects.

    Args:
        given: as `giving` makes it of `tables`.
    """
    key = _key(rule, tables)
    needed: dict[str, FactTable] = {}
    for column in sorted(columns):
        if (
            column in key
            or column == "as_of"
            or column.startswith(PROTOCOL)
            or column.split(".")[0] in (VERDICT, GROUND)
        ):
            continue
        found = given.get(column)
        if found is None:
            raise ProgramError(f"the rule {rule.code} reads {column!r}, which no fact table gives")
        if missing := set(found.rows.key) - set(key):
            raise ProgramError(
                f"the rule {rule.code} reads {column!r} of the fact table {found.rows.name}, whose rows are told apart by "
                f"{', '.join(sorted(missing))}: a subject of kind {rule.subject} has no such key"
            )
        needed[found.rows.name] = found
    return list(needed.values())


def _key(rule: Rule, tables: Mapping[str, FactTable]) -> tuple[str, ...]:
    if rule.subject not in KINDS or not any(table.lists == rule.subject for table in tables.values()):
        raise ProgramError(f"the rule {rule.code} judges subjects of kind {rule.subject!r}, which no fact table lists")
    return KINDS[rule.subject]


def numbers_of(rule: Rule, columns: Collection[str], protocol: Protocol) -> dict[str, float | ByFact]:
    """The numbers of the protocol among these columns, by column."""
    names = sorted(name for name in columns if name.startswith(PROTOCOL))
    return {name: number_of(protocol, rule.code, name.removeprefix(PROTOCOL)) for name in names}


def _of_each(name: str, number: float | ByFact) -> pl.Expr:
    if isinstance(number, ByFact):
        return _by_word(name, number.fact, tuple(number.values.items()))
    return _of_all(name, number, isinstance(number, int))


@lru_cache(maxsize=1_000)
def _of_all(name: str, number: float, is_whole: bool) -> pl.Expr:
    """Made once: making it takes longer than asking it of a patient. `is_whole`: 1 and 1.0 are one key, and two types."""
    return pl.lit(number).alias(name)


@lru_cache(maxsize=100)
def _by_word(name: str, fact: str, values: tuple[tuple[str, float], ...]) -> pl.Expr:
    return pl.col(fact).replace_strict(dict(values), default=None, return_dtype=pl.Float64).alias(name)
