"""Histories of one patient in any order of arrival, with repeats and replays: `python -m benchmarks settling [--histories 100000]`.

A story is what messages say of a patient who goes on under another number: results that are preliminary, final, corrected, withdrawn,
called final without their value (U), not done (N) or of no status, some without a report time or with that of another, each with the
time of its message (MSH-7); a result that can't be read, movements that are taken back, merges and their ends, dates of birth. Each
message is read once by the real reader. A history is one order in which they arrive: permuted, with some of them again, and now and
then with all of it replayed.
What is settled by the domain's own functions (links, current results, stays, what is not clear), and what every rule then says of each
patient, must have one hash for all histories of a story. So must the records that wait, each by its result and its reason: what the
reader set apart (a value or a status that can't be read), unless another message brought it right; the U whose result is not known;
corrections of what was withdrawn; results that contradict each other. With none that ends otherwise in n histories fewer than 3/n do
(95 %). A result that says the same as an earlier one of its report time is not drawn: it is a repeat, and not kept.

The same of results alone in a real store: `python -m benchmarks settling_in_store`. With alerts: `python -m benchmarks histories`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import polars as pl

from cmvmon.assess import assess
from cmvmon.domain.birth_dates import BIRTH_DATES
from cmvmon.domain.conflicts import asks_for_release, contradicting
from cmvmon.domain.delivered import CONFLICT, CORRECTS_WITHDRAWN, LEADING
from cmvmon.domain.identity import Named, content_hash
from cmvmon.domain.known import Known
from cmvmon.domain.patient_links import PATIENT_LINKS, Links, links_at
from cmvmon.domain.patient_movements import PATIENT_MOVEMENTS
from cmvmon.domain.results import CONCORDANCE
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.domain.stays_told import stays_told, stays_unclear
from cmvmon.domain.versions import current_versions
from cmvmon.feeds.part import Part
from cmvmon.protocol import Protocol
from cmvmon.shell.folder import protocol_files
from cmvmon.shell.taken_in.by_number import read_with
from cmvmon.shell.waiting.brought_right import Waiting, brings_right
from tests.feeds import hl7_texts, hl7_told_texts

AT_ONCE = 200  # histories of one story that are settled together
_ROWS = (VIRAL_LOAD_RESULTS, PATIENT_MOVEMENTS, PATIENT_LINKS, BIRTH_DATES)
# Samples of 2 to 4 May, movements of the 3rd, merges of 4 to 7 May; all of it arrives on the 8th, and is judged on the 9th.
_FIRST, _AS_OF = datetime(2026, 5, 8, tzinfo=UTC), datetime(2026, 5, 9, tzinfo=UTC)
_NAMES = {  # by table, the columns that a history makes its own, so that many are settled at once
    VIRAL_LOAD_RESULTS.name: ("result_id", "accession_number", "patient_id"),
    PATIENT_MOVEMENTS.name: ("visit_number", "patient_id"),
    PATIENT_LINKS.name: ("patient_id", "merged_into"),
    BIRTH_DATES.name: ("patient_id",),
}
ARRIVAL = (
    "received_at",
    "sent_at",
    "delivery_id",
    "stay_id",
    "result_id",
)  # of two versions that say the same, one's own


@dataclass(frozen=True)
class Story:
    """What the messages say: by table its rows with the number of their message, and by message the records that were set apart, each
    with its reason and what it names."""

    rows: dict[str, pl.DataFrame]
    apart: dict[int, tuple[tuple[str, Named], ...]]
    n_messages: int


def story(seed: int) -> Story:
    """The messages of one made-up patient, each read once."""
    drawn = random.Random(seed)
    parts: list[tuple[int, Part]] = []
    told = _messages(drawn)
    for number, (message, is_result) in enumerate(told):
        parts += [(number, part) for part in _read(tuple(message), is_result=is_result)]
    rows = {
        table.name: pl.concat(
            [pl.DataFrame(schema=table.schema).with_columns(message=pl.lit(0, pl.Int64))]
            + [
                part.accepted.select(*table.schema).with_columns(message=pl.lit(number, pl.Int64))
                for number, part in parts
                if part.table == table.name
            ]
        )
        for table in _ROWS
    }
    known, confirmed = rows[LEADING.name], dict[int, Mapping[str, Any]]()
    for number, part in parts:
        for row in () if part.withdrawals is None else part.withdrawals.to_dicts():
            versions = known.filter(result_id=row["result_id"]).to_dicts()
            if versions:  # it takes effect; which version lends it the rest of its row must not matter
                confirmed[number] = read_with([drawn.choice(versions)], row, LEADING) | {"message": number}
    if confirmed:
        rows[LEADING.name] = pl.concat(
            [known, pl.DataFrame(list(confirmed.values())).select(known.columns).cast(known.schema)]
        )
    apart = {
        number: tuple((row["reason"], part.named[row["record_number"]]) for row in part.quarantined.to_dicts())
        for number, part in parts
        if part.quarantined.height and number not in confirmed
    }
    return Story(rows, apart, len(told))


@cache
def _read(message: tuple[str, ...], *, is_result: bool) -> tuple[Part, ...]:
    """What the real reader makes of one message, which is one delivery."""
    if is_result:
        return hl7_texts.read(hl7_texts.file_of(list(message))).parts
    return hl7_told_texts.read(list(message)).parts


def _messages(drawn: random.Random) -> list[tuple[list[str], bool]]:
    return [*((one, True) for one in results_said(drawn)), *((one, False) for one in _others(drawn))]


def results_said(drawn: random.Random, of: str = "", patient: str = "SYNTH-1") -> Iterator[list[str]]:
    """The messages about one to three results of a patient. `of`: begins their numbers."""
    for number in range(drawn.randint(1, 3)):
        said = set[tuple[str, ...]]()
        for version in range(drawn.randint(1, 5)):
            status = drawn.choice([*("PPFFCWDXUUUN" if version else "PPPFFUN"), ""])
            value = "" if status == "U" else drawn.choice(["800", "12000", "<137", "murky"])
            reported = f"202605{number + 2:02}{drawn.choice((10 + version, 12))}{drawn.choice((0, 3))}000"
            reported = drawn.choice((reported, reported, ""))
            sent = f"202605{number + 2:02}{drawn.randint(10, 22)}{version:02}00+0100"
            if status in ("P", "F") and (status, value, reported) in said:
                continue
            said.add((status, value, reported))
            segments = hl7_texts.order(
                value, number=f"F{of}{number}", status=status, of_order="F", collected=f"202605{number + 2:02}080000",
                reported=reported,
            )  # fmt: skip
            # A sender's clock goes on from message to message; of the report time nothing is said, or what was said before.
            yield hl7_texts.message(*segments, patient=patient, sent=sent)


def _others(drawn: random.Random) -> Iterator[list[str]]:
    for hour in range(drawn.randint(1, 6)):
        trigger = drawn.choice(["A01", "A02", "A02", "A03", "A11", "A12", "A13"]) if hour else "A01"
        back = drawn.choice(["", f"20260503{10 + hour - 1}1500"]) if trigger in ("A11", "A12", "A13") else ""
        yield hl7_told_texts.adt(
            trigger, recorded=f"20260503{10 + hour}1500", happened=back, ward=drawn.choice(["IC1", "IC2", "B4", "XX"])
        )
    for day in range(4, 4 + drawn.randint(0, 4)):
        at, other = f"202605{day:02}101500", drawn.choice(["SYNTH-2", "SYNTH-3"])
        yield (
            hl7_told_texts.merge("SYNTH-1", other, at=at)
            if drawn.random() < 0.6
            else hl7_told_texts.unlink("SYNTH-1", other, at=at)
        )
    for n in range(drawn.randint(0, 3)):
        number, born = drawn.choice(["SYNTH-1", "SYNTH-2"]), drawn.choice(["19610530", "19710530"])
        yield hl7_told_texts.adt("A28", recorded=f"2026050{n + 1}091500", patient=number, born=born)


def arrivals(drawn: random.Random, n_messages: int) -> list[int]:
    """One order of arrival: every message once, some of them again, and now and then all of it replayed."""
    order = drawn.sample(range(n_messages), n_messages)
    order += drawn.choices(order, k=drawn.randint(0, n_messages))
    return order + (order if drawn.random() < 0.3 else [])


def endings(told: Story, orders: Sequence[Sequence[int]]) -> list[str]:
    """The hash of what each of these orders of arrival ends in."""
    came = pl.DataFrame(
        [(h, m, _FIRST + timedelta(minutes=n)) for h, order in enumerate(orders) for n, m in enumerate(order)],
        schema={"history": pl.Int64, "message": pl.Int64, "came_at": pl.Datetime("us", "UTC")},
        orient="row",
    )
    tables = {name: _arrived(came, rows, _NAMES[name]) for name, rows in told.rows.items()}
    links = tables[PATIENT_LINKS.name].unique(PATIENT_LINKS.key, keep="last", maintain_order=True)
    one = links_at(links, links.clear(), _AS_OF, tables[BIRTH_DATES.name])
    results = current_versions(_under(tables[VIRAL_LOAD_RESULTS.name], one))
    moves = _under(tables[PATIENT_MOVEMENTS.name], one)
    moves = moves.unique(PATIENT_MOVEMENTS.key, keep="last", maintain_order=True)
    joined = pl.DataFrame(
        [*one.into.items(), *((link.patient_id, link.why) for link in one.unused)],
        schema={"patient_id": pl.String, "end": pl.String}, orient="row",
    )  # fmt: skip
    unclear = stays_unclear(moves).select("patient_id").unique()
    stays = stays_told(moves)
    verdicts = _verdicts(_under(tables[VIRAL_LOAD_RESULTS.name], one), stays, unclear)
    said = [_said(frame) for frame in (joined, results, stays, unclear, verdicts)]
    versions = told.rows[LEADING.name].with_columns(
        content=pl.Series(_contents(told.rows[LEADING.name]), dtype=pl.String)
    )
    waits = [_waits(told, versions.to_dicts(), order) for order in orders]
    return [
        hashlib.sha256(repr([waits[h], *(one.get(h, []) for one in said)]).encode()).hexdigest()
        for h in range(len(orders))
    ]


def _contents(rows: pl.DataFrame) -> list[str]:
    return [content_hash(row, LEADING.rows) for row in rows.to_dicts()]


def _waits(told: Story, rows: Sequence[Mapping[str, Any]], order: Sequence[int]) -> list[tuple[str, str]]:
    """Which results have a record that waits after that order of arrival, each with the reason, as the store tells it."""
    came = {m: _FIRST + timedelta(minutes=n) for n, m in reversed(list(enumerate(order)))}
    of_result: dict[str, list[dict[str, Any]]] = {}
    for row in sorted((row for row in rows if row["message"] in came), key=lambda row: came[row["message"]]):
        at = came[row["message"]]
        of_result.setdefault(row["result_id"], []).append(
            dict(row) | {"received_at": at, "landed_at": at, "feed": "lab"}
        )
    apart = [(reason, named, came[m]) for m, records in told.apart.items() if m in came for reason, named in records]
    found = set[tuple[str, str]]()
    for result_id, versions in of_result.items():
        doubted = contradicting(versions)
        marked = {id(version) for version in doubted}
        for version in versions:
            version["is_conflicting"] = id(version) in marked
        told_first = {(version["reported_at"], version["result_status"]): version for version in reversed(doubted)}
        seconds = [one for one in doubted if one is not told_first[one["reported_at"], one["result_status"]]]
        apart += [(CONFLICT, Named.of(one, LEADING.rows), one["landed_at"]) for one in seconds]
        found |= {(result_id, CORRECTS_WITHDRAWN) for _ in asks_for_release(versions)}
    for reason, named, at in apart:
        one = Waiting({"feed": "lab", "reason": reason}, named, at)
        of_its_key = of_result.get(named.read.get("result_id", ""), [])
        if not any(brings_right(version, one, LEADING) for version in of_its_key):
            found.add((named.read.get("result_id", ""), reason))
    return sorted(found)


def _verdicts(results: pl.DataFrame, stays: pl.DataFrame, unclear: pl.DataFrame) -> pl.DataFrame:
    """What every rule says of every patient of these histories, all judged at once as patients of one unit, none of them treated.

    When a result came is left out of its evidence, and `result_withdrawn_after_use` altogether: what was in use before it was
    withdrawn is an order's own. What blood follows on the unit is given, as it is made of all patients. Which records wait is
    the store's to say.
    """
    known = Known.of(
        {VIRAL_LOAD_RESULTS: results, ICU_STAYS: stays, ANTIVIRAL_COURSES: ANTIVIRAL_COURSES.empty()},
        unread={ICU_STAYS.name: frozenset(unclear["patient_id"])},
        concordance=CONCORDANCE.empty(),
    )
    found = assess(known, protocol=_protocol(), as_of=_AS_OF).verdicts
    found = found.filter(pl.col("rule") != "result_withdrawn_after_use")
    return found.with_columns(pl.col("evidence").map_elements(without_arrival, return_dtype=pl.String))


@cache
def _protocol() -> Protocol:
    return protocol_files.Protocol.shipped()


def without_arrival(evidence: str) -> str:
    """The evidence of a verdict without when a result, or what could not be read of one, came, or was sampled at the latest."""
    of_arrival = ("received", "came_at", "unread_sampled_by")
    said = json.loads(evidence).items()
    return json.dumps({name: value for name, value in said if not any(word in name for word in of_arrival)})


def _arrived(came: pl.DataFrame, rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """A row for each arrival of each message, named as of its history."""
    own = (pl.concat_str(pl.col("history").cast(pl.String), pl.lit("~"), name).alias(name) for name in names)
    joined = came.join(rows, on="message").sort("history", "came_at")
    return joined.with_columns(*own, received_at="came_at").select(c for c in rows.columns if c != "message")


def _under(rows: pl.DataFrame, one: Links) -> pl.DataFrame:
    return rows.with_columns(pl.col("patient_id").replace(dict(one.into)))


def _said(frame: pl.DataFrame) -> dict[int, list[str]]:
    """By history the rows as texts, in order, without how and when they came."""
    kept = frame.select(name for name in frame.columns if name not in ARRIVAL)
    found: dict[int, list[str]] = {}
    for row in kept.iter_rows():
        history = int(str(row[kept.columns.index("patient_id")]).partition("~")[0])
        found.setdefault(history, []).append(repr(row).replace(f"{history}~", ""))
    return {history: sorted(texts) for history, texts in found.items()}


def differing(n_histories: int, *, seed: int, n_each: int = AT_ONCE) -> Iterator[tuple[int, int, int]]:
    """Of each story: its seed, how many histories it was played in, how many end otherwise than most."""
    for at in range(0, n_histories, n_each):
        number = seed * 1_000_000 + at // n_each
        told, drawn = story(number), random.Random(number)
        n = min(n_each, n_histories - at)
        found = endings(told, [list(range(told.n_messages)), *(arrivals(drawn, told.n_messages) for _ in range(n))])
        yield number, n, sum(one != found[0] for one in found[1:])


def main(arguments: list[str] | None = None) -> int:
    """Plays the histories; 1 when any of them ends otherwise."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks settling")
    parser.add_argument("--histories", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--each", type=int, default=AT_ONCE, help="histories of one story")
    options = parser.parse_args(arguments)
    start, n_played, n_differ = time.monotonic(), 0, 0
    for number, n, differ in differing(options.histories, seed=options.seed, n_each=options.each):
        n_played, n_differ = n_played + n, n_differ + differ
        if differ:
            print(f"story {number}: {differ} of {n} histories end otherwise", flush=True)
        if n_played % 10_000 < n or n_played == options.histories:
            took = time.monotonic() - start
            print(f"{n_played} histories, seed {options.seed}: {n_differ} end otherwise ({took:.0f} s)", flush=True)
    return int(n_differ > 0)


if __name__ == "__main__":
    sys.exit(main())
