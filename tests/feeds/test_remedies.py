"""What to do about a code is said of the file that holds the answer: a laboratory's words are mapped in its own."""

from __future__ import annotations

import pytest

from cmvmon.feeds.reasons import explain, remedy
from cmvmon.feeds.result_reasons import OF_RESULTS

RESULTS = "viral_load_results"


@pytest.mark.parametrize(
    ("code", "table", "names", "never"),
    [
        ("unknown_unit", RESULTS, "[units.delivered] of the laboratory file", "table file"),
        ("unknown_unit", "kidney_function", "[kidney_function.words.unit]", "laboratory file"),
        ("missing_unit", RESULTS, "`missing` in [units] of the laboratory file", "table file"),
        ("missing_unit", "drug_levels", "none is assumed", "laboratory file"),
        ("unknown_status", RESULTS, "[status.delivered]", "of_order"),
        ("unknown_order_status", RESULTS, "[status.of_order]", "delivered"),
        (
            "missing_collected_at",
            RESULTS,
            "Ask the sender for the date and time of collection",
            "a sample that was taken",
        ),
        ("missing_collected_at", "samples_ordered", "a sample that was taken", "laboratory file"),
    ],
)
def test_the_remedy_names_the_file_of_the_table(code: str, table: str, names: str, never: str) -> None:
    said = explain(code, feed="umc", table=table, column="OBX-6.1", line=3)
    assert said.startswith("umc, line 3, column `OBX-6.1`: ")
    assert names in said
    assert never not in said


def test_a_code_of_a_result_has_its_remedy_without_a_table_too() -> None:
    assert all(remedy(code) and remedy(code, table=RESULTS) for code in OF_RESULTS)
