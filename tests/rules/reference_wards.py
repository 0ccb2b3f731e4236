"""Random wards with everything in them that rules tell apart: stated compartments, letermovir, unknown intents, conflicts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from cmvmon.assess import Assessment, assess
from cmvmon.domain.doses_given import DOSES_GIVEN
from cmvmon.domain.kidney_function import KIDNEY_FUNCTION
from cmvmon.domain.known import Known
from cmvmon.domain.results import CONCORDANCE
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.simulate import SCENARIOS, Ward, ward
from cmvmon.simulate.ward import START

_STATED = (None, "bal", None, "plasma", "none", "bal;plasma", None, "csf;bal")


@dataclass(frozen=True)
class Reference:
    """One ward at one moment, and what of it was delivered."""

    scenario: str
    seed: int
    as_of_day: float
    method: str = "bank"
    courses: bool = True
    stays: bool = True
    follows: bool = False
    patients: int = 24

    @property
    def name(self) -> str:
        missing = "".join(f", no {name}" for name in ("courses", "stays") if not getattr(self, name))
        follows = ", blood follows" if self.follows else ""
        return f"{self.scenario}, seed {self.seed}, day {self.as_of_day:g}, {self.method}{missing}{follows}"

    @property
    def as_of(self) -> datetime:
        return START + timedelta(days=self.as_of_day)

    def results(self) -> pl.DataFrame:
        """With conflicts: of every 29th result a second final version with another value; of every 31st no known limits."""
        rows = self._ward().viral_load_results.with_row_index("n")
        other = pl.when(pl.col("detection") == "quantified").then(pl.col("viral_load_iu_per_ml") * 7.0)
        again = rows.filter((pl.col("n") % 29 == 3) & (pl.col("detection") == "quantified")).with_columns(
            viral_load_iu_per_ml=other, delivered_value=pl.lit("again")
        )
        limits = ("lod_iu_per_ml", "lloq_iu_per_ml")
        lost = pl.when(pl.col("n") % 31 != 5)
        return pl.concat([rows.with_columns(lost.then(pl.col(name)).alias(name) for name in limits), again]).drop("n")

    def antiviral_courses(self) -> pl.DataFrame | None:
        """Every 7th course is letermovir as prophylaxis, every 11th of unknown intent, every 13th of an unknown drug."""
        if not self.courses:
            return None
        n = pl.col("n")
        return (
            self._ward()
            .antiviral_courses.with_row_index("n")
            .with_columns(
                drug=pl.when(n % 7 == 2)
                .then(pl.lit("letermovir"))
                .when(n % 13 == 4)
                .then(pl.lit("brandname"))
                .otherwise("drug"),
                indication=pl.when(n % 7 == 2).then(pl.lit("prophylaxis")).when(n % 11 != 6).then("indication"),
            )
            .drop("n")
        )

    def icu_stays(self) -> pl.DataFrame | None:
        """Of each stay another statement of what is affected."""
        if not self.stays:
            return None
        stated = pl.col("n").replace_strict(dict(enumerate(_STATED)), return_dtype=pl.String)
        rows = self._ward().icu_stays.with_row_index("n").with_columns(pl.col("n") % len(_STATED))
        return rows.with_columns(affected_compartments=stated).drop("n")

    def doses_given(self) -> pl.DataFrame:
        """Of each course a dose every 12 hours for 20 days; by the patient's number half of it, no weight, or some missed."""
        courses = self._ward().antiviral_courses.filter(pl.col("drug").is_in(["ganciclovir", "foscarnet"]))
        rows = courses.select("patient_id", "drug", "indication", "started_at").join(
            pl.DataFrame({"n": range(40)}), how="cross"
        )
        kind = pl.col("patient_id").str.extract(r"(\d+)$").cast(pl.Int64) % 5
        is_missed = (kind == 3) & (pl.col("n") % 7 == 6)
        mg = pl.when(pl.col("drug") == "foscarnet").then(6300.0).otherwise(350.0) * pl.when(kind == 1).then(
            0.5
        ).otherwise(1.0)
        made = rows.with_columns(
            given_at=pl.col("started_at") + pl.duration(hours=12) * pl.col("n"),
            administered=pl.when(is_missed).then(pl.lit("missed")).otherwise(pl.lit("given")),
            dose_mg=pl.when(~is_missed).then(mg),
            dosing_weight_kg=pl.when(kind != 2).then(70.0),
        )
        return DOSES_GIVEN.conform(made.unique(DOSES_GIVEN.key, keep="first", maintain_order=True))

    def kidney_function(self) -> pl.DataFrame:
        """Of each patient a clearance every second day; by the patient's number 80, 60 or 98 mL/min."""
        rows = (
            self._ward()
            .antiviral_courses.select("patient_id")
            .unique()
            .join(pl.DataFrame({"n": range(36)}), how="cross")
        )
        number = pl.col("patient_id").str.extract(r"(\d+)$").cast(pl.Int64)
        made = rows.with_columns(
            method=pl.lit("cockcroft_gault"),
            unit=pl.lit("mL/min"),
            measured_at=pl.lit(START).cast(pl.Datetime("us", "UTC")) + pl.duration(days=2) * pl.col("n"),
            kidney_value=(number % 3).replace_strict({0: 80.0, 1: 60.0, 2: 98.0}, return_dtype=pl.Float64),
        )
        return KIDNEY_FUNCTION.conform(made)

    def concordance(self) -> pl.DataFrame | None:
        """Made up: the unit's plasma follows BAL. None: it is computed from the ward itself, and hardly ever does."""
        if not self.follows:
            return None
        row = {"scope": "unit", "compartment": "bal", "followed_compartment": "plasma", "n_patients": 9, "n_pairs": 40}
        row |= {"n_changes_clear": 20, "n_changes_agreeing": 19, "direction_agreement_low": 0.78}
        return CONCORDANCE.conform(pl.DataFrame([row | {"answer": "plasma_follows", "protocol_version": "made up"}]))

    def _ward(self) -> Ward:
        return ward(self.patients, 70, seed=self.seed, scenario=self.scenario)


REFERENCES = (
    *(
        Reference(scenario, seed, day, method)
        for number, scenario in enumerate(SCENARIOS)
        for seed, day, method in ((number + 1, 34.5, "bank"), (number + 40, 55.25, "line"), (number + 80, 69.0, "bank"))
    ),
    *(
        Reference("everything", seed, 40.0 + seed, method, follows=True)
        for seed in (21, 22, 23)
        for method in ("bank", "line")
    ),
    Reference("everything", 7, 40.0, courses=False),
    Reference("everything", 8, 40.0, stays=False),
    Reference("two_changes", 9, 48.0, "line", stays=False),
)


def assessed_ward(of: Reference) -> Assessment:
    """The whole assessment of that ward under the shipped protocol."""
    tables = {VIRAL_LOAD_RESULTS: of.results(), ANTIVIRAL_COURSES: of.antiviral_courses(), ICU_STAYS: of.icu_stays()}
    known = Known.of(tables, concordance=of.concordance())
    return assess(known, protocol=Protocol.shipped(), as_of=of.as_of, method=of.method)
