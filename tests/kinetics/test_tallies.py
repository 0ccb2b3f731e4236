"""The unit's concordance from tallies of groups of patients: whatever the groups and their order, the same to the bit."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from cmvmon.kinetics.concordance.rows import design_effect
from cmvmon.kinetics.concordance.table import concordance
from cmvmon.kinetics.concordance.tally import TALLIES, tallies, tallies_added
from cmvmon.kinetics.concordance.unit import counts_by_patient, part_of, part_of_texts, rows_of_tallies, unit_rows
from cmvmon.kinetics.numerics.rank_correlation import Comparisons, tau
from tests.kinetics.test_concordance import AS_OF, PROTOCOL, both, series, table

OF_UNIT = pl.col("scope") == "unit"


def unit(patients: int, seed: int) -> pl.DataFrame:
    """Patients with two to nine samples of BAL and blood each, some censored, a third of them with urine besides."""
    rng = np.random.default_rng(seed)
    parts = []
    for i in range(patients):
        n = int(rng.integers(2, 10))
        loads = [[None if x < 2.5 else float(x) for x in rng.normal(4, 1.2, n)] for _ in range(3)]
        parts.append(both(f"SYNTHETIC-{i:03d}", loads[0], loads[1], every=float(rng.integers(2, 9))))
        if i % 3 == 0:
            parts.append(series(f"SYNTHETIC-{i:03d}", "urine", [(4.0 * j, x) for j, x in enumerate(loads[2])]))
    return table(*parts)


def of_group(results: pl.DataFrame, patients: list[str]) -> pl.DataFrame:
    part = part_of(results.filter(pl.col("patient_id").is_in(patients)), protocol=PROTOCOL, as_of=AS_OF)
    return pl.DataFrame(schema=TALLIES) if part is None else tallies(part.places, part.sums)


@pytest.mark.parametrize("groups", [1, 2, 7, 60])
def test_the_unit_is_the_same_to_the_bit_in_whatever_groups_patients_are_tallied(groups: int) -> None:
    results = unit(60, seed=groups)
    whole = concordance(results, protocol=PROTOCOL, as_of=AS_OF).filter(OF_UNIT)
    assert whole.height == 2
    assert whole["rank_correlation_low"].is_not_null().all()
    rng = np.random.default_rng(groups)
    shuffled = rng.permutation(results["patient_id"].unique().sort().to_numpy())
    told = [of_group(results, list(some)) for some in np.array_split(shuffled, groups)]
    assert rows_of_tallies(tallies_added(told), protocol=PROTOCOL).equals(whole)
    assert rows_of_tallies(tallies_added(told[::-1]).sample(fraction=1, shuffle=True), protocol=PROTOCOL).equals(whole)
    _, texts = counts_by_patient(results, protocol=PROTOCOL, as_of=AS_OF)
    kept = part_of_texts([texts[patient] for patient in shuffled if patient in texts])
    assert kept is not None
    assert unit_rows([kept], protocol=PROTOCOL).equals(whole)


def test_a_tally_grows_with_what_occurs_and_not_with_the_patients() -> None:
    """The same sixty courses, twenty times over under other names: the same rows, each twenty times as often."""
    results = unit(60, seed=1)
    many = pl.concat(
        [
            results.with_columns(patient_id=pl.col("patient_id") + f"-{n}", result_id=pl.col("result_id") + f"-{n}")
            for n in range(20)
        ]
    )
    once, often = (of_group(some, some["patient_id"].unique().to_list()) for some in (results, many))
    by = ["compartment", "followed_compartment", "what", "counted"]
    assert often.sort(by).equals(once.with_columns(pl.col("n") * 20).sort(by))


def test_of_nobody_with_both_compartments_there_is_no_tally_and_no_row() -> None:
    results = table(series("SYNTHETIC-1", "plasma", [(0, 4.0), (7, 3.0)]))
    assert tallies_added([of_group(results, ["SYNTHETIC-1"])]).is_empty()
    assert rows_of_tallies(pl.DataFrame(schema=TALLIES), protocol=PROTOCOL).is_empty()


def test_how_often_an_item_occurs_is_the_item_so_many_times() -> None:
    rng = np.random.default_rng(3)
    items, each = rng.integers(1, 9, (3, 12)), rng.integers(1, 5, 12)
    items[0] = np.minimum(items[0], items[1:].min(axis=0))
    once = np.zeros(12, dtype=np.int64)
    short = tau(Comparisons(*items), once, 1, shared=1, probability=0.95, each=each)
    long = tau(Comparisons(*np.repeat(items, each, axis=1)), np.repeat(once, each), 1, shared=1, probability=0.95)
    np.testing.assert_allclose(np.array(short), np.array(long), rtol=1e-12)
    k, n = np.array([0, 1, 2, 3]), np.array([0, 3, 3, 5])
    often = np.array([4, 2, 5, 1])
    told = design_effect(k, n, least_correlation=0.2, each=often)
    assert told == design_effect(np.repeat(k, often), np.repeat(n, often), least_correlation=0.2)
    p, total = (k * often).sum() / (n * often).sum(), (n * often).sum()
    by_hand = 8 / 7 * (often * (k - p * n) ** 2).sum() / (p * (1 - p) * total)
    assert told == pytest.approx(max(by_hand, 1 + ((often * n**2).sum() / total - 1) * 0.2), rel=1e-12)
