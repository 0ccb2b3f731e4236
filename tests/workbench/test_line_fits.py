"""`cmvmon fit`: lines for any long table, and every way in which such a table can be bad. All numbers are made up."""

from __future__ import annotations

import csv
import itertools
import math
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cmvmon.domain.errors import SiteError
from cmvmon.kinetics import fit_line
from cmvmon.workbench.line_fits import Fitted, fit, read_prior
from cmvmon.workbench.line_table import Columns

COLUMNS = Columns("who", "day", "load", "state")
ORACLES = Path(__file__).parents[1] / "oracles"
PRIOR = """intercept_mean_log10 = 4.0
intercept_sd_log10 = 0.8
decline_mean_log10_per_week = 0.7
decline_sd_log10_per_week = 0.6
correlation = 0.1
"""


def fitted(
    tmp_path: Path, frame: pl.DataFrame, *, ending: str = "parquet", prior: str = "", **options: object
) -> tuple[Fitted, pl.DataFrame]:
    table, out = tmp_path / f"table.{ending}", tmp_path / f"lines.{ending}"
    frame.write_csv(table) if ending == "csv" else frame.write_parquet(table)
    if prior:
        (tmp_path / "prior.toml").write_text(prior)
    done = fit(
        table,
        out,
        **{"columns": COLUMNS, "sigma": 0.2, "prior": tmp_path / "prior.toml" if prior else None} | options,  # type: ignore[arg-type]
    )
    return done, pl.read_csv(out) if ending == "csv" else pl.read_parquet(out)


def rows(*cells: tuple[object, float | None, float | None, object]) -> pl.DataFrame:
    return pl.DataFrame(list(cells), schema=["who", "day", "load", "state"], orient="row", infer_schema_length=None)


TWO = rows(("A", 0, 5.0, "quantified"), ("A", 7, 4.0, "quantified"))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_one_row_per_series_with_its_figures(tmp_path: Path, ending: str) -> None:
    done, lines = fitted(tmp_path, TWO, ending=ending)
    assert done == Fitted(1, 2, 0, {"ok": 1, "one_time": 0, "all_censored": 0, "invalid_input": 0})
    assert lines.columns == [
        "series", "n", "n_censored", "decline_log10_per_week", "se", "ci_low", "ci_high", "loglik", "status",
    ]  # fmt: skip
    (row,) = lines.rows()
    se = 0.2 * math.sqrt(2)
    assert (*row[:3], row[8]) == ("A", 2, 0, "ok")
    assert row[3:8] == pytest.approx(
        (1.0, se, 1 - 1.959964 * se, 1 + 1.959964 * se, -2 * math.log(0.2 * math.sqrt(2 * math.pi)))
    )


def test_it_equals_r_survreg_on_the_real_series_as_they_are_delivered(tmp_path: Path) -> None:
    """State as 0 and 1, times in days: slope to 1e-8, standard error and log likelihood to 1e-6."""
    columns = Columns("id", "day", "y", "cens")
    fit(ORACLES / "actg315_first28d_fixed_sigma_0.2_input.csv", tmp_path / "o.csv", columns=columns, sigma=0.2)
    with (ORACLES / "actg315_first28d_fixed_sigma_0.2.csv").open() as file:
        expected = {int(row["id"]): row for row in csv.DictReader(file)}
    found = pl.read_csv(tmp_path / "o.csv")
    assert found["series"].to_list() == sorted(expected)
    for line in found.iter_rows(named=True):
        oracle = expected[line["series"]]
        assert line["decline_log10_per_week"] == pytest.approx(float(oracle["decline_log10_per_week"]), abs=1e-8, rel=0)
        assert line["se"] == pytest.approx(float(oracle["se"]), abs=1e-6, rel=0)
        assert line["loglik"] == pytest.approx(float(oracle["loglik"]), abs=1e-6, rel=0)


def test_each_state_is_the_limit_that_it_names(tmp_path: Path) -> None:
    """not_detected and below_lloq: at most the value; above_uloq: at least; 0 and 1: as survival analysts write."""
    frame = rows(
        ("A", 0.0, 5.0, "above_uloq"), ("A", 7.0, 4.5, "quantified"), ("A", 14, 2.0, "below_lloq"), ("A", 21, 1.5, "not_detected"), ("A", 10.5, 3.5, "quantified"),
        ("B", 0, 5.0, "0"), ("B", 7, 4.5, "0"), ("B", 14, 2.0, "1"),
    )  # fmt: skip
    _, lines = fitted(tmp_path, frame)
    inf = math.inf
    line_a = fit_line([0, 1, 1.5, 2, 3], [5, 4.5, 3.5, -inf, -inf], [inf, 4.5, 3.5, 2, 1.5], 0.2)
    line_b = fit_line([0, 1, 2], [5, 4.5, -inf], [5, 4.5, 2], 0.2)
    assert lines["decline_log10_per_week"].to_list() == pytest.approx([line_a.decline, line_b.decline], abs=1e-12)
    assert lines["n_censored"].to_list() == [3, 1]


@pytest.mark.parametrize("states", [[0, 1], [0.0, 1.0], [False, True], ["0", "1"], [" Quantified", "not_detected"]])
def test_a_state_may_be_a_number_a_truth_or_a_word(tmp_path: Path, states: list[object]) -> None:
    frame = pl.DataFrame(
        {"who": [1, 1, 1], "day": [0, 7, 14], "load": [5.0, 4.0, 3.5], "state": [states[0]] * 2 + [states[1]]}
    )
    for ending in ("csv", "parquet"):
        _, lines = fitted(tmp_path, frame, ending=ending)
        assert lines.select("n_censored", "status").rows() == [(1, "ok")]


def test_days_and_weeks_are_told_apart(tmp_path: Path) -> None:
    _, in_days = fitted(tmp_path, TWO)
    _, in_weeks = fitted(tmp_path, TWO.with_columns(pl.col("day") / 7), unit="weeks")
    assert in_days.equals(in_weeks)


def test_with_a_prior_the_interval_is_that_of_the_posterior(tmp_path: Path) -> None:
    """One quantified result leaves the prior's decline; a censored one makes the interval lopsided around the estimate."""
    frame = rows(("A", 0, 4.0, 0), ("B", 0, 5.0, 0), ("B", 7, 2.0, 1))
    _, lines = fitted(tmp_path, frame, prior=PRIOR)
    alone, censored = lines.iter_rows(named=True)
    assert alone["status"] == "one_time"
    assert alone["decline_log10_per_week"] == pytest.approx(0.7)
    assert alone["ci_high"] - alone["ci_low"] == pytest.approx(2 * 1.959964 * alone["se"])
    assert censored["status"] == "ok"
    assert censored["ci_low"] > 1.5
    above, below = (abs(censored[end] - censored["decline_log10_per_week"]) for end in ("ci_high", "ci_low"))
    assert above > 1.1 * below
    _, without = fitted(tmp_path, frame)
    assert without["status"].to_list() == ["one_time", "one_time"]
    assert without["decline_log10_per_week"].to_list() == [None, None]


def test_row_order_and_company_change_no_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    n = 400
    frame = pl.DataFrame(
        {
            "who": rng.integers(0, 60, n),
            "day": rng.integers(0, 5, n),  # many at one time
            "load": rng.normal(4, 1, n).round(1),
            "state": rng.choice(["quantified", "below_lloq", "above_uloq"], n, p=[0.7, 0.2, 0.1]),
        }
    )
    _, lines = fitted(tmp_path, frame)
    assert lines["series"].is_sorted()
    for seed in range(3):
        _, again = fitted(tmp_path, frame.sample(fraction=1, shuffle=True, seed=seed))
        assert again.equals(lines)
    _, few = fitted(tmp_path, frame.filter(pl.col("who") < 7))
    assert few.equals(lines.filter(pl.col("series") < 7))


@pytest.mark.parametrize(
    "spoiled",
    [
        ("B", None, 4.0, "quantified"),
        ("B", math.nan, 4.0, "quantified"),
        ("B", math.inf, 4.0, "quantified"),
        ("B", 3.0, None, "quantified"),
        ("B", 3.0, math.nan, "below_lloq"),
        ("B", 3.0, None, "above_uloq"),
        ("B", 3.0, math.inf, "below_lloq"),
        ("B", 3.0, -math.inf, "above_uloq"),
        ("B", 3.0, 4.0, None),
    ],
)
def test_a_bad_row_spoils_its_own_series_only(
    tmp_path: Path, spoiled: tuple[object, float | None, float | None, object]
) -> None:
    good = rows(
        ("B", 0, 5.0, "quantified"),
        ("B", 7, 4.0, "quantified"),
        ("C", 0, 5.0, "quantified"),
        ("C", 7, 3.0, "quantified"),
    )
    for ending in ("csv", "parquet"):
        done, lines = fitted(tmp_path, pl.concat([TWO, good, rows(spoiled)], how="vertical_relaxed"), ending=ending)
        assert done.statuses == {"ok": 2, "one_time": 0, "all_censored": 0, "invalid_input": 1}
        assert lines.filter(series="B").row(0)[3:] == (None, None, None, None, None, "invalid_input")
        assert lines.filter(series="C")["decline_log10_per_week"].to_list() == pytest.approx([2.0])


def test_every_status_without_a_line(tmp_path: Path) -> None:
    frame = rows(
        ("one result", 0, 5.0, 0), ("two at one time", 0, 5.0, 0), ("two at one time", 0, 4.0, 0),
        ("all below", 0, 2.0, 1), ("all below", 7, 2.0, 1),
    )  # fmt: skip
    _, lines = fitted(tmp_path, frame)
    assert lines.select("series", "n", "n_censored", "decline_log10_per_week", "status").rows() == [
        ("all below", 2, 2, None, "all_censored"),
        ("one result", 1, 0, None, "one_time"),
        ("two at one time", 2, 0, None, "one_time"),
    ]


def test_a_row_that_names_no_series_is_counted_and_left_out(tmp_path: Path) -> None:
    done, lines = fitted(tmp_path, pl.concat([TWO, rows((None, 0, 1.0, "quantified"))]))
    assert (done.rows, done.rows_without_series, lines["series"].to_list()) == (2, 1, ["A"])


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_an_empty_table_gives_an_empty_table(tmp_path: Path, ending: str) -> None:
    done, lines = fitted(tmp_path, TWO.clear(), ending=ending)
    assert (done.series, lines.height, len(lines.columns)) == (0, 0, 9)


@pytest.mark.parametrize(
    ("names", "ending", "expected"),
    [
        ([10, 9], "parquet", [9, 10]),
        (["10", "9"], "csv", [9, 10]),
        (["010", "9"], "parquet", ["010", "9"]),
        (["é,\"x\"", "a"], "csv", ["a", "é,\"x\""]),
        ([2.5, 1.0], "parquet", [1.0, 2.5]),
        (pl.Series(["b", "a"], dtype=pl.Categorical), "parquet", ["a", "b"]),
        (pl.Series([1, 0]).cast(pl.Date), "parquet", None),
    ],
)  # fmt: skip
def test_series_may_be_named_by_anything_that_sorts(
    tmp_path: Path, names: object, ending: str, expected: object
) -> None:
    frame = pl.DataFrame({"who": names, "day": [0, 7], "load": [5.0, 4.0], "state": [0, 0]})
    _, lines = fitted(tmp_path, frame, ending=ending)
    assert lines["series"].is_sorted()
    assert expected is None or lines["series"].to_list() == expected


def test_leading_zeros_of_a_name_in_a_csv_are_kept(tmp_path: Path) -> None:
    frame = pl.DataFrame({"who": ["007", "7"], "day": [0, 7], "load": [5.0, 4.0], "state": [0, 0]})
    fitted(tmp_path, frame, ending="csv")
    assert [line.partition(",")[0] for line in (tmp_path / "lines.csv").read_text().splitlines()] == [
        "series",
        "007",
        "7",
    ]


SECRET = "MARKED-NAME-771"


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({}, {"sigma": 0.0}, "--sigma is 0"),
        ({}, {"sigma": -0.2}, "--sigma is -0.2"),
        ({}, {"sigma": math.nan}, "--sigma is nan"),
        ({}, {"sigma": math.inf}, "--sigma is inf"),
        ({}, {"unit": "months"}, "neither days nor weeks"),
        ({}, {"columns": Columns("who", "hour", "load", "state")}, "--time hour"),
        ({}, {"columns": Columns("who", "DAY", "load", "state")}, "capitals"),
        ({"state": [0, SECRET, SECRET]}, {}, "2 rows hold a state that is not known in the column state, the first in row 2"),
        ({"state": [0, 2, 0]}, {}, "1 rows hold a state"),
        ({"load": [SECRET] * 3}, {}, "none of the 3 rows has a number in the column load"),
        ({"day": ["2026-03-01"] * 3}, {}, "number in the column day"),
        ({"who": [[SECRET]] * 3}, {}, "can't name a series"),
        ({"load": [True, False, True]}, {}, "no numbers"),
    ],
)  # fmt: skip
def test_what_can_not_be_used_is_refused_in_words_without_a_cell(
    tmp_path: Path, change: dict[str, list[object]], options: dict[str, object], words: str
) -> None:
    columns = {"who": [SECRET, SECRET, "B"], "day": [0, 7, 0], "load": [5.0, 4.0, 3.0], "state": [0, 0, 1]}
    made = {
        name: [str(c) if SECRET in map(str, cells) and name != "who" else c for c in cells]
        for name, cells in (columns | change).items()
    }
    with pytest.raises(SiteError) as caught:
        fitted(tmp_path, pl.DataFrame(made), **options)
    assert words in str(caught.value)
    assert SECRET not in str(caught.value)
    assert not (tmp_path / "lines.parquet").exists()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.csv", None, "is no file"),
        ("t.txt", b"who,day\n", "ends in neither"),
        ("t.csv", b"", "can't be read as a CSV"),
        ("t.csv", b"\xff\xfe\x00who", "columns|can't be read"),
        ("t.csv", b"who;day;load;state\n" + SECRET.encode() + b";0;5;0\n", "1 columns"),
        ("t.csv", b"who,day,load,state\nA,0,5,0\nA,0,5,0,1,2,3\n", "can't be read as a CSV"),
        ("t.parquet", b"who,day", "can't be read as a Parquet file"),
    ],
)
def test_a_file_that_can_not_be_read_is_refused_in_words(
    tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SiteError, match=words) as caught:
        fit(tmp_path / name, tmp_path / "o.csv", columns=COLUMNS, sigma=0.2)
    assert SECRET not in str(caught.value)


def test_the_output_is_never_the_input_nor_a_folder(tmp_path: Path) -> None:
    TWO.write_csv(tmp_path / "t.csv")
    (tmp_path / "d.csv").mkdir()
    for out, words in (("t.csv", "is the table itself"), ("d.csv", "is a folder"), ("o.json", "ends in neither")):
        with pytest.raises(SiteError, match=words):
            fit(tmp_path / "t.csv", tmp_path / out, columns=COLUMNS, sigma=0.2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PRIOR.replace("0.8", "0"), "intercept_sd_log10 must be above 0"),
        (PRIOR.replace("correlation = 0.1", "correlation = 1.0"), "between -1 and 1"),
        (PRIOR.replace("0.7", "nan"), "decline_mean_log10_per_week must be a finite number"),
        (PRIOR.replace("correlation", "corelation"), "correlation is missing; corelation is no key"),
        ("= 3", "not TOML"),
        ("[prior.a]\n" + PRIOR + "[prior.b]\n" + PRIOR, "holds 2 stanzas"),
        ("prior = 3", "intercept_mean_log10 is missing"),
    ],
)
def test_a_prior_that_can_not_be_used_is_refused_with_every_fault(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SiteError, match=words):
        fitted(tmp_path, TWO, prior=text)


def test_a_prior_may_be_a_stanza_copied_from_the_protocol(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(PRIOR)
    (tmp_path / "b.toml").write_text('[prior.x]\nsource = "s"\nstrength = "a"\nowner = "o"\nguide = []\n' + PRIOR)
    assert read_prior(tmp_path / "a.toml") == read_prior(tmp_path / "b.toml")


def test_a_hundred_thousand_results_in_one_series_and_fifty_thousand_series_of_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    n = 100_000
    day = rng.uniform(0, 140, n)
    load = 30 - 1.25 * day / 7 + 0.2 * rng.normal(size=n)
    long = pl.DataFrame({"who": "A", "day": day, "load": np.maximum(load, 8), "state": (load < 8).astype(int)})
    short = pl.DataFrame({"who": np.arange(50_000), "day": 0, "load": 4.0, "state": 0})
    began = time.perf_counter()
    _, lines = fitted(tmp_path, long)
    assert lines["status"].to_list() == ["ok"]
    assert lines["decline_log10_per_week"][0] == pytest.approx(1.25, abs=1e-3)
    done, lines = fitted(tmp_path, short)
    assert done.statuses["one_time"] == lines.height == 50_000
    assert time.perf_counter() - began < 20


def test_the_command_tells_what_it_did_and_its_exit_code_who_must_act(tmp_path: Path) -> None:
    command = str(Path(sys.executable).parent / "cmvmon")
    TWO.write_csv(tmp_path / "t.csv")
    options = [*itertools.chain(*((f"--{o}", n) for o, n in zip(("series", "time", "value", "state"), ("who", "day", "load", "state"), strict=True)))]  # fmt: skip
    call = [command, "fit", "t.csv", *options, "--out", "o.csv", "--sigma"]
    done = subprocess.run([*call, "0.2"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "1 series from 2 rows: 1 ok, 0 one_time, 0 all_censored, 0 invalid_input\n"
    bad = subprocess.run([*call, "-1"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (bad.returncode, bad.stdout) == (2, "")
    assert "--sigma is -1" in bad.stderr


def test_loads_that_are_not_logarithms_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "raw.csv"
    table.write_text("id,day,load,state\na,0,125000,quantified\na,7,4100,quantified\na,14,35,below_lloq\n")
    with pytest.raises(
        SiteError, match=r"3 rows of the column load lie above 30, the first in row 1 .* take logarithms"
    ):
        fit(table, tmp_path / "out.csv", columns=Columns("id", "day", "load", "state"), sigma=0.2)
    assert not (tmp_path / "out.csv").exists()
