"""What the demo's pages have to say of results and drugs, worked out in plain Python: none of the pages' own code is asked.

Numbers and dates are written by `cmvmon.text`, which has tests of its own; words stand here to the letter.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from cmvmon.protocol import Decline
from cmvmon.text import Language

Result = dict[str, Any]
Week = tuple[str, list[str], list[str], list[str], list[str], list[str]]  # the series; then a cell each
_WORDS: dict[str, dict[str, Any]] = {
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
        "counted": ("{n} result", "{n} results"),
        "not_quantified": "{counted}, {n} of them not quantified",
        "no_pair": "no pair of results",
        "decline": "decline {x}",
        "at_least": "decline at least {x}",
        "at_most": "decline at most {x}",
        "without_bounds": "decline without bounds",
        "to": "to",
        "not_estimated": "not estimated",
        "chance": "probability above {target}: {percent}",
        "calls": {
            "met": "decline above {target} log10 per week",
            "not_met": "decline not above {target} log10 per week",
            "indeterminate": "undecided so far",
            None: "no call",
        },
        "overdue": ", overdue",
        "not_due": "no sample expected: no load is watched",
        "not_due_left": "no sample expected: left the ICU",
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
        "counted": ("{n} meting", "{n} metingen"),
        "not_quantified": "{counted}, waarvan {n} niet gekwantificeerd",
        "no_pair": "geen paar uitslagen",
        "decline": "daling {x}",
        "at_least": "daling ten minste {x}",
        "at_most": "daling ten hoogste {x}",
        "without_bounds": "daling niet te begrenzen",
        "to": "tot",
        "not_estimated": "niet geschat",
        "chance": "kans op meer dan {target}: {percent}",
        "calls": {
            "met": "daling boven {target} log10 per week",
            "not_met": "daling niet boven {target} log10 per week",
            "indeterminate": "nog geen uitsluitsel",
            None: "geen oordeel",
        },
        "overdue": ", over tijd",
        "not_due": "geen monster verwacht: geen load wordt bewaakt",
        "not_due_left": "geen monster verwacht: heeft de IC verlaten",
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


def weeks(rows: pl.DataFrame, results: pl.DataFrame, decline: Decline, time_zone: str, spoken: Language) -> list[Week]:
    """What the table of declines has to say of a patient: of each stored row its series, and the lines of its five cells.

    Args:
        rows: `weekly_decline`, of the patient. results: hers that are used. decline: the protocol's `[decline]`.
    """
    return [_week(row, results, decline, time_zone, spoken) for row in rows.to_dicts()]


def _week(row: dict[str, Any], results: pl.DataFrame, decline: Decline, time_zone: str, spoken: Language) -> Week:
    said, target = _WORDS[spoken.code], decline.target_log10_per_week
    line = spoken.number(target, 0 if target == int(target) else 1)
    where = spoken.word("compartment", row["compartment"])
    start = {"en": "start", "nl": "start"}[spoken.code]
    series = f"{where}, {row['laboratory']}, {row['assay']}; {start} {spoken.moment(row['anchor_at'], time_zone)}"
    dates = " – ".join(spoken.short_date(row[end], time_zone) for end in ("week_start", "week_end"))
    one, more = said["counted"]
    counted = (one if row["n_results"] == 1 else more).format(n=row["n_results"])
    if row["n_censored"] > 0:
        counted = said["not_quantified"].format(counted=counted, n=row["n_censored"])
    mean = [said["not_estimated"]]
    if row["status"] != "prior_only":  # one time of sampling: what is estimated then is the assumption
        mean = [_rate(row, "mean_decline", (target,), spoken)]
        if row["status"] != "suppressed" and row["mean_probability_above_target"] is not None:
            percent = spoken.percent(row["mean_probability_above_target"])
            mean.append(said["chance"].format(target=line, percent=percent))
    has_pair = None not in (row["observed_from_log10"], row["observed_to_log10"])
    why = [] if row["status"] == "ok" else [spoken.word("status", row["status"])]
    why += [spoken.word("reason", code) for code in (row["reason"] or "").split(";") if code]
    return (
        series,
        [f"Week {row['treatment_week']}", dates],
        _pair(row, results, decline.week_end_within_h, spoken) if has_pair else [said["no_pair"]],
        [_rate(row, "decline", (), spoken) if has_pair else said["not_estimated"]],
        [*mean, counted],
        [said["calls"][row["call"]].format(target=line), *sorted(set(why), key=why.index)],
    )


def _rate(row: dict[str, Any], which: str, against: tuple[float, ...], spoken: Language) -> str:
    """An estimate with its interval, as it is held against these lines."""
    ends = [row[f"{which}{end}_log10_per_week"] for end in ("", "_low", "_high")]
    if None in ends:
        return str(_WORDS[spoken.code]["not_estimated"])
    mean, low, high = (spoken.log10(end, against) for end in ends)
    return f"{mean} ({low} {_WORDS[spoken.code]['to']} {high})"


def _pair(row: dict[str, Any], results: pl.DataFrame, within_h: float, spoken: Language) -> list[str]:
    """The two loads of a week, a limit with its sign, and what they bound the decline to.

    `within_h`: so long after its end a result may stand for that.
    """
    said = _WORDS[spoken.code]
    of_series = results.filter(
        *(pl.col(name) == row[name] for name in ("compartment", "laboratory", "assay"))
    ).to_dicts()
    loads = []
    for which, end in (("from", row["week_start"]), ("to", row["week_end"])):
        may_stand = [one for one in of_series if one["collected_at"] <= end + timedelta(hours=within_h)]
        number = row[f"observed_{which}_log10"]
        loads.append(_sign(number, may_stand, end) + spoken.load(10**number))
    low, high = (row[f"observed_decline_{end}_log10_per_week"] for end in ("low", "high"))
    key = {
        (False, False): "decline",
        (False, True): "at_least",
        (True, False): "at_most",
        (True, True): "without_bounds",
    }
    bound = high if low is None else low
    rate = said[key[low is None, high is None]].format(x="" if bound is None else spoken.log10(bound))
    return [f"{loads[0]} → {loads[1]} {said['unit']}", rate]


def _sign(log10_load: float, results: list[Result], end: datetime) -> str:
    """How the result nearest to that end which said this number said it; several of one moment are told by their mean, without."""
    limits = {"below_lloq": ("<", "lloq"), "not_detected": ("<", "lloq"), "above_uloq": (">", "uloq")}
    for result in sorted(results, key=lambda result: abs(result["collected_at"] - end)):
        sign, limit = limits.get(result["detection"], ("", None))
        told = result["viral_load_iu_per_ml"] if limit is None else result[f"{limit}_iu_per_ml"]
        if told is not None and math.isclose(math.log10(told), log10_load, abs_tol=1e-9):
            return sign
    return ""


def due(watched: dict[str, datetime], as_of: datetime, every: timedelta, time_zone: str, spoken: Language) -> list[str]:
    """When the next sample of each load that is watched is expected. `watched`: when its newest was taken, by compartment."""
    order = sorted(watched, key=lambda compartment: (watched[compartment], compartment))
    told = []
    for compartment in order:
        where, at = spoken.word("compartment", compartment), watched[compartment] + every
        late = _WORDS[spoken.code]["overdue"] if at < as_of else ""
        told.append(f"{where[0].upper()}{where[1:]} {spoken.short_date(at, time_zone)}{late}")
    return told


def not_due(spoken: Language, *, has_left: bool) -> str:
    """What stands there where no sample is expected."""
    return str(_WORDS[spoken.code]["not_due_left" if has_left else "not_due"])
