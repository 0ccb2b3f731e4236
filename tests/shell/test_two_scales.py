"""One result on two rows, linear and log10: one result where they agree within rounding, a conflict where they do not."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.domain.versions import current_results
from cmvmon.feeds.two_scales import is_log10_of
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.shell.as_known import known
from cmvmon.shell.taken_in.intake_store import Counted
from cmvmon.shell.work.opening import open_site
from tests.feeds.shipped import laboratory
from tests.sites import day, drop, result

P = "SYNTHETIC-1"
GRAMMAR = laboratory("synthetic").grammar
LINEAR = result(P, 0, 50000, accession="A1")
LOG = result(P, 0, 4.70, accession="A1", unit="log10 IU/mL")


def taken_in(root: Path, lines: Sequence[str], *, name: str = "one.csv") -> Counted:
    path = drop(root, "viral_load_results", lines, name=name)
    with open_site(root) as opened:
        (counted,) = take_in_file(opened, path, feed="synthetic", table="viral_load_results", received_at=day(30))
    return counted


def loads(root: Path) -> list[tuple[object, ...]]:
    with open_site(root) as opened, opened.reading() as connection:
        frame = current_results(known.known(connection, opened.site, as_of=day(30))[VIRAL_LOAD_RESULTS])
    return frame.select("detection", "viral_load_iu_per_ml", "lloq_iu_per_ml", "is_conflicting").rows()


@pytest.mark.parametrize("lines", list(itertools.permutations([LINEAR, LOG])))
def test_two_rows_that_agree_are_one_result_with_the_linear_value(tmp_path: Path, lines: Sequence[str]) -> None:
    counted = taken_in(tmp_path, lines)
    assert (counted.accepted, counted.duplicates, counted.quarantined) == (1, 1, 0)
    assert loads(tmp_path) == [("quantified", 50000.0, 200.0, False)]


@pytest.mark.parametrize("lines", list(itertools.permutations([LINEAR, LOG])))
def test_the_second_scale_may_come_in_a_later_delivery(tmp_path: Path, lines: Sequence[str]) -> None:
    counted = [taken_in(tmp_path, [line], name=f"{n}.csv") for n, line in enumerate(lines)]
    assert [(c.accepted, c.duplicates, c.quarantined) for c in counted] == [(1, 0, 0), (0, 1, 0)]
    ((_, load, _, is_conflicting),) = loads(tmp_path)
    assert load == pytest.approx(50000, rel=0.01)
    assert not is_conflicting


def test_the_same_rows_again_are_duplicates(tmp_path: Path) -> None:
    taken_in(tmp_path, [LINEAR, LOG])
    again = taken_in(tmp_path, [LOG, LINEAR, result(P, 7, 900)], name="two.csv")
    assert (again.accepted, again.duplicates, again.quarantined) == (1, 2, 0)


def test_two_rows_that_do_not_agree_are_set_apart_and_none_is_used(tmp_path: Path) -> None:
    counted = taken_in(tmp_path, [LINEAR, result(P, 0, 4.60, accession="A1", unit="log10 IU/mL")])
    assert counted.reasons == {"conflicting_values": 2}
    assert [row[3] for row in loads(tmp_path)] == [True]


def test_a_limit_in_two_scales_is_one_result_with_the_linear_limit(tmp_path: Path) -> None:
    lines = [
        result(P, 0, text, accession="A1", unit=unit) for text, unit in (("<2.30", "log10 IU/mL"), ("<200", "IU/mL"))
    ]
    counted = taken_in(tmp_path, lines)
    assert (counted.accepted, counted.duplicates, counted.quarantined) == (1, 1, 0)
    assert loads(tmp_path) == [("below_lloq", None, 200.0, False)]


def test_a_load_and_a_limit_never_agree(tmp_path: Path) -> None:
    lines = [
        result(P, 0, text, accession="A1", unit=unit) for text, unit in (("<2.30", "log10 IU/mL"), ("200", "IU/mL"))
    ]
    assert taken_in(tmp_path, lines).reasons == {"conflicting_values": 2}


def test_two_loads_of_one_scale_are_never_taken_for_roundings_of_each_other(tmp_path: Path) -> None:
    lines = [LINEAR, result(P, 0, "5.0e4", accession="A1"), result(P, 0, 50001, accession="A1")]
    counted = taken_in(tmp_path, lines)
    assert (counted.duplicates, counted.reasons) == (1, {"conflicting_values": 2})


@given(load=st.integers(200, 10**8), digits=st.integers(1, 4))
def test_a_load_agrees_with_its_own_rounded_log10_and_with_none_that_is_two_steps_away(load: int, digits: int) -> None:
    def row(text: str, unit: str) -> dict[str, str]:
        return {"delivered_value": text, "delivered_unit": unit}

    linear, log10 = row(str(load), "IU/mL"), round(math.log10(load), digits)
    assert is_log10_of(linear, row(f"{log10:.{digits}f}", "log10 IU/mL"), grammar=GRAMMAR)
    assert not is_log10_of(row(f"{log10:.{digits}f}", "log10 IU/mL"), linear, grammar=GRAMMAR)
    far = log10 + 10**-digits * 2 + 1 / load
    assert not is_log10_of(linear, row(f"{far:.{digits}f}", "log10 IU/mL"), grammar=GRAMMAR)
