"""One night, end to end, through the command line on real files: from a laboratory's file to an alert and a page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cmvmon.cli import app
from cmvmon.domain.errors import SiteError
from cmvmon.run.answers import answering
from cmvmon.run.daytime.feed import lab_feed
from cmvmon.run.judging.assessing import assessed
from cmvmon.shell.folder.site import Site
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.sites import day, drop, falling, text, unmarked

RUNNER = CliRunner()


def run(root: Path, *arguments: str) -> str:
    done = RUNNER.invoke(app, [*arguments, "--site", str(root)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def alerts(root: Path, *, every: bool = False) -> list[dict[str, object]]:
    listed = json.loads(run(root, "alerts", "list", "--json", *(["--all"] if every else [])))
    return [row for row in listed if row["rule"] == "response"]


def discharge(root: Path, patient: str, *, bed: str) -> None:
    """She leaves on day 22, and the night after it knows."""
    drop(root, "icu_stays", [sites.stay(patient, bed=bed, end=22)], name="two.csv")
    run(root, "nightly", "--as-of", text(day(22.5)))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("site")
    sites.ward_of_three(root)
    run(root, "nightly", "--as-of", text(day(21.5)))
    return root


def page_with(root: Path, *words: str, lang: str) -> str:
    """The one patient page that holds these words."""
    pages = [
        unmarked(p.read_text("utf-8")) for p in (root / "pages").glob(f"*.{lang}.html") if not p.name.startswith("ward")
    ]
    (found,) = [page for page in pages if all(word in page for word in words)]
    return found


def test_a_fall_of_a_third_of_a_log_per_week_has_one_response_alert(site: Path) -> None:
    (alert,) = alerts(site)
    assert (alert["patient_id"], alert["compartment"], alert["tier"]) == ("SYNTHETIC-SLOW", "bal", 2)
    assert "Geschat 0,3 log10 daling per week" in str(alert["sentence"])


def test_that_alert_is_on_the_ward_page_and_atop_the_patient_page_in_both_languages(site: Path) -> None:
    for lang, decline in (("nl", "Geschat 0,3 log10 daling per week"), ("en", "Estimated decline 0.3 log10 per week")):
        ward = unmarked((site / "pages" / f"ward.{lang}.html").read_text("utf-8"))
        assert decline in ward
        assert "SYNTHETIC-SLOW" in ward
        page = page_with(site, "SYNTHETIC-SLOW", lang=lang)
        assert decline in page
        assert page.index(decline) < page.index("data-figure")


def test_a_fall_of_two_logs_per_week_has_no_alert_of_that_rule_and_a_single_result_is_not_assessable(
    site: Path,
) -> None:
    assert [a["patient_id"] for a in alerts(site)] == ["SYNTHETIC-SLOW"]
    page = page_with(site, "SYNTHETIC-ONE", lang="nl")
    assert "Niet te beoordelen" in page
    ward = (site / "pages" / "ward.nl.html").read_text()
    assert "SYNTHETIC-ONE" in ward[ward.index("Niet te beoordelen") :]


def test_assessing_twice_changes_no_row_and_no_page_byte(site: Path) -> None:
    before, pages = sites.everything(site), sites.page_bytes(site)
    run(site, "nightly", "--as-of", text(day(21.5)))
    assert sites.everything(site) == before
    assert sites.page_bytes(site) == pages


def test_an_assessment_of_an_earlier_moment_leaves_the_alerts_as_they_are(site: Path) -> None:
    before = sites.everything(site)
    with pytest.raises(SiteError, match="lies before the last moment that was judged here"):
        run(site, "assess", "--as-of", text(day(7.5)))
    assert sites.everything(site) == before


def test_a_correction_into_a_steep_fall_resolves_the_alert_the_next_night(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    run(tmp_path, "nightly", "--as-of", text(day(21.5)))
    (opened,) = alerts(tmp_path)
    corrected = [
        line.replace(",F", ",C").replace(text(day(d + 0.2)), text(day(22)))
        for d, line in zip((7, 14, 21), falling("SYNTHETIC-SLOW", 2)[1:], strict=True)
    ]
    drop(tmp_path, "viral_load_results", corrected, name="two.csv")
    run(tmp_path, "nightly", "--as-of", text(day(22.5)))
    assert alerts(tmp_path) == []
    (resolved,) = alerts(tmp_path, every=True)
    assert (resolved["alert_id"], resolved["state"]) == (opened["alert_id"], "resolved")
    history = sites.rows(tmp_path, "SELECT result_status FROM viral_load_results WHERE patient_id = 'SYNTHETIC-SLOW'")
    assert sorted(status for (status,) in history) == ["corrected"] * 3 + ["final"] * 4


def test_a_withdrawn_result_is_no_longer_used(tmp_path: Path) -> None:
    drop(tmp_path, "viral_load_results", falling("SYNTHETIC-SLOW", 0.3))
    drop(tmp_path, "antiviral_courses", [sites.course("SYNTHETIC-SLOW")])
    drop(tmp_path, "icu_stays", [sites.stay("SYNTHETIC-SLOW")])
    run(tmp_path, "nightly", "--as-of", text(day(21.5)))
    assert len(alerts(tmp_path)) == 1
    withdrawn = [line.replace(",F", ",W") for line in falling("SYNTHETIC-SLOW", 0.3)[1:]]
    drop(tmp_path, "viral_load_results", withdrawn, name="two.csv")
    run(tmp_path, "nightly", "--as-of", text(day(22.5)))
    assert alerts(tmp_path) == []
    (closed,) = alerts(tmp_path, every=True)
    assert (closed["state"], closed["cause"]) == ("closed", "facts_withdrawn")
    assert "Niet te beoordelen" in page_with(tmp_path, "SYNTHETIC-SLOW", lang="nl")


def test_an_alert_whose_course_is_over_is_closed_with_that_cause(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    run(tmp_path, "nightly", "--as-of", text(day(21.5)))
    drop(tmp_path, "antiviral_courses", [sites.course("SYNTHETIC-SLOW", stop=22)], name="two.csv")
    run(tmp_path, "nightly", "--as-of", text(day(26)))
    (closed,) = alerts(tmp_path, every=True)
    assert (closed["state"], closed["cause"]) == ("closed", "course_over")


def test_an_alert_of_a_patient_who_was_discharged_stands_on_the_list_until_somebody_has_acknowledged_it(
    tmp_path: Path,
) -> None:
    sites.ward_of_three(tmp_path)
    run(tmp_path, "nightly", "--as-of", text(day(21.5)))
    discharge(tmp_path, "SYNTHETIC-SLOW", bed="S-00")
    (one,) = alerts(tmp_path)
    assert "SYNTHETIC-SLOW" in (tmp_path / "pages" / "ward.nl.html").read_text()
    answering.acknowledge(tmp_path, one["alert_id"], reason="dealt_with", note=None, actor="dr. C")
    run(tmp_path, "nightly", "--as-of", text(day(23.5)))
    assert [each["standing"] for each in alerts(tmp_path)] == ["acknowledged"]
    assert "SYNTHETIC-SLOW" not in (tmp_path / "pages" / "ward.nl.html").read_text()
    drop(tmp_path, "antiviral_courses", [sites.course("SYNTHETIC-SLOW", stop=24)], name="over.csv")
    run(tmp_path, "nightly", "--as-of", text(day(28)))
    (closed,) = alerts(tmp_path, every=True)
    assert (closed["state"], closed["cause"]) == ("closed", "stay_ended")


def test_a_result_that_comes_after_the_discharge_alerts(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    drop(tmp_path, "icu_stays", [sites.stay("SYNTHETIC-FAST", bed="S-01", end=16)], name="two.csv")
    run(tmp_path, "nightly", "--as-of", text(day(21.5)))
    before = {one["patient_id"] for one in alerts(tmp_path)}
    drop(tmp_path, "viral_load_results", [sites.result("SYNTHETIC-FAST", 24, 900_000)], name="rise.csv")
    run(tmp_path, "nightly", "--as-of", text(day(24.5)))
    assert {one["patient_id"] for one in alerts(tmp_path)} - before == {"SYNTHETIC-FAST"}
    assert "SYNTHETIC-FAST" in (tmp_path / "pages" / "ward.nl.html").read_text()


def test_what_was_known_at_an_earlier_moment_can_be_seen_again(tmp_path: Path) -> None:
    """A correction that arrives on day 22 does not change what day 21.5 says when it is asked for again."""
    sites.ward_of_three(tmp_path)
    run(tmp_path, "nightly", "--as-of", text(day(21.5)))
    drop(
        tmp_path,
        "viral_load_results",
        [line.replace(",F", ",C") for line in falling("SYNTHETIC-SLOW", 2)],
        name="two.csv",
    )
    run(tmp_path, "nightly", "--as-of", text(day(22.5)))
    with open_site(tmp_path) as opened:
        then, now = (assessed(opened, as_of=day(d)).results for d in (21.5, 22.5))
    loads = [
        frame.filter(patient_id="SYNTHETIC-SLOW").sort("collected_at")["viral_load_iu_per_ml"][-1]
        for frame in (then, now)
    ]
    assert loads == [125893.0, None]


def test_report_names_the_page_of_one_patient_and_refuses_an_unknown_one(site: Path) -> None:
    page = Path(run(site, "report", "--patient", "SYNTHETIC-FAST", "--lang", "en").strip())
    assert "SYNTHETIC-FAST" in page.read_text()
    assert "SYNTHETIC" not in page.name
    refused = RUNNER.invoke(app, ["report", "--patient", "NOBODY", "--site", str(site)])
    assert refused.exit_code != 0
    assert "NOBODY" not in str(refused.exception)


def test_a_preliminary_result_is_shown_and_judged_by_no_rule(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    drop(tmp_path, "viral_load_results", [sites.result("SYNTHETIC-ONE", 7, 999999, status="P")], name="two.csv")
    run(tmp_path, "nightly", "--as-of", text(day(21.5)))
    page = page_with(tmp_path, "SYNTHETIC-ONE", lang="en")
    assert "999,999" in page
    assert "preliminary" in page
    assert "Could not be assessed" in page  # one usable result, as without it


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("", "Nobody is named who takes over."),
        ('handed_to = "consultant CMV, extension 1234"\n', "Answers for it: consultant CMV, extension 1234."),
    ],
)
def test_the_ward_page_says_who_answers_for_a_patient_who_has_left(tmp_path: Path, settings: str, said: str) -> None:
    sites.ward_of_three(tmp_path)
    (tmp_path / "settings.toml").write_text(settings, encoding="utf-8")
    run(tmp_path, "nightly", "--as-of", text(day(21.5)))
    discharge(tmp_path, "SYNTHETIC-SLOW", bed="S-00")
    page = unmarked((tmp_path / "pages" / "ward.en.html").read_text())
    assert f"listed until somebody has acknowledged what is open. {said}" in page


@pytest.mark.parametrize("value", ["3", '"two\\nlines"', f'"{"x" * 81}"', '" "'])
def test_a_name_that_is_no_name_on_one_line_is_refused(tmp_path: Path, value: str) -> None:
    (tmp_path / "settings.toml").write_text(f"handed_to = {value}\n", encoding="utf-8")
    with pytest.raises(SiteError, match="handed_to must be a name"):
        Site(tmp_path).settings()


def test_a_result_of_a_patient_who_has_left_that_the_feed_brings_by_day_is_on_the_ward_page_at_once(
    tmp_path: Path,
) -> None:
    sites.ward_of_three(tmp_path)
    run(tmp_path, "nightly", "--as-of", text(day(21.5)))
    discharge(tmp_path, "SYNTHETIC-FAST", bed="S-01")
    page = tmp_path / "pages" / "ward.en.html"
    assert "SYNTHETIC-FAST" not in page.read_text()
    landed = sites.land(tmp_path, "viral_load_results", [sites.result("SYNTHETIC-FAST", 24, 900_000)], at=day(24.4))
    lab_feed(tmp_path, landed, as_of=day(24.4))
    assert "SYNTHETIC-FAST" in {one["patient_id"] for one in alerts(tmp_path)}
    assert "SYNTHETIC-FAST" in page.read_text()
