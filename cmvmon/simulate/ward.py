"""A synthetic ward with known truth: results, courses, stays, and what the loads truly did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import polars as pl

from cmvmon.domain.errors import CmvmonError
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.simulate.assumptions import assumed
from cmvmon.simulate.curves import Curves
from cmvmon.simulate.draws import Draws, Numbers
from cmvmon.simulate.hosts import COMPARTMENTS, hosts
from cmvmon.simulate.limits import moment_limits
from cmvmon.simulate.sampling import viral_load_results
from cmvmon.simulate.scenarios import DEFAULT_SCENARIO, scenario_of
from cmvmon.simulate.stays import antiviral_courses, calendar, cut_short_by_death, icu_stays
from cmvmon.simulate.trajectories import curves
from cmvmon.simulate.truth import truth_table

START = datetime(2024, 1, 1, tzinfo=UTC)  # no meaning: a fixed Monday, so that the same seed gives the same bytes
LONGEST_WATCH_DAYS = 3650


@dataclass(frozen=True)
class Ward:
    """Polars frames of one ward. The first three conform to their row types; all are in the order of patients.

    `truth` has one row per patient and compartment: see `ward`. `loads` holds the true loads by compartment, one element
    per patient: what `cmvmon.simulate.true_declines` and other judges compute from.
    """

    viral_load_results: pl.DataFrame
    antiviral_courses: pl.DataFrame
    icu_stays: pl.DataFrame
    truth: pl.DataFrame
    loads: Mapping[str, Curves]
    scenario: str = DEFAULT_SCENARIO

    def true_log10_load(self, compartment: str, days: Numbers) -> Numbers:
        """True log10 IU/mL at `days` after the anchor (negative: before it), one moment per patient, in their order."""
        return self.loads[compartment].log10_load(days)


def ward(patients: int, days: int, seed: int, scenario: str = DEFAULT_SCENARIO, *, start: datetime = START) -> Ward:
    """A treated ward as it is known at `start` + `days`: everything in it is made up, and marked so.

    Every patient has one ICU stay with ventilation, ganciclovir from the anchor (a few switch to foscarnet, a few
    stop), and series in plasma and BAL. Anchors are spread over the first part of the watch, so at its end some
    patients are long discharged and others have just begun. Records before `start` (admission, samples before the
    anchor) are in it; what happened but was not yet reported or known at the end is not.

    `truth`, in log10 IU/mL and log10 per week (positive when falling), days counted from the anchor:
        patient_id, compartment, class (responder, slow, non_responder, rebound), anchor_at (start of ganciclovir),
        load_at_anchor_log10, growth_before_anchor_log10_per_week,
        decline_log10_per_week (the answer to the first drug), and, null where there is none:
        early_until_days, early_decline_log10_per_week, late_from_days, late_decline_log10_per_week,
        drug_change (switched, stopped), drug_changed_days, decline_after_change_log10_per_week;
        mean_decline_day_7_log10_per_week, .._day_14_.., .._day_21_..: true mean decline from the anchor to that day,
        of the latent load, whatever was sampled, whatever the drug, and also beyond the end of the watch.
        A scenario's further pieces (hump, bend, second change) are in `loads` only; a series of another family than
        the straight pieces has no decline_log10_per_week (null), and a class named after what its load does.

    Args:
        patients: how many, from 1. Patient i is the same whatever their number.
        days: length of the watch, from 1. The anchors are spread over it; a patient's loads do not depend on it.
        seed: from 0. Same arguments, same frames.
        scenario: a name of `cmvmon.simulate.SCENARIOS`. Each replaces some assumptions; what it does not touch is drawn
            as in the ward of the same seed.
        start: first day on which a treatment may begin; with a time zone.

    Raises:
        CmvmonError: an argument out of these limits, or a scenario that does not exist.

    Source of every number: `cmvmon.simulate.ASSUMPTIONS`.

    >>> small = ward(3, 28, seed=1)
    >>> small.truth.height, small.icu_stays["ward"].unique().to_list()
    (6, ['SYNTHETIC-ICU'])
    """
    _refuse(patients, days, seed, start)
    draws = Draws(patients, seed, scenario_of(scenario).overrides)
    host = hosts(draws)
    loads = {compartment: curves(draws, host, compartment) for compartment in COMPARTMENTS}
    when = cut_short_by_death(draws, calendar(draws, start.astimezone(UTC), days), loads["plasma"])
    return Ward(
        viral_load_results=viral_load_results(draws, when, loads, days),
        antiviral_courses=antiviral_courses(draws, when, host),
        icu_stays=icu_stays(draws, when),
        truth=truth_table(when, host, loads),
        loads=MappingProxyType(loads),
        scenario=scenario,
    )


def _refuse(patients: int, days: int, seed: int, start: datetime) -> None:
    faults = []
    if patients < 1:
        faults.append(f"patients is {patients}; give 1 or more")
    if not 1 <= days <= LONGEST_WATCH_DAYS:
        faults.append(f"days is {days}; give 1 to {LONGEST_WATCH_DAYS}")
    if seed < 0:
        faults.append(f"seed is {seed}; give 0 or more")
    if start.tzinfo is None:
        faults.append("start has no time zone; give one, such as datetime(2024, 1, 1, tzinfo=UTC)")
    elif not faults:
        spans = [moment_limits(row_type) for row_type in (VIRAL_LOAD_RESULTS, ANTIVIRAL_COURSES, ICU_STAYS)]
        earliest = max(span[0] for span in spans) + timedelta(days=assumed("admission_to_anchor_longest"))
        latest = min(span[1] for span in spans) - timedelta(days=days)
        if not earliest <= start <= latest:
            faults.append(f"start is {start:%Y-%m-%d}; give {earliest:%Y-%m-%d} to {latest:%Y-%m-%d}")
    if faults:
        raise CmvmonError("simulate: " + "; ".join(faults))
