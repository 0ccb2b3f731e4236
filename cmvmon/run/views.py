"""What the pages are made from, cut out of an assessment: one patient, one row of the ward, the state of the feeds."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from cmvmon import __version__
from cmvmon.assess import Assessment
from cmvmon.domain import words
from cmvmon.domain.delivered import BY_NAME
from cmvmon.domain.fitted import FITTED_TRAJECTORY
from cmvmon.domain.interval import reported_limit_iu_per_ml
from cmvmon.domain.patient_links import Links
from cmvmon.domain.replaced import TOLD_BEFORE, said_before
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.facts.affected import AFFECTED
from cmvmon.facts.standing_in import STANDING_IN
from cmvmon.facts.treatment import TREATMENT
from cmvmon.kinetics.trajectory.fitted import drawn_from
from cmvmon.protocol import Protocol
from cmvmon.run.ward_list import WardList
from cmvmon.shell.feed_state import FeedTable
from cmvmon.shell.session import ASSESSMENT_FEED
from cmvmon.text import codes
from dashboards.views import Caveat, FeedState, LatestResult, MergedView, NotAssessable, PatientView, WardRow
from data_contracts.freshness import is_fresh


@dataclass(frozen=True)
class Common:
    """What every page of one publishing shares."""

    protocol: Protocol
    as_of: datetime
    time_zone: str
    is_synthetic: bool
    stale_after_hours: int


def fitted_trajectories(assessment: Assessment, patients: Collection[str], *, protocol: Protocol) -> pl.DataFrame:
    """`fitted_trajectory` of these patients, as their pages draw it; no row where the declines were not the bank's."""
    given = assessment.kernel_input
    if given is None or given.method != "bank":
        return FITTED_TRAJECTORY.empty()
    return drawn_from(given.of(patients), protocol)


def results_to_show(assessment: Assessment) -> pl.DataFrame:
    """What the pages list: results in use and preliminary ones, and of those that were corrected, withdrawn or moved away
    what they said before: `viral_load_results`, `is_conflicting`, `fate`, `replaced_at` and the columns with `was_`."""
    before = said_before(assessment.versions)
    key = ["patient_id", "result_id"]
    shown = assessment.shown.select(*VIRAL_LOAD_RESULTS.schema, "is_conflicting")
    listed = shown.join(before.filter(pl.col("fate") == words.CORRECTED), on=key, how="left")
    gone = before.filter(pl.col("fate") != words.CORRECTED)
    last = (
        assessment.versions.join(gone, on=key, how="semi")
        .sort("received_at")
        .unique(key, keep="first", maintain_order=True)
    )
    was = {name: pl.col(f"was_{name}") for name in TOLD_BEFORE}
    was |= {
        name: pl.coalesce(was[name], name) for name in ("compartment", "collected_at")
    }  # several values: none is told
    told = last.join(gone, on=key).with_columns(**was, result_status=pl.col("fate"), is_conflicting=pl.lit(False))
    return pl.concat([listed, told.select(listed.columns)])


def patient_view(
    patient_id: str,
    assessment: Assessment,
    open_alerts: pl.DataFrame,
    *,
    common: Common,
    results: pl.DataFrame,
    fitted: pl.DataFrame,
    next_sample: pl.DataFrame,
    caveats: tuple[Caveat, ...],
    ward_href: str,
    hrefs: Mapping[str, str],
) -> PatientView:
    """Everything that one patient's page shows."""
    facts = assessment.facts
    judged = _of(facts.of(AFFECTED), patient_id).filter(
        pl.col("compartment").is_not_null() & (pl.col("affected_source") != words.STANDS_IN)
    )
    besides = _of(facts.of(STANDING_IN), patient_id)
    stays = None if assessment.stays is None else _of(assessment.stays, patient_id)
    ward, bed = _places(stays).get(patient_id, (None, None))
    return PatientView(
        patient_id=patient_id,
        ward=ward,
        bed=bed,
        as_of=common.as_of,
        time_zone=common.time_zone,
        results=_of(results, patient_id),
        courses=None if assessment.courses is None else _of(assessment.courses, patient_id),
        stays=stays,
        weekly_decline=_of(assessment.weekly_decline, patient_id),
        verdicts=_of(assessment.verdicts, patient_id),
        open_alerts=_of(open_alerts, patient_id),
        fitted=_of(fitted, patient_id),
        next_sample=_of(next_sample, patient_id),
        treatment=str(_of(facts.of(TREATMENT), patient_id)["treatment"][0]),
        protocol=common.protocol,
        code_version=__version__,
        is_synthetic=common.is_synthetic,
        ward_href=ward_href,
        caveats=caveats,
        affected=tuple(judged["compartment"]),
        affected_source=None if judged.is_empty() else judged["affected_source"][0],
        concordance=assessment.concordance.filter((pl.col("scope") == "unit") | (pl.col("patient_id") == patient_id)),
        standing_in=tuple(besides.select("compartment", "stands_in_for").rows()),
        hrefs=hrefs,
        stale_after_hours=common.stale_after_hours,
    )


def merged_view(
    old: str, one: Links, *, common: Common, code: str, page_of: Callable[[str, str], str], ward_href: str
) -> MergedView:
    """What the page of a number says that was merged into another. `page_of`: the page of a patient in a language."""
    return MergedView(
        patient_id=old,
        merged_into=one.of(old),
        since=one.since[old],
        as_of=common.as_of,
        time_zone=common.time_zone,
        href=page_of(one.of(old), code),
        ward_href=ward_href,
        hrefs={other: page_of(old, other) for other in codes()},
        protocol_version=common.protocol.version,
        code_version=__version__,
        is_synthetic=common.is_synthetic,
    )


def ward_rows(ward: WardList, open_alerts: pl.DataFrame) -> tuple[WardRow, ...]:
    """The rows of the ward page, without links: a patient has one page in each language."""
    alerts, unassessed = _rows_by_patient(open_alerts), _rows_by_patient(ward.unassessed)
    latest, stays = _latest(ward.results, open_alerts), _places(ward.stays)
    return tuple(
        WardRow(
            patient_id,
            *stays.get(patient_id, (None, None)),
            href="",
            open_alerts=alerts.get(patient_id, []),
            latest=latest.get(patient_id),
            not_assessable=tuple(
                NotAssessable(row["rule"], row["reason"], row["compartment"]) for row in unassessed.get(patient_id, [])
            ),
        )
        for patient_id in ward.patients
    )


def feed_states(
    feeds: Collection[FeedTable], operations: Collection[Mapping[str, object]], as_of: datetime
) -> tuple[FeedState, ...]:
    """The first line of the ward page: every feed and table, and what the operations alerts say of them."""
    said = [json.loads(str(alert["evidence"])) for alert in operations]
    states = [
        FeedState(
            feed=item.feed,
            table_name=item.table,
            last_received_at=item.last_received_at,
            is_fresh=is_fresh(item.table, item.last_received_at, as_of=as_of) if item.table in BY_NAME else None,
            operations_code=item.refused,
            n_quarantined=item.n_quarantined,
        )
        for item in feeds
    ]
    told = {(state.feed, state.table_name) for state in states if state.operations_code}
    stopped = [
        FeedState(fact["feed"], fact["table_name"], None, None, fact["code"])
        for fact in sorted(said, key=lambda fact: (fact["feed"] != ASSESSMENT_FEED, fact["feed"]))
        if (fact["feed"], fact["table_name"]) not in told
    ]
    return (*stopped, *states)


def feed_caveats(feeds: Collection[FeedTable], as_of: datetime) -> tuple[Caveat, ...]:
    """What a patient's page must say of the data as a whole: records in quarantine, results that stay away."""
    caveats = []
    waiting = sum(item.n_quarantined for item in feeds)
    if waiting:
        caveats.append(Caveat("quarantined", n=waiting))
    received = [
        item.last_received_at for item in feeds if item.table == VIRAL_LOAD_RESULTS.name and item.last_received_at
    ]
    if not received:
        caveats.append(Caveat("results_never"))
    elif is_fresh(VIRAL_LOAD_RESULTS.name, max(received), as_of=as_of) is False:
        caveats.append(Caveat("results_stale", since=max(received)))
    return tuple(caveats)


def _of(frame: pl.DataFrame, patient_id: str) -> pl.DataFrame:
    return frame.filter(pl.col("patient_id") == patient_id)


def _rows_by_patient(frame: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    given: dict[str, list[dict[str, Any]]] = {}
    for row in frame.iter_rows(named=True):
        if row["patient_id"] is not None:
            given.setdefault(row["patient_id"], []).append(row)
    return given


def _places(stays: pl.DataFrame | None) -> dict[str, tuple[str | None, str | None]]:
    """Ward and bed of each patient's latest stay."""
    if stays is None:
        return {}
    ordered = stays.sort("admitted_at", "ventilation_started_at", "stay_id", nulls_last=False)
    return {row[0]: (row[1], row[2]) for row in ordered.select("patient_id", "ward", "bed").iter_rows()}


def _latest(results: pl.DataFrame, open_alerts: pl.DataFrame) -> dict[str, LatestResult]:
    """Each patient's newest result; of the compartment that the first open alert is about, where there is one."""
    named = open_alerts.filter(pl.col("compartment").is_not_null()).sort("tier", "opened_at", maintain_order=True)
    about = named.unique("patient_id", keep="first", maintain_order=True).select("patient_id", about="compartment")
    used = (
        results.filter(~pl.col("is_conflicting"))
        .join(about, on="patient_id", how="left")
        .filter(pl.col("about").is_null() | (pl.col("compartment") == pl.col("about")))
        .sort("collected_at", "result_id")
        .unique("patient_id", keep="last", maintain_order=True)
    )
    return {
        row["patient_id"]: LatestResult(
            row["compartment"],
            row["detection"],
            row["viral_load_iu_per_ml"],
            reported_limit_iu_per_ml(row),
            row["collected_at"],
        )
        for row in used.iter_rows(named=True)
    }
