"""What `import cmvmon` gives: lazily, typed, on polars and pandas frames, each name with an example that runs."""

from __future__ import annotations

import doctest
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import cmvmon
from cmvmon import face
from cmvmon.domain.errors import SiteError
from cmvmon.shell.folder import protocol_files

ROOT = Path(__file__).parents[2]
NAMES = ("Protocol", "assess", "concordance", "fit_lines", "read", "read_verdicts", "simulate", "weekly_decline")


def in_a_new_process(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.strip()


def test_importing_cmvmon_takes_no_time_and_loads_neither_polars_nor_numba() -> None:
    script = """
import time
before = time.process_time()
import cmvmon, sys
taken = time.process_time() - before
print(sorted({"polars", "numba", "numpy", "pandas", "cmvmon.face"} & set(sys.modules)), taken < 0.05)
"""
    assert in_a_new_process(script) == "[] True"


def test_reading_and_judging_loads_no_pandas() -> None:
    script = "import cmvmon, sys; cmvmon.read; cmvmon.Protocol.shipped(); print('pandas' in sys.modules)"
    assert in_a_new_process(script) == "False"


@pytest.mark.parametrize("first", ["", "import cmvmon.assess, cmvmon.simulate; "])
def test_a_function_that_bears_the_name_of_a_module_is_called_whether_or_not_the_module_was_imported(
    first: str,
) -> None:
    script = f"""
{first}
import cmvmon
made = cmvmon.simulate(1, 20, seed=1)
from cmvmon.assess import Assessment, assess
from cmvmon.simulate import ward
import cmvmon.simulate as rooms
assert rooms.ward is ward
print(type(made).__name__, callable(cmvmon.assess), callable(cmvmon.simulate), cmvmon.simulate(1, 20, seed=1).truth.height)
"""
    assert in_a_new_process(script) == "Ward True True 2"


def test_every_public_name_has_an_example_and_all_of_them_run() -> None:
    assert set(NAMES) | {"__version__"} == set(cmvmon.__all__)
    assert set(NAMES) <= set(dir(cmvmon))
    for name in NAMES:
        assert ">>>" in (inspect.getdoc(getattr(face, name)) or ""), name
    for module in (face, protocol_files):
        assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0
    with pytest.raises(AttributeError, match="no attribute 'asses'"):
        _ = cmvmon.asses  # type: ignore[attr-defined]


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "cmvmon" / "py.typed").exists()


def test_a_pandas_frame_gives_the_same_numbers_as_a_pandas_frame() -> None:
    pandas = importlib.import_module("pandas")
    made = cmvmon.simulate(3, 28, seed=1)
    results, courses = made.viral_load_results, made.antiviral_courses
    ours = cmvmon.weekly_decline(results, courses, method="line")
    theirs = cmvmon.weekly_decline(results.to_pandas(), courses.to_pandas(), method="line")
    assert isinstance(theirs, pandas.DataFrame)
    assert pl.from_pandas(theirs)["decline_log10_per_week"].equals(ours["decline_log10_per_week"])
    assert isinstance(cmvmon.concordance(results.to_pandas()), pandas.DataFrame)
    from_pandas = cmvmon.read({"viral_load_results": results.to_pandas()})
    assert from_pandas.tables["viral_load_results"].height == results.height


def test_rows_that_break_a_promise_are_counted_aloud_and_their_patients_count_as_unread(tmp_path: Path) -> None:
    made = cmvmon.simulate(3, 28, seed=1)
    courses = made.antiviral_courses.with_columns(drug=pl.lit(None, pl.String))
    courses.write_parquet(tmp_path / "antiviral_courses.parquet")
    made.viral_load_results.write_parquet(tmp_path / "viral_load_results.parquet")
    with pytest.warns(
        UserWarning, match=rf"antiviral_courses: rows set apart, which are not used: {courses.height} "
    ) as told:
        known = cmvmon.read(tmp_path)
    assert known.unread["antiviral_courses"] == frozenset(courses["patient_id"])
    assert not any(patient in str(told[0].message) for patient in courses["patient_id"])


def test_what_can_not_be_read_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="there is no viral_load_results"):
        cmvmon.read(tmp_path)
    with pytest.raises(SiteError, match="is no folder"):
        cmvmon.read(tmp_path / "none")
    with pytest.raises(SiteError, match="loads is no table; known are viral_load_results"):
        cmvmon.read({"loads": pl.DataFrame()})
    with pytest.raises(TypeError, match="list is no frame"):
        cmvmon.concordance([])
