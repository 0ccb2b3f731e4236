"""One line per series by the tools that an analyst would reach for, beside `fit_lines` on the same results in memory."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import linregress

from benchmarks.timing import Timed, ratio, timed_together
from cmvmon.kinetics import LineFits, fit_lines

R_SCRIPT = Path(__file__).with_name("peers.R")
SIGMA = 0.2


@dataclass(frozen=True)
class Line:
    """One row of a printed table; `theirs` is None where the peer is not installed."""

    what: str
    ours: Timed | None
    peer: str
    theirs: Timed | None
    ratio: str


@dataclass(frozen=True)
class Series:
    """Quantified results of many series, each at two times or more: those of series i lie in offsets[i] .. [i + 1]."""

    offsets: npt.NDArray[np.int64]
    weeks: npt.NDArray[np.float64]
    load: npt.NDArray[np.float64]

    def first(self, count: int) -> Series:
        offsets = self.offsets[: count + 1]
        return Series(offsets, self.weeks[: offsets[-1]], self.load[: offsets[-1]])

    def frame(self) -> pd.DataFrame:
        numbers = np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))
        return pd.DataFrame({"series": numbers, "weeks": self.weeks, "load": self.load})

    def fit(self) -> LineFits:
        return fit_lines(self.offsets, self.weeks, self.load, self.load, SIGMA)


def by_linregress(frame: pd.DataFrame) -> npt.NDArray[np.float64]:
    """The declines by pandas `groupby.apply` and scipy."""
    groups = frame.groupby("series")[["weeks", "load"]]
    slopes = groups.apply(lambda one: -linregress(one["weeks"], one["load"]).slope)
    return np.asarray(slopes, dtype=np.float64)


def by_statsmodels(frame: pd.DataFrame) -> npt.NDArray[np.float64]:
    """The declines by pandas `groupby.apply` and statsmodels OLS."""
    import statsmodels.api as sm

    groups = frame.groupby("series")[["weeks", "load"]]
    slopes = groups.apply(lambda one: -sm.OLS(one["load"], sm.add_constant(one["weeks"])).fit().params["weeks"])
    return np.asarray(slopes, dtype=np.float64)


def lines(series: Series, *, repeats: int, few: int = 2000) -> tuple[list[Line], float]:
    """The rows of the table, and the largest difference of a slope; slow peers are given the first `few` series."""
    what = f"one line per series, kernel, {len(series.offsets) - 1} series"
    row, apart = _beside(what, "pandas groupby.apply + scipy linregress", series, by_linregress, repeats)
    fewer = series.first(few)
    what = f"one line per series, kernel, {len(fewer.offsets) - 1} series"
    table = [row]
    if importlib.util.find_spec("statsmodels"):
        row, other = _beside(what, "pandas groupby.apply + statsmodels OLS", fewer, by_statsmodels, min(repeats, 3))
        apart = max(apart, other)
        table.append(row)
    else:
        table.append(Line(what, None, "statsmodels OLS per group", None, "not installed"))
    if shutil.which("Rscript"):
        rows, other = _beside_r(what, fewer, min(repeats, 3))
        apart = max(apart, other)
        table += rows
    else:
        table.append(Line(what, None, "R `lm` and `survreg` per group", None, "not installed"))
    return table, apart


def _beside(
    what: str, peer: str, series: Series, by: Callable[[pd.DataFrame], npt.NDArray[np.float64]], repeats: int
) -> tuple[Line, float]:
    frame = series.frame()
    apart = float(np.abs(series.fit().decline - by(frame)).max())
    times = timed_together({"ours": series.fit, "theirs": lambda: by(frame)}, repeats=repeats)
    return Line(what, times["ours"], peer, times["theirs"], ratio(times["theirs"], times["ours"])), apart


def _beside_r(what: str, series: Series, repeats: int) -> tuple[list[Line], float]:
    """R times its own loops, without its start-up and without reading; it sends the sum of its slopes as proof of work."""
    seconds: dict[str, list[float]] = {"ours": [], "R `lm` per group": [], "R `survreg` per group": []}
    apart = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "series.csv"
        series.frame().to_csv(path, index=False)
        for _ in range(repeats):
            command = ["Rscript", "--vanilla", str(R_SCRIPT), str(path)]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            for peer, told in zip(list(seconds)[1:], said.splitlines(), strict=True):
                spent, slopes = map(float, told.split())
                seconds[peer].append(spent)
                apart = max(apart, abs(slopes - series.fit().decline.sum()) / len(series.offsets))
            seconds["ours"].append(timed_together({"ours": series.fit}, repeats=5)["ours"].median)
    ours = Timed(tuple(seconds.pop("ours")))
    rows = [Line(what, ours, peer, Timed(tuple(s)), ratio(Timed(tuple(s)), ours)) for peer, s in seconds.items()]
    return rows, apart
