"""The table `next_sample` of one patient of a site: read from what was known at a moment, with its sentences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from cmvmon.assess import prepared
from cmvmon.domain import words
from cmvmon.domain.errors import SiteError
from cmvmon.domain.next_sample import NEXT_SAMPLE
from cmvmon.domain.series import SERIES_KEY
from cmvmon.domain.who_died import known_to_have_died
from cmvmon.kinetics.next_sample.table import next_sample
from cmvmon.shell.as_known import known
from cmvmon.shell.folder.site import Site
from cmvmon.shell.taken_in import touched
from cmvmon.shell.versions.links import links
from cmvmon.shell.work.opening import OpenSite, open_site
from cmvmon.text import language
from cmvmon.text.next_sample import next_sample_sentence


@dataclass(frozen=True)
class Answer:
    """Rows of `next_sample` with their sentence; without a row, `in_words` says why there is none."""

    rows: list[dict[str, Any]]
    in_words: str


def asked(root: Path, *, patient: str, as_of: datetime, lang: str | None) -> Answer:
    """When one more sample would settle the open calls of a patient; none would of one who has died. Nothing is recorded.

    Raises SiteError when there is no such site, or nothing is known of that patient.
    """
    settings = Site(root).require().settings()
    spoken = language(lang or settings.language)
    with open_site(root) as opened:
        weekly, table, has_died = _weekly_and_next(opened, patient, as_of)
        protocol = opened.protocol
    if has_died:
        return Answer([], spoken.say("next_sample.died"))
    rows = [
        row | {"sentence": next_sample_sentence(row, spoken, protocol=protocol, time_zone=settings.time_zone)}
        for row in table.to_dicts()
    ]
    if rows:
        return Answer(rows, "")
    return Answer([], spoken.say(f"next_sample.{_why_none(weekly)}"))


def _weekly_and_next(opened: OpenSite, patient: str, as_of: datetime) -> tuple[pl.DataFrame, pl.DataFrame, bool]:
    with opened.reading() as connection:
        patient = links(connection, as_of=as_of, about=[patient]).of(patient)
        whom = touched.with_sharers(connection, [patient], as_of=as_of)
        was_known = known.known(connection, opened.site, as_of=as_of, patients=whom)
    found = prepared(was_known, protocol=opened.protocol, as_of=as_of, method=opened.method)
    results, weekly = (rows.filter(pl.col("patient_id") == patient) for rows in (found.results, found.weekly_decline))
    if results.is_empty():
        raise SiteError("no usable result of that patient was known then; check the number and --as-of")
    has_died = patient in set(known_to_have_died(found.begun)["patient_id"])
    table = (
        NEXT_SAMPLE.empty()
        if has_died
        else next_sample(results, found.clocks, weekly, protocol=opened.protocol, as_of=as_of)
    )
    return weekly, table, has_died


def _why_none(weekly: pl.DataFrame) -> str:
    """Why no series has an answer: no call, none open, the method foretells nothing, or its course is over."""
    if weekly.is_empty():
        return "no_weeks"
    latest = weekly.sort(*SERIES_KEY, "anchor_at", "treatment_week").group_by(SERIES_KEY).last()
    is_open = latest.filter(pl.col("call") == words.INDETERMINATE)
    if is_open.is_empty():
        return "nothing_open"
    return "course_over" if "bank" in set(is_open["method"]) else "by_line"
