"""`doctor` and `status` say what keeps a laboratory's line from being heard."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmvmon.domain.errors import ProtocolError
from cmvmon.run.checks.checkup import checkup
from cmvmon.run.checks.listener_checkup import of_listener
from cmvmon.run.checks.status import status
from tests.listen.posting import poster
from tests.sites import laboratories

SENDER = 'feed = "{}"\nsending_application = "LIS"\ntypes = ["ORU"]\naddresses = ["127.0.0.1"]\n'


def site(root: Path, *, listen: str = "port = 2575\n", **senders: str) -> Path:
    laboratories(root, "synthetic")
    (root / "listen.toml").write_text(listen, encoding="utf-8")
    (root / "senders").mkdir()
    for name, text in senders.items():
        (root / "senders" / f"{name}.toml").write_text(text, encoding="utf-8")
    return root


def said(root: Path) -> list[tuple[str, str]]:
    return list(of_listener(root, {"synthetic"}))


def test_a_site_that_does_not_listen_is_told_nothing(tmp_path: Path) -> None:
    laboratories(tmp_path, "synthetic")
    assert said(tmp_path) == []
    assert not status(tmp_path).is_deaf


def test_each_sender_is_named_with_its_feed_and_one_whose_feed_nothing_reads_is_broken(tmp_path: Path) -> None:
    root = site(tmp_path, good=SENDER.format("synthetic"), misspelt=SENDER.format("synthetik").replace("LIS", "LAB"))
    (first, *others) = said(root)
    assert first == ("ok", "127.0.0.1, port 2575, plain")
    assert others[0] == ("ok", "senders/good.toml: into synthetic")
    state, words = others[1]
    assert state == "broken"
    assert "senders/misspelt.toml: its feed 'synthetik' has no laboratory file" in words
    assert "add labs/synthetik.toml" in words


def test_a_feed_that_a_table_file_alone_reads_is_heard(tmp_path: Path) -> None:
    root = site(tmp_path, good=SENDER.format("admissions"))
    (root / "tables").mkdir()
    (root / "tables" / "admissions.toml").write_text('feed = "admissions"\ndescription = "made up"\n[patient_links]\n')
    found = [one for one in checkup(root, example=tuple) if one.what == "listener"]
    assert [(one.state, "into admissions" in one.words) for one in found if "senders/" in one.words] == [("ok", True)]


def test_a_sender_file_that_cannot_be_used_is_broken_with_its_key(tmp_path: Path) -> None:
    (_, (state, words)) = said(site(tmp_path, bad=SENDER.format("synthetic").replace("feed", "fed")))
    assert (state, "fed" in words) == ("broken", True)


def test_a_site_that_listens_to_nobody_is_told_so(tmp_path: Path) -> None:
    assert [state for state, _ in said(site(tmp_path))] == ["ok", "broken"]


def test_a_listen_toml_that_cannot_be_used_is_raised_with_its_key(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match="prt"):
        said(site(tmp_path, listen="prt = 1\n"))


def test_a_site_with_a_listen_toml_that_nobody_listens_for_is_at_rest(tmp_path: Path) -> None:
    found = status(site(tmp_path, good=SENDER.format("synthetic")))
    assert (found.must_listen, found.is_deaf, found.is_at_rest) == (True, True, True)


def test_a_wrong_address_is_one_fault_and_the_other_keys_are_read(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError) as told:
        said(site(tmp_path, listen='port = 2575\naddress = "localhost"\n'))
    assert "address" in str(told.value)
    assert "port" not in str(told.value)


def test_a_sender_of_resources_is_told_like_the_others_and_one_whose_way_is_not_listened_at_is_broken(
    tmp_path: Path,
) -> None:
    root = site(tmp_path, listen="port = 2575\n[fhir]\nport = 8443\n", good=SENDER.format("synthetic"))
    poster(root, "posts", feed="synthetic")
    assert said(root) == [
        ("ok", "127.0.0.1, port 2575, FHIR at port 8443, plain"),
        ("ok", "senders/good.toml: into synthetic"),
        ("ok", "senders/posts.toml: into synthetic"),
    ]
    for listen, unheard, key in (("port = 2575\n", "posts", "[fhir]"), ("[fhir]\nport = 8443\n", "good", "port")):
        (root / "listen.toml").write_text(listen, encoding="utf-8")
        broken = [words for state, words in said(root) if state == "broken"]
        assert broken == [
            f"senders/{unheard}.toml: listen.toml has no {key}, so that nothing is taken from it; add it, or remove the sender"
        ]
    (root / "senders" / "posts.token").chmod(0o644)
    assert any("others than the user who listens" in words for state, words in said(root) if state == "broken")
