"""The client of another house and language, node-hl7-client, sends over real sockets and understands the answers.

It needs Node 20 or later and what `make node` installs in tests/listen/node. Absent: skipped in one line, or failed where
CMVMON_REQUIRE_NODE=1, as CI has it wherever Node is.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import allowed
from tests.listen import listening
from tests.listen.certificates import authority, site_over_tls
from tests.listen.listening import contents, result, started

CLIENT = Path(__file__).parent / "node" / "send.mjs"
LIMIT_S = 60


@pytest.fixture(scope="module")
def node() -> str:
    found, is_installed = shutil.which("node"), (CLIENT.parent / "node_modules" / "node-hl7-client").is_dir()
    if found is None or not is_installed:
        why = "Node is not there" if found is None else "node-hl7-client is not installed: `make node`"
        allowed.missing("NODE", why)
    return found


def said(node: str, port: int, folder: Path, messages: list[bytes], *of_tls: Path) -> list[str]:
    """What the client heard: MSA-1 and MSA-2 of each answer."""
    file = folder / "messages.json"
    file.write_text(json.dumps([one.decode() for one in messages]), "utf-8")
    done = subprocess.run(
        [node, str(CLIENT), str(port), str(file), *map(str, of_tls)],
        capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_node_hl7_client_sends_in_plain_on_loopback_and_hears_an_answer_to_each(node: str, tmp_path: Path) -> None:
    """The same message again is answered as it was, a type that nobody agreed on is refused, and a good one after it is taken."""
    root = listening.site(tmp_path / "site")
    of_another_type = result("NO").replace(b"ORU^R01^ORU_R01", b"SIU^S12^SIU_S12")
    messages = [result("1"), result("2", "<137"), result("1"), of_another_type, result("3")]
    with started(root) as listener:
        assert said(node, listener.port, tmp_path, messages) == ["AA 1", "AA 2", "AA 1", "AR NO", "AA 3"]
        assert listener.stop() == 0
    assert contents(root, "SELECT feed, count(*) FROM messages GROUP BY feed") == [(None, 1), ("example_hl7", 3)]
    stored = [row[0] for row in contents(root, "SELECT raw FROM messages WHERE feed IS NOT NULL ORDER BY id")]
    assert [bytes(raw).split(b"\r")[3].split(b"|")[5] for raw in stored] == [b"12000", b"<137", b"12000"]  # type: ignore[call-overload]


def test_node_hl7_client_sends_over_tls_with_a_certificate_that_a_senders_file_names(node: str, tmp_path: Path) -> None:
    signed = authority(tmp_path / "keys", "hospital")
    root = site_over_tls(tmp_path, signed)
    certificate, key, _ = signed.sign("lis.hospital")
    with started(root) as listener:
        messages = [result(str(number)) for number in range(5)]
        heard = said(node, listener.port, tmp_path, messages, signed.file, certificate, key)
        assert heard == [f"AA {number}" for number in range(5)]
        assert listener.stop() == 0
    assert contents(root, "SELECT count(*) FROM messages") == [(5,)]
