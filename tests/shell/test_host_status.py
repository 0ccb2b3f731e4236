"""A table that only its row type, its entry and its contract know of goes the whole way: drop folder, store, replay, gate, analysis."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cmvmon.domain.errors import ContractBroken
from cmvmon.domain.host_status import HOST_STATUS
from cmvmon.run.deliveries.intake import take_in_drop
from cmvmon.run.judging.assessing import assessed
from cmvmon.shell.as_known import known
from cmvmon.shell.work.opening import open_site
from cmvmon.workbench.analysis import analyze
from tests import sites
from tests.sites import day, result, text

HEADER = "patient_id,condition,stated_at,ended_at,cd4_cells_per_ul,source"


def dropped(root: Path, *lines: str, name: str = "one.csv") -> None:
    path = root / "drop" / "icu" / "host_status" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")


def test_it_is_taken_in_replayed_read_as_of_a_moment_and_told_of_whom_it_could_not_be_read(site: Path) -> None:
    hiv = f"P1,hiv_aids,{text(day(0))}"
    dropped(
        site,
        f"{hiv},,40,list",
        "P2,frail,2026-03-01T08:00:00Z,,,",
        f"P3,sepsis,{text(day(0))},,,a",
        f"P3,sepsis,{text(day(0))},,,b",
    )
    with open_site(site) as opened:
        take_in_drop(opened, received_at=day(1))
        dropped(site, f"{hiv},{text(day(9))},40,list", name="two.csv")
        take_in_drop(opened, received_at=day(2))
        with opened.reading() as connection:
            before, first, second = (known.known(connection, opened.site, as_of=day(d)) for d in (0.5, 1.5, 2.5))
    assert not before.was_delivered(HOST_STATUS)
    rows = [
        found[HOST_STATUS].sort("patient_id").select("patient_id", "ended_at", "source").rows()
        for found in (first, second)
    ]
    assert rows == [[("P1", None, "list"), ("P3", None, None)], [("P1", day(9), "list"), ("P3", None, None)]]
    assert second.begun(day(8))[HOST_STATUS].filter(patient_id="P1")["ended_at"].to_list() == [None]
    assert second.unread_of(HOST_STATUS) == {"P2"}


@pytest.mark.slow
def test_the_gate_stops_an_assessment_on_a_row_that_breaks_its_contract(site: Path) -> None:
    sites.drop(site, "viral_load_results", [result("P1", 0, 1000)])
    dropped(site, f"P1,sepsis,{text(day(0))},,,")
    with open_site(site) as opened:
        take_in_drop(opened, received_at=day(1))
        assert assessed(opened, as_of=day(1)).patients.to_list() == ["P1"]
        with opened.engine.begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO host_status SELECT 99, patient_id, 'frail', stated_at, ended_at, cd4_cells_per_ul, source, received_at, "
                "delivery_id, 'x', 'x', 'x', landed_at, feed, attempt, 99, is_withdrawn FROM host_status"
            )
        with pytest.raises(ContractBroken, match="host_status breaks its contract"):
            assessed(opened, as_of=day(1))


def test_an_analysis_reads_it_and_sets_its_broken_rows_apart(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    header = (
        "result_id,patient_id,compartment,laboratory,assay,collected_at,result_status,detection,viral_load_iu_per_ml"
    )
    (source / "viral_load_results.csv").write_text(f"{header}\nR1,P1,bal,l,a,{text(day(0))},final,quantified,1000\n")
    lines = (HEADER, f"P1,sepsis,{text(day(0))},,,", f"P1,sepsis,{text(day(0))},,9,")
    (source / "host_status.csv").write_text("\n".join(lines) + "\n")
    done = analyze(source, tmp_path / "out", root=tmp_path / "site")
    assert done.quarantined["host_status"] == 1
    apart = pl.read_parquet(tmp_path / "out" / "quarantined.parquet")
    assert apart.select("table_name", "reason").rows() == [("host_status", "unexpected_cd4_cells_per_ul")]
