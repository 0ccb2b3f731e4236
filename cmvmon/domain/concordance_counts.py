"""What is kept of each patient so that the unit's concordance is known without reading everybody's results again."""

from __future__ import annotations

from cmvmon.domain.columns import Column, Kind, RowType

CONCORDANCE_COUNTS = RowType(
    name="concordance_counts",
    description="What the unit's rows of `concordance` need of one patient, as it was counted at an assessment.",
    key=("patient_id",),
    columns=(
        Column("patient_id", Kind.TEXT, "The patient."),
        Column(
            "counts", Kind.TEXT, "The counts, as JSON text.", null_means="not both blood and another compartment yet"
        ),
        Column("laboratories", Kind.TEXT, "The laboratories of the results, each with its file's hash, as JSON text."),
        Column(
            "counts_until",
            Kind.MOMENT,
            "From this moment on more results count than were counted.",
            "UTC",
            null_means="no result is known that was collected later",
        ),
    ),
)
