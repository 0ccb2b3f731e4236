"""The real example: ACTG 315 through `fit_line`, held against R, with what a reader of it must know."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cmvmon.domain.errors import DeliveryError
from cmvmon.workbench.examples import actg315_decline
from tests import allowed

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "cmvmon/examples/actg315/actg315_hiv_decay.csv").read_text("utf-8")
ORACLE = "actg315_first28d_fixed_sigma_0.2.csv"
TOLERANCE = {"decline_log10_per_week": 1e-8, "se": 1e-6, "loglik": 1e-6}


def r_answer() -> pl.DataFrame:
    """What R survival::survreg gives, Gaussian with scale fixed at 0.2."""
    own = ROOT / "tests/oracles" / ORACLE
    path = own if own.exists() else allowed.public(f"oracles/{ORACLE}")
    text = pl.read_csv(path, infer_schema=False).select(pl.all().str.strip_chars())
    return text.select(pl.col("id", "n", "n_censored").cast(pl.Int64), pl.col(*TOLERANCE).cast(pl.Float64))


def test_the_decline_of_46_patients_is_the_one_that_r_gives() -> None:
    ours, _ = actg315_decline(TEXT)
    both = ours.join(r_answer(), on="id", suffix="_r", how="full", validate="1:1")
    assert both.height == ours.height == 46
    for column in ("n", "n_censored"):
        assert (both[column] == both[f"{column}_r"]).all()
    for column, tolerance in TOLERANCE.items():
        assert (both[column] - both[f"{column}_r"]).abs().max() < tolerance


def test_the_40_values_at_half_the_limit_of_detection_are_pointed_out() -> None:
    """The notice counts them in the data: flag one of them by hand, and it says 39."""
    _, notices = actg315_decline(TEXT)
    assert any(
        n.startswith("40 of 361 values stand at 1.699 log10 copies/mL, which is half the limit") for n in notices
    )
    assert TEXT.count(",1.699,") == 40
    _, fewer = actg315_decline(TEXT.replace(",1.699,", ",2.5,", 1))
    assert any(n.startswith("39 of 361 values") for n in fewer)
    _, none = actg315_decline(TEXT.replace(",1.699,", ",2.5,"))
    assert not any("half the limit" in n for n in none)


def test_the_reader_is_told_that_this_is_hiv_in_copies() -> None:
    table, notices = actg315_decline(TEXT)
    assert notices[0].startswith("This is HIV-1 RNA in copies/mL, not CMV and not IU/mL")
    assert "in days 0 to 28 3 of 238 values, in 2 of 46 patients" in notices[-1]
    assert table.columns == ["id", "n", "n_censored", *TOLERANCE]
    assert not any("iu" in column for column in table.columns)


def test_the_order_of_the_rows_changes_nothing() -> None:
    header, *rows = TEXT.splitlines()
    table, notices = actg315_decline(TEXT)
    backwards, said = actg315_decline("\n".join([header, *reversed(rows)]))
    assert table["id"].to_list() == backwards["id"].to_list()
    assert (table["decline_log10_per_week"] - backwards["decline_log10_per_week"]).abs().max() < 1e-12
    assert notices == said


def test_a_patient_with_one_day_has_a_row_and_no_decline() -> None:
    table, _ = actg315_decline("Patid,Day,log10.RNA.\n7,0,4.1\n7,0,4.2\n8,0,4.0\n8,7,3.0\n")
    assert table["id"].to_list() == [7, 8]
    assert table["decline_log10_per_week"].is_null().to_list() == [True, False]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("", "unreadable", "not a CSV file"),
        ("Patid;Day;log10.RNA.\n1;0;4\n", "missing_column", "Patid, Day, log10.RNA. missing"),
        ("Patid,Day,log10.RNA.\n1,0,4.0\n1,2,n/a\n", "malformed_number", "row 2 of the table"),
        ("Patid,Day,log10.RNA.\n1,0,nan\n", "malformed_number", "row 1 of the table"),
    ],
)
def test_another_file_is_refused_in_words(text: str, code: str, said: str) -> None:
    with pytest.raises(DeliveryError, match=said) as refused:
        actg315_decline(text)
    assert refused.value.code == code


def test_the_shipped_file_is_the_published_one_and_its_origin_says_so() -> None:
    origin = (ROOT / "cmvmon/examples/actg315/ORIGIN.md").read_text("utf-8")
    assert "Copyright (c) 2019 Sinead Elizabeth Morris" in origin
    assert "40 of the 361" in origin
    assert allowed.public("actg315_hiv_decay.csv").read_text("utf-8") == TEXT
