"""Views in which every text that comes from outside tries to be more than text. Synthetic."""

from __future__ import annotations

import polars as pl

from cmvmon.dashboards.row_views import NotAssessable
from cmvmon.dashboards.views import FeedState, PatientView, WardRow, WardView
from cmvmon.domain.results import ALERTS
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from tests.pages import made_up, made_up_ward

SCRIPT = "SYNTHETIC<script>alert(1)</script>"
IMAGE = "<img src=x onerror=alert(2)>"
QUOTES = "\"' onmouseover=alert(3) x='</script><b>&amp;{{7*7}} %{x} $\\href{javascript:alert(4)}{x}$"
LONG = "ICU-SYN " + "Łódź-病房-" * 12


def patient() -> PatientView:
    """The slow patient with such a text in id, ward, bed, drug, laboratory, assay and route."""
    view = made_up.slow_patient()
    odd = {"laboratory": QUOTES, "assay": IMAGE}
    renamed = [pl.lit(text).alias(name) for name, text in odd.items()]
    courses = ANTIVIRAL_COURSES.conform(
        pl.DataFrame([made_up.course(IMAGE, 0, 16, route=QUOTES), made_up.course(SCRIPT, 16)], infer_schema_length=None)
    )
    return made_up.slow_patient(
        patient_id=SCRIPT,
        ward=LONG,
        bed=IMAGE,
        results=view.results.with_columns(renamed),
        weekly_decline=view.weekly_decline.with_columns(renamed),
        courses=courses,
        open_alerts=_answered(view.open_alerts),
    )


def _answered(alerts: pl.DataFrame) -> pl.DataFrame:
    """Acknowledged by somebody of such a name."""
    by = {"standing": pl.lit("acknowledged"), "answered_by": pl.lit(SCRIPT), "answered_at": pl.lit(made_up.AS_OF)}
    return ALERTS.conform(alerts.with_columns(**by))


def ward() -> WardView:
    """The ward with such a text in id, ward, bed and feed."""
    plain = made_up_ward.ward()
    row = plain.rows[1]
    rows = (
        WardRow(
            SCRIPT,
            LONG,
            IMAGE,
            "p9.html",
            _answered(made_up.alerts(*row.open_alerts)).to_dicts(),
            row.latest,
            (NotAssessable("suppressed", "no_series", "csf"),),
        ),
    )
    return made_up_ward.ward(rows=rows, feeds=(FeedState(QUOTES, IMAGE, None, None, SCRIPT),))
