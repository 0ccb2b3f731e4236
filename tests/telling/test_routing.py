"""Who is told of an alert, when, and how often: by tier, rule, ward and hour, quiet hours, escalation, and what was told before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.telling.handovers import about_leaving
from cmvmon.telling.notify_file import NotifyFile, read_notify_file
from cmvmon.telling.routing import (
    ALERT,
    DIGEST,
    ESCALATION,
    HANDOVER,
    WORK,
    Fault,
    Message,
    News,
    digests_due,
    of_alerts,
    of_digest,
    of_work,
    standing,
    still_stands,
)

ZONE = ZoneInfo("Europe/Amsterdam")
FOUR_HOURS = timedelta(hours=4)
CHANNELS = "".join(
    f'[channels.{name}]\nkind = "file"\npath = "{name}"\n' for name in ("consult", "head", "day", "rebound", "data")
)
FILE = read_notify_file(f"""
tier_1_to = ["consult"]
work_to = ["data"]
escalate_to = ["head"]
digest_to = ["consult"]
digest_at = "07:30"
quiet_from = "22:00"
quiet_until = "07:00"
wards = ["A"]
names_bed = true
{CHANNELS}
[[routes]]
tier = 2
rules = ["rebound"]
to = ["rebound"]
[[routes]]
tier = 2
wards = ["A"]
from = "08:00"
until = "18:00"
to = ["day"]
[[routes]]
tier = 1
wards = ["A"]
from = "08:00"
until = "18:00"
to = ["day", "consult"]
""")
WITHOUT_ROUTES = read_notify_file(f'tier_1_to = ["consult"]\nwork_to = ["data"]\n{CHANNELS}')


def at(clock: str, day: int = 10) -> datetime:
    return datetime.fromisoformat(f"2026-03-{day:02} {clock}").replace(tzinfo=ZONE).astimezone(UTC)


def news(name: str = "one", *, tier: int = 1, rule: str = "response", ward: str | None = "A", **other: object) -> News:
    told: dict[str, object] = {"since": at("12:00"), "is_acknowledged": False, "transition": "1"} | other
    return News(alert_id=name, rule=rule, tier=tier, ward=ward, **told)  # type: ignore[arg-type]


def messages(
    *some: News,
    file: NotifyFile = FILE,
    told: dict[tuple[str, str, str], datetime] | None = None,
    now: datetime | None = None,
) -> list[Message]:
    moment = now or max((one.since for one in some), default=at("12:00"))
    return of_alerts(file, some, told or {}, at=moment, zone=ZONE, escalate_after=FOUR_HOURS)


ROUTES = [
    # tier, rule, ward, hour at which it became news, who is told
    (1, "response", "A", "12:00", {"day", "consult"}),
    (1, "response", "A", "03:00", {"consult"}),  # no route by night: whoever is told otherwise
    (1, "response", "B", "12:00", {"consult"}),
    (1, "response", None, "12:00", {"consult"}),  # the ward is not known
    (2, "response", "A", "12:00", {"day"}),
    (2, "response", "A", "08:00", {"day"}),
    (2, "response", "A", "07:59", set()),  # in the digest
    (2, "response", "B", "12:00", set()),
    (2, "rebound", "B", "12:00", {"rebound"}),
    (2, "rebound", "A", "12:00", {"rebound", "day"}),  # two routes: both
    (3, "rebound", "A", "12:00", set()),
]


@pytest.mark.parametrize(("tier", "rule", "ward", "clock", "told"), ROUTES)
def test_an_alert_goes_by_tier_rule_ward_and_hour(
    tier: int, rule: str, ward: str | None, clock: str, told: set[str]
) -> None:
    found = messages(news(tier=tier, rule=rule, ward=ward, since=at(clock)))
    assert {message.channel for message in found} == told
    assert {message.kind for message in found} <= {ALERT}


@pytest.mark.parametrize("tier", [2, 3])
def test_without_a_route_only_tier_1_is_sent(tier: int) -> None:
    assert messages(news(tier=tier), file=WITHOUT_ROUTES) == []
    assert [message.channel for message in messages(news(), file=WITHOUT_ROUTES)] == ["consult"]


@pytest.mark.parametrize(
    ("tier", "now", "not_before"),
    [
        (1, at("23:00"), at("23:00")),  # at once, also by night
        (2, at("21:59"), at("21:59")),
        (2, at("22:00"), at("07:00", 11)),
        (2, at("03:00"), at("07:00")),
        (2, at("07:00"), at("07:00")),
        (2, at("23:00", 28), at("07:00", 29)),  # the clocks go forward in that night
    ],
)
def test_quiet_hours_hold_what_is_not_tier_1(tier: int, now: datetime, not_before: datetime) -> None:
    found = messages(news(tier=tier, rule="rebound", ward="B", since=now), now=now)
    assert [message.not_before for message in found] == [not_before]


def test_what_is_told_of_one_ward_and_tier_at_one_look_is_one_message_with_a_count() -> None:
    some = [
        news("one", ward="B"),
        news("two", ward="B"),
        news("three", ward=None),
        news("four", ward="B", tier=2, rule="rebound"),
    ]
    found = {(message.channel, message.facts["n"], message.about) for message in messages(*some)}
    assert found == {
        ("consult", 2, (("one", "1"), ("two", "1"))),
        ("consult", 1, (("three", "1"),)),
        ("rebound", 1, (("four", "1"),)),
    }


def test_a_transition_is_told_once_and_the_next_one_again() -> None:
    told = {(ALERT, "one", "1"): at("12:00")}
    assert messages(news(), told=told) == []
    (first, *_), (again, *_) = messages(news()), messages(news(transition="3"), told=told)
    assert first.message_id != again.message_id


def test_an_id_follows_from_what_a_message_is_about_and_from_nothing_else() -> None:
    early, late = (messages(news("a", ward="B"), news("b", ward="B"), now=at(clock)) for clock in ("12:00", "12:05"))
    turned = messages(news("b", ward="B"), news("a", ward="B"))
    assert {message.message_id for message in (*early, *late, *turned)} == {early[0].message_id}
    others = [
        *messages(news("a", ward="B")),
        *messages(news("c", ward="B")),
        *messages(news("a", ward="B", transition="2")),
    ]
    assert len({message.message_id for message in (*others, *early)}) == 4


ESCALATES = [
    # told for so long, tier, acknowledged, told to the head already
    (timedelta(hours=3, minutes=59), 1, False, False, False),
    (FOUR_HOURS, 1, False, False, True),
    (timedelta(days=2), 1, False, False, True),
    (FOUR_HOURS, 1, True, False, False),
    (FOUR_HOURS, 2, False, False, False),
    (timedelta(hours=9), 1, False, True, False),
]


def test_what_somebody_has_answered_before_anybody_was_told_is_told_to_nobody() -> None:
    found = messages(news("a"), news("b", is_acknowledged=True))
    assert [(message.about, message.facts["n"]) for message in found if message.channel == "consult"] == [
        ((("a", "1"),), 1)
    ]
    assert messages(news("b", is_acknowledged=True)) == []


@pytest.mark.parametrize(("waited", "tier", "is_acknowledged", "was_told", "escalates"), ESCALATES)
def test_a_tier_1_that_nobody_acknowledges_is_told_to_somebody_else_once(
    waited: timedelta, tier: int, is_acknowledged: bool, was_told: bool, escalates: bool
) -> None:
    told = {(ALERT, "one", "1"): at("12:00")} | ({(ESCALATION, "one", "1"): at("16:00")} if was_told else {})
    found = messages(news(tier=tier, is_acknowledged=is_acknowledged), told=told, now=at("12:00") + waited)
    assert [(message.channel, message.kind) for message in found] == ([("head", ESCALATION)] if escalates else [])


LEFT = replace(FILE, left_to=("taker",))
# The alert, and when its patient had come back and left (days of March, at noon): whether who takes over is told on day 20.
HANDED_OVER = """
    tier standing     back left told
    1    new          -    12   yes
    2    new          -    12   yes
    2    snoozed      -    12   yes
    3    new          -    12   no
    1    new          -    -    no
    1    acknowledged -    12   no
"""
# What was told before of that transition: of which leaving, and on which day. A dash: a former version, which named none.
HANDED_OVER_BEFORE = """
    back left told_of told_on told
    -    12   12      12      no
    -    13   12      14      no
    -    12   13      14      no
    -    18   12      13      yes
    14   18   12      13      yes
    14   18   18      18      no
    14   18   17      19      no
    15   18   -       13      yes
    -    12   -       13      no
    12   18   12      13      yes
"""


def told_lines(table: str) -> list[list[str]]:
    return [line.split() for line in table.strip().splitlines()[1:]]


def noon(number: str) -> datetime | None:
    return None if number == "-" else at("12:00", int(number))


@pytest.mark.parametrize(("tier", "standing", "back", "left", "is_told"), told_lines(HANDED_OVER))
def test_an_alert_about_a_patient_who_has_left_is_told_to_who_takes_over(
    tier: str, standing: str, back: str, left: str, is_told: str
) -> None:
    has_answer = {"is_acknowledged": standing != "new", "is_snoozed": standing == "snoozed"}
    one = news(tier=int(tier), left_at=noon(left), back_at=noon(back), **has_answer)
    told = {(ALERT, "one", "1"): at("12:00")}
    found = of_alerts(LEFT, [one], told, at=at("12:00", 20), zone=ZONE, escalate_after=None)
    assert [(message.channel, message.kind) for message in found] == ([("taker", HANDOVER)] if is_told == "yes" else [])


@pytest.mark.parametrize(("back", "left", "told_of", "told_on", "is_told"), told_lines(HANDED_OVER_BEFORE))
@pytest.mark.parametrize("transition", ["1", "11"])
def test_each_leaving_is_told_once_though_its_moment_is_corrected(
    back: str, left: str, told_of: str, told_on: str, is_told: str, transition: str
) -> None:
    """Of another transition of the alert nothing was told yet."""
    one = news(left_at=noon(left), back_at=noon(back))
    of, on = noon(told_of), noon(told_on)
    assert on is not None
    told = {
        (ALERT, "one", "1"): at("12:00"),
        (HANDOVER, "one", transition if of is None else about_leaving(transition, of)): on,
    }
    found = of_alerts(LEFT, [one], told, at=at("12:00", 20), zone=ZONE, escalate_after=None)
    assert bool(found) == (is_told == "yes" or transition == "11")


def test_what_becomes_news_after_the_discharge_goes_to_both_and_names_no_bed() -> None:
    gone = news(left_at=at("12:00"), bed="12")
    found = of_alerts(LEFT, [gone], {}, at=at("13:00"), zone=ZONE, escalate_after=FOUR_HOURS)
    beds = {message.channel: message.facts["beds"] for message in found}
    assert {message.kind for message in found} == {ALERT, HANDOVER}
    assert beds["taker"] == []
    assert beds["consult"] != []


def test_without_the_protocols_time_nobody_else_is_told() -> None:
    told = {(ALERT, "one", "1"): at("12:00")}
    assert of_alerts(FILE, [news()], told, at=at("12:00", 12), zone=ZONE, escalate_after=None) == []


@pytest.mark.parametrize(
    ("now", "made", "day"),
    [
        (at("07:29"), None, None),
        (at("07:30"), None, date(2026, 3, 10)),
        (at("23:00"), None, date(2026, 3, 10)),  # late is better than not at all
        (at("08:00"), "2026-03-10", None),
        (at("08:00", 11), "2026-03-10", date(2026, 3, 11)),
    ],
)
def test_a_digest_is_made_once_a_day_from_its_hour_on(now: datetime, made: str | None, day: date | None) -> None:
    told = {} if made is None else {(DIGEST, DIGEST, made): now}
    assert digests_due(FILE, told, at=now, zone=ZONE) == day
    assert digests_due(WITHOUT_ROUTES, told, at=now, zone=ZONE) is None


def test_the_digest_of_a_day_has_one_id_on_each_channel() -> None:
    (first,), (again,), (next_day,) = (
        of_digest(date(2026, 3, day), {"team": {"n": n}}, at=at("08:00")) for day, n in ((10, 1), (10, 2), (11, 1))
    )
    assert first.message_id == again.message_id != next_day.message_id


def test_faults_of_the_work_are_one_message_for_each_cause_and_told_once() -> None:
    some = [Fault(f"silent {feed}", "t", "feed_silent", 2, feed) for feed in ("b", "a")] + [
        Fault("x", "1", "night_missed", 1)
    ]
    found = of_work(FILE, some, {}, at=at("23:00"), zone=ZONE)
    assert [(one.channel, one.facts["code"], one.facts["feeds"], one.not_before) for one in found] == [
        ("data", "feed_silent", ["a", "b"], at("07:00", 11)),
        ("data", "night_missed", [], at("23:00")),
    ]
    told = {(WORK, one.about, one.transition): at("23:00") for one in some}
    assert of_work(FILE, some, told, at=at("23:01"), zone=ZONE) == []


def test_what_was_acknowledged_or_has_ended_stands_no_longer() -> None:
    open_ones = [news("a"), news("b", is_acknowledged=True), news("c", transition="4")]
    assert standing(open_ones, [Fault("x", "1", "night_missed", 1)]) == {
        *((kind, name, which) for kind in (ALERT, ESCALATION, HANDOVER) for name, which in (("a", "1"), ("c", "4"))),
        (WORK, "x", "1"),
    }
    snoozed = standing([news("d", is_acknowledged=True, is_snoozed=True)], [])
    assert snoozed == {(HANDOVER, "d", "1")}
    left = about_leaving("1", at("12:00"))
    assert [still_stands(kind, [("d", left)], snoozed) for kind in (ALERT, HANDOVER)] == [False, True]


def test_a_message_names_a_ward_that_the_site_lists_and_a_bed_that_is_one() -> None:
    def facts(**of: str | None) -> object:
        found = messages(news(**of))[0].facts  # type: ignore[arg-type]
        return found["ward"], found["is_ward_known"], found["beds"]

    assert facts(ward="A", bed="S-01") == ("A", True, ["S-01"])
    assert facts(ward="Jansen, P.", bed="S-01") == (None, True, [])
    assert facts(ward=None, bed="S-01") == (None, False, [])
    for bed in ("1234567", "Jansen", "bed of mr Jansen 1", "1\n2", "", None):
        assert facts(ward="A", bed=bed) == ("A", True, []), bed


@given(
    st.lists(
        st.builds(
            news,
            st.sampled_from("abcdef"),
            tier=st.sampled_from([1, 2, 3]),
            ward=st.sampled_from(["A", "B", None]),
            rule=st.sampled_from(["response", "rebound"]),
            transition=st.sampled_from("12"),
        ),
        max_size=8,
        unique_by=lambda one: one.alert_id,
    ),
    st.integers(0, 8),
)
def test_however_news_comes_each_is_told_once_on_each_channel(some: list[News], split: int) -> None:
    told: dict[tuple[str, str, str], datetime] = {}
    said: list[tuple[str, str, str]] = []
    for part in (some[:split], some, some):
        found = messages(*part, told=told)
        said += [(message.channel, *pair) for message in found for pair in message.about]
        told |= {(message.kind, *pair): at("12:00") for message in found for pair in message.about}
    assert len(said) == len(set(said))
    assert {name for _, name, _ in said} >= {one.alert_id for one in some if one.tier == 1}
    assert not {name for _, name, _ in said} & {one.alert_id for one in some if one.tier == 3}
