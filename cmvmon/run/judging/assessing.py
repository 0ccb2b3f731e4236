"""One assessment of a site: known rows, gate, assess, gate, record. A broken table stops it, and that is itself alerted."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import polars as pl
import sqlalchemy as sa

from cmvmon.answers import Worse
from cmvmon.assess import Assessment, assess
from cmvmon.domain import words
from cmvmon.domain.columns import RowType
from cmvmon.domain.concordance_counts import CONCORDANCE_COUNTS
from cmvmon.domain.delivered import DELIVERED, LEADING
from cmvmon.domain.errors import ContractBroken, PolicyChanged, ProtocolError
from cmvmon.domain.one_thread import in_one_thread
from cmvmon.domain.patient_links import Links
from cmvmon.domain.results import CONCORDANCE, VERDICTS, WEEKLY_DECLINE
from cmvmon.domain.series import SERIES_KEY
from cmvmon.domain.versions import usable_rows
from cmvmon.ends import on_moved_results, what_became_of, why_no_longer_judged
from cmvmon.facts.moved_together import moved
from cmvmon.facts.series import WATCHED_SERIES
from cmvmon.facts.stays import STAYS, back_since
from cmvmon.facts.treatment import TREATMENT
from cmvmon.rules import Rule, all_rules
from cmvmon.run.judging import in_doubt
from cmvmon.run.judging.in_doubt import Doubt
from cmvmon.run.judging.unit_concordance import counted, unit_concordance
from cmvmon.run.ward.ward_list import listed_or_alerted
from cmvmon.shell.alerts import alert_store, rule_switches, stored_results
from cmvmon.shell.alerts.alert_ends import Ends, Row
from cmvmon.shell.alerts.alert_store import Changes
from cmvmon.shell.as_known import known
from cmvmon.shell.folder import labels
from cmvmon.shell.taken_in import touched
from cmvmon.shell.versions.links import links
from cmvmon.shell.work.opening import ASSESSMENT_FEED, OpenSite


@dataclass(frozen=True)
class Counts:
    """How many verdicts an assessment gave at that moment, and what it changed."""

    as_of: datetime
    patients: int
    alert: int
    clear: int
    not_assessable: int
    changes: Changes


@in_one_thread
def assess_site(
    opened: OpenSite,
    *,
    as_of: datetime,
    scope: str = "all",
    patients: Collection[str] | None = None,
    is_live: bool = False,
) -> tuple[Assessment, Counts]:
    """Assesses everyone (or `patients`) on what was known at `as_of`, and brings the alerts up to date.

    Where what these patients bring turns what blood follows on the unit, or which laboratories are in doubt, whoever that may
    concern is assessed with them.
    `is_live`: somebody waits for the page, so the promises are judged by polars alone.

    Raises ContractBroken when a table breaks its contract, ProtocolError when the laboratory file of results in use can't
    be read, PolicyChanged when the protocol's label stood for another policy: nothing is recorded but an operations alert.
    """
    with _noting_what_stops(opened, as_of):
        _refuse_another_policy(opened)
        made = _made(opened, as_of=as_of, patients=patients, is_live=is_live)
    assessment, patients = made.assessment, made.patients
    rows = assessment.verdicts.to_dicts()
    stamp, counts_of_unit = opened.stamp(as_of), made.count_for_unit()  # before anybody is kept from writing
    with opened.writing() as connection:
        one = links(connection, as_of=as_of, about=patients)
        changes, late = alert_store.record(
            connection,
            rows,
            stamp=stamp,
            scope=scope,
            patients=patients,
            ends=ends_of_alerts(assessment, one, switched_off(connection, as_of=as_of)),
        )
        if not changes.is_replay:
            said = (
                (WEEKLY_DECLINE, assessment.weekly_decline),
                (VERDICTS, assessment.verdicts),
                (CONCORDANCE_COUNTS, counts_of_unit),
            )
            for row_type, frame in said:
                covered = None if patients is None else {*patients, *frame["patient_id"]}
                stored_results.record(connection, row_type, frame, stamp=stamp, patients=covered, late=late)
            in_doubt.note(connection, opened, made.doubt, as_of=as_of)
    if patients is None and not changes.is_replay:
        _note_work(opened, as_of, None)  # everyone was assessed: whatever stopped the work before no longer does
    counts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in words.VERDICT}
    return assessment, Counts(as_of=as_of, patients=len(assessment.patients), changes=changes, **counts)


def switched_off(connection: sa.Connection, *, as_of: datetime) -> frozenset[str]:
    """The rules that stood switched off on the site at that moment."""
    return frozenset(row["rule"] for row in rule_switches.disabled(connection, as_of=as_of))


def without_switched_off(assessment: Assessment, off: Collection[str]) -> Assessment:
    """The assessment without what those rules say."""
    return replace(assessment, verdicts=assessment.verdicts.filter(~pl.col("rule").is_in(sorted(off))))


def ends_of_alerts(assessment: Assessment, one: Links, off: Collection[str]) -> Ends:
    """Why alerts end that this assessment does not say again.

    `one`: which numbers are one patient at its moment. `off`: the rules that the site has switched off.
    """
    stays, series, treatment = (assessment.facts.of(table) for table in (STAYS, WATCHED_SERIES, TREATMENT))
    limits, policy = assessment.facts.protocol.answers, assessment.facts.protocol.rules
    rules = {rule.code: rule for rule in all_rules()}
    but = {rule.code for rule in rules.values() if rule.alerts_in_doubt}
    is_on_moved = on_moved_results(moved=assessment.facts.shared(moved), in_use=assessment.results, but=but)
    return Ends(
        cause_of=lambda alert: (
            words.RULE_DISABLED
            if alert["rule"] in off
            else why_no_longer_judged(alert, series, treatment, **_by_rule(rules.get(alert["rule"])))
        ),
        became_of=partial(_became_of, assessment=assessment, one=one, is_on_moved=is_on_moved),
        is_on_moved=is_on_moved,
        left=frozenset(stays.filter("is_discharged")["patient_id"]),
        died=frozenset(stays.filter("has_died")["patient_id"]),
        long_gone=_long_gone(assessment),
        back_since=back_since(assessment.facts),
        into=one.into,
        worse=Worse(limits.worse_rise_log10, limits.worse_rise_lower_airway_log10),
        goes_on_within=_go_on_within(assessment),
        after_discharge={rule.code: rule.after_discharge for rule in rules.values()},
        told_for={code: policy[code].span(rule.told_for) for code, rule in rules.items() if rule.told_for is not None},
    )


def _long_gone(assessment: Assessment) -> frozenset[str]:
    """Who left longer ago than `[rules.pending_at_discharge] within_days`: a first night over a history alerts on none of them."""
    facts = assessment.facts
    within = facts.protocol.rules["pending_at_discharge"].span("within_days")
    return frozenset(facts.of(STAYS).filter(pl.col("left_at") < facts.as_of - within)["patient_id"])


def _by_rule(rule: Rule | None) -> dict[str, Any]:
    """What a rule says of a subject to which it no longer applies; nothing of one that is no longer kept."""
    return {} if rule is None else {"by_rule": rule.closes_by, "ends_with_treatment": rule.ends_with_treatment}


def _go_on_within(assessment: Assessment) -> dict[str, timedelta]:
    """An alert of a treatment is closed once that has stopped for the gap up to which it counts as running."""
    gap = timedelta(days=(clock := assessment.facts.protocol.response_clock).same_course_gap_days)
    return {words.COURSE_OVER: gap - timedelta(hours=clock.interrupted_gap_h), words.STAY_ENDED: gap}


def _became_of(
    alerts: Collection[Row], *, assessment: Assessment, one: Links, is_on_moved: Callable[[Row], bool]
) -> dict[str, str]:
    """What befell the number of each of these alerts, or else a result that its words rest on, by alert id."""
    merged = {alert["alert_id"]: words.MERGED for alert in alerts if alert["patient_id"] in one.into}
    others = [alert for alert in alerts if alert["alert_id"] not in merged]
    doubted = {alert["alert_id"]: words.LABORATORY_IN_DOUBT for alert in others if is_on_moved(alert)}
    return merged | doubted | what_became_of(others, versions=assessment.versions, in_use=assessment.results)


def check_stored(opened: OpenSite, patients: Collection[str], *, as_of: datetime) -> None:
    """Great Expectations judges what is stored of these patients and what is made of it, after a page was made without it.

    The caller holds the site. Raises ContractBroken, and opens the operations alert about the work, where polars let pass
    what Great Expectations does not.
    """
    with _noting_what_stops(opened, as_of):
        assessed(opened, as_of=as_of, patients=patients)


@in_one_thread
def assessed(
    opened: OpenSite, *, as_of: datetime, patients: Collection[str] | None = None, is_live: bool = False
) -> Assessment:
    """The assessment at `as_of`, through the contract gate before and after; nothing is recorded.

    `is_live`: the promises are judged by polars alone, for one delivery whose page somebody waits for. Raises ContractBroken.
    """
    return _made(opened, as_of=as_of, patients=patients, is_live=is_live).assessment


@dataclass(frozen=True)
class _Made:
    """`count_for_unit`: gives the rows of `concordance_counts`, which of everybody are counted only to be recorded."""

    assessment: Assessment
    patients: Collection[str] | None
    doubt: Doubt
    count_for_unit: Callable[[], pl.DataFrame]


def _made(opened: OpenSite, *, as_of: datetime, patients: Collection[str] | None, is_live: bool) -> _Made:
    doubt = in_doubt.doubt(opened, as_of=as_of)
    if patients is not None:
        with opened.reading() as connection:
            patients = touched.with_sharers(connection, {*patients, *doubt.turned_for}, as_of=as_of)
    # What blood follows is a fact of the whole unit: the patients of one delivery must get the night's answer.
    of_unit = None if patients is None else unit_concordance(opened, patients, as_of=as_of)
    if of_unit is not None and patients is not None and of_unit.has_turned:
        on_pages = listed_or_alerted(opened, as_of)
        with opened.reading() as connection:
            patients = touched.with_sharers(connection, {*patients, *on_pages}, as_of=as_of)
        of_unit = unit_concordance(opened, patients, as_of=as_of)
    with opened.reading() as connection:
        was_known = known.known(connection, opened.site, as_of=as_of, patients=patients)
        off = switched_off(connection, as_of=as_of)
    for table in DELIVERED:
        rows = was_known[table.rows] if table.required else was_known.if_delivered(table.rows)
        if rows is not None:
            _through_gate(table.rows, usable_rows(table, rows), as_of, is_live=is_live)
    compared = None if of_unit is None else of_unit.table
    was_known = replace(was_known, concordance=compared, moved_together=doubt.found)
    assessment = assess(was_known, protocol=opened.protocol, as_of=as_of, method=opened.method, for_pages=True)
    assessment = without_switched_off(assessment, off)
    gate_computed(assessment, as_of, is_live=is_live)
    if of_unit is not None:
        return _Made(assessment, patients, doubt, lambda: of_unit.counts)
    return _Made(
        assessment, None, doubt, lambda: counted(opened, was_known[LEADING.rows], assessment.results, as_of=as_of)
    )


def gate_computed(assessment: Assessment, as_of: datetime, *, is_live: bool = False) -> None:
    """Raises ContractBroken when a computed table breaks its contract: a wrong alert is worse than a late one."""
    series = assessment.results.select(pl.struct(SERIES_KEY).alias("series"))["series"].unique()
    weeks, patients = {"series_with_results": series}, {"known_patients": assessment.patients}
    _through_gate(WEEKLY_DECLINE, assessment.weekly_decline, as_of, weeks, is_live=is_live)
    _through_gate(CONCORDANCE, assessment.concordance, as_of, is_live=is_live)
    _through_gate(VERDICTS, assessment.verdicts, as_of, patients, is_live=is_live)


def _through_gate(
    row_type: RowType,
    frame: pl.DataFrame,
    as_of: datetime,
    references: Mapping[str, pl.Series] | None = None,
    *,
    is_live: bool,
) -> None:
    from cmvmon.data_contracts.gate import gate, live_gate

    judged_by = live_gate if is_live else gate
    report = judged_by(row_type.name, frame.select(*row_type.schema), as_of=as_of, references=references)
    if not report.passed:
        found = "; ".join(f"{b.name} ({b.sentence}): {b.n_rows} rows" for b in report.broken)
        raise ContractBroken(
            f"{row_type.name} breaks its contract, so nothing was assessed or shown: {found}. "
            "Keep the database and tell whoever maintains cmvmon",
            row_type.name,
        )


@contextmanager
def _noting_what_stops(opened: OpenSite, as_of: datetime) -> Iterator[None]:
    """What stops an assessment inside is recorded as an operations alert before the error goes on."""
    try:
        yield
    except (ContractBroken, ProtocolError) as broken:
        is_contract = isinstance(broken, ContractBroken)
        is_policy = isinstance(broken, PolicyChanged)
        table = broken.table if isinstance(broken, ContractBroken) else "protocol" if is_policy else LEADING.name
        fact = {"code": "contract_broken" if is_contract else broken.code, "feed": ASSESSMENT_FEED}
        _note_work(opened, as_of, json.dumps(fact | {"table_name": table}, sort_keys=True))
        raise


def _refuse_another_policy(opened: OpenSite) -> None:
    """Raises PolicyChanged where what was judged under the protocol's label was judged by another content."""
    label, now = opened.protocol.version, opened.protocol.sha256
    with opened.reading() as connection:
        before = labels.judged_under(connection, label)
    if before is not None and before != now:
        raise PolicyChanged(
            f"the protocol {label} holds another policy ({now[:8]}) than the one that this site was judged by under that "
            f"label ({before[:8]}); nothing was assessed. Give the changed file another label (`version`), or put the former "
            "file back"
        )


def _note_work(opened: OpenSite, as_of: datetime, evidence: str | None) -> None:
    with opened.writing() as connection:
        alert_store.record_operations(connection, feed=ASSESSMENT_FEED, evidence=evidence, stamp=opened.stamp(as_of))
