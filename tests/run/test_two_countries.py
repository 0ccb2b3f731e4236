"""A ward of Dutch units and one of American units give the same verdicts: real files, a real night, a real database.

The ward is `tests/run/two_countries/ward.md`. A number under a verdict, or of a fact, may differ by a hundredth, which is what printing
rounds away; everything else is the same. That a factor which is a twentieth off is seen is shown for each place that has one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import pytest

from cmvmon.domain import laboratory_values
from cmvmon.domain.conditional import OneOfWhen
from cmvmon.domain.constraints import OneOf
from cmvmon.domain.delivered import BY_NAME, DELIVERED
from cmvmon.facts import (
    Facts,
    alongside,
    drug_lines,
    kidney_days,
    kidney_states,
    ventilation,
)
from cmvmon.feeds import laboratory_results, units
from cmvmon.feeds.laboratory import read_laboratory
from cmvmon.feeds.value_grammar import fold
from cmvmon.run.asking.quarantine_list import listed_quarantine
from cmvmon.run.deliveries.intake import take_in_drop
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.work.opening import open_site
from tests.run import two_countries
from tests.run.two_countries import AMERICAN, AS_OF, COUNTRIES, DUTCH, FEED, Country
from tests.run.two_countries.comparing import Row, Said, differences, facts_of, judged, stored, turned

OFF = (0.95, 1.05)


def night(root: Path, country: Country, **changes: Any) -> Path:
    """The site after its night, with nothing in quarantine: every unit of the ward could be read."""
    two_countries.site(root, country, **changes)
    nightly(root, as_of=AS_OF)
    assert listed_quarantine(root) == []
    return root


@pytest.fixture(scope="module")
def wards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {one.name: night(tmp_path_factory.mktemp(one.name), one) for one in COUNTRIES}


@pytest.fixture(scope="module")
def known(wards: dict[str, Path]) -> dict[str, Facts]:
    """What is known at each site at the moment of that night."""
    return {name: facts_of(root) for name, root in wards.items()}


@pytest.fixture(scope="module")
def right(known: dict[str, Facts]) -> dict[str, Said]:
    """What is said of each ward with the factors as they are."""
    return {name: judged(facts) for name, facts in known.items()}


def test_the_two_wards_have_the_same_verdicts_declines_and_alerts(wards: dict[str, Path]) -> None:
    dutch, american = (stored(wards[one.name]) for one in COUNTRIES)
    assert differences(dutch, american) == []
    assert {row["verdict"] for row in dutch["verdicts"]} == {"alert", "clear", "not_assessable"}


def test_every_fact_and_what_the_pages_show_is_the_same(right: dict[str, Said]) -> None:
    dutch, american = (right[one.name] for one in COUNTRIES)
    assert differences(dutch, american) == []
    assert all(dutch[compute.__name__] for compute in alongside.ALONGSIDE[:3])


# --- Nothing with a unit is left out of the ward.
WITH_A_UNIT = {
    ("kidney_function", "unit"): "method",
    ("drug_levels", "unit"): None,
    ("laboratory_values", "unit"): "analyte",
    ("oxygenation", "ratio_unit"): None,
}
"""Every delivered column that holds the unit of a value, and the column that says of what; of each pair the ward has a value."""
NO_UNIT_OF_A_VALUE = {("patient_movements", "unit"), ("viral_load_results", "delivered_unit")}
IN_ONE_UNIT = {
    ("viral_load_results", "viral_load_iu_per_ml"), ("viral_load_results", "lod_iu_per_ml"), ("viral_load_results", "lloq_iu_per_ml"),
    ("viral_load_results", "uloq_iu_per_ml"), ("antiviral_courses", "dose_mg"),
    ("antiviral_courses", "dose_mg_per_kg"), ("antiviral_courses", "interval_h"), ("host_status", "cd4_cells_per_ul"),
    ("doses_given", "dose_mg"), ("doses_given", "dosing_weight_kg"), ("kidney_function", "weight_kg"),
    ("kidney_function", "body_surface_m2"), ("renal_replacement", "effluent_ml_per_h"), ("co_medication", "dose_mg"),
    ("co_medication", "dose_mg_per_kg"), ("co_medication", "interval_h"), ("patient_movements", "n_movements"),
}  # fmt: skip
"""Numbers whose column has one unit: of a load that of the laboratory file, of the others the one that the hospital must deliver."""


def _columns() -> Iterator[tuple[str, Any]]:
    return ((table.name, column) for table in DELIVERED for column in table.rows.columns)


def test_every_column_with_a_unit_is_on_a_list_here() -> None:
    """A new one fails until it is in the ward, or has one unit."""
    units_of = {(table, column.name) for table, column in _columns() if column.name.endswith("unit")}
    assert units_of == WITH_A_UNIT.keys() | NO_UNIT_OF_A_VALUE
    numbers = {(table, column.name): column.unit for table, column in _columns() if column.kind.name == "NUMBER"}
    with_a_unit = {place for place, unit in numbers.items() if unit and not unit.startswith("as `")}
    assert with_a_unit == IN_ONE_UNIT


def test_the_ward_has_every_unit_of_every_value(known: dict[str, Facts]) -> None:
    for (table, column), of_what in WITH_A_UNIT.items():
        rows = [row for facts in known.values() for row in held(facts, table)]
        found = {("" if of_what is None else row[of_what], row[column]) for row in rows}
        assert found == _possible(table, column, of_what), table


def test_the_ward_has_every_unit_of_a_load_that_a_laboratory_may_declare(known: dict[str, Facts]) -> None:
    kinds = set[str]()
    for country in COUNTRIES:
        declared = country.files["labs"]["units"]["delivered"]
        assert {row["delivered_unit"] for row in held(known[country.name], two_countries.RESULTS)} == set(declared)
        kinds |= {"times" if isinstance(kind, dict) else kind for kind in declared.values()}
    assert kinds == {"times", *units.KINDS}


def held(facts: Facts, table: str) -> list[Row]:
    return facts.prepared.begun[BY_NAME[table].rows].to_dicts()


def _possible(table: str, column: str, of_what: str | None) -> set[tuple[str, str]]:
    """Every unit of that column, with what it may be the unit of, as the row type promises it."""
    rows = BY_NAME[table].rows
    by_what = [one for one in rows.across if isinstance(one, OneOfWhen) and (one.column, one.when) == (column, of_what)]
    (listed,) = (
        one.values for found in rows.columns if found.name == column for one in found.constraints if isinstance(one, OneOf)
    )  # fmt: skip
    pairs = {(what, word) for one in by_what for what in one.values for word in one.words}
    assert of_what is None or {word for _, word in pairs} == set(listed)
    return pairs or {("", word) for word in listed}


# --- A factor that is a twentieth off is seen.
@dataclass(frozen=True)
class Factor:
    """A factor of conversion: the module that reads it, its name there, the ward that needs it, and the rules that it turns.

    `rules` empty: no rule reads it; what is shown differs.
    """

    place: ModuleType
    name: str
    country: Country
    rules: tuple[str, ...]


OF_A_MODULE = (
    Factor(kidney_days, "UMOL_PER_L_OF_ONE_MG_PER_DL", AMERICAN, ("drug_line",)),
    Factor(kidney_states, "UMOL_PER_L_OF_ONE_MG_PER_DL", AMERICAN, ("drug_level",)),
    Factor(alongside, "UMOL_PER_L_OF_ONE_MG_PER_DL", AMERICAN, ()),
    Factor(drug_lines, "UMOL_PER_L_OF_ONE_MG_PER_DL", DUTCH, ()),
    Factor(ventilation, "MMHG_OF_ONE_KPA", DUTCH, ("guide_sampling_moment",)),
)
OF_A_COUNT = {"neutrophils": ("toxicity_monitoring",), "platelets": ("toxicity_monitoring",)}
OF_AN_ANALYTE = [(analyte, unit) for analyte, found in laboratory_values.IN_JUDGED_UNIT.items() for unit in found]


def test_every_module_that_reads_a_factor_is_tried() -> None:
    """No other module of the facts or the pages has one of these names."""
    names = {(factor.place.__name__, factor.name) for factor in OF_A_MODULE}
    readers = {
        (name, constant)
        for name, module in list(sys.modules.items())
        if name.startswith(("cmvmon.facts", "cmvmon.rules", "cmvmon.run", "cmvmon.dashboards"))
        for constant in ("UMOL_PER_L_OF_ONE_MG_PER_DL", "MMHG_OF_ONE_KPA")
        if hasattr(module, constant)
    }
    assert readers == names


@pytest.mark.parametrize("times", OFF)
@pytest.mark.parametrize("factor", OF_A_MODULE, ids=lambda factor: f"{factor.place.__name__}.{factor.name}")
def test_a_wrong_factor_turns_a_verdict_or_what_is_shown(
    known: dict[str, Facts], right: dict[str, Said], monkeypatch: pytest.MonkeyPatch, factor: Factor, times: float
) -> None:
    monkeypatch.setattr(factor.place, factor.name, getattr(factor.place, factor.name) * times)
    wrong = judged(known[factor.country.name])
    assert differences(right[factor.country.name], wrong)
    assert set(factor.rules) <= turned(right[factor.country.name], wrong)


@pytest.mark.parametrize("times", OFF)
@pytest.mark.parametrize(("analyte", "unit"), OF_AN_ANALYTE)
def test_a_wrong_factor_of_an_analyte_turns_a_verdict_or_what_is_shown(
    known: dict[str, Facts], right: dict[str, Said], monkeypatch: pytest.MonkeyPatch, analyte: str, unit: str, times: float
) -> None:  # fmt: skip
    table = {name: dict(found) for name, found in laboratory_values.IN_JUDGED_UNIT.items()}
    table[analyte][unit] *= times
    monkeypatch.setattr(laboratory_values, "IN_JUDGED_UNIT", MappingProxyType(table))
    (country, *_) = (
        one.name for one in COUNTRIES for row in held(known[one.name], "laboratory_values") if (row["analyte"], row["unit"]) == (analyte, unit)
    )  # fmt: skip
    wrong = judged(known[country])
    assert differences(right[country], wrong)
    assert set(OF_A_COUNT.get(analyte, ())) <= turned(right[country], wrong)


@pytest.mark.parametrize("times", OFF)
@pytest.mark.parametrize("unit", ["IE/ml", "log IE/ml", "kopieën/ml", "log kopieën/ml", "kIE/ml"])
def test_a_wrong_factor_of_a_unit_of_loads_turns_a_verdict(
    right: dict[str, Said], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, unit: str, times: float
) -> None:
    """Read anew: a load is stored in IU/mL. The other tables play no part."""
    file = (two_countries.site(tmp_path, DUTCH) / "labs" / f"{FEED}.toml").read_text("utf-8")
    meant, step = read_laboratory(file, name=FEED).grammar.units[fold(unit)], laboratory_results.to_iu_per_ml

    def off(number: float, one: units.Unit, *, iu_per_copy: float | None) -> float | None:
        found = step(number, one, iu_per_copy=iu_per_copy)
        return found if found is None or one != meant else found * times

    monkeypatch.setattr(laboratory_results, "to_iu_per_ml", off)
    with open_site(tmp_path) as opened:
        take_in_drop(opened, received_at=AS_OF)
    found = {"untreated_rise", "bal_at_local_line"} & turned(right[DUTCH.name], judged(facts_of(tmp_path)))
    assert ({"bal_at_local_line"} if "kopie" in unit else {"untreated_rise"}) <= found
