"""What ran when: a lane of bars for each drug, and one for ventilation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cmvmon.text import Language
from dashboards import facts
from dashboards.views import PatientView
from dashboards.words_for_results import dose


@dataclass(frozen=True)
class Bar:
    """One stretch. `stop` None = still running at as_of. `is_unsure`: why it was given is not known."""

    start: datetime
    stop: datetime | None
    is_unsure: bool = False


@dataclass(frozen=True)
class Lane:
    """The bars that share a label. `kind`: `therapy` or `ventilation`."""

    kind: str
    label: str
    bars: tuple[Bar, ...]


def lanes(view: PatientView, language: Language) -> list[Lane]:
    """Drugs by their first dose, one lane for each drug, dose and intent; then ventilation."""
    by_label: dict[str, list[Bar]] = {}
    if view.courses is not None:
        for row in view.courses.sort("started_at", "drug", "route", nulls_last=True).iter_rows(named=True):
            if row["indication"] is None:
                label = language.say("figure.indication_unknown", drug=row["drug"])
            else:
                label = f"{row['drug']} {dose(row, language)}".strip()
            by_label.setdefault(label, []).append(Bar(row["started_at"], row["stopped_at"], row["indication"] is None))
    found = [Lane("therapy", label, tuple(bars)) for label, bars in by_label.items()]
    off = view.protocol.ventilation.off_ventilator
    breathing = tuple(Bar(start, stop) for start, stop, kind in facts.ventilation(view.stays) if kind not in off)
    if breathing:
        found.append(Lane("ventilation", language.say("figure.ventilation"), breathing))
    return found
