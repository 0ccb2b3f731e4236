"""A title says its finding in at most six words, in every language."""

from __future__ import annotations

import pytest

from cmvmon.text import codes, language
from cmvmon.text.language import rule_files

MOST_WORDS = 6


@pytest.mark.parametrize("code", codes())
def test_no_title_has_more_than_six_words(code: str) -> None:
    titles = {key: text for key, text in language(code).sentences.items() if key.startswith("title.")}
    assert len(titles) > len(rule_files(code)) / 2
    assert {key: text for key, text in titles.items() if len(text.split()) > MOST_WORDS} == {}
    assert [key for key, text in titles.items() if "{" in text or text.endswith(".")] == []
