"""A site's `notify.toml`: by which ways people are told, who is told of what, and when nobody is disturbed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import time

from cmvmon.feeds.toml_reading import Asked, StrictTable, read_whole
from cmvmon.text import codes, language

NAME = "notify.toml"
SMTP, WEBHOOK, FILE = KINDS = ("smtp", "webhook", "file")
STARTTLS, TLS, PLAIN = SECURITY = ("starttls", "tls", "none")
JSON, MATTERMOST, TEAMS = FORMS = ("json", "mattermost", "teams")
_PORTS = {STARTTLS: 587, TLS: 465, PLAIN: 25}
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_ADDRESS = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+")
_CHANNEL = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_PUSHED = (1, 2)  # tiers


@dataclass(frozen=True)
class Secret:
    """Where something stands that must not be in notify.toml: an environment variable, or a file. One of the two."""

    in_variable: str | None = None
    in_file: str | None = None


@dataclass(frozen=True)
class Mail:
    """One address that is reached through one mail server. `user` None = no login."""

    host: str
    port: int
    security: str
    sender: str
    to: str
    user: str | None
    password: Secret | None


@dataclass(frozen=True)
class Webhook:
    """One address that takes messages over HTTP. It is a secret where whoever knows it may write there."""

    form: str
    url: str | Secret


@dataclass(frozen=True)
class Appended:
    """A file in the site, to which each message is added as one line of JSON."""

    path: str


Channel = Mail | Webhook | Appended


@dataclass(frozen=True)
class Route:
    """Alerts of one tier that go to these channels. Empty rules or wards: any. `hours` None: at any hour."""

    to: tuple[str, ...]
    tier: int
    rules: tuple[str, ...]
    wards: tuple[str, ...]
    hours: tuple[time, time] | None


@dataclass(frozen=True)
class NotifyFile:
    """What notify.toml says. Times of day are the ward's.

    Attributes:
        tier_1_to: who is told of a tier-1 alert that no route takes.
        work_to: who is told of the work's own faults.
        quiet: from when until when nothing but tier 1 is sent; None = there are no such hours.
        left_to: who is told of an alert of tier 1 or 2 about a patient who has left: as whoever takes over.
        digest_at: when the day's digest goes to `digest_to`; None = there is none.
        wards: the wards that a message may name; of another one it says that it has no name here.
        names_bed: whether a message may name the bed.
        link_base: the address of the pages, without a slash at its end; None = no link.
        contact: whom to call, in words.
        language: of the messages; None = that of the site. languages: of single channels, where theirs is another.
        quarantine_from: from how many waiting records on somebody is told; None = nobody is.
    """

    channels: Mapping[str, Channel]
    routes: tuple[Route, ...]
    tier_1_to: tuple[str, ...]
    work_to: tuple[str, ...]
    escalate_to: tuple[str, ...]
    digest_to: tuple[str, ...]
    left_to: tuple[str, ...]
    digest_at: time | None
    quiet: tuple[time, time] | None
    wards: tuple[str, ...]
    names_bed: bool
    link_base: str | None
    contact: str | None
    language: str | None
    quarantine_from: int | None
    languages: Mapping[str, str]

    def language_of(self, channel: str) -> str | None:
        """The language of who is reached by that channel; None = that of the site."""
        return self.languages.get(channel, self.language)


def read_notify_file(text: str) -> NotifyFile:
    """What the text of notify.toml says.

    Raises ProtocolError: no TOML, or keys that are missing, unknown or contradict each other. All faults at once, each with
    its key and what to do.
    """
    return read_whole(text, NAME, _read)


def keys_asked(text: str) -> list[Asked]:
    """Every key that the reader asks for when it reads that text. Raises ProtocolError as `read_notify_file`."""
    read_notify_file(text)
    top = StrictTable(tomllib.loads(text), "", [])
    _read(top)
    return top.keys


def is_within(hours: tuple[time, time], clock: time) -> bool:
    """Whether a time of day lies in these hours, which may go over midnight.

    >>> is_within((time(22), time(7)), time(3)), is_within((time(8), time(18)), time(18))
    (True, False)
    """
    first, last = hours
    return first <= clock < last if first < last else clock >= first or clock < last


def _read(top: StrictTable) -> NotifyFile:
    described = top.table("channels", required=True)
    read = [*_channels(described)]
    channels = {name: channel for name, channel, _ in read if channel is not None}
    languages = {name: spoken for name, _, spoken in read if spoken is not None}
    routes = tuple(_route(one) for one in top.tables("routes"))
    digest_at, quiet = _clock(top, "digest_at"), _hours(top, "quiet_from", "quiet_until")
    told = {key: top.texts(key, required=key in ("tier_1_to", "work_to")) for key in _TO}
    for key in ("tier_1_to", "work_to"):
        if key in top.data and top.data[key] == []:
            top.fault(key, "names nobody; name at least one channel")
    named = [(key, name) for key, names in told.items() for name in names]
    named += [(f"routes[{n}].to", name) for n, route in enumerate(routes, 1) for name in route.to]
    for key, name in named:
        if name not in described.data:
            top.fault(key, f"names {name!r}, and there is no [channels.{name}]; add it or correct the name")
    if (digest_at is None) != (not told["digest_to"]):
        top.fault("digest_at", "and digest_to belong together; give both or neither")
    if digest_at is not None and quiet is not None and is_within(quiet, digest_at):
        top.fault("digest_at", "lies in the quiet hours; give a time outside quiet_from to quiet_until")
    link = top.text("link_base", required=False)
    if link is not None and not re.fullmatch(r"https?://[^\s/]+[^\s]*", link):
        top.fault("link_base", "is no address; give one that begins with https://")
    return NotifyFile(
        channels, routes, told["tier_1_to"], told["work_to"], told["escalate_to"], told["digest_to"], told["left_to"], digest_at,
        quiet,
        top.texts("wards"), top.truth("names_bed", required=False), link.rstrip("/") if link else None,
        top.text("contact", required=False), top.choice("language", codes(), required=False),
        top.whole("quarantine_from", at_most=1_000_000) or None, languages,
    )  # fmt: skip


_TO = ("tier_1_to", "work_to", "escalate_to", "digest_to", "left_to")


def _channels(table: StrictTable) -> Iterator[tuple[str, Channel | None, str | None]]:
    """Name, channel and language of each; None where it has a fault, or no language of its own."""
    for name in table.data:
        if not _CHANNEL.fullmatch(name):
            table.fault(name, "is no name for a channel; use small letters, digits, - and _")
        one = table.table(name)
        kind = one.choice("kind", KINDS)
        read = {SMTP: _mail, WEBHOOK: _webhook, FILE: _file}
        if kind in read:
            yield name, read[kind](one), one.choice("language", codes(), required=False)
            one.finish()


def _mail(one: StrictTable) -> Mail | None:
    host, security = one.text("host"), one.choice("security", SECURITY)
    port = one.whole("port", at_most=65535)
    sender, to = _address(one, "from"), _address(one, "to")
    user, password = one.text("user", required=False), secret_of(one, "password")
    if (user is None) != (password is None):
        one.fault("user", "and its password belong together; give both or neither")
    if user is not None and security == PLAIN:
        one.fault("security", "is none, so the password would go out readable; use starttls or tls")
    if not (host and security and sender and to):
        return None
    return Mail(host, port or _PORTS[security], security, sender, to, user, password)


def _webhook(one: StrictTable) -> Webhook | None:
    form, given, secret = one.choice("form", FORMS), one.text("url", required=False), secret_of(one, "url")
    if (given is None) == (secret is None):
        one.fault("url", "stands nowhere or twice; give one of url_env, url_file and url")
    if given is not None and not re.match(r"https?://[^\s/]+", given):
        one.fault("url", "is no address; give one that begins with https://")
    found = given or secret
    return Webhook(form, found) if form and found else None


def _file(one: StrictTable) -> Appended | None:
    path = one.text("path")
    if path is not None and (path.startswith(("/", "~")) or ".." in path.split("/") or "\\" in path):
        one.fault("path", "leads out of the site; give a path inside it, such as told.ndjson")
        return None
    return None if path is None else Appended(path)


def secret_of(one: StrictTable, key: str) -> Secret | None:
    """Where a secret stands by `<key>_env` or `<key>_file`; None where neither is given."""
    variable, file = one.text(f"{key}_env", required=False), one.text(f"{key}_file", required=False)
    if variable and file:
        one.fault(f"{key}_env", f"stands beside {key}_file; keep one of them")
    return Secret(variable, file) if variable or file else None


def _address(one: StrictTable, key: str) -> str | None:
    found = one.text(key)
    if found is not None and not _ADDRESS.fullmatch(found):
        one.fault(
            key, "is not one e-mail address; several people are a list of the mail server, or channels of their own"
        )
        return None
    return found


def _route(one: StrictTable) -> Route:
    tier, to = one.whole("tier", at_most=3), one.texts("to", required=True)
    if tier not in _PUSHED:
        one.fault("tier", "must be 1 or 2; tier 3 is never sent, it stands on the page")
    rules, wards = one.texts("rules"), one.texts("wards")
    for rule in rules:
        if not language(codes()[0]).has(f"rule.{rule}"):
            one.fault("rules", f"names {rule!r}, which is no rule; `cmvmon rules list` has their names")
    hours = _hours(one, "from", "until")
    one.finish()
    return Route(to, tier, rules, wards, hours)


def _hours(table: StrictTable, first: str, last: str) -> tuple[time, time] | None:
    begin, end = _clock(table, first), _clock(table, last)
    if (begin is None) != (end is None) and (first in table.data) != (last in table.data):
        table.fault(first, f"and {last} belong together; give both or neither")
    if begin is not None and begin == end:
        table.fault(first, f"is the same as {last}; give another time, or leave both out")
    return (begin, end) if begin is not None and end is not None else None


def _clock(table: StrictTable, key: str) -> time | None:
    found = table.text(key, required=False)
    read = _CLOCK.fullmatch(found) if found else None
    if found and read is None:
        table.fault(key, 'is no time of day; give one as "07:00"')
    return time(int(read[1]), int(read[2])) if read else None
