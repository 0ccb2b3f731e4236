"""A message in words: its subject, its text, and the same as simple HTML. Facts come in; of a patient there are none."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cmvmon.telling import routing
from cmvmon.text import Language
from cmvmon.text.values import operations_in_words

_OF_OPERATIONS = ("feed_silent", "quarantine_filling", "night_overdue", "store_unusable")


@dataclass(frozen=True)
class Said:
    """What is sent. `message_id` goes with it in the way of each channel."""

    message_id: str
    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Speaking:
    """How messages of a site are written: language, zone, and what may stand beneath them."""

    language: Language
    time_zone: str
    link: str | None = None
    contact: str | None = None


def said(kind: str, message_id: str, facts: Mapping[str, Any], speaking: Speaking) -> Said:
    """The message of that kind in words. `facts` as `cmvmon.telling.routing` and `cmvmon.run.digest` make them."""
    subject, lines = _OF_KIND[kind](facts, speaking)
    say = speaking.language.say
    link = [] if speaking.link is None else [say("tell.link", link=speaking.link)]
    contact = [] if speaking.contact is None else [say("tell.contact", contact=speaking.contact)]
    footer = say("tell.footer", message_id=message_id)
    blocks = [part for part in (lines, [*link, *contact], [footer]) if part]
    text = "\n\n".join("\n".join(block) for block in blocks)
    return Said(message_id, " ".join(subject.split()), text + "\n", _as_html(subject, blocks, speaking))


def _alert(facts: Mapping[str, Any], speaking: Speaking, count: str = "tell.alerts") -> tuple[str, list[str]]:
    language, tier = speaking.language, int(facts["tier"])
    told = {
        "alerts": language.count(count, int(facts["n"])),
        "tier": language.word("tier", str(tier)).lower(),
        "where": _where(facts["ward"], language, is_known=facts["is_ward_known"]),
    }
    key = "tell.alert" if count == "tell.alerts" else "tell.escalation"
    lines = [language.say(key, **told, number=str(tier), moment=_moment(facts, speaking))]
    if facts["beds"]:
        form = "one" if len(facts["beds"]) == 1 else "other"
        lines.append(language.say(f"tell.beds.{form}", beds=", ".join(facts["beds"])))
    return language.say("tell.subject", **told), lines


def _escalation(facts: Mapping[str, Any], speaking: Speaking) -> tuple[str, list[str]]:
    return _alert(facts, speaking, "tell.unanswered")


def _work(facts: Mapping[str, Any], speaking: Speaking) -> tuple[str, list[str]]:
    language, code = speaking.language, str(facts["code"])
    cause = language.say(f"tell.cause.{code}") if code in _OF_OPERATIONS else operations_in_words(code, language)
    lines = [language.say("tell.work", moment=_moment(facts, speaking), cause=cause)]
    if facts["feeds"]:
        lines.append(language.say("tell.feeds", feeds=", ".join(facts["feeds"])))
    if facts.get("n"):
        lines.append(language.say("tell.waiting", n=language.number(facts["n"], 0)))
    return language.say("tell.work_subject", cause=cause), [*lines, language.say("tell.look")]


def _digest(facts: Mapping[str, Any], speaking: Speaking) -> tuple[str, list[str]]:
    language = speaking.language
    n_now, n_today = (sum(ward[name] for ward in facts["wards"]) for name in ("now", "today"))
    missing = [*_missing(facts, language)]
    data = language.say("tell.digest.incomplete" if missing else "tell.digest.complete")
    moment = datetime.fromisoformat(facts["at"])
    subject = language.say(
        "tell.digest_subject",
        date=language.short_date(moment, speaking.time_zone),
        n_now=language.number(n_now, 0),
        n_today=language.number(n_today, 0),
        data=data,
    )
    lines = [language.say("tell.digest.state", moment=_moment(facts, speaking))]
    lines += [
        language.say(
            "tell.digest.ward",
            where=_where(ward["ward"], language, is_known=ward["is_ward_known"]),
            n_now=language.number(ward["now"], 0),
            n_today=language.number(ward["today"], 0),
        )
        for ward in facts["wards"]
    ] or [language.say("tell.digest.nothing")]
    lines.append(_changes(facts, speaking))
    if facts["overdue"]:
        lines.append(language.count("tell.digest.overdue", facts["overdue"]))
    is_complete = f"{data[:1].upper()}{data[1:]}."
    lines.append(language.say("tell.digest.data", state="; ".join(missing)) if missing else is_complete)
    if facts["waiting"]:
        lines.append(language.say("tell.waiting", n=language.number(facts["waiting"], 0)))
    return subject, lines


def _changes(facts: Mapping[str, Any], speaking: Speaking) -> str:
    language = speaking.language
    if facts["since"] is None:
        return language.say("tell.digest.first")
    counts = {
        name: language.number(facts["changes"].get(name, 0), 0) for name in ("new", "worse", "resolved", "closed")
    }
    since = language.moment(datetime.fromisoformat(facts["since"]), speaking.time_zone)
    return language.say("tell.digest.changes", since=since, **counts)


def _missing(facts: Mapping[str, Any], language: Language) -> Iterator[str]:
    """What makes the data incomplete."""
    if facts["is_night_missing"]:
        yield language.say("tell.digest.night")
    for name in ("silent", "stopped", "never"):
        if facts[name]:
            yield language.count(f"tell.digest.{name}", facts[name])


def _trial(facts: Mapping[str, Any], speaking: Speaking) -> tuple[str, list[str]]:
    say = speaking.language.say
    return say("tell.test_subject"), [say("tell.test", channel=facts["channel"], moment=_moment(facts, speaking))]


_OF_KIND = {
    routing.ALERT: _alert,
    routing.ESCALATION: _escalation,
    routing.WORK: _work,
    routing.DIGEST: _digest,
    routing.TRIAL: _trial,
}


def _where(ward: str | None, language: Language, *, is_known: bool) -> str:
    if ward is not None:
        return language.say("tell.ward", ward=ward)
    return language.say("tell.ward_unnamed" if is_known else "tell.ward_unknown")


def _moment(facts: Mapping[str, Any], speaking: Speaking) -> str:
    return speaking.language.moment(datetime.fromisoformat(facts["at"]), speaking.time_zone)


def _as_html(subject: str, blocks: list[list[str]], speaking: Speaking) -> str:
    """Paragraphs, and the link as one: no picture, no style, nothing that is loaded from elsewhere."""
    paragraphs = "\n".join(f"<p>{'<br>'.join(html.escape(line) for line in block)}</p>" for block in blocks)
    if speaking.link is not None:
        shown = html.escape(speaking.link)
        paragraphs = paragraphs.replace(shown, f'<a href="{shown}">{shown}</a>', 1)
    return (
        f'<!DOCTYPE html>\n<html lang="{speaking.language.code}"><head><meta charset="utf-8">'
        f"<title>{html.escape(subject)}</title></head>\n<body>\n{paragraphs}\n</body></html>\n"
    )
