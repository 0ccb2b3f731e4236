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
    target = evidence["protocol.decline.target_log10_per_week"]
    named = {"target": language.say("unknown") if target is None else short(target, language)}

    def slope() -> str:
        mean, low, high = (evidence[f"mean_decline{end}_log10_per_week"] for end in ("", "_low", "_high"))
        said = slope_sentence(mean, low, high, len(evidence["result_ids"] or ()), language)
        since = language.date(_moment(evidence["estimated_since"]), time_zone)
        return language.say("alert.slow_response.slope", where=_where(evidence, language), slope=said, since=since)

    def probability() -> str:
        percent = language.percent(evidence["mean_probability_above_target"])
        return language.say("alert.slow_response.probability", percent=percent, **named)

    def odds() -> str:
        said = {"odds": evidence["odds_non_responder"], "alarm": evidence["protocol.alarm.odds_non_responder"]}
        return language.say("alert.slow_response.odds", **{name: _odds(x, language) for name, x in said.items()})

    return _in_order(
        evidence,
        no_estimate=lambda: language.say("alert.slow_response.no_estimate", where=_where(evidence, language)),
        slope=slope,
        guide=lambda: language.say("alert.slow_response.guide", **named),
        probability=probability,
        odds=odds,
        stands_in=lambda: ground_sentence(evidence, language),
        censored=lambda: language.count("alert.slow_response.censored", int(evidence["n_censored"])),
        low_and_falling=lambda: language.say("alert.slow_response.low_and_falling"),
    )


def _rebound(evidence: Evidence, language: Language, time_zone: str) -> list[str]:
    def number(name: str) -> float:
        return float(evidence[f"protocol.{name}"])

    def blood() -> str:
        compartment = language.word("compartment", evidence["parallel_blood_compartment"])
        date = _date(evidence["parallel_blood_collected_at"], language, time_zone)
        rise = language.log10(evidence["parallel_blood_rise_log10"])
        return language.say("alert.rebound.blood", date=date, compartment=compartment, rise=rise)

    def probability() -> str:
        said = {"percent": evidence["probability_rebound"], "alarm": number("alarm.probability_rebound")}
        return language.say("alert.rebound.probability", **{name: language.percent(x) for name, x in said.items()})

    def line() -> str:
        rise, load = short(number("rise_log10"), language), language.load(number("to_at_least_iu_per_ml"))
        return language.say("alert.rebound.line", rise=rise, load=load)

    def result_before() -> str:
        value = _point("previous", evidence["previous_point_at_least_iu_per_ml"], evidence, language)
        date = _date(evidence["previous_point_collected_at"], language, time_zone)
        return language.say("alert.rebound.result_before", value=value, date=date)

    return _in_order(
        evidence,
        rise_from_limit=lambda: language.say("alert.rebound.rise_from_limit", **_rise(evidence, language, time_zone)),
        rise=lambda: language.say("alert.rebound.rise", **_rise(evidence, language, time_zone)),
        line_airway=lambda: language.say(
            "alert.rebound.line_airway", rise=short(number("lower_airway_rise_log10"), language)
        ),
        line=line,
        probability=probability,
        result_before=result_before,
        blood=blood,
        letermovir=lambda: language.say("alert.rebound.letermovir"),
        stands_in=lambda: ground_sentence(evidence, language),
        conflict=lambda: language.say("alert.rebound.conflict"),
    )


def _rise(evidence: Evidence, language: Language, time_zone: str) -> dict[str, str]:
    limit, rise = evidence["lowest_point_iu_per_ml"], evidence["rise_log10"]
    written = language.say("unknown") if rise is None else language.log10(rise)
    is_above_range = evidence["latest_point_detection"] == "above_uloq"
    return {
        "where": _where(evidence, language),
        "lowest": _point("lowest", limit, evidence, language),
        "lowest_date": _date(evidence["lowest_point_collected_at"], language, time_zone),
        "latest": _point("latest", evidence["latest_point_at_least_iu_per_ml"], evidence, language),
        "latest_date": _date(evidence["latest_point_collected_at"], language, time_zone),
        "rise": language.say("at_least", value=written) if is_above_range else written,
        "since": _date(evidence["watched_since"], language, time_zone),
        "limit": language.say("unknown") if limit is None else language.load(limit),
    }


def _point(which: str, limit: float | None, evidence: Evidence, language: Language) -> str:
    """One sample time in words; `limit` is what its load is at least, or was below."""
    load = evidence[f"{which}_point_viral_load_iu_per_ml"]
    return value_in_words(evidence[f"{which}_point_detection"], load, limit, language)


def _date(moment: str | None, language: Language, time_zone: str) -> str:
    return language.say("unknown") if moment is None else language.date(_moment(moment), time_zone)


def _in_order(evidence: Evidence, **sentences: Callable[[], str]) -> list[str]:
    """The sentences that the rule says of this subject, in its order."""
    return [sentences[key]() for key in evidence["says"]]


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
    line, hours = evidence["protocol.local_line_iu_per_ml"], evidence["protocol.response_clock.interrupted_gap_h"]
    detection, load = evidence["latest_detection"], evidence["latest_viral_load_iu_per_ml"]
    said = {
        "date": _date(evidence["latest_collected_at"], language, time_zone),
        "line": language.load(line) if line is not None else language.say("unknown"),
        "value": value_in_words(detection, load, None, language),
    }
    return _in_order(
        evidence,
        at_line=lambda: language.say("alert.bal_at_local_line.at_line", **said),
        quantified=lambda: language.say("alert.bal_at_local_line.quantified", **said),
        treatment=lambda: language.say(
            f"alert.bal_at_local_line.treatment_{evidence['treatment'] or 'unknown'}",
            hours=language.say("unknown") if hours is None else short(hours, language),
        ),
    )


def _no_follow_up(evidence: Evidence, language: Language, time_zone: str) -> list[str]:
    days = evidence["days_since_blood_result"]
    said = {
        "started": _date(evidence["course_started_at"], language, time_zone),
        "overdue": short(evidence["protocol.overdue_after_days"], language),
        "last": _date(evidence["last_blood_collected_at"], language, time_zone),
        "days": language.say("unknown") if days is None else language.say("days.other", n=short(days, language)),
    }
    return _in_order(
        evidence,
        none=lambda: language.say("alert.no_follow_up.none", **said),
        overdue=lambda: language.say("alert.no_follow_up.overdue", **said),
    )


def _suppressed(evidence: Evidence, language: Language, time_zone: str) -> list[str]:
    said = {"compartment": language.word("compartment", evidence["compartment"])}
    for which in ("previous", "latest"):
        said[f"{which}_date"] = language.date(_moment(evidence[f"{which}_collected_at"]), time_zone)
        said[f"{which}_value"] = language.word("detection", evidence[f"{which}_detection"])
    return _in_order(evidence, both_below=lambda: language.say("alert.suppressed.both_below", **said))


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
