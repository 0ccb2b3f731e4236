"""What was ordered, taken and measured of a made-up patient, in the small language of tests/patients.py.

    orders    `bal d3` (ordered), `bal d3 taken d4`, `bal d3 resulted d4`, `bal d3 not_feasible d4`, `bal d3 cancelled`, joined by
              `;`, `-` (delivered, none), `never`
    pf        `d1 100` (mmHg), `d1 13.3 kPa`, joined by `;`; `-`, `never`
    serology  `igg positive d-5`, `igg positive d-5 transfusion`, `donor statement positive d-30`; `-`, `never`
    limits    `no_further_tests d3-`, `no_resuscitation d0-d5`; `-`, `never`

Days are those of `moment`, from the full day on. All synthetic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from cmvmon.domain.cmv_serology import CMV_SEROLOGY
from cmvmon.domain.columns import RowType
from cmvmon.domain.known import Known
from cmvmon.domain.oxygenation import OXYGENATION
from cmvmon.domain.samples_ordered import SAMPLES_ORDERED
from cmvmon.domain.treatment_limitations import TREATMENT_LIMITATIONS
from tests.patients import PATIENT, moment

_STATES = {"taken": "collected"}


def with_samples(
    known: Known,
    *,
    orders: str = "never",
    pf: str = "never",
    serology: str = "never",
    limits: str = "never",
    patient: str = PATIENT,
) -> Known:
    """The same with these tables; each that is `never` was never delivered."""
    said: tuple[tuple[RowType, str, Iterator[Mapping[str, Any]]], ...] = (
        (SAMPLES_ORDERED, orders, _orders(orders)),
        (OXYGENATION, pf, _ratios(pf)),
        (CMV_SEROLOGY, serology, _serology(serology)),
        (TREATMENT_LIMITATIONS, limits, _limits(limits)),
    )
    made = {
        rows.name: _frame(rows, [{"patient_id": patient, **row} for row in found])
        for rows, text, found in said
        if text != "never"
    }
    return replace(known, tables={**known.tables, **made})


def _parts(text: str) -> list[list[str]]:
    return [] if text in ("-", "never") else [part.split() for part in text.split(";")]


def _at(text: str) -> Any:
    return moment(float(text.removeprefix("d")))


def _orders(text: str) -> Iterator[Mapping[str, Any]]:
    for number, (compartment, day, *then) in enumerate(_parts(text)):
        state = _STATES.get(then[0], then[0]) if then else "ordered"
        said = _at(then[1]) if len(then) > 1 else None
        is_taken = state in ("collected", "resulted")
        yield {
            "order_number": f"O{number}",
            "compartment": compartment,
            "ordered_at": _at(day),
            "state": state,
            "collected_at": said if is_taken else None,
            "stated_at": said,
        }


def _ratios(text: str) -> Iterator[Mapping[str, Any]]:
    for day, value, *unit in _parts(text):
        yield {
            "measured_at": _at(day),
            "pao2_fio2_ratio": float(value),
            "ratio_unit": unit[0] if unit else "mmHg",
        }


def _serology(text: str) -> Iterator[Mapping[str, Any]]:
    for part in _parts(text):
        of_whom = part.pop(0) if part[0] == "donor" else "recipient"
        test, result, day, *given = part
        yield {
            "of_whom": of_whom,
            "test": test,
            "serology_result": result,
            "sampled_at": _at(day),
            "given_before": given[0] if given else None,
        }


def _limits(text: str) -> Iterator[Mapping[str, Any]]:
    for limitation, span in _parts(text):
        start, _, stop = span.partition("-d") if "-d" in span else span.partition("-")
        yield {"limitation": limitation, "stated_at": _at(start), "ended_at": _at(stop) if stop else None}


def _frame(rows: RowType, found: list[Mapping[str, Any]]) -> pl.DataFrame:
    return rows.conform(pl.DataFrame(found, infer_schema_length=None) if found else rows.empty())
