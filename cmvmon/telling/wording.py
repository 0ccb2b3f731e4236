"""A message in words. Facts come in; of a patient there are none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from cmvmon.telling import routing
from cmvmon.telling.digest_words import digest_words
from cmvmon.telling.letter import Part, Said, Speaking, letter, moment, where
from cmvmon.text.values import operations_in_words

_OF_OPERATIONS = ("feed_silent", "quarantine_filling", "night_overdue", "store_unusable")


def said(kind: str, message_id: str, facts: Mapping[str, Any], speaking: Speaking) -> Said:
    """The message of that kind in words. `facts` as `cmvmon.telling.routing` and `cmvmon.run.messages.digest` make them."""
    subject, parts = _OF_KIND[kind](facts, speaking)
    return letter(message_id, subject, parts, speaking)


def _alert(facts: Mapping[str, Any], speaking: Speaking, *, count: str, opens: str) -> tuple[str, list[Part]]:
    """`count`: the words for how many there are; `opens`: the first sentence."""
    language, tier = speaking.language, int(facts["tier"])
    told = {
        "alerts": language.count(count, int(facts["n"])),
        "tier": language.word("tier", str(tier)).lower(),
        "where": where(facts["ward"], language, is_known=facts["is_ward_known"]),
    }
    lines = [language.say(opens, **told, number=str(tier), moment=moment(facts["at"], speaking))]
    if facts["beds"]:
        form = "one" if len(facts["beds"]) == 1 else "other"
        lines.append(language.say(f"tell.beds.{form}", beds=", ".join(facts["beds"])))
    return language.say("tell.subject", **told), [lines]


def _work(facts: Mapping[str, Any], speaking: Speaking) -> tuple[str, list[Part]]:
    language, code = speaking.language, str(facts["code"])
    cause = language.say(f"tell.cause.{code}") if code in _OF_OPERATIONS else operations_in_words(code, language)
    lines = [language.say("tell.work", moment=moment(facts["at"], speaking), cause=cause)]
    if facts["feeds"]:
        lines.append(language.say("tell.feeds", feeds=", ".join(facts["feeds"])))
    if facts.get("n"):
        lines.append(language.say("tell.waiting", n=language.number(facts["n"], 0)))
    return language.say("tell.work_subject", cause=cause), [[*lines, language.say("tell.look")]]


def _trial(facts: Mapping[str, Any], speaking: Speaking) -> tuple[str, list[Part]]:
    say = speaking.language.say
    return say("tell.test_subject"), [
        [say("tell.test", channel=facts["channel"], moment=moment(facts["at"], speaking))]
    ]


_OF_KIND: Mapping[str, Callable[[Mapping[str, Any], Speaking], tuple[str, list[Part]]]] = {
    routing.ALERT: partial(_alert, count="tell.alerts", opens="tell.alert"),
    routing.ESCALATION: partial(_alert, count="tell.unanswered", opens="tell.escalation"),
    routing.HANDOVER: partial(_alert, count="tell.handed_over", opens="tell.handover"),
    routing.WORK: _work,
    routing.DIGEST: digest_words,
    routing.TRIAL: _trial,
}
