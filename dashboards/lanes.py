"""What stands beneath the panels: a lane for each drug with its renal band, one of ventilation, of levels, of kidney function.

A lane says in words what it lacks: a table that never came, a row that can't be read and nothing on record stay three things.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from cmvmon.dashboards import facts, few_words
from cmvmon.dashboards.renal_bands import renal_bands
from cmvmon.dashboards.rows import Row, rows_by, rows_of
from cmvmon.dashboards.views import PatientView
from cmvmon.dashboards.words_for_results import capital, dose, plain, stopped_said
from cmvmon.domain import drug_levels
from cmvmon.domain.drug_levels import DRUG_LEVELS
from cmvmon.domain.kidney_function import CREATININE, KIDNEY_FUNCTION
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS
from cmvmon.text import Language

KNOWN, NONE, UNKNOWN = "known", "none", "unknown"


@dataclass(frozen=True)
class Bar:
    """One stretch. `stop` None = still running at as_of. `is_unsure`: why it was given is not known. `text`: stands on it.

    `since`: from where the text speaks, where that is not the start of the bar. `said`: why it ended, as stated; "" = it did not, or
    nothing is stated.
    """

    start: datetime
    stop: datetime | None
    is_unsure: bool = False
    text: str = ""
    since: datetime | None = None
    said: str = ""


@dataclass(frozen=True)
class Mark:
    """One value at a moment: what is written beside it, whether it counts as a trough, and its whole sentence."""

    at: datetime
    text: str
    is_trough: bool
    said: str


@dataclass(frozen=True)
class Lane:
    """What shares a label. `kind`: therapy, ventilation, level or kidney. `line`: moments, and heights from 0 to 1.

    `state`: known; none: nothing of it is on record; unknown: it is not known whether there is more. `short`: the label where
    there is little room; what it leaves out stands in the lane or in the text of its values.
    """

    kind: str
    label: str
    bars: tuple[Bar, ...] = ()
    marks: tuple[Mark, ...] = ()
    line: tuple[tuple[datetime, float, str], ...] = ()
    state: str = KNOWN
    short: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.bars or self.marks or self.line)


def lanes(view: PatientView, language: Language) -> list[Lane]:
    """Drugs by their first dose, one lane for each drug, dose and intent; ventilation; levels; kidney function."""
    return [*_drugs(view, language), *_ventilation(view, language), *_levels(view, language), *_kidney(view, language)]


def _drugs(view: PatientView, language: Language) -> list[Lane]:
    by_label: dict[str, list[Bar]] = {}
    given = () if view.courses is None else rows_of(view.courses)
    rows = rows_by(given, "started_at", "drug", "route", nulls_last=True)
    shorter: dict[str, str] = {}
    for row in rows:
        remarks = _drug_remarks(row, view, language)
        label = ", ".join([f"{row['drug']} {dose(row, language)}".strip(), *remarks])
        shorter[label] = ", ".join([row["drug"], *remarks])
        by_label.setdefault(label, []).extend(_bars(row, view, language))
    found = [Lane("therapy", label, tuple(bars), short=shorter[label]) for label, bars in by_label.items()]
    return found + _gap("therapy", ANTIVIRAL_COURSES.name, not found, view, language)


def _drug_remarks(course: Row, view: PatientView, language: Language) -> list[str]:
    """What sets a drug apart from treatment that the protocol knows: it is not listed there, or was given for something else."""
    found = [] if course["drug"] in view.protocol.drugs else [language.say("figure.drug_unlisted")]
    return [*found, *few_words.given_for(course["indication"], language)]


def _bars(course: Row, view: PatientView, language: Language) -> list[Bar]:
    """The course in pieces, one for each renal band that its doses are held against; one piece where none is told."""
    start, stop, is_unsure = course["started_at"], course["stopped_at"], course["indication"] is None
    pieces = renal_bands(course, view, language)
    said = stopped_said(course, view.time_zone, language)
    if not pieces:
        return [Bar(start, stop, is_unsure, said=said)]
    starts = [start, *(piece.since for piece in pieces[1:])]
    ends: list[datetime | None] = [*starts[1:], stop]
    return [
        Bar(begin, end, is_unsure, piece.text, piece.since if begin < piece.since else None, said)
        for begin, end, piece in zip(starts, ends, pieces, strict=True)
    ]


def _ventilation(view: PatientView, language: Language) -> list[Lane]:
    off = view.protocol.ventilation.off_ventilator
    breathing = tuple(
        Bar(start, stop, text=language.word("ventilation", kind) if kind else "")
        for start, stop, kind in facts.ventilation(view.stays)
        if kind not in off
    )
    found = [Lane("ventilation", language.say("figure.ventilation"), breathing)] if breathing else []
    return found + _gap("ventilation", ICU_STAYS.name, not found, view, language)


def _levels(view: PatientView, language: Language) -> list[Lane]:
    """A lane for each drug that was measured; without one, what is lacking where a drug with a target is or was given."""
    found = []
    levels = rows_by(rows_of(view.alongside.levels), "drug", "sampled_at")
    for drug, of_drug in groupby(levels, itemgetter("drug")):
        rows = list(of_drug)
        marks = tuple(_level(row, view, language) for row in rows)
        targets = [row for row in rows if row["trough_from_mg_per_l"] is not None]
        label = language.say("lane.level", drug=str(drug))
        if targets:
            ends = {end: plain(targets[-1][f"trough_{end}_mg_per_l"], language) for end in ("from", "to")}
            label = language.say("lane.level_target", drug=str(drug), low=ends["from"], high=ends["to"])
        found.append(Lane("level", label, marks=marks))
    groups = view.protocol.levels
    drugs = view.protocol.drugs
    given = set() if view.courses is None else {row["drug"] for row in rows_of(view.courses)}
    is_asked = any(drugs[drug].group in groups for drug in given if drug in drugs)
    return found + (_gap("level", DRUG_LEVELS.name, not found, view, language) if found or is_asked else [])


def _level(row: Row, view: PatientView, language: Language) -> Mark:
    value = f"{row['comparator'] or ''}{plain(row['level_value'], language)}"
    unit = language.say(f"lane.unit.{row['unit']}")
    is_trough = bool(row["is_judged_trough"])
    kind = "trough" if is_trough else "peak" if row["level_kind"] == drug_levels.PEAK else "unknown"
    said = language.say(
        "lane.level_said",
        moment=language.moment(row["sampled_at"], view.time_zone),
        drug=row["drug"],
        value=f"{value} {unit}",
        kind=language.say(f"lane.kind.{kind}"),
    )
    short = value if row["unit"] == drug_levels.MG_PER_L else f"{value} {unit}"
    mark = language.say("lane.peak", value=short) if kind == "peak" else short
    return Mark(row["sampled_at"], mark, is_trough, said)


def _kidney(view: PatientView, language: Language) -> list[Lane]:
    """One small line: creatinine, or where none is on record the method of which the newest value is."""
    values = rows_by(rows_of(view.alongside.kidney), "measured_at", "method")
    if not values:
        has_drugs = view.courses is not None and not view.courses.is_empty()
        return _gap("kidney", KIDNEY_FUNCTION.name, True, view, language) if has_drugs else []
    method = CREATININE if any(row["method"] == CREATININE for row in values) else str(values[-1]["method"])
    rows = [row for row in values if row["method"] == method]
    low, high = min(row["kidney_value"] for row in rows), max(row["kidney_value"] for row in rows)
    unit = language.say(f"lane.unit.{rows[-1]['unit']}")
    name = language.say(f"lane.method.{method}")
    line = tuple(
        (
            row["measured_at"],
            0.5 if high == low else (row["kidney_value"] - low) / (high - low),
            language.say(
                "lane.kidney_said",
                moment=language.moment(row["measured_at"], view.time_zone),
                method=name,
                value=f"{short_value(row, language)} {unit}",
            ),
        )
        for row in rows
    )
    last = {
        "method": capital(name),
        "value": short_value(rows[-1], language),
        "unit": unit,
        "date": language.short_date(rows[-1]["measured_at"], view.time_zone),
    }
    spread = {
        "low": short_value({"kidney_value": low}, language),
        "high": short_value({"kidney_value": high}, language),
    }
    short = language.say("lane.kidney_one", **last)
    label = short if high == low else language.say("lane.kidney", **last, **spread)
    return [Lane("kidney", label, line=line, short=short), *_gap("kidney", KIDNEY_FUNCTION.name, False, view, language)]


def short_value(row: Row, language: Language) -> str:
    """A value of kidney function: whole from ten on, else with two decimals at most."""
    value = row["kidney_value"]
    return language.number(value, 0) if value >= 10 else plain(round(value, 2), language)


def _gap(kind: str, table: str, is_empty: bool, view: PatientView, language: Language) -> list[Lane]:
    """What is lacking of a table: of one with rows too, where more may be true than they say."""
    unknown = [row for row in rows_of(view.alongside.unknown) if row["table_name"] == table]
    what = language.say(f"lane.what.{kind}")
    if unknown:
        row = unknown[0]
        heard = {} if row["heard_at"] is None else {"date": language.short_date(row["heard_at"], view.time_zone)}
        why = language.say(f"lane.unknown.{row['unknown_because']}", **(heard if heard else {}))
        return [Lane(kind, language.say("lane.lacking", what=what, why=why), state=UNKNOWN)]
    if not is_empty:
        return []
    delivered = {ANTIVIRAL_COURSES.name: view.courses, ICU_STAYS.name: view.stays}
    if table in delivered and delivered[table] is None:
        why = language.say("lane.unknown.never_delivered")
        return [Lane(kind, language.say("lane.lacking", what=what, why=why), state=UNKNOWN)]
    return [Lane(kind, language.say("lane.lacking", what=what, why=language.say("lane.none")), state=NONE)]
