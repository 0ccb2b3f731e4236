"""What a message says, in both languages, as people read it; and that it states facts, and nothing of a patient."""

from __future__ import annotations

from typing import Any

import pytest

from cmvmon.telling import routing
from cmvmon.telling.wording import Speaking, said
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
}
BUSY = QUIET | {
    "wards": [
        {"ward": "ICU-A", "is_ward_known": True, "now": 2, "today": 5},
        {"ward": None, "is_ward_known": False, "now": 0, "today": 1},
    ],
    "since": "2026-03-09T04:30:00+00:00",
    "changes": {"new": 3, "resolved": 1},
    "overdue": 4,
    "silent": 1,
    "stopped": 2,
    "never": 1,
    "waiting": 12,
    "is_night_missing": True,
}
WORK: dict[str, Any] = {"code": "night_stopped", "feeds": ["umc_west"], "n": None, "at": "2026-03-10T05:00:00+00:00"}

SAYS = {
    ("alert", "nl"): (
        routing.ALERT,
        ALERT,
        "cmvmon: 2 nieuwe meldingen, nu (afdeling ICU-A)",
        ["2 nieuwe meldingen van niveau 1 (nu), afdeling ICU-A, 10-03-2026 12:00.", "Bedden: 1, 2."],
    ),
    ("escalation", "nl"): (
        routing.ESCALATION,
        ALERT | {"n": 1, "ward": None, "is_ward_known": False, "beds": []},
        "cmvmon: 1 melding zonder antwoord, nu (afdeling niet bekend)",
        [
            "1 melding zonder antwoord: niveau 1 (nu), afdeling niet bekend, sinds 10-03-2026 12:00. Tot nu toe niet bevestigd.",
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
            "Er is geen eerdere nacht om mee te vergelijken.",
            "Gegevens compleet.",
        ],
    ),
    ("busy digest", "nl"): (
        routing.DIGEST,
        BUSY,
        "cmvmon 10 mrt: 2 nu, 6 vandaag, GEGEVENS ONVOLLEDIG",
        [
            "Open meldingen, 10-03-2026 07:30:",
            "afdeling ICU-A: 2 nu, 5 vandaag",
            "afdeling niet bekend: 0 nu, 1 vandaag",
            "Sinds 09-03-2026 05:30: 3 nieuw, 0 urgenter, 1 opgelost, 0 gesloten.",
            "Monsters verwacht, niet ontvangen: 4 patiënten.",
            "Gegevens: de laatste nacht ontbreekt; 1 tabel van een koppeling is stil; 2 meldingen over het werk zelf staan open; 1 levering is nooit ingelezen.",
            "Apart gezette, niet gebruikte regels: 12.",
        ],
    ),
    ("busy digest", "en"): (
        routing.DIGEST,
        BUSY,
        "cmvmon 10 Mar: 2 now, 6 today, DATA INCOMPLETE",
        [
            "Open alerts, 10 Mar 2026 07:30:",
            "ward ICU-A: 2 now, 5 today",
            "ward not known: 0 now, 1 today",
            "Since 9 Mar 2026 05:30: 3 new, 0 more urgent, 1 resolved, 0 closed.",
            "Samples overdue: 4 patients.",
            "Data: the last night is missing; 1 table of a feed is silent; 2 alerts about the work are open; 1 delivery was never taken in.",
            "Delivered records set apart, not used: 12.",
        ],
    ),
}


@pytest.mark.parametrize("case", SAYS, ids=" ".join)
def test_a_message_reads(case: tuple[str, str]) -> None:
    kind, facts, subject, lines = SAYS[case]
    found = said(kind, "f00d", facts, Speaking(language(case[1]), "Europe/Amsterdam"))
    assert found.subject == subject
    assert found.text.split("\n\n")[0].splitlines() == lines


def test_the_link_the_contact_and_the_id_stand_beneath() -> None:
    speaking = Speaking(language("en"), "Europe/Amsterdam", "https://cmv.example/ward.en.html", "Bob & <Ann>")
    found = said(routing.ALERT, "f00d", ALERT, speaking)
    assert found.text.splitlines()[3:] == [
        "The list: https://cmv.example/ward.en.html",
        "Questions: Bob & <Ann>",
        "",
        "Message f00d. It holds no patient's name or number, and no result.",
    ]
    assert '<a href="https://cmv.example/ward.en.html">https://cmv.example/ward.en.html</a>' in found.html
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
