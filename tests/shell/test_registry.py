"""The delivered tables stand in one registry: whoever takes in, stores, replays, gates or analyses them names none."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from cmvmon.domain.delivered import DELIVERED, LEADING
from cmvmon.feeds.formats import FORMATS, format_of
from cmvmon.shell.rows.schema import VERSIONS

ROOT = Path(__file__).parents[2]
# Those that may name a table: the row type file, the registry, the reader of results, those that compute with tables or
# fit to them. The words of tables (text) and the simulator, which writes them, are other rooms.
LAWFUL = {
    "feeds/laboratory_results.py",  # reads results
    "feeds/hl7/tables_told.py",  # which messages tell of which tables
    "feeds/rows_in_doubt.py",  # which rows of which table can't be true
    "feeds/told_records.py",  # how an order and a dose are told
    "feeds/hl7/merges.py", "run/daytime/merging.py",  # `birth_dates`, a column of links
    "feeds/fhir/table_records.py",  # says of an order of a drug which table it is no row of
    "run/answers/free_text.py",  # refuses a date of birth in what a person types
    "run/live_demo/live_playing.py", "workbench/live_story.py",  # play a hospital
    "feeds/delivery_text.py",  # writes them, for the simulator
    "run/pages/caveats.py",  # what pages say of the feeds of results, courses and stays
    "run/pages/never_delivered.py",  # for want of which table a rule can't judge
    "run/asking/protocol_rows.py",  # names a fact, the kidney function that a label is held against
    "run/judging/in_doubt.py",  # who was treated while results moved
    "run/ward/ended_stays.py",  # which stays a death ended
    "run/ward/placing.py",  # where a patient lies, by stays
    "run/pages/views.py",  # pages show results
    "run/ward/ward_list.py",  # who is on the ward's list, by stays, courses and results
    "run/ward/samples_waiting.py",  # what was ordered and has no result
    "run/ward/drugs_now.py",  # what runs, by courses
    "run/asking/unit_query.py",  # who is seropositive, and the unit's numbers
    "run/asking/what_it_rests_on.py",  # of which table a fact of a rule is a row
    "run/pages/data_view.py",  # counts reasons of stopping that no file lists
    "shell/migrations/added.py",  # which columns came to which table
    "workbench/demo.py", "workbench/demo_patients.py",  # write a ward
    "workbench/priors_fit.py", "workbench/simulation.py", "workbench/study_data.py", "workbench/warming.py",
}  # fmt: skip
FILES = [
    path
    for folder in ("feeds", "shell", "run", "workbench")
    for path in (ROOT / "cmvmon" / folder).rglob("*.py")
    if str(path.relative_to(ROOT / "cmvmon")) not in LAWFUL
] + [ROOT / "cmvmon" / name for name in ("ingest.py", "domain/known.py", "domain/tables.py", "domain/versions.py")]
FILES += list((ROOT / "data_contracts").glob("*.py"))
NAMES = {table.name for table in DELIVERED} | {table.name.upper() for table in DELIVERED}


def named(path: Path) -> set[str]:
    """Delivered tables that the code of a file names, as text or as a row type; docstrings are words for people."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    texts = [
        n.value
        for n in ast.walk(tree)
        if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in docs
    ]
    identifiers = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    identifiers |= {n.name for n in ast.walk(tree) if isinstance(n, ast.alias)}
    return {name for name in NAMES if name in identifiers or any(name in text for text in texts)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_that_serves_every_delivered_table_names_one(path: Path) -> None:
    assert named(path) == set()


def test_the_search_finds_a_table_that_is_named_in_code_and_none_that_is_named_in_words(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.write_text(
        '"""Of icu_stays."""\nfrom y import ANTIVIRAL_COURSES\nQUERY = "SELECT 1 FROM viral_load_results"\n'
    )
    assert named(file) == {"ANTIVIRAL_COURSES", "viral_load_results"}


def test_every_lawful_exception_is_one() -> None:
    assert {name for name in LAWFUL if not named(ROOT / "cmvmon" / name)} == set()


def test_every_entry_has_its_versions_table_and_names_columns_that_it_has() -> None:
    assert list(VERSIONS) == [table.name for table in DELIVERED]
    for table in DELIVERED:
        columns = {column.name for column in table.rows.columns}
        asked = {table.starts, *table.known_since, *table.ends, *table.of_whole, "patient_id", "received_at"}
        asked |= {table.whole} - {""}
        assert asked <= columns, table.name
        assert not table.rows.column(table.known_since[-1]).null_means, table.name
        assert all(table.rows.column(name).null_means for name in table.ends), table.name
    assert LEADING.required


def test_every_format_is_found_by_its_ending() -> None:
    for name, form in FORMATS.items():
        assert format_of(f"x{form.ending.upper()}") == name
    assert format_of("notes.txt") is None
