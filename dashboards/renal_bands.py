"""The renal band that each dose of a course is held against, in few words: it stands on the bar of its drug."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from cmvmon.text import Language
from cmvmon.text.formats import band_in_words
from dashboards.facts import Row
from dashboards.views import PatientView


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
    mine = view.alongside.bands.filter(
        (pl.col("drug") == course["drug"]) & (pl.col("to_at") > course["started_at"])
    ).sort("from_at")
    if course["stopped_at"] is not None:
        mine = mine.filter(pl.col("from_at") < course["stopped_at"])
    found: list[RenalBand] = []
    for row in mine.iter_rows(named=True):
        text = in_words(row, language)
        if not found or found[-1].text != text:
            found.append(RenalBand(max(row["from_at"], course["started_at"]), text))
    return found


def in_words(row: Row, language: Language) -> str:
    """One band: kidney function in words, renal replacement, or that it is not known."""
    if row["band"] is None:
        return language.say("lane.band_unknown")
    if row["is_on_replacement"]:
        return language.say("lane.band_replaced")
    unit = language.say(f"lane.unit.{row['kidney_in']}")
    return language.say("lane.band", band=band_in_words(f"{row['band']} {unit}", language))
