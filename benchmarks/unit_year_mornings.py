"""The mornings of a made-up year of a unit: who is judged from what was known by then, and what is answered.

What it assumes of mornings and answers:

- Every patient is judged at 07:00 of each day of the stay, and of the two days after it. Whoever left with something pending (a
  sample without a result, a test of resistance without a report) or under an alert of tier 1 or 2 that nobody had acknowledged is
  judged on until that is over, or until 30 days after the discharge. Of nobody else is anything known after the discharge.
- An alert of tier 1 or 2 is acknowledged on the morning after the one on which it was first on the list, before that morning is
  judged.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.alert_mornings import MORNING
from benchmarks.alert_patients import DAY_0
from benchmarks.unit_year_judged import Judged
from benchmarks.unit_year_laboratory import orders_at
from benchmarks.unit_year_patients import DAYS, Year
from cmvmon import episodes
from cmvmon.assess import assess
from cmvmon.domain import words
from cmvmon.domain.columns import RowType
from cmvmon.domain.delivered import BY_NAME
from cmvmon.domain.known import Known
from cmvmon.domain.patient_links import Links
from cmvmon.domain.resistance_reports import RESISTANCE_REPORTS
from cmvmon.domain.rows import ASSAYS, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.domain.samples_ordered import SAMPLES_ORDERED
from cmvmon.episodes import Word
from cmvmon.kinetics import concordance
from cmvmon.kinetics.noise.results_in_use import results_in_use
from cmvmon.protocol import Protocol
from cmvmon.run.judging.assessing import ends_of_alerts
from cmvmon.run.replay.replay_ledger import LISTED, Ledger
from cmvmon.shell.rows.stamp import Stamp

ASSUMED = "What it assumes of mornings and answers:"
JUDGED_BEFORE_DAYS = 28  # mornings before the year begins; what stands then is none of its alerts
GONE_AFTER = timedelta(days=2)  # so long after the discharge everybody is judged: it ends what stood open
PENDING_FOR = timedelta(days=30)  # and so long whoever left with something pending
ANSWERED_AFTER = timedelta(hours=23)
KEPT_EVERY = 28  # mornings, after which what was said so far is kept


@dataclass
class _Sofar:
    """What was said until some morning: all that the next one needs."""

    next_day: int
    ledger: Ledger = field(default_factory=Ledger)
    open_alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    patient_days: dict[str, int] = field(default_factory=dict)
    evidence: list[dict[str, Any]] = field(default_factory=list)


def judged(
    year: Year,
    protocol: Protocol,
    *,
    begins: int = -JUDGED_BEFORE_DAYS,
    days: int = DAYS,
    progress: Callable[[int, int], None] | None = None,
    keep: Path | None = None,
) -> Judged:
    """Every patient at 07:00 of each day from `begins` on, from what was known by then.

    `keep`: a file without an ending of its own. What was said so far is written beside it every KEPT_EVERY mornings, and read again
    by the next run of the same year under the same protocol.
    """
    frames = {(rows := BY_NAME[name].rows): rows.conform(frame) for name, frame in year.tables.items()}
    frames[VIRAL_LOAD_RESULTS] = VIRAL_LOAD_RESULTS.conform(year.results)
    sofar = _kept(keep, protocol, days) or _Sofar(begins)
    for day in range(sofar.next_day, days):
        if day == 0:
            sofar.ledger.opens_as_standing()
        _morning(sofar, year, frames, protocol, day)
        sofar.next_day = day + 1
        if keep is not None and sofar.next_day % KEPT_EVERY == 0:
            _keep(keep, protocol, sofar)
        if progress is not None:
            progress(day - begins + 1, days - begins)
    if keep is not None:
        _keep(keep, protocol, sofar)
    return Judged(year, sofar.ledger.told, sofar.patient_days, tuple(sofar.evidence))


def _morning(sofar: _Sofar, year: Year, frames: Mapping[RowType, pl.DataFrame], protocol: Protocol, day: int) -> None:
    as_of = DAY_0 + timedelta(days=day) + MORNING
    _acknowledge(sofar, as_of)
    results = frames[VIRAL_LOAD_RESULTS].filter(year.results["known_at"] <= as_of)
    with_bal = year.results.filter(compartment="bal")["patient_id"].unique().implode()
    pairs = results_in_use(
        results.filter(pl.col("patient_id").is_in(with_bal)), ASSAYS.empty(), protocol=protocol, as_of=as_of
    )
    here = pl.col("patient_id").is_in(sorted(judged_at(year, frames[ICU_STAYS], as_of, _waits(sofar))))
    orders = SAMPLES_ORDERED.conform(orders_at(year.orders, as_of))
    known = Known.of(
        {
            rows: reported_by(frame.filter(here), as_of)
            for rows, frame in {**frames, VIRAL_LOAD_RESULTS: results, SAMPLES_ORDERED: orders}.items()
        },
        concordance=concordance(pairs, protocol=protocol, as_of=as_of),
        answered=year.answered.filter(pl.col("answered_at") <= as_of).select("result_id"),
    )
    assessment = assess(known, protocol=protocol, as_of=as_of)
    ends = ends_of_alerts(assessment, Links(), ())
    stamp = Stamp(as_of, "bank", protocol.version, protocol.sha256)
    _note(sofar, sofar.ledger.say(assessment.verdicts.to_dicts(), ends, stamp=stamp), day)
    if day >= 0:
        for name in set(assessment.verdicts["patient_id"]) - set(ends.left):
            sofar.patient_days[name] = sofar.patient_days.get(name, 0) + 1


def _note(sofar: _Sofar, events: list[dict[str, Any]], day: int) -> None:
    for event in events:
        if event["event"] == episodes.OPENED and day >= 0:
            sofar.evidence.append(
                {name: event[name] for name in ("alert_id", "rule", "patient_id", "opened_at", "evidence")}
            )
        if event["state"] == episodes.OPEN:
            sofar.open_alerts[event["alert_id"]] = event
        else:
            sofar.open_alerts.pop(event["alert_id"], None)


def _acknowledge(sofar: _Sofar, as_of: datetime) -> None:
    """What was first on the list on the morning before."""
    for name, row in list(sofar.open_alerts.items()):
        if (
            row["tier"] in LISTED
            and row["standing"] != words.ACKNOWLEDGED
            and row["changed_at"] <= as_of - ANSWERED_AFTER
        ):
            said = Word(episodes.ACKNOWLEDGE, as_of - timedelta(minutes=1), actor="SYNTHETIC", reason=None)
            event = episodes.event(row, row, said)
            if event is not None:
                sofar.ledger.take_over(event)
                sofar.open_alerts[name] = event


def _waits(sofar: _Sofar) -> set[str]:
    """Of whom an alert stands on the list that nobody has acknowledged."""
    return {
        str(row["patient_id"])
        for row in sofar.open_alerts.values()
        if row["tier"] in LISTED and row["standing"] != words.ACKNOWLEDGED
    }


def judged_at(year: Year, stays: pl.DataFrame, as_of: datetime, waits: set[str]) -> set[str]:
    """Who is on the unit, left it lately, or left it with something pending. `waits`: of whom an alert waits for an answer."""
    left = pl.col("discharged_at")
    came = stays.filter(pl.col("admitted_at") <= as_of)
    lately = set(came.filter(left > as_of - GONE_AFTER)["patient_id"])
    gone = came.filter(left.is_between(as_of - PENDING_FOR, as_of - GONE_AFTER))
    orders = year.orders.filter(pl.col("collected_at").is_not_null() & (pl.col("collected_at") <= as_of))
    is_out = pl.col("known_at").fill_null(as_of + PENDING_FOR) > as_of - GONE_AFTER
    pending = set(orders.filter(is_out)["patient_id"])
    if (reports := year.tables.get(RESISTANCE_REPORTS.name)) is not None:
        pending |= set(reports.filter(pl.col("reported_at") > as_of - GONE_AFTER)["patient_id"])
    return lately | (set(gone["patient_id"]) & (pending | waits))


def reported_by(frame: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """What was reported by then, of a table that says when: a finding is not known before."""
    if "reported_at" not in frame.columns:
        return frame
    return frame.filter(pl.col("reported_at").is_null() | (pl.col("reported_at") <= as_of))


def _file(keep: Path, protocol: Protocol, next_day: int) -> Path:
    return keep.with_name(f"{keep.name}-{protocol.sha256[:12]}-{next_day}.pickle")


def _keep(keep: Path, protocol: Protocol, sofar: _Sofar) -> None:
    """Whole or not at all."""
    keep.parent.mkdir(parents=True, exist_ok=True)
    partial = keep.with_name(f"{keep.name}.partial")
    partial.write_bytes(pickle.dumps(sofar))
    partial.replace(_file(keep, protocol, sofar.next_day))


def _kept(keep: Path | None, protocol: Protocol, days: int) -> _Sofar | None:
    """The latest that was kept of no more than so many days: only what this command itself has written there."""
    if keep is None:
        return None
    for next_day in range(days, -JUDGED_BEFORE_DAYS, -1):
        if (found := _file(keep, protocol, next_day)).exists():
            sofar = pickle.loads(found.read_bytes())  # noqa: S301  # our own file, written by `_keep`
            return sofar if isinstance(sofar, _Sofar) else None
    return None
