"""The audit log: a row for every view, none shown without one, and whatever is done to the log is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cmvmon.cli.face import app
from cmvmon.domain.errors import AuditBroken, StoreError
from cmvmon.run.asking import queries
from cmvmon.shell.boards import audit_log
from cmvmon.shell.boards.audit_log import Entry
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store import session
from cmvmon.shell.store.session import open_store
from tests import sites
from tests.board import boards
from tests.board.boards import ON_A, ON_B, Asked, audit_rows

AT = datetime(2026, 1, 1, tzinfo=UTC)


def entries(n: int, patient: str = "SYNTHETIC-P") -> list[Entry]:
    return [
        Entry(
            AT + timedelta(seconds=i), "view_patient", actor="dr. É", role="consultant", object="x", patients=(patient,)
        )
        for i in range(n)
    ]


def added(root: Path, n: int) -> None:
    with open_store(Site(root).prepare().database) as store:
        audit_log.append(store, root, entries(n))


def verified(root: Path) -> audit_log.Verified:
    with open_store(Site(root).database) as store, store.reading() as connection:
        return audit_log.verify(connection, root)


def past_our_code(root: Path, *statements: str) -> None:
    """As somebody with all rights on the database would do it."""
    is_server = Site(root).database.drivername.startswith("postgresql")
    if is_server:
        sites.write(
            root, "ALTER TABLE audit_log DISABLE TRIGGER ALL", *statements, "ALTER TABLE audit_log ENABLE TRIGGER ALL"
        )
    else:
        dropped = [f"DROP TRIGGER IF EXISTS no_{verb}_of_audit_log" for verb in ("update", "delete")]
        sites.write(root, *dropped, *statements)


def test_the_store_refuses_to_change_or_remove_a_row(site: Path) -> None:
    added(site, 3)
    for statement in ("UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log"):
        with pytest.raises(Exception, match="keeps every row of audit_log"):
            sites.write(site, statement)
    assert verified(site).faults == ()
    assert verified(site).n_rows == 3


TAMPERED = {
    "a changed name": ("UPDATE audit_log SET actor = 'x' WHERE sequence = 2",),
    "another moment": ("UPDATE audit_log SET at = (SELECT at FROM audit_log WHERE sequence = 4) WHERE sequence = 2",),
    "another patient": ("UPDATE audit_log SET patients = '[]' WHERE sequence = 5",),
    "a removed row": ("DELETE FROM audit_log WHERE sequence = 3",),
    "a removed first row": ("DELETE FROM audit_log WHERE sequence = 1",),
    "rows cut off at the end": ("DELETE FROM audit_log WHERE sequence > 3",),
    "every row removed": ("DELETE FROM audit_log",),
    "two rows that changed places": (
        "UPDATE audit_log SET sequence = 99 WHERE sequence = 2",
        "UPDATE audit_log SET sequence = 2 WHERE sequence = 3",
        "UPDATE audit_log SET sequence = 3 WHERE sequence = 99",
    ),
    "a row put in": (
        "INSERT INTO audit_log (sequence, at, event, outcome, patients, previous, hash) SELECT 6, at, event, outcome, patients, hash, previous FROM audit_log WHERE sequence = 5",
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_whatever_is_done_to_a_row_is_found(what: str, site: Path) -> None:
    added(site, 5)
    past_our_code(site, *TAMPERED[what])
    assert verified(site).faults != ()


def test_a_log_whose_last_rows_were_cut_off_takes_no_new_one_that_would_hide_it(site: Path) -> None:
    added(site, 5)
    past_our_code(site, "DELETE FROM audit_log WHERE sequence > 3")
    with pytest.raises(AuditBroken, match="lacks rows"):
        added(site, 1)
    assert verified(site).faults == (("rows_cut_off", 5),)
    done = CliRunner().invoke(app, ["audit", "go-on", "--why", "a backup was put back", "--site", str(site)])
    assert done.exit_code == 0, done.output
    assert verified(site).faults == ()
    (row,) = [row for row in audit_rows(site) if row["event"] == "go_on"]
    assert row["sequence"] == 4
    assert row["object"].startswith("head 5 ")
    added(site, 1)
    assert verified(site).n_rows == 5


@pytest.mark.parametrize("text", [None, "", "{}", "[1]", '{"sequence": 5, "hash": "x"}'])
def test_a_head_that_is_gone_or_was_written_by_somebody_else_is_found(text: str | None, tmp_path: Path) -> None:
    added(tmp_path, 5)
    head = tmp_path / "audit.head"
    if text is None:
        head.unlink()
    else:
        head.write_text(text)
    assert verified(tmp_path).faults != ()
    with pytest.raises(AuditBroken):
        added(tmp_path, 1)


def test_a_program_that_was_killed_between_row_and_head_leaves_a_log_that_is_whole(tmp_path: Path) -> None:
    added(tmp_path, 3)
    before = (tmp_path / "audit.head").read_bytes()
    added(tmp_path, 2)
    (tmp_path / "audit.head").write_bytes(before)
    found = verified(tmp_path)
    assert (found.faults, found.n_after_head) == ((), 2)
    added(tmp_path, 1)
    assert verified(tmp_path).n_after_head == 0


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cut=st.integers(0, 5),
    column=st.sampled_from(["event", "outcome", "actor", "role", "object", "because"]),
    text=st.text(max_size=5),
)
def test_no_cell_of_any_row_can_be_written_otherwise(
    cut: int, column: str, text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("log")
    added(root, 6)
    (before,) = [row[column] for row in audit_rows(root) if row["sequence"] == cut + 1]
    quoted = text.replace("\x00", "").replace("'", "''")
    past_our_code(
        root,
        f"UPDATE audit_log SET {column} = '{quoted}' WHERE sequence = {cut + 1}".replace(":", "").replace("%", "%%"),
    )
    (after,) = [row[column] for row in audit_rows(root) if row["sequence"] == cut + 1]
    assert bool(verified(root).faults) == (after != before)


def test_a_thousand_views_are_a_thousand_rows(board: Asked) -> None:
    client = board.signed_in("consultant")
    before = len(board.audit())
    paths = ["/ward.en.html", "/worklist.nl.html", f"/{board.page_of(ON_A)}.en.html", "/method.en.html"]
    for i in range(1000):
        assert client.get(paths[i % 4]).status_code == 200
    rows = board.audit()[before:]
    assert len(rows) == 1000
    assert {row["actor"] for row in rows} == {"consultant"}
    assert sum(ON_A in row["patients"] for row in rows) == 750
    assert verified(board.root).faults == ()


@pytest.mark.parametrize("error", [StoreError("full"), OSError(28, "no space")])
def test_a_page_whose_row_can_not_be_written_is_not_shown(
    error: Exception, board: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = board.signed_in("consultant")

    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(audit_log, "append", fails)
    for path in (
        "/ward.en.html",
        f"/{board.page_of(ON_A)}.en.html",
        f"/{board.page_of(ON_A)}.csv",
        f"/{'0' * 20}.en.html",
    ):
        answer = client.get(path)
        assert answer.status_code == 503
        assert "could not be recorded" in answer.text or "kon niet worden vastgelegd" in answer.text
        assert "SYNTHETIC" not in answer.text
    monkeypatch.undo()
    assert client.get("/ward.en.html").status_code == 200


ANSWERS = {
    "acknowledge": {"reason": "dealt_with"},
    "snooze": {"reason": "awaiting"},
    "reopen": {"why": "the result is in"},
    "readback": {"to": "ward doctor", "how": "confirmed"},
}


def kinds_of(root: Path, alert: str) -> list[str]:
    """What was said of that alert, in order."""
    return [e["event"] for e in queries.history(root, alert_id=alert, patient=None, since=None, lang="en")]


@pytest.mark.parametrize("what", ANSWERS)
@pytest.mark.parametrize("error", [StoreError("full"), OSError(28, "no space")])
def test_an_alert_is_not_answered_while_no_row_of_it_can_be_written(
    error: Exception, what: str, board: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "now", lambda: boards.JUDGED + timedelta(hours=2))
    client, alert = board.signed_in("consultant"), boards.alert_of(board.root, ON_A)
    if what == "reopen":
        assert boards.answer(client, "acknowledge", alert, reason="dealt_with").status_code == 303
    page, before = client.get(f"/alert-{alert}.en.html").text, kinds_of(board.root, alert)
    told = {"token": boards.token(page), "judged": boards.judged(page)} | ANSWERS[what]

    def fails(*_: object) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(audit_log, "append", fails)
        done = client.post(f"/{what}-{alert}.en.html", data=told, headers=boards.OWN)
    assert (done.status_code, "could not be recorded who answers" in done.text) == (503, True)
    assert kinds_of(board.root, alert) == before
    assert client.post(f"/{what}-{alert}.en.html", data=told, headers=boards.OWN).status_code == 303
    assert len(kinds_of(board.root, alert)) == len(before) + 1


def test_whoever_answered_is_in_the_log_also_where_the_row_of_how_it_ended_could_not_be_written(
    board: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "now", lambda: boards.JUDGED + timedelta(hours=2))
    client, alert = board.signed_in("consultant"), boards.alert_of(board.root, ON_A)
    page, append = client.get(f"/alert-{alert}.en.html").text, audit_log.append
    told = {"token": boards.token(page), "judged": boards.judged(page), "reason": "dealt_with"}
    n_rows = iter(range(100))

    def fails_after_the_first(*told: Any) -> Any:
        if next(n_rows):
            raise StoreError("full")
        return append(*told)

    with monkeypatch.context() as broken:
        broken.setattr(audit_log, "append", fails_after_the_first)
        done = client.post(f"/acknowledge-{alert}.en.html", data=told, headers=boards.OWN)
    assert (done.status_code, "it says whether your answer was kept" in done.text) == (503, True)
    assert kinds_of(board.root, alert)[-1] == "acknowledged"
    row = board.audit()[-1]
    assert (row["event"], row["actor"], row["object"]) == ("ask_acknowledge", "consultant", alert)
    assert row["patients"] == [ON_A]


@pytest.mark.parametrize(
    ("error", "status", "event"), [(StoreError("x"), 503, "view_patient"), (ValueError("x"), 500, "unexpected")]
)
def test_a_view_that_failed_says_whose_it_was_and_of_what(
    error: Exception, status: int, event: str, board: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, page = board.signed_in("consultant"), board.page_of(ON_A)

    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("cmvmon.board.desk.Desk.serve", fails)
    assert client.get(f"/{page}.en.html").status_code == status
    row = board.audit()[-1]
    assert (row["event"], row["outcome"], row["because"]) == (event, "failed", type(error).__name__)
    assert (row["actor"], row["role"], row["source"], row["object"]) == ("consultant", "consultant", "testclient", page)


def test_while_the_board_s_file_is_broken_a_view_that_failed_has_at_least_its_address(board: Asked) -> None:
    client = board.signed_in("consultant")
    (board.root / "board.toml").write_text("nonsense = ", encoding="utf-8")
    for path in ("/ward.en.html", "/nowhere"):
        client.get(path)
        row = board.audit()[-1]
        assert (row["actor"], row["source"], row["outcome"] != "done") == (None, "testclient", True)


def test_a_board_whose_log_was_cut_off_shows_nothing(board: Asked) -> None:
    client = board.signed_in("consultant")
    assert client.get("/ward.en.html").status_code == 200
    past_our_code(board.root, "DELETE FROM audit_log WHERE sequence = (SELECT MAX(sequence) FROM audit_log)")
    answer = client.get("/ward.en.html")
    assert answer.status_code == 503
    assert "SYNTHETIC" not in answer.text


Run = Callable[..., str]


def run(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == code, done.output
    return done.output


def test_the_rows_of_one_patient_are_exported_and_that_is_a_row_too(board: Asked) -> None:
    client = board.signed_in("consultant")
    client.get("/ward.en.html")
    client.get(f"/{board.page_of(ON_A)}.en.html")
    client.get(f"/{board.page_of(ON_B)}.en.html")
    rows = json.loads(run("audit", "export", "--patient", ON_A, "--json", "--site", str(board.root)))
    assert [row["event"] for row in rows] == ["view_ward", "view_patient", "export_audit"]
    assert {row["patient"] for row in rows} == {ON_A}
    assert ON_B not in json.dumps(rows)
    assert set(rows[0]) >= {"at", "event", "outcome", "actor", "role", "source", "object", "because", "patient"}
    assert "obody" not in run("audit", "export", "--patient", ON_A, "--site", str(board.root))
    assert "is whole" in run("audit", "verify", "--site", str(board.root))


def test_of_a_number_of_whom_there_is_no_row_that_is_said_and_of_an_unknown_one_too(board: Asked) -> None:
    board.signed_in("consultant")
    for _ in range(2):  # an earlier export is no look at the patient either
        of_hers = run("audit", "export", "--patient", ON_A, "--site", str(board.root))
        assert "nobody looked at that patient on the board" in of_hers
        assert "is it written right?" not in of_hers
    of_nobody = run("audit", "export", "--patient", f"{ON_A} ", "--json", "--site", str(board.root))
    assert "Nobody of that number is known on this site: is it written right?" in of_nobody


def test_verify_says_in_words_and_by_its_code_that_a_log_is_not_whole(board: Asked) -> None:
    board.signed_in("consultant").get("/ward.en.html")
    past_our_code(board.root, "UPDATE audit_log SET actor = 'nobody' WHERE sequence = 2")
    said = run("audit", "verify", "--site", str(board.root), code=5)
    assert "NOT WHOLE: row 2: it does not say what it said when it was written" in said
    found = json.loads(run("audit", "verify", "--json", "--site", str(board.root), code=5))
    assert found["faults"][0]["code"] == "row_changed"


def test_on_postgresql_the_log_is_read_by_a_cursor_of_the_server(site_on_postgresql: Path) -> None:
    """A log of years is never in memory whole."""
    root = site_on_postgresql
    added(root, 5)
    with open_store(Site(root).database) as store, store.reading() as connection:
        rows = audit_log._rows(connection)
        assert next(iter(rows))["sequence"] == 1
        assert connection.execute(sa.text("SELECT count(*) FROM pg_cursors")).scalar() == 1
        assert [row["sequence"] for row in rows] == [2, 3, 4, 5]
