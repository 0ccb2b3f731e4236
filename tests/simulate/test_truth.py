"""What the simulated loads truly did, and what the assay made of them, held against the table of assumptions."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import polars as pl
import pytest

import cmvmon.simulate as package
from benchmarks.line_prior import PATIENTS, SEED, differences, moments, stanzas
from cmvmon.domain.words import DETECTION
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.simulate import ASSUMPTIONS, START, Ward, assumed, ward
from cmvmon.simulate.assay import noise_sd
from cmvmon.simulate.hosts import CLASSES

STRENGTHS = {"seen", "computed", "guide", "assumption"}


@pytest.fixture(scope="module")
def large() -> Ward:
    return ward(20_000, 56, seed=3)


def plain_log10_load(row: dict[str, Any], day: float) -> float:
    """The true load of one row of `truth` at one day, walked piece by piece in plain Python."""
    load = row["load_at_anchor_log10"]
    if day < 0:
        return load + row["growth_before_anchor_log10_per_week"] * day / 7
    changes = [(0.0, row["decline_log10_per_week"])]
    if row["early_until_days"] is not None:
        changes = [(0.0, row["early_decline_log10_per_week"]), (row["early_until_days"], row["decline_log10_per_week"])]
    if row["late_from_days"] is not None:
        changes.append((row["late_from_days"], row["late_decline_log10_per_week"]))
    if row["drug_changed_days"] is not None:
        changes.append((row["drug_changed_days"], row["decline_after_change_log10_per_week"]))
    for (begins, decline), (ends, _) in zip(changes, [*changes[1:], (math.inf, 0.0)], strict=True):
        if day > begins:
            load -= decline * (min(day, ends) - begins) / 7
    return min(load, assumed("highest_load"))


def test_mean_declines_are_those_of_the_stated_pieces(large: Ward) -> None:
    rows = large.truth.head(2000).to_dicts()
    assert {row["drug_change"] for row in rows} == {None, "switched", "stopped"}
    for row in rows:
        for day in (7, 14, 21):
            fall = plain_log10_load(row, 0) - plain_log10_load(row, day)
            assert row[f"mean_decline_day_{day}_log10_per_week"] == pytest.approx(fall * 7 / day, abs=1e-9)


@pytest.mark.parametrize(("compartment", "sd"), [("plasma", 0.13), ("bal", 0.4)])
def test_results_scatter_around_the_truth_as_the_assay_does(large: Ward, compartment: str, sd: float) -> None:
    """Well inside the assay's range the residuals are normal with the assumed SD, before and after the anchor."""
    settled = START + timedelta(days=52)  # later ones may still wait for their correction
    final = large.viral_load_results.filter(
        ~pl.col("result_id").is_duplicated(),
        pl.col("collected_at") < settled,
        detection="quantified",
        compartment=compartment,
    ).head(6000)
    truth = {row["patient_id"]: row for row in large.truth.filter(compartment=compartment).to_dicts()}
    residuals = []
    for patient, collected, load in final.select("patient_id", "collected_at", "viral_load_iu_per_ml").iter_rows():
        row = truth[patient]
        true = plain_log10_load(row, (collected - row["anchor_at"]).total_seconds() / 86400)
        if 4.0 < true < 6.0:
            residuals.append(math.log10(load) - true)
    assert len(residuals) > 1000
    assert np.mean(residuals) == pytest.approx(0.0, abs=4 * sd / math.sqrt(len(residuals)))
    assert np.std(residuals) == pytest.approx(sd, rel=0.08)


@pytest.mark.parametrize("compartment", ["plasma", "bal"])
def test_the_limit_of_detection_is_the_load_that_95_percent_of_tests_find(compartment: str) -> None:
    lod = np.log10(np.array([assumed("lod_of_lloq") * assumed(f"{compartment}_lloq")]))
    sd = float(noise_sd(lod, compartment)[0])
    detected_from = float(lod[0]) - assumed("hit_rate_point") * sd
    assert 1 - NormalDist(float(lod[0]), sd).cdf(detected_from) == pytest.approx(0.95, abs=1e-4)


def test_plasma_scatters_more_near_its_limit_and_bal_evenly() -> None:
    """From 0.22 log10 at 35 IU/mL to 0.13 half a log10 above it."""
    lloq = math.log10(35)
    loads = np.array([lloq - 2, lloq, lloq + 0.25, lloq + 0.5, 7.0])
    assert noise_sd(loads, "plasma") == pytest.approx([0.22, 0.22, 0.175, 0.13, 0.13])
    assert noise_sd(loads, "bal") == pytest.approx([0.4] * 5)


def test_a_deeper_true_load_is_detected_less_often(large: Ward) -> None:
    """All four states occur in both compartments, and sort by the true load on the day of the sample."""
    truth = {(row["patient_id"], row["compartment"]): row for row in large.truth.head(4000).to_dicts()}
    results = large.viral_load_results.filter(pl.col("patient_id").is_in([patient for patient, _ in truth]))
    loads: dict[tuple[str, str], list[float]] = {}
    columns = results.select("patient_id", "compartment", "detection", "collected_at")
    for patient, compartment, detection, collected in columns.iter_rows():
        row = truth[patient, compartment]
        day = (collected - row["anchor_at"]).total_seconds() / 86400
        loads.setdefault((compartment, detection), []).append(plain_log10_load(row, day))
    for compartment, lloq in (("plasma", 35), ("bal", 200)):
        means = [np.mean(loads[compartment, state]) for state in DETECTION]
        assert means == sorted(means)
        assert means[0] < math.log10(lloq / 2) < means[2]


@pytest.mark.parametrize("compartment", ["plasma", "bal"])
@pytest.mark.parametrize("name", ["responder", "slow", "non_responder", "rebound"])
def test_classes_have_their_shares_in_each_compartment(large: Ward, compartment: str, name: str) -> None:
    share = large.truth.filter(compartment=compartment).select((pl.col("class") == name).mean()).item()
    expected = assumed(f"share_{name}")
    assert share == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / 20_000))


def test_plasma_follows_bal_loosely(large: Ward) -> None:
    both = large.truth.pivot("compartment", index="patient_id", values=["class", "load_at_anchor_log10"])
    same = (both["class_plasma"] == both["class_bal"]).mean()
    shares = [assumed(f"share_{name}") for name in ("responder", "slow", "non_responder", "rebound")]
    taken = assumed("plasma_takes_class_of_bal")
    assert same == pytest.approx(taken + (1 - taken) * sum(share**2 for share in shares), abs=0.015)
    correlation = both.select(pl.corr("load_at_anchor_log10_plasma", "load_at_anchor_log10_bal")).item()
    assert correlation == pytest.approx(assumed("correlation_of_compartments"), abs=0.03)


def test_growth_half_lives_and_rises_are_those_assumed(large: Ward) -> None:
    bal = large.truth.filter(compartment="bal")
    growing = bal.filter(pl.col("growth_before_anchor_log10_per_week") > 0)["growth_before_anchor_log10_per_week"]
    assert growing.len() / 20_000 == pytest.approx(0.5, abs=0.015)
    assert 7 * math.log10(2) / growing.median() == pytest.approx(4.3, rel=0.05)
    for name, median in (("responder", 2.0), ("slow", 8.0)):
        declines = bal.filter(pl.col("class") == name)["decline_log10_per_week"]
        assert 7 * math.log10(2) / declines.median() == pytest.approx(median, rel=0.04)
    falling = bal.filter(pl.col("class") != "non_responder")
    assert falling["early_until_days"].is_not_null().mean() == pytest.approx(0.24, abs=0.015)
    rebounds = bal.filter(pl.col("class") == "rebound")["late_from_days"].drop_nulls()
    assert rebounds.min() >= 14
    assert rebounds.max() <= 21


def test_every_assumption_says_where_it_comes_from_and_is_used() -> None:
    names = [assumption.name for assumption in ASSUMPTIONS]
    assert len(set(names)) == len(names)
    text = "".join(
        path.read_text("utf-8")
        for path in Path(package.__path__[0]).glob("*.py")
        if path.stem not in ("assumptions", "scenarios")
    )
    spelled = ("plasma", "bal", "ganciclovir", "foscarnet")  # as f"{compartment}_lloq", f"{drug}_dose"
    for assumption in ASSUMPTIONS:
        assert assumption.source
        assert assumption.strength in STRENGTHS
        first, _, rest = assumption.name.partition("_")
        of_class = assumption.name.removeprefix("share_") in CLASSES  # as f"share_{name}"
        ranged, _, end = assumption.name.rpartition("_")
        of_range = end in ("earliest", "latest", "shortest", "longest") and f'"{ranged}"' in text
        of_analyte = f"laboratory_values.{assumption.name.upper()}" in text
        used = (
            of_analyte
            or f'"{assumption.name}"' in text
            or of_class
            or of_range
            or (first in spelled and f"}}_{rest}" in text)
        )
        assert used, assumption.name
    assert sum(assumed(f"share_{name}") for name in ("responder", "slow", "non_responder", "rebound")) == pytest.approx(
        1
    )


def test_the_protocol_holds_the_priors_that_the_simulator_gives() -> None:
    """As `python -m benchmarks.line_prior --check`; where this fails, the printed stanzas go into the protocol."""
    priors = moments(ward(PATIENTS, 1, SEED).truth)
    assert differences(priors, Protocol.shipped()) == [], "\n" + stanzas(priors)


def test_the_priors_do_not_hang_on_the_seed() -> None:
    protocol = Protocol.shipped()
    for name, numbers in moments(ward(20_000, 1, SEED + 1).truth).items():
        for key, value in numbers.items():
            assert getattr(protocol.priors[name], key) == pytest.approx(value, abs=0.03), (name, key)
