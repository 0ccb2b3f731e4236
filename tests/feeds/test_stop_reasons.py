"""Why a course was stopped, as feeds say it: in their words, in a word that nobody listed, or not. No course is lost for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO

import polars as pl
import pytest

from cmvmon.domain import words
from cmvmon.domain.columns import split_by_promises
from cmvmon.domain.delivered import BY_NAME
from cmvmon.domain.identity import content_hash
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.feeds.standard_table import typed_exchange
from cmvmon.feeds.table_file import TableFile, read_table_file
from cmvmon.ingest import ingest
from tests import patients

AT = datetime(2026, 3, 20, 6, tzinfo=UTC)
HEAD = 'feed = "pharmacy"\ndescription = "Invented"\n'
OURS = read_table_file(HEAD, name="pharmacy", drugs=frozenset({"ganciclovir"}))
DUTCH = read_table_file(
    HEAD
    + """[antiviral_courses.columns]
stop_reason = "Stopreden"
[antiviral_courses.words.stop_reason]
failure = ["onvoldoende effect", "therapiefalen"]
toxicity = ["bijwerking"]
""",
    name="pharmacy",
    drugs=frozenset({"ganciclovir"}),
)


def read(cell: str, file: TableFile | None, *, name: str = "stop_reason", form: str = "csv") -> list[str | None]:
    """The reason of a course whose cell says that; a test fails where the course is not there."""
    row = {
        "patient_id": "P1", "drug": "ganciclovir", "indication": "treatment", "started_at": "2026-03-02T09:00:00Z",
        "stopped_at": "2026-03-09T09:00:00Z", name: cell,
    }  # fmt: skip
    data = BytesIO()
    frame = pl.DataFrame([row])
    frame.write_parquet(data) if form == "parquet" else frame.write_csv(data)
    (part,) = ingest(
        data.getvalue(), feed="pharmacy", table="antiviral_courses", laboratory=None, delivery_id="0" * 64,
        received_at=AT, landed_at=AT, table_file=file, form=form,
    ).parts  # fmt: skip
    assert part.refused is None
    assert part.accepted.height == 1
    return part.accepted["stop_reason"].to_list()


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("file", [None, OURS], ids=["no table file", "one that is silent"])
@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        *((word, word) for word in words.STOP_STATED),
        (" Toxicity ", "toxicity"),
        ("FAILURE", "failure"),
        ("", None),
        ("  ", None),
        ("rash", words.NOT_LISTED),
        ("toxicity; failure", words.NOT_LISTED),
        ("rash, as dr. A of SYNTHETIC-1 says", words.NOT_LISTED),
    ],
)
def test_a_word_of_the_list_is_kept_in_any_case_and_another_one_never_and_the_course_stands(
    cell: str, reason: str | None, file: TableFile | None, form: str
) -> None:
    assert read(cell, file, form=form) == [reason]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("Bijwerking", "toxicity"),
        ("ONVOLDOENDE  EFFECT", "failure"),
        ("therapiefalen", "failure"),
        ("toxicity", "toxicity"),
        ("huiduitslag", words.NOT_LISTED),
        ("", None),
    ],
)
def test_a_table_file_makes_dutch_words_ours(cell: str, reason: str | None) -> None:
    assert read(cell, DUTCH, name="Stopreden") == [reason]


def test_a_course_without_the_column_is_read_as_before() -> None:
    rows, broken = typed_exchange(
        pl.DataFrame({"patient_id": ["P1"], "drug": ["ganciclovir"], "started_at": [AT]}), ANTIVIRAL_COURSES
    )
    assert (rows["stop_reason"].to_list(), broken.height) == ([None], 0)


def test_what_is_stored_holds_no_word_of_a_sender() -> None:
    """Who writes past the reader, a program or a person, is caught by the contract."""
    course = patients.courses_frame("ganciclovir d0-d7!rash")
    assert course is not None
    assert split_by_promises(course, ANTIVIRAL_COURSES)[1]["reason"].to_list() == ["unknown_stop_reason"]


def test_a_row_without_a_reason_has_the_hash_that_stores_of_before_hold_and_a_reason_makes_another_version() -> None:
    course = patients.courses_frame("ganciclovir d0-d7")
    assert course is not None
    (row,) = course.to_dicts()
    # Made by the program that did not have the column yet, of this row.
    assert content_hash(row, ANTIVIRAL_COURSES) == OF_BEFORE
    assert content_hash(row | {"stop_reason": "toxicity"}, ANTIVIRAL_COURSES) != OF_BEFORE
    assert content_hash(row | {"stop_reason": "failure"}, ANTIVIRAL_COURSES) != content_hash(
        row | {"stop_reason": "toxicity"}, ANTIVIRAL_COURSES
    )


OF_BEFORE = "aaf1752ffbc4c6d0e33019a33f58156c70a9340e79c61abc951ea19f9261a1a6"


@pytest.mark.parametrize(
    ("given", "day", "reason"),
    [
        ("ganciclovir d0-d7!toxicity", 7, "toxicity"),
        ("ganciclovir d0-d7!toxicity", 6.9, None),  # stopped in advance: neither stop nor reason holds yet
        ("ganciclovir d0-!toxicity", 7, "toxicity"),  # the cell is kept; nothing reads it while the course runs
    ],
)
def test_a_reason_is_not_known_before_the_stop_that_it_is_of(given: str, day: float, reason: str | None) -> None:
    courses = patients.courses_frame(given)
    assert courses is not None
    begun = BY_NAME["antiviral_courses"].begun(courses, patients.DAY_0 + timedelta(days=day))
    assert begun["stop_reason"].to_list() == [reason]
