"""A period that ends before it starts is set apart, in whichever table it comes (faults.md, row 94)."""

from __future__ import annotations

import pytest

from cmvmon.domain.delivered import BY_NAME
from tests.feeds.shipped import deliver

EARLY, LATE = "2026-05-03T08:00:00Z", "2026-05-04T08:00:00Z"
PERIODS = {
    "antiviral_courses": ("patient_id,drug,started_at,stopped_at", "SYNTH-{n},ganciclovir,{start},{stop}"),
    "icu_stays": ("stay_id,patient_id,admitted_at,discharged_at", "STAY-{n},SYNTH-{n},{start},{stop}"),
    "renal_replacement": ("patient_id,modality,started_at,stopped_at,effluent_ml_per_h", "SYNTH-{n},cvvh,{start},{stop},2000"),
    "co_medication": ("patient_id,atc_code,started_at,stopped_at", "SYNTH-{n},P01CX01,{start},{stop}"),
}  # fmt: skip


@pytest.mark.parametrize("table", PERIODS)
def test_a_period_that_ends_before_it_starts_is_set_apart_and_the_others_are_taken_in(table: str) -> None:
    header, line = PERIODS[table]
    periods = enumerate(((LATE, EARLY), (EARLY, LATE), (EARLY, EARLY), (EARLY, "")))
    lines = [line.format(n=n, start=start, stop=stop) for n, (start, stop) in periods]
    found = deliver("\n".join([header, *lines, ""]).encode(), "", table)
    (row,) = found.quarantined.to_dicts()
    assert "before" in row["reason"] or "after" in row["reason"]
    assert "with the sender" in row["remedy"]
    assert row["patient_id"] == "SYNTH-0"
    assert found.accepted["patient_id"].to_list() == ["SYNTH-1", "SYNTH-2", "SYNTH-3"]
    assert set(found.accepted.columns) >= set(BY_NAME[table].rows.key)
