"""What every rule says of one patient, also where that is no alert, and what would have been one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.errors import SiteError
from cmvmon.domain.results import VERDICTS
from cmvmon.domain.subjects import subject_key
from cmvmon.facts import all_fact_tables
from cmvmon.rules import Rule, all_rules
from cmvmon.rules.evidence import read_back
from cmvmon.rules.explaining import turns
from cmvmon.run.asking.rule_query import rule_of
from cmvmon.shell.alerts import alert_store, stored_results
from cmvmon.shell.as_known import numbers_in_store
from cmvmon.shell.folder.site import Site
from cmvmon.shell.versions.links import links
from cmvmon.shell.work.opening import open_site
from cmvmon.text import language

_ABOUT = ("drug", "other_drug", "analyte", "gene", "mutation")
_ALERT = "alert "  # how `verdict_with` begins what would be one


def patient_verdicts(root: Path, patient: str, *, rule: str | None, lang: str | None) -> dict[str, Any]:
    """What was said last of a patient, in the order of the rules: `rows`, one for each rule and subject.

    A row has rule, title, compartment, `about` (the drug, analyte or mutation, as codes), verdict (null: the rule judges nothing
    of this patient), reason (a code, null but for `not_assessable`), tier, `since` when it has been said so, and `turns`: each fact
    and number with the nearest value at which it would be an alert, everything else as it is; none of what is one.

    Moments and spans are values, to be written in `time_zone` (for a machine: `plain_values`).
    Raises SiteError where nothing was assessed yet, the patient is not known, or there is no such rule.
    """
    site = Site(root).require()
    settings = site.settings()
    spoken = language(lang or settings.language)
    asked = all_rules() if rule is None else (rule_of(rule),)
    with open_site(root) as opened, opened.reading() as connection:
        moment = alert_store.last_as_of(connection)
        if moment is None:
            raise SiteError("nothing was assessed on this site yet; run `cmvmon nightly` first")
        family = sorted(links(connection, as_of=moment, about=[patient]).family([patient]))
        if not any(numbers_in_store.is_known(connection, one, as_of=moment) for one in family):
            raise SiteError("no patient of that number is known on this site")
        said = stored_results.stored(connection, VERDICTS, as_of=moment, patients=family)
    rows = [row for each in asked for row in _rows(each, said.filter(rule=each.code))]
    titles = {each.code: spoken.say(f"rule.{each.code}") for each in asked}
    return {
        "patient_id": patient,
        "judged_at": moment,
        "language": spoken.code,
        "time_zone": settings.time_zone,
        "rows": [{"title": titles[row["rule"]], **row} for row in rows],
    }


def _rows(rule: Rule, said: pl.DataFrame) -> list[dict[str, Any]]:
    if said.is_empty():
        nothing = dict.fromkeys(("compartment", "verdict", "reason", "tier", "since"))
        return [{"rule": rule.code, "about": [], **nothing, "turns": []}]
    return [_row(rule, verdict) for verdict in said.iter_rows(named=True)]


def _row(rule: Rule, verdict: Mapping[str, Any]) -> dict[str, Any]:
    key, near = subject_key(verdict["subject"]), []
    if verdict["verdict"] != words.ALERT:
        one = {name: verdict[name] for name in ("patient_id", "as_of", "evidence")}
        frame = read_back(rule, pl.DataFrame([one]).cast({"as_of": pl.Datetime("us", "UTC")}), all_fact_tables())
        near = [asdict(turn) for turn in turns(rule, frame) if turn.verdict.startswith(_ALERT)]
    return {
        "rule": rule.code,
        "compartment": verdict["compartment"],
        "about": [str(key[name]) for name in _ABOUT if key.get(name) is not None],
        "verdict": verdict["verdict"],
        "reason": verdict["reason"],
        "tier": verdict["tier"],
        "since": verdict["as_of"],
        "turns": near,
    }
