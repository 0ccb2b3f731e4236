"""What is said of a new rise follows from the protocol's own lines, each at its exact value, and in one order."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.text import language
from cmvmon.text.response import rebound_remark, rebound_sentence
from tests.patients import moment

PROTOCOL = Protocol.shipped()
ALARM = PROTOCOL.alarm_of("bal").probability_rebound
HARDLY = PROTOCOL.decline.not_met_probability
FIRST_LATE_WEEK = min(x.changes_at_weeks[-1] for x in PROTOCOL.trajectory_lines_of("bal") if x.change == "late")
CAN_RISE = moment(0) + FIRST_LATE_WEEK * timedelta(days=7)
LATE = CAN_RISE + timedelta(seconds=1)


def week(**other: Any) -> dict[str, Any]:
    """A row of `weekly_decline` from which a new rise can be told."""
    return {
        "compartment": "bal",
        "method": "bank",
        "status": "ok",
        "anchor_at": moment(0),
        "estimated_since": moment(0),
        "probability_rebound": HARDLY / 10,
        "mean_decline_log10_per_week": 0.8,
    } | other


@pytest.mark.parametrize(
    ("row", "last_used", "is_alerted", "remark"),
    [
        ({}, LATE, False, "unlikely"),
        ({"probability_rebound": ALARM}, LATE, False, "possible"),
        ({"probability_rebound": ALARM, "mean_decline_log10_per_week": -0.1}, LATE, False, "possible"),
        ({"probability_rebound": math.nextafter(ALARM, 0)}, LATE, False, "unlikely" if ALARM <= HARDLY else "below"),
        ({"mean_decline_log10_per_week": -1e-9}, LATE, False, "no_fall"),
        ({"mean_decline_log10_per_week": 0.0}, LATE, False, "unlikely"),
        ({"mean_decline_log10_per_week": None}, LATE, False, "unlikely"),
        ({}, CAN_RISE, False, "too_early"),
        ({}, None, False, "unlikely"),
        ({"estimated_since": moment(40)}, CAN_RISE, False, "after_gap"),
        ({"probability_rebound": None, "estimated_since": moment(40)}, LATE, False, "not_assessable"),
        ({"status": "suppressed"}, LATE, False, "not_assessable"),
        ({"status": "baseline_near_lloq"}, LATE, False, "unlikely"),
        ({"method": "line", "probability_rebound": None}, LATE, False, "not_computed"),
        ({"method": "line", "probability_rebound": None}, LATE, True, "alerted"),
        ({}, LATE, True, "alerted"),
    ],
)
def test_the_remark_on_a_new_rise(
    row: dict[str, Any], last_used: datetime | None, is_alerted: bool, remark: str
) -> None:
    given = {"last_used": last_used, "is_alerted": is_alerted, "protocol": PROTOCOL}
    assert rebound_remark(week(**row), **given) == remark
    said = {code: rebound_sentence(week(**row), language(code), **given) for code in ("nl", "en")}
    assert all(said.values())
    assert said["nl"] != said["en"]


def test_between_hardly_and_the_alarm_nothing_is_called_unlikely() -> None:
    """Where a site's alarm lies above its cut point for "hardly", there is a middle, and it begins just above that point."""
    key = PROTOCOL.prior_name_of("bal")
    alarm = replace(PROTOCOL.alarms[key], probability_rebound=HARDLY * 3)
    lax = replace(PROTOCOL, alarms={**PROTOCOL.alarms, key: alarm})
    for found, remark in ((HARDLY, "unlikely"), (math.nextafter(HARDLY, 1), "below"), (HARDLY * 3, "possible")):
        row = week(probability_rebound=found)
        assert rebound_remark(row, last_used=LATE, is_alerted=False, protocol=lax) == remark


def test_a_chance_just_below_the_alarm_is_not_written_as_the_alarm() -> None:
    row = week(probability_rebound=ALARM - 0.0004)
    said = rebound_sentence(row, language("en"), last_used=LATE, is_alerted=False, protocol=PROTOCOL)
    found, alarm = (float(number) for number in re.findall(r"([\d.]+)%", said))
    assert found < alarm
