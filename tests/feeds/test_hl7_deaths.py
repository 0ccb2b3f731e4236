"""What ADT messages tell of deaths: each place that says one, what takes one back, and what can't be read."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from cmvmon.domain.deaths import DEATHS
from cmvmon.feeds.hl7.deaths_told import DEATHS_IN
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.shell.as_known import known
from cmvmon.shell.work.opening import open_site
from tests.feeds.hl7_told_texts import adt, apart, file_of, read, table_file, told
from tests.run.test_hl7_movements import FEED, at_feed
from tests.sites import day

SAID = ("died_at", "died_on", "says")


@pytest.mark.parametrize("trigger", [kind.removeprefix("ADT^") for kind in DEATHS_IN])
def test_a_death_is_read_of_every_message_that_shows_a_person(trigger: str) -> None:
    found = read(adt(trigger, is_dead="Y", died="202605030930"))
    assert told(found, "deaths", "patient_id", *SAID) == [("SYNTH-1", "03 07:30", None, "died")]


@pytest.mark.parametrize(
    ("trigger", "cells", "said"),
    [
        ("A08", {}, []),
        ("A08", {"is_dead": "N"}, [(None, None, "alive")]),
        ("A08", {"is_dead": '""', "died": '""'}, []),  # HL7's word for an empty field
        ("A08", {"died": "202605030930"}, [("03 07:30", None, "died")]),
        ("A08", {"is_dead": "Y"}, [("03 08:15", None, "died")]),  # by the time it was stated
        ("A08", {"is_dead": "Y", "died": "20260503"}, [("03 08:15", "2026-05-03", "died")]),
        ("A08", {"left_by": "20"}, []),  # of a discharge only
        ("A03", {"left_by": "20", "happened": "202605030930"}, [("03 07:30", None, "died")]),
        ("A03", {"left_by": "41", "discharged": "202605030945"}, [("03 07:45", None, "died")]),
        ("A03", {"left_by": "20", "happened": "20260503"}, [("03 08:15", None, "died")]),
        ("A03", {"left_by": "20", "happened": "202605031000", "died": "202605030930"}, [("03 07:30", None, "died")]),
        ("A03", {"left_by": "20", "happened": "202605030930", "is_dead": "N"}, [("03 07:30", None, "died")]),
        ("A03", {"left_by": "01", "is_dead": "Y", "died": "202605030930"}, [("03 07:30", None, "died")]),
        ("A03", {"left_by": "01"}, [(None, None, "alive")]),
        ("A03", {}, []),
        ("A13", {}, [(None, None, "alive")]),
        ("A13", {"left_by": "20"}, [(None, None, "alive")]),
        ("A13", {"is_dead": "Y", "died": "202605030930"}, [("03 07:30", None, "died")]),
    ],
)
def test_what_a_message_says_of_a_death(trigger: str, cells: dict[str, str], said: list[tuple[object, ...]]) -> None:
    found = read(adt(trigger, **cells))
    assert (told(found, "deaths", *SAID) if said else []) == said
    assert [one for one in apart(found) if one[0] == "deaths"] == []
    assert said or "deaths" not in {one.table for one in found.parts}


@pytest.mark.parametrize(
    ("trigger", "cells", "reason"),
    [
        ("A08", {"is_dead": "Y", "died": "2026"}, ("malformed_time", "died_at")),
        ("A08", {"is_dead": "Y", "died": "20260532"}, ("malformed_died_on", "died_on")),
        ("A08", {"is_dead": "Y", "died": "202605040930"}, ("died_after_stated", "died_at")),
        ("A08", {"is_dead": "N", "died": "202605030930"}, ("alive_and_died_at", "died_at")),
        ("A08", {"is_dead": "N", "died": "20260503"}, ("alive_and_died_on", "died_on")),
        ("A08", {"is_dead": "U"}, ("unknown_says", "PV1-36.1")),
        ("A03", {"left_by": "07"}, ("unknown_says", "PV1-36.1")),  # a code that nobody listed
    ],
)
def test_what_can_not_be_read_is_set_apart_with_its_reason(
    trigger: str, cells: dict[str, str], reason: tuple[str, str]
) -> None:
    assert apart(read(adt(trigger, **cells))) == [("deaths", *reason)]


def test_the_way_of_leaving_is_not_read_where_nobody_declared_it() -> None:
    silent = table_file(('says = "PV1-36.1" ', 'stated_at = "EVN-2.1" '))
    found = read(adt("A03", left_by="20"), adt("A03", is_dead="Y", died="202605030930"), file=silent)
    assert told(found, "deaths", *SAID) == [("03 07:30", None, "died")]


DIED = adt("A03", left_by="20", recorded="202605030900", happened="202605030850")
TAKEN_BACK = adt("A13", recorded="202605031000")
AGAIN = adt("A08", is_dead="Y", died="202605031100", recorded="202605031130")


@pytest.mark.parametrize(
    ("many", "holds", "is_one_file"),
    [
        ((DIED, TAKEN_BACK), [], True),
        ((DIED, TAKEN_BACK), [], False),
        ((DIED, TAKEN_BACK, AGAIN), ["died"], False),
    ],
)
def test_what_was_stated_last_holds_in_whichever_order_it_comes(
    tmp_path: Path, many: tuple[list[str], ...], holds: list[str], is_one_file: bool
) -> None:
    for number, some in enumerate(permutations(many)):
        root = at_feed(tmp_path / str(number))
        with open_site(root) as opened:
            for n, messages in enumerate([some] if is_one_file else [[one] for one in some]):
                path = root / f"{n}.hl7"
                path.write_bytes(file_of(*messages))
                take_in_file(opened, path, feed=FEED, received_at=day(100 + n))
            with opened.reading() as connection:
                rows = known.known(connection, opened.site, as_of=day(110))[DEATHS]
        assert [row["says"] for row in rows.to_dicts() if row["died_at"] is not None] == holds
