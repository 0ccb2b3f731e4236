"""FHIR files in the drop folder, from the file to the ward page: results, corrections, a withdrawal, and what could not be read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from cmvmon.run.backups.rebuilding import rebuild
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.feeds.fhir_texts import Json, as_bytes, as_lines, bundle, observation, patient, quantity, specimen
from tests.feeds.shipped import LABS
from tests.sites import day

FEED = "example_fhir"


def put(root: Path, name: str, data: bytes) -> Path:
    path = root / "drop" / FEED / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    sites.lain_still(path)
    return path


def load(
    value: int, *, number: str, on: str, hour: int = 12, whose: str = "SYNTHETIC-FHIR", **changes: Any
) -> list[Json]:
    """One BAL result of a day of March 2026, reported at that hour, with its specimen and its patient."""
    reported = f"2026-03-{on}T{hour}:00:00+01:00"
    own = f"{number}-{hour}"
    return [
        patient(whose, f"p-{own}"),
        specimen(collected=f"2026-03-{on}T08:00:00+01:00", id=f"s-{own}") | {"subject": {"reference": f"Patient/p-{own}"}},
        observation(number, id=own, issued=reported, subject={"reference": f"Patient/p-{own}", "display": "CANARY"},
                    specimen={"reference": f"Specimen/s-{own}"}, **(quantity(value) | changes)),
    ]  # fmt: skip


def whole(*resources: list[Json]) -> bytes:
    return as_bytes(bundle(*(one for some in resources for one in some)))


def ward(root: Path) -> str:
    return (root / "pages" / "ward.en.html").read_text(encoding="utf-8")


def test_results_reach_the_ward_page_a_correction_takes_their_place_and_a_withdrawal_takes_them_away(
    tmp_path: Path,
) -> None:
    put(tmp_path, "one.fhir.json", whole(load(850000, number="F1", on="02"), load(6200000, number="F2", on="09")))
    done = nightly(tmp_path, as_of=day(9))
    (counted,) = done.taken_in.counted
    assert (counted.received, counted.accepted, done.taken_in.faults) == (2, 2, ())
    assert "6,200,000 IU/mL" in ward(tmp_path)
    put(tmp_path, "two.FHIR.JSON", whole(load(620000, number="F2", on="09", hour=14, status="corrected")))
    nightly(tmp_path, as_of=day(9.5))
    assert "620,000 IU/mL" in ward(tmp_path)
    assert "6,200,000 IU/mL" not in ward(tmp_path)
    gone = {
        "resourceType": "Observation",
        "id": "x",
        "status": "entered-in-error",
        "issued": "2026-03-09T16:00:00+01:00",
    }
    gone["identifier"] = observation("F2")["identifier"]
    put(tmp_path, "three.fhir.ndjson", as_lines(gone))
    nightly(tmp_path, as_of=day(10))
    assert "620,000 IU/mL" not in ward(tmp_path)
    assert "850,000 IU/mL" in ward(tmp_path)


def test_a_bad_file_and_a_bad_entry_stop_nothing_and_are_told(tmp_path: Path) -> None:
    bad = load(1, number="F0", on="02", whose="SYNTHETIC-BAD")
    data = whole(bad, load(850000, number="F1", on="02")).replace(b'"value": 1,', b'"value": NaN,')
    put(tmp_path, "a.fhir.json", data)
    put(tmp_path, "b.fhir.json", whole(load(500, number="F2", on="02", whose="SYNTHETIC-CUT"))[:-5])
    put(tmp_path, "c.fhir.json", whole(load(900000, number="F3", on="02", whose="SYNTHETIC-AFTER")))
    put(tmp_path, "d.xml", b"<Bundle/>")
    nightly(tmp_path, as_of=day(3))
    found = sites.rows(tmp_path, "SELECT patient_id FROM viral_load_results ORDER BY 1")
    assert found == [("SYNTHETIC-AFTER",), ("SYNTHETIC-FHIR",)]
    waits = sites.rows(tmp_path, "SELECT patient_id, reason FROM quarantined_records ORDER BY reason")
    assert waits == [(None, "delivery_refused"), ("SYNTHETIC-BAD", "no_json_number")]
    assert FEED in ward(tmp_path)


def test_a_mended_laboratory_file_judges_resources_again(tmp_path: Path) -> None:
    odd = load(850000, number="F1", on="02")
    odd[1]["type"] = {"coding": [{"code": "BALF"}]}
    put(tmp_path, "a.fhir.json", whole(odd))
    nightly(tmp_path, as_of=day(3))
    assert sites.rows(tmp_path, "SELECT reason FROM quarantined_records") == [("unknown_specimen",)]
    text = (LABS / "example_fhir.toml").read_text("utf-8").replace('"PLAS" = "plasma"', '"BALF" = "bal"')
    (tmp_path / "labs").mkdir(exist_ok=True)
    (tmp_path / "labs" / "example_fhir.toml").write_text(text, "utf-8")
    nightly(tmp_path, as_of=day(4))
    assert sites.rows(tmp_path, "SELECT compartment FROM viral_load_results") == [("bal",)]


def test_a_file_or_a_result_that_comes_again_changes_nothing(tmp_path: Path) -> None:
    first = load(850000, number="F1", on="02")
    path = put(tmp_path, "one.fhir.json", whole(first))
    with open_site(tmp_path) as opened:
        take_in_file(opened, path, feed=FEED, received_at=day(2))
        copy = shutil.copy(path, tmp_path / "COPY.fhir.json")
        (again,) = take_in_file(opened, Path(copy), feed=FEED, received_at=day(3))
        first[2]["meta"] = {"versionId": "2", "lastUpdated": "2026-03-03T08:00:00Z"}
        resent = put(tmp_path, "two.fhir.ndjson", as_lines(*first))
        (other,) = take_in_file(opened, resent, feed=FEED, received_at=day(4))
    assert (again.was_known, again.duplicates) == (True, 1)
    assert (other.was_known, other.received, other.duplicates) == (False, 1, 1)


def test_a_site_can_be_built_again_from_its_resources(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    put(old, "one.fhir.json", whole(load(850000, number="F1", on="02"), [{"resourceType": "Group"}]))
    nightly(old, as_of=day(3))
    rebuild(old, new)
    query = "SELECT patient_id, viral_load_iu_per_ml, delivered_value FROM viral_load_results"
    assert sites.rows(new, query) == sites.rows(old, query) != []


def test_no_word_about_a_person_leaves_a_resource_but_its_number(tmp_path: Path) -> None:
    unread = load(1, number="F1", on="02", valueQuantity=None, valueString="?")
    broken = load(2, number="F2", on="02", hour=13)
    put(tmp_path, "one.fhir.json", whole(unread, broken, [{"resourceType": "Person", "name": [{"text": "CANARY"}]}]).replace(b'"value": 2,', b'"value": NaN,'))  # fmt: skip
    done = nightly(tmp_path, as_of=day(3))
    said = json.dumps([str(one) for one in done.taken_in.counted]) + ward(tmp_path)
    said += str(sites.rows(tmp_path, "SELECT * FROM quarantined_records"))
    assert "CANARY" not in said
    assert sites.rows(tmp_path, "SELECT count(*) FROM quarantined_records") == [(3,)]
