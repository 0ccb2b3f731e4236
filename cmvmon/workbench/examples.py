"""The real example: decline of HIV-1 RNA in the ACTG 315 series, through the line estimator and nothing else.

HIV-1 RNA in copies/mL: not CMV, not IU/mL. Nothing here touches the store, a row type or a rule.
"""

from __future__ import annotations

import io

import numpy as np
import polars as pl

from cmvmon.domain.errors import DeliveryError
from cmvmon.kinetics import fit_line

# About this data set, not clinical policy (cmvmon/examples/actg315/ORIGIN.md).
LIMIT_OF_DETECTION_COPIES_PER_ML = 100.0
LAST_DAY = 28
SIGMA_LOG10 = 0.2
PRINTED_DECIMALS = 3  # of log10(50) = 1.699 in the file

_COLUMNS = {"Patid": pl.Int64, "Day": pl.Float64, "log10.RNA.": pl.Float64}


def actg315_decline(csv_text: str) -> tuple[pl.DataFrame, list[str]]:
    """Decline of HIV-1 RNA per patient in the first four weeks of treatment, and what a reader of it must know.

    One straight line per patient, by `fit_line`: days 0 to 28, sigma 0.2 log10, no prior; values at or below 2.0 log10
    copies/mL (the limit of detection) are read as left-censored at 2.0.

    Args:
        csv_text: cmvmon/examples/actg315/actg315_hiv_decay.csv; columns Patid, Day and log10.RNA. are read.

    Returns:
        id, n, n_censored, decline_log10_per_week (log10 copies/mL per week, positive when falling), se, loglik; sorted
        by id; the last three are null where the results determine no line. And notices, as sentences.

    Raises:
        DeliveryError: not that CSV: a column is missing, or a value is no finite number.
    Source: the same fit by R survival::survreg with fixed scale is the answer that the tests hold it to.
    """
    series = _read(csv_text)
    limit = float(np.log10(LIMIT_OF_DETECTION_COPIES_PER_ML))
    early = series.filter(pl.col("Day").is_between(0, LAST_DAY)).with_columns(is_censored=pl.col("log10.RNA.") <= limit)
    fits = [
        _fit(number, rows, limit)
        for (number,), rows in early.sort("Patid", "Day").group_by("Patid", maintain_order=True)
    ]
    schema = {
        "id": pl.Int64,
        "n": pl.Int64,
        "n_censored": pl.Int64,
        "decline_log10_per_week": pl.Float64,
        "se": pl.Float64,
        "loglik": pl.Float64,
    }
    return pl.DataFrame(fits, schema=schema, orient="row"), _notices(series, early, limit)


def _read(csv_text: str) -> pl.DataFrame:
    try:
        delivered = pl.read_csv(io.StringIO(csv_text), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise DeliveryError(
            "unreadable", "actg315: not a CSV file; give examples/actg315/actg315_hiv_decay.csv"
        ) from error
    missing = [name for name in _COLUMNS if name not in delivered.columns]
    if missing:
        raise DeliveryError(
            "missing_column", f"actg315: {', '.join(missing)} missing; give examples/actg315/actg315_hiv_decay.csv"
        )
    typed = delivered.select(pl.col(name).cast(kind, strict=False) for name, kind in _COLUMNS.items())
    unfit = typed.with_row_index("row", offset=1).filter(~pl.all_horizontal(pl.all().is_finite().fill_null(False)))
    if not unfit.is_empty():
        rows = ", ".join(str(row) for row in unfit["row"].head(10))
        raise DeliveryError(
            "malformed_number", f"actg315: row {rows} of the table holds no finite number; mend the file"
        )
    return typed


def _fit(number: object, rows: pl.DataFrame, limit: float) -> tuple[object, ...]:
    value = rows["log10.RNA."].to_numpy()
    is_censored = rows["is_censored"].to_numpy()
    fit = fit_line(
        rows["Day"].to_numpy() / 7.0,
        np.where(is_censored, -np.inf, value),
        np.where(is_censored, limit, value),
        SIGMA_LOG10,
    )
    estimates = (fit.decline, fit.se_decline, fit.log_likelihood) if fit.converged else (None, None, None)
    return (number, fit.n, fit.n_censored, *estimates)


def _notices(series: pl.DataFrame, early: pl.DataFrame, limit: float) -> list[str]:
    half = round(float(np.log10(LIMIT_OF_DETECTION_COPIES_PER_ML / 2)), PRINTED_DECIMALS)
    at_half = series.filter(pl.col("log10.RNA.").round(PRINTED_DECIMALS) == half)
    read_so = early.filter("is_censored")
    copies = f"{LIMIT_OF_DETECTION_COPIES_PER_ML:g}"
    notices = [
        "This is HIV-1 RNA in copies/mL, not CMV and not IU/mL: it is shown, not stored, and no CMV rule judges it."
    ]
    if not at_half.is_empty():
        notices.append(
            f"{at_half.height} of {series.height} values stand at {half:g} log10 copies/mL, which is half the limit of "
            f"detection ({copies} copies/mL), with no flag: they are no measurements."
        )
    patients = f"{read_so['Patid'].n_unique()} of {early['Patid'].n_unique()} patients"
    notices.append(
        f"Values at or below {limit:.1f} log10 are read as below the limit of detection: in days 0 to {LAST_DAY} "
        f"{read_so.height} of {early.height} values, in {patients}."
    )
    return notices
