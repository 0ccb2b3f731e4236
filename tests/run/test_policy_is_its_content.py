"""A policy is its content: another one under the same label is refused, and what another one ended says so."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from cmvmon.domain.errors import PolicyChanged
from cmvmon.shell.folder.protocol_files import SHIPPED, Protocol
from tests import sites
from tests.nights import nightly
from tests.run.test_since_yesterday import ended, lately, said
from tests.sites import day

TEXT = resources.files("cmvmon.protocol").joinpath(SHIPPED).read_text(encoding="utf-8")
MILDER = TEXT.replace("not_before_day = 7.0", "not_before_day = 60.0")  # nobody is overdue


@pytest.fixture
def site(tmp_path: Path) -> Path:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=day(21.5))
    return tmp_path


def put(root: Path, text: str) -> None:
    (root / "protocol" / "own.toml").write_text(text, encoding="utf-8")


def overdue(root: Path) -> list[tuple[str, str | None, str]]:
    """Every event of the alert that no recent result is known of one patient: state, cause and the policy's hash."""
    query = "SELECT state, cause, protocol_hash FROM alert_events WHERE rule = 'no_follow_up' AND patient_id = 'SYNTHETIC-ONE'"
    return [(row[0], row[1], row[2]) for row in sites.rows(root, f"{query} ORDER BY sequence")]


def test_another_policy_of_the_same_label_is_refused_with_both_hashes_and_what_to_do(site: Path) -> None:
    before, now = Protocol.shipped().sha256, Protocol.read(MILDER).sha256
    put(site, MILDER)
    with pytest.raises(PolicyChanged) as refused:
        nightly(site, as_of=day(22.5))
    assert before[:8] in str(refused.value)
    assert now[:8] in str(refused.value)
    assert "another label" in str(refused.value)
    assert overdue(site) == [("open", None, before)], "nothing was judged"
    page = said((site / "pages" / "ward.en.html").read_text(encoding="utf-8"))
    assert "The assessment was stopped (protocol: protocol changed without another label)." in page
    (site / "protocol" / "own.toml").unlink()
    nightly(site, as_of=day(22.6))
    assert "The assessment was stopped" not in said((site / "pages" / "ward.en.html").read_text(encoding="utf-8"))


def test_an_alert_that_another_policy_ended_says_so(site: Path) -> None:
    put(site, MILDER.replace('version = "icu_cmv_2024.12"', 'version = "ours-2"'))
    nightly(site, as_of=day(22.5))
    assert overdue(site)[-1][:2] == ("resolved", "policy_changed")
    assert "another protocol holds since then" in ended(site, "SYNTHETIC-ONE")
    assert "another protocol holds since then" in lately(site)


def test_a_policy_that_was_signed_since_is_the_same_one_and_no_page_says_any_more_that_it_is_not(site: Path) -> None:
    for code, words in (("en", "Protocol icu_cmv_2024.12: not signed."), ("nl", "niet ondertekend")):
        pages = [*(site / "pages").glob(f"*.{code}.html")]
        assert len(pages) == 7  # three patients, the ward, and three about the site
        for page in pages:
            shown = said(page.read_text(encoding="utf-8").split("<body>")[1])
            assert words in shown.split("  ")[0][:60], "the first line of a site whose data are not synthetic"
    signed = TEXT.replace('owner_signed_by = ""', 'owner_signed_by = "A. Made-Up"')
    put(site, signed.replace('signed_at = ""', "signed_at = 2026-03-01"))
    nightly(site, as_of=day(22.5))
    for page in (site / "pages").glob("*.html"):
        assert "not signed" not in page.read_text(encoding="utf-8")
        assert "niet ondertekend" not in page.read_text(encoding="utf-8")
    assert {row[2] for row in overdue(site)} == {Protocol.shipped().sha256}
