"""Each scenario does what it says and nothing else, and the ward is, to the byte, the one it was without scenarios."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import polars as pl
import pytest

from cmvmon.cli import analysts
from cmvmon.domain.columns import split_by_promises
from cmvmon.domain.errors import CmvmonError
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.simulate import (
    SCENARIOS,
    START,
    Ward,
    assumed,
    hosts,
    sampling,
    stays,
    trajectories,
    true_declines,
    ward,
)
from cmvmon.simulate.curves import AFTER_HUMP, AGAIN, HUMP, LATE
from cmvmon.simulate.draws import Draws

ROW_TYPES = (VIRAL_LOAD_RESULTS, ANTIVIRAL_COURSES, ICU_STAYS)
OTHERS = [name for name in SCENARIOS if name != "ward"]
LLOQ = {"plasma": math.log10(35), "bal": math.log10(200)}


@pytest.fixture(scope="module")
def wards() -> dict[str, Ward]:
    return {name: ward(1500, 60, 9, name) for name in SCENARIOS}


def table_hash(frame: pl.DataFrame) -> str:
    return hashlib.sha256(frame.write_csv().encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("patients", "days", "seed", "hashes"),
    [
        (300, 56, 20240101, ("542dfffebf96881f", "b0f51739c18a4894", "b69ff4041054e9b6", "914bdb253cd9fca5")),
        (40, 90, 7, ("047cbcb06c2ae5c2", "8deabd8a80378037", "3089d3772191d218", "3fbc0cdcc314cbaa")),
    ],
)
def test_the_ward_is_the_one_it_was_before_there_were_scenarios(
    patients: int, days: int, seed: int, hashes: tuple[str, ...]
) -> None:
    made = ward(patients, days, seed)
    assert (
        made.icu_stays["ventilation_kind"].null_count() == made.icu_stays.height
    )  # a column of later, and nothing in it
    stays = made.icu_stays.drop("ventilation_kind")
    later = ("sent_at", "is_released", "confirms")
    assert all(made.viral_load_results[name].null_count() == made.viral_load_results.height for name in later)
    tables = (made.viral_load_results.drop(later), made.antiviral_courses.drop("stop_reason"), stays, made.truth)
    assert tuple(table_hash(table) for table in tables) == hashes


@pytest.mark.parametrize("name", OTHERS)
def test_a_scenario_changes_the_ward_keeps_every_promise_and_is_the_same_again(
    name: str, wards: dict[str, Ward]
) -> None:
    made = wards[name]
    assert made.scenario == name
    assert not made.viral_load_results.equals(wards["ward"].viral_load_results)
    assert made.viral_load_results.equals(ward(1500, 60, 9, name).viral_load_results)
    for row_type in ROW_TYPES:
        _, broken = split_by_promises(getattr(made, row_type.name), row_type)
        assert broken.is_empty(), broken["reason"].to_list()


@pytest.mark.parametrize("name", OTHERS)
def test_every_number_that_a_scenario_replaces_makes_a_difference(name: str) -> None:
    """A name that nothing reads through the scenario would be ignored in silence."""
    read: set[str] = set()

    class Watched(dict[str, float]):
        def __contains__(self, key: object) -> bool:
            read.add(str(key))
            return super().__contains__(key)

    draws = Draws(60, 9, Watched(SCENARIOS[name].overrides))
    host = hosts.hosts(draws)
    loads = {place: trajectories.curves(draws, host, place) for place in ("plasma", "bal")}
    when = stays.calendar(draws, START, 60)
    when = stays.cut_short_by_death(draws, when, loads["plasma"])
    sampling.viral_load_results(draws, when, loads, 60)
    assert set(SCENARIOS[name].overrides) <= read


def test_the_classes_of_every_scenario_add_up_to_one() -> None:
    for scenario in SCENARIOS.values():
        shares = [
            scenario.overrides.get(f"share_{name}", assumed(f"share_{name}"))
            for name in ("responder", "slow", "non_responder", "rebound")
        ]
        assert sum(shares) == pytest.approx(1.0), scenario.name


def test_an_unknown_scenario_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(CmvmonError, match=r"no scenario 'hump'; there are ward, transient_hump, .*, everything"):
        ward(1, 1, 1, "hump")


def test_the_command_line_names_every_scenario() -> None:
    assert analysts._SCENARIOS.split(", ") == list(SCENARIOS)


def test_a_hump_rises_in_between_and_the_load_falls_on(wards: dict[str, Ward]) -> None:
    loads = wards["transient_hump"].loads["plasma"]
    lasts = loads.starts[:, AFTER_HUMP] - np.minimum(loads.starts[:, HUMP], 1e9)
    humped = (loads.starts[:, AFTER_HUMP] < 1e9) & (lasts > 3.0)
    assert 0.2 < humped.mean() < 0.5
    begin, end = loads.starts[:, HUMP], loads.starts[:, AFTER_HUMP]
    at = [loads.log10_load(np.where(humped, days, 0.0)) for days in (begin - 0.5, begin, end)]
    assert (at[2] > at[1])[humped].all()
    assert (at[0] > at[1])[humped].all()
    long = humped & (end + 2.0 < loads.starts[:, LATE])
    assert (loads.log10_load(np.where(long, end + 2.0, 0.0)) < at[2])[long].all()


def test_a_biphasic_decline_is_steep_then_shallow(wards: dict[str, Ward]) -> None:
    responders = true_declines(wards["biphasic_decline"], [7, 28]).filter(pl.col("class") == "responder")
    weeks = responders.group_by("day").agg(pl.col("true_week_decline").median()).sort("day")["true_week_decline"]
    assert weeks[0] > 0.8
    assert weeks[1] == pytest.approx(assumed("decline_after_bend") * 7 * math.log10(2) / 2.0, abs=0.06)


def test_spontaneous_clearance_takes_a_median_of_26_days(wards: dict[str, Ward]) -> None:
    plain, made = wards["ward"].truth, wards["spontaneous_clearance"]
    new = (made.truth["class"] == "slow") & (plain["class"] != "slow")
    only = made.truth.filter(new, pl.col("load_at_anchor_log10") > 3.0)
    gap = only["load_at_anchor_log10"] - only["compartment"].replace_strict(LLOQ, return_dtype=pl.Float64)
    assert (gap * 7 / only["decline_log10_per_week"]).median() == pytest.approx(26.0, rel=0.1)
    assert only["early_until_days"].is_null().all()


def test_blips_are_low_positives_of_suppressed_loads(wards: dict[str, Ward]) -> None:
    plain, made = (wards[name].viral_load_results.unique("result_id") for name in ("ward", "blips"))
    key = ["patient_id", "compartment", "collected_at"]
    both = plain.join(made, on=key, suffix="_blip").filter(pl.col("detection") != pl.col("detection_blip"))
    assert both.height > 50
    assert set(both["detection"]) <= {"not_detected", "below_lloq"}
    raised = (both["viral_load_iu_per_ml_blip"] / both["lloq_iu_per_ml"]).log10().drop_nulls()
    assert raised.min() >= 0
    assert raised.quantile(0.9) < 1.5
    assert wards["blips"].truth.equals(wards["ward"].truth)


def test_every_load_grows_before_the_anchor(wards: dict[str, Ward]) -> None:
    assert wards["growth_before_anchor"].truth["growth_before_anchor_log10_per_week"].min() > 0


def true_at_samples(made: Ward, compartment: str) -> pl.DataFrame:
    rows = made.viral_load_results.unique("result_id").filter(compartment=compartment)
    rows = rows.join(made.truth.filter(compartment=compartment).select("patient_id", "anchor_at"), on="patient_id")
    place = rows["patient_id"].str.strip_prefix("SYNTHETIC-").cast(pl.Int64).to_numpy() - 1
    days = ((rows["collected_at"] - rows["anchor_at"]).dt.total_minutes() / 1440).to_numpy()
    loads = np.empty(len(days))
    full = np.zeros(made.loads[compartment].response.size)
    nth = pl.DataFrame({"place": place}).select(pl.int_range(pl.len()).over("place")).to_series().to_numpy()
    for k in range(int(nth.max()) + 1):  # the k-th sample of each patient
        chosen = nth == k
        full[:] = 0.0
        full[place[chosen]] = days[chosen]
        loads[chosen] = made.true_log10_load(compartment, full)[place[chosen]]
    return rows.with_columns(day=pl.Series(days), true=pl.Series(loads))


def test_high_loads_are_sampled_sooner(wards: dict[str, Ward]) -> None:
    rows = true_at_samples(wards["load_dependent_sampling"], "plasma").sort("patient_id", "day")
    gaps = rows.with_columns(gap=pl.col("day").diff(-1).over("patient_id").neg()).filter(pl.col("gap").is_not_null())
    high = gaps.filter(pl.col("true") > 4.5)["gap"].mean()
    low = gaps.filter(pl.col("true") < 2.0)["gap"].mean()
    assert high < 2.3
    assert low > 2 * high


def test_sampling_ends_after_two_results_below_lloq(wards: dict[str, Ward]) -> None:
    made = wards["informative_stopping"]
    rows = made.viral_load_results.unique("result_id").sort("patient_id", "compartment", "collected_at")
    rows = rows.join(made.truth.select("patient_id", "compartment", "anchor_at"), on=["patient_id", "compartment"])
    below = pl.col("detection").is_in(["not_detected", "below_lloq"]) & (pl.col("collected_at") > pl.col("anchor_at"))
    pairs = rows.with_columns(second=below & below.shift(1, fill_value=False).over("patient_id", "compartment"))
    last = pairs.with_columns(is_last=pl.int_range(pl.len()).reverse().over("patient_id", "compartment") == 0)
    assert last.filter("second").height > 100
    assert last.filter("second")["is_last"].all()


def test_patients_with_high_loads_die_sooner(wards: dict[str, Ward]) -> None:
    """Stays end sooner than in the ward, and more so where plasma stands high."""
    plain, made = (
        wards[name].icu_stays.unique("stay_id").sort("patient_id") for name in ("ward", "informative_stopping")
    )
    sooner = (made["discharged_at"].fill_null(made["discharged_at"].max())
              < plain["discharged_at"].fill_null(plain["discharged_at"].max())).to_numpy()  # fmt: skip
    high = wards["ward"].loads["plasma"].log10_load(np.full(1500, 10.0)) > 4.0
    assert sooner.any()
    assert sooner[high].mean() > 1.5 * sooner[~high].mean()


def test_another_assay_reads_higher_and_quantifies_less_from_half_way(wards: dict[str, Ward]) -> None:
    rows = pl.concat(true_at_samples(wards["assay_change"], place) for place in ("plasma", "bal"))
    rows = rows.filter(pl.col("result_status") == "final")
    by = rows.group_by("assay").agg(first=pl.col("collected_at").min(), last=pl.col("collected_at").max()).sort("assay")
    assert by["last"][0] < by["first"][1]
    assert set(rows.filter(assay="synthetic-pcr-2")["lloq_iu_per_ml"]) == {140.0, 800.0}
    errors = rows.filter(pl.col("true").is_between(4, 6)).with_columns(
        error=pl.col("viral_load_iu_per_ml").log10() - pl.col("true")
    )
    means = dict(errors.group_by("assay").agg(pl.col("error").median()).iter_rows())
    assert means["synthetic-pcr-2"] - means["synthetic-pcr"] == pytest.approx(0.4, abs=0.04)


@pytest.mark.parametrize(
    ("name", "sd_of_bal", "share_beyond_3_sd"),
    [("ward", 0.4, 0.0027), ("bal_dilution", 0.5, 0.0164), ("outliers", 0.456, 0.012), ("student_t", 0.52, 0.04)],
)
def test_noise_is_as_the_scenario_says(
    name: str, sd_of_bal: float, share_beyond_3_sd: float, wards: dict[str, Ward]
) -> None:
    """Share beyond 3 SD of the ward's own noise, from the normal law, the mixture and Student's t."""
    rows = true_at_samples(wards[name], "bal").filter(
        ~pl.col("result_id").is_in(
            wards[name].viral_load_results.filter(result_status="corrected")["result_id"].to_list()
        ),
        pl.col("true").is_between(4.2, 6.5),
    )
    # A first report that awaits its correction is a factor 10 too high: rare, and cut off here.
    errors = (rows["viral_load_iu_per_ml"].log10() - rows["true"]).drop_nulls()
    n = errors.len()
    assert n > 1000
    assert (errors.abs() > 1.2).mean() == pytest.approx(
        share_beyond_3_sd, abs=4 * math.sqrt(share_beyond_3_sd / n) + 0.002
    )
    assert errors.std() == pytest.approx(sd_of_bal, rel=0.12)


def test_two_changes_are_a_rise_or_a_rest_and_then_a_fall(wards: dict[str, Ward]) -> None:
    loads = wards["two_changes"].loads["bal"]
    late, again = loads.starts[:, LATE], loads.starts[:, AGAIN]
    twice = (again < loads.starts[:, AGAIN + 1]) & (late < again)
    assert twice.mean() > 0.2
    assert set(np.sign(loads.declines[twice, LATE])) == {0.0, -1.0}
    assert (loads.declines[twice, AGAIN] > 0).all()
    assert (again[twice] - late[twice] >= 5.0 - 1e-9).all()


def test_compartments_that_do_not_follow_are_independent(wards: dict[str, Ward]) -> None:
    plasma, bal = (wards["compartments_do_not_follow"].loads[place] for place in ("plasma", "bal"))
    assert abs(np.corrcoef(plasma.at_anchor_log10, bal.at_anchor_log10)[0, 1]) < 0.1
    assert abs(np.corrcoef(plasma.growth_log10_per_week > 0, bal.growth_log10_per_week > 0)[0, 1]) < 0.1
    assert (plasma.response == bal.response).mean() == pytest.approx(0.55**2 + 0.2**2 + 0.15**2 + 0.1**2, abs=0.05)
    both = np.isfinite(plasma.rising_from_days()) & np.isfinite(bal.rising_from_days())
    assert both.any()


def test_resistance_emerges_in_more_series(wards: dict[str, Ward]) -> None:
    def rising(name: str) -> float:
        return float(true_declines(wards[name], [14])["is_rising_after_fall"].mean())  # type: ignore[arg-type]

    assert rising("resistance_emerging") > 3 * rising("ward")


def test_the_mixed_scenario_holds_some_of_each(wards: dict[str, Ward]) -> None:
    made = wards["everything"]
    gridded = made.loads["plasma"].gridded
    assert gridded is not None
    assert 0.12 < gridded.patients.size / 1500 < 0.28
    nulls = made.truth.filter(compartment="plasma")["decline_log10_per_week"].is_null()
    assert np.flatnonzero(nulls.to_numpy()).tolist() == sorted(gridded.patients)
    assert set(made.viral_load_results["assay"]) == {"synthetic-pcr", "synthetic-pcr-2"}
