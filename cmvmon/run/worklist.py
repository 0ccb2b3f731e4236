"""What waits for whom: alerts that nobody has answered, by who owns their rule, and samples that are expected, by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from cmvmon.domain import words
from cmvmon.protocol import Protocol
from cmvmon.run import ward_list
from cmvmon.run.queries import listed_alerts
from cmvmon.shell.session import open_site
from cmvmon.shell.site import Site
from cmvmon.text import language

OF_THE_WORK = "data team"  # for whom an alert about the work itself waits: no stanza of the protocol owns it


@dataclass(frozen=True)
class Worklist:
    """What waits at one moment.

    Attributes:
        alerts: open ones that nobody acknowledged, or whose snooze is over: `for_whom`, and as `alerts list` shows them; by
            for whom, tier and age.
        samples: `due_on` (a date of the site's zone), `patient_id`, `compartment`, `newest_collected_at`, `is_overdue`; of every
            load of a patient on the ward's list that a rule watches, by date.
    """

    alerts: list[dict[str, Any]]
    samples: list[dict[str, Any]]


def worklist(root: Path, *, as_of: datetime, for_whom: str | None = None, lang: str | None = None) -> Worklist:
    """What waits at that moment, by what was judged last; with `for_whom`, the alerts of that owner alone.

    A sample is expected `[answers] next_sample_days` after the newest of its compartment. Samples that were ordered and not
    resulted are not known here. Nothing is recorded.
    """
    zone = ZoneInfo(Site(root).require().settings().time_zone)
    with open_site(root) as opened:
        ward = ward_list.stored_list(opened, as_of=as_of, urgent=set())
        protocol = opened.protocol
    spoken = language(lang or Site(root).settings().language)
    rows = [
        row | {"for_whom": _owner(row["rule"], protocol), "title": spoken.say(f"rule.{row['rule']}")}
        for row in listed_alerts(root, every=False, lang=lang)
        if _waits(row, as_of)
    ]
    mine = [row for row in rows if for_whom is None or for_whom.lower() in row["for_whom"].lower()]
    days = timedelta(days=protocol.answers.next_sample_days)
    newest = (
        ward.results.join(ward.watched, on=["patient_id", "compartment"], how="semi")
        .group_by("patient_id", "compartment")
        .agg(newest_collected_at=pl.col("collected_at").max())
        .sort("newest_collected_at", "patient_id", "compartment")
    )
    samples = [
        row | {"due_on": (row["newest_collected_at"] + days).astimezone(zone).date().isoformat()}
        | {"is_overdue": row["newest_collected_at"] + days < as_of}
        for row in newest.to_dicts()
    ]  # fmt: skip
    return Worklist(sorted(mine, key=lambda row: (row["for_whom"], row["tier"], row["opened_at"])), samples)


def _waits(row: dict[str, Any], as_of: datetime) -> bool:
    if row["standing"] == words.SNOOZED:
        return datetime.fromisoformat(row["until"]) <= as_of
    return bool(row["standing"] != words.ACKNOWLEDGED)


def _owner(rule: str, protocol: Protocol) -> str:
    """Who owns the rule's stanza in the protocol, and so has to answer for what it says."""
    return protocol.rules[rule].provenance.owner if rule in protocol.rules else OF_THE_WORK
