"""docs/deploying.md says what deploy/ holds, and nothing else."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

import cmvmon
from cmvmon.board.board_file import read_board_file
from deploy import bundle

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "deploy" / "container" / "compose.yaml").read_text(encoding="utf-8"))


def test_each_link_leads_somewhere_and_the_version_is_this_one() -> None:
    linked = re.findall(r"\]\((?!http)([^)#]+)", PAGE)
    assert [path for path in linked if not (ROOT / "docs" / path).exists()] == []
    named = re.findall(
        r"cmvmon[-:](\d[\d.]*\d)", PAGE + (ROOT / "deploy/container/Containerfile").read_text(encoding="utf-8")
    )
    assert {*named, COMPOSE["x-kept-small"]["image"].removeprefix("cmvmon:")} == {cmvmon.__version__}


def test_it_names_every_unit_every_secret_and_the_extras_that_a_bundle_has() -> None:
    for unit in (ROOT / "deploy" / "systemd").iterdir():
        assert unit.stem in PAGE
    assert [secret for secret in COMPOSE["secrets"] if secret not in PAGE] == []
    assert f"extras are {', '.join(bundle.EXTRAS[:-1])} and {bundle.EXTRAS[-1]}" in PAGE


def test_the_board_that_it_shows_is_one_that_starts_behind_the_proxy_of_compose() -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
    board = read_board_file(shown)
    networks = COMPOSE["services"]["proxy"]["networks"]
    assert board.proxies == (networks["to-board"]["ipv4_address"],)
    assert f":{board.port}/" in (ROOT / "deploy/container/proxy/cmvmon.conf").read_text(encoding="utf-8")
    assert tomllib.loads(shown)["listen"]["address"] == "0.0.0.0"
