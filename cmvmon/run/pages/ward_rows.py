"""The rows of the ward page, cut out of its list: each patient's alerts, newest results, drugs and what could not be told."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from cmvmon.dashboards import facts, sparkline
from cmvmon.dashboards.doubted import in_doubt
from cmvmon.dashboards.row_views import CoursePoint, DrugsNow, LatestResult, NotAssessable
from cmvmon.dashboards.views import WardRow
from cmvmon.domain import words
from cmvmon.domain.versions import is_usable
from cmvmon.kinetics.noise.in_use import default_sigma
from cmvmon.protocol import Protocol
from cmvmon.run.pages.some_patients import places
from cmvmon.run.ward.ward_list import WardList, left_at

# What a row draws a result from, and what `facts.points` and `facts.course_to` read of it.
_DRAWN_FROM = frozenset(
    {"patient_id", "compartment", "laboratory", "assay", "collected_at", "reported_at", "result_id", "result_status"}
    | {"detection", "viral_load_iu_per_ml", "lod_iu_per_ml", "lloq_iu_per_ml", "uloq_iu_per_ml"}
    | {"is_conflicting", "sigma_log10"}
)


_MANY = 2000  # from so many results on it takes less to ask which are read than to make points of all
_DRAWN_FOR = timedelta(weeks=sparkline.WEEKS, days=1)  # a drawing begins with a day of the ward's zone


def ward_rows(
    ward: WardList,
    open_alerts: pl.DataFrame,
    *,
    protocol: Protocol,
    as_of: datetime,
    before: Collection[WardRow] = (),
) -> tuple[WardRow, ...]:
    """The rows of the ward page of `as_of`, without links: a patient has one page in each language.

    `before`: of the same list and moment, when other alerts stood open: where these led to the same results, they stand.
    """
    alerts = _rows_by_patient(open_alerts)
    kept = {
        row.patient_id: replace(row, open_alerts=alerts.get(row.patient_id, []))
        for row in before
        if _about(row.open_alerts) == _about(alerts.get(row.patient_id, []))
    }
    left = [patient_id for patient_id in ward.patients if patient_id not in kept]
    if kept and left:
        ward = replace(ward, results=ward.results.filter(pl.col("patient_id").is_in(left)))
    made = _rows(ward, left, alerts, open_alerts, protocol, as_of) if left else {}
    return tuple(kept.get(patient_id) or made[patient_id] for patient_id in ward.patients)


def _about(open_alerts: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The compartments that a patient's open alerts are about, the most urgent first."""
    named = [dict(row) for row in open_alerts if row["compartment"] is not None]
    return tuple(dict.fromkeys(row["compartment"] for row in facts.alerts_in_order(named)))


def _rows(
    ward: WardList,
    patients: Collection[str],
    alerts: Mapping[str, list[dict[str, Any]]],
    open_alerts: pl.DataFrame,
    protocol: Protocol,
    as_of: datetime,
) -> dict[str, WardRow]:
    unassessed = _rows_by_patient(ward.unassessed)
    latest, stays = _latest(ward, open_alerts, protocol, as_of), places(ward.stays)
    gone = left_at(ward.stays)
    return {
        patient_id: WardRow(
            patient_id,
            *((None, None) if patient_id in ward.unplaced else stays.get(patient_id, (None, None))),
            href="",
            open_alerts=alerts.get(patient_id, []),
            latest=latest.get(patient_id, ((), ()))[0],
            course=latest.get(patient_id, ((), ()))[1],
            drugs=ward.drugs.get(patient_id, DrugsNow()),
            left_at=gone.get(patient_id),
            died=ward.died.get(patient_id),
            not_assessable=tuple(
                NotAssessable(row["rule"], row["reason"], row["compartment"], row["subject"])
                for row in unassessed.get(patient_id, [])
            ),
        )
        for patient_id in patients
    }


def _rows_by_patient(frame: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    given: dict[str, list[dict[str, Any]]] = {}
    for row in frame.iter_rows(named=True):
        if row["patient_id"] is not None:
            given.setdefault(row["patient_id"], []).append(row)
    return given


def _latest(
    ward: WardList, open_alerts: pl.DataFrame, protocol: Protocol, as_of: datetime
) -> dict[str, tuple[tuple[LatestResult, ...], tuple[CoursePoint, ...]]]:
    """Each patient's newest used result of each compartment; first those that an open alert is about, the most urgent
    first, then those that a rule watches. And the used results of the first of them that a row draws."""
    results = ward.results
    if results.height > _MANY:
        results = _read(results, protocol, as_of)
    noisy = results.with_columns(sigma_log10=pl.coalesce("sigma_log10", default_sigma(protocol)))
    noisy = noisy.select(sorted(_DRAWN_FROM & set(noisy.columns)))  # of everybody: each column more is megabytes
    watched = set(ward.watched.rows())
    watched_of: dict[str, dict[str, None]] = {}
    for patient_id, name in sorted(watched):
        watched_of.setdefault(patient_id, {})[name] = None
    about: dict[str, dict[str, None]] = {}
    named = open_alerts.filter(pl.col("compartment").is_not_null())
    for alert in facts.alerts_in_order(named.iter_rows(named=True)):
        about.setdefault(alert["patient_id"], {})[alert["compartment"]] = None
    shown_of: dict[str, list[facts.Point]] = {}
    for point in facts.points(noisy):  # of everybody at once: the order within a patient is that of time
        shown_of.setdefault(point.row["patient_id"], []).append(point)
    unassessed = _rows_by_patient(ward.unassessed.filter(reason=words.LABORATORY_IN_DOUBT))
    found = {}
    for patient_id, shown in shown_of.items():
        lead = about.get(patient_id, {}) | watched_of.get(patient_id, {})
        pairs = facts.latest_by_compartment(shown, tuple(lead))
        doubted = in_doubt(unassessed.get(patient_id, ()))
        latest = tuple(
            _shown(point, shown, protocol, doubted, is_watched=(patient_id, point.row["compartment"]) in watched)
            for point, _ in pairs
        )
        drawn = [p for p in shown if p.is_used and pairs and p.row["compartment"] == latest[0].compartment]
        found[patient_id] = (latest, tuple(_course_point(p) for p in drawn))
    return found


def _read(results: pl.DataFrame, protocol: Protocol, as_of: datetime) -> pl.DataFrame:
    """The used results that a row reads: of the weeks that it draws, the newest of each compartment, and the earlier loads of that
    series by which `facts.course_to` tells how it moved. A ward's patients have years of others."""
    at, place = pl.col("collected_at"), ("patient_id", "compartment")
    used = results.filter(is_usable() & ~pl.col("is_conflicting")).with_columns(newest=at.max().over(place))

    def last_load(is_it: pl.Expr) -> pl.Expr:
        is_load = pl.col("detection") == words.QUANTIFIED
        return pl.when(is_load & is_it).then(at).max().over(*place, "laboratory", "assay")

    too_close = timedelta(days=protocol.decline.too_close_days)
    compared = (last_load(at < pl.col("newest")), last_load(at <= pl.col("newest") - too_close))
    since = pl.min_horizontal(pl.lit(as_of - _DRAWN_FOR), *compared)
    return used.filter((at == pl.col("newest")) | (at >= since)).drop("newest")


def _course_point(point: facts.Point) -> CoursePoint:
    row = point.row
    series = (row["laboratory"], row["assay"])
    load, lloq = row["viral_load_iu_per_ml"], row["lloq_iu_per_ml"]
    return CoursePoint(row["collected_at"], row["detection"], load, point.limit, lloq, series)


def _shown(
    point: facts.Point,
    shown: list[facts.Point],
    protocol: Protocol,
    doubted: Collection[facts.Series],
    *,
    is_watched: bool,
) -> LatestResult:
    """`doubted`: the series of which no way is told."""
    row, course = point.row, None if point.series in doubted else facts.course_to(point, shown, protocol)
    return LatestResult(
        row["compartment"],
        row["detection"],
        row["viral_load_iu_per_ml"],
        point.limit,
        row["collected_at"],
        way=course.way if course else "untold",
        since=course.since.row["collected_at"] if course else None,
        is_watched=is_watched,
    )
