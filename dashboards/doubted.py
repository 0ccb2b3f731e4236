"""Series whose results moved with those of many others: of how such a load goes a page says nothing while its laboratory is asked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from cmvmon.dashboards.facts import Series
from cmvmon.dashboards.rows import rows_of
from cmvmon.dashboards.views import PatientView
from cmvmon.domain import words
from cmvmon.text import Language

_SERIES = ("compartment", "laboratory", "assay")


def in_doubt(verdicts: Iterable[Mapping[str, Any]]) -> frozenset[Series]:
    """The series of which a rule could not tell for that reason. `verdicts`: of one patient, each with its reason and subject."""
    keys = (json.loads(row["subject"]) for row in verdicts if row["reason"] == words.LABORATORY_IN_DOUBT)
    return frozenset((key["compartment"], key["laboratory"], key["assay"]) for key in keys if set(_SERIES) <= set(key))


def of_view(view: PatientView) -> frozenset[Series]:
    """The series of that patient that are in doubt."""
    return in_doubt(rows_of(view.verdicts))


def without_ways(view: PatientView) -> PatientView:
    """The view without decline, call, curve and forecast of the series in doubt: they rest on what the laboratory is asked about."""
    doubted = of_view(view)
    if not doubted:
        return view
    gone = pl.DataFrame(sorted(doubted), schema=dict.fromkeys(_SERIES, pl.String()), orient="row")

    def left(table: pl.DataFrame) -> pl.DataFrame:
        return table.join(gone, on=_SERIES, how="anti", maintain_order="left")

    told = left(view.weekly_decline), left(view.fitted), left(view.next_sample)
    return replace(view, weekly_decline=told[0], fitted=told[1], next_sample=told[2])


def asked(view: PatientView, language: Language) -> str:
    """That the laboratory is asked, and how long at most nothing is said of the load."""
    return language.say("response.in_doubt", days=language.number(view.protocol.moved_together.within_days, 0))
