"""What pages show for making a secret with OpenSSL is run as it stands; the program takes what came of it."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from cmvmon.board.identity import Files
from cmvmon.shell.incoming.sender_files import senders
from tests.docs.page_commands import ROOT

PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").rglob("*.md"))}
COMPOSE = yaml.safe_load((ROOT / "deploy" / "container" / "compose.yaml").read_text(encoding="utf-8"))
ALSO_GIVEN = {
    "mail_password",
    "oidc_client_secret",
    "proxy_certificate",
    "proxy_key",
}  # by somebody else, says the page
pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="no openssl on this machine, so no secret was made with it"
)


def shown(page: str) -> str:
    """The one block, or the one piece of a line, of that page that calls openssl."""
    blocks = [text for text in re.findall(r"^```text\n(.*?)^```", PAGES[page], re.M | re.S) if "openssl " in text]
    pieces = re.findall(r"(?<!`)`([^`\n]*openssl [^`\n]*)`(?!`)", PAGES[page])
    (found,) = blocks + pieces
    return found


def run(script: str, folder: Path) -> None:
    done = subprocess.run(
        ["sh", "-eu", "-c", script], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_no_page_calls_openssl_but_those_that_are_run_here() -> None:
    assert {name for name, page in PAGES.items() if "openssl " in page} == {"board.md", "deploying.md", "fhir.md"}


def test_every_secret_of_compose_is_made_by_the_block_of_the_page_or_given_by_somebody(tmp_path: Path) -> None:
    (tmp_path / "container").mkdir()
    run(shown("deploying.md"), tmp_path)
    folder = tmp_path / "container" / "secrets"
    made = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert set(made) == set(COMPOSE["secrets"]) - ALSO_GIVEN
    assert all(f"`{name}`" in PAGES["deploying.md"] for name in ALSO_GIVEN)
    assert mode(folder) == 0o700
    assert len(set(made.values())) == len(made)
    for name, text in made.items():
        assert re.fullmatch(r"(cmvmon:)?[0-9a-f]{64}\n" if name == "prefect_auth" else r"[0-9a-f]{64}\n", text), name
    assert made["prefect_auth"].startswith("cmvmon:")

    (board,) = re.findall(r"```toml\n(.*?)```", PAGES["deploying.md"], re.S)
    (tmp_path / "board.toml").write_text(board, encoding="utf-8")
    shutil.copy(folder / "board_secret", tmp_path / "board.secret")
    (tmp_path / "board.secret").chmod(0o600)
    assert Files(tmp_path).is_secret(made["board_secret"].strip())


def test_the_secret_of_a_proxy_is_its_owner_s_alone_and_the_board_takes_it(tmp_path: Path) -> None:
    run(shown("board.md").replace("SITE/", ""), tmp_path)
    assert mode(tmp_path / "board.secret") == 0o600
    (board,) = re.findall(r"```toml\n(.*?)```", PAGES["deploying.md"], re.S)
    (tmp_path / "board.toml").write_text(board, encoding="utf-8")
    files = Files(tmp_path)
    assert files.is_secret((tmp_path / "board.secret").read_text(encoding="utf-8").strip())
    assert not files.is_secret("")


def test_the_token_of_a_sender_is_taken_by_the_listener(tmp_path: Path) -> None:
    (sender,) = (text for text in re.findall(r"```toml\n(.*?)```", PAGES["fhir.md"], re.S) if "umc_lab.token" in text)
    (tmp_path / "senders").mkdir()
    (tmp_path / "senders" / "umc_lab.toml").write_text(sender, encoding="utf-8")
    assert "umc_lab.toml" in senders(tmp_path).faults
    run(shown("fhir.md").replace("SITE/", ""), tmp_path)
    found = senders(tmp_path)
    assert found.faults == {}
    token = (tmp_path / "senders" / "umc_lab.token").read_bytes().strip()
    assert [one.name for one in found.posters] == ["umc_lab"]
    assert found.poster(token) is not None
    assert found.poster(b"another") is None
