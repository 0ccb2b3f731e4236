"""`why` names the row of a table of the protocol on which an alert rests, with its source: for every case of the rules that rest on one."""

from __future__ import annotations

import json

import pytest

from cmvmon.run.asking.protocol_rows import rows_of
from cmvmon.shell.folder.protocol_files import Protocol
from tests.rules.reading import Case, about, cases
from tests.rules.together import verdicts_of

PROTOCOL = Protocol.shipped()
BY_ROWS = {
    "exposure_low": "doses.",
    "exposure_high": ("doses.", "levels."),
    "interaction_note": "interactions",
}
ALERTS = [case for rule in BY_ROWS for case in cases(rule) if case.verdict == "alert"]


@pytest.mark.parametrize("case", ALERTS, ids=lambda case: f"{case.rule}: {case.name}")
def test_an_alert_about_doses_levels_or_pairs_names_its_row_and_source(case: Case) -> None:
    verdict = verdicts_of(case).filter(about(case)).row(0, named=True)
    evidence = json.loads(verdict["evidence"])
    found = rows_of(PROTOCOL, json.loads(verdict["subject"]) | evidence)
    told = {"band", "replacement", "target"} & set(evidence["says"]) or case.rule == "interaction_note"
    assert bool(found) is bool(told)
    for row in found:
        assert row["stanza"].startswith(BY_ROWS[case.rule])
        assert all(row[name] for name in ("row", "source", "strength", "owner"))


def test_the_row_is_the_one_that_was_held_against() -> None:
    (row,) = rows_of(PROTOCOL, {"drug": "ganciclovir", "exposure_band": "[25, 50) mL/min", "says": ["band"]})
    assert row["row"].startswith("[25, 50) mL/min: induction 2.5 mg/kg q24h; maintenance 1.25 mg/kg q24h")
    (row,) = rows_of(PROTOCOL, {"drug": "foscarnet", "kidney_function_now": 0.399, "no_dose_up_to": 0.4})
    assert "0.4" in row["row"]
    assert "induction none" in row["row"]
    target = PROTOCOL.levels["ganciclovir"].rows[0]
    found = rows_of(
        PROTOCOL,
        {
            "level_drug": "ganciclovir",
            "trough_from_mg_per_l": target.trough_from_mg_per_l,
            "trough_to_mg_per_l": target.trough_to_mg_per_l,
        },
    )
    assert target.source in {row["source"] for row in found}
    (pair,) = rows_of(PROTOCOL, {"drug": "foscarnet", "other_drug": "citrate"})
    assert pair["stanza"] == "interactions"


def test_an_alert_that_rests_on_no_table_names_no_row() -> None:
    assert rows_of(PROTOCOL, {"says": ["rise"], "rise_log10": 1.2}) == []
