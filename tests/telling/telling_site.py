"""A site whose alerts are put into its store one by one, and a notify.toml that names servers on loopback."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cmvmon import episodes
from cmvmon.answers import Worse
from cmvmon.domain.results import VERDICTS
from cmvmon.domain.subjects import subject_text
from cmvmon.episodes import Word
from cmvmon.run.nightly.night import take_in_step
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.alerts.alert_ends import Ends
from cmvmon.shell.work.opening import open_site
from tests.sites import day, drop, stay

BEGUN = day(0)
PATIENTS = {"SYNTHETIC-A": ("ICU-A", "S-01"), "SYNTHETIC-B": ("ICU-A", "S-02"), "SYNTHETIC-C": ("ICU-B", "S-03")}

NOTIFY = """
link_base = "https://cmv.example/pages"
language = "en"
wards = ["ICU-A"]
tier_1_to = ["team"]
work_to = ["data"]
escalate_to = ["head"]
quiet_from = "22:00"
quiet_until = "07:00"
{more}
[channels.team]
kind = "smtp"
host = "127.0.0.1"
port = {port}
security = "none"
from = "cmvmon@hospital.example"
to = "team@hospital.example"
[channels.head]
kind = "smtp"
host = "127.0.0.1"
port = {port}
security = "none"
from = "cmvmon@hospital.example"
to = "head@hospital.example"
[channels.data]
kind = "file"
path = "told.ndjson"
[channels.chat]
kind = "webhook"
form = "mattermost"
url = "{hook}/hooks/x"
[[routes]]
tier = 2
to = ["chat"]
{routes}
"""


def a_ward(root: Path) -> Path:
    """Stays of three patients on two wards, taken in at BEGUN; nobody was assessed."""
    drop(root, "icu_stays", [stay(patient, ward=ward, bed=bed) for patient, (ward, bed) in PATIENTS.items()])
    take_in_step(root, as_of=BEGUN)
    return root


def notify(root: Path, *, port: int = 1, hook: str = "http://127.0.0.1:1", more: str = "", routes: str = "") -> None:
    """Writes notify.toml. `more`: lines above its channels; `routes`: tables beneath them."""
    text = NOTIFY.format(port=port, hook=hook, more=more, routes=routes)
    (root / "notify.toml").write_text(text, encoding="utf-8")


def judged(root: Path, at: datetime) -> None:
    """A night in which everybody is judged, and no rule alerts on anybody."""
    with open_site(root) as opened, opened.writing() as connection:
        ends = Ends(
            cause_of=lambda _: "no_longer_known",
            became_of=lambda _: {},
            left=(),
            worse=Worse(0.5, 1.0),
            goes_on_within={},
        )
        alert_store.record(connection, [], stamp=opened.stamp(at), scope="all", patients=[], ends=ends)


def says(root: Path, patient: str, verdict: str, at: datetime, *, tier: int = 1, rule: str = "response") -> None:
    """What a rule says of a patient at that moment, recorded as an assessment records it."""
    key = {"patient_id": patient, "compartment": "bal", "laboratory": "lab", "assay": "pcr"}
    row: dict[str, Any] = dict.fromkeys(VERDICTS.schema) | {
        "subject_kind": "series",
        "subject": subject_text("series", key),
        "patient_id": patient,
        "compartment": "bal",
        "rule": rule,
        "verdict": verdict,
        "tier": tier if verdict == "alert" else None,
        "evidence": "{}",
        "as_of": at,
        "protocol_version": "p",
    }
    with open_site(root) as opened, opened.writing() as connection:
        ends = Ends(
            cause_of=lambda _: "no_longer_known",
            became_of=lambda _: {},
            left=(),
            worse=Worse(0.5, 1.0),
            goes_on_within={},
        )
        stamp, scope = opened.stamp(at), f"{patient} {at.isoformat()}"
        alert_store.record(connection, [row], stamp=stamp, scope=scope, patients=[patient], ends=ends)


def acknowledged(root: Path, patient: str, at: datetime, *, says: str = episodes.ACKNOWLEDGE) -> None:
    """Somebody acknowledges the patient's open alert, or `says` something else of it; a snooze is for a week."""
    with open_site(root) as opened, opened.writing() as connection:
        (alert,) = (one for one in alert_store.alerts(connection, states={"open"}) if one["patient_id"] == patient)
        event = alert_store.answer(
            connection, alert["alert_id"], Word(says, at, actor="dr", until=at + timedelta(days=7))
        )
        assert event is not None
