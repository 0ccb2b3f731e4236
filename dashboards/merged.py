"""The page of a number that was merged into another: into which, since when, and where everything stands now."""

from __future__ import annotations

from cmvmon.dashboards import page
from cmvmon.dashboards.board import Board
from cmvmon.dashboards.views import MergedView
from cmvmon.text import Language


def merged_page(view: MergedView, *, language: Language, board: Board | None = None) -> str:
    """The page as HTML text: the same view and language give the same bytes."""
    return page.render(
        "merged.html",
        language,
        view=view,
        script=None,
        board=board,
        others=page.other_languages(dict(view.hrefs), language),
        disabled=page.disabled_in_words(view, language),
        sentence=language.say(
            "merged.sentence",
            old=view.patient_id,
            new=view.merged_into,
            since=language.date(view.since, view.time_zone),
        ),
        age=language.say("ward.as_of", as_of=language.moment(view.as_of, view.time_zone)),
    )
