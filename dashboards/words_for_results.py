"""Doses, weeks and alerts of one patient as rows of words: what the templates put in cells."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache, partial
from typing import Any

import polars as pl

from cmvmon.dashboards import facts
from cmvmon.dashboards.answers import answer_in_words
from cmvmon.dashboards.facts import Point
from cmvmon.dashboards.rows import Row, rows_by, rows_of
from cmvmon.dashboards.views import PatientView
from cmvmon.protocol import Decline
from cmvmon.text import Language, alert_details, alert_sentence, alert_title, ended_in_words, of_stored
from cmvmon.text.provenance import owner_in_words, strength_in_words
from cmvmon.text.rested import rested_in_words
from cmvmon.text.values import reason_in_words, short


def week_row(row: Row, shown: list[Point], view: PatientView, language: Language) -> Row:
    """One line of the decline table: observed and estimated side by side, then call, status and reasons."""
    target = short(view.protocol.decline.target_log10_per_week, language)
    # One time of sampling tells nothing of a decline: what stands in the table then is the assumption alone.
    is_measured = row["status"] != "prior_only"
    beside = (view.protocol.decline.target_log10_per_week,)
    mean = _estimate(row, "mean_decline", language, beside) if is_measured else [language.say("decline.no_estimate")]
    # Below the limit the call rests on how fast the load got there; the estimate goes on, and would contradict it.
    if is_measured and row["status"] != "suppressed" and row["mean_probability_above_target"] is not None:
        percent = language.percent(row["mean_probability_above_target"])
        mean.append(language.say("decline.probability", target=target, percent=percent))
    counted = language.count("results", row["n_results"])
    if row["n_censored"]:
        counted = language.say("decline.counted", results=counted, censored=language.number(row["n_censored"], 0))
    call = language.word("call", row["call"], target=target) if row["call"] else language.say("decline.no_call")
    said = [language.word("status", row["status"])] if row["status"] != "ok" else []
    # too_close may be status and reason at once: said once.
    said += [language.word("reason", code) for code in (row["reason"] or "").split(";") if code]
    return {
        "week": language.say("decline.week", week=language.number(row["treatment_week"], 0)),
        "dates": f"{language.short_date(row['week_start'], view.time_zone)} – "
        f"{language.short_date(row['week_end'], view.time_zone)}",
        "observed": _observed(row, shown, view.protocol.decline, language),
        # Without a pair the week's own estimate is what was assumed beforehand: shown, it would read as a measurement.
        "estimated_week": _estimate(row, "decline", language)
        if _has_pair(row)
        else [language.say("decline.no_estimate")],
        "estimated_mean": [*mean, counted],
        "call": call,
        "remarks": list(dict.fromkeys(said)),
    }


def _estimate(row: Row, which: str, language: Language, beside: tuple[float, ...] = ()) -> list[str]:
    mean, low, high = (row[f"{which}{end}_log10_per_week"] for end in ("", "_low", "_high"))
    if mean is None:
        return [language.say("decline.no_estimate")]
    if low is None or high is None:
        return [language.log10(mean, beside)]
    said = {name: language.log10(x, beside) for name, x in (("mean", mean), ("low", low), ("high", high))}
    return [language.say("decline.estimate", **said)]


def _has_pair(row: Row) -> bool:
    return row["observed_from_log10"] is not None and row["observed_to_log10"] is not None


def _observed(row: Row, shown: list[Point], decline: Decline, language: Language) -> list[str]:
    if not _has_pair(row):
        return [language.say("decline.no_pair")]
    series, within = (row["compartment"], row["laboratory"], row["assay"]), timedelta(hours=decline.week_end_within_h)
    loads = []
    for which, end in (("from", "week_start"), ("to", "week_end")):
        log10_load = row[f"observed_{which}_log10"]
        sign = facts.reported_sign(log10_load, shown, series, row[end], within)
        loads.append(sign + language.load(10**log10_load))
    pair = language.say("decline.pair", from_load=loads[0], to_load=loads[1])
    low, high = (row[f"observed_decline_{end}_log10_per_week"] for end in ("low", "high"))
    if low is None and high is None:
        return [pair, language.say("decline.unbounded")]
    if low is None:
        return [pair, language.say("decline.at_most", rate=language.log10(high))]
    if high is None:
        return [pair, language.say("decline.at_least", rate=language.log10(low))]
    return [pair, language.say("decline.rate", rate=language.log10(low))]


def alert_row(alert: Row, view: PatientView, language: Language) -> Row:
    """One open alert: what it found, tier, facts, since when, from which results, and whose line it is."""
    evidence = json.loads(alert["evidence"])
    provenance = view.protocol.rules[alert["rule"]].provenance if alert["rule"] in view.protocol.rules else None
    results = evidence.get("result_ids") or []
    guide = [
        language.say("alerts.guide", code=code, statement=language.say(f"guide.{code}"))
        if language.has(f"guide.{code}")
        else language.say("alerts.guide_code", code=code)
        for code in (provenance.guide if provenance else ())
    ]
    said = partial(of_stored, rule=alert["rule"], evidence=evidence, language=language, time_zone=view.time_zone)
    return {
        "id": alert["alert_id"],
        "title": of_stored(alert_title, alert["rule"], evidence, language=language),
        "brief": said(alert_sentence, brief=True),
        "tier": language.word("tier", str(alert["tier"])),
        "tier_number": alert["tier"],
        "sentence": said(alert_sentence),
        "details": said(alert_details),
        "since": language.say("alerts.since", since=language.moment(alert["opened_at"], view.time_zone)),
        "answer": _sentence(answer_in_words(alert, as_of=view.as_of, time_zone=view.time_zone, language=language)),
        "rested": _rested(alert, view, language),
        "results": language.say("alerts.results", results=", ".join(results)) if results else "",
        "guide": guide,
        "source_lead": language.say(
            "alerts.source",
            version=alert["protocol_version"],
            strength=strength_in_words(provenance.strength, language),
            owner=owner_in_words(provenance.owner, language),
        )
        if provenance
        else "",
        "source": provenance.source if provenance else "",
    }


def _rested(alert: Row, view: PatientView, language: Language) -> list[str]:
    """What rested on the result that the alert says was taken back, and who had answered it, a line each."""
    found = view.rested.get(alert["alert_id"])
    return [] if found is None else rested_in_words(found, language, time_zone=view.time_zone)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def ended_row(alert: Mapping[str, Any], view: PatientView, language: Language) -> Row:
    """One alert that was resolved or closed lately: what it had found, when it ended and why, since when it was open."""
    said = {
        "moment": language.moment(alert["changed_at"], view.time_zone),
        "why": ended_in_words(alert, language),
        "since": language.moment(alert["opened_at"], view.time_zone),
    }
    return {
        "title": at_compartment(
            of_stored(alert_title, alert["rule"], json.loads(alert["evidence"]), language=language), alert, language
        ),
        "text": language.say(f"ended.{alert['state']}", **said),
    }


def at_compartment(title: str, alert: Mapping[str, Any], language: Language) -> str:
    """The title of an alert with its compartment, where it is about one."""
    if not alert["compartment"]:
        return title
    return language.say("lately.alert", title=title, compartment=language.word("compartment", alert["compartment"]))


@lru_cache(maxsize=2048)
def capital(text: str) -> str:
    """The text with a capital at its start, as a line begins."""
    return text[:1].upper() + text[1:]


def unassessed(
    rule: str, compartment: str | None, reason: str, language: Language, *, about: Sequence[str] = ()
) -> str:
    """One rule that could not be assessed, with its compartment, the genes or drugs that it is `about`, and why."""
    said = {"rule": capital(language.word("rule", rule)), "reason": reason_in_words(reason, language)}
    where = [*([language.word("compartment", compartment)] if compartment else []), *about]
    if not where:
        return language.say("ward.reason", **said)
    return language.say("ward.reason_at", compartment=", ".join(where), **said)


def dose(course: Row, language: Language) -> str:
    """Dose and interval of a course, as far as they are known."""
    parts = []
    if course["dose_mg_per_kg"] is not None:
        parts.append(language.say("dose.mg_per_kg", dose=plain(course["dose_mg_per_kg"], language)))
    elif course["dose_mg"] is not None:
        parts.append(language.say("dose.mg", dose=plain(course["dose_mg"], language)))
    if course["interval_h"] is not None:
        parts.append(language.say("dose.interval", hours=plain(course["interval_h"], language)))
    return " ".join(parts)


def course_rows(courses: pl.DataFrame, view: PatientView, language: Language) -> list[Row]:
    """The lines of the table of drugs, the latest first."""
    ordered = rows_by(rows_of(courses), "started_at", "drug", "route", descending={"started_at"}, nulls_last=True)
    return [
        {
            "drug": row["drug"],
            "dose": ", ".join(part for part in (dose(row, language), row["route"]) if part),
            "indication": language.word("indication", row["indication"])
            if row["indication"]
            else language.say("unknown"),
            "from": language.moment(row["started_at"], view.time_zone),
            "to": _until(row, view.time_zone, language),
        }
        for row in ordered
    ]


def _until(course: Row, time_zone: str, language: Language) -> str:
    """When a course was stopped, with the reason where one is stated; or that it runs."""
    if course["stopped_at"] is None:
        return language.say("courses.running")
    moment = language.moment(course["stopped_at"], time_zone)
    if course["stop_reason"] is None:
        return moment
    return language.say("courses.stopped", moment=moment, reason=language.word("stop_reason", course["stop_reason"]))


def stopped_said(course: Row, time_zone: str, language: Language) -> str:
    """Until when a course ran, and the stated reason; "" where it runs, or where none is stated."""
    if course["stopped_at"] is None or course["stop_reason"] is None:
        return ""
    return language.say(
        "courses.stopped_said",
        drug=capital(course["drug"]),
        date=language.date(course["stopped_at"], time_zone),
        reason=language.word("stop_reason", course["stop_reason"]),
    )


def plain(x: float, language: Language) -> str:
    """A dose or interval with the decimals it has, up to three: a dose is never rounded to another one."""
    digits = next((d for d in range(3) if round(x, d) == round(x, 3)), 3)
    return language.number(x, digits)
