"""A site is opened with the method that is asked for, else with its own; what is no method is refused before anything else."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from cmvmon.domain import words
from cmvmon.domain.errors import SiteError
from cmvmon.shell.work.opening import open_site


@pytest.mark.parametrize("method", words.METHOD)
def test_a_method_that_is_asked_for_is_the_one_that_is_used(tmp_path: Path, method: str) -> None:
    with open_site(tmp_path, method=method) as opened:
        assert opened.method == method


def test_what_is_no_method_is_refused_with_those_that_are_and_nothing_is_stored(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"the method is 'guess'; choose one of"), open_site(tmp_path, method="guess"):
        pytest.fail("it was opened")
    assert not list(tmp_path.glob("*.sqlite*"))


def test_sites_of_one_name_in_two_folders_are_two_whatever_folder_the_process_stands_in(tmp_path: Path) -> None:
    stored = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        with contextlib.chdir(tmp_path / name), open_site(Path("icu")) as opened:
            stored.append(opened.engine.url.database)
    assert stored == [str(tmp_path / name / "icu" / "cmvmon.sqlite") for name in ("a", "b")]
    assert all(Path(one).exists() for one in stored)
