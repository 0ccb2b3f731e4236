"""A file under a name that is not that of what it holds, and a line that is nothing: told as what they are. All made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmvmon.domain.errors import NoLaboratoryFile
from cmvmon.run.asking.quarantine_list import listed_quarantine
from cmvmon.run.daytime.by_hand import take_in_by_hand
from cmvmon.shell.folder.site import Site

ONLY_STAYS = 'feed = "stays"\ndescription = "stays"\n[icu_stays]\n'


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.fhir.xml", b'\xef\xbb\xbf\n<Bundle xmlns="http://hl7.org/fhir"/>', "fhir_xml"),
        ("plain.json", b'{"resourceType": "Bundle"}', "no_table"),
        ("many.csv", b'[\n {"resourceType": "Patient"}]', "no_table"),
        ("oru.txt", b"MSH|^~\\&|LIS|X|||20240101||ORU^R01|1|P|2.5.1\r", "no_table"),
        ("table.txt", b"any;header;of;a;table\n1;2;3;4;5\n", "wrong_feed"),
    ],
)
def test_a_file_of_messages_under_the_name_of_a_table_is_refused_as_what_it_is(
    tmp_path: Path, name: str, data: bytes, code: str
) -> None:
    file = tmp_path / name
    file.write_bytes(data)
    ((_, found),) = take_in_by_hand(tmp_path / "site", [file], feed="example_fhir")
    assert isinstance(found, tuple)
    assert found[0].refused == code


def test_a_feed_that_sends_tables_alone_is_not_told_to_add_a_laboratory_file(tmp_path: Path) -> None:
    site = Site(tmp_path / "site").prepare()
    (site.root / "tables").mkdir(exist_ok=True)
    (site.root / "tables" / "stays.toml").write_text(ONLY_STAYS, "utf-8")
    file = tmp_path / "stays.json"
    file.write_text("{}", "utf-8")
    ((_, found),) = take_in_by_hand(site.root, [file], feed="stays")
    assert isinstance(found, NoLaboratoryFile)
    assert "has a table file alone (icu_stays)" in str(found)
    assert "--table" in str(found)


@pytest.mark.parametrize("ending", [".fhir.ndjson"])
def test_a_line_that_is_nothing_is_one_record_with_its_own_reason_also_without_a_laboratory_file(
    tmp_path: Path, ending: str
) -> None:
    site = Site(tmp_path / "site").prepare()
    (site.root / "tables").mkdir(exist_ok=True)
    (site.root / "tables" / "stays.toml").write_text(ONLY_STAYS, "utf-8")
    file = tmp_path / f"x{ending}"
    file.write_text('{"resourceType": "Patient", "id": "1"}\n{bad\n', "utf-8")
    ((_, found),) = take_in_by_hand(site.root, [file], feed="stays")
    assert isinstance(found, tuple), found
    assert {one.refused for one in found} == {None}
    bad = [row for row in listed_quarantine(site.root) if row["reason"] == "malformed_line"]
    assert [row["line"] for row in bad] == [2]
