"""A dose below its band opens an alert about the drug, a late correction of the doses ends it, and the patient's page says both."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from cmvmon.episodes import ACKNOWLEDGE, Word
from cmvmon.run.asking.queries import listed_alerts
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.sites import course, day, drop, page_of, result, stay, text

PATIENT = "SYNTHETIC-1"
DOSES = "patient_id,drug,indication,administered,given_at,dose_mg,route,dosing_weight_kg"
KIDNEY = "patient_id,method,measured_at,kidney_value,unit,weight_kg,body_surface_m2"


def write(root: Path, table: str, header: str, lines: list[str], *, name: str) -> None:
    path = root / "drop" / "synthetic" / table / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    sites.lain_still(path)


def doses(mg: float) -> list[str]:
    return [f"{PATIENT},ganciclovir,treatment,given,{text(day(n / 2))},{mg:g},iv,70" for n in range(8)]


def of_a_dose(root: Path, rule: str = "exposure_low") -> list[dict[str, Any]]:
    return [row for row in listed_alerts(root, every=True, lang="en") if row["rule"] == rule]


def test_half_the_dose_is_told_until_it_is_corrected(tmp_path: Path) -> None:
    drop(tmp_path, "viral_load_results", [result(PATIENT, 0, 90000)])
    drop(tmp_path, "antiviral_courses", [course(PATIENT)])
    drop(tmp_path, "icu_stays", [stay(PATIENT)])
    write(tmp_path, "doses_given", DOSES, doses(175), name="one.csv")
    clearances = [f"{PATIENT},cockcroft_gault,{text(day(n))},80,mL/min,," for n in range(5)]
    write(tmp_path, "kidney_function", KIDNEY, clearances, name="one.csv")
    nightly(tmp_path, as_of=day(4.1))
    said = "Ganciclovir: 5 mg/kg in a day"
    assert said in page_of(tmp_path, PATIENT, "en")
    (alert,) = of_a_dose(tmp_path)
    assert (alert["state"], alert["tier"], alert["subject_kind"]) == ("open", 2, "drug")
    write(tmp_path, "doses_given", DOSES, doses(350), name="two.csv")
    nightly(tmp_path, as_of=day(4.2))
    (alert,) = of_a_dose(tmp_path)
    assert alert["state"] == "resolved"


def test_a_dose_above_its_band_stands_until_a_whole_day_below_it_was_delivered_and_then_steps_down(
    tmp_path: Path,
) -> None:
    """Twice the dose of the band for five days. The export of the sixth morning holds the night before, and none of that evening."""
    drop(tmp_path, "viral_load_results", [result(PATIENT, 0, 90000)])
    drop(tmp_path, "antiviral_courses", [course(PATIENT)])
    drop(tmp_path, "icu_stays", [stay(PATIENT)])
    clearances = [f"{PATIENT},cockcroft_gault,{text(day(n))},60,mL/min,," for n in range(11)]
    write(tmp_path, "kidney_function", KIDNEY, clearances, name="one.csv")
    write(tmp_path, "doses_given", DOSES, doses(350), name="one.csv")
    nightly(tmp_path, as_of=day(4.1))
    assert [alert["state"] for alert in of_a_dose(tmp_path, "exposure_high")] == ["open"]
    morning = [f"{PATIENT},ganciclovir,treatment,given,{text(day(4.0))},350,iv,70"]
    write(tmp_path, "doses_given", DOSES, morning, name="two.csv")
    nightly(tmp_path, as_of=day(4.2))
    nightly(tmp_path, as_of=day(5.1))  # no export came: of the evening of day 4 nothing is known yet
    assert [alert["state"] for alert in of_a_dose(tmp_path, "exposure_high")] == ["open"]
    halved = [f"{PATIENT},ganciclovir,treatment,given,{text(day(4.5 + n / 2))},175,iv,70" for n in range(11)]
    write(tmp_path, "doses_given", DOSES, halved[:4], name="three.csv")
    nightly(tmp_path, as_of=day(6.1))
    assert [(alert["state"], alert["tier"]) for alert in of_a_dose(tmp_path, "exposure_high")] == [("open", 3)]
    write(tmp_path, "doses_given", DOSES, halved[4:], name="four.csv")
    nightly(tmp_path, as_of=day(9.1))  # three days in order, and one more
    assert [alert["state"] for alert in of_a_dose(tmp_path, "exposure_high")] == ["resolved"]


REPLACEMENT = "patient_id,modality,started_at,stopped_at,effluent_ml_per_h,anticoagulant"
# Ganciclovir for 70 kg, clearance 80 mL/min beside haemofiltration: the dose and how often, then night by night what runs and the alerts
# of exposure_low and exposure_high. For 72 hours after it stopped no band is known, which neither opens nor ends an alert.
ON_AND_OFF = {
    "the full dose, which is too much while haemofiltration runs": """
    350 mg every 12 h, haemofiltration 4-8
    night | runs | low  | high
    3.1   | no   | -    | -
    4.1   | yes  | -    | -
    6.1   | yes  | -    | open
    7.1   | yes  | -    | open
    8.1   | no   | -    | open
    10.1  | no   | -    | open
    11.1  | no   | -    | open
    12.1  | no   | -    | resolved
    """,
    "the dose of haemofiltration, which is too little once it has stopped for three days": """
    175 mg every 24 h, haemofiltration -1-6
    night | runs | low  | high
    3.1   | yes  | -    | -
    6.1   | no   | -    | -
    8.1   | no   | -    | -
    10.1  | no   | -    | -
    11.1  | no   | open | -
    13.1  | no   | open | -
    """,
    "off for three hours: it counts as running": """
    175 mg every 24 h, haemofiltration -1-3, haemofiltration 3.125-20
    night | runs | low  | high
    3.1   | no   | -    | -
    6.1   | yes  | -    | -
    8.1   | yes  | -    | -
    """,
}


@pytest.mark.parametrize("story", ON_AND_OFF)
def test_alerts_of_a_dose_while_haemofiltration_goes_on_and_off(tmp_path: Path, story: str) -> None:
    told, _, *lines = ON_AND_OFF[story].strip().splitlines()
    dose, *periods = told.strip().split(", ")
    mg, every_h = int(dose.split()[0]), int(dose.split()[3])
    spans = [tuple(float(at) for at in re.fullmatch(r"\w+ (-?[\d.]+)-([\d.]+)", one).groups()) for one in periods]  # type: ignore[union-attr]
    drop(tmp_path, "viral_load_results", [result(PATIENT, 0, 90000)])
    drop(tmp_path, "antiviral_courses", [course(PATIENT)])
    drop(tmp_path, "icu_stays", [stay(PATIENT)])
    found, expected = [], []
    for line in lines:
        night, runs, *alerts = (cell.strip() for cell in line.split("|"))
        now = float(night)
        begun = [(start, stop) for start, stop in spans if start <= now]
        assert any(start <= now < stop for start, stop in begun) == (runs == "yes")
        ends = [(text(day(start)), text(day(stop)) if stop <= now else "") for start, stop in begun]
        lines_of = [f"{PATIENT},cvvhdf,{start},{stop},2000,none" for start, stop in ends]
        given = [n * every_h / 24 for n in range(200) if n * every_h / 24 < now]
        bags = [f"{PATIENT},ganciclovir,treatment,given,{text(day(at))},{mg},iv,70" for at in given]
        clearances = [f"{PATIENT},cockcroft_gault,{text(day(n))},80,mL/min,," for n in range(int(now) + 1)]
        write(tmp_path, "renal_replacement", REPLACEMENT, lines_of, name=f"{night}.csv")
        write(tmp_path, "doses_given", DOSES, bags, name=f"{night}.csv")
        write(tmp_path, "kidney_function", KIDNEY, clearances, name=f"{night}.csv")
        assert sum(one.quarantined for one in nightly(tmp_path, as_of=day(now)).taken_in.counted) == 0
        found.append([night, *(_states(tmp_path, rule) for rule in ("exposure_low", "exposure_high"))])
        expected.append([night, *alerts])
    assert found == expected


def _states(root: Path, rule: str) -> str:
    return ", ".join(alert["state"] for alert in of_a_dose(root, rule)) or "-"


# The dose as it was delivered before each night, for every bag of that long ago too; half of 350 mg is too little.
CORRECTED = {
    "corrected upwards, after somebody had acknowledged": ("175 open; 175 acknowledge open; 350 resolved", 1),
    "corrected downwards: an alert, though these days are past": ("350 -; 175 open", 1),
    "corrected twice: what is true now": ("175 open; 350 resolved; 175 resolved+open", 2),
    "delivered again as it was": ("175 open; 175 open", 1),
}


@pytest.mark.parametrize("story", CORRECTED)
def test_a_late_correction_of_doses_is_judged_in_the_next_night(tmp_path: Path, story: str) -> None:
    nights, n_alerts = CORRECTED[story]
    drop(tmp_path, "viral_load_results", [result(PATIENT, 0, 90000)])
    drop(tmp_path, "antiviral_courses", [course(PATIENT)])
    drop(tmp_path, "icu_stays", [stay(PATIENT)])
    clearances = [f"{PATIENT},cockcroft_gault,{text(day(n))},80,mL/min,," for n in range(5)]
    write(tmp_path, "kidney_function", KIDNEY, clearances, name="one.csv")
    for n, night in enumerate(nights.split("; ")):
        mg, *answer, states = night.split()
        write(tmp_path, "doses_given", DOSES, doses(float(mg)), name=f"{n}.csv")
        if answer:
            (alert,) = of_a_dose(tmp_path)
            with open_site(tmp_path) as opened, opened.writing() as connection:
                assert alert_store.answer(connection, alert["alert_id"], Word(ACKNOWLEDGE, day(4.15), actor="dr. A"))
        nightly(tmp_path, as_of=day(4.1 + n / 10))
        assert "+".join(alert["state"] for alert in of_a_dose(tmp_path)) == states.strip("-")
    assert len(of_a_dose(tmp_path)) == n_alerts
