"""What a verdict rests on besides results of its own: what another rule said, rows of other tables, and what is not on record.

All of it is read from evidence that was stored: its own, and that of the verdicts of the rules that it follows, of the same judgement.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.domain.delivered import LEADING
from cmvmon.domain.subjects import subject_key
from cmvmon.rules import Rule
from cmvmon.rules.rulebook import GROUND, VERDICT
from cmvmon.run.asking import quarantine_names
from cmvmon.shell.versions.links import links
from cmvmon.shell.waiting.quarantine import open_quarantine
from cmvmon.text import Language

PARTS = ("rests_on", "follows", "rows", "absent", "waits")  # of `what_it_rests_on`
# The facts that are the moment of a delivered row, with the table that the row stands in.
_ROWS: Mapping[str, str] = {
    "taken_back_collected_at": "viral_load_results",
    "level_sampled_at": "drug_levels",
    "last_value_at": "laboratory_values",
    "creatinine_at": "kidney_function",
    "finding_reported_at": "resistance_reports",
    "request_waits_since": "resistance_reports",
    "pending_resistance_since": "resistance_reports",
    "pending_pcr_collected_at": "samples_ordered",
    "left_at": "icu_stays",
    "ventilated_since": "icu_stays",
    "exposure_until_at": "doses_given",
    "checked_dose_at": "doses_given",
    "drug_runs_since": "antiviral_courses",
    "foscarnet_since": "antiviral_courses",
    "pair_drug_since": "antiviral_courses",
    "named_running_since": "antiviral_courses",
    "course_started_at": "antiviral_courses",
    "course_ended_at": "antiviral_courses",
    "other_drug_since": "co_medication",
}
# The table of which a ground says that a row is not on record; "" = every ground of the rule.
_ABSENT: Mapping[tuple[str, str], str] = {
    ("genotype_not_on_record", ""): "resistance_reports",
    ("drug_level", "none_on_record"): "drug_levels",
    ("toxicity_monitoring", "not_monitored"): "laboratory_values",
    ("drug_line", "check_missing"): "kidney_function",
    ("guide_sampling_moment", ""): "viral_load_results",
}
# A fact about places that another rule judges one by one: the fact, the fact that names the places, and the rule.
_OF_PLACES = (("leading_is_below", "leading_compartments", "suppressed"),)


@dataclass(frozen=True)
class Followed:
    """A verdict of another rule that a verdict rests on.

    Attributes:
        rule: its code.
        compartment: of its subject; None = it is about none, or is not on record.
        verdict, reason, tier: as it was recorded; None = it is not on record.
        result_ids: of the results on which it rests; empty = none is on record.
    """

    rule: str
    compartment: str | None
    verdict: str | None
    reason: str | None
    tier: int | None
    result_ids: list[str]


@dataclass(frozen=True)
class Row:
    """A row of a delivered table, by its table and moment; a result also by its id."""

    table: str
    at: datetime
    result_id: str | None


def what_it_rests_on(
    rule: Rule,
    verdict: Mapping[str, Any],
    said: pl.DataFrame,
    *,
    spoken: Language,
    waiting: list[dict[str, Any]],
) -> dict[str, list[Any]]:
    """`rests_on`: its own results; `follows`: what other rules said at the same judgement, each with its title and results; of an
    alert `rows`, rows of other tables, `absent`, tables of which a row is not on record, and `waits`, where it is about results
    that could not be used.

    Args:
        verdict: verdict, subject and evidence, as they are stored.
        said: as `followed` has it.
        spoken: the language of the titles.
        waiting: as `waiting_of` gives it.
    """
    evidence, is_alert = json.loads(verdict["evidence"]), verdict["verdict"] == words.ALERT
    follows = followed(rule, evidence, said, is_alert=is_alert)
    of_waiting = is_alert and evidence.get("unread_result_came_at") is not None
    return {
        "rests_on": evidence["result_ids"] or [],
        "follows": [{"title": spoken.say(f"rule.{one.rule}"), **asdict(one)} for one in follows],
        "rows": [asdict(row) for row in rows_in(evidence, verdict["subject"])] if is_alert else [],
        "absent": absent_in(rule, evidence) if is_alert else [],
        "waits": waiting if of_waiting else [],
    }


def followed(rule: Rule, evidence: Mapping[str, Any], said: pl.DataFrame, *, is_alert: bool) -> list[Followed]:
    """What other rules said of the patient that this verdict rests on; of an alert, what makes its grounds hold.

    Args:
        evidence: of the verdict.
        said: every verdict of the patient at that judgement: rule, compartment, verdict, reason, tier, evidence.
    """
    asked = [rule.fires[ground] for ground in evidence["grounds"]] if is_alert else []
    columns = frozenset(name for one in asked for name in one.columns) if is_alert else rule.reads
    found: list[Followed] = []
    for code in sorted(rule.follows):
        grounds = {
            name.rpartition(".")[2] for name in columns if name.startswith(f"{GROUND}.{code}.") and evidence[name]
        }
        verdict = evidence.get(f"{VERDICT}.{code}") if f"{VERDICT}.{code}" in columns else None
        rows = said.filter(pl.col("rule") == code).rows(named=True)
        told = [row for row in rows if row["verdict"] == verdict or grounds & _grounds(row)]
        found += [_followed(row) for row in told]
        if not told and (grounds or verdict is not None):
            found.append(Followed(code, None, None, None, None, []))
    return [*found, *_of_places(rule, evidence, said)]


def _of_places(rule: Rule, evidence: Mapping[str, Any], said: pl.DataFrame) -> Iterator[Followed]:
    """What was said of each place of a fact that sums up several: the results stand there."""
    for name, places, code in _OF_PLACES:
        if name in rule.reads and evidence.get(name) is not None:
            about = said.filter((pl.col("rule") == code) & pl.col("compartment").is_in(evidence[places].split(";")))
            yield from (_followed(row) for row in about.iter_rows(named=True))


def rows_in(evidence: Mapping[str, Any], subject: str) -> Iterator[Row]:
    """The rows of delivered tables whose moments the evidence holds, each once, in the order of `_ROWS`.

    Args:
        subject: of the verdict, as it is stored.
    """
    result_id = subject_key(subject).get("result_id")
    found: dict[tuple[str, datetime], Row] = {}
    for name, table in _ROWS.items():
        if evidence.get(name) is not None:
            at = datetime.fromisoformat(evidence[name])
            row = Row(table, at, result_id if table == "viral_load_results" else None)
            found.setdefault((table, at), row)
    yield from found.values()


def absent_in(rule: Rule, evidence: Mapping[str, Any]) -> list[str]:
    """The tables of which an alert says that a row is not on record; of a rule that looks for results and has none, the results."""
    named = [_ABSENT.get((rule.code, ground), _ABSENT.get((rule.code, ""))) for ground in evidence["grounds"] or ()]
    if rule.rests_on and not evidence["result_ids"]:
        named.append("viral_load_results")
    return list(dict.fromkeys(table for table in named if table is not None))


def waiting_of(connection: sa.Connection, patient: str, *, as_of: datetime) -> list[dict[str, Any]]:
    """The patient's records of results that could not be used and wait now, under any number: `record` (its name in quarantine),
    `feed` and `reason` (a code)."""
    numbers = links(connection, as_of=as_of, about=[patient]).family([patient])
    mine = pl.col("patient_id").is_in(sorted(numbers)) & (pl.col("table_name") == LEADING.name)
    rows = open_quarantine(connection).filter(mine).to_dicts()
    return [{"record": quarantine_names.name(row), "feed": row["feed"], "reason": row["reason"]} for row in rows]


def _grounds(row: Mapping[str, Any]) -> set[str]:
    """The grounds of an alert; none of another verdict."""
    return set(json.loads(row["evidence"])["grounds"] or ()) if row["verdict"] == words.ALERT else set()


def _followed(row: Mapping[str, Any]) -> Followed:
    ids = json.loads(row["evidence"])["result_ids"] or []
    return Followed(row["rule"], row["compartment"], row["verdict"], row["reason"], row["tier"], ids)
