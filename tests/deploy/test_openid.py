"""Signing in by OpenID Connect: the proxy as it is shipped, a real provider, the real board, and a browser (tests/deploy/openid/trying.py).

Skipped by name and reason where Apache with mod_auth_openidc, the provider, Chromium or a network of one's own can't be had.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.board import boards
from tests.board.boards import ALSO_ON_A, ON_A, ON_B
from tests.deploy.openid.trying import BOARD, LOGIN, PROVIDER, ROOT

pytestmark = [pytest.mark.long, pytest.mark.browser]
_WITHIN_S = 900
_MODULE = Path("/usr/lib/apache2/modules/mod_auth_openidc.so")


def why_not() -> str | None:
    """Why nobody can sign in here; None where everything is there."""
    if os.getuid() != 0:
        return "not root, so no network of its own and no port 443: signing in by the shipped proxy was not tried"
    for program in ("unshare", "ip", "openssl", "node", "chromium"):
        if shutil.which(program) is None:
            return f"no {program} on this machine, so signing in by the shipped proxy was not tried"
    if not _MODULE.exists() or shutil.which("a2enmod") is None:
        return "no Apache with mod_auth_openidc (apt-get install apache2 libapache2-mod-auth-openidc), so signing in was not tried"
    if not (PROVIDER / "node_modules" / "oidc-provider").is_dir():
        return "no OpenID provider (npm), so signing in was not tried (make openid)"
    return None


@pytest.fixture(scope="module", params=["container", "beside"])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What was seen, by the files of the container, and by the text of docs/board.md."""
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    site, place = (tmp_path_factory.mktemp("openid") / name for name in ("site", "place"))
    boards.ward_of_two(site)
    place.mkdir()
    done = subprocess.run(
        ["unshare", "--net", "--mount", sys.executable, "-P", "-m", "tests.deploy.openid.trying",
         request.param, str(site), str(place)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=_WITHIN_S,
    )  # fmt: skip
    log = (place / "log").read_text("utf-8")[-3000:] if (place / "log").exists() else ""
    assert done.returncode == 0, done.stderr[-3000:] + log
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_who_has_not_signed_in_is_sent_to_the_provider_whatever_he_says_of_himself(seen: dict[str, Any]) -> None:
    assert seen["unknown"] == seen["unknown, forged"] == [302, f"{LOGIN}/auth"]


def test_a_form_or_a_stream_without_a_session_is_refused_and_not_sent_on(seen: dict[str, Any]) -> None:
    """Its page forbids that it is sent elsewhere: the browser would do nothing, and say nothing."""
    assert (seen["a form without a session"], seen["a stream without a session"]) == (401, 401)


def test_a_group_of_the_provider_becomes_a_role_and_who_signed_in_sees_the_ward(seen: dict[str, Any]) -> None:
    address, title, reader = seen["consultant"]
    assert (address, reader) == (f"{BOARD}/ward.nl.html", "a.bos (consultteam)")
    assert title
    assert seen["his patients"] == [ON_A, ALSO_ON_A, ON_B]


def test_another_group_sees_its_ward_alone(seen: dict[str, Any]) -> None:
    assert seen["viewer"][1] == "a.dewit (afdeling, leest)"
    assert seen["her patients"] == [ON_A, ALSO_ON_A]


def test_a_forged_header_from_outside_is_taken_away_also_of_somebody_who_has_signed_in(seen: dict[str, Any]) -> None:
    assert seen["consultant, forged"] == "a.bos (consult team)"


def test_an_alert_is_answered_through_the_proxy_and_a_page_that_is_open_hears_of_it(seen: dict[str, Any]) -> None:
    assert seen["his answer"] == "Your acknowledgement is recorded."
    assert seen["another page is told"] is True


@pytest.mark.parametrize("name", ["c.none", "d.none"], ids=["of another group", "of no group"])
def test_whoever_is_in_no_group_that_the_board_knows_is_refused_and_sees_nobody(
    name: str, seen: dict[str, Any]
) -> None:
    status, _, has_patients = seen[name]
    assert (status, has_patients) == (403, False)


def test_signing_out_on_the_board_signs_out_of_the_proxy_and_the_provider_too(seen: dict[str, Any]) -> None:
    assert seen["signing out"][0].startswith(f"{LOGIN}/session/end")
    assert seen["signed out"][0].startswith(f"{LOGIN}/interaction")
    assert seen["after signing out"] == [LOGIN, 1]
