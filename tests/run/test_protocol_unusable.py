"""A protocol file that can't be used: the ward page says so first, and what stands can still be listed."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from threading import Event

import pytest
from typer.testing import CliRunner

from cmvmon.cli import app
from cmvmon.domain.errors import ProtocolError
from cmvmon.run.asking.worklist import worklist
from cmvmon.run.daytime.watching import Trouble, Watch, keep_watch
from cmvmon.run.nightly.night_alerts import noting_a_stop
from tests import sites
from tests.nights import nightly
from tests.patients import iso
from tests.sites import day

SHIPPED = resources.files("cmvmon.protocol").joinpath("icu_cmv_2024.toml").read_text(encoding="utf-8")
FAULTS = {
    "an unknown key": (SHIPPED.replace("least_days =", "least_dayz =", 1), "[rules.guide_duration] least_dayz"),
    "an absurd number": (SHIPPED.replace("rise_log10 = 1.0", "rise_log10 = -4.0", 1), "rise_log10"),
    "no TOML": (SHIPPED + "\n[[[\n", "line "),
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=day(22))
    return tmp_path


def page(root: Path, code: str) -> str:
    return (root / "pages" / f"ward.{code}.html").read_text(encoding="utf-8")


def unusable(root: Path, text: str = FAULTS["an unknown key"][0]) -> Path:
    file = root / "protocol" / "ours.toml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("fault", FAULTS)
def test_the_ward_page_says_first_since_when_nothing_was_judged_and_what_place_is_wrong(site: Path, fault: str) -> None:
    text, place = FAULTS[fault]
    assert text != SHIPPED
    file = unusable(site, text)
    assert "SYNTHETIC-SLOW" in page(site, "nl")
    with pytest.raises(ProtocolError, match=r"ours\.toml"), noting_a_stop(site):
        nightly(site, as_of=day(23))
    for code, words in (("en", "Nothing was judged since"), ("nl", "is niets beoordeeld")):
        said = page(site, code)
        first = said[said.index('id="feeds"') :]
        first = first[first.index("<p") : first.index("</p>")]
        assert words in first
        assert "ours.toml" in first
        assert place in first
        assert 'class="trouble"' in first
        assert "SYNTHETIC-SLOW" not in said  # an old list would read as today's
    assert (site / "pages" / "index.html").read_text(encoding="utf-8") == page(site, "nl")
    file.unlink()
    nightly(site, as_of=day(23))
    assert "SYNTHETIC-SLOW" in page(site, "nl")
    assert "is niets beoordeeld" not in page(site, "nl")


def test_a_site_that_never_judged_anybody_says_that(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    (tmp_path / "protocol").mkdir(exist_ok=True)
    unusable(tmp_path)
    with pytest.raises(ProtocolError), noting_a_stop(tmp_path):
        nightly(tmp_path, as_of=day(22))
    assert "Nothing could be judged" in page(tmp_path, "en")


def test_whoever_keeps_watch_says_it_on_the_page_too_and_takes_it_back(site: Path) -> None:
    (site / "settings.toml").write_text("demo = true\n", encoding="utf-8")  # whose days are long past
    file, stop = unusable(site), Event()
    for found in keep_watch(site, stop=stop):
        assert isinstance(found, Trouble)
        stop.set()
    assert "is niets beoordeeld" in page(site, "nl")
    file.unlink()
    Watch(site, is_halted=True).look()
    assert "is niets beoordeeld" not in page(site, "nl")
    assert "SYNTHETIC-SLOW" in page(site, "nl")


def test_the_worklist_prints_what_stands_and_says_first_what_is_wrong(site: Path) -> None:
    stood = worklist(site, as_of=day(22), lang="en").alerts
    unusable(site)
    found = worklist(site, as_of=day(22), for_whom="Clinical", lang="en")
    assert {row["alert_id"] for row in found.alerts} == {row["alert_id"] for row in stood} != set()
    assert (found.samples, found.orders) == ([], [])
    assert found.trouble is not None
    printed = CliRunner().invoke(app, ["worklist", "--site", str(site), "--lang", "nl", "--as-of", iso(day(22))])
    assert printed.exit_code == 0
    first, _, rest = printed.output.partition("\n")
    assert first.startswith("Sinds")
    assert "[rules.guide_duration] least_dayz" in first
    assert "SYNTHETIC-SLOW" in rest
