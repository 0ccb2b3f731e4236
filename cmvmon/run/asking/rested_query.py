"""What rested on the result that an alert says was taken back: which alerts, and who had answered them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from cmvmon.domain.rested import Rested
from cmvmon.domain.subjects import subject_key
from cmvmon.shell.alerts import rested_on
from cmvmon.shell.versions.links import links
from cmvmon.text import Language
from cmvmon.text.rested import rested_in_words


def rested(connection: sa.Connection, alert: Mapping[str, Any]) -> Rested | None:
    """What rested on the result that the alert is about, under every number of its patient; None: it is about no result."""
    result_id = subject_key(str(alert["subject"])).get("result_id")
    if result_id is None:
        return None
    evidence = json.loads(alert["evidence"])
    numbers = links(connection, as_of=alert["changed_at"], about=[alert["patient_id"]]).family([alert["patient_id"]])
    since, until = (evidence.get(name) for name in ("in_use_since", "taken_back_at"))
    n_judged = None
    if since is not None and until is not None:
        stood = {"since": datetime.fromisoformat(since), "until": datetime.fromisoformat(until)}
        n_judged = rested_on.n_judged(connection, numbers=numbers, **stood)
    return Rested(rested_on.alerts_on(connection, result_id, numbers=numbers), n_judged)


def of_open(connection: sa.Connection, alerts: Iterable[Mapping[str, Any]]) -> dict[str, Rested]:
    """By alert id, what rested on the result that it is about; alerts about something else are not among them."""
    about_results = [alert for alert in alerts if alert["subject_kind"] == "sample"]
    found = {alert["alert_id"]: rested(connection, alert) for alert in about_results}
    return {alert_id: one for alert_id, one in found.items() if one is not None}


def told(
    connection: sa.Connection, alert: Mapping[str, Any], spoken: Language, time_zone: str
) -> dict[str, Any] | None:
    """The same as values, and `says`: in words, a line each. None: the alert is about no result."""
    found = rested(connection, alert)
    if found is None:
        return None
    alerts = [{name: value for name, value in asdict(one).items() if name != "evidence"} for one in found.alerts]
    return {
        "assessments": found.n_judged,
        "alerts": alerts,
        "says": rested_in_words(found, spoken, time_zone=time_zone),
    }
