"""Alerts and courses go to the hospital's other programs, once for each change, and come back as no laboratory result. All made up."""

from __future__ import annotations

import hashlib
import http.server
import json
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import hl7
import pytest
from fhir.resources.R4B.detectedissue import DetectedIssue
from fhir.resources.R4B.diagnosticreport import DiagnosticReport
from hl7apy.parser import parse_message
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.domain.errors import ProtocolError
from cmvmon.feeds.hl7.delimiters import Delimiters
from cmvmon.feeds.hl7.escapes import unescaped
from cmvmon.feeds.mllp import Frame, Framer, framed
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.run.messages.sending_out import send_out
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.store.session import now
from cmvmon.shell.work.opening import open_site
from cmvmon.telling.out_file import read_out_file
from cmvmon.telling.out_words import AlertOut, oru, resource_id
from tests import sites
from tests.sites import day

HEAD = 'facility = "SYNTHETIC-ICU"\n'
FOLDER = HEAD + '[targets.ehr]\nform = "fhir"\nwhat = ["alerts", "courses"]\ninside = true\npath = "out/ehr"\n'
TEXT = HEAD + '[targets.old]\nform = "hl7"\nwhat = ["alerts"]\ninside = true\npath = "out/old"\nfacility = "WARD"\n'
OPEN = "SELECT DISTINCT alert_id FROM alert_events WHERE patient_id IS NOT NULL AND alert_id IN (SELECT alert_id FROM open_alerts)"


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("out") / "site"
    sites.ward_of_three(root)
    nightly(root, as_of=day(21.5))
    return root


@pytest.fixture
def ward(night: Path, tmp_path: Path) -> Path:
    """A ward of three after its night, with alerts that stand open."""
    shutil.copytree(night, tmp_path / "site")
    return tmp_path / "site"


def out(root: Path, text: str) -> None:
    (root / "out.toml").write_text(text, "utf-8")


def files(root: Path, kind: str) -> list[dict[str, object]]:
    return [json.loads(path.read_bytes()) for path in sorted((root / "out" / "ehr").glob(f"{kind}-*.json"))]


def resolve(root: Path) -> None:
    """Every treatment is over, and then every stay: what stands ends."""
    names = ("SYNTHETIC-SLOW", "SYNTHETIC-FAST", "SYNTHETIC-ONE")
    sites.drop(root, "antiviral_courses", [sites.course(p, stop=22) for p in names], name="two.csv")
    nightly(root, as_of=day(58))
    sites.drop(root, "icu_stays", [sites.stay(p, end=59) for p in names], name="two.csv")
    nightly(root, as_of=day(60))


def test_without_a_file_nothing_leaves_the_site(ward: Path) -> None:
    assert send_out(ward) is None
    assert sites.rows(ward, "SELECT * FROM outbox_messages") == []


def test_every_open_alert_is_a_valid_detected_issue_once_and_its_end_the_same_one_amended(ward: Path) -> None:
    out(ward, FOLDER)
    opened = sites.rows(ward, OPEN)
    assert opened
    told = send_out(ward, at=day(22))
    assert told is not None
    assert told.delivered == told.queued > len(opened)
    issues = files(ward, "DetectedIssue")
    assert {issue["identifier"][0]["value"] for issue in issues} == {alert for (alert,) in opened}  # type: ignore[index]
    for issue in issues:
        assert DetectedIssue.model_validate(issue).status == "final"
    for report in files(ward, "DiagnosticReport"):
        assert DiagnosticReport.model_validate(report).result is None
        assert report["conclusion"]
    again = send_out(ward, at=day(22.5))
    assert again is not None
    assert (again.queued, again.delivered) == (0, 0)
    ids = {issue["id"] for issue in issues}
    resolve(ward)
    assert sites.rows(ward, OPEN) == []
    send_out(ward, at=day(60))
    ended = files(ward, "DetectedIssue")
    assert {issue["id"] for issue in ended} == ids
    for issue in ended:
        assert DetectedIssue.model_validate(issue).status == "amended"
        assert issue["mitigation"]
    assert {report["status"] for report in files(ward, "DiagnosticReport")} == {"amended"}


@pytest.mark.parametrize("feed", ["example_fhir", "example_hl7"])
def test_what_goes_out_is_taken_for_no_result_where_it_comes_back(ward: Path, feed: str) -> None:
    """Whatever is done with it: no row of results, and nothing of a course or stay."""
    out(ward, FOLDER + TEXT.removeprefix(HEAD))
    send_out(ward, at=day(22))
    before = sites.rows(ward, "SELECT count(*) FROM viral_load_results")
    folder, pattern = ("old", "*.hl7") if feed == "example_hl7" else ("ehr", "*.json")
    paths = sorted((ward / "out" / folder).glob(pattern))
    assert paths
    for path in paths:
        data, name = path.read_bytes(), path.name
        if feed == "example_fhir":
            name = f"{path.stem}.fhir.json"
            bundle = {
                "resourceType": "Bundle",
                "type": "collection",
                "entry": [{"fullUrl": f"urn:cmvmon:{path.stem}", "resource": json.loads(data)}],
            }
            data = json.dumps(bundle).encode()
        (ward / name).write_bytes(data)
        with open_site(ward) as opened:
            counted = take_in_file(opened, ward / name, feed=feed, received_at=now())
        assert sum(one.accepted for one in counted) == 0
    assert sites.rows(ward, "SELECT count(*) FROM viral_load_results") == before


def test_two_peers_read_the_text_result_as_it_was_written(ward: Path) -> None:
    out(ward, TEXT)
    send_out(ward, at=day(22))
    paths = sorted((ward / "out" / "old").glob("*.hl7"))
    assert len(paths) == len(sites.rows(ward, OPEN))
    for path in paths:
        text = path.read_bytes().decode()
        one = hl7.parse(text)
        said = (str(one.segment("OBX")[11]), str(one.segment("OBR")[25]), str(one.segment("MSH")[3]))
        assert said == ("F", "F", "CMVMON")
        assert len(one.unescape(str(one.segment("OBX")[5]))) > 10
        peer = parse_message(text, find_groups=False)
        assert peer.obx.obx_2.value == "TX"
        assert peer.msh.msh_9.value == "ORU^R01^ORU_R01"


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60).filter(str.strip)


@given(text=TEXTS, patient=TEXTS, title=TEXTS)
def test_whatever_a_text_holds_it_is_read_back(text: str, patient: str, title: str) -> None:
    alert = AlertOut("0" * 40, "A", patient, "ZIS", "rebound", 1, day(1), day(2), title, text, None)
    written = oru(alert, facility="F", to_facility="T", message_id="0" * 32, at=day(3)).decode()
    assert written.count("\r") == 4
    obx = written.split("\r")[3].split("|")
    assert unescaped(obx[5], Delimiters(), "utf-8") == " ".join(text.split())


class _Server(http.server.BaseHTTPRequestHandler):
    """A FHIR server that keeps what is put, and refuses the first."""

    put: dict[str, bytes]
    refusals: list[int]
    tokens: list[str | None]

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.tokens.append(self.headers["Authorization"])
        status = self.refusals.pop() if self.refusals else 201
        if status < 300:
            self.put[self.path] = data
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "http://192.0.2.1/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is said."""


@contextmanager
def fhir_server(*refusals: int) -> Iterator[tuple[str, type[_Server]]]:
    kind = type("Server", (_Server,), {"put": {}, "refusals": list(refusals), "tokens": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/fhir", kind
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.mark.parametrize("refusal", [500, 302])
def test_a_server_gets_each_resource_under_its_id_and_what_it_refused_again(
    ward: Path, refusal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUT_TOKEN", "synthetic-token")
    with fhir_server(refusal) as (url, server):
        target = '[targets.ehr]\nform = "fhir"\nwhat = ["alerts"]\ninside = true\ntoken_env = "OUT_TOKEN"\n'
        out(ward, f'{HEAD}{target}url = "{url}"\n')
        first = send_out(ward, at=day(22))
        assert first is not None
        assert first.failed == 1
        second = send_out(ward, at=day(22.5))
        assert second is not None
        assert (second.failed, second.queued) == (0, 0)
        assert len(server.put) == len(sites.rows(ward, OPEN))
        assert set(server.tokens) == {"Bearer synthetic-token"}
        for path, data in server.put.items():
            assert path == f"/fhir/DetectedIssue/{json.loads(data)['id']}"
    assert sites.rows(ward, "SELECT * FROM outbox_waiting") == []


def _answer_but_the_first(server: socket.socket, got: list[bytes]) -> None:
    while True:
        try:
            line, _ = server.accept()
        except OSError:
            return
        framer = Framer()
        with line:
            frames: list[Frame] = []
            while not frames and (more := line.recv(1 << 16)):
                framer.receive(more)
                frames = [event for event in framer.events() if isinstance(event, Frame)]
            got += [frame.data for frame in frames]
            if len(got) > 1:
                control = got[-1].split(b"|")[9]
                line.sendall(framed(b"MSH|^~\\&|X|Y|CMVMON|Z|20240101||ACK|1|P|2.5.1\rMSA|AA|" + control + b"\r"))


def test_a_line_that_does_not_acknowledge_gets_the_message_again_under_its_id(ward: Path) -> None:
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        threading.Thread(target=_answer_but_the_first, args=(server, got), daemon=True).start()
        target = '[targets.old]\nform = "hl7"\nwhat = ["alerts"]\ninside = true\nhost = "127.0.0.1"\nplain = true\n'
        out(ward, f"{HEAD}{target}port = {server.getsockname()[1]}\n")
        first, second = send_out(ward, at=day(22)), send_out(ward, at=day(22.5))
    assert first is not None
    assert second is not None
    assert (first.failed, second.failed) == (1, 0)
    controls = [message.split(b"|")[9] for message in got]
    assert controls[0] in controls[1:]
    assert len(set(controls)) == len(sites.rows(ward, OPEN))


WRONG = {
    "outside": (FOLDER.replace("inside = true", "inside = false"), "goes to no target outside"),
    "unsaid": (FOLDER.replace("inside = true\n", ""), "inside: is missing"),
    "mail": (FOLDER.replace('path = "out/ehr"', 'to = "a@b.example"'), "to: is not a key"),
    "plain http": (FOLDER.replace('path = "out/ehr"', 'url = "http://ehr.example/fhir"'), "https://"),
    "plain line": (TEXT.replace('path = "out/old"', 'host = "10.0.0.1"\nport = 1\nplain = true'), "unencrypted"),
    "out of the site": (FOLDER.replace("out/ehr", "../ehr"), "leads out of the site"),
    "courses as HL7": (TEXT.replace('["alerts"]', '["courses"]'), "go as FHIR"),
    "two places": (FOLDER + 'url = "https://ehr.example"\n', "must stand alone"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_target_that_is_not_declared_inside_or_not_safe_is_refused(name: str) -> None:
    text, words = WRONG[name]
    with pytest.raises(ProtocolError, match=words):
        read_out_file(text)


def test_a_dead_target_is_left_alone_for_that_look_and_one_that_is_gone_is_sent_nothing(ward: Path) -> None:
    out(ward, FOLDER.replace('path = "out/ehr"', 'url = "http://127.0.0.1:9/fhir"'))
    told = send_out(ward, at=day(22))
    assert told is not None
    assert (told.delivered, told.failed) == (0, 1)
    out(ward, TEXT)
    gone = send_out(ward, at=day(23))
    assert gone is not None
    assert gone.dropped > 0
    assert sites.rows(ward, "SELECT * FROM outbox_waiting") == []


def ids(root: Path) -> dict[str, set[str]]:
    return {kind: {str(one["id"]) for one in files(root, kind)} for kind in ("DetectedIssue", "DiagnosticReport")}


def test_no_id_that_goes_out_can_be_tried_out_without_the_key_of_the_site(ward: Path) -> None:
    """Ids are the same at each sending of one site, and others at a site with another key though the patients are the same."""
    out(ward, FOLDER + TEXT.removeprefix(HEAD))
    send_out(ward, at=day(22))
    first = ids(ward)
    numbers = [
        str(number)
        for (number,) in sites.rows(ward, "SELECT DISTINCT patient_id FROM alert_events WHERE patient_id IS NOT NULL")
    ]
    alerts = [name for (name,) in sites.rows(ward, "SELECT DISTINCT alert_id FROM alert_events")]
    tried = {
        hashlib.sha256(text.encode()).hexdigest()[:40]
        for about in (*(f"course||{one}" for one in numbers), *(f"alert|{one}" for one in alerts), *numbers, *alerts)
        for text in (f"urn:cmvmon|{about}", about)
    }
    sent = {path.name for path in (ward / "out").rglob("*.*")}
    assert not any(one in name for one in tried for name in sent)
    for sent_file in (ward / "out" / "old").glob("*.hl7"):
        assert not any(one in sent_file.read_text("utf-8") for one in tried)
    (ward / "page.key").write_bytes(b"ab" * 32)
    (ward / "out.toml").write_text(
        FOLDER.replace("[targets.ehr]", "[targets.second]").replace("out/ehr", "out/second"), "utf-8"
    )
    send_out(ward, at=day(22.1))
    shutil.rmtree(ward / "out" / "ehr")
    (ward / "out" / "second").rename(ward / "out" / "ehr")
    second = ids(ward)
    for kind, some in first.items():
        assert len(second[kind]) == len(some) > 0
        assert not second[kind] & some


@given(parts=st.lists(st.text(max_size=5), min_size=2, max_size=3))
def test_no_two_things_have_one_id_because_a_text_holds_what_stands_between(parts: list[str]) -> None:
    assert resource_id(b"k", *parts) == resource_id(b"k", *parts)
    assert resource_id(b"k", "|".join(parts)) != resource_id(b"k", *parts)


DEAD = FOLDER.replace('path = "out/ehr"', 'url = "http://127.0.0.1:9/fhir"')


def names_open(root: Path) -> set[str]:
    return {alert for (alert,) in sites.rows(root, OPEN)}


def n_patients(root: Path) -> int:
    ((found,),) = sites.rows(root, OPEN.replace("DISTINCT alert_id", "count(DISTINCT patient_id)"))
    return int(found)


def names_told(root: Path) -> set[str]:
    return {issue["identifier"][0]["value"] for issue in files(root, "DetectedIssue")}  # type: ignore[index]


@pytest.mark.parametrize("looks", [(22, 25.6), (22, 23, 24, 25.6), (22, 25.6, 25.7, 28.8)])
def test_a_target_that_was_dead_for_days_and_is_mended_learns_what_still_stands(
    ward: Path, looks: tuple[float, ...]
) -> None:
    """However often it was given up meanwhile, and once only."""
    out(ward, DEAD)
    n_given_up = sum(told.given_up for at in looks if (told := send_out(ward, at=day(at))) is not None)
    assert n_given_up > 0
    out(ward, FOLDER)
    for at in (29, 29.01):  # what is too old at the first is queued anew at the second
        send_out(ward, at=day(at))
    assert names_told(ward) == names_open(ward)
    assert {report["status"] for report in files(ward, "DiagnosticReport")} == {"final"}
    assert len(files(ward, "DiagnosticReport")) == n_patients(ward)
    assert sites.rows(ward, "SELECT * FROM outbox_waiting") == []
    again = send_out(ward, at=day(30))
    assert again is not None
    assert (again.queued, again.delivered) == (0, 0)


def test_what_is_queued_again_has_three_days_again(ward: Path) -> None:
    out(ward, DEAD)
    for at in (22, 25.6, 25.7, 28.5, 28.9, 29, 29.05, 29.1, 29.2, 33):
        send_out(ward, at=day(at))
    events: dict[str, list[tuple[str, datetime]]] = {}
    for name, event, at in sites.rows(
        ward, "SELECT message_id, event, at FROM outbox_events ORDER BY message_id, sequence"
    ):
        events.setdefault(name, []).append((event, datetime.fromisoformat(str(at))))
    spans = []
    for of_one in events.values():
        for n, (event, at) in enumerate(of_one):
            if event == "given_up":
                queued = max(then for before, then in of_one[:n] if before == "queued")
                spans.append(at - queued)
    assert len(spans) > 1
    assert min(spans) > timedelta(days=3)
    assert any([event for event, _ in of_one].count("given_up") == 2 for of_one in events.values())


@pytest.mark.parametrize("before", [DEAD, FOLDER.replace("out/ehr", "out/other")])
def test_a_target_that_was_left_out_for_one_look_learns_what_it_was_not_told(ward: Path, before: str) -> None:
    """What it was told before it was left out it is not told again."""
    out(ward, before)
    send_out(ward, at=day(22))
    is_told = before != DEAD
    out(ward, TEXT)
    send_out(ward, at=day(22.1))
    out(ward, FOLDER)
    back = send_out(ward, at=day(22.2))
    assert back is not None
    assert back.queued == back.delivered == (0 if is_told else len(names_open(ward)) + n_patients(ward))
    assert names_told(ward) == (set() if is_told else names_open(ward))


def test_a_target_that_no_longer_wants_alerts_for_one_look_learns_them_after_it(ward: Path) -> None:
    out(ward, DEAD)
    send_out(ward, at=day(22))
    out(ward, DEAD.replace('"alerts", ', ""))
    send_out(ward, at=day(22.1))
    out(ward, FOLDER)
    send_out(ward, at=day(22.2))
    assert names_told(ward) == names_open(ward)


def test_the_end_of_what_was_tried_and_then_left_out_is_told_and_of_what_was_never_tried_is_not(ward: Path) -> None:
    """A try that nobody acknowledged may have arrived: then the end must arrive too."""
    out(ward, DEAD.replace(', "courses"', ""))
    send_out(ward, at=day(22))
    tried = {name for (name,) in sites.rows(
        ward, "SELECT about FROM outbox_about WHERE message_id IN (SELECT message_id FROM outbox_events WHERE event = 'attempted')"
    )}  # fmt: skip
    assert tried < names_open(ward)
    assert tried
    out(ward, TEXT)
    send_out(ward, at=day(25.7))
    resolve(ward)
    assert names_open(ward) == set()
    out(ward, FOLDER)
    send_out(ward, at=day(60))
    assert names_told(ward) == tried
    assert {issue["status"] for issue in files(ward, "DetectedIssue")} == {"amended"}
