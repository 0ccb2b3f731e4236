"""The rules as they were judged before facts had a room: kept to hold the new engine to the same answers, side by side.

May be deleted once `tests/rules/test_same_as_before.py` says so no longer: the digest there then stands alone.
"""

from __future__ import annotations

import importlib
from datetime import datetime

import polars as pl

from cmvmon.domain.prepared import Prepared
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS
from cmvmon.protocol import Protocol
from tests.old_engine.rule import Rule, verdicts_of
from tests.old_engine.subjects import subjects

CODES = ("bal_at_local_line", "no_follow_up", "rebound", "slow_response", "suppressed")


def old_rules() -> tuple[Rule, ...]:
    """The five rules as they were, by code."""
    return tuple(importlib.import_module(f"{__name__}.{code}").RULE for code in CODES)


def old_verdicts(prepared: Prepared, *, protocol: Protocol, as_of: datetime) -> pl.DataFrame:
    """What the five rules said of the same results, clocks and declines: the columns of `verdicts` before."""
    begun = prepared.begun
    judged = subjects(
        patients=pl.concat([frame.select("patient_id") for frame in begun.frames()]).unique(),
        results=prepared.results,
        courses=begun.if_delivered(ANTIVIRAL_COURSES),
        unread_courses=begun.unread_of(ANTIVIRAL_COURSES),
        stays=begun.if_delivered(ICU_STAYS),
        clocks=prepared.clocks,
        weekly_decline=prepared.weekly_decline,
        concordance=prepared.concordance,
        protocol=protocol,
        as_of=as_of,
    )
    return pl.concat([verdicts_of(rule, judged, protocol=protocol) for rule in old_rules()])
