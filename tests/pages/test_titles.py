"""A title says its finding in at most six words, in every language."""

from __future__ import annotations

import pytest

from cmvmon.text import alert_title, codes, language
from cmvmon.text.language import rule_files

MOST_WORDS = 6


@pytest.mark.parametrize("code", codes())
def test_no_title_has_more_than_six_words(code: str) -> None:
    titles = {key: text for key, text in language(code).sentences.items() if key.startswith("title.")}
    assert len(titles) > len(rule_files(code)) / 2
    assert {key: text for key, text in titles.items() if len(text.split()) > MOST_WORDS} == {}
    assert [key for key, text in titles.items() if "{" in text or text.endswith(".")] == []


@pytest.mark.parametrize(
    ("rule", "held", "titles"),
    [
        (
            "drug_level",
            "still_below",
            {
                "en": ("Trough below its target", "Trough just inside target, was below"),
                "nl": ("Dalspiegel onder het streefgebied", "Dalspiegel net boven ondergrens, was eronder"),
            },
        ),
        (
            "exposure_high",
            "still_above",
            {
                "en": ("Trough above its target", "Trough just inside target, was above"),
                "nl": ("Dalspiegel boven het streefgebied", "Dalspiegel net onder bovengrens, was erboven"),
            },
        ),
    ],
)
def test_a_trough_that_is_held_just_inside_its_target_is_not_titled_as_outside(
    rule: str, held: str, titles: dict[str, tuple[str, str]]
) -> None:
    for code in codes():
        outside, inside = titles[code]
        assert alert_title(rule, {"says": ["trough", "target"]}, language(code)) == outside
        assert alert_title(rule, {"says": ["trough", "target", held]}, language(code)) == inside
