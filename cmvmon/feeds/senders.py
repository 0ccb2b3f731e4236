"""What a site's files say of its listener: `listen.toml`, and one contract for each sender, `senders/<name>.toml`.

A sender whose file names a token posts resources (FHIR) and is known by it; any other sends messages (HL7).
Both files are read strictly: every fault is named at once, with its key and what to do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from cmvmon.feeds.hl7.acknowledging import Header
from cmvmon.feeds.toml_reading import StrictTable, read_whole

_FEED = re.compile(r"[A-Za-z0-9_-]+")
_FINGERPRINT = re.compile(r"sha256:[0-9a-f]{64}")
_TYPE = re.compile(r"[A-Z][A-Z0-9]{2}(\^[A-Z][A-Z0-9]{2})?")
_PROCESSING = ("P", "T", "D")  # table 0103
VERSIONS = ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8", "2.8.1", "2.8.2")
MOST_MESSAGE_BYTES = 10_000_000  # what the reader of messages takes (cmvmon.feeds.hl7.reader)
MOST_BODY_BYTES = 50_000_000  # what the reader of resources takes (cmvmon.feeds.fhir.entries)
_TOKEN_FILE = re.compile(r"[A-Za-z0-9_-]+\.token")


@dataclass(frozen=True)
class Posting:
    """Where resources are posted to, by HTTP at the listener's address, and what it bears.

    `body_bytes`: of one request. `idle_s`: how long a connection may be silent between requests, `request_s`: how long a request
    may take once it has begun.
    """

    port: int
    body_bytes: int = 10_000_000
    idle_s: float = 60.0
    request_s: float = 30.0


@dataclass(frozen=True)
class Listening:
    """Where the listener listens, by what it is known, and what it bears.

    `port`: of messages; None = none are taken. `posting`: of resources; None = none are taken.
    `certificate`, `key`, `authority`: files in the site's folder, or whole paths; None = plain, which is for loopback alone.
    `connections_of_one_source`, `connections`: how many of senders that are known at one time. `handshakes`: how many more that
    have not shown yet who they are, `handshake_s`: how long TLS may take to begin.
    `idle_s`: how long a connection may be silent between messages, `frame_s`: how long a message may take once it has begun.
    """

    address: str
    port: int | None
    certificate: str | None = None
    key: str | None = None
    authority: str | None = None
    message_bytes: int = MOST_MESSAGE_BYTES
    connections_of_one_source: int = 16
    connections: int = 128
    idle_s: float = 3600.0
    frame_s: float = 30.0
    posting: Posting | None = None
    handshakes: int = 128
    handshake_s: float = 10.0

    @property
    def is_plain(self) -> bool:
        return self.certificate is None


@dataclass(frozen=True)
class Peer:
    """Who stands at the other end of a connection: its address, and of its certificate the name and the SHA-256."""

    address: str
    name: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True)
class AnySender:
    """One sender: the feed that it sends into, and by what its peer is known: certificates and addresses, as far as its file
    names any."""

    name: str
    feed: str
    certificates: tuple[str, ...]
    networks: tuple[IPv4Network | IPv6Network, ...]

    def has_address(self, address: str) -> bool:
        """Whether its file names that address; it may still have to show a certificate."""
        return bool(self.networks) and _is_in(address, self.networks)

    def may_be_at(self, address: str) -> bool:
        """Whether its file allows that address, or names none."""
        return not self.networks or _is_in(address, self.networks)

    def allows(self, peer: Peer) -> bool:
        """Whether that peer may be this sender."""
        known_as = {peer.name, peer.fingerprint and f"sha256:{peer.fingerprint}"}
        by_certificate = not self.certificates or not known_as.isdisjoint(self.certificates)
        return by_certificate and self.may_be_at(peer.address)


@dataclass(frozen=True)
class Poster(AnySender):
    """A sender of resources, known by the token that the file `token_file` beside its own holds."""

    token_file: str


@dataclass(frozen=True)
class Sender(AnySender):
    """A sender of messages, and what it may send.

    `application`, `facility`: MSH-3 and MSH-4; a facility that the file leaves out is one that its messages leave out.
    `versions`: of MSH-12; empty = all that we know, and messages that leave theirs out.
    """

    application: str
    facility: str
    types: tuple[str, ...]
    processing: tuple[str, ...]
    versions: tuple[str, ...]

    def named_by(self, header: Header) -> int:
        """How well MSH-3 and MSH-4 name this sender; 0 = not."""
        return header.says(3, self.application) * header.says(4, self.facility)

    def refusal(self, header: Header) -> str | None:
        """Why a message with that header is outside of the contract, as a code; None where it is not."""
        if header.code not in self.types and header.kind not in self.types:
            return "message_type_not_agreed"
        if header.component(11, 1) not in self.processing:
            return "not_for_production"
        is_agreed = header.version in self.versions if self.versions else header.version in ("", *VERSIONS)
        return None if is_agreed else "version_not_agreed"


def _is_in(address: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    found = mapped or found
    return any(found.version == network.version and found in network for network in networks)


def read_sender(text: str, *, name: str) -> AnySender:
    """The sender that a file describes. Raises ProtocolError with every fault."""

    return read_whole(text, f"senders/{name}.toml", lambda table: _sender(table, name))


def _sender(table: StrictTable, name: str) -> AnySender | None:
    feed = table.text("feed")
    if feed is not None and not _FEED.fullmatch(feed):
        table.fault("feed", "must be letters, digits, - and _: it is the name of a laboratory file")
    certificates, networks = _certificates(table), _networks(table)
    if "token" in table.data:
        token = table.text("token")
        if token is not None and not _TOKEN_FILE.fullmatch(token):
            table.fault("token", 'names no file beside this one; give its name, as "lab.token", never the token itself')
        _refuse_keys_of_messages(table)
        if table.faults or feed is None or token is None:
            return None
        return Poster(name, feed, certificates, networks, token)
    application, facility = table.text("sending_application"), table.text("sending_facility", required=False) or ""
    types = table.texts("types", required=True)
    if wrong := [one for one in types if not _TYPE.fullmatch(one)]:
        table.fault("types", f'holds {wrong[0]!r}; give codes of messages, as "ORU" or "ORU^R01"')
    if "types" in table.data and not types:
        table.fault("types", 'is empty; give the codes of the messages that it may send, as "ORU"')
    processing = _among(table, "processing", _PROCESSING) or ("P",)
    versions = _among(table, "versions", VERSIONS)
    if not (certificates or table.data.get("addresses")):
        table.fault("certificates", "and addresses are both missing; name by which of them the sender is known")
    if table.faults or feed is None or application is None:
        return None
    return Sender(name, feed, certificates, networks, application, facility, types, processing, versions)


def _refuse_keys_of_messages(table: StrictTable) -> None:
    """Notes each key that is of a sender of messages: beside a token it would hold for nothing."""
    for key in ("sending_application", "sending_facility", "types", "processing", "versions"):
        if key in table.data:
            _ = table.text(key) if key.startswith("sending_") else table.texts(key)
            table.fault(
                key,
                "is of a sender of messages (HL7), and `token` says that this one posts resources (FHIR); remove one of the two, or "
                "write a file for each",
            )


def _certificates(table: StrictTable) -> tuple[str, ...]:
    certificates = table.texts("certificates")
    if wrong := [one for one in certificates if one.startswith("sha256:") and not _FINGERPRINT.fullmatch(one)]:
        table.fault("certificates", f"holds {wrong[0][:20]!r}...; a fingerprint is sha256: and 64 digits 0-9a-f")
    return certificates


def _among(table: StrictTable, key: str, options: Sequence[str]) -> tuple[str, ...]:
    given = table.texts(key)
    if wrong := [one for one in given if one not in options]:
        table.fault(key, f"holds {wrong[0]!r}; use some of {', '.join(options)}")
    return given


def _networks(table: StrictTable) -> tuple[IPv4Network | IPv6Network, ...]:
    found = []
    for one in table.texts("addresses"):
        try:
            found.append(ip_network(one))
        except ValueError:
            table.fault("addresses", f"holds {one!r}; give an address, or a network as 10.1.2.0/24")
    return tuple(found)


def read_listening(text: str) -> Listening:
    """What listen.toml says. Raises ProtocolError with every fault."""
    return read_whole(text, "listen.toml", _listening)


def _listening(table: StrictTable) -> Listening | None:
    address = table.text("address", required=False) or "127.0.0.1"
    try:
        is_loopback = ip_address(address).is_loopback
    except ValueError:
        table.fault("address", f"is {address!r}; give an address of this machine, as 127.0.0.1")
        is_loopback = True  # what its faults are besides is told too
    port, posting = _port(table), _posting(table)
    if port is None and posting is None:
        table.fault("port", "is missing; give the port on which the laboratory sends")
    files = {key: table.text(key, required=False) for key in ("certificate", "key", "authority")}
    if any(files.values()) and not all(files.values()):
        lacking = [key for key, value in files.items() if value is None]
        if port is not None or lacking != ["authority"]:
            of_all = "certificate, key and, where messages are taken, authority belong together"
            table.fault(", ".join(lacking), f"is missing; {of_all}")
    if not is_loopback and not any(files.values()):
        table.fault(
            "certificate", f"is missing: at {address} messages could be read on their way. Give certificate, key and authority "
            "(of those who sign the senders' certificates), or listen at 127.0.0.1"
        )  # fmt: skip
    limits = table.table("limits")
    found = Listening(
        address,
        port,
        files["certificate"],
        files["key"],
        files["authority"],
        limits.whole("message_bytes", at_most=MOST_MESSAGE_BYTES) or Listening.message_bytes,
        limits.whole("connections_of_one_source", at_most=1000) or Listening.connections_of_one_source,
        limits.whole("connections", at_most=1000) or Listening.connections,
        limits.number("idle_s", at_most=86_400) or Listening.idle_s,
        limits.number("frame_s", at_most=3600) or Listening.frame_s,
        posting,
        limits.whole("handshakes", at_most=1000) or Listening.handshakes,
        limits.number("handshake_s", at_most=60) or Listening.handshake_s,
    )
    limits.finish()
    return None if table.faults else found


def _port(table: StrictTable) -> int | None:
    port = table.whole("port", at_most=65_535)
    return port if "port" in table.data else None


def _posting(table: StrictTable) -> Posting | None:
    of_resources = table.table("fhir")
    port = _port(of_resources)
    if port is None and "fhir" in table.data:
        of_resources.fault("port", "is missing; give the port to which resources are posted")
    found = Posting(
        port or 0,
        of_resources.whole("body_bytes", at_most=MOST_BODY_BYTES) or Posting.body_bytes,
        of_resources.number("idle_s", at_most=86_400) or Posting.idle_s,
        of_resources.number("request_s", at_most=3600) or Posting.request_s,
    )
    of_resources.finish()
    return found if "fhir" in table.data else None
