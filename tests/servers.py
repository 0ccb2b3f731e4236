"""Real servers on loopback for tests of telling people: one that takes mail, one that takes webhooks, one that never answers."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from socket import socket
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


@dataclass
class Mailbox:
    """A mail server and all that it took. `refuses`: addresses that it does not know, with `refusal`; `answer`: what it says to
    a message."""

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    refusal: str = "550 no such user here"
    answer: str = "250 OK"
    logins: list[str] = field(default_factory=list)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refuses:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            letter = message_from_bytes(envelope.original_content, policy=policy.default)
            assert isinstance(letter, EmailMessage)
            self.letters.append(letter)
        return self.answer

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, login: Any) -> AuthResult:
        self.logins.append(login.login.decode())
        return AuthResult(success=login.password == b"right", handled=False)

    @property
    def ids(self) -> list[str]:
        return [str(letter["Message-ID"]) for letter in self.letters]

    @property
    def text(self) -> str:
        """All that was said to anybody: headers, text and HTML."""
        return "\n".join(
            f"{letter.items()}{part.get_content()}"
            for letter in self.letters
            for part in letter.walk()
            if not part.is_multipart()
        )


@contextmanager
def mail_server(
    mailbox: Mailbox | None = None, *, port: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[Mailbox]:
    """A mail server on loopback, on a port of its own unless one is named. `tls`: it asks for STARTTLS and a login."""
    box = mailbox or Mailbox()
    asks = (
        {}
        if tls is None
        else {"tls_context": tls, "require_starttls": True, "authenticator": box.authenticate, "auth_required": True}
    )
    controller = Controller(box, hostname="127.0.0.1", port=port or free_port(), **asks)
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop()


@dataclass
class Hook:
    """A webhook and every body that it took, with its path. `status`: what it answers."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    status: int = 200


@contextmanager
def webhook(*, tls: ssl.SSLContext | None = None) -> Iterator[Hook]:
    """A webhook on loopback."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if hook.status < 300:
                hook.bodies.append(body)
                hook.paths.append(self.path)
            self.send_response(hook.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    hook.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_address[1]}"
    try:
        yield hook
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def silent_server() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        yield bound.getsockname()[1]


def free_port() -> int:
    """A port on which nothing listens just now."""
    with socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """What a server on loopback shows, and the file by which it can be trusted; made new."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")]),
    )
    begin = datetime.now(UTC) - timedelta(days=1)
    alternatives = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(begin + timedelta(days=9))
        .add_extension(alternatives, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    trusted, secret = folder / "loopback.pem", folder / "loopback.key"
    trusted.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, secret)
    return context, trusted
