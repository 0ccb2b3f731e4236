"""A subject is written as text and read back as what it was; a row of a table and a call write the same text."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.domain.subjects import KINDS, subject_expr, subject_key, subject_text

_WORDS = st.none() | st.text(st.characters(codec="utf-8"), max_size=12)
_MOMENTS = st.none() | st.integers(0, 4 * 10**9).map(lambda s: datetime.fromtimestamp(s + 1e-6, UTC))


@given(st.data(), st.sampled_from(sorted(KINDS)))
def test_a_subject_that_is_written_is_read_back_as_it_was(data: st.DataObject, kind: str) -> None:
    key = {n: data.draw(_MOMENTS if n.endswith("_at") else _WORDS) for n in KINDS[kind]}
    assert subject_key(subject_text(kind, key)) == key


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_row_and_a_call_write_the_same_text(kind: str) -> None:
    keys = [
        {
            n: datetime(2026, 3, 1, 8, 5, 0, 120, tzinfo=UTC) if n.endswith("_at") else f'Zoë "{n}" \\ <b>'
            for n in KINDS[kind]
        },
        dict.fromkeys(KINDS[kind]),
    ]
    schema = {n: pl.Datetime("us", "UTC") if n.endswith("_at") else pl.String() for n in KINDS[kind]}
    written = pl.DataFrame(keys, schema=schema).select(subject_expr(kind))["subject"].to_list()
    assert written == [subject_text(kind, key) for key in keys]


@given(st.lists(_WORDS, min_size=1, max_size=20))
def test_a_row_and_a_call_write_any_name_alike(names: list[str | None]) -> None:
    """Control signs, quotes and letters of any script: the engine of the frames escapes as the call does."""
    written = pl.DataFrame({"patient_id": names}, schema={"patient_id": pl.String}).select(subject_expr("patient"))
    assert written["subject"].to_list() == [subject_text("patient", {"patient_id": name}) for name in names]


def test_every_kind_is_of_a_patient_or_of_a_feed() -> None:
    assert {kind for kind, key in KINDS.items() if "patient_id" not in key} == {"feed"}
