"""A sender of resources, who posts over real sockets to a real listener."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.feeds.fhir_texts import observation, told
from tests.listen import listening
from tests.listen.listening import LIMIT_S, Listener

TOKEN, OF_OTHER = "T0KEN" * 8, "0THER" * 8
JSON = "application/fhir+json"


@dataclass(frozen=True)
class Told:
    """An answer: its status, its headers, and what it says."""

    status: int
    headers: dict[str, str]
    outcome: Any

    @property
    def issues(self) -> list[tuple[str, str, list[str]]]:
        """Severity, our code and the entry of each issue, the counts left out."""
        return [
            (one["severity"], one["details"]["coding"][0]["code"], one.get("expression", []))
            for one in self.outcome["issue"]
            if "coding" in one["details"]
        ]


def poster(root: Path, name: str = "lab", token: str = TOKEN, feed: str = "example_fhir", more: str = "") -> Path:
    """The file of a sender of resources, with its token, which is given back."""
    (root / "senders").mkdir(parents=True, exist_ok=True)
    (root / "senders" / f"{name}.toml").write_text(f'feed = "{feed}"\ntoken = "{name}.token"\n{more}', "utf-8")
    path = root / "senders" / f"{name}.token"
    path.write_text(f"{token}\n", "utf-8")
    path.chmod(0o600)
    return path


def site(root: Path, text: str = "", of_fhir: str = "", **limits: float) -> Path:
    """A folder whose listener takes messages at one port and resources at another."""
    listening.settings(root, text, **limits)
    with (root / "listen.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n[fhir]\nport = 0\n{of_fhir}\n")
    listening.sender(root)
    poster(root)
    return root


def port_of(listener: Listener) -> int:
    return int(str(listener.wait_for("listening")["fhir_port"]))


def judging(listener: Listener) -> int:
    """The port of a listener beside which the judging process has started."""
    listener.wait_for("judging")
    return port_of(listener)


def resources(number: str = "F1", *more: dict[str, Any], **changes: Any) -> bytes:
    """A Bundle of one result of that number, and those."""
    return told(observation(number, **changes), *more)


def post(
    port: int, body: bytes, token: str | None = TOKEN, *, path: str = "/fhir", method: str = "POST", kind: str | None = JSON,
    tls: ssl.SSLContext | None = None, **headers: str,
) -> Told:  # fmt: skip
    """What a request is answered, on a connection of its own."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    given |= {} if token is None else {"Authorization": f"Bearer {token}"}
    given |= {} if kind is None else {"Content-Type": kind}
    to = (
        http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
        if tls is None
        else http.client.HTTPSConnection("127.0.0.1", port, timeout=LIMIT_S, context=tls)
    )
    with closing(to):
        to.request(method, path, body, given)
        return told_by(to.getresponse())


def told_by(answer: http.client.HTTPResponse) -> Told:
    text = answer.read()
    return Told(answer.status, dict(answer.getheaders()), json.loads(text) if text else None)


def raw(port: int, *pieces: bytes) -> bytes:
    """All that is answered to bytes as they are, until the listener closes the connection."""
    found = b""
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as at:
        for piece in pieces:
            at.sendall(piece)
        while more := at.recv(1 << 16):
            found += more
    return found


def good(port: int, number: str = "GOOD") -> None:
    """A good Bundle is taken, whatever came before it."""
    answer = post(port, resources(number))
    assert (answer.status, answer.issues) == (202, [])
