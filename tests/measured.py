"""Levels of drugs, counts and chemistry of a made-up patient, in the small language of tests/patients.py.

    levels    `ganciclovir 1.4 d5.47` (mg/L, sampled on day 5.47), `ganciclovir <0.5 d5.47`, `foscarnet@umol/L 114 d5.47`,
              `ganciclovir 1.4 d5.47 trough last:d5 next:d5.5`, joined by `;`, `-` (delivered, none), `never`
    labs      `neutrophils 0.4 d5` (in the unit that is judged), `neutrophils@/uL 400 d5`, `platelets <20 d5`,
              `ionised_calcium 1.15 d0-d5` (every day from day 0 to before day 5), joined by `;`, `-`, `never`;
              `unit:ionised_calcium` (one was sent, of another patient of the unit)

Values of more than one day are of an hour after the full day. All synthetic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.drug_levels import COMPARATORS, DRUG_LEVELS, KINDS
from cmvmon.domain.known import Known
from cmvmon.domain.laboratory_values import IN_JUDGED_UNIT, LABORATORY_VALUES
from tests.patients import PATIENT, moment


def with_measured(known: Known, *, levels: str = "never", labs: str = "never", patient: str = PATIENT) -> Known:
    """The same with these tables; each that is `never` was never delivered."""
    said = {
        DRUG_LEVELS: (levels, level_rows(levels, patient)),
        LABORATORY_VALUES: (labs, laboratory_rows(labs, patient)),
    }
    sent = [part.removeprefix("unit:") for part in _parts(labs) if part.startswith("unit:")]
    known = replace(known, ever_sent={LABORATORY_VALUES.name: frozenset(sent)}) if sent else known
    delivered = {table.name: _frame(table, list(found)) for table, (text, found) in said.items() if text != "never"}
    return replace(known, tables={**known.tables, **delivered})


def level_rows(text: str, patient: str) -> Iterator[Mapping[str, Any]]:
    """Each level."""
    for part in _parts(text):
        name, value, day, *said = part.split()
        drug, _, unit = name.partition("@")
        around = {word.partition(":")[0]: _day(word.partition(":")[2]) for word in said if ":" in word}
        yield {
            "patient_id": patient,
            "drug": drug,
            "sampled_at": moment(_day(day)),
            "level_value": float(value.lstrip("<>")),
            "unit": unit or "mg/L",
            "comparator": value[0] if value[0] in COMPARATORS else None,
            "level_kind": next((word for word in said if word in KINDS), None),
            "last_dose_at": moment(around["last"]) if "last" in around else None,
            "next_dose_at": moment(around["next"]) if "next" in around else None,
        }


def laboratory_rows(text: str, patient: str) -> Iterator[Mapping[str, Any]]:
    """Each count and value: one, or one a day."""
    for part in _parts(text):
        if part.startswith("unit:"):
            continue
        name, value, span = part.split()
        analyte, _, unit = name.partition("@")
        first, _, last = span.removeprefix("d").partition("-d")
        days = [_day(first)] if not last else [day + 1 / 24 for day in range(int(_day(first)), int(_day(last)))]
        for day in days:
            yield {
                "patient_id": patient,
                "analyte": analyte,
                "sampled_at": moment(day),
                "analyte_value": float(value.lstrip("<>")),
                "unit": unit or next(iter(IN_JUDGED_UNIT[analyte])),
                "comparator": value[0] if value[0] in COMPARATORS else None,
            }


def _day(text: str) -> float:
    return float(text.removeprefix("d"))


def _parts(text: str) -> list[str]:
    return [] if text in ("-", "never") else [part.strip() for part in text.split(";")]


def _frame(rows: RowType, found: list[Mapping[str, Any]]) -> pl.DataFrame:
    return rows.conform(pl.DataFrame(found, infer_schema_length=None) if found else rows.empty())
