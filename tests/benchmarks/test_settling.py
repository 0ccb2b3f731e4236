"""A few of the histories of `python -m benchmarks settling`: of each story all orders of arrival, repeats and replays end in one hash."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from benchmarks import settling
from cmvmon.domain.known import Known
from cmvmon.domain.patient_links import PATIENT_LINKS
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS


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


def test_what_the_rules_say_is_in_the_hash_and_an_order_that_mattered_to_a_rule_would_be_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: of one patient everything is of tier 1 where the first result that came is that of the last sample."""
    said = set[str]()

    def by_arrival(known: Known, **others: Any) -> Any:
        found = whole_assess(known, **others)
        said.update(found.verdicts["verdict"])
        results = known[VIRAL_LOAD_RESULTS].sort("received_at").unique("patient_id", keep="first", maintain_order=True)
        first = dict(results.select("patient_id", pl.col("collected_at").dt.day()).iter_rows())
        tier = pl.col("patient_id").replace_strict(first, default=None, return_dtype=pl.Int8)
        return replace(found, verdicts=found.verdicts.with_columns(tier=tier))

    whole_assess = settling.assess
    monkeypatch.setattr(settling, "assess", by_arrival)
    found = set[int]()
    for seed in range(6):
        told, drawn = settling.story(seed), random.Random(seed)
        orders = [settling.arrivals(drawn, told.n_messages) for _ in range(40)]
        found.add(len(set(settling.endings(told, orders))))
    assert max(found) > 1
    assert said >= {"alert", "clear", "not_assessable"}
