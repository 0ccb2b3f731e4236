"""The one small language in which tests make a patient; days count from day 0 = 2026-03-01 08:00 UTC.

    results   `bal d0 1000000, d7 <200; plasma d0 nd`    value in IU/mL, `<LLOQ` (detected), `nd` (not detected), `>ULOQ`;
              `9000~300` (reported as 9,000, corrected to 300), `clash` (two values under one number and report time),
              `nd?` (limits of the assay not known), `bal@other d0 5000` (of the laboratory `other`), `9000~withdrawn+3`
              (known 0.2 days after it was taken, withdrawn 3 days after), `9000~elsewhere+3` (then said to be of another
              patient), `9000~withdrawn+3~released+5` (corrected, and a person let it stand again); without `+3` no moment of
              receipt is known
    courses   `ganciclovir d0-d14`, `ganciclovir d0-` (runs), `ganciclovir(prophylaxis) d0-`, `ganciclovir(?) d0-`
              (intent unknown), `a d0-d3!toxicity` (why it was stopped), `a d0-d3; b d3-` (two), `-` (table delivered, no
              row), `never` (table never delivered)
    hosts     `solid_organ_transplant d-30-`, `previously_immunocompetent d0-d5` (until then), two joined by `;`, `never`
    reports   `d5-d9 UL97 A594V ganciclovir=resistant foscarnet=susceptible` (asked for on day 5, reported on day 9),
              `d5-d9 UL54 none`, `d5- requested`, `d5-d9 failed`, `d5-d20 culture phenotype ganciclovir=reduced`,
              `d5-d9 in:bal UL97 A594V` (else plasma), two joined by `;`, `never`; one start is one request
    stays     `d-3- bal` (open; stated affected), `d-3-d20`, `d-3- none` (stated none), `d-3-d2 / d5-` (two), `never`;
              `d-3- bal ~d-2-d10` (ventilated from day -2 to 10), `~d-2-@tracheostomy` (its kind)

`known` gives what an assessment reads; `lines` gives the lines of a delivered CSV file. All synthetic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from cmvmon.domain.birth_dates import BIRTH_DATES
from cmvmon.domain.columns import RowType
from cmvmon.domain.deaths import DEATHS
from cmvmon.domain.doses_given import DOSES_GIVEN
from cmvmon.domain.host_status import HOST_STATUS
from cmvmon.domain.kidney_function import KIDNEY_FUNCTION
from cmvmon.domain.known import Known
from cmvmon.domain.patient_links import PATIENT_LINKS
from cmvmon.domain.resistance import CHANGE, GENES
from cmvmon.domain.resistance_reports import RESISTANCE_REPORTS, as_reported
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.domain.samples_ordered import SAMPLES_ORDERED

DAY_0 = datetime(2026, 3, 1, 8, tzinfo=UTC)
PATIENT = "SYNTHETIC-0001"
WITHDRAWN, ELSEWHERE, RELEASED = "withdrawn", "elsewhere", "released"
LIMITS = dict.fromkeys(("plasma", "whole_blood", "serum"), (17.5, 35.0, 10000000.0)) | {"bal": (100.0, 200.0, 1e8)}
HEADERS = {
    VIRAL_LOAD_RESULTS.name: "patient_id,accession_number,specimen,value,collected_at,test,assay,unit,reported_at,status",
    ANTIVIRAL_COURSES.name: "patient_id,drug,indication,dose_mg,dose_mg_per_kg,interval_h,route,started_at,stopped_at",
    ICU_STAYS.name: "stay_id,patient_id,admitted_at,discharged_at,ward,bed,ventilation_started_at,ventilation_stopped_at,"
    "affected_compartments",
    PATIENT_LINKS.name: "patient_id,merged_into,merged_at,ended_at,source",
    DOSES_GIVEN.name: "patient_id,drug,indication,administered,given_at,dose_mg,route,dosing_weight_kg",
    SAMPLES_ORDERED.name: "patient_id,order_number,compartment,ordered_at,state,collected_at,stated_at,stated_by",
    KIDNEY_FUNCTION.name: "patient_id,method,measured_at,kidney_value,unit,weight_kg,body_surface_m2",
    BIRTH_DATES.name: "patient_id,born_on,stated_at",
    DEATHS.name: "patient_id,died_at,died_on,says,stated_at",
}


@dataclass(frozen=True)
class Sample:
    """One reported value. `text` is the value as written, without `?`; `version` counts the reports under one number; `received`
    days after it was collected."""

    compartment: str
    laboratory: str
    number: int
    day: float
    text: str
    version: int
    status: str
    limits_known: bool
    received: float | None = None


@dataclass(frozen=True)
class Course:
    drug: str
    indication: str | None
    started: datetime
    stopped: datetime | None
    reason: str | None = None


@dataclass(frozen=True)
class Stay:
    number: int
    admitted: datetime
    discharged: datetime | None
    stated: str
    ventilated: tuple[datetime | None, datetime | None] = (None, None)
    kind: str | None = None


def moment(day: float) -> datetime:
    """The moment of a day since day 0."""
    return DAY_0 + timedelta(days=day)


def iso(at: datetime) -> str:
    """As a delivered file writes it, such as 2026-03-01T08:00:00Z."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def samples(text: str) -> Iterator[Sample]:
    """The results of one patient, in the order written."""
    for series in (part.strip() for part in text.split(";")):
        if series in ("", "-"):
            continue
        name, reported = series.split(" ", 1)
        compartment, _, laboratory = name.partition("@")
        for number, sample in enumerate(reported.split(",")):
            day, value = sample.split()
            for version, (said, status, received) in enumerate(_versions(value)):
                at = float(day.removeprefix("d"))
                is_limited = not said.endswith("?")
                yield Sample(
                    compartment, laboratory, number, at, said.rstrip("?"), version, status, is_limited, received
                )


def courses(text: str) -> Iterator[Course]:
    """The courses of one patient."""
    for part in text.split(";") if text not in ("-", "never") else ():
        drug, given = part.split()
        span, _, reason = given.partition("!")
        name, _, intent = drug.partition("(")
        indication = {"": "treatment", "?": None}.get(intent.rstrip(")"), intent.rstrip(")"))
        yield Course(name, indication, *_span(span), reason or None)


def stays(text: str) -> Iterator[Stay]:
    """The stays of one patient."""
    for number, part in enumerate(text.split("/") if text not in ("-", "never") else ()):
        said, _, breathing = part.partition("~")
        ventilated, _, kind = breathing.partition("@")
        span, _, stated = said.strip().partition(" ")
        yield Stay(
            number,
            *_span(span),
            stated.strip(),
            _span(ventilated.strip()) if ventilated else (None, None),
            kind.strip() or None,
        )


def known(
    results: str,
    *,
    courses: str = "never",
    stays: str = "never",
    hosts: str = "never",
    answered: str = "-",
    reports: str = "never",
    patient: str = PATIENT,
) -> Known:
    """What an assessment reads of one patient, as it would come from a store.

    `answered`: the results for which somebody answered, such as `csf0`; `-`: nobody did; `never`: that is not known.
    """
    ids = None if answered == "never" else [f"lab:{name}:cmv_dna" for name in answered.split() if name != "-"]
    return Known.of(
        {
            VIRAL_LOAD_RESULTS: results_frame(results, patient=patient),
            ANTIVIRAL_COURSES: courses_frame(courses, patient=patient),
            ICU_STAYS: stays_frame(stays, patient=patient),
            HOST_STATUS: hosts_frame(hosts, patient=patient),
            RESISTANCE_REPORTS: reports_frame(reports, patient=patient),
        },
        answered=None if ids is None else pl.DataFrame({"result_id": ids}, schema={"result_id": pl.String}),
    )


def results_frame(text: str, *, patient: str = PATIENT) -> pl.DataFrame:
    """Every reported version, limits those of the compartment's made-up assay."""
    return _frame(VIRAL_LOAD_RESULTS, [_result_row(sample, patient) for sample in samples(text)])


def courses_frame(text: str, *, patient: str = PATIENT) -> pl.DataFrame | None:
    """None = never delivered."""
    if text == "never":
        return None
    rows = [
        {
            "patient_id": patient,
            "drug": course.drug,
            "indication": course.indication,
            "route": "iv",
            "started_at": course.started,
            "stopped_at": course.stopped,
            "stop_reason": course.reason,
        }
        for course in courses(text)
    ]
    return _frame(ANTIVIRAL_COURSES, rows)


def hosts_frame(text: str, *, patient: str = PATIENT) -> pl.DataFrame | None:
    """None = never delivered."""
    if text == "never":
        return None
    rows = []
    for part in text.split(";") if text != "-" else ():
        condition, span = part.split()
        stated, ended = _span(span)
        rows.append({"patient_id": patient, "condition": condition, "stated_at": stated, "ended_at": ended})
    return _frame(HOST_STATUS, rows)


def reports_frame(text: str, *, patient: str = PATIENT) -> pl.DataFrame | None:
    """None = never delivered."""
    if text == "never":
        return None
    return _frame(RESISTANCE_REPORTS, [_report_row(part, patient) for part in text.split(";") if text != "-"])


def _report_row(text: str, patient: str) -> Mapping[str, Any]:
    span, *said = text.split()
    requested, reported = _span(span)
    genes = [word for word in said if word in GENES]
    changes = [word for word in said if re.fullmatch(CHANGE, word)]
    findings = [word for word in said if word in ("requested", "failed", "phenotype")]
    drugs = dict(word.split("=") for word in said if "=" in word)
    where = [word.removeprefix("in:") for word in said if word.startswith("in:")]
    return {
        "patient_id": patient,
        "request_id": f"asked {iso(requested)}",
        "method": "phenotype_culture" if "culture" in said else "genotype",
        "requested_at": requested,
        "compartment": where[0] if where else "plasma",
        "gene": genes[0] if genes else None,
        "finding": findings[0] if findings else ("mutation" if changes else "no_mutation_found"),
        "mutation": changes[0] if changes else None,
        **{as_reported(drug): word for drug, word in drugs.items()},
        "reported_at": reported,
    }


def stays_frame(text: str, *, patient: str = PATIENT) -> pl.DataFrame | None:
    """None = never delivered."""
    if text == "never":
        return None
    rows = [
        {
            "stay_id": f"stay-{stay.number}",
            "patient_id": patient,
            "admitted_at": stay.admitted,
            "discharged_at": stay.discharged,
            "affected_compartments": stay.stated.replace("+", ";") or None,
            "ventilation_started_at": stay.ventilated[0],
            "ventilation_stopped_at": stay.ventilated[1],
            "ventilation_kind": stay.kind,
        }
        for stay in stays(text)
    ]
    return _frame(ICU_STAYS, rows)


def lines(patient: str, *, results: str = "-", courses: str = "never", stays: str = "never") -> dict[str, list[str]]:
    """The lines of a delivery by table, headers in HEADERS, as the laboratory `synthetic` and the exchange form write them.

    A laboratory, `clash` and unknown limits have no place in these files and raise ValueError.
    """
    if "clash" in results:
        raise ValueError("a clash is two lines under one accession number and report time; write them with result_line")
    return {
        VIRAL_LOAD_RESULTS.name: [_result_line(sample, patient) for sample in samples(results)],
        ANTIVIRAL_COURSES.name: [course_line(patient, course) for course in _courses(courses)],
        ICU_STAYS.name: [stay_line(patient, stay) for stay in _stays(stays)],
    }


def result_line(patient: str, day: float, value: object, *, specimen: str, status: str = "F", **other: str) -> str:
    """One line of the laboratory `synthetic`. `accession`, `reported` and `unit` may be given."""
    accession = other.get("accession", f"{patient}-{specimen}-{day:g}")
    reported = other.get("reported", iso(moment(day + 0.2)))
    unit = other.get("unit", "IU/mL")
    return f"{patient},{accession},{specimen},{value},{iso(moment(day))},CMVQ,synthetic-pcr,{unit},{reported},{status}"


def course_line(patient: str, course: Course) -> str:
    """One line of the exchange form of antiviral_courses; with one cell more where it says why the course was stopped."""
    stopped = "" if course.stopped is None else iso(course.stopped)
    given = f"{patient},{course.drug},{course.indication or ''},,5,12,iv,{iso(course.started)},{stopped}"
    return given if course.reason is None else f"{given},{course.reason}"


def stay_line(patient: str, stay: Stay, *, ward: str = "SYNTHETIC-ICU", bed: str = "S-01") -> str:
    """One line of the exchange form of icu_stays, ventilated from a day after admission."""
    discharged = "" if stay.discharged is None else iso(stay.discharged)
    name = f"stay-{patient}" if stay.number == 0 else f"stay-{patient}-{stay.number}"
    ventilated = iso(stay.admitted + timedelta(days=1))
    affected = stay.stated.replace("+", ";")
    return f"{name},{patient},{iso(stay.admitted)},{discharged},{ward},{bed},{ventilated},,{affected}"


_courses, _stays = courses, stays  # `lines` and `known` have arguments of these names


def _versions(value: str) -> list[tuple[str, str, float | None]]:
    """What was reported under one number, with its status and when it was received, in order."""
    if value == "clash":
        return [("1000", "final", None), ("2000", "final", None)]
    first, _, then = value.partition("~")
    told = [part.partition("+")[::2] for part in then.split("~")]
    if told[0][0] in (WITHDRAWN, ELSEWHERE):
        is_dated = all(after for _, after in told)
        return [
            (first, "final", 0.2 if is_dated else None),
            *((first, how, float(after) if is_dated else None) for how, after in told),
        ]
    return [(first, "final", None), (then, "corrected", None)] if then else [(first, "final", None)]


def _result_row(sample: Sample, patient: str) -> Mapping[str, Any]:
    lod, lloq, uloq = LIMITS.get(sample.compartment, LIMITS["bal"]) if sample.limits_known else (None, None, None)
    name = sample.compartment + (f"@{sample.laboratory}" if sample.laboratory else "")
    return {
        "result_id": f"lab:{name}{sample.number}:cmv_dna",
        "patient_id": "SYNTHETIC-ELSEWHERE" if sample.status == ELSEWHERE else patient,
        "compartment": sample.compartment,
        "laboratory": sample.laboratory or "lab",
        "assay": "assay",
        "collected_at": moment(sample.day),
        "result_status": "corrected" if sample.status in (ELSEWHERE, RELEASED) else sample.status,
        "is_released": sample.status == RELEASED or None,
        "received_at": None if sample.received is None else moment(sample.day + sample.received),
        "detection": {"n": "not_detected", "<": "below_lloq", ">": "above_uloq"}.get(sample.text[0], "quantified"),
        "viral_load_iu_per_ml": float(sample.text) if sample.text[0].isdigit() else None,
        "lod_iu_per_ml": lod,
        "lloq_iu_per_ml": lloq,
        "uloq_iu_per_ml": uloq,
        "delivered_value": f"{sample.text}{sample.version}",
    }


def _result_line(sample: Sample, patient: str) -> str:
    if sample.laboratory or not sample.limits_known:
        raise ValueError("a delivered file states neither another laboratory nor that the limits are unknown")
    return result_line(
        patient,
        sample.day,
        "Not detected" if sample.text == "nd" else sample.text,
        specimen=sample.compartment.replace("_", " "),
        status={"final": "F", "corrected": "C"}[sample.status],
        reported=iso(moment(sample.day + 0.2 + sample.version)),
    )


def _span(text: str) -> tuple[datetime, datetime | None]:
    start, stop = re.fullmatch(r"d(-?[\d.]+)-(?:d(-?[\d.]+))?", text).groups()  # type: ignore[union-attr]
    return moment(float(start)), None if stop is None else moment(float(stop))


def _frame(row_type: RowType, rows: list[Mapping[str, Any]]) -> pl.DataFrame:
    return row_type.conform(pl.DataFrame(rows, infer_schema_length=None) if rows else row_type.empty())
