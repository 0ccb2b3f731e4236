"""When one more sample would settle an open call, in plain sentences. A fact with its probability; nobody is told to act."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmvmon.protocol import Protocol
from cmvmon.text.language import Language


def next_sample_sentence(row: Mapping[str, Any], language: Language, *, protocol: Protocol, time_zone: str) -> str:
    """What is open, the day and its probability, or that no day reaches it; then what "not detected" would mean. Of one
    `next_sample` row.

    >>> from datetime import UTC, datetime
    >>> from types import SimpleNamespace
    >>> from cmvmon.text.language import language
    >>> protocol = SimpleNamespace(decline=SimpleNamespace(target_log10_per_week=1.0))
    >>> row = {"next_sample_at": datetime(2026, 5, 12, 5, 30, tzinfo=UTC), "probability_decisive": 0.84}
    >>> row |= {"call_if_not_detected": "met"}
    >>> next_sample_sentence(row, language("en"), protocol=protocol, time_zone="Europe/Amsterdam").split(". ")[1]
    'One more sample, on 12 May 2026, would decide it with 84% probability'
    """
    call, target = row["call_if_not_detected"], language.log10(protocol.decline.target_log10_per_week)
    said = {
        "target": target,
        "percent": language.percent(row["probability_decisive"]),
        "call": language.say("decline.no_call") if call is None else language.word("call", call, target=target),
    }
    if row["next_sample_at"] is not None:
        return language.say("next_sample.settles", date=language.date(row["next_sample_at"], time_zone), **said)
    policy = protocol.next_sample
    days = language.count("days", int(policy.candidate_days))
    return language.say("next_sample.none_settles", days=days, wanted=language.percent(policy.probability), **said)
