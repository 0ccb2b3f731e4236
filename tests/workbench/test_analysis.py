"""The stateless form: tables in a folder in, weekly decline and verdicts out."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from cmvmon.domain.errors import DeliveryError, SiteError
from cmvmon.domain.results import VERDICTS, WEEKLY_DECLINE
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.workbench.analysis import Analysed, analyze
from tests.sites import day, text

RESULT = ",".join(VIRAL_LOAD_RESULTS.exchanged)
COURSE = ",".join(ANTIVIRAL_COURSES.exchanged)
STAY = ",".join(ICU_STAYS.exchanged)


def line(
    patient: str, number: float, load: float | str, *, status: str = "final", result_id: str = "", lloq: float = 35
) -> str:
    detection = "quantified" if isinstance(load, float | int) else {"<": "below_lloq", "nd": "not_detected"}[load]
    value = load if detection == "quantified" else ""
    name = result_id or f"{patient}-{number:g}"
    return f"{name},{patient},plasma,lab,assay,{text(day(number))},{status},{detection},{value},,{lloq},"


def folder(root: Path, results: list[str], *, courses: list[str] | None = None, stays: list[str] | None = None) -> Path:
    source = root / "in"
    source.mkdir(exist_ok=True)
    (source / "viral_load_results.csv").write_text("\n".join([RESULT, *results]) + "\n")
    if courses is not None:
        (source / "antiviral_courses.csv").write_text("\n".join([COURSE, *courses]) + "\n")
    if stays is not None:
        (source / "icu_stays.csv").write_text("\n".join([STAY, *stays]) + "\n")
    return source


def treated(patient: str = "P1", start: float = 0, stop: str = "") -> str:
    return f"{patient},ganciclovir,treatment,,5,12,iv,{text(day(start))},{stop},"


def analysed(
    source: Path, root: Path, *, as_of: float | None = None
) -> tuple[Analysed, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    out = root / "out"
    done = analyze(source, out, root=root / "site", as_of=None if as_of is None else day(as_of), replace=True)
    return done, *(pl.read_parquet(out / f"{name}.parquet") for name in ("weekly_decline", "verdicts", "quarantined"))


SLOW = [line("P1", d, load) for d, load in ((0, 100000), (7, 90000), (14, 80000))]


def test_the_output_has_the_columns_of_its_row_types_in_their_order(tmp_path: Path) -> None:
    _, weekly, verdicts, _ = analysed(folder(tmp_path, SLOW, courses=[treated()]), tmp_path)
    assert dict(weekly.schema) == WEEKLY_DECLINE.schema
    assert dict(verdicts.schema) == VERDICTS.schema
    assert weekly.height == 3
    for evidence in verdicts["evidence"]:
        assert list(json.loads(evidence)) == sorted(json.loads(evidence))


def test_parquet_and_csv_give_the_same_bytes(tmp_path: Path) -> None:
    source = folder(tmp_path, SLOW, courses=[treated()])
    analysed(source, tmp_path)
    first = [(tmp_path / "out" / name).read_bytes() for name in ("weekly_decline.parquet", "verdicts.parquet")]
    for name in ("viral_load_results", "antiviral_courses"):
        pl.read_csv(source / f"{name}.csv", try_parse_dates=True).write_parquet(source / f"{name}.parquet")
        (source / f"{name}.csv").unlink()
    analysed(source, tmp_path)
    assert [(tmp_path / "out" / name).read_bytes() for name in ("weekly_decline.parquet", "verdicts.parquet")] == first


def test_row_order_changes_no_byte(tmp_path: Path) -> None:
    rows = [*SLOW, line("P2", 0, 5000), line("P2", 6, "<"), line("P2", 9, "nd")]
    courses = [treated(), treated("P2", -1)]
    analysed(folder(tmp_path, rows, courses=courses), tmp_path)
    first = [(tmp_path / "out" / f"{name}.parquet").read_bytes() for name in ("weekly_decline", "verdicts")]
    analysed(folder(tmp_path, rows[::-1], courses=courses[::-1]), tmp_path)
    assert [(tmp_path / "out" / f"{name}.parquet").read_bytes() for name in ("weekly_decline", "verdicts")] == first


def test_as_of_is_the_latest_collection_of_a_usable_row(tmp_path: Path) -> None:
    rows = [*SLOW, line("P1", 20, 70000, status="preliminary"), line("P1", 21, 70000, status="withdrawn")]
    done, *_ = analysed(folder(tmp_path, rows, courses=[treated()]), tmp_path)
    assert done.as_of == day(14)


@pytest.mark.parametrize(
    ("versions", "used"),
    [
        ([("final", 500.0), ("corrected", 900.0)], 900.0),
        ([("corrected", 900.0), ("withdrawn", 900.0)], None),
        ([("preliminary", 500.0)], None),
        ([("preliminary", 500.0), ("final", 600.0)], 600.0),
        ([("final", 500.0), ("final", 500.0)], 500.0),
    ],
)
def test_of_one_result_id_the_corrected_row_wins_and_a_withdrawn_one_removes_all(
    tmp_path: Path, versions: list[tuple[str, float]], used: float | None
) -> None:
    rows = [line("P1", 0, 1000.0), *(line("P1", 7, load, status=status, result_id="R") for status, load in versions)]
    _, weekly, *_ = analysed(folder(tmp_path, rows, courses=[treated()]), tmp_path, as_of=7.5)
    observed = weekly.filter(treatment_week=2)["n_results"].to_list()
    assert observed == ([] if used is None else [2])
    if used is not None:
        (sum_of_last,) = weekly.filter(treatment_week=2)["mean_decline_log10_per_week"].to_list()
        assert sum_of_last is not None


def test_two_corrected_values_of_one_result_are_invalid_input(tmp_path: Path) -> None:
    clash = [line("P1", 7, load, status="corrected", result_id="R") for load in (500.0, 900.0)]
    _, weekly, verdicts, _ = analysed(
        folder(tmp_path, [line("P1", 0, 1000.0), *clash], courses=[treated()]), tmp_path, as_of=7.5
    )
    assert weekly.select("treatment_week", "status", "call").rows() == [
        (1, "invalid_input", None),  # the sample of its last moment is the one that contradicts itself
        (2, "invalid_input", None),
    ]
    assert "conflicting_values" in weekly["reason"][1]
    (row,) = verdicts.filter(rule="response").select("verdict", "reason").rows()
    assert row == ("not_assessable", "invalid_input")


def test_broken_rows_go_to_quarantine_with_their_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    broken = {
        "P2-1,P2,plasma,lab,assay,2026-03-01,final,quantified,100,,35,": "no_time",
        "P2-2,P2,lung,lab,assay,2026-03-01T00:00:00Z,final,quantified,100,,35,": "unknown_compartment",
        "P2-3,P2,plasma,lab,assay,2026-03-01T00:00:00Z,final,quantified,,,35,": "missing_viral_load_iu_per_ml",
        "P2-4,P2,plasma,lab,assay,2026-03-01T00:00:00Z,final,not_detected,5,,35,": "unexpected_viral_load_iu_per_ml",
        "P2-5,P2,plasma,lab,assay,2026-03-01T00:00:00Z,final,quantified,20,,35,": "below_own_limit",
        "P2-6,P2,plasma,lab,assay,2026-03-01T00:00:00Z,final,below_lloq,,,100,35": "crossed_limits",
        "P2-7,P2,plasma,lab,assay,2026-03-01T00:00:00Z,final,quantified,1e15,,35,": "implausible_viral_load_iu_per_ml",
        "P2-8,P2,plasma,lab,assay,0202-03-01T00:00:00Z,final,quantified,100,,35,": "implausible_date",
        ",P2,plasma,lab,assay,2026-03-01T00:00:00Z,final,quantified,100,,35,": "missing_result_id",
        "P2-9,P2,plasma,lab,assay,2026-03-01T00:00:00Z,done,quantified,100,,35,": "unknown_result_status",
    }
    done, weekly, _, quarantined = analysed(
        folder(tmp_path, [*SLOW, *broken], courses=[treated(), treated("P2", 5, text(day(2)))]), tmp_path
    )
    assert weekly["patient_id"].unique().to_list() == ["P1"]
    found = quarantined.filter(table_name="viral_load_results")["reason"].to_list()
    assert sorted(found) == sorted(broken.values())
    assert quarantined.filter(table_name="antiviral_courses")["reason"].to_list() == ["stopped_before_started"]
    assert done.quarantined["viral_load_results"] == len(broken)


def test_what_starts_after_as_of_is_ignored_and_an_end_after_it_is_not_known_yet(tmp_path: Path) -> None:
    source = folder(tmp_path, SLOW, courses=[treated(stop=text(day(10))), treated(start=12)])
    _, weekly, verdicts, _ = analysed(source, tmp_path, as_of=8)
    assert weekly["anchor_at"].unique().to_list() == [day(0)]
    assert weekly["treatment_week"].to_list() == [1, 2]
    (row,) = verdicts.filter(rule="response").select("verdict").rows()
    assert row == ("alert",)


def test_without_a_course_table_the_treatment_is_unknown_and_with_an_empty_one_there_is_none(tmp_path: Path) -> None:
    _, weekly, verdicts, _ = analysed(folder(tmp_path, SLOW), tmp_path)
    assert weekly.is_empty()
    assert verdicts.filter(rule="response").select("verdict", "reason").rows() == [
        ("not_assessable", "treatment_unknown")
    ]
    _, _, verdicts, _ = analysed(folder(tmp_path, SLOW, courses=[]), tmp_path)
    assert verdicts.filter(rule="response").is_empty()
    assert sorted(verdicts["rule"]) == [
        "bal_at_local_line",
        "data_unfit",
        "no_follow_up",
        "possible_lab_issue",
        "suppressed",
        "untreated_rise",
    ]


def test_a_given_sigma_counts_from_its_date_on(tmp_path: Path) -> None:
    source = folder(tmp_path, [row.replace("plasma", "urine") for row in SLOW], courses=[treated()])
    (source / "assays.csv").write_text(
        f"laboratory,assay,compartment,sigma_log10,valid_from\nlab,assay,urine,0.2,{text(day(-30))}\n"
    )
    _, weekly, *_ = analysed(source, tmp_path)
    assert "invalid_input" not in weekly["status"].to_list()
    (source / "assays.csv").write_text(
        f"laboratory,assay,compartment,sigma_log10,valid_from\nlab,assay,urine,0.2,{text(day(5))}\n"
    )
    _, weekly, *_ = analysed(source, tmp_path)
    assert set(weekly["status"]) == {"invalid_input"}
    assert all("sigma_unknown" in reason for reason in weekly["reason"])


def test_a_patient_with_a_stay_or_course_only_has_a_row_for_each_other_rule(tmp_path: Path) -> None:
    stay = f"S1,P9,{text(day(-3))},,W,B,,,,"
    _, _, verdicts, _ = analysed(folder(tmp_path, SLOW, courses=[treated(), treated("P8")], stays=[stay]), tmp_path)
    for patient in ("P8", "P9"):
        assert {"bal_at_local_line", "no_follow_up", "suppressed"} <= set(verdicts.filter(patient_id=patient)["rule"])


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (lambda source: (source / "viral_load_results.csv").unlink(), SiteError, "holds neither"),
        (lambda source: (source / "viral_load_results.csv").write_text(""), DeliveryError, "empty"),
        (
            lambda source: (source / "viral_load_results.csv").write_text("patient_id\nP1\n"),
            DeliveryError,
            "collected_at",
        ),
        (lambda source: (source / "viral_load_results.parquet").write_bytes(b"x"), SiteError, "both"),
        (lambda source: (source / "icu_stays.parquet").write_bytes(b"x"), SiteError, "not a Parquet file"),
        (lambda source: (source / "viral_load_results.csv").write_text(RESULT + "\n"), SiteError, "no row can be used"),
    ],
)
def test_a_table_that_can_not_be_read_is_refused_in_words(
    tmp_path: Path, spoil: object, error: type[Exception], words: str
) -> None:
    source = folder(tmp_path, SLOW)
    spoil(source)  # type: ignore[operator]
    with pytest.raises(error, match=words):
        analyze(source, tmp_path / "out", root=tmp_path / "site")


def test_an_earlier_moment_does_not_see_later_results(tmp_path: Path) -> None:
    source = folder(tmp_path, SLOW, courses=[treated()])
    _, early, *_ = analysed(source, tmp_path, as_of=7.5)
    _, whole, *_ = analysed(source, tmp_path)
    assert early["treatment_week"].max() == 2
    assert whole["treatment_week"].max() == 3
    assert early["week_end"][0] - early["week_start"][0] == timedelta(days=7)
