"""Every small site, night by night, against its expected.toml; the ones that are still wrong fail by name.

A case fails here for one reason only, `FallsShort`: a crash of a night, a slip in its file, or a wrong state that is not
the one written down as seen is an ordinary failure.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest

from tests.cases.expectations import Expected, not_held, read
from tests.cases.site_state import Edit, State, after_last_night

pytestmark = pytest.mark.slow
FOLDER = Path(__file__).parent
CASES = sorted(path for path in (FOLDER / "small_sites").iterdir() if path.is_dir())
STILL_WRONG: dict[str, str] = tomllib.loads((FOLDER / "still_wrong.toml").read_text(encoding="utf-8"))["small_sites"]


Played = Callable[..., State]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The state after the nights of a case, with these edits and this table file: the same nights are played once."""

    @cache
    def play(case: Path, edits: tuple[Edit, ...], table_file: str) -> State:
        return after_last_night(case, tmp_path_factory.mktemp(case.name) / "site", edits, table_file)

    def after(case: Path, edits: Sequence[Edit] = (), table_file: str = "") -> State:
        return play(case, tuple(edits), table_file)

    return after


class FallsShort(Exception):
    """The state after the last night is not what the case expects."""


def _marked(case: Path) -> object:
    said = STILL_WRONG.get(case.name)
    marks = [] if said is None else [pytest.mark.xfail(strict=True, raises=FallsShort, reason=said)]
    return pytest.param(case, id=case.name, marks=marks)


@pytest.mark.parametrize("case", [_marked(case) for case in CASES])
def test_a_small_site_stands_as_its_case_expects_after_the_last_night(case: Path, played: Played) -> None:
    expected = read(case)
    state = played(case, expected.declared, expected.table_file)
    faults = not_held(expected.must, state)
    if faults:
        assert not_held(expected.today, state) == [], (
            "wrong in another way than written: look, and write down what is seen"
        )
        raise FallsShort("; ".join(faults))
    for number, variant in enumerate(expected.variants, start=1):
        other = played(case, variant.edits, variant.table_file)
        wrong = not_held(variant.must, other) if variant.must else not_the_same(state, other)
        if wrong:
            raise FallsShort(f"variant {number}: {'; '.join(wrong)}")


@pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in CASES if read(c).undeclared])
def test_what_the_laboratory_file_does_not_declare_is_not_guessed(case: Path, played: Played) -> None:
    assert not_held(read(case).undeclared, played(case)) == []


def not_the_same(state: State, other: State) -> list[str]:
    """The verdicts that stand in one of the two states only."""
    columns = ("patient_id", "compartment", "rule", "verdict", "reason", "tier")
    said, now = ({tuple(row[name] for name in columns) for row in one.lists["verdicts"]} for one in (state, other))
    return [str(row) for row in sorted(said ^ now, key=str)]


@pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in CASES if read(c).plainly])
def test_what_the_case_expects_holds_where_its_files_say_plainly_what_is_meant(case: Path, played: Played) -> None:
    """The checks of a case can be met: they fail on its own files for what those files hold, not for a slip in a check."""
    expected: Expected = read(case)
    assert not_held(expected.must, played(case, expected.plainly)) == []


@pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in CASES if read(c).variants])
def test_the_nights_of_every_variant_run_and_its_checks_are_of_a_known_form(case: Path, played: Played) -> None:
    """What it must hold is asked where its case holds; here that a slip in it does not wait until then."""
    for variant in read(case).variants:
        state = played(case, variant.edits, variant.table_file)
        assert state.lists["results"]
        not_held(variant.must or [], state)  # raises for an entry of no known form


def test_every_name_in_the_table_of_the_still_wrong_is_a_case() -> None:
    assert set(STILL_WRONG) <= {case.name for case in CASES}


def test_only_a_case_that_is_still_wrong_says_what_is_seen_today() -> None:
    assert {case.name for case in CASES if read(case).today} == set(STILL_WRONG)
