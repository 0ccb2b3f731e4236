"""A protocol with other priors than the ones it names: for one analysis, and never silent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cmvmon.domain.errors import SiteError
from cmvmon.protocol import Protocol, read_course_priors
from cmvmon.shell.files import read_bytes


def with_priors(protocol: Protocol, path: Path) -> Protocol:
    """The protocol with the priors of this file; `version_with_priors` then names both.

    Raises SiteError when the file can't be read or lacks a prior that the protocol uses, ProtocolError when it holds no
    priors.
    """
    if not path.is_file():
        raise SiteError(f"{path.name} is no file; name one that `cmvmon priors fit` wrote")
    try:
        text = read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise SiteError(f"{path.name} is not UTF-8 text; name a file that `cmvmon priors fit` wrote") from error
    priors = read_course_priors(text, name=path.name)
    named = protocol.course_priors
    if named is not None and priors.version == named.version and priors.lines != named.lines:
        raise SiteError(
            f"{path.name} says that it is {priors.version}, the priors in use, and holds other numbers; give it a version "
            "of its own"
        )
    lacking = [key for key in protocol.priors if key not in priors.lines]
    if lacking:
        raise SiteError(f"{path.name} has no lines for {', '.join(lacking)}, which the protocol uses")
    return replace(protocol, course_priors=priors)
