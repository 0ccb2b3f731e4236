"""Text of a delivery that tries to be SQL (faults.md, row 106), or a second line of a log or a mail (row 107): it stays text."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from cmvmon.domain.delivered import DELIVERED
from cmvmon.run.messages.telling import tell
from cmvmon.run.nightly.night import nightly
from tests import patients, sites
from tests.board import boards
from tests.calls import here
from tests.servers import free_port, mail_server
from tests.sites import day
from tests.telling.telling_site import notify, says

SQL = (
    "x'); DROP TABLE icu_stays; --",
    "' OR '1'='1",
    '"; DELETE FROM antiviral_courses; --',
    ":as_of %s %(x)s ? $1 {0}",
)
LINES = 'ICU-A\r\nBcc: x@y.z\n{"event": "planted"}'


def put(root: Path, table: str, row: dict[str, str], name: str = "one.csv") -> None:
    """One row into the drop folder, quoted as CSV is."""
    out = io.StringIO()
    writer = csv.DictWriter(out, patients.HEADERS[table].split(","))
    writer.writeheader()
    writer.writerow(row)
    path = root / "drop" / "synthetic" / table / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(out.getvalue().encode())
    sites.lain_still(path)


def put_all(root: Path, text: str, name: str) -> None:
    """A result, a course and a stay of a patient of that number, with the text in every cell that takes one."""
    at, began = sites.text(day(1)), sites.text(day(0))
    result = sites.result(text.replace(",", ";"), 0, 50_000).split(",")
    put(
        root,
        "viral_load_results",
        dict(zip(patients.HEADERS["viral_load_results"].split(","), result, strict=True)) | {"accession_number": text},
        name,
    )
    put(
        root,
        "antiviral_courses",
        {"patient_id": text, "drug": text, "indication": "treatment", "started_at": began},
        name,
    )
    put(root, "icu_stays", {"stay_id": text, "patient_id": text, "admitted_at": at, "ward": text, "bed": text}, name)


@pytest.mark.slow
def test_sql_in_any_cell_or_file_name_comes_out_as_it_went_in_and_every_table_stands(site: Path) -> None:
    for n, text in enumerate(SQL):
        put_all(site, text, f"{n} '; DROP TABLE deliveries;--.csv")
    done = nightly(site, as_of=day(2))
    assert done.taken_in.faults == ()
    assert sum(one.accepted for one in done.taken_in.counted) == 3 * len(SQL)
    for table, names in {"viral_load_results": "patient_id, accession_number", "antiviral_courses": "patient_id, drug",
                         "icu_stays": "patient_id, stay_id, ward, bed"}.items():  # fmt: skip
        stored = sites.rows(site, f"SELECT {names} FROM {table}")
        went_in = [tuple(text.lower() if name == "drug" else text for name in names.split(", ")) for text in SQL]
        assert sorted(stored) == sorted(went_in)  # a drug is known by its name in any case
    assert all(sites.rows(site, f"SELECT count(*) FROM {table.name}") for table in DELIVERED)
    names = {name for (name,) in sites.rows(site, "SELECT file_name FROM deliveries")}
    assert names == {f"{n} '; DROP TABLE deliveries;--.csv" for n in range(len(SQL))}
    for text in SQL:
        found = here("next-sample", "--patient", text, "--as-of", sites.text(day(2)), site=site)
        assert found.returncode == 0, found.stderr
    assert nightly(site, as_of=day(3)).taken_in.faults == ()


@pytest.mark.slow
def test_a_line_break_in_a_ward_or_drug_makes_no_second_line_in_a_mail_or_a_file_of_messages(tmp_path: Path) -> None:
    rows: dict[str, dict[str, object]] = {
        "icu_stays": {
            "stay_id": "S",
            "patient_id": "SYNTHETIC-A",
            "admitted_at": sites.text(day(-1)),
            "ward": LINES,
            "bed": LINES,
        },
        "antiviral_courses": {"patient_id": "SYNTHETIC-A", "drug": LINES, "started_at": sites.text(day(-1))},
    }
    path = tmp_path / "drop" / "pharmacy" / "one.ndjson"
    path.parent.mkdir(parents=True)
    lines = [*({"table": table} | row for table, row in rows.items()), {"records": len(rows)}]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    sites.lain_still(path)
    done = here("nightly", "--as-of", sites.text(day(0)), site=tmp_path)
    listed = here("quarantine", "list", site=tmp_path)
    assert "planted" not in done.stdout + done.stderr + listed.stdout
    assert sites.rows(tmp_path, "SELECT ward FROM icu_stays") == [(LINES,)]
    assert sites.rows(tmp_path, "SELECT reason FROM quarantined_records") == [
        ("missing_drug",)
    ]  # no drug has such a name
    says(tmp_path, "SYNTHETIC-A", "alert", day(0.1))
    with mail_server() as box:
        notify(tmp_path, port=box.port, more="names_bed = true", routes='[[routes]]\ntier = 1\nto = ["team", "data"]')
        tell(tmp_path, at=day(0.1))
    (letter,) = box.letters
    assert len(letter["Subject"].splitlines()) == 1
    assert (letter["Bcc"], letter["To"]) == (None, "team@hospital.example")
    assert "planted" not in letter.as_string()
    told = (tmp_path / "told.ndjson").read_text("utf-8").splitlines()
    (line,) = told
    assert "event" not in json.loads(line)


@pytest.mark.slow
def test_what_a_reader_asks_for_with_line_breaks_is_one_line_of_the_board_s_log(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=day(21))
    boards.board_toml(tmp_path, boards.BY_PASSWORD.replace("port = 1", f"port = {free_port()}"))
    with boards.served(tmp_path) as board:
        for path in ("/ward.en.html?ward=A%0d%0a%7B%22event%22%3A%22planted%22%7D", "/p%0a%7B%22x%22:1%7D.en.html"):
            boards.raw_request(board.port, "GET", path, [("X-Forwarded-User", "a\tb")])
        board.process.terminate()
        said, errors = board.process.communicate(timeout=60)
    lines = [json.loads(line) for line in said.splitlines()]
    assert all("event" in line and line["event"] != "planted" for line in lines)
    assert "planted" not in errors
