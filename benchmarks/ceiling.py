"""The best possible answer on a simulated ward: `python -m benchmarks.ceiling [--patients N --particles N --seed S]`.

A particle posterior over the simulator's own family of curves, with the simulator's own noise, given exactly the results
that are judged. A particle is the shape of a curve, relative to the load at the anchor; that load is integrated out on an
even grid for each shape and series (its prior is normal and independent of the shape), so that few particles weigh much.
No method does better on average on this simulator. It says nothing about patients.

Rule of this file: sums over particles are weighted by the likelihood alone, for particles are drawn from the prior.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.ceiling_kernel import FINE, LOWEST_LOG10, series_posterior, weighted_quantiles
from cmvmon.domain.errors import CmvmonError
from cmvmon.domain.words import DETECTION
from cmvmon.simulate import SCENARIOS, Ward, true_declines, ward
from cmvmon.simulate.assay import noise_sd
from cmvmon.simulate.curves import Curves
from cmvmon.simulate.draws import Draws
from cmvmon.simulate.hosts import NON_RESPONDER, RESPONDER, hosts
from cmvmon.simulate.trajectories import curves

Numbers = NDArray[np.float64]
Whole = NDArray[np.int64]
STATES: Mapping[str, int] = MappingProxyType({word: code for code, word in enumerate(DETECTION)})
OUTSIDE = ("share_koloskoff", "share_target_cell", "share_spontaneous")  # there, the shape hangs on the load
# Step of the grid of anchor loads (log10). Far finer than the posterior of that load given a shape, so exact in effect.
STEP: Mapping[str, float] = MappingProxyType({"plasma": 0.05, "bal": 0.12})
HIGHEST_LOG10 = 14.0


@dataclass(frozen=True)
class Particles:
    """Shapes of one compartment, drawn from the simulator's prior; declines in log10 per week, starts in days."""

    compartment: str
    starts: Numbers
    declines: Numbers
    growth: Numbers
    response: Whole
    changed_days: Numbers
    rising_from_days: Numbers
    anchor_mean_log10: float
    anchor_sd_log10: float

    def mean_declines(self, from_day: float, to_day: float) -> Numbers:
        """True mean decline of each shape between two days from the anchor on, without the ceiling of loads."""
        ends = np.column_stack([self.starts[:, 1:], np.full(self.growth.size, np.inf)])
        spent = np.clip(ends, from_day, to_day) - np.clip(self.starts, from_day, to_day)
        return np.asarray((self.declines * spent).sum(axis=1) / (to_day - from_day))


@dataclass(frozen=True)
class Observations:
    """Results of many series: row `offsets[i]` to `offsets[i + 1]` are those of series i, in order of time.

    Times in weeks from the anchor; value and limits in log10 IU/mL; `state` is the place in DETECTION. `value` is not a
    number unless quantified.
    """

    offsets: Whole
    t_weeks: Numbers
    state: Whole
    value: Numbers
    lod: Numbers
    lloq: Numbers
    uloq: Numbers


@dataclass(frozen=True)
class Ceiling:
    """The posterior. Arrays [series, day] for the first ten, [row] for the last three.

    `mean_*`: decline from the anchor to the day; `week_*`: of the seven days to it; only results before the day are used,
    and those so soon after it that they stand for it.
    `probability`: P(decline > target). `rising`: P(a late rise has begun by the time of the row), after that row.
    `odds`: non-responder : responder. `effective`: number of particles that carry the weight.
    """

    mean: Numbers
    mean_low: Numbers
    mean_high: Numbers
    mean_probability: Numbers
    week: Numbers
    week_low: Numbers
    week_high: Numbers
    week_probability: Numbers
    effective: Numbers
    results_used: Whole
    rising: Numbers
    odds: Numbers
    effective_at_row: Numbers


def particles(compartment: str, n: int, seed: int, scenario: str = "ward") -> Particles:
    """`n` shapes from the simulator's prior of that compartment. Use another seed than that of the ward judged.

    Raises CmvmonError: a scenario in which the shape hangs on the load at the anchor, so that it can't be integrated out.
    """
    overrides = SCENARIOS[scenario].overrides
    outside = [name for name in OUTSIDE if overrides.get(name, 0.0) > 0.0]
    if outside:
        raise CmvmonError(
            f"ceiling: scenario {scenario} has {', '.join(outside)} above 0; no ceiling is computed for it"
        )
    draws = Draws(n, seed, overrides)
    host = hosts(draws)
    made: Curves = curves(draws, host, compartment)
    return Particles(
        compartment=compartment,
        starts=made.starts,
        declines=made.declines,
        growth=made.growth_log10_per_week,
        response=made.response,
        changed_days=host.drug_changed_days,
        rising_from_days=made.rising_from_days(),
        anchor_mean_log10=draws.assumed(f"{compartment}_at_anchor_mean"),
        anchor_sd_log10=draws.assumed(f"{compartment}_at_anchor_sd"),
    )


def observations_of(made: Ward, compartment: str) -> Observations:
    """The current results of one compartment, one series per patient in the order of the ward; a series may be empty."""
    truth = made.truth.filter(compartment=compartment).with_row_index("series")
    last = made.viral_load_results.filter(compartment=compartment).sort("result_id", "reported_at")
    rows = (
        last.unique("result_id", keep="last")
        .join(truth.select("patient_id", "series", "anchor_at"), on="patient_id")
        .sort("series", "collected_at", "result_id")
    )
    counts = np.bincount(rows["series"].to_numpy(), minlength=truth.height)
    limits = {name: np.log10(rows[f"{name}_iu_per_ml"].to_numpy()) for name in ("lod", "lloq", "uloq")}
    return Observations(
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        t_weeks=((rows["collected_at"] - rows["anchor_at"]).dt.total_seconds() / (7 * 86400)).to_numpy(),
        state=rows["detection"].cast(pl.String).replace_strict(STATES, return_dtype=pl.Int64).to_numpy(),
        value=np.log10(rows["viral_load_iu_per_ml"].fill_null(np.nan).to_numpy()),
        **limits,
    )


def ceiling(
    seen: Observations,
    shapes: Particles,
    at_days: tuple[float, ...] = (7.0, 14.0, 21.0),
    *,
    target: float = 1.0,
    stands_for_days: float = 0.0,
    changes_known: bool = True,
    step: float | None = None,
) -> Ceiling:
    """The posterior of every series: see `Ceiling`.

    Args:
        target: log10 per week.
        stands_for_days: a result at most so long after a day stands for it, as one does for the end of a treatment week.
        changes_known: count only shapes in which the drug has not changed by the day (or row) in question, as in a
            series that is still on its first course. A series whose drug did change by then is not one to judge.
        step: of the grid of anchor loads, log10; by default `STEP`.
    """
    n, days = seen.offsets.size - 1, np.asarray(at_days, dtype=np.float64)
    step = STEP[shapes.compartment] if step is None else step
    loads = np.arange(LOWEST_LOG10, HIGHEST_LOG10, step / FINE)
    loads = loads[: loads.size // FINE * FINE]
    sd = noise_sd(loads, shapes.compartment)
    low = round((shapes.anchor_mean_log10 - 6.0 * shapes.anchor_sd_log10) / step)
    anchors = np.arange(low, round((shapes.anchor_mean_log10 + 6.0 * shapes.anchor_sd_log10) / step) + 1) * step
    prior = np.exp(-0.5 * ((anchors - shapes.anchor_mean_log10) / shapes.anchor_sd_log10) ** 2)
    means = np.stack([shapes.mean_declines(0.0, day) for day in days])
    weeks = np.stack([shapes.mean_declines(max(day - 7.0, 0.0), day) for day in days])
    orders = [np.argsort(kind, axis=1, kind="stable") for kind in (means, weeks)]
    classes = np.select([shapes.response == NON_RESPONDER, shapes.response == RESPONDER], [1, 2], 0).astype(np.int64)
    rows = seen.t_weeks.size
    by_row = np.full((4, rows), np.nan)
    by_day = np.full((9, n, days.size), np.nan)
    used = np.zeros((n, days.size), dtype=np.int64)
    weights = np.empty((days.size, shapes.growth.size))
    side: Literal["left", "right"] = "right" if stands_for_days else "left"
    for i in range(n):
        part = slice(seen.offsets[i], seen.offsets[i + 1])
        used[i] = np.searchsorted(seen.t_weeks[part] * 7.0, days + stands_for_days, side=side)
        rows_of = series_posterior(
            seen.t_weeks[part] * 7.0,
            seen.state[part],
            seen.value[part],
            np.column_stack([seen.lod[part], seen.lloq[part], seen.uloq[part]]),
            loads,
            sd,
            step,
            float(low),
            prior,
            shapes.starts,
            shapes.declines,
            shapes.growth,
            classes,
            shapes.changed_days if changes_known else np.full(shapes.growth.size, np.inf),
            shapes.rising_from_days,
            used[i],
            days,
            weights,
        )
        by_row[:, part] = rows_of
        total = weights.sum(axis=1)
        total[total == 0.0] = np.nan  # a series that no shape can explain has no posterior
        by_day[8, i] = total**2 / (weights**2).sum(axis=1)
        for k, (kind, order) in enumerate(zip((means, weeks), orders, strict=True)):
            by_day[4 * k, i] = (weights * kind).sum(axis=1) / total
            by_day[4 * k + 1 : 4 * k + 3, i] = weighted_quantiles(kind, order, weights, np.array([0.025, 0.975]))
            by_day[4 * k + 3, i] = (weights * (kind > target)).sum(axis=1) / total
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # infinite where no responder is left
        odds = by_row[1] / by_row[2]
    mean, mean_low, mean_high, mean_above, week, week_low, week_high, week_above, effective = by_day
    return Ceiling(
        mean=mean,
        mean_low=mean_low,
        mean_high=mean_high,
        mean_probability=mean_above,
        week=week,
        week_low=week_low,
        week_high=week_high,
        week_probability=week_above,
        effective=effective,
        results_used=used,
        rising=by_row[0],
        odds=odds,
        effective_at_row=by_row[3],
    )


def area_under_curve(score: Numbers, positive: NDArray[np.bool_]) -> float:
    """Share of pairs (one positive, one not) that the score orders rightly; ties count half."""
    ranks = pl.Series(score).rank("average").to_numpy()
    n = int(positive.sum())
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * (positive.size - n)))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ceiling", description="The best possible answer.")
    parser.add_argument("--patients", type=int, default=2000)
    parser.add_argument("--particles", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=41)
    parser.add_argument("--scenario", default="ward", choices=list(SCENARIOS))
    options = parser.parse_args(arguments)
    made = ward(options.patients, 90, options.seed, options.scenario)
    truth = true_declines(made, (7, 14, 21))
    print(
        f"# {options.patients} synthetic patients, seed {options.seed}, {options.particles} particles (half and half for +-)"
    )
    print("compartment  day  series  AUC     +-       coverage  median ESS  5 % ESS")
    for compartment in ("plasma", "bal"):
        seen, began = observations_of(made, compartment), time.process_time()
        drawn = [particles(compartment, options.particles, options.seed + 1000 + k, options.scenario) for k in (0, 1)]
        first, second = (ceiling(seen, half) for half in drawn)
        took = (time.process_time() - began) / 2
        unchanged = made.truth.filter(compartment=compartment)["drug_changed_days"].fill_null(np.inf).to_numpy()
        for k, day in enumerate((7, 14, 21)):
            true = truth.filter(compartment=compartment, day=day)["true_mean_decline"].to_numpy()
            judged = (first.results_used[:, k] >= 2) & (unchanged > day)
            areas = [area_under_curve(c.mean_probability[judged, k], true[judged] > 1.0) for c in (first, second)]
            held = (first.mean_low[:, k] <= true) & (true <= first.mean_high[:, k])
            ess = first.effective[judged, k]
            print(
                f"{compartment:11}  {day:3}  {judged.sum():6}  {areas[0]:.4f}  {abs(areas[0] - areas[1]) / 2**0.5:.5f}  "
                f"{held[judged].mean():.3f}     {np.median(ess):10.0f}  {np.quantile(ess, 0.05):7.0f}"
            )
        print(
            f"# {compartment}: {took:.0f} s of one core for {options.patients} series and {options.particles} particles"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
