"""Two nights begun at once, and a night while results come in: programs of their own on one site, on either database."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests import calls, sites
from tests.sites import drop, falling, land, result, rows, text

MOMENT = text(sites.day(21.5))
_EVENTS = "SELECT patient_id, rule, state, sequence FROM alert_events ORDER BY patient_id, rule, sequence"
_NOT_SAID = ("locked", "deadlock", "could not serialize", "Traceback")


def begun(*words: str, site: Path) -> subprocess.Popen[str]:
    """That command as a program of its own, which is at work when this returns."""
    line = [str(calls.CMVMON), *words, "--site", str(site)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def ended(program: subprocess.Popen[str]) -> tuple[int, str]:
    """Its code and what it said."""
    try:
        said, _ = program.communicate(timeout=240)
    finally:
        program.kill()
    assert not [word for word in _NOT_SAID if word in said], said
    return program.returncode, said


def test_of_two_nights_begun_at_once_the_second_waits_and_says_nothing_twice(site: Path) -> None:
    sites.ward_of_three(site)
    nights = [begun("nightly", "--as-of", MOMENT, site=site) for _ in range(2)]
    assert [ended(night)[0] for night in nights] == [0, 0]
    found = rows(site, _EVENTS)
    assert found
    assert {row[3] for row in found} == {1}, "no alert was opened, updated or ended by the second one"
    assert rows(site, "SELECT COUNT(*) FROM deliveries") == [(3,)], "each file was taken in once"
    assert len({row[:2] for row in found}) == len(found)


def test_a_night_while_results_land_finishes_and_every_result_is_there(site: Path) -> None:
    sites.ward_of_three(site)
    assert ended(begun("nightly", "--as-of", MOMENT, site=site))[0] == 0
    drop(site, "viral_load_results", falling("SYNTHETIC-NEW", 0.2), name="new.csv")
    later = text(sites.day(22.5))
    night = begun("nightly", "--as-of", later, site=site)
    landed = 0
    while night.poll() is None and landed < 40:
        line = result(f"SYNTHETIC-L{landed:03}", 20, 1000 + landed, accession=f"L{landed}")
        land(site, "viral_load_results", [line], at=sites.day(22.4))
        landed += 1
    code, _ = ended(night)
    assert code == 0
    assert landed > 3, "results came while the night was at work"
    assert ended(begun("nightly", "--as-of", text(sites.day(23.5)), site=site))[0] == 0
    patients = rows(site, "SELECT DISTINCT patient_id FROM viral_load_results")
    assert len([one for (one,) in patients if one.startswith("SYNTHETIC-L")]) == landed
