"""What the pages say of an answered alert: who, when, until when, or why it was reopened; in few words, in both languages."""

from __future__ import annotations

from typing import Any

import pytest

from cmvmon.dashboards.views import WardRow
from tests.pages import made_up, made_up_ward
from tests.pages.made_up import AS_OF, alert, alerts, day, slow_evidence
from tests.pages.test_what_pages_say import patient, ward

ANSWERED: dict[str, Any] = {"answered_by": "dr. A <b>", "answered_at": day(20)}
# how the alert stands, and what is said of it in Dutch and in English; None: nothing
CASES: dict[str, tuple[dict[str, Any], str | None, str | None]] = {
    "new": ({"standing": "new"}, None, None),
    "somebody was told": ({"standing": "notified"}, None, None),
    "seen": ({"standing": "seen"}, "gezien", "seen"),
    "acknowledged": (
        {"standing": "acknowledged"} | ANSWERED,
        "bevestigd door dr. A <b>, 21-11-2026 07:00",
        "acknowledged by dr. A <b>, 21 Nov 2026 07:00",
    ),
    "snoozed": (
        {"standing": "snoozed", "until": day(24)} | ANSWERED,
        "opzij gezet door dr. A <b> tot 25-11-2026 07:00",
        "set aside by dr. A <b> until 25 Nov 2026 07:00",
    ),
    "a snooze that is over, which no night has recorded": ({"standing": "snoozed", "until": AS_OF} | ANSWERED, None, None),
    "reopened": (
        {"standing": "new", "cause": "worse"},
        "heropend: het werd erger na het antwoord",
        "reopened: it got worse after the answer",
    ),
    "somebody's answer holds no longer": (
        {"standing": "new", "cause": "worse", "tells": "dr. A <b>"},
        "beantwoord door dr. A <b>, heropend: het werd erger na het antwoord",
        "answered by dr. A <b>, reopened: it got worse after the answer",
    ),
    "taken over": (
        {"standing": "new", "cause": "taken_over"},
        "overgenomen van een nummer dat met dit nummer is samengevoegd",
        "taken over from a number that was merged into this one",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_both_pages_say_how_an_alert_stands(case: str) -> None:
    how, dutch, english = CASES[case]
    one = alerts(alert("response", 2, slow_evidence(), **how))
    row = WardRow("SYNTHETIC-0001", "ICU-SYN", "7", "p1.html", one.to_dicts(), (), ())
    for code, said in (("nl", dutch), ("en", english)):
        on_ward = ward(made_up_ward.ward(rows=(row,)), code)
        on_page = patient(made_up.slow_patient(open_alerts=one), code)
        if said is None:
            assert "dr. A" not in on_ward + on_page
            assert not any(word in on_ward + on_page for word in ("heropend", "reopened", "gezien", "(seen"))
        else:
            assert f"; {said})." in on_ward
            assert f"{said[:1].upper()}{said[1:]}." in on_page
