"""The coded reasons for answering an alert or setting it aside, with their words and their code in CDS Hooks."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from cmvmon.domain.errors import SiteError


@dataclass(frozen=True)
class Reason:
    """One reason. `coded` and `display`: of `system`, HL7's vocabulary of reasons for overriding a CDS Hooks card."""

    code: str
    system: str
    coded: str
    display: str
    words: Mapping[str, str]


@cache
def reasons() -> Mapping[str, Reason]:
    """Every reason by our code, as cmvmon/text/set_aside.toml lists them."""
    file = tomllib.loads(resources.files("cmvmon.text").joinpath("set_aside.toml").read_text(encoding="utf-8"))
    return {
        code: Reason(code, file["system"], row["coded"], row["display"], {name: row[name] for name in ("en", "nl")})
        for code, row in file["reasons"].items()
    }


def reason_of(code: str | None) -> Reason:
    """The reason of that code. Raises SiteError, with every code and what it means, where there is none; None = nobody gave one."""
    found = None if code is None else reasons().get(code)
    if found is None:
        listed = "; ".join(f"{one.code} ({one.words['en']})" for one in reasons().values())
        wrong = "say why, by --reason CODE" if not code else f"there is no reason {code!r}"
        raise SiteError(f"{wrong}; the reasons are: {listed}")
    return found


def override_reason(code: str, comment: str | None) -> dict[str, object]:
    """The same as `overrideReason` of a CDS Hooks feedback: the coding, and the free text beside it where there is any."""
    one = reason_of(code)
    coding = {"system": one.system, "code": one.coded, "display": one.display}
    return {"reason": coding} | ({"userComment": comment} if comment else {})
