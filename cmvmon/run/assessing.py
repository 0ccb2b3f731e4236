"""One assessment of a site: known rows, gate, assess, gate, record. A broken table stops it, and that is itself alerted."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from cmvmon.assess import Assessment, assess
from cmvmon.domain import words
from cmvmon.domain.columns import RowType
from cmvmon.domain.delivered import DELIVERED, LEADING
from cmvmon.domain.errors import ContractBroken, ProtocolError
from cmvmon.domain.series import SERIES_KEY
from cmvmon.domain.subjects import subject_key
from cmvmon.domain.versions import usable_rows
from cmvmon.facts import Facts
from cmvmon.facts.series import WATCHED_SERIES
from cmvmon.facts.stays import STAYS
from cmvmon.facts.treatment import TREATMENT
from cmvmon.run.concordance_query import unit_concordance
from cmvmon.shell import alert_store, known
from cmvmon.shell.alert_store import Changes
from cmvmon.shell.session import ASSESSMENT_FEED, OpenSite


@dataclass(frozen=True)
class Counts:
    """How many verdicts an assessment gave, and what it changed."""

    patients: int
    alert: int
    clear: int
    not_assessable: int
    changes: Changes


def assess_site(
    opened: OpenSite, *, as_of: datetime, scope: str = "all", patients: Collection[str] | None = None
) -> tuple[Assessment, Counts]:
    """Assesses everyone (or `patients`) on what was known at `as_of`, and brings the alerts up to date.

    Raises ContractBroken when a table breaks its contract, ProtocolError when the laboratory file of results in use can't
    be read: nothing is recorded but an operations alert.
    """
    try:
        assessment = assessed(opened, as_of=as_of, patients=patients)
    except (ContractBroken, ProtocolError) as broken:
        is_contract = isinstance(broken, ContractBroken)
        table = broken.table if isinstance(broken, ContractBroken) else LEADING.name
        code = "contract_broken" if is_contract else "laboratory_file"
        _note_work(
            opened, as_of, json.dumps({"code": code, "feed": ASSESSMENT_FEED, "table_name": table}, sort_keys=True)
        )
        raise
    rows = assessment.verdicts.to_dicts()
    stays = assessment.facts.of(STAYS)
    with opened.writing() as connection:
        changes = alert_store.record(
            connection,
            rows,
            as_of=as_of,
            scope=scope,
            patients=patients,
            protocol_version=opened.protocol.version,
            cause_of=lambda alert: _cause(alert, assessment.facts),
            discharged=frozenset(stays.filter("is_discharged")["patient_id"]),
        )
    if patients is None and not changes.is_replay:
        _note_work(opened, as_of, None)  # everyone was assessed: whatever stopped the work before no longer does
    counts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in words.VERDICT}
    return assessment, Counts(patients=len(assessment.patients), changes=changes, **counts)


def assessed(opened: OpenSite, *, as_of: datetime, patients: Collection[str] | None = None) -> Assessment:
    """The assessment at `as_of`, through the contract gate before and after; nothing is recorded.

    Raises ContractBroken.
    """
    with opened.reading() as connection:
        was_known = known.known(connection, opened.site, as_of=as_of, patients=patients)
    for table in DELIVERED:
        rows = was_known[table.rows] if table.required else was_known.if_delivered(table.rows)
        if rows is not None:
            _through_gate(table.rows, usable_rows(table, rows), as_of)
    # What blood follows is a fact of the whole unit: the patients of one delivery must get the night's answer.
    of_unit = None if patients is None else unit_concordance(opened, as_of=as_of)
    was_known = replace(was_known, concordance=of_unit)
    assessment = assess(was_known, protocol=opened.protocol, as_of=as_of, method=opened.method)
    gate_computed(assessment, as_of)
    return assessment


def gate_computed(assessment: Assessment, as_of: datetime) -> None:
    """Raises ContractBroken when a computed table breaks its contract: a wrong alert is worse than a late one."""
    from cmvmon.domain.results import CONCORDANCE, VERDICTS, WEEKLY_DECLINE

    series = assessment.results.select(pl.struct(SERIES_KEY).alias("series"))["series"].unique()
    _through_gate(WEEKLY_DECLINE, assessment.weekly_decline, as_of, {"series_with_results": series})
    _through_gate(CONCORDANCE, assessment.concordance, as_of)
    _through_gate(VERDICTS, assessment.verdicts, as_of, {"known_patients": assessment.patients})


def _through_gate(
    row_type: RowType, frame: pl.DataFrame, as_of: datetime, references: Mapping[str, pl.Series] | None = None
) -> None:
    from data_contracts.gate import gate  # Great Expectations is heavy: only a run that assesses pays for it

    report = gate(row_type.name, frame.select(*row_type.schema), as_of=as_of, references=references)
    if not report.passed:
        found = "; ".join(f"{b.name} ({b.sentence}): {b.n_rows} rows" for b in report.broken)
        raise ContractBroken(
            f"{row_type.name} breaks its contract, so nothing was assessed or shown: {found}. "
            "Keep the database and tell whoever maintains cmvmon",
            row_type.name,
        )


def _note_work(opened: OpenSite, as_of: datetime, evidence: str | None) -> None:
    with opened.writing() as connection:
        alert_store.record_operations(
            connection, feed=ASSESSMENT_FEED, evidence=evidence, as_of=as_of, protocol_version=opened.protocol.version
        )


def _cause(alert: Mapping[str, Any], facts: Facts) -> str:
    """Why the subject of an open alert is no longer judged."""
    mine = facts.of(WATCHED_SERIES).filter(pl.col("patient_id") == alert["patient_id"])
    if mine.is_empty():
        return "no_longer_known"
    same = mine.filter(pl.col("compartment") == alert["compartment"]) if alert["compartment"] else mine
    if not same["has_series"].any():
        return "no_series"  # its results were withdrawn, or corrected away to another patient
    series = subject_key(str(alert["subject"]))
    newer = same.filter((pl.col("laboratory") != series.get("laboratory")) | (pl.col("assay") != series.get("assay")))
    if not newer.is_empty():
        return "newer_series"
    treatment = facts.of(TREATMENT).filter(pl.col("patient_id") == alert["patient_id"])["treatment"]
    if treatment[0] == words.TREATMENT_OFF:
        return "course_over"
    return "other_compartment"
