"""The core alone, and the core with each extra, in environments that hold exactly what these ask for.

What an extra brings works there; what needs another one says so in a line, with code 2, and changes nothing. Prefect's
night takes as long as half of the others together, and is in the long form.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import urllib.request
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cmvmon.cli.needs import NEEDS
from tests.examples.environments import BIN, ROOT, build, closure, environment, run
from tests.listen import listening, posting

pytestmark = pytest.mark.slow
EXTRAS = ("core", "contracts", "ward", "prefect", "feeds", "board", "sail")
ENGINES = {"sc://127.0.0.1:1": "spark", "sail": "sail"}
API = """
import sys, cmvmon
known = cmvmon.read("in")
found = cmvmon.assess(known, method="line")
made = cmvmon.simulate(3, 28, seed=1)
cmvmon.weekly_decline(made.viral_load_results, made.antiviral_courses, method="line")
cmvmon.concordance(made.viral_load_results)
found.verdicts.write_csv("verdicts.csv")
heavy = {"pandas", "yaml", "jinja2", "plotly", "alembic", "prefect", "babel"} & set(sys.modules)
print(found.verdicts.height, sorted(heavy))
"""
GATE = """
import polars as pl
from datetime import datetime, timedelta, UTC
from cmvmon.data_contracts.gate import gate
weeks = pl.read_parquet("out/weekly_decline.parquet")
at = datetime(2024, 2, 13, tzinfo=UTC)
series = weeks.select(pl.struct("patient_id", "compartment", "laboratory", "assay").alias("s"))["s"].unique()
given = {"references": {"series_with_results": series}, "as_of": at}
print(gate("weekly_decline", weeks, **given).passed)
broken = gate("weekly_decline", weeks.with_columns(treatment_week=pl.lit(-1, weeks.schema["treatment_week"])), **given)
print(broken.passed, len(broken.broken) > 0)
"""
NIGHT = """
import sys
from datetime import datetime, UTC
from pathlib import Path
from cmvmon.flows.engine import run_once
taken_in, counts, published = run_once(Path("site"), as_of=datetime(2026, 3, 9, tzinfo=UTC))
print(counts.patients, published.written > 4)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("wheel"))


class Environments(dict[str, Path]):
    """By extra, the `bin` of its environment: made when it is first asked for."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        super().__init__()
        self.folder, self.wheel = folder, wheel

    def __missing__(self, extra: str) -> Path:
        assert extra in EXTRAS
        self[extra] = environment(self.folder / extra, self.wheel, closure(self.wheel, {extra} - {"core"}))
        return self[extra]


@pytest.fixture(scope="module")
def bins(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return Environments(tmp_path_factory.mktemp("extras"), wheel)


@pytest.fixture(scope="module")
def analyzed(bins: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a simulated ward and what `analyze` makes of it, both by the core alone."""
    folder = tmp_path_factory.mktemp("analyzed")
    cmvmon = str(bins["core"] / "cmvmon")
    run([cmvmon, "simulate", "--patients", "8", "--days", "42", "--seed", "1", "--out", "in"], folder)
    run([cmvmon, "analyze", "in", "--out", "out"], folder)
    return folder


def _site(root: Path) -> Path:
    """A small site with one delivery of the example laboratory in its drop folder, made by no command."""
    drop = root / "drop" / "example_us" / "viral_load_results"
    drop.mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "deliveries" / "example_us" / "happy.csv", drop)
    (root / "settings.toml").write_text(
        'time_zone = "America/New_York"\nlanguage = "en"\nfile_settles_s = 0\n', "utf-8"
    )
    return root


@pytest.fixture(scope="module")
def judged(bins: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Such a site after a night, by the ward's extra."""
    site = _site(tmp_path_factory.mktemp("judged") / "site")
    night = run([str(bins["ward"] / "cmvmon"), "nightly", "--as-of", "2026-03-09T00:00:00+00:00"], site.parent).stdout
    assert "example_us/viral_load_results: received" in night
    return site


def test_the_core_is_about_twenty_five_packages(wheel: Path) -> None:
    assert len(closure(wheel, [])) + 1 <= 25
    assert closure(wheel, []) < closure(wheel, ["contracts"]) < closure(wheel, ["ward"]) < closure(wheel, ["all"])


def test_the_core_alone_analyzes_as_the_whole_does(analyzed: Path) -> None:
    """Table by table; `fit` and `noise fit` run there too."""
    run([str(BIN / "cmvmon"), "analyze", "in", "--out", "whole"], analyzed)
    names = sorted(path.name for path in (analyzed / "out").glob("*.parquet"))
    assert "weekly_decline.parquet" in names
    for name in names:
        assert_frame_equal(pl.read_parquet(analyzed / "out" / name), pl.read_parquet(analyzed / "whole" / name))


def test_the_core_alone_fits_any_table(bins: dict[str, Path], tmp_path: Path) -> None:
    rows = ["who,day,log10,state", *(f"a,{7 * n},{5 - n},quantified" for n in range(4))]
    (tmp_path / "t.csv").write_text("\n".join(rows) + "\n", "utf-8")
    columns = ["--series", "who", "--time", "day", "--value", "log10", "--state", "state"]
    run([str(bins["core"] / "cmvmon"), "fit", "t.csv", *columns, "--sigma", "0.2", "--out", "o.csv"], tmp_path)
    assert pl.read_csv(tmp_path / "o.csv")["decline_log10_per_week"].round(6).to_list() == [1.0]


def test_the_core_alone_is_what_a_notebook_needs_and_loads_nothing_of_an_extra(
    bins: dict[str, Path], analyzed: Path
) -> None:
    said = run([str(bins["core"] / "python"), "-P", "-c", API], analyzed).stdout
    n, heavy = said.split(maxsplit=1)
    assert int(n) == pl.read_csv(analyzed / "verdicts.csv").height > 0
    assert heavy.strip() == "[]"


@pytest.mark.parametrize(
    "words", [["--version"], ["version"], ["-h"], ["--help"], ["nightly", "-h"], ["doctor"], ["rules", "list"], ["--show-completion"]],
    ids=" ".join,
)  # fmt: skip
def test_the_core_alone_answers_what_a_newcomer_asks(words: list[str], bins: dict[str, Path], tmp_path: Path) -> None:
    """Completion is shown for the shell that asks, so here a shell asks."""
    command = [str(bins["core"] / "cmvmon"), *words]
    asked = ["bash", "-c", f"{' '.join(command)}; exit $?"] if words == ["--show-completion"] else command
    done = run(asked, tmp_path)
    assert "Traceback" not in done.stderr
    assert done.stdout
    if words == ["doctor"]:
        assert (
            "extras: installed: none; not installed: contracts, ward, prefect, feeds, board, spark, sail; pip install"
            in done.stdout
        )
    assert not (tmp_path / "site").exists()


def test_each_command_that_the_core_lacks_something_for_names_it_in_one_line_and_changes_nothing(
    bins: dict[str, Path], tmp_path: Path
) -> None:
    calls = {name: extras[0] for name, extras in NEEDS.items()}
    calls |= {"demo": "prefect", "demo --plain": "ward", "demo --live": "ward", "rules show response": "ward"}
    calls |= {f"analyze in --out o --engine spark --remote {there}": extra for there, extra in ENGINES.items()}
    script = """
import contextlib, io, json, sys
import cmvmon.cli
ended = {}
for call in json.loads(sys.argv[1]):
    sys.argv, said, told = ["cmvmon", *call.split()], io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(said):
        try:
            cmvmon.cli.main()
            code = 0
        except SystemExit as end:
            code = end.code
    ended[call] = [code, said.getvalue(), told.getvalue()]
print(json.dumps(ended))
"""
    folder = tmp_path / "empty"
    ended = json.loads(run([str(bins["core"] / "python"), "-P", "-c", script, json.dumps(list(calls))], folder).stdout)
    assert set(ended) == set(calls)
    for call, (code, said, told) in ended.items():
        assert (code, said) == (2, ""), call
        assert re.fullmatch(rf"cmvmon: .* \[{calls[call]}\].* not installed: pip install 'cmvmon\[.*\]', .*\n", told), (
            call
        )
    assert list(folder.iterdir()) == []


def test_a_library_that_is_missed_only_where_it_is_used_is_named_by_its_extra_too(
    bins: dict[str, Path], analyzed: Path
) -> None:
    """Where the table of commands forgot one: as one line of the program itself, without where it came from."""
    script = "import sys, cmvmon.cli.needs as n, cmvmon.cli as c; n.NEEDS = {}; sys.argv = ['cmvmon', 'rules', 'show', 'response']; c.main()"
    done = run([str(bins["core"] / "python"), "-P", "-c", script], analyzed, code=2)
    assert done.stderr.startswith("cmvmon: this needs the extra [ward], which is not installed: pip install")
    assert len(done.stderr.splitlines()) == 1


def test_an_engine_that_starts_here_gives_what_is_given_without_one(bins: dict[str, Path], analyzed: Path) -> None:
    """With the core and the extra alone: what the workers of an engine need."""
    (analyzed / "parquet").mkdir()
    for name in ("viral_load_results", "antiviral_courses", "icu_stays"):
        text, typed = analyzed / "in" / f"{name}.csv", analyzed / "in" / f"{name}.parquet"
        rows = pl.read_parquet(typed) if typed.exists() else pl.read_csv(text)
        rows.write_parquet(analyzed / "parquet" / f"{name}.parquet")
    cmvmon = str(bins["sail"] / "cmvmon")
    run([cmvmon, "analyze", "parquet", "--out", "engine", "--engine", "spark", "--remote", "sail"], analyzed)
    for name in ("weekly_decline", "verdicts"):
        ours = pl.read_parquet(analyzed / "out" / f"{name}.parquet")
        theirs = pl.read_parquet(analyzed / "engine" / f"{name}.parquet" / "*.parquet").select(ours.columns)
        assert_frame_equal(theirs.sort(ours.columns), ours.sort(ours.columns))


def test_contracts_bring_the_gate(bins: dict[str, Path], analyzed: Path) -> None:
    assert run([str(bins["contracts"] / "python"), "-P", "-c", GATE], analyzed).stdout.split("\n")[:2] == [
        "True",
        "False True",
    ]


def test_a_ward_has_its_night_its_pages_and_a_patient_on_paper(bins: dict[str, Path], judged: Path) -> None:
    cmvmon, site = str(bins["ward"] / "cmvmon"), judged
    assert (site / "pages" / "index.html").is_file()
    with sqlite3.connect(site / "cmvmon.sqlite") as store:
        (patient,) = store.execute("SELECT patient_id FROM viral_load_results ORDER BY 1 LIMIT 1").fetchone()
    store.close()
    run([cmvmon, "report", "--patient", patient, "--format", "pdf", "--out", "one.pdf"], site.parent)
    assert (site.parent / "one.pdf").read_bytes().startswith(b"%PDF")
    assert "[feeds]" in run([cmvmon, "listen"], site.parent, code=2).stderr


def test_the_core_alone_looks_at_a_site_and_says_which_checks_need_an_extra(
    bins: dict[str, Path], judged: Path
) -> None:
    said = run([str(bins["core"] / "cmvmon"), "doctor"], judged.parent).stdout
    for check in ("database", "contracts"):
        assert f"not told {check}: this check needs the extra [contracts], which is not installed: pip install" in said
    relay = run([str(bins["ward"] / "python"), "-P", "-m", "cmvmon.flows.relay", "site"], judged.parent, code=1).stderr
    assert relay.startswith("the relay needs the extra [prefect], which is not installed")
    assert len(relay.splitlines()) == 1


@pytest.mark.long
def test_prefect_runs_a_night(bins: dict[str, Path], tmp_path: Path) -> None:
    site = _site(tmp_path / "site")
    said = run([str(bins["prefect"] / "python"), "-P", "-c", NIGHT], site.parent).stdout.split()
    assert int(said[-2]) > 0
    assert said[-1] == "True"


def test_feeds_keep_what_a_laboratory_sends_where_nothing_that_judges_is_installed(
    bins: dict[str, Path], tmp_path: Path
) -> None:
    """HL7 is made durable and acknowledged; of a posted resource it says that it is kept and could not be judged yet."""
    root = posting.site(tmp_path / "site")
    with listening.started(root, program=(str(bins["feeds"] / "cmvmon"),)) as listener:
        assert listening.sent(listener.port, listening.result("F7")) == [("AA", "F7")]
        told = posting.post(posting.port_of(listener), posting.resources("F8"))
        assert told.status in (200, 202), told
        assert listener.stop() == 0
        assert "Traceback" not in listener.told()
    kept = [path.read_bytes() for path in root.rglob("*") if path.is_file()]
    for number in (b"F7", b"F8"):
        assert any(number in each for each in kept)


def test_the_board_asks_who_it_is(bins: dict[str, Path], judged: Path) -> None:
    cmvmon, site = str(bins["board"] / "cmvmon"), judged
    add = [cmvmon, "board", "user", "add", "ann", "--role", "consultant"]
    subprocess.run(
        add, cwd=site.parent, input="a long enough password\n", text=True, check=True, capture_output=True, timeout=120
    )
    with (site / "board.toml").open("a", encoding="utf-8") as file:
        file.write("\n[listen]\nport = 0\n")
    process = subprocess.Popen([cmvmon, "board"], cwd=site.parent, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        assert line["event"] == "listening"
        with urllib.request.urlopen(f"http://127.0.0.1:{line['port']}/", timeout=60) as answer:
            assert 'type="password"' in answer.read().decode()
    finally:
        process.terminate()
        process.wait(60)
