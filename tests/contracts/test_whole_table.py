"""Each promise about a whole table has a mutation that breaks it alone, through the gate."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import polars as pl
import pytest

from cmvmon.data_contracts.gate import BrokenPromise, contract_texts, gate, live_gate
from cmvmon.data_contracts.promises import RowCount
from cmvmon.data_contracts.reading import Rule, read_contract
from cmvmon.domain.tables import TABLES
from tests.contracts.valid_tables import AS_OF, bare, full, references, table_of

Mutation = tuple[pl.DataFrame, dict[str, pl.Series], int]
NAMES = [table.name for table in TABLES]


def _doubled(table: str) -> Mutation:
    """The row without optional cells stands there twice: where the key may be null, null equals null."""
    frame = table_of(table, [full(table), bare(table)])
    return pl.concat([frame, frame[1:]]), references(table, frame), 2


def _unknown(table: str) -> Mutation:
    rows = [full(table), bare(table), full(table)]
    rows[0]["patient_id"] = "SYN-NOT-KNOWN"
    frame = table_of(table, rows)
    return frame, references(table, frame[1:]), 1


def _received(hours: float) -> pl.DataFrame:
    row = full("viral_load_results") | {"received_at": AS_OF - timedelta(hours=hours)}
    return table_of("viral_load_results", [row, row])


MUTATIONS: dict[tuple[str, str], Callable[[], Mutation]] = {
    ("viral_load_results", "duplicate_result"): lambda: _doubled("viral_load_results"),
    # Without any result the feed is not fresh either: `no_results` is tested by itself below.
    ("viral_load_results", "stale_feed"): lambda: (_received(48.01), {}, 2),
    ("antiviral_courses", "duplicate_course"): lambda: _doubled("antiviral_courses"),
    ("icu_stays", "duplicate_stay"): lambda: _doubled("icu_stays"),
    ("patient_movements", "duplicate_patient_movement"): lambda: _doubled("patient_movements"),
    ("host_status", "duplicate_host_status"): lambda: _doubled("host_status"),
    ("birth_dates", "duplicate_birth_date"): lambda: _doubled("birth_dates"),
    ("deaths", "duplicate_death"): lambda: _doubled("deaths"),
    ("doses_given", "duplicate_dose"): lambda: _doubled("doses_given"),
    ("kidney_function", "duplicate_kidney_function"): lambda: _doubled("kidney_function"),
    ("renal_replacement", "duplicate_renal_replacement"): lambda: _doubled("renal_replacement"),
    ("drug_levels", "duplicate_drug_level"): lambda: _doubled("drug_levels"),
    ("laboratory_values", "duplicate_laboratory_value"): lambda: _doubled("laboratory_values"),
    ("co_medication", "duplicate_co_medication"): lambda: _doubled("co_medication"),
    ("resistance_reports", "duplicate_resistance_report"): lambda: _doubled("resistance_reports"),
    ("samples_ordered", "duplicate_order"): lambda: _doubled("samples_ordered"),
    ("oxygenation", "duplicate_oxygenation"): lambda: _doubled("oxygenation"),
    ("cmv_serology", "duplicate_cmv_serology"): lambda: _doubled("cmv_serology"),
    ("hsv_results", "duplicate_hsv_result"): lambda: _doubled("hsv_results"),
    ("treatment_limitations", "duplicate_treatment_limitation"): lambda: _doubled("treatment_limitations"),
    ("patient_links", "duplicate_patient_link"): lambda: _doubled("patient_links"),
    ("assays", "duplicate_assay"): lambda: _doubled("assays"),
    ("weekly_decline", "duplicate_week"): lambda: _doubled("weekly_decline"),
    ("weekly_decline", "series_without_results"): lambda: _unknown("weekly_decline"),
    ("concordance", "duplicate_concordance"): lambda: _doubled("concordance"),
    ("next_sample", "duplicate_next_sample"): lambda: _doubled("next_sample"),
    ("verdicts", "duplicate_verdict"): lambda: _doubled("verdicts"),
    ("verdicts", "unknown_patient"): lambda: _unknown("verdicts"),
    ("alerts", "duplicate_alert"): lambda: _doubled("alerts"),
    ("quarantined_records", "duplicate_record"): lambda: _doubled("quarantined_records"),
}
TESTED_APART = {("viral_load_results", "no_results")}


def whole_table_rules() -> list[tuple[str, Rule]]:
    return [(name, rule) for name in NAMES for rule in read_contract(contract_texts(name)[1]).rules]


def test_every_whole_table_promise_has_a_mutation() -> None:
    assert {(table, rule.name) for table, rule in whole_table_rules()} == set(MUTATIONS) | TESTED_APART


@pytest.mark.parametrize(("table", "rule"), whole_table_rules(), ids=lambda v: v if isinstance(v, str) else v.name)
def test_a_whole_table_mutation_breaks_its_promise_and_nothing_else(table: str, rule: Rule) -> None:
    if (table, rule.name) in TESTED_APART:
        return
    frame, known, n_rows = MUTATIONS[table, rule.name]()
    report = gate(table, frame, as_of=AS_OF, references=known)
    assert live_gate(table, frame, as_of=AS_OF, references=known) == report
    breach = BrokenPromise(rule.name, rule.promise.columns[0], rule.sentence, n_rows)
    assert report.broken + report.warnings == (breach,)
    assert report.passed is (rule.severity == "warning")


def test_a_table_of_no_result_passes_with_two_warnings() -> None:
    report = gate("viral_load_results", table_of("viral_load_results", []), as_of=AS_OF)
    assert (report.passed, report.broken) == (True, ())
    assert [breach.name for breach in report.warnings] == ["no_results", "stale_feed"]
    assert [breach.n_rows for breach in report.warnings] == [1, 0]


def test_a_feed_is_fresh_up_to_and_including_48_hours() -> None:
    assert gate("viral_load_results", _received(48), as_of=AS_OF).warnings == ()


def test_freshness_is_counted_from_as_of() -> None:
    """The same table, judged two days later, is stale; judged then, it still passes."""
    later = gate("viral_load_results", _received(1), as_of=AS_OF + timedelta(days=2))
    assert [breach.name for breach in later.warnings] == ["stale_feed"]
    assert later.passed


def test_a_row_count_says_how_many_rows_are_lacking() -> None:
    assert [RowCount(3).broken_rows(pl.DataFrame({"a": range(n)})) for n in (1, 3, 4)] == [2, 0, 0]


def test_results_whose_receipt_is_unknown_are_not_fresh() -> None:
    row = full("viral_load_results") | {"received_at": None}
    report = gate("viral_load_results", table_of("viral_load_results", [row]), as_of=AS_OF)
    assert [(breach.name, breach.n_rows) for breach in report.warnings] == [("stale_feed", 1)]


def test_a_series_is_known_only_with_all_four_of_its_columns() -> None:
    """The same patient and compartment measured by another assay is another series."""
    frame = table_of("weekly_decline", [full("weekly_decline")])
    other = frame.with_columns(assay=pl.lit("assay b"))
    report = gate("weekly_decline", frame, as_of=AS_OF, references=references("weekly_decline", other))
    assert [(breach.name, breach.n_rows) for breach in report.broken] == [("series_without_results", 1)]
