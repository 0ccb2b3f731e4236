"""A few of the histories of `python -m benchmarks settling`: of each story all orders of arrival, repeats and replays end in one hash."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from benchmarks import settling, settling_in_store
from cmvmon.domain.known import Known
from cmvmon.domain.patient_links import PATIENT_LINKS
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS


# 1000299: two preliminary values without a report time contradict each other, and a final one was sent between the two.
@pytest.mark.parametrize("seed", [*range(3), 1000299])
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


def _several_end_otherwise() -> bool:
    """Whether any of some stories ends in more than one hash."""
    for seed in range(40):
        told, drawn = settling.story(seed), random.Random(seed)
        orders = [settling.arrivals(drawn, told.n_messages) for _ in range(10)]
        if len(set(settling.endings(told, orders))) > 1:
            return True
    return False


def test_what_waits_is_in_the_hash_and_a_record_that_only_a_later_delivery_brought_right_would_be_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: as it was before, N waited for ever where F, reported after it, had come first."""
    assert not _several_end_otherwise()
    whole = settling.brings_right
    monkeypatch.setattr(
        settling,
        "brings_right",
        lambda version, one, table: version["landed_at"] > one.landed_at and whole(version, one, table),
    )
    assert _several_end_otherwise()


def test_a_result_that_is_called_final_as_what_had_come_by_then_would_be_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: U calls final whatever preliminary version had come when it came."""

    def by_arrival(rows: pl.DataFrame) -> pl.DataFrame:
        calls, is_called = (
            rows.filter("confirms").select("result_id", at="received_at"),
            pl.col("received_at") < pl.col("at"),
        )
        first = calls.group_by("result_id").agg(pl.col("at").min())
        became = rows.filter(~pl.col("confirms").fill_null(value=False)).join(first, on="result_id", how="left")
        is_called &= pl.col("result_status") == "preliminary"
        status = pl.when(is_called).then(pl.lit("final")).otherwise("result_status")
        return whole(became.with_columns(result_status=status).drop("at"))

    whole = settling.current_versions
    monkeypatch.setattr(settling, "current_versions", by_arrival)
    assert _several_end_otherwise()


def test_what_a_real_store_ends_in_is_the_same_for_another_order_of_arrival(tmp_path: Path) -> None:
    """A few stories of `python -m benchmarks settling_in_store`."""
    told, drawn = settling_in_store.stories(1, 12), random.Random(1)
    as_said = settling_in_store.ended_in(tmp_path / "said", told, {who: range(len(each)) for who, each in told.items()})
    orders = {who: settling.arrivals(drawn, len(each)) for who, each in told.items()}
    assert settling_in_store.ended_in(tmp_path / "otherwise", told, orders) == as_said
    assert len(set(as_said.values())) == len(told)
