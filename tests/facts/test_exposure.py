"""Days of doses: what is corrected late, what can't be read, who is silent, and two wards that write creatinine otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmvmon.assess import assess
from cmvmon.domain.delivered import BY_NAME
from cmvmon.domain.doses_given import DOSES_GIVEN
from cmvmon.domain.kidney_function import KIDNEY_FUNCTION
from cmvmon.domain.known import Known
from cmvmon.domain.standing import standing
from cmvmon.facts.adequate_days import ADEQUATE_DAYS
from cmvmon.facts.dose_days import drug_days
from cmvmon.facts.exposure import EXPOSURE
from cmvmon.shell.folder.protocol_files import Protocol
from tests import patients
from tests.exposures import with_exposure
from tests.facts.reading import facts_of
from tests.patients import PATIENT, moment

RESULTS = "plasma d0 10000, d7 20000, d14 300000"
DOSES, KIDNEY = "ganciclovir 5 q12 d0-", "cg 80 d0-"


def known(doses: str = DOSES, kidney: str = KIDNEY, *, courses: str = "ganciclovir d0-") -> Known:
    return with_exposure(patients.known(RESULTS, courses=courses), doses=doses, kidney=kidney)


def test_a_drug_that_a_sites_protocol_adds_without_a_table_of_doses_is_not_assessable() -> None:
    shipped = Protocol.shipped()
    without = replace(shipped, doses={drug: table for drug, table in shipped.doses.items() if drug != "maribavir"})
    given = known("maribavir 400mg q12 d0-", courses="maribavir d0-")
    verdicts = assess(given, protocol=without, as_of=moment(14.5), method="line").verdicts
    mine = verdicts.filter((pl.col("rule") == "exposure_low") & (pl.col("subject_kind") == "drug"))
    assert mine.select("verdict", "reason").rows() == [("not_assessable", "no_table_of_doses")]


def states(rows: Known, *, day: float = 14.5, drug: str = "ganciclovir") -> str:
    """One letter a day: a(dequate), l(ow), h(igh), u(nknown)."""
    found = facts_of(rows, day=day).shared(drug_days).filter(drug=drug).sort("day")
    return "".join(state[0] for state in found["state"])


def why(rows: Known, *, day: float = 14.5) -> set[str | None]:
    return set(facts_of(rows, day=day).shared(drug_days)["unknown_because"])


def one(rows: pl.DataFrame) -> dict[str, Any]:
    (row,) = rows.to_dicts()
    return row


@pytest.mark.parametrize(
    ("says", "doses", "kidney", "expected"),
    [
        ("as the label says", DOSES, KIDNEY, "aaaaaaaa"),
        ("no dose for 24 hours", "ganciclovir 5 q12 d0-d3; ganciclovir 5 q12 d4-", KIDNEY, "aaalaaaa"),
        ("no dose for four days", "ganciclovir 5 q12 d0-d3; ganciclovir 5 q12 d7-", KIDNEY, "aaalllla"),
        ("one dose missed", DOSES + " !d3.5", KIDNEY, "aaalaaaa"),
        ("haemofiltration on and off", DOSES, "cg 80 d0-; cvvhdf d1-d3", "ahhuuuaa"),
        ("half the dose, then the whole", "ganciclovir 2.5 q12 d0-d4; ganciclovir 5 q12 d4-", KIDNEY, "llllaaaa"),
    ],
)
def test_each_day_is_held_against_its_own_band(says: str, doses: str, kidney: str, expected: str) -> None:
    del says
    assert states(known(doses, kidney), day=8.2) == expected


def test_a_dose_that_is_corrected_late_changes_its_day_and_not_before_it_is_known() -> None:
    before = known("ganciclovir 5 q12 d0-d3; ganciclovir 2.5 q12 d3-d4; ganciclovir 5 q12 d4-")
    first = (
        before[DOSES_GIVEN]
        .with_row_index("record")
        .with_columns(
            record_key=pl.col("given_at").cast(pl.String), is_withdrawn=pl.lit(False), landed_at=pl.lit(moment(5))
        )
    )
    first = first.with_columns(received_at=pl.lit(moment(5)))
    mended = first.filter(pl.col("dose_mg") == 175.0).with_columns(
        dose_mg=pl.lit(350.0), received_at=pl.lit(moment(9)), landed_at=pl.lit(moment(9))
    )
    after = standing(pl.concat([first, mended]).drop("record"), BY_NAME[DOSES_GIVEN.name])
    assert after.height == before[DOSES_GIVEN].height
    assert states(before, day=8.2) == "aaalaaaa"
    assert states(replace(before, tables={**before.tables, DOSES_GIVEN.name: after}), day=8.2) == "aaaaaaaa"


def test_a_row_that_could_not_be_read_makes_its_days_unknown_and_no_adequate_one_low() -> None:
    low, unread = known("ganciclovir 2.5 q12 d0-"), {DOSES_GIVEN.name: frozenset({PATIENT})}
    assert states(low) == "l" * 14
    assert states(replace(low, unread=unread)) == "u" * 14
    assert states(replace(known(), unread=unread)) == "a" * 14
    of_kidneys = replace(known(), unread={KIDNEY_FUNCTION.name: frozenset({PATIENT})})
    assert why(of_kidneys) == {"kidney_function_unread"}


def test_where_the_doses_are_silent_the_days_since_are_not_known() -> None:
    silent = replace(known(), silent={DOSES_GIVEN.name: moment(10)})
    assert states(silent) == "a" * 10 + "u" * 4


def test_two_versions_of_a_dose_that_contradict_each_other_leave_its_day_unknown() -> None:
    rows = known()
    doses = rows[DOSES_GIVEN].with_columns(dose_mg=pl.when(pl.col("given_at") != moment(3)).then("dose_mg"))
    assert states(replace(rows, tables={**rows.tables, DOSES_GIVEN.name: doses}), day=8.2) == "aaauaaaa"


def test_a_ward_that_writes_umol_and_one_that_writes_mg_per_dl_have_the_same_days() -> None:
    dutch = known(kidney="cg 80 d0-; umol 100 d0-d5; umol 150 d5-")
    american = known(kidney="cg 80 d0-; mgdl 1.131 d0-d5; mgdl 1.696 d5-")
    assert states(dutch) == states(american) == "aaaaauaaaaaaaa"


def test_a_swap_within_the_group_goes_on_and_another_drug_begins_its_own_days() -> None:
    swapped = known(
        "ganciclovir 5 q12 d0-d5.5; valganciclovir 900mg q12 d5.5-", courses="ganciclovir d0-d5.5;valganciclovir d5.5-"
    )
    assert states(swapped) == states(swapped, drug="valganciclovir") == "a" * 14
    other = known(
        "ganciclovir 5 q12 d0-d5; foscarnet 60 q8 d5-",
        "label 1.5 d0-; cg 80 d0-",
        courses="ganciclovir d0-d5;foscarnet d5-",
    )
    assert states(other, drug="foscarnet") == "a" * 9


def test_what_was_given_before_counts_as_days_on_record_and_not_as_adequate_days() -> None:
    rows = known("ganciclovir(prophylaxis) 5 q24 d-20-d-10; ganciclovir 5 q12 d0-")
    facts = facts_of(rows, day=14.5)
    assert one(facts.of(EXPOSURE))["n_days_on_record"] == 10 + 15
    assert one(facts.of(ADEQUATE_DAYS))["adequate_days"] == 14


def test_a_patient_without_a_dose_on_record_has_no_days() -> None:
    for doses in ("-", "never", "ganciclovir(prophylaxis) 5 q24 d0-"):
        facts = facts_of(known(doses), day=14.5)
        assert facts.of(EXPOSURE).is_empty()
        assert facts.of(ADEQUATE_DAYS).is_empty()


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.lists(st.floats(-1.0, 1.0), min_size=29, max_size=29))
def test_doses_up_to_an_hour_early_or_late_are_adequate_on_every_day(shifts: list[float]) -> None:
    rows = known()
    doses = rows[DOSES_GIVEN].sort("given_at").head(29)
    moved = pl.Series([0.0, *shifts[1:]]) * 3600
    doses = doses.with_columns(given_at=pl.col("given_at") + pl.duration(seconds=moved))
    assert states(replace(rows, tables={**rows.tables, DOSES_GIVEN.name: doses}), day=14.01) == "a" * 14


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.floats(0.2, 3.0))
def test_more_of_a_drug_never_makes_a_day_lower(share: float) -> None:
    order = "lah"
    less, more = (states(known(f"ganciclovir {5 * part} q12 d0-"), day=4.2) for part in (share, share * 1.1))
    assert all(order.index(one) <= order.index(other) for one, other in zip(less, more, strict=True))


def test_two_bags_at_one_moment_are_one_dose_on_the_first_day_and_on_every_other() -> None:
    """A row of each bag, and the doses of a swap within the group at the same moment, count as one row of the whole."""
    halves = "ganciclovir 2.5 q12 d0-; ganciclovir 2.5 q12 d0-"
    one_row, two_rows = (
        facts_of(known(doses), day=4.2).shared(drug_days).sort("day")["amount"].to_list() for doses in (DOSES, halves)
    )
    assert one_row == pytest.approx(two_rows, abs=1e-9)
    kidney = "label 1.5 d0-; cg 105 d0-"
    bags = known("foscarnet 30 q8 d0-; foscarnet 30 q8 d0-", kidney, courses="foscarnet d0-")
    given_mg_per_kg = facts_of(bags, day=4.2).shared(drug_days).filter(drug="foscarnet").sort("day")["amount"]
    assert given_mg_per_kg.to_list() == pytest.approx([180.0] * 4, abs=0.01)


@pytest.mark.parametrize(
    ("says", "heard_day", "expected"),
    [
        ("the day is not over as known: the evening's dose is still to come", 13.4, "a" * 13),
        ("heard of an hour after the day ended", 14.05, "a" * 13 + "l"),
        ("heard of more than a day ago: nothing is known since", 12.2, "a" * 12 + "uu"),
        ("heard of after the moment that is asked about", 20.0, "a" * 13 + "l"),
    ],
)
def test_a_day_is_judged_once_its_doses_could_have_been_delivered(says: str, heard_day: float, expected: str) -> None:
    """The dose of day 13 in the evening is not on record; judged at noon of day 14."""
    rows = known("ganciclovir 5 q12 d0-d13.3")
    heard = replace(rows, last_heard={DOSES_GIVEN.name: moment(heard_day)})
    assert states(heard, day=14.2) == expected, says
    if "u" in expected:
        assert "doses_not_known" in why(heard, day=14.2)


def test_a_kidney_value_that_could_not_be_read_leaves_the_days_after_its_time_judged() -> None:
    """It came on day 3: a value holds for some days, and no longer."""
    holds = facts_of(known(), day=14.5).protocol.exposure.kidney_value_holds_days
    rows = replace(
        known(),
        unread={KIDNEY_FUNCTION.name: frozenset({PATIENT})},
        unread_until={KIDNEY_FUNCTION.name: {PATIENT: moment(3)}},
    )
    n_unknown = 3 + int(holds)
    assert states(rows) == "u" * n_unknown + "a" * (14 - n_unknown)


@pytest.mark.parametrize(
    ("says", "doses", "is_low"),
    [
        (
            "nothing for a day; what was given five minutes into the last one still counts in it",
            "ganciclovir 5 q12 d0.0035-d13",
            True,
        ),
        ("one of two doses missed", "ganciclovir 5 q12 d0-d13; ganciclovir 5 q24 d13-d14", False),
        ("half the dose for two days", "ganciclovir 5 q12 d0-d12; ganciclovir 2.5 q12 d12-", True),
        (
            "half of it as another drug of the group on the last day",
            "ganciclovir 5 q12 d0-d13; valganciclovir 450mg q12 d13-",
            False,
        ),
    ],
)
def test_a_dose_is_low_after_two_low_days_or_one_without_any(says: str, doses: str, is_low: bool) -> None:
    found = facts_of(known(doses), day=14.1).of(EXPOSURE).filter(drug="ganciclovir")
    assert found["is_exposure_low"].to_list() == [is_low], says


@pytest.mark.parametrize(
    ("says", "doses", "mg_per_kg"),
    [
        ("every 8 hours, the last at hour 20: it lasts 8 hours, half of them that day", "60 q8 d0.1666667-d14", 180.0),
        ("every 12 hours, the last at hour 18: half of each dose of hour 18", "90 q12 d0.25-d14", 180.0),
        (
            "one dose at hour 18 after days without any: it lasts 12 hours, not days",
            "60 q8 d0-d10; 60 q8 d13.75-d14",
            30.0,
        ),
        ("every 12 hours in two halves at one moment: both count", "45 q12 d0-d14; 45 q12 d0-d14", 180.0),
        ("every 8 hours in two bags at one moment", "30 q8 d0-d14; 30 q8 d0-d14", 180.0),
        ("in three bags at one moment, from hour 4 on", "20 q8 d0.1666667-d14; " * 2 + "20 q8 d0.1666667-d14", 180.0),
        ("in two bags, the second 36 minutes later", "30 q8 d0.1666667-d14; 30 q8 d0.1916667-d14", 180.0),
    ],
)
def test_the_last_dose_on_record_lasts_as_long_as_the_one_before_and_no_longer_than_the_label_says(
    says: str, doses: str, mg_per_kg: float
) -> None:
    """Of the whole day 13, with clearance for which the label has foscarnet every 8 or every 12 hours."""
    written = "; ".join(f"foscarnet {part}" for part in doses.split("; "))
    rows = known(written, "label 1.5 d0-; cg 105 d0-", courses="foscarnet d0-")
    found = facts_of(rows, day=14.1).of(EXPOSURE).filter(drug="foscarnet")
    assert found["given_in_a_day"].to_list() == pytest.approx([mg_per_kg], abs=0.01), says


KEPT = "valganciclovir(prophylaxis) 900mg q24"


@pytest.mark.parametrize(
    ("says", "doses", "day", "expected"),
    [
        ("from the first dose on record, though the course began at home", f"{KEPT} d3-", 8.1, "aaaaa"),
        ("readmitted: the weeks at home are no days of too little", f"{KEPT} d-40-d-30; {KEPT} d3-", 8.1, "aaaaa"),
        ("no dose for three days is told, as of a treatment", f"{KEPT} d0-d3; {KEPT} d6-", 8.1, "aaalllaa"),
        (
            "another group before it: its own days begin with its own dose",
            f"letermovir(prophylaxis) 480mg q24 d0-; {KEPT} d3-",
            6.1,
            "aaa",
        ),
    ],
)
def test_the_days_of_prophylaxis_begin_with_its_first_dose_on_record(
    says: str, doses: str, day: float, expected: str
) -> None:
    courses = "valganciclovir(prophylaxis) d-90-; letermovir(prophylaxis) d-90-"
    assert states(known(doses, "cg 80 d-40-", courses=courses), day=day, drug="valganciclovir") == expected, says


@pytest.mark.parametrize(("day", "is_low"), [(4.1, False), (5.1, True)])
def test_the_first_day_on_record_is_no_second_low_one(day: float, is_low: bool) -> None:
    """Of prophylaxis whose band is known the day before, by another drug: half the dose on its first day is low for one day only."""
    doses = "letermovir(prophylaxis) 480mg q24 d0-; valganciclovir(prophylaxis) 450mg q24 d3-"
    courses = "valganciclovir(prophylaxis) d-90-; letermovir(prophylaxis) d-90-"
    rows = facts_of(known(doses, "cg 80 d-40-", courses=courses), day=day).of(EXPOSURE)
    told = one(rows.filter(drug="valganciclovir"))
    assert (told["exposure_state"], told["is_exposure_low"]) == ("low", is_low)


@pytest.mark.parametrize(
    ("says", "doses", "kidney", "day", "expected"),
    [
        (
            "every second day, then twice a week",
            "450mg q48 d0-d7; 450mg q84 d8-",
            "cg 30 d0-d8; cg 20 d8-",
            11.3,
            "aaa",
        ),
        ("once a day, then every second day", "450mg q24 d0-d7.5; 450mg q48 d8-", "cg 50 d0-d8; cg 30 d8-", 9.9, "a"),
        (
            "no dose after it for more than the new interval",
            "450mg q48 d0-d8.5",
            "cg 30 d0-d8; cg 20 d8-",
            13.1,
            "aaall",
        ),
        ("the interval is the old one: a missed dose is told", "450mg q48 d0-d8.5", "cg 30 d0-", 12.1, "aall"),
    ],
)
def test_the_last_dose_lasts_the_interval_of_a_band_that_it_is_the_first_dose_of(
    says: str, doses: str, kidney: str, day: float, expected: str
) -> None:
    """Of days 8 and after: kidney function fell, the interval was lengthened as the label has it, and the next dose is not due yet."""
    written = "; ".join(f"valganciclovir(prophylaxis) {part}" for part in doses.split("; "))
    rows = known(written, kidney, courses="valganciclovir(prophylaxis) d0-")
    assert states(rows, day=day, drug="valganciclovir")[8:] == expected, says


def test_doses_of_another_intent_count_for_no_day_of_prophylaxis() -> None:
    """A dose as treatment on a day of prophylaxis makes it no day of more, and prophylaxis none of treatment."""
    doses, courses = f"{KEPT} d0-; valganciclovir 900mg q24 d0-", "valganciclovir(prophylaxis) d0-"
    assert states(known(doses, courses=courses), day=4.1, drug="valganciclovir") == "aaaa"
    assert states(known(doses, courses="valganciclovir d0-"), day=4.1, drug="valganciclovir") == "llll"


def test_prophylaxis_is_never_held_against_the_dose_of_treatment() -> None:
    found = facts_of(known(f"{KEPT} d0-", courses="valganciclovir(prophylaxis) d0-"), day=4.1).of(EXPOSURE)
    told = one(found.select("given_for", "least_in_a_day", "most_in_a_day", "given_in_a_day"))
    assert told == {
        "given_for": "prophylaxis",
        "least_in_a_day": 900.0,
        "most_in_a_day": 900.0,
        "given_in_a_day": 900.0,
    }


def test_prophylaxis_that_follows_treatment_is_judged_once_treatment_is_over() -> None:
    """Until then it is said that it is not, and why; it is never left out."""
    doses, courses = f"ganciclovir 5 q12 d-20-d0; {KEPT} d0-", "ganciclovir d-20-d0; valganciclovir(prophylaxis) d0-"
    rows = known(doses, "cg 80 d-20-", courses=courses)
    for day, why_not in ((2.1, "prophylaxis_beside_treatment"), (4.1, None)):
        row = one(facts_of(rows, day=day).of(EXPOSURE).filter(drug="valganciclovir"))
        assert (row["given_for"], row["is_given_now"], row["exposure_unknown"]) == ("prophylaxis", True, why_not)
