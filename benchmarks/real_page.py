"""The text of docs/real_series.md around its tables: what was done, what was assumed, what it does not show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

COMMAND = "python -m benchmarks real --write"

_HEAD = """# Series that are not ours: real ones without a truth, and a published benchmark with one

Written by `{command}` on {day}; do not edit. Only relative figures mean something.
None of these series is CMV under treatment in two compartments: no public data of that kind exist. They test the
mathematics, and not what the shipped priors say of CMV.

## 1. Real series: fit to day 14, foretell the next result

**How.** Of each series the results of days 0 to 14 are used; the first one after day 14 (at most day 42) is foretold,
also where it is only a limit. Two-fold by patient: the other half teaches everything.

What each method learns from the other half, and its distribution of the next result:

- *Bank*: weights, means and covariances by EM, starting from the shipped plasma lines (which weigh as {shrink:g} series of
  their own); the noise by likelihood. The mixture after the last result, plus noise.
- *Line, same prior moments*: one straight line with the moments of (load at the anchor, mean decline to day 21) that the
  bank learned; its own noise by likelihood. The same, of one line.
- *Tobit line, no prior*: the noise that scores best there. Its line, with the covariance of the fit, plus noise; the last
  value where two times are lacking.
- *Last value*: the sd that scores best there. Normal around the last value, or limit.
- *Baseline to latest*: the sd that scores best there. Normal around the line through the first and the latest value, or
  limit.

Log score: log density (per log10) of a quantified result, log probability of a limit; higher is better. PIT: where the
result falls in the foretold distribution, drawn evenly below a limit (fixed seed); it should be even: as many in each
fifth. A standard error takes the results of one patient together; "bank minus it" is paired.

**Assumed.** ACTG 315 is HIV-1 RNA in copies/mL in adults under antiretrovirals, day 0 = start of treatment; values at or
below 100 copies/mL are taken as censored there (file: examples/actg315, MIT). The Uganda series are oral CMV in copies,
weekly swabs of *untreated* infants (file not shipped: no licence stated): no treatment starts, so an episode has to give
the anchor. *First positive*: a positive sample after two that were not detected. *Peak*: a sample of 4 log10 or more,
above the one before it and followed by a lower one within 14 days, so that nothing later than what is fitted makes it a
peak. Episodes begin at least 56 days apart. Not detected is censored at the lowest positive value (2.18 log10). Swabs
scatter more than plasma. Copies are not IU, and an infant's saliva is not a ward patient's blood.
"""

_NPDE = """## 2. A published benchmark with its truth: npde

50 simulated patients, six visits to day 168, complete, and censored at 20 and 50 copies/mL (files not shipped: GPL). Cells
are RMSE (bias). Loads in log10 copies/mL at each visit, given all of the patient's visible results; *slope*: decline per
week of the least-squares line through the six loads; *fall*: first minus last load per week; both x 100, against the same
of the complete series. "Read no lower than the limit": both sides raised to the limit of quantification, which is what an
assay can see. `n`: patients with a line. Priors and noise of bank and line, and the noise of the Tobit line, come from the
other half of the patients, as censored as what is judged; *learned from complete series* from their complete ones.
"""

_TAIL = """## What follows

- Where a load can be read, the bank is nearest: it may bend. Where it can't (below the limit, months later), the bank and
  every censored line go on falling at a rate that no result contradicts, and a load far below the limit is a guess. A
  substituted value stays near the limit by construction, and these patients do too: their second phase is slow. The
  posterior mean is the wrong number to show there; `weekly_decline` shows the status `suppressed` or `all_censored`, the
  interval, and never *not_met*.
- Its lines change slope in the first three weeks and not after: made for CMV on an ICU, watched for weeks. For months of
  biphasic decline the next step is a line with a late, slow second phase, whose decline is learned near zero.
- ACTG 315: 43 series are few, and each half learns from the other 20 or so. Where the next result lies above what was
  foretold, the fall slowed sooner than the lines had learned; the next step is the same.
- By no figure here is anything said of patients on an ICU.
"""


def page(real: Sequence[str], npde: Sequence[str], *, date: date, shrink: float = 5.0) -> str:
    """The page, its tables put in."""
    head = _HEAD.format(command=COMMAND, day=date.isoformat(), shrink=shrink)
    return "\n".join([head, *real, _NPDE, *npde, _TAIL])
