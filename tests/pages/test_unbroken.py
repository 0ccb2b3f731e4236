"""Lines of the results have their dates and numbers kept whole where they are made; the rest of a page once it is made."""

from __future__ import annotations

import pytest

from cmvmon.dashboards.result_lines import result_lines
from cmvmon.dashboards.unbroken import kept_whole, unbroken
from cmvmon.text import codes, language

ROW = {"compartment": "BAL", "is_gone": False, "status": "final", "assay": "lab <7 days>, 3 days"}
SAID = {
    "nl": {"collected": "22-11-2026 07:00", "value": "12.400 IE/ml (4,09 log10)", "before": "was 300 IE/ml (1-2-2026)", "limits": "35 tot 10.000.000"},
    "en": {"collected": "22 Nov 2026 07:00", "value": "12,400 IU/mL (4.09 log10)", "before": "", "limits": "3 days & 2"},
}  # fmt: skip


@pytest.mark.parametrize("code", codes())
def test_a_line_of_results_is_kept_whole_as_any_other_text_of_the_page(code: str) -> None:
    lines = str(result_lines([ROW | SAID[code]], language(code).say))
    plain = lines.replace('<span class="w">', "").replace("</span>", "")
    assert lines != plain
    assert unbroken(f"<body><table class='another'>{plain}</table>") == f"<body><table class='another'>{lines}</table>"


@pytest.mark.parametrize("code", codes())
def test_what_stands_around_the_table_of_results_is_kept_whole_and_its_lines_are_not_twice(code: str) -> None:
    lines = str(result_lines([ROW | SAID[code]], language(code).say))
    table = f'<table class="stack results">{lines}</table>'
    day = kept_whole(SAID[code]["collected"])
    page = f"<p>{SAID[code]['collected']}</p>"
    assert unbroken(f"<body>{page}{table}{page}") == f"<body><p>{day}</p>{table}<p>{day}</p>"
