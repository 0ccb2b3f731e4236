"""The samples that a ward page lists, read from its text: expected today, overdue, ordered and without a result, or none. Made up."""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from re import sub

import pytest

from cmvmon.dashboards.row_views import SampleDue
from cmvmon.dashboards.ward import ward_page
from cmvmon.text import language
from tests.pages import made_up_ward
from tests.pages.made_up import AS_OF, day

LATER_TODAY = AS_OF + timedelta(hours=3)
SAMPLES = (
    SampleDue("SYNTHETIC-0001", "bal", due_at=day(21), newest_collected_at=day(14)),
    SampleDue("SYNTHETIC-0001", "plasma", due_at=day(20.5), newest_collected_at=day(13.5)),
    SampleDue("SYNTHETIC-0004", "plasma", due_at=AS_OF - timedelta(minutes=1), newest_collected_at=day(15)),
    SampleDue("SYNTHETIC-0005", "plasma", due_at=AS_OF, newest_collected_at=day(15)),
    SampleDue("SYNTHETIC-0003", "csf", due_at=LATER_TODAY, newest_collected_at=day(15)),
    SampleDue("SYNTHETIC-0004", "csf", ordered_at=day(18)),
    SampleDue("SYNTHETIC-0005", "bal", ordered_at=day(19), collected_at=day(20)),
    SampleDue("SYNTHETIC-LEFT", "plasma", ordered_at=day(19), collected_at=day(20)),  # in no row of the list
)
SAID = {
    "nl": [
        "Over tijd (3): 7 SYNTHETIC-0001 BAL (laatste 15 nov), Plasma (laatste 14 nov); 12 SYNTHETIC-0004 Plasma (laatste 16 nov).",
        "Vandaag verwacht (2): 3 SYNTHETIC-0005 Plasma (laatste 16 nov); SYNTHETIC-0003 Liquor (laatste 16 nov).",
        (
            "Aangevraagd, geen uitslag (3): 12 SYNTHETIC-0004 Liquor (aangevraagd 19 nov, voor zover bekend niet afgenomen); "
            "3 SYNTHETIC-0005 BAL (afgenomen 21 nov); SYNTHETIC-LEFT Plasma (afgenomen 21 nov)."
        ),
    ],
    "en": [
        "Overdue (3): 7 SYNTHETIC-0001 BAL (last 15 Nov), Plasma (last 14 Nov); 12 SYNTHETIC-0004 Plasma (last 16 Nov).",
        "Expected today (2): 3 SYNTHETIC-0005 Plasma (last 16 Nov); SYNTHETIC-0003 CSF (last 16 Nov).",
        (
            "Ordered, no result (3): 12 SYNTHETIC-0004 CSF (ordered 19 Nov, not taken as far as known); "
            "3 SYNTHETIC-0005 BAL (taken 21 Nov); SYNTHETIC-LEFT Plasma (taken 21 Nov)."
        ),
    ],
}
NONE = {
    "nl": "Vandaag geen monster verwacht; geen aangevraagd zonder uitslag.",
    "en": "No sample expected today; none ordered without a result.",
}


def section(samples: tuple[SampleDue, ...] | None, code: str) -> list[str]:
    """The lines below the heading of the section, as a reader sees them; none where there is no such section."""
    page = ward_page(made_up_ward.ward(samples=samples), language=language(code))
    found = page.partition('<section id="samples">')[2].partition("</section>")[0]
    return [" ".join(unescape(sub(r"<[^>]+>", "", line)).split()) for line in found.split("</h2>")[-1].split("</p>")][
        :-1
    ]


@pytest.mark.parametrize("code", SAID)
def test_each_kind_of_sample_is_listed_with_bed_patient_compartment_and_date(code: str) -> None:
    assert section(SAMPLES, code) == SAID[code]


@pytest.mark.parametrize("code", SAID)
def test_a_patient_s_number_leads_to_her_page_and_one_without_a_page_is_text(code: str) -> None:
    page = ward_page(made_up_ward.ward(samples=SAMPLES), language=language(code))
    found = page.partition('<section id="samples">')[2].partition("</section>")[0]
    assert '<a class="id" href="p4.html">SYNTHETIC-0004</a>' in found
    assert '<span class="id">SYNTHETIC-LEFT</span>' in found


@pytest.mark.parametrize("code", NONE)
def test_none_is_said_and_not_known_is_left_out(code: str) -> None:
    assert section((), code) == [NONE[code]]
    assert section(None, code) == []
    assert section(SAMPLES[:1], code)[0].startswith(SAID[code][0].split(" (")[0] + " (1): ")
    assert len(section(SAMPLES[:1], code)) == 1  # a kind of which there is none has no line
