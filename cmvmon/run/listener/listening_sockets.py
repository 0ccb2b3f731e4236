"""Sockets of the listener: the address that it listens at, TLS, and who stands at the other end."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from cmvmon.domain.errors import SiteError
from cmvmon.feeds.senders import Listening, Peer

_KEEP_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}


@dataclass(frozen=True)
class Way:
    """One socket that is listened at: with its TLS, and whether messages come by it, or resources."""

    socket: socket.socket
    tls: ssl.SSLContext | None
    is_of_messages: bool


def bound(address: str, port: int, *, by: str) -> socket.socket:
    """A socket on that address, which the file `by` of a site names. Raises SiteError where it can't be had."""
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((address, port))
        found.listen(128)
        found.setblocking(False)
    except OSError as error:
        found.close()
        raise SiteError(
            f"{by}: {address} port {port} can't be listened at ({error.strerror}); choose another port, "
            "or stop what listens there"
        ) from None
    return found


def keep_alive(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        if hasattr(socket, name):
            peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def peer_of(source: str, transport: asyncio.BaseTransport) -> Peer:
    found = transport.get_extra_info("ssl_object")
    if found is None:
        return Peer(source)
    shown = found.getpeercert(binary_form=True)
    if not shown:
        return Peer(source)
    subject = found.getpeercert().get("subject", ())
    names = [value for part in subject for name, value in part if name == "commonName"]
    return Peer(source, names[0] if len(names) == 1 else None, hashlib.sha256(shown).hexdigest())


def tls(root: Path, settings: Listening, *, asks_for: ssl.VerifyMode) -> ssl.SSLContext:
    """TLS 1.2 or later; a certificate of the peer's is one that the authority signed. Raises SiteError.

    `asks_for`: whether the peer must show one (CERT_REQUIRED), or may.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = asks_for if settings.authority else ssl.CERT_NONE
    try:
        context.load_cert_chain(root / str(settings.certificate), root / str(settings.key))
        if settings.authority:
            context.load_verify_locations(root / settings.authority)
    except (OSError, ssl.SSLError) as error:
        why = error.strerror if not isinstance(error, ssl.SSLError) else error.reason or "no PEM file"
        raise SiteError(
            f"listen.toml: certificate, key or authority can't be used ({why}); give three PEM files that this user may read, and the "
            "key of that very certificate"
        ) from None
    return context


def certificate_ends_at(transport: asyncio.BaseTransport) -> datetime | None:
    """Until when the certificate holds that the peer has shown; None where it showed none."""
    found = transport.get_extra_info("ssl_object")
    until = None if found is None else (found.getpeercert() or {}).get("notAfter")
    return None if until is None else datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC)
