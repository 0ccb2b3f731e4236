"""What happened on the ward since yesterday, in words: one line for each kind of change, a patient and a few words each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo

from cmvmon.dashboards.happened import AlertChange, Lately, ResultChange
from cmvmon.dashboards.rows import Row
from cmvmon.dashboards.views import WardView
from cmvmon.dashboards.words_for_results import at_compartment
from cmvmon.domain import words
from cmvmon.text import Language, alert_title, ended_in_words, of_stored
from cmvmon.text.values import value_in_words

_ALERTS = ("new", "worse", "reopened", "resolved", "closed")
_RESULTS = (words.CORRECTED, words.WITHDRAWN, words.MOVED)
_ENDED = ("resolved", "closed")
_TOLD_AT_ONCE = 3  # so many changes stand open; more are counted in one line and folded


def block(lately: Lately, view: WardView, language: Language) -> Row:
    """The block's title, and its lines: each a kind of change and whom it concerns; one sentence where nothing happened.

    `counts`: how many of each kind, in one line; empty where nothing happened. `is_short`: few enough to stand open.
    """
    if lately.since is None:
        return _nothing(language.say("lately.yesterday"), "lately.first", language)
    hrefs = {row.patient_id: row.href for row in view.rows}
    lines: list[Row] = [
        {"kind": language.say(f"lately.{kind}"), "told": found}
        for kind in _ALERTS
        if (found := [_alert(change, hrefs, language) for change in lately.alerts if change.kind == kind])
    ]
    lines += [
        {"kind": language.say(f"lately.{fate}"), "told": found}
        for fate in _RESULTS
        if (found := [_result(each, hrefs, view, language) for each in lately.results if each.fate == fate])
    ]
    title = _title(lately, view, language)
    if not lines:
        return _nothing(title, "lately.nothing", language)
    counts = ", ".join(
        language.say("lately.count", kind=line["kind"].lower(), n=language.number(len(line["told"]), 0))
        for line in lines
    )
    n_told = sum(len(line["told"]) for line in lines)
    return {"title": f"{title}:", "lines": lines, "counts": f"{counts}.", "is_short": n_told <= _TOLD_AT_ONCE}


def _nothing(title: str, key: str, language: Language) -> Row:
    told = [{"patient": "", "href": "", "text": language.say(key)}]
    return {"title": f"{title}:", "lines": [{"kind": "", "told": told}], "counts": "", "is_short": True}


def _title(lately: Lately, view: WardView, language: Language) -> str:
    """Since yesterday; since an earlier day, where no night was in between."""
    zone = ZoneInfo(view.time_zone)
    today = view.as_of.astimezone(zone).date()
    if lately.since is not None and lately.since.astimezone(zone).date() < today - timedelta(days=1):
        return language.say("lately.since", date=language.date(lately.since, view.time_zone))
    return language.say("lately.yesterday")


def _alert(change: AlertChange, hrefs: Mapping[str, str], language: Language) -> Row:
    alert = {"rule": change.rule, "compartment": change.compartment, "state": change.kind, "cause": change.cause}
    text = at_compartment(
        of_stored(alert_title, change.rule, json.loads(change.evidence), language=language), alert, language
    )
    if change.kind in _ENDED:
        text = language.say("lately.ended", alert=text, why=ended_in_words(alert, language))
    return {"patient": change.patient_id, "href": hrefs.get(change.patient_id, ""), "text": text}


def _result(each: ResultChange, hrefs: Mapping[str, str], view: WardView, language: Language) -> Row:
    """A result that was rewritten; what it said before stands on the patient's page alone."""
    said = {
        "compartment": language.word("compartment", each.compartment),
        "date": language.date(each.collected_at, view.time_zone),
    }
    if each.detection is None:
        text = language.say("lately.result", **said)
    else:
        now = value_in_words(each.detection, each.viral_load_iu_per_ml, each.limit_iu_per_ml, language)
        text = language.say("lately.result_now", value=now, **said)
    return {"patient": each.patient_id, "href": hrefs.get(each.patient_id, ""), "text": text}
