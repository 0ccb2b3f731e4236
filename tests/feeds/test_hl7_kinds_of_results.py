"""Results in each type of message that is read, laid out as the standard has it (HL7 2.5.1, 7.3 and 13.3): whose specimen is whose."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.feeds.hl7_texts import file_of, message, order, read, reasons, results

OBR, OBX, SPM = order("1200", number="F1")
OBR_2, OBX_2, SPM_2 = order("3400", number="F2", specimen="BAL", collected="20260503090000")
ORC, ORC_2, SAC, VOLUME = "ORC|NW|P1|F1", "ORC|NW|P2|F2", "SAC|||T1", "OBX|1|NM|VOL^volume^L||3|mL|||||F"
FIRST = ("F1", 1200.0, "plasma", datetime(2026, 5, 3, 6, tzinfo=UTC))
SECOND = ("F2", 3400.0, "bal", datetime(2026, 5, 3, 7, tzinfo=UTC))


def rows(kind: str, *segments: str) -> list[tuple[object, ...]]:
    """Number, load, compartment and time of what is used; nothing is set apart."""
    found = results(file_of(message(*segments, kind=kind)))
    assert reasons(found) == []
    names = ("accession_number", "viral_load_iu_per_ml", "compartment", "collected_at")
    return found.accepted.sort("record_number").select(names).rows()


@pytest.mark.parametrize("kind", ["ORU^R01^ORU_R01", "ORU^R30^ORU_R30", "ORU^R32^ORU_R30", "ORU^R32"])
def test_unsolicited_results_of_a_new_or_an_earlier_order_have_the_specimen_behind_them(kind: str) -> None:
    """R30 makes an order, R32 tells of one that was placed: the groups are those of R01."""
    assert rows(kind, ORC, OBR, OBX, SPM) == [FIRST]
    assert rows(kind, ORC, OBR, OBX, SPM, ORC_2, OBR_2, OBX_2, SPM_2) == [FIRST, SECOND]


def test_another_result_message_of_the_standard_is_set_apart_and_not_read_as_one_of_them() -> None:
    assert reasons(read(file_of(message(ORC, OBR, OBX, SPM, kind="ORU^R31^ORU_R30")))) == ["message_type"]


@pytest.mark.parametrize("kind", ["OUL^R22^OUL_R22", "OUL^R23^OUL_R23"])
def test_by_specimen_or_container_the_orders_follow_their_specimen(kind: str) -> None:
    assert rows(kind, SPM, SAC, OBR, ORC, OBX) == [FIRST]
    assert rows(kind, SPM, VOLUME, SAC, OBR, ORC, OBX) == [FIRST], "what was observed of the specimen is of no order"
    assert rows(kind, SPM, SAC, OBR, ORC, OBX, SPM_2, SAC, OBR_2, ORC_2, OBX_2) == [FIRST, SECOND]


def test_by_order_the_specimen_stands_within_it() -> None:
    assert rows("OUL^R24^OUL_R24", OBR, ORC, SPM, SAC, OBX) == [FIRST]
    assert rows("OUL^R24^OUL_R24", OBR, ORC, SPM, SAC, OBX, OBR_2, ORC_2, SPM_2, SAC, OBX_2) == [FIRST, SECOND]
