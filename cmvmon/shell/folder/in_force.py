"""Which protocol judges a site: the one place that decides it.

Where no protocol was ever approved, the site's file, else the package's. Once one was, the approved content alone: from the file
while that holds it, else from the text that was kept. So a number that nobody approved judges nobody, and nothing stops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from cmvmon.domain.errors import ProtocolError, ProtocolUnusable
from cmvmon.domain.waiting_policy import WaitingPolicy
from cmvmon.shell.folder import approved
from cmvmon.shell.folder.approved import Approval
from cmvmon.shell.folder.labels import others_under
from cmvmon.shell.folder.protocol_files import Protocol, packaged_priors
from cmvmon.shell.store import database

if TYPE_CHECKING:
    from cmvmon.shell.folder.site import Site


@dataclass(frozen=True)
class InForce:
    """The protocol that judges.

    Attributes:
        approval: who approved it; None: no protocol was ever approved here.
        waits: that the site's file holds another one, which judges nobody yet; None: it does not.
    """

    protocol: Protocol
    approval: Approval | None = None
    waits: WaitingPolicy | None = None


def judging(site: Site) -> InForce:
    """What judges that site, whose store is only read, as it is. Raises ProtocolUnusable, StoreError."""
    if database.exists(site.database):
        with database.as_it_is(site.database) as connection:
            if approved.is_kept_here(connection):
                return in_force(site, connection)
    return InForce(site.protocol_file())


def place_of(site: Site, found: InForce) -> str:
    """Where the protocol that judges stands: a file of the site or the package, or the text that was approved."""
    return (
        site.protocol_file_place() if found.waits is None else f"{found.protocol.version}, approved, kept in the store"
    )


def in_force(site: Site, connection: sa.Connection) -> InForce:
    """What judges that site, by its files and its store. Raises ProtocolUnusable where that can't be read."""
    last = approved.last(connection)
    if last is None:
        return InForce(site.protocol_file())
    try:
        own = site.protocol_file()
    except ProtocolUnusable:
        own = None
    if own is not None and own.sha256 == last.protocol_hash:
        return InForce(own, last)
    waits = WaitingPolicy(
        None if own is None else own.version,
        None if own is None else own.sha256,
        last.version,
        last.actor,
        last.approved_at,
        is_label_used=own is not None and bool(others_under(connection, own.version, own.sha256)),
    )
    return InForce(read_kept(connection, last.protocol_hash, last.version), last, waits)


def read_kept(connection: sa.Connection, protocol_hash: str, version: str) -> Protocol:
    """The approved protocol of that content. Raises ProtocolUnusable, which says what to do, where this program can't use its text."""
    try:
        kept = approved.kept(connection, protocol_hash)
        if kept is None:
            raise ProtocolError("its text is not in the store")
        own = {kept.priors_name: kept.priors_text} if kept.priors_name else {}
        found = Protocol.of_text(kept.text, name=f"approved {version}", priors=packaged_priors() | own)
        if found.sha256 != protocol_hash:
            raise ProtocolError("its text in the store is not the one that was approved")
        return found
    except ProtocolError as error:
        places = error.places if isinstance(error, ProtocolUnusable) else (f"approved {version}",)
        raise ProtocolUnusable(
            f"the approved protocol {version} can't be used by this cmvmon, and nobody was judged: nothing is judged by numbers that "
            "nobody approved. Write what it lacks into the site's protocol file under a new `version`, try it (`cmvmon protocol try "
            "FILE --by NAME`) and have another person approve it (`cmvmon protocol approve FILE --by NAME`); until then the former "
            f"cmvmon can judge. {error}",
            places,
        ) from error


def former(connection: sa.Connection, protocol_hash: str) -> Protocol | None:
    """The protocol of that content, where it was ever approved and this program can use its text."""
    try:
        return read_kept(connection, protocol_hash, "before")
    except ProtocolUnusable:
        return None
