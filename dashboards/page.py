"""What both pages share: the templates' environment, the words that templates ask for, and JSON that can't end a script."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from cmvmon.dashboards.result_lines import result_lines
from cmvmon.dashboards.site_views import SiteView
from cmvmon.dashboards.unbroken import unbroken
from cmvmon.dashboards.views import MergedView, PatientView, WardView
from cmvmon.text import Language, language
from cmvmon.text.policy import waiting_in_words
from cmvmon.text.values import days_in_words

Page = PatientView | WardView | MergedView


class _Templates(Environment):
    """The templates in one language: a sentence that has nothing to fill is part of the template. It is looked up and escaped once
    a language, not once a page; a key without words, or with something to fill, is left to the page that asks for it."""

    _SENTENCE = re.compile(r"\bsay\('([\w.]+)'\)")

    def __init__(self, language_: Language, **options: Any) -> None:
        super().__init__(**options)
        self._plain = language_.plain

    def preprocess(self, source: str, name: str | None = None, filename: str | None = None) -> str:
        return super().preprocess(self._SENTENCE.sub(self._said, source), name, filename)

    def _said(self, asked: re.Match[str]) -> str:
        return repr(self._plain[asked[1]]) if asked[1] in self._plain else asked[0]


@cache  # of languages there are few
def _environment(language_: Language) -> Environment:
    found = _Templates(
        language_,
        loader=PackageLoader("cmvmon.dashboards", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,  # templates are part of the program: none changes while it runs
    )
    found.globals["result_lines"] = result_lines
    found.filters["with_numbers_whole"] = with_numbers_whole
    return found


def render(template: str, language_: Language, *, board: object = None, **facts: object) -> str:
    """The page of that template. Every value is escaped; a name that the template asks for and lacks is an error.

    `board`: what the board adds to it (`cmvmon.dashboards.board.Board`); None = it is a file, for whoever may read it.
    """
    found = _environment(language_).get_template(template)
    return unbroken(found.render(say=language_.say, lang=language_.code, board=board, **facts))


def with_numbers_whole(text: str, *numbers: str) -> Markup:
    """The sentence, escaped, in which the style keeps each of these patients' numbers on one line where the line holds it.

    >>> with_numbers_whole("Of P-1 & P-12", "P-1", "P-12")
    Markup('Of <span class="id">P-1</span> &amp; <span class="id">P-12</span>')
    """
    each = "|".join(map(re.escape, sorted(numbers, key=len, reverse=True)))
    parts = re.split(f"({each})", text)
    return Markup("").join(
        Markup('<span class="id">{}</span>').format(p) if n % 2 else escape(p) for n, p in enumerate(parts)
    )


def other_languages(hrefs: dict[str, str], current: Language) -> list[dict[str, str]]:
    """Links to the same page in the other languages."""
    return [
        {"code": code, "href": hrefs[code], "name": language(code).name}
        for code in sorted(hrefs)
        if code != current.code
    ]


def disabled_in_words(view: Page | SiteView, language_: Language) -> list[str]:
    """What doesn't judge here though it is there, a sentence each: the protocol file that waits for a second person; each rule that
    the site has switched off, since when, by whom and why."""
    return [
        *([] if view.waits is None else [waiting_in_words(view.waits, language_, view.time_zone)]),
        *(
            language_.say(
                "disabled.rule",
                rule=language_.word("rule", off.rule),
                since=language_.date(off.since, view.time_zone),
                who=off.actor,
                why=off.why,
            )
            for off in view.switched_off
        ),
    ]


def script_json(value: Any) -> str:
    """JSON for a `<script type="application/json">`: nothing in it can end the element or start another."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def elapsed(span: timedelta, language_: Language) -> str:
    """A span in whole days."""
    return days_in_words(abs(span.total_seconds()) / 86_400, language_)


def instant(moment: datetime) -> str:
    """A moment for machines: ISO 8601, UTC, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
