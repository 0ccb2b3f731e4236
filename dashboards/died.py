"""In place of a bed: that a patient has died or left, and when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cmvmon.dashboards.views import PatientView, WardRow
from cmvmon.domain.who_died import Death
from cmvmon.text import Language


class _Keys(NamedTuple):
    """The sentences of a place. `died_by`: where neither the moment nor the day was stated."""

    died: str
    died_by: str
    left: str


_PAGE = _Keys("patient.died", "patient.died_by", "patient.left")
_ROW = _Keys("row.died", "row.died_by", "row.left")


def in_place_of_a_bed(view: PatientView, language: Language) -> str:
    """On the patient's page; "" of whom neither is known."""
    return _said(_PAGE, view, language, view.time_zone, language.date)


def in_place_of_a_bed_in_a_row(row: WardRow, time_zone: str, language: Language) -> str:
    """On the ward page, in few words; "" of whom neither is known."""
    return _said(_ROW, row, language, time_zone, language.short_date)


def _said(
    keys: _Keys, one: PatientView | WardRow, language: Language, time_zone: str, date: Callable[[datetime, str], str]
) -> str:
    if one.died is not None:
        key = keys.died if one.died.is_dated else keys.died_by
        return language.say(key, date=date(_day_of(one.died, time_zone), time_zone))
    return "" if one.left_at is None else language.say(keys.left, date=date(one.left_at, time_zone))


def _day_of(death: Death, time_zone: str) -> datetime:
    """A moment of the day that is told: of a day that alone was stated, its noon in that zone."""
    return death.at if death.on is None else datetime.combine(death.on, time(12), ZoneInfo(time_zone))
