"""The gate's own manners: structure first, NaN is no empty cell, a wrong call is told so, no value leaves it."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from cmvmon.data_contracts import engine
from cmvmon.data_contracts import gate as gate_module
from cmvmon.data_contracts.batch import pandas_batch
from cmvmon.data_contracts.engine import great_expectations
from cmvmon.data_contracts.gate import gate, live_gate
from cmvmon.domain.errors import SiteError
from tests.contracts.mutations import NAN
from tests.contracts.valid_tables import AS_OF, bare, full, references, table_of
from tests.generate import ROOT

RESULTS = "viral_load_results"


@pytest.mark.parametrize("table", ["icu_stays", "weekly_decline", "verdicts"])
def test_an_empty_table_passes(table: str) -> None:
    frame = table_of(table, [])
    report = gate(table, frame, as_of=AS_OF, references=references(table, frame))
    assert (report.passed, report.broken) == (True, ())


def test_a_missing_column_is_named_with_every_promise_that_could_not_be_judged() -> None:
    frame = table_of(RESULTS, [full(RESULTS), full(RESULTS)]).drop("detection")
    report = gate(RESULTS, frame, as_of=AS_OF)
    assert not report.passed
    assert (report.broken[0].name, report.broken[0].column, report.broken[0].n_rows) == (
        "missing_column",
        "detection",
        2,
    )
    assert all("could not be judged" in breach.sentence for breach in report.broken[1:])
    about = {"missing_detection", "unknown_detection", "missing_viral_load_iu_per_ml"}
    assert about <= {breach.name for breach in report.broken[1:]}


def test_every_column_of_another_type_is_named() -> None:
    others: dict[str, pl.DataType | type[pl.DataType]] = {
        "patient_id": pl.Categorical,
        "collected_at": pl.Datetime("us"),
        "viral_load_iu_per_ml": pl.String,
        "lod_iu_per_ml": pl.Float32,
        "lloq_iu_per_ml": pl.Int64,
        "reported_at": pl.Datetime("us", "Europe/Amsterdam"),
        "received_at": pl.Datetime("ms", "UTC"),
    }
    frame = table_of(RESULTS, [full(RESULTS)]).with_columns(pl.col(name).cast(kind) for name, kind in others.items())
    report = gate(RESULTS, frame, as_of=AS_OF)
    assert [breach.column for breach in report.broken if breach.name == "wrong_type"] == list(others)
    assert all("could not be judged" in b.sentence for b in report.broken if b.name != "wrong_type")


def test_a_column_that_the_contract_does_not_name_is_left_alone() -> None:
    frame = table_of(RESULTS, [full(RESULTS)]).with_columns(is_conflicting=pl.lit(False), other=pl.lit([1]))
    assert gate(RESULTS, frame, as_of=AS_OF).passed


def test_nan_breaks_the_promise_of_a_finite_number_though_pandas_takes_it_for_null() -> None:
    row = bare(RESULTS) | {"detection": "quantified", "viral_load_iu_per_ml": NAN}
    report = gate(RESULTS, table_of(RESULTS, [row]), as_of=AS_OF)
    assert [(breach.name, breach.n_rows) for breach in report.broken] == [("implausible_viral_load_iu_per_ml", 1)]


@pytest.mark.parametrize("rows", [0, 1, 2], ids=["empty", "all null", "mixed"])
def test_a_batch_has_the_contracts_types_whatever_it_holds(rows: int) -> None:
    frame = table_of(RESULTS, [bare(RESULTS), full(RESULTS)][:rows]).with_columns(n=pl.lit(2**60 + 1), b=pl.lit(True))
    batch = pandas_batch(frame)
    kinds = {str(kind) for kind in batch.dtypes}
    assert kinds == {"str", "float64", "datetime64[us, UTC]", "Int64", "boolean"}
    assert list(batch["n"]) == [2**60 + 1] * rows
    assert batch.isna().sum().to_dict() == frame.null_count().row(0, named=True)
    moments = [None if at is None else at.isoformat() for at in frame["reported_at"]]
    assert [None if str(at) == "NaT" else at.to_pydatetime().isoformat() for at in batch["reported_at"]] == moments


def test_a_promise_that_great_expectations_fails_to_judge_counts_as_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error's type is told, its message is not: it may quote a value."""

    row = full("assays") | {"assay": "SYN-MARKED"}
    gxe = great_expectations().expectations
    misjudged = gxe.ExpectColumnValuesToBeBetween(column="assay", min_value=1, max_value=2)
    monkeypatch.setattr(gate_module, "expectation", lambda rule, as_of: misjudged.copy())
    report = gate("assays", table_of("assays", [row]), as_of=AS_OF)
    assert not report.passed
    assert all("could not be judged (MetricResolutionError)" in breach.sentence for breach in report.broken)
    assert "SYN-MARKED" not in repr(report)


def test_calls_that_can_not_be_answered_are_refused_in_words() -> None:
    frame = table_of("verdicts", [])
    with pytest.raises(SiteError, match="no contract for table 'verdict'"):
        gate("verdict", frame, as_of=AS_OF)
    with pytest.raises(SiteError, match=r"known_patients = keys of \(patient_id\)"):
        gate("verdicts", frame, as_of=AS_OF)
    with pytest.raises(SiteError, match="refers to no series"):
        gate("assays", table_of("assays", []), as_of=AS_OF, references={"series": pl.Series(["a"])})
    with pytest.raises(SiteError, match="without an offset"):
        gate("assays", table_of("assays", []), as_of=AS_OF.replace(tzinfo=None))


MARKED_IDS = ["SYNMARK-7731", "SYNMARKSTAY-88", "synmark assay", "SYNMARKWARD"]
MARKED_NUMBER = 987654.321


@pytest.mark.parametrize("table", [RESULTS, "verdicts"])
def test_no_value_of_a_failing_table_is_in_any_result_message_or_log(
    table: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Marked fake ids and numbers in a table that breaks nearly everything, also where judging itself fails."""
    seen: list[object] = []
    plain = engine.validate

    def watched(batch: object, asked: list[object]) -> object:
        result = plain(batch, asked)  # type: ignore[arg-type]
        seen.append(result)
        return result

    monkeypatch.setattr(gate_module, "validate", watched)
    monkeypatch.setattr(gate_module, "_of_structure", gate_module._of_structure.__wrapped__)  # asked of each frame
    marks = {"patient_id": MARKED_IDS[0], "stay_id": MARKED_IDS[1], "assay": MARKED_IDS[2], "ward": MARKED_IDS[3]}
    schema = table_of(table, []).schema
    row = full(table) | {name: value for name, value in marks.items() if name in schema}
    for name, kind in schema.items():
        if kind == pl.Float64:
            row[name] = MARKED_NUMBER * 1e9
        elif name not in marks and kind == pl.String:
            row[name] = f"{MARKED_IDS[0]} in {name}"
    rows = pl.DataFrame([row, row, row | {"patient_id": None}], schema=schema)
    frames = [rows, rows.with_columns(pl.col(pl.Float64).cast(pl.String)), rows.drop("patient_id")]

    out, err = io.StringIO(), io.StringIO()
    caplog.set_level(logging.DEBUG)
    with redirect_stdout(out), redirect_stderr(err):
        reports = [
            gate(table, frame, as_of=AS_OF, references=references(table, rows.with_columns(patient_id=pl.lit("other"))))
            for frame in frames
        ]
    assert all(not report.passed for report in reports)
    assert len(seen) == 2 * len(frames)
    texts = [str(result) + repr(result) + json.dumps(result.to_json_dict()) for result in seen]  # type: ignore[attr-defined]
    logged = [record.getMessage() + str(record.exc_info) + str(record.args) for record in caplog.records]
    told = "\n".join([*texts, *logged, out.getvalue(), err.getvalue(), repr(reports)])
    marked = [*MARKED_IDS, "987654", "9.87654"]
    assert [mark for mark in marked if mark.lower() in told.lower()] == []
    assert [each.result for result in seen for each in result.results if each.result] == []  # type: ignore[attr-defined]


def test_importing_the_gate_brings_in_neither_great_expectations_nor_pandas() -> None:
    code = (
        "import sys, os\n"
        "from cmvmon.data_contracts import gate, odcs, dictionary\n"
        "heavy = {'great_expectations', 'pandas'} & set(sys.modules)\n"
        "print(sorted(heavy), 'GX_ANALYTICS_ENABLED' in os.environ)"
    )
    clean = {name: value for name, value in os.environ.items() if name != "GX_ANALYTICS_ENABLED"}
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, env=clean, cwd=ROOT
    )
    assert ran.stdout.strip() == "[] False"


def test_the_live_gate_says_the_same_of_missing_and_mistyped_columns() -> None:
    frame = table_of(RESULTS, [full(RESULTS)])
    for spoiled in (frame.drop("assay"), frame.with_columns(pl.col("collected_at").cast(pl.String)), frame.clear()):
        assert live_gate(RESULTS, spoiled, as_of=AS_OF) == gate(RESULTS, spoiled, as_of=AS_OF)


def test_one_delivery_is_judged_without_great_expectations_or_pandas(tmp_path: Path) -> None:
    """What a live delivery needs, in a process of its own: neither library is ever loaded."""
    script = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from cmvmon.run.daytime.feed import lab_feed
from cmvmon.shell.folder.landing import land
from cmvmon.shell.work.opening import open_site
root, as_of = Path(sys.argv[1]), datetime(2026, 3, 2, 8, tzinfo=UTC)
from tests import sites
from tests.patients import HEADERS
with open_site(root):
    pass
text = "\\n".join([HEADERS["viral_load_results"], sites.result("SYNTHETIC-1", 0, 1000), ""])
landed = land(root / "landing", text.encode(), feed="synthetic", table="viral_load_results", form="csv",
              file_name="one.csv", landed_at=as_of, is_history=False)
assert lab_feed(root, landed.delivery_id, as_of=as_of).published.written
print(sorted({"great_expectations", "pandas", "prefect"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr[-800:]


def test_the_type_of_an_error_is_told_wherever_great_expectations_puts_it_and_its_message_never() -> None:
    raised = {"raised_exception": True, "exception_traceback": "Traceback\n  line\nValueError: P1 had 3.5"}
    assert gate_module._raised(raised) == "ValueError"
    assert gate_module._raised({"('metric',)": raised}) == "ValueError"
    assert gate_module._raised({"raised_exception": True}) == "unknown error"
    assert (
        gate_module._raised({"raised_exception": False}) == gate_module._raised({}) == gate_module._raised(None) == ""
    )


def test_judging_a_table_draws_nothing_on_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    gate(RESULTS, table_of(RESULTS, [full(RESULTS)]), as_of=AS_OF)
    assert tuple(capfd.readouterr()) == ("", "")


def test_great_expectations_reports_nothing_to_its_makers_and_keeps_no_folder_of_documentation() -> None:
    held = engine._whole_table().data_asset.datasource.data_context
    assert held is not None
    assert held.config.analytics_enabled is False
    assert held.config.data_docs_sites == {}


def test_what_great_expectations_does_not_answer_counts_as_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "validate", lambda batch, asked: SimpleNamespace(results=[]))
    report = gate(RESULTS, table_of(RESULTS, [full(RESULTS)]), as_of=AS_OF)
    assert not report.passed
