"""Plays the nights of a made-up hospital through the program, and compares what the site says with the model after each."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl

from cmvmon.data_contracts import gate
from cmvmon.domain.delivered import BY_NAME
from cmvmon.domain.results import VERDICTS
from cmvmon.domain.words import OPERATIONS
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.alerts import alert_store, stored_results
from cmvmon.shell.as_known import known
from cmvmon.shell.store import session
from cmvmon.shell.waiting import quarantine
from cmvmon.shell.work.opening import open_site
from tests.year.alerts import BAL, NO_FOLLOW_UP, Alerts
from tests.year.files import new_site, put, state_policy
from tests.year.mishaps import nights
from tests.year.model import Unit
from tests.year.records import Night


@dataclass
class Year:
    """What came of it. `differences`: in words, each with its night. `happened`: how often each kind of mishap did.

    `compared`: how many single facts were held against the model, by kind.
    """

    differences: list[str] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    compared: Counter[str] = field(default_factory=Counter)
    n_waiting: list[int] = field(default_factory=list)
    n_alerts_opened: int = 0


@dataclass(frozen=True)
class Site:
    """What the site says after a night. `waiting`: how many records wait in quarantine, each once."""

    in_bed: frozenset[str]
    treated: dict[str, str]
    left: frozenset[str]
    alerted: frozenset[tuple[str, str]]
    waiting: int


def play(root: Path, seed: int, n: int, *, told: Callable[[str], None] = lambda line: None) -> Year:
    """`n` nights from an empty site at `root`. `told` is given each difference as it is found."""
    new_site(root)
    year, unit, alerts, last = Year(), Unit(), Alerts(), None
    before = frozenset[tuple[str, str]]()
    for night in nights(seed, n):
        for file in night.files:
            put(root, file)
        if night.policy.label != "icu_cmv_2024.12":
            state_policy(root, night.policy)
        at = _recorded(root, night)
        unit.take_in(night.files, max(night.at, at if last is None else min(at, last)))
        site, last = read(root, at), at
        year.happened.update(night.happened)
        year.n_waiting.append(site.waiting)
        year.n_alerts_opened += len(site.alerted - before)
        before = site.alerted
        for difference in compare(site, unit, alerts, at, night, year.compared):
            year.differences.append(f"night {night.number}: {difference}")
            told(year.differences[-1])
    return year


def _recorded(root: Path, night: Night) -> datetime:
    """Runs the night; the moment under which it was recorded."""
    if night.clock is None:
        return nightly(root, as_of=night.at).assessed.as_of
    with clock_at(night.clock):
        return nightly(root).assessed.as_of


@contextmanager
def contracts_by_polars() -> Iterator[None]:
    """Every promise is judged as for a live delivery: the same contracts, without Great Expectations."""
    real = gate.gate
    gate.gate = gate.live_gate
    try:
        yield
    finally:
        gate.gate = real


@contextmanager
def clock_at(moment: datetime) -> Iterator[None]:
    """Every module that reads the program's clock reads that moment."""
    real = session.now
    readers = [module for module in list(sys.modules.values()) if getattr(module, "now", None) is real]
    try:
        for module in readers:
            vars(module)["now"] = lambda: moment
        yield
    finally:
        for module in readers:
            vars(module)["now"] = real


def read(root: Path, at: datetime) -> Site:
    """Out of the store: what was recorded of that night."""
    with open_site(root) as opened, opened.reading() as connection:
        verdicts = stored_results.stored(connection, VERDICTS, as_of=at).filter(pl.col("rule") == NO_FOLLOW_UP)
        stays = known.known_table(connection, BY_NAME["icu_stays"], as_of=at)
        alerts = alert_store.alerts(connection, states={"open"})
        waiting = len(quarantine.waits(connection, as_of=at))
    begun = None if stays is None else BY_NAME["icu_stays"].begun(stays, at)
    is_open = [] if begun is None else begun.filter(pl.col("discharged_at").is_null())["patient_id"].to_list()
    facts = {row["patient_id"]: json.loads(row["evidence"]) for row in verdicts.to_dicts()}
    return Site(
        in_bed=frozenset(is_open),
        treated={patient: fact["treatment"] for patient, fact in facts.items()},
        left=frozenset(patient for patient, fact in facts.items() if fact["is_discharged"]),
        alerted=frozenset((one["rule"], one["patient_id"]) for one in alerts if one["rule"] != OPERATIONS),
        waiting=waiting,
    )


def compare(
    site: Site, unit: Unit, alerts: Alerts, at: datetime, night: Night, compared: Counter[str]
) -> Iterator[str]:
    """Each difference in words, and how many facts were compared."""
    in_bed, left, patients = unit.in_bed(at), unit.left(at), unit.patients(at)
    yield from _sets("in bed", site.in_bed, in_bed)
    yield from _sets("left", site.left, left)
    yield from _sets("judged", set(site.treated), patients)
    for patient in sorted(patients & site.treated.keys()):
        said = unit.treatment(patient, at)
        if site.treated[patient] != said:
            yield f"{patient} treated: the site says {site.treated[patient]}, the model {said}"
    expected = alerts.after(unit, at, night.policy)
    restated = {alert for alert in site.alerted if alert[0] in (NO_FOLLOW_UP, BAL)}
    yield from _sets("alerts", {" ".join(one) for one in restated}, {" ".join(one) for one in expected})
    may_not = set(unit.merged(at))
    for rule, patient in sorted(site.alerted):
        if patient in may_not or patient not in patients:
            yield f"an alert of {rule} stands about {patient}, who goes on under another number, or of whom nothing is known"
    if site.waiting > (waits := unit.n_waiting()):
        yield f"{site.waiting} records wait in quarantine, the model says {waits}"
    compared.update({"in bed": len(in_bed), "treated": len(patients), "alerts": len(expected), "nights": 1})


def _sets(what: str, site: set[str] | frozenset[str], model: set[str]) -> Iterator[str]:
    if site != model:
        yield f"{what}: only the site {sorted(site - model)}, only the model {sorted(model - site)}"
