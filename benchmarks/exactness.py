"""The line against R, on real series and simulated ones: `python -m benchmarks exactness [--write] [--oracle]`.

`survreg` (Gaussian, scale fixed, tolerance 1e-14) on every series, `lm` where every value is quantified. R does all of
them in one call on one CSV file. Real series are read from ../shared/data where they are present; none is shipped here.
A series is compared when both have a line: R stops or warns on one whose likelihood has no maximum, and we say so by
its status. `--oracle` writes the simulated series and R's answers to tests/oracles, where a test compares without R.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from cmvmon.kinetics import fit_lines

ROOT = Path(__file__).resolve().parents[1]
DATA = next((f for p in ROOT.parents if (f := p / "shared" / "data").is_dir()), ROOT.parent / "shared" / "data")
ORACLES = ROOT / "tests" / "oracles"
SCRIPT = ORACLES / "survreg.R"
SIMULATED = "simulated_left_interval_right"
RESULTS = Path(__file__).with_name("exactness.md")
SEED = 20_240_217
SLOPE, SE = 1e-8, 1e-6  # the differences that are allowed
_SIGMA = {"ACTG315": 0.2, "Uganda CMV": 0.5, "npde": 0.3}
_ROW = {"series": pl.String(), "t": pl.Float64(), "lo": pl.Float64(), "hi": pl.Float64(), "sigma": pl.Float64()}


@dataclass(frozen=True)
class Compared:
    """The largest differences over the series of one source that both we and R have a line for."""

    source: str
    series: int
    censored: int
    both: int
    ours_only: int
    r_only: int
    r_only_se: float
    slope: float
    se: float
    loglik: float
    lm_series: int
    lm_slope: float
    lm_se: float


def actg315(*, last_day: float) -> pl.DataFrame:
    """HIV-1 RNA under treatment; at or below 2.0 log10 is left-censored there (the assay's limit)."""
    rows = pl.read_csv(DATA / "actg315_hiv_decay.csv").filter(pl.col("Day") <= last_day)
    y = rows["log10.RNA."]
    return _left(rows["Patid"], rows["Day"] / 7.0, y, y <= 2.0, limit=2.0, sigma=_SIGMA["ACTG315"])


def uganda_cmv() -> pl.DataFrame:
    """Oral CMV of infants; 0 = not detected, left-censored at the lowest value that was measured."""
    rows = pl.read_csv(DATA / "uganda_herpesvirus_shedding_raw.csv", infer_schema_length=None)
    cmv = rows.filter(pl.col("Virus").str.contains("CMV"))
    name, y = cmv["PatientID2"] + " " + cmv["Virus"], cmv["count"]
    lowest = float(y.filter(y > 0).min())  # type: ignore[arg-type]
    return _left(name, cmv["days"] / 7.0, y, y == 0, limit=lowest, sigma=_SIGMA["Uganda CMV"])


def npde(name: str) -> pl.DataFrame:
    """Simulated HIV trajectories of a published benchmark; cens = 1: left-censored at the value."""
    rows = pl.read_csv(DATA / name, separator=" ")
    y = rows["Log_VL"].cast(pl.Float64)
    lo = pl.Series(np.where(rows["cens"].to_numpy() == 1, -np.inf, y.to_numpy()))
    return _frame(rows["ID"].cast(pl.String), rows["Time"] / 7.0, lo, y, _SIGMA["npde"])


def simulated(count: int, seed: int = SEED) -> pl.DataFrame:
    """Series of 2 to 8 results around a line, cut by a LOD, an LLOQ and a ULOQ. Synthetic; no clinical meaning."""
    rng = np.random.default_rng(seed)
    parts = []
    for number in range(count):
        n = int(rng.integers(2, 9))
        t = np.sort(rng.choice(np.arange(61) / 10.0, n, replace=False))
        sigma = round(float(rng.uniform(0.1, 0.6)), 3)
        y = np.round(rng.normal(4.5, 1.0) - rng.normal(0.7, 0.7) * t + sigma * rng.normal(size=n), 4)
        lloq, uloq = round(float(rng.uniform(2.0, 4.2)), 2), round(float(rng.uniform(4.8, 6.5)), 2)
        lod = round(lloq - 0.4, 2)
        lo, hi = y.copy(), y.copy()
        lo[y < lloq], hi[y < lloq] = lod, lloq
        lo[y < lod], hi[y < lod] = -np.inf, lod
        lo[y > uloq], hi[y > uloq] = uloq, np.inf
        parts.append(_frame(pl.Series([f"S{number:04d}"] * n), pl.Series(t), pl.Series(lo), pl.Series(hi), sigma))
    return pl.concat(parts)


def _left(name: pl.Series, t: pl.Series, y: pl.Series, below: pl.Series, *, limit: float, sigma: float) -> pl.DataFrame:
    """Values, or left-censored at the limit where `below`."""
    lo, hi = (pl.Series(np.where(below, other, y)) for other in (-np.inf, limit))
    return _frame(name.cast(pl.String), t, lo, hi, sigma)


def _frame(name: pl.Series, t: pl.Series, lo: pl.Series, hi: pl.Series, sigma: float) -> pl.DataFrame:
    return pl.DataFrame({"series": name, "t": t, "lo": lo, "hi": hi, "sigma": [sigma] * len(name)}, schema=_ROW)


def sources(count: int) -> Iterator[tuple[str, pl.DataFrame]]:
    """Name and rows of every source that is present."""
    if DATA.is_dir():
        yield "ACTG315 (HIV), days 0-28", actg315(last_day=28)
        yield "ACTG315 (HIV), all days", actg315(last_day=1000)
        yield "Uganda oral CMV", uganda_cmv()
        for limit in ("", "20", "50"):
            yield f"npde, censored at {limit}" if limit else "npde, complete", npde(f"npde_virload{limit}.tab")
    yield f"simulated, seed {SEED}: left, interval and right", simulated(count)


def by_r(rows: pl.DataFrame, folder: Path) -> pl.DataFrame:
    """R's line of every series, in the order of their first rows."""
    given, found = folder / "input.csv", folder / "output.csv"
    _for_r(rows).write_csv(given)
    subprocess.run(["Rscript", "--vanilla", str(SCRIPT), str(given), str(found)], check=True, capture_output=True)
    return pl.read_csv(found, schema_overrides={"series": pl.String}, infer_schema_length=None)


def ours(rows: pl.DataFrame) -> pl.DataFrame:
    """Our line of every series, in the order of their first rows, which lie together."""
    lengths = rows.group_by("series", maintain_order=True).len()
    offsets = np.concatenate([[0], np.cumsum(lengths["len"].to_numpy())])
    fits = fit_lines(offsets, *(rows[name].to_numpy() for name in ("t", "lo", "hi", "sigma")))
    return lengths.select("series").with_columns(
        decline=fits.decline,
        se=fits.se_decline,
        loglik=fits.log_likelihood,
        has_line=pl.Series(fits.converged),
        n_censored=fits.n_censored,
    )


def compare(source: str, rows: pl.DataFrame, r: pl.DataFrame) -> Compared:
    """The largest differences between our lines and R's."""
    mine = ours(rows)
    if mine["series"].to_list() != r["series"].to_list():
        raise ValueError(f"{source}: R returned other series than were sent")
    r_line = r["decline_log10_per_week"].cast(pl.Float64).is_not_null() & (r["warned"] == 0)
    both = mine["has_line"] & r_line

    def largest(mine_name: str, r_name: str, where: pl.Series) -> float:
        apart = (mine[mine_name] - r[r_name].cast(pl.Float64)).abs().filter(where)
        return float(apart.max()) if len(apart) else 0.0  # type: ignore[arg-type]

    plain = mine["has_line"] & r["lm_decline_log10_per_week"].cast(pl.Float64).is_not_null()
    return Compared(
        source=source,
        series=mine.height,
        censored=int((mine["n_censored"] > 0).sum()),
        both=int(both.sum()),
        ours_only=int((mine["has_line"] & ~r_line).sum()),
        r_only=int((~mine["has_line"] & r_line).sum()),
        r_only_se=_least(r["se"].cast(pl.Float64).filter(~mine["has_line"] & r_line)),
        slope=largest("decline", "decline_log10_per_week", both),
        se=largest("se", "se", both),
        loglik=largest("loglik", "loglik", both),
        lm_series=int(plain.sum()),
        lm_slope=largest("decline", "lm_decline_log10_per_week", plain),
        lm_se=largest("se", "lm_se", plain),
    )


def _least(numbers: pl.Series) -> float:
    return float(numbers.min()) if len(numbers) else float("nan")  # type: ignore[arg-type]


def _for_r(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.when(pl.col(side).is_finite()).then(side).alias(side) for side in ("lo", "hi"))


def table(compared: list[Compared]) -> str:
    """The differences as markdown."""
    lines = [
        f"| {c.source} | {c.series} | {c.censored} | {c.both} | {c.ours_only} / {c.r_only} | {c.slope:.1e} | {c.se:.1e} | "
        f"{c.loglik:.1e} | {c.lm_series} | {c.lm_slope:.1e} | {c.lm_se:.1e} |"
        for c in compared
    ]
    return "\n".join(
        [
            "| series of | n | with a limit | compared | only ours / only R's | slope | SE | log likelihood | `lm`: n | slope | SE |",
            "|---|---|---|---|---|---|---|---|---|---|---|",
            *lines,
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks exactness", description="The line against R.")
    parser.add_argument("--series", type=int, default=2000, help="how many simulated series")
    parser.add_argument("--write", action="store_true", help="also write benchmarks/exactness.md")
    parser.add_argument(
        "--oracle", type=int, metavar="N", help="write N simulated series and R's lines to tests/oracles"
    )
    options = parser.parse_args(arguments)
    if shutil.which("Rscript") is None:
        print("R is not installed (Debian: r-base-core, r-cran-survival); nothing was compared.")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        if options.oracle:
            rows = simulated(options.oracle)
            by_r(rows, Path(folder)).write_csv(ORACLES / f"{SIMULATED}.csv")
            _for_r(rows).write_csv(ORACLES / f"{SIMULATED}_input.csv")
        compared = [compare(name, rows, by_r(rows, Path(folder))) for name, rows in sources(options.series)]
    versions = subprocess.run(
        ["Rscript", "-e", 'cat(R.version$version.string, "survival", as.character(packageVersion("survival")))'],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    flat = ", ".join(f"{c.r_only_se:.0f}" for c in compared if c.r_only) or "none"
    text = f"""# The line against R: largest differences

Command: `python -m benchmarks exactness --series {options.series}`; {versions}.
Reach: slope {SLOPE:.0e}, standard error {SE:.0e} (log10 per week).

{table(compared)}

`survreg`: Gaussian, scale fixed, relative tolerance 1e-14. A series is compared when both have a line. A line only of
one side: R warned of no convergence at any tolerance, or ours says that the likelihood has no maximum (`one_time`,
`all_censored`) where R stopped far out on a flat one: the least standard error that it gives there is {flat}.
"""
    print(text)
    if options.write:
        RESULTS.write_text(text, encoding="utf-8")
    return 0 if all(c.slope <= SLOPE and c.se <= SE and c.lm_slope <= SLOPE and c.lm_se <= SE for c in compared) else 1
