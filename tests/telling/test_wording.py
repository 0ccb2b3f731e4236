"""What a message says, in both languages, as people read it; and that it states facts, and nothing of a patient."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from cmvmon.telling import routing
from cmvmon.telling.letter import Speaking
from cmvmon.telling.wording import said
from cmvmon.text import codes, language
from tests.spec.test_words import FORBIDDEN

ALERT: dict[str, Any] = {
    "tier": 1,
    "n": 2,
    "at": "2026-03-10T11:00:00+00:00",
    "is_ward_known": True,
    "ward": "ICU-A",
    "beds": ["1", "2"],
}
QUIET: dict[str, Any] = {
    "at": "2026-03-10T06:30:00+00:00",
    "wards": [],
    "since": None,
    "changes": {},
    "overdue": 0,
    "silent": 0,
    "stopped": 0,
    "never": 0,
    "waiting": 0,
    "is_night_missing": False,
    "is_judged": True,
    "rewritten": 0,
}
BUSY = QUIET | {
    "wards": [
        {"ward": "ICU-A", "is_ward_known": True, "now": 2, "today": 5},
        {"ward": None, "is_ward_known": False, "now": 0, "today": 1},
    ],
    "acknowledged": 3,
    "since": "2026-03-09T04:30:00+00:00",
    "changes": {"new": 3, "reopened": 2, "resolved": 1},
    "rewritten": 1,
    "overdue": 4,
    "silent": 1,
    "stopped": 2,
    "never": 1,
    "waiting": 12,
    "is_night_missing": True,
}
WORK: dict[str, Any] = {"code": "night_stopped", "feeds": ["umc_west"], "n": None, "at": "2026-03-10T05:00:00+00:00"}


def shown_text(letter: str) -> str:
    """What stands in the body of an HTML letter, one space between its pieces."""
    body = letter.partition("</h1>")[2]
    return " ".join(unescape(re.sub("<[^>]+>", " ", body)).split())


SAYS = {
    ("alert", "nl"): (
        routing.ALERT,
        ALERT,
        "cmvmon: 2 nieuwe meldingen, nu (afdeling ICU-A)",
        ["2 nieuwe meldingen van urgentie 1 (nu), afdeling ICU-A, 10-03-2026 12:00.", "Bedden: 1, 2."],
    ),
    ("escalation", "nl"): (
        routing.ESCALATION,
        ALERT | {"n": 1, "ward": None, "is_ward_known": False, "beds": []},
        "cmvmon: 1 melding zonder antwoord, nu (afdeling niet bekend)",
        [
            "1 melding zonder antwoord: urgentie 1 (nu), afdeling niet bekend, sinds 10-03-2026 12:00. Tot nu toe niet bevestigd.",
        ],
    ),
    ("handover", "en"): (
        routing.HANDOVER,
        ALERT | {"tier": 2, "beds": []},
        "cmvmon: 2 alerts about patients who have left the ICU, today (ward ICU-A)",
        [
            "2 alerts about patients who have left the ICU: tier 2 (today), last ward ICU-A, since 10 Mar 2026 12:00. Each stands until somebody has acknowledged it.",
        ],
    ),
    ("handover", "nl"): (
        routing.HANDOVER,
        ALERT | {"n": 1, "beds": []},
        "cmvmon: 1 melding over een patiënt die de IC heeft verlaten, nu (afdeling ICU-A)",
        [
            "1 melding over een patiënt die de IC heeft verlaten: urgentie 1 (nu), laatst afdeling ICU-A, sinds 10-03-2026 12:00. Elk blijft staan tot iemand haar heeft bevestigd.",
        ],
    ),
    ("work", "nl"): (
        routing.WORK,
        WORK,
        "cmvmon, het werk zelf: het nachtelijke werk is voortijdig gestopt",
        [
            "Opgemerkt op 10-03-2026 06:00: het nachtelijke werk is voortijdig gestopt.",
            "Koppeling: umc_west.",
            "`cmvmon status` en `cmvmon doctor` zeggen meer.",
        ],
    ),
    ("quiet digest", "nl"): (
        routing.DIGEST,
        QUIET,
        "cmvmon 10 mrt: 0 nu, 0 vandaag, gegevens compleet",
        [
            "Open meldingen, 10-03-2026 07:30:",
            "Geen open melding van nu of vandaag.",
            "",
            "Er is geen eerdere nacht om mee te vergelijken.",
            "Geen recent monster: geen patiënt.",
            "Gegevens compleet.",
        ],
    ),
    ("busy digest", "nl"): (
        routing.DIGEST,
        BUSY,
        "cmvmon 10 mrt: 2 nu, 6 vandaag, GEGEVENS ONVOLLEDIG",
        [
            (
                "GEGEVENS ONVOLLEDIG: de laatste nacht ontbreekt; 1 tabel van een koppeling is stil; 2 meldingen over het werk zelf staan open; "
                "1 levering is nooit ingelezen."
            ),
            "",
            "Open meldingen, 10-03-2026 07:30:",
            "afdeling ICU-A: 2 nu, 5 vandaag",
            "afdeling niet bekend: 0 nu, 1 vandaag",
            "",
            "Daarvan 3 bevestigd of opzij gezet.",
            "Sinds 09-03-2026 05:30: 3 nieuw, 0 urgenter, 2 heropend, 1 opgelost, 0 gesloten.",
            "Gecorrigeerde, ingetrokken of verplaatste uitslagen: 1.",
            "Geen recent monster: 4 patiënten.",
            "Apart gezette, niet gebruikte regels: 12.",
        ],
    ),
    ("busy digest", "en"): (
        routing.DIGEST,
        BUSY,
        "cmvmon 10 Mar: 2 now, 6 today, DATA INCOMPLETE",
        [
            (
                "DATA INCOMPLETE: the last night is missing; 1 table of a feed is silent; 2 alerts about the work are open; "
                "1 delivery was never taken in."
            ),
            "",
            "Open alerts, 10 Mar 2026 07:30:",
            "ward ICU-A: 2 now, 5 today",
            "ward not known: 0 now, 1 today",
            "",
            "Of these, 3 acknowledged or set aside.",
            "Since 9 Mar 2026 05:30: 3 new, 0 more urgent, 2 reopened, 1 resolved, 0 closed.",
            "Results corrected, withdrawn or moved: 1.",
            "No recent sample: 4 patients.",
            "Delivered records set apart, not used: 12.",
        ],
    ),
    ("digest in the place of others", "en"): (
        routing.DIGEST,
        QUIET | {"stands_for": ["2026-03-07T06:30:00+00:00", "2026-03-09T06:30:00+00:00"], "is_judged": False},
        "cmvmon 10 Mar: 0 now, 0 today, DATA INCOMPLETE",
        [
            "DATA INCOMPLETE: nobody has been judged yet.",
            "",
            "Open alerts, 10 Mar 2026 07:30:",
            "No open alert of now or today.",
            "",
            "The digests of 7 Mar to 9 Mar could not be delivered; this one stands in their place.",
            "There is no earlier night to compare with.",
            "No recent sample: no patient.",
        ],
    ),
    ("digest in the place of another", "nl"): (
        routing.DIGEST,
        QUIET | {"stands_for": ["2026-03-09T06:30:00+00:00"]},
        "cmvmon 10 mrt: 0 nu, 0 vandaag, gegevens compleet",
        [
            "Open meldingen, 10-03-2026 07:30:",
            "Geen open melding van nu of vandaag.",
            "",
            "Het overzicht van 9 mrt kon niet worden bezorgd; dit komt ervoor in de plaats.",
            "Er is geen eerdere nacht om mee te vergelijken.",
            "Geen recent monster: geen patiënt.",
            "Gegevens compleet.",
        ],
    ),
}


@pytest.mark.parametrize("case", SAYS, ids=" ".join)
def test_a_message_reads(case: tuple[str, str]) -> None:
    kind, facts, subject, lines = SAYS[case]
    found = said(kind, "f00d", facts, Speaking(language(case[1]), "Europe/Amsterdam"))
    assert found.subject == subject
    assert found.text.rpartition("\n\n")[0].splitlines() == lines
    shown = shown_text(found.html)
    assert [
        line for line in lines if line and ": " not in line and line not in shown
    ] == []  # counts of a ward are a row
    for ward in facts.get("wards", ()):
        assert f"{ward['now']} {ward['today']}" in shown


def test_the_link_the_contact_and_the_id_stand_beneath() -> None:
    speaking = Speaking(language("en"), "Europe/Amsterdam", "https://cmv.example/ward.en.html", "Bob & <Ann>")
    found = said(routing.ALERT, "f00d", ALERT, speaking)
    assert found.text.splitlines()[3:] == [
        "The list: https://cmv.example/ward.en.html",
        "Questions: Bob & <Ann>",
        "",
        "Message f00d. It holds no patient's name or number, and no result.",
    ]
    assert 'href="https://cmv.example/ward.en.html">https://cmv.example/ward.en.html</a>' in found.html
    assert "Bob &amp; &lt;Ann&gt;" in found.html
    assert '<html lang="en">' in found.html


def test_a_line_break_in_a_ward_can_not_add_a_header() -> None:
    found = said(routing.ALERT, "f00d", ALERT | {"ward": "A\r\nBcc: x@y.z"}, Speaking(language("en"), "UTC"))
    assert "\n" not in found.subject
    assert "\r" not in found.subject


@pytest.mark.parametrize("code", codes())
def test_messages_state_facts_and_order_nothing(code: str) -> None:
    sentences = {key: text for key, text in language(code).sentences.items() if key.startswith("tell.")}
    assert len(sentences) > 40
    assert [key for key, text in sentences.items() if any(form in text.lower() for form in FORBIDDEN[code])] == []


@pytest.mark.parametrize("code", codes())
@pytest.mark.parametrize("facts", [QUIET, BUSY], ids=["quiet", "busy"])
def test_a_letter_loads_nothing_and_holds_one_table_at_most(facts: dict[str, Any], code: str) -> None:
    speaking = Speaking(language(code), "Europe/Amsterdam", f"https://cmv.example/ward.{code}.html", "Bob & <Ann>")
    found = said(routing.DIGEST, "f00d", facts, speaking).html
    leads_to_and_shows = [f"https://cmv.example/ward.{code}.html"] * 2
    assert re.findall(r"https?://[^\s\"<]+", found) == leads_to_and_shows
    assert re.findall(r"<(?:img|script|link|style|iframe|object|svg|form)|url\(|src=|\bon\w+=", found) == []
    assert found.count("<table") == bool(facts["wards"])
    assert found.count("<a ") == 1
