"""Every kernel compiled and kept on disk, by one synthetic ward that goes through everything that fits."""

from __future__ import annotations

from datetime import timedelta

from cmvmon.assess import assess, next_samples
from cmvmon.domain.known import Known
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.kinetics.trajectory.fitted import drawn_from
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.simulate import ward
from cmvmon.simulate.ward import START
from cmvmon.workbench.demo import real_example

_PATIENTS, _DAYS, _SEED = 12, 35, 1


def warm_up() -> bool:
    """Goes through both methods, what pages draw, the next sample and one line per series.

    Afterwards no command of a site compiles, until cmvmon or numba changes. False where nothing can be kept on disk, so that each
    run compiles again.
    """
    made, protocol = ward(_PATIENTS, _DAYS, _SEED), Protocol.shipped()
    known = Known.of(
        {
            VIRAL_LOAD_RESULTS: made.viral_load_results,
            ANTIVIRAL_COURSES: made.antiviral_courses,
            ICU_STAYS: made.icu_stays,
        }
    )
    as_of = START + timedelta(days=_DAYS)
    for method in ("bank", "line"):
        assessment = assess(known, protocol=protocol, as_of=as_of, method=method, for_pages=True)
        next_samples(assessment, assessment.patients, protocol=protocol, as_of=as_of)
        given = assessment.kernel_input
        if given is not None and method == "bank":
            drawn_from(given.of(assessment.patients), protocol)
    real_example()
    from cmvmon.kinetics.bank.update import begin  # with numba, as everything above
    from cmvmon.kinetics.numerics.compiling import is_kept

    return is_kept(begin)
