"""What is on record beside antiviral drugs on the patient page: values with foscarnet, renal replacement, and what bears on defence.

Facts with their dates, and what is not known of them. Nothing here alerts.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from cmvmon.dashboards import page
from cmvmon.dashboards.rows import Row, rows_of
from cmvmon.dashboards.views import PatientView
from cmvmon.dashboards.words_for_results import capital, dose, plain
from cmvmon.domain.laboratory_values import IN_JUDGED_UNIT
from cmvmon.facts.beside import OF_DEFENCE, UNREAD, WITH_FOSCARNET
from cmvmon.text import Language

_DAY = timedelta(days=1)
_DECIMALS_OF_A_CONVERTED_VALUE = 2
_DEFENCE, _HERPES = "G2", "G4"  # the statements of the ward's guide that these bear on


def with_drugs(view: PatientView, language: Language) -> list[str]:
    """Renal replacement that runs; and of a patient on foscarnet each value that is watched with it, never in silence."""
    order = {name: place for place, name in enumerate(WITH_FOSCARNET)}
    found = [row for row in rows_of(view.beside.values) if row["analyte"] in order]
    rows = sorted(found, key=lambda row: order[row["analyte"]])
    told = [_circuit(row, view, language) for row in rows_of(view.beside.circuits)]
    if rows:
        values = "; ".join(_value(row, view, language) for row in rows)
        told.append(language.say("beside.foscarnet", values=values))
    return told


def of_defence(view: PatientView, language: Language) -> list[str]:
    """Other drugs, counts and IgG that bear on defence against CMV, and PCR for herpes on the BAL: context lines, with the guide."""
    drugs = [_drug(row, view, language) for row in rows_of(view.beside.drugs)]
    counts = [
        language.say(f"beside.{row['analyte']}", value=_value(row, view, language))
        for row in rows_of(view.beside.values)
        if row["analyte"] in OF_DEFENCE
    ]
    herpes = [_herpes(row, view, language) for row in rows_of(view.beside.herpes)]
    lines = [(line, _DEFENCE) for line in dict.fromkeys([*drugs, *counts])] + [(line, _HERPES) for line in herpes]
    return [f"{line} ({guide})" for line, guide in lines]


def _value(row: Row, view: PatientView, language: Language) -> str:
    """The newest value as it was delivered, with its age and the same in the judged unit; or why there is none."""
    name, why = language.word("analyte", row["analyte"]), row["unknown_because"]
    if row["analyte_value"] is None:
        return language.say("beside.no_value", analyte=name, why=language.word("beside.why", why))
    judged = next(iter(IN_JUDGED_UNIT[row["analyte"]]))
    sign = row["comparator"] or ""
    same = ""
    if row["unit"] != judged and row["judged_value"] != row["analyte_value"]:
        value = language.number(row["judged_value"], _DECIMALS_OF_A_CONVERTED_VALUE)
        same = f" ({sign}{value} {language.word('unit', judged)})"
    told = language.say(
        "beside.value",
        analyte=name,
        value=f"{sign}{plain(row['analyte_value'], language)} {language.word('unit', row['unit'])}{same}",
        at=language.moment(row["sampled_at"], view.time_zone),
        ago=_ago(view.as_of - row["sampled_at"], language),
    )
    return told + (f" ({language.word('beside.later', why)})" if why else "")


def _ago(span: timedelta, language: Language) -> str:
    if span < _DAY:
        return language.count("beside.hours", int(span / timedelta(hours=1)))
    return page.elapsed(span, language)


def _circuit(row: Row, view: PatientView, language: Language) -> str:
    if row["modality"] is None:
        return language.say("beside.circuit_unread")
    effluent, anticoagulant = row["effluent_ml_per_h"], row["anticoagulant"]
    told = language.say(
        "beside.circuit",
        modality=language.word("modality", row["modality"]),
        since=language.moment(row["started_at"], view.time_zone),
        effluent=language.say("beside.effluent", value=language.number(effluent, 0))
        if effluent
        else _not_told(language),
        anticoagulant=language.word("anticoagulant", anticoagulant) if anticoagulant else _not_told(language),
    )
    return told + (f" ({language.word('beside.later', row['unknown_because'])})" if row["unknown_because"] else "")


def _not_told(language: Language) -> str:
    return language.say("beside.not_on_record")


def _drug(row: Row, view: PatientView, language: Language) -> str:
    if row["atc_code"] is None:
        return language.say("beside.drug_unread")
    key = f"atc.{row['atc_code']}"
    name = language.say(key) if language.has(key) else f"{language.word('drug_kind', row['kind'])} {row['atc_code']}"
    given = [
        dose(row, language) or language.say("beside.no_dose"),
        row["route"] and language.word("route", row["route"]),
    ]
    dates = {"since": _date(row["started_at"], view, language)}
    if row["stopped_at"] is not None:
        dates["until"] = _date(row["stopped_at"], view, language)
    said = language.say(
        f"beside.drug_{'runs' if row['stopped_at'] is None else 'ran'}",
        drug=capital(name),
        dose=", ".join(part for part in given if part),
        **dates,
    )
    caveat = f"beside.caveat.{row['kind']}"
    said += f" {language.say(caveat)}" if language.has(caveat) else ""
    return said + (f" ({language.word('beside.later', row['unknown_because'])})" if row["unknown_because"] else "")


def _herpes(row: Row, view: PatientView, language: Language) -> str:
    state = row["pcr_result"] or row["unknown_because"] or UNREAD
    return language.say(f"beside.herpes.{state}", date=_date(row["bal_collected_at"], view, language))


def _date(moment: datetime, view: PatientView, language: Language) -> str:
    return language.date(moment, view.time_zone)
