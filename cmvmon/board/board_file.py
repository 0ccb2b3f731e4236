"""A site's `board.toml`: where the board listens, how it knows who asks, and who may see what. Pure: text in, settings out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from cmvmon.board import groups as groups_of
from cmvmon.board.groups import Groups
from cmvmon.board.roles import ROLES, VIEWER
from cmvmon.feeds.toml_reading import StrictTable, read_whole

NAME = "board.toml"
PROXY, PASSWORDS = IDENTITIES = ("proxy", "passwords")
_PROGRAMS_OWN = ("system", "cmvmon")  # the actor of what no person did, and how pages show it
_PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,79}")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{2,60}")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+")
_SIGN_OUT = re.compile(r"(https://[A-Za-z0-9.:\[\]-]+)?/[A-Za-z0-9._~/?=&%:-]*")
_IDLE_MIN, _LONGEST_H, _PORT = 20.0, 12.0, 8741


@dataclass(frozen=True)
class Person:
    """Somebody who may use the board. `shown`: how alerts and pages call this person. `wards` None = every ward."""

    login: str
    shown: str
    role: str
    wards: frozenset[str] | None


@dataclass(frozen=True)
class BoardFile:
    """What board.toml says.

    Attributes:
        address, port: where it listens; port 0 = any that is free. `socket`: a Unix socket in the site instead.
        certificate, key: of TLS, files in the site; None = none.
        origin: the address at which browsers know the board, behind a proxy; None = as the request names it.
        identity: proxy or passwords. people: who is named in the file; groups: what anybody else may whom the proxy names.
        user_header: in which the proxy says who it is. proxies: from which addresses; secret_file: what it must show with it.
        idle_min: after how many minutes without a page somebody must sign in again; longest_h: after how many hours in any case.
        sign_out: to where whoever signs out is sent, so that the proxy ends its session too; None = nowhere.
    """

    identity: str
    people: Mapping[str, Person] = field(default_factory=dict)
    groups: Groups = groups_of.NONE
    address: str = "127.0.0.1"
    port: int = _PORT
    socket: str | None = None
    certificate: str | None = None
    key: str | None = None
    origin: str | None = None
    user_header: str = "X-Forwarded-User"
    proxies: tuple[str, ...] = ()
    secret_file: str | None = None
    idle_min: float = _IDLE_MIN
    longest_h: float = _LONGEST_H
    sign_out: str | None = None

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach it by https, so that its cookie goes nowhere else."""
        return self.certificate is not None or (self.origin or "").startswith("https://")


def may_be_a_login(text: str) -> bool:
    """Whether somebody could sign in with that name."""
    return _PERSON.fullmatch(text) is not None


def member(file: BoardFile, login: str, named: str) -> Person | None:
    """Somebody whom the file does not name, by the groups that a proxy says of him (`named`: its header).

    None: no group of his is known, or an answer of his could be taken for that of somebody else or of the program.
    """
    rights = file.groups.rights_of(file.groups.named(named))
    taken = {*_PROGRAMS_OWN, *(_as_read(name) for one in file.people.values() for name in (one.login, one.shown))}
    if rights is None or not may_be_a_login(login) or _as_read(login) in taken:
        return None
    return Person(login, login, rights.role, rights.wards)


def read_board_file(text: str) -> BoardFile:
    """What the text of board.toml says. Raises ProtocolError, with every fault at once."""
    return read_whole(text, NAME, _read)


def _read(top: StrictTable) -> BoardFile:
    listen, identity, session = (top.table(name) for name in ("listen", "identity", "session"))
    address = listen.text("address", required=False) or "127.0.0.1"
    port = listen.whole("port", at_most=65535) if "port" in listen.data else _PORT
    socket, certificate, key, origin = (
        listen.text(name, required=False) for name in ("socket", "certificate", "key", "origin")
    )
    by = identity.choice("by", IDENTITIES) or PASSWORDS
    header = identity.text("header", required=False) or "X-Forwarded-User"
    proxies, secret = identity.texts("proxies"), identity.text("secret_file", required=False)
    sign_out = identity.text("sign_out", required=False)
    idle = session.number("idle_min", at_most=24 * 60) or _IDLE_MIN
    longest = session.number("longest_h", at_most=24) or _LONGEST_H
    people = _people(top.table("people"))
    groups = groups_of.groups(top.table("groups"), identity, is_behind_proxy=by == PROXY)
    for one in (listen, identity, session):
        one.finish()
    _check_places(listen, address, socket, certificate, key, origin, is_behind_proxy=by == PROXY)
    _check_proxy(identity, by, header, groups.header, proxies, secret, has_socket=socket is not None)
    if sign_out is not None and (by != PROXY or not _SIGN_OUT.fullmatch(sign_out)):
        identity.fault(
            "sign_out",
            "is no address at which a proxy ends its session; give it as /oidc?logout=ADDRESS, with by = 'proxy'",
        )
    return BoardFile(
        identity=by,
        people=people,
        groups=groups,
        address=address,
        port=port,
        socket=socket,
        certificate=certificate,
        key=key,
        origin=origin,
        user_header=header,
        proxies=proxies,
        secret_file=secret,
        idle_min=idle,
        longest_h=longest,
        sign_out=sign_out,
    )


def _people(described: StrictTable) -> dict[str, Person]:
    found, names = {}, set[str]()
    for login in described.data:
        one = described.table(login)
        if not may_be_a_login(login):
            described.fault(login, "is no name to sign in with; give letters, digits and . _ @ + -")
        shown, role, wards = one.text("name", required=False), one.choice("role", ROLES), one.texts("wards")
        if role == VIEWER and not wards:
            one.fault("wards", "is missing; a viewer sees the wards that are named here and no other")
        one.finish()
        called = _as_read(shown or login)
        if called in _PROGRAMS_OWN:
            one.fault("name", "is what alerts call the program itself; give this person another name")
        elif called in names:
            one.fault("name", "is somebody else's too, and an answer must say whose it is; make them differ")
        names.add(called)
        if role is not None:
            found[login] = Person(login, shown or login, role, frozenset(wards) or None)
    described.asked.update(described.data)
    return found


def _as_read(name: str) -> str:
    """A name as a reader takes it: capitals, spaces and forms of a letter make no difference."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _check_places(
    listen: StrictTable,
    address: str,
    socket: str | None,
    certificate: str | None,
    key: str | None,
    origin: str | None,
    *,
    is_behind_proxy: bool,
) -> None:
    try:
        is_loopback = ip_address(address).is_loopback
    except ValueError:
        listen.fault("address", "is no IP address; give 127.0.0.1, or that of this machine")
        return
    if (certificate is None) != (key is None):
        listen.fault("certificate", "and key belong together; give both, or neither")
    if socket is not None and ("/" in socket or socket.startswith(".")):
        listen.fault("socket", "is no plain file name; the socket is made in the site's folder")
    if origin is not None and not _ORIGIN.fullmatch(origin):
        listen.fault("origin", "is no origin; give it as https://cmvmon.example.org, without a path")
    if not is_loopback and socket is None and certificate is None and not is_behind_proxy:
        listen.fault(
            "address",
            "is not of this machine alone, and passwords and patients' data would go over the line as they are; give certificate "
            "and key, or put a proxy before it (identity.by = 'proxy')",
        )


def _check_proxy(
    identity: StrictTable,
    by: str,
    header: str,
    of_groups: str,
    proxies: tuple[str, ...],
    secret: str | None,
    *,
    has_socket: bool,
) -> None:
    if not _HEADER.fullmatch(header):
        identity.fault("header", "is no name of a header; give it as X-Forwarded-User")
    if not _HEADER.fullmatch(of_groups) or of_groups.casefold() == header.casefold():
        identity.fault("groups_header", "is no name of a header, or that of the user; give it as X-Forwarded-Groups")
    for proxy in proxies:
        try:
            ip_address(proxy)
        except ValueError:
            identity.fault("proxies", "holds something that is no IP address")
            break
    if by == PROXY and not has_socket and (not proxies or secret is None):
        identity.fault(
            "proxies",
            "and secret_file are both needed, or listen.socket instead: else anybody who reaches the port could say who he is",
        )
