"""The samples that a ward page lists: expected today, overdue, ordered and without a result; a line for each kind."""

from __future__ import annotations

from cmvmon.dashboards.row_views import SampleDue
from cmvmon.dashboards.rows import Row
from cmvmon.dashboards.views import WardView
from cmvmon.dashboards.ward_row import bed_or_left
from cmvmon.dashboards.words_for_results import capital
from cmvmon.text import Language

_KINDS = ("overdue", "due_today", "ordered")


def sample_lines(view: WardView, language: Language) -> list[Row]:
    """Each kind that there is, with the patients and their samples."""
    rows = {row.patient_id: row for row in view.rows}
    found: dict[str, dict[str, list[str]]] = {}
    for sample in view.samples or ():
        patients = found.setdefault(_kind(sample, view), {})
        patients.setdefault(sample.patient_id, []).append(_item(sample, view, language))
    return [
        {
            "kind": language.say(f"samples.{kind}"),
            "n": language.number(sum(len(items) for items in found[kind].values()), 0),
            "told": [
                {
                    "patient": patient,
                    "place": bed_or_left(rows[patient], view.time_zone, language) if patient in rows else "",
                    "href": rows[patient].href if patient in rows else "",
                    "text": ", ".join(items),
                }
                for patient, items in found[kind].items()
            ],
        }
        for kind in _KINDS
        if kind in found
    ]


def _kind(sample: SampleDue, view: WardView) -> str:
    if sample.due_at is None:
        return "ordered"
    return "overdue" if sample.due_at < view.as_of else "due_today"


def _item(sample: SampleDue, view: WardView, language: Language) -> str:
    where = capital(language.word("compartment", sample.compartment))
    moments = {
        "item": sample.newest_collected_at,
        "item_taken": sample.collected_at,
        "item_ordered": sample.ordered_at,
    }
    key = next(name for name, moment in moments.items() if moment is not None)
    moment = moments[key]
    date = "" if moment is None else language.short_date(moment, view.time_zone)
    return language.say(f"samples.{key}", compartment=where, date=date)
