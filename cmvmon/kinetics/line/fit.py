"""One straight line through log10 results of which some are only limits: `fit_line`, and the same for many series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Prior = tuple[npt.ArrayLike, npt.ArrayLike]  # mean (2) and covariance (2, 2) of (intercept, decline)

OK = "ok"
ONE_TIME = "one_time"
ALL_CENSORED = "all_censored"
INVALID_INPUT = "invalid_input"
STATUS = (OK, ONE_TIME, ALL_CENSORED, INVALID_INPUT)  # in the order of the kernel's codes


@dataclass(frozen=True)
class LineFit:
    """The best line y = intercept - decline * t through one series, and how sure it is.

    Attributes:
        intercept: log10 load at t = 0.
        decline: log10 per week, positive when the load falls.
        se_intercept, se_decline, covariance: from the inverse of the curvature at the optimum.
        log_likelihood: of the results alone, at the optimum; a prior is not counted.
        status: `one_time` when no decline is determined by the results (all at one time, or the limits leave it open),
            `all_censored` when none is quantified, `invalid_input` for a row that can't be used. With a prior the
            estimates of `one_time` and `all_censored` exist and lean on it; without one they are NaN unless limits on
            both sides determine the line.
        converged: whether the numbers above exist.
    """

    intercept: float
    decline: float
    se_intercept: float
    se_decline: float
    covariance: tuple[tuple[float, float], tuple[float, float]]
    log_likelihood: float
    n: int
    n_censored: int
    converged: bool
    status: str


@dataclass(frozen=True)
class LineFits:
    """`LineFit` of many series: one array entry each, in the order of the offsets."""

    intercept: npt.NDArray[np.float64]
    decline: npt.NDArray[np.float64]
    se_intercept: npt.NDArray[np.float64]
    se_decline: npt.NDArray[np.float64]
    covariance: npt.NDArray[np.float64]
    log_likelihood: npt.NDArray[np.float64]
    n: npt.NDArray[np.int64]
    n_censored: npt.NDArray[np.int64]
    converged: npt.NDArray[np.bool_]
    status: tuple[str, ...]


def fit_line(
    t_weeks: npt.ArrayLike,
    lo: npt.ArrayLike,
    hi: npt.ArrayLike,
    sigma: npt.ArrayLike,
    *,
    prior: Prior | None = None,
) -> LineFit:
    """The line y = a - d t of highest posterior density (without a prior: highest likelihood) through one series.

    y_i ~ N(a - d t_i, sigma_i^2); of a result that was not quantified only lo_i < y_i < hi_i is known.

    Args:
        t_weeks: times in weeks, in any order.
        lo, hi: limits in log10. Equal: quantified. lo = -inf or hi = +inf: limited on one side.
        sigma: standard deviation of one result around the line, log10; one number, or one per result.
        prior: mean (2) and covariance (2, 2) of (intercept, decline); None = maximum likelihood.

    Raises:
        ValueError: arrays of unequal length, or a prior that is no distribution. A row with NaN, lo > hi or
            sigma <= 0, and an empty series, give status `invalid_input` instead.
    Source: kinetics.md section 2. Equals R survival::survreg(dist = "gaussian", scale fixed) without a prior.

    >>> fit = fit_line([0.0, 1.0, 2.0], [5.0, 4.0, 3.0], [5.0, 4.0, 3.0], 0.1)
    >>> round(fit.intercept, 6), round(fit.decline, 6), fit.status
    (5.0, 1.0, 'ok')
    """
    times = np.atleast_1d(np.asarray(t_weeks, dtype=np.float64))
    fits = fit_lines(np.array([0, len(times)]), times, lo, hi, sigma, prior=prior)
    (var_a, cov), (_, var_d) = fits.covariance[0]
    return LineFit(
        intercept=float(fits.intercept[0]),
        decline=float(fits.decline[0]),
        se_intercept=float(fits.se_intercept[0]),
        se_decline=float(fits.se_decline[0]),
        covariance=((float(var_a), float(cov)), (float(cov), float(var_d))),
        log_likelihood=float(fits.log_likelihood[0]),
        n=int(fits.n[0]),
        n_censored=int(fits.n_censored[0]),
        converged=bool(fits.converged[0]),
        status=fits.status[0],
    )


def fit_lines(
    series_offsets: npt.ArrayLike,
    t_weeks: npt.ArrayLike,
    lo: npt.ArrayLike,
    hi: npt.ArrayLike,
    sigma: npt.ArrayLike,
    *,
    prior: Prior | None = None,
) -> LineFits:
    """`fit_line` of every series in one call; series i holds the rows offsets[i] .. offsets[i + 1].

    Raises:
        ValueError: as `fit_line`, or offsets that do not rise from 0 to the number of rows.

    >>> fits = fit_lines([0, 2, 3], [0, 1, 0], [5, 4, 3], [5, 4, 3], 0.1)
    >>> fits.status
    ('ok', 'one_time')
    """
    from cmvmon.kinetics.line import newton  # compiles: only who fits pays

    offsets, rows = checked(series_offsets, t_weeks, lo, hi, sigma)
    return _named(newton.fit_many(offsets, *rows, prior_numbers(prior)))


def checked(
    series_offsets: npt.ArrayLike, t: npt.ArrayLike, lo: npt.ArrayLike, hi: npt.ArrayLike, sigma: npt.ArrayLike
) -> tuple[npt.NDArray[np.int64], tuple[Array, Array, Array, Array]]:
    """The arrays as the kernels take them. Raises ValueError when their shapes do not fit together."""
    columns = [np.atleast_1d(np.ascontiguousarray(column, dtype=np.float64)) for column in (t, lo, hi)]
    n = len(columns[0])
    noise = np.asarray(sigma, dtype=np.float64)
    noise = np.full(n, noise[()]) if noise.ndim == 0 else np.ascontiguousarray(noise)
    if any(column.shape != (n,) for column in (*columns, noise)):
        shapes = ", ".join(str(column.shape) for column in (*columns, noise))
        raise ValueError(f"one time, lo, hi and sigma per result are needed; their shapes are {shapes}")
    offsets = np.asarray(series_offsets, dtype=np.int64)
    rising = offsets.ndim == 1 and len(offsets) >= 1 and offsets[0] == 0 and offsets[-1] == n
    if not rising or bool((np.diff(offsets) < 0).any()):
        raise ValueError(f"series offsets must rise from 0 to the number of results, {n}")
    return offsets, (columns[0], columns[1], columns[2], noise)


def prior_numbers(prior: Prior | None) -> npt.NDArray[np.float64]:
    """(mean_a, mean_d, P_aa, P_ad, P_dd) of a prior, P the inverse of its covariance; zeros for none."""
    if prior is None:
        return np.zeros(5)
    mean = np.asarray(prior[0], dtype=np.float64)
    covariance = np.asarray(prior[1], dtype=np.float64)
    if mean.shape != (2,) or covariance.shape != (2, 2):
        raise ValueError(
            f"a prior is a mean (2) and a covariance (2, 2); found shapes {mean.shape}, {covariance.shape}"
        )
    (v_aa, v_ad), (v_da, v_dd) = covariance
    determinant = v_aa * v_dd - v_ad * v_da
    sound = np.isfinite(mean).all() and np.isfinite(covariance).all() and v_ad == v_da
    if not (sound and v_aa > 0 and v_dd > 0 and determinant > 0):
        raise ValueError("a prior needs finite means and a symmetric covariance of full rank")
    return np.array([mean[0], mean[1], v_dd / determinant, -v_ad / determinant, v_aa / determinant])


def _named(numbers: npt.NDArray[np.float64]) -> LineFits:
    a, d, var_a, cov, var_d, value, n, n_censored, converged, status = numbers.T
    return LineFits(
        intercept=a,
        decline=d,
        se_intercept=np.sqrt(var_a),
        se_decline=np.sqrt(var_d),
        covariance=np.stack([np.stack([var_a, cov], axis=-1), np.stack([cov, var_d], axis=-1)], axis=-2),
        log_likelihood=value,
        n=n.astype(np.int64),
        n_censored=n_censored.astype(np.int64),
        converged=converged > 0,
        status=tuple(np.array(STATUS, dtype=object)[status.astype(np.int64)].tolist()),
    )
