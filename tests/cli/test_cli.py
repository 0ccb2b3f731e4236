"""The command line: exit codes, help, what it imports, errors in words."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import typer

from cmvmon.cli import app
from cmvmon.cli.sections import SECTIONS, tree
from tests.calls import here, run
from tests.sites import course, day, drop, lain_still, result, stay, text

HEAVY = ("prefect", "great_expectations", "plotly", "pandas", "numba")


def imported_by(*arguments: str) -> set[str]:
    script = (
        "import sys\nsys.argv = ['cmvmon', *sys.argv[1:]]\nfrom cmvmon.cli import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    code = stop.code\n"
        "print('IMPORTED', code, *sorted(name.partition('.')[0] for name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True, timeout=120
    )
    marker, code, *names = done.stdout.splitlines()[-1].split()
    assert (marker, code) == ("IMPORTED", "0"), done.stdout + done.stderr
    return set(names)


@pytest.fixture(scope="module")
def small_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with an open alert and something in quarantine, made by the command line itself."""
    root = tmp_path_factory.mktemp("site")
    drop(root, "viral_load_results", [result("SYNTHETIC-1", 0, 20000), result("SYNTHETIC-2", 0, "ca. 500")])
    drop(root, "antiviral_courses", [])
    drop(root, "icu_stays", [stay("SYNTHETIC-1"), stay("SYNTHETIC-2")])
    done = run("nightly", "--as-of", text(day(1)), site=root)
    assert done.returncode == 0, done.stderr
    assert "received 2 = accepted 1 + quarantined 1 + duplicates 0 + ignored 0; unknown_text 1" in done.stdout
    return root


def test_help_and_the_list_of_alerts_import_nothing_heavy(small_site: Path) -> None:
    for arguments in (("--help",), ("alerts", "list", "--site", str(small_site))):
        assert imported_by(*arguments).isdisjoint(HEAVY), arguments


def test_every_command_has_help_stands_in_one_section_and_the_readme_names_it() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    known = typer.main.get_command(app).commands
    placed = [name for names in SECTIONS.values() for name in names]
    assert sorted(placed) == sorted(known), "a command that stands in no section is not in the help"
    for name in placed:
        assert f"`cmvmon {name}" in readme, name
    for commands in tree(app).values():
        for name, _ in commands:
            assert here(*name.split(), "--help").returncode == 0, name
    shown = here("--help").stdout
    assert all(f"{title}:" in shown for title in SECTIONS)
    assert "..." not in shown.partition("[ARGS]...")[2], "no first sentence is cut"


def of_the_line(site: Path) -> dict[str, Any]:
    """The alert on BAL at the line; the other one is of the result that could not be read."""
    listed = json.loads(here("alerts", "list", "--json", site=site).stdout)
    return next(alert for alert in listed if alert["rule"] == "bal_at_local_line")


def test_an_alert_tells_why_what_would_have_changed_it_and_where(small_site: Path) -> None:
    alert = of_the_line(small_site)
    assert alert["alert_id"] in here("alerts", "list", site=small_site).stdout
    said = here("why", alert["alert_id"][:6], "--lang", "en", site=small_site)
    assert said.returncode == 0, said.stderr
    assert len(said.stdout.splitlines()) < 60, "one screen"
    assert "cmvmon/protocol/icu_cmv_2024.toml [rules.bal_at_local_line] within_days = 7 days" in said.stdout
    assert "cmvmon/rules/bal_at_local_line.py" in said.stdout
    assert "cmvmon/text/nl/rules/bal_at_local_line.toml" in said.stdout
    found = json.loads(here("why", alert["alert_id"], "--json", site=small_site).stdout)
    assert [one["part"] for one in found["conditions"] if one["holds"] and one["part"].startswith("fires")]
    assert found["tipped_by"]["without_it"] == "not judged", "the series is gone with its only result"
    assert found["tipped_by"]["result_id"] == alert["evidence"]["result_ids"][0]
    assert {"column": "treatment", "verdict": "not_assessable (treatment_unknown)"}.items() <= next(
        turn for turn in found["turns"] if turn["column"] == "treatment"
    ).items()


def test_the_questions_of_what_does_not_hold_are_asked_for(small_site: Path) -> None:
    alert = of_the_line(small_site)["alert_id"]
    short = here("why", alert, "--lang", "en", site=small_site).stdout
    whole = here("why", alert, "--lang", "en", "--all", site=small_site).stdout
    assert "Every question that the rule asks, and the source of each number: --all" in short
    assert "--all" not in whole
    told = [line for line in whole.splitlines() if line[:1].strip()]
    sources = [line for line in told if line.startswith("source of [")]
    assert sources
    assert not set(sources) & set(short.splitlines())
    parts = {line.split("  ")[0] for line in told if line not in sources}
    assert parts - {line.split("  ")[0] for line in short.splitlines()} == set(), "every part is named either way"
    questions = [line for line in whole.splitlines() if line.startswith(" ") and "  false  " in line]
    assert len(short.splitlines()) < len(whole.splitlines()), "and the questions of what does not hold are left out"
    assert questions


@pytest.fixture(scope="module")
def whole(small_site: Path) -> dict[tuple[str, ...], str]:
    """What three commands say into a file, by their words."""
    alert = of_the_line(small_site)
    calls = (("why", alert["alert_id"], "--lang", "en"), ("rules", "show", "rebound"), ("rules", "list"))
    return {arguments: here(*arguments, site=small_site).stdout for arguments in calls}


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_on_a_narrow_terminal_no_line_is_longer_than_it(
    small_site: Path, whole: dict[tuple[str, ...], str], columns: int
) -> None:
    for arguments, said in whole.items():
        narrow = here(*arguments, site=small_site, columns=columns).stdout
        assert max(map(len, narrow.splitlines())) <= columns
        if columns < 80:
            assert max(map(len, said.splitlines())) > 80, "a file keeps its lines whole"
        if arguments[0] != "rules" or arguments[1] != "list":  # folded cells stand side by side; nothing else moves
            head = said.split("\n\n")[0]
            assert "".join(narrow.split()).startswith("".join(head.split()))
        assert sorted("".join(narrow.split())) == sorted("".join(said.split())), "no character is lost"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("nothing", "no alert has an id that begins with 'nothing'"),
        ("", "the id of an alert is empty"),
        ("  ", "empty"),
    ],
)
def test_an_alert_that_is_not_there_is_told_so(small_site: Path, wrong: str, words: str) -> None:
    done = here("why", wrong, site=small_site)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "alerts list --all" in done.stderr


def test_an_id_with_which_several_alerts_begin_names_them(tmp_path: Path) -> None:
    """Seventeen alerts: at least two begin with one hexadecimal digit."""
    drop(tmp_path, "viral_load_results", [result(f"SYNTHETIC-{n}", 0, 20000) for n in range(17)])
    drop(tmp_path, "antiviral_courses", [])
    drop(tmp_path, "icu_stays", [stay(f"SYNTHETIC-{n}") for n in range(17)])
    assert here("nightly", "--as-of", text(day(1)), site=tmp_path).returncode == 0
    ids = [alert["alert_id"] for alert in json.loads(here("alerts", "list", "--json", site=tmp_path).stdout)]
    first, n = Counter(name[0] for name in ids).most_common(1)[0]
    done = here("why", first, site=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{n} alerts have an id that begins with '{first}'" in done.stderr
    named = [name for name in ids if name in done.stderr]
    assert len(named) == min(n, 5)
    assert all(name.startswith(first) for name in named)
    assert "SYNTHETIC-" not in done.stderr, "no patient in an error"
    assert here("why", named[0], site=tmp_path).returncode == 0


def test_every_rule_is_shown_with_where_it_is_changed(tmp_path: Path) -> None:
    listed = json.loads(here("rules", "list", "--json", site=tmp_path).stdout)
    assert {"rebound", "response"} <= {row["rule"] for row in listed}
    shown = here("rules", "show", "rebound", site=tmp_path).stdout
    assert "cmvmon/protocol/icu_cmv_2024.toml [rules.rebound] rise_log10 = 1" in shown
    assert "cmvmon/protocol/icu_cmv_2024.toml [alarm.bal] probability_rebound = 0.09403" in shown
    done = here("rules", "show", "nothing", site=tmp_path)
    assert (done.returncode, "the rules are bal_at_local_line" in done.stderr) == (2, True)


def test_alerts_and_quarantine_are_listed_for_people_and_machines(small_site: Path) -> None:
    listed = json.loads(here("alerts", "list", "--json", site=small_site).stdout)
    assert [(a["rule"], a["patient_id"], a["tier"]) for a in listed] == [
        ("data_unfit", "SYNTHETIC-2", 2),
        ("bal_at_local_line", "SYNTHETIC-1", 2),
    ]
    assert "BAL" in here("alerts", "list", "--lang", "en", site=small_site).stdout
    (waiting,) = json.loads(here("quarantine", "list", "--json", site=small_site).stdout)
    assert (waiting["line"], waiting["file_name"], waiting["feed"]) == (3, "one.csv", "synthetic")
    plain = here("quarantine", "list", site=small_site).stdout
    assert "ca. 500" not in plain
    assert "SYNTHETIC-2" not in plain
    masked = here("quarantine", "show", waiting["record"], site=small_site).stdout
    assert "ca. 500" not in masked
    assert "SYNTHETIC-2" not in masked
    assert json.loads(masked)["delivered_text"]["value"] == "aa. 999"
    shown = json.loads(here("quarantine", "show", waiting["record"], "--delivered", site=small_site).stdout)
    assert shown["delivered_text"]["value"] == "ca. 500"


def test_doctor_finds_a_good_site_in_order_and_points_at_the_unflagged_values(small_site: Path) -> None:
    done = run("doctor", site=small_site)
    assert done.returncode == 0, done.stdout
    assert "40 of 361 values stand at" in done.stdout
    assert "records in quarantine: 1" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("alerts", "list"), 2, "no database yet"),
        (("nightly", "--as-of", "2026-03-01"), 2, "has no time"),
        (("nightly", "--as-of", "yesterday"), 2, "is not a moment"),
        (("ingest", "nothing.csv", "--feed", "synthetic"), 2, "can't be read"),
        (("ingest", "pyproject.toml", "--feed", "nowhere"), 2, "labs/nowhere.toml"),
        (("ingest", "pyproject.toml", "--feed", "nowhere"), 2, "has landed and waits"),
        (("ingest", "pyproject.toml", "--feed", "synthetic", "--table", "labs"), 2, "must be one of"),
        (("ingest", "pyproject.toml", "--feed", "../x"), 2, "letters, digits"),
        (("analyze", "docs", "--out", "out"), 2, "holds neither"),
        (("report", "--lang", "fr"), 2, "choose one of en, nl"),
        (("report",), 2, "no database yet"),
        (("quarantine", "show", "x"), 2, "no database yet"),
    ],
)
def test_a_call_that_can_not_be_carried_out_says_what_to_do(
    tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    assert here("init", tmp_path / "site").returncode == 0
    done = here(*arguments, site=tmp_path / "site")
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_refused_delivery_exits_with_3_and_the_others_go_on(tmp_path: Path) -> None:
    good = drop(tmp_path, "viral_load_results", [result("SYNTHETIC-1", 0, 20000)], name="b.csv")
    bad = drop(tmp_path, "viral_load_results", [], name="a.csv")
    bad.write_text("patient_id;value\n1;2\n")
    lain_still(bad)
    done = here("ingest", bad, good, "--feed", "synthetic", site=tmp_path)
    assert done.returncode == 3
    assert "a.csv: REFUSED" in done.stdout
    assert "b.csv: received 1 = accepted 1" in done.stdout
    as_json = json.loads(here("ingest", bad, good, "--feed", "synthetic", "--json", site=tmp_path).stdout)
    assert [entry["was_known"] for entry in as_json] == [True, True]


def test_that_nothing_was_assessed_yet_is_not_said_as_no_open_alerts(tmp_path: Path) -> None:
    file = drop(tmp_path, "viral_load_results", [result("SYNTHETIC-1", 0, 20000)])
    assert here("ingest", str(file), "--feed", "synthetic", site=tmp_path).returncode == 0
    listed = here("alerts", "list", site=tmp_path)
    assert (listed.returncode, "nothing was assessed on this site yet" in listed.stderr) == (2, True)


def test_a_refused_delivery_stands_on_the_first_line_of_the_ward_page_until_a_good_one_comes(tmp_path: Path) -> None:
    bad = drop(tmp_path, "viral_load_results", [], name="a.csv")
    bad.write_text("patient_id;value\n1;2\n")
    lain_still(bad)
    drop(tmp_path, "icu_stays", [stay("SYNTHETIC-1")])
    assert here("nightly", "--as-of", text(day(1)), site=tmp_path).returncode == 0
    (alert,) = json.loads(here("alerts", "list", "--json", site=tmp_path).stdout)
    assert (alert["rule"], alert["feed"], alert["patient_id"]) == ("operations", "synthetic", None)
    ward = (tmp_path / "pages" / "ward.en.html").read_text()
    assert ward.index("refused") < ward.index("SYNTHETIC-1")
    drop(tmp_path, "viral_load_results", [result("SYNTHETIC-1", 0, 20000)], name="b.csv")
    drop(tmp_path, "antiviral_courses", [course("SYNTHETIC-1")])
    assert here("nightly", "--as-of", text(day(2)), site=tmp_path).returncode == 0
    assert not [
        a for a in json.loads(here("alerts", "list", "--json", site=tmp_path).stdout) if a["rule"] == "operations"
    ]


def test_broken_protocol_and_settings_files_stop_the_start_with_every_fault(tmp_path: Path) -> None:
    (tmp_path / "protocol").mkdir()
    packaged = (Path(__file__).parents[2] / "cmvmon/protocol/icu_cmv_2024.toml").read_text(encoding="utf-8")
    broken = packaged.replace("target_log10_per_week", "target").replace("[rules.suppressed]", "[rules.supressed]")
    (tmp_path / "protocol" / "ours.toml").write_text(broken, encoding="utf-8")
    done = here("nightly", site=tmp_path)
    assert done.returncode == 4
    assert "target_log10_per_week is missing" in done.stderr
    assert "[rules.suppressed] is missing" in done.stderr
    assert "[rules.supressed] has no rule of that name" in done.stderr
    (tmp_path / "settings.toml").write_text('timezone = "Mars"\n')
    assert "unknown key timezone" in here("nightly", site=tmp_path).stderr


def test_a_demo_never_joins_a_real_site(tmp_path: Path) -> None:
    drop(tmp_path, "viral_load_results", [result("SYNTHETIC-1", 0, 20000)])
    done = here("demo", "--plain", site=tmp_path)
    assert done.returncode == 2
    assert "not a demo's" in done.stderr


def test_simulate_gives_the_same_bytes_and_analyze_reads_them(tmp_path: Path) -> None:
    folders = (tmp_path / "one", tmp_path / "two")
    for folder, by in zip(folders, (run, here), strict=True):  # no matter in which process
        done = by("simulate", "--patients", "5", "--days", "30", "--seed", "7", "--out", folder, site=tmp_path)
        assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in folders[0].iterdir())
    assert {
        "viral_load_results.parquet",
        "antiviral_courses.csv",
        "icu_stays.csv",
        "delivery.csv",
        "truth.parquet",
    } <= set(names)
    assert all((folders[0] / name).read_bytes() == (folders[1] / name).read_bytes() for name in names)
    done = here("analyze", folders[0], "--out", tmp_path / "out", "--json", site=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["patients"] == 5
    assert here("init", tmp_path / "site").returncode == 0
    fed = here(
        "ingest", folders[0] / "delivery.csv", "--feed", "synthetic", "--history", "--json", site=tmp_path / "site"
    )
    assert json.loads(fed.stdout)[0]["quarantined"] == 0


SPOKEN = {
    "en": (
        "WHY",
        "WHAT WOULD HAVE CHANGED IT",
        "WHERE TO CHANGE IT",
        "source of",
        "just before",
        "fires",
        "known that",
    ),
    "nl": ("WAAROM", "WAT HET ANDERS", "WAAR HET TE", "bron van", "net voor", "meldt", "bekend dat"),
}


@pytest.mark.parametrize("lang", SPOKEN)
def test_why_speaks_one_language_and_tells_moments_to_the_minute(small_site: Path, lang: str) -> None:
    alert = of_the_line(small_site)
    said = here("why", alert["alert_id"], "--lang", lang, site=small_site).stdout
    assert [word for word in SPOKEN[lang] if word not in said and word[:4] not in ("just", "net ")] == []
    (other,) = set(SPOKEN) - {lang}
    assert [word for word in SPOKEN[other] if word in said] == []
    assert re.findall(r"\d\d:\d\d:\d\d|\dT\d|\+00:00|\dZ", said) == []
    moment = {"en": r"\d{1,2} \w{3} \d{4} \d\d:\d\d", "nl": r"\d\d-\d\d-\d{4} \d\d:\d\d"}[lang]
    assert re.search(moment, said.splitlines()[0])
    machine = json.loads(here("why", alert["alert_id"], "--json", site=small_site).stdout)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", machine["judged_at"])


@pytest.mark.parametrize(
    ("given", "kept"), [(None, "narenas:1,dirty_decay_ms:10000,muzzy_decay_ms:10000"), ("narenas:1", "narenas:1")]
)
def test_how_memory_is_kept_is_said_before_an_analysis_loads_polars(
    given: str | None, kept: str, tmp_path: Path
) -> None:
    """polars reads it once, when it is loaded; what somebody set stands."""
    script = """
import os, sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "polars":
            print("LOADED", os.environ.get("_RJEM_MALLOC_CONF"))
sys.meta_path.insert(0, Watch())
sys.argv = ["cmvmon", "analyze", *sys.argv[1:]]
from cmvmon.cli import main
main()
"""
    asked = [sys.executable, "-c", script, str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]
    own = {name: value for name, value in os.environ.items() if name != "_RJEM_MALLOC_CONF"}
    env = own if given is None else own | {"_RJEM_MALLOC_CONF": given}
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=120, env=env)
    assert done.returncode == 2, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("LOADED")] == [f"LOADED {kept}"]
