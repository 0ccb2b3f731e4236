"""What every rule says of one patient, also where that is no alert, and what would have been one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.results import VERDICTS
from cmvmon.domain.subjects import subject_key
from cmvmon.facts import all_fact_tables
from cmvmon.rules import Rule, all_rules
from cmvmon.rules.evidence import read_back
from cmvmon.rules.explaining import turns
from cmvmon.run.asking.named_patient import last_judged, numbers_of
from cmvmon.run.asking.results_named import results_named
from cmvmon.run.asking.rule_query import rule_of
from cmvmon.run.asking.what_it_rests_on import PARTS, waiting_of, what_it_rests_on
from cmvmon.shell.alerts import stored_results
from cmvmon.shell.folder.site import Site
from cmvmon.shell.work.opening import open_site
from cmvmon.text import language

_ABOUT = ("drug", "other_drug", "analyte", "gene", "mutation")
_ALERT = "alert "  # how `verdict_with` begins what would be one


def patient_verdicts(root: Path, patient: str, *, rule: str | None, lang: str | None) -> dict[str, Any]:
    """What was said last of a patient, in the order of the rules: `rows`, one for each rule and subject.

    A row has rule, title, compartment, `about` (the drug, analyte or mutation, as codes), verdict (null: the rule judges nothing
    of this patient), reason (a code, null but for `not_assessable`), tier, `since` when it has been said so, what it rests on (as
    `what_it_rests_on`), and `turns`: each fact and number with the nearest value at which it would be an alert, everything else
    as it is; none of what is one. `results`: what each result said that they rest on (as `results_named`).

    Moments and spans are values, to be written in `time_zone` (for a machine: `plain_values`).
    Raises SiteError where nothing was assessed yet, the patient is not known, or there is no such rule.
    """
    site = Site(root).require()
    settings = site.settings()
    spoken = language(lang or settings.language)
    asked = all_rules() if rule is None else (rule_of(rule),)
    with open_site(root) as opened, opened.reading() as connection:
        moment = last_judged(connection)
        numbers = numbers_of(connection, patient, as_of=moment)
        said = stored_results.stored(connection, VERDICTS, as_of=moment, patients=numbers)
        beside = {"spoken": spoken, "waiting": waiting_of(connection, patient, as_of=moment)}
        titles = {each.code: spoken.say(f"rule.{each.code}") for each in asked}
        rows = [{"title": titles[each.code], **row} for each in asked for row in _rows(each, said, beside)]
        results = results_named(connection, patient, rows, as_of=moment)
    return {
        "patient_id": patient,
        "judged_at": moment,
        "language": spoken.code,
        "time_zone": settings.time_zone,
        "rows": rows,
        "results": results,
    }


def _rows(rule: Rule, said: pl.DataFrame, beside: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`said`: what every rule said of the patient; `beside`: what else `what_it_rests_on` reads."""
    mine = said.filter(rule=rule.code)
    if mine.is_empty():
        nothing = dict.fromkeys(("compartment", "verdict", "reason", "tier", "since"))
        return [{"rule": rule.code, "about": [], **nothing, **{name: [] for name in (*PARTS, "turns")}}]
    read = read_back(rule, mine, all_fact_tables())
    return [
        _row(rule, verdict, read[at : at + 1], said, beside) for at, verdict in enumerate(mine.iter_rows(named=True))
    ]


def _row(
    rule: Rule, verdict: Mapping[str, Any], read: pl.DataFrame, said: pl.DataFrame, beside: Mapping[str, Any]
) -> dict[str, Any]:
    """`read`: what the rule read, one row. `said`: what every rule said of the patient."""
    is_alert, key = verdict["verdict"] == words.ALERT, subject_key(verdict["subject"])
    return {
        "rule": rule.code,
        "compartment": verdict["compartment"],
        "about": [str(key[name]) for name in _ABOUT if key.get(name) is not None],
        "verdict": verdict["verdict"],
        "reason": verdict["reason"],
        "tier": verdict["tier"],
        "since": verdict["as_of"],
        **what_it_rests_on(rule, verdict, said, **beside),
        "turns": [] if is_alert else [asdict(turn) for turn in turns(rule, read) if turn.verdict.startswith(_ALERT)],
    }
