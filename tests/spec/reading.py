"""Small tables as clinicians write them -> frames: days from the anchor, loads as reported.

A result reads `10000` (IU/mL), `<100` (below that LLOQ), `nd<100` (not detected, LLOQ 100), `>1e6` (above that ULOQ).
Day 0 is 2026-01-01 00:00 UTC; a day may have an hour: `7+3h`, `-72h`. All synthetic.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import polars as pl

DAY_0 = datetime(2026, 1, 1, tzinfo=UTC)
_MOMENT = pl.Datetime("us", "UTC")


def moment(text: str) -> datetime:
    """`7` = day 7, `7+3h` = three hours later, `-72h` = 72 hours before day 0.

    >>> moment("1+12h").isoformat()
    '2026-01-02T12:00:00+00:00'
    """
    found = re.fullmatch(r"(-?[\d.]+(?![\d.]*h))?(?:([+-]?[\d.]+)h)?", text.replace(" ", ""))
    if found is None or not text.strip():
        raise ValueError(f"{text!r} is no day such as 7, 7+3h or -72h")
    return DAY_0 + timedelta(days=float(found[1] or 0), hours=float(found[2] or 0))


def cells(text: str) -> list[dict[str, str]]:
    """The rows of a table whose columns are set apart by `|`, by column name."""
    lines = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def results(text: str, *, lod: float | None = None) -> pl.DataFrame:
    """`day | reported`, with optional columns patient, compartment, lab, sigma, conflicting, as a results frame."""
    rows = []
    for number, row in enumerate(cells(text)):
        detection, value, lloq, uloq = _reported(row["reported"])
        rows.append(
            {
                "result_id": f"r{number:03d}",
                "patient_id": row.get("patient", "synthetic-a"),
                "compartment": row.get("compartment", "plasma"),
                "laboratory": row.get("lab", "synthetic"),
                "assay": "synthetic",
                "collected_at": moment(row["day"]),
                "detection": detection,
                "viral_load_iu_per_ml": value,
                "lod_iu_per_ml": lod,
                "lloq_iu_per_ml": lloq,
                "uloq_iu_per_ml": uloq,
                "sigma_log10": float(row["sigma"]) if row.get("sigma") else None,
                "is_conflicting": row.get("conflicting", "") == "yes",
            }
        )
    numbers = ("viral_load", "lod", "lloq", "uloq")
    schema = {f"{name}_iu_per_ml": pl.Float64() for name in numbers}
    return pl.DataFrame(rows, schema_overrides={**schema, "sigma_log10": pl.Float64(), "collected_at": _MOMENT})


def _reported(text: str) -> tuple[str, float | None, float | None, float | None]:
    if text.startswith("nd"):
        return "not_detected", None, float(text[3:]) if text[2:] else None, None
    if text.startswith("<"):
        return "below_lloq", None, float(text[1:]) if text[1:] else None, None
    if text.startswith(">"):
        return "above_uloq", None, None, float(text[1:])
    return "quantified", float(text), None, None


def courses(text: str) -> pl.DataFrame:
    """`drug | from | to`, with optional columns patient and indication, as an antiviral_courses frame."""
    rows = [
        {
            "patient_id": row.get("patient", "synthetic-a"),
            "drug": row["drug"],
            "indication": row.get("indication", "treatment") or None,
            "started_at": moment(row["from"]),
            "stopped_at": moment(row["to"]) if row["to"] else None,
        }
        for row in cells(text)
    ]
    return pl.DataFrame(rows, schema_overrides={"started_at": _MOMENT, "stopped_at": _MOMENT})


def day_of(at: datetime | None) -> float | None:
    """Days from day 0, rounded to a thousandth."""
    return None if at is None else round((at - DAY_0) / timedelta(days=1), 3)
