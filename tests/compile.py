"""`python -m tests.compile`: compiles the kernels once, so that the processes that share the tests find them compiled."""

from __future__ import annotations

from cmvmon.assess import assess, next_samples
from cmvmon.shell.protocol_files import Protocol
from tests import patients

KNOWN = patients.known(
    "plasma d0 50000, d7 9000, d14 <35, d21 nd, d28 900; bal d0 80000, d7 20000, d14 9000, d21 <200",
    courses="ganciclovir d0-",
    stays="d-3- bal",
)


def main() -> None:
    """One patient through both methods, and the next sample."""
    protocol, as_of = Protocol.shipped(), patients.moment(29)
    for method in ("bank", "line"):
        assessment = assess(KNOWN, protocol=protocol, as_of=as_of, method=method)
        next_samples(assessment, [patients.PATIENT], protocol=protocol, as_of=as_of)


if __name__ == "__main__":
    main()
