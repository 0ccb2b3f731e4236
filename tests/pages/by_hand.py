"""What the demo's pages have to say of results and drugs, worked out in plain Python: none of the pages' own code is asked.

Numbers and dates are written by `cmvmon.text`, which has tests of its own; words stand here to the letter.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from cmvmon.text import Language

Result = dict[str, Any]
_WORDS = {
    "en": {
        "below": "detected, below quantification limit",
        "below_short": ", detected",
        "above": "above range",
        "nothing": "not detected",
        "lod": "limit of detection",
        "unit": "IU/mL",
        "first": "no earlier value in the same assay",
        "before": "previous",
        "day": "day",
        "prophylaxis": ", prophylaxis",
        "stopped": "stopped",
        "none": "none on record",
    },
    "nl": {
        "below": "aantoonbaar, onder kwantificatiegrens",
        "below_short": ", aantoonbaar",
        "above": "boven meetbereik",
        "nothing": "niet aantoonbaar",
        "lod": "detectiegrens",
        "unit": "IE/ml",
        "first": "geen eerdere waarde in dezelfde test",
        "before": "vorige",
        "day": "dag",
        "prophylaxis": ", profylaxe",
        "stopped": "gestopt",
        "none": "geen geregistreerd",
    },
}


def newest(results: pl.DataFrame) -> list[Result]:
    """The last result of each compartment."""
    ordered = results.sort("collected_at", "result_id")
    return ordered.unique("compartment", keep="last", maintain_order=True).to_dicts()


def short_value(row: Result, spoken: Language) -> str:
    """As a ward row says it."""
    said = _WORDS[spoken.code]
    if row["detection"] == "quantified":
        return spoken.load(row["viral_load_iu_per_ml"])
    if row["detection"] == "below_lloq" and row["lloq_iu_per_ml"] is not None:
        return f"<{spoken.load(row['lloq_iu_per_ml'])}{said['below_short']}"
    if row["detection"] == "above_uloq" and row["uloq_iu_per_ml"] is not None:
        return f">{spoken.load(row['uloq_iu_per_ml'])}"
    return {"below_lloq": said["below"], "above_uloq": said["above"], "not_detected": said["nothing"]}[row["detection"]]


def full_value(row: Result, spoken: Language) -> str:
    """As the patient's tables say it, of a quantified result without its logarithm."""
    said = _WORDS[spoken.code]
    unit = said["unit"]
    if row["detection"] == "quantified":
        return f"{spoken.load(row['viral_load_iu_per_ml'])} {unit}"
    words, sign, limit = {
        "below_lloq": (said["below"], "<", row["lloq_iu_per_ml"]),
        "above_uloq": (said["above"], ">", row["uloq_iu_per_ml"]),
        "not_detected": (said["nothing"], f"{said['lod']} ", row["lod_iu_per_ml"]),
    }[row["detection"]]
    return words if limit is None else f"{words} ({sign}{spoken.load(limit)} {unit})"


def changes(series: list[Result], spoken: Language) -> list[list[str]]:
    """What may have to stand in the cell of the change of the last of a series: all of one of these. The step from the result
    before it, or from an earlier one, with the days between the two; the whole of the words where there is no step to tell."""
    said, last = _WORDS[spoken.code], series[-1]
    if len(series) == 1:
        return [[said["first"]]]
    to = last["viral_load_iu_per_ml"]
    steps = [row for row in series[:-1] if row["viral_load_iu_per_ml"] is not None and to is not None]
    found = []
    for row in steps:
        of, span = row["viral_load_iu_per_ml"], last["collected_at"] - row["collected_at"]
        step = spoken.log10(math.log10(to) - math.log10(of))
        found.append(
            [f"{spoken.load(of)} → {spoken.load(to)} (", step, f"{math.floor(span / timedelta(days=1) + 0.5)} d"]
        )
    if series[-2] not in steps:
        found.append([f"{said['before']}: {full_value(series[-2], spoken)}"])
    return found


def drawn(results: pl.DataFrame, compartment: str, as_of: datetime, time_zone: str) -> list[Result]:
    """Every result of that compartment of the eight weeks that end with the local day of `as_of`."""
    zone = ZoneInfo(time_zone)
    midnight = as_of.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    of = results.filter(pl.col("compartment") == compartment).sort("collected_at", "result_id").to_dicts()
    return [row for row in of if midnight - timedelta(weeks=8) <= row["collected_at"].astimezone(zone) < midnight]


def drugs(courses: pl.DataFrame, as_of: datetime, time_zone: str, spoken: Language) -> list[str]:
    """What has no stop yet, each purpose joined where its rows follow one another within a week; then what stopped in the 72
    hours before."""
    said = _WORDS[spoken.code]
    since: dict[tuple[bool, str], datetime] = {}
    until: dict[tuple[bool, str], datetime] = {}
    runs: set[tuple[bool, str]] = set()
    for row in courses.filter(pl.col("started_at") <= as_of).sort("started_at").to_dicts():
        kept = row["indication"] == "prophylaxis" or row["drug"] == "letermovir"
        if not kept and row["indication"] != "treatment":
            continue
        key = (kept, row["drug"])
        is_over = row["stopped_at"] is not None and row["stopped_at"] <= as_of
        stop = row["stopped_at"] if is_over else as_of
        if key not in since or row["started_at"] > until[key] + timedelta(days=7):
            since[key], until[key] = row["started_at"], stop
        until[key] = max(until[key], stop)
        runs |= set() if is_over else {key}
    lately = {key for key, last in until.items() if last >= as_of - timedelta(hours=72)} - runs

    def in_order(keys: set[tuple[bool, str]]) -> list[tuple[bool, str]]:
        return sorted(keys, key=lambda key: (key[0], since[key], key[1]))

    days = [(kept, drug, f"{said['day']} {(as_of - since[kept, drug]).days + 1}") for kept, drug in in_order(runs)]
    stops = [
        (kept, drug, f"{said['stopped']} {spoken.short_date(until[kept, drug], time_zone)}")
        for kept, drug in in_order(lately)
    ]
    told = [f"{drug} {text}{said['prophylaxis'] if kept else ''}" for kept, drug, text in (*days, *stops)]
    return told or [said["none"]]
