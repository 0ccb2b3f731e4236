"""Alerts answered on the board: by the functions of the command line, by forms that only our own pages can send, one after the other."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from cmvmon.run.answers import answering
from cmvmon.run.asking import queries
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store import session
from cmvmon.shell.work.opening import held
from tests import sites
from tests.board.boards import JUDGED, ON_A, ON_B, OWN, Asked, alert_of, answer, judged, token


@pytest.fixture(autouse=True)
def two_hours_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "now", lambda: JUDGED + timedelta(hours=2))


def events(root: Path, alert_id: str) -> list[tuple[str, str]]:
    return [
        (e["event"], e["actor"]) for e in queries.history(root, alert_id=alert_id, patient=None, since=None, lang="en")
    ]


def test_an_alert_is_acknowledged_with_a_reason_and_every_page_says_so_at_once(board: Asked) -> None:
    alert, client = alert_of(board.root, ON_A), board.signed_in("consultant")
    before = client.get("/ward.en.html").text
    done = answer(client, "acknowledge", alert, reason="ordered", note="level tomorrow")
    assert (done.status_code, done.headers["location"]) == (303, f"alert-{alert}.en.html?done=acknowledge")
    page = client.get(f"/{done.headers['location']}").text
    assert "Your acknowledgement is recorded." in page
    assert "sample, level or test already ordered; level tomorrow" in page
    assert events(board.root, alert)[-1] == ("acknowledged", "dr. Consult")
    for path in ("/ward.en.html", f"/{board.page_of(ON_A)}.en.html"):
        assert "dr. Consult" in client.get(path).text, path
    assert "dr. Consult" not in before.partition('<header class="strip">')[2]
    (row,) = [row for row in board.audit() if row["event"] == "acknowledge"]
    assert (row["actor"], row["role"], row["object"], row["patients"], row["because"]) == (
        "consultant",
        "consultant",
        alert,
        [ON_A],
        "ordered",
    )


def test_a_snooze_a_reopening_and_a_call_are_recorded(board: Asked) -> None:
    alert, client = alert_of(board.root, ON_A), board.signed_in("consultant")
    assert answer(client, "snooze", alert, reason="awaiting").status_code == 303
    assert answer(client, "reopen", alert, why="the result is in").status_code == 303
    assert answer(client, "readback", alert, to="ward doctor", how="confirmed").status_code == 303
    assert answer(client, "readback", alert, to="ward doctor", how="not_reached").status_code == 303
    kinds = [kind for kind, _ in events(board.root, alert)]
    assert kinds == ["opened", "snoozed", "reopened", "read_back", "not_reached"]


def test_an_answer_is_said_to_be_recorded_only_while_it_is_the_last_word(board: Asked) -> None:
    alert, client = alert_of(board.root, ON_A), board.signed_in("consultant")
    told = f"/alert-{alert}.en.html?done=acknowledge"
    assert "Your acknowledgement is recorded." not in client.get(told).text, "nobody has answered"
    answer(client, "acknowledge", alert, reason="ordered")
    assert "Your acknowledgement is recorded." in client.get(told).text
    assert "Your acknowledgement is recorded." not in board.signed_in("consultant-2").get(told).text
    answer(client, "reopen", alert, why="the result is in")
    assert "Your acknowledgement is recorded." not in client.get(told).text, "the old address is loaded again"


def test_of_two_who_answer_at_once_one_wins_and_the_other_is_told_who_was_first(board: Asked) -> None:
    alert = alert_of(board.root, ON_A)
    names = {"consultant": "dr. Consult", "consultant-2": "dr. Second"}
    clients = {name: board.signed_in(name) for name in names}
    forms = {name: client.get(f"/alert-{alert}.en.html").text for name, client in clients.items()}

    def send(name: str) -> tuple[int, str]:
        told = {"token": token(forms[name]), "judged": judged(forms[name]), "reason": "dealt_with"}
        done = clients[name].post(f"/acknowledge-{alert}.en.html", data=told, headers=OWN)
        return done.status_code, done.text

    with ThreadPoolExecutor(2) as pool:
        done = dict(zip(names, pool.map(send, names), strict=True))
    assert sorted(code for code, _ in done.values()) == [303, 409]
    (winner,) = [name for name, (code, _) in done.items() if code == 303]
    (other,) = set(names) - {winner}
    assert f"{names[winner]} acknowledged this alert before you" in done[other][1]
    assert [event for event in events(board.root, alert) if event[0] == "acknowledged"] == [
        ("acknowledged", names[winner])
    ]
    rows = [(row["actor"], row["outcome"], row["because"]) for row in board.audit() if row["event"] == "acknowledge"]
    assert sorted(rows) == sorted([(winner, "done", "dealt_with"), (other, "failed", "answered_before")])


def test_one_on_the_board_and_one_on_the_command_line_are_told_of_each_other(board: Asked) -> None:
    alert, client = alert_of(board.root, ON_A), board.signed_in("consultant")
    form = client.get(f"/alert-{alert}.nl.html").text
    answering.acknowledge(board.root, alert, reason="dealt_with", note=None, actor="nurse on the line")
    told = {"token": token(form), "judged": judged(form), "reason": "dealt_with"}
    done = client.post(f"/acknowledge-{alert}.nl.html", data=told, headers=OWN)
    assert done.status_code == 409
    assert "nurse on the line heeft deze melding vóór u bevestigd" in done.text


def test_what_got_worse_after_the_answer_is_open_again_and_an_answer_to_the_older_words_is_refused(
    board: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert, client = alert_of(board.root, ON_A), board.signed_in("consultant")
    assert answer(client, "acknowledge", alert, reason="dealt_with").status_code == 303
    other = alert_of(board.root, ON_B)
    older = client.get(f"/alert-{other}.en.html").text
    rises = [sites.result(patient, 28, "90000000") for patient in (ON_A, ON_B)]
    sites.drop(board.root, "viral_load_results", rises, name="two.csv")
    monkeypatch.setattr(session, "now", lambda: JUDGED + timedelta(days=8))
    nightly(board.root, as_of=JUDGED + timedelta(days=7))
    told = {"token": token(older), "judged": judged(older), "reason": "dealt_with"}
    done = client.post(f"/acknowledge-{other}.en.html", data=told, headers=OWN)
    assert done.status_code == 409
    assert "says something else since you opened it" in done.text
    assert ("acknowledged", "dr. Consult") not in events(board.root, other)
    kinds = [kind for kind, _ in events(board.root, alert)]
    assert kinds[-1] == "reopened"
    assert "it got worse after the answer" in client.get(f"/alert-{alert}.en.html").text
    assert answer(client, "acknowledge", other, reason="dealt_with").status_code == 303


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"reason": "awaiting", "until": "2099-01-01T10:00"}, "That is too late: the next sample comes first."),
        ({"reason": "awaiting", "until": "2001-01-01T10:00"}, "That moment has passed."),
        ({"reason": "awaiting", "until": "tomorrow"}, "That is no moment"),
        ({"reason": "whatever"}, "Say why."),
        ({}, "Say why."),
    ],
)
def test_a_snooze_that_can_not_be_is_refused_in_words_and_nothing_is_recorded(
    form: dict[str, str], words: str, board: Asked
) -> None:
    alert, client = alert_of(board.root, ON_A), board.signed_in("consultant")
    done = answer(client, "snooze", alert, **form)
    assert done.status_code == 409
    assert words in done.text
    assert [kind for kind, _ in events(board.root, alert)] == ["opened"]


def test_a_text_with_a_patients_number_and_an_empty_one_are_refused(board: Asked) -> None:
    alert, client = alert_of(board.root, ON_A), board.signed_in("consultant")
    answer(client, "acknowledge", alert, reason="dealt_with")
    named = answer(client, "reopen", alert, why=f"it was {ON_B}")
    assert (named.status_code, "holds the number of a patient" in named.text) == (409, True)
    assert answer(client, "reopen", alert, why=" ").status_code == 409
    assert answer(client, "readback", alert, to="", how="confirmed").status_code == 409
    assert answer(client, "readback", alert, to="x", how="maybe").status_code == 409
    assert [kind for kind, _ in events(board.root, alert)] == ["opened", "acknowledged"]


@pytest.mark.parametrize(
    ("what", "form", "most"),
    [
        ("acknowledge", {"reason": "dealt_with", "note": "x" * 301}, 300),
        ("snooze", {"reason": "awaiting", "note": "é" * 400}, 300),
        ("readback", {"to": "y" * 101, "how": "confirmed"}, 100),
    ],
)
def test_a_text_that_is_too_long_is_refused_in_words_and_never_cut(
    what: str, form: dict[str, str], most: int, board: Asked
) -> None:
    alert, client = alert_of(board.root, ON_A), board.signed_in("consultant")
    done = answer(client, what, alert, **form)
    assert (done.status_code, f"A text is longer than {most} characters." in done.text) == (409, True)
    assert [kind for kind, _ in events(board.root, alert)] == ["opened"]
    assert board.audit()[-1]["because"] == "too_long"
    fits = {name: value[:most] for name, value in form.items()}
    assert answer(client, what, alert, **fits).status_code == 303
    assert max(map(len, form.values())) > most
    assert fits[max(fits, key=lambda name: len(fits[name]))] in client.get(f"/alert-{alert}.en.html").text


def test_a_call_after_an_answer_says_to_whom_and_not_the_reason_of_that_answer(board: Asked) -> None:
    alert, client = alert_of(board.root, ON_A), board.signed_in("consultant")
    assert answer(client, "acknowledge", alert, reason="dealt_with", note="seen at the bed").status_code == 303
    assert answer(client, "readback", alert, to="ward doctor", how="confirmed", note="by phone").status_code == 303
    page = client.get(f"/alert-{alert}.en.html").text.partition("What happened")[2]
    said = [re.sub("<[^>]+>", "", row.rsplit("<td", 1)[1].partition(">")[2]).strip() for row in page.split("<tr>")[2:]]
    assert said == ["", "dealt with; seen at the bed", "ward doctor; by phone"]
    opened, acknowledged, told = queries.history(board.root, alert_id=alert, patient=None, since=None, lang="en")
    assert (opened["reason"], acknowledged["reason"], told["reason"]) == (None, "dealt_with", None)
    assert acknowledged["override_reason"]["userComment"] == "seen at the bed"
    assert told["override_reason"] is None
    (listed,) = [one for one in queries.listed_alerts(board.root, every=False, lang="en") if one["alert_id"] == alert]
    assert listed["reason"] == "dealt_with", "the answer stands"
    assert "userComment" not in listed["override_reason"], "what was said by phone is no comment on it"


def test_while_the_site_is_judged_an_answer_is_refused_in_words_and_not_kept_waiting(
    board: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cmvmon.board import forms

    monkeypatch.setattr(forms, "_WAITS_S", 0.2)
    alert, client = alert_of(board.root, ON_A), board.signed_in("consultant")
    with held(Site(board.root)):
        done = answer(client, "acknowledge", alert, reason="dealt_with")
    assert done.status_code == 409
    assert "being judged at this moment" in done.text


@pytest.mark.parametrize("what", ["acknowledge", "snooze", "reopen", "readback", "sign-out", "search"])
def test_nothing_is_done_by_getting_a_page(what: str, board: Asked) -> None:
    client = board.signed_in("consultant")
    alert = alert_of(board.root, ON_A)
    path = f"/{what}.en.html" if what in ("sign-out", "search") else f"/{what}-{alert}.en.html"
    got = client.get(path)
    assert (got.status_code, got.headers["allow"]) == (405, "POST")
    assert client.post("/ward.en.html", data={"token": "x"}, headers=OWN).status_code == 405
    assert [kind for kind, _ in events(board.root, alert)] == ["opened"]


FOREIGN = {
    "another site": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    "another site that names ours": {"Sec-Fetch-Site": "cross-site", "Origin": "http://board.test"},
    "a sibling": {"Sec-Fetch-Site": "same-site", "Origin": "http://board.test"},
    "an older browser elsewhere": {"Origin": "http://evil.example"},
    "an older browser that hides it": {"Origin": "null"},
    "nothing said": {},
}


@pytest.mark.parametrize("how", FOREIGN)
def test_a_form_from_elsewhere_is_refused_also_with_the_right_token(how: str, board: Asked) -> None:
    alert, client = alert_of(board.root, ON_A), board.signed_in("consultant")
    page = client.get(f"/alert-{alert}.en.html").text
    told = {"token": token(page), "judged": judged(page), "reason": "dealt_with"}
    assert client.post(f"/acknowledge-{alert}.en.html", data=told, headers=FOREIGN[how]).status_code == 403
    assert [kind for kind, _ in events(board.root, alert)] == ["opened"]
    assert board.audit()[-1]["because"] == "foreign_form"
    fine = client.post(f"/acknowledge-{alert}.en.html", data=told, headers={"Origin": "http://board.test"})
    assert fine.status_code == 303  # an older browser, from our own page


@pytest.mark.parametrize("which", ["none", "another's", "of another session", "guessed"])
def test_a_form_without_the_token_of_its_session_is_refused(which: str, board: Asked) -> None:
    alert, client = alert_of(board.root, ON_A), board.signed_in("consultant")
    page = client.get(f"/alert-{alert}.en.html").text
    found = {
        "none": "",
        "another's": token(board.signed_in("consultant-2").get("/ward.en.html").text),
        "of another session": token(board.signed_in("consultant").get("/ward.en.html").text),
        "guessed": "0" * 64,
    }[which]
    told = {"token": found, "judged": judged(page), "reason": "dealt_with"}
    assert client.post(f"/acknowledge-{alert}.en.html", data=told, headers=OWN).status_code == 403
    assert [kind for kind, _ in events(board.root, alert)] == ["opened"]
    assert board.audit()[-1]["because"] == "no_token"


def test_a_form_that_is_too_large_or_none_is_refused(board: Asked) -> None:
    alert, client = alert_of(board.root, ON_A), board.signed_in("consultant")
    path, mine = f"/acknowledge-{alert}.en.html", token(client.get("/ward.en.html").text)
    assert client.post(path, data={"token": mine, "note": "x" * 20_000}, headers=OWN).status_code == 413
    assert (
        client.post(path, content=b'{"token": 1}', headers=OWN | {"Content-Type": "application/json"}).status_code
        == 403
    )
    twice = f"token={mine}&token={mine}".encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post(path, content=twice, headers=OWN | form).status_code == 403
    assert client.post(path, content=b"token=%ff", headers=OWN | form).status_code == 403
    many = "&".join(f"a{i}=1" for i in range(100)).encode()
    assert client.post(path, content=many, headers=OWN | form).status_code == 403


def test_the_data_team_answers_what_is_about_the_work_and_nothing_of_a_patient(board: Asked) -> None:
    sites.drop(board.root, "viral_load_results", [], name="broken.csv").write_text("no;header\n1;2\n")
    sites.lain_still(board.root / "drop/synthetic/viral_load_results/broken.csv")
    nightly(board.root, as_of=JUDGED + timedelta(hours=1))
    (row,) = sites.rows(
        board.root, "SELECT DISTINCT alert_id FROM alert_events WHERE rule = 'operations' AND state = 'open'"
    )
    client = board.signed_in("data")
    listed = client.get("/worklist.en.html").text
    assert row[0] in listed
    assert "SYNTHETIC-" not in listed
    assert answer(client, "acknowledge", row[0], reason="dealt_with").status_code == 303
    assert client.get(f"/alert-{alert_of(board.root, ON_A)}.en.html").status_code == 404
    assert board.signed_in("viewer-a").get(f"/alert-{row[0]}.en.html").status_code == 404
