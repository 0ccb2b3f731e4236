"""How the figures of `benchmarks.unit_year` are told: shares, rates and medians, each with its 95 % interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from benchmarks.unit_year_judged import Judged, median_interval
from cmvmon.kinetics.numerics.proportion import exact_interval
from cmvmon.kinetics.numerics.rate import rate_interval


def share(n: int, of: int) -> str:
    """In per cent, with its exact interval."""
    if not of:
        return "-"
    low, high = exact_interval(n, of, 0.95)
    return f"{100 * n / of:.1f} ({100 * low:.1f}-{100 * high:.1f}); {n} of {of}"


def rate(counts: Counter[str], weeks: dict[str, float]) -> str:
    """Per patient-week, with its interval."""
    if not sum(weeks.values()):
        return "-"
    low, high = rate_interval(counts, weeks)
    return f"{counts.total() / sum(weeks.values()):.4f} ({low:.4f}-{high:.4f})"


def per_ward_week(counts: Counter[str], years: Collection[Judged], ward_weeks: float) -> str:
    """As a rate of patients, whose interval is wider where a few bring many; told per week of the whole ward."""
    weeks = {name: days / 7.0 for each in years for name, days in each.patient_days.items()}
    wards = sum(weeks.values()) / ward_weeks
    low, high = rate_interval(counts, weeks)
    return f"{counts.total() / ward_weeks:.2f} ({low * wards:.2f}-{high * wards:.2f})"


def median(delays: Collection[float]) -> str:
    """With its interval by order statistics."""
    found = median_interval(delays)
    return "-" if found is None else "{:.1f} ({:.1f}-{:.1f})".format(*found)
