"""How an open alert stands, in few words: who answered it and when, until when it is set aside, why it was reopened, after whom."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cmvmon.domain import words
from cmvmon.text import Language


def answer_in_words(alert: Mapping[str, Any], *, as_of: datetime, time_zone: str, language: Language) -> str:
    """The answer to an alert, or why it was reopened, taken over or says what it said before, as the middle of a sentence; else empty.

    `alert`: an `alerts` row. A snooze that is over by `as_of` is none any more, whether or not a night has recorded it.
    """
    standing = alert.get("standing")
    if standing == words.SEEN:
        return language.say("answer.seen")
    if standing == words.ACKNOWLEDGED:
        moment = language.moment(alert["answered_at"], time_zone)
        return language.say("answer.acknowledged", who=alert["answered_by"], moment=moment)
    if standing == words.SNOOZED and alert["until"] > as_of:
        until = language.moment(alert["until"], time_zone)
        return language.say("answer.snoozed", who=alert["answered_by"], until=until)
    if alert.get("cause"):
        why = language.word("cause", alert["cause"])
        if alert["cause"] == words.TAKEN_OVER:
            return why
        whose = alert.get("tells")
        if alert["cause"] == words.LABORATORY_IN_DOUBT and not whose:  # no answer ended: its words went back
            return language.say("answer.words_back", why=why)
        return (
            language.say("answer.reopened_of", why=why, who=whose)
            if whose
            else language.say("answer.reopened", why=why)
        )
    return ""


def how_many(n: int, n_information: int, language: Language) -> str:
    """How many alerts are open, counted as on the ward's row: `n` of now and today, and apart those for information alone."""
    said = language.count("headline.alerts", n) if n else language.say("headline.no_alert")
    if not n_information:
        return said
    return language.count("headline.and_information" if n else "headline.only_information", n_information, said=said)
