"""A dose below its band opens an alert about the drug, a late correction of the doses ends it, and the patient's page says both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cmvmon.run.asking.queries import listed_alerts
from cmvmon.run.nightly.night import nightly
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
