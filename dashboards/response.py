"""How each compartment responds, row by row: the sentences are those of `cmvmon.text`, which decides what holds."""

from __future__ import annotations

from cmvmon.dashboards import facts
from cmvmon.dashboards.facts import Point
from cmvmon.dashboards.rows import Row, rows_of
from cmvmon.dashboards.views import PatientView
from cmvmon.domain.series import SERIES_KEY
from cmvmon.text import Language
from cmvmon.text.next_sample import next_sample_sentence
from cmvmon.text.response import decline_sentence, rebound_sentence

_REBOUND = "rebound"  # the rule


def response_rows(shown: list[Point], view: PatientView, language: Language) -> list[Row]:
    """One row for each compartment: its name, and sentences on its decline, on a new rise, on an open call (or none)."""
    rows = []
    for row, n_series in facts.latest_weeks(view.weekly_decline, shown, view.affected):
        name = language.word("compartment", row["compartment"])
        if n_series > 1:
            name = language.say("response.series", compartment=name, laboratory=row["laboratory"], assay=row["assay"])
        is_alerted = any(
            alert["rule"] == _REBOUND and alert["compartment"] == row["compartment"]
            for alert in rows_of(view.open_alerts)
        )
        rows.append(
            {
                "compartment": name[0].upper() + name[1:],
                "decline": decline_sentence(row, language, time_zone=view.time_zone, protocol=view.protocol),
                "rebound": rebound_sentence(
                    row,
                    language,
                    last_used=facts.collected_at(row["last_result_id"], shown),
                    is_alerted=is_alerted,
                    protocol=view.protocol,
                ),
                "next_sample": _next_sample(row, view, language),
            }
        )
    return rows


def _next_sample(row: Row, view: PatientView, language: Language) -> str:
    """When one more sample would settle the series' open call; empty where nothing is open."""
    of = (*SERIES_KEY, "anchor_at")
    mine = [found for found in rows_of(view.next_sample) if all(found[key] == row[key] for key in of)]
    return "".join(
        next_sample_sentence(found, language, protocol=view.protocol, time_zone=view.time_zone) for found in mine
    )
