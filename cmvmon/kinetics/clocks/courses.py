"""Treatment courses, their response clocks and their interruptions, from the rows of antiviral drugs given."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from cmvmon.protocol import Protocol

MICROSECONDS_PER_HOUR = 3_600_000_000
_MOMENT = pl.Datetime("us", "UTC")

CLOCKS: dict[str, pl.DataType | type[pl.DataType]] = {
    "patient_id": pl.String(),
    "course_started_at": _MOMENT,
    "course_ended_at": _MOMENT,
    "anchor_at": _MOMENT,
    "next_anchor_at": _MOMENT,
    "gap_starts": pl.List(_MOMENT),
    "gap_ends": pl.List(_MOMENT),
}


def treatment_courses(courses: pl.DataFrame, *, protocol: Protocol, as_of: datetime) -> pl.DataFrame:
    """One row per patient and anchor: the response clocks that were running or had run at `as_of`.

    A course joins the rows of treatment drugs that follow one another within `same_course_gap_days`. Its anchors are
    its first dose, the first dose of another drug group (addition or switch), and that of a switch back to a group
    whose last dose lies more than `interrupted_gap_h` before, another group having run since. A stretch of a course
    longer than `interrupted_gap_h` in which no treatment drug ran is an interruption.

    Args:
        courses: rows of `antiviral_courses`; read are patient_id, drug, indication, started_at, stopped_at. Only rows
            with indication `treatment` and a drug that the protocol lists as treatment count.
        as_of: the moment judged, with its time zone. Rows that start after it are ignored; an end after it is unknown.

    Returns:
        patient_id, course_started_at, course_ended_at (null: running at as_of), anchor_at, next_anchor_at (of the
        patient, whichever course; null: none), gap_starts and gap_ends (interruptions of the course, may be empty),
        sorted by patient_id and anchor_at. The order of the rows given does not matter.
    Source: rules.md section 1 (course, response clock); the numbers are the protocol's `response_clock`.
    """
    groups = protocol.treatment_drugs
    moment = pl.lit(as_of).cast(_MOMENT)
    started, stopped = pl.col("started_at").cast(_MOMENT), pl.col("stopped_at").cast(_MOMENT)
    given = (
        courses.filter((pl.col("indication") == "treatment") & pl.col("drug").is_in(list(groups)) & (started <= moment))
        .select(
            "patient_id",
            started_at=started,
            # An end before the start is no end that can be used: the row counts as its first dose.
            ended_at=pl.when(stopped <= moment).then(pl.max_horizontal(stopped, started)),
            group=pl.col("drug").replace_strict(dict(groups), default=None, return_dtype=pl.String),
        )
        .sort("patient_id", "started_at", "ended_at", "group", nulls_last=True)
    )
    if given.is_empty():
        return pl.DataFrame(schema=CLOCKS)
    rows = _with_courses(given, protocol)
    return _clocks(rows, protocol)


def _with_courses(given: pl.DataFrame, protocol: Protocol) -> pl.DataFrame:
    """The rows with `course`, `until` (how long all earlier rows of the course ran) and `is_anchor`."""
    from cmvmon.kinetics.clocks import rows  # compiles: only who needs courses pays

    clock = protocol.response_clock
    patient = given["patient_id"].rle_id().cast(pl.Int64).to_numpy()
    started = given["started_at"].cast(pl.Int64).to_numpy()
    ended = given["ended_at"].cast(pl.Int64).fill_null(int(rows.FOREVER)).to_numpy()
    codes = {group: code for code, group in enumerate(sorted(set(protocol.treatment_drugs.values())))}
    group = given["group"].replace_strict(codes, return_dtype=pl.Int64).to_numpy()
    course, until = rows.join_rows(
        patient, started, ended, round(clock.same_course_gap_days * 24 * MICROSECONDS_PER_HOUR)
    )
    interrupted = round(clock.interrupted_gap_h * MICROSECONDS_PER_HOUR)
    anchors = rows.anchor_rows(course, started, ended, group, len(codes), interrupted)
    moments = pl.Series("until", until).replace(int(rows.FOREVER), None)
    return given.with_columns(
        course=pl.Series(course),
        until=moments.cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        is_anchor=pl.Series(anchors),
    )


def _clocks(rows: pl.DataFrame, protocol: Protocol) -> pl.DataFrame:
    interrupted = pl.duration(microseconds=round(protocol.response_clock.interrupted_gap_h * MICROSECONDS_PER_HOUR))
    is_gap = (pl.col("started_at") - pl.col("until") > interrupted).fill_null(False)
    by_course = rows.group_by("course").agg(
        course_started_at=pl.col("started_at").min(),
        course_ended_at=pl.when(pl.col("ended_at").null_count() == 0).then(pl.col("ended_at").max()),
        gap_starts=pl.col("until").filter(is_gap),
        gap_ends=pl.col("started_at").filter(is_gap),
    )
    return (
        rows.filter("is_anchor")
        .select("patient_id", "course", anchor_at="started_at")
        .join(by_course, on="course", how="left")
        .sort("patient_id", "anchor_at")
        .with_columns(next_anchor_at=pl.col("anchor_at").shift(-1).over("patient_id"))
        .select(list(CLOCKS))
        .cast(CLOCKS)  # type: ignore[arg-type]
    )
