"""Who asks: passwords and sessions, a proxy that names somebody, and headers that somebody made up."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cmvmon.board.board_file import read_board_file
from cmvmon.board.checkup import of_board
from cmvmon.board.identity import Files
from cmvmon.board.sessions import COOKIE, Sessions
from cmvmon.cli.face import app
from cmvmon.domain.errors import ProtocolError, SiteError
from cmvmon.run.checks.checkup import checkup
from cmvmon.shell.boards import board_files
from tests.board import boards
from tests.board.boards import BY_PASSWORD, ON_A, OWN, PASSWORD, PEOPLE, Asked, audit_rows, raw_request, served, token
from tests.servers import free_port

SECRET = "s" * 40


def test_a_cookie_that_was_changed_is_nobodys(board: Asked) -> None:
    client = board.signed_in("viewer-a")
    cookie = client.cookies[COOKIE]
    for changed in (cookie[:-2] + "xx", cookie.replace(".", "", 1), "", "x" * 5000, cookie + "x"):
        other = board.client()
        other.cookies.set(COOKIE, changed)
        assert other.get("/ward.en.html").status_code == 303
    assert client.get("/ward.en.html").status_code == 200


def test_a_cookie_goes_to_no_script_and_no_other_site(board: Asked) -> None:
    answer = board.client().post("/sign-in.en.html", data={"name": "data", "password": PASSWORD}, headers=OWN)
    said = answer.headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=strict" in said
    assert "secure" not in said  # this board is not reached by https


def test_a_session_ends_when_nobody_looks_after_some_hours_and_when_somebody_signs_out() -> None:
    short = Sessions(idle_s=1, longest_s=3600)
    mine = short.begin("x")
    assert short.read(short.cookie(mine)) == mine
    cookie = short.cookie(mine)
    time.sleep(2.1)
    assert short.read(cookie) is None
    old = Sessions(idle_s=60, longest_s=0.5)
    cookie = old.cookie(old.begin("x"))
    time.sleep(0.6)
    assert old.read(cookie) is None
    one = Sessions(idle_s=60, longest_s=60)
    mine = one.begin("x")
    one.end(mine)
    assert one.read(one.cookie(mine)) is None
    assert Sessions(60, 60).read(one.cookie(one.begin("x"))) is None  # of another start of the board


def test_whoever_signed_out_is_out_also_with_the_old_cookie(board: Asked) -> None:
    client = board.signed_in("data")
    old = client.cookies[COOKIE]
    page = client.get("/method.en.html").text
    assert client.post("/sign-out.en.html", data={"token": token(page)}, headers=OWN).status_code == 303
    other = board.client()
    other.cookies.set(COOKIE, old)
    assert other.get("/method.en.html").status_code == 303
    assert [row["event"] for row in board.audit()] == ["sign_in", "view_method", "sign_out", "view_method"]


def test_wrong_passwords_are_recorded_without_what_was_typed_and_are_not_tried_for_ever(board: Asked) -> None:
    client = board.client()
    for name, password in (("data", "wrong"), ("nobody-here", "wrong"), ("data", PASSWORD + " ")):
        answer = client.post("/sign-in.en.html", data={"name": name, "password": password}, headers=OWN)
        assert answer.status_code == 401
    assert [(row["event"], row["outcome"], row["actor"]) for row in board.audit()] == [
        ("sign_in", "refused", "data"),
        ("sign_in", "refused", None),
        ("sign_in", "refused", "data"),
    ]
    for _ in range(3):
        client.post("/sign-in.en.html", data={"name": "data", "password": "wrong"}, headers=OWN)
    right = client.post("/sign-in.en.html", data={"name": "data", "password": PASSWORD}, headers=OWN)
    assert right.status_code == 429
    assert "quarter of an hour" in right.text
    assert board.signed_in("admin").get("/ward.en.html").status_code == 200  # another name need not wait


@pytest.mark.parametrize(
    "name", ["X-Forwarded-User", "X-Remote-User", "Remote-User", "X-Auth-Request-User", "X-Cmvmon-Secret"]
)
def test_a_header_that_names_somebody_is_refused_and_logged_where_no_proxy_is(name: str, board: Asked) -> None:
    for client in (board.client(), board.signed_in("viewer-a")):
        before = len(board.audit())
        answer = client.get("/ward.en.html", headers={name: "admin"})
        assert answer.status_code == 401
        assert ON_A not in answer.text
        (row,) = board.audit()[before:]
        assert (row["outcome"], row["because"], row["actor"]) == ("refused", "forged_header", None)


@pytest.fixture
def by_proxy(site_with_board: Path) -> Path:
    secret = site_with_board / "board.secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    port = free_port()
    text = f'[listen]\nport = {port}\n\n[identity]\nby = "proxy"\nproxies = ["127.0.0.1"]\nsecret_file = "board.secret"\n{PEOPLE}'
    boards.board_toml(site_with_board, text)
    return site_with_board


def test_a_proxy_names_who_asks_and_nobody_else_does(by_proxy: Path) -> None:
    """Over a real socket, header by header: a second copy of a header is refused, whatever the first one says."""
    mine = [("X-Forwarded-User", "consultant"), ("X-Cmvmon-Secret", SECRET)]
    with served(by_proxy) as board:

        def status(*headers: tuple[str, str]) -> tuple[int, bool]:
            code, text = raw_request(board.port, "GET", "/ward.en.html", list(headers))
            return code, ON_A in text

        assert status(*mine, ("X-Forwarded-For", "203.0.113.9, 198.51.100.7")) == (200, True)
        assert status(("X-Forwarded-User", "consultant")) == (401, False)
        assert status(("X-Forwarded-User", "consultant"), ("X-Cmvmon-Secret", SECRET[:-1])) == (401, False)
        assert status(*mine, ("X-Forwarded-User", "admin")) == (401, False)
        assert status(*mine, ("X-Cmvmon-Secret", "x")) == (401, False)
        assert status(("X-Cmvmon-Secret", SECRET)) == (401, False)
        assert status(("X-Forwarded-User", "nobody"), ("X-Cmvmon-Secret", SECRET)) == (403, False)
        assert status(("X-Forwarded-User", "viewer-a"), ("X-Cmvmon-Secret", SECRET), ("X-Remote-User", "admin")) == (
            200,
            True,
        )
        assert status() == (401, False)
    rows = audit_rows(by_proxy)
    assert [row["because"] for row in rows] == [
        None, "forged_header", "forged_header", "several_names", "forged_header", "no_name", "unknown_person", None, "not_by_proxy",
    ]  # fmt: skip
    assert (rows[0]["actor"], rows[0]["source"]) == ("consultant", "198.51.100.7")
    assert rows[7]["role"] == "viewer"


def test_a_secret_that_is_changed_counts_at_once_and_the_old_one_no_more(by_proxy: Path) -> None:
    """Written in place, and put in the place of the old one; a secret that can't be read lets nobody in."""
    files, path = Files(by_proxy), by_proxy / "board.secret"

    def is_good(secret: str) -> bool:
        files.now()
        return files.is_secret(secret)

    assert is_good(SECRET)
    path.write_text("t" * 41)
    assert (is_good(SECRET), is_good("t" * 41)) == (False, True)
    anew = by_proxy / "anew.secret"
    anew.write_text("u" * 41)
    anew.chmod(0o600)
    anew.replace(path)
    assert (is_good("t" * 41), is_good("u" * 41)) == (False, True)
    path.chmod(0o644)
    path.write_text("v" * 42)
    for _ in range(2):
        with pytest.raises(SiteError, match="others than the user"):
            files.now()


def test_by_its_own_socket_a_proxy_needs_no_secret_and_the_socket_is_no_strangers(site_with_board: Path) -> None:
    boards.board_toml(site_with_board, f'[listen]\nsocket = "b.sock"\n\n[identity]\nby = "proxy"\n{PEOPLE}')
    with served(site_with_board), socket.socket(socket.AF_UNIX) as one:
        path = site_with_board / "b.sock"
        assert path.stat().st_mode & 0o007 == 0
        one.connect(str(path))
        one.sendall(
            b"GET /ward.en.html HTTP/1.1\r\nHost: x\r\nX-Forwarded-User: consultant\r\nConnection: close\r\n\r\n"
        )
        got = b""
        while piece := one.recv(65536):
            got += piece
        assert got.startswith(b"HTTP/1.1 200")
        assert ON_A.encode() in got
    assert not path.exists()


FAULTY = {
    "elsewhere without TLS": (
        '[listen]\naddress = "0.0.0.0"\n[identity]\nby = "passwords"\n',
        "give certificate and key",
    ),
    "a way out without a proxy": (
        '[identity]\nby = "passwords"\nsign_out = "/oidc?logout=x"\n',
        "identity.sign_out: is no address",
    ),
    "a way out that is a script": (
        '[listen]\nsocket = "s"\n[identity]\nby = "proxy"\nsign_out = "javascript:alert(1)"\n',
        "identity.sign_out: is no address",
    ),
    "a proxy without a secret": ('[identity]\nby = "proxy"\nproxies = ["127.0.0.1"]\n', "secret_file are both needed"),
    "a viewer of no ward": ('[identity]\nby = "passwords"\n[people.x]\nrole = "viewer"\n', "a viewer sees the wards"),
    "another role": ('[identity]\nby = "passwords"\n[people.x]\nrole = "doctor"\n', "people.x.role"),
    "a misspelt key": (
        '[identity]\nby = "passwords"\n[people.x]\nrole = "data"\nward = ["A"]\n',
        "people.x.ward: is not a key",
    ),
    "no identity": ("", "identity.by: is missing"),
    "a name with a line in it": (
        '[identity]\nby = "passwords"\n[people."a\\nb"]\nrole = "data"\n',
        "is no name to sign in with",
    ),
    "the name of the program": (
        '[identity]\nby = "passwords"\n[people.x]\nrole = "data"\nname = " System"\n',
        "what alerts call the program itself",
    ),
    "the program's name to sign in with": (
        '[identity]\nby = "passwords"\n[people.CMVmon]\nrole = "data"\n',
        "what alerts call the program itself",
    ),
    "two of one name": (
        '[identity]\nby = "passwords"\n[people.x]\nrole = "data"\nname = "dr. Bos"\n[people.y]\nrole = "data"\nname = "Dr.  bos"\n',
        "people.y.name: is somebody else's too",
    ),
    "the name by which another signs in": (
        '[identity]\nby = "passwords"\n[people.bos]\nrole = "data"\n[people.y]\nrole = "data"\nname = "Bos"\n',
        "people.y.name: is somebody else's too",
    ),
    "half of TLS": ('[listen]\ncertificate = "c.pem"\n[identity]\nby = "passwords"\n', "belong together"),
    "a socket elsewhere": ('[listen]\nsocket = "../x"\n[identity]\nby = "proxy"\n', "is no plain file name"),
}


@pytest.mark.parametrize("what", FAULTY)
def test_a_file_that_would_let_somebody_in_is_refused_in_words(what: str) -> None:
    text, words = FAULTY[what]
    with pytest.raises(ProtocolError, match=words.replace("(", r"\(")):
        read_board_file(text)


def test_a_board_elsewhere_is_refused_by_the_command_too(site_with_board: Path) -> None:
    boards.board_toml(site_with_board, BY_PASSWORD.replace("port = 1", 'port = 1\naddress = "0.0.0.0"'))
    done = CliRunner().invoke(app, ["board", "--site", str(site_with_board)])
    assert isinstance(done.exception, ProtocolError)


def test_people_are_added_with_a_password_and_no_file_holds_it(tmp_path: Path, judged_site: Path) -> None:
    import shutil

    root = tmp_path / "site"
    shutil.copytree(judged_site, root)

    def add(*arguments: str, password: str = PASSWORD) -> object:
        return CliRunner().invoke(app, ["board", "user", "add", *arguments, "--site", str(root)], input=f"{password}\n")

    assert add("ann", "--role", "viewer", "--ward", 'ICU "N"', "--ward", "Z", "--name", "Ann de Wit").exit_code == 0
    assert add("bob", "--role", "admin").exit_code == 0
    assert add("bob", "--role", "data").exit_code != 0
    assert add("eve", "--role", "viewer").exit_code != 0
    assert add("eve", "--role", "data", password="short").exit_code != 0
    file = read_board_file(board_files.board_text(root))
    assert set(file.people) == {"ann", "bob"}
    assert file.people["ann"].wards == frozenset({'ICU "N"', "Z"})
    hashes = board_files.password_hashes(root)
    assert set(hashes) == {"ann", "bob"}
    assert all(found.startswith("$argon2id$") for found in hashes.values())
    assert board_files.is_password(hashes, "ann", PASSWORD)
    assert not board_files.is_password(hashes, "ann", PASSWORD + "x")
    assert not board_files.is_password(hashes, "eve", PASSWORD)
    assert PASSWORD not in "".join(path.read_text("utf-8", "replace") for path in root.glob("board.*"))
    assert (root / "board.passwords").stat().st_mode & 0o077 == 0


def test_passwords_that_others_may_read_are_not_used(site_with_board: Path) -> None:
    (site_with_board / "board.passwords").chmod(0o644)
    with pytest.raises(Exception, match="others than the user"):
        board_files.password_hashes(site_with_board)


def test_a_ward_that_no_delivery_ever_named_is_said_with_those_that_are_known(site_with_board: Path) -> None:
    def add(name: str, *wards: str) -> str:
        told = [part for ward in wards for part in ("--ward", ward)]
        done = CliRunner().invoke(
            app,
            ["board", "user", "add", name, "--role", "viewer", *told, "--site", str(site_with_board)],
            input=f"{PASSWORD}\n",
        )
        assert done.exit_code == 0, done.output
        return done.output

    assert "no delivery ever named" not in add("ann", "ICU-NORTH", "ICU-SOUTH")
    said = add("eve", "ICU-NORTH", "ICU-north")
    assert "no delivery ever named a ward 'ICU-north', so that nobody is seen there" in said
    assert "'ICU-NORTH', 'ICU-SOUTH'" in said
    assert said.count("no delivery") == 1


def test_doctor_tells_what_is_wrong_with_the_board_s_files_and_nothing_of_a_site_without_a_board(
    site_with_board: Path,
) -> None:
    def findings() -> list[tuple[str, str]]:
        found = checkup(site_with_board, example=tuple, board=lambda: of_board(site_with_board))
        return [(one.state, one.words) for one in found if one.what == "board"]

    assert findings() == [("ok", "6 people, by passwords, at 127.0.0.1:1")]
    boards.board_toml(site_with_board, BY_PASSWORD.replace('"ICU-NORTH"', '"ICU-WEST"'))
    (site_with_board / "board.passwords").write_text("admin:x\n")
    _ok, passwords, ward = findings()
    assert passwords[0] == ward[0] == "note"
    assert passwords[1].startswith("5 people have no password")
    assert "no delivery ever named a ward 'ICU-WEST'" in ward[1]
    boards.board_toml(site_with_board, BY_PASSWORD.replace("port = 1", 'port = "x"\ncertificate = "c.pem"'))
    ((state, words),) = findings()
    assert state == "broken"
    assert "listen.port: is a text; give a whole number" in words
    assert "certificate: and key belong together" in words
    boards.board_toml(site_with_board, BY_PASSWORD.replace("port = 1", 'certificate = "c.pem"\nkey = "c.key"'))
    assert [state for state, _ in findings()] == ["ok", "broken", "broken"]
    (site_with_board / "board.toml").unlink()
    assert findings() == []
