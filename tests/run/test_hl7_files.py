"""HL7 files in the drop folder, from the file to the ward page: results, corrections, a withdrawal, and what could not be read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from cmvmon.run.backups.rebuilding import rebuild
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.feeds.hl7_texts import file_of, message, order
from tests.sites import day

FEED = "example_hl7"


def put(root: Path, name: str, data: bytes) -> Path:
    path = root / "drop" / FEED / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    sites.lain_still(path)
    return path


def load(
    value: str, *, number: str, on: str, patient: str = "SYNTHETIC-HL7", status: str = "F", hour: int = 12
) -> list[str]:
    """One BAL result of a day of March 2026, reported at that hour."""
    return message(
        *order(
            value,
            number=number,
            specimen="BAL",
            status=status,
            of_order="",
            collected=f"202603{on}0800",
            reported=f"202603{on}{hour}00",
        ),
        patient=patient,
    )


def ward(root: Path) -> str:
    return (root / "pages" / "ward.en.html").read_text(encoding="utf-8")


def test_results_reach_the_ward_page_a_correction_takes_their_place_and_a_withdrawal_takes_them_away(
    tmp_path: Path,
) -> None:
    put(tmp_path, "one.hl7", file_of(load("850000", number="F1", on="02"), load("6200000", number="F2", on="09")))
    done = nightly(tmp_path, as_of=day(9))
    (counted,) = done.taken_in.counted
    assert (counted.received, counted.accepted, done.taken_in.faults) == (2, 2, ())
    assert "6,200,000 IU/mL" in ward(tmp_path)
    put(tmp_path, "two.hl7", file_of(load("620000", number="F2", on="09", status="C", hour=14)))
    nightly(tmp_path, as_of=day(9.5))
    assert "620,000 IU/mL" in ward(tmp_path)
    assert "6,200,000 IU/mL" not in ward(tmp_path)
    put(tmp_path, "three.hl7", file_of(load("", number="F2", on="09", status="W", hour=16)))
    nightly(tmp_path, as_of=day(10))
    assert "620,000 IU/mL" not in ward(tmp_path)
    assert "850,000 IU/mL" in ward(tmp_path)


def test_a_bad_file_and_a_bad_message_stop_nothing_and_are_told(tmp_path: Path) -> None:
    bad = b"MSH|^~\\&|||||||ORU^R01|1|P|2.5\rPID|1||SYNTHETIC-BAD^^^E^MR\rOBR|1\rOBX|1|TX|||two\rlines\r"
    put(tmp_path, "a.hl7", bad + file_of(load("850000", number="F1", on="02")))
    put(
        tmp_path,
        "b.hl7",
        b"FHS|^~\\&\rBHS|^~\\&\r" + file_of(load("500", number="F2", on="02", patient="SYNTHETIC-CUT")),
    )
    put(tmp_path, "c.hl7", file_of(load("900000", number="F3", on="02", patient="SYNTHETIC-AFTER")))
    nightly(tmp_path, as_of=day(3))
    found = sites.rows(tmp_path, "SELECT patient_id FROM viral_load_results ORDER BY 1")
    assert found == [("SYNTHETIC-AFTER",), ("SYNTHETIC-HL7",)]
    waits = sites.rows(tmp_path, "SELECT patient_id, reason FROM quarantined_records ORDER BY reason")
    assert waits == [(None, "delivery_refused"), ("SYNTHETIC-BAD", "malformed_segment")]
    assert FEED in ward(tmp_path)


def test_a_mended_laboratory_file_judges_messages_again(tmp_path: Path) -> None:
    from tests.feeds.shipped import LABS

    put(
        tmp_path,
        "a.hl7",
        file_of(message(*order(specimen="BALF", collected="20260302080000", reported="202603021200"))),
    )
    nightly(tmp_path, as_of=day(3))
    assert sites.rows(tmp_path, "SELECT reason FROM quarantined_records") == [("unknown_specimen",)]
    text = (LABS / "example_hl7.toml").read_text("utf-8").replace('"BAL" = "bal"', '"BAL" = "bal"\n"BALF" = "bal"')
    (tmp_path / "labs").mkdir(exist_ok=True)
    (tmp_path / "labs" / "example_hl7.toml").write_text(text, "utf-8")
    nightly(tmp_path, as_of=day(4))
    assert sites.rows(tmp_path, "SELECT compartment FROM viral_load_results") == [("bal",)]


def test_a_file_that_comes_again_or_under_another_name_changes_nothing(tmp_path: Path) -> None:
    path = put(tmp_path, "one.hl7", file_of(load("850000", number="F1", on="02")))
    with open_site(tmp_path) as opened:
        take_in_file(opened, path, feed=FEED, received_at=day(2))
        copy = shutil.copy(path, tmp_path / "COPY.HL7")
        (again,) = take_in_file(opened, Path(copy), feed=FEED, received_at=day(3))
    assert (again.was_known, again.duplicates) == (True, 1)


def test_a_site_can_be_built_again_from_its_messages(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    put(old, "one.hl7", file_of(load("850000", number="F1", on="02"), message(kind="MDM^T02")))
    nightly(old, as_of=day(3))
    rebuild(old, new)
    query = "SELECT patient_id, viral_load_iu_per_ml, delivered_value FROM viral_load_results"
    assert sites.rows(new, query) == sites.rows(old, query) != []


def test_no_word_about_a_person_leaves_a_message_but_its_number(tmp_path: Path) -> None:
    lines = load("?", number="F1", on="02")
    lines[1] = "PID|1||SYNTHETIC-HL7^^^E^MR||FAKENAME^CANARY^^^^^L||19500101|M|||CANARYSTREET 1"
    put(
        tmp_path,
        "one.hl7",
        file_of(lines, ["MSH|^~\\&|||||||ADT^A99|1|P|2.5", lines[1]], [lines[0], lines[1], "BROKEN CANARY"]),
    )
    done = nightly(tmp_path, as_of=day(3))
    said = json.dumps([str(one) for one in done.taken_in.counted]) + ward(tmp_path)
    said += str(sites.rows(tmp_path, "SELECT * FROM quarantined_records"))
    assert "CANARY" not in said
