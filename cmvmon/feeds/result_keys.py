"""What a laboratory's number stands for, and the key of a result that follows from it.

    result    the number is of one result; it alone is the key (also where nothing is declared)
    tube      of one tube: its results differ in test or assay
    order     of one order: its results differ in specimen, collection time or tube, and perhaps in test or assay

The columns that are named as key join the number, as they are delivered but for case and spaces: what a word means may
be declared anew, and the key stays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cmvmon.feeds.toml_reading import StrictTable
from cmvmon.feeds.value_grammar import fold

ANALYTE = "cmv_dna"
RESULT, TUBE, ORDER = "result", "tube", "order"
_WITHIN_TUBE = ("test", "assay")
_BETWEEN_TUBES = ("specimen", "collected_at", "tube_number")
_MAY_JOIN = {RESULT: (), TUBE: _WITHIN_TUBE, ORDER: (*_BETWEEN_TUBES, *_WITHIN_TUBE)}


@dataclass(frozen=True)
class ResultKey:
    """`columns`: our fields that join the accession number, in the order of the laboratory file."""

    stands_for: str = RESULT
    columns: tuple[str, ...] = ()

    def result_id(
        self, laboratory: str, cells: Mapping[str, str], *, accession_number: str, collected_at: datetime
    ) -> str:
        """The id of a result across its versions. `cells`: delivered texts by our field.

        >>> moment = datetime(2026, 3, 2, 8, tzinfo=UTC)
        >>> key = ResultKey(ORDER, ("specimen", "collected_at"))
        >>> key.result_id("alfa", {"specimen": "BAL "}, accession_number="A1", collected_at=moment)
        'alfa:A1:bal:20260302T080000Z:cmv_dna'
        """
        parts = [
            collected_at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ") if name == "collected_at" else _part(cells[name])
            for name in self.columns
        ]
        return ":".join([laboratory, accession_number, *parts, ANALYTE])


def _part(text: str) -> str:
    """A colon parts the id, so that none may stand in a part."""
    return fold(text).replace("%", "%25").replace(":", "%3A")


def read_result_key(top: StrictTable, columns: Collection[str]) -> ResultKey:
    """`accession_stands_for` and `key_columns` of a laboratory file. `columns`: our fields that it declares."""
    stands_for = top.choice("accession_stands_for", (RESULT, TUBE, ORDER), required=False)
    names = top.texts("key_columns")
    if names and stands_for is None:
        top.fault("key_columns", "stands without `accession_stands_for`; say what the number stands for")
    may_join = _MAY_JOIN[stands_for or RESULT]
    for name in names:
        if stands_for is not None and name not in may_join:
            can = f"; use {', '.join(may_join)}" if may_join else "; leave the key out"
            top.fault("key_columns", f"{name!r} can't tell apart what is under the number of one {stands_for}{can}")
        elif name not in columns:
            top.fault("key_columns", f"{name!r} stands in no [columns]; declare its header there")
    if len(set(names)) < len(names):
        top.fault("key_columns", "names a column twice; keep one")
    if stands_for == ORDER and not set(names) & set(_BETWEEN_TUBES):
        top.fault(
            "key_columns", f"names nothing that tells the samples of an order apart; use {', '.join(_BETWEEN_TUBES)}"
        )
    if "tube_number" in columns and "tube_number" not in names:
        top.fault("columns.tube_number", "is declared and not part of `key_columns`; add it there, or leave it out")
    return ResultKey(stands_for or RESULT, names)
