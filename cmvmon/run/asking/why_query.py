"""Why an alert stands, what would have changed it, and where one would change it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import polars as pl

from cmvmon.assess import assess
from cmvmon.domain import words
from cmvmon.domain.delivered import LEADING
from cmvmon.domain.errors import CmvmonError, SiteError
from cmvmon.domain.known import Known
from cmvmon.domain.results import VERDICTS
from cmvmon.domain.subjects import subject_key
from cmvmon.facts import all_fact_tables
from cmvmon.protocol import Protocol
from cmvmon.rules import Rule
from cmvmon.rules.evidence import read_back
from cmvmon.rules.explaining import asked, turns
from cmvmon.run.asking import rested_query
from cmvmon.run.asking.chosen_alert import chosen
from cmvmon.run.asking.protocol_rows import rows_of
from cmvmon.run.asking.results_named import results_named
from cmvmon.run.asking.rule_query import rule_of, where
from cmvmon.run.asking.what_it_rests_on import waiting_of, what_it_rests_on
from cmvmon.run.judging.in_doubt import laboratories_in_doubt
from cmvmon.run.judging.unit_concordance import unit_concordance
from cmvmon.shell.alerts import alert_store, stored_results
from cmvmon.shell.alerts.work_facts import each_fact, moved_of
from cmvmon.shell.as_known import known
from cmvmon.shell.folder.in_force import former, judging, place_of
from cmvmon.shell.folder.site import Site
from cmvmon.shell.taken_in import touched
from cmvmon.shell.work.opening import OpenSite, open_site
from cmvmon.text import Language, alert_details, alert_sentence, alert_title, language
from cmvmon.text.moved_together import moved_in_words
from cmvmon.text.provenance import owner_in_words, strength_in_words
from cmvmon.text.values import operations_in_words

_TRIED = 10  # results left out, one at a time, the newest first


def explained(root: Path, alert_id: str, *, lang: str | None) -> dict[str, Any]:
    """The alert, the results and the statements that it rests on, its conditions, its turning values, the result that tipped
    it, and where its numbers stand; of a result that was taken back also what rested on it.

    What it rests on: `rests_on`, results of its own; `follows`, what other rules said at the same judgement, each with its results;
    `rows`, rows of other tables; `absent`, tables of which a row is not on record; `waits`, of an alert on a result that could not be
    used, the records in quarantine; `results`, what each of those results said (as `results_named`).

    Its words are in `language`; moments and spans are values, to be written in `time_zone` (for a machine: `plain_values`).

    Raises SiteError when no alert, or more than one, has an id that begins so, or when it is about a feed.
    """
    site = Site(root).require()
    settings = site.settings()
    spoken = language(lang or settings.language)
    with open_site(root) as opened:
        with opened.reading() as connection:
            alert = chosen(alert_store.alerts(connection), alert_id)
            rested = rested_query.told(connection, alert, spoken, settings.time_zone)
            patient, at = alert["patient_id"], alert["said_at"]
            said = stored_results.stored(connection, VERDICTS, as_of=at, patients=[patient])
            waiting = waiting_of(connection, patient, as_of=at) if patient else []
        if alert["rule"] == words.OPERATIONS:
            raise SiteError(_about_the_work(each_fact(alert["evidence"])[0], spoken, settings.time_zone))
        rule, evidence = rule_of(alert["rule"]), json.loads(alert["evidence"])
        frame = read_back(rule, _as_verdict(alert), all_fact_tables())
        rests = what_it_rests_on(rule, alert | {"verdict": words.ALERT}, said, spoken=spoken, waiting=waiting)
        with opened.reading() as connection:
            results = results_named(connection, patient, [rests], as_of=at)
        result_ids = [*rests["rests_on"], *(name for one in rests["follows"] for name in one["result_ids"])]
        return {
            "alert_id": alert["alert_id"],
            "rule": rule.code,
            "title": alert_title(rule.code, evidence, spoken),
            "language": spoken.code,
            "time_zone": settings.time_zone,
            "state": alert["state"],
            "tier": alert["tier"],
            "patient_id": alert["patient_id"],
            "compartment": alert["compartment"],
            "judged_at": alert["said_at"],
            "sentence": alert_sentence(rule.code, evidence, spoken, time_zone=settings.time_zone),
            "details": alert_details(rule.code, evidence, spoken, time_zone=settings.time_zone),
            **rests,
            "results": results,
            "rested_on_it": rested,
            "stated_by": _stated_by(opened, rule, spoken),
            "conditions": [asdict(one) for one in asked(rule, frame)],
            "turns": [asdict(turn) for turn in turns(rule, frame)],
            "tipped_by": _tipped(opened, rule, alert, result_ids, said, spoken),
            "where": where(site, rule) | {"rows": _rows(opened, site, subject_key(alert["subject"]) | evidence)},
        }


def _about_the_work(fact: Mapping[str, Any], spoken: Language, time_zone: str) -> str:
    """What an alert about the work says, and where to look."""
    moved = moved_of(fact)
    if moved is None:
        return (
            f"that alert is about the work, not a patient: no rule made it ({operations_in_words(fact['code'], spoken)}); "
            "`cmvmon status` and `cmvmon quarantine list` show why"
        )
    return (
        f"that alert is about a laboratory, not a patient: {moved_in_words(moved, spoken, time_zone)} "
        "The page of data and `cmvmon status` say it too; each patient's page names the loads of which nothing is said"
    )


def _rows(opened: OpenSite, site: Site, told: Mapping[str, Any]) -> list[dict[str, str]]:
    """The rows of the tables of the protocol in use on which the alert rests, with their file."""
    return [{"file": place_of(site, judging(site))} | row for row in rows_of(opened.protocol, told)]


def _as_verdict(alert: Mapping[str, Any]) -> pl.DataFrame:
    row = {"patient_id": alert["patient_id"], "as_of": alert["said_at"], "evidence": alert["evidence"]}
    return pl.DataFrame([row]).cast({"as_of": pl.Datetime("us", "UTC")})


def _stated_by(opened: OpenSite, rule: Rule, spoken: Language) -> list[str]:
    """The statements of the ward's guide that the rule applies, and its source according to the protocol, a sentence each."""
    provenance = opened.protocol.rules[rule.code].provenance
    guide = [
        spoken.say("alerts.guide", code=code, statement=spoken.say(f"guide.{code}"))
        if spoken.has(f"guide.{code}")
        else spoken.say("alerts.guide_code", code=code)
        for code in provenance.guide
    ]
    lead = {
        "version": opened.protocol.version,
        "strength": strength_in_words(provenance.strength, spoken),
        "owner": owner_in_words(provenance.owner, spoken),
    }
    return [*guide, f"{spoken.say('alerts.source', **lead)} {provenance.source}"]


def _tipped(
    opened: OpenSite,
    rule: Rule,
    alert: Mapping[str, Any],
    result_ids: list[str],
    judged: pl.DataFrame,
    spoken: Language,
) -> dict[str, Any]:
    """The newest result that the alert rests on without which the rule would not have fired, else would have fired less urgently,
    judging again without it. `judged`: every verdict of the patient at that judgement."""
    at, patient = alert["said_at"], alert["patient_id"]
    unsaid = {"result_id": None, "collected_at": None, "without_it": None}
    if not result_ids:
        return unsaid | {"says": spoken.say("why.tipped_no_result")}
    mine = judged.filter((pl.col("rule") == rule.code) & (pl.col("subject") == alert["subject"]))
    stamp = {} if mine.is_empty() else mine.row(0, named=True)
    protocol = _judged_with(opened, stamp.get("protocol_hash"))
    if protocol is None or alert["protocol_version"] != protocol.version:
        return unsaid | {"says": spoken.say("why.tipped_other_policy")}
    opened = replace(opened, protocol=protocol, method=stamp["method"])
    with opened.reading() as connection:
        whom = touched.with_sharers(connection, [patient], as_of=at)
        was_known = known.known(connection, opened.site, as_of=at, patients=whom)
    compared = unit_concordance(opened, whom, as_of=at).table
    was_known = replace(was_known, concordance=compared, moved_together=laboratories_in_doubt(opened, as_of=at))
    as_judged = _verdict(opened, was_known, rule, alert)
    if as_judged is None or as_judged[0] != words.ALERT:
        return unsaid | {"says": spoken.say("why.tipped_not_again")}
    rows = was_known[LEADING.rows].filter(pl.col("result_id").is_in(result_ids))
    newest = rows.sort("collected_at", "result_id", descending=True).unique(
        "result_id", keep="first", maintain_order=True
    )
    milder: dict[str, Any] | None = None
    for result_id, collected_at in newest.select("result_id", "collected_at").head(_TRIED).rows():
        verdict, tier = _verdict(opened, _without(was_known, result_id), rule, alert) or ("not judged", None)
        found = {"result_id": result_id, "collected_at": collected_at, "without_it": verdict}
        if verdict != words.ALERT:
            return found | {"says": spoken.say("why.tipped_without")}
        if milder is None and tier > as_judged[1]:
            milder = found | {"says": spoken.say("why.tipped_milder", tier=spoken.word("tier", str(tier)))}
    if milder is not None:
        return milder
    tried = min(_TRIED, newest.height)
    return unsaid | {"says": spoken.count("why.tipped_none", tried)}


def _judged_with(opened: OpenSite, protocol_hash: str | None) -> Protocol | None:
    """The protocol of that content: the one that judges, or one that was approved before; None: it is not known any more."""
    if protocol_hash is None or protocol_hash == opened.protocol.sha256:
        return opened.protocol if protocol_hash else None
    with opened.reading() as connection:
        return former(connection, protocol_hash)


def _without(was_known: Known, result_id: str) -> Known:
    rows = was_known[LEADING.rows].filter(pl.col("result_id") != result_id)
    return replace(was_known, tables={**was_known.tables, LEADING.name: rows})


def _verdict(opened: OpenSite, was_known: Known, rule: Rule, alert: Mapping[str, Any]) -> tuple[str, Any] | None:
    """What the rule says of the alert's subject, and its tier; None: it is not judged, or can't be."""
    try:
        verdicts = assess(was_known, protocol=opened.protocol, as_of=alert["said_at"], method=opened.method).verdicts
    except CmvmonError:
        return None
    mine = verdicts.filter((pl.col("rule") == rule.code) & (pl.col("subject") == alert["subject"]))
    return None if mine.is_empty() else (str(mine["verdict"][0]), mine["tier"][0])
