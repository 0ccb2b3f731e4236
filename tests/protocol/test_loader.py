"""The protocol file: every fault at once, each with its place; every number with its source and owner."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path

import pytest

from cmvmon.domain.compartments import COMPARTMENTS, NAMES
from cmvmon.domain.errors import ProtocolError
from cmvmon.protocol import read_protocol
from cmvmon.rules import needed_numbers
from cmvmon.shell.folder.protocol_files import Protocol

TEXT = resources.files("cmvmon.protocol").joinpath("icu_cmv_2024.toml").read_text(encoding="utf-8")
POLICY_PAGE = (Path(__file__).parents[2] / "docs" / "site_policy.md").read_text(encoding="utf-8")
FAMILIES = ("prior", "alarm", "rules", "doses", "levels")  # tables whose entries are stanzas


def read(text: str) -> Protocol:
    return read_protocol(text, name="ours.toml", rules=needed_numbers())


def test_the_shipped_protocol_gives_every_compartment_a_prior_and_the_issues_noise() -> None:
    protocol = read(TEXT)
    noise = {name: protocol.sigma_log10.get(name) for name in NAMES}
    for compartment in COMPARTMENTS:
        assert protocol.prior_of(compartment.name).decline_sd_log10_per_week > 0
        expected = {"blood": 0.13, "lower_respiratory": 0.4, "other": None}[compartment.matrix]
        expected = dict.fromkeys(("serum", "csf", "vitreous"), 0.25).get(compartment.name, expected)
        assert noise[compartment.name] == expected
    assert protocol.prior_of("serum") == protocol.priors["plasma"]
    assert protocol.prior_of("tracheal_aspirate") == protocol.priors["bal"]
    assert protocol.prior_of("csf") == protocol.priors["plasma"]


def test_noise_near_the_lloq_is_given_for_plasma_only_and_may_be_left_out() -> None:
    near = read(TEXT).sigma_near_lloq
    assert near is not None
    assert (near.within_log10, dict(near.sigma_log10)) == (0.5, {"plasma": 0.22})
    without = TEXT.replace("[sigma_log10.near_lloq]\nwithin_log10 = 0.5\nplasma = 0.22\n", "")
    assert without != TEXT
    assert read(without).sigma_near_lloq is None


def test_every_stanza_names_its_source_strength_owner_and_guide() -> None:
    document = tomllib.loads(TEXT)
    stanzas = {name: table for name, table in document.items() if isinstance(table, dict) and name not in FAMILIES}
    for family in FAMILIES:
        stanzas |= {f"{family}.{name}": table for name, table in document[family].items()}
    for name, table in stanzas.items():
        assert all(table.get(key) for key in ("source", "strength", "owner")), name
        assert all(re.fullmatch(r"G(1?\d|20)", statement) for statement in table["guide"]), name


@pytest.mark.parametrize(
    ("what", "before", "after", "said"),
    [
        ("not TOML", 'version = "', "version = ", "not valid TOML"),
        ("a missing key", "too_close_days = 5.0", "", "[decline] too_close_days is missing; add it"),
        ("an unknown key", "too_close_days = 5.0", "too_close_days = 5.0\nhurry = 1", "[decline] hurry is not a key"),
        ("text for a number", "too_close_days = 5.0", 'too_close_days = "5"', "[decline] too_close_days must be a number"),
        ("a truth for a number", "too_close_days = 5.0", "too_close_days = true", "too_close_days must be a number"),
        ("crossed cut points", "not_met_probability = 0.1", "not_met_probability = 0.95", "must be below met_probability"),
        ("a negative noise", "plasma = 0.13", "plasma = -0.13", "[sigma_log10] plasma must be a number above 0; found -0.13"),
        ("an infinite noise", "plasma = 0.13", "plasma = inf", "[sigma_log10] plasma must be a number above 0; found inf"),
        ("a noise near the LLOQ of 0", "plasma = 0.22", "plasma = 0", "[sigma_log10.near_lloq] plasma must be a number above 0; found 0"),
        ("a noise near the LLOQ alone", "plasma = 0.22", "urine = 0.22", "[sigma_log10] has no value for urine, and [sigma_log10.near_lloq] has one; add it here"),
        ("nowhere near the LLOQ", "within_log10 = 0.5", "", "[sigma_log10.near_lloq] within_log10 is missing; add it"),
        ("a number near the LLOQ", "[sigma_log10.near_lloq]", "near_lloq = 0.22\n[sigma_log10.near_loq]", "[sigma_log10.near_lloq] must be a table"),
        ("noise of no compartment", "plasma = 0.13", "plasma = 0.13\nlung = 0.4", "[sigma_log10] lung is no compartment; known are plasma, "),
        ("a prior that is not there", 'otherwise = "plasma"', 'otherwise = "blood"', "there is no [prior.blood]"),
        ("a prior that is a list", 'otherwise = "plasma"', 'otherwise = ["plasma"]', "[prior_of] otherwise must be text that is not empty"),
        ("a label that is a list", 'version = "icu_cmv_2024.12"', "version = []", "ours.toml: version must be text that is not empty; found []"),
        ("no number at all", "too_close_days = 5.0", "too_close_days = nan", "[decline] too_close_days must be a number; found nan"),
        ("a standard deviation of 0", "intercept_sd_log10 = 0.798", "intercept_sd_log10 = 0", "must be a number above 0"),
        ("a drug without a use", '{ group = "foscarnet", use = "treatment" }', '{ group = "foscarnet" }', "foscarnet must be {"),
        ("a drug with another use", '{ group = "foscarnet", use = "treatment" }', '{ group = "x", use = "maybe" }', "treatment or not_treatment"),
        ("a laboratory in doubt by two patients", "least_patients = 6.0", "least_patients = 2.0", "[moved_together] least_patients must be a whole number of at least 4; found 2.0"),
        ("corrected back by one", "least_corrected = 2.0", "least_corrected = 1.0", "[moved_together] least_corrected must be a whole number of at least 2; found 1.0"),
        ("a laboratory in doubt for a year", "\nwithin_days = 7.0 ", "\nwithin_days = 365.0 ", "[moved_together] within_days must be a number from 1 to 14; found 365.0"),
        ("a year before a step", "before_days = 14.0", "before_days = 365.0", "[moved_together] before_days must be a number from 1 to 28; found 365.0"),
        ("a laboratory in doubt by noise", "rise_log10 = 0.5                  # a rise by more than, of", "rise_log10 = 0.0001 # of", "[moved_together] rise_log10 must be a number from 0.3 to 3; found 0.0001"),
        ("by noise on treatment", "rise_on_treatment_log10 = 0.2", "rise_on_treatment_log10 = 0.0001", "[moved_together] rise_on_treatment_log10 must be a number from 0.1 to 3; found 0.0001"),
        ("loads that do not grow", "growth_log10_per_week = 1.4", "growth_log10_per_week = 0.1", "[moved_together] growth_log10_per_week must be a number from 0.5 to 5; found 0.1"),
        ("a fall that is noise", "fall_log10 = 0.5", "fall_log10 = 0.0001", "[moved_together] fall_log10 must be a number from 0.3 to 3; found 0.0001"),
        ("a fall that treatment makes", "fall_on_treatment_log10 = 2.0", "fall_on_treatment_log10 = 0.5", "[moved_together] fall_on_treatment_log10 must be a number from 1 to 5; found 0.5"),
        ("a larger rise under treatment", "rise_on_treatment_log10 = 0.2", "rise_on_treatment_log10 = 0.6", "[moved_together] rise_on_treatment_log10 must not be above rise_log10"),
        ("a larger fall without treatment", "fall_log10 = 0.5", "fall_log10 = 2.5", "[moved_together] fall_log10 must not be above fall_on_treatment_log10"),
        ("a line of agreement above 1", "follows_agreement = 0.7", "follows_agreement = 1.7", "[concordance] follows_agreement must be a number above 0 and below 1; found 1.7"),
        ("a patient with one pair", "patient_min_pairs = 6.0", "patient_min_pairs = 1.0", "[concordance] patient_min_pairs must be a number of at least 2; found 1.0"),
        ("fewer pairs than changes need", "unit_min_pairs = 20.0", "unit_min_pairs = 9.0", "at least twice unit_min_patients"),
        ("a target that nobody reaches", "target_log10_per_week = 1.0", "target_log10_per_week = 100", "[decline] target_log10_per_week is not plausible; no number in log10 per week lies beyond 10; found 100"),
        ("growth beyond belief", "growth_before_anchor_log10_per_week = 0.25", "growth_before_anchor_log10_per_week = -1e300", "is not plausible"),
        ("a gap of a century", "same_course_gap_days = 7.0", "same_course_gap_days = 36500", "no number in days lies beyond 3660"),
        ("pairs of no time", "pair_within_h = 48.0", "pair_within_h = 0", "[concordance] pair_within_h must be a number above 0"),
        ("half a day to try", "candidate_days = 21.0", "candidate_days = 0.5", "[next_sample] candidate_days must be a whole number"),
        ("a probability of 0", "probability = 0.8", "probability = 0.0", "[next_sample] probability must be a number above 0 and at most 1; found 0.0"),
        ("a rule without its number", "iu_per_ml = 10000.0\nwithin_days = 7.0", "iu_per_ml = 10000.0", "[rules.bal_at_local_line] within_days is missing"),
        ("a rule with another number", "iu_per_ml = 10000.0\nwithin_days = 7.0", "iu_per_ml = 10000.0\nwithin_days = 7.0\nx = 1.0", "[rules.bal_at_local_line] x is not a key"),
        ("a rule's number below 0", "iu_per_ml = 10000.0\nwithin_days = 7.0", "iu_per_ml = 10000.0\nwithin_days = -7", "[rules.bal_at_local_line] within_days must be a number above 0"),
        ("a rule that does not exist", "[rules.suppressed]", "[rules.supressed]", "[rules.supressed] has no rule of that name"),
        ("a rule without a stanza", "[rules.suppressed]", "[rules.supressed]", "[rules.suppressed] is missing"),
        ("no owner", 'owner = "medical microbiologist"', 'owner = " "', "[sigma_log10] owner is missing or empty"),
        ("no guide", 'guide = ["G18", "G19"]', 'guide = "G18"', "[response_clock] guide must be a list"),
        ("no name of priors", 'name = "simulated-1"', "", "[trajectory_priors] name is missing; add it"),
        ("a name that is a number", 'name = "simulated-1"', "name = 1", "[trajectory_priors] name must be text that is not empty; found 1"),
        ("priors with another key", 'name = "simulated-1"', 'name = "simulated-1"\nhurry = 1', "[trajectory_priors] hurry is not a key"),
        ("defaults worth no series", "shrink_series = ", "shrink_series = -", "[trajectory_priors] shrink_series must be a number above 0"),
        ("no alarm for a prior", "[alarm.bal]", "[alarm.bl]", "[alarm.bal] is missing; add it (`cmvmon calibrate`)"),
        ("an alarm without its number", "probability_rebound = ", "probability = ", "[alarm.plasma] probability_rebound is missing"),
        ("an alarm that is text", "probability_rebound = ", 'probability_rebound = "3"  #', "[alarm.plasma] probability_rebound must be a number"),
        ("a stanza that is a number", "[prior.bal]", "[prior]\nbal = 3\n[prior.bl]", "[prior.bal] must be a table"),
        ("a margin as wide as a rise", "held_log10 = 0.2", "held_log10 = 0.5", "[watched] held_log10 must be smaller than [rules.untreated_rise] rise_log10 (0.5), else a falling load is called a rise; found 0.5; lower it"),
        ("a rise as small as its margin", "rise_log10 = 1.0                  # more than this above the lowest value", "rise_log10 = 0.2 #", "smaller than [rules.rebound] rise_log10 (0.2)"),
        ("a margin as wide as a rise in the airways", "held_lower_airway_log10 = 0.4", "held_lower_airway_log10 = 1.2", "held_lower_airway_log10 must be smaller than [rules.rise_on_prophylaxis] lower_airway_rise_log10 (1.2)"),
        ("a margin of nothing", "held_log10 = 0.2", "held_log10 = 0", "[watched] held_log10 must be a number above 0"),
        ("a load that holds for no time", "held_within_days = 14.0", "held_within_days = 0", "[watched] held_within_days must be a number above 0"),
        ("a load that holds after it says nothing", "held_within_days = 14.0", "held_within_days = 14.1", "[watched] held_within_days must be at most [rules.untreated_rise] within_days (14), after which a result says nothing of now; found 14.1; lower it"),
        ("a share below 0", "held_share = 0.1", "held_share = -0.01", "[level_timing] held_share must be a number from 0 to 0.5"),
        ("a share above a half", "held_share = 0.1", "held_share = 0.51", "[level_timing] held_share must be a number from 0 to 0.5; found 0.51"),
        ("a share as wide as a target", "held_share = 0.1", "held_share = 0.42", "[level_timing] held_share is too much for the target of [levels.ganciclovir] from "),
        ("a number for a stanza", "[rules.suppressed]", "suppressed = 3\n[rules.supressed]", "is not a key"),
    ],
)  # fmt: skip
def test_a_broken_protocol_stops_the_start_and_says_where(what: str, before: str, after: str, said: str) -> None:
    assert before in TEXT, what
    with pytest.raises(ProtocolError, match=re.escape(said)) as refused:
        read(TEXT.replace(before, after, 1))
    assert "ours.toml" in str(refused.value)


def test_what_a_file_of_an_earlier_version_lacks_stands_in_the_docs() -> None:
    whole = TEXT[TEXT.index("[moved_together]") : TEXT.index("# --- Does blood follow")]
    former = re.sub(r"(?m)^held_.*\n", "", TEXT.replace(whole, ""))
    with pytest.raises(ProtocolError) as refused:
        read(former)
    missing = re.findall(r"(\[\w+\])(?: (\w+))? is missing|(\w+) is missing", str(refused.value))
    listed = next(line for line in POLICY_PAGE.splitlines() if line.startswith("| `icu_cmv_2024.10`"))
    assert {part for found in missing for part in found if part} == {
        "[watched]", "[level_timing]", "held_log10", "held_lower_airway_log10", "held_within_days", "held_share", "moved_together"
    }  # fmt: skip
    keys = {*tomllib.loads(whole)["moved_together"], *(part for found in missing for part in found if part)}
    assert [key for key in keys if f"`{key}`" not in listed and f"`[{key}]`" not in listed] == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("held_log10 = 0.2", "held_log10 = 0.49"),
        ("held_log10 = 0.2", "held_log10 = 0.001"),
        ("held_lower_airway_log10 = 0.4", "held_lower_airway_log10 = 1.19"),
        ("held_within_days = 14.0", "held_within_days = 0.5"),
        ("held_share = 0.1", "held_share = 0"),
        ("held_share = 0.1", "held_share = 0.41"),
    ],
)
def test_a_margin_just_inside_its_limits_is_taken(before: str, after: str) -> None:
    assert before in TEXT
    read(TEXT.replace(before, after, 1))


def test_every_fault_is_reported_at_once() -> None:
    broken = (
        TEXT.replace("too_close_days", "tooclose")
        .replace("within_days", "within")
        .replace("plasma = 0.13", "plasma = 0")
    )
    with pytest.raises(ProtocolError) as refused:
        read(broken)
    for said in ("too_close_days is missing", "within_days is missing", "[sigma_log10] plasma must"):
        assert said in str(refused.value)


def test_a_missing_table_is_named() -> None:
    start, end = TEXT.index("[affected_compartments]"), TEXT.index("# --- Rules")
    with pytest.raises(ProtocolError, match="affected_compartments is missing"):
        read(TEXT[:start] + TEXT[end:])


@pytest.mark.parametrize(
    "key", ["drugs", "response_clock", "decline", "sigma_log10", "prior_of", "prior", "affected_compartments", "rules"]
)
def test_a_table_that_is_a_number_is_named(key: str) -> None:
    document = tomllib.loads(TEXT)
    plain = [line for line in TEXT.splitlines() if line.startswith(("version", "title"))]
    owner = 'owner = "x"'
    others = [f"{name} = 3" for name in document if isinstance(document[name], dict)]
    with pytest.raises(ProtocolError, match=re.escape(f"[{key}] must be a table")):
        read("\n".join([*plain, owner, *others]))
