"""An assay of which the LLOQ is not known: what is then known of the load, in the facts that rules read."""

from __future__ import annotations

import polars as pl
import pytest

from cmvmon.assess import prepared
from cmvmon.domain.known import Known
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.facts import facts_at
from cmvmon.facts.rises import RISES
from cmvmon.facts.samples import SAMPLES
from cmvmon.shell.folder.protocol_files import Protocol
from tests.patients import known, moment

LOD = 17.5  # of plasma, in tests/patients.py


def facts_without_lloq(results: str) -> dict[str, float | None]:
    """The facts of the one compartment; every LLOQ was lost, every LOD stands."""
    given = known(results, courses="ganciclovir d0-", stays="d-3- plasma")
    tables = dict(given.tables)
    lost = tables[VIRAL_LOAD_RESULTS.name].with_columns(lloq_iu_per_ml=pl.lit(None, pl.Float64))
    policy, as_of = Protocol.shipped(), moment(15)
    made = prepared(Known(tables | {VIRAL_LOAD_RESULTS.name: lost}), protocol=policy, as_of=as_of)
    found = facts_at(made, protocol=policy, as_of=as_of)
    return found.of(SAMPLES).row(0, named=True) | found.of(RISES).row(0, named=True)


@pytest.mark.parametrize(("latest", "at_most"), [("nd", LOD), ("<35", None), ("900", 900.0), (">10000000", None)])
def test_a_detected_load_may_exceed_the_lod_and_one_not_detected_may_not(latest: str, at_most: float | None) -> None:
    found = facts_without_lloq(f"plasma d0 50000, d7 4000, d14 {latest}")
    assert found["latest_at_most_iu_per_ml"] == at_most


def test_no_rise_is_ruled_out_against_a_limit_of_quantification_that_is_not_known() -> None:
    """The largest rise can be told from the LOD; that a limit is missing is told beside it, and rules heed it."""
    found = facts_without_lloq("plasma d0 50000, d7 1750, d14 nd")
    assert found["rise_at_most_log10"] == pytest.approx(-2.0)
    assert found["has_limit_missing_since"] is True
