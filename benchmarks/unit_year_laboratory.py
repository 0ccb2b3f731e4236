"""What becomes of the samples of the made-up unit of `benchmarks.unit_year`, until a result stands; nothing of cmvmon is imported.

Drawn after the loads, from streams of its own: no load, no course and no measured value depends on it. Written before any result
was looked at. No published rate was found for most of these: where no source is named it is an assumption, as high as a ward
would notice. What it assumes of orders and results:

- Every sample is ordered 2 hours before it is taken, and the order tells that it was taken, and, once a result is out, that it
  has one.
- Under treatment 8 % of samples are missed: of a missed BAL one in three is stated as not feasible, other orders stand as they
  were. Of one patient in ten nothing is taken for 10 to 16 days (uniform), from 5 to 10 days (uniform) after the first dose.
- One result in eight is known after exp(normal(log 3, 0.4)) days, and not after 12 hours (a weekend, a batch); of one sample in
  200 no result ever comes. Not so of what is quantified before treatment, by which treatment is begun (so also below).
- One result in 300 has a second sample beside it, 4 to 20 hours later, that is another patient's: 1.6 log10 (sd 0.3) off, up or
  down; a load of normal(3.8, 0.5) log10 where nothing was detected. Half of these are withdrawn 1 to 4 days after they were known
  (uniform).
- One result in 1,000 comes with two values under one number, tenfold apart, and stays so.
- One result in 100 was first reported as another: off by normal(0, 0.5) log10, and is corrected 1 to 3 days later (uniform). One
  in 200 is withdrawn 1 to 4 days after it was known (uniform), and nothing takes its place. (Amended reports of whole
  laboratories: a few in a thousand; taken higher, so that a year holds some.)
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from benchmarks.alert_patients import BAL
from benchmarks.unit_year_bedside import answered

ASSUMED = "What it assumes of orders and results:"
MISSED, WITH_A_GAP, NOT_FEASIBLE = 0.08, 0.10, 1.0 / 3.0
LATE, LOST = 1.0 / 8.0, 1.0 / 200.0
SWAPPED, CLASHING, CORRECTED, WITHDRAWN = 1.0 / 300.0, 1.0 / 1_000.0, 1.0 / 100.0, 1.0 / 200.0
ORDERED_BEFORE_H = 2.0
Row = dict[str, Any]


@dataclass
class Reported:
    """What the laboratory said, and when.

    Attributes:
        results: versions, as `viral_load_results`, with `day` (of the sample) and `known_at`.
        orders: as `samples_ordered`, with `is_taken`, `known_at` (null: no result ever) and `is_not_feasible`.
        truths: what was done to which result, in words, for whoever reads alerts beside it.
    """

    results: list[Row] = field(default_factory=list)
    orders: list[Row] = field(default_factory=list)
    truths: list[Row] = field(default_factory=list)


def reported(patients: pl.DataFrame, results: pl.DataFrame, seed: int) -> Reported:
    """Of every row of `results` (each with `result_id`, `day`, `collected_at`, `known_at`); the same for the same seed."""
    made = Reported()
    mine = results.partition_by("patient_id", as_dict=True, maintain_order=True)
    for person in patients.iter_rows(named=True):
        rows = mine.get((person["patient_id"],))
        if rows is not None:
            rng = np.random.default_rng([seed, zlib.crc32(person["patient_id"].encode()), 3])
            _of_one(made, person, rows, rng)
    return made


def _of_one(made: Reported, person: Row, rows: pl.DataFrame, rng: np.random.Generator) -> None:
    anchor = np.inf if person["anchor"] is None else float(person["anchor"])
    gap = anchor + float(rng.uniform(5.0, 10.0))
    gap_ends = gap + float(rng.uniform(10.0, 16.0)) if rng.random() < WITH_A_GAP else gap
    for row in rows.sort("day", "compartment").iter_rows(named=True):
        draws, more = rng.random(8), rng.normal(0.0, 1.0, 4)
        is_treated = row["day"] > anchor + 0.1
        begins_treatment = not is_treated and row["detection"] in ("quantified", "above_uloq")
        is_missed = is_treated and (draws[0] < MISSED or gap <= row["day"] < gap_ends)
        order = _order(row, is_missed=is_missed, is_not_feasible=is_missed and bool(draws[1] < NOT_FEASIBLE))
        made.orders.append(order)
        if is_missed:
            continue
        if begins_treatment:
            made.results.append(_version(row, row["known_at"]))
            continue
        if draws[1] < LOST:
            order["known_at"] = None
            continue
        known_at = row["known_at"]
        if draws[2] < LATE:
            known_at = row["collected_at"] + _days(float(np.exp(np.log(3.0) + 0.4 * more[0])))
        order["known_at"] = known_at
        made.results += _versions(made, row, known_at, draws, more)
        if draws[6] < SWAPPED and row["day"] + 1.0 < person["left"]:
            _anothers(made, row, draws[7], more)


def _versions(made: Reported, row: Row, known_at: datetime, draws: Any, more: Any) -> Iterator[Row]:
    """Every version of one result, as it was reported."""
    after = known_at + _days(1.0 + 2.0 * draws[3])
    is_load = row["detection"] == "quantified"
    if draws[4] < CORRECTED and is_load:
        first = _with_load(row, row["viral_load_iu_per_ml"] * 10.0 ** (0.5 * more[1]))
        made.truths.append(_truth(row, f"corrected {after:%d %b %H:%M} from {first['viral_load_iu_per_ml']}"))
        yield _version(first, known_at)
        yield _version(row, after, "corrected")
        return
    yield _version(row, known_at)
    if draws[5] < WITHDRAWN:
        made.truths.append(_truth(row, f"withdrawn {after + _days(draws[3]):%d %b %H:%M}"))
        yield _version(row, after + _days(draws[3]), "withdrawn")
    elif draws[5] > 1.0 - CLASHING and is_load:
        made.truths.append(_truth(row, "came with two values"))
        yield _version(_with_load(row, row["viral_load_iu_per_ml"] * 10.0), known_at)


def _anothers(made: Reported, row: Row, draw: float, more: Any) -> None:
    """A sample of another patient under this one's name, hours after `row`."""
    hours = 4.0 + 16.0 * draw
    at, name = row["collected_at"] + timedelta(minutes=round(60.0 * hours)), f"{row['result_id']}-again"
    load = row["viral_load_iu_per_ml"]
    off = (1.6 + 0.3 * more[2]) * (1.0 if more[3] > 0.0 else -1.0)
    wrong = 10.0 ** (3.8 + 0.5 * more[2]) if load is None else load * 10.0**off
    again = _with_load(row | {"result_id": name, "collected_at": at, "day": row["day"] + hours / 24.0}, wrong)
    known_at = at + timedelta(hours=12)
    made.truths.append(_truth(again, "another patient's"))
    made.orders.append(_order(again, is_missed=False, is_not_feasible=False) | {"known_at": known_at})
    made.results.append(_version(again, known_at))
    if draw < 0.5:
        made.results.append(_version(again, known_at + _days(1.0 + 6.0 * draw), "withdrawn"))


def _with_load(row: Row, load: float) -> Row:
    """The same with another load, inside the assay's limits."""
    value = float(np.round(np.clip(load, row["lloq_iu_per_ml"], row["uloq_iu_per_ml"])))
    return row | {"detection": "quantified", "viral_load_iu_per_ml": value}


def _version(row: Row, at: datetime, status: str = "final") -> Row:
    return row | {"known_at": at, "reported_at": at, "received_at": at, "result_status": status}


def _order(row: Row, *, is_missed: bool, is_not_feasible: bool) -> Row:
    return {
        "patient_id": row["patient_id"],
        "order_number": f"order-{row['result_id']}",
        "compartment": row["compartment"],
        "ordered_at": row["collected_at"] - timedelta(hours=ORDERED_BEFORE_H),
        "collected_at": None if is_missed else row["collected_at"],
        "known_at": None if is_missed else row["known_at"],
        "is_not_feasible": is_not_feasible and row["compartment"] == BAL.name,
    }


def versions(said: list[Row], drawn: pl.DataFrame) -> pl.DataFrame:
    """As rows of `Year.results`, in the columns of what was drawn."""
    schema = dict(drawn.schema) | dict.fromkeys(("reported_at", "received_at"), drawn.schema["known_at"])
    return pl.DataFrame(said, schema=schema).sort("day", "patient_id", "result_id", "known_at")


def answered_later(drawn: pl.DataFrame, said: list[Row], seed: int) -> pl.DataFrame:
    """As of the results that were drawn; of those that came later, so much later."""
    first = versions(said, drawn).group_by("result_id").agg(known=pl.col("known_at").min())
    waits = (
        answered(drawn, seed).join(drawn.select("result_id", "known_at"), on="result_id").join(first, on="result_id")
    )
    return waits.select("result_id", answered_at=pl.col("known") + (pl.col("answered_at") - pl.col("known_at"))).sort(
        "result_id"
    )


def orders_at(orders: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """The rows of `samples_ordered` as they stood at that moment."""
    is_taken, is_known = pl.col("collected_at") <= as_of, pl.col("known_at") <= as_of
    was_due = pl.col("ordered_at") + timedelta(hours=ORDERED_BEFORE_H) <= as_of
    state = (
        pl.when(is_known)
        .then(pl.lit("resulted"))
        .when(is_taken)
        .then(pl.lit("collected"))
        .when(pl.col("is_not_feasible") & was_due)
        .then(pl.lit("not_feasible"))
        .otherwise(pl.lit("ordered"))
    )
    return orders.filter(pl.col("ordered_at") <= as_of).with_columns(
        state=state, collected_at=pl.when(is_taken).then("collected_at"), stated_at="ordered_at"
    )


def _truth(row: Row, what: str) -> Row:
    return {name: row[name] for name in ("patient_id", "compartment", "day", "result_id")} | {"what": what}


def _days(days: float) -> timedelta:
    return timedelta(minutes=round(float(days) * 1440.0))
