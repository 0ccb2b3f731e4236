"""The table that a page draws the fitted trajectory from: the load as it is estimated to have run, moment by moment."""

from __future__ import annotations

from cmvmon.domain import compartments
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import Between, OneOf, Ordered

_LOG10 = "log10 IU/mL"


def _load(name: str, description: str) -> Column:
    return Column(name, Kind.NUMBER, description, _LOG10, constraints=(Between(name, at_least=-1e6, at_most=1e6),))


FITTED_TRAJECTORY = RowType(
    name="fitted_trajectory",
    description="The estimated load of one series since its latest anchor. Never stored: made anew for each page.",
    key=("patient_id", "compartment", "laboratory", "assay", "anchor_at", "moment"),
    columns=(
        Column("patient_id", Kind.TEXT, "The patient."),
        Column(
            "compartment",
            Kind.TEXT,
            "The compartment of the series.",
            constraints=(OneOf("compartment", compartments.NAMES),),
        ),
        Column("laboratory", Kind.TEXT, "The laboratory of the series."),
        Column("assay", Kind.TEXT, "The assay of the series."),
        Column("anchor_at", Kind.MOMENT, "Start of the response clock.", "UTC"),
        Column("moment", Kind.MOMENT, "When the load is estimated.", "UTC"),
        _load("load_log10", "Posterior mean of the load then: of the load itself, not of a measurement of it."),
        _load("load_low_log10", "Lower end of its 95 % interval."),
        _load("load_high_log10", "Upper end of its 95 % interval."),
        Column("is_extrapolated", Kind.TRUTH, "After the last result that was used."),
    ),
    across=(Ordered("load_low_log10", "load_high_log10", "crossed_interval"),),
)
