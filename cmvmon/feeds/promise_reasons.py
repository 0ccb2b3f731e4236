"""Promises about a row that deserve more than their own sentence: what was found and what to do, by code.

Rule of this file: no sentence holds a patient value.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cmvmon.feeds.rows_in_doubt import BORN_AFTER_DEATH, BORN_AFTER_STATED, DIED_BEFORE_BORN, TOO_OLD

_FILE = "the laboratory file"

PROMISE_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "below_own_limit": (
            "the load lies below the assay's own lower limit and carries no <. Check the limit in [[assays]] of "
            f"{_FILE}, and the unit."
        ),
        "above_own_limit": (
            "the load lies above the assay's own upper limit and carries no >. Check the limit in [[assays]] of "
            f"{_FILE}, and the unit."
        ),
        "crossed_limits": (
            f"the lower limit of quantification is not below the upper one. Check the limits in [[assays]] of {_FILE}."
        ),
        "implausible_viral_load_iu_per_ml": (
            "no sample holds such a load. Check the unit and the scale (log10 or not) with the sender."
        ),
        "reported_before_collected": (
            "the result was reported before the sample was collected. Check both times with the sender."
        ),
        "unparsed_mutation": (
            "the change is not written as one change of a protein, such as A594V, del595-603 or E22*. Ask the sender for a row "
            "of each change, in one-letter codes without p. or brackets."
        ),
        "unknown_ventilation_kind": (
            "the kind of ventilation is none that is read (invasive, tracheostomy, non_invasive, tracheostomy_mask). Map the sender's "
            "word in the table file (`words.ventilation_kind`)."
        ),
        "ventilation_kind_without_start": (
            "a kind of ventilation is given, and no start of the period. Ask the sender for the start, or for an empty cell where the "
            "patient was not ventilated."
        ),
        "stopped_before_started": "the course ends before it starts. Check both times with the sender.",
        # doses and kidney function
        "missing_dose_mg": (
            "a dose that was given has no amount in mg. Ask the sender for the whole dose in mg, not in mg/kg, g or mL."
        ),
        "unexpected_dose_mg": "a missed dose has an amount. Ask the sender whether it was given.",
        "dose_looks_like_another_unit": (
            "no dose of this drug is of so many mg: it may be in mg/kg, g or mL. Ask the sender for the whole dose in mg."
        ),
        "implausible_dose_mg": "no dose is of so many mg. Check the unit with the sender.",
        "implausible_dosing_weight_kg": (
            "the dosing weight is not that of an adult: a digit may be lacking (7 for 70), or it is in g or pounds. Ask the "
            "pharmacy for the dosing weight in kg. Doses of children are not judged."
        ),
        "implausible_weight_kg": (
            "the weight is not that of an adult: a digit may be lacking (7 for 70), or it is in g or pounds. Ask the sender "
            "for the weight in kg."
        ),
        "missing_unit": "the value has no unit, and none is assumed. Ask the sender for it.",
        "unknown_unit": (
            "the unit is none that is read for this table (docs/tables.md lists them). Map it in the table file, or ask the "
            "sender."
        ),
        "unit_of_another_method": (
            "this method does not give a value in this unit: an eGFR is in mL/min/1.73m2, a clearance in mL/min, the foscarnet "
            "label's formula in mL/min/kg, creatinine in umol/L or mg/dL. Check method and unit with the sender."
        ),
        "kidney_value_of_another_unit": (
            "no such value exists in this unit: it may be one of another (creatinine 1.5 mg/dL is 133 umol/L). Check the unit "
            "with the sender."
        ),
        "cd4_of_another_unit": (
            "a CD4 count is in whole cells per microlitre, and this is less than one: it may be in 10^9/L (0.05 is 50). Ask the "
            "sender for cells/uL, or 10^6/L, which is the same number."
        ),
        # levels and laboratory values
        "unit_of_another_drug": (
            "a level of ganciclovir is read in mg/L only. Ask the laboratory for it in mg/L; it is not converted."
        ),
        "level_of_another_unit": (
            "no level of this drug is of such a size in this unit: it may be in ug/L, mg/mL or mmol/L, or one below the assay's "
            "limit written as 0. Check the unit with the laboratory; ask for the limit with `<`."
        ),
        "implausible_level_value": "no level is of that size, or it is not above 0. Check value and unit with the laboratory.",
        "last_dose_after_sample": "the last dose was given after the sample. Check both times with the sender.",
        "next_dose_before_sample": "the next dose was given before the sample. Check both times with the sender.",
        "unknown_analyte": (
            "this is none of the values that are read (docs/tables.md lists them; creatinine belongs to the kidney values). Map its "
            "name in the table file, or leave such rows out."
        ),
        "unit_of_another_analyte": (
            "this value is not in such a unit: counts are in 10^9/L, K/uL or /uL, haemoglobin in mmol/L or g/dL, calcium and "
            "phosphate in mmol/L or mg/dL, magnesium in these or mEq/L, potassium in mmol/L or mEq/L, IgG in g/L or mg/dL, QTc in "
            "ms. Check both with the sender."
        ),
        "analyte_value_of_another_unit": (
            "no such value exists in this unit: it may be of another (platelets 25 K/uL are 25,000/uL; QTc 0.46 s is 460 ms), or of "
            "the other calcium. Check name and unit with the sender."
        ),
        "replacement_stopped_before_started": "the treatment ends before it starts. Check both times with the sender.",
        # samples and oxygenation
        "missing_collected_at": "a sample that was taken has no time of collection. Ask the sender for it.",
        "unexpected_collected_at": (
            "a sample that was not taken has a time of collection. Ask the sender whether it was taken."
        ),
        "state_stated_before_ordered": (
            "what became of the order was stated before it was placed. Check both times with the sender."
        ),
        "missing_ratio_unit": "the PaO2/FiO2 ratio has no unit, and none is assumed. Ask the sender: mmHg or kPa.",
        "unknown_ratio_unit": "the unit is none that is read (mmHg, kPa). Map it in the table file, or ask the sender.",
        "ratio_of_another_unit": (
            "no such PaO2/FiO2 ratio exists in this unit: it may be in the other one (100 mmHg is 13.3 kPa), or FiO2 was a "
            "percentage. Check both with the sender."
        ),
        "malformed_atc_code": (
            "the code is no whole ATC code: seven characters in capitals, without blanks or points, to the substance, as P01CX01. "
            "Ask the pharmacy for it, or map its own code in the table file (`words.atc_code`)."
        ),
        "unknown_route": (
            "the route is none that is read (iv, oral, enteral, inhaled, intramuscular, subcutaneous, topical, other). Map the "
            "sender's word in the table file (`words.route`)."
        ),
        "other_drug_stopped_before_started": "the drug ends before it starts. Check both times with the sender.",
        "missing_died_at": (
            "a death has no moment. Ask the sender for it, or for the moment at which it was stated; a row that takes a death back "
            "says so (`says` = alive)."
        ),
        "died_after_stated": (
            "the death was stated before it happened: a moment may be of another zone or year, or planned. Check both times with the "
            "sender."
        ),
        "malformed_died_on": "the date of death is not written as 2026-03-01, or no such day exists (2026-02-30). Ask the sender.",
        "alive_and_died_at": "the row says that the patient is alive, and has a moment of death. Ask the sender which holds.",
        "alive_and_died_on": "the row says that the patient is alive, and has a date of death. Ask the sender which holds.",
        BORN_AFTER_STATED: (
            "the date of birth lies after the moment at which it was stated: a year may be typed wrong (2062 for 1962). Ask the "
            "sender for the date of birth."
        ),
        TOO_OLD: (
            "nobody who was born then was alive when it was stated: a year may be typed wrong, or stand for a date that is not known "
            "(1 January 1900). Ask the sender for the date of birth."
        ),
        DIED_BEFORE_BORN: (
            "the patient died before the date of birth that is on record: one of the two is wrong, or another patient's. Ask the "
            "sender which; once the date of birth is corrected it is judged again by itself."
        ),
        BORN_AFTER_DEATH: (
            "the date of birth lies after the death that is on record: one of the two is wrong, or another patient's. Ask the "
            "sender which; once the death is corrected or taken back it is judged again by itself."
        ),
        "malformed_born_on": (
            "the date of birth is no date of this century or the last, written as 1961-05-30. Ask the sender for it in full."
        ),
    }
)
