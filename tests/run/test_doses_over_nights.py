"""A dose below its band opens an alert about the drug, a late correction of the doses ends it, and the patient's page says both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cmvmon.run.night import nightly
from cmvmon.run.queries import listed_alerts
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


def of_the_dose(root: Path) -> list[dict[str, Any]]:
    return [row for row in listed_alerts(root, every=True, lang="en") if row["rule"] == "exposure_low"]


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
    (alert,) = of_the_dose(tmp_path)
    assert (alert["state"], alert["tier"], alert["subject_kind"]) == ("open", 2, "drug")
    write(tmp_path, "doses_given", DOSES, doses(350), name="two.csv")
    nightly(tmp_path, as_of=day(4.2))
    (alert,) = of_the_dose(tmp_path)
    assert alert["state"] == "resolved"
