"""A protocol file that judges nobody, in words: what is to be done about it, and by what is judged meanwhile."""

from __future__ import annotations

from cmvmon.domain.waiting_policy import LABEL_USED, WaitingPolicy
from cmvmon.text.language import Language


def waiting_in_words(waits: WaitingPolicy, language: Language, time_zone: str) -> str:
    """That the site's protocol file waits, or what keeps it from being approved; and by what is judged meanwhile."""
    approved = {
        "version": waits.version,
        "who": waits.approved_by,
        "date": language.date(waits.approved_at, time_zone),
    }
    if waits.file_version is None or waits.file_hash is None:
        return language.say("protocol.waits_unread", **approved)
    if waits.state == LABEL_USED:  # the hash tells two contents under one label apart
        return language.say("protocol.waits_label", file=f"{waits.file_version} ({waits.file_hash[:8]})", **approved)
    return language.say("protocol.waits", file=waits.file_version, **approved)
