"""A protocol file that waits for a second person, in words."""

from __future__ import annotations

from cmvmon.domain.waiting_policy import WaitingPolicy
from cmvmon.text.language import Language


def waiting_in_words(waits: WaitingPolicy, language: Language, time_zone: str) -> str:
    """That the site's protocol file waits, and by what is judged meanwhile."""
    approved = {
        "version": waits.version,
        "who": waits.approved_by,
        "date": language.date(waits.approved_at, time_zone),
    }
    if waits.file_version is None or waits.file_hash is None:
        return language.say("protocol.waits_unread", **approved)
    is_same = waits.file_version == waits.version  # another content under one label: the hash tells them apart
    file = f"{waits.file_version} ({waits.file_hash[:8]})" if is_same else waits.file_version
    return language.say("protocol.waits", file=file, **approved)
