"""Which result tipped an alert is told only under the policy and the method that it was judged with. All made up."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from cmvmon.run.asking.why_query import explained
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.folder.protocol_files import SHIPPED
from tests import sites
from tests.sites import day

NIGHT = day(21.5)


def tipped(root: Path) -> str:
    (alert,) = sites.rows(root, "SELECT DISTINCT alert_id FROM alert_events WHERE rule = 'response'")
    return str(explained(root, alert[0], lang="en")["tipped_by"]["says"])


def test_another_text_under_the_same_name_of_a_protocol_is_another_policy(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=NIGHT)
    assert "could not tell" not in tipped(tmp_path)
    shipped = resources.files("cmvmon.protocol").joinpath(SHIPPED).read_text(encoding="utf-8")
    changed = shipped.replace("stale_after_days = 9.0", "stale_after_days = 8.0")
    assert changed != shipped
    own = tmp_path / "protocol" / "own.toml"
    own.write_text(changed, encoding="utf-8")
    assert tipped(tmp_path).startswith("could not tell: the protocol in use is not the one")
    own.unlink()
    assert "could not tell" not in tipped(tmp_path)


def test_it_is_judged_again_with_the_method_that_judged_it(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=NIGHT, method="line")
    before = tipped(tmp_path)
    assert "could not tell" not in before
    (tmp_path / "settings.toml").write_text('method = "line"\n', encoding="utf-8")
    assert tipped(tmp_path) == before
