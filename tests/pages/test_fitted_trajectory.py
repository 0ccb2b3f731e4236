"""The fitted trajectory on the patient page: what is drawn is what was computed, and the sentences say no more than that."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any

import polars as pl
import pytest

from cmvmon.dashboards.facts import points
from cmvmon.dashboards.figure import patient_figure
from cmvmon.dashboards.patient import patient_page
from cmvmon.dashboards.response import response_rows
from cmvmon.dashboards.views import PatientView
from cmvmon.domain.results import WEEKLY_DECLINE
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.text import codes, language
from tests.pages import made_up
from tests.pages.conftest import Opened
from tests.pages.made_up import alert, alerts, result, week
from tests.pages.made_up_fitted import FALLING, two_compartments, view

NL, EN = language("nl"), language("en")
ALARM = 0.5  # of these tests; the protocol's own is set by calibration


def traces(of: PatientView) -> dict[str, list[dict[str, Any]]]:
    drawn = patient_figure(of, NL)
    assert drawn is not None
    found: dict[str, list[dict[str, Any]]] = {}
    for trace in drawn["data"]:
        found.setdefault(trace["meta"], []).append(trace)
    return found


def said(of: PatientView, code: str = "nl") -> list[str]:
    """The sentence of each compartment."""
    page = patient_page(of, language=language(code), script="s.js")
    part = re.search(r'<ul id="responses">(.*?)</ul>', page, re.DOTALL)
    return [unescape(re.sub(r"<[^>]+>", "", line)) for line in re.findall(r"<li>(.*?)</li>", part[1])] if part else []


def told(code: str = "nl", **row: Any) -> str:
    """What the page says of plasma in week 4 when its row of `weekly_decline` reads so, by the bank."""
    rows = [week(4, "plasma", (900, 340), **({"method": "bank", "probability_rebound": 0.02} | row))]
    weekly = WEEKLY_DECLINE.conform(pl.DataFrame(rows, infer_schema_length=None))
    taken = made_up.results(*(result(day, "plasma", 12_400 - 500 * day) for day in (0, 7, 14, 18, 22)))
    shipped = Protocol.shipped()
    alarms = {name: replace(alarm, probability_rebound=ALARM) for name, alarm in shipped.alarms.items()}
    policy = replace(shipped, alarms=alarms)
    other = {"results": taken, "weekly_decline": weekly, "affected": ("plasma",), "protocol": policy}
    return said(made_up.slow_patient(open_alerts=alerts(), **other), code)[0]


# --- what is drawn


@pytest.mark.parametrize("code", codes())
def test_the_browser_draws_the_course_and_band_that_were_computed(shown: Callable[[str], Opened], code: str) -> None:
    tab = shown(f"fitted.{code}.html")
    assert tab.said == []
    drawn = tab.page.evaluate(
        "document.querySelector('.figure').data.map(t => ({meta: t.meta, y: Array.from(t.y), fill: t.fill}))"
    )
    by_kind = {trace["meta"]: trace for trace in drawn}
    fitted = two_compartments().fitted
    for compartment in ("bal", "plasma"):
        mine = fitted.filter(pl.col("compartment") == compartment)
        until = mine.filter(~pl.col("is_extrapolated"))
        after = mine[until.height - 1 :]
        for suffix, part in (("", until), (":after", after)):
            load, low, high = (10.0 ** part[f"load{end}_log10"] for end in ("", "_low", "_high"))
            assert by_kind[f"{compartment}:fitted{suffix}"]["y"] == pytest.approx(load.to_list())
            band = by_kind[f"{compartment}:band{suffix}"]
            assert band["fill"] == "toself"
            assert band["y"] == pytest.approx([*high, *low.reverse()])
    filled = [trace["meta"] for trace in drawn if trace["fill"] == "toself"]  # the bands, and the bars beneath
    assert sum(":band" in kind for kind in filled) == 4
    assert tab.page.locator(".figure .js-fill").count() == len(filled)


def test_the_band_lies_beneath_the_course_and_both_beneath_the_marks() -> None:
    drawn = patient_figure(two_compartments(), NL)
    assert drawn is not None
    order = [trace["meta"] for trace in drawn["data"]]
    for compartment in ("bal", "plasma"):
        kinds = (f"{compartment}:{kind}" for kind in ("band", "fitted", "line", "quantified"))
        places = [order.index(kind) for kind in kinds]
        assert places == sorted(places)


def test_what_lies_ahead_of_the_last_result_is_dotted_and_paler_and_never_beyond_as_of() -> None:
    found = traces(two_compartments())
    until, after = found["plasma:fitted"][0], found["plasma:fitted:after"][0]
    assert (until["line"]["dash"], after["line"]["dash"]) == ("solid", "dot")
    assert until["x"][-1] == after["x"][0] == "2026-11-19T07:00:00"
    assert max(x for kind in found for trace in found[kind] if "fitted" in kind for x in trace["x"]) <= "2026-11-23"
    pale, full = (found[f"plasma:band{suffix}"][0]["fillcolor"] for suffix in (":after", ""))
    assert float(pale.split(",")[-1].rstrip(")")) < float(full.split(",")[-1].rstrip(")"))


def test_nothing_of_a_course_is_drawn_below_the_foot_of_the_axis() -> None:
    """The lane of what was not detected stands there: a band in it would read as a load."""
    gone = view(*FALLING[:3], result(9, "plasma", "<"), result(13, "plasma", "nd"), result(20, "plasma", "nd"))
    assert gone.fitted["load_low_log10"].min() < 1.0
    found = traces(gone)
    lowest = [min(trace["y"]) for kind in found if "fitted" in kind or "band" in kind for trace in found[kind]]
    assert min(lowest) == 10.0
    hovers = [text for text in found["plasma:fitted"][0]["hovertext"] if "geschat &lt;35 IE/ml" in text]
    assert hovers  # below the limit of quantification no number is given


def test_a_hover_gives_the_load_its_interval_and_no_more_digits_than_it_has() -> None:
    first = traces(two_compartments())["plasma:fitted"][0]["hovertext"][0]
    shape = r"01-11-2026 07:00: geschat (\d+\.000) IE/ml \(95%-BI (\d+\.000) tot (\d+\.000)\)"
    numbers = re.fullmatch(shape, first)
    assert numbers is not None
    load, low, high = (int(number.replace(".", "")) for number in numbers.groups())
    assert low < load < high


def test_a_course_ends_where_another_assay_takes_over() -> None:
    other = [result(day, "plasma", load, assay="OTHER-PCR") for day, load in ((12, 5_000), (15, 1_500), (19, 400))]
    found = traces(view(*FALLING[:3], *other))
    assert len(found["plasma:fitted"]) == 2
    assert len(found["plasma:fitted:after"]) == 1
    assert found["plasma:fitted:after"][0]["x"][0] == "2026-11-20T07:00:00"


@pytest.mark.parametrize(
    "of",
    [
        view(*FALLING, method="line"),
        view(result(0, "plasma", 9_000)),
        view(result(0, "plasma", "<"), result(7, "plasma", "nd")),
        view(result(0, "urine", 9_000), result(7, "urine", 900)),
        view(*FALLING, start=30),
    ],
    ids=["method line", "one result", "nothing quantified", "scatter not known", "no treatment"],
)
def test_where_nothing_was_estimated_nothing_is_drawn_or_captioned(of: PatientView) -> None:
    assert [kind for kind in traces(of) if "fitted" in kind or "band" in kind] == []
    caption = NL.say("legend.fitted", interval="95%")
    assert caption not in patient_page(of, language=NL, script="s.js")
    assert caption in patient_page(two_compartments(), language=NL, script="s.js")


def test_what_was_measured_stays_joined_by_a_thin_line() -> None:
    assert traces(two_compartments())["bal:line"][0]["line"]["width"] == 1
    assert traces(two_compartments(method="line"))["bal:line"][0]["line"]["width"] == 2


# --- what is said


def test_each_compartment_has_its_sentence_the_affected_one_first() -> None:
    nl, en = said(two_compartments()), said(two_compartments(), "en")
    slope = r"Plasma: Daling 0,\d log10 per week \(95%-BI 0,\d tot [01],\d+; 6 metingen\), sinds 01-11-2026; "
    assert [line.split(":")[0] for line in nl] == ["BAL", "Plasma"]
    assert re.match(slope, nl[1])
    assert re.match(
        r"Plasma: Decline 0\.\d log10 per week \(95% interval 0\.\d to [01]\.\d+; 6 results\), since 1 Nov 2026; ",
        en[1],
    )
    row = two_compartments().weekly_decline.filter(pl.col("compartment") == "plasma").row(-1, named=True)
    assert f"Daling {NL.log10(row['mean_decline_log10_per_week'])} log10" in nl[1]


def test_a_decline_and_a_rise_are_said_with_interval_and_number_of_results() -> None:
    assert told().startswith("Plasma: Daling 0,3 log10 per week (95%-BI 0,1 tot 0,6; 5 metingen), sinds 01-11-2026. ")
    assert told("en").startswith(
        "Plasma: Decline 0.3 log10 per week (95% interval 0.1 to 0.6; 5 results), since 1 Nov 2026. "
    )
    rising = {
        "mean_decline_log10_per_week": -0.4,
        "mean_decline_low_log10_per_week": -0.7,
        "mean_decline_high_log10_per_week": -0.1,
    }
    assert told(**rising) == (
        "Plasma: Laatste load ↓ daalde in 8 d. Gemiddeld over de hele tijd: Stijging 0,4 log10 per week (95%-BI 0,1 tot 0,7; 5 metingen), sinds 01-11-2026. "
        "Opnieuw stijgend: kans hier niet genoemd; een daling sinds de start is niet aangetoond."
    )


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("suppressed", "onder de kwantificatiegrens: verdere daling niet meetbaar"),
        ("baseline_near_lloq", "uitgangswaarde dicht bij de kwantificatiegrens"),
        ("prior_only", "pas één meetmoment"),
        ("all_censored", "alle waarden onder of boven het meetbereik"),
        ("new_segment", "eerste uitslag na een lange onderbreking"),
    ],
)
def test_where_the_number_would_mislead_the_sentence_says_why_instead(status: str, why: str) -> None:
    line = told(status=status)
    assert line.startswith(f"Plasma: Snelheid van de daling niet genoemd ({NL.word('status', status)}). ")
    assert why.split()[0] in NL.word("status", status)
    assert "log10 per week" not in line


def test_input_that_can_t_be_used_is_named_and_nothing_else_that_holds_besides() -> None:
    line = told(status="invalid_input", reason="provisional;sigma_unknown;too_close", probability_rebound=None)
    assert line == (
        "Plasma: Snelheid van de daling niet genoemd (gegevens niet bruikbaar, meetspreiding van de test in dit materiaal "
        "niet bekend). Opnieuw stijgend: niet te beoordelen (gegevens niet bruikbaar)."
    )


def test_other_statuses_stand_beside_the_number() -> None:
    assert "sinds 01-11-2026; behandeling onderbroken in deze week." in told(status="interrupted")


@pytest.mark.parametrize(
    ("probability", "nl", "en"),
    [
        (0.02, "niet waarschijnlijk (kans 2%; ", "unlikely (probability 2%; "),
        (0.30, "onder de meldgrens (kans 30%; ", "below the alert line (probability 30%; "),
        (0.85, "mogelijk (kans 85%; ", "possible (probability 85%; "),
    ],
)
def test_a_new_rise_is_said_in_words_with_its_chance_and_the_alert_line(probability: float, nl: str, en: str) -> None:
    assert told(probability_rebound=probability).endswith(f"Opnieuw stijgend: {nl}melding vanaf 50%).")
    assert told("en", probability_rebound=probability).endswith(f"Rising again: {en}alert from 50%).")


def test_at_the_alert_line_a_rise_is_possible_and_just_below_it_the_numbers_differ() -> None:
    assert "mogelijk" in told(probability_rebound=ALARM)
    below = re.search(
        r"onder de meldgrens \(kans ([\d,]+)%; melding vanaf ([\d,]+)%\)", told(probability_rebound=ALARM - 0.001)
    )
    assert below is not None
    assert below[1] != below[2]


def test_the_line_method_computes_no_chance_of_a_new_rise() -> None:
    assert told(method="line", probability_rebound=None).endswith("Opnieuw stijgend: niet berekend.")
    assert told("en", method="line", probability_rebound=None).endswith("Rising again: not computed.")


def test_before_any_late_change_could_have_passed_no_chance_is_given() -> None:
    early = view(*FALLING[:3], as_of=made_up.day(8))
    assert early.weekly_decline["probability_rebound"].to_list()[-1] == 0.0
    assert re.search(r"kans nog niet te berekenen \(pas vanaf \d+ dagen na de start\)\.$", said(early)[0])


def test_after_a_long_gap_the_rate_counts_from_its_end_and_no_chance_is_given() -> None:
    late = (result(45, "plasma", 9_000), result(49, "plasma", 4_000), result(55, "plasma", 900))
    line = said(view(*FALLING[:2], *late, as_of=made_up.day(57)))[0]
    assert "; 3 metingen), sinds 16-12-2026" in line
    assert line.endswith("kans niet te berekenen na een lange pauze in de uitslagen.")


def test_an_open_alert_of_a_new_rise_is_pointed_to_and_not_contradicted() -> None:
    """It may rest on the results alone, whatever chance the bank gives."""
    evidence = made_up.slow_evidence()
    of = two_compartments()
    shown = replace(of, open_alerts=alerts(alert("rebound", 2, evidence)))
    rows = response_rows(points(shown.results), shown, NL)
    assert [row["rebound"] == "Opnieuw stijgend: zie de open melding." for row in rows] == [True, False]


@pytest.mark.parametrize(
    ("loads", "begins"),
    [
        ((120_000, 61_000, 13_000, 900, 6_000, 40_000), "Laatste load ↑ steeg in 8 d. Gemiddeld over de hele tijd: Geschat 0,0"),
        ((120_000, 61_000, 13_000, 6_100, 1_900, 700), "Daling"),
        ((120_000, 61_000, 2_000, 1_900, 2_100, 2_000), "Laatste load ≈ stabiel 8 d. Gemiddeld over de hele tijd: Daling"),
        ((120_000, 240_000, 500_000, 900_000, 1_500_000, 3_000_000), "Stijging"),
    ],
)  # fmt: skip
def test_a_mean_that_went_the_other_way_than_the_latest_load_is_said_to_be_one(
    loads: tuple[int, ...], begins: str
) -> None:
    """Else a fall since the start is read as of now, beside an alert of a rise."""
    days = (-0.5, 3, 7, 10, 14, 18)
    shown = view(*(result(day, "plasma", load) for day, load in zip(days, loads, strict=True)))
    assert said(shown)[0].removeprefix("Plasma: ").startswith(begins)


def test_an_estimate_that_ended_with_the_course_says_so_and_says_nothing_of_now() -> None:
    later = (result(30, "plasma", 640), result(35, "plasma", 4_300))
    line = said(view(*FALLING, *later, stop=19, as_of=made_up.day(37)))[0]
    assert "Geschat t/m 19-11-2026; latere uitslagen tellen niet mee." in line
    assert "Opnieuw stijgend" not in line
    assert "Laatste load" not in line
    english = said(view(*FALLING, *later, stop=19, as_of=made_up.day(37)), "en")[0]
    assert "Estimated up to 19 Nov 2026; later results do not count in it." in english
    assert "Geschat t/m" not in said(view(*FALLING, stop=19, as_of=made_up.day(21)))[0]


def test_where_no_rate_was_estimated_nothing_is_said_to_be_estimated_up_to_a_day() -> None:
    none = pl.lit(None, pl.Float64)
    shown = view(*FALLING, result(30, "plasma", 640), stop=19, as_of=made_up.day(37))
    named = ["mean_decline_log10_per_week", "mean_decline_low_log10_per_week", "mean_decline_high_log10_per_week"]
    shown = replace(shown, weekly_decline=shown.weekly_decline.with_columns(none.alias(name) for name in named))
    for code, says, never in (
        ("nl", "Dit geldt voor uitslagen t/m 19-11-2026; latere tellen niet mee.", "Geschat"),
        ("en", "This is of results up to 19 Nov 2026; later results do not count in it.", "Estimated"),
    ):
        line = said(shown, code)[0]
        assert says in line
        assert never not in line


def test_rows_in_any_order_give_the_same_page() -> None:
    of = two_compartments()
    turned = replace(
        of, fitted=of.fitted.reverse(), results=of.results.reverse(), weekly_decline=of.weekly_decline.reverse()
    )
    assert patient_page(of, language=EN, script="s.js") == patient_page(turned, language=EN, script="s.js")
