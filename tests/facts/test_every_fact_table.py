"""What holds of every fact table by its being one: order, other patients, later rows and asking twice change nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cmvmon.assess import prepared
from cmvmon.domain.columns import split_by_promises
from cmvmon.domain.doses_given import DOSES_GIVEN
from cmvmon.domain.drug_levels import DRUG_LEVELS
from cmvmon.domain.kidney_function import KIDNEY_FUNCTION
from cmvmon.domain.known import Known
from cmvmon.domain.laboratory_values import LABORATORY_VALUES
from cmvmon.domain.moved_together import WAYS, MovedTogether
from cmvmon.domain.resistance_reports import RESISTANCE_REPORTS
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.facts import Facts, FactTable, all_fact_tables, facts_at
from cmvmon.rules import all_rules
from cmvmon.rules.context import LINES
from cmvmon.shell.folder.protocol_files import Protocol
from tests.rules.reference_wards import Reference

WARDS = (
    Reference("everything", 11, 40.0),
    Reference("resistance_emerging", 12, 52.0, follows=True),
    Reference("assay_change", 13, 47.0, courses=False),
    Reference("blips", 14, 60.0, "line", stays=False),
)
TABLES = tuple(all_fact_tables().values())
EVERY = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.rows.name)


def known(ward: Reference) -> Known:
    tables = {
        VIRAL_LOAD_RESULTS: ward.results(),
        ANTIVIRAL_COURSES: ward.antiviral_courses(),
        ICU_STAYS: ward.icu_stays(),
        DOSES_GIVEN: ward.doses_given(),
        KIDNEY_FUNCTION: ward.kidney_function(),
    }
    if ward == WARDS[0]:
        tables[VIRAL_LOAD_RESULTS] = _with_withdrawals(tables[VIRAL_LOAD_RESULTS])
        tables[RESISTANCE_REPORTS] = _reports(ward)
        tables |= {DRUG_LEVELS: _levels(ward), LABORATORY_VALUES: _counts(ward)}
    unread = frozenset(ward.results()["patient_id"].unique().sort()[::3]) if ward == WARDS[0] else frozenset[str]()
    came = {VIRAL_LOAD_RESULTS.name: dict.fromkeys(sorted(unread)[::2], ward.as_of)}
    waits = {VIRAL_LOAD_RESULTS.name: unread}
    names = sorted(ward.results()["laboratory"].unique())[:1] if ward == WARDS[0] else []
    silent = dict.fromkeys(names, ward.as_of - timedelta(days=1))
    assays = sorted(ward.results().select("laboratory", "assay").unique().rows())
    week = ward.as_of - timedelta(days=7)
    moved = tuple(MovedTogether(*assay, way, week, 8, 10, 7) for assay in assays for way in WAYS)
    told = {"moved_together": moved, "unread": waits, "unread_until": came, "silent_laboratories": silent}
    return Known.of(tables, concordance=ward.concordance(), **told)


def _with_withdrawals(results: pl.DataFrame) -> pl.DataFrame:
    """The first result of every patient withdrawn two days after it was reported; made up."""
    firsts = (
        results.filter(pl.col("result_status") == "final")
        .sort("collected_at", "result_id")
        .unique("patient_id", keep="first", maintain_order=True)
    )
    later = pl.coalesce("reported_at", "collected_at") + pl.duration(days=2)
    taken = firsts.with_columns(result_status=pl.lit("withdrawn"), reported_at=later, received_at=later)
    return pl.concat([results, VIRAL_LOAD_RESULTS.conform(taken)])


def _levels(ward: Reference) -> pl.DataFrame:
    """Of every patient a level 20 minutes before the twelfth dose of a drug; made up."""
    doses = ward.doses_given().filter(pl.col("administered") == "given").sort("patient_id", "drug", "given_at")
    twelfth = doses.filter(pl.int_range(pl.len()).over("patient_id", "drug") == 11)
    return DRUG_LEVELS.conform(
        twelfth.select(
            "patient_id",
            "drug",
            sampled_at=pl.col("given_at") - pl.duration(minutes=20),
            level_value=pl.lit(1.4),
            unit=pl.lit("mg/L"),
        )
    )


def _counts(ward: Reference) -> pl.DataFrame:
    """Of every patient neutrophils, haemoglobin and ionised calcium of one and of five days before; made up."""
    values = pl.DataFrame(
        {"analyte": ["neutrophils", "haemoglobin", "ionised_calcium"], "analyte_value": [0.4, 5.0, 1.1]}
    )
    units = pl.DataFrame({"analyte": values["analyte"], "unit": ["10^9/L", "mmol/L", "mmol/L"]})
    days = pl.DataFrame({"days": [1, 5]})
    patients = ward.results().select("patient_id").unique().sort("patient_id")
    at = (pl.lit(ward.as_of) - pl.duration(days=pl.col("days"))).cast(pl.Datetime("us", "UTC"))
    rows = patients.join(values.join(units, on="analyte"), how="cross").join(days, how="cross")
    return LABORATORY_VALUES.conform(rows.with_columns(sampled_at=at))


def _reports(ward: Reference) -> pl.DataFrame:
    """Of every patient a change of UL97 that names ganciclovir, and a request that waits; made up."""
    patients = ward.results().select("patient_id").unique().sort("patient_id")
    asked, told = (pl.lit(ward.as_of - timedelta(days=days)).cast(pl.Datetime("us", "UTC")) for days in (10, 3))
    row = {"method": pl.lit("genotype"), "requested_at": asked, "compartment": pl.lit("plasma")}
    found = patients.with_columns(
        **row,
        request_id=pl.lit("1"),
        gene=pl.lit("UL97"),
        finding=pl.lit("mutation"),
        mutation=pl.lit("A594V"),
        ganciclovir_as_reported=pl.lit("resistant"),
        reported_at=told,
    )
    waits = patients.with_columns(**row, request_id=pl.lit("2"), finding=pl.lit("requested"))
    return pl.concat([RESISTANCE_REPORTS.conform(frame) for frame in (found, waits)])


def facts_of(ward: Reference, rows: Known) -> Facts:
    protocol = Protocol.shipped()
    made = prepared(rows, protocol=protocol, as_of=ward.as_of, method=ward.method)
    return facts_at(made, protocol=protocol, as_of=ward.as_of)


@pytest.fixture(scope="module")
def plain() -> list[Facts]:
    return [facts_of(ward, known(ward)) for ward in WARDS]


@pytest.fixture(scope="module")
def shuffled() -> list[Facts]:
    mixed = []
    for ward in WARDS:
        rows = known(ward)
        tables = {name: frame.sample(fraction=1.0, shuffle=True, seed=5) for name, frame in rows.tables.items()}
        mixed.append(facts_of(ward, replace(rows, tables=tables)))
    return mixed


@pytest.fixture(scope="module")
def of_some(plain: list[Facts]) -> list[Facts]:
    """Every third patient alone; what blood follows is told of the whole unit, as a store would."""
    some = []
    for ward, facts in zip(WARDS, plain, strict=True):
        rows = known(ward)
        tables = {name: frame.filter(pl.col("patient_id").is_in(third(facts))) for name, frame in rows.tables.items()}
        some.append(facts_of(ward, replace(rows, tables=tables, concordance=facts.prepared.concordance)))
    return some


@pytest.fixture(scope="module")
def with_later() -> list[Facts]:
    """More of everything after the moment: of each row a copy that began later, and an end after it on each open row."""
    more = []
    for ward in WARDS:
        rows, later = known(ward), timedelta(days=200)
        results = rows[VIRAL_LOAD_RESULTS]
        tables = dict(rows.tables)
        tables[VIRAL_LOAD_RESULTS.name] = pl.concat(
            [
                results,
                results.with_columns(
                    pl.col("collected_at", "received_at", "reported_at") + later,
                    result_id=pl.col("result_id") + ":later",
                ),
            ]
        )
        if RESISTANCE_REPORTS.name in tables:
            asked = tables[RESISTANCE_REPORTS.name]
            moved = asked.with_columns(pl.col("requested_at", "reported_at") + later, request_id=pl.lit("later"))
            tables[RESISTANCE_REPORTS.name] = pl.concat([asked, moved])
        for row_type, end in ((ANTIVIRAL_COURSES, "stopped_at"), (ICU_STAYS, "discharged_at")):
            if row_type.name in tables:
                frame = tables[row_type.name]
                tables[row_type.name] = frame.with_columns(pl.col(end).fill_null(ward.as_of + later))
        more.append(facts_of(ward, replace(rows, tables=tables)))
    return more


def third(facts: Facts) -> list[str]:
    return sorted(facts.prepared.results["patient_id"].unique())[::3]


@EVERY
def test_it_has_rows_of_some_ward_and_one_row_for_each_key(table: FactTable, plain: list[Facts]) -> None:
    frames = [facts.of(table.rows) for facts in plain]
    assert sum(frame.height for frame in frames) > 0
    for frame in frames:
        assert frame.schema == pl.Schema(table.rows.schema)
        assert not frame.select(table.rows.key).is_duplicated().any()


@EVERY
def test_its_rows_keep_its_promises(table: FactTable, plain: list[Facts]) -> None:
    for facts in plain:
        _, broken = split_by_promises(facts.of(table.rows), table.rows)
        assert broken.select("reason", "column").unique().rows() == []


@EVERY
def test_the_order_of_the_rows_changes_nothing(table: FactTable, plain: list[Facts], shuffled: list[Facts]) -> None:
    for one, other in zip(plain, shuffled, strict=True):
        assert_frame_equal(one.of(table.rows), other.of(table.rows), check_exact=True)


@EVERY
def test_other_patients_change_nothing(table: FactTable, plain: list[Facts], of_some: list[Facts]) -> None:
    for one, some in zip(plain, of_some, strict=True):
        mine = one.of(table.rows).filter(pl.col("patient_id").is_in(third(one)))
        assert_frame_equal(mine, some.of(table.rows), check_exact=True)


@EVERY
def test_what_happens_after_the_moment_changes_nothing(
    table: FactTable, plain: list[Facts], with_later: list[Facts]
) -> None:
    for one, more in zip(plain, with_later, strict=True):
        assert_frame_equal(one.of(table.rows), more.of(table.rows), check_exact=True)


@EVERY
def test_computed_twice_it_is_the_same(table: FactTable, plain: list[Facts]) -> None:
    for facts in plain:
        again = facts_at(facts.prepared, protocol=facts.protocol, as_of=facts.as_of)
        assert_frame_equal(facts.of(table.rows), again.of(table.rows), check_exact=True)


@EVERY
def test_it_says_what_it_is_and_how_it_is_made(table: FactTable) -> None:
    assert table.compute.__doc__
    assert set(table.rows.key) <= {column.name for column in table.rows.columns}
    assert all(column.description.endswith(".") for column in table.rows.columns)


def test_nobody_is_watched_but_the_patients_that_are_known(plain: list[Facts]) -> None:
    for facts in plain:
        everyone = set(facts.of(all_fact_tables()["patients"].rows)["patient_id"])
        assert all(set(facts.of(table.rows)["patient_id"]) <= everyone for table in TABLES)


def test_every_fact_is_read_by_a_rule_but_those_that_lead_to_others_or_make_a_sample_whole() -> None:
    read = {name for rule in all_rules() for name in rule.reads | rule.result_columns}
    unread = {name for table in TABLES for name in table.facts} - read
    ways = {"newest_collected_at", "leads_as", "has_died", "death_doubt"}
    whole = {"previous_is_conflicting"}
    on_the_page = {"last_known_at"} | {name for line in LINES for name in line.when.columns}
    assert unread - whole - on_the_page == ways
