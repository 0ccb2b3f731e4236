"""A site with two wards, and its board: people of every role, asked in this process or over a real socket. Everybody is made up."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
from argon2 import PasswordHasher
from starlette.testclient import TestClient

from cmvmon.board.app import make_app
from cmvmon.board.auditing import Auditor
from cmvmon.board.identity import Files
from cmvmon.board.pages import Pages
from cmvmon.run.nightly.night import nightly
from cmvmon.run.pages.page_names import PageNames
from cmvmon.shell.boards import audit_log
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store.session import open_store
from tests import sites

CMVMON = Path(sys.executable).parent / "cmvmon"
JUDGED = sites.day(21.5)
ON_A, ALSO_ON_A, ON_B = "SYNTHETIC-A1", "SYNTHETIC-A2", "SYNTHETIC-B1"
WARD_A, WARD_B = "ICU-NORTH", "ICU-SOUTH"
PASSWORD = "correct horse battery"
PEOPLE = """
[people."viewer-a"]
name = "Nurse North"
role = "viewer"
wards = ["ICU-NORTH"]

[people.consultant]
name = "dr. Consult"
role = "consultant"

[people."consultant-2"]
name = "dr. Second"
role = "consultant"

[people."consultant-a"]
role = "consultant"
wards = ["ICU-NORTH"]

[people.data]
role = "data"

[people.admin]
role = "admin"
"""
BY_PASSWORD = f'[listen]\nport = 1\n\n[identity]\nby = "passwords"\n{PEOPLE}'
OWN = {"Sec-Fetch-Site": "same-origin"}  # as a browser writes it of our own form
# Cheap on purpose: a test tries many, and the strength of the real ones is argon2's own.
_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


def ward_of_two(root: Path, *, as_of: datetime = JUDGED) -> Path:
    """Three patients of whom the load falls too slowly: two on one ward, one on another; judged once."""
    patients = {ON_A: WARD_A, ALSO_ON_A: WARD_A, ON_B: WARD_B}
    sites.drop(root, "viral_load_results", [line for p in patients for line in sites.falling(p, 0.3)])
    sites.drop(root, "antiviral_courses", [sites.course(p) for p in patients])
    beds = zip(patients.items(), ("N-01", "N-02", "Z-01"), strict=True)
    sites.drop(root, "icu_stays", [sites.stay(p, ward=ward, bed=bed) for (p, ward), bed in beds])
    nightly(root, as_of=as_of)
    return root


def board_toml(root: Path, text: str = BY_PASSWORD) -> None:
    (root / "board.toml").write_text(text, encoding="utf-8")
    passwords = root / "board.passwords"
    names = re.findall(r'^\[people\."?([^"\]]+)"?\]', text, re.M)
    passwords.write_text("".join(f"{name}:{_HASH}\n" for name in names), encoding="utf-8")
    passwords.chmod(0o600)


@dataclass
class Asked:
    """A board in this process. `said`: what it told its log."""

    root: Path
    app: Any
    auditor: Auditor
    pages: Pages
    said: list[dict[str, object]] = field(default_factory=list)

    def client(self) -> TestClient:
        """A browser without a cookie; it follows nowhere by itself."""
        return TestClient(self.app, base_url="http://board.test", follow_redirects=False, raise_server_exceptions=False)

    def signed_in(self, name: str) -> TestClient:
        """The browser of that person."""
        client = self.client()
        form = {"name": name, "password": PASSWORD}
        answer = client.post("/sign-in.en.html", data=form, headers=OWN)
        assert answer.status_code == 303, answer.text
        return client

    def page_of(self, patient: str) -> str:
        """How the name of a patient's page begins."""
        return PageNames(Site(self.root).page_key()).of_patient(patient)

    def audit(self) -> list[dict[str, Any]]:
        """Every row of the audit log."""
        return audit_rows(self.root)


@contextmanager
def asked(root: Path, **more: Any) -> Iterator[Asked]:
    """The board of that site, in this process."""
    with open_store(Site(root).database) as store:
        auditor, pages, said = Auditor(store, root), Pages(root, store, **more), list[dict[str, object]]()
        try:
            yield Asked(root, make_app(pages, Files(root), auditor, say=said.append), auditor, pages, said)
        finally:
            auditor.close()


def audit_rows(root: Path) -> list[dict[str, Any]]:
    with open_store(Site(root).database) as store, store.reading() as connection:
        return [{**row, "patients": json.loads(row["patients"])} for row in audit_log._rows(connection)]


def token(page: str) -> str:
    """The token of the forms on a page."""
    found = re.search(r'name="token" value="([0-9a-f]{64})"', page)
    assert found, page[:2000]
    return found[1]


def judged(page: str) -> str:
    """The moment of the words that an alert's page shows, as its forms send it."""
    found = re.search(r'name="judged" value="([^"]+)"', page)
    assert found, page[:2000]
    return found[1]


def answer(client: TestClient, what: str, alert_id: str, **form: str) -> httpx2.Response:
    """Opens an alert's page, and sends one of its forms."""
    page = client.get(f"/alert-{alert_id}.en.html").text
    told = {"token": token(page), "judged": judged(page)} | form
    return client.post(f"/{what}-{alert_id}.en.html", data=told, headers=OWN)


def alert_of(root: Path, patient: str, rule: str = "response") -> str:
    """The id of an open alert."""
    (row,) = sites.rows(
        root,
        f"SELECT DISTINCT alert_id FROM alert_events WHERE patient_id = '{patient}' AND rule = '{rule}' AND state = 'open'",
    )
    return str(row[0])


@dataclass(frozen=True)
class Served:
    """A board on a real port, as `cmvmon board` starts it."""

    process: subprocess.Popen[str]
    port: int
    log: list[str]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def signed_in(self, name: str) -> httpx2.Client:
        client = httpx2.Client(base_url=self.address, timeout=60)
        done = client.post("/sign-in.en.html", data={"name": name, "password": PASSWORD}, headers=OWN)
        assert done.status_code == 303, done.text
        return client


@contextmanager
def served(root: Path, *, wait_s: float = 90) -> Iterator[Served]:
    """`cmvmon board` on a free port of this machine, stopped by its own process id."""
    process = subprocess.Popen(
        [str(CMVMON), "board", "--site", str(root)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr else ""
        told = json.loads(line)
        yield Served(process, told.get("port", 0), [line])
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=10)


def raw_request(
    port: int, method: str, path: str, headers: list[tuple[str, str]], form: dict[str, str] | None = None
) -> Any:
    """A request as it is written, header by header; the same header may stand twice."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    body = urlencode(form) if form is not None else None
    connection.putrequest(method, path)
    for name, value in headers:
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Type", "application/x-www-form-urlencoded")
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body.encode() if body is not None else None)
    found = connection.getresponse()
    text = found.read().decode()
    connection.close()
    return found.status, text


def until(ready: Any, limit_s: float = 30) -> None:
    """Waits until that holds."""
    deadline = time.monotonic() + limit_s
    while not ready():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)
