"""Who is told of what, and when: alerts that are news, faults of the work, escalation and the day's digest. Pure.

1. An alert is news when it is opened, opened again, or more urgent than it was since. Each such transition is told once, and
   not where somebody has answered it before.
2. A route takes it by tier, rule, ward, and the hour in which it became news. A tier 1 that none takes goes to `tier_1_to`; a
   tier 2 that none takes stands in the digest; tier 3 is never sent.
3. Tier 1 goes at once. Whatever else falls into the quiet hours waits for their end.
4. A tier 1 about a patient that nobody acknowledged goes to `escalate_to`, once, when the protocol's time has passed since it
   was told.
5. An alert of tier 1 or 2 about a patient who has left, which nobody has acknowledged, goes to `left_to` as well, once for each
   time that the patient leaves: as it stands then, and of what becomes news after it (cmvmon/telling/handovers.py).
6. What is told of at one look, on one channel, of one ward and tier, is one message with a count.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cmvmon.domain import words
from cmvmon.telling import handovers
from cmvmon.telling.handovers import about_leaving, is_handed_over, transition_of
from cmvmon.telling.notify_file import NotifyFile, is_within

HANDOVER = handovers.HANDOVER
ALERT, ESCALATION, WORK, DIGEST, TRIAL = ("alert", "escalation", "work", "digest", "test")
KINDS = (ALERT, ESCALATION, HANDOVER, WORK, DIGEST, TRIAL)
OF_ALERTS = (ALERT, ESCALATION, HANDOVER)

# When each kind of message about a transition of something was first queued: by kind, what it is about, and its transition.
ToldBefore = Mapping[tuple[str, str, str], datetime]
Standing = tuple[str, str, str]  # what is still so: the kind of message, what it is about, and its transition


@dataclass(frozen=True)
class News:
    """An alert that stands open, and the transition by which somebody has to know of it. Holds no patient's number.

    Attributes:
        transition: which event of the alert made it news.
        since: when that was.
        is_acknowledged: whether somebody has acknowledged it, or set it aside, since then.
        is_snoozed: whether it is only set aside.
        ward, bed: as delivered; None = not known. Of whoever has left, those of the last stay.
        left_at: when the patient was discharged; None = is here, or that is not known.
        back_at: when the patient had come back before; None = had never left before.
    """

    alert_id: str
    transition: str
    rule: str
    tier: int
    since: datetime
    is_acknowledged: bool
    ward: str | None = None
    bed: str | None = None
    left_at: datetime | None = None
    back_at: datetime | None = None
    is_snoozed: bool = False


@dataclass(frozen=True)
class Fault:
    """Something that is wrong with the work itself: what it is about, since what, its code, and the feed if it has one."""

    about: str
    transition: str
    code: str
    tier: int
    feed: str | None = None
    n: int | None = None


@dataclass(frozen=True)
class Message:
    """One message on one channel. Its id follows from what it is about, so that nothing is said twice.

    `facts`: what its words are made from; nothing in them is of a patient.
    """

    channel: str
    kind: str
    about: tuple[tuple[str, str], ...]
    not_before: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def message_id(self) -> str:
        """32 characters, the same for the same alerts, transitions and channel."""
        said = json.dumps([self.channel, self.kind, sorted(self.about)])
        return hashlib.sha256(said.encode()).hexdigest()[:32]


def of_alerts(
    file: NotifyFile,
    news: Iterable[News],
    told: ToldBefore,
    *,
    at: datetime,
    zone: ZoneInfo,
    escalate_after: timedelta | None,
) -> list[Message]:
    """The messages about alerts that are due now and were not queued before.

    Args:
        told: when each kind of message about an alert's transition was queued first.
        escalate_after: how long a tier 1 may stand unacknowledged; None = not known, and nobody else is told.
    """
    parts: dict[tuple[str, str, int, str | None], list[News]] = defaultdict(list)
    for one in news:
        first = told.get((ALERT, one.alert_id, one.transition))
        if _is_to_hand_over(one, told):
            for channel in file.left_to:
                parts[channel, HANDOVER, one.tier, one.ward].append(one)
        if first is None and one.is_acknowledged:
            continue
        if first is None:
            for channel in _channels_for(file, one, zone):
                parts[channel, ALERT, one.tier, one.ward].append(one)
        elif _is_unanswered(one, told, first, at, escalate_after):
            for channel in file.escalate_to:
                parts[channel, ESCALATION, one.tier, one.ward].append(one)
    return [
        Message(
            channel,
            kind,
            tuple((one.alert_id, _transition(kind, one)) for one in some),
            _not_before(file, tier, at, zone),
            _facts(file, kind, tier, ward, some, at),
        )
        for (channel, kind, tier, ward), some in parts.items()
    ]


def of_work(
    file: NotifyFile, faults: Iterable[Fault], told: ToldBefore, *, at: datetime, zone: ZoneInfo
) -> list[Message]:
    """The messages about the work that were not queued before, one for each cause."""
    parts: dict[tuple[str, int], list[Fault]] = defaultdict(list)
    for one in faults:
        if (WORK, one.about, one.transition) not in told:
            parts[one.code, one.tier].append(one)
    return [
        Message(
            channel,
            WORK,
            tuple((one.about, one.transition) for one in some),
            _not_before(file, tier, at, zone),
            {
                "code": code,
                "feeds": sorted({one.feed for one in some if one.feed}),
                "n": _sum(some),
                "at": at.isoformat(),
            },
        )
        for (code, tier), some in parts.items()
        for channel in dict.fromkeys(file.work_to)
    ]


def digests_due(file: NotifyFile, told: ToldBefore, *, at: datetime, zone: ZoneInfo) -> date | None:
    """The day whose digest is to be made now; None where its hour has not come, or it was made."""
    local = at.astimezone(zone)
    if file.digest_at is None or local.time() < file.digest_at:
        return None
    return None if (DIGEST, DIGEST, local.date().isoformat()) in told else local.date()


def of_digest(day: date, facts: Mapping[str, Mapping[str, Any]], *, at: datetime) -> list[Message]:
    """The digest of that day for each channel, by the facts of that channel."""
    return [Message(channel, DIGEST, ((DIGEST, day.isoformat()),), at, own) for channel, own in facts.items()]


def standing(news: Iterable[News], faults: Iterable[Fault]) -> frozenset[Standing]:
    """What is still so, and nobody has acknowledged, by kind of message: one about nothing of it need not be sent any more."""
    news = [*news]
    of_alerts = ((kind, one) for kind in (ALERT, ESCALATION) for one in news if not one.is_acknowledged)
    handed = ((HANDOVER, one) for one in news if is_unanswered(one))
    found = {(kind, one.alert_id, one.transition) for kind, one in (*of_alerts, *handed)}
    return frozenset(found | {(WORK, one.about, one.transition) for one in faults})


def still_stands(kind: str, about: Iterable[tuple[str, str]], standing: Collection[Standing]) -> bool:
    """Whether anything that a message of that kind is about is among what is still so."""
    return any((kind, name, transition_of(transition)) in standing for name, transition in about)


def is_unanswered(one: News) -> bool:
    """Whether who takes over must be told of it when its patient leaves."""
    return one.tier in words.TIERS[:-1] and (one.is_snoozed or not one.is_acknowledged)


def _is_unanswered(one: News, told: ToldBefore, first: datetime, at: datetime, after: timedelta | None) -> bool:
    if one.tier != 1 or one.is_acknowledged or after is None:
        return False
    return (ESCALATION, one.alert_id, one.transition) not in told and at - first >= after


def _is_to_hand_over(one: News, told: ToldBefore) -> bool:
    if one.left_at is None or not is_unanswered(one):
        return False
    return not is_handed_over(told, one.alert_id, one.transition, left_at=one.left_at, back_at=one.back_at)


def _transition(kind: str, one: News) -> str:
    """As a message of that kind names it."""
    return about_leaving(one.transition, one.left_at) if kind == HANDOVER and one.left_at else one.transition


def _channels_for(file: NotifyFile, one: News, zone: ZoneInfo) -> tuple[str, ...]:
    clock = one.since.astimezone(zone).time()
    taken = [
        name
        for route in file.routes
        if route.tier == one.tier
        and (not route.rules or one.rule in route.rules)
        and (not route.wards or one.ward in route.wards)
        and (route.hours is None or is_within(route.hours, clock))
        for name in route.to
    ]
    otherwise = file.tier_1_to if one.tier == 1 else ()
    return tuple(dict.fromkeys(taken or otherwise))


def _not_before(file: NotifyFile, tier: int, at: datetime, zone: ZoneInfo) -> datetime:
    """Rule 3."""
    local = at.astimezone(zone)
    if tier == 1 or file.quiet is None or not is_within(file.quiet, local.time()):
        return at
    end: time = file.quiet[1]
    day = local.date() if local.time() < end else local.date() + timedelta(days=1)
    return datetime.combine(day, end, zone).astimezone(UTC)


def _facts(
    file: NotifyFile, kind: str, tier: int, ward: str | None, some: Collection[News], at: datetime
) -> dict[str, Any]:
    since = min(one.since for one in some)
    return {
        "tier": tier,
        "n": len(some),
        "at": (at if kind == ALERT else since).isoformat(),
        "is_ward_known": ward is not None,
        "ward": ward if ward in file.wards else None,
        "beds": sorted(set(_beds(some))) if file.names_bed and ward in file.wards and kind != HANDOVER else [],
    }


def _beds(some: Iterable[News]) -> Iterator[str]:
    """The beds that may stand in a message: short, as a bed is named. A feed may have put anything there."""
    for one in some:
        bed = one.bed or ""
        if len(bed) <= 12 and bed.isprintable() and sum(mark.isdigit() for mark in bed) in range(1, 5):
            yield bed


def _sum(some: Iterable[Fault]) -> int | None:
    counts = [one.n for one in some if one.n is not None]
    return sum(counts) if counts else None
