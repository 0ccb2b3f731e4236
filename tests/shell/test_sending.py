"""One message by mail, to a webhook, or into a file, on real servers on loopback; and what is said where it could not be sent."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cmvmon.shell.outgoing import sending
from cmvmon.shell.outgoing.sending import CAUSES, send
from cmvmon.telling.letter import Said
from cmvmon.telling.notify_file import Appended, Channel, Mail, Secret, Webhook
from tests.servers import certificate, free_port, mail_server, silent_server, webhook

AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
WORDS = Said("0123456789abcdef", "cmvmon: één melding", "Eén melding.\nDe lijst.\n", "<p>Eén melding.<br>De lijst.</p>")
MAIL = Mail("127.0.0.1", 25, "none", "cmvmon@hospital.example", "team@hospital.example", None, None)


def sent(channel: Channel, site: Path) -> str | None:
    return send(channel, WORDS, site=site, at=AT)


def test_a_mail_has_its_id_its_subject_and_both_forms_of_its_words(tmp_path: Path) -> None:
    with mail_server() as box:
        assert sent(replace(MAIL, port=box.port), tmp_path) is None
    (letter,) = box.letters
    assert letter.get_all("Message-ID") == ["<0123456789abcdef@hospital.example>"]
    assert (letter["From"], letter["To"], letter["Subject"]) == (MAIL.sender, MAIL.to, WORDS.subject)
    assert letter["Auto-Submitted"] == "auto-generated"
    text, page = letter.get_body(("plain",)), letter.get_body(("html",))
    assert text is not None
    assert page is not None
    assert (text.get_content().split(), page.get_content().split()) == (WORDS.text.split(), WORDS.html.split())


def test_a_login_goes_over_an_encrypted_conversation_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, trusted = certificate(tmp_path)
    (tmp_path / "mail.password").write_text("right\n", encoding="utf-8")
    monkeypatch.setenv("WRONG", "wrong")
    with mail_server(tls=context) as box:
        channel = replace(
            MAIL, port=box.port, security="starttls", user="cmvmon", password=Secret(in_file="mail.password")
        )
        assert sent(channel, tmp_path) == "certificate"  # nobody has said that it is to be trusted
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert sent(channel, tmp_path) is None
        assert sent(replace(channel, password=Secret("WRONG")), tmp_path) == "login_refused"
        assert sent(replace(channel, user=None, password=None, security="none"), tmp_path) is not None
    assert (len(box.letters), set(box.logins)) == (1, {"cmvmon"})


def test_what_is_wrong_with_a_mail_server_comes_back_as_a_cause(tmp_path: Path) -> None:
    assert sent(replace(MAIL, port=free_port()), tmp_path) == "refused"
    assert sent(replace(MAIL, host="no-such-host.invalid"), tmp_path) == "name_unknown"
    assert sent(replace(MAIL, user="u", password=Secret("NOT_SET"), security="tls"), tmp_path) == "no_secret"
    assert sent(replace(MAIL, user="u", password=Secret(in_file="gone"), security="tls"), tmp_path) == "no_secret"
    with mail_server() as box:
        channel = replace(MAIL, port=box.port)
        box.refuses = {MAIL.to}
        assert sent(channel, tmp_path) == "address_refused"
        box.refusal = "450 greylisted, come back later"
        assert sent(channel, tmp_path) == "server_refused"
        box.refuses, box.answer = set(), "554 no"
        assert sent(channel, tmp_path) == "server_refused"
        assert sent(replace(channel, security="starttls"), tmp_path) == "certificate"  # it has none
    assert box.letters == []


def test_a_server_that_says_nothing_is_waited_for_no_longer_than_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = time.monotonic()
    with silent_server() as port:
        monkeypatch.setattr(sending, "_ANSWERS_WITHIN_S", 0.2)
        assert sent(replace(MAIL, port=port), tmp_path) == "timed_out"
        assert sent(Webhook("json", f"http://127.0.0.1:{port}/x"), tmp_path) == "timed_out"
        monkeypatch.setattr(sending, "_ANSWERS_WITHIN_S", 60.0)  # and all of it no longer than this
        monkeypatch.setattr(sending, "_DONE_WITHIN_S", 0.3)
        assert sent(replace(MAIL, port=port), tmp_path) == "timed_out"
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("json", {"message_id": WORDS.message_id, "subject": WORDS.subject, "text": WORDS.text.strip()}),
        ("mattermost", {"message_id": WORDS.message_id, "text": WORDS.text.strip()}),
    ],
)
def test_a_webhook_gets_the_words_and_the_id_in_its_body(form: str, body: dict[str, str], tmp_path: Path) -> None:
    with webhook() as hook:
        assert sent(Webhook(form, f"{hook.url}/hooks/secret?key=1"), tmp_path) is None
    (got,) = (json.loads(body) for body in hook.bodies)
    assert {name: value.strip() for name, value in got.items()} == body
    assert hook.paths == ["/hooks/secret?key=1"]


def test_teams_gets_a_card_over_https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, trusted = certificate(tmp_path)
    with webhook(tls=context) as hook:
        url = f"{hook.url}/workflows/643e69f83c8944438d68119179a10a64/triggers/manual/paths/invoke?api-version=2016-06-01&sig=KODuebWbDGYFr0z0eu-6Rj8aUKz7108W3wrNJZxFE5A"
        (tmp_path / "teams.url").write_text(url, encoding="utf-8")
        channel = Webhook("teams", Secret(in_file="teams.url"))
        assert sent(channel, tmp_path) == "certificate"
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
        assert sent(channel, tmp_path) is None
    (card,) = hook.bodies
    told = json.loads(card)
    assert told["type"] == "message"
    assert "Eén melding." in json.dumps(told, ensure_ascii=False)
    assert sent(Webhook("teams", "https://hospital.example/elsewhere"), tmp_path) == "no_address"


def test_what_is_wrong_with_a_webhook_comes_back_as_a_cause_and_its_address_is_told_to_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG, "apprise")
    assert sent(Webhook("json", f"http://127.0.0.1:{free_port()}/secret"), tmp_path) == "refused"
    assert sent(Webhook("json", "http://no-such-host.invalid/secret"), tmp_path) == "name_unknown"
    assert sent(Webhook("json", Secret("NOT_SET")), tmp_path) == "no_secret"
    with webhook() as hook:
        for status, cause in ((500, "server_refused"), (403, "login_refused"), (404, "address_refused")):
            hook.status = status
            assert sent(Webhook("mattermost", f"{hook.url}/secret"), tmp_path) == cause
    said = capfd.readouterr()
    assert "secret" not in said.out + said.err + caplog.text


def test_a_file_gets_one_line_for_each_message(tmp_path: Path) -> None:
    assert sent(Appended("told/log.ndjson"), tmp_path) is None
    assert sent(Appended("told/log.ndjson"), tmp_path) is None
    first, second = (
        json.loads(line) for line in (tmp_path / "told/log.ndjson").read_text(encoding="utf-8").splitlines()
    )
    assert (
        first
        == second
        == {"message_id": WORDS.message_id, "at": AT.isoformat(), "subject": WORDS.subject, "text": WORDS.text}
    )
    (tmp_path / "full").mkdir()
    assert sent(Appended("full"), tmp_path) == "not_written"


def test_every_cause_has_its_words() -> None:
    codes = {
        value
        for name, value in vars(sending).items()
        if name.isupper() and isinstance(value, str) and not name.startswith("_")
    }
    ours = codes - {"smtp", "webhook", "file", "json", "starttls", "teams", "tls"}
    assert ours == set(CAUSES)
