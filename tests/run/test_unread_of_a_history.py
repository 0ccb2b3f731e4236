"""A record of a result that could not be read, over nights: by what it says of its time and material, and by how it was loaded.

In use are two plasma results below the limit, of days 30 and 37; a file with the one record comes on day 40. On day 41 a third
plasma is taken. All made up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cmvmon.run.asking.quarantine_list import listed_quarantine
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.alerts import alert_store, stored_results
from cmvmon.shell.work.opening import open_site
from tests.patients import HEADERS
from tests.sites import day, drop, page_of, result, stay, text

RESULTS, PATIENT = "viral_load_results", "SYNTHETIC-1"
CAME = 40.0
RECORDS = """
    loaded as | material | collected | reported | about
    history   | plasma   | 2         | 2.2      | a sample of before the newest plasma that is used
    history   | bal      | 2         | 2.2      | old, and of a fluid of which nothing is used
    history   | plasma   | 39        | 39.2     | a sample of after it
    history   | plasma   | -         | 5        | known by when it was reported
    history   | plasma   | -         | -        | nothing is known of its time
    history   | murk     | 39        | 39.2     | recent, of nobody knows what
    live      | plasma   | 2         | 2.2      | an old row of an export
    live      | bal      | 2         | 2.2      | of a fluid of which nothing is used
    live      | murk     | 2         | 2.2      | old, of nobody knows what
    live      | plasma   | 39        | 39.2     | a sample of after it
    live      | plasma   | -         | -        | nothing is known of its time
    live      | plasma   | 12        | 5        | reported before it was collected: neither is believed
"""
# What `data_unfit` says and whether an alert of it stands, and what `suppressed` says of plasma, each night.
TOLD, QUIET, NOTHING, UNDATED = "alert open", "clear -", "none -", "not_assessable:time_unknown -"
OVER, ENDED = "none closed", "clear resolved"
HELD = "not_assessable:result_unread"
NIGHTS = {
    "history plasma 2": ((QUIET, "clear"), (QUIET, "clear"), (QUIET, "clear")),
    "history bal 2": ((NOTHING, "clear"), (NOTHING, "clear"), (NOTHING, "clear")),
    "history plasma 39": ((TOLD, HELD), (ENDED, "clear"), (ENDED, "clear")),
    "history plasma -5": ((NOTHING, "clear"), (NOTHING, "clear"), (NOTHING, "clear")),
    "history plasma --": ((UNDATED, HELD), (UNDATED, "clear"), (UNDATED, "clear")),
    "history murk 39": ((TOLD, HELD), (TOLD, "clear"), (OVER, "clear")),
    "live plasma 2": ((QUIET, "clear"), (QUIET, "clear"), (QUIET, "clear")),
    "live bal 2": ((TOLD, "clear"), (TOLD, "clear"), (OVER, "clear")),
    "live murk 2": ((TOLD, "clear"), (TOLD, "clear"), (OVER, "clear")),
    "live plasma 39": ((TOLD, HELD), (ENDED, "clear"), (ENDED, "clear")),
    "live plasma --": ((TOLD, HELD), (TOLD, "clear"), (OVER, "clear")),
    "live plasma 12": ((TOLD, HELD), (TOLD, "clear"), (OVER, "clear")),
}


def records() -> dict[str, list[str]]:
    """By their name in NIGHTS."""
    found = {}
    for line in RECORDS.strip().splitlines()[1:]:
        how, material, collected, reported, _ = cells = [cell.strip() for cell in line.split("|")]
        name = f"{how} {material} " + (f"{collected}" if collected != "-" else f"-{reported}")
        found[name] = cells
    return found


def test_every_record_has_its_nights() -> None:
    assert records().keys() == NIGHTS.keys()


@pytest.mark.parametrize("name", NIGHTS)
def test_what_is_said_of_the_patient_each_night(tmp_path: Path, name: str) -> None:
    how, material, collected, reported, _ = records()[name]
    drop(tmp_path, "icu_stays", [stay(PATIENT, affected="none")])
    drop(tmp_path, RESULTS, [result(PATIENT, at, "<35", specimen="plasma") for at in (30, 37)])
    nightly(tmp_path, as_of=day(38))
    times = {at: "" if at == "-" else text(day(float(at))) for at in (collected, reported)}
    line = f"{PATIENT},unread,{material},500000,{times[collected]},CMVQ,synthetic-pcr,kIU/mL,{times[reported]},F"
    load(tmp_path, line, is_history=how == "history")
    said = [_night(tmp_path, CAME + 0.5)]
    assert "record" in page_of(tmp_path, PATIENT)
    drop(tmp_path, RESULTS, [result(PATIENT, 41, "<35", specimen="plasma")], name="later.csv")
    said += [_night(tmp_path, at) for at in (41.5, 48.5)]
    assert tuple(said) == NIGHTS[name]
    assert len(listed_quarantine(tmp_path)) == 1  # whatever else is said, it waits for a person


def load(root: Path, line: str, *, is_history: bool) -> None:
    path = root / "given.csv"
    path.write_text(f"{HEADERS[RESULTS]}\n{line}\n", "utf-8")
    with open_site(root) as opened:
        take_in_file(opened, path, feed="synthetic", table=RESULTS, received_at=day(CAME), is_history=is_history)


def _night(root: Path, at: float) -> tuple[str, str]:
    nightly(root, as_of=day(at))
    with open_site(root) as opened, opened.reading() as connection:
        rows = stored_results.last_verdicts(connection, (PATIENT,)).to_dicts()
        alerts = [alert["state"] for alert in alert_store.alerts(connection) if alert["rule"] == "data_unfit"]
    told = [_said(row) for row in rows if row["rule"] == "data_unfit"] or ["none"]
    (quiet,) = (_said(row) for row in rows if row["rule"] == "suppressed" and row["compartment"] == "plasma")
    return f"{told[0]} {''.join(alerts) or '-'}", quiet


def _said(row: dict[str, Any]) -> str:
    return row["verdict"] if row["reason"] is None else f"{row['verdict']}:{row['reason']}"
