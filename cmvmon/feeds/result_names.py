"""What a laboratory's record names that can't be read as a row: the result that it is about, and what it still says of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from cmvmon.domain import words
from cmvmon.domain.identity import Named, as_text
from cmvmon.domain.unseen import holds_unseen
from cmvmon.feeds.cmv_names import sounds_like_cmv
from cmvmon.feeds.declared_statuses import CONFIRMED
from cmvmon.feeds.judged import Arrival
from cmvmon.feeds.laboratory import Laboratory
from cmvmon.feeds.patient_ids import fold_id
from cmvmon.feeds.reasons import Rejection
from cmvmon.feeds.records import Record
from cmvmon.feeds.result_cells import moment_of, reported_at_of, sent_at_of, status_of, times_of
from cmvmon.feeds.shortened_numbers import is_shortened
from cmvmon.feeds.value_grammar import fold

Load = tuple[str, float | None, float | None, float | None, float | None]
# A withdrawal often carries no value. It must take effect all the same, or the result that it withdraws stays in use.
# A withdrawn version is never read, so its detection says nothing; the delivered text is kept beside it.
NO_LOAD: Load = (words.NOT_DETECTED, None, None, None, None)
_NO_MOMENT = datetime(1, 1, 1, tzinfo=UTC)  # where the collection time is no part of the key
_PARTS = re.compile(r"[\s^~&]+")


def is_of_another_test(cells: Mapping[str, str], names: str, laboratory: Laboratory) -> bool:
    """Whether the laboratory file says that the record is no CMV load: its code is listed so, or stands in no list where
    such tests are not read. `names`: what else the record calls its test and its order.

    One that sounds like CMV, or is of an order of it, is never left unread for want of a line in the file; a heading is, where the
    file says so: it has no code, no digit in its value, and withdraws nothing.
    """
    test = cells.get("test")
    if test is None:
        return False
    if fold(test) in laboratory.other_tests:
        return True
    says_withdrawn = laboratory.statuses.get(fold(cells.get("result_status", ""))) == words.WITHDRAWN
    is_heading = not test.strip() and not says_withdrawn and not any(map(str.isdigit, cells["value"]))
    if is_heading and cells["value"].strip() and laboratory.ignores_headings:
        return True
    if not laboratory.ignores_other_tests or not f"{test}{names}".strip():
        return False
    if {fold(test), *map(fold, _PARTS.split(names))} & laboratory.cmv_load_tests or sounds_like_cmv(f"{test} {names}"):
        return False
    return bool(test.strip()) or not says_withdrawn  # a withdrawal may name its result by the number alone


def named_by(cells: Mapping[str, str], laboratory: Laboratory, arrival: Arrival, specimens: Mapping[str, str]) -> Named:
    """What a record that can't be read as a row names: its number, patient, status and report time, where they are said; and of its
    sample what can be read and is not in doubt. `specimens`: folded delivered specimen -> compartment."""
    result_id, patient = _named_id(cells, laboratory), cells["patient_id"].strip()
    status, reported_at = status_of(cells, laboratory), reported_at_of(cells, laboratory, arrival)
    read: dict[str, str] = {}
    if result_id is not None:
        read["result_id"] = result_id
    is_unusable = is_shortened(patient) or holds_unseen(patient)
    is_somebody = fold_id(patient) not in laboratory.placeholder_patient_ids and not is_unusable
    if patient and is_somebody and laboratory.number_of(patient) is not None:
        read["patient_id"] = patient
    if isinstance(status, str) and status != CONFIRMED:
        read["result_status"] = status
    if not isinstance(reported_at, Rejection):
        read["reported_at"] = as_text(reported_at)
    times, compartment = times_of(cells, laboratory, arrival), specimens.get(fold(cells["specimen"]))
    sample = {} if compartment is None else {"compartment": compartment}
    if not isinstance(times, Rejection):
        sample["collected_at"] = as_text(times[0])
    unread = {} if result_id is not None else {"result_id": cells["accession_number"].strip()}
    return Named(read, unread, sample=sample, sent_at=as_text(sent_at_of(cells, laboratory, arrival)) or None)


def changed_by_number(
    cells: Mapping[str, str], record: Record, laboratory: Laboratory, arrival: Arrival
) -> tuple[object, ...] | None:
    """What a withdrawal that can't be read as a row still says: which result, and when. None where it is none.

    Its test must be empty or a CMV load's: one number may stand for several tests. A report time that can't be read, or
    lies in the future, is left out: the withdrawal then holds from its receipt. The same of a record that calls a
    preliminary result final without repeating it (`confirms`): its load is then left out (null).
    """
    accession, result_id = cells["accession_number"].strip(), _named_id(cells, laboratory)
    test = fold(cells.get("test", ""))
    is_other_test = bool(test) and test not in laboratory.cmv_load_tests
    status = status_of(cells, laboratory)
    if result_id is None or is_other_test or status not in (words.WITHDRAWN, CONFIRMED):
        return None
    confirms = status == CONFIRMED
    said = (words.PRELIMINARY, None, None, None, None, None) if confirms else (words.WITHDRAWN, *NO_LOAD)
    reported_at = reported_at_of(cells, laboratory, arrival)
    return (
        result_id, None, None, None, None, None, *said, accession,
        None if isinstance(reported_at, Rejection) else reported_at, sent_at_of(cells, laboratory, arrival), None,
        cells["value"], cells.get("unit") or None, None, None, confirms or None, record.number, record.line,
    )  # fmt: skip


def result_id_of(cells: Mapping[str, str], laboratory: Laboratory, collected_at: datetime) -> str:
    """The id of the result that a record is a version of."""
    return laboratory.result_key.result_id(
        laboratory.laboratory, cells, accession_number=cells["accession_number"].strip(), collected_at=collected_at
    )


def _named_id(cells: Mapping[str, str], laboratory: Laboratory) -> str | None:
    """The id of the result that a record names, which may not be readable as a row; None where a part of its key is not."""
    key = ("accession_number", *laboratory.result_key.columns)
    if not all(cells[name].strip() for name in key) or is_shortened(cells["accession_number"]):
        return None
    collected_at = moment_of(cells["collected_at"], laboratory)
    if isinstance(collected_at, datetime):
        return result_id_of(cells, laboratory, collected_at)
    return None if "collected_at" in key else result_id_of(cells, laboratory, _NO_MOMENT)
