"""What the pages say, read from their text: the sentence on top, the order, what could not be told."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any

import plotly.graph_objects as go
import polars as pl
import pytest

from cmvmon.dashboards.facts import course_to, points
from cmvmon.dashboards.few_words import latest
from cmvmon.dashboards.figure import older_than_figure, patient_figure
from cmvmon.dashboards.look import SYMBOLS, literal
from cmvmon.dashboards.patient import patient_page
from cmvmon.dashboards.row_views import LatestResult, NotAssessable
from cmvmon.dashboards.script import shared_script
from cmvmon.dashboards.views import FeedState, PatientView, WardRow, WardView
from cmvmon.dashboards.ward import ward_page
from cmvmon.domain.delivered import DELIVERED, LEADING
from cmvmon.domain.results import VERDICTS, WEEKLY_DECLINE
from cmvmon.domain.subjects import subject_text
from cmvmon.text import codes, language
from tests.pages import hostile, made_up, made_up_ward
from tests.pages.made_up import alert, alerts, result, results, slow_evidence

NL, EN = language("nl"), language("en")


def text(page: str) -> str:
    """What a reader sees, on one line."""
    body = re.sub(r"<style>.*?</style>|<script[^>]*>.*?</script>", " ", page, flags=re.DOTALL)
    body = re.sub(r'<span class="w">([^<]*)</span>', r"\1", body)  # what is kept on one line reads as before
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def patient(view: PatientView, code: str = "nl") -> str:
    return text(patient_page(view, language=language(code), script="s.js"))


def ward(view: WardView, code: str = "nl") -> str:
    return text(ward_page(view, language=language(code)))


def figure(view: PatientView) -> dict[str, dict[str, Any]]:
    """Traces by what they mean."""
    drawn = patient_figure(view, NL)
    assert drawn is not None
    return {trace["meta"]: trace for trace in drawn["data"]}


# --- the patient page


def test_the_most_pressing_alert_comes_first_with_what_it_is_compared_with() -> None:
    said = patient(made_up.slow_patient())
    found = "Let op: Load daalt minder dan de afdelingslijn. BAL (aangedaan volgens het team) 1.000.000 → 125.893 IE/ml"
    assert f"{found} (−0,9 log10) in 21 dagen, onder foscarnet. Daling 0,3 log10 per week (95%-BI 0,1 tot 0,6" in said
    assert "Afdelingslijn: bij voorkeur meer dan 1 log10 daling per week. 1 open melding. Nog 1 ter informatie." in said
    assert said.index("Let op:") < said.index("Laatste waarde per compartiment") < said.index("Open meldingen")


def test_without_an_alert_the_page_says_where_the_load_stands() -> None:
    expected = "CMV-load in plasma daalt: 12.400 → 1.900 IE/ml in 7 dagen. Geen open meldingen."
    assert expected in patient(made_up.falling_patient())
    assert "falls: 12,400 → 1,900 IU/mL in 7 days. No open alerts." in patient(made_up.falling_patient(), "en")


LOADS = {
    "a fall beyond noise": (((0, 50_000), (7, 20_000)), "daalt: 50.000 → 20.000 IE/ml in 7 dagen."),
    "a rise beyond noise": (((0, 20_000), (7, 100_000)), "stijgt: 20.000 → 100.000 IE/ml in 7 dagen."),
    "within noise": (((0, 900), (7, 800)), ": 900 → 800 IE/ml in 7 dagen; het verschil valt binnen de meetspreiding."),
    "just within noise": (((0, 50_000), (7, 22_000)), "het verschil valt binnen de meetspreiding."),
    "too short a span to tell": (((0, 50_000), (2, 300)), ": 50.000 → 300 IE/ml in 2 dagen. "),
    "of one day": (((0, 50_000), (0.2, 300)), ": 50.000 → 300 IE/ml in minder dan een dag. "),
    "twice a week, since the load that is far enough back": (
        ((0, 50_000), (3.5, 9_000), (7, 1_500)),
        "daalt: 50.000 → 1.500 IE/ml in 7 dagen.",
    ),
    "the last step clearly goes the other way": (
        ((0, 50_000), (4, 300), (7, 3_000)),
        ": 300 → 3.000 IE/ml in 3 dagen. ",
    ),
}


@pytest.mark.parametrize("case", LOADS)
def test_a_load_is_said_to_fall_or_rise_only_beyond_noise_and_over_a_span(case: str) -> None:
    loads, expected = LOADS[case]
    said = patient(made_up.falling_patient(results=results(*(result(day, "plasma", load) for day, load in loads))))
    assert expected in said
    if not expected.startswith(("daalt", "stijgt")):
        assert "daalt: " not in said
        assert "stijgt: " not in said


def test_where_the_noise_is_not_known_two_loads_stand_side_by_side_and_nothing_is_said_of_their_way() -> None:
    said = patient(
        made_up.falling_patient(
            affected=("urine",), results=results(result(0, "urine", 50_000), result(7, "urine", 300))
        )
    )
    assert "CMV-load in urine: 50.000 → 300 IE/ml in 7 dagen. Geen open meldingen." in said


def test_what_the_model_makes_of_an_alert_is_folded_with_what_it_rests_on() -> None:
    said = patient(made_up.slow_patient())
    assert said.index("Kans dat de daling groter is dan 1 log10 per week: <1%.") > said.index("Open meldingen")
    assert "Kans dat" not in ward(made_up_ward.ward())


def test_of_alerts_of_one_tier_the_compartment_that_leads_comes_first_however_new_its_alert_is() -> None:
    older = {"alert_id": "SYN-older", "opened_at": made_up.day(10)}
    beside = alert("response", 2, made_up.slow_evidence(compartment="plasma", affected_source=None), **older)
    leading = alert("response", 2, made_up.slow_evidence())
    said = patient(made_up.slow_patient(open_alerts=alerts(beside, leading)))
    assert said.index("afdelingslijn. BAL (aangedaan volgens het team) 1.000.000") < said.index("Plasma 1.000.000")


def test_an_alert_for_information_alone_is_no_call_for_attention() -> None:
    said = patient(made_up.falling_patient(open_alerts=alerts(alert("suppressed", 3, made_up.SUPPRESSED))))
    assert "Let op" not in said
    assert "1 open melding, ter informatie." in said


def test_what_could_not_be_assessed_stands_in_the_sentence_on_top() -> None:
    said = patient(made_up.empty_patient())
    assert (
        said.index("Nog geen bruikbare CMV-uitslag. Geen open meldingen.")
        < said.index("Niet te beoordelen: Respons op behandeling: ")
        < said.index("Laatste waarde per compartiment")
    )
    assert "Antivirale middelen zijn niet geleverd." in said


def test_a_load_is_never_compared_across_assays() -> None:
    two = results(result(0, "plasma", 50_000), result(7, "plasma", 400, assay="OTHER-PCR"))
    said = patient(made_up.falling_patient(results=two))
    assert "50.000 → 400" not in said
    assert "CMV in plasma: 400 IE/ml (2,60 log10) op 08-11-2026." in said
    traces = figure(made_up.falling_patient(results=two))
    assert "plasma:line" not in traces


def test_observed_bounds_are_words_and_a_reported_limit_carries_its_sign() -> None:
    said = patient(made_up.slow_patient())
    assert "340 → <35 IE/ml daling ten minste 1,0" in said
    assert "501.187 → 251.189 IE/ml daling 0,3" in said


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ([result(8, "plasma", "<")], "900 → <35 IE/ml"),  # a day after the week, within 36 h: it stands for the end
        ([result(5, "plasma", "<"), result(9.5, "plasma", 35)], "900 → <35 IE/ml"),  # the later one does not
        ([result(5, "plasma", "<"), result(7, "plasma", 35)], "900 → 35 IE/ml"),
        ([result(6, "plasma", "<"), result(6, "plasma", 35, result_id="twice")], "900 → 35 IE/ml"),
    ],
)
def test_the_sign_of_a_week_s_load_is_that_of_the_result_that_stands_for_its_end(
    last: list[dict[str, Any]], said: str
) -> None:
    weekly = WEEKLY_DECLINE.conform(pl.DataFrame([made_up.week(1, "plasma", (900, 35))]))
    view = made_up.falling_patient(results=results(result(0, "plasma", 900), *last), weekly_decline=weekly)
    assert said in patient(view)


def test_conflicting_and_preliminary_results_are_told_and_not_used() -> None:
    odd = results(
        result(0, "plasma", 900),
        result(7, "plasma", 800, is_conflicting=True),
        result(8, "plasma", 70, result_status="preliminary"),
    )
    view = made_up.falling_patient(results=odd)
    said = patient(view)
    assert "CMV in plasma: 900 IE/ml (2,95 log10) op 01-11-2026." in said
    assert "1 uitslag heeft tegenstrijdige waarden en is niet gebruikt." in said
    assert "1 voorlopige uitslag wordt getoond en niet beoordeeld." in said
    traces = figure(view)
    assert list(traces["plasma:quantified"]["y"]) == [900.0]
    assert traces["plasma:quantified:preliminary"]["marker"]["symbol"] == "circle-open"


def test_every_alert_names_its_results_its_guide_and_its_source() -> None:
    said = patient(made_up.slow_patient(), "en")
    assert "Open since 16 Nov 2026 07:00." in said
    folded = said[said.index("Why, and what this rests on") :] if "Why, and what this rests on" in said else ""
    assert "Rests on: SYN-bal-0, SYN-bal-7, SYN-bal-14, SYN-bal-21." in folded
    assert "The ward's guide (G19): the load in the affected compartment is the preferred guidance" in said
    assert "VICTOR (Razonable 2013) found no association" in said


# --- the figure


def test_each_state_of_a_result_has_its_place_and_its_shape() -> None:
    traces = figure(made_up.slow_patient())
    lane = traces["plasma:not_detected"]["y"][0]
    assert list(traces["plasma:below_lloq"]["y"]) == [35.0, 35.0]
    assert list(traces["csf:above_uloq"]["y"]) == [1e7]
    assert 0 < lane < 10.0
    shapes = [symbol for pair in SYMBOLS.values() for symbol in pair[:1]]
    assert len({shape.replace("-open", "") for shape in shapes}) == len(shapes)  # told apart without colour
    assert list(traces["bal:quantified"]["text"]) == ["", "c", "", ""]


def test_a_result_whose_limit_is_not_known_is_drawn_at_the_edge_of_the_axis_and_not_as_not_detected() -> None:
    unknown = {"lloq_iu_per_ml": None, "uloq_iu_per_ml": None}
    shown = results(
        result(0, "plasma", "<", **unknown), result(3, "plasma", ">", **unknown), result(6, "plasma", "nd", **unknown)
    )
    traces = figure(made_up.falling_patient(results=shown))
    assert list(traces["plasma:below_lloq"]["y"]) == [10.0]
    assert list(traces["plasma:above_uloq"]["y"]) == [1e7]
    assert traces["plasma:not_detected"]["y"][0] < 10.0


def test_no_line_crosses_a_gap_or_a_limit() -> None:
    far = results(result(0, "plasma", 900), result(28, "plasma", 800), result(56.1, "plasma", 700))
    assert list(figure(made_up.falling_patient(results=far, as_of=made_up.day(60)))["plasma:line"]["y"]) == [
        900.0,
        800.0,
    ]
    through = results(result(0, "plasma", 900), result(3, "plasma", "<"), result(6, "plasma", 700))
    assert "plasma:line" not in figure(made_up.falling_patient(results=through))


def test_the_quantification_limit_steps_where_it_changed() -> None:
    stepped = results(result(0, "plasma", 900), result(7, "plasma", 800, lloq_iu_per_ml=100.0))
    line = figure(made_up.falling_patient(results=stepped))["plasma:lloq"]
    assert (line["line"]["shape"], line["line"]["dash"]) == ("hv", "dash")
    assert list(line["y"]) == [35.0, 35.0, 100.0, 100.0]


def test_a_running_course_is_solid_until_the_data_end_and_dashed_after() -> None:
    traces = figure(made_up.falling_patient())
    assert traces["therapy"]["line"]["dash"] == "solid"
    assert traces["therapy:on"]["line"]["dash"] == "dot"
    assert traces["therapy"]["x"][1] == traces["therapy:on"]["x"][0] == "2026-11-23T06:30:00"


def test_all_panels_and_patients_share_one_axis_unless_a_load_lies_outside() -> None:
    ranges = []
    for view in (made_up.slow_patient(), made_up.falling_patient()):
        drawn = patient_figure(view, NL)
        assert drawn is not None
        panels = [
            axis for name, axis in drawn["layout"].items() if name.startswith("yaxis") and axis.get("type") == "log"
        ]
        ranges += [tuple(axis["range"]) for axis in panels]
    assert len(set(ranges)) == 1
    huge = patient_figure(made_up.falling_patient(results=results(result(0, "plasma", 5e8))), NL)
    assert huge is not None
    assert huge["layout"]["yaxis"]["range"][1] > 8.7


def test_older_results_are_counted_beside_the_figure_and_stand_in_the_table() -> None:
    long = results(*(result(day, "plasma", 1000 + day) for day in range(-400, 22, 10)))
    view = made_up.falling_patient(results=long)
    older = older_than_figure(view, NL)
    assert older is not None
    assert older[1] + len(figure(view)["plasma:quantified"]["y"]) == long.height
    said = patient(view)
    assert f"{older[1]} oudere uitslagen, alleen in de tabel." in said
    assert all(NL.load(load) in said for load in long["viral_load_iu_per_ml"])


def test_plotly_gets_text_to_the_letter() -> None:
    assert literal('<a href="x">%{y}</a>\n& $x$') == '&lt;a href="x"&gt;%{y}&lt;/a&gt; &amp; $x$'


# --- the ward page


def test_the_state_of_every_feed_comes_first_with_the_stopped_work_before_all() -> None:
    said = ward(made_up_ward.ward())
    assert "Koppeling synthetic (uitslagen) actief, laatste levering" in said
    assert "Koppeling synthetic (antivirale middelen) stil sinds 19-11-2026 07:00: lijst kan onvolledig zijn." in said
    assert "Koppeling synthetic (opnames): nooit iets ontvangen" in said
    assert (
        "Koppeling synthetic_two (uitslagen): levering geweigerd, er ontbreekt een kolom. Lijst kan onvolledig" in said
    )
    assert (
        said.index("Koppeling")
        < said.index("Nu (1)")
        < said.index("Vandaag (1)")
        < said.index("Niet te beoordelen (2)")
    )
    untold = ward(made_up_ward.ward(feeds=(FeedState("synthetic", "viral_load_results", made_up.day(20), None),)))
    assert "geen afspraak hoe vaak die komt" in untold
    assert "<summary>Koppelingen" not in untold, "one short line needs no fold"
    assert "Geen koppeling bekend: lijst kan onvolledig zijn." in ward(made_up_ward.ward(feeds=()))


def test_many_tables_of_which_nothing_is_agreed_are_one_line_before_the_first_patient_also_beside_trouble() -> None:
    """Their names are one tap away: a list of seventeen tables says nothing at seven in the morning."""
    others = [FeedState("synthetic", table.name, made_up.day(20), None) for table in DELIVERED if table is not LEADING]
    trouble = FeedState("synthetic", LEADING.name, made_up.day(20), True, n_quarantined=1)
    html = ward_page(made_up_ward.ward(feeds=(*others, trouble)), language=language("en"))
    feeds = html.split('id="feeds"')[1].split("</section>")[0]
    trouble_alone, _, folded = feeds.partition("<details>")
    assert "no agreement" not in trouble_alone
    assert re.search(rf"<summary>Feeds without trouble \(synthetic\); tables: {len(others)}, last", folded)
    assert "doses given" in folded


def test_an_unknown_operations_code_is_shown_as_it_is() -> None:
    odd = made_up_ward.ward(feeds=(FeedState("synthetic", "viral_load_results", None, None, "a_new_code"),))
    assert "code a_new_code" in ward(odd)


def test_a_stopped_assessment_shows_no_list_that_could_read_as_nobody() -> None:
    stopped = FeedState("assessment", "weekly_decline", None, None, "contract_broken")
    said = ward(made_up_ward.ward(rows=(), feeds=(*made_up_ward.ward().feeds, stopped)))
    assert "De beoordeling is gestopt (berekende daling: gegevens voldoen niet aan de afspraken)." in said
    assert said.index("De beoordeling is gestopt") < said.index("Koppeling")
    assert "Niemand" not in said
    assert "Nu (" not in said


def test_everyone_stands_somewhere_and_patients_are_sorted_by_tier_then_age_then_id() -> None:
    def row(patient_id: str, tier: int, opened: float) -> WardRow:
        own = alerts(alert("response", tier, slow_evidence(), patient_id=patient_id, opened_at=made_up.day(opened)))
        return WardRow(patient_id, "ICU-SYN", "1", f"{patient_id}.html", own.to_dicts(), (), ())

    rows = (row("SYN-C", 2, 5), row("SYN-B", 2, 9), row("SYN-A", 2, 9), row("SYN-D", 1, 20), row("SYN-E", 3, 1))
    quiet = WardRow("SYN-F", None, None, "f.html", (), (), ())
    for order in ((*rows, quiet), (quiet, *reversed(rows))):
        said = ward(made_up_ward.ward(rows=order))
        assert re.findall(r"SYN-[A-F]", said) == ["SYN-D", "SYN-C", "SYN-A", "SYN-B", "SYN-E", "SYN-F"]
        assert "Alleen ter informatie, zie de patiëntpagina: 1" in said
        assert "alles wat bewaakt wordt is beoordeeld (2)" in said


def test_of_those_without_an_alert_that_asks_for_somebody_the_highest_load_stands_first() -> None:
    def row(patient_id: str, *loads: LatestResult, is_told: bool = False) -> WardRow:
        own = alerts(alert("response", 3, slow_evidence(), patient_id=patient_id)) if is_told else alerts()
        return WardRow(patient_id, "ICU-SYN", "1", f"{patient_id}.html", own.to_dicts(), loads, ())

    def bal(load: float | None, detection: str = "quantified", limit: float | None = None) -> LatestResult:
        return LatestResult("bal", detection, load, limit, made_up.day(20))

    rows = (
        row("SYN-A", bal(None, "below_lloq", 35.0)),
        row("SYN-B", bal(900.0), is_told=True),
        row("SYN-C", LatestResult("plasma", "quantified", 40.0, None, made_up.day(20)), bal(4e6)),
        row("SYN-D", bal(None, "above_uloq", 1e8)),
        row("SYN-E", LatestResult("urine", "quantified", 5e6, None, made_up.day(20), is_watched=False)),
        row("SYN-F", LatestResult("bal", "quantified", 2e6, None, made_up.day(-60))),
    )
    for order in (rows, rows[::-1]):
        said = ward(made_up_ward.ward(rows=order))
        assert re.findall(r"SYN-[A-F]", said) == ["SYN-D", "SYN-C", "SYN-B", "SYN-A", "SYN-E", "SYN-F"]


def test_every_compartment_stands_there_with_its_value_its_way_and_its_age() -> None:
    said = ward(made_up_ward.ward())
    assert "BAL: 125.893 IE/ml, gedaald in 14 dagen; 22-11-2026, 1 dag geleden" in said
    assert "Plasma: niet aantoonbaar; 21-11-2026, 2 dagen geleden; niet bewaakt" in said
    assert said.index("BAL: 125.893") < said.index("Plasma: niet aantoonbaar")
    assert "Door geen regel bewaakt: 1 load, in de lijst gemerkt." in said
    assert "Plasma: detected, below quantification limit (<35 IU/mL); 21 Nov 2026, 2 days ago" in ward(
        made_up_ward.ward(), "en"
    )


def test_now_is_a_heading_only_where_something_stands_under_it() -> None:
    board = made_up_ward.ward()
    assert "Nu (1)" in ward(board)
    calm = made_up_ward.ward(rows=tuple(row for row in board.rows if row.patient_id != "SYNTHETIC-0005"))
    assert "Nu (" not in ward(calm)
    assert "Vandaag (1)" in ward(calm)


def test_what_no_rule_watches_is_said_on_the_patients_page() -> None:
    watched = frozenset({"bal"})
    said = patient(made_up.slow_patient(watched=watched, verdicts=made_up.slow_patient().verdicts.clear()))
    assert "Alles wat bewaakt wordt, kon worden beoordeeld. Door geen regel bewaakt: plasma, liquor." in said
    every = frozenset({"bal", "plasma", "csf"})
    assert "Door geen regel bewaakt" not in patient(made_up.slow_patient(watched=every))


# --- both


@pytest.mark.parametrize("code", codes())
def test_the_same_view_gives_the_same_bytes_whatever_the_order_of_its_rows(code: str) -> None:
    view = made_up.slow_patient()
    turned = made_up.slow_patient(
        **{
            name: getattr(view, name).reverse()
            for name in ("results", "courses", "stays", "weekly_decline", "verdicts", "open_alerts")
        }
    )
    spoken = language(code)
    once = patient_page(view, language=spoken, script="s.js")
    assert (
        once
        == patient_page(view, language=spoken, script="s.js")
        == patient_page(turned, language=spoken, script="s.js")
    )
    board = made_up_ward.ward()
    mirrored = made_up_ward.ward(rows=tuple(reversed(board.rows)), feeds=tuple(reversed(board.feeds)))
    assert ward_page(board, language=spoken) == ward_page(mirrored, language=spoken)


def test_the_script_s_name_carries_its_content_and_its_figure_data_can_t_end_it() -> None:
    name, script = shared_script()
    assert re.fullmatch(r"cmvmon-[0-9a-f]{16}\.js", name)
    assert shared_script() == (name, script)
    view = made_up.slow_patient(
        results=made_up.slow_patient().results.with_columns(assay=pl.lit("</script><script>alert(1)</script>"))
    )
    page = patient_page(view, language=NL, script=name)
    assert page.count("<script") == page.count("</script>") == 2
    data = re.search(r'id="figure-data">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    assert json.loads(data[1])["layout"]["height"] > 0


def test_moments_are_written_in_the_site_s_zone_across_the_change_of_clocks() -> None:
    """The night of 25 October 2026 has 02:30 twice in Amsterdam; two samples an hour apart both read so."""
    night = made_up.START.replace(month=10, day=25, hour=0, minute=30)
    both = results(
        result(0, "plasma", 900, collected_at=night, result_id="SYN-a"),
        result(0, "plasma", 800, collected_at=night + timedelta(hours=1), result_id="SYN-b"),
    )
    said = patient(made_up.falling_patient(results=both, courses=None))
    assert said.count("25-10-2026 02:30") >= 2
    assert "900 → 800" in said


@pytest.mark.parametrize("view", [made_up.slow_patient(), made_up.falling_patient(), hostile.patient()])
def test_the_figure_that_is_written_as_plain_values_is_one_that_plotly_accepts(view: PatientView) -> None:
    drawn = patient_figure(view, language("nl"))
    assert drawn is not None
    assert len(go.Figure(drawn).data) == len(drawn["data"]) > 0
    with pytest.raises(ValueError, match="Invalid"):
        go.Figure(drawn | {"layout": drawn["layout"] | {"nonsense": 1}})


def found_mutation(tier: int, **other: Any) -> dict[str, Any]:
    """The alert of a report that names a drug. Synthetic."""
    says = ["change", "running"] if tier == 1 else ["change", "not_running"]
    evidence = {
        "finding": "mutation",
        "gene": "UL97",
        "mutation": "A594V",
        "finding_reported_at": "2026-11-20T06:00:00.000000Z",
        "finding_compartments": "plasma",
        "named_drugs": "ganciclovir",
        "named_running_drugs": "ganciclovir",
        "named_running_since": "2026-11-02T06:00:00.000000Z",
        "n_named_running": 1,
        "says": says,
    }
    return alert("resistance_found", tier, evidence, compartment=None, **other)


def of_gene(gene: str | None) -> dict[str, Any]:
    key = {"patient_id": "SYNTHETIC-0001", "gene": gene, "mutation": None}
    return made_up.verdict("resistance_found", "no_mutation_found") | {"subject": subject_text("mutation", key)}


@pytest.mark.parametrize("tier", [1, 2])
def test_a_gene_without_a_change_is_named_and_a_found_mutation_stands_beside_it_on_top(tier: int) -> None:
    view = made_up.slow_patient(
        open_alerts=alerts(alert("response", 1, slow_evidence()), found_mutation(tier)),
        verdicts=VERDICTS.conform(pl.DataFrame([of_gene("UL54"), of_gene("UL56")])),
    )
    said = patient(view, "en")
    top = said[: said.index("Latest value")]
    assert "Genotype and phenotype of the virus (UL54, UL56): no mutation found" in top
    assert top.index("UL97 A594V (plasma), reported on 20 Nov 2026") < top.index("Could not be assessed:")


def test_the_ward_s_line_of_a_gene_without_a_change_says_that_an_alert_stands_beside_it() -> None:
    subject = of_gene("UL54")["subject"]
    missing = (NotAssessable("resistance_found", "no_mutation_found", None, subject),)
    found = alerts(found_mutation(1)).to_dicts()
    said = ward(made_up_ward.ward(rows=(WardRow("SYN-A", "ICU", "1", "a.html", found, (), missing),)), "en")
    assert (
        "(UL54): no mutation found: a change is not excluded (beside an open alert: Virus less susceptible to running drug)"
        in said
    )
    alone = ward(made_up_ward.ward(rows=(WardRow("SYN-A", "ICU", "1", "a.html", (), (), missing),)), "en")
    assert "(UL54): no mutation found" in alone
    assert "beside an open alert" not in alone


def test_a_second_alert_of_now_is_named_and_the_patient_with_more_of_them_comes_first() -> None:
    def row(patient_id: str, *tiers: int) -> WardRow:
        rules = ("response", "resistance_found", "rebound", "bal_at_local_line")
        made = (
            alert(rule, tier, slow_evidence(), alert_id=f"{patient_id}-{rule}", patient_id=patient_id)
            if rule == "response"
            else found_mutation(tier, alert_id=f"{patient_id}-{rule}", patient_id=patient_id)
            for rule, tier in zip(rules, tiers, strict=False)
        )
        missing = (NotAssessable("suppressed", "fewer_than_two_results", "csf"),)
        return WardRow(patient_id, "ICU", "1", f"{patient_id}.html", alerts(*made).to_dicts(), (), missing)

    said = ward(made_up_ward.ward(rows=(row("SYN-A", 1), row("SYN-B", 1, 1, 1, 2), row("SYN-C", 1, 1))), "en")
    now = said[: said.index("Could not be assessed")]
    assert re.findall(r"SYN-[A-C]", now) == ["SYN-B", "SYN-C", "SYN-A"]
    assert re.search(r"Virus less susceptible to running drug\s*· \+2 more, 1 of now", now)
    of_c = now[now.index("SYN-C") : now.index("SYN-A")]
    assert "Virus less susceptible to running drug" in of_c
    assert now.count("1 not assessed") == 3


@pytest.mark.parametrize(("code", "words"), [("en", "1 not assessed"), ("nl", "1 niet beoordeeld")])
@pytest.mark.parametrize("n_alerts", [1, 2])
def test_how_much_could_not_be_assessed_stands_beside_what_was_found_and_never_as_an_answer(
    code: str, words: str, n_alerts: int
) -> None:
    missing = (NotAssessable("suppressed", "fewer_than_two_results", "csf"),)
    rules = ("response", "rebound")[:n_alerts]
    made = alerts(*(alert(rule, 2, slow_evidence(), alert_id=rule, patient_id="SYN-A") for rule in rules)).to_dicts()
    view = made_up_ward.ward(rows=(WardRow("SYN-A", "ICU", "1", "a.html", made, (), missing),))
    html = ward_page(view, language=language(code))
    (who,) = re.findall(r'<td role="cell" class="who".*?</td>', html, re.DOTALL)
    (what,) = re.findall(r"<summary>.*?</summary>", html.split('class="what"', 2)[2], re.DOTALL)[:1]
    assert language(code).say("row.nobody") in who
    assert words not in who
    assert words in what
    assert what.count('class="note"') == n_alerts, "more than two notes do not fit in two lines"


WAYS = {
    "falls": (((0, 5_000), (3.5, 900), (7, 150)), "↓ fell in 7 d: 5,000 → 150 (−1.5 log10)"),
    "steady": (((0, 900), (4, 850), (8, 800)), "≈ steady 8 d: 900 → 800 (−0.1 log10)"),
}


@pytest.mark.parametrize("case", WAYS)
def test_ward_and_patient_page_say_the_way_of_a_load_in_the_same_words_over_the_same_span(case: str) -> None:
    loads, expected = WAYS[case]
    view = made_up.falling_patient(results=results(*(result(day, "plasma", load) for day, load in loads)))
    assert expected in patient(view, "en")
    shown = points(view.results)
    course = course_to(shown[-1], shown, view.protocol)
    assert course is not None
    last = shown[-1].row
    row = LatestResult(
        *("plasma", "quantified", last["viral_load_iu_per_ml"], None, last["collected_at"]),
        way=course.way,
        since=course.since.row["collected_at"],
    )
    assert latest(row, as_of=view.as_of, language=EN)["way"] == expected.partition(":")[0]


@pytest.mark.parametrize(("n", "is_folded"), [(2, False), (3, True), (9, True)])
def test_more_than_two_warnings_of_feeds_are_one_line_with_their_count_and_the_gravest(n: int, is_folded: bool) -> None:
    silent = [FeedState(f"feed{i}", "viral_load_results", made_up.day(9), False) for i in range(n - 1)]
    refused = FeedState("z_last_by_name", "viral_load_results", made_up.day(20), True, "missing_column")
    page = ward_page(made_up_ward.ward(feeds=(*silent, refused)), language=EN)
    summaries = re.findall(r'<summary class="trouble">(.*?)</summary>', page)
    assert len(summaries) == is_folded
    if is_folded:
        assert summaries[0].startswith(f"Warnings about the data: {n}. First: ")
        assert "z_last_by_name" in summaries[0]
    assert page.count('<p class="trouble">') == n


def test_the_name_of_a_line_gives_way_to_a_curve_that_passes_it_and_keeps_off_the_axis() -> None:
    def named(*loads: tuple[float, float]) -> dict[str, Any]:
        view = made_up.falling_patient(results=results(*(result(day, "bal", load) for day, load in loads)))
        drawn = patient_figure(view, EN)
        assert drawn is not None
        return next(each for each in drawn["layout"]["annotations"] if each["text"].startswith("local line"))

    crossed = named((0, 900_000), (6, 300))
    assert crossed["xanchor"] == "right"
    free = named((0, 600), (6, 300))
    assert (free["xanchor"], free["xshift"]) == ("left", 6)
    assert free["bgcolor"]
