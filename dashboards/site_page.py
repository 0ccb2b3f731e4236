"""What the pages about the site share: their links, their head, and a table as rows of texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cmvmon.dashboards import page
from cmvmon.dashboards.board import Board
from cmvmon.dashboards.site_views import SiteView
from cmvmon.text import Language
from cmvmon.text.values import days_in_words

PAGES = ("data", "unit", "method")  # their file names begin so (templates/links.html)

_A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Table:
    """A table of texts. `marks`: of each row whether it is something to look at; `widths` in percent."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marks: tuple[bool, ...] = ()
    caption: str = ""
    widths: tuple[int, ...] = field(default=())

    def is_marked(self, i: int) -> bool:
        """Whether that row is to be looked at."""
        return i < len(self.marks) and self.marks[i]


def file_name(name: str, code: str) -> str:
    """The file name of a page about the site: it tells nothing of a patient."""
    return f"{name}.{code}.html"


def render(
    template: str, view: SiteView, language: Language, *, script: str | None, board: Board | None, **facts: Any
) -> str:
    """The page of that template, with head, links and footer."""
    return page.render(
        template,
        language,
        view=view,
        script=script,
        board=board,
        others=page.other_languages(dict(view.hrefs), language),
        disabled=page.disabled_in_words(view, language),
        as_of=page.instant(view.as_of),
        **facts,
    )


def ago(at: datetime, view: SiteView, language: Language) -> str:
    """A moment, and how many days before the page's own it was; the moment alone where it was less than a day."""
    moment = language.moment(at, view.time_zone)
    if at > view.as_of - _A_DAY:
        return moment
    age = days_in_words((view.as_of - at).total_seconds() / 86_400, language)
    return language.say("data.ago", at=moment, age=age)
