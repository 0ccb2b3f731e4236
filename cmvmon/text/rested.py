"""What rested on a result that was taken back, in words: a line for the pages, and one for each alert."""

from __future__ import annotations

import json

from cmvmon.domain.rested import Rested, RestedAlert, Said
from cmvmon.text.alerts import alert_title, of_stored
from cmvmon.text.language import Language


def rested_in_words(rested: Rested, language: Language, *, time_zone: str) -> list[str]:
    """Sentences: how many assessments held the result, then each alert that rested on it, and who had answered it and when."""
    pages = [] if rested.n_judged is None else [_judged(rested.n_judged, language)]
    if not rested.alerts:
        return [*pages, language.say("rested.no_alert")]
    return [*pages, *(_alert(one, language, time_zone) for one in rested.alerts)]


def _judged(n: int, language: Language) -> str:
    return language.count("rested.judged", n) if n else language.say("rested.judged_none")


def _alert(one: RestedAlert, language: Language, time_zone: str) -> str:
    said = "; ".join(_said(each, language, time_zone) for each in one.said)
    return language.say(
        "rested.alert",
        title=of_stored(alert_title, one.rule, json.loads(one.evidence), language=language),
        tier=language.word("tier", str(one.tier)),
        since=language.moment(one.opened_at, time_zone),
        said=said or language.say("rested.nobody"),
    )


def _said(said: Said, language: Language, time_zone: str) -> str:
    told = {"who": said.actor, "moment": language.moment(said.at, time_zone)}
    if said.recipient is not None:
        told["to"] = said.recipient
    return language.say(f"rested.{said.event}", **told)
