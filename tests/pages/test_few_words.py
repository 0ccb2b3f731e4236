"""What a row says of treatment and of values in few words: none, unknown and a drug with its day look different."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cmvmon.dashboards import few_words
from cmvmon.dashboards.row_views import DrugsNow, LatestResult, RunningDrug, StoppedDrug, UnlistedDrug
from cmvmon.text import language
from tests.pages.made_up import AS_OF

GANCICLOVIR = RunningDrug("ganciclovir", AS_OF - timedelta(days=13, hours=1))
LETERMOVIR = RunningDrug("letermovir", AS_OF - timedelta(hours=1), is_prophylaxis=True)
FOSCARNET = RunningDrug("foscarnet", AS_OF - timedelta(days=1, hours=1))
STOPPED = StoppedDrug("ganciclovir", datetime(2026, 2, 9, 23, 30, tzinfo=UTC))  # the tenth in Amsterdam
CASES: dict[str, tuple[DrugsNow, list[str], list[str]]] = {
    "one drug": (DrugsNow("on", (GANCICLOVIR,)), ["ganciclovir day 14"], ["ganciclovir dag 14"]),
    "prophylaxis": (
        DrugsNow("off", (LETERMOVIR,)),
        ["letermovir day 1, prophylaxis"],
        ["letermovir dag 1, profylaxe"],
    ),
    "stopped": (DrugsNow("on", stopped=(STOPPED,)), ["ganciclovir stopped {date}"], ["ganciclovir gestopt {date}"]),
    "a switch": (
        DrugsNow("on", (FOSCARNET,), stopped=(STOPPED,)),
        ["foscarnet day 2", "ganciclovir stopped {date}"],
        ["foscarnet dag 2", "ganciclovir gestopt {date}"],
    ),
    "prophylaxis that stopped": (
        DrugsNow("off", stopped=(StoppedDrug("letermovir", STOPPED.stopped_at, is_prophylaxis=True),)),
        ["letermovir stopped {date}, prophylaxis"],
        ["letermovir gestopt {date}, profylaxe"],
    ),
    "none": (DrugsNow("off"), ["none on record"], ["geen geregistreerd"]),
    "silent": (DrugsNow("unknown", known_at=AS_OF), ["unknown: feed silent"], ["onbekend: koppeling stil"]),
    "never": (
        DrugsNow("unknown", was_delivered=False),
        ["unknown: never delivered"],
        ["onbekend: nooit aangeleverd"],
    ),
    "one that the protocol does not list": (
        DrugsNow("unknown", unlisted=(UnlistedDrug("brandname", "treatment"),)),
        ["brandname: not in protocol"],
        ["brandname: niet in protocol"],
    ),
    "the same beside treatment": (
        DrugsNow("on", (FOSCARNET,), unlisted=(UnlistedDrug("brandname"), UnlistedDrug("brandname", "prophylaxis"))),
        [
            "foscarnet day 2",
            "brandname: not in protocol, indication unknown",
            "brandname: not in protocol, prophylaxis",
        ],
        [
            "foscarnet dag 2",
            "brandname: niet in protocol, indicatie onbekend",
            "brandname: niet in protocol, profylaxe",
        ],
    ),
    "unclear": (DrugsNow("unknown"), ["unknown: record unclear"], ["onbekend: registratie onduidelijk"]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_runs_is_said_with_its_day_and_none_is_not_unknown(case: str) -> None:
    now, english, dutch = CASES[case]
    for code, said, date in (("en", english, "10 Feb"), ("nl", dutch, "10 feb")):
        found = few_words.drugs(now, as_of=AS_OF, time_zone="Europe/Amsterdam", language=language(code))
        assert found == [text.replace("{date}", date) for text in said]


@pytest.mark.parametrize(
    ("hours", "said"),
    [(0, "less than a day old"), (11, "less than a day old"), (13, "1 d old"), (24, "1 d old"), (67, "3 d old")],
)
def test_an_age_is_rounded_as_the_full_sentence_rounds_it(hours: int, said: str) -> None:
    latest = LatestResult("bal", "quantified", 5400.0, 35.0, AS_OF - timedelta(hours=hours))
    told = few_words.latest(latest, as_of=AS_OF, language=language("en"))
    assert told == {"where": "BAL", "value": "5,400", "way": "", "age": said}
