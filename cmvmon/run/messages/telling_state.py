"""How telling people, and giving out to other programs, stand on a site: whether it is set up, what waits, what failed and why.
Sends nothing, loads little."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cmvmon.domain.errors import ProtocolError, SiteError
from cmvmon.run.messages.telling import notify_file, speaking
from cmvmon.shell.folder.site import Site
from cmvmon.shell.outgoing import outbox
from cmvmon.shell.store import database
from cmvmon.shell.store.session import now, open_store
from cmvmon.telling import routing
from cmvmon.telling.notify_file import NAME, Mail, NotifyFile, Secret, Webhook
from cmvmon.telling.out_file import NAME as OUT
from cmvmon.telling.wording import said

_SHOWN_FOR = timedelta(days=7)  # messages that were given up


@dataclass(frozen=True)
class Telling:
    """How telling stands: counts only. `fault`: why notify.toml (or out.toml) can't be used; `n_failing`: waiting messages that
    were tried. `refused`: the channels of which the server refuses the address."""

    is_set_up: bool
    fault: str | None = None
    n_waiting: int = 0
    n_failing: int = 0
    n_given_up: int = 0
    refused: tuple[str, ...] = ()

    @property
    def needs_somebody(self) -> bool:
        """Whether somebody must look: nothing can be sent, or something was not delivered for good."""
        return self.fault is not None or self.n_given_up > 0 or bool(self.refused)


NOBODY_IS_TOLD = Telling(is_set_up=False)


def state(root: Path, *, at: datetime | None = None) -> Telling:
    """How telling people stands now. Raises StoreError for a database that can't be used."""
    return _state(Site(root), notify_file, routing.KINDS, at or now())


def out_state(root: Path, *, at: datetime | None = None) -> Telling:
    """How giving out to the hospital's other programs (out.toml) stands now. Raises StoreError as `state`."""
    from cmvmon.run.messages.sending_out import KINDS, out_file

    site = Site(root)
    return _state(site, out_file, KINDS, at or now()) if (root / OUT).exists() else NOBODY_IS_TOLD


def _state(site: Site, read: Callable[[Site], object | None], kinds: Collection[str], at: datetime) -> Telling:
    try:
        file, fault = read(site), None
    except ProtocolError as error:
        file, fault = None, str(error)
    if not database.exists(site.database):
        return Telling(file is not None or fault is not None, fault)
    with open_store(site.database) as store, store.reading() as connection:
        waiting = outbox.waiting(connection, kinds)
        ended = outbox.ended(connection, event=outbox.GIVEN_UP, since=at - _SHOWN_FOR)
    lost = [row for row in ended if row["kind"] in kinds]
    failing = [one for one in waiting if one.n_tried > 0]
    refused = tuple(sorted({one.channel for one in failing if _is_refused(one.cause)}))
    return Telling(file is not None or fault is not None, fault, len(waiting), len(failing), len(lost), refused)


def _is_refused(cause: str | None) -> bool:
    from cmvmon.shell.outgoing.sending import ADDRESS_REFUSED

    return cause == ADDRESS_REFUSED


def listed_messages(root: Path, *, every: bool = False) -> list[dict[str, Any]]:
    """What waits, and what was given up in the last days; with `every` what was delivered and dropped too. Moments as text.

    Messages to people, and what goes to the hospital's other programs.
    """
    from cmvmon.run.messages.sending_out import KINDS
    from cmvmon.shell.outgoing.sending import CAUSES

    site = Site(root).require()
    ends = (outbox.GIVEN_UP, outbox.DELIVERED, outbox.DROPPED) if every else (outbox.GIVEN_UP,)
    with open_store(site.database) as store, store.reading() as connection:
        waiting = outbox.waiting(connection, (*routing.KINDS, *KINDS))
        since = now() - _SHOWN_FOR
        over = [(end, row) for end in ends for row in outbox.ended(connection, event=end, since=since)]
    rows = [
        {
            "message_id": one.message_id,
            "channel": one.channel,
            "kind": one.kind,
            "state": "failing" if one.n_tried else "waiting",
            "tried": one.n_tried,
            "next_try": _text(_due(one)),
            "why": CAUSES.get(one.cause or "", one.cause),
            "since": _text(one.queued_at),
        }
        for one in waiting
    ]
    rows += [
        {name: row[name] for name in ("message_id", "channel", "kind")}
        | {"state": end, "tried": None, "next_try": None, "since": _text(row["at"])}
        | {"why": CAUSES.get(row["cause"] or "", row["cause"])}
        for end, row in over
    ]
    return rows


def try_channels(root: Path, only: str | None = None) -> list[tuple[str, str | None]]:
    """Sends a test message on each channel, or on one; with its name why it failed, in words, or None. Nothing is recorded.

    Raises SiteError where the site has no notify.toml or no channel of that name, ProtocolError for one that can't be used.
    """
    from cmvmon.shell.outgoing.sending import CAUSES, send

    site = Site(root)
    file = _file(site)
    if only is not None and only not in file.channels:
        raise SiteError(f"{NAME} has no channel {only!r}; it has {', '.join(file.channels)}")
    at, tried = now(), list[tuple[str, str | None]]()
    for name in file.channels if only is None else (only,):
        message = routing.Message(name, routing.TRIAL, ((routing.TRIAL, at.isoformat()),), at)
        facts = {"channel": name, "at": at.isoformat()}
        words = said(routing.TRIAL, message.message_id, facts, speaking(site, file, name))
        cause = send(file.channels[name], words, site=root, at=at)
        tried.append((name, None if cause is None else CAUSES[cause]))
    return tried


def unreadable_secrets(site: Site, file: NotifyFile) -> list[str]:
    """The channels whose password or address is not where notify.toml says."""
    from cmvmon.shell.outgoing.sending import is_readable

    secrets: dict[str, object] = {
        name: channel.password if isinstance(channel, Mail) else channel.url
        for name, channel in file.channels.items()
        if isinstance(channel, Mail | Webhook)
    }
    return [name for name, found in secrets.items() if isinstance(found, Secret) and not is_readable(found, site.root)]


def _file(site: Site) -> NotifyFile:
    found = notify_file(site)
    if found is None:
        raise SiteError(f"this site has no {NAME}, so nobody is told; docs/notify.md says what belongs in it")
    return found


def _due(one: outbox.Waiting) -> datetime:
    if one.tried_at is None:
        return one.not_before
    return max(one.not_before, outbox.next_try(one.n_tried, one.tried_at))


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
