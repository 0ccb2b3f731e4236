"""Numbers that were merged: nobody of another ward is named by a merge, and whoever is named stands in the audit log."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cmvmon.run.nightly.night import nightly
from cmvmon.text import codes
from tests import sites
from tests.board import boards
from tests.board.boards import ALSO_ON_A, JUDGED, ON_A, ON_B, Asked, asked

ON_NO_LIST = "SYNTHETIC-Z9"


def judged_with(root: Path, *links: str) -> None:
    """The site after a night that knows these links."""
    sites.drop(root, "patient_links", list(links))
    nightly(root, as_of=JUDGED + timedelta(hours=1))


def numbers_named(board: Asked, login: str, page: str) -> tuple[set[str], set[str]]:
    """Which numbers stand on that page as he gets it, and which in its row of the audit log."""
    text = board.signed_in(login).get(f"/{page}").text
    (row,) = [row for row in board.audit()[-1:] if row["event"] == "view_ward"]
    return {number for number in (ON_A, ALSO_ON_A, ON_B, ON_NO_LIST) if number in text}, set(row["patients"])


@pytest.mark.parametrize("code", codes())
def test_a_merge_that_is_not_used_names_nobody_of_another_ward(code: str, site_with_board: Path) -> None:
    judged_with(site_with_board, *(sites.link(ON_A, into, at=20) for into in (ON_B, ALSO_ON_A)))
    with asked(site_with_board) as board:
        named, logged = numbers_named(board, "viewer-a", f"ward.{code}.html")
        assert named == logged == {ON_A, ALSO_ON_A}
        ward_b = board.signed_in("consultant").get(f"/ward.{code}.html?ward={boards.WARD_B}").text
        assert ON_A not in ward_b


def test_a_merge_within_the_ward_is_still_said_to_its_reader(site_with_board: Path) -> None:
    judged_with(site_with_board, *(sites.link(ON_A, into, at=20) for into in (ON_B, ALSO_ON_A)))
    with asked(site_with_board) as board:
        text = board.signed_in("viewer-a").get("/ward.en.html").text
        assert f"The merge of number {ON_A} into {ALSO_ON_A} is not used" in text


def test_whoever_is_named_by_a_merge_that_is_not_used_stands_in_the_audit_row_also_from_no_list(
    site_with_board: Path,
) -> None:
    judged_with(site_with_board, *(sites.link(ON_A, into, at=20) for into in (ON_NO_LIST, ALSO_ON_A)))
    with asked(site_with_board) as board:
        named, logged = numbers_named(board, "consultant", "ward.en.html")
        assert named == logged == {ON_A, ALSO_ON_A, ON_B, ON_NO_LIST}
        named, logged = numbers_named(board, "viewer-a", "ward.en.html")
        assert named == logged == {ON_A, ALSO_ON_A}


FILES = ("{}.csv", "{}.en.fhir.json", "{}.nl.fhir.json", "{}.en.pdf")


@pytest.mark.parametrize("file", FILES)
def test_a_number_that_was_merged_away_has_a_page_that_leads_on_and_no_file(file: str, site_with_board: Path) -> None:
    judged_with(site_with_board, sites.link(ALSO_ON_A, ON_B, at=20))
    with asked(site_with_board, pdf=lambda *_: b"%PDF-") as board:
        client = board.signed_in("consultant")
        assert ON_B in client.get(f"/{board.page_of(ALSO_ON_A)}.en.html").text
        gone = client.get(f"/{file.format(board.page_of(ALSO_ON_A))}")
        assert (gone.status_code, ALSO_ON_A in gone.text, ON_B in gone.text) == (404, False, False)
        row = board.audit()[-1]
        assert (row["outcome"], row["because"], row["patients"]) == ("refused", "not_there", [ALSO_ON_A])
        assert client.get(f"/{file.format(board.page_of(ON_B))}").status_code == 200


@pytest.mark.parametrize("name", ["{}.en.html", *FILES])
def test_neither_page_nor_file_tells_a_reader_of_one_ward_of_a_merge_into_another(
    name: str, site_with_board: Path
) -> None:
    judged_with(site_with_board, sites.link(ALSO_ON_A, ON_B, at=20))
    with asked(site_with_board, pdf=lambda *_: b"%PDF-") as board:
        for login in ("viewer-a", "consultant-a"):
            answer = board.signed_in(login).get(f"/{name.format(board.page_of(ALSO_ON_A))}")
            assert answer.status_code in (403, 404)
            assert ON_B not in answer.text


@pytest.mark.parametrize("file", FILES)
def test_of_whom_nothing_was_judged_there_is_no_file(file: str, site_with_board: Path) -> None:
    sites.drop(site_with_board, "viral_load_results", [sites.result(ON_NO_LIST, 1, "900")], name="new.csv")
    sites.drop(site_with_board, "patient_links", [sites.link(ON_NO_LIST, ON_A, at=20)])
    nightly(site_with_board, as_of=JUDGED + timedelta(hours=1))
    with asked(site_with_board, pdf=lambda *_: b"%PDF-") as board:
        for number in (ON_NO_LIST, "SYNTHETIC-NEVER-HEARD-OF"):
            answer = board.signed_in("consultant").get(f"/{file.format(board.page_of(number))}")
            assert answer.status_code == 404
