"""Which samples are expected of the patients on a ward's list, and which were ordered and have no result."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from cmvmon.dashboards.row_views import SampleDue
from cmvmon.domain.delivered import BY_NAME
from cmvmon.domain.samples_ordered import CANCELLED, COLLECTED, ORDERED, SAMPLES_ORDERED
from cmvmon.protocol import Protocol
from cmvmon.run.ward.ward_list import WardList
from cmvmon.shell.as_known import known
from cmvmon.shell.work.opening import OpenSite

_PLACE, _NUMBER = ["patient_id", "compartment"], ["patient_id", "order_number"]
_ORDER = ("patient_id", "compartment", "ordered_at", "collected_at")


def samples_expected(results: pl.DataFrame, watched: pl.DataFrame, *, protocol: Protocol) -> pl.DataFrame:
    """A sample of every load that a rule watches, `[answers] next_sample_days` after the newest of its compartment.

    Args:
        results: used ones. watched: patient_id and compartment (`ward_list.watched_by`).

    Returns: patient_id, compartment, newest_collected_at, due_at; by due_at, patient and compartment.
    """
    days = timedelta(days=protocol.answers.next_sample_days)
    return (
        results.join(watched, on=["patient_id", "compartment"], how="semi")
        .group_by("patient_id", "compartment")
        .agg(newest_collected_at=pl.col("collected_at").max())
        .with_columns(due_at=pl.col("newest_collected_at") + days)
        .sort("due_at", "patient_id", "compartment")
    )


def orders_waiting(opened: OpenSite, ward: WardList, *, as_of: datetime) -> pl.DataFrame:
    """Orders that stand and of whose sample no result is known.

    Where it is said when the sample was taken, its result is one of its compartment within `[sampling] same_sample_h` of that, as
    "sample taken, result pending" of `no_follow_up` has it (`facts.sampling.waiting`). Where nobody said so, any result ends it that
    was collected of its compartment at or after it was ordered (`facts.sampling.standing_orders`), but for one that is of the sample
    of another order: a next sample that is asked for before the last one has its result still waits.

    Returns: patient_id, compartment, ordered_at, collected_at; the one waiting longest first.
    """
    table = BY_NAME[SAMPLES_ORDERED.name]
    with opened.reading() as connection:
        known_orders = known.known_table(connection, table, as_of=as_of, patients=ward.patients)
    if known_orders is None:
        return SAMPLES_ORDERED.empty().select(*_ORDER)
    told = table.begun(known_orders, as_of).filter(pl.col("state") != CANCELLED)
    within = timedelta(hours=opened.protocol.sampling.same_sample_h)
    resulted = ward.results.select(*_PLACE, resulted_at="collected_at").unique()
    of_a_sample = told.join(resulted, on=_PLACE).filter(
        (pl.col("resulted_at") - pl.col("collected_at")).abs() <= within
    )
    others = resulted.join(of_a_sample, on=[*_PLACE, "resulted_at"], how="anti")
    never_said = told.filter(pl.col("collected_at").is_null()).join(others, on=_PLACE)
    ended = pl.concat(
        each.select(_NUMBER) for each in (of_a_sample, never_said.filter(pl.col("resulted_at") >= pl.col("ordered_at")))
    )
    stands = told.filter(pl.col("state").is_in([ORDERED, COLLECTED])).join(ended, on=_NUMBER, how="anti")
    return stands.sort("ordered_at", "patient_id", "order_number").select(*_ORDER)


def due_today(opened: OpenSite, ward: WardList, *, as_of: datetime, time_zone: str) -> tuple[SampleDue, ...]:
    """What the ward page lists: samples expected by the end of the day of `as_of` in that zone, then what was ordered.

    Of whoever has left or died no sample is expected; what was ordered of her still waits.
    """
    zone = ZoneInfo(time_zone)
    tomorrow = datetime.combine(as_of.astimezone(zone).date() + timedelta(days=1), time.min, zone).astimezone(UTC)
    expected = samples_expected(ward.results, ward.watched, protocol=opened.protocol).filter(
        (pl.col("due_at") < tomorrow) & ~pl.col("patient_id").is_in(sorted(ward.left))
    )
    rows = [*expected.to_dicts(), *orders_waiting(opened, ward, as_of=as_of).to_dicts()]
    return tuple(SampleDue(**row) for row in rows)
