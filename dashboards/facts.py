"""What a patient's frames say, in the order in which the page shows it. No words and no HTML here."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from statistics import NormalDist

import polars as pl

from cmvmon.dashboards.rows import Row, once_a_frame, rows_by, rows_of
from cmvmon.domain import compartments, words
from cmvmon.domain.alert_order import as_listed
from cmvmon.domain.interval import reported_limit_iu_per_ml
from cmvmon.protocol import Protocol

Series = tuple[str, str, str]  # compartment, laboratory, assay

_USED = (words.FINAL, words.CORRECTED)
_SIGN = {words.NOT_DETECTED: "<", words.BELOW_LLOQ: "<", words.ABOVE_ULOQ: ">", words.QUANTIFIED: ""}
_NEVER = datetime.min.replace(tzinfo=UTC)
_SAME_LOAD = 1e-9  # two log10 loads this close came from the same reported number


@dataclass(frozen=True)
class Point:
    """One result as it is shown.

    Attributes:
        limit: the reported limit of a result that is not quantified, if it is known.
        is_used: settled and free of conflict: what is judged, and what the sentence on top may rest on.
        is_gone: withdrawn, or given to another patient: what it said is told, and is nobody's load any more.
        log10_reported: log10 of the load, or of the limit that was reported instead.
    """

    row: Row
    limit: float | None
    series: Series = field(init=False, compare=False, repr=False)
    is_preliminary: bool = field(init=False, compare=False, repr=False)
    is_used: bool = field(init=False, compare=False, repr=False)
    is_gone: bool = field(init=False, compare=False, repr=False)
    is_drawn: bool = field(init=False, compare=False, repr=False)
    log10_reported: float | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """What a page asks of each point many times is worked out once."""
        get = self.row.get
        status, is_conflicting = get("result_status"), bool(get("is_conflicting"))
        load = get("viral_load_iu_per_ml") if get("detection") == words.QUANTIFIED else self.limit
        is_gone = status in (words.WITHDRAWN, words.MOVED)
        vars(self).update(
            series=(get("compartment"), get("laboratory"), get("assay")),
            is_preliminary=status == words.PRELIMINARY,
            is_used=status in _USED and not is_conflicting,
            is_gone=is_gone,
            is_drawn=not is_conflicting and not is_gone,
            log10_reported=math.log10(load) if load else None,
        )

    @property
    def before(self) -> Point | None:
        """What it said before it was corrected; None where it was not, or where that is not known."""
        if self.row.get("fate") != words.CORRECTED or self.row["was_detection"] is None:
            return None
        row = {name.removeprefix("was_"): value for name, value in self.row.items() if name.startswith("was_")}
        return Point(row, reported_limit_iu_per_ml(row))


@once_a_frame
def points(results: pl.DataFrame) -> list[Point]:
    """Every result of the view, by time of collection."""
    frame = results if "is_conflicting" in results.columns else results.with_columns(is_conflicting=pl.lit(False))
    ordered = rows_by(rows_of(frame), "collected_at", "result_id", "reported_at")
    return [Point(row, reported_limit_iu_per_ml(row)) for row in ordered]


def in_order(names: set[str], first: tuple[str, ...] = ()) -> list[str]:
    """Compartments with those of `first` leading, then as the register lists them."""
    listed = [*first, *(name for name in compartments.NAMES if name not in first)]
    return [name for name in listed if name in names]


def latest_by_compartment(shown: list[Point], first: tuple[str, ...]) -> list[tuple[Point, Point | None]]:
    """The latest used result of each compartment, with the one before it in the same series."""
    used = [point for point in shown if point.is_used]
    pairs = []
    for compartment in in_order({point.row["compartment"] for point in used}, first):
        latest = [point for point in used if point.row["compartment"] == compartment][-1]
        before = [point for point in used if point.series == latest.series and point is not latest]
        pairs.append((latest, before[-1] if before else None))
    return pairs


def main_pair(pairs: list[tuple[Point, Point | None]], affected: tuple[str, ...]) -> tuple[Point, Point | None] | None:
    """The pair that the sentence on top speaks of: an affected compartment's, else blood's, else the latest."""
    for group in (affected, compartments.BLOOD, compartments.NAMES):
        of_group = [pair for pair in pairs if pair[0].row["compartment"] in group]
        if of_group:
            return max(of_group, key=lambda pair: pair[0].row["collected_at"])
    return None


@dataclass(frozen=True)
class Course:
    """How a load came to be what it is: since which earlier one, and `falls`, `rises`, `within_noise` or `untold`."""

    since: Point
    way: str


def course_to(latest: Point, shown: list[Point], protocol: Protocol) -> Course | None:
    """How the latest load of a series moved; None where it is no load, or no load stands before it.

    It is compared with the newest load that lies `[decline] too_close_days` or longer before it. It falls or rises where
    the difference is more than noise alone would give (`[concordance] change_probability`, as for a clear change there),
    and the step since the load before it does not clearly go the other way. Where no load lies so far back, where the
    noise of one is not known, or the last step goes the other way, nothing is said but the last two loads.
    """
    loads = [p for p in shown if p.is_used and p.series == latest.series and p.row["detection"] == words.QUANTIFIED]
    if latest not in loads or len(loads) < 2:
        return None
    *earlier, before = [p for p in loads if p is not latest]
    span = timedelta(days=protocol.decline.too_close_days)
    far = [p for p in (*earlier, before) if latest.row["collected_at"] - p.row["collected_at"] >= span]
    changed, last_step = (clear_change(p, latest, protocol) for p in (far[-1] if far else before, before))
    if not far or changed is None or last_step is None or changed * last_step < 0:
        return Course(before, "untold")
    return Course(far[-1], "falls" if changed < 0 else "rises" if changed > 0 else "within_noise")


def clear_change(earlier: Point, later: Point, protocol: Protocol) -> int | None:
    """1 where the load rose by more than noise would give, -1 where it fell so, 0 where neither; None: not known."""
    of_each = (point.row.get("sigma_log10") for point in (earlier, later))
    sigmas = [float(sigma) for sigma in of_each if sigma is not None and math.isfinite(sigma)]
    if len(sigmas) < 2:
        return None
    before, after = (math.log10(point.row["viral_load_iu_per_ml"]) for point in (earlier, later))
    z = NormalDist().inv_cdf((1 + protocol.concordance.change_probability) / 2)
    if abs(after - before) <= z * math.hypot(*sigmas):
        return 0
    return 1 if after > before else -1


def alerts_in_order(alerts: Iterable[Row]) -> list[Row]:
    """Open alerts by tier; of one tier first those of a compartment that leads, then by age and id."""
    return sorted(
        (row for row in alerts if row["state"] == "open"),
        key=lambda row: (row["tier"], not _leads(row["evidence"]), *as_listed(row)),
    )


@lru_cache(maxsize=4096)  # alerts are put in order several times for one page
def _leads(evidence: str) -> bool:
    """Whether an alert says of its compartment that the course is judged by it first."""
    return json.loads(evidence).get("affected_source") in words.LEADS_AS


@once_a_frame
def not_assessable(verdicts: pl.DataFrame) -> list[Row]:
    """The verdicts that could not be assessed, in a fixed order."""
    chosen = (row for row in rows_of(verdicts) if row["verdict"] == words.NOT_ASSESSABLE)
    return rows_by(chosen, "rule", "patient_id", "compartment", "subject")


@once_a_frame
def states(verdicts: pl.DataFrame) -> list[tuple[str, Row]]:
    """Rule and evidence of each verdict that tells a state: clear, with sentences. In a fixed order."""
    clear = rows_by(
        (row for row in rows_of(verdicts) if row["verdict"] == words.CLEAR), "rule", "compartment", "subject"
    )
    read = [(row["rule"], json.loads(row["evidence"])) for row in clear]
    return [(rule, evidence) for rule, evidence in read if evidence["says"]]


def decline_groups(weekly: pl.DataFrame, first: tuple[str, ...]) -> list[list[Row]]:
    """Weekly-decline rows by series and anchor: leading compartments first, the latest anchor first, weeks in order."""
    groups: dict[tuple[str, str, str, datetime], list[Row]] = {}
    for row in rows_by(rows_of(weekly), "treatment_week"):
        groups.setdefault((row["compartment"], row["laboratory"], row["assay"], row["anchor_at"]), []).append(row)
    order = {name: i for i, name in enumerate(in_order({key[0] for key in groups}, first))}
    keys = sorted(groups, key=lambda key: (order[key[0]], -key[3].timestamp(), key[1], key[2]))
    return [groups[key] for key in keys]


def latest_weeks(weekly: pl.DataFrame, shown: list[Point], first: tuple[str, ...]) -> list[tuple[Row, int]]:
    """For each compartment the last week of its newest series, and how many series have weeks there.

    The newest series is the one with the latest result; of equals, the one with the later anchor, then the last by name.
    """
    last_of_series: dict[tuple[str, str, str], Row] = {}
    for row in rows_by(rows_of(weekly), "anchor_at", "treatment_week"):
        last_of_series[(row["compartment"], row["laboratory"], row["assay"])] = row
    sampled = {point.series: point.row["collected_at"] for point in shown if point.is_used}
    found = []
    for compartment in in_order({key[0] for key in last_of_series}, first):
        mine = [
            (sampled.get(key, _NEVER), row["anchor_at"], key)
            for key, row in last_of_series.items()
            if key[0] == compartment
        ]
        found.append((last_of_series[max(mine)[2]], len(mine)))
    return found


def collected_at(result_id: str | None, shown: list[Point]) -> datetime | None:
    """When that result was collected; None where it is not shown."""
    return next((p.row["collected_at"] for p in shown if p.is_used and p.row["result_id"] == result_id), None)


def joined(drawn: list[Point], gap: timedelta) -> list[list[Point]]:
    """Runs of neighbouring quantified results of one series: none across a gap, a limit or an assay."""
    runs = []
    for series in sorted({point.series for point in drawn}):
        run: list[Point] = []
        for point in (p for p in drawn if p.series == series):
            is_joined = bool(run) and point.row["collected_at"] - run[-1].row["collected_at"] <= gap
            is_load = point.row["detection"] == words.QUANTIFIED and point.is_used
            if not (is_joined and is_load):
                runs.append(run)
                run = []
            if is_load:
                run.append(point)
        runs.append(run)
    return [run for run in runs if len(run) > 1]


def reported_sign(log10_load: float, shown: list[Point], series: Series, end: datetime, within: timedelta) -> str:
    """`<` or `>` where the result that stands for an end of a week reported this number as a limit; empty for a load, or where
    results of one moment say both.

    Of the results that say this number it is the nearest one: it lies before that end, or up to `within` after it.
    """
    found: dict[timedelta, set[str]] = {}
    for point in shown:
        # The number first: of hundreds of points hardly one says it.
        if point.log10_reported is None or abs(point.log10_reported - log10_load) >= _SAME_LOAD:
            continue
        away = point.row["collected_at"] - end
        if point.is_used and point.series == series and away <= within:
            found.setdefault(abs(away), set()).add(_SIGN[point.row["detection"]])
    signs = found[min(found)] if found else set()
    return signs.pop() if len(signs) == 1 else ""


def ventilation(stays: pl.DataFrame | None) -> list[tuple[datetime, datetime | None, str | None]]:
    """Periods of ventilation by start, each with its end and kind; a null end is still running, or unknown when the stay has ended."""
    if stays is None:
        return []
    known = [row for row in rows_of(stays) if row["ventilation_started_at"] is not None]
    return [
        (row["ventilation_started_at"], row["ventilation_stopped_at"], row["ventilation_kind"])
        for row in rows_by(known, "ventilation_started_at", "stay_id")
    ]
