"""The patient page: one A4, read in 15 seconds. What is the case, since when, from which results, what is unknown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from cmvmon.dashboards import (
    beside,
    concordance_words,
    died,
    doubted,
    facts,
    few_words,
    never_delivered,
    not_assessed,
    page,
)
from cmvmon.dashboards import words_for_results as cells
from cmvmon.dashboards.answers import how_many
from cmvmon.dashboards.board import Board
from cmvmon.dashboards.course_caveats import course_caveats
from cmvmon.dashboards.decline_weeks import decline_tables
from cmvmon.dashboards.drug_notes import drug_notes
from cmvmon.dashboards.facts import Point
from cmvmon.dashboards.figure import Plot, figure_of, plot_of
from cmvmon.dashboards.first_sheet import first_sheet
from cmvmon.dashboards.lane_words import lane_lines
from cmvmon.dashboards.legend import legend
from cmvmon.dashboards.moved import course_sentence, latest_row
from cmvmon.dashboards.response import response_rows
from cmvmon.dashboards.result_rows import result_row
from cmvmon.dashboards.row_views import NotAssessable
from cmvmon.dashboards.rows import Row, rows_of
from cmvmon.dashboards.views import CAVEATS, Caveat, PatientView
from cmvmon.domain import words
from cmvmon.text import Language, alert_sentence, duration_sentence, of_stored

_FIRST_RESULTS = 8  # the rest is folded away on the screen, and printed
_INTERRUPTING_TIERS = (1, 2)


def patient_page(view: PatientView, *, language: Language, script: str | None, board: Board | None = None) -> str:
    """The page of one patient as HTML text: the same view, language and script name give the same bytes.

    Args:
        script: file name of the shared script (`dashboards.script.shared_script`), which lies beside the page; None = no script.
        board: what the board adds; None = it is a file, for whoever may read it.

    Raises:
        MissingWords: the view holds a code that has no words, in either language.
    """
    view = doubted.without_ways(view)
    plot = plot_of(view, language)
    said = _said(view, plot, language)
    figure = None if plot is None or script is None else figure_of(plot, view, language)
    parts = said | first_sheet(said, plot, view, language)
    return page.render(
        "patient.html",
        language,
        view=view,
        script=script,
        board=board,
        report=_report_id(view, parts, language),
        others=page.other_languages(dict(view.hrefs), language),
        as_of=page.instant(view.as_of),
        figure=page.script_json(figure) if figure else None,
        lane_lines=lane_lines(plot, view, language),
        **parts,
    )


def _report_id(view: PatientView, parts: dict[str, Any], language: Language) -> str:
    """12 characters that stand for what the page says of whom at what moment, wherever it is shown."""
    said = (language.code, view.patient_id, page.instant(view.as_of), parts)
    return hashlib.sha256(repr(said).encode()).hexdigest()[:12]


def _said(view: PatientView, plot: Plot | None, language: Language) -> dict[str, Any]:
    """What the page says, part by part."""
    shown = facts.points(view.results)
    alerts = facts.alerts_in_order(rows_of(view.open_alerts))
    pairs = facts.latest_by_compartment(shown, view.affected)
    unjudged = facts.not_assessable(view.verdicts)
    never, never_lines = never_delivered.of_a_patient(unjudged, view.never_delivered, language)
    missing = [
        NotAssessable(row["rule"], row["reason"], row["compartment"], row["subject"])
        for row in unjudged
        if not never_delivered.is_for_want_of(row["reason"], view.never_delivered)
    ]
    told = {alert["alert_id"]: cells.alert_row(alert, view, language) for alert in alerts}
    results = [result_row(point, view, language) for point in reversed(shown)]
    weeks, older_weeks = decline_tables(shown, view, language)
    interval = language.percent(view.protocol.decline.interval_probability)
    return {
        "disabled": page.disabled_in_words(view, language),
        "age": _age(shown, view, language),
        "born": _born(view, language),
        "left": died.in_place_of_a_bed(view, language),
        "headline": _headline(alerts, told, shown, pairs, view, language),
        "also": _also(alerts, told, missing, language),
        "unassessed": not_assessed.lines(missing, language),
        "never": never,
        "never_lines": never_lines,
        "drugs": _drugs(view, language),
        "due": _due(view, language),
        "duration": _duration(view, language),
        "unwatched": _unwatched(pairs, view, language),
        "alerts": list(told.values()),
        "ended": [cells.ended_row(alert, view, language) for alert in view.ended_alerts],
        "latest": [latest_row(pair, shown, view, language) for pair in pairs],
        "states": [
            of_stored(alert_sentence, rule, evidence, language=language, time_zone=view.time_zone)
            for rule, evidence in facts.states(view.verdicts)
        ],
        "responses": response_rows(shown, view, language),
        "interval": interval,
        "caption": "" if plot is None else legend(plot, view, language),
        "older": _older(plot, view, language),
        "weeks": weeks,
        "no_weeks": doubted.asked(view, language) if doubted.of_view(view) else language.say("decline.none"),
        "older_weeks": older_weeks,
        "results": results[:_FIRST_RESULTS],
        "older_results": results[_FIRST_RESULTS:],
        "older_results_title": language.count("results.older", max(len(results) - _FIRST_RESULTS, 0)),
        "courses": None if view.courses is None else cells.course_rows(view.courses, view, language),
        "drug_notes": drug_notes(view, language),
        "beside": beside.with_drugs(view, language),
        "ventilation": _ventilation(view, language),
        "caveats": _caveats(shown, view, language),
        "concordance": concordance_words.sentences(view, language),
        "context": [*_context(view, language), *beside.of_defence(view, language)],
    }


def _born(view: PatientView, language: Language) -> str:
    """The date of birth and the age by it on the day that is judged; empty where no dates of birth are delivered."""
    born, today = view.born_on, view.as_of.astimezone(ZoneInfo(view.time_zone)).date()
    if not view.has_births:
        return ""
    if born is None:
        return language.say("unknown")
    written = language.date(datetime(born.year, born.month, born.day, 12, tzinfo=UTC), "UTC")
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return written if born > today else language.say("patient.born_on", date=written, years=language.number(years, 0))


def _older(plot: Plot | None, view: PatientView, language: Language) -> str:
    """From when on the figure shows results, and how many are older; empty where it shows them all."""
    if plot is None or not plot.older:
        return ""
    since = language.date(plot.window.start, view.time_zone)
    return language.say("figure.since", date=since, older=language.count("figure.older", plot.older))


def _age(shown: list[Point], view: PatientView, language: Language) -> str:
    as_of = language.moment(view.as_of, view.time_zone)
    moments = [point.row["collected_at"] for point in shown if not point.is_gone]
    if not moments:
        return language.say("age.no_sample", as_of=as_of)
    return language.say("age.data", as_of=as_of, last=language.moment(max(moments), view.time_zone))


def _headline(
    alerts: list[Row],
    told: Mapping[str, Row],
    shown: list[Point],
    pairs: list[tuple[Point, Point | None]],
    view: PatientView,
    language: Language,
) -> dict[str, str | bool]:
    """The one sentence: the most pressing open alert, else where the load stands; then how many alerts are open."""
    pressing = [alert for alert in alerts if alert["tier"] in _INTERRUPTING_TIERS]
    count = how_many(len(pressing), len(alerts) - len(pressing), language)
    if pressing:
        first = told[pressing[0]["alert_id"]]
        sentence = language.say("headline.alert", title=first["title"], sentence=first["brief"])
        return {"attention": True, "sentence": sentence, "count": count}
    main = facts.main_pair(pairs, view.affected)
    return {"attention": False, "sentence": course_sentence(main and main[0], shown, view, language), "count": count}


def _also(alerts: list[Row], told: Mapping[str, Row], missing: list[NotAssessable], language: Language) -> list[str]:
    """What stands on top beside the first alert: every other one of now, and one of a rule that could not tell of another
    gene or drug, without which "nothing found" of that one would read as nothing found at all."""
    beside = {item.rule for item in missing if not_assessed.about(item.subject)}
    pressing = [alert for alert in alerts if alert["tier"] in _INTERRUPTING_TIERS]
    others = (a for a in pressing[1:] if a["tier"] == _INTERRUPTING_TIERS[0] or a["rule"] in beside)
    rows = [told[alert["alert_id"]] for alert in others]
    return [language.say("headline.alert", title=row["title"], sentence=row["brief"]) for row in rows]


def _duration(view: PatientView, language: Language) -> str:
    """How long treatment has run, beside the ward's guide; empty where the patient is not treated."""
    said = [row["evidence"] for row in rows_of(view.verdicts) if row["rule"] == "guide_duration"]
    return duration_sentence(json.loads(said[0]), language) if said else ""


def _drugs(view: PatientView, language: Language) -> list[str]:
    """What runs, on which day and since when, and what stopped lately; else why nothing is told."""
    now = view.drugs
    if not now.running:
        return few_words.drugs(now, as_of=view.as_of, time_zone=view.time_zone, language=language)
    said = [
        language.say(
            "first.drug_since",
            drug=few_words.running(each, view.as_of, language),
            date=language.date(each.since, view.time_zone),
        )
        for each in now.running
    ]
    return said + few_words.beside(now, view.time_zone, language)


def _due(view: PatientView, language: Language) -> list[str]:
    """When the next sample of each watched load is expected."""
    return [
        language.say(
            "first.due_over" if each.due_at < view.as_of else "first.due_on",
            compartment=cells.capital(language.word("compartment", each.compartment)),
            date=language.short_date(each.due_at, view.time_zone),
        )
        for each in view.due
        if each.due_at is not None
    ] or [language.say("first.no_due_died" if view.died else "first.no_due_left" if view.left_at else "first.no_due")]


def _unwatched(pairs: list[tuple[Point, Point | None]], view: PatientView, language: Language) -> str:
    """The compartments with a result whose load no rule watches; empty where every one is."""
    names = [latest.row["compartment"] for latest, _ in pairs if latest.row["compartment"] not in view.watched]
    if not names:
        return ""
    return language.say("verdicts.unwatched", compartments=language.words("compartment", ";".join(names)))


def _ventilation(view: PatientView, language: Language) -> str:
    periods = [
        language.say(
            "stays.period",
            start=language.moment(start, view.time_zone),
            stop=language.moment(stop, view.time_zone) if stop else language.say("courses.running"),
        )
        + (f" ({language.word('ventilation', kind)})" if kind else "")
        for start, stop, kind in facts.ventilation(view.stays)
    ]
    return language.say("stays.ventilation", periods="; ".join(periods)) if periods else ""


def _caveats(shown: list[Point], view: PatientView, language: Language) -> list[str]:
    """What the reader must know about the data: derived from the view, then what the view adds."""
    said = []
    conflicting = sum(bool(point.row["is_conflicting"]) for point in shown)
    preliminary = sum(point.is_preliminary for point in shown)
    if conflicting:
        said.append(language.count("caveat.conflicting_values", conflicting))
    if preliminary:
        said.append(language.count("caveat.preliminary", preliminary))
    if view.treatment == words.TREATMENT_UNKNOWN:
        said.append(_treatment_unknown(view, language))
    if view.affected and view.affected_source:
        names = ", ".join(language.word("compartment", name) for name in view.affected)
        said.append(language.say(f"caveat.affected_{view.affected_source}", compartments=names))
    said += course_caveats(view, language)
    said += concordance_words.standing_in(view, language)
    added = sorted(view.caveats, key=lambda caveat: CAVEATS.index(caveat.code))
    return said + [_added(caveat, view, language) for caveat in added]


def _context(view: PatientView, language: Language) -> list[str]:
    """What the guide says of a patient like this one, each line with its statement."""
    return [
        language.say(f"context.{key}", **({} if number is None else {"number": language.number(number, 0)}))
        + f" ({guide})"
        for key, guide, number in view.context
    ]


def _treatment_unknown(view: PatientView, language: Language) -> str:
    if view.treatment_known_at is None:
        return language.say("caveat.treatment_unknown")
    since = language.moment(view.treatment_known_at, view.time_zone)
    return language.say("caveat.treatment_unknown_since", since=since)


def _added(caveat: Caveat, view: PatientView, language: Language) -> str:
    key = f"caveat.{caveat.code}"
    if caveat.n is not None:
        return language.count(key, caveat.n)
    return language.say(key, **({"since": language.moment(caveat.since, view.time_zone)} if caveat.since else {}))
