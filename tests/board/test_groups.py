"""Roles of groups: what an identity provider says through the trusted proxy, and board.toml declares of each; of others nobody may anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from cmvmon.board.board_file import member, read_board_file
from cmvmon.board.groups import Groups, Rights
from cmvmon.board.roles import ROLES
from cmvmon.domain.errors import ProtocolError
from cmvmon.text import language
from tests.board import boards
from tests.board.boards import ON_A, ON_B, Asked

SECRET = "s" * 40
GROUPS = """
[groups."cmv-consult"]
role = "consultant"

[groups."icu-north"]
role = "viewer"
wards = ["ICU-NORTH"]

[groups."icu-south"]
role = "viewer"
wards = ["ICU-SOUTH"]

[groups."/it/data team"]
role = "data"

[people."a.bos"]
name = "dr. A. Bos"
role = "viewer"
wards = ["ICU-SOUTH"]
"""
IDENTITY = '[identity]\nby = "proxy"\nproxies = ["127.0.0.1"]\nsecret_file = "board.secret"\n'


@pytest.fixture
def board(site_with_board: Path) -> Iterator[Asked]:
    secret = site_with_board / "board.secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    boards.board_toml(site_with_board, IDENTITY + GROUPS)
    with boards.asked(site_with_board) as found:
        yield found


def asked(board: Asked, path: str, *headers: tuple[str, str], secret: str = SECRET) -> tuple[int, str]:
    """What somebody gets through the proxy, with these headers."""
    client = TestClient(board.app, base_url="http://board.test", client=("127.0.0.1", 40_000), follow_redirects=False)
    answer = client.get(path, headers=[("X-Cmvmon-Secret", secret), ("Accept-Language", "en"), *headers])
    return answer.status_code, answer.text


def who(login: str, groups: str | None) -> list[tuple[str, str]]:
    return [("X-Forwarded-User", login), *([] if groups is None else [("X-Forwarded-Groups", groups)])]


@pytest.mark.parametrize(
    ("groups", "status", "sees", "role"),
    [
        ("cmv-consult", 200, (True, True), "consultant"),
        ("staff,icu-north", 200, (True, False), "viewer"),
        ("icu-south , icu-north", 200, (True, True), "viewer"),  # the wards of both
        ("icu-north,cmv-consult", 200, (True, True), "consultant"),  # the first in the file
        ("/it/data team", 403, (False, False), "data"),  # known, and not of that page
        ("CMV-CONSULT", 403, (False, False), None),
        ("cmv", 403, (False, False), None),
        ("cmv-consult icu-north", 403, (False, False), None),
        ("", 403, (False, False), None),
        (None, 403, (False, False), None),
    ],
)
def test_a_group_gives_its_role_and_wards_and_an_unknown_one_nothing(
    groups: str | None, status: int, sees: tuple[bool, bool], role: str | None, board: Asked
) -> None:
    code, text = asked(board, "/ward.en.html", *who("p.jansen", groups))
    assert (code, (ON_A in text, ON_B in text)) == (status, sees)
    (row,) = board.audit()
    assert (row["actor"], row["role"]) == ("p.jansen", role)
    assert row["because"] == (None if status == 200 else "role" if role else "unknown_group")
    if role is None:
        assert "You are known, but have no role on this board." in text


def test_groups_that_somebody_sends_by_himself_are_forged_and_two_headers_are_one_too_many(board: Asked) -> None:
    stranger = TestClient(board.app, base_url="http://board.test", client=("127.0.0.1", 40_000))
    for header in ("X-Forwarded-Groups", "X-Auth-Request-Groups", "Remote-Groups"):
        assert stranger.get("/ward.en.html", headers={header: "cmv-consult"}).status_code == 401
    twice = asked(board, "/ward.en.html", *who("p.jansen", "icu-north"), ("X-Forwarded-Groups", "cmv-consult"))
    wrong = asked(board, "/ward.en.html", *who("p.jansen", "cmv-consult"), secret="t" * 40)
    other = asked(board, "/ward.en.html", ("X-Forwarded-User", "p.jansen"), ("Remote-Groups", "cmv-consult"))
    assert [code for code, _ in (twice, wrong, other)] == [401, 401, 403]
    assert [row["because"] for row in board.audit()] == [
        *["forged_header"] * 3, "several_groups", "forged_header", "unknown_group",
    ]  # fmt: skip


def test_whoever_stands_in_the_file_has_what_stands_there_and_nobody_takes_his_name(board: Asked) -> None:
    """Neither does anybody take the program's, nor a name that is none: an answer must say whose it is."""
    _, text = asked(board, "/ward.en.html", *who("a.bos", "cmv-consult"))
    assert (ON_A in text, ON_B in text) == (False, True)
    for login in ("A.Bos", "System", "cmvmon", "dr. A. Bos", "p jansen", "x" * 81):
        assert asked(board, "/ward.en.html", *who(login, "cmv-consult"))[0] == 403, login
    assert {row["because"] for row in board.audit()[1:]} == {"unknown_group"}


def test_whoever_leaves_a_group_or_whose_group_leaves_the_file_is_out_at_once(board: Asked) -> None:
    assert asked(board, "/ward.en.html", *who("p.jansen", "cmv-consult"))[0] == 200
    assert asked(board, "/ward.en.html", *who("p.jansen", "staff"))[0] == 403
    boards.board_toml(board.root, IDENTITY + GROUPS.replace('"cmv-consult"', '"other"'))
    assert asked(board, "/ward.en.html", *who("p.jansen", "cmv-consult"))[0] == 403


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[identity]\nby = "passwords"\n[groups.x]\nrole = "data"\n', r"identity.by: is not 'proxy', and a proxy alone"),
        (IDENTITY + '[groups.x]\nrole = "viewer"\n', "groups.x.wards: is missing; a viewer sees"),
        (IDENTITY + '[groups.x]\nrole = "nurse"\n', "groups.x.role: is none of"),
        (IDENTITY + '[groups.x]\nrole = "data"\nward = ["A"]\n', "groups.x.ward: is not a key"),
        (IDENTITY + '[groups."a,b"]\nrole = "data"\n', "holds what stands between two groups"),
        (IDENTITY + '[groups." a"]\nrole = "data"\n', "is no name of a group"),
        (IDENTITY + 'groups_header = "X-Groups"\n', "groups_header: is given, and no group"),
        (IDENTITY + 'groups_header = "X Groups"\n[groups.x]\nrole = "data"\n', "groups_header: is no name of a header"),
        (IDENTITY + 'groups_header = "x-forwarded-user"\n[groups.x]\nrole = "data"\n', "or that of the user"),
        (IDENTITY + 'groups_separator = ", "\n[groups.x]\nrole = "data"\n', "is no single character"),
        (IDENTITY + "groups = 1\n[groups.x]\nrole = 'data'\n", "identity.groups: is not a key"),
        ('groups = "x"\n' + IDENTITY, r"groups: is a text; give a table \[groups\]"),
    ],
)  # fmt: skip
def test_a_file_whose_groups_would_say_nothing_or_too_much_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(ProtocolError, match=words):
        read_board_file(text)


def test_names_with_commas_are_told_apart_by_another_separator() -> None:
    text = IDENTITY + 'groups_separator = ";"\n[groups."CN=icu,OU=zorg"]\nrole = "consultant"\n'
    found = member(read_board_file(text), "p.jansen", "CN=all,OU=zorg;CN=icu,OU=zorg")
    assert found is not None
    assert (found.role, found.wards, found.shown) == ("consultant", None, "p.jansen")


def test_the_file_that_the_page_shows_is_read_and_says_what_the_page_says() -> None:
    page = (Path(__file__).parents[2] / "docs" / "board.md").read_text("utf-8")
    file = read_board_file(page.partition("```toml\n")[2].partition("```")[0])
    assert list(file.groups.rights) == ["cmv-consult", "icu-north"]
    found = member(file, "p.jansen", "icu-north,cmv-consult")
    assert found is not None
    assert (found.role, found.wards) == ("consultant", None)
    assert f"{file.groups.header}" in page.partition("<VirtualHost")[2], "the proxy of the example sends it"
    assert f"RequestHeader unset {file.groups.header}" in page


RIGHTS = st.builds(Rights, st.sampled_from(ROLES), st.none() | st.frozensets(st.sampled_from("ABC"), min_size=1))


@given(st.dictionaries(st.sampled_from("uvwxyz"), RIGHTS), st.sets(st.sampled_from("uvwxyz")))
def test_nobody_gets_a_role_or_a_ward_that_none_of_his_own_groups_gives(
    known: dict[str, Rights], mine: set[str]
) -> None:
    found = Groups(known, "X-Forwarded-Groups", ",").rights_of(mine)
    given_to_him = [known[name] for name in mine & set(known)]
    if found is None:
        assert not given_to_him
        return
    of_role = [rights for rights in given_to_him if rights.role == found.role]
    assert of_role
    if found.wards is None:
        assert any(rights.wards is None for rights in of_role)
    else:
        assert found.wards == frozenset().union(*(rights.wards or () for rights in of_role))


@pytest.mark.parametrize("code", ["nl", "en"])
def test_who_signs_out_behind_a_proxy_is_sent_on_to_where_the_proxy_ends_its_session(
    code: str, site_with_board: Path
) -> None:
    """By a page: the browser would follow no form there. Its session here has ended all the same."""
    to = "/oidc?logout=https%3A%2F%2Fcmvmon.example.org%2F&x=1"
    (site_with_board / "board.secret").write_text(SECRET)
    (site_with_board / "board.secret").chmod(0o600)
    boards.board_toml(site_with_board, f'{IDENTITY}sign_out = "{to}"\n{GROUPS}')
    with boards.asked(site_with_board) as found:
        client = TestClient(
            found.app, base_url="http://board.test", client=("127.0.0.1", 40_000), follow_redirects=False
        )
        client.headers.update(
            {"X-Cmvmon-Secret": SECRET, "X-Forwarded-User": "j.jansen", "X-Forwarded-Groups": "cmv-consult"}
        )
        token = boards.token(client.get(f"/ward.{code}.html").text)
        done = client.post(f"/sign-out.{code}.html", data={"token": token}, headers=boards.OWN)
        assert done.status_code == 200
        assert (
            '<meta http-equiv="refresh" content="0; url=/oidc?logout=https%3A%2F%2Fcmvmon.example.org%2F&amp;x=1">'
            in done.text
        )
        assert f">{language(code).say('board.sign_out.on')}</a>" in done.text
        assert client.post(f"/sign-out.{code}.html", data={"token": token}, headers=boards.OWN).status_code == 403
        assert [row["outcome"] for row in found.audit() if row["event"] == "sign_out"] == ["done", "refused"]
