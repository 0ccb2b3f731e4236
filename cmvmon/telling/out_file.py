"""A site's `out.toml`: which programs of the hospital are given alerts and courses, and how. Without it nothing leaves the site.

What goes there names patients. So a target is used only where the file says of it that it is inside; mail is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from cmvmon.feeds.toml_reading import StrictTable, read_whole
from cmvmon.telling.notify_file import Secret, secret_of

NAME = "out.toml"
FHIR, HL7 = FORMS = ("fhir", "hl7")
ALERTS, COURSES = WHAT = ("alerts", "courses")
_TARGET = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Folder:
    """A folder in the site; each message is a file there, which its next one replaces."""

    path: str


@dataclass(frozen=True)
class Endpoint:
    """A server of FHIR: each resource is put under its own id."""

    url: str
    token: Secret | None


@dataclass(frozen=True)
class Line:
    """A listener of HL7 over MLLP, which acknowledges each message."""

    host: str
    port: int
    is_tls: bool


@dataclass(frozen=True)
class Target:
    """One target: how it reads, what it is given, and where it is. `facility`: MSH-6 of what it gets."""

    form: str
    what: tuple[str, ...]
    place: Folder | Endpoint | Line
    facility: str


@dataclass(frozen=True)
class OutFile:
    """What out.toml says: the targets by name. `facility`: who sends, MSH-4. `language` None = the site's."""

    targets: Mapping[str, Target]
    facility: str
    language: str | None


def read_out_file(text: str) -> OutFile:
    """What the text of out.toml says. Raises ProtocolError, with every fault at once."""
    return read_whole(text, NAME, _read)


def _read(top: StrictTable) -> OutFile:
    described = top.table("targets", required=True)
    targets = {name: one for name, one in _targets(described) if one is not None}
    facility, language = top.text("facility"), top.choice("language", ("nl", "en"), required=False)
    return OutFile(targets, facility or "", language)


def _targets(described: StrictTable) -> Iterator[tuple[str, Target | None]]:
    for name in described.data:
        one = described.table(name)
        if not _TARGET.fullmatch(name):
            described.fault(name, "is no name of a target; give lower-case letters, digits, - and _")
        yield name, _target(one)
        one.finish()
    described.asked.update(described.data)
    described.finish()


def _target(one: StrictTable) -> Target | None:
    form, what = one.choice("form", FORMS), one.texts("what", required=True)
    if not one.truth("inside", required=True) and one.data.get("inside") is False:
        one.fault(
            "inside", "is false: what goes there names patients, and goes to no target outside; remove the target"
        )
    for each in what:
        if each not in WHAT:
            one.fault("what", f"names {each!r}; it may name {' and '.join(WHAT)}")
    if form == HL7 and COURSES in what:
        one.fault("what", "names courses, which go as FHIR; make a target of that form for them")
    place = _place(one, form)
    facility = one.text("facility", required=False) or ""
    return None if form is None or place is None else Target(form, tuple(what), place, facility)


def _place(one: StrictTable, form: str | None) -> Folder | Endpoint | Line | None:
    path, url, host = (one.text(key, required=False) for key in ("path", "url", "host"))
    port, is_plain = one.whole("port", at_most=65535), one.truth("plain", required=False)
    token = secret_of(one, "token")
    if sum(given is not None for given in (path, url, host)) != 1:
        one.fault(
            "path", "must stand alone: give one of path (a folder), url (a server of FHIR) and host (a line of HL7)"
        )
        return None
    if path is not None:
        if path.startswith(("/", "~")) or ".." in path.split("/") or "\\" in path:
            one.fault("path", "leads out of the site; give a folder inside it, such as out/ehr")
            return None
        return Folder(path)
    if url is not None:
        return _endpoint(one, form, url, token)
    return _line(one, form, str(host), port, is_plain=is_plain)


def _endpoint(one: StrictTable, form: str | None, url: str, token: Secret | None) -> Endpoint | None:
    parts = urlsplit(url)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if form != FHIR or not parts.hostname or not is_safe or parts.username:
        one.fault(
            "url",
            "is no address of a FHIR server: https:// (http:// on this machine only), without a password in it",
        )
        return None
    return Endpoint(url.rstrip("/"), token)


def _line(one: StrictTable, form: str | None, host: str, port: int, *, is_plain: bool) -> Line | None:
    if form != HL7 or not port:
        one.fault("host", "is for a target of the form hl7, and needs a port")
        return None
    if is_plain and host not in _LOOPBACK:
        one.fault("plain", "is for this machine only: patients' data go over no other line unencrypted")
        return None
    return Line(host, port, not is_plain)
