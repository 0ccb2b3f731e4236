"""Every role asks for every route: what is not its own is refused in words, and a row of the audit log says so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cmvmon.board.roles import ADMIN, CONSULTANT, DATA, ROLES, ROUTES, VIEWER, Route, may
from cmvmon.text import codes
from tests import sites
from tests.board import boards
from tests.board.boards import ALSO_ON_A, ON_A, ON_B, OWN, WARD_A, WARD_B, Asked, alert_of, token

PERSON = {VIEWER: "viewer-a", CONSULTANT: "consultant", DATA: "data", ADMIN: "admin"}
# Written by hand, and not from the table of routes: what the table says is held against it.
MAY = {
    "home": "vcda", "index": "vcda", "sign_out": "vcda", "ward": "vca", "worklist": "vcda", "search": "vca", "data": "cda",
    "unit": "cda", "method": "vcda", "alert": "vcda", "acknowledge": "cda", "snooze": "cda", "reopen": "cda", "readback": "ca",
    "patient": "vca", "patient_csv": "ca", "patient_fhir": "ca", "patient_pdf": "vca", "events": "vcda", "script": "vcda",
}  # fmt: skip
LETTER = {VIEWER: "v", CONSULTANT: "c", DATA: "d", ADMIN: "a"}
ASKED_FOR = [route for route in ROUTES.values() if route.roles is not None]


def path_of(route: Route, board: Asked) -> str:
    """A path of that route that leads to something on ward A."""
    found = route.path.replace("{lang:lang}", "en")
    found = found.replace("{alert:opaque}", alert_of(board.root, ON_A)).replace("{page:opaque}", board.page_of(ON_A))
    return found.replace("{script:script}", board.pages.script_name)


@pytest.fixture(scope="module")
def site_of_all(judged_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import shutil

    root = tmp_path_factory.mktemp("matrix") / "site"
    shutil.copytree(judged_site, root)
    boards.board_toml(root)
    return root


@pytest.fixture(scope="module")
def board_of_all(site_of_all: Path):
    with boards.asked(site_of_all) as found:
        yield found, {role: found.signed_in(name) for role, name in PERSON.items()}


def test_the_table_of_rights_is_whole() -> None:
    assert {route.name for route in ASKED_FOR} == set(MAY)
    assert {name for name, route in ROUTES.items() if route.roles is None} == {"sign_in", "sign_in_page", "icon"}
    assert set(PERSON) == set(ROLES)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("route", ASKED_FOR, ids=lambda route: route.name)
def test_each_role_has_its_routes_and_no_other(route: Route, role: str, board_of_all, site_of_all: Path) -> None:
    board, clients = board_of_all
    client = clients[role] if route.name != "sign_out" else board.signed_in(PERSON[role])
    before = len(board.audit())
    form = {"token": token(client.get("/method.en.html").text)} if route.method == "POST" else None
    n_own = len(board.audit()) - before
    path = path_of(route, board)
    answer = client.post(path, data=form, headers=OWN) if form is not None else client.get(path)
    rows = board.audit()[before + n_own :]
    if LETTER[role] in MAY[route.name]:
        assert answer.status_code in (200, 303, 404, 409, 422), answer.text
        assert answer.status_code != 404 or route.name in (
            "events",
            "alert",
            "acknowledge",
            "snooze",
            "reopen",
            "patient_pdf",
        )
        assert ([row["outcome"] for row in rows] == ["refused"]) == (answer.status_code == 404)
        return
    assert answer.status_code == 403
    assert "Your role" in answer.text or "Uw rol" in answer.text
    assert ON_A not in answer.text
    (row,) = rows
    assert (row["outcome"], row["because"], row["actor"], row["role"]) == ("refused", "role", PERSON[role], role)
    assert row["event"] == (route.event or f"ask_{route.name}")


@pytest.mark.parametrize("route", ASKED_FOR, ids=lambda route: route.name)
def test_nobody_who_has_not_signed_in_is_shown_anything(route: Route, board_of_all) -> None:
    board, _ = board_of_all
    path = path_of(route, board)
    client, before = board.client(), len(board.audit())
    answer = client.post(path, data={"token": "0" * 64}, headers=OWN) if route.method == "POST" else client.get(path)
    assert answer.status_code in (303, 401)
    assert answer.status_code != 303 or answer.headers["location"].startswith("sign-in.")
    assert "SYNTHETIC" not in answer.text
    rows = board.audit()[before:]
    if route.name in ("home", "index"):  # the front door: no view, and nothing is refused
        assert rows == []
        return
    (row,) = rows
    assert (row["outcome"], row["because"], row["actor"]) == ("refused", "not_signed_in", None)
    assert row["event"] == (route.event or f"ask_{route.name}")


@pytest.mark.parametrize(
    ("login", "asked", "because", "patients"),
    [
        ("viewer-a", "page=data&lang=en", "role", []),
        ("viewer-a", "page=unit&lang=nl", "role", []),
        ("consultant-a", "page=unit&lang=en", "role", []),
        ("data", "page=ward&lang=en", "role", []),
        ("viewer-a", "page=patient&lang=en&of={on_b}", "not_there", [ON_B]),
        ("viewer-a", f"page=ward&lang=en&ward={WARD_B}", "not_there", []),
        ("viewer-a", "page=ward&lang=en&tier=9", "not_there", []),
        ("viewer-a", "page=sign_out&lang=en", "not_there", []),
        ("viewer-a", "page=ward&lang=xx", "not_there", []),
        ("viewer-a", "", "not_there", []),
    ],
)
def test_of_a_page_that_is_not_his_nobody_hears_changes_and_a_row_says_that_he_asked(
    login: str, asked: str, because: str, patients: list[str], board: Asked
) -> None:
    client = board.signed_in(login)
    before = len(board.audit())
    assert client.get(f"/events?{asked.format(on_b=board.page_of(ON_B))}").status_code == 404
    (row,) = board.audit()[before:]
    assert (row["event"], row["outcome"], row["because"]) == ("ask_events", "refused", because)
    assert (row["actor"], row["patients"]) == (login, patients)


@pytest.mark.parametrize(
    ("method", "path", "because", "named"),
    [
        ("GET", "/acknowledge-0123456789abcdef.en.html", "no_method", "GET /acknowledge-0123456789abcdef.en.html"),
        ("DELETE", "/ward.en.html", "no_method", "DELETE /ward.en.html"),
        ("GET", "/audit.head", "no_path", "GET /audit.head"),
        ("GET", "/../../etc/passwd", "no_path", "GET /etc/passwd"),
        ("GET", "/a%00bé", "no_path", "GET /a%00b%C3%A9"),
        ("GET", "/" + "x" * 5000, "no_path", "GET /" + "x" * 195),
        ("GET", "/cmvmon-0123456789abcdef.js", "not_there", "script"),
    ],
)
def test_a_guessed_path_and_a_wrong_method_leave_a_row_of_who_tried(
    method: str, path: str, because: str, named: str, board: Asked
) -> None:
    client = board.signed_in("viewer-a")
    before = len(board.audit())
    assert client.request(method, path).status_code == (405 if because == "no_method" else 404)
    (row,) = board.audit()[before:]
    assert (row["outcome"], row["because"], row["object"]) == ("refused", because, named)
    assert (row["actor"], row["role"], row["source"]) == ("viewer-a", "viewer", "testclient")
    if because != "not_there":
        board.client().request(method, path)
        assert (board.audit()[-1]["actor"], board.audit()[-1]["object"]) == (None, named)


def test_a_consultant_of_one_ward_sees_no_page_that_counts_the_site() -> None:
    wards = frozenset({WARD_A})
    assert [name for name, route in ROUTES.items() if not may(CONSULTANT, wards, route)] == ["data", "unit"]


@pytest.mark.parametrize("code", codes())
def test_a_reader_of_one_ward_meets_nobody_of_another(code: str, board: Asked) -> None:
    client = board.signed_in("viewer-a")
    for page in (f"ward.{code}.html", f"worklist.{code}.html", f"method.{code}.html"):
        text = client.get(f"/{page}").text
        assert ON_B not in text, page
        assert WARD_B not in text, page
        assert board.page_of(ON_B) not in text, page
    ward = client.get(f"/ward.{code}.html").text
    assert re.search(r'class="age">.*\b2 pati', ward), "the count is of what he may see"
    assert ON_A in ward
    assert ALSO_ON_A in ward
    shown = [row["patients"] for row in board.audit() if row["event"] == "view_ward"]
    assert shown == [[ON_A, ALSO_ON_A]] * 2


def test_a_patient_of_another_ward_is_as_unknown_as_a_guessed_name_and_the_log_knows_better(board: Asked) -> None:
    client = board.signed_in("viewer-a")
    guessed = client.get(f"/{'0' * 20}.en.html")
    hers = client.get(f"/{board.page_of(ON_B)}.en.html")
    alert = client.get(f"/alert-{alert_of(board.root, ON_B)}.en.html")
    no_alert = client.get(f"/alert-{'0' * 16}.en.html")
    assert [one.status_code for one in (guessed, hers, alert, no_alert)] == [404] * 4
    marks = re.compile(r"[0-9a-f]{64}")
    assert len({marks.sub("", one.text) for one in (guessed, hers, alert, no_alert)}) == 1
    rows = [row for row in board.audit() if row["outcome"] == "refused"]
    assert [row["patients"] for row in rows] == [[], [ON_B], [ON_B], []]


def test_a_search_finds_by_number_and_bed_and_nobody_of_another_ward(board: Asked) -> None:
    everybody, of_one_ward = board.signed_in("consultant"), board.signed_in("viewer-a")

    def found(client: object, asked: str) -> set[str]:
        page = client.get("/ward.en.html").text
        answer = client.post("/search.en.html", data={"token": token(page), "q": asked}, headers=OWN)
        assert answer.status_code == (200 if len(asked) > 1 else 422)
        listed = answer.text.partition("<main")[2]  # beside it stands what he typed himself
        return {patient for patient in (ON_A, ALSO_ON_A, ON_B) if patient in listed}

    assert found(everybody, "z-01") == {ON_B}
    assert found(of_one_ward, "z-01") == set()
    assert found(everybody, "synthetic-") == {ON_A, ALSO_ON_A, ON_B}
    assert found(of_one_ward, "synthetic-") == {ON_A, ALSO_ON_A}
    assert found(of_one_ward, ON_B) == set()
    assert found(everybody, "x") == set()
    assert found(everybody, "<script>") == set()


def test_a_ward_page_is_narrowed_down_and_says_how_many_it_leaves_out(board: Asked) -> None:
    client = board.signed_in("consultant")
    text = client.get("/ward.en.html", params={"ward": WARD_B}).text
    assert ON_B in text
    assert ON_A not in text
    assert "Narrowed down: 2 patients are not on this page." in text
    assert client.get("/ward.en.html", params={"ward": "NONE"}).status_code == 404
    assert client.get("/ward.en.html", params={"tier": "9"}).status_code == 404
    of_today = client.get("/ward.en.html", params={"tier": "1"}).text
    assert "Narrowed down: 3 patients are not on this page." in of_today
    of_one_ward = board.signed_in("viewer-a")
    assert of_one_ward.get("/ward.en.html", params={"ward": WARD_B}).status_code == 404


def test_whoever_is_taken_out_of_the_file_is_known_no_more_at_once(board: Asked) -> None:
    client = board.signed_in("consultant")
    assert client.get("/ward.en.html").status_code == 200
    boards.board_toml(board.root, boards.BY_PASSWORD.replace("[people.consultant]", "[people.other]"))
    assert client.get("/ward.en.html").status_code == 403
    (board.root / "board.toml").write_text("nonsense = ", encoding="utf-8")
    broken = client.get("/ward.en.html")
    assert broken.status_code == 503
    assert ON_A not in broken.text


def test_the_pages_of_the_board_are_those_that_a_night_writes(board: Asked) -> None:
    """But for what the board adds above them, and the links by which an alert is answered."""
    client = board.signed_in("admin")

    def bare(text: str) -> str:
        text = re.sub(r'<a class="answer".*?</a>', "", text.partition('<header class="strip">')[2])
        return re.sub(
            r"\s+",
            "",
            re.sub(r"<script src=.*?</script>", "", re.sub(r'<nav class="pages".*?</nav>', "", text, flags=re.S)),
        )

    names = ["ward", board.page_of(ON_A), board.page_of(ON_B), "data", "unit", "method"]
    for name in [f"{name}.{code}.html" for name in names for code in codes()]:
        written = (board.root / "pages" / name).read_text(encoding="utf-8")
        assert bare(client.get(f"/{name}").text) == bare(written), name
    assert sites.rows(board.root, "SELECT COUNT(*) FROM assessments") == [(1,)]


def test_of_a_synthetic_site_every_page_says_that_its_data_are_and_of_another_none(site_with_board: Path) -> None:
    alert = boards.alert_of(site_with_board, ON_A)
    pages = ("ward.en.html", "worklist.en.html", f"alert-{alert}.en.html", "data.en.html", "unit.en.html")
    for is_demo in (False, True):
        settings = site_with_board / "settings.toml"
        if is_demo:
            settings.write_text(
                settings.read_text("utf-8") + "demo = true\n" if settings.exists() else "demo = true\n", "utf-8"
            )
        with boards.asked(site_with_board) as board:
            client = board.signed_in("consultant")
            for name in pages:
                assert ("SYNTHETIC DATA" in client.get(f"/{name}").text) is is_demo, name


def test_the_icon_that_every_browser_asks_for_by_itself_is_no_refusal_and_no_row(board: Asked) -> None:
    for client in (board.client(), board.signed_in("viewer-a")):
        before = len(board.audit())
        answer = client.get("/favicon.ico")
        assert (answer.status_code, answer.content) == (204, b"")
        assert len(board.audit()) == before
    assert client.get("/favicon.png").status_code == 404
    assert board.audit()[-1]["because"] == "no_path"


def test_the_work_list_says_the_bed_leads_to_alert_and_patient_and_has_what_is_overdue_first(board: Asked) -> None:
    page = board.signed_in("consultant").get("/worklist.en.html").text
    alerts, samples, _ = re.split("<h2>", page)[1:]
    alert = alert_of(board.root, ON_B)
    (row,) = [one for one in alerts.split("<tr>") if alert in one]
    assert f'<a href="alert-{alert}.en.html">' in row
    assert f'<a href="{board.page_of(ON_B)}.en.html">{ON_B}</a>' in row
    assert ">ICU-SOUTH Z-01</td>" in row
    rows = samples.split("<tr>")[2:]
    assert len(rows) == 3
    assert all(re.search(r">ICU-(NORTH N|SOUTH Z)-0\d</td>", one) for one in rows)
    assert [board.page_of(patient) in samples for patient in (ON_A, ALSO_ON_A, ON_B)] == [True] * 3


def test_what_is_overdue_is_first_whatever_is_expected(board: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    from cmvmon.board import listings

    found = listings.worklist

    def told(*arguments: object, **more: object) -> object:
        real = found(*arguments, **more)
        for row, (due, is_overdue) in zip(
            real.samples, [("2024-01-05", False), ("2024-01-01", False), ("2024-01-03", True)], strict=True
        ):
            row |= {"due_on": due, "is_overdue": is_overdue}
        return real

    monkeypatch.setattr(listings, "worklist", told)
    page = board.signed_in("consultant").get("/worklist.en.html").text
    assert re.findall(r">(\d Jan) 2024<", re.split("<h2>", page)[2]) == ["3 Jan", "1 Jan", "5 Jan"]
