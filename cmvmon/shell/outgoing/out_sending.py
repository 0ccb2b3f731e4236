"""One message to one target inside the hospital: into a folder, to a server of FHIR, or over a line of HL7. What goes wrong comes back
as a code (cmvmon.shell.outgoing.sending), never as an error, and holds nothing of what was sent."""

from __future__ import annotations

import socket
import ssl
import urllib.error
import urllib.request
from pathlib import Path

from cmvmon.domain.errors import SiteError
from cmvmon.feeds.mllp import Frame, Framer, framed
from cmvmon.shell.basis.files import write_atomically
from cmvmon.shell.outgoing import sending
from cmvmon.telling.out_file import Endpoint, Folder, Line, Target

_ANSWERS_WITHIN_S = 10.0
_TAKEN = (b"AA", b"CA")


def send(target: Target, data: bytes, *, kind: str, name: str, site: Path) -> str | None:
    """Sends it; None once the other side has it, else why not. `kind`: what it is (the type of the resource), `name`: its own id."""
    place = target.place
    if isinstance(place, Folder):
        return _into(site / place.path, data, f"{kind}-{name}.{'json' if target.form == 'fhir' else 'hl7'}")
    if isinstance(place, Endpoint):
        token = None if place.token is None else sending.read_secret(place.token, site)
        if place.token is not None and token is None:
            return sending.NO_SECRET
        return sending.within_limit(lambda: _put(place, data, f"{kind}/{name}", token))
    return sending.within_limit(lambda: _over(place, data))


def _into(folder: Path, data: bytes, name: str) -> str | None:
    try:
        write_atomically(folder / name, data, mode=0o640)
    except (SiteError, OSError):
        return sending.NOT_WRITTEN
    return None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Nothing of a patient follows a server's word to another one."""


def _put(place: Endpoint, data: bytes, path: str, token: str | None) -> str | None:
    headers = {"Content-Type": "application/fhir+json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    asked = urllib.request.Request(f"{place.url}/{path}", data, headers, method="PUT")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
    try:
        with opener.open(asked, timeout=_ANSWERS_WITHIN_S):
            return None
    except urllib.error.HTTPError as error:
        return sending.LOGIN_REFUSED if error.code in (401, 403) else sending.SERVER_REFUSED
    except urllib.error.URLError as error:
        return sending.cause_of(error.reason if isinstance(error.reason, Exception) else error)
    except OSError as error:
        return sending.cause_of(error)


def _over(place: Line, data: bytes) -> str | None:
    """Sends one message and waits for its acknowledgement, which must name it."""
    control, framer = data.split(b"\r", 1)[0].split(b"|")[9], Framer()
    try:
        with socket.create_connection((place.host, place.port), timeout=_ANSWERS_WITHIN_S) as bare:
            line = ssl.create_default_context().wrap_socket(bare, server_hostname=place.host) if place.is_tls else bare
            line.sendall(framed(data))
            while more := line.recv(1 << 16):
                framer.receive(more)
                for event in framer.events():
                    if isinstance(event, Frame):
                        return None if _is_taken(event.data, control) else sending.SERVER_REFUSED
    except OSError as error:
        return sending.cause_of(error)
    return sending.CUT_OFF


def _is_taken(answer: bytes, control: bytes) -> bool:
    fields = [segment.split(b"|") for segment in answer.replace(b"\n", b"\r").split(b"\r")]
    return any(f[0] == b"MSA" and len(f) > 2 and f[1] in _TAKEN and f[2] == control for f in fields)
