"""What leaves the board: headers, files, streams and log lines; nothing of a patient where none belongs."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from cmvmon.board import live, sheet
from cmvmon.run.answers import answering
from cmvmon.run.messages.patient_files import without_formula
from tests import sites
from tests.board import boards
from tests.board.boards import ALSO_ON_A, ON_A, ON_B, OWN, Asked, alert_of, served
from tests.servers import free_port

NAMES = (ON_A, ALSO_ON_A, ON_B)


def test_every_answer_is_held_where_it_is_also_what_is_refused_and_what_is_not_there(board: Asked) -> None:
    client = board.signed_in("consultant")
    paths = [
        "/ward.en.html",
        "/sign-in.en.html",
        "/nowhere",
        f"/{'0' * 20}.en.html",
        f"/{board.page_of(ON_A)}.csv",
        "/acknowledge-x.en.html",
    ]
    answers = [client.get(path) for path in paths] + [
        client.post("/search.en.html", data={"q": "x"}, headers=OWN),
        board.client().get("/"),
    ]
    for answer in answers:
        policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        assert policy["form-action"] == "'self'"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "server" not in answer.headers
        assert "<script>" not in answer.text
        assert (
            'http-equiv="Content-Security-Policy"' not in answer.text
            or "form" not in answer.text.partition("<body>")[2]
        )
    script = client.get(f"/{board.pages.script_name}")
    assert "immutable" in script.headers["cache-control"]
    assert client.get("/cmvmon-0123456789abcdef.js").status_code == 404


def test_the_results_of_a_patient_are_a_table_that_no_spreadsheet_takes_for_a_formula(board: Asked) -> None:
    client = board.signed_in("consultant")
    answer = client.get(f"/{board.page_of(ON_A)}.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{board.page_of(ON_A)}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    stored = sites.rows(board.root, f"SELECT viral_load_iu_per_ml FROM viral_load_results WHERE patient_id = '{ON_A}'")
    assert sorted(float(row["viral_load_iu_per_ml"]) for row in rows) == sorted(row[0] for row in stored)
    assert {row["patient_id"] for row in rows} == {ON_A}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["collected_at"]) for row in rows)
    assert [(row["event"], row["patients"]) for row in board.audit()[1:]] == [("export_csv", [ON_A])]


@given(st.text(max_size=8))
def test_no_text_begins_as_a_formula(text: str) -> None:
    for begun in (text, f"={text}", f" \t@{text}", f"+{text}", f"-{text}", f"|{text}", f"%{text}"):
        written = without_formula(begun)
        assert written in (begun, f"'{begun}")
        is_number = re.fullmatch(r"-?[0-9][0-9,.]*", written) is not None
        assert is_number or not re.match(r"[\t\r\n ]*[=+\-@|%]", written)


def test_the_course_of_a_patient_is_a_report_of_text_without_a_result(board: Asked) -> None:
    answer = board.signed_in("consultant").get(f"/{board.page_of(ON_A)}.nl.fhir.json")
    assert answer.headers["content-type"] == "application/fhir+json"
    report = json.loads(answer.content)
    assert report["resourceType"] == "DiagnosticReport"
    assert report["subject"]["identifier"]["value"] == ON_A
    assert "result" not in report
    assert "Load daalt minder" in report["conclusion"]


def test_a_patient_s_sheet_is_given_as_pdf_where_it_can_be_made_and_is_not_offered_elsewhere(
    site_with_board: Path,
) -> None:
    with boards.asked(site_with_board) as without:
        client = without.signed_in("viewer-a")
        assert client.get(f"/{without.page_of(ON_A)}.en.pdf").status_code == 404
        assert ".pdf" not in client.get(f"/{without.page_of(ON_A)}.en.html").text
    assert sheet.can_be_made(), "Chromium of the browser tests brings Pango"
    with boards.asked(site_with_board, pdf=sheet.sheet_pdf) as board:
        client = board.signed_in("viewer-a")
        page = client.get(f"/{board.page_of(ON_A)}.en.html").text
        assert f'href="{board.page_of(ON_A)}.en.pdf"' in page
        given_ = client.get(f"/{board.page_of(ON_A)}.en.pdf")
        assert given_.headers["content-type"] == "application/pdf"
        (first, *_) = PdfReader(io.BytesIO(given_.content)).pages
        assert ON_A in first.extract_text()
        assert client.get(f"/{board.page_of(ON_B)}.en.pdf").status_code == 404


def test_no_log_line_and_no_error_holds_a_patient_an_address_or_a_reader(
    board: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = board.signed_in("consultant")
    alert = alert_of(board.root, ON_A)
    boards.answer(client, "acknowledge", alert, reason="dealt_with")
    client.get(f"/{board.page_of(ON_A)}.en.html")
    client.get(f"/ward.en.html?ward={ON_A}")
    client.get(f"/{ON_A}")

    def breaks(*_: object, **__: object) -> None:
        raise ValueError(f"of {ON_A}")

    monkeypatch.setattr(pl, "concat", breaks)
    monkeypatch.setattr("cmvmon.board.desk.Desk.serve", breaks)
    broken = client.get("/ward.en.html")
    assert broken.status_code == 500
    assert not any(name in broken.text for name in NAMES)
    told = json.dumps(board.said)
    for held in (*NAMES, alert, board.page_of(ON_A), "consultant", "Consult", "testclient"):
        assert held not in told
    assert {"event": "unexpected", "code": "ValueError"} in board.said
    assert board.audit()[-1]["event"] == "unexpected"


def test_a_page_that_changes_says_so_once_and_another_wards_change_is_told_to_nobody_else(
    site_with_board: Path,
) -> None:
    """Over real sockets: the stream of each is read as a browser reads it."""
    boards.board_toml(site_with_board, boards.BY_PASSWORD.replace("port = 1", f"port = {free_port()}"))
    with served(site_with_board) as board:
        heard: dict[str, list[str]] = {"consultant": [], "viewer-a": []}

        def listen(name: str) -> None:
            client = board.signed_in(name)
            page = client.get("/ward.en.html").text
            address = re.search(r'data-events="([^"]+)"', page)
            assert address
            try:
                with client.stream(
                    "GET", f"/{address[1].replace('&amp;', '&')}", timeout=httpx2.Timeout(60, read=8)
                ) as stream:
                    heard[name].append(f"{stream.status_code}")
                    for line in stream.iter_lines():
                        heard[name] += [line] if line else []
            except httpx2.TimeoutException:
                heard[name].append("quiet")

        threads = [threading.Thread(target=listen, args=(name,)) for name in heard]
        for thread in threads:
            thread.start()
        boards.until(lambda: all(told[:1] == ["200"] for told in heard.values()), 60)
        time.sleep(1.5)
        answering.acknowledge(
            site_with_board, alert_of(site_with_board, ON_B), reason="ordered", note=None, actor="dr. X"
        )
        for thread in threads:
            thread.join(timeout=60)
    assert heard["consultant"][-2:] == ["event: changed", "data: 1"]
    assert heard["viewer-a"] == ["200", "retry: 5000", "quiet"]


def test_streams_are_bounded_and_end_when_the_board_stops(site_with_board: Path) -> None:
    boards.board_toml(site_with_board, boards.BY_PASSWORD.replace("port = 1", f"port = {free_port()}"))
    with served(site_with_board) as board:
        client = board.signed_in("consultant")
        page = client.get("/ward.en.html").text
        path = re.search(r'data-events="([^"]+)"', page)[1].replace("&amp;", "&")  # type: ignore[index]
        streams = [client.stream("GET", f"/{path}") for _ in range(live._MOST_OF_ONE + 1)]
        codes = [one.__enter__().status_code for one in streams]
        assert sorted(codes) == [200] * live._MOST_OF_ONE + [429]
        assert client.get("/ward.en.html").status_code == 200
        assert client.get("/events?page=ward&lang=en&ward=none&tag=x").status_code == 404
        assert client.get("/events?page=sign_out&lang=en").status_code == 404
        begun = time.monotonic()
        board.process.terminate()
        assert board.process.wait(timeout=20) == 0
        assert time.monotonic() - begun < 10
        client.close()


def test_the_board_starts_without_prefect_great_expectations_and_pandas() -> None:
    script = (
        "import sys, cmvmon.board.serving, cmvmon.board.app; "
        "print(sorted({'prefect', 'great_expectations', 'pandas', 'fastapi', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"


def test_a_site_that_was_never_judged_says_so(tmp_path: Path) -> None:
    from cmvmon.shell.work.opening import open_site

    with open_site(tmp_path):
        pass
    boards.board_toml(tmp_path)
    with boards.asked(tmp_path) as board:
        answer = board.signed_in("consultant").get("/ward.en.html")
        assert (answer.status_code, "Nobody has been judged" in answer.text) == (503, True)


def test_a_protocol_file_that_can_not_be_used_is_said_and_nothing_is_shown_that_rests_on_it(board: Asked) -> None:
    client = board.signed_in("consultant")
    assert client.get("/ward.en.html").status_code == 200
    (board.root / "protocol" / "icu_cmv_2024.toml").write_text("x = ", encoding="utf-8")
    answer = client.get("/ward.en.html")
    assert answer.status_code == 503
    assert not any(name in answer.text for name in NAMES)
