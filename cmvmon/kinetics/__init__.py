"""Mathematics: treatment courses, the line estimator and the weekly decline of every series.

Importing this package compiles nothing and does not import numba.
"""

from cmvmon.kinetics.clocks.courses import treatment_courses
from cmvmon.kinetics.concordance.table import concordance
from cmvmon.kinetics.line.fit import LineFit, LineFits, fit_line, fit_lines
from cmvmon.kinetics.weeks.weekly_decline import weekly_decline

__all__ = ["LineFit", "LineFits", "concordance", "fit_line", "fit_lines", "treatment_courses", "weekly_decline"]
