"""A few of the histories of `python -m benchmarks settling`: of each story all orders of arrival, repeats and replays end in one hash."""

from __future__ import annotations

import random

import polars as pl
import pytest

from benchmarks import settling
from cmvmon.domain.patient_links import PATIENT_LINKS


@pytest.mark.parametrize("seed", range(3))
def test_every_history_of_a_story_ends_in_one_hash(seed: int) -> None:
    told, drawn = settling.story(seed), random.Random(seed)
    orders = [settling.arrivals(drawn, told.n_messages) for _ in range(100)]
    assert len(set(settling.endings(told, orders))) == 1
    assert {len(set(order)) for order in orders} == {told.n_messages}
    assert any(len(order) > told.n_messages for order in orders)


def test_stories_end_in_different_things_and_a_message_that_did_not_come_is_seen() -> None:
    """The control: the hash is of what was said."""
    told = [settling.story(seed) for seed in range(3)]
    whole = [settling.endings(one, [range(one.n_messages)])[0] for one in told]
    assert len(set(whole)) == 3
    for one, ending in zip(told, whole, strict=True):
        without = [[m for m in range(one.n_messages) if m != left] for left in range(one.n_messages)]
        assert set(settling.endings(one, without)) - {ending}


def test_an_order_that_mattered_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: links of which the last to arrive holds end otherwise in another order."""

    def last_to_arrive(current: pl.DataFrame, *others: object, **named: object) -> object:
        newest = current.sort("received_at").unique(["patient_id", "merged_into"], keep="last", maintain_order=True)
        return settling_links(newest, *others, **named)  # type: ignore[arg-type]

    settling_links = settling.links_at
    monkeypatch.setattr(settling, "links_at", last_to_arrive)
    found = set[int]()
    for seed in range(12):
        told, drawn = settling.story(seed), random.Random(seed)
        if told.rows[PATIENT_LINKS.name].height > 2:
            orders = [settling.arrivals(drawn, told.n_messages) for _ in range(40)]
            found.add(len(set(settling.endings(told, orders))))
    assert max(found) > 1
