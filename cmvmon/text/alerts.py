"""The sentence of an alert, made from the facts of its verdict. States facts and unknowns; orders and diagnoses nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from cmvmon.text.concordance import ground_sentence
from cmvmon.text.language import Language, MissingWords

Evidence = Mapping[str, Any]

_HEADLINE_SENTENCES = 2  # the fact, and what it is compared with
_ODDS_TO = 1000.0  # beyond, odds are only said to be more. Layout, not a clinical line.


def alert_sentence(
    rule: str, evidence: Evidence, language: Language, *, time_zone: str = "UTC", brief: bool = False
) -> str:
    """What is the case, in words, from the evidence of an alert of `rule`.

    Args:
        evidence: the facts of the verdict (its JSON, read). A fact that is null is said to be unknown or left out.
        time_zone: the zone in which dates are written.
        brief: only what is the case and what it is compared with, for a headline.

    Raises:
        MissingWords: the rule has no sentence, or a fact that its sentence can't do without is absent. Names keys only.
    """
    writer = _SENTENCES.get(rule)
    if writer is None:
        raise MissingWords(f"cmvmon/text/alerts.py has no sentence for the rule {rule!r}; add it")
    try:
        sentences = writer(evidence, language, time_zone)
    except KeyError as error:
        raise MissingWords(f"the evidence of {rule!r} lacks {error.args[0]!r}; the rule must give it") from None
    return " ".join(sentences[:_HEADLINE_SENTENCES] if brief else sentences)


def slope_sentence(mean: float, low: float, high: float, n: int, language: Language) -> str:
    """A decline in words, or the rise that it is when negative, with its interval and the number of results.

    >>> from cmvmon.text.language import language
    >>> slope_sentence(0.8, 0.5, 1.1, 4, language("nl"))
    'Daling 0,8 log10 per week (95%-BI 0,5 tot 1,1; 4 metingen)'
    >>> slope_sentence(-0.3, -0.6, 0.1, 1, language("en"))
    'Rise 0.3 log10 per week (95% interval −0.1 to 0.6; 1 result)'
    """
    falls = mean >= 0
    ends = (low, high) if falls else (-high, -low)
    return language.say(
        "slope.fall" if falls else "slope.rise",
        mean=language.log10(abs(mean)),
        low=language.log10(ends[0]),
        high=language.log10(ends[1]),
        results=language.count("results", n),
    )


def _slow_response(evidence: Evidence, language: Language, time_zone: str) -> list[str]:
    parts = []
    where = _where(evidence, language)
    mean, low, high = (evidence[f"mean_decline{end}_log10_per_week"] for end in ("", "_low", "_high"))
    if mean is None or low is None or high is None:
        parts.append(language.say("alert.slow_response.no_estimate", where=where))
    else:
        slope = slope_sentence(mean, low, high, len(evidence["result_ids"] or ()), language)
        since = language.date(_moment(evidence["estimated_since"]), time_zone)
        parts.append(language.say("alert.slow_response.slope", where=where, slope=slope, since=since))
    if evidence["target_log10_per_week"] is not None:
        target = short(evidence["target_log10_per_week"], language)
        parts.append(language.say("alert.slow_response.guide", target=target))
        if evidence["mean_probability_above_target"] is not None:
            percent = language.percent(evidence["mean_probability_above_target"])
            parts.append(language.say("alert.slow_response.probability", percent=percent, target=target))
    if evidence.get("by_odds"):  # absent, as the next, from alerts of before it existed
        odds, alarm = (evidence[f"odds_non_responder{end}"] for end in ("", "_alarm"))
        parts.append(language.say("alert.slow_response.odds", odds=_odds(odds, language), alarm=_odds(alarm, language)))
    if evidence.get("stands_in_for"):
        parts.append(ground_sentence(evidence, language))
    if evidence["n_censored"]:
        parts.append(language.count("alert.slow_response.censored", int(evidence["n_censored"])))
    if evidence["latest_is_low_and_falling"]:
        parts.append(language.say("alert.slow_response.low_and_falling"))
    return parts


def _rebound(evidence: Evidence, language: Language, time_zone: str) -> list[str]:
    def date(name: str) -> str:
        moment = evidence[f"{name}_collected_at"]
        return language.say("unknown") if moment is None else language.date(_moment(moment), time_zone)

    def value(name: str, limit: float | None) -> str:
        return value_in_words(evidence[f"{name}_detection"], evidence[f"{name}_viral_load_iu_per_ml"], limit, language)

    limit, rise, since = evidence["lowest_iu_per_ml"], evidence["rise_above_lowest_log10"], evidence["watched_since"]
    written = language.say("unknown") if rise is None else language.log10(rise)
    said = {
        "where": _where(evidence, language),
        "lowest": value("lowest", limit),
        "lowest_date": date("lowest"),
        "latest": value("last", evidence["last_lower_iu_per_ml"]),
        "latest_date": date("last"),
        "rise": language.say("at_least", value=written) if evidence["last_detection"] == "above_uloq" else written,
        "since": language.say("unknown") if since is None else language.date(_moment(since), time_zone),
        "limit": language.say("unknown") if limit is None else language.load(limit),
    }
    is_from_limit = evidence["lowest_detection"] in ("not_detected", "below_lloq")
    parts = [language.say("alert.rebound.rise_from_limit" if is_from_limit else "alert.rebound.rise", **said)]
    if evidence["by_observed_rise"]:
        named = {
            "alert.rebound.line_airway": {"rise": short(evidence["lower_airway_rise_log10"], language)},
            "alert.rebound.line": {
                "rise": short(evidence["rise_log10"], language),
                "load": language.load(evidence["to_at_least_iu_per_ml"]),
            },
        }
        key = "alert.rebound.line_airway" if evidence["is_lower_airway"] else "alert.rebound.line"
        parts.append(language.say(key, **named[key]))
    if evidence["by_probability"]:
        percents = {
            name: language.percent(evidence[key])
            for name, key in (("percent", "probability_rebound"), ("alarm", "probability_rebound_alarm"))
        }
        parts.append(language.say("alert.rebound.probability", **percents))
    if evidence["confirmed_by_result_before"]:
        before = value("last_but_one", evidence["last_but_one_lower_iu_per_ml"])
        parts.append(language.say("alert.rebound.result_before", value=before, date=date("last_but_one")))
    if evidence["confirmed_by_blood"]:
        blood = {
            "compartment": language.word("compartment", evidence["parallel_blood_compartment"]),
            "rise": language.log10(evidence["parallel_blood_rise_log10"]),
        }
        parts.append(language.say("alert.rebound.blood", date=date("parallel_blood"), **blood))
    if evidence["on_letermovir_alone"]:
        parts.append(language.say("alert.rebound.letermovir"))
    if evidence["stands_in_for"]:
        parts.append(ground_sentence(evidence, language))
    if evidence["has_conflict_since"]:
        parts.append(language.say("alert.rebound.conflict"))
    return parts


def _where(evidence: Evidence, language: Language) -> str:
    """The compartment, and how it came to be the one that is judged."""
    where, source = language.word("compartment", evidence["compartment"]), evidence["affected_source"]
    if source is None:
        return where
    return language.say("where", compartment=where, source=language.word("affected_source", source))


def _odds(odds: float, language: Language) -> str:
    """Odds without idle decimals; beyond a thousand only that they are more."""
    if odds > _ODDS_TO:
        return f">{language.number(_ODDS_TO, 0)}"
    return language.number(odds, 0) if odds >= 10 else short(odds, language)


def _bal_at_local_line(evidence: Evidence, language: Language, time_zone: str) -> list[str]:
    line = evidence["local_line_iu_per_ml"]
    said = {
        "date": language.date(_moment(evidence["collected_at"]), time_zone),
        "line": language.load(line) if line is not None else language.say("unknown"),
        "value": value_in_words(evidence["detection"], evidence["viral_load_iu_per_ml"], None, language),
    }
    key = "alert.bal_at_local_line.at_line" if evidence["at_local_line"] else "alert.bal_at_local_line.quantified"
    treatment = language.say(f"alert.bal_at_local_line.treatment_{evidence['treatment'] or 'unknown'}")
    return [language.say(key, **said), treatment]


def _no_follow_up(evidence: Evidence, language: Language, time_zone: str) -> list[str]:
    started, last = evidence["course_started_at"], evidence["last_blood_collected_at"]
    said = {
        "started": language.date(_moment(started), time_zone) if started else language.say("unknown"),
        "overdue": short(evidence["overdue_after_days"], language),
    }
    if last is None:
        return [language.say("alert.no_follow_up.none", **said)]
    days = evidence["days_since_blood_result"]
    overdue = language.say(
        "alert.no_follow_up.overdue",
        last=language.date(_moment(last), time_zone),
        days=language.say("days.other", n=short(days, language)) if days is not None else language.say("unknown"),
        **said,
    )
    return [overdue]


def _suppressed(evidence: Evidence, language: Language, time_zone: str) -> list[str]:
    said = {"compartment": language.word("compartment", evidence["compartment"])}
    for which in ("previous", "latest"):
        said[f"{which}_date"] = language.date(_moment(evidence[f"{which}_collected_at"]), time_zone)
        said[f"{which}_value"] = language.word("detection", evidence[f"{which}_detection"])
    return [language.say("alert.suppressed.both_below", **said)]


def _operations(evidence: Evidence, language: Language, time_zone: str) -> list[str]:
    stopped = language.say(
        "alert.operations.stopped",
        feed=str(evidence["feed"] or language.say("unknown")),
        table=table_in_words(evidence["table_name"], language),
        cause=operations_in_words(evidence["code"], language),
    )
    return [stopped]


_SENTENCES: Mapping[str, Callable[[Evidence, Language, str], list[str]]] = {
    "slow_response": _slow_response,
    "rebound": _rebound,
    "bal_at_local_line": _bal_at_local_line,
    "no_follow_up": _no_follow_up,
    "suppressed": _suppressed,
    "operations": _operations,
}


def value_in_words(detection: str | None, load: float | None, limit: float | None, language: Language) -> str:
    """One result in words: the load with its unit, or what the assay said, with the limit it was below or above.

    >>> from cmvmon.text.language import language
    >>> value_in_words("quantified", 12400.0, 35.0, language("nl"))
    '12.400 IE/ml'
    >>> value_in_words("below_lloq", None, 35.0, language("en"))
    'detected, below quantification limit (<35 IU/mL)'
    """
    if detection == "quantified" and load is not None:
        return language.say("value.load", load=language.load(load))
    if detection in ("below_lloq", "above_uloq") and limit is not None:
        word = language.word("detection", detection)
        return language.say(f"value.{detection}", word=word, limit=language.load(limit))
    return language.word("detection", detection) if detection else language.say("unknown")


def table_in_words(table: str | None, language: Language) -> str:
    """What a delivered or computed table holds, in words; its own name where there are none."""
    key = f"table.{table}"
    return language.say(key) if language.has(key) else (table or language.say("unknown"))


def operations_in_words(code: str | None, language: Language) -> str:
    """Why the work stopped, in words. A code that has none is shown as it is: the data team looks it up."""
    key = f"operations.{code}"
    return (
        language.say(key)
        if language.has(key)
        else language.say("operations_code", code=code or language.say("unknown"))
    )


def short(x: float, language: Language) -> str:
    """A number from the protocol with no idle decimals: 1, 0.5, 9."""
    return language.number(x, 0 if float(x).is_integer() else 1)


def _moment(text: str | datetime) -> datetime:
    return text if isinstance(text, datetime) else datetime.fromisoformat(text)
