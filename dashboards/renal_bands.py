"""The renal band that each dose of a course is held against, in few words: it stands on the bar of its drug."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cmvmon.dashboards.rows import Row, rows_by, rows_of
from cmvmon.dashboards.views import PatientView
from cmvmon.text import Language
from cmvmon.text.formats import band_in_words


@dataclass(frozen=True)
class RenalBand:
    """From when on a band holds, and what it is; or that it is not known."""

    since: datetime
    text: str


def renal_bands(course: Row, view: PatientView, language: Language) -> list[RenalBand]:
    """The bands of a course by time, one that stays the same once. Empty where its drug has no table of doses, where it is not
    given as treatment, and where no day of it was held against a table."""
    if course["indication"] != "treatment" or course["drug"] not in view.protocol.doses:
        return []
    start, stop = course["started_at"], course["stopped_at"]
    mine = [
        row
        for row in rows_of(view.alongside.bands)
        if row["drug"] == course["drug"] and row["to_at"] > start and (stop is None or row["from_at"] < stop)
    ]
    found: list[RenalBand] = []
    for row in rows_by(mine, "from_at"):
        text = in_words(row, language)
        if not found or found[-1].text != text:
            found.append(RenalBand(max(row["from_at"], start), text))
    return found


def in_words(row: Row, language: Language) -> str:
    """One band: kidney function in words, renal replacement, or that it is not known."""
    if row["band"] is None:
        return language.say("lane.band_unknown")
    if row["is_on_replacement"]:
        return language.say("lane.band_replaced")
    unit = language.say(f"lane.unit.{row['kidney_in']}")
    return language.say("lane.band", band=band_in_words(f"{row['band']} {unit}", language))
