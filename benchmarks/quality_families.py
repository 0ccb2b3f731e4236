"""Series that the bank was not made for: other families of curves, other noise, other sampling, other priors.

The truth here is the mean decline until the latent load reaches the LLOQ, for what it does below is not to be seen; that
of the week is over the part of the week before it, where that lasts a quarter of a day or more. No ceiling is computed.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from types import MappingProxyType

import polars as pl

from benchmarks.quality_scores import Figure, Scored, in_doubt, is_out, proportion, scored
from benchmarks.quality_series import COMPARTMENTS, DAYS, Followed, followed, judged_rows, with_estimates, with_lines
from cmvmon.kinetics.trajectory.learning import learn_lines
from cmvmon.kinetics.trajectory.series import trajectory_series
from cmvmon.protocol import Protocol, TrajectoryLine
from cmvmon.simulate import SCENARIOS

SHIPPED, OWN, FEW, SLOWER = "shipped", "fitted on itself", "fitted on 300 series", "shipped, slopes x 0.6"
FEW_SERIES = 300
SLOPE_FACTOR = 0.6
TRAINING_SEED_IS = 15_485_863  # added to the seed: no series that trains is judged
MOST_STEPS = 60
LEAST_COVERAGE, LEAST_RIGHT = 0.90, 0.88
WIDER_NOISE = MappingProxyType({"bal_dilution": 1.25, "outliers": 1.4, "student_t": 1.4})
FAMILIES = ("koloskoff", "target_cell", "biphasic_decline")


@dataclass(frozen=True)
class Stress:
    """One row of the table: the series that are judged, and what the bank was told."""

    scenario: str
    priors: str = SHIPPED
    sigma_factor: float = 1.0

    @property
    def name(self) -> str:
        """As the table shows it."""
        return self.scenario + (f", sigma x {self.sigma_factor:g}" if self.sigma_factor != 1.0 else "")


def stresses() -> tuple[Stress, ...]:
    """Every row, in the order of the table."""
    own = tuple(name for name in SCENARIOS if name not in (*FAMILIES, "ward", "everything"))
    return (
        Stress("ward"),
        Stress("ward", FEW),
        Stress("ward", OWN),
        Stress("ward", SLOWER),
        Stress("ward", sigma_factor=0.7),
        Stress("ward", sigma_factor=1.4),
        *(Stress(name, priors) for name in (*FAMILIES, *own, "everything") for priors in (SHIPPED, OWN)),
        *(Stress(name, sigma_factor=factor) for name, factor in WIDER_NOISE.items()),
    )


# What would mend a row that falls short; by scenario and, where that is the cause, what was told.
NEXT_STEPS: Mapping[str, str] = MappingProxyType(
    {
        "ward": "a prior whose declines are too small is felt, most in the first week; `cmvmon priors fit` learns a site's own.",
        "spontaneous_clearance": "half as many series fall fast as the priors say; `cmvmon priors fit` mends it (see the row "
        "fitted on itself).",
        "compartments_do_not_follow": "none: the bank looks at each compartment alone.",
        "bal_dilution, sigma x 1.25": "a sigma per patient, for some dilute more than others.",
        "outliers, sigma x 1.4": "a wider sigma does not see which result is the outlier: the update with a heavier tail.",
        "student_t, sigma x 1.4": "an update with a heavier tail.",
        "ward, sigma x 0.7": "no method can mend a sigma that is too small; `cmvmon noise fit` estimates a site's own.",
        "ward, sigma x 1.4": "nothing to mend in coverage: the intervals are too wide; `cmvmon noise fit` estimates sigma.",
        "koloskoff": "the curve flattens, so that the decline to the LLOQ is steeper than that to the day, which is what the "
        "bank answers (see *to the day itself*); say of suppressed series since when they are, beside the mean decline.",
        "target_cell": "the load falls by one to two log10 in the first days and hardly thereafter; the bank has no such line. "
        "One with a change at 0.3 weeks and a weight of 0.02 raised coverage in plasma to day 21 itself from 0.61 to 0.89 "
        "(tried on 1,200 series), at 10 % more RMSE in the ward's own plasma series on that day.",
        "biphasic_decline": "the bank's bends come late and level off wholly; a line that bends at about a week to a quarter "
        "of its fall raised coverage of the week to day 14 in plasma from 0.82 to 0.90 (1,200 series, weight 0.02).",
        "transient_hump": "the bank has no line that falls, rises and falls again while the drug works; one with changes at "
        "1.5 and 2.2 weeks raised coverage of the week to day 21 in plasma from 0.82 to 0.88 (1,200 series, weight 0.02) and "
        "cost the ward's own series nothing.",
        "blips": "one low positive after suppression weighs like any other result: let the noise of a result near the LLOQ "
        "have a second, wider component.",
        "bal_dilution": "dilution is noise that sigma does not know: the row with sigma x 1.25 says what a site gains by "
        "`cmvmon noise fit`; normalising by a marker of dilution would remove it.",
        "outliers": "an update with a heavier tail (a mixture of two normals); until then `cmvmon noise fit`, whose sigma "
        "would hold them: see the row with sigma x 1.4.",
        "student_t": "this t of 4 degrees of freedom scatters 1.4 times as much as sigma says: see the row with sigma x 1.4, "
        "which `cmvmon noise fit` would come near to; then an update with a heavier tail.",
        "two_changes": "the second late change comes without a line of its own: add one that rises and falls again after week two.",
        "resistance_emerging": "the share of such series is 2.7 times what the priors say; `cmvmon priors fit` mends it "
        "(see the row fitted on itself).",
        "everything": "outliers, blips and other families at once: the steps named above, the heavier tail first.",
    }
)


@dataclass(frozen=True)
class Row:
    """The scores of one stress in one compartment, by day; `whole` is coverage of the decline to the day itself."""

    stress: Stress
    compartment: str
    days: tuple[Scored, ...]
    whole: tuple[Figure, ...]
    unseen: int
    nulls: int

    def shortfalls(self) -> list[str]:
        """Where the row falls short of coverage 0.90 and of 0.88 of the sure calls right; `?`: within the error."""
        checks = [
            (f"{name} day {day}", figure, least)
            for day, found in zip(DAYS, self.days, strict=True)
            for name, figure, least in (
                ("mean", found.coverage, LEAST_COVERAGE),
                ("week", found.coverage_week, LEAST_COVERAGE),
                ("P >= 0.9", found.right_above, LEAST_RIGHT),
            )
        ]
        return [name + in_doubt(figure, least, 1.0) for name, figure, least in checks if is_out(figure, least, 1.0)]


def judge(stress: Stress, patients: int, training: int, seed: int) -> list[Row]:
    """The rows of one stress, one for each compartment."""
    given = followed(patients, seed, stress.scenario, sigma_factor=stress.sigma_factor)
    protocol = told(stress, training, seed, given.protocol)
    weekly = given.weekly("bank", protocol)
    return [_row(stress, given, weekly, name) for name in COMPARTMENTS]


def told(stress: Stress, training: int, seed: int, protocol: Protocol) -> Protocol:
    """The protocol with the priors that the stress names."""
    if stress.priors == SHIPPED:
        return protocol
    lines = {name: protocol.trajectory_lines_of(name) for name in COMPARTMENTS}
    if stress.priors == SLOWER:
        return with_lines(protocol, {name: tuple(slower(line) for line in own) for name, own in lines.items()})
    patients = FEW_SERIES if stress.priors == FEW else training
    return with_lines(protocol, fitted(followed(patients, seed + TRAINING_SEED_IS, stress.scenario)))


def fitted(given: Followed) -> dict[str, tuple[TrajectoryLine, ...]]:
    """Lines learned as `cmvmon priors fit` does: from the shipped ones, held to them as the protocol says."""
    protocol = given.protocol
    series = trajectory_series(given.results, given.clocks, protocol=protocol, as_of=given.as_of)
    return {
        name: learn_lines(
            series.of_compartments(frozenset([name])),
            start=protocol.trajectory_lines_of(name),
            shrink_series=protocol.trajectory_priors_shrink_series,
            growth_log10_per_week=protocol.decline.growth_before_anchor_log10_per_week,
            growth_sd_log10_per_week=protocol.decline.growth_before_anchor_sd_log10_per_week,
            most_steps=MOST_STEPS,
        ).lines
        for name in COMPARTMENTS
    }


def slower(line: TrajectoryLine) -> TrajectoryLine:
    """The line with every decline multiplied by SLOPE_FACTOR; its spread stays."""
    load, *declines = line.mean
    return replace(line, mean=(load, *(SLOPE_FACTOR * decline for decline in declines)))


def _row(stress: Stress, given: Followed, weekly: pl.DataFrame, compartment: str) -> Row:
    every = with_estimates(judged_rows(given, given.series(compartment)), weekly, "bank").filter("is_unchanged")
    seen = every.filter(pl.col("true_until_lloq").is_not_null())
    target = given.protocol.decline.target_log10_per_week
    by_day = [seen.filter(day=float(day)) for day in DAYS]
    return Row(
        stress=stress,
        compartment=compartment,
        days=tuple(scored(rows, "bank", target=target, ceiling=None, until_lloq=True) for rows in by_day),
        whole=tuple(
            proportion(((rows["bank_low"] <= rows["true_mean"]) & (rows["true_mean"] <= rows["bank_high"])).to_numpy())
            for rows in by_day
        ),
        unseen=every.height - seen.height,
        nulls=int(every["bank_p"].null_count()),
    )


def judge_all(chosen: tuple[Stress, ...], *, patients: int, training: int, seed: int, processes: int) -> list[Row]:
    """The rows of every stress, whole stresses shared over the cores."""
    work = [(stress, patients, training, seed) for stress in chosen]
    if processes == 1:
        return [row for one in work for row in judge(*one)]
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        return [row for rows in pool.map(judge, *zip(*work, strict=True)) for row in rows]
