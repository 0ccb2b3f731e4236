"""Words that stand in a template from the start say what they would say if each page looked them up, and are escaped as they were."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from cmvmon.dashboards import page
from cmvmon.dashboards.patient import patient_page
from cmvmon.dashboards.ward import ward_page
from cmvmon.text import Language, codes, language
from tests.pages import made_up, made_up_fitted, made_up_ward

HOSTILE = """<b>&amp; "it's" \\n \\u0041 'é' 🫁 #</b>"""


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    page._environment.cache_clear()
    yield
    page._environment.cache_clear()


def pages(spoken: Language) -> list[str]:
    """Of patients with and without everything, and of a ward."""
    views = (made_up.slow_patient(), made_up.empty_patient(), made_up_fitted.two_compartments())
    of_patients = [patient_page(view, language=spoken, script="s.js") for view in views]
    return [*of_patients, ward_page(made_up_ward.ward(), language=spoken, script="s.js")]


@pytest.mark.parametrize("code", codes())
def test_a_page_says_what_it_would_say_if_it_looked_every_word_up(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written = pages(language(code))
    monkeypatch.setattr(page._Templates, "_SENTENCE", re.compile(r"(?!)()"))
    page._environment.cache_clear()
    assert pages(language(code)) == written


@pytest.mark.parametrize("said", [HOSTILE, "{% raw %}", "{{ 1 }}", "a {", ""])
def test_words_with_markup_quotes_or_braces_stand_on_the_page_to_the_letter(said: str) -> None:
    spoken = replace(
        language("en"),
        sentences={**language("en").sentences, "results.title": said.replace("{", "{{").replace("}", "}}")},
    )
    (title,) = re.findall(r'<section id="results">\n<h2>(.*?)</h2>', pages(spoken)[0])
    shown = (
        said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#39;").replace('"', "&#34;")
    )
    assert title == shown


def test_two_languages_never_share_a_template() -> None:
    assert page._environment(language("nl")) is not page._environment(language("en"))
    assert page._environment(language("nl")) is page._environment(language("nl"))
