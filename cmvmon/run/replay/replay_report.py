"""What a replay comes to: alerts per patient-week by tier and by rule, repeats, what ended them; of two policies side by side.

Definitions, so that two reports mean the same:
- A patient counts for a day when the first night of that day gave a verdict about one who was not known to have left.
- An alert counts where it opened in the replay, once, under the gravest tier that it had.
- A repeat is an alert of a rule and subject that had one which ended at most `repeat_days` before it opened.
- Rates carry the 95 % interval of `rate_interval`, over patients; shares that of Clopper and Pearson.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import Any

from cmvmon.domain import words
from cmvmon.kinetics.numerics.proportion import exact_interval
from cmvmon.kinetics.numerics.rate import rate_interval
from cmvmon.run.asking.protocol_query import told_differences
from cmvmon.run.replay.replay_ledger import Told
from cmvmon.run.replay.replaying import Replayed, Side

REPEAT_DAYS = 14  # two samples of the slowest rhythm (BAL, weekly): an alert that the next sample brings back is one
CLEAR = "judged clear"
_DAYS_PER_WEEK = 7.0


def report(done: Replayed, *, repeat_days: int = REPEAT_DAYS) -> dict[str, Any]:
    """The whole report, for a machine; moments as ISO 8601 text."""
    own, *others = done.sides
    return {
        "from": done.since.isoformat(),
        "to": done.until.isoformat(),
        "judged": "each morning" if done.mornings else "when the nights were",
        "nights": done.nights,
        "refreshes": done.refreshes,
        "days": done.days,
        "patients": len(done.patient_days),
        "patient_weeks": sum(done.patient_days.values()) / _DAYS_PER_WEEK,
        "judged_otherwise": done.judged_otherwise,
        "history_since": done.history_since,
        "repeat_days": repeat_days,
        "policies": [_of_side(side, done, repeat_days) for side in done.sides],
        "changes": told_differences(own.protocol, others[0].protocol) if others else [],
        "only_under_one": [*only_under(own, others[0]), *only_under(others[0], own)] if others else [],
    }


def _of_side(side: Side, done: Replayed, repeat_days: int) -> dict[str, Any]:
    opened = opened_in(side.told)
    return {
        "protocol": side.protocol.identity,
        "stood_before": len(side.told) - len(opened),
        "rates": rates(opened, done.patient_days),
        "tier_1_per_ward_week": sum(one.tier == 1 for one in opened) * _DAYS_PER_WEEK / done.days,
        "repeats": share(len(repeats(side.told, repeat_days)), len(opened)),
        "repeats_by_rule": dict(sorted(Counter(one.rule for one in repeats(side.told, repeat_days)).items())),
        "ended": ended(side.told),
        "still_open": sum(one.ended_at is None for one in side.told),
    }


def opened_in(told: Iterable[Told]) -> list[Told]:
    """Those that opened in the replay."""
    return [one for one in told if not one.stood_before]


def rates(opened: Collection[Told], patient_days: Mapping[str, int]) -> list[dict[str, Any]]:
    """Alerts per patient-week: all of them, by tier, by rule; null where no patient was there for a day."""
    groups = {"all": list(opened)}
    groups |= {f"tier {tier}": [one for one in opened if one.tier == tier] for tier in words.TIERS}
    groups |= {rule: [one for one in opened if one.rule == rule] for rule in sorted({one.rule for one in opened})}
    return [{"of": name, "alerts": len(group), **per_week(group, patient_days)} for name, group in groups.items()]


def per_week(alerts: Collection[Told], patient_days: Mapping[str, int]) -> dict[str, float | None]:
    """So many alerts per patient-week, with its interval."""
    counts = Counter(one.patient_id for one in alerts)
    weeks = dict.fromkeys(counts, 0.0) | {name: days / _DAYS_PER_WEEK for name, days in patient_days.items()}
    total = sum(weeks.values())
    if not total:
        return {"per_patient_week": None, "low": None, "high": None}
    low, high = rate_interval(counts, weeks)
    return {"per_patient_week": len(alerts) / total, "low": low, "high": high}


def share(n: int, of: int) -> dict[str, Any]:
    """So many of so many, with the interval of the share; null of none."""
    low, high = exact_interval(n, of, 0.95) if of else (None, None)
    return {"n": n, "of": of, "share": n / of if of else None, "low": low, "high": high}


def repeats(told: Iterable[Told], repeat_days: float) -> list[Told]:
    """The alerts that opened in the replay, at most so many days after one of the same rule and subject had ended."""
    within, last, found = timedelta(days=repeat_days), dict[tuple[str, str], Told](), list[Told]()
    for one in sorted(told, key=lambda one: one.opened_at):
        before = last.get(one.about)
        is_back = before is not None and before.ended_at is not None and one.opened_at - before.ended_at <= within
        if is_back and not one.stood_before:
            found.append(one)
        last[one.about] = one
    return found


def ended(told: Iterable[Told]) -> list[dict[str, Any]]:
    """What ended alerts, by rule: resolved or closed, the cause as a code, how many."""
    counts = Counter((one.rule, one.end, one.cause or CLEAR) for one in told if one.end is not None)
    return [{"rule": r, "end": e, "cause": c, "alerts": n} for (r, e, c), n in sorted(counts.items())]


def only_under(one: Side, other: Side) -> list[dict[str, Any]]:
    """Subjects with an alert of a rule under the one policy and never under the other, with the first such alert."""
    there = {told.about for told in other.told}
    first: dict[tuple[str, str], Told] = {}
    for told in one.told:
        if told.about not in there:
            first.setdefault(told.about, told)
    return [
        {
            "under": one.protocol.identity,
            "rule": told.rule,
            "patient_id": told.patient_id,
            "compartment": told.compartment,
            "subject": told.subject,
            "tier": told.tier,
            "opened_at": told.opened_at.isoformat(),
        }
        for told in first.values()
    ]
