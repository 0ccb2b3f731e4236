"""Merges and their ends by messages, each a delivery of its own in a real store: the same numbers are one in the end, whatever came first."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from cmvmon.domain.delivered import LINKS
from cmvmon.domain.errors import SiteError
from cmvmon.run.daytime.merging import listed_links, merge
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.shell.as_known import known
from cmvmon.shell.store import session
from cmvmon.shell.versions.links import links
from cmvmon.shell.work.opening import open_site
from tests.feeds import hl7_told_texts as hl7
from tests.run.test_hl7_movements import FEED, at_feed
from tests.sites import day

OLD, NEW = "SYNTH-1", "SYNTH-2"
JOINED = hl7.merge(OLD, NEW, at="20260301101500")
PARTED = hl7.unlink(NEW, OLD, at="20260303101500")
AGAIN = hl7.merge(OLD, NEW, at="20260305101500")
BORN = {
    number: hl7.adt("A28", patient=number, born=date, recorded="20260301081500")
    for number, date in ((OLD, "19610530"), (NEW, "19710530"))
}


def come(root: Path, *messages: list[str]) -> Path:
    """Each message as a delivery, in this order."""
    at_feed(root)
    with open_site(root) as opened:
        for n, one in enumerate(messages):
            path = root / f"{n}-{len(list(root.glob('*.hl7')))}.hl7"
            path.write_bytes(hl7.file_of(one))
            take_in_file(opened, path, feed=FEED, received_at=day(20 + n / 10))
    return root


def ends(root: Path) -> tuple[dict[str, str], list[str], int]:
    """Who goes on as whom, which links are not used and why, and how many statements are kept."""
    with open_site(root) as opened, opened.reading() as connection:
        one = links(connection, as_of=day(30))
        rows = known.known_table(connection, LINKS, as_of=day(30))
    return dict(one.into), [link.why for link in one.unused], 0 if rows is None else rows.height


@pytest.mark.parametrize(
    ("said", "into"),
    [((JOINED,), {OLD: NEW}), ((JOINED, PARTED), {}), ((JOINED, PARTED, AGAIN), {OLD: NEW})],
    ids=["merged", "parted", "merged again"],
)
def test_merges_and_their_ends_come_in_any_order_twice_and_replayed(
    said: tuple[list[str], ...], into: dict[str, str], tmp_path: Path
) -> None:
    found = []
    for n, order in enumerate(itertools.permutations(said)):
        root = come(tmp_path / str(n), *order, order[0], *order)
        found.append(ends(root))
    # both sides stay: a merge is one row, its end one for each way round
    n_rows = sum(2 if one is PARTED else 1 for one in said)
    assert found == [(into, [], n_rows)] * len(found)


def test_a_merge_of_people_of_two_dates_of_birth_waits_for_a_person_whichever_comes_first(tmp_path: Path) -> None:
    for n, order in enumerate(itertools.permutations([JOINED, *BORN.values()])):
        root = come(tmp_path / str(n), *order)
        assert ends(root) == ({}, ["born_apart"], 1)
    mended = hl7.adt("A28", patient=OLD, born="19710530", recorded="20260302081500")
    assert ends(come(root, mended))[0] == {OLD: NEW}


def test_a_person_who_compared_the_dates_says_so_and_nobody_else_can_merge_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("cmvmon.shell.store.session.now", "cmvmon.run.daytime.merging.now"):
        monkeypatch.setattr(name, lambda: day(25))
    root = come(tmp_path, *BORN.values(), hl7.adt("A01", patient=OLD), JOINED)
    (listed,) = listed_links(root)
    assert (listed["state"], listed["says"]) == ("not used: born_apart", "merged")
    with pytest.raises(SiteError, match="--birth-dates-compared") as refused:
        merge(root, OLD, NEW, at=day(1), until=None, by="dr A")
    assert "SYNTH" not in str(refused.value)
    merge(root, OLD, NEW, at=day(1), until=None, by="dr A", are_compared=True)
    assert ends(root) == ({OLD: NEW}, [], 2)
    assert session.now() == day(25)
