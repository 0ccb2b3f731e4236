"""notify.toml is read strictly: each fault is named with its key and what to do, all at once."""

from __future__ import annotations

from datetime import time

import pytest

from cmvmon.domain.errors import ProtocolError
from cmvmon.telling.notify_file import Appended, Mail, Secret, Webhook, is_within, read_notify_file
from tests.docs.notify_file_page import EXAMPLE

LOG = '[channels.log]\nkind = "file"\npath = "told.ndjson"\n'
LEAST = f'tier_1_to = ["log"]\nwork_to = ["log"]\n{LOG}'
MAIL = '[channels.team]\nkind = "smtp"\nhost = "mail"\nsecurity = "tls"\nfrom = "a@b.c"\nto = "d@e.f"\n'
CHAT = '[channels.chat]\nkind = "webhook"\nform = "json"\n'


def test_the_example_of_the_page_is_read_whole() -> None:
    read = read_notify_file(EXAMPLE)
    assert read.channels["consult"] == Mail(
        "mail.hospital.example", 587, "starttls", "cmvmon@hospital.example", "icu-consult@hospital.example", "cmvmon",
        Secret("CMVMON_MAIL_PASSWORD", None),
    )  # fmt: skip
    assert read.channels["chat"] == Webhook("mattermost", Secret("CMVMON_CHAT_URL", None))
    assert read.channels["log"] == Appended("told.ndjson")
    assert [channel.port for channel in read.channels.values() if isinstance(channel, Mail)] == [587, 465, 25]
    assert (read.quiet, read.digest_at) == ((time(22), time(7)), time(7, 30))
    assert read.routes[0].hours == (time(8), time(18))


def test_the_least_file_names_one_channel_and_who_is_told() -> None:
    read = read_notify_file(LEAST)
    assert (read.tier_1_to, read.work_to, read.escalate_to, read.digest_at) == (("log",), ("log",), (), None)
    assert not read.names_bed


FAULTS = {
    "a misspelt key": (f'qiet_from = "22:00"\n{LEAST}', "qiet_from: is not a key that is known here"),
    "nobody is told of tier 1": (LEAST.replace('["log"]', "[]", 1), "tier_1_to: names nobody"),
    "who is told is missing": (LOG, "tier_1_to: is missing"),
    "no channel at all": ('tier_1_to = ["log"]\nwork_to = ["log"]\n', "channels: is missing"),
    "channels that are no table": (
        'tier_1_to = ["log"]\nwork_to = ["log"]\nchannels = 3\n',
        "channels: is a whole number",
    ),
    "a channel that is not there": (LEAST.replace('"log"', '"team"', 1), "there is no [channels.team]"),
    "a route to a channel that is not there": (f'{LEAST}[[routes]]\ntier = 1\nto = ["x"]\n', "routes[1].to: names 'x'"),
    "a route for tier 3": (f'{LEAST}[[routes]]\ntier = 3\nto = ["log"]\n', "routes[1].tier: must be 1 or 2"),
    "a route without a tier": (f'{LEAST}[[routes]]\nto = ["log"]\n', "routes[1].tier: must be 1 or 2"),
    "a rule that is none": (
        f'{LEAST}[[routes]]\ntier = 2\nrules = ["x"]\nto = ["log"]\n',
        "names 'x', which is no rule",
    ),
    "half of the quiet hours": (f'quiet_from = "22:00"\n{LEAST}', "quiet_from: and quiet_until belong together"),
    "quiet hours of no length": (f'quiet_from = "22:00"\nquiet_until = "22:00"\n{LEAST}', "is the same as quiet_until"),
    "no time of day": (f'quiet_from = "25:00"\nquiet_until = "07:00"\n{LEAST}', "quiet_from: is no time of day"),
    "a digest for nobody": (f'digest_at = "07:00"\n{LEAST}', "digest_at: and digest_to belong together"),
    "a digest in the quiet hours": (
        f'digest_at = "06:59"\ndigest_to = ["log"]\nquiet_from = "22:00"\nquiet_until = "07:00"\n{LEAST}',
        "digest_at: lies in the quiet hours",
    ),
    "a link that is no address": (f'link_base = "pages"\n{LEAST}', "link_base: is no address"),
    "an unknown kind": (LEAST.replace('"file"', '"pager"'), "channels.log.kind: is none of"),
    "a key of another kind": (f'{LEAST}host = "x"\n', "channels.log.host: is not a key"),
    "a file outside the site": (LEAST.replace("told.ndjson", "../told"), "channels.log.path: leads out of the site"),
    "a file from the root": (LEAST.replace("told.ndjson", "/var/told"), "channels.log.path: leads out of the site"),
    "two people in one channel": (LEAST + MAIL.replace("d@e.f", "d@e.f, g@h.i"), "channels.team.to: is not one e-mail"),
    "a line break in an address": (LEAST + MAIL.replace("d@e.f", "d@e.f\\nBcc: x@y.z"), "channels.team.to: is not one"),
    "a user without a password": (f'{LEAST}{MAIL}user = "u"\n', "channels.team.user: and its password belong together"),
    "a password that goes out readable": (
        LEAST + MAIL.replace('"tls"', '"none"') + 'user = "u"\npassword_env = "P"\n',
        "channels.team.security: is none, so the password would go out readable",
    ),
    "a password in two places": (
        f'{LEAST}{MAIL}user = "u"\npassword_env = "P"\npassword_file = "p"\n',
        "keep one of them",
    ),
    "a password in the file itself": (
        f'{LEAST}{MAIL}user = "u"\npassword = "p"\n',
        "channels.team.password: is not a key",
    ),
    "a webhook without an address": (LEAST + CHAT, "channels.chat.url: stands nowhere or twice"),
    "a webhook with two": (
        f'{LEAST}{CHAT}url = "https://a/b"\nurl_env = "U"\n',
        "channels.chat.url: stands nowhere or twice",
    ),
    "an address of another kind": (f'{LEAST}{CHAT}url = "ftp://a/b"\n', "channels.chat.url: is no address"),
    "a name that is none": (LEAST.replace("channels.log", 'channels."a b"'), "channels.a b: is no name for a channel"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_named_with_its_key_and_what_to_do(case: str) -> None:
    text, told = FAULTS[case]
    with pytest.raises(ProtocolError) as refused:
        read_notify_file(text)
    head, *lines = str(refused.value).splitlines()
    assert any(told in line for line in lines), head
    assert all("; " in line for line in lines), "what to do"


def test_every_fault_of_a_file_is_told_at_once() -> None:
    with pytest.raises(ProtocolError, match=r"3 fault\(s\)") as refused:
        read_notify_file('tier_1_to = ["log"]\nx = 1\n[channels.log]\nkind = "file"\n')
    assert [line.split(":")[0].strip() for line in str(refused.value).splitlines()[1:]] == [
        "channels.log.path",
        "work_to",
        "x",
    ]


@pytest.mark.parametrize(
    ("first", "last", "clock", "inside"),
    [
        (time(8), time(18), time(8), True),
        (time(8), time(18), time(17, 59), True),
        (time(8), time(18), time(18), False),
        (time(22), time(7), time(21, 59), False),
        (time(22), time(7), time(22), True),
        (time(22), time(7), time(0), True),
        (time(22), time(7), time(7), False),
    ],
)
def test_hours_begin_at_their_first_minute_and_end_before_their_last(
    first: time, last: time, clock: time, inside: bool
) -> None:
    assert is_within((first, last), clock) is inside
