"""What the pages are made from, cut out of an assessment: one patient, one row of the ward, the state of the feeds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import polars as pl

from cmvmon import __version__
from cmvmon.assess import Assessment
from cmvmon.dashboards.beside_views import Alongside, Beside
from cmvmon.dashboards.row_views import DrugsNow, FeedState
from cmvmon.dashboards.rows import rows_of
from cmvmon.dashboards.views import (
    Caveat,
    MergedView,
    NeverDelivered,
    PatientView,
    SwitchedOff,
)
from cmvmon.domain import words
from cmvmon.domain.birth_dates import BIRTH_DATES
from cmvmon.domain.fitted import FITTED_TRAJECTORY
from cmvmon.domain.patient_links import Links
from cmvmon.domain.replaced import TOLD_BEFORE, said_before
from cmvmon.domain.rested import Rested
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.domain.waiting_policy import WaitingPolicy
from cmvmon.facts.affected import AFFECTED
from cmvmon.facts.alongside import ALONGSIDE
from cmvmon.facts.beside import BESIDE
from cmvmon.facts.drug_pairs import noted_pairs
from cmvmon.facts.standing_in import STANDING_IN
from cmvmon.facts.treatment import TREATMENT
from cmvmon.kinetics.noise.in_use import default_sigma
from cmvmon.kinetics.trajectory.fitted import drawn_from
from cmvmon.protocol import Protocol
from cmvmon.run.pages.some_patients import SomePatients
from cmvmon.shell.alerts.work_facts import each_fact, moved_of
from cmvmon.shell.waiting.feed_state import FeedTable
from cmvmon.shell.work.opening import ASSESSMENT_FEED, PROTOCOL_FEED
from cmvmon.text import codes


@dataclass(frozen=True)
class Common:
    """What every page of one publishing shares."""

    protocol: Protocol
    as_of: datetime
    time_zone: str
    is_synthetic: bool
    stale_after_hours: int
    switched_off: tuple[SwitchedOff, ...] = ()
    never_delivered: tuple[NeverDelivered, ...] = ()
    drugs: Mapping[str, DrugsNow] = field(default_factory=dict)
    handed_to: str = ""
    waits: WaitingPolicy | None = None


def fitted_trajectories(assessment: Assessment, patients: Collection[str], *, protocol: Protocol) -> pl.DataFrame:
    """`fitted_trajectory` of these patients, as their pages draw it; no row where the declines were not the bank's."""
    given = assessment.kernel_input
    if given is None or given.method != "bank":
        return FITTED_TRAJECTORY.empty()
    return drawn_from(given.of(patients), protocol)


def results_to_show(assessment: Assessment, *, protocol: Protocol) -> pl.DataFrame:
    """What the pages list: results in use and preliminary ones, and of those that were corrected, withdrawn or moved away
    what they said before: `viral_load_results`, `is_conflicting`, `sigma_log10` (null: not known, or no result in use), `fate`,
    `replaced_at` and the columns with `was_`."""
    before = said_before(assessment.versions)
    key = ["patient_id", "result_id"]
    noise = assessment.results.select(
        "result_id", sigma_log10=pl.coalesce("sigma_log10", default_sigma(protocol))
    ).unique("result_id", keep="none")
    shown = assessment.shown.select(*VIRAL_LOAD_RESULTS.schema, "is_conflicting").join(
        noise, on="result_id", how="left", maintain_order="left"
    )
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
    told = last.join(gone, on=key).with_columns(
        **was,
        result_status=pl.col("fate"),
        is_conflicting=pl.lit(False),
        sigma_log10=pl.lit(None, dtype=pl.Float64),
    )
    return pl.concat([listed, told.select(listed.columns)])


def patient_view(
    patient_id: str,
    assessment: Assessment,
    open_alerts: pl.DataFrame,
    *,
    some: SomePatients,
    ended: Sequence[Mapping[str, Any]],
    common: Common,
    results: pl.DataFrame,
    fitted: pl.DataFrame,
    next_sample: pl.DataFrame,
    caveats: tuple[Caveat, ...],
    rested: Mapping[str, Rested],
    ward_href: str,
    hrefs: Mapping[str, str],
) -> PatientView:
    """Everything that one patient's page shows. `some`: she and those whose views are made beside hers. `ended`: her alerts that
    were resolved or closed lately. `rested`: of alerts about a result that was taken back, by id, what rested on it."""
    known = assessment.facts
    mine = some.of_patient(patient_id)
    judged = [
        row
        for row in rows_of(mine(known.of(AFFECTED)))
        if row["compartment"] is not None and row["affected_source"] not in (None, words.STANDS_IN)
    ]
    births = known.prepared.begun[BIRTH_DATES]
    stays = None if assessment.stays is None else mine(assessment.stays)
    left, died = some.left_at.get(patient_id), some.died.get(patient_id)
    ward, bed = some.places.get(patient_id, (None, None))
    (treatment,) = rows_of(mine(known.of(TREATMENT)))
    return PatientView(
        patient_id=patient_id,
        ward=ward,
        bed=bed,
        left_at=left,
        died=died,
        born_on=_born_on(mine(births)),
        has_births=not births.is_empty(),
        as_of=common.as_of,
        time_zone=common.time_zone,
        results=mine(results),
        courses=None if assessment.courses is None else mine(assessment.courses),
        stays=stays,
        weekly_decline=mine(assessment.weekly_decline),
        verdicts=mine(assessment.verdicts),
        watched=some.watched.get(patient_id, frozenset()),
        open_alerts=mine(open_alerts),
        ended_alerts=ended,
        fitted=mine(fitted),
        next_sample=mine(next_sample) if died is None else next_sample.clear(),
        treatment=str(treatment["treatment"]),
        treatment_known_at=treatment["last_known_at"],
        protocol=common.protocol,
        code_version=__version__,
        is_synthetic=common.is_synthetic,
        ward_href=ward_href,
        caveats=caveats,
        affected=tuple(row["compartment"] for row in judged),
        affected_source=judged[0]["affected_source"] if judged else None,
        concordance=some.concordance(patient_id),
        standing_in=tuple((row["compartment"], row["stands_in_for"]) for row in rows_of(mine(known.of(STANDING_IN)))),
        hrefs=hrefs,
        stale_after_hours=common.stale_after_hours,
        switched_off=common.switched_off,
        waits=common.waits,
        context=tuple((line.key, line.guide, line.number) for line in some.context[patient_id]),
        noted_pairs=mine(known.shared(noted_pairs)),
        never_delivered=common.never_delivered,
        beside=Beside(*(mine(known.shared(rows)) for rows in BESIDE)),
        alongside=Alongside(*(mine(known.shared(rows)) for rows in ALONGSIDE)),
        rested={
            alert["alert_id"]: rested[alert["alert_id"]]
            for alert in rows_of(mine(open_alerts))
            if alert["alert_id"] in rested
        },
        drugs=common.drugs.get(patient_id, DrugsNow()),
        due=() if left is not None or died is not None else some.due.get(patient_id, ()),
    )


def _born_on(mine: pl.DataFrame) -> date | None:
    """The patient's date of birth; None where none is known, or two differ."""
    if mine.is_empty():
        return None
    told = mine["born_on"].str.to_date("%Y-%m-%d", strict=False).drop_nulls().unique()
    return told.item() if told.len() == 1 else None


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
        is_signed=common.protocol.is_signed,
        switched_off=common.switched_off,
        waits=common.waits,
    )


def feed_states(feeds: Collection[FeedTable], operations: Collection[Mapping[str, object]]) -> tuple[FeedState, ...]:
    """The first line of the ward page: every feed and table, and what the operations alerts say of them."""
    said = [fact for alert in operations for fact in each_fact(str(alert["evidence"]))]
    states = [
        FeedState(
            feed=item.feed,
            table_name=item.table,
            last_received_at=item.last_received_at,
            is_fresh=item.is_fresh,
            operations_code=item.refused,
            n_quarantined=item.n_quarantined,
        )
        for item in feeds
    ]
    told = {(state.feed, state.table_name, state.operations_code) for state in states}
    stopped = [
        FeedState(
            fact["feed"],
            fact["table_name"],
            None,
            None,
            fact["code"],
            file_name=fact.get("file_name"),
            moved=moved_of(fact),
        )
        for fact in sorted(said, key=lambda fact: (fact["feed"] != ASSESSMENT_FEED, fact["feed"]))
        if (fact["feed"], fact["table_name"], fact["code"]) not in told
        and fact["feed"] != PROTOCOL_FEED  # `waits` says it
    ]
    return (*stopped, *states)
