"""The day's digest in words: whether the data are complete, counts by ward, what changed, how many samples are overdue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from cmvmon.telling.letter import Counts, Part, Pressing, Speaking, moment, where
from cmvmon.text import Language

_CHANGES = ("new", "worse", "reopened", "resolved", "closed")


def digest_words(facts: Mapping[str, Any], speaking: Speaking) -> tuple[str, list[Part]]:
    """Subject and parts. `facts` as `cmvmon.run.messages.digest` makes them; of a digest that was queued by an earlier version some
    may be missing, and count as nothing."""
    language = speaking.language
    missing = [*_missing(facts, language)]
    data = language.say("tell.digest.incomplete" if missing else "tell.digest.complete")
    n_now, n_today = (sum(ward[name] for ward in facts["wards"]) for name in ("now", "today"))
    subject = language.say(
        "tell.digest_subject",
        date=language.short_date(datetime.fromisoformat(facts["at"]), speaking.time_zone),
        n_now=language.number(n_now, 0),
        n_today=language.number(n_today, 0),
        data=data,
    )
    state = f"{data[:1].upper()}{data[1:]}"
    pressing = [Pressing((f"{state}: {'; '.join(missing)}.",))] if missing else []
    lines = [*_stands_for(facts, speaking), *_acknowledged(facts, language), _changes(facts, speaking)]
    if facts.get("rewritten"):
        lines.append(language.count("tell.digest.rewritten", facts["rewritten"]))
    lines.append(_overdue(facts["overdue"], language))
    if facts["waiting"]:
        lines.append(language.say("tell.waiting", n=language.number(facts["waiting"], 0)))
    if not missing:
        lines.append(f"{state}.")
    return subject, [*pressing, _wards(facts, speaking), lines]


def _wards(facts: Mapping[str, Any], speaking: Speaking) -> Part:
    language = speaking.language
    state = language.say("tell.digest.state", moment=moment(facts["at"], speaking))
    if not facts["wards"]:
        return [state, language.say("tell.digest.nothing")]
    rows = [
        (
            where(ward["ward"], language, is_known=ward["is_ward_known"]),
            language.number(ward["now"], 0),
            language.number(ward["today"], 0),
        )
        for ward in facts["wards"]
    ]
    lines = [
        language.say("tell.digest.ward", where=place, n_now=n_now, n_today=n_today) for place, n_now, n_today in rows
    ]
    columns = (language.say("tell.digest.place"), language.word("tier", "1"), language.word("tier", "2"))
    return Counts(state, columns, tuple(rows), tuple(lines))


def _acknowledged(facts: Mapping[str, Any], language: Language) -> Iterator[str]:
    """Of how many of the open alerts somebody has said something; nothing where none is open."""
    if facts["wards"] and "acknowledged" in facts:
        yield language.say("tell.digest.acknowledged", n=language.number(facts["acknowledged"], 0))


def _changes(facts: Mapping[str, Any], speaking: Speaking) -> str:
    language = speaking.language
    if facts["since"] is None:
        return language.say("tell.digest.first")
    counts = {name: language.number(facts["changes"].get(name, 0), 0) for name in _CHANGES}
    return language.say("tell.digest.changes", since=moment(facts["since"], speaking), **counts)


def _overdue(n: int, language: Language) -> str:
    return language.count("tell.digest.overdue", n) if n else language.say("tell.digest.overdue.none")


def _stands_for(facts: Mapping[str, Any], speaking: Speaking) -> Sequence[str]:
    """Of which day, or from which to which, no digest could be delivered, so that this one stands in its place."""
    language = speaking.language
    moments = [datetime.fromisoformat(at) for at in facts.get("stands_for", ())]
    days = [language.short_date(at, speaking.time_zone) for at in moments]
    if len(days) < 2:
        return [language.say("tell.digest.stands_for.one", first=day) for day in days]
    return [language.say("tell.digest.stands_for.other", first=days[0], last=days[-1])]


def _missing(facts: Mapping[str, Any], language: Language) -> Iterator[str]:
    """What makes the data incomplete."""
    if not facts.get("is_judged", True):
        yield language.say("tell.digest.not_judged")
    if facts["is_night_missing"]:
        yield language.say("tell.digest.night")
    for name in ("silent", "stopped", "never"):
        if facts[name]:
            yield language.count(f"tell.digest.{name}", facts[name])
