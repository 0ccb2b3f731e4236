"""One message on one channel: by mail, to a webhook, or into a file. What goes wrong comes back as a code, never as an error.

Mail goes through the standard library: apprise writes a Message-ID of its own beside any that it is given, and says of a
failure only that there was one (docs/decisions/0037). Webhooks go through apprise, which is imported when one is sent to.
"""

from __future__ import annotations

import json
import logging
import os
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP as MAIL_POLICY
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from cmvmon.domain.errors import SiteError
from cmvmon.shell.basis.files import append_line
from cmvmon.telling.letter import Said
from cmvmon.telling.notify_file import (
    FILE,
    JSON,
    SMTP,
    STARTTLS,
    TEAMS,
    TLS,
    WEBHOOK,
    Appended,
    Channel,
    Mail,
    Secret,
    Webhook,
)

if TYPE_CHECKING:
    from apprise import NotifyBase

_ANSWERS_WITHIN_S = 10.0  # of one step of a conversation with a server
_DONE_WITHIN_S = 30.0  # of all of it: a server that answers a byte at a time is dead too
_CONNECTS_WITHIN_S = 5.0

NO_SECRET, TIMED_OUT, REFUSED, NAME_UNKNOWN, CUT_OFF = "no_secret", "timed_out", "refused", "name_unknown", "cut_off"
CERTIFICATE, LOGIN_REFUSED, ADDRESS_REFUSED = "certificate", "login_refused", "address_refused"
SERVER_REFUSED, NO_ADDRESS, NOT_WRITTEN, OTHER = "server_refused", "no_address", "not_written", "other"
NOT_MADE = "not_made"
CAUSES = {
    NO_SECRET: "the variable or file with the password or address is missing or empty",
    TIMED_OUT: "the server did not answer in time",
    REFUSED: "nothing listens at that address",
    NAME_UNKNOWN: "the name of the server is not known",
    CUT_OFF: "the server ended the conversation",
    CERTIFICATE: "the server's certificate or encryption is not trusted",
    LOGIN_REFUSED: "the server refused the login",
    ADDRESS_REFUSED: "the server refused the address",
    SERVER_REFUSED: "the server refused the message",
    NO_ADDRESS: "the address is none of that kind",
    NOT_WRITTEN: "the file can't be written",
    NOT_MADE: "its words can't be made from what is stored: an error of this program",
    OTHER: "for a reason of another kind",
}
# After these the next message on the channel would meet the same: it is not tried before the next look.
OF_THE_CHANNEL = frozenset(CAUSES) - {ADDRESS_REFUSED, SERVER_REFUSED, NOT_MADE}


def kind_of(channel: Channel) -> str:
    """The kind as notify.toml writes it."""
    return SMTP if isinstance(channel, Mail) else WEBHOOK if isinstance(channel, Webhook) else FILE


def send(channel: Channel, said: Said, *, site: Path, at: datetime) -> str | None:
    """Sends it; None when the other side has taken it, else why not: one of CAUSES. Ends in half a minute, whatever it meets."""
    if isinstance(channel, Appended):
        return _append(channel, said, site, at)
    secret = channel.password if isinstance(channel, Mail) else channel.url
    found = read_secret(secret, site) if isinstance(secret, Secret) else secret
    if secret is not None and not found:
        return NO_SECRET
    if isinstance(channel, Mail):
        return _within(_DONE_WITHIN_S, lambda: _mail(channel, said, found, at))
    return _within(_DONE_WITHIN_S, lambda: _post(channel, said, str(found)))


def is_readable(secret: Secret, site: Path) -> bool:
    """Whether the password or address stands where notify.toml says."""
    return bool(read_secret(secret, site))


def read_secret(secret: Secret, site: Path) -> str | None:
    """What stands there; None where it is missing or empty."""
    if secret.in_variable is not None:
        return os.environ.get(secret.in_variable, "").strip() or None
    try:
        return (site / str(secret.in_file)).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _append(channel: Appended, said: Said, site: Path, at: datetime) -> str | None:
    line = {"message_id": said.message_id, "at": at.isoformat(), "subject": said.subject, "text": said.text}
    try:
        append_line(site / channel.path, json.dumps(line, ensure_ascii=False))
    except SiteError:
        return NOT_WRITTEN
    return None


def _mail(channel: Mail, said: Said, password: str | None, at: datetime) -> str | None:
    try:
        context = ssl.create_default_context()
        server: smtplib.SMTP
        if channel.security == TLS:
            server = smtplib.SMTP_SSL(channel.host, channel.port, timeout=_ANSWERS_WITHIN_S, context=context)
        else:
            server = smtplib.SMTP(channel.host, channel.port, timeout=_ANSWERS_WITHIN_S)
        with server:
            if channel.security == STARTTLS:
                server.starttls(context=context)
            if channel.user is not None:
                server.login(channel.user, password or "")
            server.send_message(_letter(channel, said, at))
    except (OSError, smtplib.SMTPException) as error:
        return cause_of(error)
    return None


def _letter(channel: Mail, said: Said, at: datetime) -> EmailMessage:
    """The message as mail. Its Message-ID is that of the outbox, so that a second copy is known for one."""
    letter = EmailMessage(policy=MAIL_POLICY)
    letter["From"], letter["To"], letter["Subject"] = channel.sender, channel.to, said.subject
    letter["Date"] = format_datetime(at)
    letter["Message-ID"] = f"<{said.message_id}@{channel.sender.rpartition('@')[2]}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(said.text)
    letter.add_alternative(said.html, subtype="html")
    return letter


def cause_of(error: Exception) -> str:
    """The code of what went wrong."""
    known: tuple[tuple[type[Exception], str], ...] = (
        (smtplib.SMTPAuthenticationError, LOGIN_REFUSED),
        (smtplib.SMTPRecipientsRefused, ADDRESS_REFUSED),
        (smtplib.SMTPSenderRefused, ADDRESS_REFUSED),
        (smtplib.SMTPServerDisconnected, CUT_OFF),
        (smtplib.SMTPNotSupportedError, CERTIFICATE),
        (smtplib.SMTPResponseException, SERVER_REFUSED),
        (TimeoutError, TIMED_OUT),
        (ConnectionRefusedError, REFUSED),
        (socket.gaierror, NAME_UNKNOWN),
        (ssl.SSLError, CERTIFICATE),
        (ConnectionError, CUT_OFF),
    )
    if isinstance(error, smtplib.SMTPRecipientsRefused) and all(code < 500 for code, _ in error.recipients.values()):
        return SERVER_REFUSED  # for now: it may take the address later (RFC 5321, 4.2.1)
    cause = error.__context__  # smtplib says of a server that did not answer that it hung up
    if isinstance(error, smtplib.SMTPServerDisconnected) and isinstance(cause, TimeoutError):
        return TIMED_OUT
    return next((code for kind, code in known if isinstance(error, kind)), OTHER)


def _post(channel: Webhook, said: Said, url: str) -> str | None:
    from apprise import Apprise  # slow to load, and needed by those alone who have a webhook

    with _heard() as heard:
        carrier = _carrier(channel.form, said, url)
        if carrier is None:
            return NO_ADDRESS
        carrier.socket_connect_timeout, carrier.socket_read_timeout = _CONNECTS_WITHIN_S, _ANSWERS_WITHIN_S
        apprise = Apprise()
        apprise.add(carrier)
        if apprise.notify(body=said.text, title=said.subject):
            return None
    return _cause_heard("\n".join(heard))


def _carrier(form: str, said: Said, url: str) -> NotifyBase | None:
    """What carries it there; None where the address is not one of that kind."""
    if form == TEAMS:
        from apprise.plugins.workflows import NotifyWorkflows

        found = NotifyWorkflows.parse_native_url(url)  # type: ignore[no-untyped-call]
        return None if found is None else NotifyWorkflows(**found)  # type: ignore[no-untyped-call]
    from apprise.plugins.custom_json import NotifyJSON

    parts = urlsplit(url)
    left_out = dict.fromkeys(("version", "type", "attachments"), "")
    ours = {"title": "subject", "message": "text"} if form == JSON else {"title": "", "message": "text"}
    return NotifyJSON(  # type: ignore[no-untyped-call]
        host=parts.hostname,
        port=parts.port,
        user=parts.username,
        password=parts.password,
        secure=parts.scheme == "https",
        fullpath=parts.path,
        params=dict(parse_qsl(parts.query)),
        payload={**left_out, **ours, "message_id": said.message_id},
    )


@contextmanager
def _heard() -> Iterator[list[str]]:
    """What apprise says meanwhile, which is where it tells why something failed. It holds addresses: none of it is kept."""
    said: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger, ear = logging.getLogger("apprise"), Ear(logging.DEBUG)
    before = logger.level, logger.propagate
    logger.addHandler(ear)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield said
    finally:
        logger.removeHandler(ear)
        logger.setLevel(before[0])
        logger.propagate = before[1]


def _cause_heard(said: str) -> str:
    known = (
        (r"error=(401|403|407)", LOGIN_REFUSED),
        (r"error=(404|410)", ADDRESS_REFUSED),
        (r"error=\d", SERVER_REFUSED),
        (r"timed out|Timeout", TIMED_OUT),
        (r"Connection refused", REFUSED),
        (r"NameResolutionError|Name or service not known|getaddrinfo", NAME_UNKNOWN),
        (r"SSL|certificate", CERTIFICATE),
        (r"Connection aborted|reset|RemoteDisconnected", CUT_OFF),
    )
    return next((code for pattern, code in known if re.search(pattern, said)), OTHER)


def within_limit(call: Callable[[], str | None]) -> str | None:
    """What the call gives, or TIMED_OUT after half a minute."""
    return _within(_DONE_WITHIN_S, call)


def _within(limit_s: float, call: Callable[[], str | None]) -> str | None:
    """What the call gives, or TIMED_OUT. It may go on in a thread that ends with the program: what it still sends has its id."""
    found: list[str | None] = []

    def done() -> None:
        try:
            found.append(call())
        except Exception:  # noqa: BLE001 - a library's; its text may hold an address or a password
            found.append(OTHER)

    thread = threading.Thread(target=done, daemon=True)
    thread.start()
    thread.join(limit_s)
    return found[0] if found else TIMED_OUT
